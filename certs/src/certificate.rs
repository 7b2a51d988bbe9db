//! What stands in a certificate: for display, and for comparison with the plan. Reading decides nothing;
//! whether a chain is good is for the standard validator.

use std::fmt;

pub use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use x509_parser::{
    extensions::{GeneralName, ParsedExtension},
    prelude::{FromDer, X509Certificate},
};

use crate::{
    bytes::hex,
    digest::{Digest, digest},
    pem,
    signature::{PublicKey, Suite},
};

/// The serial number of a certificate: its big-endian bytes without leading zeros, at most 20
/// (RFC 5280 section 4.1.2.2).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Serial(Vec<u8>);

impl Serial {
    /// From big-endian bytes. `None` for zero and for more than 20 bytes.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let start = bytes.iter().position(|byte| *byte != 0)?;
        let significant = bytes.get(start..)?;
        (significant.len() <= SERIAL_BYTES_MAX).then(|| Self(significant.to_vec()))
    }

    /// Draws one: 127 random bits, positive, of constant length.
    pub fn random() -> Self {
        let mut bytes: [u8; 16] = crate::seal::random();
        bytes[0] = bytes[0] & 0x7f | 0x40;
        Self(bytes.to_vec())
    }

    /// The bytes, most significant first.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl fmt::Debug for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::str::FromStr for Serial {
    type Err = CertificateError;

    fn from_str(text: &str) -> Result<Self, CertificateError> {
        let bytes = data_encoding::HEXLOWER.decode(text.to_ascii_lowercase().as_bytes());
        bytes.ok().and_then(|bytes| Self::from_bytes(&bytes)).ok_or(CertificateError::Serial)
    }
}

impl Serialize for Serial {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            serializer.serialize_bytes(&self.0)
        }
    }
}

impl<'de> Deserialize<'de> for Serial {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            return String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom);
        }
        let bytes = serde_bytes::ByteBuf::deserialize(deserializer)?;
        match Self::from_bytes(&bytes) {
            Some(serial) if serial.0 == *bytes => Ok(serial),
            _ => Err(serde::de::Error::custom(CertificateError::Serial)),
        }
    }
}

/// What stands in a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateFacts {
    /// Its serial number.
    pub serial: Serial,
    /// The subject's common name.
    pub common_name: String,
    /// The subject, as encoded.
    pub subject: Vec<u8>,
    /// The issuer's name, as encoded.
    pub issuer: Vec<u8>,
    /// Start of validity, milliseconds since 1970 UTC.
    pub not_before_ms: i64,
    /// End of validity, milliseconds since 1970 UTC.
    pub not_after_ms: i64,
    /// The one DNS name, if the alternative names are exactly one DNS name.
    pub dns_name: Option<String>,
    /// Whether it may issue.
    pub is_authority: bool,
    /// Whether its key is for signatures in a handshake, and not for signing certificates (RFC 8446 section 4.4.2.2). The
    /// path validation of the library does not look at this.
    pub is_for_handshakes: bool,
    /// The one DNS subtree that it may issue for, if its constraints are exactly that.
    pub permitted_dns: Option<String>,
    /// The raw public key.
    pub public: Vec<u8>,
    /// SHA-256 over the certificate: its fingerprint.
    pub fingerprint: Digest,
}

impl CertificateFacts {
    /// Reads a certificate.
    pub fn read(der: &[u8]) -> Result<Self, CertificateError> {
        if der.len() > CERTIFICATE_BYTES_MAX {
            return Err(CertificateError::TooLarge);
        }
        let (rest, x509) = X509Certificate::from_der(der).map_err(|_| CertificateError::Unreadable)?;
        if !rest.is_empty() {
            return Err(CertificateError::Unreadable);
        }
        let common_name = x509.subject().iter_common_name().next().and_then(|name| name.as_str().ok());
        Ok(Self {
            serial: Serial::from_bytes(x509.raw_serial()).ok_or(CertificateError::Serial)?,
            common_name: common_name.unwrap_or_default().to_owned(),
            subject: x509.subject().as_raw().to_vec(),
            issuer: x509.issuer().as_raw().to_vec(),
            not_before_ms: x509.validity().not_before.timestamp().saturating_mul(1000),
            not_after_ms: x509.validity().not_after.timestamp().saturating_mul(1000),
            dns_name: only_dns_name(&x509),
            is_authority: x509.is_ca(),
            is_for_handshakes: is_for_handshakes(&x509),
            permitted_dns: only_permitted_dns(&x509),
            public: x509.public_key().subject_public_key.data.to_vec(),
            fingerprint: digest(der),
        })
    }

