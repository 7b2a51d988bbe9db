//! The checkpoint (存证点): the signed head of a room's log. It climbs the tree, each hub's log holding the heads of
//! its children as leaves, and comes back as an [`Anchor`]: the proof that it stood under a head that the root dated.
//! What is proven under a dated head happened *before* that date.
//! *Against:* a back-dated event, a rewritten history, a hub that passes off one child's head as another's.

use std::sync::Arc;

use certs::{
    cbor,
    signature::{self, ContentType, Digest, Keyring, SignatureError, Signer},
};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use topology::{Map, RoomId};

use crate::{
    envelope_id::Epoch,
    log::{PATH_MAX, PathError, check_inclusion, leaf_hash},
    receipt::ClockOffset,
    tick::{TickRef, WITNESS_VERSION},
    timestamp::Timestamp,
};

/// A size of a log and the Merkle root over so many leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Head {
    /// The Merkle root (RFC 6962 section 2.1).
    pub root: Digest,
    /// Number of leaves.
    pub size: u64,
}

/// What a room signs of its log. Absent values are left out; `tick` is null while none was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// The version, 1.
    pub v: u16,
    /// When, by the room's own clock; at the root hub that is the network's time.
    pub at: Timestamp,
    /// The head that the parent held of this room and that its log does not continue, as after a restored backup.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lost: Option<Head>,
    /// Whose log.
    pub room: RoomId,
    /// The Merkle root.
    pub root: Digest,
    /// Number of leaves.
    pub size: u64,
    /// The newest tick that the room had seen.
    pub tick: Option<TickRef>,
    /// The room's clock against its parent's; absent at the root and while unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock: Option<ClockOffset>,
    /// The room's run.
    pub epoch: Epoch,
    /// The suite of the signature.
    pub suite: u8,
}

/// A checkpoint that its room signed, with its very bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedCheckpoint {
    bytes: Arc<[u8]>,
    checkpoint: Checkpoint,
}

impl Checkpoint {
    /// Signs it.
    pub fn sign(self, signer: &dyn Signer) -> VerifiedCheckpoint {
        let bytes = signature::sign(signer, ContentType::Checkpoint, &cbor::encode(&self));
        VerifiedCheckpoint { bytes: bytes.into(), checkpoint: self }
    }

    /// Size and root.
    pub fn head(&self) -> Head {
        Head { root: self.root, size: self.size }
    }
}

impl VerifiedCheckpoint {
    /// Verifies bytes that a neighbour, the store or a file gave.
    ///
    /// # Errors
    /// [`CheckpointError`] unless the room that it names signed it.
    pub fn verify(bytes: &[u8], keys: &dyn Keyring) -> Result<Self, CheckpointError> {
        let verified = signature::verify(bytes, ContentType::Checkpoint, keys)?;
        let checkpoint: Checkpoint =
            cbor::decode(&verified.payload, ContentType::Checkpoint.size_bytes_max())
                .map_err(|_| CheckpointError::Malformed)?;
        if checkpoint.v != WITNESS_VERSION {
            return Err(CheckpointError::Version { v: checkpoint.v });
        }
        if checkpoint.room != verified.signer {
            return Err(CheckpointError::ForeignRoom { claimed: checkpoint.room, signer: verified.signer });
        }
        Ok(Self { bytes: bytes.into(), checkpoint })
    }

    /// What it says.
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The signed bytes: the leaf that the parent's log holds.
    pub fn bytes(&self) -> &Arc<[u8]> {
        &self.bytes
    }
}

/// One level of an anchor: a checkpoint is leaf `leaf` of the log whose head `checkpoint` signs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnchorStep {
    /// Number of the leaf.
    pub leaf: u64,
    /// The inclusion path, 32 bytes a hash.
    pub path: ByteBuf,
    /// The hub's signed checkpoint.
    pub checkpoint: ByteBuf,
}

/// From one room's checkpoint to one of the root hub: a step for each hub between, the root hub's last. None at the
/// root hub itself, whose checkpoints carry the network's time.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Anchor {
    /// From below upwards.
    pub steps: Vec<AnchorStep>,
}

/// Levels of a tree: path validation of certificates follows no more either.
const STEPS_MAX: usize = 16;

/// The most bytes of an encoded anchor: sixteen steps with a checkpoint of 500 bytes and a path of 48 hashes.
pub const ANCHOR_BYTES_MAX: usize = 48 << 10;

