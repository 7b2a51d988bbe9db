//! Promises 1 and 2 under clocks that jump: the clock of each hop in turn is set forward and back by hours and days while
//! messages pass. Nothing is lost, waits or expires on a clock that is wrong, and no history breaks.

use std::{fs, path::PathBuf, sync::Arc, time::Duration};

use node::{
    config::DiskMarks,
    control::{request::Request, view},
};
use tests::{
    cluster::{
        Cluster, LONG, Letter, Network, Room,
        books::{audited, reckon},
        text,
        traffic::{BOTH_WAYS, Traffic},
        until_true,
    },
    lab::{has, volume::Small},
};

const PROGRAM: &str = env!("CARGO_BIN_EXE_tests");
/// Puts another time before a program (Debian's `libfaketime`).
const FAKER: &str = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1";
const HOUR_S: i64 = 3600;
const PAUSE: Duration = Duration::from_millis(50);

/// The file that says how far a room's clock is off.
fn clock_file(cluster: &Cluster, room: &Room) -> PathBuf {
    cluster.place().join(format!("{}.clock", room.code()))
}

fn set_clock(cluster: &Cluster, room: &Room, off_s: i64) {
    // At once, whole: a reader never sees half of it.
    let file = clock_file(cluster, room);
    let new = file.with_extension("new");
    fs::write(&new, format!("{off_s:+}\n")).unwrap();
    fs::rename(new, file).unwrap();
}

/// What a room takes for the time, against the machine's.
async fn off_s(room: &Room) -> i64 {
    let status: view::Status = room.ask(&Request::Status).await.unwrap();
    (status.clock.now_ms - node::clock::Clock::wall().as_ms()) / 1000
}

#[tokio::test(flavor = "multi_thread")]
async fn a_countys_clock_that_jumps_loses_nothing_and_expires_nothing() {
    jumps("411322", [2 * HOUR_S, -50 * HOUR_S]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_citys_clock_that_jumps_loses_nothing_and_expires_nothing() {
    jumps("411300", [50 * HOUR_S, -2 * HOUR_S]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_provinces_clock_that_jumps_loses_nothing_and_expires_nothing() {
    jumps("410000", [50 * HOUR_S, -2 * HOUR_S]).await;
}

/// Sets this room's clock wrong by each of these, in seconds, and right again, under traffic.
async fn jumps(code: &str, jumps: [i64; 2]) {
    if !has(&[FAKER]) {
        return;
    }
    let cluster = Arc::new(Cluster::start(PROGRAM, Network::three()).await);
    for room in cluster.rooms() {
        room.stop().await;
        set_clock(&cluster, room, 0);
        let file = clock_file(&cluster, room);
        let environment = [
            ("LD_PRELOAD", FAKER),
            ("FAKETIME_TIMESTAMP_FILE", text(&file)),
            ("FAKETIME_NO_CACHE", "1"),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
        ];
        room.spawn(&[], &environment);
    }
    for room in cluster.rooms() {
        room.ready().await;
    }
    cluster.all_links_up().await;
    let room = cluster.room(code);
    for jump in jumps {
        set_clock(&cluster, room, jump);
        until_true("the node sees the other time", LONG, async || (off_s(room).await - jump).abs() < 60)
            .await;
        let wrong = Traffic::begin(&cluster, &BOTH_WAYS, PAUSE);
        wrong.goes_on(60, LONG).await;
        let wrong = wrong.end().await;
        set_clock(&cluster, room, 0);
        let right = Traffic::begin(&cluster, &BOTH_WAYS, PAUSE);
        right.goes_on(60, LONG).await;
        let right = right.end().await;
        println!("{code} {:+} h: {}", jump / HOUR_S, reckon(&cluster, &wrong, LONG).await);
        println!("{code}, right again: {}", reckon(&cluster, &right, LONG).await);
    }
    audited(&cluster).await;
}

/// Sets a demo node's clock forward or back.
async fn shift(room: &Room, seconds: i64) {
    room.order(&Request::Clock { shift_ms: seconds * 1000, speed: 1, since_ms: None }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_to_be_sent_again_by_a_clock_that_was_ahead_is_sent_again_once_the_clock_is_set_back() {
    if !has(&["mount"]) {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let volume = Small::mount(&place.path().join("volume"), 48);
    let mut network = Network::three();
    network.disk = DiskMarks { low_mib: 20, critical_mib: 10 };
    network.place("411300").dir = Some(volume.path().join("city"));
    let cluster = Cluster::start(PROGRAM, network).await;
    let (county, city) = (cluster.room("411322"), cluster.room("411300"));
    volume.fill(15 * 1024);
    until_true("the city takes no routine", LONG, async || city.disk_level().await == "low").await;
    // Far beyond the half minute after which the county looks again.
    shift(county, 3_600).await;
    let id = county.send(&Letter::test("report", &["411300"], "时钟快一小时").precedence("routine")).await;
    until_true("the city does not take it", LONG, async || county.log_text().contains("storage_low")).await;
    volume.empty();
    until_true("the city has space", LONG, async || city.disk_level().await == "normal").await;
    shift(county, -3_600).await;
    county.receipt(&id, "delivered").await;
}
