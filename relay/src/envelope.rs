//! The envelope (信封): a message signed by its origin and sealed to its recipients. What travels.
//!
//! The header is a COSE_Sign1 that is kept and forwarded byte for byte; the body is one ciphertext for all
//! recipients, and each branch carries only the wrapped keys that it needs. An envelope that exists as
//! [`VerifiedEnvelope`] was signed by a key that the sheets give to its origin, and its body and keys are those
//! that the origin signed. Whether it may pass is for the engine and the policy.
//! *Against:* a forged or changed header, body or key; a claimed origin; a body swapped between envelopes; keys
//! of another envelope; endless recipients.

use std::{collections::BTreeSet, sync::Arc};

use certs::{
    cbor,
    seal::WrappedKey,
    signature::{self, ContentType, Digest, Keyring, SignatureError, Signer},
};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use topology::{Flow, Precedence, RoomId};

use crate::{
    envelope_id::{EnvelopeId, EnvelopeKey, Epoch},
    limits::{BODY_BYTES_MAX, HEADER_BYTES_MAX, LIFETIME_MAX, RECIPIENTS_MAX},
    message::field::Status,
    timestamp::Timestamp,
};

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
    /// The root hub's time that the origin had seen; null until ticks exist.
    pub tick: Option<u64>,
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
    /// No target delivers it after this; at most [`LIFETIME_MAX`] later.
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
        (self.header.len() + self.body.len() + self.keys.len() * 128) as u64
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
        VerifiedEnvelope {
            digest: signature::digest(&signed),
            route: self.route,
            header,
            bytes: EnvelopeBytes { header: signed.into(), keys, body: self.body },
        }
    }
}

/// An envelope whose signature, digests and limits hold.
#[derive(Debug, Clone)]
pub struct VerifiedEnvelope {
    digest: Digest,
    route: Route,
    header: Header,
    bytes: EnvelopeBytes,
}

impl VerifiedEnvelope {
    /// Verifies what a neighbour or the store gave: first the signature over the bytes as they came, then the contents.
    ///
    /// # Errors
    /// [`EnvelopeError`]; such bytes never produce a terminal outcome, only a refusal on the link.
    pub fn verify(bytes: EnvelopeBytes, network: &str, keys: &dyn Keyring) -> Result<Self, EnvelopeError> {
        if bytes.header.len() > HEADER_BYTES_MAX || bytes.body.len() > BODY_BYTES_MAX {
            return Err(EnvelopeError::TooLarge);
        }
        let verified = signature::verify(&bytes.header, ContentType::EnvelopeHeader, keys)?;
        let header: Header =
            cbor::decode(&verified.payload, HEADER_BYTES_MAX).map_err(|_| EnvelopeError::Malformed)?;
        let route: Route = cbor::decode(&header.route, HEADER_BYTES_MAX).map_err(|_| EnvelopeError::Malformed)?;
        if route.v != ENVELOPE_VERSION {
            return Err(EnvelopeError::Version { v: route.v });
        }
        if route.origin != verified.signer {
            return Err(EnvelopeError::ForeignOrigin { claimed: route.origin, signer: verified.signer });
        }
        if route.network != network {
            return Err(EnvelopeError::ForeignNetwork { network: route.network });
        }
        check_recipients(&header, &bytes.keys)?;
        check_lifetime(&route)?;
        if header.body_len != bytes.body.len() as u64 || header.body_digest != signature::digest(&bytes.body) {
            return Err(EnvelopeError::BodyChanged);
        }
        Ok(Self { digest: signature::digest(&bytes.header), route, header, bytes })
    }

    /// Which envelope it is.
    pub fn key(&self) -> EnvelopeKey {
        EnvelopeKey { origin: self.route.origin, id: self.route.id }
    }

    /// SHA-256 of the signed header: what receipts are about.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The route.
    pub fn route(&self) -> &Route {
        &self.route
    }

    /// The signed header's contents.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The bytes as they travel.
    pub fn bytes(&self) -> &EnvelopeBytes {
        &self.bytes
    }

