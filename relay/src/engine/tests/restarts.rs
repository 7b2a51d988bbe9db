//! After a crash the store is all there is, and nothing that it holds is forgotten.

use topology::Precedence;

use super::{
    net::Net,
    office::Office,
    rooms::{A, B, C, D, Draft, E, F, NOW, P, at},
    tale::said,
};
use crate::{
    limits::{REFILL_MESSAGES, resend_after},
    record::DeliveryState,
    step::Input,
};

#[test]
fn what_was_under_way_goes_out_again() {
    let mut office = Office::new(C);
    office.link_up(A);
    let draft = Draft::new(C, &[P], 1);
    office.submit(&draft);
    let mut office = office.restarted(NOW);
    assert_eq!(office.state(&draft), "P waits for A");
    office.check_books();
    assert_eq!(said(&office.link_up(A)), ["to A: routine envelope for P"]);
}

#[test]
fn what_waited_and_what_others_hold_is_as_it_was() {
    let mut office = Office::new(C);
    let (waits, held) = (Draft::new(C, &[P], 1), Draft::new(C, &[P], 2));
    office.link_up(A);
    office.submit(&held);
    let custody = held.receipt(crate::receipt::Event::Custody, A, P, 1);
    office.receipts(A, &[custody]);
    office.turn(Input::LinkDown { neighbour: A }, NOW);
    office.submit(&waits);
    let office = office.restarted(NOW);
    assert_eq!((office.state(&waits), office.state(&held)), ("P waits for A".into(), "P held by A".into()));
}

#[test]
fn what_others_hold_is_asked_for_when_the_clock_was_days_ahead_as_they_said_so() {
    for (hours_ahead, state) in [(0, "P held by A"), (50, "P waits for A")] {
        let mut office = Office::new(C);
        let held = Draft::new(C, &[P], 1);
        office.link_up(A);
        office.submit(&held);
        let receipts = vec![held.receipt(crate::receipt::Event::Custody, A, P, 1)];
        office.turn(Input::Receipts { from: A, upto: None, receipts }, at(hours_ahead * 3_600_000));
        office.turn(Input::LinkDown { neighbour: A }, NOW);
        office.turn(Input::Recovered(vec![held.envelope().key()]), NOW);
        assert_eq!(office.state(&held), state, "{hours_ahead} h");
    }
}

#[test]
fn what_was_put_off_on_a_clock_that_was_days_ahead_is_looked_at_again() {
    let mut office = Office::new(C);
    let waits = Draft::new(C, &[P], 1);
    office.submit(&waits);
    let ahead = at(50 * 3_600_000);
    office.turn(Input::Clock(None), ahead);
    office.due(ahead);
    let key = waits.envelope().key();
    assert!(
        office.record(&waits).unwrap().due_at().unwrap() > ahead,
        "its life is over by a clock that is not trusted"
    );
    office.turn(Input::Recovered(vec![key]), NOW);
    assert_eq!(office.record(&waits).unwrap().due_at(), Some(waits.envelope().route().expires_at));
}

#[test]
fn a_long_queue_is_drained_to_its_end() {
    let mut net = Net::linked(&[P, A, C], &[(A, P)]);
    for number in 0..=255 {
        net.submit(&Draft::new(C, &[P], number));
    }
    net.crash(C);
    net.up(C, A);
    net.run();
    assert_eq!(net.office(P).shelves.inbox.len(), 256);
    assert!(net.office(C).shelves.records.values().all(crate::record::Record::is_ended));
    assert!(net.office(C).readings >= 256 / REFILL_MESSAGES);
    assert!(net.office(C).readings < 40, "{}", net.office(C).readings);
}

#[test]
fn a_place_that_went_into_quarantine_leaves_nobody_behind_unread() {
    let mut office = Office::new(C);
    let drafts: Vec<Draft> = (1..=3).map(|n| Draft { lives_ms: 1_000, ..Draft::new(C, &[P], n) }).collect();
    for draft in &drafts {
        office.submit(draft);
    }
    let last = Draft::new(C, &[P], 4);
    office.submit(&last);
    let damaged = drafts[0].envelope().key();
    office.shelves.queue.retain(|place| place.key != damaged);
    office.due(at(1_000));
    assert_eq!(office.state(&drafts[0]), "P expired");
    office.link_up(A);
    assert_eq!(office.state(&last), "P sent to A");
}

