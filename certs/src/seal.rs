//! Sealing: the body of an envelope is encrypted once, and its key is wrapped for each recipient.
//!
//! The body: AES-256-GCM under a [`ContentKey`] that is drawn for this one envelope, bound to its route. The
//! key: HPKE (RFC 9180, base mode, X25519, HKDF-SHA256, AES-256-GCM) to the recipient's sealing key, with the
//! route's digest, the recipient and the key id as `info`. HPKE's base mode does not say who sealed; the
//! origin's signature over the header does. What rests on a disk is protected by a [`StorageKey`] of the
//! node.
//!
//! *Against:* a hub that reads what is not for it, a wrapped key moved to another envelope or offered to
//! another recipient, a body swapped under a header, rows of a database read, changed or exchanged by whoever
//! holds the disk but not the key.

use std::fmt;

use aws_lc_rs::{
    aead::{AES_256_GCM, AES_256_GCM_SIV, Aad, Algorithm, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    agreement,
};
use rustls::crypto::{
    aws_lc_rs::hpke::DH_KEM_X25519_HKDF_SHA256_AES_256 as HPKE,
    hpke::{EncapsulatedSecret, Hpke, HpkePrivateKey, HpkePublicKey},
};
use rustls::pki_types::{PrivatePkcs8KeyDer, pem::PemObject};
use serde::{Deserialize, Serialize};
use topology::RoomId;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::{bytes::fixed_bytes, digest::KeyId, pem, signature::KeyError};

/// The number of the only sealing suite so far: HPKE with X25519, HKDF-SHA256 and AES-256-GCM.
pub const SEALING_SUITE: u8 = 1;

fixed_bytes!(
    /// The public sealing key of a room (X25519).
    SealingPublic, 32
);

impl SealingPublic {
    /// Names the key.
    pub fn key_id(&self) -> KeyId {
        KeyId::of(self.as_bytes())
    }
}

/// The private sealing key of a room (X25519).
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct SealingKey {
    secret: [u8; KEY_LEN],
    #[zeroize(skip)]
    public: SealingPublic,
}

impl SealingKey {
    /// Draws a new key.
    pub fn generate() -> Self {
        let secret = Zeroizing::new(random::<KEY_LEN>());
        Self::from_bytes(&secret[..]).expect("any 32 bytes are an X25519 key")
    }

    /// Reads the 32 raw bytes.
    pub fn from_bytes(secret: &[u8]) -> Result<Self, KeyError> {
        let secret: [u8; KEY_LEN] = secret.try_into().map_err(|_| KeyError::NotX25519)?;
        let private = agreement::PrivateKey::from_private_key(&agreement::X25519, &secret);
        let public = private.and_then(|key| key.compute_public_key().map_err(Into::into));
        let public = public.map_err(|_| KeyError::NotX25519)?;
        let public = public.as_ref().try_into().map_err(|_| KeyError::NotX25519)?;
        Ok(Self { secret, public: SealingPublic::from_bytes(public) })
    }

    /// Reads a PEM text `PRIVATE KEY` (RFC 8410).
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        let der = PrivatePkcs8KeyDer::from_pem_slice(text.as_bytes()).map_err(|_| KeyError::NotPem)?;
        Self::from_bytes(der.secret_pkcs8_der().strip_prefix(&PKCS8_X25519).ok_or(KeyError::NotX25519)?)
    }

    /// Writes the PEM text `PRIVATE KEY`, for a file that only the node may read.
    pub fn to_pem(&self) -> Zeroizing<String> {
        let der = Zeroizing::new([&PKCS8_X25519[..], &self.secret].concat());
        Zeroizing::new(pem::encode("PRIVATE KEY", &der))
    }

    /// The public key.
    pub fn public(&self) -> SealingPublic {
        self.public
    }

    /// Names the key.
    pub fn key_id(&self) -> KeyId {
        self.public.key_id()
    }
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealingKey({})", self.key_id())
    }
}

/// Why something does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// Sealed to a key that is not held here.
    #[error("sealed to key {0}, which this room does not hold: ask the origin to send it again")]
    OtherKey(KeyId),
    /// Changed on the way, or never meant for this place.
    #[error("does not open: the bytes were changed, or belong to another envelope or recipient")]
    DoesNotOpen,
    /// The recipient's public key is no good.
    #[error("the recipient's sealing key {0} is not usable: it must publish a new one")]
    BadPublicKey(KeyId),
}

/// The key of one envelope's body.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct ContentKey([u8; KEY_LEN]);

impl ContentKey {
    /// Draws a key; one for each envelope.
    pub fn random() -> Self {
        Self(random())
    }

    /// The key, encrypted for this node's disk; the context is bound and must be given again.
    pub fn protect(&self, under: &StorageKey, context: &[u8]) -> Vec<u8> {
        under.protect(context, &self.0)
    }

    /// The key that [`Self::protect`] encrypted in the same context.
    pub fn reveal(under: &StorageKey, context: &[u8], protected: &[u8]) -> Result<Self, SealError> {
        let opened = Zeroizing::new(under.reveal(context, protected)?);
        Ok(Self(opened.as_slice().try_into().map_err(|_| SealError::DoesNotOpen)?))
    }
}

