//! Time runs out: expired where it was never transmitted, unconfirmed where it was, and nothing on a clock that
//! nobody has confirmed.

use topology::{Flow, Precedence};

use super::{
    office::Office,
    rooms::{A, C, Draft, F, NOW, P, at},
    tale::tale,
};
use crate::{
    limits::DUPLICATES_KEPT,
    receipt::{ClockOffset, Event},
    step::Input,
};

const HOUR: i64 = 3_600_000;

#[test]
fn what_was_never_transmitted_has_expired_and_its_origin_says_so() {
    let mut office = Office::new(C);
    let draft = Draft::new(C, &[A, P], 1);
    office.submit(&draft);
    assert_eq!(tale(&office.due(at(HOUR - 1))), [""; 0]);
    assert_eq!(
        tale(&office.due(at(HOUR))),
        [
            "receipt expired by C for A because expired",
            "receipt expired by C for P because expired",
            "leave queue for A",
            "record: A expired, P expired",
            "notice: expired for A",
            "notice: expired for P",
        ]
    );
    assert_eq!(tale(&office.due(at(2 * HOUR))), [""; 0]);
    office.check_books();
}

#[test]
fn what_was_transmitted_is_unconfirmed_once_and_its_outcome_still_counts() {
    let mut office = Office::new(C);
    office.link_up(A);
    let draft = Draft::new(C, &[P], 1);
    office.submit(&draft);
    let step = tale(&office.due(at(HOUR)));
    assert!(step.contains(&"receipt unconfirmed by C for P because next_hop_silent".to_owned()), "{step:?}");
    assert!(!office.record(&draft).unwrap().is_ended());
    let later = tale(&office.due(at(3 * HOUR)));
    assert!(!later.iter().any(|line| line.contains("unconfirmed")), "{later:?}");
    office.receipts(A, &[draft.receipt(Event::Delivered, P, P, 1)]);
    assert_eq!(office.state(&draft), "P delivered");
}

#[test]
fn what_the_next_hop_holds_is_unconfirmed_at_the_origin_and_left_to_that_hop_elsewhere() {
    let draft = Draft::new(C, &[P], 1);
    let mut origin = Office::new(C);
    origin.link_up(A);
    origin.submit(&draft);
    origin.receipts(A, &[draft.receipt(Event::Custody, A, P, 1)]);
    assert_eq!(origin.state(&draft), "P held by A");
    let step = tale(&origin.due(at(HOUR)));
    assert_eq!(step[0], "receipt unconfirmed by C for P because next_hop_silent");

    let instruction = Draft::new(P, &[C], 1).flowing(Flow::Down);
    let mut hub = Office::new(A);
    hub.link_up(C);
    hub.arrival(P, &instruction, &[C]);
    hub.receipts(C, &[instruction.receipt(Event::Custody, C, C, 1)]);
    assert_eq!(hub.record(&instruction).unwrap().due_at(), None);
}

#[test]
fn a_hub_signs_the_expiry_of_what_it_never_handed_on_and_tells_the_one_before() {
    let mut hub = Office::new(A);
    let draft = Draft::new(C, &[P], 1);
    hub.link_up(C);
    hub.arrival(C, &draft, &[P]);
    assert_eq!(
        tale(&hub.due(at(HOUR))),
        [
            "receipt expired by A for P because expired, outbox C 2",
            "leave queue for P",
            "record: P expired",
            "to C: 1 receipts from 2",
        ]
    );
}

#[test]
fn where_two_ways_lead_to_the_recipient_no_hop_says_that_it_has_expired_or_failed() {
    let mut hub = Office::new(A);
    let draft = Draft::new(F, &[P], 1);
    hub.arrival(F, &draft, &[P]);
    let step = tale(&hub.due(at(HOUR)));
    assert_eq!(step[0], "receipt unconfirmed by A for P because next_hop_silent, outbox F 2");
    assert_eq!(hub.state(&draft), "P waits for P");
    let mut late = Office::new(A);
    late.arrival_at(F, &draft, &[P], at(HOUR));
    assert_eq!(late.state(&draft), "P waits for P");
    let mut origin = Office::new(F);
    origin.submit(&draft);
    origin.due(at(HOUR));
    assert_eq!(origin.state(&draft), "P expired", "the origin knows that there is no other copy");
}

