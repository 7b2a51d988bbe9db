//! When a link is lost, another way is taken; when none is left, that is said.

use std::sync::Arc;

use topology::{Flow, Map, Plan, Precedence, Relation, RelationKind};

use super::{
    net::Net,
    office::{Office, Shelves},
    rooms::{A, ALL, B, C, D, Draft, E, F, NOW, P, at, plan},
    tale::{said, tale},
};
use crate::{limits::Quota, step::Input};

fn changed(change: impl Fn(&mut Plan)) -> Input {
    let mut plan = plan();
    plan.version = 2;
    change(&mut plan);
    Input::MapChanged(Arc::new(Map::new(plan).unwrap()))
}

#[test]
fn a_lost_link_puts_what_lacks_custody_back_into_the_queue() {
    let mut office = Office::new(C);
    office.link_up(A);
    let draft = Draft::new(C, &[P], 1);
    office.submit(&draft);
    assert_eq!(
        tale(&office.turn(Input::LinkDown { neighbour: A }, NOW)),
        ["queue for A", "record: P waits for A"]
    );
    assert_eq!(said(&office.link_up(A)), ["to A: routine envelope for P"]);
    office.check_books();
}

#[test]
fn a_link_that_is_made_again_without_being_lost_sends_again_too() {
    let mut office = Office::new(C);
    office.link_up(A);
    office.submit(&Draft::new(C, &[P], 1));
    assert_eq!(said(&office.link_up(A)), ["to A: routine envelope for P"]);
}

#[test]
fn what_waits_for_a_parent_goes_by_the_alternate_one_and_back_again() {
    let mut office = Office::new(E);
    let draft = Draft::new(E, &[B, P], 1);
    office.submit(&draft);
    assert_eq!(office.state(&draft), "B waits for B, P waits for B");
    assert_eq!(
        tale(&office.link_up(P)),
        [
            "queue for P",
            "leave queue for B",
            "record: B waits for P, P waits for P",
            "leave queue for P",
            "record: B sent to P, P sent to P",
            "to P: routine envelope for B P",
            "read 1024 routine of queue for B",
            "read 64 routine of queue for P",
        ]
    );
    office.turn(Input::LinkDown { neighbour: P }, NOW);
    assert_eq!(said(&office.link_up(B)), ["to B: routine envelope for B P"]);
    office.check_books();
}

#[test]
fn an_alternate_parent_elsewhere_in_the_tree_is_a_way_too() {
    let mut office = Office::new(F);
    let draft = Draft::new(F, &[A, P], 1);
    office.submit(&draft);
    assert_eq!(office.state(&draft), "A waits for A, P waits for A");
    office.link_up(B);
    assert_eq!(office.state(&draft), "A sent to B, P sent to B");
}

#[test]
fn a_room_that_dials_in_is_reached_straight_although_its_city_is_there() {
    let mut office = Office::new(P);
    office.link_up(B);
    let draft = Draft::new(P, &[E], 1).flowing(Flow::Down);
    office.link_up(E);
    office.submit(&draft);
    assert_eq!(office.state(&draft), "E sent to E");
}

#[test]
fn what_waits_for_a_child_goes_straight_to_the_room_below_that_dials_in() {
    let mut office = Office::new(P);
    let direct = Draft::new(P, &[E], 1).flowing(Flow::Down);
    let mixed = Draft::new(P, &[B, E], 2).flowing(Flow::Down);
    let stays = Draft::new(P, &[B], 3).flowing(Flow::Down);
    for draft in [&stays, &direct, &mixed] {
        office.submit(draft);
    }
    assert_eq!(office.state(&mixed), "B waits for B, E waits for B");
    office.link_up(E);
    assert_eq!(office.state(&direct), "E sent to E");
    assert_eq!(office.state(&mixed), "B waits for B, E sent to E");
    assert_eq!(office.state(&stays), "B waits for B");
    let readings = office.readings;
    for _ in 0..10 {
        office.turn(Input::Clock(None), NOW);
    }
    assert_eq!(office.readings, readings, "what cannot go another way is not read over and over");
    office.link_up(B);
    assert_eq!(office.state(&mixed), "B sent to B, E sent to E");
    office.check_books();
}

#[test]
fn what_waits_for_a_room_that_dialled_in_goes_down_the_tree_when_its_city_is_back() {
    let mut office = Office::new(P);
    let draft = Draft::new(P, &[E], 1).flowing(Flow::Down);
    office.link_up(E);
    office.submit(&draft);
    office.turn(Input::LinkDown { neighbour: E }, NOW);
    assert_eq!(office.state(&draft), "E waits for B");
    office.link_up(E);
    let mut office = office.restarted(NOW);
    assert_eq!(office.state(&draft), "E waits for E");
    office.link_up(B);
    assert_eq!(office.state(&draft), "E sent to B");
    office.check_books();
}

#[test]
fn the_urgent_that_cannot_move_does_not_keep_the_routine_from_moving() {
    let mut office = Office::new(P);
    let stays = Draft::new(P, &[B], 1).flowing(Flow::Down).with(Precedence::Flash);
    let moves = Draft::new(P, &[E], 2).flowing(Flow::Down);
    office.submit(&stays);
    office.submit(&moves);
    office.link_up(E);
    assert_eq!((office.state(&stays), office.state(&moves)), ("B waits for B".into(), "E sent to E".into()));
}

