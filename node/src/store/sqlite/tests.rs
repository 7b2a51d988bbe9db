//! What only a store on a disk can get wrong.

mod calls;
mod damage;
mod keeping;
mod people;

use std::{cell::Cell, path::PathBuf};

use relay::step::Write;
use topology::Precedence;

use super::*;
use crate::store::conformance::{
    sample::{NEXT, Sample},
    suite,
};

const NEW: OpenOptions = OpenOptions { create: true, pages_max: None };
const KNOWN: OpenOptions = OpenOptions { create: false, pages_max: None };

/// A directory with room for one database.
struct Place {
    directory: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("store.db")
    }

    async fn open(&self) -> SqliteStore {
        SqliteStore::open(&self.path(), NEW).await.unwrap()
    }

    async fn refused(&self) -> StoreError {
        SqliteStore::open(&self.path(), KNOWN).await.unwrap_err()
    }
}

fn arrive(sample: &Sample) -> Vec<Write> {
    vec![sample.envelope(), Write::Record(sample.record.clone()), Write::Enqueue(sample.place())]
}

async fn waiting(store: &mut SqliteStore) -> Vec<StoredEnvelope> {
    store.next_waiting(NEXT, Precedence::Routine, 100, u64::MAX).await.unwrap()
}

#[tokio::test]
async fn the_store_on_sqlite_keeps_the_promises() {
    let directory = tempfile::tempdir().unwrap();
    let made = Cell::new(0);
    let make = async || {
        made.set(made.get() + 1);
        let path = directory.path().join(format!("{}.db", made.get()));
        SqliteStore::open(&path, NEW).await.unwrap()
    };
    let reopen = async |store: SqliteStore| {
        let path = store.path().to_owned();
        store.close().await.unwrap();
        SqliteStore::open(&path, KNOWN).await.unwrap()
    };
    suite(make, reopen).await;
}

#[tokio::test]
async fn what_was_committed_is_there_after_a_drop_without_a_close() {
    let place = Place::new();
    let sample = Sample::new(1, Precedence::Routine);
    let mut store = place.open().await;
    store.commit(arrive(&sample)).await.unwrap();
    drop(store);
    let mut store = SqliteStore::open(&place.path(), KNOWN).await.unwrap();
    assert_eq!(waiting(&mut store).await.len(), 1);
}

#[tokio::test]
async fn an_abandoned_commit_leaves_nothing_behind_and_nothing_open() {
    let place = Place::new();
    let mut store = place.open().await;
    store.begin().await.unwrap();
    store.run("INSERT INTO queue (place) VALUES (zeroblob(57))").await.unwrap();
    assert!(store.load().await.unwrap().queued.is_empty());
    store.commit(arrive(&Sample::new(1, Precedence::Routine))).await.unwrap();
    assert_eq!(waiting(&mut store).await.len(), 1);
}

#[tokio::test]
async fn the_file_is_for_the_node_only_and_carries_our_mark() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = Place::new();
    let store = place.open().await;
    let mode = std::fs::metadata(place.path()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let log = place.path().with_extension("db-wal");
    assert_eq!(std::fs::metadata(log).unwrap().permissions().mode() & 0o777, 0o600);
    store.close().await.unwrap();
    let header = std::fs::read(place.path()).unwrap();
    assert_eq!(&header[68..72], b"yich");
    assert_eq!(header[60..64], schema::VERSION.to_be_bytes()[4..]);
}

#[tokio::test]
async fn a_full_disk_refuses_the_commit_and_keeps_what_was_there() {
    let place = Place::new();
    let options = OpenOptions { create: true, pages_max: Some(60) };
    let mut store = SqliteStore::open(&place.path(), options).await.unwrap();
    let mut stored = 0;
    let outcome = loop {
        let outcome = store.commit(arrive(&Sample::new(stored, Precedence::Routine))).await;
        if outcome.is_err() {
            break outcome;
        }
        stored += 1;
    };
    assert!(matches!(outcome, Err(StoreError::Full)), "{outcome:?}");
    assert!(stored > 5);
    assert_eq!(waiting(&mut store).await.len() as u32, stored);
    let refused = Sample::new(stored, Precedence::Routine).record.key;
    assert!(store.records(&[refused]).await.unwrap().is_empty());
    store.close().await.unwrap();
    let mut store = SqliteStore::open(&place.path(), KNOWN).await.unwrap();
    assert_eq!(waiting(&mut store).await.len() as u32, stored);
    store.commit(arrive(&Sample::new(stored, Precedence::Routine))).await.unwrap();
}
