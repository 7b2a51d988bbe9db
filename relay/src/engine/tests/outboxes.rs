//! Receipts on their way back: in order, once each while a link lasts, and again from the last that was stored.

use certs::{cbor, signature::SimulationSigner};
use topology::Flow;

use super::{
    office::Office,
    rooms::{A, C, D, Draft, NOW, P},
    tale::{said, tale},
};
use crate::{
    engine::first_credits,
    envelope_id::EnvelopeId,
    limits::OUTBOX_WINDOW,
    receipt::Event,
    step::{Arrival, Input, Opened, Send, Step},
};

/// A hub that has `count` receipts for C, which is away.
fn hub_with(count: u64) -> Office {
    let mut office = Office::new(A);
    let draft = Draft::new(C, &[P], 1);
    office.arrival(C, &draft, &[P]);
    for number in 2..=count {
        office.receipts(P, &[draft.receipt(Event::Unconfirmed, P, P, number)]);
    }
    office
}

fn numbers(step: &Step) -> Vec<u64> {
    let mut numbers = Vec::new();
    for send in &step.sends {
        if let Send::Receipts { first, receipts, .. } = send {
            numbers.extend(*first..*first + receipts.len() as u64);
        }
    }
    numbers
}

#[test]
fn what_waited_goes_in_order_when_the_link_is_up() {
    let mut office = hub_with(5);
    assert_eq!(numbers(&office.link_up(C)), [1, 2, 3, 4, 5]);
}

#[test]
fn after_a_break_everything_that_was_not_confirmed_goes_again() {
    let mut office = hub_with(5);
    office.link_up(C);
    let step = office.turn(Input::ReceiptsStored { from: C, upto: 3 }, NOW);
    assert_eq!(tale(&step), ["outbox of C stored up to 3"]);
    office.turn(Input::LinkDown { neighbour: C }, NOW);
    assert_eq!(numbers(&office.link_up(C)), [4, 5]);
    assert_eq!(numbers(&office.restarted(NOW).link_up(C)), [4, 5]);
}

#[test]
fn a_confirmation_of_what_was_not_sent_is_cut_down_to_what_was() {
    let mut office = hub_with(2);
    office.turn(Input::ReceiptsStored { from: C, upto: 2 }, NOW);
    assert_eq!(numbers(&office.link_up(C)), [1, 2], "nothing was sent, so nothing was stored");
    let step = office.turn(Input::ReceiptsStored { from: C, upto: u64::MAX }, NOW);
    assert_eq!(tale(&step), ["outbox of C stored up to 2"]);
    assert_eq!(tale(&office.turn(Input::ReceiptsStored { from: C, upto: 1 }, NOW)), [""; 0]);
    assert_eq!(tale(&office.turn(Input::ReceiptsStored { from: P, upto: 1 }, NOW)), [""; 0]);
}

/// A hub with a link to C, for which it has ten receipts more than a window; with the numbers that it has sent.
fn flooded() -> (Office, Vec<u64>) {
    let mut office = Office::new(A);
    office.link_up(C);
    let mut sent = Vec::new();
    for number in 0..u128::from(OUTBOX_WINDOW) + 10 {
        let mut sealed = Draft::new(C, &[D], 1).sealed();
        sealed.route.id = EnvelopeId::from_bytes(number.to_be_bytes());
        sealed.route_bytes = cbor::encode(&sealed.route);
        let envelope = sealed.sign(&SimulationSigner::new(C), |_| 1);
        let arrival = Arrival { from: C, envelope, opened: Opened::NotForUs };
        sent.extend(numbers(&office.turn(Input::Arrived(Box::new(arrival)), NOW)));
    }
    (office, sent)
}

#[test]
fn a_neighbour_that_confirms_nothing_gets_no_more_than_a_window() {
    let (mut office, sent) = flooded();
    assert!(sent.into_iter().eq(1..=OUTBOX_WINDOW));
    let step = office.turn(Input::ReceiptsStored { from: C, upto: 5 }, NOW);
    assert!(numbers(&step).into_iter().eq(OUTBOX_WINDOW + 1..=OUTBOX_WINDOW + 5));
    let step = office.turn(Input::ReceiptsStored { from: C, upto: OUTBOX_WINDOW }, NOW);
    assert!(numbers(&step).into_iter().eq(OUTBOX_WINDOW + 6..=OUTBOX_WINDOW + 10));
}

#[test]
fn a_reading_from_before_the_link_was_made_again_leaves_nothing_out() {
    let (mut office, _) = flooded();
    let up = Input::LinkUp { neighbour: C, credits: first_credits() };
    let mut sent = numbers(&office.single(vec![Input::ReceiptsStored { from: C, upto: 5 }, up], NOW));
    assert_eq!(sent, Vec::<u64>::new());
    loop {
        let more = numbers(&office.single(Vec::new(), NOW));
        if more.is_empty() && !sent.is_empty() {
            break;
        }
        sent.extend(more);
    }
    assert!(sent.into_iter().eq(6..=OUTBOX_WINDOW + 5), "from the last that was stored, a window of them");
}

#[test]
fn a_receipt_that_the_disk_has_lost_does_not_hold_up_those_after_it() {
    let mut office = hub_with(5);
    office
        .shelves
        .receipts
        .retain(|stored| stored.outbox.is_none_or(|(_, number)| ![1, 3].contains(&number)));
    assert_eq!(numbers(&office.link_up(C)), [2, 4, 5]);
    let mut office = hub_with(2);
    office.shelves.receipts.clear();
    assert_eq!(numbers(&office.link_up(C)), Vec::<u64>::new());
    let draft = Draft::new(P, &[C], 9).flowing(Flow::Down);
    office.link_up(P);
    assert_eq!(said(&office.arrival(P, &draft, &[C]))[0], "to P: 1 receipts from 1");
}
