//! The alarm at the node itself: its program rings for what is urgent, for 特提 until somebody acknowledges it; what an
//! officer silences rings no more for five minutes, what comes after it does, and who silenced it stays written down.

use std::{fs, path::Path, time::Duration};

use hyper::{Method, StatusCode};
use serde_json::Value;
use tests::{
    cluster::{Letter, text, until},
    house::{CITY, COUNTY, House, PASSWORD},
};

const PROGRAM: &str = env!("CARGO_BIN_EXE_tests");
/// A 特提 rings again after half a minute.
const AGAIN: Duration = Duration::from_secs(90);

async fn rang(file: &Path, times: usize) {
    until(&format!("the alarm has rung {times} times"), AGAIN, async || {
        let rung = fs::read_to_string(file).unwrap_or_default().lines().count();
        assert!(rung <= times, "it has rung {rung} times, not {times}");
        (rung == times).then_some(())
    })
    .await;
}

/// The city starts again with an alarm program that writes a line for each ring.
async fn starts_with_an_alarm(house: &House, file: &Path) {
    let city = house.cluster.room(CITY);
    city.stop().await;
    city.configure(|config| {
        let line = format!("echo $YICHUAN_PRECEDENCE >> '{}'", text(file));
        config.alarm = ["/bin/sh", "-c", &line].map(str::to_owned).to_vec();
    });
    city.start().await;
    house.cluster.all_links_up().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_silenced_by_name_rings_no_more_and_what_comes_after_it_rings_until_somebody_signs() {
    let mut house = House::open(PROGRAM, CITY).await;
    house.officer("li-ming", "duty_officer").await;
    house.officer("auditor", "audit_admin").await;
    let file = house.cluster.place().join("rang");
    starts_with_an_alarm(&house, &file).await;
    house.locate().await;
    let flash = Letter::test("report", &[CITY], "试").precedence("flash");
    let send = async || {
        let id = house.cluster.room(COUNTY).send(&flash).await;
        house.cluster.room(COUNTY).receipt(&id, "alerted").await;
        id
    };

    let first = send().await;
    rang(&file, 1).await;
    let cookie = house.log_in("li-ming", PASSWORD, "").await.cookie();
    let token = house.get("/inbox", &cookie).await.token();
    let done = house.form("/mute", &cookie, &format!("csrf={token}&back=/inbox")).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{done:?}");
    send().await;
    // Only the second rings again: the first would have been before it.
    rang(&file, 3).await;
    send().await;
    rang(&file, 4).await;

    // Who silenced it is known after a start, to the auditor too, without a word of a message.
    house.cluster.room(CITY).stop().await;
    house.cluster.room(CITY).start().await;
    house.locate().await;
    let said = house.call(Method::GET, "/api/alarm/silences", "auditor", &Value::Null).await.json();
    let [one] = said["items"].as_array().unwrap().as_slice() else { panic!("one silence: {said}") };
    assert_eq!((one["name"].as_str(), one["messages"][0].as_str()), (Some("li-ming"), Some(first.as_str())));
    assert_eq!(one["until_ms"].as_i64().unwrap() - one["at_ms"].as_i64().unwrap(), 300_000);
    let auditor = house.log_in("auditor", PASSWORD, "").await.cookie();
    let page = house.get("/admin", &auditor).await;
    assert!(page.body.contains("li-ming 静音 5 分钟,当时有 1 件在响铃"), "{page:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_ring_is_for_all_that_waits_and_each_message_gets_its_own_receipt() {
    let house = House::open(PROGRAM, CITY).await;
    let file = house.cluster.place().join("rang");
    let county = house.cluster.room(COUNTY);
    let flash = Letter::test("report", &[CITY], "试").precedence("flash");
    let mut ids = Vec::new();
    for _ in 0..5 {
        let id = county.send(&flash).await;
        county.receipt(&id, "delivered").await;
        ids.push(id);
    }
    starts_with_an_alarm(&house, &file).await;
    for id in &ids {
        county.receipt(id, "alerted").await;
    }
    rang(&file, 1).await;
}
