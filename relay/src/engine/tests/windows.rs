//! Windows, quotas and whose turn it is.

use certs::{cbor, signature::SimulationSigner};
use topology::{Precedence, RoomId};

use super::{
    office::{Office, envelopes_to},
    rooms::{A, C, D, Draft, NOW, P, at},
    tale::{said, tale},
};
use crate::{
    engine::first_credits,
    envelope_id::EnvelopeId,
    frame::Credit,
    limits::{ENVELOPE_BYTES_MAX, Quota, WINDOW_BYTES, WINDOW_MESSAGES},
    receipt::{Event, VerifiedReceipt},
    step::{Arrival, Fetch, Input, Opened, Send, Step, Submission},
};

/// A message that differs from the draft by its id only.
fn numbered(draft: &Draft, number: u128) -> Submission {
    let mut submission = draft.submission();
    submission.sealed.route.id = EnvelopeId::from_bytes(number.to_be_bytes());
    submission.sealed.route_bytes = cbor::encode(&submission.sealed.route);
    submission
}

fn arrive(office: &mut Office, from: RoomId, draft: &Draft, number: u128) -> Step {
    let envelope = numbered(draft, number).sealed.sign(&SimulationSigner::new(draft.from), |_| 1);
    let arrival = Arrival { from, envelope, opened: Opened::NotForUs };
    office.turn(Input::Arrived(Box::new(arrival)), NOW)
}

/// What the neighbour's custody for everything that is under way there looks like.
fn custody_of_all(office: &Office, neighbour: RoomId) -> Vec<VerifiedReceipt> {
    let mut seq = 1_000_000;
    let mut receipts = Vec::new();
    for record in office.shelves.records.values() {
        for recipient in record.sent_to(neighbour) {
            let mut statement = Draft::new(C, &[P], 1).receipt(Event::Custody, neighbour, recipient, seq);
            let mut changed = statement.receipt().clone();
            changed.origin = record.key.origin;
            changed.envelope_id = record.key.id;
            changed.envelope_digest = record.digest;
            seq += 1;
            changed.seq = seq;
            statement = changed.sign(&SimulationSigner::new(neighbour));
            receipts.push(statement);
        }
    }
    receipts
}

#[test]
fn the_most_urgent_goes_first_and_the_rest_by_age() {
    let mut office = Office::new(C);
    let order = [Precedence::Routine, Precedence::Flash, Precedence::Routine, Precedence::Immediate];
    for (number, precedence) in (1..).zip(order) {
        let created_at = at(i64::from(number));
        office.submit(&Draft { created_at, ..Draft::new(C, &[P], number).with(precedence) });
    }
    let mut went = Vec::new();
    let mut step = office.turn(Input::LinkUp { neighbour: A, credits: first_credits() }, at(10));
    let mut now = 10;
    while went.len() < 4 {
        for send in step.sends {
            if let Send::Envelope { bytes, .. } = send {
                went.push(bytes.body[0]);
            }
        }
        now += 1_000;
        step = office.turn(Input::Clock(None), at(now));
    }
    assert_eq!(went, [2, 4, 1, 3]);
}

#[test]
fn a_less_urgent_queue_waits_for_the_custody_of_the_urgent_one_or_a_moment() {
    let prepared = || {
        let mut office = Office::new(C);
        let urgent = Draft::new(C, &[P], 1).with(Precedence::Flash);
        office.submit(&urgent);
        office.submit(&Draft::new(C, &[P], 2));
        assert_eq!(said(&office.link_up(A)), ["to A: flash envelope for P"]);
        assert_eq!(office.wake_at, Some(at(1_000)), "somebody must come back");
        (office, urgent)
    };
    let (mut office, urgent) = prepared();
    let step = office.receipts(A, &[urgent.receipt(Event::Custody, A, P, 1)]);
    assert_eq!(said(&step), ["notice: custody for P", "to A: routine envelope for P"]);
    let (mut office, _) = prepared();
    assert_eq!(said(&office.turn(Input::Clock(None), at(999))), [""; 0]);
    assert_eq!(said(&office.turn(Input::Clock(None), at(1_000))), ["to A: routine envelope for P"]);
}

