//! Keeping: a backup under traffic and a restore of it in place, with nothing forked silently; an audit that finds every
//! change of the log.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use certs::peer::Publisher;
use node::{
    audit::{HeldReceipt, KnownHead, Report},
    clock::Clock,
    control::{request::Request, view},
    directory::Directory,
    store::sqlite::{InboxFilter, SqliteReader},
    trust::TrustBook,
};
use sqlx::{Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};
use tests::cluster::{Cluster, LONG, Letter, Network, Room, text, until, until_true};

const PROGRAM: &str = env!("CARGO_BIN_EXE_tests");
const COUNTY: &str = "411322";
const CITY: &str = "411300";
const PROVINCE: &str = "410000";

async fn status(room: &Room) -> view::Status {
    room.ask(&Request::Status).await.unwrap()
}

/// Waits until the root hub has dated everything that this room has signed so far.
async fn dated(room: &Room) {
    let size = status(room).await.log.size;
    until_true(&format!("{} is dated", room.code()), LONG, async || {
        status(room).await.log.dated_size >= size
    })
    .await;
}

async fn audit(cluster: &Cluster, code: &str) -> Report {
    let outcome = cluster.at(code, &["audit", "verify", "--json"]).await;
    assert!([0, 6].contains(&outcome.code), "{outcome:?}");
    let report: Report = serde_json::from_str(&outcome.out).unwrap();
    assert_eq!(outcome.code == 0, report.failed == 0, "{report:?}");
    report
}

async fn clean(cluster: &Cluster, code: &str) -> Report {
    let report = audit(cluster, code).await;
    assert_eq!(report.failed, 0, "{code}: {:#?}", report.findings);
    report
}

async fn exchange(cluster: &Cluster, count: usize) -> Vec<String> {
    let mut ids = Vec::new();
    for number in 0..count {
        let up = Letter::test("report", &[PROVINCE], &format!("上报第{number}件"));
        ids.push(cluster.room(COUNTY).send(&up).await);
        let down = Letter::test("instruction", &[COUNTY], &format!("下达第{number}件"));
        let down = cluster.room(PROVINCE).send(&down).await;
        cluster.room(PROVINCE).receipt(&down, "delivered").await;
    }
    cluster.room(COUNTY).all_delivered(&ids).await;
    ids
}

