//! A sheet (密钥页): what one hub publishes about the rooms directly below it: their public keys for ever, with
//! their validity, and what was revoked. The authority publishes one for the root hub.
//!
//! It is signed by the publisher's issuing key, on-line. It counts when the standard validator follows its
//! signer to the root, when the signer carries the name `sheets.` and the publisher's DNS name, and when the
//! chain is that of the plan. Entries about rooms that the plan gives to another parent are an error in a
//! sheet made under this very plan; under another one they are set aside, for plans and sheets do not arrive
//! at the same time.
//!
//! *Against:* a hub that publishes keys for rooms of another, a sheet signed by anything but an issuing key,
//! a new key that nobody announced, lists without end.

mod known_keys;
mod succession;
mod verify;

use rustls::pki_types::CertificateDer;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use topology::RoomId;

pub use self::{
    known_keys::{Archive, Change, KeyConflict, KnownKey, KnownKeys},
    succession::{KeySuccession, sign_succession},
    verify::{SheetError, verify_sheet},
};
use crate::{
    authority::{IssueError, Issuer},
    cbor,
    certificate::Serial,
    digest::{Digest, KeyId},
    peer::{IssuedSerial, Publisher},
    revocation::{RevocationList, RevocationReason, RevokedSerial},
    signature::{self, ContentType, Suite},
};

/// What a key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyPurpose {
    /// Verifies what the room says.
    Signing,
    /// Seals what the room may read.
    Sealing,
}

/// A public key of a room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishedKey {
    /// The algorithm's number; a key of an unknown one is kept and not used.
    pub suite: u8,
    /// The end of its use, if it is known; milliseconds since 1970 UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_ms: Option<i64>,
    /// The raw public key.
    pub public: ByteBuf,
    /// In use from this time on, milliseconds since 1970 UTC.
    pub from_ms: i64,
    /// What it is for.
    pub purpose: KeyPurpose,
    /// The new key, signed by the signing key before it ([`KeySuccession`]); absent for a room's first keys
    /// and after a loss.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub succession: Option<ByteBuf>,
}

impl PublishedKey {
    /// Names the key.
    pub fn key_id(&self) -> KeyId {
        KeyId::of(&self.public)
    }
}

/// What a sheet says about one room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SheetEntry {
    /// All its keys, the retired signing keys included.
    pub keys: Vec<PublishedKey>,
    /// The room.
    pub room: RoomId,
    /// Its present TLS certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls_serial: Option<Serial>,
    /// Its present issuing certificate, where it is a hub.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuing_serial: Option<Serial>,
}

/// What is revoked.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Revoked {
    /// A certificate that this publisher issued.
    Certificate(Serial),
    /// A signing or sealing key.
    Key(KeyId),
}

/// One revocation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revocation {
    /// The room that had it.
    pub room: RoomId,
    /// When it was revoked, milliseconds since 1970 UTC.
    pub at_ms: i64,
    /// Why.
    pub reason: RevocationReason,
    /// What is revoked.
    pub revoked: Revoked,
    /// Signatures witnessed before this time still count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compromised_since_ms: Option<i64>,
}

/// A sheet as it is signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sheet {
    /// [`SHEET_VERSION`], the version of this form.
    pub v: u16,
    /// The publisher's revocation list (CRL, DER) for the TLS library.
    pub crl: ByteBuf,
    /// The signer's certificate, then the issuing certificates above it without the root (DER).
    pub chain: Vec<ByteBuf>,
    /// What it says about each room.
    pub entries: Vec<SheetEntry>,
    /// The network.
    pub network: String,
    /// Counts the publisher's sheets; it only grows.
    pub version: u64,
    /// Who publishes it.
    pub publisher: Publisher,
    /// When it was made, milliseconds since 1970 UTC.
    pub issued_at_ms: i64,
    /// The version of the plan that it was made under.
    pub plan_version: u64,
    /// What was revoked.
    pub revocations: Vec<Revocation>,
}

