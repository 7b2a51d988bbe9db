//! The hand-over: signed by the parent only where the child's receipt is a minute late, and true only on one live link.

use topology::{Flow, Precedence, RoomId};

use super::{
    office::Office,
    rooms::{A, C, D, Draft, NOW, P, at},
    tale::tale,
};
use crate::{
    receipt::{Event, Receipt},
    step::{Input, Step, Write},
    timestamp::Timestamp,
};

fn instruction(to: RoomId) -> Draft {
    Draft::new(P, &[to], 1).flowing(Flow::Down)
}

/// The city, which has an instruction of the province for a county of its own on a live link.
fn city(draft: &Draft) -> Office {
    let mut office = Office::new(A);
    office.link_up(P);
    office.link_up(C);
    office.arrival(P, draft, &draft.to);
    office
}

fn delivered(office: &mut Office, draft: &Draft, now: Timestamp) -> Step {
    let receipts = vec![draft.receipt(Event::Delivered, C, C, 1)];
    office.turn(Input::Receipts { from: C, upto: None, receipts }, now)
}

fn handed(step: &Step) -> Vec<Receipt> {
    let receipts = step.writes.iter().filter_map(|write| {
        let Write::Receipt(stored) = write else { return None };
        stored.own.then(|| stored.receipt.receipt().clone())
    });
    receipts.filter(|receipt| receipt.event == Event::Handed).collect()
}

#[test]
fn what_is_answered_within_a_minute_needs_no_signature() {
    let draft = instruction(C);
    let mut office = city(&draft);
    assert!(handed(&delivered(&mut office, &draft, at(60_000))).is_empty());
}

#[test]
fn a_receipt_that_comes_too_late_is_preceded_by_the_hand_over_with_the_time_that_it_had() {
    let draft = instruction(C);
    let mut office = city(&draft);
    let step = delivered(&mut office, &draft, at(62_000));
    assert_eq!(
        tale(&step),
        [
            "receipt handed by A for C, outbox P 2",
            "receipt delivered by C for C, outbox P 3",
            "record: C delivered",
            "to P: 1 receipts from 2",
            "to P: 1 receipts from 3",
        ]
    );
    let [signed] = handed(&step).try_into().unwrap();
    assert!(signed.at > NOW && signed.at < at(1_000), "the slowest line carries it in {:?}", signed.at);
    office.check_books();
}

#[test]
fn a_receipt_that_never_comes_has_the_hand_over_signed_once_when_it_is_asked_for() {
    let draft = instruction(C).with(Precedence::Immediate);
    let mut office = city(&draft);
    let steps = [30_000, 90_000, 300_000, 1_000_000].map(|ms| handed(&office.due(at(ms))).len());
    assert_eq!(steps, [0, 1, 0, 0]);
    assert!(handed(&delivered(&mut office, &draft, at(1_100_000))).is_empty());
}

#[test]
fn a_line_that_was_lost_since_hands_nothing_over() {
    let draft = instruction(C);
    let mut office = city(&draft);
    office.turn(Input::LinkDown { neighbour: C }, at(30_000));
    assert!(handed(&delivered(&mut office, &draft, at(90_000))).is_empty());
    let mut office = city(&draft);
    office.turn(Input::LinkDown { neighbour: C }, at(30_000));
    office.turn(Input::LinkUp { neighbour: C, credits: crate::engine::first_credits() }, at(40_000));
    assert!(handed(&delivered(&mut office, &draft, at(95_000))).is_empty(), "it begins anew");
}

#[test]
fn what_waits_in_the_hub_and_what_is_for_others_is_not_handed_over() {
    let draft = instruction(C);
    let mut waits = Office::new(A);
    waits.link_up(P);
    waits.arrival(P, &draft, &[C]);
    assert!(handed(&delivered(&mut waits, &draft, at(90_000))).is_empty(), "its line was down");
    let beyond = instruction(C);
    let mut province = Office::new(P);
    province.link_up(A);
    province.submit(&beyond);
    let receipts = vec![beyond.receipt(Event::Delivered, C, C, 1)];
    let step = province.turn(Input::Receipts { from: A, upto: None, receipts }, at(90_000));
    assert!(handed(&step).is_empty(), "the city lies between");
}

#[test]
fn a_large_body_is_handed_over_when_the_slowest_line_would_have_carried_it() {
    let draft = Draft { body: vec![7; 625_000], ..instruction(C) };
    let mut office = city(&draft);
    assert!(handed(&delivered(&mut office, &draft, at(150_000))).is_empty());
    let mut office = city(&draft);
    let [signed] = handed(&delivered(&mut office, &draft, at(170_000))).try_into().unwrap();
    assert!(signed.at >= at(100_000), "{:?}", signed.at);
}

#[test]
fn nobody_says_of_itself_that_something_was_handed_to_it() {
    let draft = instruction(C);
    let mut office = city(&draft);
    let own = |issuer| vec![draft.receipt(Event::Handed, issuer, C, 1)];
    let told = |receipts| Input::Receipts { from: C, upto: None, receipts };
    assert_eq!(tale(&office.turn(told(own(C)), NOW)), [""; 0]);
    assert_eq!(tale(&office.turn(told(own(D)), NOW)), [""; 0]);
}
