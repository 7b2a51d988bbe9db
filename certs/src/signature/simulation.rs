//! The cheap signer of simulated worlds: a keyed hash that anybody can compute. It proves nothing, costs next
//! to nothing and is the same on every run. Its suite keeps it out of every real keyring.

use std::collections::BTreeMap;

use topology::RoomId;

use super::{Digest, KeyId, Keyring, SignatureError, Signer, Suite, digest_of_parts};

/// Signs for one room of a simulation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SimulationSigner {
    key_id: KeyId,
}

impl SimulationSigner {
    /// The signer of a room.
    pub fn new(room: RoomId) -> Self {
        Self { key_id: KeyId::of(room.as_bytes()) }
    }
}

impl Signer for SimulationSigner {
    fn suite(&self) -> Suite {
        Suite::Simulation
    }

    fn key_id(&self) -> KeyId {
        self.key_id
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        keyed_digest(&self.key_id, message).as_bytes().to_vec()
    }
}

/// Knows the signers of all rooms of a simulation.
#[derive(Debug, Clone, Default)]
pub struct SimulationKeyring {
    room_by_key: BTreeMap<KeyId, RoomId>,
}

impl SimulationKeyring {
    /// A keyring for these rooms.
    pub fn new(rooms: impl IntoIterator<Item = RoomId>) -> Self {
        Self { room_by_key: rooms.into_iter().map(|room| (KeyId::of(room.as_bytes()), room)).collect() }
    }
}

impl Keyring for SimulationKeyring {
    fn verify(
        &self,
        suite: Suite,
        key: &KeyId,
        message: &[u8],
        signature: &[u8],
    ) -> Result<RoomId, SignatureError> {
        if suite != Suite::Simulation {
            return Err(SignatureError::UnknownSuite);
        }
        let room = self.room_by_key.get(key).ok_or(SignatureError::UnknownKey(*key))?;
        if keyed_digest(key, message).as_bytes() != signature {
            return Err(SignatureError::Invalid(*key));
        }
        Ok(*room)
    }
}

fn keyed_digest(key: &KeyId, message: &[u8]) -> Digest {
    digest_of_parts(&[b"yichuan simulation", key.as_bytes(), message])
}
