//! Rule packs and calendars as signed objects: what a network judges by is evidence too. The payload is the deterministic
//! CBOR of the pack or the year; the plan names the digest of the signed bytes that are in force.
//! *Against:* a pack that was changed on the way, a room that judges by limits of its own, a calendar passed off as a pack.

use std::sync::Arc;

use certs::{
    cbor,
    signature::{self, ContentType, Digest, Keyring, SignatureError, Signer, digest},
};
use serde::{Serialize, de::DeserializeOwned};
use topology::RoomId;

use super::{calendar::CalendarYear, pack::RulePack};

/// Something that a room signed, with its very bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed<T> {
    bytes: Arc<[u8]>,
    issuer: RoomId,
    content: T,
}

/// A rule pack that its issuing room signed.
pub type SignedPack = Signed<RulePack>;
/// A year of the calendar that its issuing room signed.
pub type SignedCalendar = Signed<CalendarYear>;

/// What can be signed and distributed with the map.
pub trait Document: Serialize + DeserializeOwned {
    /// The content type that separates it from everything else.
    const CONTENT: ContentType;

    /// Whether this version of the program can judge by it.
    fn is_known(&self) -> bool;
}

impl Document for RulePack {
    const CONTENT: ContentType = ContentType::RulePack;

    fn is_known(&self) -> bool {
        self.v == Self::FORMAT
    }
}

impl Document for CalendarYear {
    const CONTENT: ContentType = ContentType::Calendar;

    fn is_known(&self) -> bool {
        true
    }
}

impl<T: Document> Signed<T> {
    /// Signs it as a room.
    pub fn sign(content: T, issuer: RoomId, signer: &dyn Signer) -> Self {
        let bytes = signature::sign(signer, T::CONTENT, &cbor::encode(&content));
        Self { bytes: bytes.into(), issuer, content }
    }

    /// Verifies bytes that a neighbour, a file or the store gave.
    ///
    /// # Errors
    /// [`DocumentError`].
    pub fn verify(bytes: &[u8], keys: &dyn Keyring) -> Result<Self, DocumentError> {
        let verified = signature::verify(bytes, T::CONTENT, keys)?;
        let content: T = cbor::decode(&verified.payload, T::CONTENT.size_bytes_max())
            .map_err(|error| DocumentError::Malformed(error.to_string()))?;
        if !content.is_known() {
            return Err(DocumentError::Unknown);
        }
        Ok(Self { bytes: bytes.into(), issuer: verified.signer, content })
    }

    /// The signed bytes.
    pub fn bytes(&self) -> &Arc<[u8]> {
        &self.bytes
    }

    /// SHA-256 of the signed bytes: what the plan names.
    pub fn digest(&self) -> Digest {
        digest(&self.bytes)
    }

    /// Who signed it.
    pub fn issuer(&self) -> RoomId {
        self.issuer
    }

    /// The pack or the year, without its signature.
    pub fn into_content(self) -> T {
        self.content
    }

    /// The pack or the year.
    pub fn content(&self) -> &T {
        &self.content
    }
}

/// Why signed bytes are no pack or calendar to judge by.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    /// The signature does not hold.
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// Signed, but something else, or with a rule that this version does not know.
    #[error("the rule pack or calendar does not decode: {0}; it may be newer than this program")]
    Malformed(String),
    /// A format that this version does not know.
    #[error("the rule pack is of a format that this program does not know: update it")]
    Unknown,
}

#[cfg(test)]
mod tests {
    use certs::signature::{SimulationKeyring, SimulationSigner};

    use super::*;
    use crate::duty::builtin;

    const ROOM: RoomId = RoomId::from_bytes([7; 16]);

    #[test]
    fn every_pack_of_the_program_is_signed_and_read_back() {
        for pack in builtin::packs() {
            let signed = Signed::sign(pack.clone(), ROOM, &SimulationSigner::new(ROOM));
            let read = SignedPack::verify(signed.bytes(), &SimulationKeyring::new([ROOM])).unwrap();
            assert_eq!((read.content(), read.issuer(), read.digest()), (&pack, ROOM, signed.digest()));
        }
    }

    #[test]
    fn a_pack_is_no_calendar_and_a_changed_byte_no_pack() {
        let pack = builtin::packs().remove(0);
        let signed = Signed::sign(pack, ROOM, &SimulationSigner::new(ROOM));
        assert!(SignedCalendar::verify(signed.bytes(), &SimulationKeyring::new([ROOM])).is_err());
        let mut changed = signed.bytes().to_vec();
        let middle = changed.len() / 2;
        changed[middle] ^= 1;
        assert!(SignedPack::verify(&changed, &SimulationKeyring::new([ROOM])).is_err());
    }
}
