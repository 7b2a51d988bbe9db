//! The tick (时标): the root hub's signed time, every ten seconds, flooded down the tree. An event that cites a tick
//! happened after it: nobody can name the digest of a tick that was not yet signed.
//! *Against:* events dated later than they were, and a room that claims the root's time.

use std::{sync::Arc, time::Duration};

use certs::{
    cbor,
    signature::{self, ContentType, Digest, Keyring, SignatureError, Signer, digest},
};
use serde::{Deserialize, Serialize};
use topology::Map;

use crate::timestamp::Timestamp;

/// How often the root hub signs its time.
pub const TICK_EVERY: Duration = Duration::from_secs(10);

/// The version of ticks, checkpoints and line records.
pub const WITNESS_VERSION: u16 = 1;

/// What the root hub signs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tick {
    /// The version, 1.
    pub v: u16,
    /// The root hub's time. Later than that of every tick before it.
    pub at: Timestamp,
    /// The suite of the signature.
    pub suite: u8,
    /// The network.
    pub network: String,
}

/// Names a tick in what cites it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TickRef {
    /// The time that it says.
    pub at: Timestamp,
    /// SHA-256 of its signed bytes.
    pub digest: Digest,
}

/// A tick that the root hub of this network signed, with its very bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedTick {
    bytes: Arc<[u8]>,
    name: TickRef,
}

impl VerifiedTick {
    /// Signs the time.
    pub fn sign(at: Timestamp, network: &str, signer: &dyn Signer) -> Self {
        let tick = Tick { v: WITNESS_VERSION, at, suite: signer.suite().id(), network: network.to_owned() };
        let bytes = signature::sign(signer, ContentType::Tick, &cbor::encode(&tick));
        Self { name: TickRef { at, digest: digest(&bytes) }, bytes: bytes.into() }
    }

    /// Verifies bytes that a neighbour or a file gave.
    ///
    /// # Errors
    /// [`TickError`] unless the root hub of the map signed them as a tick of this network.
    pub fn verify(bytes: &[u8], map: &Map, keys: &dyn Keyring) -> Result<Self, TickError> {
        let verified = signature::verify(bytes, ContentType::Tick, keys)?;
        let tick: Tick = cbor::decode(&verified.payload, ContentType::Tick.size_bytes_max())
            .map_err(|_| TickError::Malformed)?;
        if tick.v != WITNESS_VERSION {
            return Err(TickError::Version { v: tick.v });
        }
        if verified.signer != map.root() || tick.network != map.network() {
            return Err(TickError::NotTheRoot);
        }
        Ok(Self { name: TickRef { at: tick.at, digest: digest(bytes) }, bytes: bytes.into() })
    }

    /// What cites it.
    pub fn name(&self) -> TickRef {
        self.name
    }

    /// The signed bytes.
    pub fn bytes(&self) -> &Arc<[u8]> {
        &self.bytes
    }
}

/// Why bytes are no tick.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TickError {
    /// The signature does not hold.
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// Signed, but not a tick.
    #[error("the tick does not decode")]
    Malformed,
    /// A version that this program does not speak.
    #[error("tick version {v} is not known")]
    Version {
        /// The version.
        v: u16,
    },
    /// Only the root hub's time is the network's.
    #[error("it was not signed by the root hub of this network")]
    NotTheRoot,
}
