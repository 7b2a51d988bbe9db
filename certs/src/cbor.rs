//! Deterministic CBOR (RFC 8949 section 4.2.1): the one encoding of everything that is signed, so
//! that a program nobody here wrote can read the evidence in ten years.
//!
//! A payload is maps with text keys, arrays, integers, text, byte strings, booleans and null, in
//! the one order and the one length that the RFC allows. Floats and tags are not used. What comes
//! in is walked once before anything is built from it: within the size and the depth, nothing left
//! over, every length present, deterministic throughout. New optional fields of a later version do
//! not disturb an earlier reader.
//!
//! *Against:* two encodings of one object, duplicate keys that two readers resolve differently,
//! lengths that claim more than there is, nesting that overflows the stack, hidden trailing bytes.

use std::fmt;

use ciborium::Value;
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{DeserializeOwned, Error, Visitor},
};
use serde_bytes::{ByteArray, ByteBuf};

/// How deep arrays and maps may be nested.
pub const DEPTH_MAX: usize = 32;

/// Why bytes are no acceptable CBOR.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CborError {
    /// More bytes than the caller accepts.
    #[error("{size_bytes} bytes of CBOR are over the limit of {limit_bytes}")]
    TooLarge {
        /// What came.
        size_bytes: usize,
        /// What is accepted.
        limit_bytes: usize,
    },
    /// The bytes end inside an item.
    #[error("the CBOR ends in the middle of an item")]
    Truncated,
    /// Something follows the item.
    #[error("{0} bytes follow the CBOR item")]
    TrailingBytes(usize),
    /// Nested deeper than [`DEPTH_MAX`].
    #[error("the CBOR is nested deeper than {DEPTH_MAX}")]
    TooDeep,
    /// Well-formed perhaps, but not the one deterministic encoding.
    #[error("the CBOR is not deterministic (RFC 8949 section 4.2.1): {0}")]
    NotDeterministic(&'static str),
    /// An item of a kind that nothing signed contains.
    #[error("the CBOR holds {0}, which nothing signed contains")]
    Unsupported(&'static str),
    /// Good CBOR, but another object than the expected one.
    #[error("the CBOR is not the expected object: {0}")]
    Shape(String),
}

/// Encodes a value deterministically.
///
/// # Panics
/// If the type holds floats, tags or map keys that are not text, or refuses to be serialised: a
/// signed type has none of these.
pub fn encode<T: Serialize + ?Sized>(value: &T) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(256);
    ciborium::into_writer(value, &mut bytes).expect("a signed type serialises into memory");
    if check(&bytes).is_ok() {
        return bytes; // The fields were declared in canonical order: the usual case.
    }
    let mut tree: Value = ciborium::from_reader(bytes.as_slice()).expect("what was just encoded reads back");
    sort(&mut tree);
    bytes.clear();
    ciborium::into_writer(&tree, &mut bytes).expect("a CBOR tree serialises into memory");
    check(&bytes).expect("a signed type holds no floats and no tags");
    bytes
}

/// Decodes a value from exactly these bytes, at most `limit_bytes` of them.
pub fn decode<T: DeserializeOwned>(bytes: &[u8], limit_bytes: usize) -> Result<T, CborError> {
    if bytes.len() > limit_bytes {
        return Err(CborError::TooLarge { size_bytes: bytes.len(), limit_bytes });
    }
    check(bytes)?;
    ciborium::de::from_reader_with_recursion_limit(bytes, 2 * DEPTH_MAX)
        .map_err(|error| CborError::Shape(error.to_string()))
}

/// Takes a byte string and nothing else: `serde_bytes` would take an array of numbers for one, which is a second encoding
/// of the same thing. For `deserialize_with`; `T` is any type of bytes.
///
/// # Errors
/// The deserialiser's own for another type, or for bytes of another length than `T` has.
pub fn byte_string<'de, D: Deserializer<'de>, T: TryFrom<ByteString>>(from: D) -> Result<T, D::Error> {
    let bytes = ByteString::deserialize(from)?;
    let length = bytes.0.len();
    T::try_from(bytes).map_err(|_| D::Error::invalid_length(length, &"a byte string of the right length"))
}

/// The same for an array of them.
///
/// # Errors
/// Those of [`byte_string`].
pub fn byte_strings<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<ByteBuf>, D::Error> {
    Ok(Vec::<ByteString>::deserialize(from)?.into_iter().map(|bytes| ByteBuf::from(bytes.0)).collect())
}

/// A byte string as it was read.
#[derive(Debug)]
pub struct ByteString(Vec<u8>);

