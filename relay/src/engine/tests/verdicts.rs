//! Receipts of others: who has a say, what counts once, what is only kept.

use std::sync::Arc;

use topology::{Flow, Level, Map, Plan};

use super::{
    office::{Office, Shelves},
    rooms::{A, B, C, D, Draft, E, F, NOW, P, at, plan, room},
    tale::{said, tale},
};
use crate::{
    limits::{Quota, RECEIPTS_OF_ROOM_MAX},
    receipt::Event,
    step::Input,
};

fn sent(draft: &Draft) -> Office {
    let mut office = Office::new(draft.from);
    office.link_up(A);
    office.submit(draft);
    office
}

#[test]
fn the_first_terminal_receipt_is_the_outcome_and_a_later_one_a_supplement() {
    let draft = Draft::new(C, &[P], 1);
    let mut office = sent(&draft);
    assert_eq!(
        tale(&office.receipts(A, &[draft.receipt(Event::Delivered, P, P, 1)])),
        ["receipt delivered by P for P", "record: P delivered", "notice: delivered for P"]
    );
    assert_eq!(
        tale(&office.receipts(A, &[draft.receipt(Event::Expired, A, P, 1)])),
        ["receipt expired by A for P", "record: P delivered", "notice: expired for P"]
    );
    assert_eq!(office.record(&draft).unwrap().deliveries[0].outcome, Some(Event::Delivered));
}

#[test]
fn a_repeated_receipt_changes_nothing() {
    let draft = Draft::new(C, &[P], 1);
    let mut office = sent(&draft);
    let delivered = draft.receipt(Event::Delivered, P, P, 1);
    office.receipts(A, std::slice::from_ref(&delivered));
    assert_eq!(tale(&office.receipts(A, &[delivered])), [""; 0]);
}

#[test]
fn a_hub_passes_receipts_on_towards_the_origin_before_it_confirms_them() {
    let draft = Draft::new(C, &[P], 1);
    let mut office = Office::new(A);
    office.link_up(C);
    office.link_up(P);
    office.arrival(C, &draft, &[P]);
    let receipts = vec![draft.receipt(Event::Delivered, P, P, 1)];
    let step = office.turn(Input::Receipts { from: P, upto: Some(7), receipts }, NOW);
    assert_eq!(
        tale(&step),
        [
            "receipt delivered by P for P, outbox C 2",
            "record: P delivered",
            "to C: 1 receipts from 2",
            "to P: stored up to 7",
        ]
    );
}

#[test]
fn only_rooms_on_the_way_have_a_say() {
    let draft = Draft::new(C, &[P], 1);
    let other_bytes = Draft { body: vec![1], ..draft.clone() };
    let cases = [
        (draft.receipt(Event::Refused, A, P, 1), true),
        (draft.receipt(Event::Refused, P, P, 1), true),
        (draft.receipt(Event::Refused, B, P, 1), false),
        (draft.receipt(Event::Refused, E, P, 1), false),
        (draft.receipt(Event::Refused, D, P, 1), false),
        (draft.receipt(Event::Refused, C, P, 1), false),
        (draft.receipt(Event::Accepted, A, P, 1), false),
        (draft.receipt(Event::Refused, A, E, 1), false),
        (other_bytes.receipt(Event::Refused, A, P, 1), false),
    ];
    for (receipt, counts) in cases {
        let mut office = sent(&draft);
        let statement = receipt.receipt().clone();
        let step = office.receipts(A, &[receipt]);
        assert_eq!(!step.writes.is_empty(), counts, "{} by {:?}", statement.event, statement.issuer);
        assert_eq!(office.record(&draft).unwrap().is_ended(), counts);
    }
}

#[test]
fn an_origin_has_no_say_in_what_became_of_its_own_envelope_elsewhere() {
    let draft = Draft::new(C, &[P], 1);
    let mut hub = Office::new(A);
    hub.arrival(C, &draft, &[P]);
    assert_eq!(tale(&hub.receipts(C, &[draft.receipt(Event::Expired, C, P, 1)])), [""; 0]);
    assert_eq!(hub.state(&draft), "P waits for P");
}

#[test]
fn an_alternate_parent_has_a_say_and_so_have_the_hubs_above_it() {
    let mut plan: Plan = plan();
    plan.rooms.retain(|room| ![E, F].contains(&room.id));
    plan.rooms.push(room(E, "411000", Level::City, Some(P)));
    for room in &mut plan.rooms {
        match room.id {
            id if id == B => room.parent = Some(E),
            id if id == C => room.alternates = vec![B],
            _ => {}
        }
    }
    let map = Arc::new(Map::new(plan).unwrap());
    let draft = Draft::new(C, &[P], 1);
    for issuer in [B, E] {
        let mut office = Office::open(C, map.clone(), Quota::default(), Shelves::default());
        office.submit(&draft);
        office.receipts(B, &[draft.receipt(Event::Expired, issuer, P, 1)]);
        assert_eq!(office.state(&draft), "P expired");
        office.check_books();
    }
}

