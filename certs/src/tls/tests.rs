//! Handshakes in memory, both ends real, and then the comparison with the plan: who gets in and who does not.

use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyUsagePurpose, SanType,
};
use rustls::{
    ClientConnection, ServerConnection,
    pki_types::{ServerName, UnixTime},
    time_provider::TimeProvider,
};
use topology::{Map, RoomId};

use super::*;
use crate::{
    authority::{Authority, Validity},
    certificate::CertificateFacts,
    identity::{IssuingKey, RoomKeys},
    peer::{PeerError, PeerRoom, Publisher, peer_room},
    revocation::{RevocationReason, Serial},
    sheet::{Revocation, Revoked},
    signature::SigningKey,
    testing::{CITY, COUNTY, Chain, NOW_MS, OTHER_CITY, PROVINCE, Tree, map},
};

#[derive(Debug)]
struct At(i64);

impl TimeProvider for At {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(Duration::from_millis(self.0.unsigned_abs())))
    }
}

/// What the city sees of whoever dials it.
#[derive(Debug, PartialEq)]
enum Seen {
    /// The TLS library refused, with this in its words.
    Handshake(String),
    /// The chain is valid, but not of the plan.
    Plan(PeerError),
    Room(RoomId),
}

/// The city's node, and how it looks at those who dial it.
struct City {
    tree: Tree,
    crls: Vec<Vec<u8>>,
    now_ms: i64,
}

impl City {
    fn new() -> Self {
        Self { tree: Tree::new(), crls: Vec::new(), now_ms: NOW_MS }
    }

    fn cell(&self, room: RoomId) -> Arc<CertificateCell> {
        CertificateCell::new(self.tree.tls_chain(room), &self.tree.keys(room).tls).unwrap()
    }

    fn server(&self) -> ServerConnection {
        let config = server_config(self.cell(CITY), self.tree.authority.root(), &self.crls).unwrap();
        let mut config = Arc::unwrap_or_clone(config);
        config.time_provider = Arc::new(At(self.now_ms));
        ServerConnection::new(Arc::new(config)).unwrap()
    }

    fn client(&self, config: Arc<ClientConfig>, dns: &str) -> ClientConnection {
        let mut config = Arc::unwrap_or_clone(config);
        config.time_provider = Arc::new(At(self.now_ms));
        ClientConnection::new(Arc::new(config), ServerName::try_from(dns.to_owned()).unwrap()).unwrap()
    }

    /// Somebody dials with this chain and key.
    fn dialled_with(&self, chain: Chain, key: &TlsKey) -> Seen {
        self.dialled_under(&self.tree.map, chain, key)
    }

    fn dialled_under(&self, map: &Map, chain: Chain, key: &TlsKey) -> Seen {
        let cell = CertificateCell::new(chain, key).unwrap();
        let config = client_config(cell, self.tree.authority.root(), &[]).unwrap();
        let mut client = self.client(config, &self.tree.dns(CITY));
        let mut server = self.server();
        if let Err(error) = shake(&mut client, &mut server) {
            return Seen::Handshake(error);
        }
        assert_eq!(server.alpn_protocol(), Some(ALPN_LINK));
        match peer_room(map, server.peer_certificates().unwrap_or_default()) {
            Ok(peer) => Seen::Room(peer.room),
            Err(error) => Seen::Plan(error),
        }
    }
}

/// Runs a handshake to its end; the first error of either side.
fn shake(client: &mut ClientConnection, server: &mut ServerConnection) -> Result<(), String> {
    for _ in 0..8 {
        let mut wire = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut wire).unwrap();
        }
        carry(&wire, |slice| server.read_tls(slice));
        server.process_new_packets().map_err(|error| error.to_string())?;
        let mut wire = Vec::new();
        while server.wants_write() {
            server.write_tls(&mut wire).unwrap();
        }
        carry(&wire, |slice| client.read_tls(slice));
        client.process_new_packets().map_err(|error| error.to_string())?;
    }
    assert!(!client.is_handshaking() && !server.is_handshaking());
    Ok(())
}

fn carry(mut wire: &[u8], mut read: impl FnMut(&mut &[u8]) -> std::io::Result<usize>) {
    while !wire.is_empty() {
        read(&mut wire).unwrap();
    }
}

