//! The console in chromium, as an officer at 03:00 has it: by mouse and by keyboard, in both languages, at 1366×768
//! and at 200 % zoom, without scripts, with an input method, with sound.

use std::path::PathBuf;

use hyper::Method;
use node::control::request::Request;
use serde_json::json;
use tests::{
    browser::{Browser, ENTER, PATIENCE, Scripts, TAB},
    cluster::{Cluster, Letter, Network, until},
    console::{PASSWORD, address, call, officer, open},
    lab::is_there,
};

const PROGRAM: &str = env!("CARGO_BIN_EXE_tests");
const BROWSER: [&str; 2] = ["chromium", "chromedriver"];
const CITY: &str = "411300";
const COUNTY: &str = "411322";
const NAME: &str = "马超群";
const HOSTILE: &str = "<script>window.bad=1</script><img src=x onerror='window.bad=1'> {{7*7}}";

/// The city with a console and an officer.
struct House {
    cluster: Cluster,
    url: String,
}

impl House {
    async fn open() -> Self {
        let cluster = Cluster::start(PROGRAM, Network::three()).await;
        open(cluster.room(CITY)).await;
        officer(&cluster, CITY, NAME, "duty_officer").await;
        cluster.all_links_up().await;
        let url = format!("http://{}", address(cluster.room(CITY)).await);
        Self { cluster, url }
    }

    /// A report from the county, delivered.
    async fn report(&self, text: &str, precedence: &str) -> String {
        let letter = Letter::test("report", &[CITY], text).precedence(precedence);
        let id = self.cluster.room(COUNTY).send(&letter).await;
        self.cluster.room(CITY).has_in_inbox(&id).await;
        id
    }

    async fn log_in(&self, browser: &Browser, language: &str) {
        self.log_in_as(browser, NAME, language).await;
    }

    async fn log_in_as(&self, browser: &Browser, name: &str, language: &str) {
        browser.go(&format!("{}/login?lang={language}", self.url)).await;
        browser.click("input[name=officer]").await;
        browser.keys(&format!("{name}{TAB}{PASSWORD}{ENTER}")).await;
        browser.until("the first page is there", "return location.pathname === '/'").await;
        browser.go(&format!("{}/?lang={language}", self.url)).await;
    }
}

