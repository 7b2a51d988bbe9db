//! Sheets: what counts, what is refused, and whose keys are known afterwards.

use super::*;
use crate::{
    authority::{Authority, ISSUING_DAYS, Validity},
    certificate::CertificateFacts,
    identity::RoomKeys,
    peer::peer_room,
    seal::{SEALING_SUITE, SealingKey},
    signature::{Keyring, SignatureError, Signer, SigningKey},
    testing::{CITY, COUNTY, NOW_MS, OTHER_CITY, PROVINCE, Tree, map, published, sign_as},
};

const OF_CITY: Publisher = Publisher::Hub(CITY);
const OF_PROVINCE: Publisher = Publisher::Hub(PROVINCE);

fn check(tree: &Tree, bytes: &[u8]) -> Result<VerifiedSheet, SheetError> {
    verify_sheet(bytes, &tree.map, tree.authority.root(), NOW_MS)
}

fn revocation_of_key(room: RoomId, key: KeyId, compromised_since_ms: Option<i64>) -> Revocation {
    let (reason, revoked) = (RevocationReason::KeyCompromise, Revoked::Key(key));
    Revocation { room, at_ms: NOW_MS + 5000, reason, revoked, compromised_since_ms }
}

#[test]
fn a_hub_publishes_the_keys_of_its_children() {
    let tree = Tree::new();
    let known = tree.known_keys();
    let keys = tree.keys(COUNTY);
    let signature = keys.signing.sign(b"text");
    let owner = known.verify(Suite::Ed25519, &keys.signing.key_id(), b"text", &signature);
    assert_eq!(owner, Ok(COUNTY));
    let sealing = (keys.sealing.key_id(), keys.sealing.public());
    assert_eq!(known.sealing_key(COUNTY, NOW_MS), Some(sealing));
    assert_eq!(known.signing_keys(PROVINCE), [&tree.keys(PROVINCE).signing.public()], "by the authority");
    assert_eq!(known.sheets().count(), 3);
    assert_eq!(known.crls().len(), 3);
}

#[test]
fn a_sheet_about_rooms_of_another_hub_is_refused() {
    let tree = Tree::new();
    let mut contents = tree.contents(OF_CITY, 1);
    contents.entries.push(tree.entry(OTHER_CITY));
    let refused = check(&tree, &tree.sign(contents.clone())).unwrap_err();
    assert_eq!(refused, SheetError::ForeignRoom { room: OTHER_CITY });
    let own = SheetContents { entries: vec![tree.entry(CITY)], ..tree.contents(OF_CITY, 1) };
    let refused = check(&tree, &tree.sign(own)).unwrap_err();
    assert_eq!(refused, SheetError::ForeignRoom { room: CITY }, "nor about itself");
    let mut revoking = tree.contents(OF_CITY, 1);
    revoking.revocations = vec![revocation_of_key(OTHER_CITY, KeyId::of(b"x"), None)];
    assert!(matches!(check(&tree, &tree.sign(revoking)), Err(SheetError::ForeignRoom { .. })));
}

#[test]
fn under_another_plan_foreign_entries_are_set_aside_and_have_no_effect() {
    let tree = Tree::new();
    let mut contents = SheetContents { plan_version: 7, ..tree.contents(OF_CITY, 1) };
    contents.entries.push(tree.entry(OTHER_CITY));
    let sheet = check(&tree, &tree.sign(contents)).unwrap();
    assert_eq!(sheet.set_aside(), [OTHER_CITY]);
    assert!(sheet.entry(OTHER_CITY).is_none() && sheet.entry(COUNTY).is_some());
    let moved = map(2, &[(COUNTY, OTHER_CITY)]);
    let old = tree.sign(tree.contents(OF_CITY, 1));
    let sheet = verify_sheet(&old, &moved, tree.authority.root(), NOW_MS).unwrap();
    assert_eq!(sheet.set_aside(), [COUNTY]);
}

#[test]
fn a_sheet_signed_by_anything_but_its_publisher_is_refused() {
    let tree = Tree::new();
    let by_sibling = sign_as(&tree.issuer(OTHER_CITY), tree.contents(OF_CITY, 1));
    assert!(matches!(check(&tree, &by_sibling), Err(SheetError::OtherSigner { .. })));
    let by_parent = sign_as(&tree.issuer(PROVINCE), tree.contents(OF_CITY, 1));
    assert!(matches!(check(&tree, &by_parent), Err(SheetError::OtherSigner { .. })));
    let by_root_hub = sign_as(&tree.issuer(PROVINCE), tree.contents(Publisher::Authority, 1));
    assert!(matches!(check(&tree, &by_root_hub), Err(SheetError::OtherSigner { .. })));
    let elsewhere = Tree::new();
    let foreign = elsewhere.sign(elsewhere.contents(OF_CITY, 1));
    assert!(matches!(check(&tree, &foreign), Err(SheetError::Path(_))));
    let unknown =
        SheetContents { publisher: Publisher::Hub(RoomId::from_bytes([9; 16])), ..tree.contents(OF_CITY, 1) };
    assert_eq!(check(&tree, &sign_as(&tree.issuer(CITY), unknown)), Err(SheetError::UnknownPublisher));
}