/// What a hub that does not follow the rules can sign.
fn forge(
    issuer: &CertificateDer<'static>,
    issuer_key: &SigningKey,
    public: &TlsKey,
    edit: impl FnOnce(&mut CertificateParams),
) -> CertificateDer<'static> {
    let mut params = CertificateParams::default();
    params.not_before = rcgen::date_time_ymd(2026, 1, 1);
    params.not_after = rcgen::date_time_ymd(2036, 1, 1);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params.is_ca = IsCa::ExplicitNoCa;
    edit(&mut params);
    let key = SigningKey::from_pem(&public.to_pem()).unwrap();
    let issuer = rcgen::Issuer::from_ca_cert_der(issuer, issuer_key).unwrap();
    params.signed_by(&key, &issuer).unwrap().der().clone()
}

fn named(dns: &str) -> impl FnOnce(&mut CertificateParams) {
    let dns = dns.to_owned();
    move |params| params.subject_alt_names = vec![SanType::DnsName(dns.try_into().unwrap())]
}

/// A certificate signed by a hub of the tree against the rules, with the chain of that hub.
fn forged_by(city: &City, hub: RoomId, key: &TlsKey, edit: impl FnOnce(&mut CertificateParams)) -> Chain {
    let chain = city.tree.issuing_chain(hub);
    let own = forge(&chain[0], city.tree.keys(hub).issuing.signing_key(), key, edit);
    std::iter::once(own).chain(chain).collect()
}

fn assert_refused(seen: &Seen, reason: &str) {
    assert!(matches!(seen, Seen::Handshake(said) if said.contains(reason)), "{seen:?} without {reason}");
}

#[test]
fn a_child_with_its_own_certificate_gets_in() {
    let city = City::new();
    let seen = city.dialled_with(city.tree.tls_chain(COUNTY), &city.tree.keys(COUNTY).tls);
    assert_eq!(seen, Seen::Room(COUNTY));
    let seen = city.dialled_with(city.tree.tls_chain(PROVINCE), &city.tree.keys(PROVINCE).tls);
    assert_eq!(seen, Seen::Room(PROVINCE), "the root hub, issued by the authority");
}

#[test]
fn a_peer_is_known_by_its_issuer_serial_and_path() {
    let city = City::new();
    let chain = city.tree.tls_chain(COUNTY);
    let facts = CertificateFacts::read(&chain[0]).unwrap();
    let peer: PeerRoom = peer_room(&city.tree.map, &chain).unwrap();
    assert_eq!((peer.issuer, &peer.serial), (Publisher::Hub(CITY), &facts.serial));
    let publishers: Vec<Publisher> = peer.path.iter().map(|(publisher, _)| *publisher).collect();
    assert_eq!(publishers, [Publisher::Hub(CITY), Publisher::Hub(PROVINCE), Publisher::Authority]);
}

#[test]
fn a_hub_cannot_issue_for_a_room_of_its_sibling() {
    let city = City::new();
    let (key, dns) = (TlsKey::generate(), city.tree.dns(COUNTY));
    let chain = forged_by(&city, OTHER_CITY, &key, named(&dns));
    assert_refused(&city.dialled_with(chain, &key), "NameConstraintViolation");
}

#[test]
fn a_hub_cannot_issue_for_its_parent_nor_for_another_network() {
    let city = City::new();
    let key = TlsKey::generate();
    for dns in [city.tree.dns(PROVINCE), "county.hebei.internal".to_owned()] {
        let chain = forged_by(&city, CITY, &key, named(&dns));
        assert_refused(&city.dialled_with(chain, &key), "NameConstraintViolation");
    }
}

#[test]
fn an_ancestor_that_passes_over_the_parent_is_found_by_the_plan() {
    let city = City::new();
    let (key, dns) = (TlsKey::generate(), city.tree.dns(COUNTY));
    let chain = forged_by(&city, PROVINCE, &key, named(&dns));
    assert_eq!(city.dialled_with(chain.clone(), &key), Seen::Plan(PeerError::OtherChain));
    let decoy = city.tree.issuing_chain(CITY)[0].clone();
    let with_decoy = vec![chain[0].clone(), decoy, chain[1].clone()];
    let seen = city.dialled_with(with_decoy, &key);
    assert_eq!(seen, Seen::Plan(PeerError::OtherIssuer { hub: CITY }));
}

