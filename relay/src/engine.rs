//! The engine: everything that a node decides, and nothing that it does.
//!
//! `handle(input, now)` gives a [`Step`]: what to write, what to say after the write, what to read next. It
//! holds the in-flight window of each link and a bounded cache of records; the queue is the store.
//! It promises: a duplicate is recognised, a receipt is signed only for what its step stores, urgent goes first,
//! and every envelope gets exactly one terminal outcome per recipient. It leaves to others: signatures of what
//! comes in (the types say that they hold), the disk, the links and the time.

mod arrival;
mod credit;
mod desk;
mod due;
mod duty;
mod handed;
mod heads;
mod lines;
mod link;
mod loss;
mod outbox;
mod queue;
mod receipts;
mod records;
mod routing;
mod submit;
mod ticks;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use certs::{
    cbor,
    signature::{self, ContentType, Digest, Signer},
};
use serde::{Deserialize, Serialize};
use topology::{Map, RoomId};

pub use self::link::first_credits;
use self::{
    handed::HandedOver, heads::Heads, lines::Lines, link::Link, outbox::Outbox, records::Records,
    ticks::Ticks,
};
use crate::{
    crash_point::CrashPoint,
    duty::step::StepName,
    envelope::ENVELOPE_VERSION,
    envelope_id::{EnvelopeKey, Epoch},
    limits::{CLOCK_TRUSTED_MS, Quota},
    log::Edge,
    receipt::{ClockOffset, Event, Reason, Receipt, VerifiedReceipt},
    record::Record,
    step::{Input, LeafKind, LinkState, Loaded, Send, Step, StorageLevel, Write},
    timestamp::Timestamp,
};

/// The deciding part of one node.
pub struct Engine {
    me: RoomId,
    map: Arc<Map>,
    signer: Arc<dyn Signer>,
    quota: Quota,
    epoch: Epoch,
    log: Edge,
    ticks: Ticks,
    heads: Heads,
    lines: Lines,
    clock: Option<ClockOffset>,
    storage: StorageLevel,
    numbers: BTreeMap<RoomId, u64>,
    links: BTreeMap<RoomId, Link>,
    outboxes: BTreeMap<RoomId, Outbox>,
    records: Records,
    /// Steps of timers that are known to be taken, of this batch only.
    steps_taken: BTreeSet<StepName>,
}

/// Who the engine decides for, and by what.
pub struct Seat {
    /// The room.
    pub me: RoomId,
    /// The plan in force.
    pub map: Arc<Map>,
    /// Signs headers and receipts.
    pub signer: Arc<dyn Signer>,
    /// What a child may have waiting here.
    pub quota: Quota,
}

/// The first leaf of a run: links it to the one before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EpochStart {
    /// The version, 1.
    pub v: u16,
    /// When it began.
    pub at: Timestamp,
    /// Its leaf number.
    pub seq: u64,
    /// The room.
    pub room: RoomId,
    /// The new epoch.
    pub epoch: Epoch,
    /// The Merkle root over all leaves before this one; null at the very first start.
    pub previous: Option<Digest>,
}

impl Engine {
    /// Begins a run: the returned step holds the epoch's first leaf and must be committed before anything else.
    /// `nonce` is eight random bytes.
    pub fn start(seat: Seat, loaded: Loaded, nonce: [u8; 8], now: Timestamp) -> (Self, Step) {
        let epoch = Epoch {
            nonce: serde_bytes::ByteArray::new(nonce),
            counter: loaded.epoch_counter.saturating_add(1),
        };
        let alive = LinkState::Down {
            at: loaded.tick.as_ref().map_or(now, |(tick, _)| tick.at.min(now)),
            tick: loaded.tick.as_ref().map(|(tick, _)| *tick),
        };
        let mut engine = Self {
            me: seat.me,
            map: seat.map,
            signer: seat.signer,
            quota: seat.quota,
            epoch,
            heads: Heads::resume(&loaded),
            lines: Lines::resume(loaded.links, alive),
            ticks: Ticks::resume(loaded.tick),
            log: loaded.log,
            clock: None,
            storage: StorageLevel::Normal,
            numbers: BTreeMap::new(),
            links: BTreeMap::new(),
            outboxes: BTreeMap::new(),
            records: Records::default(),
            steps_taken: BTreeSet::new(),
        };
        for ((neighbour, precedence), places) in &loaded.queued {
            engine.link(*neighbour).lane(*precedence).backlog = *places;
        }
        for ((neighbour, precedence), (messages, bytes)) in &loaded.held {
            engine.link(*neighbour).hold(*precedence, *messages, *bytes);
        }
        for (neighbour, (next, stored)) in &loaded.outboxes {
            engine.outboxes.insert(*neighbour, Outbox::resume(*next, *stored));
        }
        let step = engine.open_epoch(now);
        (engine, step)
    }