#[test]
fn a_new_message_does_not_overtake_what_waits_nor_what_is_more_urgent() {
    let mut office = Office::new(C);
    office.submit(&Draft::new(C, &[P], 1).with(Precedence::Immediate));
    let up = Input::LinkUp { neighbour: A, credits: first_credits() };
    let routine = Input::Submit(Box::new(Draft::new(C, &[P], 2).submission()));
    let immediate = Draft::new(C, &[P], 3).with(Precedence::Immediate);
    let immediate = Input::Submit(Box::new(immediate.submission()));
    let flash = Draft::new(C, &[P], 4).with(Precedence::Flash);
    let flash = Input::Submit(Box::new(flash.submission()));
    let step = office.single(vec![up, routine, immediate, flash], NOW);
    assert_eq!(said(&step), ["to A: flash envelope for P"]);
    assert_eq!(office.shelves.queue.len(), 3);
}

#[test]
fn a_closed_window_keeps_the_rest_on_the_disk_unread() {
    let mut office = Office::new(C);
    office.link_up(A);
    let draft = Draft::new(C, &[P], 1);
    let mut sent = 0;
    for number in 0..u128::from(WINDOW_MESSAGES) + 10 {
        let step = office.turn(Input::Submit(Box::new(numbered(&draft, number))), NOW);
        sent += envelopes_to(&step, A);
    }
    assert_eq!(sent as u64, WINDOW_MESSAGES);
    assert_eq!((office.shelves.queue.len(), office.readings), (10, 0));
    let receipts = custody_of_all(&office, A);
    assert_eq!(envelopes_to(&office.receipts(A, &receipts), A), 0, "custody alone grants nothing");
    let credit = Credit { class: 3, messages: WINDOW_MESSAGES + 4, bytes: WINDOW_BYTES * 2 };
    assert_eq!(envelopes_to(&office.turn(Input::Credit { from: A, credit }, NOW), A), 4);
    office.check_books();
}

#[test]
fn whatever_a_neighbour_grants_no_more_than_a_window_is_under_way_without_custody() {
    let mut office = Office::new(C);
    office.link_up(A);
    let credit = Credit { class: 3, messages: u64::MAX, bytes: u64::MAX };
    office.turn(Input::Credit { from: A, credit }, NOW);
    let draft = Draft::new(C, &[P], 1);
    let mut sent = 0;
    for number in 0..u128::from(WINDOW_MESSAGES) + 50 {
        let step = office.turn(Input::Submit(Box::new(numbered(&draft, number))), NOW);
        sent += envelopes_to(&step, A);
    }
    assert_eq!(sent as u64, WINDOW_MESSAGES);
    let receipts = custody_of_all(&office, A);
    assert_eq!(envelopes_to(&office.receipts(A, &receipts), A), 50);
    let class = Input::Credit { from: A, credit: Credit { class: 200, ..credit } };
    assert_eq!(tale(&office.turn(class, NOW)), [""; 0]);
}

#[test]
fn a_large_envelope_waits_for_its_room_without_being_read_over_and_over() {
    let mut office = Office::new(C);
    let large = Draft { body: vec![1; 500_000], ..Draft::new(C, &[P], 1) };
    office.submit(&large);
    let small = Credit { class: 3, messages: 10, bytes: 400_000 };
    office.turn(Input::LinkUp { neighbour: A, credits: vec![small] }, NOW);
    let readings = office.readings;
    for _ in 0..10 {
        office.turn(Input::Clock(None), NOW);
    }
    assert_eq!((office.readings, office.state(&large)), (readings, "P waits for A".into()));
    let more = Credit { bytes: 600_000, ..small };
    office.turn(Input::Credit { from: A, credit: more }, NOW);
    assert_eq!(office.state(&large), "P sent to A");
}

