//! One room: the engine, and shelves that keep what it writes, driven as the node drives it.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

use certs::signature::SimulationSigner;
use topology::{Map, Precedence, RoomId};

use super::{
    books::Books,
    rooms::{self, NOW},
    tale,
};
use crate::{
    duty::step::StepName,
    engine::{Engine, Seat, first_credits},
    envelope::EnvelopeBytes,
    envelope_id::EnvelopeKey,
    limits::Quota,
    receipt::ClockOffset,
    record::{DeliveryState, Record},
    step::{
        Arrival, Fetch, InboxEntry, Input, Loaded, Opened, QueuePlace, Reply, Send, Step, StoredEnvelope,
        StoredReceipt, Write,
    },
    timestamp::Timestamp,
};

/// What was committed.
#[derive(Debug, Clone, Default)]
pub(super) struct Shelves {
    pub(super) records: BTreeMap<EnvelopeKey, Record>,
    pub(super) envelopes: BTreeMap<EnvelopeKey, EnvelopeBytes>,
    pub(super) queue: BTreeSet<QueuePlace>,
    pub(super) receipts: Vec<StoredReceipt>,
    pub(super) inbox: Vec<EnvelopeKey>,
    pub(super) content_keys: BTreeSet<EnvelopeKey>,
    stored_upto: BTreeMap<RoomId, u64>,
    pub(super) epochs: Vec<(u64, Arc<[u8]>)>,
    steps: BTreeSet<StepName>,
    pub(super) books: Books,
}

/// A room of the tests.
pub(super) struct Office {
    pub(super) room: RoomId,
    pub(super) engine: Engine,
    pub(super) shelves: Shelves,
    followups: VecDeque<Input>,
    /// Readings of the store so far: they must not go on without end.
    pub(super) readings: usize,
    pub(super) wake_at: Option<Timestamp>,
}

impl Office {
    /// A room with a trusted clock. Every other room has called once, has its first credit, and is away again.
    pub(super) fn new(room: RoomId) -> Self {
        Self::with_quota(room, Quota::default())
    }

    pub(super) fn with_quota(room: RoomId, quota: Quota) -> Self {
        let mut office = Self::open(room, rooms::map(), quota, Shelves::default());
        let offset = ClockOffset { offset_lo: -3, offset_hi: 4 };
        office.turn(Input::Clock(Some(offset)), NOW);
        for neighbour in rooms::ALL.into_iter().filter(|other| *other != room) {
            office.link_up(neighbour);
            office.turn(Input::LinkDown { neighbour }, NOW);
        }
        office
    }

    pub(super) fn open(room: RoomId, map: Arc<Map>, quota: Quota, mut shelves: Shelves) -> Self {
        let seat = Seat { me: room, map, signer: Arc::new(SimulationSigner::new(room)), quota };
        let (engine, step) = Engine::start(seat, shelves.load(), [7; 8], NOW);
        shelves.commit(&step.writes);
        Self { room, engine, shelves, followups: VecDeque::new(), readings: 0, wake_at: None }
    }

    /// The room after a crash: what was committed, and what was under way goes out again.
    pub(super) fn restarted(self, now: Timestamp) -> Self {
        let keys = self.shelves.records.keys().copied().collect();
        let mut office = Self::open(self.room, rooms::map(), Quota::default(), self.shelves);
        office.turn(Input::Recovered(keys), now);
        let offset = ClockOffset { offset_lo: -3, offset_hi: 4 };
        office.turn(Input::Clock(Some(offset)), now);
        office
    }

    pub(super) fn link_up(&mut self, neighbour: RoomId) -> Step {
        self.turn(Input::LinkUp { neighbour, credits: first_credits() }, NOW)
    }

    /// One input, then everything that reading the store brings.
    pub(super) fn turn(&mut self, input: Input, now: Timestamp) -> Step {
        let mut whole = self.single(vec![input], now);
        while !self.followups.is_empty() {
            let step = self.single(Vec::new(), now);
            whole.join(step);
        }
        whole
    }

    /// One batch as the driver handles it: what was read first, then the inputs, in one commit.
    pub(super) fn single(&mut self, inputs: Vec<Input>, now: Timestamp) -> Step {
        let batch: Vec<Input> = self.followups.drain(..).chain(inputs).collect();
        for input in &batch {
            for key in self.engine.wanted(input) {
                self.engine.supply(key, self.shelves.records.get(&key).cloned());
            }
            if let Input::DutyStep(order) = input
                && self.shelves.steps.contains(&order.step.name())
            {
                self.engine.supply_step_taken(order.step.name());
            }
        }
        let mut whole = Step::default();
        for input in batch {
            let mut step = self.engine.handle(input, now);
            let reply = step.reply.take();
            whole.join(step);
            whole.reply = reply.or(whole.reply);
        }
        whole.join(self.engine.finish(now));
        self.shelves.commit(&whole.writes);
        self.wake_at = whole.wake_at;
        for fetch in &whole.fetches {
            self.readings += 1;
            assert!(self.readings < 100_000, "the store is read over and over");
            let input = self.shelves.read(fetch);
            self.followups.push_back(input);
        }
        whole
    }

