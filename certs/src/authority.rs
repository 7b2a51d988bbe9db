//! The authority (权威机构) of a network: one root certificate, made once, its key kept off-line. And the
//! issuers: the authority itself and every hub for the rooms directly below it.
//!
//! A hub's issuing certificate carries a critical name constraint with the hub's own DNS name, so that the
//! standard validator refuses whatever it issues outside its subtree. An issuer refuses to write such a
//! certificate in the first place, copies nothing from a request but the key, and asks for proof that
//! the requester has it.
//!
//! *Against:* a hub that speaks for another subtree, a request that smuggles in names or powers, a public key
//! claimed by somebody who does not have it, guessed serial numbers.

mod issuer;
mod profile;

use rustls::pki_types::CertificateDer;
use topology::RoomId;
use zeroize::Zeroizing;

pub use self::issuer::{Issued, Issuer};
use crate::{
    certificate::{CertificateError, CertificateFacts, certificates_from_pem, certificates_to_pem},
    identity::IssuingKey,
    signature::{KeyError, PublicKey, Signer},
};

/// From when to when a certificate is valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    /// Start, milliseconds since 1970 UTC.
    pub not_before_ms: i64,
    /// End, milliseconds since 1970 UTC.
    pub not_after_ms: i64,
}

impl Validity {
    /// A whole number of days from now; valid at once for those whose clock is [`CLOCK_ALLOWANCE_MS`] behind.
    pub const fn days(now_ms: i64, days: u32) -> Self {
        Self {
            not_before_ms: now_ms.saturating_sub(CLOCK_ALLOWANCE_MS),
            not_after_ms: now_ms.saturating_add(days as i64 * DAY_MS),
        }
    }
}

/// The authority of a network.
#[derive(Debug)]
pub struct Authority {
    network: String,
    issuer: Issuer,
}

impl Authority {
    /// Makes a new authority with its root certificate, valid for [`ROOT_DAYS`].
    pub fn create(network: &str, now_ms: i64) -> Result<Self, IssueError> {
        let key = IssuingKey::generate();
        let params = profile::root(network, Validity::days(now_ms, ROOT_DAYS))?;
        let root = params.self_signed(key.signing_key()).map_err(IssueError::encoding)?;
        Self::new(key, root.der().clone())
    }

    /// Reads an authority from its key and its root certificate.
    pub fn from_pem(key: &str, certificate: &str) -> Result<Self, IssueError> {
        let root = certificates_from_pem(certificate)?.into_iter().next();
        Self::new(IssuingKey::from_pem(key)?, root.ok_or(CertificateError::NotPem)?)
    }

    fn new(key: IssuingKey, root: CertificateDer<'static>) -> Result<Self, IssueError> {
        let network = network_of(&root)?;
        let domain = profile::network_domain(&network);
        Ok(Self { issuer: Issuer::new(key, root, Vec::new(), domain, &network)?, network })
    }

    /// The network.
    pub fn network(&self) -> &str {
        &self.network
    }

    /// The root certificate: the trust anchor of the network.
    pub fn root(&self) -> &CertificateDer<'static> {
        self.issuer.certificate()
    }

    /// Issues for the root hub.
    pub fn issuer(&self) -> &Issuer {
        &self.issuer
    }

    /// Signs plans and the authority's own sheet.
    pub fn signer(&self) -> &dyn Signer {
        self.issuer.signer()
    }

    /// The key's PEM text, for a file that is kept off-line.
    pub fn key_pem(&self) -> Zeroizing<String> {
        self.issuer.key_pem()
    }

    /// The root certificate's PEM text, for everybody.
    pub fn root_pem(&self) -> String {
        certificates_to_pem([self.root()])
    }
}

/// The network that a root certificate is for.
pub fn network_of(root: &CertificateDer<'_>) -> Result<String, IssueError> {
    let facts = CertificateFacts::read(root)?;
    let domain = facts.permitted_dns.as_deref().unwrap_or_default();
    let network = domain.strip_suffix(INTERNAL).and_then(|rest| rest.strip_suffix('.'));
    network.filter(|_| facts.is_authority).map(str::to_owned).ok_or(IssueError::NotAnIssuer)
}

/// The public key of a root certificate, which verifies plans.
pub fn root_public_key(root: &CertificateDer<'_>) -> Result<PublicKey, IssueError> {
    Ok(CertificateFacts::read(root)?.public_key()?)
}

/// The DNS name under which a hub signs sheets, or the authority with its network's domain.
pub fn sheet_dns(domain: &str) -> String {
    format!("{SHEETS}.{domain}")
}

/// The domain of a network.
pub fn network_domain(network: &str) -> String {
    profile::network_domain(network)
}

/// Why a certificate or list is not issued.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IssueError {
    /// The name is not directly below the issuer.
    #[error("{dns} is not a room directly below {domain}: its parent on the map must issue it")]
    NotBelow {
        /// The name asked for.
        dns: String,
        /// What the issuer may issue for.
        domain: String,
    },
    /// The request does not read, or is not signed by the key that it names.
    #[error("the certificate request is not usable: {0}; the room must make a new one")]
    Request(&'static str),
    /// The validator would follow no further.
    #[error("a hub below {HUBS_IN_A_CHAIN_MAX} others cannot issue: no validator follows a longer chain")]
    TooDeep,
    /// The certificate is not one that may issue.
    #[error("the certificate is not one that may issue for a subtree of the network")]
    NotAnIssuer,
    /// The certificate belongs to another key.
    #[error("the key and the certificate do not belong together: restore both from one backup")]
    KeyMismatch,
    /// The validity is reversed or outside what a certificate can express.
    #[error("the validity of the certificate is reversed")]
    Validity,
    /// A certificate does not read.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// A key does not read.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The certificate library refuses.
    #[error("the certificate cannot be written: {0}")]
    Encoding(String),
}

impl IssueError {
    #[expect(clippy::needless_pass_by_value, reason = "it is the argument of map_err")]
    pub(crate) fn encoding(error: rcgen::Error) -> Self {
        Self::Encoding(error.to_string())
    }
}

/// Checks that a DNS name is a room directly below a domain and gives the room.
pub(crate) fn room_below(dns: &str, domain: &str) -> Result<RoomId, IssueError> {
    let label = dns.strip_suffix(domain).and_then(|rest| rest.strip_suffix('.'));
    let room: Option<RoomId> = label.and_then(|label| label.parse().ok());
    let refused = || IssueError::NotBelow { dns: dns.to_owned(), domain: domain.to_owned() };
    room.filter(|room| label == Some(room.to_string().as_str())).ok_or_else(refused)
}

/// Days of validity of a root certificate: twenty years.
pub const ROOT_DAYS: u32 = 20 * 365 + 5;
/// Days of validity of an issuing certificate: ten years.
pub const ISSUING_DAYS: u32 = 10 * 365 + 2;
/// Days of validity of a TLS certificate, unless configured otherwise.
pub const TLS_DAYS: u32 = 30;
/// How far behind a clock may be and still find a new certificate valid.
pub const CLOCK_ALLOWANCE_MS: i64 = 10 * 60 * 1000;
/// Hubs in one chain: the standard validator (rustls-webpki) follows no more intermediate certificates.
pub const HUBS_IN_A_CHAIN_MAX: usize = 6;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;
const INTERNAL: &str = "internal";
const SHEETS: &str = "sheets";

#[cfg(test)]
mod tests;