impl<'de> Deserialize<'de> for ByteString {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Bytes;
        impl Visitor<'_> for Bytes {
            type Value = ByteString;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a byte string")
            }

            fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Self::Value, E> {
                Ok(ByteString(bytes.to_vec()))
            }

            fn visit_byte_buf<E: Error>(self, bytes: Vec<u8>) -> Result<Self::Value, E> {
                Ok(ByteString(bytes))
            }
        }
        from.deserialize_byte_buf(Bytes)
    }
}

impl From<ByteString> for Vec<u8> {
    fn from(bytes: ByteString) -> Self {
        bytes.0
    }
}

impl<const N: usize> TryFrom<ByteString> for ByteArray<N> {
    type Error = ();

    fn try_from(bytes: ByteString) -> Result<Self, ()> {
        <[u8; N]>::try_from(bytes.0).map(ByteArray::new).map_err(|_| ())
    }
}

/// Checks that the bytes are one deterministic item and nothing else.
pub fn check(bytes: &[u8]) -> Result<(), CborError> {
    let mut walk = Walk { rest: bytes };
    walk.item(0)?;
    if walk.rest.is_empty() { Ok(()) } else { Err(CborError::TrailingBytes(walk.rest.len())) }
}

/// Puts the entries of every map into the order of their encoded keys.
fn sort(value: &mut Value) {
    if let Value::Array(items) = value {
        items.iter_mut().for_each(sort);
    } else if let Value::Map(entries) = value {
        entries.iter_mut().for_each(|(_, value)| sort(value));
        entries.sort_by_cached_key(|(key, _)| {
            let mut bytes = Vec::new();
            ciborium::into_writer(key, &mut bytes).expect("a map key serialises into memory");
            bytes
        });
    }
}

/// The major type of texts.
const TEXT: u8 = 3;

/// Walks over encoded bytes without building anything.
struct Walk<'a> {
    rest: &'a [u8],
}

/// The start of an item: its major type and its argument (RFC 8949 section 3).
struct Head {
    major: u8,
    argument: u64,
}

impl<'a> Walk<'a> {
    fn item(&mut self, depth: usize) -> Result<(), CborError> {
        if depth > DEPTH_MAX {
            return Err(CborError::TooDeep);
        }
        let head = self.head()?;
        match head.major {
            0 | 1 => Ok(()),
            2 => self.take(head.argument).map(|_| ()),
            TEXT => self.text(head.argument),
            4 => (0..head.argument).try_for_each(|_| self.item(depth + 1)),
            5 => self.map(head.argument, depth + 1),
            6 => Err(CborError::Unsupported("a tag")),
            _ => Self::simple(head.argument),
        }
    }

    fn head(&mut self) -> Result<Head, CborError> {
        let (&first, rest) = self.rest.split_first().ok_or(CborError::Truncated)?;
        self.rest = rest;
        let (major, info) = (first >> 5, first & 0x1f);
        let (length, least) = match info {
            0..=23 => return Ok(Head { major, argument: u64::from(info) }),
            _ if major == 7 => return Err(CborError::Unsupported("a float or an unassigned simple value")),
            24 => (1, 24),
            25 => (2, 1 << 8),
            26 => (4, 1 << 16),
            27 => (8, 1 << 32),
            _ => return Err(CborError::NotDeterministic("a length is left open")),
        };
        let argument = self.take(length)?.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
        if argument < least {
            return Err(CborError::NotDeterministic("a number is longer than it need be"));
        }
        Ok(Head { major, argument })
    }