/// (epoch counter, nonce, nr) of everything that one room delivered to another.
async fn numbers(room: &Room, origin: &str) -> Vec<(u64, [u8; 8], u64)> {
    let reader = SqliteReader::open(&room.dir().join("node.db")).await.unwrap();
    let filter = InboxFilter { unacknowledged: false, count: 10_000, ..InboxFilter::default() };
    let lines = reader.inbox(filter).await.unwrap();
    reader.close().await;
    let origin: view::Room = room
        .ask::<view::Status>(&Request::Status)
        .await
        .unwrap()
        .links
        .into_iter()
        .map(|link| link.room)
        .chain([status(room).await.room])
        .find(|room| room.code == origin)
        .unwrap();
    let from = lines.into_iter().filter(|line| line.record.key.origin.to_string() == origin.id);
    from.map(|line| (line.epoch.counter, *line.epoch.nonce, line.nr)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_node_names_what_it_lost_and_its_parent_keeps_both_histories() {
    let cluster = Cluster::start(PROGRAM, Network::three()).await;
    let (county, city) = (cluster.room(COUNTY), cluster.room(CITY));
    exchange(&cluster, 3).await;
    let copy = cluster.place().join("county.backup");
    let made = backup_under_traffic(&cluster, &copy).await;

    let to_city = |number: usize| Letter::test("report", &[CITY], &format!("备份之后第{number}件"));
    let mut lost = Vec::new();
    for number in 0..20 {
        lost.push(county.send(&to_city(number)).await);
    }
    county.all_delivered(&lost).await;
    let order = Letter::test("instruction", &[COUNTY], "备份之后的批示");
    let order = cluster.room(PROVINCE).send(&order).await;
    cluster.room(PROVINCE).receipt(&order, "delivered").await;
    dated(county).await;
    let before = status(county).await.log;
    assert!(before.loss.is_none() && before.size > made);
    county.kill();

    let aside = cluster.place().join("old");
    std::fs::rename(county.dir(), &aside).unwrap();
    let restored = cluster.at(COUNTY, &["restore", text(&copy), "--json"]).await;
    assert_eq!(restored.code, 0, "{restored:?}");
    county.start().await;
    cluster.all_links_up().await;

    let loss = until("the county learns what it lost", LONG, async || {
        status(county).await.log.loss.filter(|loss| loss.from.is_some())
    })
    .await;
    assert_eq!((loss.from, loss.held_by.unwrap().code.as_str()), (Some(made), CITY));
    assert!(loss.to >= Some(made + 20) && loss.to < Some(before.size), "{:?} of {}", loss.to, before.size);
    assert!(loss.backup_made_at_ms.is_some() && loss.accepted_at_ms.is_none());
    let breaks = until("the city keeps both histories", LONG, async || {
        Some(status(city).await.log.breaks).filter(|breaks| !breaks.is_empty())
    })
    .await;
    assert_eq!(breaks.len(), 1, "nothing else than the one that was declared");
    assert!(breaks[0].declared && breaks[0].room.code == COUNTY);
    let doctor = cluster.at(CITY, &["doctor", "--json"]).await;
    assert!(doctor.code == 1 && doctor.out.contains("doctor_history_declared"), "{doctor:?}");
    let shown = cluster.at(COUNTY, &["status", "--lang", "en"]).await;
    assert!(shown.out.contains(&format!("leaves {made}..")), "{shown:?}");

    until_true("what was delivered after the backup comes again", LONG, async || {
        county.inbox_ids().await.contains(&order)
    })
    .await;
    let again: view::Opened = county.ask(&Request::Show { id: order.clone() }).await.unwrap();
    assert!(serde_json::to_string(&again).unwrap().contains("备份之后的批示"), "{again:?}");
    until_true("the origin has the outcome, the loss and the second delivery", LONG, async || {
        let receipts = cluster.room(PROVINCE).receipts(&order).await;
        let count = |word: &str| receipts.iter().filter(|receipt| receipt.event == word).count();
        (count("delivered"), count("lost")) == (2, 1)
    })
    .await;
    let ways: view::QueueEntry =
        cluster.room(CITY).ask(&Request::QueueShow { id: order.clone() }).await.unwrap();
    assert_eq!(ways.ways[0].state, "ended", "{ways:?}");
    for id in &lost {
        until_true("what was sent after the backup is in the outbox again", LONG, async || {
            let found = county.ask::<Vec<view::ReceiptLine>>(&Request::Receipts { id: id.clone() }).await;
            found.is_ok_and(|found| found.iter().any(|receipt| receipt.event == "delivered"))
        })
        .await;
    }
    let from = made.to_string();
    let held = cluster.at(CITY, &["audit", "held", COUNTY, "--from", &from, "--json"]).await;
    let held: Vec<HeldReceipt> = held.json();
    let lost_leaves = made..=loss.to.unwrap();
    let is_named = |line: &&HeldReceipt| line.id == order && line.event == "delivered";
    let named = held.iter().find(is_named).unwrap_or_else(|| panic!("{order} is not named: {held:?}"));
    assert!(lost_leaves.contains(&named.leaf), "{named:?}");

    for number in 0..5 {
        let id = county.send(&to_city(number)).await;
        county.receipt(&id, "delivered").await;
    }
    exchange(&cluster, 2).await;
    let seen = numbers(city, COUNTY).await;
    assert!(seen.len() >= 25);
    assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), seen.len(), "no number was given twice: {seen:?}");
    until_true("the restored county is dated again", LONG, async || {
        let log = status(county).await.log;
        log.dated_size > made
    })
    .await;
    assert_eq!(cluster.at(COUNTY, &["audit", "accept-loss"]).await.code, 0);
    let shown = cluster.at(COUNTY, &["status", "--lang", "en"]).await;
    assert!(!shown.out.contains("are lost here"), "{shown:?}");
    for room in [COUNTY, CITY, PROVINCE] {
        let report = clean(&cluster, room).await;
        assert_eq!(report.history_breaks.len(), usize::from(room == CITY), "{room}");
    }
}

