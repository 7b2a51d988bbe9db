//! An issuer: the authority or a hub, with its key, its certificate and what stands above it.

use std::time::Duration;

use rcgen::{
    CertificateParams, CertificateRevocationListParams, CertificateSigningRequestParams, KeyIdMethod,
    PublicKeyData, RevokedCertParams, SerialNumber,
};
use rustls::pki_types::CertificateDer;
use zeroize::Zeroizing;

use super::{HUBS_IN_A_CHAIN_MAX, IssueError, Validity, profile, room_below};
use crate::{
    certificate::{CertificateFacts, Serial},
    identity::IssuingKey,
    revocation::RevokedSerial,
    signature::{PublicKey, Signer},
};

/// A certificate that was just issued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issued {
    /// The certificate.
    pub certificate: CertificateDer<'static>,
    /// Its serial number.
    pub serial: Serial,
    /// When it ends, milliseconds since 1970 UTC.
    pub not_after_ms: i64,
}

/// Issues certificates for the rooms directly below it.
#[derive(Debug)]
pub struct Issuer {
    key: IssuingKey,
    certificate: CertificateDer<'static>,
    /// The issuing certificates above, nearest first, without the root.
    above: Vec<CertificateDer<'static>>,
    /// The DNS name that the certificate is constrained to.
    domain: String,
    network: String,
}

impl Issuer {
    pub(super) fn new(
        key: IssuingKey,
        certificate: CertificateDer<'static>,
        above: Vec<CertificateDer<'static>>,
        domain: String,
        network: &str,
    ) -> Result<Self, IssueError> {
        let facts = CertificateFacts::read(&certificate)?;
        if !facts.is_authority || facts.permitted_dns.as_deref() != Some(domain.as_str()) {
            return Err(IssueError::NotAnIssuer);
        }
        if facts.public != key.public().as_bytes() {
            return Err(IssueError::KeyMismatch);
        }
        Ok(Self { key, certificate, above, domain, network: network.to_owned() })
    }

    /// The issuer of a hub, from its key and its issuing chain: its own certificate first, without the root.
    pub fn of_hub(key: IssuingKey, chain: &[CertificateDer<'static>]) -> Result<Self, IssueError> {
        let (own, above) = chain.split_first().ok_or(IssueError::NotAnIssuer)?;
        let domain = CertificateFacts::read(own)?.permitted_dns.ok_or(IssueError::NotAnIssuer)?;
        let network = domain.rsplit('.').nth(1).ok_or(IssueError::NotAnIssuer)?.to_owned();
        Self::new(key, own.clone(), above.to_vec(), domain, &network)
    }

    /// Its certificate: the root, or the hub's issuing certificate.
    pub fn certificate(&self) -> &CertificateDer<'static> {
        &self.certificate
    }

    /// The DNS name that it issues for.
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// Its public key, which verifies its revocation list.
    pub fn public(&self) -> PublicKey {
        self.key.public()
    }

    /// Signs sheets (and plans, where this is the authority).
    pub fn signer(&self) -> &dyn Signer {
        &self.key
    }

    pub(super) fn key_pem(&self) -> Zeroizing<String> {
        self.key.to_pem()
    }

