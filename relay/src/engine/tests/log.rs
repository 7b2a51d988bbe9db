//! The log of a room: no leaf is missing, none is there twice, and every run begins where the last one ended.

use certs::{
    cbor,
    signature::{ContentType, verify},
};
use topology::Flow;

use super::{
    office::Office,
    rooms::{A, C, D, Draft, NOW, P, at, keyring},
};
use crate::engine::EpochStart;

fn starts(office: &Office) -> Vec<EpochStart> {
    let read = |bytes: &[u8]| verify(bytes, ContentType::EpochStart, &keyring()).unwrap();
    office.shelves.epochs.iter().map(|(_, bytes)| cbor::decode(&read(bytes).payload, 4096).unwrap()).collect()
}

#[test]
fn the_first_run_begins_at_leaf_nought_with_nothing_before_it() {
    let office = Office::new(A);
    let start = &starts(&office)[0];
    assert_eq!((start.seq, start.previous, start.epoch.counter, start.room), (0, None, 1, A));
}

#[test]
fn a_later_run_counts_on_and_names_the_root_before_it() {
    let mut office = Office::new(A);
    office.arrival(C, &Draft::new(C, &[A, P], 1), &[A, P]);
    let before = office.shelves.books.root(3);
    let office = office.restarted(NOW);
    let start = &starts(&office)[1];
    assert_eq!((start.seq, start.previous, start.epoch.counter), (3, before, 2));
    office.check_books();
}

#[test]
fn two_starts_without_anything_between_them_are_linked() {
    let office = Office::new(A).restarted(NOW);
    assert_eq!(starts(&office)[1].previous, office.shelves.books.root(1));
}

#[test]
fn leaves_have_no_gap_whatever_is_signed() {
    let mut office = Office::new(A);
    let own = Draft::new(A, &[P], 1);
    let refused = Draft::new(C, &[D], 2);
    let collided = Draft { body: vec![1], ..Draft::new(C, &[P], 3) };
    office.submit(&own);
    office.arrival(C, &refused, &[D]);
    office.arrival(C, &Draft::new(C, &[P], 3), &[P]);
    office.arrival(C, &collided, &[P]);
    office.arrival(P, &Draft::new(P, &[A, C], 4).flowing(Flow::Down), &[A, C]);
    office.due(at(3_600_000));
    office.check_books();
    assert_eq!(office.shelves.receipts.iter().filter(|receipt| receipt.own).count(), 9);
}
