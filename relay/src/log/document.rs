//! The leaf that says from when on a plan or a sheet counted in a room.

use certs::{
    cbor,
    peer::Publisher,
    signature::{Digest, digest},
};
use serde::{Deserialize, Serialize};

use crate::tick::WITNESS_VERSION;

/// Not signed by itself: the head over it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocumentLeaf {
    /// The version, 1.
    pub v: u16,
    /// SHA-256 of the signed document.
    pub digest: Digest,
    /// The document's version.
    pub version: u64,
    /// Whose sheet; null for the plan.
    pub publisher: Option<Publisher>,
}

impl DocumentLeaf {
    /// The leaf for these signed bytes.
    pub fn new(document: &[u8], version: u64, publisher: Option<Publisher>) -> Self {
        Self { v: WITNESS_VERSION, digest: digest(document), version, publisher }
    }

    /// Deterministic CBOR.
    pub fn encode(&self) -> Vec<u8> {
        cbor::encode(self)
    }
}
