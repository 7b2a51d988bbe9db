//! What stands before every page and every order of the console: the token of a form, the role, the headers that bind a
//! browser, and an officer who has left. Each list here is whole: a page that is not in it fails its test.

use std::{collections::BTreeSet, sync::Arc};

use hyper::{Method, StatusCode};
use serde_json::Value;
use tests::{
    cluster::{Letter, Shared},
    house::{CITY, COUNTY, House, PASSWORD},
};

const PROGRAM: &str = env!("CARGO_BIN_EXE_tests");
const ROLES: [&str; 7] =
    ["duty_officer", "head_of_watch", "leader", "inspector", "system_admin", "security_admin", "audit_admin"];
/// One for each of them, for a short table.
const LETTERS: [char; 7] = ['d', 'h', 'l', 'i', 's', 'e', 'a'];

/// Every form of the console, and what a browser would send but for the token.
const FORMS: [(&str, &str); 17] = [
    ("/logout", ""),
    ("/mute", ""),
    ("/phone", "direction=placed&room=411322&line=0377&text=x"),
    ("/queue/{id}/retry", ""),
    ("/admin/invite", "room=411322&hours=1"),
    ("/admin/confirm", "words=a"),
    ("/admin/renew", ""),
    ("/admin/revoke", "room=411322&reason=key_compromise"),
    ("/admin/officers", "name=x&role=leader&password=correct+horse"),
    ("/admin/officers/disable", "officer=x&name=x&again=x"),
    ("/admin/rules", "names=x"),
    ("/admin/loss", ""),
    ("/compose", "kind=notify&order=send&to=411322&text=x&status=test"),
    ("/messages/{id}/verify", ""),
    ("/messages/{id}/acknowledge", ""),
    // Who logs in has no session yet, and so no token.
    ("/login", "officer=x&password=x"),
    // The API has its own token, in a header.
    ("/api/pings", "{}"),
];

/// Every page that is asked for, and who sees it.
const PAGES: [(&str, &str); 21] = [
    ("/", "dhlisea"),
    ("/inbox", "dhl"),
    ("/board", "dhl"),
    ("/cases", "dhl"),
    ("/cases/{id}", "dhl"),
    ("/phone", "dhl"),
    ("/queue", "dhlisea"),
    ("/queue/{id}", "dhlisea"),
    ("/topology", "dhlisea"),
    ("/wall", "dhlisea"),
    ("/help", "dhlisea"),
    ("/admin", "dhlisea"),
    ("/latency", "dhlia"),
    ("/compose", "dhl"),
    ("/messages/{id}", "dhl"),
    ("/messages/{id}/receipts", "dhlia"),
    ("/messages/{id}/evidence", "dhi"),
    ("/messages/{id}/certificate", "dhi"),
    ("/messages/{id}/attachments/{number}", "dhl"),
    ("/login", "dhlisea"),
    ("/locked", "dhlisea"),
];

static SHARED: Shared<House> = Shared::new();

async fn shared() -> Arc<House> {
    SHARED.get(async || House::open(PROGRAM, CITY).await).await
}

/// The paths of the console's pages that are reached by this method, as its source names them.
fn routes(method: &str) -> BTreeSet<String> {
    let source = std::fs::read_to_string("../node/src/console/pages.rs").unwrap();
    assert_eq!(
        source.matches(".route").count(),
        source.matches("\n        .route(\"/").count(),
        "a line each"
    );
    assert!(!source.contains(".nest"), "all of them stand there");
    let of = |line: &str| {
        let (path, rest) = line.trim().strip_prefix(".route(\"")?.split_once('"')?;
        rest.contains(&format!("{method}(")).then(|| path.to_owned())
    };
    source.lines().filter_map(of).collect()
}

async fn message(house: &House) -> String {
    let id = house.cluster.room(COUNTY).send(&Letter::test("report", &[CITY], "一份报告")).await;
    house.cluster.room(CITY).has_in_inbox(&id).await;
    id
}