#[test]
fn there_is_always_room_for_the_largest_envelope_when_everything_has_arrived() {
    let mut office = Office::new(A);
    let draft = Draft { body: vec![1; 300_000], ..Draft::new(C, &[P], 1) };
    let (mut arrived, mut granted) = (0, WINDOW_BYTES);
    office.link_up(C);
    for number in 0..100 {
        let envelope = numbered(&draft, number).sealed.sign(&SimulationSigner::new(C), |_| 1);
        arrived += envelope.bytes().size_bytes();
        for send in arrive(&mut office, C, &draft, number).sends {
            if let Send::Credit { credit, .. } = send {
                granted = credit.bytes;
            }
        }
        assert!(granted - arrived >= ENVELOPE_BYTES_MAX, "{number}: only {} are left", granted - arrived);
    }
}

#[test]
fn more_is_granted_when_half_of_the_messages_are_used() {
    let mut office = Office::new(A);
    office.link_up(C);
    let draft = Draft::new(C, &[P], 1);
    let credits: Vec<u64> = (0..u128::from(WINDOW_MESSAGES))
        .flat_map(|number| arrive(&mut office, C, &draft, number).sends)
        .filter_map(|send| match send {
            Send::Credit { credit, .. } => Some(credit.messages),
            Send::Tick { .. }
            | Send::TickWanted { .. }
            | Send::TickAnswer { .. }
            | Send::HeadHeld { .. }
            | Send::Head { .. }
            | Send::Anchor { .. }
            | Send::Line { .. }
            | Send::Envelope { .. }
            | Send::Receipts { .. }
            | Send::ReceiptsStored { .. }
            | Send::Answers { .. }
            | Send::NotTaken { .. }
            | Send::Close { .. }
            | Send::Notice(_) => None,
        })
        .collect();
    assert_eq!(credits, [WINDOW_MESSAGES * 3 / 2, WINDOW_MESSAGES * 2]);
}

#[test]
fn what_does_not_verify_uses_up_the_window_and_is_granted_again() {
    let mut office = Office::new(A);
    office.link_up(C);
    let spoilt = || Input::Unverified { from: C, precedence: Precedence::Routine, size_bytes: 100 };
    let mut granted = 0;
    for _ in 0..WINDOW_MESSAGES * 10 {
        let step = office.turn(spoilt(), NOW);
        assert!(step.writes.is_empty());
        granted += step.sends.iter().filter(|send| matches!(send, Send::Credit { .. })).count();
    }
    assert_eq!(granted, 20);
    let large = Input::Unverified { from: C, precedence: Precedence::Routine, size_bytes: WINDOW_BYTES + 1 };
    assert_eq!(said(&office.turn(large, NOW)), ["close C: more envelopes than were granted"]);
}

#[test]
fn whoever_sends_more_than_was_granted_is_cut_off_and_nothing_of_it_is_kept() {
    let quota = Quota { messages: 0, bytes: 0, flash_messages: 0 };
    let mut office = Office::with_quota(A, quota);
    office.link_up(C);
    let draft = Draft::new(C, &[P], 1);
    for number in 0..u128::from(WINDOW_MESSAGES) {
        assert_eq!(said(&arrive(&mut office, C, &draft, number)), ["to C: not taken, quota_full"]);
    }
    assert_eq!(tale(&arrive(&mut office, C, &draft, 1_000)), ["close C: more envelopes than were granted"]);
    assert!(office.shelves.records.is_empty());
}

