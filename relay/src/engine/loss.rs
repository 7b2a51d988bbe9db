//! What a room that was restored from an older backup has lost, and gets again.
//!
//! | who | what happens |
//! |---|---|
//! | the room | asks its neighbours for what they had from it and handed to it since the backup was made |
//! | a neighbour | tells the signed headers of these envelopes |
//! | the room | remembers what it had sent; of what it had received it signs that it is lost |
//! | a hop | passes that on towards the origin, and passes the envelope on when it comes again |
//! | the origin | sends the envelope again, under the same id |
//! | the room | delivers it again. The first `delivered` stays the outcome, the new one is a supplement |
//!
//! *Against:* a neighbour that makes up what was lost: each header is signed by its origin, and an origin sends again only
//! what this very room has signed that it was delivered.

use topology::RoomId;

use super::{About, Engine};
use crate::{
    crash_point::CrashPoint,
    envelope::{EnvelopeBytes, Header, VerifiedHeader},
    receipt::Event,
    record::{Delivery, DeliveryState, Record},
    step::{Arrival, Opened, Reply, Step, Told, Write},
    timestamp::Timestamp,
};

impl Engine {
    /// A neighbour tells of an envelope that it had from this room or handed to it.
    pub(super) fn told(&mut self, told: &Told, now: Timestamp, step: &mut Step) {
        let Told { from, header, bytes } = told;
        // Whoever asked may note that it was told only once it is stored.
        step.reply = Some(Reply::Done);
        let (from, key) = (*from, header.key());
        let is_neighbour = self.map.may_dial(self.me, from) || self.map.may_dial(from, self.me);
        if !is_neighbour || self.records.find(&key).is_some() {
            return;
        }
        let is_own = key.origin == self.me;
        let mut record = forgotten(header, (!is_own).then_some(from), now);
        let header_of = &header.header;
        record.deliveries = if is_own { sent(header_of, from) } else { received(header_of, self.me) };
        if record.deliveries.is_empty() {
            return;
        }
        let bytes = EnvelopeBytes { header: bytes.clone(), keys: Vec::new(), body: [].into() };
        step.writes.push(Write::Envelope { key, bytes, content_key: None, summary: None });
        self.cite(header.route.tick, Some(from), step);
        if !is_own {
            let about = About::record(&record, self.me);
            self.attest(&mut record, about, Event::Lost, now, step);
        }
        self.save(record, step);
    }

    /// The recipient says that it has lost what was delivered to it.
    pub(super) fn loss_learned(&mut self, record: &mut Record, recipient: RoomId, step: &mut Step) {
        let is_own = record.source.is_none();
        let hop = self.choose_hop(recipient);
        let Some(delivery) = record.delivery_mut(recipient) else { return };
        if delivery.outcome != Some(Event::Delivered) || delivery.state != DeliveryState::Ended {
            return;
        }
        delivery.state = DeliveryState::Lost;
        delivery.attempts = 0;
        if is_own && let Some(hop) = hop {
            self.enqueue(record, hop, &[recipient], step);
        }
        step.points.push(CrashPoint::EnvelopeRequeued);
    }

    /// Whether this room is to get the envelope again.
    pub(super) fn has_lost(&self, record: &Record) -> bool {
        record.delivery(self.me).is_some_and(Delivery::is_lost)
    }

    /// What was lost comes again: it stands in the inbox as before. Its time may have run out since it was delivered first.
    pub(super) fn regain(&mut self, record: &mut Record, arrival: &Arrival, now: Timestamp, step: &mut Step) {
        let Opened::Entry(entry) = &arrival.opened else { return };
        step.writes.push(Write::Keys { key: record.key, bytes: arrival.envelope.bytes().clone() });
        self.deliver(record, &arrival.envelope, entry.clone(), now, step);
        self.save(record.clone(), step);
    }
}

/// What is remembered of an envelope whose body is not here.
fn forgotten(header: &VerifiedHeader, source: Option<RoomId>, now: Timestamp) -> Record {
    let route = &header.route;
    Record {
        key: header.key(),
        digest: header.digest,
        source,
        flow: route.flow,
        precedence: route.precedence,
        status: route.status,
        created_at: route.created_at,
        received_at: now,
        expires_at: route.expires_at,
        size_bytes: 0,
        deliveries: Vec::new(),
        collisions: Vec::new(),
    }
}

/// Of what this room wrote itself the neighbour answers for every recipient, until receipts say more.
fn sent(header: &Header, neighbour: RoomId) -> Vec<Delivery> {
    let held = DeliveryState::Held { neighbour, resend_at: None };
    let ways = header
        .to
        .iter()
        .map(|to| Delivery { transmitted: true, ..Delivery::new(to.room, to.role, to.nr, held.clone()) });
    ways.collect()
}

fn received(header: &Header, me: RoomId) -> Vec<Delivery> {
    let mine = header.to.iter().filter(|to| to.room == me);
    mine.map(|to| Delivery::new(to.room, to.role, to.nr, DeliveryState::Lost)).collect()
}

impl Delivery {
    /// Whether the recipient asks for it again.
    pub(super) fn is_lost(&self) -> bool {
        self.state == DeliveryState::Lost
    }
}
