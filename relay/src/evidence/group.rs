//! A group: some messages with everything that proves their receipts. Each group stands for itself, so that whoever
//! verifies a million receipts holds a few hundred.

use certs::{
    cbor::{self, CborError},
    signature::Digest,
};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use super::{EVIDENCE_VERSION, container::ENTRY_BYTES_MAX};
use crate::{checkpoint::Anchor, message::Blocks};

/// A checkpoint of the exporter's own log, with the proofs that it is dated and belongs to one history.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatedHead {
    /// From the checkpoint to one of the root hub.
    pub anchor: Anchor,
    /// The signed checkpoint.
    pub checkpoint: ByteBuf,
    /// The consistency path (RFC 6962 section 2.1.2) to the checkpoint of `log/as-of.cbor`, 32 bytes a hash; empty where
    /// it is that one.
    pub consistency: ByteBuf,
}

/// A leaf of the exporter's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leaf {
    /// Which head covers it: 0 is that of `log/as-of.cbor`, 1 the first of the group. Absent while none is dated that does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<u32>,
    /// Its number.
    pub leaf: u64,
    /// The inclusion path in that head, 32 bytes a hash.
    pub path: ByteBuf,
    /// The signed object, byte for byte.
    pub bytes: ByteBuf,
}

/// A message: its signed header, the blocks of its body that are there, and all its receipts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptMessage {
    /// The signed header.
    pub header: ByteBuf,
    /// The blocks; what is left out can be told from the header's commitments only.
    pub blocks: Blocks,
    /// Receipts, by the number of their leaves.
    pub receipts: Vec<Leaf>,
}

/// One entry of evidence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// [`EVIDENCE_VERSION`].
    pub v: u16,
    /// Heads, by size, where the leaves need others than that of `log/as-of.cbor`.
    pub heads: Vec<DatedHead>,
    /// Line records of the links on the way.
    pub lines: Vec<Leaf>,
    /// Every tick that is cited in this group, signed, by time.
    pub ticks: Vec<ByteBuf>,
    /// The messages of one case stand together, by their number in the case.
    pub messages: Vec<KeptMessage>,
}

impl Default for Group {
    fn default() -> Self {
        Self { v: EVIDENCE_VERSION, heads: vec![], lines: vec![], ticks: vec![], messages: vec![] }
    }
}

impl Group {
    /// Deterministic CBOR.
    pub fn encode(&self) -> Vec<u8> {
        cbor::encode(self)
    }

    /// What [`Self::encode`] gave; nothing in it is verified.
    ///
    /// # Errors
    /// [`CborError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, CborError> {
        let group: Self = cbor::decode(bytes, ENTRY_BYTES_MAX)?;
        if group.v != EVIDENCE_VERSION {
            return Err(CborError::Shape(format!("version {} of evidence is not known", group.v)));
        }
        Ok(group)
    }
}

impl DatedHead {
    /// Deterministic CBOR.
    pub fn encode(&self) -> Vec<u8> {
        cbor::encode(self)
    }
}

/// The hashes of a path, one after the other.
pub fn join_path(path: &[Digest]) -> ByteBuf {
    path.iter().flat_map(|hash| *hash.as_bytes()).collect::<Vec<u8>>().into()
}

/// What [`join_path`] gave; `None` unless it is whole hashes.
pub fn split_path(bytes: &[u8]) -> Option<Vec<Digest>> {
    let (hashes, rest) = bytes.as_chunks::<{ Digest::LEN }>();
    rest.is_empty().then(|| hashes.iter().map(|hash| Digest::from_bytes(*hash)).collect())
}
