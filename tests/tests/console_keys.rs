//! The keys of the console in chromium: each leads where the help page says, and none does anything while somebody types or
//! an input method composes.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tests::{
    browser::{Browser, ENTER, F2, Scripts, TAB},
    cluster::Letter,
    house::{CITY, COUNTY, House, PASSWORD},
    lab::is_there,
};

const PROGRAM: &str = env!("CARGO_BIN_EXE_tests");
const BROWSER: [&str; 2] = ["chromium", "chromedriver"];
const PROVINCE: &str = "410000";
const NAME: &str = "马超群";
/// Every key that the help page names, but for those of the browser itself.
const KEYS: [&str; 9] = ["j", "k", "a", "r", "f", "n", "/", "F2", "?"];

/// Stands on the page of one message only.
const FIRST_REPORT: &str = "f";

/// The city, a report and a request in its inbox, and an officer who looks at it.
struct Watch {
    house: House,
    browser: Browser,
    report: String,
    request: String,
}

impl Watch {
    async fn begin(language: &str) -> Self {
        let house = House::open(PROGRAM, CITY).await;
        house.officer(NAME, "duty_officer").await;
        let report = Letter::test("report", &[CITY], "水库水位上涨");
        let report = house.cluster.room(COUNTY).send(&report).await;
        let request = Letter::test("verify.request", &[CITY], "请核实网传视频").precedence("routine");
        let request = house.cluster.room(PROVINCE).send(&request).await;
        for id in [&report, &request] {
            house.cluster.room(CITY).has_in_inbox(id).await;
        }
        let browser = Browser::open(Scripts::On).await;
        browser.go(&format!("http://{}/login?lang={language}", house.address)).await;
        browser.click("input[name=officer]").await;
        browser.keys(&format!("{NAME}{TAB}{PASSWORD}{ENTER}")).await;
        browser.until("the first page is there", "return location.pathname === '/'").await;
        let watch = Self { house, browser, report, request };
        watch.look(&format!("?lang={language}")).await;
        watch
    }

    /// Opens a page of the console, read to its end.
    async fn look(&self, path: &str) {
        self.browser.go(&format!("http://{}/{path}", self.house.address)).await;
    }

    /// Presses a key; the page that it leads to is there.
    async fn leads(&self, key: &str, path: &str) {
        self.browser.keys(key).await;
        let there = format!(
            "return location.pathname + location.search === {} && document.readyState === 'complete' && \
             document.documentElement.classList.contains('keys')",
            json!(path)
        );
        self.browser.until(&format!("{key} leads to {path}"), &there).await;
    }

    /// Marks the row of a message.
    async fn mark(&self, id: &str) {
        let marked = format!("return document.querySelector('tr.here a[href=\"/messages/{id}\"]') !== null");
        for _ in 0..3 {
            self.browser.keys("j").await;
            if self.browser.run(&marked).await == json!(true) {
                return;
            }
        }
        panic!("no row leads to {id}");
    }

    /// What stands in the field that has the focus.
    async fn typed(&self) -> Value {
        self.browser.run("return document.activeElement.value").await
    }