impl AnchorStep {
    /// A step from the parts.
    pub fn new(leaf: u64, path: &[Digest], checkpoint: &[u8]) -> Self {
        let path = path.iter().flat_map(|hash| *hash.as_bytes()).collect::<Vec<u8>>();
        Self { leaf, path: path.into(), checkpoint: checkpoint.to_vec().into() }
    }
}

impl Anchor {
    /// Deterministic CBOR.
    pub fn encode(&self) -> Vec<u8> {
        cbor::encode(self)
    }

    /// What [`Self::encode`] gave. Nothing in it is verified.
    ///
    /// # Errors
    /// [`CheckpointError::Malformed`].
    pub fn decode(bytes: &[u8]) -> Result<Self, CheckpointError> {
        cbor::decode(bytes, ANCHOR_BYTES_MAX).map_err(|_| CheckpointError::Malformed)
    }

    /// When the root hub had `checkpoint` under its head, by the root hub's clock. The hashes lead from one level to the
    /// next, so only the root hub's own signature decides.
    ///
    /// # Errors
    /// [`CheckpointError`] when a path does not lead where it must or the last checkpoint is not the root hub's.
    pub fn check(
        &self,
        checkpoint: &VerifiedCheckpoint,
        map: &Map,
        keys: &dyn Keyring,
    ) -> Result<Timestamp, CheckpointError> {
        if self.steps.len() > STEPS_MAX {
            return Err(CheckpointError::Malformed);
        }
        let Some((last, below)) = self.steps.split_last() else {
            return dated(checkpoint, map);
        };
        let mut leaf = leaf_hash(&checkpoint.bytes);
        for step in below {
            let head = step.head_unverified()?;
            step.check(leaf, &head)?;
            leaf = leaf_hash(&step.checkpoint);
        }
        let root = VerifiedCheckpoint::verify(&last.checkpoint, keys)?;
        last.check(leaf, &root.checkpoint.head())?;
        dated(&root, map)
    }
}

impl AnchorStep {
    fn check(&self, leaf: Digest, head: &Head) -> Result<(), CheckpointError> {
        let (hashes, rest) = self.path.as_chunks::<{ Digest::LEN }>();
        if !rest.is_empty() || hashes.len() > PATH_MAX {
            return Err(CheckpointError::Malformed);
        }
        let path: Vec<Digest> = hashes.iter().map(|hash| Digest::from_bytes(*hash)).collect();
        Ok(check_inclusion(leaf, self.leaf, head.size, &path, &head.root)?)
    }

    /// Between the rooms on the way nothing but hashes counts: a head that was never signed leads nowhere.
    fn head_unverified(&self) -> Result<Head, CheckpointError> {
        let payload = signature::peek_payload_unverified(&self.checkpoint, ContentType::Checkpoint)?;
        let checkpoint: Checkpoint = cbor::decode(&payload, ContentType::Checkpoint.size_bytes_max())
            .map_err(|_| CheckpointError::Malformed)?;
        Ok(checkpoint.head())
    }
}

fn dated(checkpoint: &VerifiedCheckpoint, map: &Map) -> Result<Timestamp, CheckpointError> {
    let checkpoint = &checkpoint.checkpoint;
    if checkpoint.room == map.root() {
        Ok(checkpoint.at)
    } else {
        Err(CheckpointError::NotTheRoot { room: checkpoint.room })
    }
}

/// Why a checkpoint or an anchor proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// The signature does not hold.
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// Not a checkpoint or an anchor.
    #[error("the checkpoint or anchor does not decode")]
    Malformed,
    /// A version that this program does not speak.
    #[error("checkpoint version {v} is not known")]
    Version {
        /// The version.
        v: u16,
    },
    /// Signed by another room than the one that it names.
    #[error("it claims to be the log of {claimed} but {signer} signed it")]
    ForeignRoom {
        /// What it says.
        claimed: RoomId,
        /// Whose key signed.
        signer: RoomId,
    },
    /// A path leads elsewhere.
    #[error(transparent)]
    Path(#[from] PathError),
    /// Only the root hub dates.
    #[error("the last checkpoint is of {room}, not of the root hub: it proves no date")]
    NotTheRoot {
        /// Whose it is.
        room: RoomId,
    },
}
