//! How long somebody stays logged in, and over what: a session locks when no hand was on it for a quarter of an hour, and
//! then still shows that something rings and how much waits; it ends after twelve hours; and on anything but loopback the
//! console speaks TLS or the node does not start.

use std::{fs, io::Write, net::TcpStream, path::PathBuf, sync::Arc, time::Duration};

use hyper::{Method, StatusCode};
use node::{
    config::ConsoleConfig,
    control::{request::Request, view},
};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::{CertificateDer, ServerName};
use tests::{
    cluster::{Cluster, Letter, Network, text},
    house::{CITY, COUNTY, House, PASSWORD},
    lab::has,
};

const PROGRAM: &str = env!("CARGO_BIN_EXE_tests");
/// Puts another time before a program (Debian's `libfaketime`), here also for what measures durations.
const FAKER: &str = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1";
const MINUTE_S: u64 = 60;
const HOUR_S: u64 = 3_600;
const LOGIN: &str = "GET /login HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
const PATIENCE: Duration = Duration::from_secs(30);

/// How far the clock of the console's node is ahead from now on.
fn set_clock(file: &PathBuf, ahead_s: u64) {
    let new = file.with_extension("new");
    fs::write(&new, format!("+{ahead_s}\n")).unwrap();
    fs::rename(new, file).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_locks_without_a_hand_on_it_still_shows_what_rings_and_ends_after_twelve_hours() {
    if !has(&[FAKER]) {
        return;
    }
    let mut house = House::open(PROGRAM, CITY).await;
    house.officer("li-ming", "duty_officer").await;
    let clock = house.cluster.place().join("console.clock");
    set_clock(&clock, 0);
    house.cluster.room(CITY).stop().await;
    let environment =
        [("LD_PRELOAD", FAKER), ("FAKETIME_TIMESTAMP_FILE", text(&clock)), ("FAKETIME_NO_CACHE", "1")];
    house.cluster.room(CITY).spawn(&[], &environment);
    house.cluster.room(CITY).ready().await;
    house.cluster.all_links_up().await;
    house.locate().await;
    let letter = Letter::test("report", &[CITY], "化工厂爆炸").precedence("flash");
    let id = house.cluster.room(COUNTY).send(&letter).await;
    house.cluster.room(CITY).has_in_inbox(&id).await;

    let cookie = house.log_in("li-ming", PASSWORD, "").await.cookie();
    set_clock(&clock, 10 * MINUTE_S);
    let by_itself = [("cookie", cookie.as_str()), ("x-refresh", "1")];
    assert_eq!(house.ask(Method::GET, "/", &by_itself, "").await.status, StatusCode::OK);
    set_clock(&clock, 14 * MINUTE_S);
    let page = house.get("/inbox", &cookie).await;
    assert!(page.status == StatusCode::OK && page.body.contains("化工厂爆炸"), "{page:?}");
    // A page that reads itself again is no hand.
    set_clock(&clock, 28 * MINUTE_S);
    assert_eq!(house.ask(Method::GET, "/", &by_itself, "").await.status, StatusCode::OK);
    set_clock(&clock, 30 * MINUTE_S);
    assert_eq!(house.get("/inbox", &cookie).await.header("location"), "/locked");
    let locked = house.get("/locked", &cookie).await;
    assert!(
        locked.status == StatusCode::OK && locked.body.contains("data-precedence=\"flash\""),
        "{locked:?}"
    );
    assert!(locked.body.contains("未签收 1 件"), "how much waits stays visible: {locked:?}");
    assert!(!locked.body.contains(&id) && !locked.body.contains("化工厂"), "{locked:?}");
    let refused = house.ask(Method::GET, "/api/inbox", &[("cookie", &cookie)], "").await;
    assert_eq!((refused.status, refused.code().as_str()), (StatusCode::FORBIDDEN, "session_locked"));
    let wall = house.get("/wall", &cookie).await;
    assert!(wall.status == StatusCode::OK && !wall.body.contains("化工厂"), "{wall:?}");

    // The password opens it, under a new id; that one ends twelve hours later, whoever uses it.
    let entered = house.log_in("li-ming", PASSWORD, &cookie).await;
    let again = entered.cookie();
    assert_ne!(again, cookie);
    assert_eq!(house.get("/locked", &cookie).await.header("location"), "/login", "the old id is nobody's");
    let begun_s = 30 * MINUTE_S;
    for minutes in (10..12 * 60).step_by(14) {
        set_clock(&clock, begun_s + minutes * MINUTE_S);
        let page = house.get("/phone", &again).await;
        assert_eq!(page.status, StatusCode::OK, "after {minutes} minutes with a hand on it: {page:?}");
    }
    set_clock(&clock, begun_s + 12 * HOUR_S);
    let over = house.get("/phone", &again).await;
    assert_eq!(over.header("location"), "/login?next=/phone", "{over:?}");
    let refused = house.ask(Method::GET, "/api/inbox", &[("cookie", &again)], "").await;
    assert_eq!(refused.code(), "login_wanted");
}

#[tokio::test(flavor = "multi_thread")]
async fn beyond_loopback_the_console_speaks_tls_or_the_node_does_not_start() {
    let cluster = Arc::new(Cluster::start(PROGRAM, Network::three()).await);
    let city = cluster.room(CITY);
    city.stop().await;
    let listen = "0.0.0.0:0".parse().unwrap();
    let console = ConsoleConfig { listen, names: vec!["localhost".to_owned()], ..ConsoleConfig::default() };
    // One that is refused does not read again.
    let file = city.dir().join("config.toml");
    let before = fs::read(&file).unwrap();
    let set = |console: &ConsoleConfig| {
        fs::write(&file, &before).unwrap();
        city.configure(|config| config.console = Some(console.clone()));
    };
    set(&console);
    let refused = tokio::time::timeout(PATIENCE, cluster.at(CITY, &["run", "--json"])).await;
    let refused = refused.expect("a console in the clear on every address is refused at the start");
    assert!(refused.code != 0 && refused.err.contains("console_needs_tls"), "{refused:?}");

    let (authority, issuer) = authority();
    let key = KeyPair::generate().unwrap();
    let own = CertificateParams::new(vec!["localhost".to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
    fs::write(city.dir().join("console.pem"), own.pem()).unwrap();
    let with_tls = |key: &str| {
        set(&ConsoleConfig {
            certificate: Some("console.pem".into()),
            key: Some(key.into()),
            ..console.clone()
        });
    };
    with_tls("missing.pem");
    let refused = tokio::time::timeout(PATIENCE, cluster.at(CITY, &["run", "--json"])).await.unwrap();
    assert!(refused.code != 0 && refused.err.contains("console_tls_unusable"), "{refused:?}");

    fs::write(city.dir().join("console.key"), key.serialize_pem()).unwrap();
    with_tls("console.key");
    city.start().await;
    let status: view::Status = city.ask(&Request::Status).await.unwrap();
    let url = status.console.unwrap();
    assert!(url.starts_with("https://"), "{url}");
    let port = url.rsplit(':').next().unwrap();
    let place = format!("127.0.0.1:{port}");
    tokio::task::spawn_blocking(move || {
        let said = over_tls(&place, "localhost", authority.clone(), LOGIN).unwrap();
        assert!(said.starts_with("HTTP/1.1 200"), "{said}");
        assert!(said.to_lowercase().contains("strict-transport-security: max-age="), "{said}");
        // Who trusts another authority, or looks for another name, breaks off before it has asked for anything.
        let (another, _) = self::authority();
        for (name, trusted) in [("localhost", another), ("elsewhere", authority)] {
            let refused = over_tls(&place, name, trusted, LOGIN).unwrap_err();
            assert!(refused.to_string().contains("invalid peer certificate"), "{name}: {refused}");
        }
        let mut plain = TcpStream::connect(&place).unwrap();
        plain.set_read_timeout(Some(PATIENCE)).unwrap();
        plain.write_all(LOGIN.as_bytes()).unwrap();
        let said = read(&mut plain);
        assert!(!said.contains("HTTP/1.1"), "nothing is said in the clear: {said}");
    })
    .await
    .unwrap();
}

/// An authority of the house that issues certificates for its machines, and its own certificate.
fn authority() -> (CertificateDer<'static>, Issuer<'static, KeyPair>) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let certificate = params.self_signed(&key).unwrap();
    (certificate.der().clone(), Issuer::new(params, key))
}

/// One request over TLS by somebody who looks for this name and trusts this authority only.
fn over_tls(
    place: &str,
    name: &'static str,
    authority: CertificateDer<'static>,
    request: &str,
) -> std::io::Result<String> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(authority).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(name).unwrap();
    let connection = rustls::ClientConnection::new(Arc::new(config), name).unwrap();
    let stream = TcpStream::connect(place).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut stream = rustls::StreamOwned::new(connection, stream);
    stream.write_all(request.as_bytes())?;
    Ok(read(&mut stream))
}

/// All that comes until the other side has closed.
fn read(stream: &mut impl std::io::Read) -> String {
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}
