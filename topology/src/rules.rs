//! What a network judges by (规则): the rule packs and the years of the working-day calendar that its plan puts in force. The
//! plan knows them by name, version and digest only; what stands in them is read elsewhere.

use std::{fmt, str::FromStr};

use data_encoding::HEXLOWER;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A rule pack that the plan puts in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackInForce {
    /// Its name, such as `henan-2021`.
    pub name: String,
    /// Its version. Earlier versions of one name stay in the plan: each judges what happened in its time.
    pub version: u32,
    /// SHA-256 of the signed bytes.
    pub digest: RuleDigest,
}

/// A year of the working-day calendar that the plan puts in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CalendarInForce {
    /// The year.
    pub year: i16,
    /// SHA-256 of the signed bytes.
    pub digest: RuleDigest,
}

/// SHA-256 of a signed pack or calendar: in text hexadecimal, in binary formats a byte string of 32.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RuleDigest([u8; RuleDigest::LEN]);

impl RuleDigest {
    /// Length in bytes.
    pub const LEN: usize = 32;

    /// Wraps the bytes.
    pub const fn from_bytes(bytes: [u8; Self::LEN]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }
}

impl fmt::Display for RuleDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for RuleDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for RuleDigest {
    type Err = RuleDigestError;

    fn from_str(text: &str) -> Result<Self, RuleDigestError> {
        let bytes = HEXLOWER.decode(text.as_bytes()).map_err(|_| RuleDigestError)?;
        Ok(Self(bytes.try_into().map_err(|_| RuleDigestError)?))
    }
}

impl Serialize for RuleDigest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            serde_bytes::Serialize::serialize(&self.0[..], serializer)
        }
    }
}

impl<'de> Deserialize<'de> for RuleDigest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
        } else {
            let bytes: serde_bytes::ByteArray<{ Self::LEN }> = serde::Deserialize::deserialize(deserializer)?;
            Ok(Self(bytes.into_array()))
        }
    }
}

/// The text is not a digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a digest: 64 characters 0-9 and a-f are wanted")]
pub struct RuleDigestError;

/// What a map file says about rules, before anything was read or signed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RuleChoice {
    /// Names and files of packs; absent when the file leaves the choice to the program.
    pub packs: Option<Vec<Chosen>>,
    /// Years of the calendar, and files of such; absent likewise.
    pub calendars: Option<Vec<Chosen>>,
}

/// One entry of such a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chosen {
    /// What stands there.
    pub value: String,
    /// On which line, from 1.
    pub line: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_reads_back_from_what_it_prints_and_nothing_else_does() {
        let digest = RuleDigest::from_bytes([0xa7; 32]);
        assert_eq!(digest.to_string().parse(), Ok(digest));
        assert_eq!(digest.to_string()[2..].parse::<RuleDigest>(), Err(RuleDigestError));
    }
}
