//! The inside of a sealed body: three blocks, each salted and committed to in the signed header, and the attached
//! files. A block can be destroyed later (personal data when the response is over) and the others stay provable.
//!
//! ```text
//! plaintext  = length of the CBOR (4 bytes, big-endian) ‖ CBOR ‖ zeros up to the next of few sizes
//! CBOR       = { v, ? text, ? facts, ? personal, ? attachments: [+ bytes] }, a block = { salt, bytes }
//! commitment = SHA-256(salt (16 bytes) ‖ bytes), bytes = deterministic CBOR of a map by key
//! ```
//!
//! *Against:* a body swapped under its header, guessing a short block from its commitment, learning what was
//! written from its length, bytes hidden in the padding.

use certs::{
    Digest,
    cbor::{self, CborError},
    digest_of_parts,
};
use ciborium::Value;
use serde::{Deserialize, Serialize};
use serde_bytes::{ByteArray, ByteBuf};

use super::{
    attachment::ATTACHMENTS_MAX,
    document::{LAYOUT_VERSION, Part},
    error::MessageError,
    kind::UnknownKind,
};

/// The length of a salt in bytes.
pub const SALT_LEN: usize = 16;
/// One random salt for each block, in the order of [`Part::ALL`].
pub type Salts = [[u8; SALT_LEN]; 3];
/// One block: the texts at most, and what their keys add.
const BLOCK_BYTES_MAX: usize = 384 * 1024;
const LENGTH_PREFIX: usize = 4;

/// One block and its salt. Whoever destroys the bytes destroys the salt with them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Block {
    #[serde(deserialize_with = "cbor::byte_string")]
    salt: ByteArray<SALT_LEN>,
    #[serde(serialize_with = "serde_bytes::serialize", deserialize_with = "cbor::byte_string")]
    bytes: Vec<u8>,
}

impl Block {
    pub(super) fn new(salt: [u8; SALT_LEN], value: &Value) -> Self {
        Self { salt: ByteArray::new(salt), bytes: cbor::encode(value) }
    }

    /// What the header commits to: SHA-256 of the salt and the bytes.
    pub fn commitment(&self) -> Digest {
        digest_of_parts(&[self.salt.as_slice(), &self.bytes])
    }

    /// The deterministic CBOR of the block.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn value(&self, part: Part) -> Result<Value, BlockError> {
        cbor::decode(&self.bytes, BLOCK_BYTES_MAX).map_err(|error| BlockError::Cbor { part, error })
    }
}

/// What is sealed: the blocks that are (still) there and the attached files in the order of their entries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Blocks {
    v: u16,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    text: Option<Block>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    facts: Option<Block>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    personal: Option<Block>,
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "cbor::byte_strings")]
    attachments: Vec<ByteBuf>,
}

impl Blocks {
    pub(super) fn new(facts: Block, text: Block, personal: Block, attachments: Vec<ByteBuf>) -> Self {
        Self {
            v: LAYOUT_VERSION,
            text: Some(text),
            facts: Some(facts),
            personal: Some(personal),
            attachments,
        }
    }

    /// A block, unless it was destroyed.
    pub const fn block(&self, part: Part) -> Option<&Block> {
        match part {
            Part::Facts => self.facts.as_ref(),
            Part::Text => self.text.as_ref(),
            Part::Personal => self.personal.as_ref(),
        }
    }

    /// The bytes of the attached files.
    pub fn attachments(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.attachments.iter().map(|bytes| bytes.as_slice())
    }

    /// Destroys a block with its salt; the attached files go with the text.
    pub fn destroy(&mut self, part: Part) {
        match part {
            Part::Facts => self.facts = None,
            Part::Text => {
                self.text = None;
                self.attachments.clear();
            }
            Part::Personal => self.personal = None,
        }
    }

    /// The commitments for a header, in the order of [`Part::ALL`].
    ///
    /// # Errors
    /// [`BlockError::Destroyed`] when a block is no longer there.
    pub fn commitments(&self) -> Result<[Digest; 3], BlockError> {
        let of = |part| self.block(part).map(Block::commitment).ok_or(BlockError::Destroyed(part));
        Ok([of(Part::Facts)?, of(Part::Text)?, of(Part::Personal)?])
    }

