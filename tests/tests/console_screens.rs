//! Every screen of the console against real nodes, as an officer with a browser meets it: what is written leaves, what has
//! happened is shown, and what others wrote is text and nothing else.

use std::{sync::Arc, time::Duration};

use hyper::{Method, StatusCode};
use serde_json::Value;
use tests::{
    cluster::{LONG, Letter, Shared, until},
    house::{CITY, COUNTY, House, PASSWORD, Said},
};

const PROGRAM: &str = env!("CARGO_BIN_EXE_tests");
const PROVINCE: &str = "410000";
const HOSTILE: &str = "火灾 <script>alert(1)</script> \"&amp;'";

static SHARED: Shared<House> = Shared::new();

async fn house() -> Arc<House> {
    SHARED.get(async || House::open(PROGRAM, CITY).await).await
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
    let id = house.cluster.room(CITY).send(&Letter::test("report", &[PROVINCE], HOSTILE)).await;
    house.cluster.room(CITY).receipt(&id, "delivered").await;
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
    assert!(shown.body.contains(&format!("/messages/{id}/certificate")), "{shown:?}");
    let paper = house.get(&format!("/messages/{id}/certificate"), &cookie).await;
    for part in ["送达凭证", "role=\"img\" aria-label=\"QR\"", "已送达", &id, "【测试】"] {
        assert!(paper.body.contains(part), "{part}: {paper:?}");
    }
    assert!(!paper.body.contains("火灾") && !paper.body.contains("<script"), "an inspector reads no text");
    let policy = paper.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
    let carried = paper.body.split("href=\"data:application/zip;base64,").nth(1).unwrap().split('"').next();
    let carried = data_encoding::BASE64.decode(carried.unwrap().as_bytes()).unwrap();
    assert!(paper.body.contains(&certs::digest(&carried).to_string()), "the digest on paper is the file's");
    let english = house.get(&format!("/messages/{id}/certificate?lang=en"), &cookie).await;
    assert!(english.body.contains("Certificate of Delivery"), "{english:?}");
    let leader = enter(&house, "reading-leader", "leader").await;
    for file in ["evidence", "certificate"] {
        let refused = house.get(&format!("/messages/{id}/{file}"), &leader).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_incident_shows_every_value_that_its_facts_had_and_who_owes_whom() {
    let house = house().await;
    let cookie = enter(&house, "incident", "duty_officer").await;
    let county = house.cluster.room(COUNTY);
    let file = |title: &str, dead: &str| {
        format!(
            "kind = \"report\"\ntitle = \"{title}\"\nwhat = \"起火\"\noccurred_at = \"不明\"\n\
             [place]\ntext = \"方城县\"\n[casualties]\ndead = {dead}\n"
        )
    };
    let first = county
        .send(&Letter::file("report", &[CITY], &file("仓库 <script>alert(1)</script>", "1"), vec![]))
        .await;
    let next = Letter::file("report", &[CITY], &file("仓库续报", "2"), vec![]).relating_to(&first);
    let second = county.send(&next).await;
    house.cluster.room(CITY).has_in_inbox(&second).await;
    let list = page(&house, "/cases", &cookie).await;
    assert!(list.body.contains(&format!("/cases/{first}")), "{list:?}");
    let case = page(&house, &format!("/cases/{second}"), &cookie).await;
    assert!(case.body.contains("死亡 1") && case.body.contains("死亡 2"), "{case:?}");
    assert!(case.body.contains("共 2 次不同表述") && case.body.contains("已送达"), "{case:?}");
    let inspector = enter(&house, "incident-inspector", "inspector").await;
    assert_eq!(house.get(&format!("/cases/{second}"), &inspector).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_come_is_found_by_title_room_or_id_by_whoever_may_read_it() {
    let house = house().await;
    let cookie = enter(&house, "finder", "duty_officer").await;
    let county = house.cluster.room(COUNTY);
    let hostile = county.send(&Letter::test("report", &[CITY], HOSTILE)).await;
    let water = county.send(&Letter::test("report", &[CITY], "鸭河口水库 Level 12")).await;
    for id in [&hostile, &water] {
        house.cluster.room(CITY).has_in_inbox(id).await;
    }
    // What is found, of the two.
    let found = async |query: &str| {
        let page = page(&house, &format!("/inbox?{}", form(&[("q", query)])), &cookie).await;
        let has = |id: &str| page.body.contains(&format!("href=\"/messages/{id}\""));
        (has(&hostile), has(&water))
    };
    assert_eq!(found("水库").await, (false, true));
    assert_eq!(found("  LEVEL   鸭河口 ").await, (false, true), "in any order and case");
    assert_eq!(found("水库 火灾").await, (false, false), "every word is wanted");
    assert_eq!(found("<script>").await, (true, false));
    assert_eq!(found("方城县").await, (true, true), "by the room's name");
    assert_eq!(found(COUNTY).await, (true, true), "by its code");
    assert_eq!(found(&hostile).await, (true, false), "by the id");
    let hostile_query = form(&[("q", "\"><script>alert(1)</script>\u{202e}%")]);
    let said = page(&house, &format!("/inbox?{hostile_query}"), &cookie).await;
    assert!(said.body.contains("没有找到") && said.body.contains("&#60;script&#62;alert(1)"), "{said:?}");
    // What was acknowledged is found too.
    let signs = form(&[("csrf", &said.token())]);
    let done = house.form(&format!("/messages/{water}/acknowledge"), &cookie, &signs).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER);
    assert_eq!(found("水库").await, (false, true));

    let inspector = enter(&house, "finder-inspector", "inspector").await;
    let refused = house.get(&format!("/inbox?{}", form(&[("q", "水库")])), &inspector).await;
    assert!(refused.status == StatusCode::FORBIDDEN && !refused.body.contains("鸭河口"), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_to_verify_stands_on_the_board_with_a_row_and_two_bars_for_each_room() {
    let house = House::open(PROGRAM, PROVINCE).await;
    let cookie = enter(&house, "board", "duty_officer").await;
    let file = "kind = \"verify.request\"\ntitle = \"<script>alert(1)</script>\"\nwhat = \"请核实\"\n\
                written_required = true\n";
    let asked = Letter::file("verify.request", &[COUNTY], file, vec![]).copied_to(&[CITY]);
    let id = house.cluster.room(PROVINCE).send(&asked).await;
    house.cluster.room(COUNTY).has_in_inbox(&id).await;
    let board = until("the county's clock runs on the board", LONG, async || {
        let board = page(&house, "/board", &cookie).await;
        board.body.contains("<progress max=\"1200\"").then_some(board)
    })
    .await;
    assert!(board.body.contains(&id) && board.body.contains("<progress max=\"2400\""), "{board:?}");
    // The city has a copy: nobody there has to acknowledge it, and nobody is to be rung up for it.
    let row = |name: &str| {
        let mut rows = board.body.split("<tr>").filter(|row| row.contains(name));
        rows.next().unwrap_or_else(|| panic!("no row of {name}: {board:?}")).to_owned()
    };
    let (county, city) = (row("方城县"), row("南阳市"));
    assert!(county.contains('▲') && county.contains('☎') && !county.contains("抄送"), "{county}");
    assert!(
        city.contains("抄送") && !city.contains('▲') && !city.contains('☎') && !city.contains("未签收"),
        "{city}"
    );
    let home = page(&house, "/", &cookie).await;
    let waiting = home.body.split("<h2>等对方").nth(1).unwrap_or_else(|| panic!("{home:?}"));
    let waiting = waiting.split("</section>").next().unwrap();
    assert!(waiting.contains("方城县") && !waiting.contains("南阳市"), "{waiting}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_noted_with_a_code_to_read_aloud_and_paired_with_the_other_ends_note() {
    let house = house().await;
    let cookie = enter(&house, "caller", "duty_officer").await;
    let token = page(&house, "/phone", &cookie).await.token();
    let county = room_id(&house, "caller", COUNTY).await;
    let note = form(&[
        ("csrf", &token),
        ("direction", "out"),
        ("room", &county),
        ("line", "ordinary"),
        ("status", "test"),
        ("text", HOSTILE),
    ]);
    let saved = house.form("/phone", &cookie, &note).await;
    let place = saved.header("location").to_owned();
    let code = place.strip_prefix("/phone?code=").unwrap_or_else(|| panic!("{saved:?}"));
    let shown = page(&house, &place, &cookie).await;
    let aloud: Vec<String> = code.chars().map(String::from).collect();
    assert!(shown.body.contains(&aloud.join(" ")) && shown.body.contains("仅一方记录"), "{shown:?}");
    let forged = house.form("/phone", &cookie, &note.replace(&token, "AAAA")).await;
    assert_eq!(forged.status, StatusCode::FORBIDDEN);
    let path = house.cluster.place().join("password of caller");
    let add = [
        "officer",
        "add",
        "callee",
        "--role",
        "duty_officer",
        "--password-file",
        tests::cluster::text(&path),
    ];
    assert_eq!(house.cluster.at(COUNTY, &add).await.code, 0);
    let other = [
        "phone",
        "in",
        "--from",
        CITY,
        "--code",
        code,
        "--line",
        "ordinary",
        "--text",
        "收到",
        "--officer",
        "callee",
        "--password-file",
        tests::cluster::text(&path),
        "--test",
    ];
    let said = house.cluster.at(COUNTY, &other).await;
    assert_eq!(said.code, 0, "{said:?}");
    until("the call is paired", LONG, async || {
        house.get(&place, &cookie).await.body.contains("双方已对上").then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_is_listed_with_its_reason_and_whom_to_ring_and_can_be_tried_again() {
    let house = house().await;
    let cookie = enter(&house, "queue", "head_of_watch").await;
    let county = house.cluster.room(COUNTY);
    let city = house.cluster.room(CITY);
    city.cut(COUNTY, true).await;
    let id = city.send(&Letter::test("notify", &[COUNTY], HOSTILE)).await;
    let tree = page(&house, "/topology", &cookie).await;
    assert!(tree.body.contains("class=\"depth-1\"") && tree.body.contains("■"), "{tree:?}");
    let queue = page(&house, "/queue", &cookie).await;
    assert!(queue.body.contains(&id) && queue.body.contains("均未送达"), "{queue:?}");
    assert!(queue.body.contains("值班室 ☎ 0377-"), "whom to ring, at which number: {queue:?}");
    let row = |tree: &Said| {
        let row = tree.body.split("<tr>").find(|row| row.contains("方城县") && row.contains("strip-day"));
        row.unwrap_or_else(|| panic!("{tree:?}")).to_owned()
    };
    assert_eq!(row(&tree).matches("class=\"cell-").count(), 48);
    assert!(row(&tree).contains("class=\"cell-part\"") && row(&tree).contains("中断 1 次,共"), "{tree:?}");
    let parent = tree.body.split("<tr>").find(|row| row.contains("河南省") && row.contains("strip-day"));
    assert!(parent.unwrap().contains("无中断"), "{tree:?}");
    assert!(page(&house, "/wall", &cookie).await.body.contains("均未送达"));
    let retry = format!("/queue/{id}/retry");
    let pressed = house.form(&retry, &cookie, &form(&[("csrf", &queue.token())])).await;
    assert_eq!(pressed.header("location"), format!("/queue/{id}"), "{pressed:?}");
    assert!(page(&house, &format!("/queue/{id}"), &cookie).await.body.contains("<table>"));
    let officer = enter(&house, "queue-reader", "duty_officer").await;
    let token = house.get("/", &officer).await.token();
    let refused = house.form(&retry, &officer, &form(&[("csrf", &token)])).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    city.cut(COUNTY, false).await;
    county.has_in_inbox(&id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_wall_shows_clocks_and_counts_and_nothing_that_anybody_wrote() {
    let house = house().await;
    let cookie = enter(&house, "wall-watch", "duty_officer").await;
    let id = house.cluster.room(COUNTY).send(&Letter::test("report", &[CITY], "墙上不得出现")).await;
    house.cluster.room(CITY).has_in_inbox(&id).await;
    let wall = page(&house, "/wall", &cookie).await;
    assert!(!wall.body.contains("墙上不得出现") && !wall.body.contains("wall-watch"), "{wall:?}");
    assert!(wall.body.contains("数据 0 秒前") && wall.body.contains("未签收"), "{wall:?}");
    assert_eq!(house.get("/wall", "").await.header("location"), "/login?next=/wall");
}

#[tokio::test(flavor = "multi_thread")]
async fn administration_shows_each_role_its_part_and_what_cannot_be_undone_wants_the_name_again() {
    let house = house().await;
    let system = enter(&house, "admin-system", "system_admin").await;
    let security = enter(&house, "admin-security", "security_admin").await;
    let shown = page(&house, "/admin", &system).await;
    assert!(
        shown.body.contains("/admin/invite") && !shown.body.contains("action=\"/admin/officers\""),
        "{shown:?}"
    );
    let invited = {
        let county = room_id(&house, "admin-system", COUNTY).await;
        let order = form(&[("csrf", &shown.token()), ("room", &county), ("hours", "24")]);
        house.form("/admin/invite", &system, &order).await
    };
    assert!(invited.body.contains("class=\"token\""), "{invited:?}");
    let compare = form(&[("csrf", &shown.token()), ("names", "cn-baseline-2024"), ("text", "")]);
    let compared = house.form("/admin/rules", &system, &compare).await;
    assert!(compared.body.contains("<ins>") && compared.body.contains("map apply"), "{compared:?}");
    let page = page(&house, "/admin", &security).await;
    assert!(
        page.body.contains("action=\"/admin/officers\"") && !page.body.contains("/admin/invite"),
        "{page:?}"
    );
    let token = page.token();
    let add =
        [("csrf", token.as_str()), ("name", "<b>新员"), ("role", "duty_officer"), ("password", PASSWORD)];
    let added = house.form("/admin/officers", &security, &form(&add)).await;
    assert_eq!(added.header("location"), "/admin", "{added:?}");
    let list = house.call(Method::GET, "/api/officers", "admin-security", &Value::Null).await.json();
    let new = list["items"].as_array().unwrap().iter().find(|one| one["name"] == "<b>新员").unwrap();
    let id = new["id"].as_str().unwrap();
    let disable = async |again: &str| {
        let order = [("csrf", token.as_str()), ("officer", id), ("name", "<b>新员"), ("again", again)];
        house.form("/admin/officers/disable", &security, &form(&order)).await
    };
    assert_eq!(disable("别人").await.status, StatusCode::BAD_REQUEST);
    assert_eq!(disable("<b>新员").await.header("location"), "/admin");
    let refused = house
        .form("/admin/officers", &system, &form(&[&[("csrf", shown.token().as_str())], &add[1..]].concat()))
        .await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
}

#[tokio::test(flavor = "multi_thread")]
async fn latency_is_drawn_and_tabled_and_help_leads_to_screens_that_are_there() {
    let house = house().await;
    let cookie = enter(&house, "latency", "duty_officer").await;
    let id = house.cluster.room(COUNTY).send(&Letter::test("report", &[CITY], HOSTILE)).await;
    house.cluster.room(CITY).has_in_inbox(&id).await;
    // What took less than a millisecond is not drawn; that somebody acknowledges takes longer.
    tokio::time::sleep(Duration::from_millis(50)).await;
    let token = house.get("/inbox", &cookie).await.token();
    let press = format!("/messages/{id}/acknowledge");
    let done = house.form(&press, &cookie, &form(&[("csrf", &token)])).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{done:?}");
    let shown = page(&house, "/latency", &cookie).await;
    assert!(shown.body.contains("<svg width=\"960\"") && shown.body.contains(&id), "{shown:?}");
    let help = page(&house, "/help", &cookie).await;
    for part in help.body.split("<li><a href=\"").skip(1) {
        let place = part.split('"').next().unwrap();
        assert_eq!(house.get(place, &cookie).await.status, StatusCode::OK, "{place}");
    }
}

/// Document numbers and clauses are quoted as they are written; everything else that the program says is English.
#[tokio::test(flavor = "multi_thread")]
async fn an_english_page_says_nothing_in_chinese_of_its_own() {
    let house = House::open(PROGRAM, CITY).await;
    let cookie = enter(&house, "reader", "duty_officer").await;
    let admin = enter(&house, "keeper", "system_admin").await;
    let file = "kind = \"report\"\nstage = \"followup\"\nstage_no = 2\ntitle = \"Fire\"\nwhat = \"Fire in a store\"\n\
                category = \"acc.fire\"\nseverity = \"serious\"\noccurred_at = \"unknown\"\nmarking = \"internal\"\n\
                [place]\ntext = \"Fangcheng\"\n[casualties]\ndead = \"unknown\"\nlight = 5\n";
    let county = house.cluster.room(COUNTY);
    let id = county.send(&Letter::file("report", &[CITY], file, vec![])).await;
    house.cluster.room(CITY).has_in_inbox(&id).await;
    let request =
        "kind = \"verify.request\"\ntitle = \"Fire?\"\nwhat = \"Please verify\"\nwritten_required = true\n";
    let city = house.cluster.room(CITY);
    let asked = city.send(&Letter::file("verify.request", &[COUNTY], request, vec![])).await;
    city.receipt(&asked, "delivered").await;
    let home = house.get("/?lang=en", &cookie).await.body;
    assert!(
        home.contains("On watch reader") && !home.contains("keeper"),
        "an administrator keeps no watch: {home}"
    );
    let mut pages = vec![("/admin".to_owned(), &admin)];
    let kinds = ["report", "verify.request", "instruction", "assignment", "urge", "notify", "recall"];
    pages.extend(kinds.map(|kind| (format!("/compose?kind={kind}"), &cookie)));
    for path in
        ["/", "/inbox", "/cases", "/board", "/phone", "/topology", "/queue", "/latency", "/wall", "/help"]
    {
        pages.push((path.to_owned(), &cookie));
    }
    for id in [&id, &asked] {
        for path in [format!("/messages/{id}"), format!("/messages/{id}/receipts"), format!("/cases/{id}")] {
            pages.push((path, &cookie));
        }
    }
    for (path, cookie) in pages {
        let with = if path.contains('?') { '&' } else { '?' };
        let said = house.get(&format!("{path}{with}lang=en"), cookie).await;
        assert_eq!(said.status, StatusCode::OK, "{path}: {said:?}");
        let body = said.body.replace(">中文</a>", "");
        let quoted =
            body.split("<small>").map(|part| part.split_once("</small>").map_or(part, |(_, after)| after));
        let chinese: Vec<&str> = quoted
            .flat_map(str::lines)
            .filter(|line| line.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c)))
            .collect();
        assert_eq!(chinese, Vec::<&str>::new(), "{path}");
    }
}
