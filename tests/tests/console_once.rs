//! A program that repeats a request under its key is answered as the first time, and nothing is sent twice: not when it
//! asks at the same moment, not after a kill at the worst one, not after a restart.

use futures_util::future::join_all;
use hyper::Method;
use node::control::{request::Request, view};
use relay::crash_point::CrashPoint;
use serde_json::{Value, json};
use tests::{
    cluster::{Cluster, LONG, Network, until},
    console::{PASSWORD, Said, address, call, officer, open},
};

const PROGRAM: &str = env!("CARGO_BIN_EXE_tests");
const CITY: &str = "411300";
const COUNTY: &str = "411322";
const NAME: &str = "li-ming";

fn notify(text: &str) -> Value {
    json!({ "kind": "notify", "to": [COUNTY], "text": text, "status": "test" })
}

async fn house() -> Cluster {
    let cluster = Cluster::start(PROGRAM, Network::three()).await;
    open(cluster.room(CITY)).await;
    officer(&cluster, CITY, NAME, "duty_officer").await;
    cluster
}

/// Sends under a key; none where the node ended before it answered.
async fn send(cluster: &Cluster, by: &str, key: &str, text: &str) -> Option<Said> {
    post(&address(cluster.room(CITY)).await, by, key, text).await
}

async fn post(address: &str, by: &str, key: &str, text: &str) -> Option<Said> {
    let headers = [("idempotency-key", key)];
    call(address, Method::POST, "/api/messages", by, &headers, &notify(text)).await.ok()
}