    /// Nobody has acknowledged anything.
    async fn nothing_is_signed(&self) {
        for (room, id) in [(COUNTY, &self.report), (PROVINCE, &self.request)] {
            let deeds = self.house.cluster.room(room).events(id).await;
            assert!(!deeds.iter().any(|(event, _)| event == "acknowledged"), "{deeds:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_key_of_the_help_page_leads_where_it_says_and_stands_on_what_it_presses() {
    if !is_there(&BROWSER) {
        return;
    }
    let watch = Watch::begin("en").await;
    let (browser, reply) = (&watch.browser, format!("/compose?kind=verify.reply&about={}", watch.request));
    watch.leads("?", "/help").await;
    let named =
        browser.run("return [...document.querySelectorAll('kbd')].map((one) => one.textContent)").await;
    let named: BTreeSet<&str> = named.as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert_eq!(named, KEYS.into_iter().chain(["Enter", "Tab"]).collect());
    watch.leads("n", "/compose").await;
    watch.leads(F2, "/phone").await;
    watch.leads("/", "/inbox?q=").await;
    browser.until("the field waits", "return document.activeElement.name === 'q'").await;
    watch.leads(&format!("411322{ENTER}"), "/inbox?q=411322").await;
    let rows =
        "return [...document.querySelectorAll('main tbody tr a:not(.button)')].map((one) => one.pathname)";
    assert_eq!(browser.run(rows).await, json!([format!("/messages/{}", watch.report)]));
    browser.keys("/").await;
    browser.until("it waits again", "return document.activeElement.name === 'q'").await;
    browser.keys("水").await;
    assert_eq!(watch.typed().await, json!("水"), "what stood there is typed over");

    // Every key stands on what it presses, for who asks a screen reader.
    watch.look("inbox").await;
    let said = "return [...document.querySelectorAll('[aria-keyshortcuts]')].flatMap((one) => \
                one.getAttribute('aria-keyshortcuts').split(' '))";
    let said = browser.run(said).await;
    let said: BTreeSet<&str> = said.as_array().unwrap().iter().filter_map(Value::as_str).collect();
    let of_a_list = KEYS.into_iter().filter(|key| *key != FIRST_REPORT);
    assert_eq!(said, of_a_list.collect());
    // Without a marked row, no row is meant.
    browser.keys("ar").await;
    watch.mark(&watch.report).await;
    browser.keys("r").await;
    assert_eq!(browser.path().await, "inbox", "nothing answers a report");
    watch.nothing_is_signed().await;
    watch.look("inbox").await;
    watch.mark(&watch.request).await;
    watch.leads("r", &reply).await;
    watch.look("inbox").await;
    watch.mark(&watch.request).await;
    watch.leads(ENTER, &format!("/messages/{}", watch.request)).await;
    watch.leads("r", &reply).await;
    watch.look(&format!("messages/{}", watch.request)).await;
    watch.leads(FIRST_REPORT, &format!("/compose?kind=report&about={}", watch.request)).await;
    let title = "return document.querySelector('input[name=title]').value";
    assert_eq!(browser.run(title).await, json!("请核实网传视频"), "it begins with what was asked");
    browser.run("history.back()").await;
    browser.until("the message is there", "return location.pathname.startsWith('/messages/')").await;
    browser.keys("a").await;
    let receipt = watch.house.cluster.room(PROVINCE).receipt(&watch.request, "acknowledged").await;
    assert_eq!(receipt.officer.as_deref(), Some(NAME));
    watch.browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_key_does_anything_while_somebody_types_or_an_input_method_composes() {
    if !is_there(&BROWSER) {
        return;
    }
    let watch = Watch::begin("zh").await;
    let browser = &watch.browser;
    let all: String = KEYS.map(|key| if key == "F2" { F2 } else { key }).concat();
    for (page, field) in [("inbox", "input[name=q]"), ("compose", "textarea[name=what]")] {
        watch.look(page).await;
        browser.click(field).await;
        browser.keys(&all).await;
        assert_eq!(watch.typed().await, json!("jkarfn/?"), "{page}");
        assert_eq!(browser.path().await, page);
        assert_eq!(browser.run("return document.querySelector('tr.here') === null").await, json!(true));
    }
    // What comes while somebody writes what to look for stands in the list all the same, and the words stay.
    watch.look("inbox").await;
    browser.click("input[name=q]").await;
    browser.keys("abc").await;
    let next = Letter::test("report", &[CITY], "水位又涨");
    let next = watch.house.cluster.room(COUNTY).send(&next).await;
    let row = format!("return document.querySelector('tr a[href=\"/messages/{next}\"]') !== null");
    browser.until("what has come stands in the list", &row).await;
    assert_eq!(watch.typed().await, json!("abc"));
    // A field in which an input method composes: its keys come as 229, and Enter ends the word and sends no form.
    watch.look("inbox").await;
    browser.click("input[name=q]").await;
    let composing = json!({ "text": "shui ku", "selectionStart": 7, "selectionEnd": 7 });
    browser.chrome("Input.imeSetComposition", &composing).await;
    for code in ["KeyN", "KeyA", "Slash", "Enter"] {
        press(browser, "Process", code, 229).await;
    }
    browser.chrome("Input.insertText", &json!({ "text": "水库" })).await;
    browser.until("the word stands there", "return document.activeElement.value === '水库'").await;
    assert_eq!(browser.path().await, "inbox");
    // And keys of an input method that reach a marked row.
    watch.look("inbox").await;
    watch.mark(&watch.request).await;
    for key in ["a", "r", "f", "n", "/", "F2", "?"] {
        press(browser, key, "KeyA", 229).await;
        let composed = format!(
            "return document.activeElement.dispatchEvent(new KeyboardEvent('keydown', \
             {{ key: {}, isComposing: true, bubbles: true, cancelable: true }}))",
            json!(key)
        );
        assert_eq!(browser.run(&composed).await, json!(true), "{key} is left to the input method");
    }
    assert_eq!(browser.path().await, "inbox");
    watch.nothing_is_signed().await;
    // The same key from a hand does what it says.
    browser.keys("a").await;
    watch.house.cluster.room(PROVINCE).receipt(&watch.request, "acknowledged").await;
    watch.browser.close().await;
}

/// A key as the machine beneath the browser gives it.
async fn press(browser: &Browser, key: &str, code: &str, number: u32) {
    for press in ["rawKeyDown", "keyUp"] {
        let params = json!({ "type": press, "key": key, "code": code, "windowsVirtualKeyCode": number });
        browser.chrome("Input.dispatchKeyEvent", &params).await;
    }
}
