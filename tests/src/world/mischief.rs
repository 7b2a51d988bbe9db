//! What somebody with one room's valid key tries in a simulated world: other bytes under a taken id, an order to its
//! superior, a changed signature, a sibling's name, a changed body, an outcome that it has no say in, an old envelope
//! once more. Nothing of it may be delivered, believed or change what becomes of anything honest.

use std::collections::BTreeMap;

use certs::{
    cbor,
    signature::{Digest, digest_of_parts},
};
use relay::{
    envelope::{ENVELOPE_VERSION, EnvelopeBytes, SealedMessage},
    envelope_id::{EnvelopeKey, Epoch},
    frame::Frame,
    receipt::{Event as Happening, Receipt},
    record::Record,
};
use topology::{Flow, Precedence, RoomId};

use super::{World, wire::CONTROL, work::sealed};

/// The number of a run that there never was.
const NOBODYS_EPOCH: u64 = 9;

impl World {
    /// A room that is no hub misbehaves towards its parent. Gives its name and who did it.
    pub(super) fn mischief(&mut self) -> (&'static str, String) {
        let leaves: Vec<(usize, usize)> = (0..self.stations.len())
            .filter(|place| self.cast.children(*place).is_empty())
            .filter_map(|place| Some((place, self.cast.parent(place)?)))
            .collect();
        let (leaf, parent) = self.chance.pick(&leaves);
        let name = match self.chance.below(8) {
            0 | 1 => self.copy_an_id(leaf, parent),
            2 => self.command_a_superior(leaf, parent),
            3 => self.change_a_signature(leaf, parent),
            4 => self.claim_anothers_name(leaf, parent),
            5 => self.change_a_body(leaf, parent),
            6 => self.claim_an_outcome(leaf, parent),
            _ => self.replay(leaf, parent),
        };
        (name, self.cast.name(self.cast.rooms[leaf]).to_owned())
    }