#[test]
fn a_hub_whose_next_hop_is_silent_says_unconfirmed_and_goes_on_asking() {
    let mut hub = Office::new(A);
    let draft = Draft::new(C, &[P], 1);
    hub.link_up(P);
    hub.arrival(C, &draft, &[P]);
    let step = tale(&hub.due(at(HOUR)));
    assert_eq!(step[0], "receipt unconfirmed by A for P because next_hop_silent, outbox C 2");
    assert_eq!(hub.state(&draft), "P sent to P");
}

#[test]
fn nobody_expires_anything_on_a_clock_that_was_not_compared() {
    let mut office = Office::new(C);
    let draft = Draft::new(C, &[P], 1);
    office.turn(Input::Clock(None), NOW);
    office.submit(&draft);
    office.due(at(HOUR));
    assert_eq!(office.state(&draft), "P waits for A");
    office.turn(Input::Clock(Some(ClockOffset { offset_lo: 0, offset_hi: 0 })), NOW);
    assert_eq!(tale(&office.due(at(HOUR + 59_999))), [""; 0]);
    office.due(at(HOUR + 60_000));
    assert_eq!(office.state(&draft), "P expired");
}

#[test]
fn only_a_small_and_consistent_offset_is_trusted() {
    let trusted = |lo: i64, hi: i64| {
        let mut office = Office::new(C);
        office.turn(Input::Clock(Some(ClockOffset { offset_lo: lo, offset_hi: hi })), NOW);
        office.engine.clock_is_trusted()
    };
    assert!(trusted(0, 0) && trusted(-5_000, 5_000));
    assert!(!trusted(-5_001, 0) && !trusted(0, 5_001) && !trusted(4, -4));
    assert!(!trusted(i64::MIN, i64::MAX) && !trusted(i64::MIN, i64::MIN));
}

#[test]
fn what_cannot_be_settled_now_does_not_stand_before_what_can() {
    let mut office = Office::new(C);
    office.turn(Input::Clock(None), NOW);
    for number in 0..=255 {
        office.submit(&Draft::new(C, &[P], number));
    }
    office.due(at(HOUR));
    assert_eq!(office.shelves.due(at(HOUR + 1)), [], "all 256 were put off");
    assert_eq!(office.shelves.due(at(HOUR + 60_000)).len(), 256, "and are looked at again");
}

#[test]
fn what_has_expired_is_not_sent_when_the_link_comes_back() {
    let mut office = Office::new(C);
    let (short, long) = (
        Draft { lives_ms: 1_000, ..Draft::new(C, &[P], 1) },
        Draft::new(C, &[P], 2).with(Precedence::Routine),
    );
    office.submit(&short);
    office.submit(&long);
    let credits = crate::engine::first_credits();
    office.turn(Input::LinkUp { neighbour: A, credits }, at(1_000));
    assert_eq!((office.state(&short), office.state(&long)), ("P expired".into(), "P sent to A".into()));
    office.check_books();
}

#[test]
fn nobody_asks_any_more_when_duplicates_are_forgotten() {
    let mut office = Office::new(C);
    office.link_up(A);
    let draft = Draft::new(C, &[P], 1);
    office.submit(&draft);
    let week = i64::try_from(DUPLICATES_KEPT.as_millis()).unwrap();
    let mut asked = 0;
    let mut now = 0;
    while let Some(due) = office.record(&draft).unwrap().due_at() {
        assert!(due.as_ms() > at(now).as_ms(), "what is due is put off");
        now = due.as_ms() - NOW.as_ms();
        assert!(now <= HOUR + week, "still asking after {now} ms");
        office.due(due);
        asked += 1;
    }
    assert!(asked > 100, "only {asked}");
}
