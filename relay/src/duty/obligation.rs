//! Obligations (时限任务): what a case still owes and what it has met, read off the judge's findings. Several stages run
//! at once: a telephone call in 20 minutes and a paper in 40 are two.

use super::{
    event::Event,
    finding::{Cause, Finding, Verdict},
    interval::Interval,
    rule::{Channel, Force},
};
use crate::{message::word::words, timestamp::Timestamp};

words! {
    /// How an obligation stands.
    State, "state 状态" {
        Open = "open" "未完成",
        Met = "met" "已完成",
        Breached = "breached" "已超时",
    }
}

/// One stage of one rule for one case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Obligation {
    /// The rule's id.
    pub rule: String,
    /// The pack's name.
    pub pack: String,
    /// How strongly it binds.
    pub force: Force,
    /// By which way it is met.
    pub channel: Channel,
    /// The event at which its clock started.
    pub start_event: Event,
    /// When that was.
    pub start: Option<Interval>,
    /// The event that meets it.
    pub stop_event: Event,
    /// When it is due at the earliest; absent without a number.
    pub due: Option<Timestamp>,
    /// When it was met.
    pub met: Option<Interval>,
    /// How it stands: breached and met late is breached.
    pub state: State,
    /// Where a delay lies.
    pub cause: Option<Cause>,
}

/// The obligations of a case, those that are due first first; those without a number come last.
pub fn obligations(findings: &[Finding]) -> Vec<Obligation> {
    let mut obligations: Vec<Obligation> = findings.iter().map(obligation).collect();
    obligations.sort_by_key(|one| (one.due.is_none(), one.due));
    obligations
}

fn obligation(finding: &Finding) -> Obligation {
    let due = finding.due.as_ref().and_then(|due| due.earliest.or(due.latest));
    Obligation {
        rule: finding.rule.clone(),
        pack: finding.pack.clone(),
        force: finding.force,
        channel: finding.channel,
        start_event: finding.start_event,
        start: finding.start.clone(),
        stop_event: finding.stop_event,
        due,
        met: finding.met.clone(),
        state: state(finding),
        cause: finding.cause,
    }
}

fn state(finding: &Finding) -> State {
    match finding.verdict {
        Verdict::Late => State::Breached,
        Verdict::Refused => State::Open,
        Verdict::OnTime => State::Met,
        Verdict::Undecidable | Verdict::Pending | Verdict::NoLimit if finding.met.is_some() => State::Met,
        Verdict::Undecidable | Verdict::Pending | Verdict::NoLimit => State::Open,
    }
}

impl Obligation {
    /// The instant at which this share of the time has passed, in percent: 50 and 80 warn, 100 is the breach. Nothing
    /// without a number, or when the start is not known.
    pub fn share_at(&self, percent: u8) -> Option<Timestamp> {
        let start = self.start.as_ref()?.shown()?.as_ms();
        let span = i128::from(self.due?.as_ms()) - i128::from(start);
        let passed = i64::try_from(span * i128::from(percent) / 100).ok()?;
        Some(Timestamp::from_ms(start.saturating_add(passed)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::duty::{beijing, builtin, facts::Facts, judge};

    fn facts(json: &str) -> Facts {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn two_stages_run_at_once_and_the_call_is_due_first() {
        let packs = [builtin::pack("henan-2021").unwrap()];
        let facts = facts(
            r#"{"kind":"report.first","severity":[{"value":"重大"}],"occurred_at":[{"value":"2026-03-01T10:00:00+08:00"}],
                "phone_completed_at":"2026-03-01T10:15:00+08:00","now":"2026-03-01T10:30:00+08:00"}"#,
        );
        let found = obligations(&judge(&packs, &builtin::calendars(), &facts));
        let told: Vec<_> = found.iter().map(|one| (one.rule.as_str(), one.state)).collect();
        assert_eq!(told, [("hn.report.l12.phone", State::Met), ("hn.report.l12.written", State::Open)]);
        let at = |percent| found[1].share_at(percent).map(beijing::rfc3339);
        assert_eq!(at(50).as_deref(), Some("2026-03-01T10:20:00+08:00"));
        assert_eq!(at(80).as_deref(), Some("2026-03-01T10:32:00+08:00"));
        assert_eq!(at(100).as_deref(), Some("2026-03-01T10:40:00+08:00"));
    }
}