impl fmt::Debug for ContentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ContentKey")
    }
}

/// Encrypts a body: nonce of 12 bytes, ciphertext, tag of 16. `aad` is the SHA-256 of the route.
pub fn seal_body(key: &ContentKey, aad: &[u8; 32], plaintext: &[u8]) -> Vec<u8> {
    seal(&AES_256_GCM, &key.0, aad, plaintext)
}

/// Decrypts what [`seal_body`] encrypted.
pub fn open_body(key: &ContentKey, aad: &[u8; 32], sealed: &[u8]) -> Result<Vec<u8>, SealError> {
    open(&AES_256_GCM, &key.0, aad, sealed)
}

/// A content key that only one recipient can unwrap.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WrappedKey {
    /// HPKE's encapsulated secret, 32 bytes.
    #[serde(with = "serde_bytes")]
    pub enc: Vec<u8>,
    /// The recipient's sealing key.
    pub key_id: KeyId,
    /// The encrypted content key, 48 bytes.
    #[serde(with = "serde_bytes")]
    pub ciphertext: Vec<u8>,
}

/// Wraps a content key for one recipient of the envelope whose route has this digest.
pub fn wrap(
    key: &ContentKey,
    recipient: RoomId,
    public: &SealingPublic,
    route_digest: &[u8; 32],
) -> Result<WrappedKey, SealError> {
    let key_id = public.key_id();
    let to = HpkePublicKey(public.as_bytes().to_vec());
    let info = wrap_info(route_digest, recipient, &key_id);
    let (enc, ciphertext) =
        HPKE.seal(&info, b"", &key.0, &to).map_err(|_| SealError::BadPublicKey(key_id))?;
    Ok(WrappedKey { enc: enc.0, key_id, ciphertext })
}

/// Unwraps a content key that was wrapped for this recipient, key and route.
pub fn unwrap(
    wrapped: &WrappedKey,
    recipient: RoomId,
    key: &SealingKey,
    route_digest: &[u8; 32],
) -> Result<ContentKey, SealError> {
    if wrapped.key_id != key.key_id() {
        return Err(SealError::OtherKey(wrapped.key_id));
    }
    let info = wrap_info(route_digest, recipient, &wrapped.key_id);
    let secret = HpkePrivateKey::from(key.secret.to_vec());
    let opened = HPKE
        .open(&EncapsulatedSecret(wrapped.enc.clone()), &info, b"", &wrapped.ciphertext, &secret)
        .map_err(|_| SealError::DoesNotOpen)?;
    let opened = Zeroizing::new(opened);
    Ok(ContentKey(opened.as_slice().try_into().map_err(|_| SealError::DoesNotOpen)?))
}

fn wrap_info(route_digest: &[u8; 32], recipient: RoomId, key: &KeyId) -> Vec<u8> {
    [&route_digest[..], recipient.as_bytes(), key.as_bytes()].concat()
}

/// The key under which a node keeps opened bodies on its disk. AES-256-GCM-SIV (RFC 8452), because one key
/// protects more rows over the years than random nonces of plain GCM are good for.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct StorageKey([u8; KEY_LEN]);

impl StorageKey {
    /// Draws a new key.
    pub fn generate() -> Self {
        Self(random())
    }

    /// Reads the 32 raw bytes of a key file.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// The raw bytes, for a file that only the node may read.
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(self.0.to_vec())
    }

    /// Encrypts. The context (table and row, for instance) is bound and must be given again.
    pub fn protect(&self, context: &[u8], bytes: &[u8]) -> Vec<u8> {
        seal(&AES_256_GCM_SIV, &self.0, context, bytes)
    }

    /// Decrypts what [`Self::protect`] encrypted in the same context.
    pub fn reveal(&self, context: &[u8], protected: &[u8]) -> Result<Vec<u8>, SealError> {
        open(&AES_256_GCM_SIV, &self.0, context, protected)
    }
}

impl fmt::Debug for StorageKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StorageKey")
    }
}

/// Encrypts under a random nonce, which goes in front.
pub(crate) fn seal(algorithm: &'static Algorithm, key: &[u8], aad: &[u8], plaintext: &[u8]) -> Vec<u8> {
    let nonce: [u8; NONCE_LEN] = random();
    let mut out = Vec::with_capacity(NONCE_LEN + plaintext.len() + algorithm.tag_len());
    out.extend_from_slice(&nonce);
    let mut body = Vec::with_capacity(plaintext.len() + algorithm.tag_len());
    body.extend_from_slice(plaintext);
    less_safe_key(algorithm, key)
        .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(aad), &mut body)
        .expect("a plaintext in memory is within the limit of the cipher");
    out.append(&mut body);
    out
}