#[test]
fn a_hub_cannot_make_itself_a_certificate_in_its_parents_name() {
    let city = City::new();
    let (key, dns) = (TlsKey::generate(), city.tree.dns(CITY));
    let own = forged_by(&city, CITY, &key, named(&dns));
    assert_eq!(city.dialled_with(own, &key), Seen::Plan(PeerError::OtherChain));

    // It makes an authority with its parent's very name, below itself, and hides it in the chain.
    let (fake, real) = (TlsKey::generate(), city.tree.issuing_chain(PROVINCE)[0].clone());
    let pretend = |params: &mut CertificateParams| {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        params.extended_key_usages.clear();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::OrganizationName, "henan");
        params.distinguished_name.push(DnType::OrganizationalUnitName, "issuing");
        params.distinguished_name.push(DnType::CommonName, PROVINCE.to_string());
    };
    let below_city = forged_by(&city, CITY, &fake, pretend);
    let subject = |der: &CertificateDer<'_>| CertificateFacts::read(der).unwrap().subject;
    assert_eq!(subject(&below_city[0]), subject(&real), "the very name");
    let fake_key = SigningKey::from_pem(&fake.to_pem()).unwrap();
    let leaf = forge(&below_city[0], &fake_key, &key, named(&dns));
    let hidden = [vec![leaf.clone(), real.clone()], below_city].concat();
    assert_eq!(city.dialled_with(hidden, &key), Seen::Plan(PeerError::OtherChain));
    assert_refused(&city.dialled_with(vec![leaf, real], &key), "invalid peer certificate");
}

#[test]
fn a_hub_whose_parent_gave_it_too_wide_a_constraint_issues_for_nobody() {
    let city = City::new();
    let wide = |constraint: String| {
        move |params: &mut CertificateParams| {
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
            params.extended_key_usages.clear();
            params.distinguished_name = DistinguishedName::new();
            params.distinguished_name.push(DnType::CommonName, CITY.to_string());
            let permitted_subtrees = vec![rcgen::GeneralSubtree::DnsName(constraint)];
            params.name_constraints =
                Some(rcgen::NameConstraints { permitted_subtrees, excluded_subtrees: Vec::new() });
        }
    };
    let dialled = |constraint: String| {
        let (hub, key) = (TlsKey::generate(), TlsKey::generate());
        let above = forged_by(&city, PROVINCE, &hub, wide(constraint));
        let hub = SigningKey::from_pem(&hub.to_pem()).unwrap();
        let leaf = forge(&above[0], &hub, &key, named(&city.tree.dns(COUNTY)));
        city.dialled_with([vec![leaf], above].concat(), &key)
    };
    assert_eq!(dialled(city.tree.dns(CITY)), Seen::Room(COUNTY), "the control");
    assert_eq!(dialled(city.tree.dns(PROVINCE)), Seen::Plan(PeerError::OtherIssuer { hub: CITY }));
}

#[test]
fn expired_and_not_yet_valid_certificates_are_refused() {
    let mut city = City::new();
    let county = |city: &City| city.dialled_with(city.tree.tls_chain(COUNTY), &city.tree.keys(COUNTY).tls);
    let keys = city.tree.keys(COUNTY).tls.to_pem();
    let key = TlsKey::from_pem(&keys).unwrap();
    let issue = |city: &City, validity| {
        let issuer = city.tree.issuer(CITY);
        issuer.chain_with(&issuer.issue_tls(&city.tree.dns(COUNTY), &key.request(), validity).unwrap())
    };
    let day = 24 * 3_600_000;
    let expired = issue(&city, Validity { not_before_ms: NOW_MS - 2 * day, not_after_ms: NOW_MS - day });
    assert_refused(&city.dialled_with(expired, &key), "certificate expired");
    let early = issue(&city, Validity { not_before_ms: NOW_MS + day, not_after_ms: NOW_MS + 2 * day });
    assert_refused(&city.dialled_with(early, &key), "not valid yet");
    assert_eq!(county(&city), Seen::Room(COUNTY), "the control");
    city.now_ms += 400 * day;
    assert!(matches!(county(&city), Seen::Handshake(_)), "a year later all TLS certificates have expired");
}

fn revocation(room: RoomId, serial: Serial) -> Revocation {
    Revocation {
        room,
        at_ms: NOW_MS,
        reason: RevocationReason::KeyCompromise,
        revoked: Revoked::Certificate(serial),
        compromised_since_ms: None,
    }
}

