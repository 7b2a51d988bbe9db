//! A sheet (密钥页): what one hub publishes about the rooms directly below it: their public keys for ever, with their validity, and
//! what was revoked. The authority publishes one for the root hub.
//!
//! It is signed by the publisher's issuing key, on-line. It counts when the standard validator follows its
//! signer to the root, when the signer carries the name `sheets.` and the publisher's DNS name, and when the chain is that
//! of the plan. Entries about rooms that the plan gives to another parent are an error in a sheet made under this
//! very plan; under another one they are set aside, for plans and sheets do not arrive at the same time.
//!
//! *Against:* a hub that publishes keys for rooms of another, a sheet signed by anything but an issuing key, a new key that nobody
//! announced, lists without end.

mod known_keys;
mod succession;

use std::time::Duration;

use rustls::pki_types::{CertificateDer, UnixTime};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use topology::{Map, RoomId};
use webpki::{EndEntityCert, KeyUsage, anchor_from_trusted_cert};

pub use self::{
    known_keys::{Archive, Change, KeyConflict, KnownKey, KnownKeys},
    succession::{KeySuccession, sign_succession},
};
use crate::{
    authority::{IssueError, Issuer, sheet_dns},
    cbor::{self, CborError},
    certificate::{CertificateError, CertificateFacts, Serial},
    digest::{Digest, KeyId, digest},
    peer::{IssuedSerial, PeerError, Publisher, path_by_plan},
    revocation::{RevocationError, RevocationList, RevocationReason, RevokedSerial},
    signature::{self, ContentType, PublicKey, SignatureError, Suite},
    tls,
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
    /// The new key, signed by the signing key before it ([`KeySuccession`]); absent for a room's first keys and
    /// after a loss.
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

/// Verifies a sheet against the plan and the root certificate.
pub fn verify_sheet(
    bytes: &[u8],
    map: &Map,
    root: &CertificateDer<'_>,
    now_ms: i64,
) -> Result<VerifiedSheet, SheetError> {
    // The signer's certificate stands inside: read it, have it validated, then verify the bytes with its key.
    let payload = signature::peek_payload_unverified(bytes, ContentType::Sheet)?;
    let mut sheet: Sheet = cbor::decode(&payload, ContentType::Sheet.size_bytes_max())?;
    let chain: Vec<CertificateDer<'_>> =
        sheet.chain.iter().map(|der| CertificateDer::from(der.as_ref())).collect();
    let (signer, path) = check_signer(&sheet, &chain, map, root, now_ms)?;
    signature::verify_with_key(bytes, ContentType::Sheet, &signer)?;
    let list = RevocationList::verify(&sheet.crl, &signer)?;
    check_limits(&sheet)?;
    sheet.entries.iter().try_for_each(succession::check_successions)?;
    let set_aside = set_foreign_aside(&mut sheet, map)?;
    Ok(VerifiedSheet { sheet, bytes: bytes.to_vec(), digest: digest(bytes), path, list, set_aside })
}

fn check_signer(
    sheet: &Sheet,
    chain: &[CertificateDer<'_>],
    map: &Map,
    root: &CertificateDer<'_>,
    now_ms: i64,
) -> Result<(PublicKey, Vec<IssuedSerial>), SheetError> {
    if sheet.v != SHEET_VERSION {
        return Err(SheetError::Version(sheet.v));
    }
    if sheet.network != map.network() {
        return Err(SheetError::OtherNetwork(sheet.network.clone()));
    }
    let (own, issuers) = chain.split_first().ok_or(SheetError::NoChain)?;
    validate(own, issuers, root, now_ms)?;
    let facts = CertificateFacts::read(own)?;
    let domain = sheet.publisher.domain(map).ok_or(SheetError::UnknownPublisher)?;
    if facts.dns_name != Some(sheet_dns(&domain)) {
        return Err(SheetError::OtherSigner { wanted: sheet_dns(&domain) });
    }
    let path = path_by_plan(map, sheet.publisher, &facts, issuers)?;
    Ok((facts.public_key()?, path))
}

/// The standard validator: path, signatures, constraints, validity, usage.
fn validate(
    own: &CertificateDer<'_>,
    issuers: &[CertificateDer<'_>],
    root: &CertificateDer<'_>,
    now_ms: i64,
) -> Result<(), SheetError> {
    let anchor = anchor_from_trusted_cert(root).map_err(|_| SheetError::Root)?;
    let now = UnixTime::since_unix_epoch(Duration::from_millis(now_ms.max(0).unsigned_abs()));
    EndEntityCert::try_from(own)?.verify_for_usage(
        tls::provider().signature_verification_algorithms.all,
        &[anchor],
        issuers,
        now,
        KeyUsage::required_if_present(DOCUMENT_SIGNING),
        None,
        None,
    )?;
    Ok(())
}

fn check_limits(sheet: &Sheet) -> Result<(), SheetError> {
    let keys = sheet.entries.iter().map(|entry| entry.keys.len()).max().unwrap_or_default();
    let lengths = sheet.entries.iter().flat_map(|entry| &entry.keys).map(|key| key.public.len());
    let within = sheet.entries.len() <= ENTRIES_MAX
        && keys <= KEYS_OF_A_ROOM_MAX
        && lengths.max().unwrap_or_default() <= PUBLIC_KEY_BYTES_MAX
        && sheet.revocations.len() <= REVOCATIONS_MAX;
    if within { Ok(()) } else { Err(SheetError::TooMuch) }
}

/// Takes out what is about rooms that the plan does not give to this publisher. Under the same plan, that is a fault.
fn set_foreign_aside(sheet: &mut Sheet, map: &Map) -> Result<Vec<RoomId>, SheetError> {
    let publisher = sheet.publisher;
    let own = |room: RoomId| Publisher::of(map, room) == Some(publisher);
    let rooms = sheet.entries.iter().map(|entry| entry.room).chain(sheet.revocations.iter().map(|r| r.room));
    let mut foreign: Vec<RoomId> = rooms.filter(|room| !own(*room)).collect();
    foreign.sort_unstable();
    foreign.dedup();
    if let Some(room) = foreign.first().filter(|_| sheet.plan_version == map.version()) {
        return Err(SheetError::ForeignRoom { room: *room });
    }
    let mut seen = std::collections::BTreeSet::new();
    if let Some(twice) = sheet.entries.iter().find(|entry| !seen.insert(entry.room)) {
        return Err(SheetError::Twice { room: twice.room });
    }
    sheet.entries.retain(|entry| own(entry.room));
    sheet.revocations.retain(|revocation| own(revocation.room));
    Ok(foreign)
}

/// Why a sheet does not count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SheetError {
    /// A later form.
    #[error("the sheet has version {0}, which this program does not know: update this node")]
    Version(u16),
    /// Of another network.
    #[error("the sheet belongs to network {0}")]
    OtherNetwork(String),
    /// The root certificate given is none.
    #[error("the root certificate does not read: restore it from the invitation")]
    Root,
    /// No certificate of its signer.
    #[error("the sheet carries no certificate of its signer")]
    NoChain,
    /// The publisher is not on the map.
    #[error("the sheet's publisher is not a hub of the map: fetch the current plan")]
    UnknownPublisher,
    /// Signed under another name.
    #[error("the sheet is not signed by {wanted}")]
    OtherSigner {
        /// The name wanted.
        wanted: String,
    },
    /// The standard validator refuses the signer.
    #[error("the sheet's signer is not valid: {0}")]
    Path(#[from] webpki::Error),
    /// The chain is not that of the plan.
    #[error(transparent)]
    Chain(#[from] PeerError),
    /// The signature is not good.
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// A certificate does not read.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// The revocation list is not good.
    #[error(transparent)]
    RevocationList(#[from] RevocationError),
    /// The payload does not read.
    #[error("the sheet does not read: {0}")]
    Cbor(#[from] CborError),
    /// Over a limit.
    #[error("the sheet has more rooms, keys or revocations than a sheet may have")]
    TooMuch,
    /// About a room of another parent.
    #[error("the sheet speaks of room {room}, which the plan does not give to its publisher")]
    ForeignRoom {
        /// The room.
        room: RoomId,
    },
    /// Two entries for one room.
    #[error("the sheet has two entries for room {room}")]
    Twice {
        /// The room.
        room: RoomId,
    },
    /// A new key that its predecessor did not sign, though the sheet says so.
    #[error("key {key} of room {room} is not signed by the key that it succeeds")]
    Succession {
        /// The room.
        room: RoomId,
        /// The key.
        key: KeyId,
    },
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

/// Room for post-quantum keys.
const PUBLIC_KEY_BYTES_MAX: usize = 2048;

/// id-kp-documentSigning, 1.3.6.1.5.5.7.3.36 (RFC 9336), as encoded.
const DOCUMENT_SIGNING: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 36];
