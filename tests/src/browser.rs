//! Debian's chromium without a window, led by its chromedriver over the WebDriver protocol.

use std::{path::Path, process::Stdio, time::Duration};

use data_encoding::BASE64;
use hyper::Method;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

use crate::{cluster::until, console::ask};

/// A page shows what is expected within this time, also on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// A page that is not there after this time, in ms, is not there: far more than a busy machine needs, and less than a
/// browser waits for a connection to become free.
const PAGE_MS: u64 = 40_000;
/// The longest page has fewer places that Tab goes to.
const STEPS_MAX: usize = 200;
/// Enter and Tab, as WebDriver writes them.
pub const ENTER: &str = "\u{e007}";
/// See [`ENTER`].
pub const TAB: &str = "\u{e004}";
/// See [`ENTER`].
pub const CONTROL: &str = "\u{e009}";
/// See [`ENTER`].
pub const F2: &str = "\u{e032}";
/// Left, up, right, down; see [`ENTER`].
pub const ARROWS: [&str; 4] = ["\u{e012}", "\u{e013}", "\u{e014}", "\u{e015}"];

/// One window.
pub struct Browser {
    driver: Child,
    address: String,
    session: String,
    _profile: tempfile::TempDir,
}

/// Whether pages may run scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scripts {
    /// They may.
    On,
    /// They may not.
    Off,
}

