//! The store's twin in memory, for simulations: the same promises, nothing on a disk.
//!
//! A commit is all or nothing. [`MemoryStore::crash`] gives what would be found after a power cut; since every commit is
//! durable when it returns, that is everything committed.

use std::{
    collections::{BTreeMap, BTreeSet},
    future::{Future, ready},
    sync::Arc,
};

use certs::signature::digest;
use relay::{
    envelope::EnvelopeBytes,
    envelope_id::{EnvelopeKey, Epoch},
    receipt::Event,
    record::Record,
    step::{InboxEntry, Loaded, QueuePlace, StoredEnvelope, StoredReceipt, Write},
    timestamp::Timestamp,
};
use topology::{Precedence, RoomId};

use super::{NumberedReceipt, ReceiptRow, Store, StoreError, merge_keys};

mod check;

/// A store that lives as long as its value.
#[derive(Debug, Default)]
pub struct MemoryStore {
    durable: Durable,
    failing: bool,
}

/// What was committed.
#[derive(Debug, Clone, Default)]
struct Durable {
    envelopes: BTreeMap<EnvelopeKey, Kept>,
    records: BTreeMap<EnvelopeKey, Record>,
    due: BTreeSet<(Timestamp, EnvelopeKey)>,
    queue: BTreeSet<QueuePlace>,
    receipts: Vec<StoredReceipt>,
    receipts_by_key: BTreeMap<EnvelopeKey, Vec<usize>>,
    own_by_seq: BTreeMap<u64, usize>,
    outbox: BTreeMap<(RoomId, u64), usize>,
    cursors: BTreeMap<RoomId, (u64, u64)>,
    inbox: BTreeMap<EnvelopeKey, MemoryLine>,
    collisions: BTreeMap<EnvelopeKey, Vec<Arc<[u8]>>>,
    epochs: BTreeMap<u64, (u64, Arc<[u8]>)>,
}

#[derive(Debug, Clone)]
struct Kept {
    bytes: EnvelopeBytes,
    content_key: Option<Vec<u8>>,
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