#[test]
fn an_empty_reading_says_nothing_of_what_was_queued_after_it() {
    let mut plan = plan();
    plan.rooms.iter_mut().find(|room| room.id == F).unwrap().relations =
        vec![Relation { kind: RelationKind::Peer, room: B }];
    let map = Arc::new(Map::new(plan).unwrap());
    let draft = Draft::new(B, &[F], 1).flowing(Flow::Lateral);
    let mut before = Office::open(B, map.clone(), Quota::default(), Shelves::default());
    before.link_up(F);
    before.submit(&draft);

    let mut office = Office::open(B, map, Quota::default(), before.shelves);
    office.turn(Input::Recovered(vec![draft.envelope().key()]), NOW);
    assert_eq!(office.state(&draft), "F waits for F");
    let damaged = Draft { epoch: office.engine.epoch(), ..Draft::new(B, &[P], 2) };
    office.submit(&damaged);
    office.shelves.queue.retain(|place| place.key == draft.envelope().key());
    office.link_up(P);
    assert_eq!(office.state(&draft), "F sent to P", "the empty queue for P was read in the same batch");
}

#[test]
fn a_link_elsewhere_is_no_detour() {
    let mut office = Office::new(P);
    office.submit(&Draft::new(P, &[A], 1).flowing(Flow::Down));
    office.link_up(B);
    assert_eq!(office.readings, 0);
    let mut county = Office::new(C);
    county.submit(&Draft::new(C, &[P], 1));
    county.link_up(D);
    assert_eq!(county.readings, 0);
}

#[test]
fn a_room_that_moves_to_another_parent_takes_its_queue_along() {
    let mut office = Office::new(C);
    let draft = Draft::new(C, &[P], 1);
    office.submit(&draft);
    let moved = |plan: &mut Plan| plan.rooms.iter_mut().find(|room| room.id == C).unwrap().parent = Some(B);
    office.turn(changed(moved), NOW);
    assert_eq!(office.state(&draft), "P waits for B");
    office.link_up(B);
    assert_eq!(office.state(&draft), "P sent to B");
    office.check_books();
}

#[test]
fn what_has_no_way_any_more_has_failed_if_it_was_never_transmitted() {
    let without_d = |plan: &mut Plan| {
        plan.rooms.retain(|room| room.id != D);
        plan.rooms.iter_mut().for_each(|room| room.relations.clear());
    };
    let mut office = Office::new(A);
    let draft = Draft::new(A, &[D], 1).flowing(Flow::Down);
    office.submit(&draft);
    assert_eq!(
        tale(&office.turn(changed(without_d), NOW)),
        [
            "receipt failed by A for D because no_route",
            "leave queue for D",
            "record: D failed",
            "notice: failed for D",
            "read 1024 routine of queue for D",
        ]
    );
    office.check_books();

    let mut office = Office::new(A);
    office.link_up(D);
    let draft = Draft::new(A, &[D], 1).flowing(Flow::Down);
    office.submit(&draft);
    office.turn(Input::LinkDown { neighbour: D }, NOW);
    office.turn(changed(without_d), NOW);
    assert_eq!(office.state(&draft), "D sent to D", "it may have arrived: nobody here can say");
    office.check_books();
    let retried = office.turn(Input::Retry(draft.envelope().key()), NOW);
    assert_eq!(tale(&retried), ["reply refused, no_route"]);
    assert_eq!(office.shelves.due(at(600_000)).len(), 1);
    office.due(at(600_000));
    assert_eq!(office.shelves.due(at(659_999)), [], "looked at again in a minute, not at once");
    office.turn(changed(|_| {}), NOW);
    office.due(at(660_000));
    assert_eq!(office.state(&draft), "D waits for D");
}

#[test]
fn a_report_and_its_receipt_travel_round_a_city_that_is_away() {
    let mut net = Net::linked(&ALL, &[(E, P), (A, P), (F, A)]);
    let draft = Draft::new(E, &[P], 1).with(Precedence::Flash);
    net.submit(&draft);
    net.run();
    assert_eq!(net.state(E, &draft), "P delivered");
    assert_eq!(net.story(&draft), ["E accepted", "P delivered"]);
}

#[test]
fn a_report_that_a_dead_hub_took_is_asked_for_by_another_way() {
    let mut net = Net::linked(&[P, A, B, F], &[(F, A), (B, P)]);
    let draft = Draft::new(F, &[P], 1).with(Precedence::Flash);
    net.submit(&draft);
    net.run();
    assert_eq!(net.state(F, &draft), "P held by A");
    net.down(F, A);
    net.up(F, B);
    net.run();
    assert_eq!(net.state(F, &draft), "P held by A");
    net.wait(60_000);
    assert_eq!(net.state(F, &draft), "P delivered");
    net.up(A, P);
    net.up(F, A);
    net.run();
    let story = net.story(&draft);
    let delivered = story.iter().filter(|line| *line == "P delivered").count();
    assert_eq!(delivered, 1, "{story:?}");
    assert_eq!(net.office(P).shelves.inbox.len(), 1);
}
