//! What officers do at night, from log-in to printed receipt, in chromium against real nodes: a report that goes up, a
//! request that comes down, an inspection, an outage. Each is walked in Chinese and in English, by mouse and by keyboard alone,
//! and nothing in it is done except through pages.

use std::path::PathBuf;

use node::{
    catalogue::Language,
    control::{request::Request, view::Opened},
};
use serde_json::json;
use tests::{
    browser::PATIENCE,
    cluster::{Cluster, Letter, Network, until},
    console::{address, officer, open},
    desk::{Desk, Hand, Walk},
    lab::is_there,
};

const PROGRAM: &str = env!("CARGO_BIN_EXE_tests");
const BROWSER: [&str; 2] = ["chromium", "chromedriver"];
const PROVINCE: &str = "410000";
const CITY: &str = "411300";
const COUNTY: &str = "411322";

/// Three rooms with consoles and their officers.
struct House(Cluster);

/// Who may log in where.
const OFFICERS: [(&str, &str, &str); 5] = [
    (PROVINCE, "甲", "duty_officer"),
    (CITY, "己", "duty_officer"),
    (CITY, "庚", "head_of_watch"),
    (COUNTY, "丁", "duty_officer"),
    (CITY, "督查", "inspector"),
];

impl House {
    async fn open() -> Self {
        let cluster = Cluster::start(PROGRAM, Network::three()).await;
        for room in cluster.rooms() {
            open(room).await;
        }
        for (room, name, role) in OFFICERS {
            officer(&cluster, room, name, role).await;
        }
        cluster.all_links_up().await;
        Self(cluster)
    }

    async fn sit(&self, room: &str, name: &str, walk: &Walk) -> Desk {
        let walk = Walk { name: format!("{}-{room}", walk.name), ..walk.clone() };
        Desk::sit(&address(self.0.room(room)).await, name, &walk).await
    }
}

/// The four ways in which each scenario is walked.
fn walks(scenario: &str) -> [Walk; 4] {
    use Hand::{Keyboard, Mouse};
    use Language::{Chinese, English};
    [(Mouse, Chinese), (Keyboard, English), (Keyboard, Chinese), (Mouse, English)].map(|(hand, language)| {
        Walk {
            hand,
            language,
            pictures: PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("screens").join("scenarios"),
            name: format!("{scenario}-{}-{}", language.word(), hand.word()),
        }
    })
}

