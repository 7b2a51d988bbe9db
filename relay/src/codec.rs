//! The one place that names `bincode`: frames between neighbours and the node's private rows.
//!
//! Decoding is strict, because bincode by itself is not: a size limit, every byte consumed, and the
//! decoded value must encode to the very same bytes (RUSTSEC-2025-0141 says its maintainers have
//! stopped; should it ever have to go, only this file changes).
//! *Against:* lengths that promise more than the frame holds, left-over bytes, two encodings of one value.

use bincode::config::{Configuration, Limit, standard};
use serde::{Serialize, de::DeserializeOwned};

/// The largest value of any kind: a stored row with the largest body.
const BYTES_MAX: usize = 16 * 1024 * 1024;

fn config() -> Configuration<bincode::config::LittleEndian, bincode::config::Varint, Limit<BYTES_MAX>> {
    standard().with_limit::<BYTES_MAX>()
}

/// Encodes a value. Our own wire types always encode, so there is no error to handle.
pub fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    bincode::serde::encode_to_vec(value, standard()).expect("wire types have no unencodable values")
}

/// Decodes `bytes`, at most `limit` of them, into a value whose encoding they are exactly.
///
/// # Errors
/// [`CodecError`] when the bytes are too many, malformed, left over or not the canonical form.
pub fn decode<T: Serialize + DeserializeOwned>(bytes: &[u8], limit: usize) -> Result<T, CodecError> {
    if bytes.len() > limit.min(BYTES_MAX) {
        return Err(CodecError::TooLarge { bytes: bytes.len(), limit });
    }
    let (value, used) =
        bincode::serde::decode_from_slice::<T, _>(bytes, config()).map_err(|_| CodecError::Malformed)?;
    if used != bytes.len() {
        return Err(CodecError::LeftOver { bytes: bytes.len() - used });
    }
    if encode(&value) != bytes {
        return Err(CodecError::NotCanonical);
    }
    Ok(value)
}

/// Bytes that are not the encoding of the value that was expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// More bytes than the limit of this kind of value.
    #[error("{bytes} bytes are more than the limit of {limit}")]
    TooLarge {
        /// What came.
        bytes: usize,
        /// What is allowed.
        limit: usize,
    },
    /// Not an encoding of this type.
    #[error("the bytes do not decode")]
    Malformed,
    /// Bytes after the value.
    #[error("{bytes} bytes are left over after the value")]
    LeftOver {
        /// How many.
        bytes: usize,
    },
    /// Another encoding of the same value exists and is the only one accepted.
    #[error("the bytes are not in canonical form")]
    NotCanonical,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_exact_encoding_is_accepted() {
        let bytes = encode(&(5_u32, "room".to_owned()));
        assert_eq!(decode::<(u32, String)>(&bytes, 64), Ok((5, "room".to_owned())));
        let mut longer = bytes.clone();
        longer.push(0);
        assert_eq!(decode::<(u32, String)>(&longer, 64), Err(CodecError::LeftOver { bytes: 1 }));
        assert_eq!(decode::<(u32, String)>(&bytes[..3], 64), Err(CodecError::Malformed));
        assert_eq!(
            decode::<(u32, String)>(&bytes, 3),
            Err(CodecError::TooLarge { bytes: bytes.len(), limit: 3 })
        );
    }

    #[test]
    fn a_padded_integer_is_refused() {
        assert_eq!(decode::<u32>(&[5], 8), Ok(5));
        assert_eq!(decode::<u32>(&[251, 5, 0], 8), Err(CodecError::NotCanonical));
    }

    #[test]
    fn a_length_that_promises_a_terabyte_allocates_nothing() {
        let bytes = [253, 0, 0, 0, 0, 0, 1, 0, 0];
        assert_eq!(decode::<Vec<u64>>(&bytes, 64), Err(CodecError::Malformed));
    }
}