    fn open_epoch(&mut self, now: Timestamp) -> Step {
        let seq = self.log.size();
        let previous = (seq > 0).then(|| self.log.root());
        let leaf = EpochStart { v: 1, at: now, seq, room: self.me, epoch: self.epoch, previous };
        let bytes = signature::sign(&*self.signer, ContentType::EpochStart, &cbor::encode(&leaf));
        self.log.append(&bytes);
        let run = self.log.take_run();
        let epoch = Write::Epoch { epoch: self.epoch, seq, bytes: bytes.into() };
        Step {
            writes: std::iter::once(epoch).chain(run.map(Write::Log)).collect(),
            points: vec![CrashPoint::EpochOpened],
            ..Step::default()
        }
    }

    /// Appends a leaf that is neither a receipt nor the start of a run.
    fn append(&mut self, kind: LeafKind, bytes: &Arc<[u8]>, step: &mut Step) -> u64 {
        let leaf = self.log.append(bytes);
        step.writes.push(Write::Leaf { leaf, kind, bytes: bytes.clone() });
        leaf
    }

    /// The run that this engine is.
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Leaves of the log.
    pub fn log_size(&self) -> u64 {
        self.log.size()
    }

    /// Records in memory, and envelopes under way: both are bounded, whatever waits on the disk.
    pub fn in_memory(&self) -> (usize, usize) {
        let under_way = self.links.keys().map(|neighbour| self.in_flight(*neighbour).len());
        (self.records.len(), under_way.sum())
    }

    /// The records that must be supplied before `input` can be handled.
    pub fn wanted(&self, input: &Input) -> Vec<EnvelopeKey> {
        let mut keys = match input {
            Input::Arrived(arrival) => vec![arrival.envelope.key()],
            Input::Receipts { receipts, .. } => receipts.iter().map(|r| r.receipt().key()).collect(),
            Input::NotTaken { key, .. } | Input::Alerted(key) | Input::Retry(key) => vec![*key],
            Input::LinkDown { neighbour } => self.in_flight(*neighbour),
            Input::LinkUp { neighbour, .. } => self.in_flight(*neighbour),
            Input::Due(keys) | Input::Recovered(keys) => keys.clone(),
            Input::Deed(deed) => vec![deed.key],
            Input::Told(told) => vec![told.header.key()],
            Input::Submit(_)
            | Input::Unverified { .. }
            | Input::ReceiptsStored { .. }
            | Input::Credit { .. }
            | Input::Waiting { .. }
            | Input::Outbox { .. }
            | Input::Tick(_)
            | Input::TickWanted { .. }
            | Input::TickLookedUp { .. }
            | Input::HeadHeld { .. }
            | Input::LogRoot { .. }
            | Input::Head { .. }
            | Input::Anchored { .. }
            | Input::Line { .. }
            | Input::Document(_)
            | Input::DutyStep(_)
            | Input::DateNow
            | Input::DateTick
            | Input::Clock(_)
            | Input::MapChanged(_)
            | Input::Storage(_) => Vec::new(),
        };
        keys.retain(|key| !self.records.knows(key));
        keys
    }

    /// Supplies what the store holds of an envelope; `None` says that it holds nothing.
    pub fn supply(&mut self, key: EnvelopeKey, record: Option<Record>) {
        self.records.supply(key, record);
    }

