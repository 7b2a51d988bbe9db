//! Floods and slowness: connections, half-open handshakes, streams, credits, noise on the socket, bytes one at a time, bodies
//! that never end. Whoever does it harms its own link at most: its siblings and its superior go on. Each has its control.

use std::{net::UdpSocket, time::Duration};

use certs::signature::Digest;
use node::{
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
    adversary::{
        County, Table,
        county::is_alive,
        socket::{half_open, long_header, noise},
    },
    cluster::{LONG, Letter, Network, Room},
    peer::{Ended, Keys, Line, hello, line::ended as ended_of},
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

const SERVED: &str = "its sibling is served";

fn credit(class: u8, many: u64) -> Credit {
    Credit { class, messages: many, bytes: many }
}

/// Hellos that are too long for the limits of their lists.
async fn long_hellos(county: &County, table: &mut Table) {
    let good = hello(&county.keys);
    let sheets = vec![(county.keys.publisher(), 1); 2_001];
    let rules = vec![Digest::from_bytes([7; 32]); 1_500];
    let hellos = [
        ("2,001 sheets in a hello", Hello { sheets, ..good.clone() }),
        ("1,500 rule packs in a hello", Hello { rules, ..good.clone() }),
        ("five credits in a hello", Hello { credits: vec![credit(0, 1); 5], ..good }),
    ];
    for (what, hello) in hellos {
        let (endpoint, connection) = county.connect().await;
        let ended = Line::greet(endpoint, connection, hello).await.err().expect("it is not answered");
        table.row("T37", what, "link_violation", manner(&ended), format!("{ended:?}"));
    }
}

/// A link whose hello says of the program what a terminal would obey.
async fn boastful(county: &County, table: &mut Table) -> Line {
    const WANTED: &str = "shortened and written out";
    let software = "\u{1b}]0;owned\u{7}\u{202e}".repeat(2_000);
    let credits = vec![credit(250, u64::MAX), credit(3, u64::MAX), credit(0, 0)];
    let greeting = Hello { software, credits, ..hello(&county.keys) };
    let (endpoint, connection) = county.connect().await;
    let line = Line::greet(endpoint, connection, greeting).await.unwrap();
    let seen = county.city().link_is("411322", "up").await.software.unwrap_or_default();
    let is_safe = seen.len() < 500 && !seen.contains(topology::is_unseen);
    let happened = if is_safe { WANTED } else { "as it came" };
    table.row("T74", "a program version of 60 kB of escapes", WANTED, happened, "the officer: status");
    line
}

/// Words without end on a link that is up, and more streams than there are.
async fn on_the_link(county: &County, table: &mut Table, mut line: Line) {
    for number in 0..20_000_u64 {
        line.say(&Frame::Credit(credit(u8::try_from(number % 256).unwrap(), number))).await.unwrap();
    }
    is_alive(&mut line).await.unwrap();
    let served = sibling_is_served(county, small()).await;
    table.row("T40", "20,000 credits, of 256 classes", SERVED, served, "nobody: a total, repeated");
    let before = county.city().log_text().len();
    let wrong = Frame::Answers { receipts: vec![ByteBuf::from(b"no receipt".to_vec()); 20] };
    for _ in 0..1_000 {
        line.say(&wrong).await.unwrap();
    }
    is_alive(&mut line).await.unwrap();
    let log = county.city().log_text().split_off(before);
    let (warned, left_out) =
        (log.matches("a receipt does not verify").count(), log.matches("are left out").count());
    // A slow machine may have begun another minute.
    let is_cut = (300..=900).contains(&warned) && left_out > 0;
    let happened = if is_cut { "300 warnings a minute, and that others are left out" } else { "another log" };
    let told = "log of 411300: WARN a receipt does not verify";
    table.row(
        "T51",
        "20,000 receipts that do not verify",
        "300 warnings a minute, and that others are left out",
        happened,
        told,
    );
    for _ in 0..500 {
        line.say(&Frame::ReceiptsStored { upto: u64::MAX }).await.unwrap();
    }
    let report = county.report();
    line.hand_over(Precedence::Routine, report.bytes()).await.unwrap();
    let delivered = line.hear_receipt(&county.keys, report.key().id, Event::Delivered).await.unwrap();
    let told = "nobody: more than was sent is not believed";
    table.row("T29", "it has stored 2^64-1 receipts", "delivered", delivered.event.word(), told);
    let granted = |is: bool| if is { "granted" } else { "not granted" };
    let told = "the peer: no credit for streams";
    let fifth = tokio::time::timeout(MOMENT, line.connection.open_uni()).await.is_ok();
    table.row("T40", "a fifth precedence stream", "not granted", granted(fifth), told);
    let second = tokio::time::timeout(MOMENT, line.connection.open_bi()).await.is_ok();
    table.row("T40", "a second control stream", "not granted", granted(second), told);
    let datagram = line.connection.send_datagram(b"datagram".as_slice().into()).is_ok();
    table.row("T40", "a datagram", "not granted", granted(datagram), "the peer: no datagrams");
}

/// What would be granted is granted within this.
const MOMENT: Duration = Duration::from_millis(300);

#[tokio::test(flavor = "multi_thread")]
async fn who_floods_with_streams_credits_and_hellos_ends_its_own_link_at_most() {
    let county = County::with_sibling(PROGRAM).await;
    let mut table = Table::new("floods on a link");
    long_hellos(&county, &mut table).await;
    let line = boastful(&county, &mut table).await;
    on_the_link(&county, &mut table, line).await;
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
            // It may be closed already.
            let _ = control.reset(7_u32.into());
        }
    }
    let served = sibling_is_served(&county, small()).await;
    table.row("T40", "forty links whose first stream is reset", SERVED, served, "the peer: closed");
    county.good_report_arrives().await;
    table.control("the same county, keeping to the rules");
    table.finish(13);
}

