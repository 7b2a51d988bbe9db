//! Renewing and revoking.

use std::time::Duration;

use certs::{
    authority::{Authority, Validity},
    certificate::CertificateFacts,
    enrolment::sign_renewal,
    identity::{IssuingKey, RoomKeys, TlsKey},
    peer::Publisher,
};

use super::network::{DAY, Hub, Network, Node, after, refused, welcomed};
use crate::{
    authority::sign_plan, clock::Clock, door::message::Knock, enrolment::renew_in_time, identity::Identity,
    problem::EXIT_POLICY,
};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;
const PATIENCE: Duration = Duration::from_secs(30);

/// Gives a node a certificate from its hub that expired a month ago.
fn let_expire(node: &Node, hub: &Hub) {
    let key = TlsKey::generate();
    let issuer = hub.node.identity.issuer().unwrap();
    let dns = node.trust.current().map.dns_name(node.identity.room).unwrap();
    let now_ms = Clock::wall().as_ms();
    let validity = Validity { not_before_ms: now_ms - 60 * DAY_MS, not_after_ms: now_ms - 30 * DAY_MS };
    let issued = issuer.issue_tls(&dns, &key.request(), validity).unwrap();
    node.identity.renewed(&node.directory, &key, &issuer.chain_with(&issued), None).unwrap();
}

fn renewal(identity: &Identity, at_ms: i64) -> Knock {
    let keys: RoomKeys = identity.keys_with(TlsKey::generate());
    Knock::Renew(sign_renewal(&keys, "henan", identity.room, at_ms).into())
}

#[tokio::test]
async fn a_room_whose_certificate_expired_long_ago_renews_by_itself() {
    let network = Network::new();
    let hub = network.province();
    let_expire(&network.joined(&hub, "411300").await, &hub);
    let city = Node::open(&network.path("411300"));
    let mut renewals = city.tls.renewals();
    renewals.mark_unchanged();
    let before = hub.node.trust.current().keys.sheets().map(|sheet| sheet.sheet().version).max();
    tokio::select! {
        () = renew_in_time(&city.identity, &city.directory, &city.trust, &city.tls) => {}
        changed = tokio::time::timeout(PATIENCE, renewals.changed()) => changed.unwrap().unwrap(),
    }
    let facts = CertificateFacts::read(&city.tls.own().chain()[0]).unwrap();
    assert!(facts.not_after_ms > Clock::wall().as_ms() + 29 * DAY_MS);
    let reopened = Node::open(&network.path("411300"));
    assert_eq!(reopened.identity.tls_chain, city.tls.own().chain());
    let trust = hub.node.trust.current();
    assert!(trust.keys.sheets().map(|sheet| sheet.sheet().version).max() > before);
    let sheet = trust.keys.sheet(Publisher::Hub(hub.node.identity.room)).unwrap();
    assert_eq!(sheet.entry(city.identity.room).unwrap().tls_serial, Some(facts.serial));
    assert_eq!(reopened.trust.current().sheet_versions(), trust.sheet_versions());
}

#[tokio::test]
async fn an_old_renewal_is_not_accepted_again_and_a_room_with_a_wrong_clock_still_renews() {
    let network = Network::new();
    let hub = network.province();
    let city = network.joined(&hub, "411300").await;
    let now_ms = Clock::wall().as_ms();
    let ahead = renewal(&city.identity, now_ms + DAY_MS / 2);
    welcomed(hub.node.door.hear(&ahead, Clock::wall()));
    assert_eq!(refused(hub.node.door.hear(&ahead, Clock::wall())), "renewal_time");
    let far_ahead = renewal(&city.identity, i64::MAX);
    assert_eq!(refused(hub.node.door.hear(&far_ahead, Clock::wall())), "renewal_time");
    city.renew().await.unwrap();
    city.renew().await.unwrap();
}

#[tokio::test]
async fn a_revoked_room_gets_nothing_until_it_is_invited_again() {
    let network = Network::new();
    let hub = network.province();
    let city = network.joined(&hub, "411300").await;
    city.renew().await.unwrap();
    let revoked = hub.node.door.revoke(city.identity.room, "key-compromise", Clock::wall()).unwrap();
    let in_force = hub.node.trust.current();
    assert_eq!(in_force.keys.sheet(Publisher::Hub(hub.node.identity.room)).unwrap().bytes(), revoked.sheet);
    let purposes: Vec<_> = revoked.certificates.iter().map(|known| known.purpose).collect();
    assert_eq!(purposes, ["tls", "tls", "issuing"]);
    assert!(revoked.certificates.iter().all(|known| known.revoked_at_ms.is_some()));
    let trust = hub.node.trust.current();
    assert_eq!(trust.keys.revoked_serials().count(), 3);
    let refused = city.renew().await.unwrap_err();
    assert_eq!((refused.code.as_str(), refused.exit), ("renewal_revoked", EXIT_POLICY));
    let again = hub.node.door.revoke(city.identity.room, "key-compromise", Clock::wall()).unwrap_err();
    assert_eq!(again.code, "nothing_to_revoke");
    let word = hub.node.door.revoke(city.identity.room, "because", Clock::wall()).unwrap_err();
    assert_eq!(word.code, "revocation_reason");
    std::fs::remove_dir_all(network.path("411300")).unwrap();
    let back = network.joined(&hub, "411300").await;
    back.renew().await.unwrap();
    assert_ne!(back.identity.signing.public(), city.identity.signing.public());
    assert_eq!(hub.node.trust.current().keys.revoked_serials().count(), 3);
}

