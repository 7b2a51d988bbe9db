//! Rule packs and calendars as signed objects: what a network judges by is evidence too. The payload is the deterministic
//! CBOR of the year, or the head of the pack, whose parts stand beside it; the plan names the digest of the signed bytes
//! that are in force.
//! *Against:* a pack that was changed on the way, a room that judges by limits of its own, a calendar passed off as a pack.

use std::sync::Arc;

use certs::{
    cbor::{self, CborError},
    signature::{self, ContentType, Digest, Keyring, SignatureError, Signer, digest},
};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use topology::RoomId;

use super::{
    calendar::CalendarYear,
    pack::{
        RulePack,
        parts::{PartKind, Parts},
    },
};

/// Something that a room signed, with its very bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed<T> {
    bytes: Arc<[u8]>,
    digest: Digest,
    issuer: RoomId,
    content: T,
}

/// A rule pack that its issuing room signed.
pub type SignedPack = Signed<RulePack>;
/// A year of the calendar that its issuing room signed.
pub type SignedCalendar = Signed<CalendarYear>;

/// What can be signed and distributed with the map.
pub trait Document: Sized {
    /// The content type that separates it from everything else.
    const CONTENT: ContentType;

    /// Whether this version of the program can judge by it.
    fn is_known(&self) -> bool;

    /// Whether nothing of it is left out.
    fn is_whole(&self) -> bool;

    /// What is signed of it, and what stands beside that.
    fn split(&self) -> (Vec<u8>, Parts);

    /// What [`Self::split`] gave, or some of the parts.
    ///
    /// # Errors
    /// [`CborError`] for anything that the payload does not name.
    fn join(payload: &[u8], parts: Parts) -> Result<Self, CborError>;
}

/// A signed object and what stands beside it; one without parts stands for itself.
#[derive(Serialize, Deserialize)]
struct WithParts {
    head: ByteBuf,
    parts: Vec<ByteBuf>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    words: Option<ByteBuf>,
}

/// COSE_Sign1 begins so, and nothing with parts.
const SIGNED: u8 = 0xd2;

fn with_parts(head: Vec<u8>, parts: Parts) -> Vec<u8> {
    if parts.is_empty() {
        return head;
    }
    let Parts { parts, words } = parts;
    cbor::encode(&WithParts { head: head.into(), parts, words })
}

fn without_parts(bytes: &[u8]) -> Result<(Vec<u8>, Parts), CborError> {
    if bytes.first() == Some(&SIGNED) {
        return Ok((bytes.to_vec(), Parts::default()));
    }
    let WithParts { head, parts, words } = cbor::decode(bytes, bytes.len())?;
    let parts = Parts { parts, words };
    if parts.is_empty() {
        return Err(CborError::Shape("a signed object without parts stands for itself".to_owned()));
    }
    Ok((head.into_vec(), parts))
}

/// What a plan names of a pack or a calendar: SHA-256 of what is signed, of a pack its head. Nothing in it is verified.
pub fn digest_of(document: &[u8]) -> Digest {
    without_parts(document).map_or_else(|_| digest(document), |(head, _)| digest(&head))
}

impl Document for RulePack {
    const CONTENT: ContentType = ContentType::RulePack;

    fn is_known(&self) -> bool {
        self.v == Self::FORMAT
    }

    fn is_whole(&self) -> bool {
        Self::is_whole(self)
    }

    fn split(&self) -> (Vec<u8>, Parts) {
        Self::split(self)
    }

    fn join(payload: &[u8], parts: Parts) -> Result<Self, CborError> {
        Self::join(payload, parts)
    }
}

impl Document for CalendarYear {
    const CONTENT: ContentType = ContentType::Calendar;

    fn is_known(&self) -> bool {
        true
    }

    fn is_whole(&self) -> bool {
        true
    }

    fn split(&self) -> (Vec<u8>, Parts) {
        (cbor::encode(self), Parts::default())
    }

    fn join(payload: &[u8], parts: Parts) -> Result<Self, CborError> {
        if !parts.is_empty() {
            return Err(CborError::Shape("a calendar has no parts".to_owned()));
        }
        cbor::decode(payload, payload.len())
    }
}

impl<T: Document> Signed<T> {
    /// Signs it as a room.
    pub fn sign(content: T, issuer: RoomId, signer: &dyn Signer) -> Self {
        let (payload, parts) = content.split();
        let head = signature::sign(signer, T::CONTENT, &payload);
        let digest = digest(&head);
        Self { bytes: with_parts(head, parts).into(), digest, issuer, content }
    }

    /// Verifies bytes that a neighbour, a file or the store gave.
    ///
    /// # Errors
    /// [`DocumentError`].
    pub fn verify(bytes: &[u8], keys: &dyn Keyring) -> Result<Self, DocumentError> {
        let document = Self::verify_some(bytes, keys)?;
        if !document.content.is_whole() {
            return Err(DocumentError::Malformed("a part of it is missing".to_owned()));
        }
        Ok(document)
    }