#[tokio::test(flavor = "multi_thread")]
async fn no_form_is_taken_without_its_token_from_another_site_or_from_nobody() {
    let house = shared().await;
    let pages: BTreeSet<String> =
        FORMS.iter().map(|(path, _)| (*path).to_owned()).filter(|path| !path.starts_with("/api")).collect();
    assert_eq!(pages, routes("post"), "the forms of this test are those of the console");
    house.officer("form", "duty_officer").await;
    let id = message(&house).await;
    let cookie = house.log_in("form", PASSWORD, "").await.cookie();
    let json = ("content-type", "application/json");
    for (path, fields) in FORMS {
        let (path, is_api) = (path.replace("{id}", &id), path.starts_with("/api"));
        let kind = if is_api { json } else { ("content-type", "application/x-www-form-urlencoded") };
        let evil = [("cookie", cookie.as_str()), ("origin", "http://evil.example"), kind];
        let said = house.ask(Method::POST, &path, &evil, fields).await;
        assert_eq!(said.status, StatusCode::FORBIDDEN, "{path}: {said:?}");
        assert!(said.body.contains("origin_foreign"), "{path}: {said:?}");
        if path == "/login" {
            continue;
        }
        let wrong = if is_api { fields.to_owned() } else { format!("csrf=AAAA&{fields}") };
        let said = house.ask(Method::POST, &path, &[("cookie", &cookie), kind], &wrong).await;
        assert_eq!(said.status, StatusCode::FORBIDDEN, "{path}: {said:?}");
        assert!(said.body.contains("csrf_token_wrong"), "{path}: {said:?}");
        let said = house.ask(Method::POST, &path, &[("cookie", &cookie), kind], fields).await;
        assert!(said.status.is_client_error(), "{path} without any token: {said:?}");
        let said = house.ask(Method::POST, &path, &[kind], &wrong).await;
        let is_shown_out =
            said.status == StatusCode::SEE_OTHER && said.header("location").starts_with("/login");
        assert!(is_shown_out || said.status == StatusCode::UNAUTHORIZED, "{path}: {said:?}");
    }
    assert_eq!(
        house.get("/", &cookie).await.status,
        StatusCode::OK,
        "nothing of it was done, /logout neither"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_is_for_its_roles_and_binds_the_browser() {
    let house = shared().await;
    let asked: BTreeSet<String> = PAGES.iter().map(|(path, _)| (*path).to_owned()).collect();
    assert_eq!(asked, routes("get"), "the pages of this test are those of the console");
    let id = message(&house).await;
    let mut cookies = Vec::new();
    for role in ROLES {
        house.officer(&format!("of-{role}"), role).await;
        cookies.push(house.log_in(&format!("of-{role}"), PASSWORD, "").await.cookie());
    }
    let mut seen = Vec::new();
    for (path, _) in PAGES {
        let real =
            path.replace("{id}", &id).replace("{number}", "0").replace("compose", "compose?kind=notify");
        let wanted = match path {
            // The report has none.
            "/messages/{id}/attachments/{number}" => StatusCode::NOT_FOUND,
            // Nobody has locked it: there is nothing to open.
            "/locked" => StatusCode::SEE_OTHER,
            _ => StatusCode::OK,
        };
        let mut let_in = String::new();
        for (cookie, letter) in cookies.iter().zip(LETTERS) {
            let said = house.get(&real, cookie).await;
            let policy = said.header("content-security-policy");
            assert!(
                policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"),
                "{path}: {said:?}"
            );
            assert!(!policy.contains("unsafe"), "{path}: {policy}");
            assert_eq!(said.header("x-content-type-options"), "nosniff", "{path}");
            assert_eq!(said.header("referrer-policy"), "same-origin", "{path}");
            assert_eq!(said.header("cache-control"), "no-store", "{path}");
            let is_forbidden = said.body.contains("role_forbids");
            assert_eq!(is_forbidden, said.status == StatusCode::FORBIDDEN, "{path}: {said:?}");
            if !is_forbidden {
                assert_eq!(said.status, wanted, "{path}: {said:?}");
                let_in.push(letter);
            }
        }
        seen.push((path, let_in));
    }
    let wanted: Vec<(&str, String)> =
        PAGES.iter().map(|(path, roles)| (*path, (*roles).to_owned())).collect();
    assert_eq!(seen, wanted);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_disabled_is_out_at_once() {
    let house = shared().await;
    house.officer("leaver", "duty_officer").await;
    let cookie = house.log_in("leaver", PASSWORD, "").await.cookie();
    assert_eq!(house.get("/inbox", &cookie).await.status, StatusCode::OK);
    assert_eq!(house.call(Method::GET, "/api/inbox", "leaver", &Value::Null).await.status, StatusCode::OK);
    let said = house.cluster.at(CITY, &["officer", "disable", "leaver"]).await;
    assert_eq!(said.code, 0, "{said:?}");
    let page = house.get("/inbox", &cookie).await;
    assert_eq!(
        (page.status, page.header("location")),
        (StatusCode::SEE_OTHER, "/login?next=/inbox"),
        "{page:?}"
    );
    let said = house.ask(Method::GET, "/api/inbox", &[("cookie", &cookie)], "").await;
    assert_eq!((said.status, said.code().as_str()), (StatusCode::UNAUTHORIZED, "login_wanted"), "{said:?}");
    let said = house.call(Method::GET, "/api/inbox", "leaver", &Value::Null).await;
    assert_eq!(said.status, StatusCode::UNAUTHORIZED, "{said:?}");
    assert_eq!(house.log_in("leaver", PASSWORD, "").await.status, StatusCode::UNAUTHORIZED);
}
