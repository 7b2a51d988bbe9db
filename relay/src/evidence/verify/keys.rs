//! Which key verified what, and whether it counted when the signature was witnessed.
//! *Against:* a thief who signs with a key that was stolen and revoked, however the thief dates it.

use std::sync::{Mutex, PoisonError};

use certs::{
    sheet::KnownKeys,
    signature::{KeyId, Keyring, SignatureError, Suite},
};
use topology::RoomId;

use super::super::invalid::Fault;
use crate::timestamp::Timestamp;

/// Verifies with revoked keys too and remembers which ones it used; [`Self::check`] then judges them.
pub(super) struct Witnessed<'a> {
    known: &'a KnownKeys,
    used: Mutex<Vec<KeyId>>,
}

impl<'a> Witnessed<'a> {
    pub(super) fn new(known: &'a KnownKeys) -> Self {
        Self { known, used: Mutex::default() }
    }

    /// The keys used since the last time, in the order of their use.
    pub(super) fn take(&self) -> Vec<KeyId> {
        std::mem::take(&mut *self.used.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Judges the keys of one object that was made after `earliest` and seen before `latest`: the first verified the object
    /// itself and must have been in use then; the others what is embedded in it.
    pub(super) fn check(&self, earliest: Option<Timestamp>, latest: Option<Timestamp>) -> Result<(), Fault> {
        self.check_these(&self.take(), earliest, latest)
    }

    /// The same for keys that were taken before.
    pub(super) fn check_these(
        &self,
        used: &[KeyId],
        earliest: Option<Timestamp>,
        latest: Option<Timestamp>,
    ) -> Result<(), Fault> {
        for (index, id) in used.iter().enumerate() {
            self.check_not_stolen(id, latest)?;
            if index == 0 {
                self.check_in_use(id, earliest, latest)?;
            }
        }
        Ok(())
    }

    /// What is embedded (an officer's certificate, made long before) may be by a key that has been retired since.
    pub(super) fn check_embedded(&self, latest: Option<Timestamp>) -> Result<(), Fault> {
        self.take().iter().try_for_each(|id| self.check_not_stolen(id, latest))
    }

    fn check_not_stolen(&self, id: &KeyId, latest: Option<Timestamp>) -> Result<(), Fault> {
        let revocation = self.known.key(id).and_then(|key| key.revocation.as_ref());
        let Some(since) = revocation.map(|r| r.compromised_since_ms.unwrap_or(r.at_ms)) else {
            return Ok(());
        };
        if latest.is_some_and(|latest| latest.as_ms() < since) {
            return Ok(());
        }
        let why = "it was compromised before anybody witnessed the signature";
        Err(Fault::Key { key: id.to_string(), why })
    }

    fn check_in_use(
        &self,
        id: &KeyId,
        earliest: Option<Timestamp>,
        latest: Option<Timestamp>,
    ) -> Result<(), Fault> {
        let Some(key) = self.known.key(id) else { return Ok(()) };
        let fault = |why| Err(Fault::Key { key: id.to_string(), why });
        if latest.is_some_and(|latest| latest.as_ms() < key.from_ms) {
            return fault("it was not yet in use");
        }
        if earliest.zip(key.to_ms).is_some_and(|(earliest, to)| earliest.as_ms() >= to) {
            return fault("its use had ended");
        }
        Ok(())
    }
}

impl Keyring for Witnessed<'_> {
    fn verify(
        &self,
        suite: Suite,
        key: &KeyId,
        message: &[u8],
        signature: &[u8],
    ) -> Result<RoomId, SignatureError> {
        let room = self.known.archive().verify(suite, key, message, signature)?;
        self.used.lock().unwrap_or_else(PoisonError::into_inner).push(*key);
        Ok(room)
    }
}
