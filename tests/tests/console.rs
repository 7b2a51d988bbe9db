//! The console and the HTTP API as whoever stands on the other side of the port sees them: who is let in, what is
//! refused, and that both do what the command line does.

use std::sync::Arc;

use http_body_util::BodyExt;
use hyper::{Method, StatusCode, body::Incoming};
use serde_json::{Value, json};
use tests::{
    cluster::{LONG, Letter, Shared, until},
    house::{CITY, COUNTY, House, PASSWORD},
};

const PROGRAM: &str = env!("CARGO_BIN_EXE_tests");
static SHARED: Shared<House> = Shared::new();

async fn shared() -> Arc<House> {
    SHARED.get(async || House::open(PROGRAM, CITY).await).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_officer_logs_in_reads_the_inbox_and_acknowledges_with_one_press() {
    let house = shared().await;
    house.officer("li-ming", "duty_officer").await;
    let hostile = "火灾 <script>alert(1)</script>";
    let id = house.cluster.room(COUNTY).send(&Letter::test("report", &[CITY], hostile)).await;
    house.cluster.room(CITY).has_in_inbox(&id).await;
    assert_eq!(house.get("/inbox", "").await.header("location"), "/login?next=/inbox");
    let entered = house.log_in("li-ming", PASSWORD, "").await;
    assert_eq!(entered.status, StatusCode::SEE_OTHER, "{entered:?}");
    let set = entered.header("set-cookie");
    assert!(set.contains("HttpOnly") && set.contains("SameSite=Strict"), "{set}");
    let cookie = entered.cookie();
    let inbox = house.get("/inbox", &cookie).await;
    assert!(inbox.body.contains(&id), "{inbox:?}");
    for path in ["/", "/inbox", &format!("/messages/{id}")] {
        let page = house.get(path, &cookie).await;
        assert_eq!(page.status, StatusCode::OK, "{page:?}");
        assert!(
            page.body.contains("&#60;script&#62;alert(1)") && !page.body.contains("<script>alert"),
            "{path}"
        );
        assert!(page.body.len() < 150 * 1024, "{path}");
    }
    let english = house.get("/inbox?lang=en", &cookie).await;
    assert!(english.body.contains("<html lang=\"en\">") && english.body.contains("Inbox"), "{english:?}");
    let press = format!("/messages/{id}/acknowledge");
    let forged = house.form(&press, &cookie, "csrf=AAAA").await;
    assert_eq!(forged.status, StatusCode::FORBIDDEN, "{forged:?}");
    let done = house.form(&press, &cookie, &format!("csrf={}", inbox.token())).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{done:?}");
    let receipt = house.cluster.room(COUNTY).receipt(&id, "acknowledged").await;
    assert_eq!(receipt.officer.as_deref(), Some("li-ming"));
    let left = house.form("/logout", &cookie, &format!("csrf={}", inbox.token())).await;
    assert_eq!(left.status, StatusCode::SEE_OTHER);
    assert_eq!(house.get("/inbox", &cookie).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_name_and_a_wrong_password_are_answered_alike_and_both_are_paused() {
    let house = shared().await;
    house.officer("wang-fang", "duty_officer").await;
    let mut answers = Vec::new();
    for name in ["wang-fang", "nobody"] {
        let mut bodies = Vec::new();
        for _ in 0..6 {
            let said = house.log_in(name, "wrong password", "").await;
            bodies.push((said.status, said.body.replace(char::is_numeric, "")));
            assert!(said.cookie().is_empty());
        }
        answers.push(bodies);
    }
    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[0][0].0, StatusCode::UNAUTHORIZED);
    assert_eq!(answers[0][5].0, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(house.log_in("wang-fang", PASSWORD, "").await.status, StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_id_from_outside_is_never_taken() {
    let house = shared().await;
    house.officer("zhao-lei", "duty_officer").await;
    let port = house.address.rsplit_once(':').unwrap().1;
    let planted = format!("yichuan-{port}=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
    let first = house.log_in("zhao-lei", PASSWORD, &planted).await.cookie();
    assert_ne!(first, planted);
    assert_eq!(house.get("/", &planted).await.status, StatusCode::SEE_OTHER);
    let second = house.log_in("zhao-lei", PASSWORD, &first).await.cookie();
    assert_ne!(first, second);
    assert_eq!(house.get("/", &first).await.status, StatusCode::SEE_OTHER, "the old id is good for nothing");
    assert_eq!(house.get("/", &second).await.status, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn other_names_other_sites_and_requests_without_the_token_are_refused() {
    let house = shared().await;
    house.officer("sun-li", "duty_officer").await;
    let rebound = house.ask(Method::GET, "/login", &[("host", "evil.example")], "").await;
    assert_eq!((rebound.status, rebound.code().as_str()), (StatusCode::MISDIRECTED_REQUEST, "host_unknown"));
    let cookie = house.log_in("sun-li", PASSWORD, "").await.cookie();
    let token = house.get("/", &cookie).await.token();
    let ping = json!({ "room": CITY }).to_string();
    let json = ("content-type", "application/json");
    let post = async |more: &[(&str, &str)]| {
        let headers = [&[json, ("cookie", cookie.as_str())], more].concat();
        house.ask(Method::POST, "/api/pings", &headers, &ping).await
    };
    assert_eq!(
        post(&[("x-csrf-token", &token), ("origin", "http://evil.example")]).await.code(),
        "origin_foreign"
    );
    assert_eq!(post(&[]).await.code(), "csrf_token_wrong");
    assert_eq!(post(&[("x-csrf-token", &token)]).await.status, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_carries_the_headers_that_bind_a_browser() {
    let house = shared().await;
    for path in ["/login", "/assets/console.js", "/api/openapi.json", "/nowhere", "/api/nowhere"] {
        let said = house.ask(Method::GET, path, &[], "").await;
        let policy = said.header("content-security-policy");
        assert!(
            policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"),
            "{said:?}"
        );
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(said.header("x-content-type-options"), "nosniff");
        assert_eq!(said.header("referrer-policy"), "same-origin");
        assert!(!said.header("cache-control").is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_administrator_reads_a_message_and_a_duty_officer_enters_nobody() {
    let house = shared().await;
    house.officer("admin", "system_admin").await;
    house.officer("zhou-yu", "duty_officer").await;
    for path in ["/api/inbox", "/api/outbox", "/api/messages/0", "/api/calls"] {
        let said = house.call(Method::GET, path, "admin", &Value::Null).await;
        assert_eq!((said.status, said.code().as_str()), (StatusCode::FORBIDDEN, "role_forbids"), "{path}");
    }
    assert_eq!(house.call(Method::GET, "/api/status", "admin", &Value::Null).await.status, StatusCode::OK);
    let add = json!({ "name": "x", "role": "leader", "password": PASSWORD });
    assert_eq!(house.call(Method::POST, "/api/officers", "zhou-yu", &add).await.code(), "role_forbids");
    let cookie = house.log_in("admin", PASSWORD, "").await.cookie();
    assert_eq!(house.get("/inbox", &cookie).await.status, StatusCode::FORBIDDEN);
    assert!(!house.get("/", &cookie).await.body.contains("href=\"/inbox\""));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api_sends_lists_in_pages_and_says_problems_as_the_command_line_does() {
    let house = shared().await;
    house.officer("qian-jin", "duty_officer").await;
    let send = |n: u32| json!({ "kind": "notify", "to": [COUNTY], "text": format!("上周值班情况 {n}"), "status": "test" });
    let mut ids = Vec::new();
    for n in 0..3 {
        let sent = house.call(Method::POST, "/api/messages", "qian-jin", &send(n)).await;
        assert_eq!(sent.status, StatusCode::OK, "{sent:?}");
        ids.push(sent.json()["id"].as_str().unwrap().to_owned());
    }
    let (mut listed, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = house
            .call(Method::GET, &format!("/api/outbox?limit=2{cursor}"), "qian-jin", &Value::Null)
            .await
            .json();
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= 2);
        listed.extend(items.iter().map(|line| line["id"].as_str().unwrap().to_owned()));
        let Some(next) = page["next"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert!(ids.iter().all(|id| listed.iter().filter(|other| *other == id).count() == 1), "{listed:?}");
    let wrong = json!({ "kind": "notify", "to": ["000000"], "text": "x" });
    let said = house.call(Method::POST, "/api/messages", "qian-jin", &wrong).await;
    assert_eq!(said.header("content-type"), "application/problem+json");
    let told = house
        .cluster
        .at(CITY, &["send", "notify", "--to", "000000", "--text", "x", "--json"])
        .await
        .problem();
    let problem = said.json();
    assert_eq!((problem["code"].as_str(), problem["exit"].as_u64()), (Some(told.code.as_str()), Some(2)));
    assert!(problem["what"].as_str().is_some_and(|what| !what.is_empty()));
}

#[tokio::test(flavor = "multi_thread")]
async fn events_resume_after_the_last_one_that_was_seen() {
    let house = shared().await;
    house.officer("wu-di", "duty_officer").await;
    let cookie = house.log_in("wu-di", PASSWORD, "").await.cookie();
    let listen = async |last: &str| {
        let headers = [("cookie", cookie.as_str()), ("last-event-id", last)];
        let headers = if last.is_empty() { &headers[..1] } else { &headers[..] };
        house.begin(Method::GET, "/api/events", headers, "").await.into_body()
    };
    let hello = event(&mut listen("").await).await;
    let from = field(&hello, "id:");
    let id = house.cluster.room(COUNTY).send(&Letter::test("report", &[CITY], "风力减弱")).await;
    house.cluster.room(CITY).has_in_inbox(&id).await;
    until("the missed delivery comes on resuming", LONG, async || {
        let mut stream = listen(&from).await;
        let again = event(&mut stream).await;
        assert_eq!(field(&again, "id:"), from);
        loop {
            let next = event(&mut stream).await;
            if next.contains(&id) {
                return Some(next);
            }
        }
    })
    .await;
    assert!(event(&mut listen("0000000000000000-7").await).await.contains("reset"));
    assert_eq!(house.get("/api/events", "").await.status, StatusCode::UNAUTHORIZED);
}

/// The next event of a stream.
async fn event(stream: &mut Incoming) -> String {
    let mut told = String::new();
    while !told.ends_with("\n\n") {
        let frame = stream.frame().await.expect("the stream goes on").unwrap();
        told.push_str(std::str::from_utf8(&frame.into_data().unwrap()).unwrap());
    }
    told
}

fn field(event: &str, name: &str) -> String {
    let line = event.lines().find_map(|line| line.strip_prefix(name));
    line.unwrap_or_else(|| panic!("no {name} in {event}")).trim().to_owned()
}
