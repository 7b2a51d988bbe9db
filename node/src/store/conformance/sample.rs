//! Envelopes, records and receipts to fill a store with. The same number gives the same bytes.

use certs::{
    cbor,
    seal::WrappedKey,
    signature::{KeyId, Signer, SimulationSigner, digest},
};
use relay::{
    envelope::{ENVELOPE_VERSION, EnvelopeBytes, Role, Route, SealedMessage, VerifiedEnvelope},
    envelope_id::{EnvelopeId, Epoch},
    limits::LIFETIME_DEFAULT,
    message::{DeclaredTime, field::Status, phone::code::CallCode},
    receipt::{Event, Receipt, VerifiedReceipt},
    record::{Delivery, DeliveryState, Record},
    step::{CallEntry, InboxEntry, QueuePlace, SentOnce, StoredReceipt, Write},
    timestamp::Timestamp,
};
use topology::{Flow, Precedence, RoomId};

/// The room whose store it is.
pub const ME: RoomId = RoomId::from_bytes([1; 16]);
/// A neighbour to which envelopes go.
pub const NEXT: RoomId = RoomId::from_bytes([2; 16]);
/// A neighbour from which envelopes come.
pub const SOURCE: RoomId = RoomId::from_bytes([3; 16]);
/// The origin of the samples.
pub const ORIGIN: RoomId = RoomId::from_bytes([4; 16]);
/// Their recipients.
pub const RECIPIENTS: [RoomId; 2] = [RoomId::from_bytes([5; 16]), RoomId::from_bytes([6; 16])];
/// The time at which sample 0 was made.
pub const START: Timestamp = Timestamp::from_ms(1_700_000_000_000);

/// One envelope that came from [`SOURCE`] and waits for [`NEXT`].
#[derive(Debug, Clone)]
pub struct Sample {
    /// The envelope.
    pub bytes: EnvelopeBytes,
    /// What is remembered of it.
    pub record: Record,
}

impl Sample {
    /// The sample with this number, with a body of 2 KiB.
    pub fn new(number: u32, precedence: Precedence) -> Self {
        Self::with_body(number, precedence, 2048)
    }

    /// The sample with this number and a body of this size. It came `number` milliseconds after [`START`].
    pub fn with_body(number: u32, precedence: Precedence, body_bytes: usize) -> Self {
        let now = Timestamp::from_ms(START.as_ms() + i64::from(number));
        let envelope = sign(number, precedence, body_bytes, now);
        let (waiting, nr) = (DeliveryState::Waiting { neighbour: NEXT }, u64::from(number));
        let deliveries =
            RECIPIENTS.map(|recipient| Delivery::new(recipient, Role::Action, nr, waiting.clone()));
        let record = Record {
            key: envelope.key(),
            digest: envelope.digest(),
            source: Some(SOURCE),
            flow: Flow::Up,
            precedence,
            status: Status::Actual,
            created_at: now,
            received_at: now,
            expires_at: envelope.route().expires_at,
            size_bytes: envelope.bytes().size_bytes(),
            deliveries: deliveries.to_vec(),
            collisions: Vec::new(),
        };
        Self { bytes: envelope.bytes().clone(), record }
    }

    /// The write that stores the envelope.
    pub fn envelope(&self) -> Write {
        let (key, bytes) = (self.record.key, self.bytes.clone());
        Write::Envelope { key, bytes, content_key: Some(vec![9; 60]), summary: None }
    }

    /// Its place in the queue.
    pub fn place(&self) -> QueuePlace {
        QueuePlace {
            neighbour: NEXT,
            precedence: self.record.precedence,
            since: self.record.received_at,
            key: self.record.key,
        }
    }

    /// The record with every delivery in this state.
    pub fn in_state(&self, state: &DeliveryState, outcome: Option<Event>) -> Record {
        let mut record = self.record.clone();
        for delivery in &mut record.deliveries {
            delivery.state = state.clone();
            delivery.outcome = outcome;
        }
        record
    }