    /// Checks every block that is there against the commitments of the signed header.
    ///
    /// # Errors
    /// [`BlockError::Commitment`] names the first block that is another one.
    pub fn check(&self, commitments: &[Digest; 3]) -> Result<(), BlockError> {
        let mut pairs = Part::ALL.into_iter().zip(commitments);
        let is_other = |part, commitment: &Digest| {
            self.block(part).is_some_and(|block| block.commitment() != *commitment)
        };
        match pairs.find(|(part, commitment)| is_other(*part, commitment)) {
            Some((part, _)) => Err(BlockError::Commitment(part)),
            None => Ok(()),
        }
    }

    /// The plaintext to seal, padded.
    pub fn encode_padded(&self) -> Vec<u8> {
        let cbor = cbor::encode(self);
        let length = u32::try_from(cbor.len()).expect("the limits of a message are far below 4 GiB");
        let mut bytes = Vec::with_capacity(padded_len(LENGTH_PREFIX + cbor.len()));
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(&cbor);
        bytes.resize(bytes.capacity().min(padded_len(bytes.len())), 0);
        bytes
    }

    /// Reads an opened plaintext of at most `limit` bytes. The blocks are not yet checked against anything.
    ///
    /// # Errors
    /// [`BlockError`] for anything but the exact encoding of blocks of this version.
    pub fn decode(bytes: &[u8], limit: usize) -> Result<Self, BlockError> {
        if bytes.len() > limit {
            return Err(BlockError::TooLarge { bytes: bytes.len(), limit });
        }
        let (prefix, rest) = bytes.split_first_chunk::<LENGTH_PREFIX>().ok_or(BlockError::Padding)?;
        let length = usize::try_from(u32::from_be_bytes(*prefix)).map_err(|_| BlockError::Padding)?;
        let (cbor, padding) = rest.split_at_checked(length).ok_or(BlockError::Padding)?;
        if bytes.len() != padded_len(LENGTH_PREFIX + length) || padding.iter().any(|byte| *byte != 0) {
            return Err(BlockError::Padding);
        }
        let blocks: Self = cbor::decode(cbor, limit).map_err(BlockError::Frame)?;
        if blocks.v != LAYOUT_VERSION {
            return Err(BlockError::UnknownVersion(blocks.v));
        }
        if blocks.attachments.len() > ATTACHMENTS_MAX {
            return Err(MessageError::TooMany { key: "attachments".into(), limit: ATTACHMENTS_MAX }.into());
        }
        Ok(blocks)
    }
}

/// The sizes that a plaintext may have: 1, 1.5, 2, 3, 4, 6 ... 48, 64 KiB, then whole multiples of 64 KiB.
pub const fn padded_len(len: usize) -> usize {
    const LARGE: usize = 64 * 1024;
    if len > LARGE {
        return len.div_ceil(LARGE) * LARGE;
    }
    let mut size = 1024;
    while size < len {
        if len <= size + size / 2 {
            return size + size / 2;
        }
        size *= 2;
    }
    size
}