/// Pictures of every screen, to be looked at.
fn picture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("screens").join(format!("{name}.png"))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_officer_acknowledges_by_mouse_in_chinese_and_by_keyboard_in_english() {
    if !is_there(&BROWSER) {
        return;
    }
    let house = House::open().await;
    let by_mouse = house.report("化工厂火灾,正在核实", "routine").await;
    let browser = Browser::open(Scripts::On).await;
    house.log_in(&browser, "zh").await;
    browser.click("nav a[href='/inbox']").await;
    browser.click("main form button[aria-keyshortcuts=a]").await;
    house.cluster.room(COUNTY).receipt(&by_mouse, "acknowledged").await;
    browser.close().await;

    let by_keys = house.report("水库水位上涨", "routine").await;
    let browser = Browser::open(Scripts::On).await;
    browser.go(&format!("{}/login?lang=en", house.url)).await;
    browser.until("the focus is on the name", "return document.activeElement.name === 'officer'").await;
    browser.keys(&format!("{NAME}{TAB}{PASSWORD}{ENTER}")).await;
    browser.until("the first page is there", "return location.pathname === '/'").await;
    browser.go(&format!("{}/?lang=en", house.url)).await;
    browser.tab_to("nav a[href='/inbox']").await;
    browser.keys(ENTER).await;
    browser.until("the inbox is there", "return location.pathname === '/inbox'").await;
    // An input method that composes sends nothing, whatever is pressed.
    let composing = "document.querySelector('tr.here a, body').dispatchEvent(new KeyboardEvent('keydown', \
                     { key: 'a', isComposing: true, bubbles: true })); return true";
    browser.keys("j").await;
    browser.until("a row is marked", "return document.querySelector('tr.here') !== null").await;
    browser.run(composing).await;
    let deeds = house.cluster.room(COUNTY).events(&by_keys).await;
    assert!(!deeds.iter().any(|(event, _)| event == "acknowledged"), "{deeds:?}");
    browser.keys("a").await;
    let receipt = house.cluster.room(COUNTY).receipt(&by_keys, "acknowledged").await;
    assert_eq!(receipt.officer.as_deref(), Some(NAME));
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn enter_while_an_input_method_composes_sends_no_form() {
    if !is_there(&BROWSER) {
        return;
    }
    let house = House::open().await;
    let browser = Browser::open(Scripts::On).await;
    browser.go(&format!("{}/login?lang=zh", house.url)).await;
    browser.click("input[name=officer]").await;
    let composing = json!({ "text": "ma chao", "selectionStart": 7, "selectionEnd": 7 });
    browser.chrome("Input.imeSetComposition", &composing).await;
    for press in ["rawKeyDown", "keyUp"] {
        let key = json!({ "type": press, "key": "Process", "code": "Enter", "windowsVirtualKeyCode": 229 });
        browser.chrome("Input.dispatchKeyEvent", &key).await;
    }
    browser.chrome("Input.insertText", &json!({ "text": NAME })).await;
    browser
        .until("the name stands there", &format!("return document.activeElement.value === '{NAME}'"))
        .await;
    assert_eq!(browser.path().await, "login?lang=zh");
    assert_eq!(browser.run("return document.querySelector('.problem') === null").await, json!(true));
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_certificate_of_delivery_is_printed_on_one_page_of_a4_with_its_style_and_without_its_links() {
    if !is_there(&BROWSER) {
        return;
    }
    let house = House::open().await;
    let city = house.cluster.room(CITY);
    officer(&house.cluster, CITY, "稽查", "inspector").await;
    let id = city.send(&Letter::test("report", &["410000"], "水库险情").precedence("flash")).await;
    city.receipt(&id, "delivered").await;
    let browser = Browser::open(Scripts::Off).await;
    browser.go(&format!("{}/login?lang=zh", house.url)).await;
    browser.click("input[name=officer]").await;
    browser.keys(&format!("稽查{TAB}{PASSWORD}{ENTER}")).await;
    until("the first page is there", PATIENCE, async || browser.path().await.is_empty().then_some(())).await;
    for language in ["zh", "en"] {
        browser.go(&format!("{}/messages/{id}/certificate?lang={language}", house.url)).await;
        browser.picture(&picture(&format!("certificate-{language}"))).await;
        browser.chrome("Emulation.setEmulatedMedia", &json!({ "media": "print" })).await;
        let seen = "const shown = (e) => e.getClientRects().length > 0; \
                    return [getComputedStyle(document.querySelector('h1')).textAlign, \
                    shown(document.querySelector('.screen')), shown(document.querySelector('.qr svg'))]";
        assert_eq!(browser.run(seen).await, json!(["center", false, true]));
        browser.chrome("Emulation.setEmulatedMedia", &json!({ "media": "" })).await;
        let path = picture(&format!("certificate-{language}")).with_extension("pdf");
        assert_eq!(browser.print(&path).await, 1, "{}", path.display());
    }
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_armed_page_rings_and_signs_it_and_says_when_it_has_lost_its_node() {
    if !is_there(&BROWSER) {
        return;
    }
    let house = House::open().await;
    let browser = Browser::open(Scripts::On).await;
    house.log_in(&browser, "zh").await;
    let bar = "return getComputedStyle(document.querySelector('.outage.unarmed')).display";
    assert_eq!(browser.run(bar).await, json!("block"), "a red bar until the sound is armed");
    browser.picture(&picture("alarm-unarmed-zh")).await;
    browser.click(".outage [data-arm]").await;
    browser.until("the test tone has played", "return document.body.dataset.played === 'test'").await;
    assert_eq!(browser.run(bar).await, json!("none"));

    let id = house.report("堤坝渗水", "flash").await;
    browser.until("it rings", "return document.body.dataset.played === 'flash'").await;
    house.cluster.room(COUNTY).receipt(&id, "alerted").await;
    browser.until("what rings is seen", "return document.querySelector('#ringing p') !== null").await;
    let said = browser.run("return document.querySelector('#ringing').textContent").await;
    assert!(!said.to_string().contains("堤坝"), "the alarm says nothing of what is in it: {said}");
    browser.picture(&picture("alarm-rings-zh")).await;
    browser.click("nav a[href='/inbox']").await;
    browser.until("the inbox is there", "return location.pathname === '/inbox'").await;
    browser
        .until("the next page is armed by itself", "return document.body.classList.contains('armed')")
        .await;

    browser.click("#ringing form button").await;
    let muted =
        format!("return document.querySelector('#ringing .muted')?.textContent.includes('{NAME}') ?? false");
    browser.until("it says who has silenced it", &muted).await;
    browser.until("the page is armed", "return document.body.classList.contains('armed')").await;
    browser.run("document.body.dataset.played = ''; window.mutedAt = performance.now()").await;
    browser.until("twice the pause has passed", "return performance.now() - window.mutedAt > 9000").await;
    assert_eq!(browser.run("return document.body.dataset.played").await, json!(""), "it is silent");
    house.report("又一处渗水", "flash").await;
    browser.until("what comes after it rings", "return document.body.dataset.played === 'flash'").await;

    let shift = Request::Clock { shift_ms: 180_000, speed: 1, since_ms: None };
    house.cluster.room(CITY).order(&shift).await;
    browser.click("nav a[href='/']").await;
    let said =
        "return document.querySelector('#ringing')?.textContent.includes('请电话叫第二值班员') ?? false";
    browser.until("after three minutes a second person is called for", said).await;

    house.cluster.room(CITY).kill();
    browser.until("it has lost the node", "return document.body.classList.contains('lost')").await;
    browser.until("and sounds", "return document.body.dataset.played === 'lost'").await;
    browser.picture(&picture("alarm-lost-zh")).await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_is_told_whom_to_telephone_when_nobody_acknowledges_what_is_urgent() {
    if !is_there(&BROWSER) {
        return;
    }
    let house = House::open().await;
    let city = house.cluster.room(CITY);
    let id = city.send(&Letter::test("report", &["410000"], "水库险情").precedence("flash")).await;
    city.receipt(&id, "delivered").await;
    let browser = Browser::open(Scripts::On).await;
    house.log_in(&browser, "zh").await;
    let text = browser.text().await;
    assert!(text.contains("水库险情") && !text.contains("请电话"), "{text}");
    city.order(&Request::Clock { shift_ms: 180_000, speed: 1, since_ms: None }).await;
    browser.go(&house.url).await;
    let text = browser.text().await;
    assert!(text.contains("未签收,请电话 ☎ 0377-"), "{text}");
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_page_shows_and_rings_that_something_waits_and_not_what() {
    if !is_there(&BROWSER) {
        return;
    }
    let house = House::open().await;
    let city = house.cluster.room(CITY);
    city.stop().await;
    city.configure(|config| {
        if let Some(console) = &mut config.console {
            console.idle_lock_minutes = 0;
        }
    });
    city.start().await;
    house.cluster.all_links_up().await;
    house.report("堤坝渗水", "flash").await;
    let browser = Browser::open(Scripts::On).await;
    browser.go(&format!("http://{}/login?lang=zh", address(city).await)).await;
    browser.click("input[name=officer]").await;
    browser.keys(&format!("{NAME}{TAB}{PASSWORD}{ENTER}")).await;
    browser.until("it is locked at once", "return location.pathname === '/locked'").await;
    let text = browser.text().await;
    assert!(text.contains("未签收 1 件") && text.contains("有 1 件特提") && !text.contains("堤坝"), "{text}");
    assert_eq!(
        browser.run("return document.querySelector('#ringing [data-waited]').dataset.id").await,
        json!("")
    );
    browser.click("[data-arm]").await;
    browser.until("it rings", "return document.body.dataset.played === 'flash'").await;
    browser.picture(&picture("locked-zh")).await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_fits_at_1366_and_at_twice_the_zoom_in_both_languages_and_names_its_parts() {
    if !is_there(&BROWSER) {
        return;
    }
    let house = House::open().await;
    let id = house.report(&format!("{HOSTILE} {}", "长".repeat(300)), "immediate").await;
    house.report("上周值班情况", "routine").await;
    let asked = Letter::test("verify.request", &[CITY], "请核实网传视频");
    let asked = house.cluster.room("410000").send(&asked).await;
    house.cluster.room(CITY).has_in_inbox(&asked).await;
    for role in ["system_admin", "security_admin", "audit_admin"] {
        officer(&house.cluster, CITY, role, role).await;
    }
    let browser = Browser::open(Scripts::On).await;
    let mut found = Vec::new();
    for language in ["zh", "en"] {
        browser.go(&format!("{}/login?lang={language}", house.url)).await;
        check(&browser, "login", language, &mut found).await;
        house.log_in(&browser, language).await;
        let (message, receipts) = (format!("/messages/{id}"), format!("/messages/{id}/receipts"));
        let pages = [
            ("home", "/"),
            ("inbox", "/inbox"),
            ("found", "/inbox?q=411322"),
            ("message", &message),
            ("receipts", &receipts),
            ("compose", "/compose"),
            ("cases", "/cases"),
            ("board", "/board"),
            ("phone", "/phone"),
            ("topology", "/topology"),
            ("queue", "/queue"),
            ("latency", "/latency"),
            ("wall", "/wall"),
            ("admin", "/admin"),
            ("help", "/help"),
        ];
        for (name, path) in pages {
            browser.go(&format!("{}{path}", house.url)).await;
            check(&browser, name, language, &mut found).await;
            assert_eq!(browser.run("return window.bad === undefined").await, json!(true), "{path}");
        }
        browser.go(&format!("{}{message}", house.url)).await;
        assert!(browser.text().await.contains("<script>window.bad=1</script>"), "hostile text is text");
        browser.chrome("Network.clearBrowserCookies", &json!({})).await;
        for role in ["system_admin", "security_admin", "audit_admin"] {
            house.log_in_as(&browser, role, language).await;
            browser.go(&format!("{}/admin", house.url)).await;
            check(&browser, role, language, &mut found).await;
            browser.chrome("Network.clearBrowserCookies", &json!({})).await;
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_open_windows_and_many_pages_one_after_the_other_all_hear_of_what_comes() {
    if !is_there(&BROWSER) {
        return;
    }
    let house = House::open().await;
    let browser = Browser::open(Scripts::On).await;
    house.log_in(&browser, "zh").await;
    for _ in 0..4 {
        for path in ["/", "/inbox", "/cases", "/topology"] {
            browser.go(&format!("{}{path}", house.url)).await;
        }
    }
    browser.go(&format!("{}/inbox", house.url)).await;
    for _ in 1..10 {
        browser.another_window().await;
        browser.go(&format!("{}/inbox", house.url)).await;
    }
    let id = house.report("水库水位上涨", "routine").await;
    let windows = browser.windows().await;
    assert_eq!(windows.len(), 10);
    let listed = format!("return document.querySelector(`a[href=\"/messages/{id}\"]`) !== null");
    for window in windows {
        browser.show(&window).await;
        browser.until("the window shows what has come", &listed).await;
    }
    browser.close().await;
}

/// Looks at a page at both sizes, keeps the pictures and adds what is wrong.
async fn check(browser: &Browser, name: &str, language: &str, found: &mut Vec<String>) {
    for (size, width, height, scale) in [("1366", 1366, 768, 1), ("200", 683, 384, 2)] {
        browser.size(width, height, scale).await;
        browser.picture(&picture(&format!("{name}-{language}-{size}"))).await;
        let wide = browser
            .run("const d = document.documentElement; return [d.scrollWidth, d.clientWidth, document.body.scrollWidth]")
            .await;
        if wide[0].as_u64() > wide[1].as_u64() {
            found.push(format!("{name} {language} {size} scrolls sideways: {wide}"));
        }
        let parts = browser.run(PARTS).await;
        if parts != json!([]) {
            found.push(format!("{name} {language} {size}: {parts}"));
        }
        if let Some(axe) = std::env::var_os("YICHUAN_AXE") {
            let axe = std::fs::read_to_string(axe).unwrap();
            let violations = browser.run_until_done(&format!("{axe};{AXE}")).await;
            if violations != json!([]) {
                found.push(format!("{name} {language} {size}: axe: {violations}"));
            }
        }
    }
    browser.size(1366, 768, 1).await;
}

/// Serious violations that axe-core finds, where it is there (`.ci/run` fetches it).
const AXE: &str = r#"
const done = arguments[arguments.length - 1];
axe.run(document, { resultTypes: ["violations"] }).then(
  (result) => done(result.violations.filter((v) => ["serious", "critical"].includes(v.impact))
    .map((v) => v.id + ": " + v.nodes.map((n) => n.target.join(" ")).join(", "))),
  (error) => done([String(error)]));
"#;

/// What a person with a screen reader or a keyboard would miss.
const PARTS: &str = r#"
const bad = [];
const seen = (e) => e.getClientRects().length > 0;
if (!document.documentElement.lang) bad.push("no language");
if (!document.title.trim()) bad.push("no title");
if (document.querySelectorAll("main").length !== 1) bad.push("not one main");
if (document.querySelectorAll("h1").length !== 1) bad.push("not one h1");
const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
if (new Set(ids).size !== ids.length) bad.push("an id stands twice");
for (const e of document.querySelectorAll("input:not([type=hidden]), select, textarea"))
  if (!e.labels.length && !e.ariaLabel) bad.push("no label: " + e.name);
for (const e of document.querySelectorAll("a, button"))
  if (seen(e) && !(e.textContent.trim() || e.ariaLabel)) bad.push("no name: " + e.outerHTML);
for (const e of document.querySelectorAll("img")) if (!e.hasAttribute("alt")) bad.push("no alt");
for (const e of document.querySelectorAll("th")) if (!e.textContent.trim() && !e.ariaLabel) bad.push("an empty heading of a column");
if (document.querySelector("[style], style, [onclick]")) bad.push("inline style or script");
const light = (c) => { const [r, g, b] = c.match(/[\d.]+/g).map(Number).map((v) => { v /= 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; }); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
const ground = (e) => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor; if (!/^rgba\(.*, 0\)$/.test(c)) return c; } return "rgb(255, 255, 255)"; };
for (const e of document.querySelectorAll("body *")) {
  if (!seen(e) || ![...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim())) continue;
  const style = getComputedStyle(e);
  if (parseFloat(style.fontSize) < 13) bad.push("small: " + e.textContent.trim().slice(0, 20));
  const [a, b] = [light(style.color), light(ground(e))].sort((x, y) => y - x);
  if ((a + 0.05) / (b + 0.05) < 4.5) bad.push("contrast: " + e.textContent.trim().slice(0, 20));
}
for (const e of document.querySelectorAll("button, nav a, input:not([type=hidden])"))
  if (seen(e) && e.getBoundingClientRect().height < 24) bad.push("a small target: " + e.outerHTML.slice(0, 60));
return bad;
"#;

#[tokio::test(flavor = "multi_thread")]
async fn without_scripts_everything_is_read_and_acknowledged_all_the_same() {
    if !is_there(&BROWSER) {
        return;
    }
    let house = House::open().await;
    let id = house.report("道路中断", "routine").await;
    let browser = Browser::open(Scripts::Off).await;
    browser.go(&format!("{}/login?lang=zh", house.url)).await;
    browser.click("input[name=officer]").await;
    browser.keys(&format!("{NAME}{TAB}{PASSWORD}{ENTER}")).await;
    until("the first page is there", PATIENCE, async || browser.path().await.is_empty().then_some(())).await;
    browser.go(&format!("{}/inbox", house.url)).await;
    let text = browser.text().await;
    assert!(text.contains("道路中断") && text.contains("未签收"), "{text}");
    browser.picture(&picture("inbox-no-script-zh")).await;
    browser.click("main button[aria-keyshortcuts=a]").await;
    house.cluster.room(COUNTY).receipt(&id, "acknowledged").await;
    // What is acknowledged is found again.
    for (query, said) in [("道路", "道路中断"), ("水库", "没有找到")] {
        browser.go(&format!("{}/inbox", house.url)).await;
        browser.click("input[name=q]").await;
        browser.keys(&format!("{query}{ENTER}")).await;
        until(&format!("the search for {query} says {said}"), PATIENCE, async || {
            let is_answered = browser.path().await.starts_with("inbox?q=");
            (is_answered && browser.text().await.contains(said)).then_some(())
        })
        .await;
    }
    browser.go(&format!("{}/messages/{id}", house.url)).await;
    assert!(browser.text().await.contains("已签收"));
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_line_is_down_the_page_says_since_when_how_many_wait_and_whom_to_telephone() {
    if !is_there(&BROWSER) {
        return;
    }
    let house = House::open().await;
    let city = house.cluster.room(CITY);
    let browser = Browser::open(Scripts::On).await;
    house.log_in(&browser, "zh").await;
    city.cut("410000", true).await;
    city.link_is("410000", "cut").await;
    let place = house.url.strip_prefix("http://").unwrap();
    let report = json!({ "kind": "report", "to": ["410000"], "text": "山体滑坡", "status": "test" });
    let sent = call(place, Method::POST, "/api/messages", NAME, &[], &report).await.unwrap();
    assert_eq!(sent.status, 200, "{sent:?}");
    browser.go(&format!("{}/?lang=zh", house.url)).await;
    let banner = "return document.querySelector('.outage[role=alert]:not(.lost-only)')?.textContent ?? ''";
    let said = until("the page says it", PATIENCE, async || {
        browser.go(&house.url).await;
        let said = browser.run(banner).await.as_str().unwrap_or_default().to_owned();
        said.contains("1 件").then_some(said)
    })
    .await;
    for part in ["河南省政府总值班室 中断", "未送达", "电话", "仍可发送"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    browser.picture(&picture("outage-zh")).await;
    browser.go(&format!("{}/?lang=en", house.url)).await;
    browser.picture(&picture("outage-en")).await;

    // What is over within a second is no outage.
    let lasts = "return document.querySelector('.outage[role=alert] [data-past]').textContent >= '00:02'";
    browser.until("it has lasted some seconds", lasts).await;
    city.cut("410000", false).await;
    city.link_is("410000", "up").await;
    until("the page says what has gone since", PATIENCE, async || {
        browser.go(&format!("{}/?lang=zh", house.url)).await;
        browser.text().await.contains("恢复后已送出").then_some(())
    })
    .await;
    assert!(browser.text().await.contains("山体滑坡"));
    browser.picture(&picture("outage-over-zh")).await;
    browser.close().await;
}
