//! When a step of a timer is due, as literal lists.

use super::*;
use crate::duty::{builtin, facts::Facts, judge, obligation::obligations};

/// Due 10:40, a call in 20 minutes of 10:20 having been made or not.
const START_MS: i64 = 1_772_330_400_000;
const MINUTE_MS: i64 = 60_000;

fn at(minutes: i64) -> Timestamp {
    Timestamp::from_ms(START_MS + minutes * MINUTE_MS)
}

/// A 重大 event at 10:00 in Henan: a call within 20 minutes, a paper within 40.
fn written(delivered: &str) -> Obligation {
    let facts = format!(
        r#"{{"kind":"report.first","severity":[{{"value":"重大"}}],
            "occurred_at":[{{"value":"2026-03-01T10:00:00+08:00"}}],{delivered}"now":"2026-03-01T10:05:00+08:00"}}"#
    );
    let facts: Facts = serde_json::from_str(&facts).unwrap();
    let packs = [builtin::pack("henan-2021").unwrap()];
    let found = obligations(&judge(&packs, &builtin::calendars(), &facts));
    found.into_iter().find(|one| one.rule == "hn.report.l12.written").unwrap()
}

const DELAYS: Delays = Delays { leader: Duration::from_secs(600), parent: Duration::from_secs(1_800) };

fn watched<'a>(obligation: &'a Obligation, taken: &'a [Taken]) -> Watched<'a> {
    Watched { obligation, taken, known_since: at(0), is_own: true, has_parent: true }
}

fn due_at(watched: Watched<'_>, minutes: i64) -> (Vec<Stage>, Option<i64>) {
    let plan = watched.plan(DELAYS, at(minutes));
    let next = plan.next.map(|next| (next.as_ms() - START_MS) / MINUTE_MS);
    (plan.steps.iter().map(|step| step.stage).collect(), next)
}

fn taken(stages: &[Stage], due_minutes: i64) -> Vec<Taken> {
    stages.iter().map(|stage| Taken { stage: *stage, due: at(due_minutes) }).collect()
}

#[test]
fn the_steps_of_a_paper_that_never_comes_are_these_and_each_is_due_once() {
    use Stage::{Breach, Half, Leader, Most, Parent};
    let owed = written("");
    assert_eq!(owed.due, Some(at(40)));
    let mut done: Vec<Taken> = Vec::new();
    let mut told = Vec::new();
    for minutes in 0..=90 {
        let plan = watched(&owed, &done).plan(DELAYS, at(minutes));
        told.extend(plan.steps.iter().map(|step| (minutes, step.stage)));
        done.extend(plan.steps.iter().map(|step| Taken { stage: step.stage, due: at(40) }));
    }
    assert_eq!(told, [(20, Half), (32, Most), (41, Breach), (50, Leader), (70, Parent)]);
}

#[test]
fn a_look_says_when_the_next_one_is_worth_while() {
    let owed = written("");
    assert_eq!(due_at(watched(&owed, &[]), 5), (vec![], Some(20)));
    assert_eq!(due_at(watched(&owed, &taken(&[Stage::Half], 40)), 20), (vec![], Some(32)));
    // At the due time itself nothing is late.
    assert_eq!(due_at(watched(&owed, &taken(&[Stage::Most], 40)), 40), (vec![], Some(40)));
    let all = taken(&[Stage::Breach, Stage::Leader, Stage::Parent], 40);
    assert_eq!(due_at(watched(&owed, &all), 99), (vec![], None));
}

#[test]
fn of_what_passed_while_nobody_looked_only_the_newest_share_is_taken_and_where_it_goes() {
    let owed = written("");
    assert_eq!(due_at(watched(&owed, &[]), 35).0, [Stage::Most]);
    let plan = watched(&owed, &taken(&[Stage::Half], 40)).plan(DELAYS, at(200));
    let steps: Vec<_> = plan.steps.iter().map(|step| (step.stage, step.passed_at)).collect();
    let breach = at(40).after(Duration::from_millis(1));
    assert_eq!(steps, [(Stage::Breach, breach), (Stage::Leader, at(50)), (Stage::Parent, at(70))]);
}

