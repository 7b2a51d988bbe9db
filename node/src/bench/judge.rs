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
    FACTS.iter().map(|text| serde_json::from_str(text).expect("these facts are good")).collect()
}

const FACTS: [&str; 4] = [
    r#"{"kind":"report.first","severity":[{"value":"重大"}],"occurred_at":[{"value":"2026-03-02T10:00:00+08:00"}],
        "phone_completed_at":"2026-03-02T10:20:00+08:00","delivered_at":"2026-03-02T10:40:00+08:00"}"#,
    r#"{"kind":"report.first","severity":[{"value":"待定"},{"at":"2026-03-02T11:00:00+08:00","value":"较大"}],
        "occurred_at":[{"value":"2026-03-02T10:00:00+08:00"}],"sent_at":"2026-03-02T12:05:00+08:00",
        "delivered_at":"2026-03-02T12:10:00+08:00","clock_uncertainty_ms":5000,"link_down":[{"from":
        "2026-03-02T10:10:00+08:00","to":"2026-03-02T12:00:00+08:00","recorded_by":"parent"}]}"#,
    r#"{"kind":"verify.reply","written_required":true,"request_delivered_at":"2026-03-02T08:00:00+08:00",
        "reply_phone_at":"2026-03-02T08:19:00+08:00","reply_delivered_at":"2026-03-02T09:10:00+08:00"}"#,
    r#"{"kind":"instruction.feedback","instruction_received_at":"2026-03-02T16:00:00+08:00",
        "now":"2026-03-03T16:00:00+08:00"}"#,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sample_is_judged_by_some_rule() {
        for (facts, text) in samples().iter().zip(FACTS) {
            assert!(count(&builtin::packs(), &builtin::calendars(), facts) > 0, "{text}");
        }
        assert_eq!(run(8).cases, 8);
    }
}
