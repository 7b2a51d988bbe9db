//! All keys that are known here, from all sheets: who owns which, since when, and what was revoked.
//!
//! Public keys are parsed once, when a sheet comes in. For live traffic [`KnownKeys`] is the keyring and
//! refuses revoked keys at once; for evidence [`Archive`] verifies with them too, and whoever judges compares
//! the witnessed time with the key's validity and `compromised_since_ms`.

use std::{collections::BTreeMap, sync::Arc};

use topology::RoomId;

use super::{KeyPurpose, PublishedKey, Revocation, Revoked, SheetEntry, VerifiedSheet, signing_suite};
use crate::{
    digest::KeyId,
    peer::{IssuedSerial, PeerRoom, Publisher},
    seal::{SEALING_SUITE, SealingPublic},
    signature::{Keyring, PublicKey, SignatureError, Suite},
};

/// One key of one room.
#[derive(Debug, Clone)]
pub struct KnownKey {
    /// The room that owns it.
    pub room: RoomId,
    /// Who published it.
    pub publisher: Publisher,
    /// In use from this time on, milliseconds since 1970 UTC.
    pub from_ms: i64,
    /// The end of its use, if it is known.
    pub to_ms: Option<i64>,
    /// Whether the key before it announced it.
    pub announced: bool,
    /// Its revocation.
    pub revocation: Option<Revocation>,
    key: ParsedKey,
}

impl KnownKey {
    /// What it is for.
    pub fn purpose(&self) -> KeyPurpose {
        match self.key {
            ParsedKey::Signing(_) => KeyPurpose::Signing,
            ParsedKey::Sealing(_) => KeyPurpose::Sealing,
        }
    }

    /// The public key, if it is for signing.
    pub fn signing(&self) -> Option<&PublicKey> {
        match &self.key {
            ParsedKey::Signing(key) => Some(key),
            ParsedKey::Sealing(_) => None,
        }
    }

    /// Whether a signature that was witnessed at this time counts: inside the validity and before any
    /// compromise.
    pub fn counts_at(&self, witnessed_ms: i64) -> bool {
        let compromised = self.revocation.as_ref().map(|r| r.compromised_since_ms.unwrap_or(r.at_ms));
        self.from_ms <= witnessed_ms
            && self.to_ms.is_none_or(|to| witnessed_ms < to)
            && compromised.is_none_or(|since| witnessed_ms < since)
    }
}

#[derive(Debug, Clone)]
enum ParsedKey {
    Signing(PublicKey),
    Sealing(SealingPublic),
}

/// What a sheet changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// The very same sheet is known.
    Unchanged,
    /// A newer one is known; this one was left aside.
    Older,
    /// Taken.
    Taken {
        /// Keys that were not known before.
        added: Vec<KeyId>,
        /// Those of them that belong to a room which had keys and that no key announced: the room was
        /// enrolled again, or somebody wants to pass for it. Each deserves a look.
        unannounced: Vec<(RoomId, KeyId)>,
    },
}

/// Why a sheet contradicts what is known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyConflict {
    /// The publisher signed two sheets with one number.
    #[error(
        "{publisher:?} has signed two different sheets with version {version}: it shows different rooms different keys"
    )]
    Fork {
        /// The publisher.
        publisher: Publisher,
        /// The number.
        version: u64,
    },
    /// A key belongs to another room already.
    #[error("key {key} is published for room {claimed_by}, but belongs to room {owner}")]
    KeyOfAnother {
        /// The key.
        key: KeyId,
        /// The room that it belongs to.
        owner: RoomId,
        /// The room that it is now published for.
        claimed_by: RoomId,
    },
    /// A signing key has vanished.
    #[error("key {key} of room {room} has vanished from its sheet; signing keys stay there for ever")]
    KeyVanished {
        /// The room.
        room: RoomId,
        /// The key.
        key: KeyId,
    },
    /// Signed under a certificate that was revoked.
    #[error("the sheet of {publisher:?} is signed under a revoked certificate")]
    RevokedSigner {
        /// The publisher.
        publisher: Publisher,
    },
}

/// All known keys.
#[derive(Debug, Clone, Default)]
pub struct KnownKeys {
    sheets: BTreeMap<Publisher, Arc<VerifiedSheet>>,
    keys: BTreeMap<KeyId, KnownKey>,
    keys_by_room: BTreeMap<RoomId, Vec<KeyId>>,
}

