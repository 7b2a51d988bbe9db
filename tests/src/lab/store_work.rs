//! A store at work, in a process of its own, so that its input and output can be failed from outside; and what must be
//! true of its database afterwards.

use std::{collections::BTreeSet, path::Path};

use node::store::{
    Store, StoreError,
    conformance::sample::{NEXT, Sample},
    sqlite::{OpenOptions, SqliteReader, SqliteStore},
};
use relay::{envelope_id::EnvelopeKey, step::Write};
use topology::Precedence;

use crate::say;

/// Commits of one run: some small, one that takes many pages.
pub const COMMITS: u32 = 6;
const LARGE_BYTES: usize = 24 * 1024;

/// The sample with this number.
pub fn sample(number: u32) -> Sample {
    let bytes = if number % COMMITS == COMMITS / 2 { LARGE_BYTES } else { 2048 };
    Sample::with_body(number, Precedence::Routine, bytes)
}

/// What one commit writes: an envelope, what is remembered of it, and its place in the queue.
pub fn writes(sample: &Sample) -> Vec<Write> {
    vec![sample.envelope(), Write::Record(sample.record.clone()), Write::Enqueue(sample.place())]
}

/// Opens the database, commits samples from this number on, each named when its commit has returned, and closes.
///
/// # Errors
/// The first failure; the process is to end then, as a node begins anew from the disk.
pub async fn work(database: &Path, first: u32) -> Result<(), StoreError> {
    let mut store = SqliteStore::open(database, OpenOptions { create: true, pages_max: None }).await?;
    for number in first..first + COMMITS {
        store.commit(writes(&sample(number))).await?;
        say(&number.to_string());
    }
    store.close().await
}

/// What a database must hold after faults.
///
/// # Panics
/// When a sample that was acknowledged is missing or altered, one is there in part, or the file is not sound.
pub async fn check(database: &Path, tried: u32, acknowledged: &BTreeSet<u32>) {
    let mut store = SqliteStore::open(database, OpenOptions::default()).await.expect("the database opens");
    let samples: Vec<Sample> = (0..tried).map(sample).collect();
    let keys: Vec<EnvelopeKey> = samples.iter().map(|sample| sample.record.key).collect();
    let records = store.records(&keys).await.expect("records are read");
    let waiting = store.next_waiting(NEXT, Precedence::Routine, usize::MAX >> 1, u64::MAX >> 1).await;
    let waiting = waiting.expect("the queue is read");
    for (number, sample) in samples.iter().enumerate() {
        let is_there = records.contains_key(&sample.record.key);
        let served = waiting.iter().find(|envelope| envelope.record.key == sample.record.key);
        assert_eq!(is_there, served.is_some(), "commit {number} is there in part");
        assert!(served.is_none_or(|served| served.bytes == sample.bytes), "commit {number} is altered");
        let number = u32::try_from(number).expect("a small number");
        assert!(is_there || !acknowledged.contains(&number), "commit {number} was acknowledged and is lost");
    }
    store.close().await.expect("the store closes");
    let reader = SqliteReader::open(database).await.expect("the database opens to read");
    assert_eq!(reader.check().await.expect("the file is read through"), Vec::<String>::new());
    reader.close().await;
}
