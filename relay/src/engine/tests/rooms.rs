//! The rooms of the tests, their map and what they send.

use std::{collections::BTreeMap, sync::Arc};

use certs::{
    cbor,
    seal::WrappedKey,
    signature::{KeyId, SimulationKeyring, SimulationSigner, digest},
};
use topology::{Dated, Flow, Level, Map, Name, Plan, Precedence, Relation, RelationKind, Room, RoomId};

use crate::{
    envelope::{ENVELOPE_VERSION, Role, Route, SealedMessage, VerifiedEnvelope},
    envelope_id::{EnvelopeId, Epoch},
    message::field::Status,
    receipt::{Event, Receipt, VerifiedReceipt},
    step::Submission,
    timestamp::Timestamp,
};

pub(super) const P: RoomId = RoomId::from_bytes([0x41; 16]);
pub(super) const A: RoomId = RoomId::from_bytes([0x0a; 16]);
pub(super) const B: RoomId = RoomId::from_bytes([0x0b; 16]);
pub(super) const C: RoomId = RoomId::from_bytes([0x0c; 16]);
pub(super) const D: RoomId = RoomId::from_bytes([0x0d; 16]);
pub(super) const E: RoomId = RoomId::from_bytes([0x0e; 16]);
pub(super) const F: RoomId = RoomId::from_bytes([0x0f; 16]);
pub(super) const ALL: [RoomId; 7] = [P, A, B, C, D, E, F];

/// 2026-11-22 04:00 UTC.
pub(super) const NOW: Timestamp = Timestamp::from_ms(1_795_320_000_000);

pub(super) fn name(room: RoomId) -> &'static str {
    let names = [(P, "P"), (A, "A"), (B, "B"), (C, "C"), (D, "D"), (E, "E"), (F, "F")];
    names.into_iter().find(|(id, _)| *id == room).map_or("?", |(_, name)| name)
}

/// Milliseconds after the beginning.
pub(super) fn at(ms: i64) -> Timestamp {
    Timestamp::from_ms(NOW.as_ms() + ms)
}

pub(super) fn plan() -> Plan {
    let mut county_e = room(E, "411322", Level::County, Some(B));
    county_e.alternates = vec![P];
    let mut county_f = room(F, "410181", Level::County, Some(A));
    county_f.alternates = vec![B];
    let mut county_c = room(C, "410122", Level::County, Some(A));
    county_c.relations = vec![Relation { kind: RelationKind::Peer, room: D }];
    let rooms = vec![
        room(P, "410000", Level::Province, None),
        room(A, "410100", Level::City, Some(P)),
        room(B, "411300", Level::City, Some(P)),
        county_c,
        room(D, "410185", Level::County, Some(A)),
        county_e,
        county_f,
    ];
    Plan {
        v: Plan::FORMAT,
        network: "henan".into(),
        version: 1,
        issued_at_ms: 0,
        demo: false,
        rooms,
        packs: vec![],
        calendars: vec![],
    }
}

pub(super) fn map() -> Arc<Map> {
    Arc::new(Map::new(plan()).unwrap())
}

pub(super) fn room(id: RoomId, code: &str, level: Level, parent: Option<RoomId>) -> Room {
    Room {
        id,
        level,
        codes: vec![Dated::always(code.parse().unwrap())],
        names: vec![Dated::always(Name { zh: format!("{code} 值班室"), en: None })],
        parent,
        alternates: Vec::new(),
        address: Some("127.0.0.1:7100".into()),
        telephone: None,
        relations: Vec::new(),
        valid_from_ms: None,
        valid_to_ms: None,
    }
}

pub(super) fn keyring() -> SimulationKeyring {
    SimulationKeyring::new(ALL)
}

/// What a room is about to send. Unless changed, a routine report that lives an hour.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    pub(super) from: RoomId,
    pub(super) to: Vec<RoomId>,
    pub(super) flow: Flow,
    pub(super) precedence: Precedence,
    pub(super) number: u8,
    pub(super) epoch: Epoch,
    pub(super) created_at: Timestamp,
    pub(super) lives_ms: i64,
    pub(super) body: Vec<u8>,
    pub(super) map_version: u64,
}

impl Draft {
    pub(super) fn new(from: RoomId, to: &[RoomId], number: u8) -> Self {
        Self {
            from,
            to: to.to_vec(),
            flow: Flow::Up,
            precedence: Precedence::Routine,
            number,
            epoch: epoch(1),
            created_at: NOW,
            lives_ms: 3_600_000,
            body: vec![number; 100],
            map_version: 1,
        }
    }

    pub(super) fn with(self, precedence: Precedence) -> Self {
        Self { precedence, ..self }
    }

    pub(super) fn flowing(self, flow: Flow) -> Self {
        Self { flow, ..self }
    }

    pub(super) fn sealed(&self) -> SealedMessage {
        let route = Route {
            v: ENVELOPE_VERSION,
            id: EnvelopeId::from_bytes([self.number; 16]),
            flow: self.flow,
            tick: None,
            epoch: self.epoch,
            suite: 255,
            origin: self.from,
            status: Status::Actual,
            network: "henan".into(),
            created_at: self.created_at,
            expires_at: Timestamp::from_ms(self.created_at.as_ms() + self.lives_ms),
            precedence: self.precedence,
            map_version: self.map_version,
        };
        SealedMessage {
            route_bytes: cbor::encode(&route),
            route,
            to: self.to.iter().map(|room| (*room, Role::Action, wrapped(*room))).collect(),
            body: self.body.clone().into(),
            commitments: [digest(b"facts"), digest(b"text"), digest(b"personal")],
        }
    }

    pub(super) fn submission(&self) -> Submission {
        Submission { sealed: self.sealed(), content_key: vec![1], summary: vec![2], call: None, once: None }
    }

    /// As it leaves its origin, numbered from 1.
    pub(super) fn envelope(&self) -> VerifiedEnvelope {
        let mut numbers: BTreeMap<RoomId, u64> = BTreeMap::new();
        self.sealed().sign(&SimulationSigner::new(self.from), |room| {
            let number = numbers.entry(room).or_insert(0);
            *number += 1;
            *number
        })
    }

    /// A part of it, as a neighbour gets it.
    pub(super) fn branch(&self, recipients: &[RoomId]) -> VerifiedEnvelope {
        VerifiedEnvelope::verify(self.envelope().bytes().branch(recipients), "henan", &keyring()).unwrap()
    }

    /// A receipt about it by another room.
    pub(super) fn receipt(
        &self,
        event: Event,
        issuer: RoomId,
        recipient: RoomId,
        seq: u64,
    ) -> VerifiedReceipt {
        let envelope = self.envelope();
        let statement = Receipt {
            v: ENVELOPE_VERSION,
            at: NOW,
            seq,
            peer: None,
            tick: None,
            clock: None,
            epoch: epoch(1),
            event,
            suite: 255,
            issuer,
            origin: self.from,
            reason: None,
            officer: None,
            recipient,
            envelope_id: envelope.route().id,
            envelope_digest: envelope.digest(),
        };
        statement.sign(&SimulationSigner::new(issuer))
    }
}

pub(super) fn epoch(counter: u64) -> Epoch {
    Epoch { nonce: serde_bytes::ByteArray::new([7; 8]), counter }
}

fn wrapped(room: RoomId) -> WrappedKey {
    WrappedKey { enc: vec![3; 32], key_id: KeyId::of(room.as_bytes()), ciphertext: vec![4; 48] }
}