    /// The body's key under the storage key, for checks.
    pub fn content_key(&self, key: &EnvelopeKey) -> Option<&[u8]> {
        self.durable.envelopes.get(key)?.content_key.as_deref()
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

impl Durable {
    /// One write that [`Self::check`] has let through.
    fn apply(&mut self, write: Write) {
        match write {
            Write::Envelope { key, bytes, content_key, summary: _ } => {
                self.envelopes.insert(key, Kept { bytes, content_key });
            }
            Write::Keys { key, bytes } => self.add_keys(key, bytes),
            Write::ContentKey { key, content_key } => {
                if let Some(kept) = self.envelopes.get_mut(&key) {
                    kept.content_key = Some(content_key);
                }
            }
            Write::Record(record) => self.put(record),
            Write::Enqueue(place) => drop(self.queue.insert(place)),
            Write::Dequeue(place) => drop(self.queue.remove(&place)),
            Write::Receipt(receipt) => self.add_receipt(receipt),
            Write::OutboxStored { neighbour, upto } => self.move_outbox(neighbour, 1, upto),
            Write::Inbox { key, nr, epoch, entry, delivered_at } => {
                let deeds = BTreeSet::new();
                self.inbox.insert(key, MemoryLine { nr, epoch, entry, delivered_at, deeds });
            }
            Write::InboxDeed { key, event } => {
                if let Some(line) = self.inbox.get_mut(&key) {
                    line.deeds.insert(event);
                }
            }
            Write::Collision { key, digest: _, header } => {
                self.collisions.entry(key).or_default().push(header);
            }
            Write::Epoch { epoch, seq, bytes } => drop(self.epochs.insert(epoch.counter, (seq, bytes))),
        }
    }

    fn add_keys(&mut self, key: EnvelopeKey, bytes: EnvelopeBytes) {
        match self.envelopes.get_mut(&key) {
            Some(kept) => {
                let keys = merge_keys(&kept.bytes.keys, bytes.keys);
                kept.bytes = EnvelopeBytes { keys, ..bytes };
            }
            None => drop(self.envelopes.insert(key, Kept { bytes, content_key: None })),
        }
    }

    fn put(&mut self, record: Record) {
        if let Some(at) = self.records.get(&record.key).and_then(Record::due_at) {
            self.due.remove(&(at, record.key));
        }
        if let Some(at) = record.due_at() {
            self.due.insert((at, record.key));
        }
        self.records.insert(record.key, record);
    }

    fn add_receipt(&mut self, stored: StoredReceipt) {
        let row = self.receipts.len();
        let statement = stored.receipt.receipt();
        self.receipts_by_key.entry(statement.key()).or_default().push(row);
        if stored.own {
            self.own_by_seq.insert(statement.seq, row);
            if statement.event == Event::Alerted
                && let Some(line) = self.inbox.get_mut(&statement.key())
            {
                line.deeds.insert(Event::Alerted);
            }
        }
        if let Some((neighbour, number)) = stored.outbox {
            self.outbox.insert((neighbour, number), row);
            self.move_outbox(neighbour, number.saturating_add(1), 0);
        }
        self.receipts.push(stored);
    }

    fn move_outbox(&mut self, neighbour: RoomId, next: u64, stored: u64) {
        let cursor = self.cursors.entry(neighbour).or_insert((1, 0));
        *cursor = (cursor.0.max(next), cursor.1.max(stored));
    }

    fn waiting(
        &self,
        neighbour: RoomId,
        precedence: Precedence,
        messages: usize,
        bytes: u64,
    ) -> Vec<StoredEnvelope> {
        let lane = self.queue.iter().filter(|p| p.neighbour == neighbour && p.precedence == precedence);
        let (mut found, mut total) = (Vec::new(), 0_u64);
        for place in lane.take(messages.max(1)) {
            let (Some(record), Some(kept)) = (self.records.get(&place.key), self.envelopes.get(&place.key))
            else {
                continue;
            };
            total = total.saturating_add(record.size_bytes);
            if total > bytes && !found.is_empty() {
                break;
            }
            found.push(StoredEnvelope { record: record.clone(), bytes: kept.bytes.clone() });
        }
        found
    }

    fn load(&self) -> Loaded {
        let mut loaded = Loaded { outboxes: self.cursors.clone(), ..Loaded::default() };
        let epoch = self.epochs.last_key_value();
        let own = self.own_by_seq.last_key_value();
        loaded.epoch_counter = epoch.map_or(0, |(counter, _)| *counter);
        let leaves = [
            epoch.map(|(_, (seq, bytes))| (*seq, digest(bytes))),
            own.map(|(seq, row)| (*seq, digest(self.receipts[*row].receipt.bytes()))),
        ];
        if let Some((seq, leaf)) = leaves.into_iter().flatten().max_by_key(|(seq, _)| *seq) {
            loaded.next_seq = seq + 1;
            loaded.last_leaf = Some(leaf);
        }
        for place in &self.queue {
            *loaded.queued.entry((place.neighbour, place.precedence)).or_default() += 1;
        }
        for record in self.records.values().filter(|record| record.is_held_for_source()) {
            if let Some(source) = record.source {
                let held = loaded.held.entry((source, record.precedence)).or_default();
                *held = (held.0 + 1, held.1 + record.size_bytes);
            }
        }
        loaded
    }

    fn receipts_of(&self, key: &EnvelopeKey) -> Vec<ReceiptRow> {
        let rows = self.receipts_by_key.get(key).map_or(&[][..], Vec::as_slice);
        rows.iter().map(|row| receipt_row(&self.receipts[*row])).collect()
    }
}

fn receipt_row(stored: &StoredReceipt) -> ReceiptRow {
    let statement = stored.receipt.receipt();
    ReceiptRow {
        event: statement.event,
        recipient: statement.recipient,
        issuer: statement.issuer,
        own: stored.own,
        bytes: stored.receipt.bytes().clone(),
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
