//! A new key of a room is announced by the signing key before it: whoever knew the old key can follow to the
//! new one without believing the hub.

use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use topology::RoomId;

use super::{KeyPurpose, PublishedKey, SheetEntry, SheetError, signing_suite};
use crate::{
    cbor,
    signature::{self, ContentType, PublicKey, Signer},
};

/// What the predecessor signs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeySuccession {
    /// The room.
    pub room: RoomId,
    /// The algorithm's number of the new key.
    pub suite: u8,
    /// The new public key.
    pub public: ByteBuf,
    /// In use from this time on, milliseconds since 1970 UTC.
    pub from_ms: i64,
    /// What it is for.
    pub purpose: KeyPurpose,
}

/// Announces a new key with the room's present signing key; the bytes go into [`PublishedKey::succession`].
pub fn sign_succession(present: &dyn Signer, new: &KeySuccession) -> Vec<u8> {
    signature::sign(present, ContentType::KeySuccession, &cbor::encode(new))
}

/// Checks every announcement in an entry: it names this very key and is signed by another signing key of the
/// room that was in use before.
pub(super) fn check_successions(entry: &SheetEntry) -> Result<(), SheetError> {
    for key in &entry.keys {
        let Some(signed) = &key.succession else { continue };
        if !is_announced(entry, key, signed) {
            return Err(SheetError::Succession { room: entry.room, key: key.key_id() });
        }
    }
    Ok(())
}

fn is_announced(entry: &SheetEntry, key: &PublishedKey, signed: &[u8]) -> bool {
    let wanted = KeySuccession {
        room: entry.room,
        suite: key.suite,
        public: key.public.clone(),
        from_ms: key.from_ms,
        purpose: key.purpose,
    };
    let earlier = entry.keys.iter().filter(|other| {
        other.purpose == KeyPurpose::Signing && other.from_ms <= key.from_ms && other.public != key.public
    });
    earlier.filter_map(|other| PublicKey::from_bytes(signing_suite(other)?, &other.public).ok()).any(
        |other| {
            let payload = signature::verify_with_key(signed, ContentType::KeySuccession, &other);
            payload.is_ok_and(|payload| payload == cbor::encode(&wanted))
        },
    )
}