    /// An envelope comes from a neighbour, opened if it is for this room.
    pub(super) fn arrival(&mut self, from: RoomId, draft: &rooms::Draft, recipients: &[RoomId]) -> Step {
        self.arrival_at(from, draft, recipients, NOW)
    }

    pub(super) fn arrival_at(
        &mut self,
        from: RoomId,
        draft: &rooms::Draft,
        recipients: &[RoomId],
        now: Timestamp,
    ) -> Step {
        let envelope = draft.branch(recipients);
        let opened = open(self.room, &envelope.recipients());
        self.turn(Input::Arrived(Box::new(Arrival { from, envelope, opened })), now)
    }

    pub(super) fn submit(&mut self, draft: &rooms::Draft) -> Step {
        self.turn(Input::Submit(Box::new(draft.submission())), draft.created_at)
    }

    pub(super) fn receipts(&mut self, from: RoomId, receipts: &[crate::receipt::VerifiedReceipt]) -> Step {
        self.turn(Input::Receipts { from, upto: None, receipts: receipts.to_vec() }, NOW)
    }

    /// Everything that is due by `now`.
    pub(super) fn due(&mut self, now: Timestamp) -> Step {
        let keys = self.shelves.due(now);
        self.turn(Input::Due(keys), now)
    }

    /// Where the envelope of a draft stands.
    pub(super) fn state(&self, draft: &rooms::Draft) -> String {
        self.record(draft).map_or_else(|| "not here".into(), tale::state)
    }

    pub(super) fn record(&self, draft: &rooms::Draft) -> Option<&Record> {
        self.shelves.records.get(&draft.envelope().key())
    }

    /// The books agree: who waits stands in the queue, and whoever stands in the queue waits.
    pub(super) fn check_books(&self) {
        let waiting: BTreeSet<QueuePlace> = self
            .shelves
            .records
            .values()
            .flat_map(|record| {
                record.deliveries.iter().filter_map(|delivery| match delivery.state {
                    DeliveryState::Waiting { neighbour } => Some(QueuePlace {
                        neighbour,
                        precedence: record.precedence,
                        since: record.received_at,
                        key: record.key,
                    }),
                    DeliveryState::Sent { .. }
                    | DeliveryState::Held { .. }
                    | DeliveryState::Here
                    | DeliveryState::Ended
                    | DeliveryState::Lost => None,
                })
            })
            .collect();
        assert_eq!(waiting, self.shelves.queue, "the queue of {}", rooms::name(self.room));
        let own = self.shelves.receipts.iter().filter(|stored| stored.own);
        assert!(own.clone().all(|own| own.receipt.receipt().seq == own.leaf), "a number is its leaf");
        let receipts = self.shelves.receipts.iter().map(|stored| (stored.leaf, stored.receipt.bytes()));
        let epochs = self.shelves.epochs.iter().map(|(seq, bytes)| (*seq, bytes));
        self.shelves.books.check(receipts.chain(epochs).collect(), rooms::name(self.room));
    }
}

/// What a room finds in an envelope: its line of the inbox, if it is a recipient.
pub(super) fn open(room: RoomId, recipients: &[RoomId]) -> Opened {
    if recipients.contains(&room) {
        Opened::Entry(InboxEntry { kind: 1, content_key: vec![5], summary: vec![6], call: None })
    } else {
        Opened::NotForUs
    }
}

