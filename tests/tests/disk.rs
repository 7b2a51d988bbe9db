//! Promise 1 on disks that fail: slow ones, ones that stop writing, a sync that fails once; and a node without
//! descriptors. A node that cannot store says so and acknowledges nothing; afterwards everything goes on.

use std::{path::Path, sync::Arc, time::Duration};

use node::{
    clock::Clock,
    config::DiskMarks,
    control::{request::Request, view::CaseLine},
};
use sqlx::{ConnectOptions, sqlite::SqliteConnectOptions};
use tempfile::TempDir;
use tests::{
    cluster::{
        Cluster, LONG, Letter, Network, Room,
        books::{audited, reckon},
        text,
        traffic::{BOTH_WAYS, Traffic},
        until, until_true,
    },
    lab::{
        drive::Manners,
        has, run,
        volume::{DISK_NEEDS, Disk},
    },
};

const PROGRAM: &str = env!("CARGO_BIN_EXE_tests");
const PAUSE: Duration = Duration::from_millis(50);

/// A network whose city lies on a drive of its own.
struct OnDrive {
    cluster: Arc<Cluster>,
    disk: Disk,
    _place: TempDir,
}

impl OnDrive {
    async fn start() -> Self {
        let place = tempfile::tempdir().unwrap();
        let disk = Disk::format(&place.path().join("city"));
        let mut network = Network::three();
        network.disk = DiskMarks { low_mib: 8, critical_mib: 4 };
        network.place("411300").dir = Some(disk.path().join("node"));
        Self { cluster: Arc::new(Cluster::start(PROGRAM, network).await), disk, _place: place }
    }

    fn city(&self) -> &Room {
        self.cluster.room("411300")
    }

