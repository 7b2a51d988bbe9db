//! Signatures: COSE_Sign1 (RFC 9052), tagged (CBOR tag 18), over a deterministic CBOR payload.
//!
//! The protected header is exactly three entries: the algorithm, the content type, the key id. The content
//! type is the domain separator: whoever verifies says which kind of object is expected and gets no other.
//! The unprotected header is empty, or holds one entry `"attachment"` (the officer's certificate), which
//! carries its own signature. What was signed is kept byte for byte; nothing is ever encoded again in order
//! to verify.
//!
//! *Against:* an object of one kind presented as another, a second encoding of the same object, headers that
//! one reader honours and another ignores, a key claimed by the wrong room, objects without end.

mod content_type;
mod key;
mod simulation;

use ciborium::Value;
use coset::{
    CborSerializable, CoseSign1, CoseSign1Builder, Header, HeaderBuilder, Label, RegisteredLabel,
    RegisteredLabelWithPrivate, TaggedCborSerializable, iana,
};
use serde::{Deserialize, Serialize};
use topology::RoomId;

pub use self::{
    content_type::ContentType,
    key::{KeyError, PublicKey, SigningKey},
    simulation::{SimulationKeyring, SimulationSigner},
};
use crate::cbor;
pub use crate::digest::{Digest, KeyId, digest, digest_of_parts};

/// The algorithms of a key and its signatures; its number stands beside every key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub enum Suite {
    /// Ed25519 (RFC 8032), COSE algorithm EdDSA.
    Ed25519,
    /// The cheap signer of simulations. Not secure; [`crate::signature::Keyring`] never accepts it.
    Simulation,
}

impl Suite {
    /// Its number.
    pub const fn id(self) -> u8 {
        match self {
            Self::Ed25519 => 1,
            Self::Simulation => 255,
        }
    }

    fn algorithm(self) -> coset::Algorithm {
        match self {
            Self::Ed25519 => RegisteredLabelWithPrivate::Assigned(iana::Algorithm::EdDSA),
            Self::Simulation => RegisteredLabelWithPrivate::PrivateUse(SIMULATION_ALGORITHM),
        }
    }

    fn of_algorithm(algorithm: &coset::Algorithm) -> Option<Self> {
        [Self::Ed25519, Self::Simulation].into_iter().find(|suite| suite.algorithm() == *algorithm)
    }
}

impl From<Suite> for u8 {
    fn from(suite: Suite) -> Self {
        suite.id()
    }
}

impl TryFrom<u8> for Suite {
    type Error = SignatureError;

    fn try_from(id: u8) -> Result<Self, SignatureError> {
        [Self::Ed25519, Self::Simulation]
            .into_iter()
            .find(|suite| suite.id() == id)
            .ok_or(SignatureError::UnknownSuite)
    }
}

/// In the range that COSE leaves to private use (below -65536).
const SIMULATION_ALGORITHM: i64 = -70_255;

/// Whoever holds a private key.
pub trait Signer: Send + Sync {
    /// The algorithm.
    fn suite(&self) -> Suite;
    /// Names the public key.
    fn key_id(&self) -> KeyId;
    /// Signs a message.
    fn sign(&self, message: &[u8]) -> Vec<u8>;
}

/// Whoever knows which room owns which public key.
pub trait Keyring: Send + Sync {
    /// Finds the room that owns the key and verifies the signature with it.
    fn verify(
        &self,
        suite: Suite,
        key: &KeyId,
        message: &[u8],
        signature: &[u8],
    ) -> Result<RoomId, SignatureError>;
}

/// A payload whose signature was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// The room that owns the key.
    pub signer: RoomId,
    /// The key that signed.
    pub key_id: KeyId,
    /// What was signed.
    pub payload: Vec<u8>,
}

/// Why a signed object is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// Larger than its kind may be.
    #[error("a signed object of {size_bytes} bytes is over the limit of {limit_bytes} for {expected}")]
    TooLarge {
        /// What came.
        size_bytes: usize,
        /// What its kind allows.
        limit_bytes: usize,
        /// The kind that was expected.
        expected: ContentType,
    },
    /// Not a COSE_Sign1 in the one form that is used here.
    #[error("not a signed object: {0}")]
    Malformed(&'static str),
    /// Another kind of object.
    #[error("a signed object of another kind: {expected} was expected")]
    WrongType {
        /// The kind that was expected.
        expected: ContentType,
    },
    /// An algorithm that this version does not know.
    #[error("signed with an algorithm that this version does not know: update this node")]
    UnknownSuite,
    /// No sheet that is known here gives this key to any room.
    #[error("signed with key {0}, which no known sheet gives to a room: fetch the current sheets")]
    UnknownKey(KeyId),
    /// The key was revoked.
    #[error("signed with key {0}, which was revoked")]
    RevokedKey(KeyId),
    /// The signature is not that of this key over these bytes.
    #[error("the signature of key {0} does not fit the bytes: they were changed, or never signed by it")]
    Invalid(KeyId),
}

/// Signs a payload as one kind of object; gives the COSE_Sign1 bytes, tagged.
pub fn sign(signer: &dyn Signer, content: ContentType, payload: &[u8]) -> Vec<u8> {
    sign_object(signer, content, payload, Header::default())
}

/// Signs as [`sign`] does and adds an attachment, which the signature does *not* cover.
pub fn sign_with_attachment(
    signer: &dyn Signer,
    content: ContentType,
    payload: &[u8],
    attachment: &[u8],
) -> Vec<u8> {
    let attached = Value::Bytes(attachment.to_vec());
    let unprotected = HeaderBuilder::new().text_value(ATTACHMENT.into(), attached).build();
    sign_object(signer, content, payload, unprotected)
}