    /// The issuing certificates from this issuer upwards, without the root. Empty for the authority.
    pub fn chain(&self) -> Vec<CertificateDer<'static>> {
        let own = (!self.is_root()).then(|| self.certificate.clone());
        own.into_iter().chain(self.above.iter().cloned()).collect()
    }

    /// The chain to present with a certificate that this issuer issued.
    pub fn chain_with(&self, issued: &Issued) -> Vec<CertificateDer<'static>> {
        std::iter::once(issued.certificate.clone()).chain(self.chain()).collect()
    }

    /// Issues a TLS certificate for the room with this DNS name. Of the request only the key is used.
    pub fn issue_tls(&self, dns: &str, request: &[u8], validity: Validity) -> Result<Issued, IssueError> {
        room_below(dns, &self.domain)?;
        let key = requested_key(request, &[&rcgen::PKCS_ED25519, &rcgen::PKCS_ECDSA_P256_SHA256])?;
        let validity = self.no_longer_than_own(validity)?;
        let serial = Serial::random();
        self.issue(&profile::tls(&self.network, dns, &serial, validity)?, &key, serial, validity)
    }

    /// Issues an issuing certificate for the hub with this DNS name, constrained to its subtree.
    pub fn issue_issuing(&self, dns: &str, request: &[u8], validity: Validity) -> Result<Issued, IssueError> {
        room_below(dns, &self.domain)?;
        if self.chain().len() >= HUBS_IN_A_CHAIN_MAX {
            return Err(IssueError::TooDeep);
        }
        let key = requested_key(request, &[&rcgen::PKCS_ED25519])?;
        let validity = self.no_longer_than_own(validity)?;
        let serial = Serial::random();
        self.issue(&profile::issuing(&self.network, dns, &serial, validity)?, &key, serial, validity)
    }

    /// Issues the end-entity certificate over its own key under which this issuer signs sheets.
    pub fn issue_sheet_signer(&self, validity: Validity) -> Result<Issued, IssueError> {
        let validity = self.no_longer_than_own(validity)?;
        let serial = Serial::random();
        let params = profile::sheet_signer(&self.network, &self.domain, &serial, validity)?;
        self.issue(&params, self.key.signing_key(), serial, validity)
    }

    /// Nothing outlives what it was issued by: TLS asks of a trust anchor its name and key alone (RFC 5280 section 6.1.1),
    /// and so would go on when the root has expired.
    fn no_longer_than_own(&self, validity: Validity) -> Result<Validity, IssueError> {
        let not_after_ms = CertificateFacts::read(&self.certificate)?.not_after_ms;
        Ok(Validity { not_after_ms: validity.not_after_ms.min(not_after_ms), ..validity })
    }

    fn issue(
        &self,
        params: &CertificateParams,
        key: &impl PublicKeyData,
        serial: Serial,
        validity: Validity,
    ) -> Result<Issued, IssueError> {
        let signed = params.signed_by(key, &self.rcgen_issuer()?).map_err(IssueError::encoding)?;
        let not_after_ms = validity.not_after_ms;
        Ok(Issued { certificate: signed.der().clone(), serial, not_after_ms })
    }

    /// Makes this issuer's revocation list; `number` grows with every list.
    pub fn crl(&self, revoked: &[RevokedSerial], number: u64, now_ms: i64) -> Result<Vec<u8>, IssueError> {
        let revoked_certs = revoked.iter().map(revoked_entry).collect::<Result<_, _>>()?;
        let epoch = rcgen::date_time_ymd(1970, 1, 1);
        let params = CertificateRevocationListParams {
            this_update: epoch + since_1970(now_ms)?,
            next_update: epoch + since_1970(now_ms.saturating_add(CRL_FRESH_MS))?,
            crl_number: SerialNumber::from(number),
            issuing_distribution_point: None,
            revoked_certs,
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let list = params.signed_by(&self.rcgen_issuer()?).map_err(IssueError::encoding)?;
        Ok(list.der().to_vec())
    }

    fn rcgen_issuer(&self) -> Result<rcgen::Issuer<'_, &crate::signature::SigningKey>, IssueError> {
        rcgen::Issuer::from_ca_cert_der(&self.certificate, self.key.signing_key())
            .map_err(IssueError::encoding)
    }

    fn is_root(&self) -> bool {
        self.domain == profile::network_domain(&self.network)
    }
}

/// The key of a request that is signed with it.
fn requested_key(
    request: &[u8],
    accepted: &[&'static rcgen::SignatureAlgorithm],
) -> Result<rcgen::PublicKey, IssueError> {
    if request.len() > REQUEST_BYTES_MAX {
        return Err(IssueError::Request("it is too large"));
    }
    let read = CertificateSigningRequestParams::from_der(&request.into());
    let key = read.map_err(|_| IssueError::Request("it is not signed by the key that it names"))?.public_key;
    if !accepted.iter().any(|algorithm| **algorithm == *key.algorithm()) {
        return Err(IssueError::Request("its key is of a kind that is not used here"));
    }
    Ok(key)
}

fn revoked_entry(revoked: &RevokedSerial) -> Result<RevokedCertParams, IssueError> {
    Ok(RevokedCertParams {
        serial_number: SerialNumber::from_slice(revoked.serial.as_bytes()),
        revocation_time: rcgen::date_time_ymd(1970, 1, 1) + since_1970(revoked.at_ms)?,
        reason_code: Some(revoked.reason.code()),
        invalidity_date: None,
    })
}

/// The time since 1970 in whole seconds, as certificates count it. Added to 1970-01-01 it is a date of the
/// certificate library, whose type has no name here.
pub(super) fn since_1970(ms: i64) -> Result<Duration, IssueError> {
    let ms = u64::try_from(ms).ok().filter(|ms| *ms < YEAR_9999_MS).ok_or(IssueError::Validity)?;
    Ok(Duration::from_secs(ms / 1000))
}

/// A list is stale after a week: an alarm, never a refusal.
const CRL_FRESH_MS: i64 = 7 * 24 * 60 * 60 * 1000;
const REQUEST_BYTES_MAX: usize = 4 << 10;
/// 9999-01-01.
const YEAR_9999_MS: u64 = 253_370_764_800_000;