impl Browser {
    /// Opens a window of 1366×768.
    ///
    /// # Panics
    /// When chromium or chromium-driver is not installed.
    pub async fn open(scripts: Scripts) -> Self {
        let profile = tempfile::tempdir().expect("a throw-away directory can be made");
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .env("HOME", profile.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("chromium and chromium-driver are installed (apt-get install chromium chromium-driver)");
        let mut lines = BufReader::new(driver.stdout.take().expect("it is piped")).lines();
        let port = loop {
            let line = lines.next_line().await.expect("chromedriver speaks").expect("chromedriver starts");
            if let Some(rest) = line.split("successfully on port ").nth(1) {
                break rest.trim_end_matches('.').to_owned();
            }
        };
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        let data = format!("--user-data-dir={}", profile.path().display());
        let mut options = json!({ "args": [
            "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--window-size=1366,768",
            "--hide-scrollbars", "--no-first-run", "--disable-background-networking", data,
        ] });
        if scripts == Scripts::Off {
            options["prefs"] = json!({ "profile.managed_default_content_settings.javascript": 2 });
        }
        let wanted = json!({ "capabilities": { "alwaysMatch": { "goog:chromeOptions": options } } });
        let mut browser =
            Self { driver, address: format!("127.0.0.1:{port}"), session: String::new(), _profile: profile };
        let session = browser.order(Method::POST, "/session", &wanted).await;
        session["sessionId"].as_str().expect("a session has an id").clone_into(&mut browser.session);
        let limits = json!({ "pageLoad": PAGE_MS });
        browser.at(Method::POST, "/timeouts", &limits).await;
        browser.size(1366, 768, 1).await;
        browser
    }

    /// Closes the window.
    pub async fn close(mut self) {
        self.at(Method::DELETE, "", &Value::Null).await;
        // Nothing is left to be done about one that does not end.
        let _ = self.driver.kill().await;
    }

    /// Opens another window beside the others and goes on in it.
    pub async fn another_window(&self) {
        let window = self.at(Method::POST, "/window/new", &json!({ "type": "tab" })).await;
        self.show(&window["handle"]).await;
    }

    /// Closes this window beside others; another has to be shown.
    pub async fn leave_window(&self) {
        self.at(Method::DELETE, "/window", &Value::Null).await;
    }

    /// The windows that are open.
    pub async fn windows(&self) -> Vec<Value> {
        let windows = self.at(Method::GET, "/window/handles", &Value::Null).await;
        windows.as_array().expect("windows are listed").clone()
    }

    /// Goes on in this window.
    pub async fn show(&self, window: &Value) {
        self.at(Method::POST, "/window", &json!({ "handle": window })).await;
    }

    /// Follows an address.
    pub async fn go(&self, url: &str) {
        self.at(Method::POST, "/url", &json!({ "url": url })).await;
    }

    /// The path of the page that is shown.
    pub async fn path(&self) -> String {
        let url = self.at(Method::GET, "/url", &Value::Null).await;
        let url = url.as_str().expect("an address is text").to_owned();
        url.split('/').skip(3).collect::<Vec<_>>().join("/")
    }

    /// Runs a script of the test in the page; gives what it returns.
    pub async fn run(&self, script: &str) -> Value {
        self.at(Method::POST, "/execute/sync", &json!({ "script": script, "args": [] })).await
    }

    /// Runs a script that calls its last argument when it is done; gives what it is called with.
    pub async fn run_until_done(&self, script: &str) -> Value {
        self.at(Method::POST, "/execute/async", &json!({ "script": script, "args": [] })).await
    }

    /// The page's text as a person reads it.
    pub async fn text(&self) -> String {
        let body = self.find("body").await;
        let text = self.at(Method::GET, &format!("/element/{body}/text"), &Value::Null).await;
        text.as_str().unwrap_or_default().to_owned()
    }

    /// Waits until a script of the test gives true.
    pub async fn until(&self, what: &str, script: &str) {
        until(what, PATIENCE, async || (self.run(script).await == json!(true)).then_some(())).await;
    }

    /// Clicks what this selector finds first. A page that has just put it in place again is clicked there.
    pub async fn click(&self, selector: &str) {
        until(&format!("{selector} can be clicked"), PATIENCE, async || {
            let element = self.find(selector).await;
            let path = format!("/session/{}/element/{element}/click", self.session);
            match self.try_order(Method::POST, &path, &json!({})).await {
                Err(why) if why.contains("stale element reference") => None,
                done => Some(done.unwrap_or_else(|why| panic!("{selector} cannot be clicked: {why}"))),
            }
        })
        .await;
    }

    /// Chooses a file in what this selector finds first.
    pub async fn choose_file(&self, selector: &str, path: &Path) {
        let element = self.find(selector).await;
        let path = json!({ "text": path.to_str().expect("a path of the test is UTF-8") });
        self.at(Method::POST, &format!("/element/{element}/value"), &path).await;
    }

    /// Types where the focus is.
    pub async fn keys(&self, text: &str) {
        let presses: Vec<Value> = text
            .chars()
            .flat_map(|key| {
                ["keyDown", "keyUp"].map(|press| json!({ "type": press, "value": key.to_string() }))
            })
            .collect();
        let actions = json!({ "actions": [{ "type": "key", "id": "keyboard", "actions": presses }] });
        self.at(Method::POST, "/actions", &actions).await;
    }

    /// Types a key while another is held.
    pub async fn chord(&self, held: &str, key: &str) {
        let press = |kind: &str, key: &str| json!({ "type": kind, "value": key });
        let presses =
            [press("keyDown", held), press("keyDown", key), press("keyUp", key), press("keyUp", held)];
        let actions = json!({ "actions": [{ "type": "key", "id": "keyboard", "actions": presses }] });
        self.at(Method::POST, "/actions", &actions).await;
    }

    /// Prints the page on A4 into a file; gives how many pages that are.
    ///
    /// # Panics
    /// When it cannot be written.
    pub async fn print(&self, path: &Path) -> usize {
        let a4 = json!({ "preferCSSPageSize": true, "printBackground": false });
        let printed = self.chrome("Page.printToPDF", &a4).await;
        let printed = printed["data"].as_str().expect("paper is text").as_bytes();
        let printed = BASE64.decode(printed).expect("in base64");
        std::fs::create_dir_all(path.parent().expect("a file is in a directory")).expect("it can be made");
        std::fs::write(path, &printed).expect("paper can be written");
        String::from_utf8_lossy(&printed).matches("/Type /Page\n").count()
    }

    /// Steps with Tab until the focus is on what this selector finds.
    pub async fn tab_to(&self, selector: &str) {
        for _ in 0..STEPS_MAX {
            let quoted = json!(selector).to_string();
            if self.run(&format!("return document.activeElement.matches({quoted})")).await == json!(true) {
                return;
            }
            self.keys(TAB).await;
        }
        panic!("{selector} is not reached with Tab");
    }

    /// The size of the page in CSS pixels, and how many points each has: 200 % zoom is half the size at two.
    pub async fn size(&self, width: u32, height: u32, scale: u32) {
        let metrics =
            json!({ "width": width, "height": height, "deviceScaleFactor": scale, "mobile": false });
        self.chrome("Emulation.setDeviceMetricsOverride", &metrics).await;
    }

    /// An order of the DevTools protocol.
    pub async fn chrome(&self, command: &str, params: &Value) -> Value {
        self.at(Method::POST, "/goog/cdp/execute", &json!({ "cmd": command, "params": params })).await
    }

    /// Keeps a picture of the page.
    ///
    /// # Panics
    /// When it cannot be written.
    pub async fn picture(&self, path: &Path) {
        let picture = self.at(Method::GET, "/screenshot", &Value::Null).await;
        let bytes =
            BASE64.decode(picture.as_str().expect("a picture is text").as_bytes()).expect("in base64");
        std::fs::create_dir_all(path.parent().expect("a file is in a directory")).expect("it can be made");
        std::fs::write(path, bytes).expect("a picture can be written");
    }

    async fn find(&self, selector: &str) -> String {
        let by = json!({ "using": "css selector", "value": selector });
        until(&format!("{selector} is there"), PATIENCE, async || {
            let path = format!("/session/{}/element", self.session);
            let found = self.try_order(Method::POST, &path, &by).await.ok()?;
            let found = found.as_object()?.values().next()?.as_str()?.to_owned();
            Some(found)
        })
        .await
    }

    async fn at(&self, method: Method, path: &str, body: &Value) -> Value {
        self.order(method, &format!("/session/{}{path}", self.session), body).await
    }

    async fn order(&self, method: Method, path: &str, body: &Value) -> Value {
        let done = self.try_order(method, path, body).await;
        done.unwrap_or_else(|error| panic!("{path} {body}: {error}"))
    }

    async fn try_order(&self, method: Method, path: &str, body: &Value) -> Result<Value, String> {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let headers = [("content-type", "application/json")];
        let said =
            ask(&self.address, method, path, &headers, &body).await.map_err(|error| error.to_string())?;
        let value = said.json()["value"].clone();
        if said.status == 200 { Ok(value) } else { Err(value.to_string()) }
    }
}