#[test]
fn a_tls_certificate_does_not_sign_sheets() {
    let tree = Tree::new();
    let issuer = tree.issuer(CITY);
    let signer = tree.tls_chain(COUNTY)[0].clone();
    let bytes = sign_sheet(&issuer, &signer, tree.contents(OF_CITY, 1), NOW_MS).unwrap();
    assert!(matches!(check(&tree, &bytes), Err(SheetError::Path(_))), "its usage is another");
    let other = tree.issuer(OTHER_CITY).issue_sheet_signer(Validity::days(NOW_MS, ISSUING_DAYS)).unwrap();
    let bytes = sign_sheet(&issuer, &other.certificate, tree.contents(OF_CITY, 1), NOW_MS).unwrap();
    assert!(check(&tree, &bytes).is_err(), "the certificate of another hub");
}

#[test]
fn a_revocation_list_in_another_issuers_name_is_refused() {
    let tree = Tree::new();
    let (city, signer) =
        (tree.issuer(CITY), tree.issuer(CITY).issue_sheet_signer(Validity::days(NOW_MS, 30)).unwrap());
    let mut params = rcgen::CertificateParams::default();
    params.distinguished_name.push(rcgen::DnType::OrganizationName, "henan");
    let list = rcgen::CertificateRevocationListParams {
        this_update: rcgen::date_time_ymd(2026, 1, 1),
        next_update: rcgen::date_time_ymd(2036, 1, 1),
        crl_number: rcgen::SerialNumber::from(1),
        issuing_distribution_point: None,
        revoked_certs: Vec::new(),
        key_identifier_method: rcgen::KeyIdMethod::Sha256,
    };
    let key = tree.keys(CITY).issuing.signing_key();
    let list = list.signed_by(&rcgen::Issuer::new(params, key)).unwrap();
    let good = sign_sheet(&city, &signer.certificate, tree.contents(OF_CITY, 1), NOW_MS).unwrap();
    let payload = signature::peek_payload_unverified(&good, ContentType::Sheet).unwrap();
    let mut sheet: Sheet = cbor::decode(&payload, 1 << 20).unwrap();
    sheet.crl = list.der().to_vec().into();
    let bad = signature::sign(city.signer(), ContentType::Sheet, &cbor::encode(&sheet));
    assert_eq!(check(&tree, &bad), Err(SheetError::ForeignList));
}

#[test]
fn a_sheet_of_an_expired_signer_or_another_network_is_refused() {
    let tree = Tree::new();
    let bytes = tree.sign(tree.contents(OF_CITY, 1));
    let later = NOW_MS + 11 * 365 * 24 * 3_600_000;
    let refused = verify_sheet(&bytes, &tree.map, tree.authority.root(), later);
    assert!(matches!(refused, Err(SheetError::Path(webpki::Error::CertExpired { .. }))), "{refused:?}");
    let elsewhere = SheetContents { network: "hebei".into(), ..tree.contents(OF_CITY, 1) };
    assert_eq!(check(&tree, &tree.sign(elsewhere)), Err(SheetError::OtherNetwork("hebei".into())));
    let foreign = Authority::create("henan", NOW_MS).unwrap();
    assert!(matches!(verify_sheet(&bytes, &tree.map, foreign.root(), NOW_MS), Err(SheetError::Path(_))));
}

#[test]
fn no_single_changed_byte_of_a_sheet_is_accepted() {
    let tree = Tree::new();
    let bytes = tree.sign(tree.contents(OF_CITY, 1));
    assert!(check(&tree, &bytes).is_ok(), "the control");
    for at in (0..bytes.len()).step_by(3) {
        let mut spoilt = bytes.clone();
        spoilt[at] ^= 0x10;
        assert!(check(&tree, &spoilt).is_err(), "byte {at}");
        assert!(check(&tree, &bytes[..at]).is_err(), "cut at {at}");
    }
}

#[test]
fn two_entries_for_a_room_and_too_many_keys_are_refused() {
    let tree = Tree::new();
    let mut contents = tree.contents(OF_CITY, 1);
    contents.entries.push(tree.entry(COUNTY));
    assert_eq!(check(&tree, &tree.sign(contents)), Err(SheetError::Twice { room: COUNTY }));
    let mut contents = tree.contents(OF_CITY, 1);
    let key = contents.entries[0].keys[0].clone();
    contents.entries[0].keys = vec![key; KEYS_OF_A_ROOM_MAX + 1];
    assert_eq!(check(&tree, &tree.sign(contents)), Err(SheetError::TooMuch));
}