    fn take(&mut self, length: u64) -> Result<&'a [u8], CborError> {
        let length = usize::try_from(length).map_err(|_| CborError::Truncated)?;
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(CborError::Truncated)?;
        self.rest = rest;
        Ok(taken)
    }

    fn text(&mut self, length: u64) -> Result<(), CborError> {
        let bytes = self.take(length)?;
        std::str::from_utf8(bytes).map_err(|_| CborError::NotDeterministic("a text is not UTF-8"))?;
        Ok(())
    }

    fn map(&mut self, entries: u64, depth: usize) -> Result<(), CborError> {
        let mut previous: &[u8] = &[];
        for _ in 0..entries {
            let start = self.rest;
            // A key of bytes would be taken for the field of the same letters: a second encoding of the same thing.
            if start.first().is_some_and(|first| first >> 5 != TEXT) {
                return Err(CborError::Unsupported("a map key that is not text"));
            }
            self.item(depth)?;
            let key = start.get(..start.len() - self.rest.len()).ok_or(CborError::Truncated)?;
            if key <= previous {
                return Err(CborError::NotDeterministic("map keys are out of order or doubled"));
            }
            previous = key;
            self.item(depth)?;
        }
        Ok(())
    }

    fn simple(value: u64) -> Result<(), CborError> {
        match value {
            20..=22 => Ok(()),
            _ => Err(CborError::Unsupported("a simple value other than true, false and null")),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Sample {
        network: String,
        v: u16,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        later: Option<u64>,
        #[serde(with = "serde_bytes")]
        raw: Vec<u8>,
    }

    fn sample() -> Sample {
        Sample { network: "henan".into(), v: 1, later: Some(1 << 40), raw: vec![1, 2] }
    }

    fn error_of(bytes: &[u8]) -> CborError {
        decode::<Value>(bytes, 1024).expect_err("these bytes are bad")
    }

    #[test]
    fn a_key_of_bytes_is_not_taken_for_a_field() {
        let good = encode(&sample());
        let at = good.windows(4).position(|part| part == b"\x63raw").unwrap();
        let mut bytes = good.clone();
        bytes[at] = 0x43;
        assert_eq!(error_of(&bytes), CborError::Unsupported("a map key that is not text"));
        assert!(check(&good).is_ok(), "the control");
    }

    #[test]
    fn maps_come_out_sorted_whatever_the_order_of_the_fields() {
        let bytes = encode(&sample());
        let hex = crate::bytes::hex(&bytes);
        assert_eq!(hex, "a461760163726177420102656c617465721b0000010000000000676e6574776f726b6568656e616e");
        assert_eq!(decode::<Sample>(&bytes, 1024), Ok(sample()));
    }

    #[test]
    fn a_field_of_a_later_version_does_not_disturb_this_one() {
        let newer: BTreeMap<&str, Value> = BTreeMap::from([
            ("v", 2.into()),
            ("raw", Value::Bytes(vec![])),
            ("network", "henan".into()),
            ("colour", true.into()),
        ]);
        let read: Sample = decode(&encode(&newer), 1024).unwrap();
        assert_eq!(read, Sample { network: "henan".into(), v: 2, later: None, raw: vec![] });
    }

    #[test]
    fn each_way_of_being_ambiguous_is_refused() {
        assert_eq!(error_of(&[]), CborError::Truncated);
        assert_eq!(error_of(&[0x01, 0x02]), CborError::TrailingBytes(1));
        assert!(matches!(error_of(&[0x18, 0x17]), CborError::NotDeterministic(_)), "23 in two bytes");
        assert!(matches!(error_of(&[0x9f, 0xff]), CborError::NotDeterministic(_)), "an open array");
        assert!(matches!(error_of(&[0xa2, 0x61, b'b', 1, 0x61, b'a', 1]), CborError::NotDeterministic(_)));
        assert!(matches!(error_of(&[0xa2, 0x61, b'a', 1, 0x61, b'a', 1]), CborError::NotDeterministic(_)));
        assert!(matches!(error_of(&[0x61, 0xff]), CborError::NotDeterministic(_)), "not UTF-8");
        assert!(matches!(error_of(&[0xf9, 0x3c, 0x00]), CborError::Unsupported(_)), "1.0");
        assert!(matches!(error_of(&[0xd2, 0x01]), CborError::Unsupported(_)), "a tag");
        assert_eq!(
            error_of(&[0x9b, 0xff, 0, 0, 0, 0, 0, 0, 0]),
            CborError::Truncated,
            "a claimed 2^63 items"
        );
        assert_eq!(
            error_of(&[0x5b, 0xff, 0, 0, 0, 0, 0, 0, 0]),
            CborError::Truncated,
            "a claimed 2^63 bytes"
        );
    }

    #[test]
    fn nesting_and_size_are_bounded() {
        let nested = |depth: usize| [vec![0x81; depth], vec![0x01]].concat();
        assert!(decode::<Value>(&nested(DEPTH_MAX), 1024).is_ok());
        assert_eq!(error_of(&nested(DEPTH_MAX + 1)), CborError::TooDeep);
        let bytes = encode(&sample());
        assert!(decode::<Sample>(&bytes, bytes.len()).is_ok());
        assert!(matches!(decode::<Sample>(&bytes, bytes.len() - 1), Err(CborError::TooLarge { .. })));
    }

    #[test]
    fn no_bytes_panic() {
        let bytes = encode(&sample());
        for at in 0..bytes.len() {
            for value in 0..=255 {
                let mut spoilt = bytes.clone();
                spoilt[at] = value;
                drop(decode::<Sample>(&spoilt, 1024));
            }
            assert!(decode::<Sample>(&bytes[..at], 1024).is_err());
        }
    }
}
