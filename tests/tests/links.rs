//! Links in use, between processes: certificates renewed under load, the alternate parent, quotas, revocation at another
//! hub, and the disk before the word.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use node::{
    clock::Clock,
    control::{request::Request, view},
    link::registry::close,
    problem::Problem,
};
use relay::receipt::Event;
use tests::{
    cluster::{Cluster, LONG, Letter, Network, Room, text, until, until_true},
    peer::{Ended, Keys},
};
use topology::Precedence;

const PROGRAM: &str = env!("CARGO_BIN_EXE_tests");

async fn tls_serial(room: &Room) -> String {
    let certificates: Vec<view::Certificate> = room.ask(&Request::CertificateList).await.unwrap();
    let own = certificates.into_iter().find(|c| c.room.code == room.code() && c.purpose == "tls");
    own.expect("a room has a TLS certificate").serial
}

async fn keep_sending(cluster: Arc<Cluster>, stop: Arc<AtomicBool>) -> Vec<String> {
    let mut accepted = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let letter = Letter::test("report", &["410000"], &format!("换证期间第{}件", accepted.len()));
        accepted.push(cluster.room("411322").send(&letter).await);
    }
    accepted
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_are_renewed_under_load_without_a_restart() {
    let cluster = Arc::new(Cluster::start(PROGRAM, Network::three()).await);
    let stop = Arc::new(AtomicBool::new(false));
    let sending = tokio::spawn(keep_sending(cluster.clone(), stop.clone()));
    let pids: Vec<_> = cluster.rooms().map(Room::pid).collect();
    let mut serials = BTreeSet::new();
    for code in ["411322", "411300", "411322", "411300"] {
        let room = cluster.room(code);
        assert!(serials.insert(tls_serial(room).await), "every renewal brings another number");
        let parent = if code == "411322" { "411300" } else { "410000" };
        let before = room.link_is(parent, "up").await.since_ms;
        let inbox = cluster.room("410000").inbox_ids().await.len();
        room.order(&Request::CertificateRenew).await;
        until_true("the link is made anew and carries on", LONG, async || {
            let again =
                room.link(parent).await.is_some_and(|link| link.state == "up" && link.since_ms > before);
            again && cluster.room("410000").inbox_ids().await.len() > inbox
        })
        .await;
    }
    stop.store(true, Ordering::Relaxed);
    let accepted = sending.await.unwrap();
    cluster.room("411322").all_delivered(&accepted).await;
    let inbox = cluster.room("410000").inbox_ids().await;
    let unique: BTreeSet<_> = inbox.iter().collect();
    assert_eq!((inbox.len(), unique.len()), (accepted.len(), accepted.len()), "nothing lost, nothing twice");
    assert_eq!(cluster.rooms().map(Room::pid).collect::<Vec<_>>(), pids, "and no node was started again");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_alternate_parent_carries_while_the_parent_is_away_and_not_longer() {
    let cluster = Cluster::start(PROGRAM, Network::with_alternate_parent()).await;
    let (county, city, province) = (cluster.room("411322"), cluster.room("411300"), cluster.room("410000"));
    assert_eq!(
        county.link("410000").await.unwrap().state,
        "down",
        "the alternate is not dialled without need"
    );
    city.stop().await;
    let waiting = county.send(&Letter::test("report", &["410000"], "市里断了")).await;
    let link = county.link_is("410000", "up").await;
    assert_eq!(link.role, "alternate");
    province.link_is("411322", "up").await;
    let down = province.send(&Letter::test("instruction", &["411322"], "由省直接下达")).await;
    for (room, id) in [(county, &waiting), (province, &down)] {
        room.receipt(id, "delivered").await;
        let events = room.events(id).await;
        assert!(!events.iter().any(|(event, by)| event == "custody" && by == "411300"), "{events:?}");
    }
    city.start().await;
    county.link_is("411300", "up").await;
    county.link_is("410000", "down").await;
    province.link_is("411300", "up").await;
    city.link_is("411322", "up").await;
    let up = county.send(&Letter::test("report", &["410000"], "市里恢复")).await;
    let down = province.send(&Letter::test("instruction", &["411322"], "经市下达")).await;
    for (room, id) in [(county, &up), (province, &down)] {
        room.receipt(id, "delivered").await;
        let events = room.events(id).await;
        assert!(events.iter().any(|(event, by)| event == "custody" && by == "411300"), "{events:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_that_was_killed_and_is_back_is_found_before_its_silence_would_have_been_noticed() {
    // A link that says nothing is given up after ten seconds; who comes back earlier says that it has forgotten.
    const WITHIN: Duration = Duration::from_secs(6);
    let cluster = Cluster::start(PROGRAM, Network::three()).await;
    let (county, city, province) = (cluster.room("411322"), cluster.room("411300"), cluster.room("410000"));
    for round in 0..3 {
        city.kill();
        let waiting = county.send(&Letter::test("report", &["410000"], &format!("第{round}次"))).await;
        let down = province.send(&Letter::test("instruction", &["411322"], &format!("第{round}次"))).await;
        city.start().await;
        let back = Clock::instant();
        county.receipt(&waiting, "delivered").await;
        province.receipt(&down, "delivered").await;
        assert!(back.elapsed() < WITHIN, "round {round}: {:?}", back.elapsed());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_by_one_hub_ends_a_live_link_at_another() {
    let cluster = Cluster::start(PROGRAM, Network::with_alternate_parent()).await;
    cluster.room("411322").stop().await;
    let keys = Keys::of(cluster.room("411322").dir());
    let line = keys.dial(keys.room_of("410000")).await.expect("the province takes it as alternate parent");
    let started = Clock::instant();
    let revoke =
        Request::CertificateRevoke { room: "411322".to_owned(), reason: "key_compromise".to_owned() };
    cluster.room("411300").order(&revoke).await;
    let ended = line.closed_within(LONG * 2).await;
    assert!(matches!(ended, Ended::Refused(code, _) if code == close::REVOKED), "{ended:?}");
    assert!(started.elapsed() < Duration::from_secs(60));
    assert!(matches!(keys.dial(keys.room_of("410000")).await.err(), Some(Ended::Tls(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_child_that_floods_is_held_back_and_its_sibling_is_not() {
    const QUOTA: usize = 20;
    const FLOOD: usize = 60;
    let mut network = Network::three();
    network.add("411323", "西峡县政府总值班室", "county", Some("411300"));
    let cluster = Cluster::start(PROGRAM, network).await;
    let (flooder, sibling, city) = (cluster.room("411322"), cluster.room("411323"), cluster.room("411300"));
    city.stop().await;
    city.configure(|config| config.quota.messages = QUOTA as u64);
    city.start().await;
    city.cut("410000", true).await;
    flooder.link_is("411300", "up").await;
    sibling.link_is("411300", "up").await;
    let mut flood = Vec::new();
    for number in 0..FLOOD {
        let letter = Letter::test("report", &["410000"], &format!("洪水第{number}件")).precedence("routine");
        flood.push(flooder.send(&letter).await);
    }
    flooder.receipt(&flood[QUOTA - 1], "custody").await;
    for number in 0..5 {
        let letter = Letter::test("report", &["410000"], &format!("邻县第{number}件")).precedence("routine");
        let id = sibling.send(&letter).await;
        sibling.receipt(&id, "custody").await;
    }
    let flash = flooder.send(&Letter::test("report", &["410000"], "特提另有配额").precedence("flash")).await;
    flooder.receipt(&flash, "custody").await;
    let mut held = 0;
    for id in &flood {
        held += usize::from(flooder.events(id).await.iter().any(|(event, _)| event == "custody"));
    }
    assert_eq!(held, QUOTA, "of {FLOOD} the city holds as many as the quota says");
    city.cut("410000", false).await;
    until("the flood drains, in time", LONG, async || {
        // What was not taken is tried again after half a minute: the county's clock brings it nearer.
        flooder.order(&Request::Clock { shift_ms: 31_000, speed: 1, since_ms: None }).await;
        let inbox: BTreeSet<String> = cluster.room("410000").inbox_ids().await.into_iter().collect();
        flood.iter().all(|id| inbox.contains(id)).then_some(())
    })
    .await;
    flooder.all_delivered(&flood).await;
    assert_eq!(cluster.room("410000").inbox_ids().await.len(), FLOOD + 5 + 1, "each of them once");
}

#[tokio::test(flavor = "multi_thread")]
async fn links_are_cut_and_clocks_moved_in_a_demo_network_only() {
    for demo in [false, true] {
        let mut network = Network::three();
        network.demo = demo;
        let cluster = Cluster::start(PROGRAM, network).await;
        let province = cluster.room("410000");
        for request in [
            Request::Link { room: "411300".to_owned(), cut: true },
            Request::Link { room: "411300".to_owned(), cut: false },
            Request::Clock { shift_ms: 1000, speed: 1, since_ms: None },
        ] {
            let answer: Result<serde_json::Value, Problem> = province.ask(&request).await;
            match answer {
                Ok(_) => assert!(demo, "{request:?}"),
                Err(problem) => {
                    assert!(!demo, "{request:?}: {problem}");
                    assert_eq!((problem.code.as_str(), problem.exit), ("demo_only", 4));
                }
            }
        }
    }
}

/// What a trace shows, in its order.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Traced {
    /// The write-ahead log is on the disk; seconds since 1970.
    Synced(f64),
    /// So many bytes went to the county's port.
    Said(f64, usize),
}

/// A receipt has more bytes than this, an acknowledgement of QUIC itself fewer.
const RECEIPT_BYTES_MIN: usize = 250;

/// What a call gave back, once it is over.
fn result_of(line: &str) -> Option<usize> {
    line.rsplit_once(" = ")?.1.split_whitespace().next()?.parse().ok()
}

/// A sync counts from its end, a word from its beginning: the trace is read against the node.
fn traced(trace: &str, port: u16) -> Vec<Traced> {
    let to_county = format!("htons({port})");
    let mut syncing: BTreeSet<&str> = BTreeSet::new();
    let mut saying: BTreeMap<&str, usize> = BTreeMap::new();
    let mut seen = Vec::new();
    for line in trace.lines() {
        let mut words = line.split_whitespace();
        let (Some(task), Some(at)) = (words.next(), words.next().and_then(|at| at.parse().ok())) else {
            continue;
        };
        let (result, is_resumed) = (result_of(line), line.contains(" resumed>"));
        if line.contains("sync") {
            let is_log = line.contains("node.db-wal") || (is_resumed && syncing.remove(task));
            match result {
                Some(0) if is_log => seen.push(Traced::Synced(at)),
                None if is_log => _ = syncing.insert(task),
                Some(_) | None => {}
            }
        } else if let (true, Some(place)) = (is_resumed, saying.remove(task)) {
            if let (Some(Traced::Said(_, bytes)), Some(result)) = (seen.get_mut(place), result) {
                *bytes = result;
            }
        } else if line.contains(&to_county) {
            saying.extend(result.is_none().then_some((task, seen.len())));
            seen.push(Traced::Said(at, result.unwrap_or(0)));
        }
    }
    seen
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_is_on_the_disk_before_its_custody_is_said() {
    if !Command::new("strace").arg("-V").output().is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: strace is not installed, and without it no order of system calls is seen");
        return;
    }
    let cluster = Cluster::start(PROGRAM, Network::three()).await;
    cluster.room("411322").stop().await;
    let keys = Keys::of(cluster.room("411322").dir());
    let city = cluster.room("411300");
    city.stop().await;
    let trace = cluster.place().join("trace");
    let calls = "trace=fdatasync,fsync,sendmsg,sendmmsg,sendto";
    city.spawn(&["strace", "-D", "-f", "-y", "-s", "0", "-ttt", "-e", calls, "-o", text(&trace)], &[]);
    city.ready().await;
    city.link_is("410000", "up").await;
    let mut line = keys.dial(keys.room_of("411300")).await.unwrap();
    let mut windows = Vec::new();
    for number in 0..WARMING + TRACED {
        let text = format!("先落盘再答复,第{number}件");
        let envelope = keys.seal(&keys.draft(keys.room_of("410000"), &text));
        let before = next_millisecond();
        line.hand_over(Precedence::Routine, envelope.bytes()).await.unwrap();
        line.hear_receipt(&keys, envelope.key().id, Event::Custody).await.unwrap();
        windows.push((before, Clock::wall().as_ms() + 1));
        line.hear_receipt(&keys, envelope.key().id, Event::Delivered).await.unwrap();
    }
    let port = line.port();
    drop(line);
    city.stop().await;
    let seen = traced(&fs::read_to_string(&trace).unwrap(), port);
    let in_order = windows.into_iter().skip(WARMING).filter(|window| is_in_order(&seen, *window)).count();
    // A packet of the message before may be sent a second time; a node that speaks first does so every time.
    assert!(in_order + 1 >= TRACED, "custody followed the sync {in_order} times of {TRACED}: {seen:?}");
}

/// Messages before the traced ones: a young connection says much by itself, such as probes for larger packets.
const WARMING: usize = 3;
const TRACED: usize = 12;

/// The beginning of the next millisecond: whatever was heard before was said before.
fn next_millisecond() -> i64 {
    let now = Clock::wall().as_ms();
    loop {
        let next = Clock::wall().as_ms();
        if next > now {
            return next;
        }
    }
}

/// Whether, in this window of milliseconds, the first receipt was said after a sync had ended.
fn is_in_order(seen: &[Traced], (from_ms, to_ms): (i64, i64)) -> bool {
    let in_time = |at: f64| (from_ms as f64 / 1000.0..=to_ms as f64 / 1000.0).contains(&at);
    let synced = seen.iter().position(|event| matches!(event, Traced::Synced(at) if in_time(*at)));
    let said = seen.iter().position(
        |event| matches!(event, Traced::Said(at, bytes) if in_time(*at) && *bytes >= RECEIPT_BYTES_MIN),
    );
    matches!((synced, said), (Some(synced), Some(said)) if synced < said)
}

#[test]
fn a_word_before_the_end_of_its_sync_is_seen_in_a_trace() {
    let trace = "\
        11 5.000001 fdatasync(7</d/node.db-wal> <unfinished ...>\n\
        12 5.000002 sendmsg(9<UDP:[1]>, {sin_port=htons(40001)} <unfinished ...>\n\
        12 5.000003 <... sendmsg resumed>, 0) = 456\n\
        11 5.000004 <... fdatasync resumed>) = 0\n\
        12 5.000005 sendmsg(9<UDP:[1]>, {sin_port=htons(40001)}, 0) = 34\n\
        12 5.000006 sendmsg(9<UDP:[1]>, {sin_port=htons(555)}, 0) = 900\n\
        11 5.000007 fdatasync(8</d/node.db>) = 0\n";
    let seen = traced(trace, 40001);
    assert_eq!(seen, [Traced::Said(5.000_002, 456), Traced::Synced(5.000_004), Traced::Said(5.000_005, 34)]);
    assert!(!is_in_order(&seen, (5000, 5001)));
    let right = [seen[1], seen[0], seen[2]];
    assert!(is_in_order(&right, (5000, 5001)) && !is_in_order(&right, (4000, 4001)));
}
