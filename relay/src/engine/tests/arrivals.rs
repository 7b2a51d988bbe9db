//! An envelope comes for the first time: custody, delivery, a signed refusal, or not taken.

use topology::{Flow, Precedence, RoomId};

use super::{
    office::Office,
    rooms::{A, B, C, D, Draft, E, P, at},
    tale::{said, tale},
};
use crate::{
    limits::LIFETIME_MAX,
    refusal::Refusal,
    step::{Arrival, Input, Opened, StorageLevel},
};

fn down(to: &[RoomId]) -> Draft {
    Draft::new(P, to, 1).flowing(Flow::Down)
}

#[test]
fn a_hub_takes_custody_for_each_recipient_and_splits_by_branch() {
    let mut office = Office::new(A);
    office.link_up(P);
    office.link_up(C);
    office.link_up(D);
    assert_eq!(
        tale(&office.arrival(P, &down(&[C, E, D]), &[C, D])),
        [
            "store envelope for C D",
            "receipt custody by A for C, outbox P 1",
            "receipt custody by A for D, outbox P 2",
            "record: C sent to C, D sent to D",
            "to P: 1 receipts from 1",
            "to P: 1 receipts from 2",
            "to C: routine envelope for C",
            "to D: routine envelope for D",
        ]
    );
}

#[test]
fn a_target_opens_stores_and_signs_that_it_was_delivered() {
    let mut office = Office::new(P);
    office.link_up(A);
    assert_eq!(
        tale(&office.arrival(A, &Draft::new(C, &[P], 1), &[P])),
        [
            "store envelope for P",
            "store content key",
            "inbox nr 1",
            "receipt delivered by P for P, outbox A 1",
            "record: P here",
            "to A: 1 receipts from 1",
            "notice: routine delivered",
        ]
    );
}

#[test]
fn a_target_that_is_also_a_hub_does_both() {
    let mut office = Office::new(A);
    office.link_up(C);
    assert_eq!(
        tale(&office.arrival(C, &Draft::new(C, &[A, P], 1), &[A, P])),
        [
            "store envelope for A P",
            "store content key",
            "inbox nr 1",
            "receipt delivered by A for A, outbox C 1",
            "receipt custody by A for P, outbox C 2",
            "queue for P",
            "record: A here, P waits for P",
            "to C: 1 receipts from 1",
            "notice: routine delivered",
            "to C: 1 receipts from 2",
        ]
    );
}

#[test]
fn what_the_policy_forbids_is_refused_with_signed_evidence() {
    let mut office = Office::new(A);
    office.link_up(C);
    office.link_up(D);
    assert_eq!(
        tale(&office.arrival(C, &Draft::new(C, &[D], 1), &[D])),
        [
            "store envelope for D",
            "receipt refused by A for D because policy.flow.up.not_superior, outbox C 1",
            "record: D refused",
            "to C: 1 receipts from 1",
        ]
    );
    let allowed = Draft::new(C, &[D], 2).flowing(Flow::Lateral);
    office.arrival(C, &allowed, &[D]);
    assert_eq!(office.state(&allowed), "D sent to D");
}

#[test]
fn an_unknown_recipient_and_one_that_is_behind_the_sender_fail_with_signed_evidence() {
    let nobody = RoomId::from_bytes([9; 16]);
    let mut office = Office::new(A);
    let step = office.arrival(C, &Draft::new(C, &[nobody], 1), &[nobody]);
    assert_eq!(tale(&step)[1], "receipt failed by A for ? because unknown_recipient, outbox C 1");
    let back = Draft::new(E, &[B], 2);
    let mut province = Office::new(P);
    let step = province.arrival(B, &back, &[B]);
    assert_eq!(tale(&step)[1], "receipt failed by P for B because no_route, outbox B 1");
}

#[test]
fn what_is_not_the_neighbours_to_hand_over_is_not_taken_and_leaves_no_trace() {
    let foreign_origin = Draft::new(D, &[P], 1);
    let stray = Draft::new(P, &[E], 1).flowing(Flow::Down);
    let no_neighbour = Draft::new(E, &[P], 1);
    let cases = [
        (C, foreign_origin, [P], "to C: not taken, policy.hop.child.foreign_origin"),
        (P, stray, [E], "to P: not taken, policy.hop.parent.foreign_recipient"),
        (E, no_neighbour, [P], "to E: not taken, policy.hop.no_neighbour"),
    ];
    for (from, draft, recipients, expected) in cases {
        let mut office = Office::new(A);
        assert_eq!(tale(&office.arrival(from, &draft, &recipients)), [expected]);
        assert!(office.shelves.records.is_empty() && office.shelves.envelopes.is_empty());
    }
}

