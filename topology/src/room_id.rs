//! The permanent name of a duty room: 16 random bytes that never change, whatever happens to its
//! division code, its name or its place in the tree.

use std::{fmt, str::FromStr};

use data_encoding::BASE32_NOPAD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A room's permanent, opaque id, shown as 26 characters of lower-case base32 (RFC 4648, no padding).
///
/// In text formats it is that string, in binary formats a byte string of 16.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoomId([u8; RoomId::LEN]);

impl RoomId {
    /// Length in bytes.
    pub const LEN: usize = 16;

    /// Wraps 16 bytes that the caller drew at random, or read from a signed object.
    pub const fn from_bytes(bytes: [u8; Self::LEN]) -> Self {
        Self(bytes)
    }

    /// The 16 bytes.
    pub const fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }
}

impl fmt::Display for RoomId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE32_NOPAD.encode(&self.0).to_ascii_lowercase())
    }
}

impl fmt::Debug for RoomId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for RoomId {
    type Err = RoomIdError;

    fn from_str(text: &str) -> Result<Self, RoomIdError> {
        let bytes = BASE32_NOPAD.decode(text.to_ascii_uppercase().as_bytes()).map_err(|_| RoomIdError)?;
        Ok(Self(bytes.try_into().map_err(|_| RoomIdError)?))
    }
}

impl Serialize for RoomId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            serde_bytes::Serialize::serialize(&self.0[..], serializer)
        }
    }
}

impl<'de> Deserialize<'de> for RoomId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
        } else {
            let bytes: serde_bytes::ByteArray<{ Self::LEN }> = serde::Deserialize::deserialize(deserializer)?;
            Ok(Self(bytes.into_array()))
        }
    }
}

/// The text is not a room id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a room id: 26 characters of base32 (a to z, 2 to 7) are wanted")]
pub struct RoomIdError;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_from_what_it_prints() {
        let id = RoomId::from_bytes([7; 16]);
        assert_eq!(id.to_string().len(), 26);
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(id.to_string().to_uppercase().parse(), Ok(id));
    }

    #[test]
    fn text_of_another_length_is_no_id() {
        assert_eq!("abc".parse::<RoomId>(), Err(RoomIdError));
        assert_eq!("".parse::<RoomId>(), Err(RoomIdError));
    }
}
