//! What ties the papers on one event together (事件): a permanent id that the first room to report draws.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use topology::RoomId;

/// 16 random bytes, shown like a room's id as 26 characters of base32. The number on paper is
/// another thing and may change.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CaseId([u8; CaseId::LEN]);

impl CaseId {
    /// Length in bytes.
    pub const LEN: usize = 16;

    /// Wraps 16 bytes that the caller drew at random.
    pub const fn from_bytes(bytes: [u8; Self::LEN]) -> Self {
        Self(bytes)
    }

    /// The 16 bytes.
    pub const fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }
}

impl fmt::Display for CaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        RoomId::from_bytes(self.0).fmt(f)
    }
}

impl fmt::Debug for CaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for CaseId {
    type Err = CaseIdError;

    fn from_str(text: &str) -> Result<Self, CaseIdError> {
        text.parse::<RoomId>().map(|id| Self(*id.as_bytes())).map_err(|_| CaseIdError)
    }
}

impl Serialize for CaseId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        RoomId::from_bytes(self.0).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for CaseId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
        } else {
            Ok(Self(*RoomId::deserialize(deserializer)?.as_bytes()))
        }
    }
}

/// The text is not a case id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a case id: 26 characters of base32 (a to z, 2 to 7) are wanted")]
pub struct CaseIdError;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_id_reads_back_and_a_spoilt_one_does_not() {
        let id = CaseId::from_bytes([9; 16]);
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!("case-7".parse::<CaseId>(), Err(CaseIdError));
    }
}