#[test]
fn a_revoked_certificate_is_refused_and_so_is_one_below_a_revoked_hub() {
    let mut city = City::new();
    let dial = |city: &City| city.dialled_with(city.tree.tls_chain(COUNTY), &city.tree.keys(COUNTY).tls);
    let serial = |der: &CertificateDer<'_>| CertificateFacts::read(der).unwrap().serial;
    let own = revocation(COUNTY, serial(&city.tree.tls_chain(COUNTY)[0]));
    let sheet = city.tree.revoking(Publisher::Hub(CITY), 2, vec![own]);
    city.crls = vec![sheet.sheet().crl.to_vec()];
    assert_refused(&dial(&city), "Revoked");

    let other = revocation(COUNTY, Serial::random());
    city.crls = vec![city.tree.revoking(Publisher::Hub(CITY), 3, vec![other]).sheet().crl.to_vec()];
    assert_eq!(dial(&city), Seen::Room(COUNTY), "the control: a list with another serial");

    let hub = revocation(CITY, serial(&city.tree.issuing_chain(CITY)[0]));
    city.crls = vec![city.tree.revoking(Publisher::Hub(PROVINCE), 2, vec![hub]).sheet().crl.to_vec()];
    assert_refused(&dial(&city), "Revoked");
}

#[test]
fn a_stale_list_still_refuses_the_revoked_and_nobody_else() {
    let mut city = City::new();
    let serial = CertificateFacts::read(&city.tree.tls_chain(COUNTY)[0]).unwrap().serial;
    let sheet = city.tree.revoking(Publisher::Hub(CITY), 2, vec![revocation(COUNTY, serial)]);
    city.crls = vec![sheet.sheet().crl.to_vec()];
    city.now_ms = sheet.revocation_list().stale_at_ms + 1;
    assert_refused(&city.dialled_with(city.tree.tls_chain(COUNTY), &city.tree.keys(COUNTY).tls), "Revoked");
    let province = city.dialled_with(city.tree.tls_chain(PROVINCE), &city.tree.keys(PROVINCE).tls);
    assert_eq!(province, Seen::Room(PROVINCE));
}

#[test]
fn issuing_and_sheet_certificates_are_not_for_links() {
    let city = City::new();
    let key = TlsKey::from_pem(&city.tree.keys(CITY).issuing.to_pem()).unwrap();
    assert_refused(&city.dialled_with(city.tree.issuing_chain(CITY), &key), "CaUsedAsEndEntity");
    let issuer = city.tree.issuer(CITY);
    let sheets = issuer.chain_with(&issuer.issue_sheet_signer(Validity::days(NOW_MS, 30)).unwrap());
    assert_refused(&city.dialled_with(sheets, &key), "extended key usage");
}

#[test]
fn self_signed_and_foreign_certificates_are_refused() {
    let city = City::new();
    let (key, dns) = (TlsKey::generate(), city.tree.dns(COUNTY));
    let mut params = CertificateParams::default();
    named(&dns)(&mut params);
    let own = params.self_signed(&SigningKey::from_pem(&key.to_pem()).unwrap()).unwrap().der().clone();
    assert_refused(&city.dialled_with(vec![own], &key), "invalid peer certificate");
    let elsewhere = Tree::new();
    let seen = city.dialled_with(elsewhere.tls_chain(COUNTY), &elsewhere.keys(COUNTY).tls);
    assert_refused(&seen, "invalid peer certificate");
    let foreign = Authority::create("henan", NOW_MS).unwrap();
    assert_ne!(foreign.root(), city.tree.authority.root());
}

#[test]
fn a_certificate_with_two_names_or_an_address_is_of_no_room() {
    let city = City::new();
    let (key, dns) = (TlsKey::generate(), city.tree.dns(COUNTY));
    let twice = |params: &mut CertificateParams| {
        let name = || SanType::DnsName(dns.clone().try_into().unwrap());
        params.subject_alt_names = vec![name(), name()];
    };
    assert_eq!(
        city.dialled_with(forged_by(&city, CITY, &key, twice), &key),
        Seen::Plan(PeerError::NotOneName)
    );
    let address = |params: &mut CertificateParams| {
        named(&dns)(params);
        params.subject_alt_names.push(SanType::IpAddress([10, 0, 0, 1].into()));
    };
    let seen = city.dialled_with(forged_by(&city, CITY, &key, address), &key);
    assert_eq!(seen, Seen::Plan(PeerError::NotOneName));
    let unknown = format!("{}.{}", RoomId::from_bytes([9; 16]), city.tree.dns(CITY));
    let seen = city.dialled_with(forged_by(&city, CITY, &key, named(&unknown)), &key);
    assert_eq!(seen, Seen::Plan(PeerError::NotOnMap { name: unknown }));
}

#[test]
fn a_room_that_moved_to_another_hub_needs_a_new_certificate() {
    let city = City::new();
    let moved = map(2, &[(COUNTY, OTHER_CITY)]);
    let (chain, key) = (city.tree.tls_chain(COUNTY), &city.tree.keys(COUNTY).tls);
    let name = city.tree.dns(COUNTY);
    assert_eq!(city.dialled_under(&moved, chain, key), Seen::Plan(PeerError::NotOnMap { name }));
}