/// The versions of the sheets that a room keeps.
fn sheets(room: &Room) -> BTreeMap<Publisher, u64> {
    let directory = Directory::open(room.dir()).unwrap();
    TrustBook::open(&directory, Clock::wall()).unwrap().current().sheet_versions().into_iter().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_hub_gets_its_own_newer_sheet_back_and_what_it_revoked_stays_revoked() {
    let cluster = Cluster::start(PROGRAM, Network::three()).await;
    let (county, city, province) = (cluster.room(COUNTY), cluster.room(CITY), cluster.room(PROVINCE));
    let copy = cluster.place().join("city.backup");
    assert_eq!(cluster.at(CITY, &["backup", text(&copy)]).await.code, 0);
    let before = sheets(city);
    city.order(&Request::CertificateRevoke { room: COUNTY.to_owned(), reason: "withdrawn".to_owned() }).await;
    until_true("the province has the newer sheet", LONG, async || sheets(province) != before).await;
    dated(city).await;
    city.kill();
    std::fs::rename(city.dir(), cluster.place().join("old")).unwrap();
    assert_eq!(cluster.at(CITY, &["restore", text(&copy)]).await.code, 0);
    assert_eq!(sheets(city), before, "the backup knows nothing of the revocation");
    city.start().await;
    city.link_is(PROVINCE, "up").await;
    until_true("the city has its own newer sheet again", LONG, async || sheets(city) == sheets(province))
        .await;
    until_true("the city knows what it lost", LONG, async || {
        status(city).await.log.loss.is_some_and(|loss| loss.from.is_some())
    })
    .await;
    county.link_is(CITY, "down").await;
    assert_eq!(status(province).await.log.breaks.len(), 1);
    for room in [CITY, PROVINCE] {
        clean(&cluster, room).await;
    }
}

/// A backup while messages pass in both directions; gives the leaves of the log in it.
async fn backup_under_traffic(cluster: &Cluster, copy: &Path) -> u64 {
    let stop = Arc::new(AtomicBool::new(false));
    let traffic = async {
        let mut sent = Vec::new();
        while !stop.load(Ordering::Relaxed) {
            sent.push(cluster.room(COUNTY).send(&Letter::test("report", &[PROVINCE], "备份期间")).await);
        }
        cluster.room(COUNTY).all_delivered(&sent).await;
        assert!(!sent.is_empty());
    };
    let backup = async {
        let made = cluster.at(COUNTY, &["backup", text(copy), "--json"]).await;
        stop.store(true, Ordering::Relaxed);
        made.json::<serde_json::Value>()
    };
    let ((), made) = tokio::join!(traffic, backup);
    use std::os::unix::fs::PermissionsExt as _;
    assert_eq!(std::fs::metadata(copy).unwrap().permissions().mode() & 0o777, 0o600);
    let again = cluster.at(COUNTY, &["backup", text(copy), "--json"]).await;
    assert_eq!(again.problem().code, "backup_exists");
    made["leaves"].as_u64().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_was_changed_or_a_directory_that_is_taken_is_refused_before_anything_is_written() {
    let cluster = Cluster::start(PROGRAM, Network::three()).await;
    exchange(&cluster, 1).await;
    let copy = cluster.place().join("city.backup");
    assert_eq!(cluster.at(CITY, &["backup", text(&copy)]).await.code, 0);
    let restore = async |copy: &Path, dir: &Path| {
        cluster.command(&["restore", text(copy), "--dir", text(dir), "--json"]).await
    };
    let taken = restore(&copy, cluster.room(CITY).dir()).await;
    assert_eq!(taken.problem().code, "restore_not_empty");
    let dir = cluster.place().join("new");
    let not_one = restore(&cluster.room(CITY).dir().join("node.db"), &dir).await;
    assert_eq!(not_one.problem().code, "store_foreign");
    for (sql, code) in [
        ("UPDATE receipt SET bytes = zeroblob(length(bytes)) WHERE row = 3", "store_damaged"),
        ("DELETE FROM log WHERE first = (SELECT max(first) FROM log)", "store_damaged"),
        ("UPDATE backup_file SET bytes = x'00' WHERE name = 'keys/signing.pem'", "store_damaged"),
        ("PRAGMA user_version = 900", "store_newer"),
        ("DELETE FROM backup_file WHERE name = 'config.toml'", "restore_invalid"),
        ("UPDATE backup_file SET name = '../' || name WHERE name = 'door.json'", "restore_invalid"),
    ] {
        let changed = cluster.place().join("changed.backup");
        std::fs::copy(&copy, &changed).unwrap();
        edit(&changed, sql).await;
        let refused = restore(&changed, &dir).await;
        assert_eq!(refused.problem().code, code, "{sql}");
        assert!(!dir.exists(), "nothing is written: {sql}");
    }
    let done = restore(&copy, &dir).await;
    assert_eq!(done.code, 0, "{done:?}");
    assert!(dir.join("loss.json").exists());
    for place in ["keys", "certificates", "map"] {
        let same = tokio::process::Command::new("diff")
            .args(["-r", text(&cluster.room(CITY).dir().join(place)), text(&dir.join(place))])
            .status();
        assert!(same.await.unwrap().success(), "{place} is not as it was");
    }
}

/// Changes rows behind the node's back, as somebody does who may write the file.
async fn edit(database: &Path, sql: &'static str) {
    let options = SqliteConnectOptions::new().filename(database);
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    let done = sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
    assert!(done.rows_affected() > 0 || sql.starts_with("PRAGMA"), "{sql}");
    connection.close().await.unwrap();
}

/// What the audit of a copy of this room says after an edit.
async fn audited_after(cluster: &Cluster, original: &Path, sql: &'static str) -> Report {
    let dir = cluster.place().join("edited");
    if dir.exists() {
        std::fs::remove_dir_all(&dir).unwrap();
    }
    let copied = tokio::process::Command::new("cp").arg("-a").arg(original).arg(&dir).status().await.unwrap();
    assert!(copied.success());
    edit(&dir.join("node.db"), sql).await;
    let outcome = cluster.command(&["--dir", text(&dir), "audit", "verify", "--json"]).await;
    assert_eq!(outcome.code, 6, "{sql}: {outcome:?}");
    serde_json::from_str(&outcome.out).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_audit_is_clean_on_every_node_and_names_every_change_behind_its_back() {
    let cluster = Cluster::start(PROGRAM, Network::three()).await;
    exchange(&cluster, 4).await;
    cluster.room(CITY).stop().await;
    cluster.room(CITY).start().await;
    cluster.all_links_up().await;
    exchange(&cluster, 2).await;
    fill_a_subtree(&cluster).await;
    for room in [COUNTY, CITY, PROVINCE] {
        dated(cluster.room(room)).await;
        let report = clean(&cluster, room).await;
        assert!(report.own_receipts > 0 && report.foreign_receipts > 0 && report.ticks > 0, "{report:?}");
        assert!(report.checkpoints > 0 && report.dated_leaves > 0 && report.envelopes > 0, "{report:?}");
    }
    let heads: Vec<KnownHead> = cluster.at(CITY, &["checkpoint", "ls", "--json"]).await.json();
    assert_eq!(heads.len(), 2, "our own and the county's");
    assert!(
        heads[1].room.starts_with(COUNTY) && heads[1].size > 0 && heads[1].dated_at_ms.is_some(),
        "{heads:?}"
    );
    let city: PathBuf = cluster.room(CITY).dir().to_owned();
    cluster.room(CITY).stop().await;
    let report = clean(&cluster, CITY).await;
    assert_eq!((report.epochs, report.children), (2, 1), "a node that is stopped is audited as well");
    for (sql, codes) in EDITS {
        let report = audited_after(&cluster, &city, sql).await;
        let found: BTreeSet<&str> = report.findings.iter().map(|finding| finding.code.as_str()).collect();
        for code in *codes {
            assert!(found.contains(code), "{sql}: {code} is not among {:#?}", report.findings);
        }
        let is_named = |code: &str| ["tick_invalid", "record_damaged"].contains(&code);
        let placed = report.findings.iter().all(|f| f.leaf.is_some() || f.id.is_some() || is_named(&f.code));
        assert!(placed, "{sql}: {:#?}", report.findings);
    }
    let wrong = cluster.command(&["--dir", text(cluster.place()), "audit", "verify", "--json"]).await;
    assert_eq!((wrong.code, wrong.problem().code.as_str()), (1, "config_missing"));
}

/// So many messages that the log of the city keeps the root of its first 256 leaves.
async fn fill_a_subtree(cluster: &Cluster) {
    let mut sent = Vec::new();
    for number in 0..130 {
        let letter = Letter::test("report", &[PROVINCE], &format!("第{number}件"));
        sent.push(cluster.room(COUNTY).send(&letter).await);
    }
    cluster.room(COUNTY).all_delivered(&sent).await;
    assert!(status(cluster.room(CITY)).await.log.size > 256);
}

/// An edit, and what must be said of it.
const EDITS: &[(&str, &[&str])] = &[
    ("UPDATE log_subtree SET hash = zeroblob(32)", &["subtree_changed"]),
    (
        "INSERT INTO receipt (key, event, own, recipient, issuer, epoch, seq, at_ms, leaf, check_sum, bytes) \
         SELECT key, event, own, recipient, issuer, epoch, seq, at_ms, 1 << 40, check_sum, bytes FROM receipt WHERE row = 2",
        &["leaf_beyond", "receipt_twice"],
    ),
    (
        "UPDATE receipt SET bytes = CAST(substr(bytes, 1, 60) || x'00' || substr(bytes, 62) AS BLOB) \
         WHERE row = (SELECT min(row) FROM receipt WHERE own = 1)",
        &["leaf_changed", "receipt_invalid"],
    ),
    ("DELETE FROM receipt WHERE row = (SELECT max(row) FROM receipt WHERE own = 0)", &["leaf_missing"]),
    (
        "UPDATE log SET hashes = CAST(zeroblob(32) || substr(hashes, 33) AS BLOB) \
         WHERE first = (SELECT max(first) FROM log WHERE first <= 5)",
        &["leaf_changed", "root_changed"],
    ),
    ("DELETE FROM epoch WHERE counter = 1", &["leaf_missing", "epoch_missing"]),
    ("UPDATE receipt SET at_ms = at_ms - 60000 WHERE row = 2", &["receipt_invalid"]),
    (
        "UPDATE receipt SET event = 2 WHERE row = (SELECT min(row) FROM receipt WHERE event = 1)",
        &["receipt_invalid"],
    ),
    ("UPDATE receipt SET own = 1 - own WHERE row = 2", &["receipt_invalid"]),
    (
        "DELETE FROM log_object WHERE leaf = (SELECT max(leaf) FROM child_head)",
        &["leaf_missing", "head_invalid"],
    ),
    (
        "UPDATE checkpoint SET dated_at_ms = dated_at_ms - 60000 WHERE dated_at_ms IS NOT NULL",
        &["anchor_invalid"],
    ),
    ("UPDATE child_head SET size = size + 1", &["head_invalid"]),
    ("UPDATE tick SET bytes = zeroblob(40) WHERE at_ms = (SELECT min(at_ms) FROM tick)", &["tick_invalid"]),
    ("DELETE FROM tick WHERE cited = 1", &["tick_missing"]),
    ("UPDATE record SET check_sum = check_sum + 1", &["record_damaged"]),
    ("UPDATE envelope SET header = zeroblob(10) WHERE row = 1", &["envelope_damaged"]),
    ("DELETE FROM envelope WHERE row = 2", &["envelope_missing"]),
    ("DELETE FROM log WHERE first = (SELECT max(first) FROM log WHERE first <= 5)", &["hash_missing"]),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_database_is_seen_by_pages_after_the_next_reading_of_the_file() {
    let cluster = Cluster::start(PROGRAM, Network::one()).await;
    let room = cluster.room(PROVINCE);
    let kept = async || {
        let checks: Vec<view::Check> = room.ask(&Request::Doctor { kept: true }).await.unwrap();
        checks.into_iter().find(|check| check.code == "doctor_database").unwrap()
    };
    assert_eq!(kept().await.state, "ok");
    // An index that the schema knows no more: its pages belong to nobody.
    let damage = "PRAGMA writable_schema = 1; DELETE FROM sqlite_schema WHERE name = 'call_about'; \
                  PRAGMA schema_version = 4711";
    edit(&room.dir().join("node.db"), damage).await;
    assert_eq!(kept().await.state, "ok", "no page reads the whole file");
    let doctor = cluster.at(PROVINCE, &["doctor", "--json"]).await;
    let checks: Vec<view::Check> = serde_json::from_str(&doctor.out).unwrap();
    let found = checks.iter().find(|check| check.code == "doctor_database").unwrap();
    assert_eq!((doctor.code, found.state.as_str()), (1, "failed"), "{doctor:?}");
    let seen = kept().await;
    assert_eq!(seen.state, "failed");
    assert!(!seen.details["detail"].is_empty(), "{seen:?}");
}