#[test]
fn what_is_met_or_has_no_number_is_left_alone() {
    let met = written(r#""sent_at":"2026-03-01T10:04:00+08:00","delivered_at":"2026-03-01T10:04:10+08:00","#);
    assert_eq!(due_at(watched(&met, &[]), 60), (vec![], None));
    let endless = Obligation { due: None, ..written("") };
    assert_eq!(due_at(watched(&endless, &[]), 60), (vec![], None));
}

#[test]
fn a_due_time_that_moves_has_steps_of_its_own_and_one_that_is_narrowed_has_not() {
    let owed = written("");
    let before = taken(&[Stage::Breach, Stage::Leader, Stage::Parent], 35);
    assert_eq!(due_at(watched(&owed, &before), 41).0, [Stage::Breach]);
    let seconds =
        |due: i64| vec![Taken { stage: Stage::Half, due: Timestamp::from_ms(at(40).as_ms() + due * 1_000) }];
    assert_eq!(due_at(watched(&owed, &seconds(59)), 21).0, []);
    assert_eq!(due_at(watched(&owed, &seconds(-59)), 21).0, []);
    assert_eq!(due_at(watched(&owed, &seconds(60)), 21).0, [Stage::Half]);
}

#[test]
fn what_others_owe_and_what_only_should_be_goes_to_nobody_above() {
    let owed = written("");
    let shares = taken(&[Stage::Breach], 40);
    let others = Watched { is_own: false, ..watched(&owed, &shares) };
    assert_eq!(due_at(others, 99), (vec![], None));
    let root = Watched { has_parent: false, ..watched(&owed, &shares) };
    assert_eq!(due_at(root, 99).0, [Stage::Leader]);
    let strive = Obligation { force: Force::Strive, ..owed };
    assert_eq!(due_at(watched(&strive, &shares), 99).0, [Stage::Leader]);
}

#[test]
fn a_room_that_learned_late_has_the_time_to_act_before_it_goes_further() {
    let owed = written("");
    let learned = Watched { known_since: at(100), ..watched(&owed, &[]) };
    assert_eq!(due_at(learned, 100), (vec![Stage::Breach], Some(110)));
}

#[test]
fn the_alarm_rings_once_for_a_breach_of_ones_own_that_nobody_has_noticed() {
    let owed = written("");
    let wants = |stages: &[Stage]| watched(&owed, &taken(stages, 40)).wants_bell();
    assert!(!wants(&[]) && !wants(&[Stage::Half, Stage::Most]));
    assert!(wants(&[Stage::Breach]) && wants(&[Stage::Breach, Stage::Leader, Stage::Parent]));
    assert!(!wants(&[Stage::Breach, Stage::Rung]) && !wants(&[Stage::Breach, Stage::Acknowledged]));
    let before = taken(&[Stage::Breach, Stage::Rung], 20);
    assert!(!watched(&owed, &before).wants_bell(), "another due time is not breached yet");
    let breached = taken(&[Stage::Breach], 40);
    let theirs = Watched { is_own: false, ..watched(&owed, &breached) };
    assert!(!theirs.wants_bell(), "what others owe is shown and rings nowhere");
    let met = written(r#""delivered_at":"2026-03-01T10:45:00+08:00","#);
    assert!(!watched(&met, &breached).wants_bell());
    let rung = taken(&[Stage::Breach, Stage::Rung], 40);
    assert_eq!(
        watched(&owed, &rung).reached(),
        Some((Stage::Breach, false)),
        "it is not acknowledged by that"
    );
    assert_eq!(due_at(watched(&owed, &rung), 99).0, [Stage::Leader, Stage::Parent]);
}

#[test]
fn an_officer_who_takes_notice_keeps_it_from_the_leader_and_not_from_the_room_above() {
    let owed = written("");
    let seen = taken(&[Stage::Breach, Stage::Acknowledged], 40);
    assert_eq!(due_at(watched(&owed, &seen), 99).0, [Stage::Parent]);
    assert_eq!(watched(&owed, &seen).reached(), Some((Stage::Breach, true)));
    assert_eq!(watched(&owed, &taken(&[Stage::Half], 40)).reached(), Some((Stage::Half, false)));
    assert_eq!(watched(&owed, &[]).reached(), None);
}
