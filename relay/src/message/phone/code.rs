//! The pairing code (对口令): three characters that the caller's node draws and the caller reads aloud, so that the note
//! of the other end names the very same call.

use std::{collections::BTreeSet, fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The characters of a code. Left out is what is taken for something else on paper (0 O, 1 I L, 2 Z, 5 S, 8 B, U V) or
/// on a bad line: of letters that rhyme one stays (C of B C D E G P T V, M of M N, F of F S, K of A J K), and of 六 and
/// 九 the six.
pub const CODE_ALPHABET: &[u8; 16] = b"2345678CFHKMRWXY";

/// Three characters of [`CODE_ALPHABET`]. It hides nothing: the signatures count, the code only names the call.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallCode([u8; 3]);

impl CallCode {
    /// How many codes there are.
    pub const COUNT: u16 = 4096;

    /// The code with this number; numbers beyond [`Self::COUNT`] begin anew, so that any random number will do.
    pub fn of_number(number: u16) -> Self {
        let at = |shift: u16| CODE_ALPHABET[usize::from(number >> shift & 15)];
        Self([at(8), at(4), at(0)])
    }

    /// The first code from this number on that is not taken; none when all are.
    pub fn free_from(number: u16, taken: &BTreeSet<Self>) -> Option<Self> {
        let numbers = (0..Self::COUNT).map(|step| number.wrapping_add(step));
        numbers.map(Self::of_number).find(|code| !taken.contains(code))
    }

    /// The three characters.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for CallCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for CallCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// As a person types it: in either case, full-width or not, with or without blanks and dashes between.
impl FromStr for CallCode {
    type Err = CallCodeError;

    fn from_str(text: &str) -> Result<Self, CallCodeError> {
        let typed = text.chars().filter(|c| !c.is_whitespace() && !matches!(c, '-' | '－'));
        let bytes: Option<Vec<u8>> = typed.map(folded).collect();
        let code = bytes.and_then(|bytes| <[u8; 3]>::try_from(bytes).ok()).map(Self);
        code.ok_or_else(|| CallCodeError { got: text.chars().take(20).collect() })
    }
}

/// The character of the alphabet that is meant.
fn folded(typed: char) -> Option<u8> {
    const FULL_WIDTH: u32 = 0xff01 - 0x21;
    let narrow = match typed {
        '！'..='～' => char::from_u32(u32::from(typed) - FULL_WIDTH)?,
        _ => typed,
    };
    let byte = u8::try_from(narrow.to_ascii_uppercase()).ok()?;
    CODE_ALPHABET.contains(&byte).then_some(byte)
}

impl Serialize for CallCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// Only the canonical form: two ways to write a code would be two signed statements.
impl<'de> Deserialize<'de> for CallCode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let code: Self = text.parse().map_err(serde::de::Error::custom)?;
        if code.as_str() == text {
            Ok(code)
        } else {
            Err(serde::de::Error::custom("a pairing code is written in capitals, without blanks"))
        }
    }
}

/// The text is no pairing code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "\"{got}\" is not a pairing code: three of the characters 2 3 4 5 6 7 8 C F H K M R W X Y are wanted"
)]
pub struct CallCodeError {
    /// What came, cut to 20 characters.
    pub got: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_a_code_and_all_codes_differ() {
        let all: BTreeSet<CallCode> = (0..CallCode::COUNT).map(CallCode::of_number).collect();
        assert_eq!(all.len(), usize::from(CallCode::COUNT));
        assert_eq!(CallCode::of_number(0).as_str(), "222");
        assert_eq!(CallCode::of_number(4095), CallCode::of_number(u16::MAX));
        for confused in b"0O1IL9BS" {
            assert!(!CODE_ALPHABET.contains(confused), "{}", char::from(*confused));
        }
    }

    #[test]
    fn a_code_is_understood_however_it_is_typed() {
        let code: CallCode = "K7M".parse().unwrap();
        for typed in ["k7m", " K7m ", "K 7 M", "k-7-m", "Ｋ７Ｍ", "ｋ７ｍ"] {
            assert_eq!(typed.parse(), Ok(code), "{typed}");
        }
        for typed in ["", "K7", "K7MM", "K0M", "山河月", "K9M", "é7M"] {
            assert!(typed.parse::<CallCode>().is_err(), "{typed}");
        }
    }

    #[test]
    fn a_code_in_use_is_not_drawn_again() {
        let first = CallCode::of_number(4095);
        let taken = BTreeSet::from([first, CallCode::of_number(0)]);
        assert_eq!(CallCode::free_from(4095, &taken), Some(CallCode::of_number(1)));
        let all = (0..CallCode::COUNT).map(CallCode::of_number).collect();
        assert_eq!(CallCode::free_from(7, &all), None);
    }
}
