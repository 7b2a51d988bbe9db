//! That nothing came from a room in a time is proved by one file, and only where it is so.

use std::path::{Path, PathBuf};

use relay::{duty::beijing::rfc3339, timestamp::Timestamp};
use serde_json::Value;
use tests::cluster::{Cluster, LONG, Letter, Network, Outcome, text, until, until_true};

const PROGRAM: &str = env!("CARGO_BIN_EXE_tests");
const PROVINCE: &str = "410000";
const CITY: &str = "411300";
const COUNTY: &str = "411322";

fn now() -> i64 {
    node::clock::Clock::wall().as_ms()
}

/// The city's proof that the county was silent.
async fn silence(cluster: &Cluster, from: i64, to: i64) -> (Outcome, PathBuf) {
    let file = cluster.place().join(format!("silence-{from}-{to}.zip"));
    let [from, to] = [from, to].map(|ms| rfc3339(Timestamp::from_ms(ms)));
    let span = ["--from", &from, "--to", &to, "-o", text(&file), "--force", "--json"];
    let outcome = cluster.at(CITY, &[&["evidence", "silence", COUNTY], span.as_slice()].concat()).await;
    (outcome, file)
}

async fn verified(cluster: &Cluster, file: &Path) -> Outcome {
    let anchor = cluster.room(PROVINCE).dir().join("anchor.pem");
    cluster.command(&["verify", text(file), "--anchor", text(&anchor), "--json"]).await
}

fn by_python(cluster: &Cluster, file: &Path) -> Option<i32> {
    let anchor = cluster.room(PROVINCE).dir().join("anchor.pem");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("verifier/verify.py");
    std::process::Command::new("python3").arg(script).args([file, &anchor]).output().unwrap().status.code()
}

/// A report from the county, delivered; gives when the city's receipt for it is dated.
async fn reported(cluster: &Cluster) -> i64 {
    let county = cluster.room(COUNTY);
    let id = county.send(&Letter::test("notify", &[CITY], "通报")).await;
    county.receipt(&id, "delivered").await;
    dated(cluster).await
}

/// When everything in the city's log is dated.
async fn dated(cluster: &Cluster) -> i64 {
    until("the city's log is dated", LONG, async || {
        let status: Value = cluster.at(CITY, &["status", "--json"]).await.json();
        let log = &status["log"];
        (log["size"].is_u64() && log["size"] == log["dated_size"]).then(now)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_is_proved_where_nothing_came_refused_where_something_did_and_shows_the_outage() {
    let cluster = Cluster::start(PROGRAM, Network::three()).await;
    let before = dated(&cluster).await;
    let quiet_from = reported(&cluster).await;
    for (from, why) in [(before, "evidence_not_silent"), (0, "evidence_silence_early")] {
        let (refused, _) = silence(&cluster, from, quiet_from).await;
        assert_eq!((refused.code, refused.problem().code.as_str()), (1, why), "{refused:?}");
    }

    // The line is cut in a quiet time, and mended in it.
    let county = cluster.room(COUNTY);
    county.cut(CITY, true).await;
    cluster.room(CITY).link_is(COUNTY, "down").await;
    let noticed = now();
    until_true("a break long enough to be an outage", LONG, async || now() > noticed + 1_500).await;
    county.cut(CITY, false).await;
    cluster.room(CITY).link_is(COUNTY, "up").await;
    let quiet_to = now();
    let (made, file) = silence(&cluster, quiet_from, quiet_to).await;
    assert_eq!(made.code, 0, "{made:?}");
    let outcome = verified(&cluster, &file).await;
    assert_eq!((outcome.code, by_python(&cluster, &file)), (0, Some(0)), "{outcome:?}");
    let told: Value = outcome.json();
    let at = |name: &str| told["silence"][name].as_str().unwrap().to_owned();
    let [from, to] = [quiet_from, quiet_to].map(|ms| rfc3339(Timestamp::from_ms(ms)));
    assert_eq!((at("from"), at("to")), (from.clone(), to.clone()));
    assert!(at("head_dated") <= from && to <= at("next_head_after"), "{told}");
    let lines = told["lines"].as_array().unwrap();
    assert!(lines.iter().any(|line| line["by"]["code"] == CITY && line["grade"] == "line"), "{told}");

    // Every other byte is found by both.
    let bytes = std::fs::read(&file).unwrap();
    let bad = cluster.place().join("changed.zip");
    for index in (0..bytes.len()).step_by(bytes.len() / 25) {
        let mut changed = bytes.clone();
        changed[index] ^= 1;
        std::fs::write(&bad, changed).unwrap();
        assert_eq!(
            (verified(&cluster, &bad).await.code, by_python(&cluster, &bad)),
            (6, Some(6)),
            "byte {index}"
        );
    }

    // A message in the middle breaks it; what the file said before stays true.
    let later = reported(&cluster).await;
    let (refused, _) = silence(&cluster, quiet_from, later).await;
    assert_eq!((refused.code, refused.problem().code.as_str()), (1, "evidence_not_silent"), "{refused:?}");
    let (made, _) = silence(&cluster, quiet_from, quiet_to).await;
    assert_eq!(made.code, 0, "{made:?}");

    // What is still to come is not proven.
    let (refused, _) = silence(&cluster, later, now() + 3_600_000).await;
    assert_eq!(refused.code, 2, "{refused:?}");
}