/// Verifies an object of the expected kind with the key that its header names.
pub fn verify(bytes: &[u8], expected: ContentType, keys: &dyn Keyring) -> Result<Verified, SignatureError> {
    let object = Object::parse(bytes, expected)?;
    let signer = keys.verify(object.suite, &object.key_id, &object.message(), &object.cose.signature)?;
    Ok(Verified { signer, key_id: object.key_id, payload: object.into_payload() })
}

/// Verifies an object of the expected kind with one public key and gives its payload.
pub fn verify_with_key(
    bytes: &[u8],
    expected: ContentType,
    key: &PublicKey,
) -> Result<Vec<u8>, SignatureError> {
    let object = Object::parse(bytes, expected)?;
    if object.suite != key.suite() || object.key_id != key.key_id() {
        return Err(SignatureError::UnknownKey(object.key_id));
    }
    key.verify(&object.message(), &object.cose.signature)?;
    Ok(object.into_payload())
}

/// The payload of an object of the expected kind, *before* any verification: for objects that carry the
/// key that is to verify them (a join request, a sheet's chain).
pub fn peek_payload_unverified(bytes: &[u8], expected: ContentType) -> Result<Vec<u8>, SignatureError> {
    Ok(Object::parse(bytes, expected)?.into_payload())
}

/// The attachment of an object of the expected kind, which is covered by no signature but its own.
pub fn attachment(bytes: &[u8], expected: ContentType) -> Result<Option<Vec<u8>>, SignatureError> {
    let object = Object::parse(bytes, expected)?;
    Ok(object.cose.unprotected.rest.into_iter().find_map(|(_, value)| value.into_bytes().ok()))
}

fn sign_object(signer: &dyn Signer, content: ContentType, payload: &[u8], unprotected: Header) -> Vec<u8> {
    CoseSign1Builder::new()
        .protected(protected_header(signer.suite(), content, &signer.key_id()))
        .unprotected(unprotected)
        .payload(payload.to_vec())
        .create_signature(b"", |message| signer.sign(message))
        .build()
        .to_tagged_vec()
        .expect("a COSE_Sign1 serialises into memory")
}

/// The three entries, in canonical order (1, 3, 4).
fn protected_header(suite: Suite, content: ContentType, key: &KeyId) -> Header {
    Header {
        alg: Some(suite.algorithm()),
        content_type: Some(RegisteredLabel::Text(content.media_type().into())),
        key_id: key.as_bytes().to_vec(),
        ..Header::default()
    }
}

/// A COSE_Sign1 of the expected kind in the one form that is used here; not yet verified.
struct Object {
    cose: CoseSign1,
    suite: Suite,
    key_id: KeyId,
}

impl Object {
    fn parse(bytes: &[u8], expected: ContentType) -> Result<Self, SignatureError> {
        let limit_bytes = expected.size_bytes_max();
        if bytes.len() > limit_bytes {
            return Err(SignatureError::TooLarge { size_bytes: bytes.len(), limit_bytes, expected });
        }
        let (&TAG, untagged) = bytes.split_first().ok_or(SignatureError::Malformed("no bytes"))? else {
            return Err(SignatureError::Malformed("no COSE_Sign1 tag"));
        };
        cbor::check(untagged).map_err(|_| SignatureError::Malformed("its CBOR is not deterministic"))?;
        let cose = CoseSign1::from_tagged_slice(bytes).map_err(|_| SignatureError::Malformed("not COSE"))?;
        Self::checked(cose, expected)
    }

    fn checked(cose: CoseSign1, expected: ContentType) -> Result<Self, SignatureError> {
        let header = &cose.protected.header;
        if header.content_type != Some(RegisteredLabel::Text(expected.media_type().into())) {
            return Err(SignatureError::WrongType { expected });
        }
        let algorithm = header.alg.as_ref().ok_or(SignatureError::Malformed("no algorithm"))?;
        let suite = Suite::of_algorithm(algorithm).ok_or(SignatureError::UnknownSuite)?;
        let key_id = header.key_id.as_slice().try_into().map(KeyId::from_bytes);
        let key_id = key_id.map_err(|_| SignatureError::Malformed("no key id of 16 bytes"))?;
        let canonical = protected_header(suite, expected, &key_id).to_vec();
        if canonical.ok() != cose.protected.original_data {
            return Err(SignatureError::Malformed("the protected header is not exactly its three entries"));
        }
        if !is_allowed_unprotected(expected, &cose.unprotected) {
            return Err(SignatureError::Malformed("the unprotected header holds what does not belong there"));
        }
        if cose.payload.is_none() {
            return Err(SignatureError::Malformed("no payload"));
        }
        Ok(Self { cose, suite, key_id })
    }

    /// The bytes that the signature covers (Sig_structure, RFC 9052 section 4.4).
    fn message(&self) -> Vec<u8> {
        self.cose.tbs_data(b"")
    }

    fn into_payload(self) -> Vec<u8> {
        self.cose.payload.unwrap_or_default()
    }
}

/// The signature does not cover the unprotected header: whatever may stand there could be changed on the way, and
/// with it the digest of the object. Only what an officer signs carries something, and it travels inside a receipt or a
/// committed block.
fn is_allowed_unprotected(expected: ContentType, header: &Header) -> bool {
    let others = Header { rest: Vec::new(), ..header.clone() };
    others.is_empty()
        && match header.rest.as_slice() {
            [] => true,
            [(Label::Text(label), Value::Bytes(_))] => label == ATTACHMENT && expected.is_by_officer(),
            _ => false,
        }
}

const ATTACHMENT: &str = "attachment";

/// CBOR tag 18, COSE_Sign1.
const TAG: u8 = 0xd2;

#[cfg(test)]
mod tests;