    /// A receipt about it.
    pub fn receipt(&self, event: Event, issuer: RoomId, seq: u64) -> VerifiedReceipt {
        let signer = SimulationSigner::new(issuer);
        let receipt = Receipt {
            v: ENVELOPE_VERSION,
            at: self.record.received_at,
            seq,
            peer: Some(SOURCE),
            tick: None,
            clock: None,
            epoch: epoch(1),
            event,
            suite: signer.suite().id(),
            issuer,
            origin: self.record.key.origin,
            reason: None,
            officer: None,
            recipient: RECIPIENTS[0],
            envelope_id: self.record.key.id,
            envelope_digest: self.record.digest,
        };
        receipt.sign(&signer)
    }

    /// The write of a receipt that this node issued.
    pub fn own(&self, event: Event, seq: u64, outbox: Option<(RoomId, u64)>) -> Write {
        let receipt = self.receipt(event, ME, seq);
        Write::Receipt(StoredReceipt { receipt, own: true, leaf: seq, outbox })
    }

    /// The write of a receipt from elsewhere.
    pub fn foreign(&self, event: Event, issuer: RoomId, outbox: Option<(RoomId, u64)>) -> Write {
        let receipt = self.receipt(event, issuer, 77);
        let digest = digest(receipt.bytes());
        let leaf =
            digest.as_bytes().iter().take(4).fold(1 << 40, |leaf, byte| (leaf << 8) | u64::from(*byte));
        Write::Receipt(StoredReceipt { receipt, own: false, leaf, outbox })
    }

    /// What the table of calls keeps of a note that it might carry.
    pub fn call(&self) -> CallEntry {
        CallEntry {
            peer: NEXT,
            code: CallCode::of_number(7),
            started_at: DeclaredTime::from_ms(1_000).expect("a second after 1970 is a time"),
            about: None,
            case: None,
            signed: self.record.key.to_bytes().to_vec(),
        }
    }

    /// What is kept of the request that it might be the answer to.
    pub fn once(&self) -> SentOnce {
        let key = self.record.key.to_bytes();
        SentOnce {
            name: digest(&key),
            request: self.record.digest,
            at: self.record.created_at,
            answer: key.to_vec(),
        }
    }

    /// The write that puts it into the inbox.
    pub fn line(&self) -> Write {
        Write::Inbox {
            key: self.record.key,
            nr: self.record.deliveries.first().map_or(0, |delivery| delivery.nr),
            epoch: epoch(1),
            entry: InboxEntry { kind: 3, content_key: vec![9; 60], summary: vec![8; 200], call: None },
            delivered_at: self.record.received_at,
        }
    }
}

/// The epoch with this counter.
pub fn epoch(counter: u64) -> Epoch {
    Epoch { nonce: counter.to_be_bytes().into(), counter }
}

fn sign(number: u32, precedence: Precedence, body_bytes: usize, now: Timestamp) -> VerifiedEnvelope {
    let signer = SimulationSigner::new(ORIGIN);
    let mut random = [0; 10];
    random[..4].copy_from_slice(&number.to_be_bytes());
    let route = Route {
        v: ENVELOPE_VERSION,
        id: EnvelopeId::new(now, &random),
        flow: Flow::Up,
        tick: None,
        epoch: epoch(1),
        suite: signer.suite().id(),
        origin: ORIGIN,
        status: Status::Actual,
        network: "sample".to_owned(),
        created_at: now,
        expires_at: now.after(LIFETIME_DEFAULT),
        precedence,
        map_version: 1,
    };
    let key = |room: RoomId| WrappedKey {
        enc: vec![1; 32],
        key_id: KeyId::of(room.as_bytes()),
        ciphertext: vec![2; 48],
    };
    let body: Vec<u8> = number.to_be_bytes().into_iter().cycle().take(body_bytes).collect();
    let sealed = SealedMessage {
        route_bytes: cbor::encode(&route),
        route,
        to: RECIPIENTS.map(|room| (room, Role::Action, key(room))).to_vec(),
        body: body.into(),
        commitments: [digest(b"facts"), digest(b"text"), digest(b"personal")],
    };
    sealed.sign(&signer, |_| u64::from(number))
}