/// What a publisher puts into a sheet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SheetContents {
    /// The network.
    pub network: String,
    /// Who publishes it.
    pub publisher: Publisher,
    /// Greater than the one before.
    pub version: u64,
    /// The plan that it is made under.
    pub plan_version: u64,
    /// What it says about each room.
    pub entries: Vec<SheetEntry>,
    /// Everything ever revoked.
    pub revocations: Vec<Revocation>,
}

/// Makes and signs a sheet. `signer` is the issuer's certificate for signing sheets
/// ([`Issuer::issue_sheet_signer`]); the revocation list is made from the revoked certificates.
pub fn sign_sheet(
    issuer: &Issuer,
    signer: &CertificateDer<'_>,
    contents: SheetContents,
    now_ms: i64,
) -> Result<Vec<u8>, IssueError> {
    let revoked: Vec<RevokedSerial> = contents.revocations.iter().filter_map(revoked_serial).collect();
    let crl = issuer.crl(&revoked, contents.version, now_ms)?;
    let above = issuer.chain();
    let chain = std::iter::once(signer.as_ref()).chain(above.iter().map(AsRef::as_ref));
    let sheet = Sheet {
        v: SHEET_VERSION,
        crl: crl.into(),
        chain: chain.map(|der: &[u8]| ByteBuf::from(der)).collect(),
        entries: contents.entries,
        network: contents.network,
        version: contents.version,
        publisher: contents.publisher,
        issued_at_ms: now_ms,
        plan_version: contents.plan_version,
        revocations: contents.revocations,
    };
    Ok(signature::sign(issuer.signer(), ContentType::Sheet, &cbor::encode(&sheet)))
}

fn revoked_serial(revocation: &Revocation) -> Option<RevokedSerial> {
    match &revocation.revoked {
        Revoked::Certificate(serial) => {
            Some(RevokedSerial { serial: serial.clone(), at_ms: revocation.at_ms, reason: revocation.reason })
        }
        Revoked::Key(_) => None,
    }
}

/// A sheet that counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedSheet {
    sheet: Sheet,
    bytes: Vec<u8>,
    digest: Digest,
    /// The certificates from the signer's up, by issuer and number.
    path: Vec<IssuedSerial>,
    list: RevocationList,
    /// Rooms that the plan here gives to another parent or does not know.
    set_aside: Vec<RoomId>,
}

impl VerifiedSheet {
    /// What it says; entries that were set aside are left out.
    pub fn sheet(&self) -> &Sheet {
        &self.sheet
    }

    /// The signed bytes, to be kept and forwarded as they are.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// SHA-256 over the signed bytes.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// What the revocation list says.
    pub fn revocation_list(&self) -> &RevocationList {
        &self.list
    }

    /// Rooms whose entries wait for another plan.
    pub fn set_aside(&self) -> &[RoomId] {
        &self.set_aside
    }

    /// What it says about a room.
    pub fn entry(&self, room: RoomId) -> Option<&SheetEntry> {
        self.sheet.entries.iter().find(|entry| entry.room == room)
    }

    pub(crate) fn path(&self) -> &[IssuedSerial] {
        &self.path
    }
}

/// The suite of signing keys whose number stands in a [`PublishedKey`].
pub(crate) fn signing_suite(key: &PublishedKey) -> Option<Suite> {
    Suite::try_from(key.suite).ok().filter(|suite| *suite == Suite::Ed25519)
}

/// The version of the sheet's form that this program writes.
pub const SHEET_VERSION: u16 = 1;
/// Rooms in one sheet.
pub const ENTRIES_MAX: usize = 4096;
/// Keys of one room, retired ones included.
pub const KEYS_OF_A_ROOM_MAX: usize = 256;
/// Revocations in one sheet.
pub const REVOCATIONS_MAX: usize = 20_000;

#[cfg(test)]
mod tests;
