//! Promise 1: nothing acknowledged is lost: not by a kill at any instant, a restart, a full disk; and a database that is
//! lost, foreign, newer or damaged is named instead of being taken for an empty one.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    os::unix::fs::FileExt,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use node::config::DiskMarks;
use relay::crash_point::CrashPoint;
use tests::{
    cluster::{Cluster, LONG, Letter, Network, Room, books::audited, mail::outcomes, until, until_true},
    lab::{has, volume::Small},
};
use tokio::sync::Mutex;

const PROGRAM: &str = env!("CARGO_BIN_EXE_tests");
const ROOMS: [&str; 3] = ["411322", "411300", "410000"];
const KILLS: usize = 12;
/// Messages accepted between two kills.
const BETWEEN: usize = 6;

/// What was accepted: its id, its origin and its target.
type Accepted = BTreeMap<String, (&'static str, &'static str)>;

/// Sends in turn what may be sent from this room until it is told to stop. A node that is being killed accepts nothing.
async fn keep_sending(
    cluster: Arc<Cluster>,
    from: &'static str,
    kind: &'static str,
    to: &'static [&'static str],
    accepted: Arc<Mutex<Accepted>>,
    stop: Arc<AtomicBool>,
) {
    let mut count = 0_usize;
    while !stop.load(Ordering::Relaxed) {
        let target = to[count % to.len()];
        let precedence = ["routine", "priority", "immediate", "flash"][count % 4];
        let letter = Letter::test(kind, &[target], &format!("第{count}件,来自{from}")).precedence(precedence);
        if let Ok(id) = cluster.room(from).try_send(&letter).await {
            accepted.lock().await.insert(id, (from, target));
        }
        count += 1;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Inboxes, counted: every line once, and everything accepted is there.
async fn count(cluster: &Cluster, accepted: &Accepted) {
    for room in ROOMS {
        let ids = cluster.room(room).inbox_ids().await;
        let unique: BTreeSet<&String> = ids.iter().collect();
        assert_eq!(unique.len(), ids.len(), "a line of the inbox of {room} is there twice");
        for (id, _) in accepted.iter().filter(|(_, (_, target))| *target == room) {
            assert!(unique.contains(id), "{id} was accepted and is not in the inbox of {room}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_of_any_node_at_any_instant_loses_nothing_and_doubles_nothing() {
    let cluster = Arc::new(Cluster::start(PROGRAM, Network::three()).await);
    let (accepted, stop) = (Arc::new(Mutex::new(Accepted::new())), Arc::new(AtomicBool::new(false)));
    let senders = [
        ("411322", "report", &["411300", "410000"][..]),
        ("410000", "instruction", &["411322", "411300"][..]),
    ];
    let sending: Vec<_> = senders
        .into_iter()
        .map(|(from, kind, to)| {
            tokio::spawn(keep_sending(cluster.clone(), from, kind, to, accepted.clone(), stop.clone()))
        })
        .collect();
    for kill in 0..KILLS {
        let before = accepted.lock().await.len();
        until_true("messages are accepted between two kills", LONG, async || {
            accepted.lock().await.len() >= before + BETWEEN
        })
        .await;
        let room = cluster.room(ROOMS[kill % ROOMS.len()]);
        room.kill();
        room.spawn(&[], &[]);
    }
    stop.store(true, Ordering::Relaxed);
    for task in sending {
        task.await.unwrap();
    }
    for room in cluster.rooms() {
        room.ready().await;
    }
    cluster.all_links_up().await;
    let accepted = accepted.lock().await.clone();
    assert!(accepted.len() >= KILLS * BETWEEN);
    for (id, (origin, target)) in &accepted {
        cluster.room(origin).receipt(id, "delivered").await;
        assert_eq!(outcomes(&cluster.room(origin).receipts(id).await, target), 1, "{id}");
    }
    count(&cluster, &accepted).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_nodes_killed_at_once_go_on_where_they_were() {
    let cluster = Cluster::start(PROGRAM, Network::three()).await;
    let county = cluster.room("411322");
    cluster.room("411300").cut("410000", true).await;
    let mut accepted = Accepted::new();
    for number in 0..12 {
        let letter = Letter::test("report", &["410000"], &format!("断线期间第{number}件"));
        accepted.insert(county.send(&letter).await, ("411322", "410000"));
    }
    until_true("the city holds what the county sent", LONG, async || {
        let link = cluster.room("411300").link("410000").await;
        link.is_some_and(|link| link.queued == 12)
    })
    .await;
    for room in cluster.rooms() {
        room.kill();
    }
    for room in cluster.rooms() {
        room.start().await;
    }
    // The cut was a word to a running node; the restarted one dials again.
    county.all_delivered(&accepted.keys().cloned().collect::<Vec<_>>()).await;
    count(&cluster, &accepted).await;
    for id in accepted.keys() {
        let custody =
            county.receipts(id).await.into_iter().filter(|receipt| receipt.event == "custody").count();
        assert_eq!(custody, 1, "the custody of the city was signed once");
    }
}

/// Crash points that a hub passes while it carries a message and its receipts.
const AT_A_HUB: [CrashPoint; 7] = [
    CrashPoint::BeforeCommit,
    CrashPoint::AfterCommit,
    CrashPoint::BetweenSends,
    CrashPoint::AfterSends,
    CrashPoint::CustodySigned,
    CrashPoint::ReceiptForwarded,
    CrashPoint::OutcomeLearned,
];

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_that_dies_at_any_named_point_goes_on_where_it_was() {
    let cluster = Cluster::start(PROGRAM, Network::three()).await;
    let (county, city, province) = (cluster.room("411322"), cluster.room("411300"), cluster.room("410000"));
    let mut accepted = Accepted::new();
    for point in AT_A_HUB {
        city.stop().await;
        let crash = format!("{}:3", point.name());
        city.spawn(&[], &[("YICHUAN_CRASH_AT", &crash)]);
        for number in 0..4 {
            let letter = Letter::test("report", &["410000"], &format!("{point:?}第{number}件"));
            accepted.insert(county.send(&letter).await, ("411322", "410000"));
            let letter = Letter::test("instruction", &["411322"], &format!("{point:?}第{number}件"));
            accepted.insert(province.send(&letter).await, ("410000", "411322"));
        }
        let status = city.ended().await;
        assert!(!status.success(), "{point:?}: the node died of its crash point");
        city.start().await;
        for (id, (origin, _)) in &accepted {
            cluster.room(origin).receipt(id, "delivered").await;
        }
    }
    count(&cluster, &accepted).await;
}

async fn refused(room: &Room, precedence: &str) -> Option<String> {
    let letter = Letter::test("report", &["411300"], "磁盘将满").precedence(precedence);
    room.try_send(&letter).await.err().map(|problem| problem.code)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_routine_first_and_flash_last_and_recovers_by_itself() {
    let place = tempfile::tempdir().unwrap();
    if !has(&["mount"]) {
        return;
    }
    let volume = Small::mount(&place.path().join("volume"), 48);
    let mut network = Network::three();
    network.place("411322").dir = Some(volume.path().join("county"));
    network.disk = DiskMarks { low_mib: 20, critical_mib: 10 };
    let cluster = Cluster::start(PROGRAM, network).await;
    let county = cluster.room("411322");
    county.link_is("411300", "up").await;
    let before = county.send(&Letter::test("report", &["411300"], "磁盘充足")).await;
    for (left_mib, level, not_taken, taken) in [
        (15, "low", &["routine"][..], &["priority", "flash"][..]),
        (7, "critical", &["routine", "immediate"], &["flash"]),
    ] {
        volume.fill(left_mib * 1024);
        until_true("the node sees how full its disk is", LONG, async || county.disk_level().await == level)
            .await;
        for precedence in not_taken {
            assert_eq!(
                refused(county, precedence).await.as_deref(),
                Some("storage_low"),
                "{precedence} at {level}"
            );
        }
        for precedence in taken {
            assert_eq!(refused(county, precedence).await, None, "{precedence} at {level}");
        }
        let said = cluster
            .at(
                "411322",
                &["--json", "send", "report", "--to", "411300", "--text", "x", "--precedence", "routine"],
            )
            .await;
        assert_eq!((said.code, said.problem().code.as_str()), (1, "storage_low"));
    }
    volume.fill(0);
    let mut kept = vec![before];
    let full = until("the last block is taken", LONG, async || {
        let letter = Letter::test("report", &["411300"], &"火".repeat(2000)).precedence("flash");
        match county.try_send(&letter).await {
            Ok(id) => kept.push(id),
            Err(problem) => return Some(problem.code),
        }
        volume.fill(0);
        None
    })
    .await;
    assert!(["store_full", "not_accepted", "storage_low"].contains(&full.as_str()), "{full}");
    volume.empty();
    let after = until("the node accepts again once there is room", LONG, async || {
        let letter = Letter::test("report", &["411300"], "磁盘恢复").precedence("routine");
        county.try_send(&letter).await.ok()
    })
    .await;
    kept.push(after);
    county.all_delivered(&kept).await;
    let inbox = cluster.room("411300").inbox_ids().await;
    assert!(kept.iter().all(|id| inbox.contains(id)));
    audited(&cluster).await;
}

/// Spoils the database of a stopped node, sees what `run` says, and mends it.
async fn spoilt(cluster: &Cluster, code: &str, spoil: impl FnOnce(&Path)) {
    let room = cluster.room("411322");
    let database = room.dir().join("node.db");
    let kept = cluster.place().join("kept");
    fs::copy(&database, &kept).unwrap();
    spoil(&database);
    let run = cluster.at("411322", &["--json", "run"]).await;
    assert_eq!((run.code, run.problem().code.as_str()), (1, code), "{run:?}");
    fs::copy(&kept, &database).unwrap();
}

fn overwrite(file: &Path, at: u64, bytes: &[u8]) {
    fs::OpenOptions::new().write(true).open(file).unwrap().write_all_at(bytes, at).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_lost_foreign_newer_or_damaged_is_refused_by_name() {
    let cluster = Cluster::start(PROGRAM, Network::three()).await;
    let county = cluster.room("411322");
    let mut ids = Vec::new();
    for number in 0..30 {
        ids.push(
            county
                .send(&Letter::test("report", &["411300"], &format!("第{number}件{}", "灾".repeat(400))))
                .await,
        );
    }
    county.all_delivered(&ids).await;
    county.stop().await;
    assert!(!county.dir().join("node.db-wal").exists(), "a node that stops leaves one file behind");
    spoilt(&cluster, "store_missing", |database| fs::remove_file(database).unwrap()).await;
    spoilt(&cluster, "store_missing", |database| fs::write(database, b"").unwrap()).await;
    spoilt(&cluster, "store_foreign", |database| overwrite(database, 68, &7_u32.to_be_bytes())).await;
    spoilt(&cluster, "store_damaged", |database| {
        fs::write(database, "not a database at all".repeat(400)).unwrap()
    })
    .await;
    spoilt(&cluster, "store_newer", |database| overwrite(database, 60, &99_u32.to_be_bytes())).await;
    spoilt(&cluster, "store_damaged", |database| {
        let pages = fs::metadata(database).unwrap().len() / 4096;
        for page in 2..pages {
            overwrite(database, page * 4096, &[0xa5; 64]);
        }
    })
    .await;
    county.start().await;
    let events = county.events(&ids[0]).await;
    assert!(events.iter().any(|(event, _)| event == "delivered"), "the sound file is the one it was");
}
