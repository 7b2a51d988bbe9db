//! Every screen of the console against real nodes, as an officer with a browser meets it: what is written leaves, what has
//! happened is shown, and what others wrote is text and nothing else.

use std::sync::Arc;

use hyper::{Method, StatusCode};
use serde_json::Value;
use tests::{
    cluster::{LONG, Letter, until},
    house::{CITY, COUNTY, House, PASSWORD, Said},
};
use tokio::sync::OnceCell;

const PROGRAM: &str = env!("CARGO_BIN_EXE_tests");
const PROVINCE: &str = "410000";
const HOSTILE: &str = "火灾 <script>alert(1)</script> \u{202e}gpj";

static SHARED: OnceCell<Arc<House>> = OnceCell::const_new();

async fn house() -> Arc<House> {
    SHARED.get_or_init(async || Arc::new(House::open(PROGRAM).await)).await.clone()
}

/// Enters an officer and logs in.
async fn enter(house: &House, name: &str, role: &str) -> String {
    house.officer(name, role).await;
    house.log_in(name, PASSWORD, "").await.cookie()
}

/// A page that is there, in both languages, and holds nothing that a browser would run or turn around.
async fn page(house: &House, path: &str, cookie: &str) -> Said {
    let with = if path.contains('?') { '&' } else { '?' };
    let english = house.get(&format!("{path}{with}lang=en"), cookie).await;
    assert!(english.body.contains("<html lang=\"en\">"), "{path}: {english:?}");
    let page = house.get(path, cookie).await;
    for said in [&page, &english] {
        assert_eq!(said.status, StatusCode::OK, "{path}: {said:?}");
        assert!(!said.body.contains("<script>alert") && !said.body.contains('\u{202e}'), "{path}");
        assert!(!said.body.contains(" style=") && !said.body.contains(" onclick="), "{path}");
        assert!(said.body.len() < 150 * 1024, "{path}: {}", said.body.len());
    }
    page
}

/// A form's body.
fn form(fields: &[(&str, &str)]) -> String {
    let encode = |text: &str| -> String {
        let byte = |byte: u8| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'_' => char::from(byte).to_string(),
            other => format!("%{other:02X}"),
        };
        text.bytes().map(byte).collect()
    };
    fields
        .iter()
        .map(|(name, value)| format!("{}={}", encode(name), encode(value)))
        .collect::<Vec<_>>()
        .join("&")
}

/// The id of a room.
async fn room_id(house: &House, officer: &str, code: &str) -> String {
    let rooms = house.call(Method::GET, "/api/rooms", officer, &Value::Null).await.json();
    let room = rooms["items"].as_array().unwrap().iter().find(|line| line["room"]["code"] == code);
    room.unwrap_or_else(|| panic!("{rooms}"))["room"]["id"].as_str().unwrap().to_owned()
}

/// The id of the message that a redirect leads to.
fn sent_id(said: &Said) -> String {
    assert_eq!(said.status, StatusCode::SEE_OTHER, "{said:?}");
    let place = said.header("location").strip_prefix("/messages/").unwrap_or_else(|| panic!("{said:?}"));
    place.split('?').next().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_is_composed_checked_and_sent_and_its_limits_stand_beside_it() {
    let house = house().await;
    let cookie = enter(&house, "composer", "duty_officer").await;
    let token = page(&house, "/compose", &cookie).await.token();
    let province = room_id(&house, "composer", PROVINCE).await;
    let to = format!("room.{province}");
    let now = "2026-01-01T00:00";
    let base = [
        ("csrf", token.as_str()),
        ("kind", "report"),
        (&to, "action"),
        ("title", HOSTILE),
        ("place.text", "方城县"),
        ("occurred_at.precision", "about"),
        ("occurred_at.at", now),
        ("casualties.dead", "不明"),
        ("casualties.light", "0"),
        ("status", "test"),
    ];
    let post =
        async |more: &[(&str, &str)]| house.form("/compose", &cookie, &form(&[&base, more].concat())).await;
    let incomplete = post(&[("order", "send")]).await;
    assert!(
        incomplete.body.contains("role=\"alert\"") && incomplete.body.contains("方城县"),
        "{incomplete:?}"
    );
    let checked = post(&[("what", "厂房起火"), ("order", "check")]).await;
    assert!(checked.body.contains("可以发送") && checked.body.contains("尚缺要素"), "{checked:?}");
    assert!(!checked.body.contains("<script>alert"), "{checked:?}");
    let secret = post(&[("what", "机密★1年"), ("order", "send")]).await;
    assert!(secret.body.contains("涉密扫描:已拦截"), "{secret:?}");
    let forged = form(&[("csrf", "AAAA"), ("kind", "report"), ("order", "send")]);
    assert_eq!(house.form("/compose", &cookie, &forged).await.status, StatusCode::FORBIDDEN);
    let sent = sent_id(&post(&[("what", "厂房起火"), ("order", "fast")]).await);
    house.cluster.room(PROVINCE).has_in_inbox(&sent).await;
    let shown = page(&house, &format!("/messages/{sent}?sent=1"), &cookie).await;
    assert!(shown.body.contains("死亡 不明, 轻伤 0"), "{shown:?}");
    let next = page(&house, &format!("/compose?kind=report&about={sent}"), &cookie).await;
    assert!(next.body.contains("<option value=\"followup\" selected>"), "{next:?}");
    let admin = enter(&house, "composing-admin", "system_admin").await;
    let order = form(&[&[("csrf", house.get("/", &admin).await.token().as_str())], &base[1..]].concat());
    assert_eq!(house.form("/compose", &admin, &order).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test(flavor = "multi_thread")]
async fn receipts_show_the_way_and_the_check_recomputes_what_the_export_holds() {
    let house = house().await;
    let cookie = enter(&house, "inspector", "inspector").await;
    let id = house.cluster.room(COUNTY).send(&Letter::test("report", &[CITY], HOSTILE)).await;
    house.cluster.room(CITY).has_in_inbox(&id).await;
    let path = format!("/messages/{id}/receipts");
    let shown = page(&house, &path, &cookie).await;
    assert!(shown.body.contains("已送达") && shown.body.contains("class=\"edge\""), "{shown:?}");
    assert!(!shown.body.contains("火灾"), "an inspector reads no text: {shown:?}");
    let press = form(&[("csrf", &shown.token())]);
    let checked = until("the check holds", LONG, async || {
        let said = house.form(&format!("/messages/{id}/verify"), &cookie, &press).await;
        said.body.contains("校验通过").then_some(said)
    })
    .await;
    assert_eq!(checked.status, StatusCode::OK);
    let file =
        house.begin(Method::GET, &format!("/messages/{id}/evidence"), &[("cookie", &cookie)], "").await;
    assert_eq!(file.headers()["content-type"], "application/zip");
    let leader = enter(&house, "reading-leader", "leader").await;
    let refused = house.get(&format!("/messages/{id}/evidence"), &leader).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
}
