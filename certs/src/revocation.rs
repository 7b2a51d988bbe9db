//! Revocation: what an issuer takes back, and how a revocation list (CRL, RFC 5280 section 5) is read.
//!
//! The TLS library checks lists at each handshake. The lists are read here as well, so that links which are
//! already up can be closed when the certificate behind them is revoked.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use webpki::OwnedCertRevocationList;
use x509_parser::{prelude::FromDer, revocation_list::CertificateRevocationList};

pub use crate::certificate::Serial;
use crate::signature::PublicKey;

/// Why a certificate or key was taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RevocationReason {
    /// No reason given.
    Unspecified,
    /// Somebody else may have the key.
    KeyCompromise,
    /// Replaced by another.
    Superseded,
    /// The room, or the officer's duty, has ended.
    CessationOfOperation,
    /// No longer entitled.
    PrivilegeWithdrawn,
}

impl RevocationReason {
    pub(crate) fn code(self) -> rcgen::RevocationReason {
        match self {
            Self::Unspecified => rcgen::RevocationReason::Unspecified,
            Self::KeyCompromise => rcgen::RevocationReason::KeyCompromise,
            Self::Superseded => rcgen::RevocationReason::Superseded,
            Self::CessationOfOperation => rcgen::RevocationReason::CessationOfOperation,
            Self::PrivilegeWithdrawn => rcgen::RevocationReason::PrivilegeWithdrawn,
        }
    }
}

/// One entry of a revocation list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevokedSerial {
    /// The certificate.
    pub serial: Serial,
    /// When it was revoked, milliseconds since 1970 UTC.
    pub at_ms: i64,
    /// Why.
    pub reason: RevocationReason,
}

/// What a revocation list says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevocationList {
    /// The issuer's name, as encoded.
    pub issuer: Vec<u8>,
    /// When it was made, milliseconds since 1970 UTC.
    pub made_at_ms: i64,
    /// When it goes stale: an alarm, never a refusal.
    pub stale_at_ms: i64,
    /// The revoked certificates of this issuer.
    pub serials: BTreeSet<Serial>,
}

impl RevocationList {
    /// Reads a list that must be signed by this key and that the TLS library can read.
    pub fn verify(der: &[u8], issuer: &PublicKey) -> Result<Self, RevocationError> {
        if der.len() > CRL_BYTES_MAX {
            return Err(RevocationError::TooLarge);
        }
        let (rest, list) =
            CertificateRevocationList::from_der(der).map_err(|_| RevocationError::Unreadable)?;
        if !rest.is_empty() {
            return Err(RevocationError::Unreadable);
        }
        // One list that the TLS library cannot read would leave a node without any TLS configuration.
        OwnedCertRevocationList::from_der(der).map_err(|_| RevocationError::Unreadable)?;
        if list.signature_algorithm != list.tbs_cert_list.signature {
            return Err(RevocationError::Unreadable);
        }
        issuer
            .verify(list.tbs_cert_list.as_ref(), &list.signature_value.data)
            .map_err(|_| RevocationError::Signature)?;
        Self::of(&list)
    }

    fn of(list: &CertificateRevocationList<'_>) -> Result<Self, RevocationError> {
        let serials = list.iter_revoked_certificates().map(|entry| Serial::from_bytes(entry.raw_serial()));
        let next = list.next_update().ok_or(RevocationError::Unreadable)?;
        Ok(Self {
            issuer: list.issuer().as_raw().to_vec(),
            made_at_ms: list.last_update().timestamp().saturating_mul(1000),
            stale_at_ms: next.timestamp().saturating_mul(1000),
            serials: serials.collect::<Option<_>>().ok_or(RevocationError::Unreadable)?,
        })
    }
}

/// Why bytes are no revocation list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RevocationError {
    /// Over [`CRL_BYTES_MAX`].
    #[error("the revocation list is larger than {CRL_BYTES_MAX} bytes")]
    TooLarge,
    /// Not a list.
    #[error("the bytes are not an X.509 revocation list")]
    Unreadable,
    /// Signed by somebody else, or changed.
    #[error("the revocation list is not signed by its issuer")]
    Signature,
}

/// The most bytes of a list: room for about 20,000 entries.
pub const CRL_BYTES_MAX: usize = 1 << 20;