    /// The same where parts may be left out, as in evidence; the content says which.
    ///
    /// # Errors
    /// [`DocumentError`].
    pub fn verify_some(bytes: &[u8], keys: &dyn Keyring) -> Result<Self, DocumentError> {
        let malformed = |error: CborError| DocumentError::Malformed(error.to_string());
        if bytes.len() > T::CONTENT.size_bytes_max() {
            return Err(DocumentError::Malformed("it is too large".to_owned()));
        }
        let (head, parts) = without_parts(bytes).map_err(malformed)?;
        let verified = signature::verify(&head, T::CONTENT, keys)?;
        let content = T::join(&verified.payload, parts).map_err(malformed)?;
        if !content.is_known() {
            return Err(DocumentError::Unknown);
        }
        Ok(Self { bytes: bytes.into(), digest: digest(&head), issuer: verified.signer, content })
    }

    /// The signed bytes, with the parts beside them.
    pub fn bytes(&self) -> &Arc<[u8]> {
        &self.bytes
    }

    /// SHA-256 of what is signed: what the plan names.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Who signed it.
    pub fn issuer(&self) -> RoomId {
        self.issuer
    }

    /// The pack or the year, without its signature.
    pub fn into_content(self) -> T {
        self.content
    }

    /// The pack or the year.
    pub fn content(&self) -> &T {
        &self.content
    }
}

impl SignedPack {
    /// The bytes of a whole pack with these parts only and without the words of its clauses.
    ///
    /// # Panics
    /// Never: these bytes were verified.
    pub fn abridged(&self, is_wanted: impl Fn(PartKind) -> bool) -> Vec<u8> {
        let (head, parts) = without_parts(&self.bytes).expect("it was verified");
        let payload = signature::peek_payload_unverified(&head, RulePack::CONTENT).expect("it was verified");
        with_parts(head, parts.some(&payload, is_wanted).expect("it was verified"))
    }
}

/// Why signed bytes are no pack or calendar to judge by.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    /// The signature does not hold.
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// Signed, but something else, or with a rule that this version does not know.
    #[error("the rule pack or calendar does not decode: {0}; it may be newer than this program")]
    Malformed(String),
    /// A format that this version does not know.
    #[error("the rule pack is of a format that this program does not know: update it")]
    Unknown,
}

#[cfg(test)]
mod tests {
    use certs::signature::{SimulationKeyring, SimulationSigner};

    use super::*;
    use crate::duty::{builtin, event::RuleKind};

    const ROOM: RoomId = RoomId::from_bytes([7; 16]);

    #[test]
    fn every_pack_of_the_program_is_signed_and_read_back() {
        for pack in builtin::packs() {
            let signed = Signed::sign(pack.clone(), ROOM, &SimulationSigner::new(ROOM));
            let read = SignedPack::verify(signed.bytes(), &SimulationKeyring::new([ROOM])).unwrap();
            assert_eq!((read.content(), read.issuer(), read.digest()), (&pack, ROOM, signed.digest()));
        }
    }

    #[test]
    fn a_pack_with_some_of_its_parts_is_judged_by_and_says_what_is_left_out() {
        let keys = SimulationKeyring::new([ROOM]);
        let of = |name| Signed::sign(builtin::pack(name).unwrap(), ROOM, &SimulationSigner::new(ROOM));
        let whole = of("henan-2021");
        let bytes = whole.abridged(|kind| kind == Some(RuleKind::VerifyReply));
        assert!(bytes.len() * 3 < whole.bytes().len(), "{} of {}", bytes.len(), whole.bytes().len());
        let some = SignedPack::verify_some(&bytes, &keys).unwrap();
        assert_eq!(some.digest(), whole.digest());
        assert_eq!(digest_of(&bytes), whole.digest());
        let rules = &some.content().rules;
        assert!(rules.len() == 2 && rules.iter().all(|rule| rule.kind == RuleKind::VerifyReply));
        assert!(rules.iter().all(|rule| !rule.clause.place.is_empty() && rule.clause.quote.is_empty()));
        let left_out = &some.content().left_out;
        assert!(left_out.contains(&None) && left_out.contains(&Some(RuleKind::ReportFirst)));
        assert!(!left_out.contains(&Some(RuleKind::VerifyReply)));
        assert!(SignedPack::verify(&bytes, &keys).is_err(), "a node judges by whole packs");
        let head = whole.abridged(|_| false);
        assert_eq!(SignedPack::verify_some(&head, &keys).unwrap().content().rules, []);

        let (head, _) = without_parts(whole.bytes()).unwrap();
        let (_, other) = without_parts(of("shaanxi-2018").bytes()).unwrap();
        assert!(SignedPack::verify_some(&with_parts(head, other), &keys).is_err(), "parts of another pack");
    }

    #[test]
    fn a_pack_is_no_calendar_and_a_changed_byte_no_pack() {
        let pack = builtin::packs().remove(0);
        let signed = Signed::sign(pack, ROOM, &SimulationSigner::new(ROOM));
        assert!(SignedCalendar::verify(signed.bytes(), &SimulationKeyring::new([ROOM])).is_err());
        let mut changed = signed.bytes().to_vec();
        let middle = changed.len() / 2;
        changed[middle] ^= 1;
        assert!(SignedPack::verify(&changed, &SimulationKeyring::new([ROOM])).is_err());
    }
}
