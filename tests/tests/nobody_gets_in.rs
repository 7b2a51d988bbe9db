//! Promise 5: nobody gets in who is not on the map. A hand-made QUIC client knocks with every sort of bad certificate;
//! each time the room itself, with its own, is let in by the same hub a moment later.

use std::{sync::Arc, time::Duration};

use certs::{
    authority::{Authority, Validity},
    tls::{ALPN_JOIN, ALPN_LINK},
};
use node::{
    clock::Clock,
    control::{request::Request, view},
    link::registry::close,
};
use relay::frame::Frame;
use tests::{
    adversary::Table,
    cluster::{Cluster, LONG, Network, Shared, until_true},
    peer::{Credentials, Ended, Keys, Line, credentials, hello, line},
};
use tokio::sync::Mutex;
use topology::RoomId;

const PROGRAM: &str = env!("CARGO_BIN_EXE_tests");
const DAY_MS: i64 = 24 * 3600 * 1000;

static SHARED: Shared = Shared::new();

/// The seven rooms. The counties' own nodes are away: tests speak in their names.
async fn network() -> Arc<Cluster> {
    static STOPPING: Mutex<()> = Mutex::const_new(());
    let cluster = SHARED.cluster(PROGRAM, Network::seven).await;
    let _one_at_a_time = STOPPING.lock().await;
    for (county, hub) in [("410122", "410100"), ("411322", "411300"), ("411323", "411300")] {
        if cluster.room(county).pid().is_some() {
            cluster.room(county).stop().await;
            cluster.room(hub).link_is(county, "down").await;
        }
    }
    cluster
}

fn keys(cluster: &Cluster, code: &str) -> Keys {
    Keys::of(cluster.room(code).dir())
}

/// How a peer that must not come in is sent away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Away {
    /// By TLS itself.
    InTheHandshake,
    /// By the node, with this code.
    With(u32),
}

impl Away {
    /// Nothing when the peer was let in.
    fn of<T>(dialled: &Result<T, Ended>) -> Option<Self> {
        match dialled {
            Err(Ended::Tls(_)) => Some(Self::InTheHandshake),
            Err(Ended::Refused(code, _)) => Some(Self::With(*code)),
            Err(Ended::Lost(_)) | Ok(_) => None,
        }
    }
}

impl std::fmt::Display for Away {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::InTheHandshake => f.write_str("refused by TLS"),
            Self::With(code) => f.write_str(close::word(u64::from(*code))),
        }
    }
}

fn check<T>(table: &mut Table, id: &str, what: &str, dialled: Result<T, Ended>, away: Away) {
    let happened = Away::of(&dialled).map_or("let in".to_owned(), |away| away.to_string());
    let told = dialled.err().map(|ended| format!("the peer: {ended:?}"));
    table.row(id, what, away, happened, told.unwrap_or_default());
}

