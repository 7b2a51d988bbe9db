//! The keys of one room: for TLS, for signing, for sealing, and, at a hub, for issuing certificates.
//!
//! Each is a key of its own, so that one can be renewed or lost without the others. They are written as
//! PKCS#8 PEM text; the files, and who may read them, are the node's.

use std::fmt;

use rcgen::{CertificateParams, DistinguishedName};
use rustls::pki_types::PrivatePkcs8KeyDer;
use zeroize::Zeroizing;

use crate::{
    seal::{SealingKey, SealingPublic},
    signature::{KeyError, KeyId, PublicKey, Signer, SigningKey, Suite},
};

/// Declares a private Ed25519 key for one purpose.
macro_rules! key_for_purpose {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        pub struct $name(SigningKey);

        impl $name {
            /// Draws a new key.
            pub fn generate() -> Self {
                Self(SigningKey::generate())
            }

            /// Reads a PEM text `PRIVATE KEY`.
            pub fn from_pem(text: &str) -> Result<Self, KeyError> {
                SigningKey::from_pem(text).map(Self)
            }

            /// Writes the PEM text `PRIVATE KEY`, for a file that only the node may read.
            pub fn to_pem(&self) -> Zeroizing<String> {
                self.0.to_pem()
            }

            /// The public key.
            pub fn public(&self) -> PublicKey {
                self.0.public()
            }

            /// A certificate signing request (PKCS#10, RFC 2986) that proves possession of the key and
            /// asks for nothing: what the certificate says is decided by its issuer.
            pub fn request(&self) -> Vec<u8> {
                let mut params = CertificateParams::default();
                params.distinguished_name = DistinguishedName::new();
                let request = params.serialize_request(&self.0).expect("an empty request with a good key");
                request.der().to_vec()
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0.key_id())
            }
        }
    };
}

key_for_purpose!(
    /// The key of a room's TLS certificate.
    TlsKey
);

key_for_purpose!(
    /// The key with which the authority or a hub issues certificates and signs sheets.
    IssuingKey
);

impl TlsKey {
    /// The PKCS#8 DER for the TLS library.
    pub(crate) fn private_der(&self) -> PrivatePkcs8KeyDer<'static> {
        PrivatePkcs8KeyDer::from(self.0.pkcs8().to_vec())
    }
}

impl IssuingKey {
    /// The key, for the certificate library.
    pub(crate) fn signing_key(&self) -> &SigningKey {
        &self.0
    }
}

/// An issuing key signs sheets, and the authority's signs plans.
impl Signer for IssuingKey {
    fn suite(&self) -> Suite {
        self.0.suite()
    }

    fn key_id(&self) -> KeyId {
        self.0.key_id()
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        Signer::sign(&self.0, message)
    }
}

impl rcgen::PublicKeyData for SigningKey {
    fn der_bytes(&self) -> &[u8] {
        self.public_bytes()
    }

    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        &rcgen::PKCS_ED25519
    }
}

impl rcgen::SigningKey for SigningKey {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        Ok(Signer::sign(self, message))
    }
}

/// All private keys of a room. Every room has an issuing key; only a hub gets a certificate for it.
#[derive(Debug)]
pub struct RoomKeys {
    /// For TLS.
    pub tls: TlsKey,
    /// For what the room says.
    pub signing: SigningKey,
    /// For what the room may read.
    pub sealing: SealingKey,
    /// For what the room issues as a hub.
    pub issuing: IssuingKey,
}

impl RoomKeys {
    /// Draws all keys.
    pub fn generate() -> Self {
        Self {
            tls: TlsKey::generate(),
            signing: SigningKey::generate(),
            sealing: SealingKey::generate(),
            issuing: IssuingKey::generate(),
        }
    }

    /// The public keys that a sheet publishes.
    pub fn public(&self) -> PublicKeys {
        PublicKeys { signing: self.signing.public(), sealing: self.sealing.public() }
    }
}

/// The public keys of a room that others verify with and seal to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKeys {
    /// Verifies what the room says.
    pub signing: PublicKey,
    /// Seals what the room may read.
    pub sealing: SealingPublic,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_reads_back_from_its_pem() {
        let keys = RoomKeys::generate();
        assert_eq!(TlsKey::from_pem(&keys.tls.to_pem()).unwrap().public(), keys.tls.public());
        assert_eq!(IssuingKey::from_pem(&keys.issuing.to_pem()).unwrap().public(), keys.issuing.public());
        assert_ne!(keys.tls.public(), keys.issuing.public());
    }

    #[test]
    fn a_request_proves_possession_and_asks_for_nothing() {
        let key = TlsKey::generate();
        let der = key.request();
        let read = rcgen::CertificateSigningRequestParams::from_der(&der.as_slice().into()).unwrap();
        assert_eq!(rcgen::PublicKeyData::der_bytes(&read.public_key), key.public().as_bytes());
        assert!(read.params.subject_alt_names.is_empty());
        let mut spoilt = der.clone();
        *spoilt.last_mut().unwrap() ^= 1;
        assert!(rcgen::CertificateSigningRequestParams::from_der(&spoilt.as_slice().into()).is_err());
    }
}