async fn sent(cluster: &Cluster) -> usize {
    let lines: Vec<view::SentLine> =
        cluster.room(CITY).ask(&Request::Outbox { newest: None, before: None }).await.unwrap();
    lines.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_repeated_is_answered_as_the_first_time_and_sends_nothing_twice() {
    let cluster = house().await;
    officer(&cluster, CITY, "wang-fang", "duty_officer").await;
    let first = send(&cluster, NAME, "k-1", "风力减弱").await.unwrap();
    assert_eq!(first.status, 200, "{first:?}");
    let again = send(&cluster, NAME, "k-1", "风力减弱").await.unwrap();
    assert_eq!((again.status, again.json()), (200, first.json()));
    let other = send(&cluster, NAME, "k-1", "风力增强").await.unwrap();
    assert_eq!((other.status, other.code().as_str()), (422, "idempotency_key_reused"));
    assert_eq!(sent(&cluster).await, 1);

    let theirs = send(&cluster, "wang-fang", "k-1", "风力减弱").await.unwrap();
    assert_ne!(theirs.json()["id"], first.json()["id"], "another officer's key is another key");
    let wrong = send(&cluster, NAME, "a key", "风力减弱").await.unwrap();
    assert_eq!((wrong.status, wrong.code().as_str()), (400, "idempotency_key_wrong"));
    let address = address(cluster.room(CITY)).await;
    let key = [("idempotency-key", "k-1")];
    let ping = json!({ "room": CITY });
    let useless = call(&address, Method::POST, "/api/pings", NAME, &key, &ping).await.unwrap();
    assert_eq!(useless.code(), "idempotency_key_useless");

    let call_note = json!({ "direction": "out", "room": COUNTY, "line": "ordinary", "text": "已电话核实", "status": "test" });
    let note = async || call(&address, Method::POST, "/api/calls", NAME, &key, &call_note).await.unwrap();
    let kinds = note().await;
    assert_eq!(kinds.code(), "idempotency_key_reused", "a key stands for one request: {kinds:?}");
    assert_eq!(sent(&cluster).await, 2);

    cluster.room(CITY).kill();
    cluster.room(CITY).start().await;
    let after = send(&cluster, NAME, "k-1", "风力减弱").await.unwrap();
    assert_eq!((after.status, after.json()), (200, first.json()));
    assert_eq!(sent(&cluster).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_many_times_at_the_same_moment_and_who_notes_a_call_twice_is_done_once() {
    let cluster = house().await;
    let asking = (0..6).map(|_| send(&cluster, NAME, "k-2", "道路中断"));
    let mut ids = Vec::new();
    for said in join_all(asking).await {
        let said = said.unwrap();
        match said.status {
            200 => ids.push(said.json()["id"].clone()),
            409 => assert_eq!(said.code(), "idempotency_key_busy"),
            _ => panic!("{said:?}"),
        }
    }
    ids.dedup();
    assert_eq!((ids.len(), sent(&cluster).await), (1, 1));

    let address = address(cluster.room(CITY)).await;
    let body = json!({ "direction": "out", "room": COUNTY, "line": "ordinary", "text": "已电话核实", "status": "test" });
    let key = [("idempotency-key", "k-3")];
    let note = async || call(&address, Method::POST, "/api/calls", NAME, &key, &body).await.unwrap();
    let (first, again) = (note().await, note().await);
    assert_eq!(first.status, 200, "{first:?}");
    assert_eq!(again.json(), first.json());
    assert_eq!(sent(&cluster).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_repeats_what_a_kill_left_unanswered_has_one_message_for_each_key() {
    let cluster = house().await;
    let city = cluster.room(CITY);
    let mut keys: usize = 0;
    for point in [CrashPoint::SubmitAccepted, CrashPoint::BeforeCommit, CrashPoint::AfterCommit] {
        city.stop().await;
        city.spawn(&[], &[("YICHUAN_CRASH_AT", &format!("{}:{AFTER}", point.name()))]);
        let unanswered = until("the node dies of its crash point", LONG, async || {
            if city.exit_status().is_some() {
                return Some(keys);
            }
            let status: view::Status = city.ask(&Request::Status).await.ok()?;
            let place = status.console?.strip_prefix("http://")?.to_owned();
            keys += 1;
            let said = post(&place, NAME, &format!("k-{keys}"), &format!("第{keys}次")).await;
            if said.is_some() { None } else { Some(keys) }
        })
        .await;
        if city.pid().is_some() {
            city.ended().await;
        }
        city.start().await;
        for key in [keys, unanswered.saturating_sub(1).max(1)] {
            let again = send(&cluster, NAME, &format!("k-{key}"), &format!("第{key}次")).await.unwrap();
            assert_eq!(again.status, 200, "{point:?}: {again:?}");
        }
        assert_eq!(sent(&cluster).await, keys, "{point:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_leads_of_both_readmes_are_taken_as_they_stand_and_are_one_message() {
    if !tests::lab::is_there(&["curl"]) {
        return;
    }
    let cluster = house().await;
    officer(&cluster, CITY, "dispatch-119", "duty_officer").await;
    let place = cluster.place();
    std::fs::write(place.join("curl.conf"), format!("user = \"dispatch-119:{PASSWORD}\"\n")).unwrap();
    let address = address(cluster.room(CITY)).await;
    let mut answers = Vec::new();
    for name in ["README.md", "README.zh-CN.md"] {
        let readme = std::fs::read_to_string(format!("{}/../{name}", env!("CARGO_MANIFEST_DIR"))).unwrap();
        let lines = readme.split("```").find(|block| block.contains("Idempotency-Key: ")).unwrap();
        let lines = lines.replace("127.0.0.1:8080", &address).replacen("curl", "curl -s", 1);
        let done = tokio::process::Command::new("sh").args(["-c", &lines]).current_dir(place).output();
        let done = done.await.unwrap();
        let said: Value = serde_json::from_slice(&done.stdout).unwrap_or_else(|_| panic!("{done:?}"));
        answers.push(said["id"].as_str().unwrap_or_else(|| panic!("{said}")).to_owned());
    }
    assert_eq!(answers[0], answers[1]);
    cluster.room(COUNTY).has_in_inbox(&answers[0]).await;
}

/// A start passes a few of the points by itself.
const AFTER: u32 = 12;