/// What is written of the fire, but for its casualties.
async fn describe_the_fire(desk: &Desk, title: &str, minutes_ago: u32) {
    desk.fill("input[name=title]", title).await;
    desk.pick("select[name=category]", &desk.word("category", "acc.fire")).await;
    desk.pick("select[name=severity]", &desk.word("severity", "serious")).await;
    desk.fill_time("input[name='occurred_at.at']", minutes_ago).await;
    desk.fill("input[name='place.text']", "方城县工业大道").await;
    desk.fill("textarea[name=what]", "某化工厂起火,正在扑救").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_county_reports_a_fire_its_city_passes_it_on_and_both_see_who_has_signed() {
    if !is_there(&BROWSER) {
        return;
    }
    let house = House::open().await;
    for walk in walks("report") {
        let county = house.sit(COUNTY, "丁", &walk).await;
        let city = house.sit(CITY, "己", &walk).await;
        let second = house.sit(CITY, "庚", &walk).await;
        county.starts_duty().await;
        city.starts_duty().await;
        second.menu("/inbox").await;
        // Whoever is writing hears what comes all the same, and loses nothing.
        city.menu("/compose").await;
        city.fill("input[name=title]", "上周值班情况").await;

        let first = the_county_rings_and_reports(&county, &walk).await;
        city.plays("immediate").await;
        let title = "return document.querySelector('input[name=title]').value";
        assert_eq!(city.browser.run(title).await, json!("上周值班情况"));
        city.follow("#ringing a[href='/inbox']", "/inbox").await;
        second.shows(&format!("main a[href='/messages/{first}']")).await;
        city.open_row(&first).await;
        city.acknowledges().await;
        second.lacks(&format!("main a[href='/messages/{first}']")).await;
        county.sees(&county.word("event", "acknowledged")).await;
        county.sees("己").await;

        the_city_passes_it_on(&city, &first).await;
        let next = the_county_follows_up(&county, &first).await;
        both_officers_reach_for_it(&city, &second, &next).await;

        county.follow(&format!("a[href='/messages/{next}/receipts']"), "/messages/").await;
        assert_eq!(county.checks_and_prints(&next).await, 1);
        for desk in [county, city, second] {
            desk.leaves().await;
        }
    }
}

/// The call is noted, and the report is written about it.
async fn the_county_rings_and_reports(county: &Desk, walk: &Walk) -> String {
    county.menu("/phone").await;
    county.pick("select[name=room]", CITY).await;
    county.fill("textarea[name=text]", "119 来电:某化工厂起火").await;
    county.follow("form[action='/phone'] button.main", "/phone").await;
    county.shows(".good .code").await;
    county.picture("call").await;
    county.follow(".good a.button", "/compose").await;
    describe_the_fire(county, &walk.titled("方城县某化工厂火灾"), 4).await;
    county.fill("input[name='casualties.dead']", "不明").await;
    county.fill("input[name='casualties.light']", "5").await;
    county.shows("#panel .limits [data-left]").await;
    county.shows("#panel .gap").await;
    county.sees(&county.t("compose-ready", &[])).await;
    county.picture("compose").await;
    let id = county.sends().await;
    county.sees(&county.word("event", "delivered")).await;
    county.picture("sent").await;
    id
}

/// The city's own report to the province, begun with what the county says.
async fn the_city_passes_it_on(city: &Desk, first: &str) {
    city.follow(&format!("a[href='/compose?kind=report&about={first}']"), "/compose").await;
    let said = "return document.querySelector('input[name=\"casualties.light\"]').value";
    assert_eq!(city.browser.run(said).await, json!("5"), "it begins with the county's figures");
    city.fill("input[name='measures'], textarea[name=measures]", "消防 6 车 30 人到场").await;
    city.sees(&city.t("compose-ready", &[])).await;
    city.picture("pass-on").await;
    let own = city.sends().await;
    city.sees(&city.word("event", "delivered")).await;
    assert!(city.reads("main").await.contains(PROVINCE), "it went to the province");
    city.follow(&format!("a[href='/messages/{own}/receipts']"), "/messages/").await;
    city.sees(&city.word("verdict", "on_time")).await;
    assert_eq!(city.checks_and_prints(&own).await, 1);
}

/// 续报: only the figures change.
async fn the_county_follows_up(county: &Desk, first: &str) -> String {
    county.follow(&format!("a[href='/compose?kind=report&about={first}']"), "/compose").await;
    county.fill("input[name='casualties.dead']", "2").await;
    county.sees(&county.t("compose-ready", &[])).await;
    let next = county.sends().await;
    county.sees(&county.word("event", "delivered")).await;
    next
}

/// One signs; the other, whose browser runs no scripts and has not heard of it, is told who was first.
async fn both_officers_reach_for_it(city: &Desk, second: &Desk, id: &str) {
    let scripts = async |off: bool| {
        second.browser.chrome("Emulation.setScriptExecutionDisabled", &json!({ "value": off })).await
    };
    scripts(true).await;
    second.menu("/inbox").await;
    second.shows(&format!("form[action='/messages/{id}/acknowledge']")).await;
    city.menu("/inbox").await;
    city.open_row(id).await;
    city.acknowledges().await;
    second.follow(&format!("form[action='/messages/{id}/acknowledge'] button"), "/messages/").await;
    let said = second.reads("main").await;
    assert!(said.contains(id) && said.contains("己"), "it says who was first: {said}");
    second.picture("second").await;
    scripts(false).await;
    second.follow("a[href='/']", "/").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_province_asks_a_county_which_answers_by_telephone_and_in_writing_while_both_clocks_run() {
    if !is_there(&BROWSER) {
        return;
    }
    let house = House::open().await;
    for walk in walks("verify") {
        let province = house.sit(PROVINCE, "甲", &walk).await;
        let county = house.sit(COUNTY, "丁", &walk).await;
        county.starts_duty().await;
        county.menu("/inbox").await;

        province.menu("/board").await;
        province.follow("main a.button", "/compose").await;
        province.addresses(COUNTY).await;
        province.fill("input[name=title]", &walk.titled("网传方城县火情视频")).await;
        province.fill("textarea[name=what]", "请核实是否属实").await;
        province.tick("input[name=written_required]").await;
        province.sees(&province.t("compose-ready", &[])).await;
        province.picture("request").await;
        let id = province.sends().await;
        county.plays("immediate").await;
        province.menu("/board").await;
        let asked = format!("section:has(a[href='/messages/{id}'])");
        let clocks = |channel: u32| format!("{asked} td:nth-child({channel}) [data-left]");
        for channel in [3, 4] {
            province.shows(&clocks(channel)).await;
            let before = province.reads(&clocks(channel)).await;
            until("its clock runs", PATIENCE, async || {
                (province.reads(&clocks(channel)).await != before).then_some(())
            })
            .await;
        }
        province.picture("board").await;

        county.open_row(&id).await;
        county.acknowledges().await;
        province.sees(&province.word("delivery", "acknowledged")).await;
        they_note_a_call(&county, &province, &id).await;
        county.follow(&format!("main a[href='/messages/{id}']"), "/messages/").await;
        county.follow(&format!("a[href='/compose?kind=verify.reply&about={id}']"), "/compose").await;
        county.pick("select[name=conclusion]", &county.word("conclusion", "partly")).await;
        county.fill("input[name=title]", &walk.titled("关于火情视频的核报")).await;
        county.fill("textarea[name=what]", "仓库冒烟,已扑灭,无人员伤亡").await;
        county.fill_time("input[name='occurred_at.at']", 40).await;
        county.sees(&county.t("compose-ready", &[])).await;
        county.picture("reply").await;
        let reply = county.sends().await;
        county.sees(&county.word("event", "delivered")).await;
        it_becomes_a_first_report(&house, &county, &id, &reply).await;

        province.menu("/board").await;
        let met = province.word("duty", "met");
        for channel in [3, 4] {
            until("it is met", PATIENCE, async || {
                province.reads(&format!("{asked} td:nth-child({channel})")).await.contains(&met).then_some(())
            })
            .await;
        }
        province.picture("met").await;
        province.follow(&format!("main a[href='/messages/{id}']"), "/messages/").await;
        province.follow(&format!("a[href='/messages/{id}/receipts']"), "/messages/").await;
        // Two rooms have it, and two limits were met.
        assert!(province.checks_and_prints(&id).await <= 2);
        county.leaves().await;
        province.leaves().await;
    }
}

/// What the county has found goes up its own line, with the times that it has: it knew when it was asked.
async fn it_becomes_a_first_report(house: &House, county: &Desk, request: &str, reply: &str) {
    county.follow(&format!("a[href='/compose?kind=report&about={reply}']"), "/compose").await;
    let asked = house.0.room(COUNTY).receipt(request, "delivered").await.at_ms;
    // A browser leaves out seconds that are none.
    let learned = format!(
        "return `${{document.querySelector('input[name=learned_at]').value}}:00`.slice(0, 19) === \
         new Date({asked}).toLocaleString('sv-SE', {{ timeZone: 'Asia/Shanghai' }}).replace(' ', 'T')"
    );
    assert_eq!(county.browser.run(&learned).await, json!(true), "it knew when it was asked");
    let what = "return document.querySelector('textarea[name=what]').value";
    assert_eq!(county.browser.run(what).await, json!("仓库冒烟,已扑灭,无人员伤亡"));
    county.fill("input[name='place.text']", "方城县某仓库").await;
    county.sees(&county.t("compose-ready", &[])).await;
    let report = county.sends().await;
    county.sees(&county.word("event", "delivered")).await;
    let main = county.reads("main").await;
    assert!(main.contains(CITY) && main.contains(reply), "up its own line, and about the reply: {main}");
    let Opened { origin, relates_to, .. } =
        house.0.room(CITY).ask(&Request::Show { id: report }).await.unwrap();
    assert_eq!((origin.code.as_str(), relates_to), (COUNTY, vec![reply.to_owned()]));
}

/// The county rings and reads the code aloud; the province types what it hears.
async fn they_note_a_call(county: &Desk, province: &Desk, id: &str) {
    county.follow(&format!("a[href='/phone?about={id}']"), "/phone").await;
    assert!(county.reads("select[name=room] option:checked").await.contains(PROVINCE), "whom to ring");
    county.fill("textarea[name=text]", "仓库冒烟,已扑灭").await;
    county.follow("form[action='/phone'] button.main", "/phone").await;
    county.shows(".good .code").await;
    let aloud = county.reads(".good .code").await.replace(' ', "");
    province.menu("/phone").await;
    province.choose_second("direction").await;
    province.pick("select[name=room]", COUNTY).await;
    province.fill("input[name=code]", &aloud).await;
    province.fill("textarea[name=text]", "县来电:仓库冒烟,已扑灭").await;
    province.follow("form[action='/phone'] button.main", "/phone").await;
    for desk in [county, province] {
        desk.sees(&desk.word("call", "paired")).await;
    }
    province.picture("paired").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_report_is_asked_for_its_reason_once_and_an_inspector_proves_it_without_reading_it() {
    if !is_there(&BROWSER) {
        return;
    }
    let house = House::open().await;
    for walk in walks("inspect") {
        let city = house.sit(CITY, "己", &walk).await;
        city.menu("/compose").await;
        describe_the_fire(&city, &walk.titled("南阳市某仓库火灾"), 180).await;
        city.follow("button[name=order][value=send]", "/compose").await;
        city.shows("#panel .problem").await;
        city.picture("reason").await;
        // Something comes meanwhile, and the page is read again; what was written stays.
        let notice = Letter::test("report", &[CITY], "值班电话变更").precedence("immediate");
        let notice = house.0.room(COUNTY).send(&notice).await;
        city.shows(&format!("#ringing [data-id='{notice}']")).await;
        city.fill("input[name=late_reason]", "道路中断,核实用时").await;
        let id = city.sends().await;
        city.sees(&city.word("event", "delivered")).await;
        city.leaves().await;

        let inspector = house.sit(CITY, "督查", &walk).await;
        assert!(inspector.reads(".unarmed").await.is_empty(), "nothing rings for whoever reads no message");
        inspector.menu("/latency").await;
        inspector.picture("latency").await;
        inspector.follow(&format!("main a[href='/messages/{id}/receipts']"), "/messages/").await;
        inspector.sees(&inspector.word("verdict", "late")).await;
        inspector.shows("ol.hops .stop").await;
        inspector.picture("chain").await;
        assert_eq!(inspector.checks_and_prints(&id).await, 1);
        exports(&inspector, &id).await;
        let text = inspector.browser.text().await;
        assert!(!text.contains("仓库") && !text.contains("工业大道"), "it shows no text: {text}");
        inspector.leaves().await;
    }
}

/// The evidence file is saved where the browser keeps what it is given.
async fn exports(desk: &Desk, id: &str) {
    let place = tempfile::tempdir().unwrap();
    let saves = json!({ "behavior": "allow", "downloadPath": place.path() });
    desk.browser.chrome("Browser.setDownloadBehavior", &saves).await;
    desk.press(&format!("a[href='/messages/{id}/evidence']")).await;
    let file = place.path().join("evidence.zip");
    let bytes = until("the evidence file is saved", PATIENCE, async || std::fs::read(&file).ok()).await;
    assert!(bytes.starts_with(b"PK"), "{} B", bytes.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_line_is_down_an_officer_sends_telephones_and_sees_afterwards_what_went() {
    if !is_there(&BROWSER) {
        return;
    }
    let house = House::open().await;
    let room = house.0.room(CITY);
    for walk in walks("outage") {
        let city = house.sit(CITY, "己", &walk).await;
        city.starts_duty().await;
        room.cut(PROVINCE, true).await;
        let banner = ".outage[role=alert]:not(.lost-only)";
        city.shows(banner).await;
        city.menu("/compose").await;
        describe_the_fire(&city, &walk.titled("南阳市山体滑坡"), 2).await;
        city.sees(&city.t("compose-ready", &[])).await;
        let id = city.sends().await;
        for said in ["console-outage-call", "console-outage-send"] {
            city.sees(&city.t(said, &[])).await;
        }
        city.sees(&city.t("console-outage-waiting", &[("count", "1")])).await;
        assert!(city.reads(banner).await.contains("☎ 0377-67200000"), "whom to telephone");
        city.picture("banner").await;
        city.menu("/queue").await;
        city.shows(&format!("main a[href='/queue/{id}']")).await;
        assert!(city.reads("main").await.contains("☎ 0377-67200000"), "at the queue too");
        city.picture("queue").await;

        // What is over within a second is no outage.
        let lasts = format!("return document.querySelector('{banner} [data-past]').textContent >= '00:02'");
        city.browser.until("it has lasted some seconds", &lasts).await;
        room.cut(PROVINCE, false).await;
        city.lacks(banner).await;
        city.sees(&city.t("queue-empty", &[])).await;
        city.menu("/").await;
        city.sees(&city.t("home-outage-went", &[])).await;
        city.picture("over").await;
        city.follow(&format!("main a[href='/messages/{id}']"), "/messages/").await;
        city.sees(&city.word("event", "delivered")).await;
        city.follow(&format!("a[href='/messages/{id}/receipts']"), "/messages/").await;
        assert_eq!(city.checks_and_prints(&id).await, 1);
        city.leaves().await;
    }
}