/// Decrypts what [`seal`] encrypted.
pub(crate) fn open(
    algorithm: &'static Algorithm,
    key: &[u8],
    aad: &[u8],
    sealed: &[u8],
) -> Result<Vec<u8>, SealError> {
    let (nonce, body) = sealed.split_first_chunk::<NONCE_LEN>().ok_or(SealError::DoesNotOpen)?;
    let mut body = body.to_vec();
    let plaintext = less_safe_key(algorithm, key)
        .open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(aad), &mut body)
        .map_err(|_| SealError::DoesNotOpen)?;
    let length = plaintext.len();
    body.truncate(length);
    Ok(body)
}

fn less_safe_key(algorithm: &'static Algorithm, key: &[u8]) -> LessSafeKey {
    LessSafeKey::new(UnboundKey::new(algorithm, key).expect("the key has the length of the cipher"))
}

/// Random bytes from the cryptographic library's generator.
pub(crate) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    aws_lc_rs::rand::fill(&mut bytes).expect("the system has randomness");
    bytes
}

const KEY_LEN: usize = 32;

/// What stands before the 32 raw bytes in the PKCS#8 of an X25519 key (RFC 8410 section 7).
const PKCS8_X25519: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x6e, 0x04, 0x22, 0x04, 0x20];

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: RoomId = RoomId::from_bytes([1; 16]);
    const THERE: RoomId = RoomId::from_bytes([2; 16]);
    const ROUTE: [u8; 32] = [9; 32];

    #[test]
    fn a_recipient_opens_what_was_sealed_to_it() {
        let (recipient, content) = (SealingKey::generate(), ContentKey::random());
        let body = seal_body(&content, &ROUTE, "突发事件".as_bytes());
        let wrapped = wrap(&content, HERE, &recipient.public(), &ROUTE).unwrap();
        let key = unwrap(&wrapped, HERE, &recipient, &ROUTE).unwrap();
        assert_eq!(open_body(&key, &ROUTE, &body).unwrap(), "突发事件".as_bytes());
        assert_eq!((wrapped.enc.len(), wrapped.ciphertext.len()), (32, 48));
    }

    #[test]
    fn a_wrapped_key_is_good_for_its_recipient_key_and_route_only() {
        let (recipient, content) = (SealingKey::generate(), ContentKey::random());
        let wrapped = wrap(&content, HERE, &recipient.public(), &ROUTE).unwrap();
        let stranger = SealingKey::generate();
        let error = |result: Result<ContentKey, SealError>| result.expect_err("must not open");
        assert_eq!(error(unwrap(&wrapped, HERE, &stranger, &ROUTE)), SealError::OtherKey(recipient.key_id()));
        assert_eq!(error(unwrap(&wrapped, THERE, &recipient, &ROUTE)), SealError::DoesNotOpen);
        assert_eq!(error(unwrap(&wrapped, HERE, &recipient, &[8; 32])), SealError::DoesNotOpen);
        let claimed = WrappedKey { key_id: stranger.key_id(), ..wrapped };
        assert_eq!(error(unwrap(&claimed, HERE, &stranger, &ROUTE)), SealError::DoesNotOpen);
    }

    #[test]
    fn a_changed_body_and_another_route_do_not_open() {
        let content = ContentKey::random();
        let body = seal_body(&content, &ROUTE, b"text");
        for at in 0..body.len() {
            let mut spoilt = body.clone();
            spoilt[at] ^= 1;
            assert_eq!(open_body(&content, &ROUTE, &spoilt), Err(SealError::DoesNotOpen));
            assert_eq!(open_body(&content, &ROUTE, &body[..at]), Err(SealError::DoesNotOpen));
        }
        assert_eq!(open_body(&content, &[8; 32], &body), Err(SealError::DoesNotOpen));
        assert_ne!(seal_body(&content, &ROUTE, b"text"), body, "no nonce is used twice");
    }

    #[test]
    fn a_sealing_key_reads_back_from_its_pem() {
        let key = SealingKey::generate();
        assert_eq!(SealingKey::from_pem(&key.to_pem()).unwrap().public(), key.public());
        let signing = crate::signature::SigningKey::generate();
        assert_eq!(SealingKey::from_pem(&signing.to_pem()).unwrap_err(), KeyError::NotX25519);
    }

    #[test]
    fn what_is_stored_opens_in_its_own_context_only() {
        let key = StorageKey::from_bytes(&StorageKey::generate().to_bytes()).unwrap();
        let row = key.protect(b"body 1", b"text");
        assert_eq!(key.reveal(b"body 1", &row), Ok(b"text".to_vec()));
        assert_eq!(key.reveal(b"body 2", &row), Err(SealError::DoesNotOpen));
        assert_eq!(StorageKey::generate().reveal(b"body 1", &row), Err(SealError::DoesNotOpen));
        assert!(StorageKey::from_bytes(&[1; 31]).is_none());
    }

    #[test]
    fn an_unusable_public_key_is_an_error_and_no_panic() {
        let zero = SealingPublic::from_bytes([0; 32]);
        let error = wrap(&ContentKey::random(), HERE, &zero, &ROUTE).expect_err("a key of low order");
        assert_eq!(error, SealError::BadPublicKey(zero.key_id()));
    }
}