#[test]
fn after_an_empty_queue_new_messages_go_at_once_again() {
    let mut office = Office::new(C);
    let short = Draft { lives_ms: 1_000, ..Draft::new(C, &[P], 1) };
    office.submit(&short);
    office.due(at(1_000));
    office.link_up(A);
    office.turn(Input::Clock(None), NOW);
    let readings = office.readings;
    assert_eq!(said(&office.submit(&Draft::new(C, &[P], 2))), ["to A: routine envelope for P"]);
    assert_eq!(office.readings, readings);
}

#[test]
fn silence_is_answered_by_sending_again_ever_more_slowly() {
    let mut office = Office::new(C);
    office.link_up(A);
    let draft = Draft { lives_ms: 10 * 24 * 3_600_000, ..Draft::new(C, &[P], 1).with(Precedence::Immediate) };
    office.submit(&draft);
    let mut waits = Vec::new();
    let mut now = NOW;
    for _ in 0..10 {
        let due = office.record(&draft).unwrap().due_at().unwrap();
        waits.push(due.since(now).as_secs());
        now = due;
        let step = office.due(now);
        assert_eq!(said(&step), ["to A: immediate envelope for P"]);
    }
    assert_eq!(waits, vec![30, 60, 120, 240, 480, 960, 1_920, 3_600, 3_600, 3_600]);
    assert_eq!(resend_after(Precedence::Immediate, 40).as_secs(), 3_600);
}

#[test]
fn what_the_next_hop_took_is_asked_for_by_its_origin_alone() {
    let mut net = Net::linked(&[P, A, C], &[(C, A)]);
    let draft = Draft::new(C, &[P], 1).with(Precedence::Flash);
    net.submit(&draft);
    net.run();
    assert_eq!(net.state(C, &draft), "P held by A");
    net.wait(30_000);
    assert_eq!(net.state(C, &draft), "P held by A", "asked, and answered with the same custody");
    assert_eq!(net.story(&draft), ["C accepted", "A custody"]);
    let held = &net.office(C).record(&draft).unwrap().deliveries[0];
    assert_eq!(held.attempts, 2);
    assert!(matches!(held.state, DeliveryState::Held { resend_at: Some(_), .. }));
}

#[test]
fn a_report_crosses_three_hops_and_its_story_comes_home() {
    let mut net = Net::linked(&[P, A, B, C, D, E, F], &[(C, A), (A, P), (B, P)]);
    let draft = Draft::new(C, &[A, P], 1);
    net.submit(&draft);
    net.run();
    assert_eq!(net.story(&draft), ["C accepted", "C accepted", "A delivered", "A custody", "P delivered"]);
    assert_eq!(net.state(C, &draft), "A delivered, P delivered");
    assert_eq!(net.state(A, &draft), "A here, P delivered");
}

#[test]
fn a_hub_that_crashes_at_any_moment_loses_nothing_and_delivers_once() {
    for moment in 0..24 {
        let mut net = Net::linked(&[P, A, C], &[(C, A), (A, P)]);
        let drafts: Vec<Draft> = (1..=3).map(|n| Draft::new(C, &[P, A], n).with(Precedence::Flash)).collect();
        for draft in &drafts {
            net.submit(draft);
        }
        for _ in 0..moment {
            net.step();
        }
        net.crash(A);
        net.up(C, A);
        net.up(A, P);
        net.run();
        net.wait(60_000);
        net.wait(120_000);
        for draft in &drafts {
            assert_eq!(net.state(C, draft), "P delivered, A delivered", "crash after {moment} frames");
        }
        assert_eq!((net.office(P).shelves.inbox.len(), net.office(A).shelves.inbox.len()), (3, 3));
    }
}
