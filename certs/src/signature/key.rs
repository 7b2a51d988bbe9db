//! Ed25519 keys: the private one that signs, the public one that verifies.

use std::fmt;

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, ParsedPublicKey};
use rustls::pki_types::{PrivatePkcs8KeyDer, pem::PemObject};
use zeroize::Zeroizing;

use super::{KeyId, SignatureError, Signer, Suite};
use crate::pem;

/// A private Ed25519 key.
pub struct SigningKey {
    pair: Ed25519KeyPair,
    /// The PKCS#8 document that the pair was made from.
    pkcs8: Zeroizing<Vec<u8>>,
    key_id: KeyId,
}

impl SigningKey {
    /// Draws a new key.
    pub fn generate() -> Self {
        let rng = aws_lc_rs::rand::SystemRandom::new();
        let document = Ed25519KeyPair::generate_pkcs8v1(&rng).expect("the system has randomness");
        Self::from_pkcs8(document.as_ref()).expect("a key that was just made reads back")
    }

    /// Reads PKCS#8 DER (RFC 8410).
    pub fn from_pkcs8(der: &[u8]) -> Result<Self, KeyError> {
        let pair = Ed25519KeyPair::from_pkcs8(der).map_err(|_| KeyError::NotEd25519)?;
        let key_id = KeyId::of(pair.public_key().as_ref());
        Ok(Self { pair, pkcs8: Zeroizing::new(der.to_vec()), key_id })
    }

    /// Reads a PEM text `PRIVATE KEY`.
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        let der = PrivatePkcs8KeyDer::from_pem_slice(text.as_bytes()).map_err(|_| KeyError::NotPem)?;
        Self::from_pkcs8(der.secret_pkcs8_der())
    }

    /// Writes the PEM text `PRIVATE KEY`, for a file that only the node may read.
    pub fn to_pem(&self) -> Zeroizing<String> {
        Zeroizing::new(pem::encode("PRIVATE KEY", &self.pkcs8))
    }

    /// The PKCS#8 DER.
    pub(crate) fn pkcs8(&self) -> &[u8] {
        &self.pkcs8
    }

    /// The raw public key, 32 bytes.
    pub fn public_bytes(&self) -> &[u8] {
        self.pair.public_key().as_ref()
    }

    /// The public key.
    pub fn public(&self) -> PublicKey {
        PublicKey::from_bytes(Suite::Ed25519, self.public_bytes()).expect("a key pair has a good public key")
    }
}

impl Signer for SigningKey {
    fn suite(&self) -> Suite {
        Suite::Ed25519
    }

    fn key_id(&self) -> KeyId {
        self.key_id
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.pair.sign(message).as_ref().to_vec()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.key_id)
    }
}

/// A public key that verifies. It is parsed once, so that each verification costs no more than itself.
#[derive(Clone)]
pub struct PublicKey {
    suite: Suite,
    key_id: KeyId,
    parsed: ParsedPublicKey,
    raw: Vec<u8>,
}

impl PublicKey {
    /// Parses a raw public key of a suite. One of small order is none: a signature can be made that fits every message, so
    /// whoever has announced it could deny what it signed.
    pub fn from_bytes(suite: Suite, raw: &[u8]) -> Result<Self, KeyError> {
        if suite != Suite::Ed25519 || raw.len() != ED25519_PUBLIC_LEN {
            return Err(KeyError::NotEd25519);
        }
        let mut y = [0; ED25519_PUBLIC_LEN];
        y.copy_from_slice(raw);
        y[ED25519_PUBLIC_LEN - 1] &= 0x7f; // The sign of x.
        if SMALL_ORDER.contains(&y) {
            return Err(KeyError::SmallOrder);
        }
        let parsed = ParsedPublicKey::new(&ED25519, raw).map_err(|_| KeyError::NotEd25519)?;
        Ok(Self { suite, key_id: KeyId::of(raw), parsed, raw: raw.to_vec() })
    }

    /// Its algorithm.
    pub fn suite(&self) -> Suite {
        self.suite
    }

    /// Its id.
    pub fn key_id(&self) -> KeyId {
        self.key_id
    }

    /// Its raw bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.raw
    }

    /// Verifies a signature over a message.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), SignatureError> {
        self.parsed.verify_sig(message, signature).map_err(|_| SignatureError::Invalid(self.key_id))
    }
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.suite == other.suite && self.raw == other.raw
    }
}

impl Eq for PublicKey {}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", self.key_id)
    }
}

/// Why bytes are no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not PEM text.
    #[error("not a PEM text with a PRIVATE KEY in it: restore the file from its backup")]
    NotPem,
    /// Not an Ed25519 key.
    #[error("not an Ed25519 key: restore the file from its backup, or enrol again")]
    NotEd25519,
    /// One signature fits all messages.
    #[error("not a key that binds its owner (small order): enrol again with a new one")]
    SmallOrder,
    /// Not an X25519 key.
    #[error("not an X25519 key: restore the file from its backup, or enrol again")]
    NotX25519,
}

const ED25519_PUBLIC_LEN: usize = 32;
/// The y coordinates of the eight points of small order, and those that are written beyond the modulus, least significant
/// byte first: the list that libsodium refuses (`ge25519_has_small_order`). Our library verifies by RFC 8032, which does not.
const SMALL_ORDER: [[u8; ED25519_PUBLIC_LEN]; 7] = [
    with_ends(0, 0, 0),
    with_ends(0x01, 0, 0),
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5,
        0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
    ],
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a,
        0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
    ],
    with_ends(0xec, 0xff, 0x7f),
    with_ends(0xed, 0xff, 0x7f),
    with_ends(0xee, 0xff, 0x7f),
];

const fn with_ends(first: u8, middle: u8, last: u8) -> [u8; ED25519_PUBLIC_LEN] {
    let mut bytes = [middle; ED25519_PUBLIC_LEN];
    bytes[0] = first;
    bytes[ED25519_PUBLIC_LEN - 1] = last;
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_reads_back_from_its_pem_and_verifies_what_the_first_one_signed() {
        let key = SigningKey::generate();
        let again = SigningKey::from_pem(&key.to_pem()).unwrap();
        assert_eq!(again.key_id(), key.key_id());
        assert_eq!(again.public().verify(b"text", &key.sign(b"text")), Ok(()));
        assert!(again.public().verify(b"texT", &key.sign(b"text")).is_err());
    }

    #[test]
    fn what_is_no_key_is_refused() {
        assert_eq!(SigningKey::from_pem("hello").unwrap_err(), KeyError::NotPem);
        assert_eq!(SigningKey::from_pkcs8(&[0x30, 0]).unwrap_err(), KeyError::NotEd25519);
        assert_eq!(PublicKey::from_bytes(Suite::Ed25519, &[1; 31]).unwrap_err(), KeyError::NotEd25519);
        assert_eq!(PublicKey::from_bytes(Suite::Simulation, &[1; 32]).unwrap_err(), KeyError::NotEd25519);
    }

    #[test]
    fn a_private_key_does_not_show_itself() {
        let key = SigningKey::generate();
        assert_eq!(format!("{key:?}"), format!("SigningKey({})", key.key_id()));
    }
}