/// The county's entry with a new signing key, announced by the signer given.
fn with_new_key(tree: &Tree, new: &SigningKey, announced_by: Option<&dyn Signer>) -> SheetContents {
    let mut contents = tree.contents(OF_CITY, 2);
    let mut key = published(Suite::Ed25519.id(), KeyPurpose::Signing, new.public_bytes());
    key.from_ms = NOW_MS + 1000;
    key.succession = announced_by.map(|signer| {
        let succession = KeySuccession {
            room: COUNTY,
            suite: key.suite,
            public: key.public.clone(),
            from_ms: key.from_ms,
            purpose: key.purpose,
        };
        sign_succession(signer, &succession).into()
    });
    contents.entries[0].keys.push(key);
    contents
}

#[test]
fn a_new_key_is_announced_by_the_one_before_it() {
    let (tree, new) = (Tree::new(), SigningKey::generate());
    let mut known = tree.known_keys();
    let announced = with_new_key(&tree, &new, Some(&tree.keys(COUNTY).signing));
    let change = known.insert(tree.verified(announced)).unwrap();
    assert_eq!(change, Change::Taken { added: vec![new.key_id()], unannounced: vec![] });
    assert_eq!(known.signing_keys(COUNTY).len(), 2, "the old one stays");
    let by_itself = with_new_key(&tree, &new, Some(&new));
    assert!(matches!(check(&tree, &tree.sign(by_itself)), Err(SheetError::Succession { room: COUNTY, .. })));
    let by_hub = with_new_key(&tree, &new, Some(&tree.keys(CITY).signing));
    assert!(matches!(check(&tree, &tree.sign(by_hub)), Err(SheetError::Succession { room: COUNTY, .. })));
}

#[test]
fn a_key_that_nobody_announced_is_taken_but_pointed_out() {
    let (tree, new) = (Tree::new(), SigningKey::generate());
    let mut known = tree.known_keys();
    let change = known.insert(tree.verified(with_new_key(&tree, &new, None))).unwrap();
    let unannounced = vec![(COUNTY, new.key_id())];
    assert_eq!(change, Change::Taken { added: vec![new.key_id()], unannounced });
}

#[test]
fn versions_only_grow_and_a_fork_is_found() {
    let tree = Tree::new();
    let mut known = tree.known_keys();
    let newer = tree.verified(tree.contents(OF_CITY, 5));
    assert!(matches!(known.insert(newer.clone()), Ok(Change::Taken { .. })));
    assert_eq!(known.insert(newer), Ok(Change::Unchanged));
    assert_eq!(known.insert(tree.verified(tree.contents(OF_CITY, 4))), Ok(Change::Older));
    let forked = tree.verified(with_new_key(&tree, &SigningKey::generate(), None));
    let mut known = tree.known_keys();
    known.insert(tree.verified(tree.contents(OF_CITY, 2))).unwrap();
    assert_eq!(known.insert(forked), Err(KeyConflict::Fork { publisher: OF_CITY, version: 2 }));
}

#[test]
fn a_signing_key_never_vanishes_and_belongs_to_one_room() {
    let tree = Tree::new();
    let mut known = tree.known_keys();
    let mut without = tree.contents(OF_CITY, 2);
    let key = without.entries[0].keys.remove(0).key_id();
    assert_eq!(known.insert(tree.verified(without)), Err(KeyConflict::KeyVanished { room: COUNTY, key }));
    let mut stolen = tree.contents(OF_CITY, 2);
    stolen.entries[0].keys.push(tree.entry(OTHER_CITY).keys[0].clone());
    let key = tree.keys(OTHER_CITY).signing.key_id();
    let conflict = KeyConflict::KeyOfAnother { key, owner: OTHER_CITY, claimed_by: COUNTY };
    assert_eq!(known.insert(tree.verified(stolen)), Err(conflict));
    assert_eq!(known.sheet(OF_CITY).unwrap().sheet().version, 1, "nothing changed");
}

#[test]
fn a_revoked_key_is_refused_live_and_judged_by_time_in_the_archive() {
    let tree = Tree::new();
    let mut known = tree.known_keys();
    let (signing, sealing) = (&tree.keys(COUNTY).signing, &tree.keys(COUNTY).sealing);
    let revocations = vec![
        revocation_of_key(COUNTY, signing.key_id(), Some(NOW_MS + 1000)),
        revocation_of_key(COUNTY, sealing.key_id(), None),
    ];
    known.insert(tree.revoking(OF_CITY, 2, revocations)).unwrap();
    let (id, signature) = (signing.key_id(), signing.sign(b"text"));
    let live = known.verify(Suite::Ed25519, &id, b"text", &signature);
    assert_eq!(live, Err(SignatureError::RevokedKey(id)));
    assert_eq!(known.archive().verify(Suite::Ed25519, &id, b"text", &signature), Ok(COUNTY));
    assert!(known.archive().verify(Suite::Ed25519, &id, b"texT", &signature).is_err());
    let key = known.key(&id).unwrap();
    assert_eq!((key.counts_at(NOW_MS + 999), key.counts_at(NOW_MS + 1000)), (true, false));
    assert!(!key.counts_at(NOW_MS - 1), "before it was in use");
    assert_eq!(known.sealing_key(COUNTY, NOW_MS), None);
}

