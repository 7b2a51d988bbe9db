//! The reference model: what a bystander who sees every commit knows of every envelope. Simple enough to be right by
//! reading it: no links, no retries, no windows; only who promised what, and who ended what.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use certs::signature::Digest;
use relay::{
    duty::step::StepName,
    envelope_id::{EnvelopeKey, Epoch},
    receipt::Event,
    record::Record,
    step::Write,
    timestamp::Timestamp,
};
use topology::RoomId;

/// Everything that was promised in one world.
#[derive(Debug, Default)]
pub struct Model {
    letters: BTreeMap<EnvelopeKey, Letter>,
    /// The signed bytes of each room's log, by leaf number.
    leaves: BTreeMap<RoomId, Vec<Arc<[u8]>>>,
    /// The steps of timers that each room has taken.
    steps: BTreeSet<(RoomId, StepName)>,
    /// The run that each room is in.
    epochs: BTreeMap<RoomId, Epoch>,
    /// The last number that each origin gave in each run to each recipient.
    numbers: BTreeMap<(RoomId, Epoch, RoomId), u64>,
    history: BTreeMap<EnvelopeKey, Vec<String>>,
}

/// One envelope that its origin has accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// Which bytes.
    pub digest: Digest,
    /// In which run of its origin it was written.
    pub epoch: Epoch,
    /// When it must not be delivered any more.
    pub expires_at: Timestamp,
    /// Whether the officer was told that it is accepted.
    pub is_promised: bool,
    /// What became of it for each recipient.
    pub fates: BTreeMap<RoomId, Fate>,
}

/// What became of an envelope for one recipient.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fate {
    /// The number under which the recipient will miss it.
    pub nr: u64,
    /// Lines in the recipient's inbox.
    pub lines: u32,
    /// Terminal receipts about it, by whom, in the order in which they were committed by their issuers.
    pub endings: Vec<(Event, RoomId)>,
    /// The outcome that the origin believes.
    pub belief: Option<Event>,
    /// What the recipient did with it.
    pub deeds: Vec<Event>,
    /// What of that the origin has heard.
    pub heard: Vec<Event>,
}

impl Model {
    /// One committed write of a room.
    pub fn observe(&mut self, room: RoomId, write: &Write) {
        if let Write::Receipt(stored) = write {
            self.leaves.entry(room).or_default().push(stored.receipt.bytes().clone());
        }
        match write {
            Write::Record(record) if record.source.is_none() => self.origin_says(record),
            Write::Inbox { key, .. } => {
                if let Some(fate) = self.fate_mut(key, room) {
                    fate.lines += 1;
                }
            }
            Write::Receipt(stored) if stored.own => {
                let statement = stored.receipt.receipt();
                let key = statement.key();
                if self.letters.get(&key).is_none_or(|letter| letter.digest != statement.envelope_digest) {
                    return;
                }
                let (event, recipient) = (statement.event, statement.recipient);
                let Some(fate) = self.fate_mut(&key, recipient) else { return };
                if event.is_terminal() {
                    fate.endings.push((event, room));
                } else if event.is_by_recipient() {
                    fate.deeds.push(event);
                }
            }
            Write::Receipt(stored) if stored.receipt.receipt().origin == room => {
                let statement = stored.receipt.receipt();
                let (event, recipient) = (statement.event, statement.recipient);
                if let Some(fate) = self.fate_mut(&statement.key(), recipient)
                    && event.is_by_recipient()
                    && !event.is_terminal()
                {
                    fate.heard.push(event);
                }
            }
            Write::DutyStep { name, .. } => drop(self.steps.insert((room, *name))),
            Write::Epoch { epoch, bytes, .. } => {
                self.epochs.insert(room, *epoch);
                self.leaves.entry(room).or_default().push(bytes.clone());
            }
            Write::Leaf { bytes, .. } => self.leaves.entry(room).or_default().push(bytes.clone()),
            Write::Record(_)
            | Write::Receipt(_)
            | Write::Envelope { .. }
            | Write::Keys { .. }
            | Write::ContentKey { .. }
            | Write::Enqueue(_)
            | Write::Dequeue(_)
            | Write::OutboxStored { .. }
            | Write::Call { .. }
            | Write::SentOnce(_)
            | Write::InboxDeed { .. }
            | Write::Collision { .. }
            | Write::Log(_)
            | Write::Tick { .. }
            | Write::TickCited(_)
            | Write::Checkpoint { .. }
            | Write::Dated(_)
            | Write::HeldHead { .. }
            | Write::HistoryBreak { .. }
            | Write::LinkState { .. } => {}
        }
    }

    /// Whether a room has taken this step.
    pub fn has_step(&self, room: RoomId, name: StepName) -> bool {
        self.steps.contains(&(room, name))
    }

    /// An officer was told that a message is accepted.
    pub fn promise(&mut self, key: EnvelopeKey) {
        if let Some(letter) = self.letters.get_mut(&key) {
            letter.is_promised = true;
        }
    }

    /// Something about an envelope that a person would want to read when it went wrong.
    pub fn note(&mut self, key: EnvelopeKey, line: String) {
        self.history.entry(key).or_default().push(line);
    }

    /// The notes about an envelope.
    pub fn history(&self, key: &EnvelopeKey) -> &[String] {
        self.history.get(key).map_or(&[], Vec::as_slice)
    }

    /// Every accepted envelope.
    pub fn letters(&self) -> &BTreeMap<EnvelopeKey, Letter> {
        &self.letters
    }

    /// The next free number in a room's log.
    pub fn next_leaf(&self, room: RoomId) -> u64 {
        self.leaves.get(&room).map_or(0, |leaves| leaves.len() as u64)
    }

    /// The signed bytes under a number of a room's log, as they were committed.
    pub fn leaf(&self, room: RoomId, seq: u64) -> Option<&Arc<[u8]>> {
        self.leaves.get(&room)?.get(usize::try_from(seq).ok()?)
    }

    /// The run that a room is in.
    pub fn epoch(&self, room: RoomId) -> Option<Epoch> {
        self.epochs.get(&room).copied()
    }

    /// The next number that an origin gives a recipient in its present run.
    pub fn next_number(&self, origin: RoomId, recipient: RoomId) -> u64 {
        let last = self.epoch(origin).and_then(|epoch| self.numbers.get(&(origin, epoch, recipient)));
        last.map_or(1, |last| last + 1)
    }

    fn origin_says(&mut self, record: &Record) {
        let origin = record.key.origin;
        let Some(epoch) = self.epoch(origin) else { return };
        if !self.letters.contains_key(&record.key) {
            for delivery in &record.deliveries {
                self.numbers.insert((origin, epoch, delivery.recipient), delivery.nr);
            }
        }
        let letter = self.letters.entry(record.key).or_insert_with(|| Letter {
            digest: record.digest,
            epoch,
            expires_at: record.expires_at,
            is_promised: false,
            fates: BTreeMap::new(),
        });
        for delivery in &record.deliveries {
            let fate = letter.fates.entry(delivery.recipient).or_default();
            fate.nr = delivery.nr;
            fate.belief = delivery.outcome;
        }
    }

    fn fate_mut(&mut self, key: &EnvelopeKey, recipient: RoomId) -> Option<&mut Fate> {
        self.letters.get_mut(key)?.fates.get_mut(&recipient)
    }
}
