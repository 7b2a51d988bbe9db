//! What tells one envelope from every other: its id, its origin and its origin's epoch.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_bytes::ByteArray;
use topology::RoomId;

use crate::timestamp::Timestamp;

/// A UUIDv7 (RFC 9562): sorts by the time of its making. Binary formats carry the 16 bytes, text formats the
/// hyphenated form.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EnvelopeId([u8; EnvelopeId::LEN]);

impl EnvelopeId {
    /// Length in bytes.
    pub const LEN: usize = 16;

    /// A new id from the time and ten random bytes.
    pub fn new(now: Timestamp, random: &[u8; 10]) -> Self {
        let ms = u64::try_from(now.as_ms()).unwrap_or(0);
        Self(*uuid::Builder::from_unix_timestamp_millis(ms, random).into_uuid().as_bytes())
    }

    /// From the 16 bytes of a stored or signed object.
    pub const fn from_bytes(bytes: [u8; Self::LEN]) -> Self {
        Self(bytes)
    }

    /// The 16 bytes.
    pub const fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }
}

impl fmt::Display for EnvelopeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&uuid::Uuid::from_bytes(self.0).hyphenated(), f)
    }
}

impl fmt::Debug for EnvelopeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for EnvelopeId {
    type Err = EnvelopeIdError;

    fn from_str(text: &str) -> Result<Self, EnvelopeIdError> {
        uuid::Uuid::parse_str(text).map(|uuid| Self(*uuid.as_bytes())).map_err(|_| EnvelopeIdError)
    }
}

impl Serialize for EnvelopeId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            serde_bytes::Serialize::serialize(&self.0[..], serializer)
        }
    }
}

impl<'de> Deserialize<'de> for EnvelopeId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
        } else {
            Ok(Self(ByteArray::<{ Self::LEN }>::deserialize(deserializer)?.into_array()))
        }
    }
}

/// The text is not an envelope id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an envelope id: a UUID such as 019a0c2e-7d2b-7c3a-9c41-0f3d5b7a9e10 is wanted")]
pub struct EnvelopeIdError;

/// One envelope in the whole network. Two rooms may draw the same id; no room may use one twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct EnvelopeKey {
    /// The room that signed it.
    pub origin: RoomId,
    /// Its id.
    pub id: EnvelopeId,
}

impl EnvelopeKey {
    /// Origin and id as 32 bytes: a row's key.
    pub fn to_bytes(&self) -> [u8; 32] {
        let mut bytes = [0; 32];
        bytes[..16].copy_from_slice(self.origin.as_bytes());
        bytes[16..].copy_from_slice(self.id.as_bytes());
        bytes
    }

    /// The key that [`Self::to_bytes`] wrote; `None` for another length.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (origin, id) = bytes.split_at_checked(16)?;
        Some(Self {
            origin: RoomId::from_bytes(origin.try_into().ok()?),
            id: EnvelopeId::from_bytes(id.try_into().ok()?),
        })
    }
}

/// One run of a node: counted, and random enough that a restored backup never repeats it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Epoch {
    /// Random bytes of this start.
    pub nonce: ByteArray<8>,
    /// One more than that of the start before.
    pub counter: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_sort_by_time_and_read_back() {
        let earlier = EnvelopeId::new(Timestamp::from_ms(1_000), &[9; 10]);
        let later = EnvelopeId::new(Timestamp::from_ms(2_000), &[0; 10]);
        assert!(earlier < later);
        assert_eq!(earlier.to_string().parse(), Ok(earlier));
        assert!("19a0c2e".parse::<EnvelopeId>().is_err());
    }

    #[test]
    fn a_key_reads_back_from_its_row() {
        let key = EnvelopeKey { origin: RoomId::from_bytes([1; 16]), id: EnvelopeId::from_bytes([2; 16]) };
        assert_eq!(EnvelopeKey::from_bytes(&key.to_bytes()), Some(key));
        assert_eq!(EnvelopeKey::from_bytes(&[0; 31]), None);
    }
}