#[test]
fn an_outcome_and_the_recipients_word_are_heard_however_much_a_hub_says() {
    let draft = Draft::new(C, &[P], 1);
    let mut office = sent(&draft);
    let much = |seqs: std::ops::Range<u64>, issuer| -> Vec<_> {
        seqs.map(|seq| draft.receipt(Event::Unconfirmed, issuer, P, seq)).collect()
    };
    office.receipts(A, &much(0..1_000, A));
    let noted = office.record(&draft).unwrap().deliveries[0].receipts.len();
    assert_eq!(noted, 1 + RECEIPTS_OF_ROOM_MAX, "accepted and so many of one room");
    office.receipts(A, &[draft.receipt(Event::Expired, A, P, 2_000)]);
    assert_eq!(office.state(&draft), "P expired");
    let step = office.receipts(A, &[draft.receipt(Event::Delivered, P, P, 1)]);
    assert_eq!(tale(&step)[0], "receipt delivered by P for P");
}

#[test]
fn custody_comes_from_the_neighbour_itself() {
    let draft = Draft::new(C, &[P], 1);
    let mut office = sent(&draft);
    office.receipts(A, &[draft.receipt(Event::Custody, P, P, 1)]);
    assert_eq!(office.state(&draft), "P sent to A");
    office.receipts(A, &[draft.receipt(Event::Custody, A, P, 1)]);
    assert_eq!(office.state(&draft), "P held by A");
    assert_eq!(office.record(&draft).unwrap().deliveries[0].outcome, None);
}

#[test]
fn late_custody_by_one_neighbour_does_not_answer_for_another() {
    let draft = Draft::new(F, &[P], 1);
    let mut office = sent(&draft);
    office.turn(Input::LinkDown { neighbour: A }, NOW);
    office.link_up(B);
    assert_eq!(office.state(&draft), "P sent to B");
    office.receipts(A, &[draft.receipt(Event::Custody, A, P, 1)]);
    assert_eq!(office.state(&draft), "P sent to B");
}

#[test]
fn custody_that_was_on_the_way_when_the_link_was_lost_saves_another_try() {
    let draft = Draft::new(C, &[P], 1);
    let mut office = sent(&draft);
    office.turn(Input::LinkDown { neighbour: A }, NOW);
    assert_eq!(office.state(&draft), "P waits for A");
    let step = office.receipts(A, &[draft.receipt(Event::Custody, A, P, 1)]);
    assert_eq!(
        tale(&step),
        ["leave queue for A", "receipt custody by A for P", "record: P held by A", "notice: custody for P",]
    );
    office.check_books();
    assert_eq!(said(&office.link_up(A)), [""; 0]);
}

#[test]
fn a_hub_waits_for_the_outcome_without_asking_by_itself() {
    let draft = Draft::new(P, &[C], 1).flowing(Flow::Down);
    let mut office = Office::new(A);
    office.link_up(C);
    office.arrival(P, &draft, &[C]);
    office.receipts(C, &[draft.receipt(Event::Custody, C, C, 1)]);
    assert_eq!(tale(&office.due(at(100_000_000))), [""; 0]);
}

#[test]
fn what_was_not_taken_is_sent_again_when_the_neighbour_said() {
    let draft = Draft::new(C, &[P], 1);
    let mut office = sent(&draft);
    let key = draft.envelope().key();
    office.turn(Input::NotTaken { from: A, key, retry_after_ms: 30_000 }, NOW);
    assert_eq!(tale(&office.due(at(29_999))), [""; 0]);
    assert_eq!(
        tale(&office.due(at(30_000))),
        [
            "queue for A",
            "record: P waits for A",
            "leave queue for A",
            "record: P sent to A",
            "to A: routine envelope for P",
            "read 64 routine of queue for A",
        ]
    );
    for (said, meant) in [(0, 1_000), (u64::MAX, 600_000)] {
        office.turn(Input::NotTaken { from: A, key, retry_after_ms: said }, at(30_000));
        assert_eq!(office.record(&draft).unwrap().due_at(), Some(at(30_000 + meant)));
    }
    assert_eq!(tale(&office.turn(Input::NotTaken { from: P, key, retry_after_ms: 1 }, NOW)), [""; 0]);
}