    /// A copy of the machine signs other bytes under the id of something that the parent has already.
    fn copy_an_id(&mut self, leaf: usize, parent: usize) -> &'static str {
        let room = self.cast.rooms[leaf];
        let Some(taken) = self.some_record(parent, |record| record.source == Some(room)) else {
            return "nothing to copy";
        };
        let mut message = self.invent(leaf);
        message.route.id = taken.key.id;
        message.route.created_at = taken.created_at;
        message.route_bytes = cbor::encode(&message.route);
        self.note(taken.key, room, "a copy of this machine signs something else under this id");
        let precedence = message.route.precedence;
        let envelope = self.sign(leaf, message);
        self.send_envelope(leaf, self.cast.rooms[parent], precedence, envelope);
        "an id is taken twice"
    }

    /// An order that only a superior may give.
    fn command_a_superior(&mut self, leaf: usize, parent: usize) -> &'static str {
        let mut route = self.invent(leaf).route;
        route.flow = Flow::Down;
        let (precedence, to) = (route.precedence, [self.cast.map.root()]);
        let envelope = self.sign(leaf, sealed(route, &to, vec![1; 100]));
        self.send_envelope(leaf, self.cast.rooms[parent], precedence, envelope);
        "an inferior gives orders"
    }

    fn change_a_signature(&mut self, leaf: usize, parent: usize) -> &'static str {
        let message = self.invent(leaf);
        let precedence = message.route.precedence;
        let envelope = self.sign(leaf, message);
        let mut header = envelope.header.to_vec();
        if let Some(last) = header.last_mut() {
            *last ^= 1;
        }
        self.forge(leaf, parent, precedence, EnvelopeBytes { header: header.into(), ..envelope });
        "a signature is changed"
    }

    fn claim_anothers_name(&mut self, leaf: usize, parent: usize) -> &'static str {
        let mut message = self.invent(leaf);
        message.route.origin = self.cast.rooms[parent];
        message.route_bytes = cbor::encode(&message.route);
        let precedence = message.route.precedence;
        let envelope = self.sign(leaf, message);
        self.forge(leaf, parent, precedence, envelope);
        "another's name is claimed"
    }

    fn change_a_body(&mut self, leaf: usize, parent: usize) -> &'static str {
        let message = self.invent(leaf);
        let precedence = message.route.precedence;
        let envelope = self.sign(leaf, message);
        let mut body = envelope.body.to_vec();
        if let Some(last) = body.last_mut() {
            *last ^= 1;
        }
        self.forge(leaf, parent, precedence, EnvelopeBytes { body: body.into(), ..envelope });
        "a body is changed"
    }

    /// A receipt for somebody else's message by somebody who is not on its way.
    fn claim_an_outcome(&mut self, leaf: usize, parent: usize) -> &'static str {
        let me = self.cast.rooms[leaf];
        let is_foreign = |record: &Record| {
            let is_mine = record.key.origin == me || record.delivery(me).is_some();
            !is_mine && record.deliveries.iter().any(|delivery| delivery.outcome.is_none())
        };
        let Some(record) = self.some_record(parent, is_foreign) else { return "nothing to lie about" };
        let event = self.chance.pick(&[
            Happening::Delivered,
            Happening::Expired,
            Happening::Failed,
            Happening::Refused,
            Happening::Custody,
        ]);
        let receipt = Receipt {
            v: ENVELOPE_VERSION,
            at: self.time_of(leaf),
            seq: 1_000_000,
            peer: None,
            tick: None,
            clock: None,
            epoch: nobodys_epoch(),
            event,
            suite: self.cast.signers[leaf].suite().id(),
            issuer: me,
            origin: record.key.origin,
            reason: None,
            officer: None,
            recipient: record.deliveries[0].recipient,
            envelope_id: record.key.id,
            envelope_digest: record.digest,
        };
        let signed = receipt.sign(&*self.cast.signers[leaf]).bytes().to_vec();
        self.forged.insert(digest_of_parts(&[&signed]));
        let frame = Frame::Answers { receipts: vec![signed.into()] };
        self.send_frame(leaf, self.cast.rooms[parent], CONTROL, frame.encode());
        "an outcome is claimed"
    }

    /// Something of its own that has left before, however it ended. (Of what never left, only its own machine could send a
    /// copy: it would then have signed with its own key that it never would.)
    fn replay(&mut self, leaf: usize, parent: usize) -> &'static str {
        let Some(record) = self.some_record(leaf, has_left) else {
            return "nothing to replay";
        };
        let bytes = self.stations[leaf].disk.look(|store| store.envelope(&record.key).cloned());
        if let Some(bytes) = bytes {
            let left = record.deliveries.iter().filter(|delivery| delivery.transmitted);
            let to: Vec<RoomId> = left.map(|delivery| delivery.recipient).collect();
            self.send_envelope(leaf, self.cast.rooms[parent], record.precedence, bytes.branch(&to));
        }
        "an envelope is replayed"
    }

    fn some_record(&mut self, node: usize, wanted: impl Fn(&Record) -> bool) -> Option<Record> {
        let found: Vec<EnvelopeKey> = self.stations[node].disk.look(|store| {
            store.all_records().values().filter(|record| wanted(record)).map(|record| record.key).collect()
        });
        let key = (!found.is_empty()).then(|| self.chance.pick(&found))?;
        self.stations[node].disk.look(|store| store.all_records().get(&key).cloned())
    }

    fn invent(&mut self, leaf: usize) -> SealedMessage {
        let now = self.time_of(leaf);
        self.compose(leaf, nobodys_epoch(), now)
    }

    fn sign(&self, leaf: usize, message: SealedMessage) -> EnvelopeBytes {
        let mut numbers = BTreeMap::new();
        let envelope = message.sign(&*self.cast.signers[leaf], |room| {
            let number = numbers.entry(room).or_insert(0);
            *number += 1;
            *number
        });
        envelope.bytes().clone()
    }

    fn forge(&mut self, leaf: usize, parent: usize, precedence: Precedence, envelope: EnvelopeBytes) {
        self.forged.insert(mark(&envelope));
        self.send_envelope(leaf, self.cast.rooms[parent], precedence, envelope);
    }
}

/// By which a forged envelope is known.
pub(super) fn mark(envelope: &EnvelopeBytes) -> Digest {
    digest_of_parts(&[&envelope.header, &envelope.body])
}

fn has_left(record: &Record) -> bool {
    record.source.is_none() && record.deliveries.iter().any(|delivery| delivery.transmitted)
}

fn nobodys_epoch() -> Epoch {
    Epoch { nonce: [9; 8].into(), counter: NOBODYS_EPOCH }
}