impl Shelves {
    fn commit(&mut self, writes: &[Write]) {
        for write in writes {
            match write.clone() {
                Write::Envelope { key, bytes, .. } => {
                    assert!(self.envelopes.insert(key, bytes).is_none(), "an envelope is stored twice");
                }
                Write::Keys { key, bytes } => {
                    let known = self.envelopes.get_mut(&key).expect("the envelope is known");
                    for more in bytes.keys {
                        if known.keys.iter().all(|key| key.room != more.room) {
                            known.keys.push(more);
                        }
                    }
                }
                Write::ContentKey { key, .. } => drop(self.content_keys.insert(key)),
                Write::Record(record) => drop(self.records.insert(record.key, record)),
                Write::Enqueue(place) => drop(self.queue.insert(place)),
                Write::Dequeue(place) => drop(self.queue.remove(&place)),
                Write::Receipt(receipt) => self.receipts.push(receipt),
                Write::OutboxStored { neighbour, upto } => drop(self.stored_upto.insert(neighbour, upto)),
                Write::Inbox { key, .. } => {
                    assert!(!self.inbox.contains(&key), "an envelope is in the inbox twice");
                    self.inbox.push(key);
                }
                Write::DutyStep { name, .. } => {
                    assert!(self.steps.insert(name), "a step is taken twice");
                }
                Write::Epoch { seq, bytes, .. } => self.epochs.push((seq, bytes)),
                Write::Log(_)
                | Write::Leaf { .. }
                | Write::Tick { .. }
                | Write::TickCited(_)
                | Write::Checkpoint { .. }
                | Write::Dated(_)
                | Write::HeldHead { .. }
                | Write::HistoryBreak { .. }
                | Write::LinkState { .. } => self.books.commit(write),
                Write::Call { .. }
                | Write::SentOnce(_)
                | Write::InboxDeed { .. }
                | Write::Collision { .. } => {}
            }
        }
    }

    fn read(&self, fetch: &Fetch) -> Input {
        match *fetch {
            Fetch::Waiting { neighbour, precedence, messages, bytes } => {
                let envelopes = self.head(neighbour, precedence, messages, bytes);
                Input::Waiting { neighbour, precedence, envelopes }
            }
            Fetch::Outbox { neighbour, from, count } => {
                let mut receipts: Vec<(u64, Arc<[u8]>)> = self
                    .receipts
                    .iter()
                    .filter_map(|stored| Some((stored.outbox?, stored.receipt.bytes().clone())))
                    .filter(|((to, number), _)| *to == neighbour && *number >= from)
                    .map(|((_, number), bytes)| (number, bytes))
                    .collect();
                receipts.truncate(count);
                Input::Outbox { neighbour, receipts }
            }
            Fetch::Tick { neighbour, name } => {
                Input::TickLookedUp { neighbour, name, is_here: self.books.ticks.contains_key(&name) }
            }
            Fetch::LogRoot { neighbour, head } => {
                Input::LogRoot { neighbour, head, own: self.books.root(head.size) }
            }
        }
    }

    fn head(
        &self,
        neighbour: RoomId,
        precedence: Precedence,
        messages: usize,
        bytes: u64,
    ) -> Vec<StoredEnvelope> {
        let mut head: Vec<StoredEnvelope> = Vec::new();
        let mut total = 0;
        let lane = self.queue.iter().filter(|p| p.neighbour == neighbour && p.precedence == precedence);
        for place in lane.take(messages) {
            let record = self.records.get(&place.key).expect("who waits is known").clone();
            total += record.size_bytes;
            if total > bytes && !head.is_empty() {
                break;
            }
            let bytes = self.envelopes.get(&place.key).expect("who waits has bytes").clone();
            head.push(StoredEnvelope { record, bytes });
        }
        head
    }

    pub(super) fn due(&self, now: Timestamp) -> Vec<EnvelopeKey> {
        let mut due: Vec<(Timestamp, EnvelopeKey)> = self
            .records
            .values()
            .filter_map(|record| Some((record.due_at()?, record.key)))
            .filter(|(due, _)| *due <= now)
            .collect();
        due.sort_unstable();
        due.into_iter().map(|(_, key)| key).take(256).collect()
    }

    fn load(&self) -> Loaded {
        let mut loaded = Loaded { epoch_counter: self.epochs.len() as u64, ..Loaded::default() };
        self.books.load(&mut loaded);
        for place in &self.queue {
            *loaded.queued.entry((place.neighbour, place.precedence)).or_insert(0) += 1;
        }
        for (to, number) in self.receipts.iter().filter_map(|receipt| receipt.outbox) {
            let stored = self.stored_upto.get(&to).copied().unwrap_or(0);
            let outbox = loaded.outboxes.entry(to).or_insert((1, stored));
            outbox.0 = outbox.0.max(number + 1);
        }
        for record in self.records.values().filter(|record| record.is_held_for_source()) {
            let source = record.source.expect("held for somebody");
            let held = loaded.held.entry((source, record.precedence)).or_insert((0, 0));
            *held = (held.0 + 1, held.1 + record.size_bytes);
        }
        loaded
    }
}

/// The reply of a step, for tests that want only that.
pub(super) fn replied(step: &Step) -> Option<&Reply> {
    step.reply.as_ref()
}

/// How many envelopes a step sends to a neighbour.
pub(super) fn envelopes_to(step: &Step, neighbour: RoomId) -> usize {
    step.sends.iter().filter(|send| matches!(send, Send::Envelope { to, .. } if *to == neighbour)).count()
}