#[tokio::test]
async fn a_copy_of_a_room_that_was_enrolled_anew_renews_nothing() {
    let network = Network::new();
    let hub = network.province();
    let old = network.joined(&hub, "411300").await;
    std::fs::rename(network.path("411300"), network.path("given-away")).unwrap();
    let new = network.joined(&hub, "411300").await;
    assert_eq!(old.renew().await.unwrap_err().code, "renewal_revoked");
    new.renew().await.unwrap();
    let keys = hub.node.trust.current().keys.clone();
    assert_eq!(keys.signing_keys(new.identity.room).len(), 2);
}

#[tokio::test]
async fn strangers_and_rooms_of_other_hubs_renew_nothing() {
    let network = Network::new();
    let hub = network.province();
    let city = network.joined(&hub, "411300").await;
    let stranger = RoomKeys::generate();
    let signed = sign_renewal(&stranger, "henan", city.identity.room, Clock::wall().as_ms());
    assert_eq!(refused(hub.node.door.hear(&Knock::Renew(signed.into()), Clock::wall())), "renewal_unknown");
    let own = renewal(&hub.node.identity, Clock::wall().as_ms());
    assert_eq!(refused(hub.node.door.hear(&own, Clock::wall())), "renewal_foreign");
    assert_eq!(hub.node.renew().await.unwrap_err().code, "renew_by_authority");
    let nonsense = Knock::Renew(serde_bytes::ByteBuf::from([1, 2, 3]));
    assert_eq!(refused(hub.node.door.hear(&nonsense, Clock::wall())), "renewal_malformed");
}

#[tokio::test]
async fn the_certificates_of_one_room_are_bounded_and_old_ones_are_forgotten() {
    let network = Network::new();
    let hub = network.province();
    let city = network.joined(&hub, "411300").await;
    let start_ms = Clock::wall().as_ms();
    let renew =
        |at: relay::timestamp::Timestamp| hub.node.door.hear(&renewal(&city.identity, at.as_ms()), at);
    for step in 1..64 {
        welcomed(renew(relay::timestamp::Timestamp::from_ms(start_ms + step)));
    }
    assert_eq!(refused(renew(after(Duration::from_secs(60)))), "renewal_too_often");
    welcomed(renew(after(DAY * 31)));
    let own = hub.node.door.certificates(&city.identity.tls_chain).unwrap();
    assert_eq!(own.iter().filter(|known| known.purpose == "tls").count(), 2);
}

#[test]
fn an_issuing_certificate_is_issued_anew_in_its_last_year_or_its_last_third() {
    let now_ms = Clock::wall().as_ms();
    let authority = Authority::create("henan", now_ms).unwrap();
    let room = topology::RoomId::from_bytes([7; 16]);
    let dns = format!("{room}.henan.internal");
    for (days, good_for) in [(3_652, 3_286), (300, 199)] {
        let request = IssuingKey::generate().request();
        let validity = Validity { not_before_ms: now_ms, not_after_ms: now_ms + days * DAY_MS };
        let issued = authority.issuer().issue_issuing(&dns, &request, validity).unwrap();
        let facts = CertificateFacts::read(&issued.certificate).unwrap();
        let is_near = |day: i64| crate::door::is_near_its_end(&facts, now_ms + day * DAY_MS);
        assert_eq!((is_near(good_for), is_near(good_for + 2)), (false, true), "{days} days");
    }
}

#[tokio::test]
async fn a_room_that_a_newer_plan_makes_a_hub_gets_its_issuing_certificate() {
    let network = Network::new();
    let province = network.province();
    network.joined(&province, "411300").await;
    let city = Hub::start(&network.path("411300"));
    let county = network.joined(&city, "411322").await;
    assert!(county.identity.issuer().is_none());
    let text = network.map.replace("version = 1", "version = 2")
        + "[[room]]\ncode = \"41132201000000\"\nname = \"独树镇\"\nlevel = \"township\"\nparent = \"411322\"\n";
    let plan =
        sign_plan(network.place.path(), &network.write_map(&text), &crate::rulebook::InForce::default())
            .unwrap();
    assert!(city.node.trust.accept_plan(&plan, Clock::wall()).unwrap());
    county.renew().await.unwrap();
    assert_eq!(county.trust.current().map.version(), 2);
    let issuer = county.identity.issuer().unwrap();
    assert_eq!(issuer.chain().len(), 3);
    assert!(Node::open(&network.path("411322")).identity.issuer().is_some());
    let first = issuer.certificate().clone();
    county.renew().await.unwrap();
    assert_eq!(county.identity.issuer().unwrap().certificate(), &first);
}