    /// The machine of the city is switched off and on again, with a drive that is as it should be.
    async fn mended(&mut self) {
        let platters = self.disk.drive().platters();
        self.city().kill();
        self.disk.power_on(platters).expect("ext4 replays its journal");
        self.city().start().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_slow_disk_messages_wait_and_links_and_officers_do_not() {
    if !has(&DISK_NEEDS) {
        return;
    }
    let slow = OnDrive::start().await;
    let since = slow.city().link_is("410000", "up").await.since_ms;
    slow.disk.drive().behave(Manners { flush_takes: Duration::from_millis(400), ..Manners::default() });
    let traffic = Traffic::begin(&slow.cluster, &BOTH_WAYS, PAUSE);
    traffic.goes_on(60, LONG).await;
    let asked = Clock::instant();
    slow.city().link_is("411322", "up").await;
    assert!(asked.elapsed() < Duration::from_secs(5), "who asks for the status waits {:?}", asked.elapsed());
    let ledger = traffic.end().await;
    reckon(&slow.cluster, &ledger, LONG).await;
    assert_eq!(slow.city().link_is("410000", "up").await.since_ms, since, "the link never went down");
    audited(&slow.cluster).await;
}

/// Under load the drive of the city begins to fail like this; whoever is not told "accepted" is told why, and nothing is
/// forgotten once the machine is mended.
async fn fails_and_is_mended(manners: Manners) {
    if !has(&DISK_NEEDS) {
        return;
    }
    let mut failing = OnDrive::start().await;
    let traffic = Traffic::begin(&failing.cluster, &BOTH_WAYS, PAUSE);
    traffic.goes_on(20, LONG).await;
    failing.disk.drive().behave(manners);
    let refused = until("the city refuses", LONG, async || {
        let letter = Letter::test("report", &["410000"], "磁盘故障");
        failing.city().try_send(&letter).await.err().map(|problem| problem.code)
    })
    .await;
    assert_eq!(refused, "not_accepted");
    until_true("the failure stands in the log", LONG, async || {
        failing.city().log_text().contains("the store failed: nothing more is acknowledged")
    })
    .await;
    assert!(failing.city().exit_status().is_none(), "the node runs on and answers");
    let again = failing.city().try_send(&Letter::test("report", &["410000"], "仍有故障")).await;
    assert!(again.is_err(), "nothing is acknowledged on a disk that does not write");
    failing.mended().await;
    traffic.goes_on(20, LONG).await;
    let ledger = traffic.end().await;
    println!("{}", reckon(&failing.cluster, &ledger, LONG).await);
    audited(&failing.cluster).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_stops_writing_stops_acknowledgements_and_loses_nothing() {
    fails_and_is_mended(Manners { writes_fail: true, ..Manners::default() }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_one_failed_sync_nothing_is_acknowledged_on_the_word_of_the_next() {
    fails_and_is_mended(Manners { failing_flushes: 1, ..Manners::default() }).await;
}

/// How many descriptors a process has.
fn descriptors(pid: u32) -> usize {
    std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count()
}

fn limit_descriptors(pid: u32, limit: usize) {
    run(&["prlimit", "--pid", &pid.to_string(), &format!("--nofile={limit}:")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_without_descriptors_carries_on_with_its_links_and_recovers() {
    if !has(&["prlimit"]) {
        return;
    }
    let cluster = Arc::new(Cluster::start(PROGRAM, Network::three()).await);
    let city = cluster.room("411300");
    let pid = city.pid().unwrap();
    let since = city.link_is("410000", "up").await.since_ms;
    let before = descriptors(pid);
    // Those that it has stay; no new one is given.
    limit_descriptors(pid, 4);
    // Whoever connects now finds nobody who could take the connection.
    let asking = async |seconds| {
        let asked = city.ask::<node::control::view::Status>(&node::control::request::Request::Status);
        tokio::time::timeout(Duration::from_secs(seconds), asked).await.is_ok_and(|answer| answer.is_ok())
    };
    until_true("there is no descriptor left for a question", LONG, async || !asking(1).await).await;
    let mut sent = Vec::new();
    for number in 0..20 {
        let letter = Letter::test("report", &["410000"], &format!("描述符用尽第{number}件"));
        sent.push(cluster.room("411322").send(&letter).await);
    }
    cluster.room("411322").all_delivered(&sent).await;
    limit_descriptors(pid, 1024);
    until_true("the city answers again", LONG, async || asking(5).await).await;
    assert_eq!(city.link_is("410000", "up").await.since_ms, since, "the link never went down");
    until_true("no descriptor is left behind", LONG, async || descriptors(pid) <= before + 2).await;
    audited(&cluster).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_does_not_start_on_a_disk_that_is_read_only_and_says_why() {
    if !has(&DISK_NEEDS) {
        return;
    }
    let mut mended = OnDrive::start().await;
    mended.city().stop().await;
    run(&["mount", "-o", "remount,ro", text(&mended.disk.path())]);
    let outcome = mended.cluster.at("411300", &["--json", "run"]).await;
    let problem = outcome.problem();
    println!("{problem:?}");
    assert!(outcome.code == 1 && !problem.why.is_empty());
    run(&["mount", "-o", "remount,rw", text(&mended.disk.path())]);
    mended.mended().await;
    mended.cluster.all_links_up().await;
    assert!(Path::new(&mended.city().dir().join("node.db")).exists());
}

/// The index of cases follows from the store, so that a disk that does not take it hides nothing; and it does not stay in memory,
/// where it would grow with all that was ever stored.
#[tokio::test(flavor = "multi_thread")]
async fn an_index_of_cases_that_its_disk_does_not_take_is_in_memory_until_it_does() {
    let cluster = Cluster::start(PROGRAM, Network::three()).await;
    let city = cluster.room("411300");
    let report = async |title| {
        let id = cluster.room("411322").send(&Letter::test("report", &["411300"], title)).await;
        city.has_in_inbox(&id).await;
        id
    };
    let is_listed = async |id: &String| {
        let cases: Vec<CaseLine> = city.ask(&Request::Cases).await.unwrap();
        cases.iter().any(|case| case.messages.contains(id))
    };
    let first = report("一").await;
    until_true("the first is indexed", LONG, async || is_listed(&first).await).await;
    assert!(has_open(city, "cases.db"));
    let mut holder =
        SqliteConnectOptions::new().filename(city.dir().join("cases.db")).connect().await.unwrap();
    sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut holder).await.unwrap();
    let second = report("二").await;
    until_true("the second is listed all the same", LONG, async || is_listed(&second).await).await;
    assert!(is_listed(&first).await && !has_open(city, "cases.db"), "the index is in memory");
    sqlx::raw_sql("ROLLBACK").execute(&mut holder).await.unwrap();
    until_true("the index is in its file again", 2 * LONG, async || {
        is_listed(&second).await && has_open(city, "cases.db")
    })
    .await;
    let known: i64 = sqlx::query_scalar("SELECT count(*) FROM message").fetch_one(&mut holder).await.unwrap();
    assert_eq!(known, 2);
}

/// Whether a node has this file of its directory open.
fn has_open(room: &Room, name: &str) -> bool {
    let descriptors = std::fs::read_dir(format!("/proc/{}/fd", room.pid().unwrap())).unwrap();
    let paths = descriptors.filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok());
    paths.into_iter().any(|path| path == room.dir().join(name))
}
