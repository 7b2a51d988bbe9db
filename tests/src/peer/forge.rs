//! Envelopes and receipts made by hand: genuine ones, and those that a hostile room would make.

use certs::{
    certificate::Serial,
    signature::{Digest, Signer},
};
use node::{clock::Clock, letterbox::Recipient};
use relay::{
    envelope::{EnvelopeBytes, Role, Route, SealedMessage, VerifiedEnvelope},
    envelope_id::{EnvelopeId, Epoch},
    message::{Kind, Message, Salts, field::Status},
    receipt::{Event, Receipt},
};
use serde_bytes::ByteArray;
use topology::{Flow, Precedence, RoomId};

use super::keys::Keys;

/// An envelope that is not sealed yet; every part of it may be changed.
pub struct Draft {
    /// What every hop may read.
    pub route: Route,
    /// For whom.
    pub to: Vec<RoomId>,
    /// What is inside.
    pub message: Message,
}

impl Keys {
    /// A report in the ordinary way: from this room, upwards, routine, for an hour.
    ///
    /// # Panics
    /// When the text is none that a report may have.
    pub fn draft(&self, to: RoomId, text: &str) -> Draft {
        let now = Clock::wall();
        let mut message = Message::new_text(Kind::Report, text).expect("the text is good");
        message.heading.status = Status::Test;
        Draft {
            route: Route {
                v: 0,
                suite: 0,
                id: EnvelopeId::new(now, &random()),
                flow: Flow::Up,
                tick: None,
                epoch: Epoch { nonce: ByteArray::new(random()), counter: 1 },
                origin: self.room,
                status: Status::Test,
                network: self.map().network().to_owned(),
                created_at: now,
                expires_at: now.after(std::time::Duration::from_secs(3600)),
                precedence: Precedence::Routine,
                map_version: self.map().version(),
            },
            to: vec![to],
            message,
        }
    }

    /// Seals and signs a draft with this room's key.
    ///
    /// # Panics
    /// When a recipient has no key.
    pub fn seal(&self, draft: &Draft) -> VerifiedEnvelope {
        self.seal_with_salts(draft, [random(), random(), random()])
    }

    /// The same with chosen salts: an officer's statement about a call names the commitment that one of them makes.
    ///
    /// # Panics
    /// When a recipient has no key.
    pub fn seal_with_salts(&self, draft: &Draft, salts: Salts) -> VerifiedEnvelope {
        self.seal_to(draft, draft.to.iter().map(|room| self.recipient(*room)).collect(), salts)
    }

    /// Seals a draft with the key of another room than its recipient's.
    ///
    /// # Panics
    /// When that room has no key.
    pub fn seal_with_key_of(&self, draft: &Draft, other: RoomId) -> VerifiedEnvelope {
        let wrong = |room: &RoomId| Recipient { room: *room, ..self.recipient(other) };
        self.seal_to(draft, draft.to.iter().map(wrong).collect(), [random(), random(), random()])
    }

    /// Seals a draft under a number of this room's choice.
    ///
    /// # Panics
    /// When a recipient has no key.
    pub fn seal_numbered(&self, draft: &Draft, number: u64) -> VerifiedEnvelope {
        let recipients: Vec<Recipient> = draft.to.iter().map(|room| self.recipient(*room)).collect();
        self.sealed(draft, &recipients, [random(), random(), random()]).sign(&self.signing, |_| number)
    }

    fn seal_to(&self, draft: &Draft, recipients: Vec<Recipient>, salts: Salts) -> VerifiedEnvelope {
        self.sealed(draft, &recipients, salts).sign(&self.signing, |_| 1)
    }

    fn sealed(&self, draft: &Draft, recipients: &[Recipient], salts: Salts) -> SealedMessage {
        let submission = self.letterbox.seal(&draft.message, draft.route.clone(), recipients, salts);
        submission.expect("the message can be sealed").sealed
    }

    fn recipient(&self, room: RoomId) -> Recipient {
        let key = self.trust.keys.sealing_key(room, Clock::wall().as_ms());
        let (_, key) = key.unwrap_or_else(|| panic!("no sealing key of {room} is known here"));
        Recipient { room, role: Role::Action, key }
    }

    /// A receipt about an envelope, said by `issuer` and signed with this room's key.
    pub fn receipt(
        &self,
        envelope: &VerifiedEnvelope,
        recipient: RoomId,
        event: Event,
        issuer: RoomId,
    ) -> Vec<u8> {
        self.receipt_of_digest(envelope, envelope.digest(), recipient, event, issuer)
    }

    /// The same about other bytes.
    pub fn receipt_of_digest(
        &self,
        envelope: &VerifiedEnvelope,
        envelope_digest: Digest,
        recipient: RoomId,
        event: Event,
        issuer: RoomId,
    ) -> Vec<u8> {
        self.statement(envelope, envelope_digest, recipient, event, issuer)
            .sign(&self.signing)
            .bytes()
            .to_vec()
    }

    /// What such a receipt says, not signed yet.
    pub fn statement(
        &self,
        envelope: &VerifiedEnvelope,
        envelope_digest: Digest,
        recipient: RoomId,
        event: Event,
        issuer: RoomId,
    ) -> Receipt {
        Receipt {
            v: 1,
            at: Clock::wall(),
            seq: 1_000_000,
            peer: None,
            tick: None,
            clock: None,
            epoch: Epoch { nonce: ByteArray::new(random()), counter: 1_000 },
            event,
            suite: self.signing.suite().id(),
            issuer,
            origin: envelope.key().origin,
            reason: None,
            officer: None,
            recipient,
            envelope_id: envelope.key().id,
            envelope_digest,
        }
    }
}

/// The envelope with one bit of its signed header changed.
pub fn with_header_bit(envelope: &EnvelopeBytes, at: usize) -> EnvelopeBytes {
    let mut header = envelope.header.to_vec();
    header[at] ^= 1;
    EnvelopeBytes { header: header.into(), ..envelope.clone() }
}

/// The envelope with one bit of its sealed body changed.
pub fn with_body_bit(envelope: &EnvelopeBytes, at: usize) -> EnvelopeBytes {
    let mut body = envelope.body.to_vec();
    body[at] ^= 1;
    EnvelopeBytes { body: body.into(), ..envelope.clone() }
}

/// Random bytes, drawn where certificates draw theirs; the first is never above 127.
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    for chunk in bytes.chunks_mut(8) {
        let serial = Serial::random();
        chunk.copy_from_slice(&serial.as_bytes()[..chunk.len()]);
    }
    bytes
}