#[test]
fn what_time_may_heal_is_not_taken_for_now_and_leaves_no_trace() {
    let good = Draft::new(C, &[P], 1);
    let newer = Draft { map_version: 2, ..good.clone() };
    let nobody = RoomId::from_bytes([9; 16]);
    // The hour of its life ends five minutes later than anything that is made now may live.
    let month_ahead = i64::try_from(LIFETIME_MAX.as_millis()).unwrap() - good.lives_ms + 300_000;
    let cases = [
        (Draft { created_at: at(month_ahead + 1), ..good.clone() }, P, Some("clock_ahead")),
        (Draft { created_at: at(month_ahead), ..good.clone() }, P, None),
        (Draft { to: vec![nobody], ..newer.clone() }, nobody, Some("newer_map")),
        (Draft { to: vec![D], ..newer.clone() }, D, Some("newer_map")),
        (newer, P, None),
    ];
    for (draft, recipient, expected) in cases {
        let mut office = Office::new(A);
        let step = office.arrival(C, &draft, &[recipient]);
        match expected {
            Some(code) => {
                assert_eq!(tale(&step), [format!("to C: not taken, {code}")]);
                assert!(office.shelves.records.is_empty());
            }
            None => assert!(office.record(&draft).is_some(), "{draft:?}"),
        }
    }
}

#[test]
fn a_neighbour_that_hands_over_what_only_a_newer_plan_allows_is_asked_to_wait() {
    let draft = Draft { map_version: 2, ..Draft::new(D, &[P], 1) };
    assert_eq!(tale(&Office::new(A).arrival(C, &draft, &[P])), ["to C: not taken, newer_map"]);
}

#[test]
fn what_leads_only_back_may_lead_on_by_a_newer_plan() {
    let draft = Draft { map_version: 2, ..Draft::new(E, &[B], 1) };
    let mut office = Office::new(P);
    assert_eq!(tale(&office.arrival(B, &draft, &[B])), ["to B: not taken, newer_map"]);
    assert!(office.shelves.records.is_empty());
}

#[test]
fn a_disk_that_fills_takes_only_the_urgent() {
    let mut office = Office::new(A);
    office.turn(Input::Storage(StorageLevel::Critical), at(0));
    let urgent = Draft::new(C, &[P], 1).with(Precedence::Flash);
    let routine = Draft::new(C, &[P], 2);
    office.arrival(C, &urgent, &[P]);
    assert_eq!(tale(&office.arrival(C, &routine, &[P])), ["to C: not taken, storage_low"]);
    assert_eq!(office.state(&urgent), "P waits for P");
    office.turn(Input::Storage(StorageLevel::Normal), at(0));
    office.arrival(C, &routine, &[P]);
    assert_eq!(office.state(&routine), "P waits for P");
}

#[test]
fn a_target_never_delivers_after_the_expiry() {
    let draft = Draft::new(C, &[P], 1);
    let mut in_time = Office::new(P);
    in_time.arrival_at(A, &draft, &[P], at(3_599_999));
    assert_eq!(in_time.state(&draft), "P here");
    let mut late = Office::new(P);
    let step = late.arrival_at(A, &draft, &[P], at(3_600_000));
    assert_eq!(tale(&step)[1], "receipt expired by P for P because expired, outbox A 1");
    assert!(late.shelves.inbox.is_empty() && late.shelves.content_keys.is_empty());
}

#[test]
fn a_target_whose_clock_nobody_has_confirmed_neither_delivers_nor_expires_what_seems_late() {
    let draft = Draft::new(P, &[C], 1).flowing(Flow::Down);
    let mut office = Office::new(C);
    office.turn(Input::Clock(None), at(0));
    let step = office.arrival_at(A, &draft, &[C], at(3_600_000));
    assert_eq!(tale(&step), ["to A: not taken, clock_untrusted"]);
    assert!(office.shelves.records.is_empty());
    office.arrival_at(A, &draft, &[C], at(3_599_999));
    assert_eq!(office.state(&draft), "C here");
}

#[test]
fn what_the_target_cannot_open_is_refused_for_ever_or_for_now() {
    let draft = Draft::new(C, &[P], 1);
    let arrive = |refusal: Refusal| {
        let mut office = Office::new(P);
        let opened = Opened::Refused(refusal);
        let arrival = Arrival { from: A, envelope: draft.branch(&[P]), opened };
        let step = office.turn(Input::Arrived(Box::new(arrival)), at(0));
        assert!(office.shelves.inbox.is_empty() && office.shelves.content_keys.is_empty());
        step
    };
    assert_eq!(
        tale(&arrive(Refusal::CannotOpen)),
        [
            "store envelope for P",
            "receipt refused by P for P because cannot_open, outbox A 1",
            "record: P refused"
        ]
    );
    assert_eq!(said(&arrive(Refusal::UnknownKey)), ["to A: not taken, unknown_key"]);
}