/// A hello, one byte a second: ten seconds are all it gets.
async fn slow_hello(county: &County, table: &mut Table) {
    let (_endpoint, connection) = county.connect().await;
    let (mut control, _receive) = connection.open_bi().await.unwrap();
    let greeting = Frame::Hello(hello(&county.keys)).encode();
    let dribbling = async {
        for byte in greeting {
            if control.write_all(&[byte]).await.is_err() {
                break;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        std::future::pending::<()>().await;
    };
    let served = sibling_is_served(county, small()).await;
    let ended = tokio::select! {
        () = dribbling => unreachable!("it waits for ever"),
        ended = tokio::time::timeout(LONG, connection.closed()) => ended.expect("it is not waited for"),
    };
    let ended = ended_of(&ended);
    let expected = format!("link_violation, {SERVED}");
    let happened = format!("{}, {served}", manner(&ended));
    table.row("T39", "a hello of one byte a second", expected, happened, format!("{ended:?}"));
}

/// Promises four of the largest bodies, whose parts never come; other frames do.
async fn empty_promises(keys: &Keys) -> Line {
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
    line
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_slow_waits_alone() {
    let mut network = Network::three();
    network.add(SIBLING, "西峡县政府总值班室", "county", Some("411300"));
    network.add(OTHER, "镇平县政府总值班室", "county", Some("411300"));
    let county = County::of(PROGRAM, network).await;
    county.cluster.room(OTHER).stop().await;
    let mut table = Table::new("slowness");
    slow_hello(&county, &mut table).await;
    // Of two rooms: all the memory that there is for large bodies.
    let (watch, other) = (county.watch(), Keys::of(county.cluster.room(OTHER).dir()));
    let held = [empty_promises(&county.keys).await, empty_promises(&other).await];
    let served = sibling_is_served(&county, large()).await;
    let told = watch.warned("a body stood still while others waited").await;
    let attack = "eight of the largest bodies that never come, from two rooms";
    table.row("T39", attack, SERVED, served, told);
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
    let kinds = [
        "packets of noise",
        "first packets of noise",
        "first packets of an unknown version",
        "packets that begin like a reset",
    ];
    for (number, what) in kinds.into_iter().enumerate() {
        for seed in 0..20_000 {
            let packet = match number {
                0 => noise(seed, 200),
                1 => long_header(seed, 1),
                2 => long_header(seed, 0x1a2a_3a4a),
                _ => [vec![0x40], noise(seed, 60)].concat(),
            };
            // A full buffer is one more lost packet.
            let _ = socket.send_to(&packet, target);
        }
        let served = sibling_is_served(&county, small()).await;
        table.row(
            "T31",
            &format!("20,000 {what}"),
            "its sibling is served",
            served,
            "nobody: it is no connection",
        );
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
    let watch = county.watch();
    // A link that is closed while much is under way may end in a reset.
    while line
        .hand_over(Precedence::Routine, county.keys.seal(&county.keys.draft(province, "灌满")).bytes())
        .await
        .is_ok()
    {
        sent += 1;
        assert!(sent < 5_000, "the node takes whatever comes");
    }
    let told = watch.warned("broke a rule of the link").await;
    let held = city.link("410000").await.unwrap().queued;
    let expected = "the link is ended, 50 are held";
    table.row(
        "T38",
        "it fills its quota and goes on",
        expected,
        format!("the link is ended, {held} are held"),
        told,
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