#[test]
fn a_peer_without_certificate_passes_the_handshake_and_is_no_room() {
    let city = City::new();
    let config = join_client_config(city.tree.authority.root(), &[]).unwrap();
    let mut client = city.client(config, &city.tree.dns(CITY));
    let mut server = city.server();
    shake(&mut client, &mut server).unwrap();
    assert_eq!(server.alpn_protocol(), Some(ALPN_JOIN));
    assert!(server.peer_certificates().is_none());
    assert_eq!(peer_room(&city.tree.map, &[]), Err(PeerError::NoCertificate));
}

#[test]
fn the_dialling_side_refuses_a_hub_under_another_name_and_a_revoked_one() {
    let city = City::new();
    let refused = |dns: &str, crls: &[Vec<u8>]| {
        let config = client_config(city.cell(COUNTY), city.tree.authority.root(), crls).unwrap();
        shake(&mut city.client(config, dns), &mut city.server())
    };
    assert_eq!(refused(&city.tree.dns(CITY), &[]), Ok(()));
    assert!(refused(&city.tree.dns(OTHER_CITY), &[]).unwrap_err().contains("not valid for name"));
    let serial = CertificateFacts::read(&city.tree.tls_chain(CITY)[0]).unwrap().serial;
    let sheet = city.tree.revoking(Publisher::Hub(PROVINCE), 2, vec![revocation(CITY, serial)]);
    let error = refused(&city.tree.dns(CITY), &[sheet.sheet().crl.to_vec()]).unwrap_err();
    assert!(error.contains("Revoked"), "{error}");
}

#[test]
fn a_renewed_certificate_is_used_from_the_next_handshake_on() {
    let city = City::new();
    let cell = city.cell(CITY);
    let config = server_config(Arc::clone(&cell), city.tree.authority.root(), &[]).unwrap();
    let mut config = Arc::unwrap_or_clone(config);
    config.time_provider = Arc::new(At(NOW_MS));
    let config = Arc::new(config);
    let shown = || {
        let dial = join_client_config(city.tree.authority.root(), &[]).unwrap();
        let mut client = city.client(dial, &city.tree.dns(CITY));
        let mut server = ServerConnection::new(Arc::clone(&config)).unwrap();
        shake(&mut client, &mut server).unwrap();
        client.peer_certificates().unwrap()[0].clone().into_owned()
    };
    let before = shown();
    let renewed = TlsKey::generate();
    let issuer = city.tree.issuer(PROVINCE);
    let valid = Validity::days(NOW_MS, 30);
    let issued = issuer.issue_tls(&city.tree.dns(CITY), &renewed.request(), valid).unwrap();
    assert_eq!(cell.swap(issuer.chain_with(&issued), &TlsKey::generate()), Err(TlsError::Key));
    assert_eq!(shown(), before, "a key that does not fit changes nothing");
    cell.swap(issuer.chain_with(&issued), &renewed).unwrap();
    assert_eq!(shown(), issued.certificate);
}

#[test]
fn the_handshake_is_tls_13_with_the_hybrid_group_and_without_tickets() {
    let city = City::new();
    let config = client_config(city.cell(COUNTY), city.tree.authority.root(), &[]).unwrap();
    let (mut client, mut server) = (city.client(config, &city.tree.dns(CITY)), city.server());
    shake(&mut client, &mut server).unwrap();
    assert_eq!(client.protocol_version(), Some(rustls::ProtocolVersion::TLSv1_3));
    let group = client.negotiated_key_exchange_group().unwrap();
    assert_eq!(group.name(), rustls::NamedGroup::X25519MLKEM768);
    assert_eq!(client.tls13_tickets_received(), 0);
    let config = server_config(city.cell(CITY), city.tree.authority.root(), &[]).unwrap();
    assert_eq!((config.send_tls13_tickets, config.max_early_data_size), (0, 0));
    assert!(!config.session_storage.can_cache());
}

#[test]
fn keys_and_certificates_of_two_rooms_do_not_mix() {
    let city = City::new();
    let mixed = CertificateCell::new(city.tree.tls_chain(COUNTY), &RoomKeys::generate().tls);
    assert_eq!(mixed.unwrap_err(), TlsError::Key);
    let issuing = IssuingKey::generate();
    assert!(crate::authority::Issuer::of_hub(issuing, &city.tree.issuing_chain(CITY)).is_err());
}
