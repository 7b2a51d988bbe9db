//! What the twin has committed, and how a write changes it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use certs::signature::Digest;
use relay::{
    duty::step::StepName,
    envelope::EnvelopeBytes,
    envelope_id::{EnvelopeId, EnvelopeKey},
    receipt::Event,
    record::Record,
    step::{CallEntry, Loaded, QueuePlace, SentOnce, StoredEnvelope, StoredReceipt, Write},
    timestamp::Timestamp,
};
use topology::{Precedence, RoomId};

use super::{
    super::{ReceiptRow, SIGNED_AT_AMONG, merge_keys},
    MemoryLine,
    log::KeptLog,
};

/// What was committed.
#[derive(Debug, Clone, Default)]
pub(super) struct Durable {
    pub(super) envelopes: BTreeMap<EnvelopeKey, Kept>,
    pub(super) records: BTreeMap<EnvelopeKey, Record>,
    pub(super) due: BTreeSet<(Timestamp, EnvelopeKey)>,
    pub(super) queue: BTreeSet<QueuePlace>,
    pub(super) receipts: Vec<StoredReceipt>,
    pub(super) receipts_by_key: BTreeMap<EnvelopeKey, Vec<usize>>,
    pub(super) receipt_leaves: BTreeSet<u64>,
    pub(super) outbox: BTreeMap<(RoomId, u64), usize>,
    pub(super) cursors: BTreeMap<RoomId, (u64, u64)>,
    pub(super) inbox: BTreeMap<EnvelopeKey, MemoryLine>,
    pub(super) calls: BTreeMap<EnvelopeKey, CallEntry>,
    pub(super) sent_once: BTreeMap<Digest, SentOnce>,
    pub(super) collisions: BTreeMap<EnvelopeKey, Vec<Arc<[u8]>>>,
    pub(super) epochs: BTreeMap<u64, (u64, Arc<[u8]>)>,
    pub(super) steps: BTreeSet<StepName>,
    pub(super) log: KeptLog,
}

#[derive(Debug, Clone)]
pub(super) struct Kept {
    pub(super) bytes: EnvelopeBytes,
    pub(super) content_key: Option<Vec<u8>>,
}

impl Durable {
    /// One write that the check has let through.
    pub(super) fn apply(&mut self, write: Write) {
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
            Write::Call { key, entry } => drop(self.calls.insert(key, entry)),
            Write::SentOnce(once) => drop(self.sent_once.insert(once.name, once)),
            Write::InboxDeed { key, event } => {
                if let Some(line) = self.inbox.get_mut(&key) {
                    line.deeds.insert(event);
                }
            }
            Write::Collision { key, digest: _, header } => {
                self.collisions.entry(key).or_default().push(header);
            }
            Write::Epoch { epoch, seq, bytes } => drop(self.epochs.insert(epoch.counter, (seq, bytes))),
            Write::DutyStep { name, .. } => drop(self.steps.insert(name)),
            Write::Log(_)
            | Write::Leaf { .. }
            | Write::Tick { .. }
            | Write::TickCited(_)
            | Write::Checkpoint { .. }
            | Write::Dated(_)
            | Write::HeldHead { .. }
            | Write::HistoryBreak { .. }
            | Write::LinkState { .. } => self.log.apply(write),
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
        self.receipt_leaves.insert(stored.leaf);
        if stored.own
            && statement.event == Event::Alerted
            && let Some(line) = self.inbox.get_mut(&statement.key())
        {
            line.deeds.insert(Event::Alerted);
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

    pub(super) fn waiting(
        &self,
        neighbour: RoomId,
        precedence: Precedence,
        messages: usize,
        bytes: u64,
    ) -> Vec<StoredEnvelope> {
        let origin = RoomId::from_bytes([0; RoomId::LEN]);
        let key = EnvelopeKey { origin, id: EnvelopeId::from_bytes([0; EnvelopeId::LEN]) };
        let first = QueuePlace { neighbour, precedence, since: Timestamp::from_ms(i64::MIN), key };
        let lane = self.queue.range(first..);
        let lane = lane.take_while(|p| p.neighbour == neighbour && p.precedence == precedence);
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

    pub(super) fn load(&self) -> Loaded {
        let mut loaded = Loaded { outboxes: self.cursors.clone(), ..Loaded::default() };
        loaded.epoch_counter = self.epochs.last_key_value().map_or(0, |(counter, _)| *counter);
        self.log.load(&mut loaded);
        for place in &self.queue {
            *loaded.queued.entry((place.neighbour, place.precedence)).or_default() += 1;
        }
        for record in self.records.values().filter(|record| record.is_held_for_source()) {
            if let Some(source) = record.source {
                let held = loaded.held.entry((source, record.precedence)).or_default();
                *held = (held.0 + 1, held.1 + record.size_bytes);
            }
        }
        let newest = self.receipts.iter().rev().take(usize::from(SIGNED_AT_AMONG));
        loaded.signed_at = newest.filter(|row| row.own).map(|row| row.receipt.receipt().at).max();
        loaded
    }

    pub(super) fn receipts_of(&self, key: &EnvelopeKey) -> Vec<ReceiptRow> {
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
