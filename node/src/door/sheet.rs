//! The own sheet of a hub, or of the authority: what it says about the rooms below, and the next one.

use certs::{
    authority::{ISSUING_DAYS, Issuer, Validity},
    cbor,
    certificate::Serial,
    identity::PublicKeys,
    peer::Publisher,
    revocation::RevocationReason,
    seal::SEALING_SUITE,
    sheet::{KeyPurpose, PublishedKey, Revocation, Revoked, Sheet, SheetContents, SheetEntry, sign_sheet},
    signature::{ContentType, PublicKey, Suite, verify_with_key},
};
use relay::timestamp::Timestamp;
use serde_bytes::ByteBuf;
use topology::{Map, RoomId};

use crate::problem::Problem;

/// What a publisher says, to be changed and signed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct OwnSheet {
    /// The version of the last one.
    pub(crate) version: u64,
    /// Each room's keys.
    pub(crate) entries: Vec<SheetEntry>,
    /// Everything revoked.
    pub(crate) revocations: Vec<Revocation>,
}

impl OwnSheet {
    /// What a known sheet says.
    pub(crate) fn of(sheet: &Sheet) -> Self {
        Self {
            version: sheet.version,
            entries: sheet.entries.clone(),
            revocations: sheet.revocations.clone(),
        }
    }

    /// Reads a sheet that was signed here, whatever the plan says by now.
    pub(crate) fn read(bytes: &[u8], issuer: &PublicKey) -> Option<Self> {
        let payload = verify_with_key(bytes, ContentType::Sheet, issuer).ok()?;
        let sheet: Sheet = cbor::decode(&payload, ContentType::Sheet.size_bytes_max()).ok()?;
        Some(Self::of(&sheet))
    }

    /// What it says about a room; an empty entry is made for a new one.
    pub(crate) fn entry(&mut self, room: RoomId) -> &mut SheetEntry {
        let at = self.entries.iter().position(|entry| entry.room == room).unwrap_or_else(|| {
            self.entries.push(SheetEntry { keys: Vec::new(), room, tls_serial: None, issuing_serial: None });
            self.entries.len() - 1
        });
        &mut self.entries[at]
    }

    /// Publishes the keys of a room that has just been enrolled. Its keys until now end; signing keys stay on the
    /// sheet for ever, sealing keys until nothing that was sealed to them can still be on its way.
    pub(crate) fn publish(&mut self, room: RoomId, keys: &PublicKeys, now: Timestamp) {
        let now_ms = now.as_ms();
        let entry = self.entry(room);
        let (signing, sealing) = (keys.signing.as_bytes(), keys.sealing.as_bytes());
        let is_in_use = |public: &[u8]| {
            entry.keys.iter().any(|key| key.public == public && key.to_ms.is_none_or(|to| now_ms < to))
        };
        if is_in_use(signing) && is_in_use(sealing) {
            return;
        }
        for key in entry.keys.iter_mut().filter(|key| key.to_ms.is_none_or(|to| now_ms < to)) {
            key.to_ms = Some(now_ms);
        }
        entry.keys.retain(|key| {
            key.purpose == KeyPurpose::Signing
                || key.to_ms.is_none_or(|to| now_ms < to.saturating_add(SEALED_FOR_MS))
        });
        entry.keys.push(published(Suite::Ed25519.id(), KeyPurpose::Signing, signing, now_ms));
        entry.keys.push(published(SEALING_SUITE, KeyPurpose::Sealing, sealing, now_ms));
    }

