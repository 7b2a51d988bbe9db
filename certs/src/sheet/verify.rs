//! What makes a sheet count, step by step: its signer by the standard validator, name and chain by the plan,
//! its bytes by the signer's key, its revocation list, its limits, its announcements, its rooms.

use std::{collections::BTreeSet, time::Duration};

use rustls::pki_types::{CertificateDer, UnixTime};
use topology::{Map, RoomId};
use webpki::{EndEntityCert, KeyUsage, anchor_from_trusted_cert};

use super::{
    ENTRIES_MAX, KEYS_OF_A_ROOM_MAX, REVOCATIONS_MAX, SHEET_VERSION, Sheet, VerifiedSheet,
    succession::check_successions,
};
use crate::{
    authority::{HUBS_IN_A_CHAIN_MAX, sheet_dns},
    cbor::{self, CborError},
    certificate::{CertificateError, CertificateFacts},
    digest::{KeyId, digest},
    peer::{IssuedSerial, PeerError, Publisher, path_by_plan},
    revocation::{RevocationError, RevocationList},
    signature::{self, ContentType, SignatureError},
    tls,
};

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
    let key = signer.public_key()?;
    signature::verify_with_key(bytes, ContentType::Sheet, &key)?;
    let list = RevocationList::verify(&sheet.crl, &key)?;
    if list.issuer != signer.issuer {
        return Err(SheetError::ForeignList); // The TLS library would take it for the list of the issuer it names.
    }
    check_limits(&sheet)?;
    sheet.entries.iter().try_for_each(check_successions)?;
    let set_aside = set_foreign_aside(&mut sheet, map)?;
    Ok(VerifiedSheet { sheet, bytes: bytes.to_vec(), digest: digest(bytes), path, list, set_aside })
}

fn check_signer(
    sheet: &Sheet,
    chain: &[CertificateDer<'_>],
    map: &Map,
    root: &CertificateDer<'_>,
    now_ms: i64,
) -> Result<(CertificateFacts, Vec<IssuedSerial>), SheetError> {
    if sheet.v != SHEET_VERSION {
        return Err(SheetError::Version(sheet.v));
    }
    if sheet.network != map.network() {
        return Err(SheetError::OtherNetwork(sheet.network.clone()));
    }
    let (own, issuers) = chain.split_first().ok_or(SheetError::NoChain)?;
    if issuers.len() > HUBS_IN_A_CHAIN_MAX {
        return Err(SheetError::Chain(PeerError::OtherChain));
    }
    validate(own, issuers, root, now_ms)?;
    let facts = CertificateFacts::read(own)?;
    let domain = sheet.publisher.domain(map).ok_or(SheetError::UnknownPublisher)?;
    if facts.dns_name != Some(sheet_dns(&domain)) {
        return Err(SheetError::OtherSigner { wanted: sheet_dns(&domain) });
    }
    let path = path_by_plan(map, sheet.publisher, &facts, issuers)?;
    Ok((facts, path))
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

/// Takes out what is about rooms that the plan does not give to this publisher. Under the same plan, that is
/// a fault.
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
    let mut seen = BTreeSet::new();
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
    /// The revocation list names another issuer.
    #[error("the revocation list in the sheet is not its publisher's own")]
    ForeignList,
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

/// Room for post-quantum keys.
const PUBLIC_KEY_BYTES_MAX: usize = 2048;

/// id-kp-documentSigning, 1.3.6.1.5.5.7.3.36 (RFC 9336), as encoded. The validator asks it of every
/// certificate of the path that restricts its usages; of ours only end entities do.
const DOCUMENT_SIGNING: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 36];
