//! Chains that the authority and its hubs issue, as path validation sees them.

use x509_parser::prelude::{FromDer, X509Certificate};

use super::*;
use crate::{
    certificate::Serial,
    identity::TlsKey,
    revocation::{RevocationError, RevocationList, RevocationReason, RevokedSerial},
    testing::{CITY, COUNTY, NOW_MS, OTHER_CITY, PROVINCE, Tree},
};

fn month() -> Validity {
    Validity::days(NOW_MS, 30)
}

#[test]
fn an_authority_reads_back_from_its_files() {
    let authority = Authority::create("henan", NOW_MS).unwrap();
    let again = Authority::from_pem(&authority.key_pem(), &authority.root_pem()).unwrap();
    assert_eq!((again.network(), again.root()), ("henan", authority.root()));
    assert_eq!(again.signer().key_id(), root_public_key(authority.root()).unwrap().key_id());
    let other = Authority::create("henan", NOW_MS).unwrap();
    let mixed = Authority::from_pem(&other.key_pem(), &authority.root_pem());
    assert_eq!(mixed.unwrap_err(), IssueError::KeyMismatch);
}

#[test]
fn an_issuer_issues_for_the_rooms_directly_below_it_and_no_others() {
    let tree = Tree::new();
    let (city, request) = (tree.issuer(CITY), TlsKey::generate().request());
    assert!(city.issue_tls(&tree.dns(COUNTY), &request, month()).is_ok(), "the control");
    let below = format!("{COUNTY}.{}", tree.dns(COUNTY));
    let beside = format!("x{}", tree.dns(COUNTY));
    let label = format!("sheets.{}", tree.dns(CITY));
    for dns in [tree.dns(OTHER_CITY), tree.dns(CITY), tree.dns(PROVINCE), below, beside, label, "x".into()] {
        let refused = IssueError::NotBelow { dns: dns.clone(), domain: tree.dns(CITY) };
        assert_eq!(city.issue_tls(&dns, &request, month()), Err(refused.clone()));
        assert_eq!(city.issue_issuing(&dns, &request, month()), Err(refused));
    }
}

#[test]
fn nothing_of_a_request_is_copied_but_the_key() {
    let tree = Tree::new();
    let key = SigningKeyOf::generate();
    let mut wish = rcgen::CertificateParams::new(vec!["bank.example".to_owned()]).unwrap();
    wish.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    wish.key_usages = vec![rcgen::KeyUsagePurpose::KeyCertSign];
    let request = wish.serialize_request(&key.0).unwrap();
    let issued = tree.issuer(CITY).issue_tls(&tree.dns(COUNTY), request.der(), month()).unwrap();
    let facts = CertificateFacts::read(&issued.certificate).unwrap();
    assert_eq!(facts.dns_name, Some(tree.dns(COUNTY)));
    assert!(!facts.is_authority);
    assert_eq!(facts.public, key.0.public_bytes());
    assert_eq!((facts.serial, facts.not_after_ms), (issued.serial, issued.not_after_ms));
}

struct SigningKeyOf(crate::signature::SigningKey);

impl SigningKeyOf {
    fn generate() -> Self {
        Self(crate::signature::SigningKey::generate())
    }
}

#[test]
fn a_request_for_somebody_elses_key_is_refused() {
    let tree = Tree::new();
    let mut request = TlsKey::generate().request();
    let start = request.windows(4).position(|w| w == [0x2b, 0x65, 0x70, 0x03]).unwrap() + 10;
    request[start] ^= 1; // inside the public key
    let refused = tree.issuer(CITY).issue_tls(&tree.dns(COUNTY), &request, month());
    assert!(matches!(refused, Err(IssueError::Request(_))), "{refused:?}");
    let none = tree.issuer(CITY).issue_tls(&tree.dns(COUNTY), &[], month());
    assert!(matches!(none, Err(IssueError::Request(_))));
    let large = tree.issuer(CITY).issue_tls(&tree.dns(COUNTY), &[0x30; 5000], month());
    assert!(matches!(large, Err(IssueError::Request(_))));
}

#[test]
fn a_reversed_validity_is_refused() {
    let tree = Tree::new();
    let reversed = Validity { not_before_ms: NOW_MS, not_after_ms: NOW_MS };
    let request = TlsKey::generate().request();
    assert_eq!(tree.issuer(CITY).issue_tls(&tree.dns(COUNTY), &request, reversed), Err(IssueError::Validity));
}

