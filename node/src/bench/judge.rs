//! `yichuan bench judge`: how many verdicts a second the judge gives, alone and on one core, with every rule pack of the
//! program: reports, replies to requests and feedback, in time and late, as `rules judge` is given them.

use relay::duty::{Calendars, Facts, RulePack, builtin, judge};
use serde::Serialize;

use super::machine;
use crate::clock::Clock;

/// What was measured.
#[derive(Debug, Serialize)]
pub struct JudgeFigures {
    cases: u64,
    verdicts: u64,
    seconds: f64,
    verdicts_per_s: f64,
    cases_per_s: f64,
    machine: std::collections::BTreeMap<&'static str, String>,
}

/// Judges so many cases.
pub fn run(cases: u64) -> JudgeFigures {
    let (packs, calendars, facts) = (builtin::packs(), builtin::calendars(), samples());
    let begun = Clock::instant();
    let verdicts =
        facts.iter().cycle().zip(0..cases).map(|(facts, _)| count(&packs, &calendars, facts)).sum();
    let seconds = begun.elapsed().as_secs_f64();
    JudgeFigures {
        cases,
        verdicts,
        seconds,
        verdicts_per_s: verdicts as f64 / seconds,
        cases_per_s: cases as f64 / seconds,
        machine: machine::describe(),
    }
}

fn count(packs: &[RulePack], calendars: &Calendars, facts: &Facts) -> u64 {
    judge(packs, calendars, facts).len() as u64
}

fn samples() -> Vec<Facts> {
    serde_json::from_str(include_str!("../../data/bench_facts.json")).expect("these facts are good")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sample_is_judged_by_some_rule() {
        for facts in samples() {
            assert!(count(&builtin::packs(), &builtin::calendars(), &facts) > 0, "{facts:?}");
        }
        assert_eq!(run(8).cases, 8);
    }
}