#[test]
fn a_full_quota_stops_one_neighbour_and_one_class_and_frees_itself_as_the_queue_drains() {
    let quota = Quota { messages: 2, bytes: u64::MAX, flash_messages: 1 };
    let mut office = Office::with_quota(A, quota);
    office.link_up(C);
    let (routine, immediate, flash) = (
        Draft::new(C, &[P], 1),
        Draft::new(C, &[P], 1).with(Precedence::Immediate),
        Draft::new(C, &[P], 1).with(Precedence::Flash),
    );
    let not_taken = |step: &Step| said(step).contains(&"to C: not taken, quota_full".to_owned());
    assert!(!not_taken(&arrive(&mut office, C, &routine, 1)));
    assert!(!not_taken(&arrive(&mut office, C, &immediate, 2)));
    assert!(not_taken(&arrive(&mut office, C, &routine, 3)));
    assert!(not_taken(&arrive(&mut office, C, &immediate, 4)));
    assert!(!not_taken(&arrive(&mut office, C, &flash, 5)));
    assert!(not_taken(&arrive(&mut office, C, &flash, 6)));
    assert!(
        !said(&arrive(&mut office, D, &Draft::new(D, &[P], 1), 7)).iter().any(|l| l.contains("not taken"))
    );
    office.link_up(P);
    let receipts = custody_of_all(&office, P);
    office.receipts(P, &receipts);
    assert!(not_taken(&arrive(&mut office, C, &routine, 3)), "routine waits for the head start of flash");
    office.turn(Input::Clock(None), at(1_000));
    for _ in 0..2 {
        let receipts = custody_of_all(&office, P);
        office.turn(Input::Receipts { from: P, upto: None, receipts }, at(1_000));
    }
    assert!(!not_taken(&arrive(&mut office, C, &routine, 3)));
    assert!(!not_taken(&arrive(&mut office, C, &flash, 6)));
}

#[test]
fn flash_that_waits_does_not_use_up_what_the_others_may_have() {
    let quota = Quota { messages: 1, bytes: 5_000, flash_messages: 9 };
    let mut office = Office::with_quota(A, quota);
    let flash = Draft::new(C, &[P], 1).with(Precedence::Flash);
    for number in 1..=9 {
        arrive(&mut office, C, &flash, number);
    }
    assert_eq!(said(&arrive(&mut office, C, &flash, 10)), ["to C: not taken, quota_full"]);
    let routine = Draft::new(C, &[P], 1);
    arrive(&mut office, C, &routine, 11);
    assert_eq!(office.shelves.queue.len(), 10);
    assert_eq!(said(&arrive(&mut office, C, &routine, 12)), ["to C: not taken, quota_full"]);
}

#[test]
fn a_quota_counts_bytes_too_and_survives_a_restart() {
    let quota = Quota { messages: 100, bytes: 150_000, flash_messages: 100 };
    let mut office = Office::with_quota(A, quota);
    let draft = Draft { body: vec![1; 100_000], ..Draft::new(C, &[P], 1) };
    arrive(&mut office, C, &draft, 1);
    arrive(&mut office, C, &draft, 2);
    assert_eq!(said(&arrive(&mut office, C, &draft, 3)), ["to C: not taken, quota_full"]);
    let shelves = office.shelves.clone();
    let mut again = Office::open(A, super::rooms::map(), quota, shelves);
    again.link_up(C);
    assert_eq!(said(&arrive(&mut again, C, &draft, 3)), ["to C: not taken, quota_full"]);
}

#[test]
fn credit_withheld_by_a_full_quota_comes_when_there_is_room() {
    let quota = Quota { messages: WINDOW_MESSAGES / 2, bytes: u64::MAX, flash_messages: 1 };
    let mut office = Office::with_quota(A, quota);
    office.link_up(C);
    let draft = Draft::new(C, &[P], 1);
    for number in 0..u128::from(WINDOW_MESSAGES / 2) {
        let step = arrive(&mut office, C, &draft, number);
        assert!(!said(&step).iter().any(|line| line.contains("credit")), "{number}");
    }
    office.link_up(P);
    let receipts = custody_of_all(&office, P);
    let step = said(&office.receipts(P, &receipts));
    assert!(step.iter().any(|line| line.starts_with("to C: credit 3 ")), "{step:?}");
}

#[test]
fn a_reading_asks_for_no_more_than_the_window_takes() {
    let mut office = Office::new(C);
    office.submit(&Draft::new(C, &[P], 1));
    let credit = Credit { class: 3, messages: 5, bytes: 9_999 };
    let step = office.single(vec![Input::LinkUp { neighbour: A, credits: vec![credit] }], NOW);
    let (neighbour, precedence) = (A, Precedence::Routine);
    assert_eq!(step.fetches, [Fetch::Waiting { neighbour, precedence, messages: 5, bytes: 9_999 }]);
}