impl KnownKeys {
    /// Knows nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a sheet in. On a conflict nothing changes.
    pub fn insert(&mut self, sheet: VerifiedSheet) -> Result<Change, KeyConflict> {
        let (publisher, version) = (sheet.sheet().publisher, sheet.sheet().version);
        if sheet.path().iter().any(|certificate| self.is_revoked(certificate)) {
            return Err(KeyConflict::RevokedSigner { publisher });
        }
        if let Some(known) = self.sheets.get(&publisher) {
            if known.digest() == sheet.digest() && known.sheet() == sheet.sheet() {
                return Ok(Change::Unchanged);
            }
            if version == known.sheet().version && known.digest() != sheet.digest() {
                return Err(KeyConflict::Fork { publisher, version });
            }
            if version < known.sheet().version {
                return Ok(Change::Older);
            }
            check_nothing_vanished(known, &sheet)?;
        }
        let keys = parsed_keys(&sheet);
        self.check_owners(&keys)?;
        let change = self.change(&keys);
        self.keys.retain(|_, key| key.publisher != publisher);
        self.keys.extend(keys);
        self.sheets.insert(publisher, Arc::new(sheet));
        self.index_rooms();
        Ok(change)
    }

    fn check_owners(&self, keys: &BTreeMap<KeyId, KnownKey>) -> Result<(), KeyConflict> {
        for (id, key) in keys {
            match self.keys.get(id) {
                Some(known) if known.room != key.room => {
                    let (owner, claimed_by) = (known.room, key.room);
                    return Err(KeyConflict::KeyOfAnother { key: *id, owner, claimed_by });
                }
                Some(_) | None => {}
            }
        }
        Ok(())
    }

    fn change(&self, keys: &BTreeMap<KeyId, KnownKey>) -> Change {
        let added: Vec<KeyId> = keys.keys().filter(|id| !self.keys.contains_key(id)).copied().collect();
        let unannounced = added
            .iter()
            .filter_map(|id| keys.get(id).map(|key| (key, *id)))
            .filter(|(key, _)| !key.announced && self.keys_by_room.contains_key(&key.room))
            .map(|(key, id)| (key.room, id))
            .collect();
        Change::Taken { added, unannounced }
    }

    fn index_rooms(&mut self) {
        self.keys_by_room.clear();
        for (id, key) in &self.keys {
            self.keys_by_room.entry(key.room).or_default().push(*id);
        }
    }

    /// A key by its id.
    pub fn key(&self, id: &KeyId) -> Option<&KnownKey> {
        self.keys.get(id)
    }

    /// All keys of a room, by id.
    pub fn keys_of(&self, room: RoomId) -> impl Iterator<Item = (&KeyId, &KnownKey)> {
        let ids = self.keys_by_room.get(&room).into_iter().flatten();
        ids.filter_map(|id| self.keys.get_key_value(id))
    }

    /// The signing keys of a room, retired and revoked ones included.
    pub fn signing_keys(&self, room: RoomId) -> Vec<&PublicKey> {
        self.keys_of(room).filter_map(|(_, key)| key.signing()).collect()
    }

    /// The key to seal to for a room: the newest that is in use. Where every key has ended, the newest that
    /// was not revoked, for nothing stops traffic by going stale.
    pub fn sealing_key(&self, room: RoomId, now_ms: i64) -> Option<(KeyId, SealingPublic)> {
        let usable = self.keys_of(room).filter(|(_, key)| key.revocation.is_none());
        let sealing = usable.filter_map(|(id, key)| match &key.key {
            ParsedKey::Sealing(public) => {
                let in_use = key.from_ms <= now_ms && key.to_ms.is_none_or(|to| now_ms < to);
                Some(((in_use, key.from_ms), (*id, *public)))
            }
            ParsedKey::Signing(_) => None,
        });
        sealing.max_by_key(|(rank, (id, _))| (*rank, *id)).map(|(_, key)| key)
    }

    /// The newest sheet of a publisher.
    pub fn sheet(&self, publisher: Publisher) -> Option<&VerifiedSheet> {
        self.sheets.get(&publisher).map(Arc::as_ref)
    }

    /// The newest sheet of every publisher; their bytes are what is passed on.
    pub fn sheets(&self) -> impl Iterator<Item = &VerifiedSheet> {
        self.sheets.values().map(Arc::as_ref)
    }

    /// The revocation list of every publisher (CRL, DER), for the TLS configurations.
    pub fn crls(&self) -> Vec<Vec<u8>> {
        self.sheets().map(|sheet| sheet.sheet().crl.to_vec()).collect()
    }

    /// Every revoked certificate.
    pub fn revoked_serials(&self) -> impl Iterator<Item = IssuedSerial> {
        self.sheets.iter().flat_map(|(publisher, sheet)| {
            sheet.revocation_list().serials.iter().map(|serial| (*publisher, serial.clone()))
        })
    }