#[test]
fn the_newest_sealing_key_in_use_is_sealed_to() {
    let (tree, next) = (Tree::new(), SealingKey::generate());
    let mut known = tree.known_keys();
    let mut contents = tree.contents(OF_CITY, 2);
    let mut key = published(SEALING_SUITE, KeyPurpose::Sealing, next.public().as_bytes());
    (key.from_ms, key.to_ms) = (NOW_MS + 1000, Some(NOW_MS + 9000));
    contents.entries[0].keys.push(key);
    contents.entries[0].keys[1].to_ms = Some(NOW_MS + 2000);
    known.insert(tree.verified(contents)).unwrap();
    let chosen = |now_ms| known.sealing_key(COUNTY, now_ms).unwrap().0;
    let present = tree.keys(COUNTY).sealing.key_id();
    assert_eq!(chosen(NOW_MS), present);
    assert_eq!(chosen(NOW_MS + 1500), next.key_id());
    assert_eq!(chosen(NOW_MS + 99_000), next.key_id(), "all have ended: the newest rather than none");
}

#[test]
fn a_revoked_certificate_closes_links_and_silences_its_hub() {
    let tree = Tree::new();
    let mut known = tree.known_keys();
    let county = peer_room(&tree.map, &tree.tls_chain(COUNTY)).unwrap();
    let city = peer_room(&tree.map, &tree.tls_chain(CITY)).unwrap();
    assert!(!known.is_peer_revoked(&county));
    let revoke = |room, serial: &Serial| Revocation {
        revoked: Revoked::Certificate(serial.clone()),
        ..revocation_of_key(room, KeyId::of(b""), None)
    };
    // The city lists a serial that the province issued: it has no say over it.
    known.insert(tree.revoking(OF_CITY, 2, vec![revoke(COUNTY, &city.serial)])).unwrap();
    assert!(!known.is_peer_revoked(&city) && !known.is_peer_revoked(&county));
    known.insert(tree.revoking(OF_CITY, 3, vec![revoke(COUNTY, &county.serial)])).unwrap();
    assert!(known.is_peer_revoked(&county) && !known.is_peer_revoked(&city));
    assert_eq!(known.revoked_serials().collect::<Vec<_>>(), [(OF_CITY, county.serial)]);

    let hub = CertificateFacts::read(&tree.issuing_chain(CITY)[0]).unwrap().serial;
    let mut known = tree.known_keys();
    known.insert(tree.revoking(OF_PROVINCE, 2, vec![revoke(CITY, &hub)])).unwrap();
    assert!(known.is_peer_revoked(&peer_room(&tree.map, &tree.tls_chain(COUNTY)).unwrap()));
    let refused = known.insert(tree.verified(tree.contents(OF_CITY, 2)));
    assert_eq!(refused, Err(KeyConflict::RevokedSigner { publisher: OF_CITY }));
}

#[test]
fn a_stale_list_is_named_for_the_alarm() {
    let tree = Tree::new();
    let known = tree.known_keys();
    let stale_at = known.sheet(OF_CITY).unwrap().revocation_list().stale_at_ms;
    assert_eq!(known.stale_lists(stale_at - 1).count(), 0);
    assert_eq!(known.stale_lists(stale_at).count(), 3);
}

#[test]
fn keys_of_unknown_suites_are_kept_and_not_used() {
    let tree = Tree::new();
    let mut known = tree.known_keys();
    let mut contents = tree.contents(OF_CITY, 2);
    contents.entries[0].keys.push(published(2, KeyPurpose::Sealing, &[7; 1216]));
    contents.entries[0].keys.push(published(Suite::Simulation.id(), KeyPurpose::Signing, &[7; 32]));
    let sheet = tree.verified(contents);
    assert_eq!(sheet.entry(COUNTY).unwrap().keys.len(), 4);
    known.insert(sheet).unwrap();
    assert_eq!(known.keys_of(COUNTY).count(), 2);
    let cheap = crate::signature::SimulationSigner::new(COUNTY);
    let verified = known.verify(Suite::Simulation, &cheap.key_id(), b"x", &cheap.sign(b"x"));
    assert!(verified.is_err());
    assert_ne!(RoomKeys::generate().public(), tree.keys(COUNTY).public());
}