/// Why opened bytes are no body, or not the body of their header.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BlockError {
    /// More than a body may have.
    #[error("the body has {bytes} bytes, at most {limit} are allowed")]
    TooLarge {
        /// What came.
        bytes: usize,
        /// What is allowed.
        limit: usize,
    },
    /// The length or the padding is not what the layout says.
    #[error("the length or the padding of the body is wrong")]
    Padding,
    /// The outer structure is damaged.
    #[error("the body does not decode: {0}")]
    Frame(CborError),
    /// One block is damaged.
    #[error("the {part} block of the body does not decode: {error}", part = part.word())]
    Cbor {
        /// Which one.
        part: Part,
        /// How.
        error: CborError,
    },
    /// A layout that a newer program writes.
    #[error("the body has layout version {0}, which is not known here; this node must be upgraded")]
    UnknownVersion(u16),
    /// A kind that a newer program writes.
    #[error(transparent)]
    UnknownKind(#[from] UnknownKind),
    /// An element in a block where it does not belong.
    #[error("the element {key} is in the {part} block, where it does not belong", part = part.word())]
    Misplaced {
        /// The element.
        key: String,
        /// Where it was found.
        part: Part,
    },
    /// Blocks that decode but are not a message.
    #[error("the body is not a message: {0}")]
    Shape(String),
    /// The same message has another encoding, and only that one is accepted.
    #[error("the element {key} of the body is not in canonical form")]
    NotCanonical {
        /// The element.
        key: String,
    },
    /// Needed and no longer there.
    #[error("the {} block of the body has been destroyed", .0.word())]
    Destroyed(Part),
    /// Not what the header committed to.
    #[error("the {} block of the body is not the one that the signed header commits to", .0.word())]
    Commitment(Part),
    /// An attached file that is not the one that the text names.
    #[error("attachment {name} is missing or is not the one that the message names")]
    Attachment {
        /// Its name.
        name: String,
    },
    /// A message that may not be sent may not be accepted either.
    #[error(transparent)]
    Message(#[from] MessageError),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::BODY_BYTES_MAX;

    fn blocks() -> Blocks {
        let block = |salt: u8, word: &str| Block::new([salt; SALT_LEN], &Value::Text(word.into()));
        Blocks::new(
            block(1, "facts"),
            block(2, "text"),
            block(3, "personal"),
            vec![ByteBuf::from(vec![7; 10])],
        )
    }

    #[test]
    fn plaintexts_have_few_sizes() {
        let kib = |n: usize| n * 1024;
        let expected = [
            (0, kib(1)),
            (1024, kib(1)),
            (1025, 1536),
            (1537, kib(2)),
            (2049, kib(3)),
            (3073, kib(4)),
            (4097, kib(6)),
            (kib(6) + 1, kib(8)),
            (kib(8) + 1, kib(12)),
            (kib(48) + 1, kib(64)),
            (kib(64), kib(64)),
            (kib(64) + 1, kib(128)),
            (kib(129), kib(192)),
        ];
        for (len, padded) in expected {
            assert_eq!(padded_len(len), padded, "{len}");
        }
        let sizes: std::collections::BTreeSet<usize> = (0..=kib(64)).map(padded_len).collect();
        assert_eq!(sizes.len(), 13);
    }

    #[test]
    fn blocks_read_back_from_their_padded_bytes() {
        let bytes = blocks().encode_padded();
        assert_eq!(bytes.len(), 1024);
        assert_eq!(Blocks::decode(&bytes, BODY_BYTES_MAX), Ok(blocks()));
        assert!(matches!(Blocks::decode(&bytes, 1023), Err(BlockError::TooLarge { .. })));
    }

    #[test]
    fn nothing_hides_in_the_padding() {
        let good = blocks().encode_padded();
        let mut spoilt = good.clone();
        *spoilt.last_mut().unwrap() = 1;
        assert_eq!(Blocks::decode(&spoilt, BODY_BYTES_MAX), Err(BlockError::Padding));
        let mut longer = good.clone();
        longer.resize(1536, 0);
        assert_eq!(Blocks::decode(&longer, BODY_BYTES_MAX), Err(BlockError::Padding));
        assert_eq!(Blocks::decode(&good[..1000], BODY_BYTES_MAX), Err(BlockError::Padding));
        assert_eq!(Blocks::decode(&[0, 0], BODY_BYTES_MAX), Err(BlockError::Padding));
    }

    #[test]
    fn a_commitment_is_the_digest_of_salt_and_bytes() {
        let commitments = blocks().commitments().unwrap();
        let mut facts = vec![1; SALT_LEN];
        facts.extend_from_slice(b"\x65facts");
        assert_eq!(commitments[0], certs::digest(&facts));
        assert_eq!(blocks().check(&commitments), Ok(()));
        let swapped = [commitments[0], commitments[2], commitments[1]];
        assert_eq!(blocks().check(&swapped), Err(BlockError::Commitment(Part::Text)));
    }

    #[test]
    fn the_others_stay_provable_when_one_block_is_destroyed() {
        let commitments = blocks().commitments().unwrap();
        let mut kept = blocks();
        kept.destroy(Part::Personal);
        assert_eq!(kept.check(&commitments), Ok(()));
        assert_eq!(kept.commitments(), Err(BlockError::Destroyed(Part::Personal)));
        assert_eq!(Blocks::decode(&kept.encode_padded(), BODY_BYTES_MAX), Ok(kept.clone()));
        let other = [commitments[1], commitments[1], commitments[2]];
        assert_eq!(kept.check(&other), Err(BlockError::Commitment(Part::Facts)));
        kept.destroy(Part::Text);
        assert_eq!(kept.attachments().len(), 0);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_never_panic(mut bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..1020)) {
            drop(Blocks::decode(&bytes, BODY_BYTES_MAX));
            let mut framed = (bytes.len() as u32).to_be_bytes().to_vec();
            framed.append(&mut bytes);
            framed.resize(1024, 0);
            drop(Blocks::decode(&framed, BODY_BYTES_MAX));
        }
    }
}