    /// Revokes certificates and all keys of a room. False when nothing is left to revoke.
    pub(crate) fn revoke(
        &mut self,
        room: RoomId,
        serials: impl IntoIterator<Item = Serial>,
        reason: RevocationReason,
        now: Timestamp,
    ) -> bool {
        let entry = self.entry(room);
        let keys = entry.keys.iter().map(|key| Revoked::Key(key.key_id())).collect::<Vec<_>>();
        let present = [entry.tls_serial.take(), entry.issuing_serial.take()].into_iter().flatten();
        let mut revoked: Vec<Revoked> =
            present.chain(serials).map(Revoked::Certificate).chain(keys).collect();
        revoked.sort();
        revoked.dedup();
        revoked.retain(|what| !self.revocations.iter().any(|known| known.revoked == *what));
        let is_something = !revoked.is_empty();
        self.revocations.extend(revoked.into_iter().map(|revoked| Revocation {
            room,
            at_ms: now.as_ms(),
            reason,
            revoked,
            compromised_since_ms: None,
        }));
        is_something
    }

    /// Signs the next version, with the rooms that this plan gives to the publisher.
    pub(crate) fn sign(
        mut self,
        issuer: &Issuer,
        publisher: Publisher,
        map: &Map,
        now: Timestamp,
    ) -> Result<Vec<u8>, Problem> {
        let own = |room: RoomId| Publisher::of(map, room) == Some(publisher);
        self.entries.retain(|entry| own(entry.room));
        self.revocations.retain(|revocation| own(revocation.room));
        let contents = SheetContents {
            network: map.network().to_owned(),
            publisher,
            version: self.version + 1,
            plan_version: map.version(),
            entries: self.entries,
            revocations: self.revocations,
        };
        let validity = Validity::days(now.as_ms(), ISSUING_DAYS);
        let signed = issuer
            .issue_sheet_signer(validity)
            .and_then(|signer| sign_sheet(issuer, &signer.certificate, contents, now.as_ms()));
        signed.map_err(|error| Problem::failed("issue_failed").with("detail", error))
    }
}

fn published(suite: u8, purpose: KeyPurpose, public: &[u8], from_ms: i64) -> PublishedKey {
    PublishedKey { suite, to_ms: None, public: ByteBuf::from(public), from_ms, purpose, succession: None }
}

/// The longest life of an envelope and a day.
const SEALED_FOR_MS: i64 = 31 * 24 * 60 * 60 * 1000;

#[cfg(test)]
mod tests {
    use certs::identity::RoomKeys;

    use super::*;

    const ROOM: RoomId = RoomId::from_bytes([1; 16]);

    #[test]
    fn a_new_enrolment_ends_the_old_keys_and_keeps_the_signing_ones_for_ever() {
        let mut sheet = OwnSheet::default();
        let (first, second) = (RoomKeys::generate().public(), RoomKeys::generate().public());
        sheet.publish(ROOM, &first, Timestamp::from_ms(100));
        sheet.publish(ROOM, &first, Timestamp::from_ms(150));
        assert_eq!(sheet.entries[0].keys.len(), 2);
        sheet.publish(ROOM, &second, Timestamp::from_ms(200));
        let keys = &sheet.entries[0].keys;
        assert_eq!(keys.iter().map(|key| key.to_ms).collect::<Vec<_>>(), [Some(200), Some(200), None, None]);
        let later = Timestamp::from_ms(200 + SEALED_FOR_MS);
        sheet.publish(ROOM, &RoomKeys::generate().public(), later);
        let keys = &sheet.entries[0].keys;
        let signing = keys.iter().filter(|key| key.purpose == KeyPurpose::Signing).count();
        assert_eq!((signing, keys.len() - signing), (3, 2));
    }

    #[test]
    fn revoking_takes_all_keys_and_certificates_once() {
        let mut sheet = OwnSheet::default();
        sheet.publish(ROOM, &RoomKeys::generate().public(), Timestamp::from_ms(100));
        let (present, older) = (Serial::random(), Serial::random());
        sheet.entry(ROOM).tls_serial = Some(present.clone());
        let serials = [present, older];
        let now = Timestamp::from_ms(200);
        assert!(sheet.revoke(ROOM, serials.clone(), RevocationReason::KeyCompromise, now));
        assert_eq!(sheet.revocations.len(), 4);
        assert!(!sheet.revoke(ROOM, serials, RevocationReason::KeyCompromise, now));
        assert_eq!(sheet.revocations.len(), 4);
    }
}