#[test]
fn nothing_outlives_what_it_was_issued_by() {
    let tree = Tree::new();
    let root_ends_ms = CertificateFacts::read(tree.authority.root()).unwrap().not_after_ms;
    let forever = Validity { not_before_ms: NOW_MS, not_after_ms: root_ends_ms + 1_000 };
    let request = TlsKey::generate().request();
    let city = tree.issuer(CITY);
    let city_ends_ms = CertificateFacts::read(city.certificate()).unwrap().not_after_ms;
    let issued = city.issue_tls(&tree.dns(COUNTY), &request, forever).unwrap();
    let ends_ms = CertificateFacts::read(&issued.certificate).unwrap().not_after_ms;
    assert_eq!((ends_ms, issued.not_after_ms), (city_ends_ms, city_ends_ms));
    assert!(city_ends_ms < root_ends_ms);
    let keys = IssuingKey::generate();
    let hub = tree.authority.issuer().issue_issuing(&tree.dns(PROVINCE), &keys.request(), forever).unwrap();
    assert_eq!(CertificateFacts::read(&hub.certificate).unwrap().not_after_ms, root_ends_ms);
    let signer = tree.authority.issuer().issue_sheet_signer(forever).unwrap();
    assert_eq!(CertificateFacts::read(&signer.certificate).unwrap().not_after_ms, root_ends_ms);
    let too_late = Validity { not_before_ms: city_ends_ms, ..forever };
    assert_eq!(city.issue_tls(&tree.dns(COUNTY), &request, too_late), Err(IssueError::Validity));
}

#[test]
fn the_certificates_follow_the_profile_of_rfc_5280() {
    let tree = Tree::new();
    let root = tree.authority.root();
    for (der, critical) in [
        (root, vec!["2.5.29.15", "2.5.29.19", "2.5.29.30"]),
        (&tree.issuing_chain(CITY)[0], vec!["2.5.29.15", "2.5.29.19", "2.5.29.30"]),
        (&tree.tls_chain(COUNTY)[0], vec!["2.5.29.15", "2.5.29.19"]),
    ] {
        let (_, x509) = X509Certificate::from_der(der).unwrap();
        let mut found: Vec<String> =
            x509.extensions().iter().filter(|e| e.critical).map(|e| e.oid.to_id_string()).collect();
        found.sort();
        assert_eq!(found, critical, "key usage, basic constraints, name constraints");
        assert!(x509.extensions().iter().any(|e| e.oid.to_id_string() == "2.5.29.14"), "subject key id");
        let has_authority_id = x509.extensions().iter().any(|e| e.oid.to_id_string() == "2.5.29.35");
        assert_eq!(has_authority_id, der != root, "authority key id");
        assert!(x509.subject().iter_common_name().all(|name| name.as_str().unwrap().len() <= 64));
    }
}

#[test]
fn a_chain_that_no_validator_follows_is_not_made() {
    let tree = Tree::new();
    let mut issuer = tree.issuer(PROVINCE);
    for level in 2..=HUBS_IN_A_CHAIN_MAX as u8 {
        issuer = hub_below(&issuer, level).unwrap();
    }
    assert_eq!(issuer.chain().len(), HUBS_IN_A_CHAIN_MAX);
    assert!(matches!(hub_below(&issuer, 9), Err(IssueError::TooDeep)));
}

fn hub_below(issuer: &Issuer, level: u8) -> Result<Issuer, IssueError> {
    let key = IssuingKey::generate();
    let dns = format!("{}.{}", RoomId::from_bytes([level; 16]), issuer.domain());
    let issued = issuer.issue_issuing(&dns, &key.request(), month())?;
    Issuer::of_hub(key, &issuer.chain_with(&issued))
}

#[test]
fn a_revocation_list_reads_back_and_only_its_issuer_signs_it() {
    let tree = Tree::new();
    let (city, serial) = (tree.issuer(CITY), Serial::random());
    let revoked =
        RevokedSerial { serial: serial.clone(), at_ms: NOW_MS, reason: RevocationReason::KeyCompromise };
    let list = city.crl(&[revoked], 7, NOW_MS).unwrap();
    let read = RevocationList::verify(&list, &city.public()).unwrap();
    assert_eq!((read.made_at_ms, read.serials.contains(&serial)), (NOW_MS, true));
    assert_eq!(read.issuer, CertificateFacts::read(city.certificate()).unwrap().subject);
    let other = RevocationList::verify(&list, &tree.issuer(PROVINCE).public());
    assert_eq!(other, Err(RevocationError::Signature));
    for at in 0..list.len() {
        let mut spoilt = list.clone();
        spoilt[at] ^= 1;
        assert!(RevocationList::verify(&spoilt, &city.public()).is_err(), "byte {at}");
    }
    let empty = city.crl(&[], 8, NOW_MS).unwrap();
    assert!(RevocationList::verify(&empty, &city.public()).unwrap().serials.is_empty());
}
