//! The room code (值班室代码): the number by which duty rooms have always known each other. It is
//! the national early-warning form `ZZZZZZDDDUUUXX`: six digits of the administrative division
//! (GB/T 2260), three of the body, three of the unit inside it, two of extension. A room of the
//! government itself has zeros after the division and is written with six digits.
//!
//! Codes change with the divisions; what never changes is the [`RoomId`](crate::RoomId).

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A room code of 14 digits. Written and serialised as text, six digits where the rest is zeros.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoomCode(u64);

impl RoomCode {
    /// The code of a room that has none, `000000`. No valid map contains it.
    pub const NONE: Self = Self(0);

    /// The code of the division that the room belongs to: the first six digits, then zeros.
    pub const fn division(self) -> Self {
        Self(self.0 / BODY_MODULUS * BODY_MODULUS)
    }

    /// All 14 digits, also where the short form would do: the form of message numbers.
    pub fn full(self) -> String {
        format!("{:014}", self.0)
    }
}

impl fmt::Display for RoomCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_multiple_of(BODY_MODULUS) {
            write!(f, "{:06}", self.0 / BODY_MODULUS)
        } else {
            write!(f, "{:014}", self.0)
        }
    }
}

impl fmt::Debug for RoomCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for RoomCode {
    type Err = RoomCodeError;

    fn from_str(text: &str) -> Result<Self, RoomCodeError> {
        let digits = text.bytes().all(|b| b.is_ascii_digit()) && !text.starts_with('0');
        let number = if digits { text.parse::<u64>().ok() } else { None };
        match (number, text.len()) {
            (Some(division), 6) => Ok(Self(division * BODY_MODULUS)),
            (Some(full), 14) => Ok(Self(full)),
            _ => Err(RoomCodeError),
        }
    }
}

impl Serialize for RoomCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for RoomCode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// The text is not a room code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a room code: the 6 digits of the division (GB/T 2260) or all 14 are wanted, and the first is not 0"
)]
pub struct RoomCodeError;

/// What the eight digits after the division count up to.
const BODY_MODULUS: u64 = 100_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_government_room_is_written_with_six_digits() {
        let short: RoomCode = "410122".parse().unwrap();
        let long: RoomCode = "41012200000000".parse().unwrap();
        assert_eq!(short, long);
        assert_eq!(long.to_string(), "410122");
        assert_eq!(long.full(), "41012200000000");
    }

    #[test]
    fn a_department_room_keeps_its_fourteen_digits_and_knows_its_division() {
        let code: RoomCode = "41000090100000".parse().unwrap();
        assert_eq!(code.to_string(), "41000090100000");
        assert_eq!(code.division().to_string(), "410000");
    }

    #[test]
    fn text_that_is_no_code_is_refused() {
        for text in ["", "41012", "4101222", "41012a", "010122", "410122000000000", "４１０１２２", "+41012"]
        {
            assert_eq!(text.parse::<RoomCode>(), Err(RoomCodeError), "{text}");
        }
    }
}
