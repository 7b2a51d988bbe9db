//! Late sending (迟报): whether a limit for a report has passed before it is sent. The reason is asked for once; nothing
//! waits for it.

use relay::{
    duty::{
        Facts, Finding, Verdict,
        case::issuer_of,
        condition::Trait,
        event::RuleKind,
        facts::Stated,
        judge,
        pack::RulePack,
        rule::{Channel, Force},
    },
    message::{field::Severity, report::Report},
    timestamp::Timestamp,
};
use topology::{Map, RoomId};

use crate::trust::Trust;

/// The first binding rule towards one of these rooms whose limit has passed before this report leaves.
pub fn passed_limit(trust: &Trust, report: &Report, to: &[RoomId], now: Timestamp) -> Option<Finding> {
    let facts = facts(report, now)?;
    let packs: Vec<RulePack> =
        trust.rules.packs().iter().filter(|pack| binds(pack, &trust.map, to)).cloned().collect();
    let is_passed = |finding: &Finding| {
        finding.verdict == Verdict::Late
            && finding.channel != Channel::Phone
            && matches!(finding.force, Force::Must | Force::Strive)
    };
    judge(&packs, trust.rules.calendars(), &facts).into_iter().find(is_passed)
}

/// What a report says before it has left; nothing while nobody knows when it happened.
pub(super) fn facts(report: &Report, now: Timestamp) -> Option<Facts> {
    let occurred = report.occurred_at?.at()?;
    Some(Facts {
        kind: Some(RuleKind::ReportFirst),
        severity: vec![Stated { at: None, value: report.severity.unwrap_or(Severity::Undetermined) }],
        occurred_at: vec![Stated { at: None, value: Timestamp::from_ms(occurred.as_ms()) }],
        traits: [(Trait::Sensitive, vec![report.sensitive.to_string()])].into(),
        now: Some(now),
        ..Facts::default()
    })
}

/// A pack binds towards the room of its division; national law towards every room.
pub(super) fn binds(pack: &RulePack, map: &Map, to: &[RoomId]) -> bool {
    match pack.issuer.as_deref() {
        None | Some("000000") => true,
        Some(_) => issuer_of(pack, map).is_some_and(|room| to.contains(&room)),
    }
}
