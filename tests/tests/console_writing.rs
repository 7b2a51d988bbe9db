//! Writing a report in chromium: with an input method, with a file, with and without scripts.

use std::path::PathBuf;

use serde_json::json;
use tests::{
    browser::{Browser, ENTER, PATIENCE, Scripts, TAB},
    cluster::until,
    house::{CITY, House, PASSWORD},
    lab::is_there,
};

const PROGRAM: &str = env!("CARGO_BIN_EXE_tests");
const BROWSER: [&str; 2] = ["chromium", "chromedriver"];
const PROVINCE: &str = "410000";
const NAME: &str = "马超群";

/// Pictures of every screen, to be looked at.
fn picture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("screens").join(format!("{name}.png"))
}

/// The city's officer before the empty form of a report.
async fn desk(scripts: Scripts) -> (House, Browser) {
    let house = House::open(PROGRAM, CITY).await;
    house.officer(NAME, "duty_officer").await;
    let browser = Browser::open(scripts).await;
    browser.go(&format!("http://{}/login?lang=zh", house.address)).await;
    browser.click("input[name=officer]").await;
    browser.keys(&format!("{NAME}{TAB}{PASSWORD}{ENTER}")).await;
    until("the first page is there", PATIENCE, async || browser.path().await.is_empty().then_some(())).await;
    browser.go(&format!("http://{}/compose", house.address)).await;
    (house, browser)
}

#[tokio::test(flavor = "multi_thread")]
async fn enter_while_an_input_method_composes_posts_no_form_and_enter_alone_checks_and_never_sends() {
    if !is_there(&BROWSER) {
        return;
    }
    let (house, browser) = desk(Scripts::On).await;
    browser.click("input[name=title]").await;
    browser.run("window.isSamePage = true").await;
    let composing = json!({ "text": "da qiao", "selectionStart": 7, "selectionEnd": 7 });
    browser.chrome("Input.imeSetComposition", &composing).await;
    for press in ["rawKeyDown", "keyUp"] {
        let key = json!({ "type": press, "key": "Process", "code": "Enter", "windowsVirtualKeyCode": 229 });
        browser.chrome("Input.dispatchKeyEvent", &key).await;
    }
    browser.chrome("Input.insertText", &json!({ "text": "大桥垮塌" })).await;
    browser.until("the text stands there", "return document.activeElement.value === '大桥垮塌'").await;
    assert_eq!(browser.run("return window.isSamePage === true").await, json!(true));
    // The control: the same key without an input method does post the form, as a check.
    browser.keys(ENTER).await;
    browser.until("the form was posted", "return window.isSamePage === undefined").await;
    browser
        .until("it was checked", "return document.querySelector('#panel h2, #panel .problem') !== null")
        .await;
    assert_eq!(browser.path().await, "compose");
    let outbox = house.call(hyper::Method::GET, "/api/outbox", NAME, &serde_json::Value::Null).await.json();
    assert_eq!(outbox["items"], json!([]), "nothing has left");
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_leaves_with_a_file_without_scripts_and_a_file_that_is_too_large_is_told_before_it_leaves() {
    if !is_there(&BROWSER) {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let [small, large] = [("现场.txt", 5), ("录像.mp4", (8 << 20) + 1)].map(|(name, bytes)| {
        let path = place.path().join(name);
        std::fs::write(&path, vec![b'x'; bytes]).unwrap();
        path
    });
    let (house, browser) = desk(Scripts::Off).await;
    let to = "select[name^='room.']";
    browser.click(to).await;
    browser.keys("主").await;
    browser.click("input[name=title]").await;
    browser.keys("仓库起火").await;
    browser.click("input[name='place.text']").await;
    browser.keys("独树镇").await;
    browser.click("textarea[name=what]").await;
    browser.keys("正在扑救").await;
    browser.click("select[name='occurred_at.precision']").await;
    browser.keys("不明").await;
    browser.choose_file("input[name=files]", &small).await;
    browser.picture(&picture("compose-file-zh")).await;
    browser.click("button[value=send]").await;
    let id = until("it was sent", PATIENCE, async || {
        let path = browser.path().await;
        Some(path.strip_prefix("messages/")?.split('?').next()?.to_owned())
    })
    .await;
    assert!(browser.text().await.contains("现场.txt (text/plain, 5 B)"));
    browser.picture(&picture("message-file-zh")).await;
    house.cluster.room(PROVINCE).has_in_inbox(&id).await;
    browser.close().await;

    let (_house, browser) = desk(Scripts::On).await;
    browser.choose_file("input[name=files]", &large).await;
    let said = "return document.querySelector('input[name=files]').validationMessage.includes('8 MiB')";
    browser.until("it says that it is too large", said).await;
    browser.choose_file("input[name=files]", &small).await;
    browser.until("several are too large together", said).await;
    browser.close().await;
}