/// Certificates for the county 411322, none of which is good at the city 411300.
fn bad_credentials(cluster: &Cluster, county: &Keys) -> Vec<(&'static str, Option<Credentials>, Away)> {
    let city = keys(cluster, "411300");
    let dns = county.map().dns_name(county.room).unwrap();
    let now = Clock::wall().as_ms();
    let span = |from_days: i64, to_days: i64| Validity {
        not_before_ms: now + from_days * DAY_MS,
        not_after_ms: now + to_days * DAY_MS,
    };
    let foreign = Authority::create("henan", now).unwrap();
    let foreign_root = foreign.issuer();
    let province = county.map().dns_name(county.map().root()).unwrap();
    let stranger = keys(cluster, "410122");
    let other_subtree = stranger.map().dns_name(stranger.room).unwrap();
    let sibling = keys(cluster, "411323");
    vec![
        ("no certificate", None, Away::With(close::NO_CERTIFICATE)),
        ("a self-signed one", Some(Credentials::self_signed(&dns)), Away::InTheHandshake),
        (
            "one of another authority with the same names",
            Some(Credentials::issued(&province, foreign_root, span(-1, 30))),
            Away::InTheHandshake,
        ),
        (
            "an expired one",
            Some(Credentials::issued(&dns, &city.issuer(), span(-30, -1))),
            Away::InTheHandshake,
        ),
        (
            "one not yet valid",
            Some(Credentials::issued(&dns, &city.issuer(), span(1, 30))),
            Away::InTheHandshake,
        ),
        (
            "one for a room outside its issuer's subtree",
            Some(Credentials::signed_by_force(&other_subtree, &city.issuing, &city.issuing_chain)),
            Away::InTheHandshake,
        ),
        (
            "an issuing certificate in a room's place",
            Some(Credentials::of_issuer(city.issuing_chain.clone(), &city.issuing)),
            Away::InTheHandshake,
        ),
        (
            "one for a name below the room, which is no room",
            Some(Credentials::signed_by_force(&format!("x.{dns}"), &city.issuing, &city.issuing_chain)),
            Away::With(close::NOT_A_NEIGHBOUR),
        ),
        (
            "one for a name that no room of the map has",
            Some(Credentials::issued(
                &format!("{}.{}", RoomId::from_bytes([9; 16]), city.issuer().domain()),
                &city.issuer(),
                span(-1, 30),
            )),
            Away::With(close::NOT_A_NEIGHBOUR),
        ),
        ("its sibling's", Some(sibling.credentials()), Away::With(close::VIOLATION)),
        ("that of a child of another hub", Some(stranger.credentials()), Away::With(close::NOT_A_NEIGHBOUR)),
        ("the hub's own", Some(city.credentials()), Away::With(close::NOT_A_NEIGHBOUR)),
        (
            "that of the hub's parent",
            Some(keys(cluster, "410000").credentials()),
            Away::With(close::NOT_A_NEIGHBOUR),
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_room_itself_with_its_own_certificate_is_let_in() {
    let cluster = network().await;
    let county = keys(&cluster, "411322");
    let hub = county.room_of("411300");
    let mut table = Table::new("certificates");
    for (what, credentials, away) in bad_credentials(&cluster, &county) {
        check(&mut table, "T7", what, county.dial_with(hub, credentials.as_ref()).await, away);
        let state = cluster.room("411300").link("411322").await.unwrap().state;
        assert_eq!(state, "down", "{what}");
    }
    let issued = Credentials::issued(
        &county.map().dns_name(county.room).unwrap(),
        &keys(&cluster, "411300").issuer(),
        Validity::days(Clock::wall().as_ms(), 30),
    );
    for (what, credentials) in [("issued by the same hand", issued), ("its own", county.credentials())] {
        let line = county.dial_with(hub, Some(&credentials)).await;
        line.unwrap_or_else(|ended| panic!("the control, a certificate {what}: {ended:?}"));
    }
    let line = county.dial(hub).await.unwrap();
    cluster.room("411300").link_is("411322", "up").await;
    drop(line);
    table.control("the county's own certificate, and one issued by the same hand");
    table.finish(13);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_is_let_in_by_its_parent_and_by_no_other_hub() {
    let cluster = network().await;
    let county = keys(&cluster, "410122");
    let mut table = Table::new("other hubs");
    for stranger in ["410000", "411300"] {
        let dialled = county.dial(county.room_of(stranger)).await;
        let what = format!("county 410122 dials {stranger}, which is not its parent");
        check(&mut table, "T7", &what, dialled, Away::With(close::NOT_A_NEIGHBOUR));
    }
    county.dial(county.room_of("410100")).await.expect("its parent lets it in");
    table.control("the county dials its parent");
    table.finish(2);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_other_protocol_is_spoken() {
    let cluster = network().await;
    let county = keys(&cluster, "410122");
    let hub = county.room_of("410100");
    let mut table = Table::new("protocols");
    for alpn in ["h3", "yichuan/0", "yichuan/2", "yichuan"] {
        let connected = county.connect(hub, Some(&county.credentials()), alpn.as_bytes()).await;
        check(&mut table, "T15", &format!("ALPN {alpn}"), connected, Away::InTheHandshake);
    }
    county
        .connect(hub, Some(&county.credentials()), ALPN_LINK)
        .await
        .expect("the protocol of links is spoken");
    table.control("ALPN yichuan/1");
    table.finish(4);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_door_serves_nothing_but_the_door() {
    let cluster = network().await;
    let county = keys(&cluster, "410122");
    let hub = county.room_of("410100");
    let mut table = Table::new("the door");
    for credentials in [None, Some(county.credentials())] {
        let who = if credentials.is_some() { "with its certificate" } else { "without a certificate" };
        let (endpoint, connection) =
            county.connect(hub, credentials.as_ref(), ALPN_JOIN).await.expect("anybody may knock");
        let greeted = Line::greet(endpoint, connection, hello(&county)).await;
        let what = format!("a hello of the link at the door, {who}");
        check(&mut table, "T16", &what, greeted, Away::With(close::VIOLATION));
        let (endpoint, connection) = county.connect(hub, credentials.as_ref(), ALPN_JOIN).await.unwrap();
        let mut line = Line::open(endpoint, connection).await.unwrap();
        let question = Frame::Clock { asked: Clock::wall() };
        // The node may have closed the connection before the second write.
        let _ = line.say(&question).await;
        let _ = line.open_lanes().await;
        assert_eq!(line.hear().await.err(), Some(line.closed().await), "nothing is answered at the door");
    }
    assert_eq!(cluster.room("410100").link("410122").await.unwrap().state, "down");
    county.dial(hub).await.expect("the control: the same hello is answered on a link");
    table.control("the same hello on a link");
    table.finish(2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_ends_while_its_link_is_up_ends_the_link() {
    let cluster = network().await;
    let county = keys(&cluster, "411323");
    let hub = county.room_of("411300");
    let now = Clock::wall().as_ms();
    let validity = Validity { not_before_ms: now - DAY_MS, not_after_ms: now + 3000 };
    let dns = county.map().dns_name(county.room).unwrap();
    let short = Credentials::issued(&dns, &keys(&cluster, "411300").issuer(), validity);
    let line = county.dial_with(hub, Some(&short)).await.expect("it is valid for some seconds");
    let ended = line.closed().await;
    let mut table = Table::new("expiry and revocation");
    check(
        &mut table,
        "T5",
        "a certificate that ends while its link is up",
        Err::<(), _>(ended),
        Away::With(close::EXPIRED),
    );
    // A certificate counts whole seconds: TLS may find it good until the last one is over.
    until_true("the certificate is refused after its end", LONG, async || {
        matches!(county.dial_with(hub, Some(&short)).await, Err(Ended::Tls(_)))
    })
    .await;
    county.dial(hub).await.expect("its other certificate is good");
    table.control("the same room with a certificate that is valid");
    table.finish(1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_room_is_thrown_out_within_a_minute_and_stays_out() {
    let mut network = Network::three();
    network.add("411323", "西峡县政府总值班室", "county", Some("411300"));
    let cluster = Cluster::start(PROGRAM, network).await;
    let county = cluster.room("411322");
    county.kill();
    let keys = Keys::of(county.dir());
    let hub = keys.room_of("411300");
    let line = keys.dial(hub).await.expect("not revoked yet");
    let revoked_at = Clock::instant();
    let revoke =
        Request::CertificateRevoke { room: "411322".to_owned(), reason: "key_compromise".to_owned() };
    let revoked: Vec<view::Certificate> = cluster.room("411300").ask(&revoke).await.unwrap();
    assert!(!revoked.is_empty());
    let ended = line.closed_within(LONG * 2).await;
    let took = revoked_at.elapsed();
    let mut table = Table::new("expiry and revocation");
    check(
        &mut table,
        "T3",
        "a room that is revoked while its link is up",
        Err::<(), _>(ended),
        Away::With(close::REVOKED),
    );
    assert!(took < Duration::from_secs(60), "the link stayed up for {took:?}");
    check(&mut table, "T2", "a revoked room dials again", keys.dial(hub).await, Away::InTheHandshake);
    // Nobody else is touched, and the room itself comes back by a new invitation.
    assert_eq!(cluster.room("411300").link("411323").await.unwrap().state, "up");
    let token = cluster.invite("411322").await;
    let again = cluster.place().join("again");
    let joined = cluster.command(&["--dir", tests::cluster::text(&again), "join", &token]).await;
    assert_eq!(joined.code, 0, "{joined:?}");
    Keys::of(&again).dial(hub).await.expect("the room with its new keys is let in");
    check(
        &mut table,
        "T2",
        "the old keys, beside the room's new ones",
        keys.dial(hub).await,
        Away::InTheHandshake,
    );
    table.control("the room with its new keys");
    table.finish(3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spokes_certificate_is_not_taken_for_a_hubs() {
    let cluster = Cluster::start(PROGRAM, Network::three()).await;
    let (county, city) = (cluster.room("411322"), cluster.room("411300"));
    city.kill();
    let (of_city, of_county) = (Keys::of(city.dir()), Keys::of(county.dir()));
    let config = credentials::server_config(&of_city.trust.root, &of_county.credentials());
    let impostor = quinn::Endpoint::server(config, of_city.address_of(of_city.room)).unwrap();
    let mut table = Table::new("impostor hubs");
    for _ in 0..2 {
        let incoming =
            tokio::time::timeout(LONG, impostor.accept()).await.expect("the county dials").unwrap();
        let met = incoming.await.map_err(|error| line::ended(&error));
        check(&mut table, "T8", "a spoke's certificate in a hub's place", met, Away::InTheHandshake);
    }
    let link = county.link("411300").await.unwrap();
    assert_eq!((link.state.as_str(), link.reason.as_deref()), ("down", Some("link_handshake")));
    impostor.close(0_u32.into(), b"the test is done");
    drop(impostor);
    let genuine = loop {
        let config = credentials::server_config(&of_city.trust.root, &of_city.credentials());
        match quinn::Endpoint::server(config, of_city.address_of(of_city.room)) {
            Ok(endpoint) => break endpoint,
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    };
    of_city.accept(&genuine).await.expect("the control: the city's own certificate is taken");
    table.control("the city's own certificate");
    table.finish(2);
}
