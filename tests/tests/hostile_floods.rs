//! Floods and slowness: connections, half-open handshakes, streams, credits, noise on the socket, bytes one at a time, bodies
//! that never end. Whoever does it harms its own link at most: its siblings and its superior go on. Each has its control.

use std::{
    net::{SocketAddr, UdpSocket},
    sync::Arc,
    time::Duration,
};

use node::{
    clock::Clock,
    control::{request::Request, view},
    link::registry::close,
};
use relay::{
    frame::{Credit, EnvelopeFrame, Frame, Hello},
    limits::BODY_BYTES_MAX,
    receipt::Event,
};
use serde_bytes::ByteBuf;
use tests::{
    adversary::{County, Table, county::is_alive},
    cluster::{LONG, Letter, Network, Room},
    peer::{Ended, Keys, Line, credentials, hello},
};
use topology::Precedence;

const PROGRAM: &str = env!("CARGO_BIN_EXE_tests");
const SIBLING: &str = "411323";
const OTHER: &str = "411324";

/// Sends a letter from the sibling to the city, and waits until it is delivered.
async fn sibling_is_served(county: &County, letter: Letter) -> &'static str {
    let sibling = county.cluster.room(SIBLING);
    let id = sibling.send(&letter).await;
    sibling.receipt(&id, "delivered").await;
    "its sibling is served"
}

fn small() -> Letter {
    Letter::test("report", &["411300"], "兄弟县的报告")
}

/// A report with a body of a megabyte.
fn large() -> Letter {
    let file = "kind = \"report\"\nstage = \"first\"\ntitle = \"火灾\"\noccurred_at = \"不明\"\nwhat = \"情况不明\"\n\
                attachments = [\"map.bin\"]\n[place]\ntext = \"西峡县\"\n";
    let content = data_encoding::BASE64.encode(&vec![7; 1024 * 1024]);
    Letter::file("report", &["411300"], file, vec![("map.bin".to_owned(), content)])
}

