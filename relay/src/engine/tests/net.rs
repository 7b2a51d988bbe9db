//! Several rooms and the lines between them, in memory and in order.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use topology::RoomId;

use super::{
    office::{Office, open},
    rooms::{Draft, NOW, keyring, name},
};
use crate::{
    engine::first_credits,
    envelope::VerifiedEnvelope,
    receipt::{Event, VerifiedReceipt},
    step::{Arrival, Input, Send, Step},
    timestamp::Timestamp,
};

/// Rooms, and the links that are up.
pub(super) struct Net {
    pub(super) offices: BTreeMap<RoomId, Office>,
    links: BTreeSet<(RoomId, RoomId)>,
    wire: VecDeque<(RoomId, RoomId, Send)>,
    pub(super) now: Timestamp,
}

impl Net {
    pub(super) fn new(rooms: &[RoomId]) -> Self {
        let offices = rooms.iter().map(|room| (*room, Office::new(*room))).collect();
        Self { offices, links: BTreeSet::new(), wire: VecDeque::new(), now: NOW }
    }

    /// The rooms, with the links between these pairs up.
    pub(super) fn linked(rooms: &[RoomId], links: &[(RoomId, RoomId)]) -> Self {
        let mut net = Self::new(rooms);
        for (one, other) in links {
            net.up(*one, *other);
        }
        net.run();
        net
    }

    pub(super) fn office(&mut self, room: RoomId) -> &mut Office {
        self.offices.get_mut(&room).expect("the room is in this net")
    }

    pub(super) fn is_up(&self, one: RoomId, other: RoomId) -> bool {
        self.links.contains(&pair(one, other))
    }

    pub(super) fn up(&mut self, one: RoomId, other: RoomId) {
        self.links.insert(pair(one, other));
        for (room, neighbour) in [(one, other), (other, one)] {
            self.give(room, Input::LinkUp { neighbour, credits: first_credits() });
        }
    }

    /// A room stops at once and begins again from what it had committed.
    pub(super) fn crash(&mut self, room: RoomId) {
        let neighbours: Vec<RoomId> =
            self.offices.keys().copied().filter(|other| self.is_up(room, *other)).collect();
        for neighbour in neighbours {
            self.down(room, neighbour);
        }
        let office = self.offices.remove(&room).expect("the room is in this net");
        self.offices.insert(room, office.restarted(self.now));
    }

    /// The line is cut: what is on it is lost.
    pub(super) fn down(&mut self, one: RoomId, other: RoomId) {
        self.links.remove(&pair(one, other));
        self.wire.retain(|(from, to, _)| pair(*from, *to) != pair(one, other));
        for (room, neighbour) in [(one, other), (other, one)] {
            self.give(room, Input::LinkDown { neighbour });
        }
    }

    pub(super) fn submit(&mut self, draft: &Draft) {
        let step = self.office(draft.from).submit(draft);
        assert!(matches!(step.reply, Some(crate::step::Reply::Accepted { .. })), "{:?}", step.reply);
        self.post(draft.from, step);
    }

    pub(super) fn give(&mut self, room: RoomId, input: Input) {
        let now = self.now;
        let step = self.office(room).turn(input, now);
        self.post(room, step);
    }

    /// Time passes; whatever is due anywhere is seen to, and everything on the lines arrives.
    pub(super) fn wait(&mut self, ms: i64) {
        self.now = Timestamp::from_ms(self.now.as_ms() + ms);
        let rooms: Vec<RoomId> = self.offices.keys().copied().collect();
        for room in rooms {
            let now = self.now;
            let keys = self.office(room).shelves.due(now);
            self.give(room, Input::Due(keys));
        }
        self.run();
    }

    /// Until nothing is on any line.
    pub(super) fn run(&mut self) {
        let mut left = 100_000;
        while self.step() {
            left -= 1;
            assert!(left > 0, "the rooms talk without end");
        }
    }

