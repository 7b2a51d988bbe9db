//! A room that was restored from an older backup: what it had is told to it, asked for again, and delivered again.

use super::{
    office::Office,
    rooms::{A, C, D, Draft, NOW, P, keyring},
    tale::tale,
};
use crate::{
    envelope::VerifiedHeader,
    receipt::{Event, VerifiedReceipt},
    step::{Input, Send, Step, Told, Write},
};

fn told(office: &mut Office, draft: &Draft) -> Step {
    let bytes = draft.envelope().bytes().header.clone();
    let header = VerifiedHeader::verify(&bytes, &draft.envelope().route().network, &keyring()).unwrap();
    office.turn(Input::Told(Box::new(Told { from: A, header, bytes })), NOW)
}

/// The receipts of this event that were written.
fn written(step: &Step, event: Event) -> Vec<VerifiedReceipt> {
    let receipts = step.writes.iter().filter_map(|write| {
        let Write::Receipt(stored) = write else { return None };
        (stored.receipt.receipt().event == event).then(|| stored.receipt.clone())
    });
    receipts.collect()
}

fn is_delivered(step: &Step) -> bool {
    step.writes.iter().any(|write| matches!(write, Write::Inbox { .. }))
}

fn sends_again(step: &Step) -> bool {
    step.sends.iter().any(|send| matches!(send, Send::Envelope { .. }))
}

#[test]
fn what_was_lost_is_asked_for_sent_again_and_delivered_once_more() {
    let draft = Draft::new(P, &[C], 1).flowing(topology::Flow::Down);
    let (mut origin, mut hub, mut target) = (Office::new(P), Office::new(A), Office::new(C));
    origin.link_up(A);
    hub.link_up(P);
    hub.link_up(C);
    target.link_up(A);
    origin.submit(&draft);
    hub.arrival(P, &draft, &[C]);
    let delivered = draft.receipt(Event::Delivered, C, C, 77);
    hub.receipts(C, std::slice::from_ref(&delivered));
    origin.receipts(A, &[delivered]);

    let step = told(&mut target, &draft);
    let lost = written(&step, Event::Lost);
    assert_eq!((lost.len(), is_delivered(&step)), (1, false), "{:?}", tale(&step));
    assert_eq!(tale(&told(&mut target, &draft)), ["reply done"], "told twice, asked for once");

    assert!(!sends_again(&hub.receipts(C, &lost)), "a hop has no body any more");
    let step = origin.receipts(A, &lost);
    assert!(sends_again(&step), "the origin sends it again: {:?}", tale(&step));
    assert!(!sends_again(&origin.receipts(A, &lost)), "once");
    assert!(sends_again(&hub.arrival(P, &draft, &[C])), "a hop passes it on");

    let step = target.arrival(A, &draft, &[C]);
    let again = written(&step, Event::Delivered);
    assert_eq!((again.len(), is_delivered(&step)), (1, true), "{:?}", tale(&step));
    assert!(!is_delivered(&target.arrival(A, &draft, &[C])), "a copy of it is known as every copy is");
    hub.receipts(C, &again);
    assert_eq!(hub.state(&draft), "C delivered");
    origin.receipts(A, &again);
    assert_eq!(origin.state(&draft), "C delivered");
    for office in [origin, hub, target] {
        office.check_books();
    }
}

#[test]
fn nothing_is_sent_again_that_was_never_delivered_or_that_another_room_says_is_lost() {
    let draft = Draft::new(C, &[P], 1);
    let mut origin = Office::new(C);
    origin.link_up(A);
    origin.submit(&draft);
    origin.receipts(A, &[draft.receipt(Event::Custody, A, P, 1)]);
    assert!(!sends_again(&origin.receipts(A, &[draft.receipt(Event::Lost, P, P, 1)])), "not delivered");
    origin.receipts(A, &[draft.receipt(Event::Delivered, P, P, 2)]);
    let bytes = draft.receipt(Event::Lost, A, P, 3).bytes().clone();
    assert!(VerifiedReceipt::verify(&bytes, &keyring()).is_err(), "only the recipient says so");
}

#[test]
fn a_room_remembers_what_it_wrote_and_hears_what_became_of_it() {
    let draft = Draft::new(C, &[P, D], 1);
    let mut office = Office::new(C);
    office.link_up(A);
    let step = told(&mut office, &draft);
    assert_eq!(written(&step, Event::Lost).len(), 0, "it cannot be read again, and nobody is asked for it");
    assert_eq!(office.state(&draft), "P held by A, D held by A");
    office.receipts(A, &[draft.receipt(Event::Delivered, P, P, 1)]);
    assert_eq!(office.state(&draft), "P delivered, D held by A");
}

#[test]
fn what_is_for_nobody_here_is_not_remembered() {
    let draft = Draft::new(P, &[D], 1).flowing(topology::Flow::Down);
    let mut office = Office::new(C);
    office.link_up(A);
    assert_eq!(tale(&told(&mut office, &draft)), ["reply done"]);
    assert!(office.record(&draft).is_none());
}
