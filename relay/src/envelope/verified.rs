//! The proof that bytes are an envelope: first the signature over the bytes as they came, then what they say.
//! *Against:* a forged or changed header, body or key; a claimed origin; keys of another envelope; endless recipients.

use std::collections::BTreeSet;

use certs::{
    cbor,
    signature::{self, ContentType, Digest, Keyring, SignatureError},
};
use topology::RoomId;

use super::{Address, ENVELOPE_VERSION, EnvelopeBytes, Header, RecipientKey, Route, key_digest};
use crate::{
    envelope_id::EnvelopeKey,
    limits::{BODY_BYTES_MAX, HEADER_BYTES_MAX, LIFETIME_MAX, RECIPIENTS_MAX},
};

/// An envelope whose signature, digests and limits hold.
#[derive(Debug, Clone)]
pub struct VerifiedEnvelope {
    digest: Digest,
    route: Route,
    header: Header,
    bytes: EnvelopeBytes,
}

impl VerifiedEnvelope {
    /// What this room has signed itself.
    pub(super) fn of_own(route: Route, header: Header, bytes: EnvelopeBytes) -> Self {
        Self { digest: signature::digest(&bytes.header), route, header, bytes }
    }

    /// Verifies what a neighbour or the store gave: first the signature over the bytes as they came, then the contents.
    ///
    /// # Errors
    /// [`EnvelopeError`]; such bytes never produce a terminal outcome, only a refusal on the link.
    pub fn verify(bytes: EnvelopeBytes, network: &str, keys: &dyn Keyring) -> Result<Self, EnvelopeError> {
        if bytes.header.len() > HEADER_BYTES_MAX || bytes.body.len() > BODY_BYTES_MAX {
            return Err(EnvelopeError::TooLarge);
        }
        let VerifiedHeader { digest, route, header } = VerifiedHeader::verify(&bytes.header, network, keys)?;
        check_keys(&header, &bytes.keys)?;
        if header.body_len != bytes.body.len() as u64 || header.body_digest != signature::digest(&bytes.body)
        {
            return Err(EnvelopeError::BodyChanged);
        }
        Ok(Self { digest, route, header, bytes })
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

/// A signed header without its body and keys: what an evidence file keeps of an envelope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedHeader {
    /// SHA-256 of the signed header: what receipts are about.
    pub digest: Digest,
    /// The route.
    pub route: Route,
    /// Its contents.
    pub header: Header,
}

impl VerifiedHeader {
    /// Verifies the signature over the bytes as they came, then the contents. Bodies and keys are not looked at.
    ///
    /// # Errors
    /// [`EnvelopeError`].
    pub fn verify(bytes: &[u8], network: &str, keys: &dyn Keyring) -> Result<Self, EnvelopeError> {
        if bytes.len() > HEADER_BYTES_MAX {
            return Err(EnvelopeError::TooLarge);
        }
        let verified = signature::verify(bytes, ContentType::EnvelopeHeader, keys)?;
        let header: Header =
            cbor::decode(&verified.payload, HEADER_BYTES_MAX).map_err(|_| EnvelopeError::Malformed)?;
        let route: Route =
            cbor::decode(&header.route, HEADER_BYTES_MAX).map_err(|_| EnvelopeError::Malformed)?;
        check_route(&route, network, verified.signer)?;
        check_recipients(header.to.iter().map(|address| address.room))?;
        if header.commitments.len() != 3 {
            return Err(EnvelopeError::Malformed);
        }
        Ok(Self { digest: signature::digest(bytes), route, header })
    }

    /// Which envelope it is.
    pub fn key(&self) -> EnvelopeKey {
        EnvelopeKey { origin: self.route.origin, id: self.route.id }
    }
}

/// Which envelope a header claims to be, before anything is verified: for telling a neighbour what was not taken.
pub fn peek_key(header: &[u8]) -> Option<EnvelopeKey> {
    let payload = signature::peek_payload_unverified(header, ContentType::EnvelopeHeader).ok()?;
    let header: Header = cbor::decode(&payload, HEADER_BYTES_MAX).ok()?;
    let route: Route = cbor::decode(&header.route, HEADER_BYTES_MAX).ok()?;
    Some(EnvelopeKey { origin: route.origin, id: route.id })
}

/// Version, origin, network and life.
pub(super) fn check_route(route: &Route, network: &str, signer: RoomId) -> Result<(), EnvelopeError> {
    if route.v != ENVELOPE_VERSION {
        return Err(EnvelopeError::Version { v: route.v });
    }
    if route.origin != signer {
        return Err(EnvelopeError::ForeignOrigin { claimed: route.origin, signer });
    }
    if route.network != network {
        return Err(EnvelopeError::ForeignNetwork { network: route.network.clone() });
    }
    if route.expires_at <= route.created_at || route.expires_at > route.created_at.after(LIFETIME_MAX) {
        return Err(EnvelopeError::Lifetime);
    }
    Ok(())
}

/// At least one, at most [`RECIPIENTS_MAX`], each once.
pub(super) fn check_recipients(to: impl Iterator<Item = RoomId>) -> Result<(), EnvelopeError> {
    let mut rooms = BTreeSet::new();
    for room in to {
        if !rooms.insert(room) || rooms.len() > RECIPIENTS_MAX {
            return Err(EnvelopeError::Recipients);
        }
    }
    if rooms.is_empty() { Err(EnvelopeError::Recipients) } else { Ok(()) }
}

/// The wrapped keys of this branch: at least one, each once, each the one that the origin signed.
fn check_keys(header: &Header, keys: &[RecipientKey]) -> Result<(), EnvelopeError> {
    check_recipients(keys.iter().map(|key| key.room))?;
    for key in keys {
        let signed = header.to.iter().find(|address| address.room == key.room);
        if signed.is_none_or(|address| address.key_digest != key_digest(&key.key)) {
            return Err(EnvelopeError::KeyChanged { recipient: key.room });
        }
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
