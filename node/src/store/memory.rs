//! The store's twin in memory, for simulations: the same promises, nothing on a disk.
//!
//! A commit is all or nothing. [`MemoryStore::crash`] gives what would be found after a power cut; since every commit is
//! durable when it returns, that is everything committed.

mod check;
mod durable;
mod log;

use std::{
    collections::{BTreeMap, BTreeSet},
    future::{Future, ready},
    sync::Arc,
};

use certs::signature::Digest;
use relay::{
    duty::step::StepName,
    envelope::EnvelopeBytes,
    envelope_id::{EnvelopeKey, Epoch},
    log::Range,
    receipt::Event,
    record::Record,
    step::{
        CallEntry, DatedCheckpoint, InboxEntry, Loaded, QueuePlace, StoredEnvelope, StoredReceipt, Write,
    },
    tick::TickRef,
    timestamp::Timestamp,
};
use topology::{Precedence, RoomId};

use self::durable::Durable;
use super::{NumberedReceipt, ReceiptRow, Store, StoreError};

/// A store that lives as long as its value.
#[derive(Debug, Default)]
pub struct MemoryStore {
    durable: Durable,
    failing: bool,
}

/// A line of the inbox, as a simulation looks at it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemoryLine {
    /// Its number from this origin in this epoch.
    pub nr: u64,
    /// The origin's epoch.
    pub epoch: Epoch,
    /// What was opened.
    pub entry: InboxEntry,
    /// When it was delivered.
    pub delivered_at: Timestamp,
    /// What officers did with it.
    pub deeds: BTreeSet<Event>,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// What a restart finds after a crash at this moment.
    pub fn crash(&self) -> Self {
        Self { durable: self.durable.clone(), failing: false }
    }

    /// Lets the next commit fail as on a full disk.
    pub fn fail_next_commit(&mut self) {
        self.failing = true;
    }

    /// The inbox, for checks.
    pub fn inbox(&self) -> &BTreeMap<EnvelopeKey, MemoryLine> {
        &self.durable.inbox
    }

    /// The notes of telephone calls, for checks.
    pub fn calls(&self) -> &BTreeMap<EnvelopeKey, CallEntry> {
        &self.durable.calls
    }

    /// All records, for checks.
    pub fn all_records(&self) -> &BTreeMap<EnvelopeKey, Record> {
        &self.durable.records
    }

    /// All receipts in the order in which they were stored, for checks.
    pub fn all_receipts(&self) -> &[StoredReceipt] {
        &self.durable.receipts
    }

    /// All places in queues, for checks.
    pub fn all_places(&self) -> &BTreeSet<QueuePlace> {
        &self.durable.queue
    }

    /// The next number and the last confirmed one of each outbox, for checks.
    pub fn outboxes(&self) -> &BTreeMap<RoomId, (u64, u64)> {
        &self.durable.cursors
    }

    /// An envelope's bytes, for checks.
    pub fn envelope(&self, key: &EnvelopeKey) -> Option<&EnvelopeBytes> {
        Some(&self.durable.envelopes.get(key)?.bytes)
    }

    /// The body's key under the storage key, for checks.
    pub fn content_key(&self, key: &EnvelopeKey) -> Option<&[u8]> {
        self.durable.envelopes.get(key)?.content_key.as_deref()
    }

    /// The hashes of all leaves of the log, for checks.
    pub fn leaves(&self) -> &[Digest] {
        &self.durable.log.leaves
    }

    /// Our dated checkpoints by size, for checks.
    pub fn dated(&self) -> &BTreeMap<u64, DatedCheckpoint> {
        &self.durable.log.dated
    }

    /// Ticks, and whether something cites them, for checks.
    pub fn has_tick(&self, name: &TickRef) -> bool {
        self.durable.log.ticks.contains_key(name)
    }

    /// Children whose logs did not continue what was held of them, and whether they said so, for checks.
    pub fn history_breaks(&self) -> &[(RoomId, bool)] {
        &self.durable.log.breaks
    }

    /// Other headers that came under an id, for checks.
    pub fn collisions(&self, key: &EnvelopeKey) -> &[Arc<[u8]>] {
        self.durable.collisions.get(key).map_or(&[], Vec::as_slice)
    }

    fn apply_all(&mut self, writes: Vec<Write>) -> Result<(), StoreError> {
        if std::mem::take(&mut self.failing) {
            return Err(StoreError::Full);
        }
        self.durable.check(&writes)?;
        for write in writes {
            self.durable.apply(write);
        }
        Ok(())
    }
}