    /// Whether a certificate is revoked by its own issuer.
    pub fn is_revoked(&self, (publisher, serial): &IssuedSerial) -> bool {
        self.sheet(*publisher).is_some_and(|sheet| sheet.revocation_list().serials.contains(serial))
    }

    /// Whether the link to a peer must be closed: its certificate, or one above it, is revoked.
    pub fn is_peer_revoked(&self, peer: &PeerRoom) -> bool {
        peer.path.iter().any(|certificate| self.is_revoked(certificate))
    }

    /// The publishers whose revocation list is stale at this time: an alarm, never a refusal.
    pub fn stale_lists(&self, now_ms: i64) -> impl Iterator<Item = Publisher> {
        let stale = move |sheet: &VerifiedSheet| sheet.revocation_list().stale_at_ms <= now_ms;
        self.sheets.iter().filter(move |(_, sheet)| stale(sheet)).map(|(publisher, _)| *publisher)
    }

    /// The same keys for verifying what was signed long ago; revoked ones verify too.
    pub fn archive(&self) -> Archive<'_> {
        Archive(self)
    }

    fn verify_any(
        &self,
        suite: Suite,
        id: &KeyId,
        message: &[u8],
        signature: &[u8],
    ) -> Result<&KnownKey, SignatureError> {
        let known = self.keys.get(id).ok_or(SignatureError::UnknownKey(*id))?;
        let key = known.signing().ok_or(SignatureError::UnknownKey(*id))?;
        if key.suite() != suite {
            return Err(SignatureError::UnknownSuite);
        }
        key.verify(message, signature)?;
        Ok(known)
    }
}

impl Keyring for KnownKeys {
    fn verify(
        &self,
        suite: Suite,
        key: &KeyId,
        message: &[u8],
        signature: &[u8],
    ) -> Result<RoomId, SignatureError> {
        match self.keys.get(key) {
            Some(known) if known.revocation.is_some() => Err(SignatureError::RevokedKey(*key)),
            Some(_) | None => self.verify_any(suite, key, message, signature).map(|known| known.room),
        }
    }
}

/// Verifies with revoked keys too. Whoever uses it must judge the witnessed time with
/// [`KnownKey::counts_at`].
#[derive(Debug, Clone, Copy)]
pub struct Archive<'a>(&'a KnownKeys);

impl Keyring for Archive<'_> {
    fn verify(
        &self,
        suite: Suite,
        key: &KeyId,
        message: &[u8],
        signature: &[u8],
    ) -> Result<RoomId, SignatureError> {
        self.0.verify_any(suite, key, message, signature).map(|known| known.room)
    }
}

/// The keys of a sheet that this version can use.
fn parsed_keys(sheet: &VerifiedSheet) -> BTreeMap<KeyId, KnownKey> {
    let of_entry = |entry: &SheetEntry| {
        let room = entry.room;
        entry.keys.iter().map(move |key| (room, key.clone())).collect::<Vec<_>>()
    };
    let all = sheet.sheet().entries.iter().flat_map(of_entry);
    all.filter_map(|(room, key)| Some((key.key_id(), known_key(sheet, room, &key)?))).collect()
}

fn known_key(sheet: &VerifiedSheet, room: RoomId, key: &PublishedKey) -> Option<KnownKey> {
    let parsed = match key.purpose {
        KeyPurpose::Signing => {
            ParsedKey::Signing(PublicKey::from_bytes(signing_suite(key)?, &key.public).ok()?)
        }
        KeyPurpose::Sealing if key.suite == SEALING_SUITE => {
            ParsedKey::Sealing(SealingPublic::from_bytes(key.public.as_slice().try_into().ok()?))
        }
        KeyPurpose::Sealing => return None,
    };
    let revoked = Revoked::Key(key.key_id());
    let revocation = sheet.sheet().revocations.iter().find(|r| r.room == room && r.revoked == revoked);
    Some(KnownKey {
        room,
        publisher: sheet.sheet().publisher,
        from_ms: key.from_ms,
        to_ms: key.to_ms,
        announced: key.succession.is_some(),
        revocation: revocation.cloned(),
        key: parsed,
    })
}

/// A room that is in both sheets has kept all its signing keys.
fn check_nothing_vanished(old: &VerifiedSheet, new: &VerifiedSheet) -> Result<(), KeyConflict> {
    for entry in &old.sheet().entries {
        let Some(kept) = new.entry(entry.room) else { continue };
        let gone = entry.keys.iter().find(|key| {
            key.purpose == KeyPurpose::Signing && !kept.keys.iter().any(|k| k.public == key.public)
        });
        if let Some(key) = gone {
            return Err(KeyConflict::KeyVanished { room: entry.room, key: key.key_id() });
        }
    }
    Ok(())
}
