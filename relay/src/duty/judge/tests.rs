//! What no vector can show: that nothing panics, that verdicts keep their order in time, and why a rule was set aside.

use proptest::prelude::*;

use super::*;
use crate::{
    duty::{
        builtin,
        condition::Trait,
        facts::{Outage, RecordedBy, Stated},
    },
    message::field::Severity,
};

fn any_instant() -> impl Strategy<Value = Timestamp> {
    let edges = prop_oneof![Just(i64::MIN), Just(i64::MAX), Just(0), any::<i64>()];
    // Half of them near the years that calendars know.
    prop_oneof![edges, 1_600_000_000_000i64..1_800_000_000_000].prop_map(Timestamp::from_ms)
}

fn any_interval() -> impl Strategy<Value = Interval> {
    (proptest::option::of(any_instant()), proptest::option::of(any_instant()))
        .prop_map(|(earliest, latest)| Interval { earliest, latest, missing: None })
}

fn any_facts() -> impl Strategy<Value = Facts> {
    let moments = proptest::collection::btree_map(
        proptest::sample::select(Mark::ALL),
        any_interval(),
        0..Mark::ALL.len(),
    );
    let statement =
        (proptest::option::of(any_instant()), any_instant()).prop_map(|(at, value)| Stated { at, value });
    let severity = (proptest::option::of(any_instant()), proptest::sample::select(Severity::ALL))
        .prop_map(|(at, value)| Stated { at, value });
    let outage =
        (any_instant(), proptest::option::of(any_instant()), proptest::sample::select(RecordedBy::ALL))
            .prop_map(|(from, to, recorded_by)| Outage { from, to, recorded_by });
    (
        proptest::option::of(proptest::sample::select(RuleKind::ALL)),
        proptest::collection::vec(statement, 0..3),
        proptest::collection::vec(severity, 0..3),
        moments,
        proptest::collection::vec(outage, 0..3),
        proptest::option::of(any_instant()),
        any::<bool>(),
    )
        .prop_map(|(kind, occurred_at, severity, moments, link_down, now, flag)| Facts {
            kind,
            severity,
            occurred_at,
            moments,
            traits: [
                (Trait::Sensitive, vec![flag.to_string()]),
                (Trait::LeavesProvince, vec![flag.to_string()]),
            ]
            .into(),
            link_down,
            now,
            ..Facts::default()
        })
}

proptest! {
    #[test]
    fn no_facts_make_the_judge_panic(facts in any_facts()) {
        let judgement = consider(&builtin::packs(), &builtin::calendars(), &facts);
        let rules: usize = builtin::packs().iter().map(|pack| pack.rules.len()).sum();
        prop_assert_eq!(judgement.findings.len() + judgement.set_aside.len(), rules);
        for finding in &judgement.findings {
            prop_assert!(serde_json::to_string(finding).is_ok());
            prop_assert!(finding.verdict != Verdict::OnTime || finding.cause.is_none());
            prop_assert!(finding.verdict != Verdict::Late || finding.cause.is_some());
        }
    }

    #[test]
    fn a_wider_interval_never_turns_a_verdict_into_its_opposite(
        stop in -100i64..100, due in -100i64..100, wide in 0i64..50,
    ) {
        let at = Timestamp::from_ms;
        let due = Interval::point(at(due));
        let narrow = compare::verdict(Some(&Interval::point(at(stop))), &due, None);
        let wide = compare::verdict(Some(&Interval::around(at(stop), wide)), &due, None);
        prop_assert!(wide == narrow || wide == Verdict::Undecidable);
    }
}

fn reason(facts: &Facts, rule: &str) -> Option<Reason> {
    let judgement = consider(&builtin::packs(), &builtin::calendars(), facts);
    judgement.set_aside.into_iter().find(|one| one.rule == rule).map(|one| one.reason)
}

#[test]
fn every_rule_that_does_not_apply_says_why() {
    let at = |text| Stated { at: None, value: crate::duty::beijing::parse(text).unwrap() };
    let facts = Facts {
        kind: Some(RuleKind::ReportFirst),
        severity: vec![Stated { at: None, value: Severity::Serious }],
        occurred_at: vec![at("2020-03-02T10:00:00+08:00")],
        ..Facts::default()
    };
    let begins = builtin::pack("henan-2021").unwrap().effective_at;
    assert_eq!(reason(&facts, "hn.report.l3"), Some(Reason::NotYetEffective { effective_at: begins }));
    assert_eq!(reason(&facts, "hn.verify.phone"), Some(Reason::OtherKind { kind: RuleKind::VerifyReply }));
    assert_eq!(reason(&facts, "sx.report.grave.phone"), Some(Reason::Condition { name: Trait::Severity }));
    assert_eq!(reason(&facts, "sx.report.any"), None);
    let silent = Facts { kind: Some(RuleKind::VerifyReply), ..Facts::default() };
    assert_eq!(reason(&silent, "hn.verify.phone"), Some(Reason::NotStarted { event: Event::NoticeReceived }));
}

#[test]
fn facts_from_typed_intervals_are_judged_like_those_of_a_file() {
    let at = |text| crate::duty::beijing::parse(text).unwrap();
    let facts = Facts {
        kind: Some(RuleKind::ReportFirst),
        severity: vec![Stated { at: None, value: Severity::Serious }],
        occurred_at: vec![Stated { at: None, value: at("2026-03-02T10:00:00+08:00") }],
        moments: [(
            Mark::DeliveredAt,
            Interval {
                earliest: Some(at("2026-03-02T10:30:00+08:00")),
                latest: None,
                missing: Some("dated head of 410000".to_owned()),
            },
        )]
        .into(),
        ..Facts::default()
    };
    let found = judge(&[builtin::pack("henan-2021").unwrap()], &builtin::calendars(), &facts);
    assert_eq!(found[0].verdict, Verdict::Undecidable);
    let flags: Vec<String> = found[0].flags.iter().map(ToString::to_string).collect();
    assert!(flags.contains(&"missing_witness:dated head of 410000".to_owned()), "{flags:?}");
}
