//! What a room saw of one of its links: from when to when it was down. The record of the parent, which gains nothing by
//! it, excuses a report that came late; the room's own record alone does not.
//! *Against:* an outage that only the late room has seen; a record of another link.

use std::sync::Arc;

use certs::{
    cbor,
    signature::{self, ContentType, Keyring, SignatureError, Signer},
};
use serde::{Deserialize, Serialize};
use topology::RoomId;

use crate::{
    tick::{TickRef, WITNESS_VERSION},
    timestamp::Timestamp,
};

/// One outage of one link, as one of its ends saw it. Signed when the link is up again, and a leaf of that room's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// The version, 1.
    pub v: u16,
    /// Who says so.
    pub room: RoomId,
    /// The other end.
    pub peer: RoomId,
    /// The suite of the signature.
    pub suite: u8,
    /// When the link was up again, by the room's clock.
    pub up_at: Timestamp,
    /// The newest tick seen then.
    pub up_tick: Option<TickRef>,
    /// When the link was noticed to be down, by the room's clock.
    pub down_at: Timestamp,
    /// The newest tick seen then.
    pub down_tick: Option<TickRef>,
}

/// A line record that its room signed, with its very bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedLine {
    bytes: Arc<[u8]>,
    line: Line,
}

impl Line {
    /// Signs it.
    pub fn sign(self, signer: &dyn Signer) -> VerifiedLine {
        let bytes = signature::sign(signer, ContentType::Line, &cbor::encode(&self));
        VerifiedLine { bytes: bytes.into(), line: self }
    }
}

impl VerifiedLine {
    /// Verifies bytes that a neighbour, the store or a file gave.
    ///
    /// # Errors
    /// [`LineError`] unless the room that it names signed it.
    pub fn verify(bytes: &[u8], keys: &dyn Keyring) -> Result<Self, LineError> {
        let verified = signature::verify(bytes, ContentType::Line, keys)?;
        let line: Line = cbor::decode(&verified.payload, ContentType::Line.size_bytes_max())
            .map_err(|_| LineError::Malformed)?;
        if line.v != WITNESS_VERSION || line.up_at < line.down_at {
            return Err(LineError::Malformed);
        }
        if line.room != verified.signer {
            return Err(LineError::ForeignRoom { claimed: line.room, signer: verified.signer });
        }
        Ok(Self { bytes: bytes.into(), line })
    }

    /// What it says.
    pub fn line(&self) -> &Line {
        &self.line
    }

    /// The signed bytes.
    pub fn bytes(&self) -> &Arc<[u8]> {
        &self.bytes
    }
}

/// Why bytes are no line record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    /// The signature does not hold.
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// Signed, but not a line record.
    #[error("the line record does not decode")]
    Malformed,
    /// Signed by another room than the one that it names.
    #[error("it claims to be of {claimed} but {signer} signed it")]
    ForeignRoom {
        /// What it says.
        claimed: RoomId,
        /// Whose key signed.
        signer: RoomId,
    },
}