    /// Carries one thing; `false` when nothing is on any line.
    pub(super) fn step(&mut self) -> bool {
        let Some((from, to, send)) = self.wire.pop_front() else { return false };
        if let Some(input) = self.carry(from, to, send) {
            self.give(to, input);
        }
        true
    }

    fn post(&mut self, from: RoomId, step: Step) {
        self.office(from).check_books();
        for send in step.sends {
            match &send {
                Send::Envelope { to, .. }
                | Send::Receipts { to, .. }
                | Send::ReceiptsStored { to, .. }
                | Send::Answers { to, .. }
                | Send::NotTaken { to, .. }
                | Send::Tick { to, .. }
                | Send::TickWanted { to, .. }
                | Send::TickAnswer { to, .. }
                | Send::HeadHeld { to, .. }
                | Send::Head { to, .. }
                | Send::Anchor { to, .. }
                | Send::Line { to, .. }
                | Send::Credit { to, .. } => {
                    if self.is_up(from, *to) {
                        self.wire.push_back((from, *to, send));
                    }
                }
                Send::Close { neighbour, reason } => {
                    panic!("{} closes {}: {reason}", name(from), name(*neighbour))
                }
                Send::Notice(_) => {}
            }
        }
    }

    fn carry(&mut self, from: RoomId, to: RoomId, send: Send) -> Option<Input> {
        match send {
            Send::Envelope { bytes, .. } => {
                let envelope = VerifiedEnvelope::verify(bytes, "henan", &keyring()).unwrap();
                let opened = open(to, &envelope.recipients());
                Some(Input::Arrived(Box::new(Arrival { from, envelope, opened })))
            }
            Send::Receipts { first, receipts, .. } => {
                let upto = Some(first + receipts.len() as u64 - 1);
                Some(Input::Receipts { from, upto, receipts: verified(receipts.iter().map(|r| &r[..])) })
            }
            Send::Answers { key, recipients, .. } => {
                let shelves = &self.office(from).shelves;
                let rows = shelves.receipts.iter().map(|stored| &stored.receipt);
                let rows = rows.filter(|receipt| {
                    let statement = receipt.receipt();
                    statement.key() == key
                        && recipients.contains(&statement.recipient)
                        && statement.event != Event::Accepted
                });
                Some(Input::Receipts { from, upto: None, receipts: rows.cloned().collect() })
            }
            Send::ReceiptsStored { upto, .. } => Some(Input::ReceiptsStored { from, upto }),
            Send::NotTaken { key, refusal, .. } => {
                let retry_after_ms = refusal.retry_after().map_or(600_000, |wait| wait.as_millis() as u64);
                Some(Input::NotTaken { from, key, retry_after_ms })
            }
            Send::Credit { credit, .. } => Some(Input::Credit { from, credit }),
            Send::Tick { .. }
            | Send::TickWanted { .. }
            | Send::TickAnswer { .. }
            | Send::HeadHeld { .. }
            | Send::Head { .. }
            | Send::Anchor { .. }
            | Send::Line { .. } => self.office(from).shelves.books.carry(from, send),
            Send::Close { .. } | Send::Notice(_) => None,
        }
    }

    /// What a room says of a draft.
    pub(super) fn state(&self, room: RoomId, draft: &Draft) -> String {
        self.offices[&room].state(draft)
    }

    /// The events that the origin holds about a draft, with who says so.
    pub(super) fn story(&self, draft: &Draft) -> Vec<String> {
        let key = draft.envelope().key();
        let receipts = &self.offices[&draft.from].shelves.receipts;
        let receipts = receipts.iter().map(|stored| stored.receipt.receipt());
        receipts.filter(|r| r.key() == key).map(|r| format!("{} {}", name(r.issuer), r.event)).collect()
    }
}

fn verified<'a>(receipts: impl Iterator<Item = &'a [u8]>) -> Vec<VerifiedReceipt> {
    receipts.map(|bytes| VerifiedReceipt::verify(bytes, &keyring()).unwrap()).collect()
}

fn pair(one: RoomId, other: RoomId) -> (RoomId, RoomId) {
    (one.min(other), one.max(other))
}
