//! What people do with what was delivered.

use topology::Flow;

use super::{
    office::Office,
    rooms::{A, C, Draft, NOW, P},
    tale::tale,
};
use crate::{
    receipt::{Event, Reason},
    step::{Deed, Input, Step},
};

fn deed(office: &mut Office, draft: &Draft, event: Event) -> Step {
    let deed = Deed { key: draft.envelope().key(), event, officer: vec![1; 600], reason: None };
    office.turn(Input::Deed(Box::new(deed)), NOW)
}

fn delivered() -> (Office, Draft) {
    let draft = Draft::new(C, &[P], 1);
    let mut office = Office::new(P);
    office.arrival(A, &draft, &[P]);
    (office, draft)
}

#[test]
fn each_deed_is_signed_once() {
    let (mut office, draft) = delivered();
    assert_eq!(
        tale(&deed(&mut office, &draft, Event::Acknowledged)),
        ["receipt acknowledged by P for P, outbox A 2", "inbox acknowledged", "record: P here", "reply done"]
    );
    assert_eq!(tale(&deed(&mut office, &draft, Event::Acknowledged)), ["reply already done"]);
    assert_eq!(tale(&deed(&mut office, &draft, Event::Disposed)).pop().unwrap(), "reply done");
}

#[test]
fn what_no_officer_does_is_not_signed_as_a_deed() {
    let (mut office, draft) = delivered();
    for event in Event::ALL.into_iter().filter(|event| !event.is_by_officer()) {
        assert_eq!(tale(&deed(&mut office, &draft, event)), ["reply refused, unfit"], "{event}");
    }
}

#[test]
fn a_deed_that_would_make_a_receipt_nobody_takes_is_not_signed() {
    let (mut office, draft) = delivered();
    let mut with = |officer: usize, reason: usize| {
        let reason = Some(Reason { code: "returned".into(), text: Some("退".repeat(reason)) });
        let deed =
            Deed { key: draft.envelope().key(), event: Event::Returned, officer: vec![1; officer], reason };
        tale(&office.turn(Input::Deed(Box::new(deed)), NOW)).pop().unwrap()
    };
    assert_eq!(with(600, 501), "reply refused, unfit");
    assert_eq!(with(2_000, 500), "reply refused, unfit");
    assert_eq!(with(1_800, 500), "reply done");
    let largest = office.shelves.receipts.last().unwrap().receipt.bytes().len();
    assert!(largest <= crate::limits::RECEIPT_BYTES_MAX, "{largest}");
}

#[test]
fn only_what_was_delivered_here_can_be_acknowledged() {
    let draft = Draft::new(C, &[P], 1);
    let mut office = Office::new(A);
    assert_eq!(tale(&deed(&mut office, &draft, Event::Acknowledged)), ["reply unknown"]);
    office.arrival(C, &draft, &[P]);
    assert_eq!(tale(&deed(&mut office, &draft, Event::Acknowledged)), ["reply unknown"]);
}

#[test]
fn the_alarm_is_signed_once() {
    let (mut office, draft) = delivered();
    let key = draft.envelope().key();
    assert_eq!(
        tale(&office.turn(Input::Alerted(key), NOW)),
        ["receipt alerted by P for P, outbox A 2", "record: P here"]
    );
    assert_eq!(tale(&office.turn(Input::Alerted(key), NOW)), [""; 0]);
    let elsewhere = Draft::new(P, &[C], 2).flowing(Flow::Down);
    assert_eq!(tale(&office.turn(Input::Alerted(elsewhere.envelope().key()), NOW)), [""; 0]);
}

#[test]
fn an_operator_sends_again_what_is_open_and_nothing_else() {
    let draft = Draft::new(C, &[P], 1);
    let key = draft.envelope().key();
    let mut office = Office::new(C);
    assert_eq!(tale(&office.turn(Input::Retry(key), NOW)), ["reply unknown"]);
    office.submit(&draft);
    assert_eq!(tale(&office.turn(Input::Retry(key), NOW)), ["reply already done"]);
    office.link_up(A);
    office.receipts(A, &[draft.receipt(Event::Custody, A, P, 1)]);
    let step = tale(&office.turn(Input::Retry(key), NOW));
    assert!(step.contains(&"to A: routine envelope for P".to_owned()), "{step:?}");
    assert!(step.contains(&"reply done".to_owned()));
    office.receipts(A, &[draft.receipt(Event::Delivered, P, P, 1)]);
    assert_eq!(tale(&office.turn(Input::Retry(key), NOW)), ["reply already done"]);
    office.check_books();
}
