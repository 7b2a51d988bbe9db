//! What stands in each kind of certificate (RFC 5280): names, validity, usages, constraints.

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, GeneralSubtree,
    IsCa, KeyUsagePurpose, NameConstraints, SanType, SerialNumber,
};

use super::{INTERNAL, IssueError, Validity, issuer::since_1970};
use crate::certificate::Serial;

/// The root: may issue for the whole network and nothing else.
pub(super) fn root(network: &str, validity: Validity) -> Result<CertificateParams, IssueError> {
    let mut params = base(network, "root", "yichuan root 驿传", &Serial::random(), validity)?;
    make_authority(&mut params, &network_domain(network));
    params.use_authority_key_identifier_extension = false;
    Ok(params)
}

/// A hub's issuing certificate: may issue for its own DNS subtree, to any depth.
pub(super) fn issuing(
    network: &str,
    dns: &str,
    serial: &Serial,
    validity: Validity,
) -> Result<CertificateParams, IssueError> {
    let mut params = base(network, "issuing", first_label(dns), serial, validity)?;
    make_authority(&mut params, dns);
    Ok(params)
}

/// A room's TLS certificate, for both sides of a link.
pub(super) fn tls(
    network: &str,
    dns: &str,
    serial: &Serial,
    validity: Validity,
) -> Result<CertificateParams, IssueError> {
    let usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    end_entity(base(network, "tls", first_label(dns), serial, validity)?, dns, usages)
}

/// The certificate under which an issuer signs sheets: its own key, for signing documents (RFC 9336) only.
pub(super) fn sheet_signer(
    network: &str,
    domain: &str,
    serial: &Serial,
    validity: Validity,
) -> Result<CertificateParams, IssueError> {
    let usages = vec![ExtendedKeyUsagePurpose::Other(DOCUMENT_SIGNING.to_vec())];
    let params = base(network, "sheets", first_label(domain), serial, validity)?;
    end_entity(params, &super::sheet_dns(domain), usages)
}

/// The domain of a network.
pub(super) fn network_domain(network: &str) -> String {
    format!("{network}.{INTERNAL}")
}

/// Subject: the network, the certificate's purpose, and the room's own label (a common name has at most 64
/// characters, so the whole DNS name stands in the alternative name alone).
fn base(
    network: &str,
    purpose: &str,
    label: &str,
    serial: &Serial,
    validity: Validity,
) -> Result<CertificateParams, IssueError> {
    if validity.not_after_ms <= validity.not_before_ms {
        return Err(IssueError::Validity);
    }
    let mut params = CertificateParams::default();
    let mut subject = DistinguishedName::new();
    subject.push(DnType::OrganizationName, network);
    subject.push(DnType::OrganizationalUnitName, purpose);
    subject.push(DnType::CommonName, label);
    params.distinguished_name = subject;
    params.serial_number = Some(SerialNumber::from_slice(serial.as_bytes()));
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    params.not_before = epoch + since_1970(validity.not_before_ms)?;
    params.not_after = epoch + since_1970(validity.not_after_ms)?;
    params.use_authority_key_identifier_extension = true;
    Ok(params)
}

fn make_authority(params: &mut CertificateParams, subtree: &str) {
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let permitted_subtrees = vec![GeneralSubtree::DnsName(subtree.to_owned())];
    params.name_constraints = Some(NameConstraints { permitted_subtrees, excluded_subtrees: Vec::new() });
}

fn end_entity(
    mut params: CertificateParams,
    dns: &str,
    usages: Vec<ExtendedKeyUsagePurpose>,
) -> Result<CertificateParams, IssueError> {
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = usages;
    params.subject_alt_names = vec![SanType::DnsName(dns.try_into().map_err(IssueError::encoding)?)];
    Ok(params)
}

fn first_label(dns: &str) -> &str {
    dns.split('.').next().unwrap_or_default()
}

/// id-kp-documentSigning (RFC 9336).
const DOCUMENT_SIGNING: [u64; 9] = [1, 3, 6, 1, 5, 5, 7, 3, 36];