impl Store for MemoryStore {
    fn commit(&mut self, writes: Vec<Write>) -> impl Future<Output = Result<(), StoreError>> + Send {
        ready(self.apply_all(writes))
    }

    fn records(
        &mut self,
        keys: &[EnvelopeKey],
    ) -> impl Future<Output = Result<BTreeMap<EnvelopeKey, Record>, StoreError>> + Send {
        let records = keys.iter().filter_map(|key| self.durable.records.get(key));
        ready(Ok(records.map(|record| (record.key, record.clone())).collect()))
    }

    fn next_waiting(
        &mut self,
        neighbour: RoomId,
        precedence: Precedence,
        messages: usize,
        bytes: u64,
    ) -> impl Future<Output = Result<Vec<StoredEnvelope>, StoreError>> + Send {
        ready(Ok(self.durable.waiting(neighbour, precedence, messages, bytes)))
    }

    fn outbox(
        &mut self,
        neighbour: RoomId,
        from: u64,
        count: usize,
    ) -> impl Future<Output = Result<Vec<NumberedReceipt>, StoreError>> + Send {
        let rows = self.durable.outbox.range((neighbour, from)..=(neighbour, u64::MAX)).take(count);
        let bytes = |row: &usize| self.durable.receipts[*row].receipt.bytes().clone();
        ready(Ok(rows.map(|((_, number), row)| (*number, bytes(row))).collect()))
    }

    fn receipts(
        &mut self,
        key: EnvelopeKey,
    ) -> impl Future<Output = Result<Vec<ReceiptRow>, StoreError>> + Send {
        ready(Ok(self.durable.receipts_of(&key)))
    }

    fn due(
        &mut self,
        now: Timestamp,
        count: usize,
    ) -> impl Future<Output = Result<Vec<EnvelopeKey>, StoreError>> + Send {
        let due = self.durable.due.iter().take_while(|(at, _)| *at <= now).take(count);
        ready(Ok(due.map(|(_, key)| *key).collect()))
    }

    fn open_records(
        &mut self,
        before: Timestamp,
        cursor: Option<(Timestamp, EnvelopeKey)>,
        count: usize,
    ) -> impl Future<Output = Result<Vec<(Timestamp, EnvelopeKey)>, StoreError>> + Send {
        let due = self.durable.due.iter().filter(|due| cursor.is_none_or(|cursor| **due > cursor));
        ready(Ok(due.take_while(|(at, _)| *at <= before).take(count).copied().collect()))
    }

    fn log_roots(
        &mut self,
        ranges: Vec<Range>,
    ) -> impl Future<Output = Result<Vec<Digest>, StoreError>> + Send {
        ready(self.durable.log.roots(&ranges))
    }

    fn tick(&mut self, name: TickRef) -> impl Future<Output = Result<Option<Arc<[u8]>>, StoreError>> + Send {
        ready(Ok(self.durable.log.ticks.get(&name).map(|(bytes, _)| bytes.clone())))
    }

    fn has_step(&mut self, name: StepName) -> impl Future<Output = Result<bool, StoreError>> + Send {
        ready(Ok(self.durable.steps.contains(&name)))
    }

    fn load(&mut self) -> impl Future<Output = Result<Loaded, StoreError>> + Send {
        ready(Ok(self.durable.load()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::conformance::{
        sample::{NEXT, Sample},
        suite,
    };

    #[tokio::test]
    async fn the_store_in_memory_keeps_the_promises() {
        suite(async || MemoryStore::new(), async |store: MemoryStore| store.crash()).await;
    }

    #[tokio::test]
    async fn a_commit_that_is_told_to_fail_leaves_nothing_and_the_next_succeeds() {
        let sample = Sample::new(1, Precedence::Routine);
        let mut store = MemoryStore::new();
        store.fail_next_commit();
        let outcome = store.commit(vec![Write::Enqueue(sample.place())]).await;
        assert!(matches!(outcome, Err(StoreError::Full)));
        assert!(store.all_places().is_empty());
        store.commit(vec![Write::Enqueue(sample.place())]).await.unwrap();
        assert_eq!(store.crash().load().await.unwrap().queued, [((NEXT, Precedence::Routine), 1)].into());
    }
}
