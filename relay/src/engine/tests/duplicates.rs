//! An envelope that is known comes again: answered with what is stored, never delivered or signed twice; and other
//! bytes under the same id.

use std::sync::Arc;

use topology::{Flow, Map, Precedence, Relation, RelationKind, RoomId};

use super::{
    office::{Office, Shelves},
    rooms::{A, B, C, D, Draft, E, F, P, at, plan},
    tale::{said, tale},
};
use crate::{
    limits::{COLLISIONS_KEPT, Quota},
    receipt::Event,
    step::{Input, StorageLevel},
};

#[test]
fn a_target_answers_again_and_delivers_once() {
    let mut office = Office::new(P);
    let draft = Draft::new(C, &[P], 1);
    office.arrival(A, &draft, &[P]);
    assert_eq!(tale(&office.arrival(A, &draft, &[P])), ["to A: answers for P"]);
    assert_eq!(office.shelves.inbox.len(), 1);
}

#[test]
fn a_hub_that_still_carries_it_only_answers() {
    let mut office = Office::new(A);
    let draft = Draft::new(C, &[P], 1);
    office.arrival(C, &draft, &[P]);
    assert_eq!(tale(&office.arrival(C, &draft, &[P])), ["to C: answers for P"]);
    assert_eq!(office.state(&draft), "P waits for P");
}

#[test]
fn a_hub_that_handed_it_on_asks_for_the_outcome_and_holds_again_when_the_same_custody_comes_back() {
    let mut office = Office::new(A);
    office.link_up(P);
    let draft = Draft::new(P, &[C], 1).flowing(Flow::Down);
    office.link_up(C);
    office.arrival(P, &draft, &[C]);
    let custody = draft.receipt(Event::Custody, C, C, 1);
    office.receipts(C, std::slice::from_ref(&custody));
    assert_eq!(office.state(&draft), "C held by C");
    assert_eq!(
        tale(&office.arrival(P, &draft, &[C])),
        ["record: C sent to C", "to P: answers for C", "to C: routine envelope for C"]
    );
    assert_eq!(tale(&office.receipts(C, &[custody])), ["record: C held by C"]);
}

#[test]
fn a_duplicate_with_a_new_recipient_is_custody_for_that_one() {
    let mut office = Office::new(A);
    let draft = Draft::new(P, &[C, D], 1).flowing(Flow::Down);
    office.arrival(P, &draft, &[C]);
    assert_eq!(
        tale(&office.arrival(P, &draft, &[C, D])),
        [
            "store keys for C D",
            "receipt custody by A for D, outbox P 2",
            "queue for D",
            "record: C waits for C, D waits for D",
            "to P: answers for C",
        ]
    );
}

#[test]
fn a_recipient_that_joins_later_gets_its_line_of_the_inbox_and_its_key() {
    let mut office = Office::new(A);
    let draft = Draft::new(C, &[P, A], 1);
    office.arrival(C, &draft, &[P]);
    office.arrival(C, &draft, &[A, P]);
    assert_eq!(office.state(&draft), "P waits for P, A here");
    assert_eq!((office.shelves.inbox.len(), office.shelves.content_keys.len()), (1, 1));
}

#[test]
fn a_new_recipient_is_not_taken_while_the_disk_is_full_but_the_known_one_is_answered() {
    let mut office = Office::new(A);
    let draft = Draft::new(P, &[C, D], 1).flowing(Flow::Down);
    office.arrival(P, &draft, &[C]);
    office.turn(Input::Storage(StorageLevel::Critical), at(0));
    assert_eq!(
        tale(&office.arrival(P, &draft, &[C, D])),
        ["to P: answers for C", "to P: not taken, storage_low"]
    );
    assert_eq!(office.state(&draft), "C waits for C");
}

#[test]
fn other_bytes_under_the_same_id_end_in_a_collision_and_both_are_kept() {
    let mut office = Office::new(A);
    let (first, second) = (Draft::new(C, &[P], 1), Draft { body: vec![9; 9], ..Draft::new(C, &[P], 1) });
    office.arrival(C, &first, &[P]);
    assert_eq!(
        tale(&office.arrival(C, &second, &[P])),
        [
            "keep collision",
            "receipt collision by A for P because collision, outbox C 2",
            "record: P waits for P"
        ]
    );
    let last = office.shelves.receipts.last().unwrap().receipt.receipt();
    assert_eq!(last.envelope_digest, second.envelope().digest());
    assert_eq!(tale(&office.arrival(C, &second, &[P])), ["to C: answers for P"]);
    assert_eq!(tale(&office.arrival(C, &first, &[P])), ["to C: answers for P"]);
}

