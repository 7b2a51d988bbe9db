//! A message of this room: stored, numbered, receipted and on its way in one step, or refused with a reason.

use topology::{Flow, Precedence, RoomId};

use super::{
    office::{Office, replied},
    rooms::{A, B, C, D, Draft, E, P, at, epoch, name},
    tale::tale,
};
use crate::{
    limits::LIFETIME_MAX,
    step::{Input, Reply, StorageLevel, Submission},
};

#[test]
fn with_an_open_link_it_is_stored_receipted_and_sent_in_one_step() {
    let mut office = Office::new(C);
    office.link_up(A);
    let step = office.submit(&Draft::new(C, &[A, P], 1));
    assert_eq!(
        tale(&step),
        [
            "store envelope for A P",
            "receipt accepted by C for A",
            "receipt accepted by C for P",
            "record: A sent to A, P sent to A",
            "to A: routine envelope for A P",
            "reply accepted",
        ]
    );
}

#[test]
fn without_a_link_it_waits_and_goes_when_the_link_is_up() {
    let mut office = Office::new(C);
    let draft = Draft::new(C, &[P], 1);
    assert_eq!(
        tale(&office.submit(&draft)),
        [
            "store envelope for P",
            "receipt accepted by C for P",
            "queue for A",
            "record: P waits for A",
            "reply accepted"
        ]
    );
    assert_eq!(
        tale(&office.link_up(A)),
        [
            "leave queue for A",
            "record: P sent to A",
            "to A: routine envelope for P",
            "read 64 routine of queue for A",
        ]
    );
    assert!(office.shelves.queue.is_empty());
}

#[test]
fn each_way_gets_its_own_branch() {
    let mut office = Office::new(P);
    office.link_up(A);
    let step = office.submit(&Draft::new(P, &[C, E, D], 1).flowing(Flow::Down));
    assert_eq!(
        tale(&step)[4..],
        [
            "queue for B",
            "record: C sent to A, E waits for B, D sent to A",
            "to A: routine envelope for C D",
            "reply accepted",
        ]
    );
}

#[test]
fn numbers_count_up_without_gap_for_each_recipient() {
    let mut office = Office::new(C);
    for (number, to) in [(1, vec![A, P]), (2, vec![P]), (3, vec![A, P])] {
        office.submit(&Draft::new(C, &to, number));
    }
    let numbers: Vec<Vec<(&str, u64)>> = office
        .shelves
        .records
        .values()
        .map(|record| record.deliveries.iter().map(|d| (name(d.recipient), d.nr)).collect())
        .collect();
    assert_eq!(numbers, [vec![("A", 1), ("P", 1)], vec![("P", 2)], vec![("A", 2), ("P", 3)]]);
}

#[test]
fn what_is_refused_uses_up_no_number_and_stores_nothing() {
    let mut office = Office::new(C);
    assert_eq!(tale(&office.submit(&Draft::new(C, &[B], 1))), ["reply refused, policy.flow.up.not_superior"]);
    assert!(office.shelves.records.is_empty());
    office.submit(&Draft::new(C, &[P], 2));
    assert_eq!(office.shelves.records.values().next().unwrap().deliveries[0].nr, 1);
}

#[test]
fn every_submission_that_cannot_arrive_is_refused_with_its_reason() {
    let good = Draft::new(C, &[P], 1);
    let nobody = RoomId::from_bytes([9; 16]);
    let too_long = i64::try_from(LIFETIME_MAX.as_millis()).unwrap() + 1;
    let cases: [(Draft, &str); 7] = [
        (good.clone(), "accepted"),
        (Draft { to: vec![nobody], ..good.clone() }, "unknown_recipient"),
        (Draft { to: vec![], ..good.clone() }, "unfit"),
        (Draft { to: vec![P, P], ..good.clone() }, "unfit"),
        (Draft { to: vec![C], ..good.clone() }, "policy.flow.oneself"),
        (Draft { lives_ms: 0, ..good.clone() }, "unfit"),
        (Draft { lives_ms: too_long, ..good.clone() }, "unfit"),
    ];
    for (draft, expected) in cases {
        let step = Office::new(C).submit(&draft);
        let got = match replied(&step) {
            Some(Reply::Refused(refusal)) => refusal.code(),
            Some(Reply::Accepted { .. }) => "accepted".to_owned(),
            other => format!("{other:?}"),
        };
        assert_eq!(got, expected, "{draft:?}");
    }
}

#[test]
fn a_message_of_another_origin_network_or_with_a_changed_route_is_not_signed() {
    let good = || Draft::new(C, &[P], 1).submission();
    let submit = |change: &dyn Fn(&mut Submission)| {
        let mut submission = good();
        change(&mut submission);
        tale(&Office::new(C).turn(Input::Submit(Box::new(submission)), at(0))).pop().unwrap()
    };
    assert_eq!(submit(&|_| {}), "reply accepted");
    let resealed = |submission: &mut Submission| {
        submission.sealed.route_bytes = certs::cbor::encode(&submission.sealed.route);
    };
    assert_eq!(
        submit(&|s| {
            s.sealed.route.origin = D;
            resealed(s);
        }),
        "reply refused, unfit"
    );
    assert_eq!(
        submit(&|s| {
            s.sealed.route.network = "hebei".into();
            resealed(s);
        }),
        "reply refused, unfit"
    );
    assert_eq!(submit(&|s| s.sealed.route.tick = Some(foreign_tick())), "reply refused, unfit");
}

#[test]
fn a_message_that_was_sealed_before_a_restart_must_be_sealed_again() {
    let draft = Draft { epoch: epoch(9), ..Draft::new(C, &[P], 1) };
    assert_eq!(tale(&Office::new(C).submit(&draft)), ["reply other epoch"]);
}

#[test]
fn a_message_that_has_expired_before_it_is_sent_is_refused() {
    let draft = Draft::new(C, &[P], 1);
    let late = at(draft.lives_ms);
    let step = Office::new(C).turn(Input::Submit(Box::new(draft.submission())), late);
    assert_eq!(tale(&step), ["reply refused, expired"]);
}

#[test]
fn the_last_space_is_for_what_is_urgent() {
    let levels = [
        (StorageLevel::Normal, [true, true, true, true]),
        (StorageLevel::Low, [true, true, true, false]),
        (StorageLevel::Critical, [true, false, false, false]),
    ];
    for (level, expected) in levels {
        let mut office = Office::new(C);
        office.turn(Input::Storage(level), at(0));
        let taken = Precedence::ALL.map(|precedence| {
            let number = u8::try_from(precedence.index()).unwrap();
            let step = office.submit(&Draft::new(C, &[P], number).with(precedence));
            matches!(replied(&step), Some(Reply::Accepted { .. }))
        });
        assert_eq!(taken, expected, "{level:?}");
    }
}

fn foreign_tick() -> crate::tick::TickRef {
    crate::tick::TickRef { at: at(0), digest: certs::signature::digest(b"a tick") }
}