    /// The address of one recipient.
    pub fn address(&self, room: RoomId) -> Option<&Address> {
        self.header.to.iter().find(|address| address.room == room)
    }

    /// The recipients whose keys this branch carries.
    pub fn recipients(&self) -> Vec<RoomId> {
        self.bytes.keys.iter().map(|key| key.room).collect()
    }

    /// The associated data of the sealed body: SHA-256 of the route's bytes.
    pub fn route_digest(&self) -> Digest {
        signature::digest(&self.header.route)
    }
}

/// Which envelope a header claims to be, before anything is verified: for telling a neighbour what was not taken.
pub fn peek_key(header: &[u8]) -> Option<EnvelopeKey> {
    let payload = signature::peek_payload_unverified(header, ContentType::EnvelopeHeader).ok()?;
    let header: Header = cbor::decode(&payload, HEADER_BYTES_MAX).ok()?;
    let route: Route = cbor::decode(&header.route, HEADER_BYTES_MAX).ok()?;
    Some(EnvelopeKey { origin: route.origin, id: route.id })
}

/// SHA-256 over the deterministic CBOR of a wrapped key.
pub fn key_digest(key: &WrappedKey) -> Digest {
    signature::digest(&cbor::encode(key))
}

fn check_recipients(header: &Header, keys: &[RecipientKey]) -> Result<(), EnvelopeError> {
    let rooms: BTreeSet<RoomId> = header.to.iter().map(|address| address.room).collect();
    if header.to.is_empty() || header.to.len() > RECIPIENTS_MAX || rooms.len() != header.to.len() {
        return Err(EnvelopeError::Recipients);
    }
    if header.commitments.len() != 3 || keys.is_empty() {
        return Err(EnvelopeError::Malformed);
    }
    let carried: BTreeSet<RoomId> = keys.iter().map(|key| key.room).collect();
    if carried.len() != keys.len() {
        return Err(EnvelopeError::Recipients);
    }
    for key in keys {
        let signed = header.to.iter().find(|address| address.room == key.room);
        if signed.is_none_or(|address| address.key_digest != key_digest(&key.key)) {
            return Err(EnvelopeError::KeyChanged { recipient: key.room });
        }
    }
    Ok(())
}

fn check_lifetime(route: &Route) -> Result<(), EnvelopeError> {
    let latest = route.created_at.after(LIFETIME_MAX);
    if route.expires_at <= route.created_at || route.expires_at > latest {
        return Err(EnvelopeError::Lifetime);
    }
    Ok(())
}

/// Why bytes are no envelope. None of these decides what becomes of the envelope that they claim to be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// Over [`HEADER_BYTES_MAX`] or [`BODY_BYTES_MAX`].
    #[error("the envelope is larger than a body may be")]
    TooLarge,
    /// The signature does not verify, or its key is not known (yet).
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// Signed, but not an envelope header.
    #[error("the header does not decode")]
    Malformed,
    /// A version that this program does not speak.
    #[error("envelope version {v} is not known")]
    Version {
        /// The version.
        v: u16,
    },
    /// Signed by another room than the one it claims to come from.
    #[error("it claims to come from {claimed} but {signer} signed it")]
    ForeignOrigin {
        /// What the route says.
        claimed: RoomId,
        /// Whose key signed.
        signer: RoomId,
    },
    /// Made for another network.
    #[error("it belongs to the network {network}")]
    ForeignNetwork {
        /// Its network.
        network: String,
    },
    /// None, too many, or one of them twice.
    #[error("the list of recipients is empty, too long or has one twice")]
    Recipients,
    /// A wrapped key that the origin did not sign.
    #[error("the key for {recipient} is not the one that the origin signed")]
    KeyChanged {
        /// Whose key.
        recipient: RoomId,
    },
    /// The body is not the one that the origin signed.
    #[error("the body is not the one that the origin signed")]
    BodyChanged,
    /// Expires before it was made, or lives longer than 30 days.
    #[error("its life is not between nothing and 30 days")]
    Lifetime,
}