    /// The public key, where it is Ed25519.
    pub fn public_key(&self) -> Result<PublicKey, CertificateError> {
        PublicKey::from_bytes(Suite::Ed25519, &self.public).map_err(|_| CertificateError::OtherKey)
    }
}

fn is_for_handshakes(x509: &X509Certificate<'_>) -> bool {
    let usage = x509.key_usage().ok().flatten();
    usage.is_some_and(|usage| usage.value.digital_signature() && !usage.value.key_cert_sign())
}

fn only_dns_name(x509: &X509Certificate<'_>) -> Option<String> {
    let names = x509.subject_alternative_name().ok()??;
    match names.value.general_names.as_slice() {
        [GeneralName::DNSName(name)] => Some((*name).to_owned()),
        _ => None,
    }
}

fn only_permitted_dns(x509: &X509Certificate<'_>) -> Option<String> {
    let extension = x509.extensions().iter().find(|extension| {
        extension.critical && matches!(extension.parsed_extension(), ParsedExtension::NameConstraints(_))
    })?;
    let ParsedExtension::NameConstraints(constraints) = extension.parsed_extension() else { return None };
    if constraints.excluded_subtrees.is_some() {
        return None;
    }
    let [subtree] = constraints.permitted_subtrees.as_deref()? else { return None };
    let GeneralName::DNSName(name) = &subtree.base else { return None };
    Some((*name).to_owned())
}

/// Writes certificates as PEM text, one after the other.
pub fn certificates_to_pem<'a>(chain: impl IntoIterator<Item = &'a CertificateDer<'static>>) -> String {
    chain.into_iter().map(|der| pem::encode("CERTIFICATE", der)).collect()
}

/// Reads all certificates of a PEM text.
pub fn certificates_from_pem(text: &str) -> Result<Vec<CertificateDer<'static>>, CertificateError> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text.as_bytes()).collect();
    match chain {
        Ok(chain) if !chain.is_empty() => Ok(chain),
        Ok(_) | Err(_) => Err(CertificateError::NotPem),
    }
}

/// Why bytes are no certificate for us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// Over [`CERTIFICATE_BYTES_MAX`].
    #[error("the certificate is larger than {CERTIFICATE_BYTES_MAX} bytes")]
    TooLarge,
    /// Not a certificate.
    #[error("the bytes are not an X.509 certificate")]
    Unreadable,
    /// No PEM text.
    #[error("not a PEM text with a CERTIFICATE in it: restore the file from its backup")]
    NotPem,
    /// The serial number is not usable.
    #[error("the serial number is not 1 to 20 bytes, written in hexadecimal")]
    Serial,
    /// Not an Ed25519 key.
    #[error("the certificate's key is not Ed25519")]
    OtherKey,
}

/// The most bytes of one certificate; ours have 400 to 900.
pub const CERTIFICATE_BYTES_MAX: usize = 8 << 10;

const SERIAL_BYTES_MAX: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_serial_is_positive_and_of_constant_length() {
        for _ in 0..64 {
            let serial = Serial::random();
            assert_eq!(serial.as_bytes().len(), 16);
            assert!((0x40..0x80).contains(&serial.as_bytes()[0]));
            assert_eq!(serial.to_string().parse(), Ok(serial));
        }
        assert!(Serial::from_bytes(&[0, 0]).is_none());
        assert_eq!(Serial::from_bytes(&[0, 7]), Serial::from_bytes(&[7]));
        assert!(Serial::from_bytes(&[1; 21]).is_none());
    }

    #[test]
    fn what_is_no_certificate_is_an_error() {
        assert_eq!(CertificateFacts::read(&[]), Err(CertificateError::Unreadable));
        assert_eq!(CertificateFacts::read(&[0; 9000]), Err(CertificateError::TooLarge));
        assert_eq!(certificates_from_pem("hello"), Err(CertificateError::NotPem));
    }
}