fn resident_kib(room: &Room) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", room.pid().unwrap())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn manner(ended: &Ended) -> &'static str {
    match ended {
        Ended::Refused(code, _) => close::word(u64::from(*code)),
        Ended::Tls(_) => "refused by TLS",
        Ended::Lost(_) => "lost",
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_floods_with_streams_credits_and_hellos_ends_its_own_link_at_most() {
    let county = County::with_sibling(PROGRAM).await;
    let (mut table, greeting) = (Table::new("floods on a link"), hello(&county.keys));
    let credit = |class: u8, many: u64| Credit { class, messages: many, bytes: many };
    let hellos = [
        (
            "2,001 sheets in a hello",
            Hello { sheets: vec![(county.keys.publisher(), 1); 2_001], ..greeting.clone() },
        ),
        ("five credits in a hello", Hello { credits: vec![credit(0, 1); 5], ..greeting.clone() }),
        (
            "1,500 rule packs in a hello",
            Hello { rules: vec![certs::signature::Digest::from_bytes([7; 32]); 1_500], ..greeting.clone() },
        ),
    ];
    for (what, hello) in hellos {
        let (endpoint, connection) = county.connect().await;
        let ended = Line::greet(endpoint, connection, hello).await.err().expect("it is not answered");
        table.row("T37", what, "link_violation", manner(&ended), format!("{ended:?}"));
    }
    let software = "\u{1b}]0;owned\u{7}\u{202e}".repeat(2_000);
    let credits = vec![credit(250, u64::MAX), credit(3, u64::MAX), credit(0, 0)];
    let (endpoint, connection) = county.connect().await;
    let mut line = Line::greet(endpoint, connection, Hello { software, credits, ..greeting }).await.unwrap();
    let seen = county.city().link_is("411322", "up").await.software.unwrap_or_default();
    let happened = if seen.len() < 500 && !seen.contains(topology::is_unseen) {
        "shortened and written out"
    } else {
        "as it came"
    };
    table.row(
        "T74",
        "a program version of 60 kB of escapes",
        "shortened and written out",
        happened,
        "the officer: status",
    );
    for number in 0..20_000_u64 {
        line.say(&Frame::Credit(credit(u8::try_from(number % 256).unwrap(), number))).await.unwrap();
    }
    is_alive(&mut line).await.unwrap();
    table.row(
        "T40",
        "20,000 credits, of 256 classes",
        "its sibling is served",
        sibling_is_served(&county, small()).await,
        "nobody: a total, repeated",
    );
    for _ in 0..500 {
        line.say(&Frame::ReceiptsStored { upto: u64::MAX }).await.unwrap();
    }
    let report = county.report();
    line.hand_over(Precedence::Routine, report.bytes()).await.unwrap();
    let delivered =
        line.hear_receipt(&county.keys, report.key().id, Event::Delivered).await.unwrap().event.word();
    table.row(
        "T29",
        "it has stored 2^64-1 receipts",
        "delivered",
        delivered,
        "nobody: more than was sent is not believed",
    );
    let more = tokio::time::timeout(Duration::from_millis(300), line.connection.open_uni()).await;
    table.row(
        "T40",
        "a fifth precedence stream",
        "not granted",
        if more.is_err() { "not granted" } else { "granted" },
        "the peer: no credit for streams",
    );
    let more = tokio::time::timeout(Duration::from_millis(300), line.connection.open_bi()).await;
    table.row(
        "T40",
        "a second control stream",
        "not granted",
        if more.is_err() { "not granted" } else { "granted" },
        "the peer: no credit for streams",
    );
    let sent = line.connection.send_datagram(b"datagram".as_slice().into());
    table.row(
        "T40",
        "a datagram",
        "not sent",
        if sent.is_err() { "not sent" } else { "sent" },
        "the peer: no datagrams",
    );
    drop(line);
    for (what, class) in [("a precedence that there is not", 9_u8), ("another one", 255)] {
        let (endpoint, connection) = county.connect().await;
        let mut line = Line::open(endpoint, connection).await.unwrap();
        line.say(&Frame::Hello(hello(&county.keys))).await.unwrap();
        line.hear().await.expect("a hello is answered");
        line.connection.open_uni().await.unwrap().write_all(&[class]).await.unwrap();
        let ended = line.closed().await;
        table.row("T40", what, "link_violation", manner(&ended), format!("{ended:?}"));
    }
    for _ in 0..40 {
        let (_endpoint, connection) = county.connect().await;
        if let Ok((mut control, _)) = connection.open_bi().await {
            let _ = control.reset(7_u32.into());
        }
    }
    table.row(
        "T40",
        "forty links whose first stream is reset",
        "its sibling is served",
        sibling_is_served(&county, small()).await,
        "the peer: closed",
    );
    county.good_report_arrives().await;
    table.control("the same county, keeping to the rules");
    table.finish(12);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_slow_waits_alone() {
    let mut network = Network::three();
    network.add(SIBLING, "西峡县政府总值班室", "county", Some("411300"));
    network.add(OTHER, "镇平县政府总值班室", "county", Some("411300"));
    let county = County::of(PROGRAM, network).await;
    county.cluster.room(OTHER).stop().await;
    let mut table = Table::new("slowness");
    // A hello, one byte a second: ten seconds are all it gets.
    let (endpoint, connection) = county.connect().await;
    let (mut control, _receive) = connection.open_bi().await.unwrap();
    let greeting = Frame::Hello(hello(&county.keys)).encode();
    let begun = Clock::instant();
    let slow = tokio::spawn(async move {
        for byte in greeting {
            if control.write_all(&[byte]).await.is_err() {
                break;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    });
    let served = sibling_is_served(&county, small()).await;
    let ended = tokio::time::timeout(LONG, connection.closed()).await.expect("it does not wait for ever");
    let ended = tests::peer::line::ended(&ended);
    assert!(begun.elapsed() < LONG);
    slow.abort();
    drop(endpoint);
    table.row(
        "T39",
        "a hello of one byte a second",
        format!("link_violation, {served}"),
        format!("{}, {served}", manner(&ended)),
        format!("{ended:?}"),
    );
    // Two rooms promise four of the largest bodies each, which is all the memory there is for them; the parts never come,
    // but other frames do.
    let watch = county.watch();
    let mut held = Vec::new();
    for keys in [&county.keys, &Keys::of(county.cluster.room(OTHER).dir())] {
        let mut line = keys.dial(keys.room_of("411300")).await.expect("it is let in");
        let report = keys.seal(&keys.draft(keys.room_of("411300"), "说来不来"));
        for precedence in Precedence::ALL {
            let frame = Frame::Envelope(EnvelopeFrame {
                header: ByteBuf::from(report.bytes().header.to_vec()),
                keys: report.bytes().keys.clone(),
                body_len: BODY_BYTES_MAX as u64,
                body: ByteBuf::new(),
            });
            line.lane_bytes(precedence, &frame.encode()).await.unwrap();
        }
        is_alive(&mut line).await.unwrap();
        held.push(line);
    }
    let served = sibling_is_served(&county, large()).await;
    let told = watch.warned("a body stood still while others waited").await;
    table.row(
        "T39",
        "eight of the largest bodies that never come, from two rooms",
        "its sibling is served",
        served,
        told,
    );
    drop(held);
    county.good_report_arrives().await;
    table.control("the same, at once");
    table.finish(2);
}

#[tokio::test(flavor = "multi_thread")]
async fn noise_and_half_open_handshakes_keep_nobody_out() {
    let county = County::with_sibling(PROGRAM).await;
    let mut table = Table::new("floods on the socket");
    let target = county.keys.address_of(county.keys.room_of("411300"));
    let before = resident_kib(county.city());
    let socket = UdpSocket::bind(("127.0.0.2", 0)).unwrap();
    let floods: [(&str, &str, fn(u32) -> Vec<u8>); 4] = [
        ("T31", "20,000 packets of noise", |n| noise(n, 200)),
        ("T31", "20,000 first packets of noise", |n| long_header(n, 1)),
        ("T31", "20,000 first packets of an unknown version", |n| long_header(n, 0x1a2a_3a4a)),
        ("T31", "20,000 packets that begin like a reset", |n| [vec![0x40], noise(n, 60)].concat()),
    ];
    for (id, what, packet) in floods {
        for number in 0..20_000 {
            // A full buffer is one more lost packet.
            let _ = socket.send_to(&packet(number), target);
        }
        let served = sibling_is_served(&county, small()).await;
        table.row(id, what, "its sibling is served", served, "nobody: it is no connection");
    }
    let half_open = half_open(&county, target).await;
    let served = sibling_is_served(&county, small()).await;
    let attack = "an address leaves a hundred handshakes half open, again and again";
    table.row("T41", attack, "its sibling is served", served, "nobody: they run out in ten seconds");
    let dialled = county.keys.dial(county.keys.room_of("411300")).await;
    let happened = if dialled.is_ok() { "let in at once" } else { "kept out" };
    table.row("T41", "and a room dials meanwhile", "let in at once", happened, "nobody");
    drop((dialled, half_open));
    let grown = resident_kib(county.city()).saturating_sub(before) / 1024;
    assert!(grown < 200, "the city has grown by {grown} MiB");
    let many = connections(&county).await;
    table.row(
        "T41",
        "30 links of one room that say nothing",
        "at most 12 at a time",
        if many <= 12 { "at most 12 at a time" } else { "more" },
        "the peer: closed, busy",
    );
    county.good_report_arrives().await;
    table.control("the county's own link, and its sibling's");
    table.finish(7);
}

/// How many of thirty connections of one room the city keeps.
async fn connections(county: &County) -> usize {
    let mut kept = Vec::new();
    for _ in 0..30 {
        kept.push(county.connect().await);
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    kept.iter().filter(|(_, connection)| connection.close_reason().is_none()).count()
}

/// Handshakes from another address, all half open: each proves its address (a Retry is let through) and then stays silent,
/// because nothing else of the server's comes back to it. New ones begin all the time.
async fn half_open(county: &County, target: SocketAddr) -> tokio::task::JoinSet<()> {
    let name = county.keys.map().dns_name(county.keys.room_of("411300")).unwrap();
    let config = credentials::client_config(&county.keys.trust.root, None, certs::tls::ALPN_LINK);
    let mut tasks = tokio::task::JoinSet::new();
    let retried = Arc::new(tokio::sync::Semaphore::new(0));
    for _ in 0..HALF_OPEN {
        let (config, name, retried) = (config.clone(), name.clone(), retried.clone());
        tasks.spawn(async move {
            loop {
                stay_half_open(config.clone(), &name, target, &retried).await;
            }
        });
    }
    // As many as the city takes of one address have begun when so many were told to prove it.
    let begun = tokio::time::timeout(LONG, retried.acquire_many(40)).await;
    let _ = begun.expect("the city asks an address to prove itself").unwrap();
    tasks
}

async fn stay_half_open(
    config: quinn::ClientConfig,
    name: &str,
    target: SocketAddr,
    retried: &tokio::sync::Semaphore,
) {
    let front = tokio::net::UdpSocket::bind(("127.0.0.2", 0)).await.unwrap();
    let back = tokio::net::UdpSocket::bind(("127.0.0.2", 0)).await.unwrap();
    back.connect(target).await.unwrap();
    let endpoint = quinn::Endpoint::client(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    let connecting = endpoint.connect_with(config, front.local_addr().unwrap(), name).unwrap();
    let pipe = async {
        let (mut out, mut home, mut client) = (vec![0; 2_000], vec![0; 2_000], None);
        loop {
            tokio::select! {
                Ok((length, from)) = front.recv_from(&mut out) => {
                    client = Some(from);
                    // A lost packet is lost.
                    let _ = back.send(&out[..length]).await;
                }
                Ok(length) = back.recv(&mut home) => {
                    let is_retry = home[0] & 0xf0 == 0xf0;
                    if let (true, Some(client)) = (is_retry, client) {
                        retried.add_permits(1);
                        let _ = front.send_to(&home[..length], client).await;
                    }
                }
            }
        }
    };
    tokio::select! {
        () = pipe => {}
        () = tokio::time::sleep(Duration::from_secs(10)) => {}
        _ = connecting => {}
    }
}

/// Handshakes that one address leaves half open at a time: more than the city takes in all.
const HALF_OPEN: usize = 100;

fn noise(seed: u32, length: usize) -> Vec<u8> {
    let mut state = u64::from(seed).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    (0..length).map(|_| next()).collect()
}

/// A QUIC long header (RFC 9000 section 17.2) with ids and a length that fit, and noise in it.
fn long_header(seed: u32, version: u32) -> Vec<u8> {
    let mut packet = vec![0xc0];
    packet.extend(version.to_be_bytes());
    for id in [&noise(seed, 8), &noise(seed.wrapping_add(1), 8)] {
        packet.push(8);
        packet.extend_from_slice(id);
    }
    packet.extend([0, 0x44, 0x9e]);
    packet.extend(noise(seed, 1_200 - packet.len()));
    packet
}

#[tokio::test(flavor = "multi_thread")]
async fn who_fills_its_quota_leaves_its_siblings_theirs() {
    let county = County::with_sibling(PROGRAM).await;
    let city = county.city();
    city.configure(|config| config.quota.messages = 50);
    city.stop().await;
    city.start().await;
    city.cut("410000", true).await;
    county.cluster.room(SIBLING).link_is("411300", "up").await;
    let mut table = Table::new("quotas");
    let (province, mut line) = (county.keys.room_of("410000"), county.line().await);
    let mut sent = 0;
    let ended = loop {
        let envelope = county.keys.seal(&county.keys.draft(province, "灌满"));
        if let Err(ended) = line.hand_over(Precedence::Routine, envelope.bytes()).await {
            break ended;
        }
        sent += 1;
        assert!(sent < 5_000, "the node takes whatever comes");
    };
    let held = city.link("410000").await.unwrap().queued;
    table.row(
        "T38",
        "it fills its quota and goes on",
        "link_violation, 50 are held",
        format!("{}, {held} are held", manner(&ended)),
        format!("{ended:?}"),
    );
    let sibling = county.cluster.room(SIBLING);
    let id = sibling.send(&Letter::test("report", &["410000"], "兄弟县的报告")).await;
    sibling.receipt(&id, "custody").await;
    table.row(
        "T38",
        "and its sibling hands over for the same way",
        "custody",
        "custody",
        "its sibling: signed receipt",
    );
    city.cut("410000", false).await;
    sibling.receipt(&id, "delivered").await;
    let status: view::Status = city.ask(&Request::Status).await.unwrap();
    assert!(status.links.iter().any(|link| link.room.code == "410000" && link.state == "up"));
    table.control("the sibling's report, all the way");
    table.finish(2);
}
