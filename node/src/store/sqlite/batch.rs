//! The writes of one commit, sorted by table, so that each table needs few statements. Only the last state of a
//! record or of a place in the queue is written; within a table the order stays.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    sync::Arc,
};

use certs::signature::Digest;
use relay::{
    duty::step::StepName,
    envelope::EnvelopeBytes,
    envelope_id::{EnvelopeKey, Epoch},
    receipt::Event,
    record::Record,
    step::{CallEntry, InboxEntry, QueuePlace, SentOnce, StoredReceipt, Write},
    timestamp::Timestamp,
};
use topology::RoomId;

use super::{
    super::{StoreError, merge_keys},
    log::{HistoryBreak, LogBatch},
};

/// What one commit changes.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) envelopes: BTreeMap<EnvelopeKey, NewEnvelope>,
    /// More wrapped keys of envelopes that were stored before.
    pub(super) keys: BTreeMap<EnvelopeKey, EnvelopeBytes>,
    pub(super) content_keys: BTreeMap<EnvelopeKey, Vec<u8>>,
    pub(super) records: BTreeMap<EnvelopeKey, Record>,
    /// Whether the place is taken in the end.
    pub(super) places: BTreeMap<QueuePlace, bool>,
    pub(super) receipts: Vec<StoredReceipt>,
    /// Next number and last confirmed number, as far as this batch moves them.
    pub(super) outboxes: BTreeMap<RoomId, (u64, u64)>,
    pub(super) inbox: Vec<NewLine>,
    pub(super) calls: Vec<(EnvelopeKey, CallEntry)>,
    pub(super) sent_once: Vec<SentOnce>,
    pub(super) deeds: Vec<(EnvelopeKey, Event)>,
    pub(super) collisions: Vec<(EnvelopeKey, Digest, Arc<[u8]>)>,
    pub(super) epochs: Vec<(Epoch, u64, Arc<[u8]>)>,
    pub(super) steps: Vec<(StepName, EnvelopeKey, u64)>,
    pub(super) log: LogBatch,
}

/// A row of `envelope`.
#[derive(Debug)]
pub(super) struct NewEnvelope {
    pub(super) key: EnvelopeKey,
    pub(super) bytes: EnvelopeBytes,
    pub(super) content_key: Option<Vec<u8>>,
    pub(super) summary: Option<Vec<u8>>,
}

/// A row of `inbox`.
#[derive(Debug)]
pub(super) struct NewLine {
    pub(super) key: EnvelopeKey,
    pub(super) nr: u64,
    pub(super) epoch: Epoch,
    pub(super) entry: InboxEntry,
    pub(super) delivered_at: Timestamp,
}

impl Batch {
    /// Sorts the writes of a commit.
    ///
    /// # Errors
    /// [`StoreError::Database`] when one envelope is new twice.
    pub(super) fn sort(writes: Vec<Write>) -> Result<Self, StoreError> {
        let mut batch = Self::default();
        for write in writes {
            batch.add(write)?;
        }
        Ok(batch)
    }

    fn add(&mut self, write: Write) -> Result<(), StoreError> {
        match write {
            Write::Envelope { key, bytes, content_key, summary } => {
                return self.add_envelope(NewEnvelope { key, bytes, content_key, summary });
            }
            Write::Keys { key, bytes } => self.add_keys(key, bytes),
            Write::ContentKey { key, content_key } => match self.envelopes.get_mut(&key) {
                Some(envelope) => envelope.content_key = Some(content_key),
                None => drop(self.content_keys.insert(key, content_key)),
            },
            Write::Record(record) => drop(self.records.insert(record.key, record)),
            Write::Enqueue(place) => drop(self.places.insert(place, true)),
            Write::Dequeue(place) => drop(self.places.insert(place, false)),
            Write::Receipt(receipt) => self.add_receipt(receipt),
            Write::OutboxStored { neighbour, upto } => self.move_outbox(neighbour, 1, upto),
            Write::Inbox { key, nr, epoch, entry, delivered_at } => {
                self.inbox.push(NewLine { key, nr, epoch, entry, delivered_at });
            }
            Write::Call { key, entry } => self.calls.push((key, entry)),
            Write::SentOnce(once) => self.sent_once.push(once),
            Write::InboxDeed { key, event } => self.deeds.push((key, event)),
            Write::Collision { key, digest, header } => self.collisions.push((key, digest, header)),
            Write::Epoch { epoch, seq, bytes } => self.epochs.push((epoch, seq, bytes)),
            Write::DutyStep { name, subject, leaf } => self.steps.push((name, subject, leaf)),
            Write::Log(run) => self.log.runs.push(run),
            Write::Leaf { leaf, kind, bytes } => self.log.leaves.push((leaf, kind, bytes)),
            Write::Tick { tick, cited } => self.log.ticks.push((tick, cited)),
            Write::TickCited(name) => self.log.cited.push(name),
            Write::Checkpoint { head, bytes } => self.log.checkpoints.push((head, bytes)),
            Write::Dated(dated) => self.log.dated.push(dated),
            Write::HeldHead { room, held } => drop(self.log.held.insert(room, held)),
            Write::HistoryBreak { room, is_declared, held, shown } => {
                self.log.breaks.push(HistoryBreak { room, is_declared, held, shown });
            }
            Write::LinkState { neighbour, state } => drop(self.log.links.insert(neighbour, state)),
        }
        Ok(())
    }

    fn add_envelope(&mut self, envelope: NewEnvelope) -> Result<(), StoreError> {
        match self.envelopes.entry(envelope.key) {
            Entry::Occupied(taken) => {
                Err(StoreError::Database(format!("envelope {} is new twice in one commit", taken.key().id)))
            }
            Entry::Vacant(free) => {
                free.insert(envelope);
                Ok(())
            }
        }
    }

    fn add_keys(&mut self, key: EnvelopeKey, bytes: EnvelopeBytes) {
        if let Some(envelope) = self.envelopes.get_mut(&key) {
            envelope.bytes.keys = merge_keys(&envelope.bytes.keys, bytes.keys);
        } else if let Some(earlier) = self.keys.get_mut(&key) {
            earlier.keys = merge_keys(&earlier.keys, bytes.keys);
        } else {
            self.keys.insert(key, bytes);
        }
    }

    fn add_receipt(&mut self, receipt: StoredReceipt) {
        if let Some((neighbour, number)) = receipt.outbox {
            self.move_outbox(neighbour, number.saturating_add(1), 0);
        }
        let statement = receipt.receipt.receipt();
        if receipt.own && statement.event == Event::Alerted {
            self.deeds.push((statement.key(), Event::Alerted));
        }
        self.receipts.push(receipt);
    }

    fn move_outbox(&mut self, neighbour: RoomId, next: u64, stored: u64) {
        let cursor = self.outboxes.entry(neighbour).or_insert((1, 0));
        *cursor = (cursor.0.max(next), cursor.1.max(stored));
    }
}
