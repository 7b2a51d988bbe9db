//! The envelope (信封): a message signed by its origin and sealed to its recipients. What travels.
//!
//! The header is a COSE_Sign1 that is kept and forwarded byte for byte; the body is one ciphertext for all
//! recipients, and each branch carries only the wrapped keys that it needs. An envelope that exists as
//! [`VerifiedEnvelope`] was signed by a key that the sheets give to its origin, and its body and keys are those
//! that the origin signed. Whether it may pass is for the engine and the policy.
//! *Against:* a forged or changed header, body or key; a claimed origin; a body swapped between envelopes; keys
//! of another envelope; endless recipients.

use std::sync::Arc;

use certs::{
    cbor,
    seal::WrappedKey,
    signature::{self, ContentType, Digest, Signer},
};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use topology::{Flow, Precedence, RoomId};

use crate::{
    envelope_id::{EnvelopeId, Epoch},
    limits::{BODY_BYTES_MAX, KEY_BYTES},
    message::field::Status,
    tick::TickRef,
    timestamp::Timestamp,
};

mod verified;

pub use verified::{EnvelopeError, VerifiedEnvelope, VerifiedHeader, peek_key};

/// The version of route, header and receipt that this program writes.
pub const ENVELOPE_VERSION: u16 = 1;

/// What every hop may read, and what the sealed body is bound to. Lengths of time in milliseconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// [`ENVELOPE_VERSION`].
    pub v: u16,
    /// The envelope's id.
    pub id: EnvelopeId,
    /// Which way it flows.
    pub flow: Flow,
    /// The newest tick that the origin had seen: it was signed after that. Null while none was seen.
    pub tick: Option<TickRef>,
    /// The origin's run.
    pub epoch: Epoch,
    /// The cryptographic suite, see [`certs::signature::Suite`].
    pub suite: u8,
    /// The room that signs.
    pub origin: RoomId,
    /// In earnest, exercise or line test.
    pub status: Status,
    /// The network's label.
    pub network: String,
    /// When the origin made it.
    pub created_at: Timestamp,
    /// No target delivers it after this; at most [`crate::limits::LIFETIME_MAX`] later.
    pub expires_at: Timestamp,
    /// How urgent.
    pub precedence: Precedence,
    /// The plan that the origin had.
    pub map_version: u64,
}

/// Whether a recipient must act.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// 主送
    Action,
    /// 抄送
    Info,
}

/// One recipient, as the origin signed it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    /// Gap-free per (origin, epoch, recipient), from 1: the recipient sees what is missing.
    pub nr: u64,
    /// 主送 or 抄送.
    pub role: Role,
    /// The recipient.
    pub room: RoomId,
    /// SHA-256 of the recipient's wrapped key in deterministic CBOR.
    pub key_digest: Digest,
}

/// What the origin signs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// The recipients, each once.
    pub to: Vec<Address>,
    /// A [`Route`] in deterministic CBOR; its SHA-256 is the associated data of the sealed body.
    pub route: ByteBuf,
    /// Bytes of the sealed body.
    pub body_len: u64,
    /// SHA-256 of the sealed body.
    pub body_digest: Digest,
    /// Salted commitments to facts, text and personal block.
    pub commitments: Vec<Digest>,
}

/// The key of the body, wrapped for one recipient.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecipientKey {
    /// Whose.
    pub room: RoomId,
    /// The wrapped key.
    pub key: WrappedKey,
}

/// An envelope as bytes: what a frame carries and the store keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvelopeBytes {
    /// The signed header, byte for byte.
    pub header: Arc<[u8]>,
    /// The wrapped keys of the recipients on this branch.
    pub keys: Vec<RecipientKey>,
    /// The sealed body.
    pub body: Arc<[u8]>,
}

impl EnvelopeBytes {
    /// What it counts against windows and quotas.
    pub fn size_bytes(&self) -> u64 {
        (self.header.len() + self.body.len() + self.keys.len() * KEY_BYTES) as u64
    }

    /// The same envelope with the keys of these recipients only.
    pub fn branch(&self, recipients: &[RoomId]) -> Self {
        let keys = self.keys.iter().filter(|key| recipients.contains(&key.room)).cloned().collect();
        Self { header: self.header.clone(), keys, body: self.body.clone() }
    }
}

/// A sealed message that its own room has not yet numbered and signed.
#[derive(Debug, Clone)]
pub struct SealedMessage {
    /// The route, which the body is bound to.
    pub route: Route,
    /// `route` in deterministic CBOR.
    pub route_bytes: Vec<u8>,
    /// Recipients in the order of the address list.
    pub to: Vec<(RoomId, Role, WrappedKey)>,
    /// The sealed body.
    pub body: Arc<[u8]>,
    /// Commitments to the three blocks.
    pub commitments: [Digest; 3],
}

impl SealedMessage {
    /// Whether everybody will take it as an envelope of `origin`, once it is signed.
    ///
    /// # Errors
    /// [`EnvelopeError`] that any room on the way would answer with.
    pub fn check(&self, network: &str, origin: RoomId) -> Result<(), EnvelopeError> {
        verified::check_route(&self.route, network, origin)?;
        verified::check_recipients(self.to.iter().map(|(room, _, _)| *room))?;
        if self.body.len() > BODY_BYTES_MAX {
            return Err(EnvelopeError::TooLarge);
        }
        if self.route_bytes != cbor::encode(&self.route) {
            return Err(EnvelopeError::Malformed);
        }
        Ok(())
    }

    /// Numbers and signs: `number` gives the next `nr` for a recipient.
    pub fn sign(self, signer: &dyn Signer, mut number: impl FnMut(RoomId) -> u64) -> VerifiedEnvelope {
        let to: Vec<Address> = self
            .to
            .iter()
            .map(|(room, role, key)| Address {
                nr: number(*room),
                role: *role,
                room: *room,
                key_digest: key_digest(key),
            })
            .collect();
        let header = Header {
            to,
            route: ByteBuf::from(self.route_bytes),
            body_len: self.body.len() as u64,
            body_digest: signature::digest(&self.body),
            commitments: self.commitments.to_vec(),
        };
        let signed = signature::sign(signer, ContentType::EnvelopeHeader, &cbor::encode(&header));
        let keys = self.to.into_iter().map(|(room, _, key)| RecipientKey { room, key }).collect();
        let bytes = EnvelopeBytes { header: signed.into(), keys, body: self.body };
        VerifiedEnvelope::of_own(self.route, header, bytes)
    }
}

/// SHA-256 over the deterministic CBOR of a wrapped key.
pub fn key_digest(key: &WrappedKey) -> Digest {
    signature::digest(&cbor::encode(key))
}

#[cfg(test)]
mod tests;