    /// Decides. Records that [`Self::wanted`] named must have been supplied.
    pub fn handle(&mut self, input: Input, now: Timestamp) -> Step {
        let mut step = Step::default();
        match input {
            Input::Submit(submission) => self.submit(*submission, now, &mut step),
            Input::Arrived(arrival) => self.arrived(*arrival, now, &mut step),
            Input::Unverified { from, precedence, size_bytes } => {
                self.unverified(from, precedence, size_bytes, &mut step);
            }
            Input::Receipts { from, upto, receipts } => self.receipts(from, upto, receipts, now, &mut step),
            Input::ReceiptsStored { from, upto } => self.receipts_stored(from, upto, &mut step),
            Input::NotTaken { from, key, retry_after_ms } => {
                self.not_taken(from, key, retry_after_ms, now, &mut step);
            }
            Input::LinkUp { neighbour, credits } => {
                self.line_up(neighbour, now, &mut step);
                self.forget_held(neighbour);
                self.link_up(neighbour, &credits, &mut step);
                self.greet_with_tick(neighbour, &mut step);
                self.greet_with_head(neighbour, &mut step);
            }
            Input::LinkDown { neighbour } => {
                self.line_down(neighbour, now, &mut step);
                self.forget_wanted();
                self.forget_held(neighbour);
                self.link_down(neighbour, &mut step);
            }
            Input::Tick(tick) => self.tick(&tick, now, &mut step),
            Input::TickWanted { from, name } => step.sends.push(Send::TickAnswer { to: from, name }),
            Input::TickLookedUp { neighbour, name, is_here } => {
                self.tick_looked_up(neighbour, name, is_here, &mut step);
            }
            Input::HeadHeld { from, checkpoint } => self.head_held(from, checkpoint, now, &mut step),
            Input::LogRoot { neighbour, head, own } => self.log_root(neighbour, head, own, now, &mut step),
            Input::Head { from, checkpoint, old, path } => {
                self.head(from, &checkpoint, old, &path, now, &mut step);
            }
            Input::Anchored { checkpoint, at, anchor } => {
                self.anchored(&checkpoint, at, anchor, &mut step);
            }
            Input::Line { from, line } => self.line(from, &line, &mut step),
            Input::DutyStep(order) => self.duty_step(*order, now, &mut step),
            Input::DateNow => self.date_now(now),
            Input::DateTick => self.date_tick(now, &mut step),
            Input::Document(leaf) => drop(self.append(LeafKind::Document, &leaf, &mut step)),
            Input::Credit { from, credit } => self.credit(from, credit),
            Input::Waiting { neighbour, precedence, envelopes } => {
                self.waiting(neighbour, precedence, envelopes, now, &mut step);
            }
            Input::Outbox { neighbour, receipts } => self.outbox_rows(neighbour, receipts, &mut step),
            Input::Due(keys) => self.due(&keys, now, &mut step),
            Input::Deed(deed) => self.deed(*deed, now, &mut step),
            Input::Alerted(key) => self.alerted(key, now, &mut step),
            Input::Clock(clock) => self.clock = clock,
            Input::MapChanged(map) => {
                self.map = map;
                self.ways_changed();
            }
            Input::Storage(level) => self.storage = level,
            Input::Retry(key) => self.retry(key, &mut step),
            Input::Recovered(keys) => self.recovered(&keys, now, &mut step),
            Input::Told(told) => self.told(&told, now, &mut step),
        }
        step
    }

    /// Ends a batch: says what to read next, now that the windows stand as the batch left them.
    pub fn finish(&mut self, now: Timestamp) -> Step {
        let mut step = Step::default();
        self.pump(now, &mut step);
        self.make_tick(now, &mut step);
        self.make_head(now, &mut step);
        step.writes.extend(self.log.take_run().map(Write::Log));
        self.records.trim();
        self.steps_taken.clear();
        step
    }

    /// Whether expiry may be decided by our clock: the root's always, another's when its offset to the parent is
    /// known and small.
    fn clock_is_trusted(&self) -> bool {
        self.map.root() == self.me
            || self.clock.is_some_and(|clock| {
                clock.offset_lo >= -CLOCK_TRUSTED_MS
                    && clock.offset_lo <= clock.offset_hi
                    && clock.offset_hi <= CLOCK_TRUSTED_MS
            })
    }

    /// Signs a receipt about `record` for `recipient` as the next leaf of our log; it must be kept before anything else
    /// is signed.
    fn issue(&self, about: &About<'_>, event: Event, now: Timestamp) -> VerifiedReceipt {
        let (at, tick) = match about.handed {
            Some(handed) => (handed.by, handed.tick),
            None => (now, self.ticks.newest()),
        };
        let receipt = Receipt {
            v: ENVELOPE_VERSION,
            at,
            seq: self.log.size(),
            peer: about.peer,
            tick,
            clock: self.clock,
            epoch: self.epoch,
            event,
            suite: self.signer.suite().id(),
            issuer: self.me,
            origin: about.key.origin,
            reason: about.reason.clone(),
            officer: about.officer.map(|bytes| serde_bytes::ByteBuf::from(bytes.to_vec())),
            recipient: about.recipient,
            envelope_id: about.key.id,
            envelope_digest: about.digest,
        };
        receipt.sign(&*self.signer)
    }
}

/// What a receipt is about.
struct About<'a> {
    key: EnvelopeKey,
    digest: Digest,
    recipient: RoomId,
    peer: Option<RoomId>,
    reason: Option<Reason>,
    officer: Option<&'a [u8]>,
    /// When it happened, if that was not just now.
    handed: Option<HandedOver>,
}

impl About<'_> {
    fn record(record: &Record, recipient: RoomId) -> Self {
        About {
            key: record.key,
            digest: record.digest,
            recipient,
            peer: record.source,
            reason: None,
            officer: None,
            handed: None,
        }
    }

    fn because(self, reason: Reason) -> Self {
        Self { reason: Some(reason), ..self }
    }
}

#[cfg(test)]
mod tests;