#[test]
fn endless_different_bytes_under_one_id_are_not_taken_and_close_no_link() {
    let mut office = Office::new(A);
    office.arrival(C, &Draft::new(C, &[P], 1), &[P]);
    let other = |n: usize| Draft { body: vec![9; n + 1], ..Draft::new(C, &[P], 1) };
    for n in 0..COLLISIONS_KEPT {
        office.arrival(C, &other(n), &[P]);
    }
    assert_eq!(said(&office.arrival(C, &other(99), &[P])), ["to C: not taken, too_many_collisions"]);
    assert_eq!(said(&office.arrival(C, &other(0), &[P])), ["to C: answers for P"]);
}

#[test]
fn the_outcome_of_a_collision_is_that_of_the_other_bytes_only() {
    let mut office = Office::new(C);
    office.link_up(A);
    let draft = Draft::new(C, &[P], 1);
    office.submit(&draft);
    let about_others = Draft { body: vec![9; 9], ..draft.clone() }.receipt(Event::Collision, A, P, 1);
    assert_eq!(tale(&office.receipts(A, &[about_others])), [""; 0]);
    assert_eq!(office.state(&draft), "P sent to A");
    office.receipts(A, &[draft.receipt(Event::Collision, A, P, 2)]);
    assert_eq!(office.state(&draft), "P collision");
}

#[test]
fn the_same_envelope_by_another_way_is_answered_there() {
    let mut office = Office::new(P);
    let draft = Draft::new(F, &[P], 1).with(Precedence::Flash);
    office.arrival(A, &draft, &[P]);
    assert_eq!(tale(&office.arrival(B, &draft, &[P])), ["to B: answers for P"]);
}

#[test]
fn whoever_brings_a_new_recipient_by_another_way_is_told_what_was_signed_for_it() {
    let mut office = Office::new(P);
    let draft = Draft::new(F, &[P, A], 1);
    office.arrival(A, &draft, &[P]);
    let step = office.arrival(B, &draft, &[A, P]);
    assert_eq!(said(&step), ["to B: answers for P", "to B: answers for A"]);
    assert_eq!(office.state(&draft), "P here, A waits for A");
}

/// The map, with C under this parent and F a peer of E.
fn map_with(version: u64, parent_of_c: RoomId) -> Arc<Map> {
    let mut plan = plan();
    plan.version = version;
    for room in &mut plan.rooms {
        match room.id {
            id if id == C => room.parent = Some(parent_of_c),
            id if id == F => room.relations = vec![Relation { kind: RelationKind::Peer, room: E }],
            _ => {}
        }
    }
    Arc::new(Map::new(plan).unwrap())
}

#[test]
fn what_comes_back_because_the_recipient_has_moved_here_is_handed_on_to_it() {
    let mut office = Office::open(A, map_with(1, B), Quota::default(), Shelves::default());
    office.link_up(P);
    office.link_up(D);
    let draft = Draft::new(D, &[C], 1).flowing(Flow::Lateral);
    office.arrival(D, &draft, &[C]);
    office.receipts(P, &[draft.receipt(Event::Custody, P, C, 1)]);
    assert_eq!(office.state(&draft), "C held by P");
    office.turn(Input::MapChanged(map_with(2, A)), at(0));
    office.link_up(C);
    office.arrival(P, &draft, &[C]);
    assert_eq!(office.state(&draft), "C sent to C");
}

#[test]
fn two_rooms_with_different_maps_do_not_hand_it_to_each_other_without_end() {
    let mut office = Office::open(P, map_with(1, A), Quota::default(), Shelves::default());
    office.link_up(A);
    office.link_up(B);
    let draft = Draft::new(F, &[E], 1).flowing(Flow::Lateral);
    office.arrival(A, &draft, &[E]);
    office.receipts(B, &[draft.receipt(Event::Custody, B, E, 1)]);
    assert_eq!(office.state(&draft), "E held by B");
    assert_eq!(said(&office.arrival(B, &draft, &[E])), ["to B: answers for E"]);
    assert_eq!(
        said(&office.arrival(A, &draft, &[E])),
        ["to A: answers for E", "to B: routine envelope for E"]
    );
}
