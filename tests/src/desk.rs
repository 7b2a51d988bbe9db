//! An officer at a console: a window in which everything is done by hand, with the mouse or with the keyboard alone, in one
//! language, by what the page shows. No script of the test sets a value or presses anything; scripts only look.

use std::{path::PathBuf, sync::atomic::AtomicUsize, sync::atomic::Ordering};

use node::catalogue::{Catalogue, Language};
use serde_json::{Value, json};

use crate::{
    browser::{ARROWS, Browser, CONTROL, ENTER, F2, PATIENCE, Scripts},
    cluster::until,
    console::PASSWORD,
};

/// How an officer works at the page. Texts are typed with either.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hand {
    /// Points and clicks.
    Mouse,
    /// Tab, Enter, the space bar, the arrows, and the keys of the console.
    Keyboard,
}

impl Hand {
    /// How it is written in names.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Mouse => "mouse",
            Self::Keyboard => "keyboard",
        }
    }
}

/// One officer at a window.
pub struct Desk {
    /// The window.
    pub browser: Browser,
    url: String,
    hand: Hand,
    words: Catalogue,
    /// The directory of the pictures and what their names begin with.
    pictures: (PathBuf, String),
    steps: AtomicUsize,
}

/// Who sits down, where the pictures go, and how the walk is done.
#[derive(Debug, Clone)]
pub struct Walk {
    /// The hand.
    pub hand: Hand,
    /// The language.
    pub language: Language,
    /// Where pictures are kept.
    pub pictures: PathBuf,
    /// What their names begin with.
    pub name: String,
}

impl Walk {
    /// A title that no other walk uses: a room asks before it sends the same again.
    pub fn titled(&self, title: &str) -> String {
        format!("{title} ({} {})", self.language.word(), self.hand.word())
    }
}

impl Desk {
    /// Opens the console at `127.0.0.1:PORT`, chooses the language and logs in.
    pub async fn sit(address: &str, officer: &str, walk: &Walk) -> Self {
        let browser = Browser::open(Scripts::On).await;
        let words = Catalogue::new(walk.language);
        let desk = Self {
            browser,
            url: format!("http://{address}"),
            hand: walk.hand,
            words,
            pictures: (walk.pictures.clone(), walk.name.clone()),
            steps: AtomicUsize::new(0),
        };
        desk.browser.go(&desk.url).await;
        desk.arrived("/login").await;
        let word = walk.language.word();
        let is_so = format!("return document.documentElement.lang.startsWith('{word}')");
        if desk.browser.run(&is_so).await != json!(true) {
            desk.press(&format!("a[href$='lang={word}']")).await;
            desk.browser.until("the page is in the language", &is_so).await;
        }
        desk.fill("input[name=officer]", officer).await;
        desk.fill("input[name=password]", PASSWORD).await;
        match desk.hand {
            Hand::Mouse => desk.press("form button").await,
            Hand::Keyboard => desk.browser.keys(ENTER).await,
        }
        desk.arrived("/").await;
        desk
    }

    /// 开始值班: arms the sound and hears the test tone.
    pub async fn starts_duty(&self) {
        self.press(".outage.unarmed [data-arm]").await;
        self.plays("test").await;
    }

    /// Waits until the page has played this tune.
    pub async fn plays(&self, tune: &str) {
        let played = format!("return document.body.dataset.played === '{tune}'");
        self.browser.until(&format!("the page plays {tune}"), &played).await;
    }

    /// Logs out and closes the window.
    pub async fn leaves(self) {
        self.press("form[action='/logout'] button").await;
        self.arrived("/login").await;
        self.browser.close().await;
    }

    /// A text of the catalogue.
    pub fn t(&self, id: &str, values: &[(&str, &str)]) -> String {
        self.words.text(id, values)
    }

    /// The name of a word.
    pub fn word(&self, group: &str, word: &str) -> String {
        self.words.word(group, word)
    }

    /// Waits until a page with this path is there, read to its end.
    pub async fn arrived(&self, path: &str) {
        let wanted = json!(path);
        let there = if path == "/" {
            "location.pathname === '/'".to_owned()
        } else {
            format!("location.pathname.startsWith({wanted})")
        };
        let script = format!("return {there} && document.readyState === 'complete'");
        self.waits(&format!("is not {path}"), &script).await;
    }

    /// Presses a link or a button; with the keyboard by its own key, where it has one that works here.
    pub async fn press(&self, selector: &str) {
        match self.hand {
            Hand::Mouse => self.browser.click(selector).await,
            Hand::Keyboard => {
                let key = self.key_of(selector).await;
                match key.as_deref() {
                    Some("F2") => self.browser.keys(F2).await,
                    Some(key) => self.browser.keys(key).await,
                    None => {
                        self.browser.tab_to(selector).await;
                        self.browser.keys(ENTER).await;
                    }
                }
            }
        }
    }

    /// The key of a link or a button outside of lists, where no field has the focus and the page runs its script.
    async fn key_of(&self, selector: &str) -> Option<String> {
        let look = format!(
            "const one = document.querySelector({}); \
             return document.documentElement.classList.contains('keys') && one && !one.closest('[data-keys]') \
             && !document.activeElement.closest('input, textarea, select') ? one.getAttribute('aria-keyshortcuts') : null",
            json!(selector)
        );
        self.browser.run(&look).await.as_str().map(str::to_owned)
    }

    /// Presses a link or a button that leads to another page.
    pub async fn follow(&self, selector: &str, path: &str) {
        self.browser.run("document.documentElement.dataset.before = ''").await;
        self.press(selector).await;
        let gone = "return document.documentElement.dataset.before === undefined";
        self.waits(&format!("is still there after {selector}"), gone).await;
        self.arrived(path).await;
    }

    /// Follows a line of the menu.
    pub async fn menu(&self, path: &str) {
        let link = format!("nav a[href='{path}']");
        self.shows(&link).await;
        self.follow(&link, path).await;
    }

    /// Types into a field, over what stands there.
    pub async fn fill(&self, selector: &str, text: &str) {
        self.reach(selector).await;
        self.browser.chord(CONTROL, "a").await;
        self.browser.keys(text).await;
    }

    /// Sets or clears a mark.
    pub async fn tick(&self, selector: &str) {
        match self.hand {
            Hand::Mouse => self.browser.click(selector).await,
            Hand::Keyboard => {
                self.browser.tab_to(selector).await;
                self.browser.keys(" ").await;
            }
        }
    }

    /// Chooses the second of two that exclude each other.
    pub async fn choose_second(&self, name: &str) {
        let both = format!("input[name={name}]");
        match self.hand {
            Hand::Mouse => self.browser.click(&format!("label ~ label {both}")).await,
            Hand::Keyboard => {
                self.browser.tab_to(&both).await;
                self.browser.keys(ARROWS[3]).await;
            }
        }
    }

    /// Chooses the option of a list that has this text, else the first that contains it.
    pub async fn pick(&self, selector: &str, text: &str) {
        let look = format!(
            "const list = document.querySelector({}); const text = {}; const all = [...list.options]; \
             const same = all.findIndex((one) => one.textContent.trim() === text); return [list.selectedIndex, \
             same >= 0 ? same : all.findIndex((one) => one.textContent.includes(text))]",
            json!(selector),
            json!(text)
        );
        let places = self.browser.run(&look).await;
        let (at, to) = (places[0].as_i64().unwrap_or(0), places[1].as_i64().unwrap_or(-1));
        assert!(to >= 0, "{selector} has {text}");
        match self.hand {
            Hand::Mouse => self.browser.click(&format!("{selector} option:nth-child({})", to + 1)).await,
            Hand::Keyboard => {
                self.browser.tab_to(selector).await;
                let arrow = if to < at { ARROWS[1] } else { ARROWS[3] };
                let count = usize::try_from((to - at).abs()).expect("it is positive");
                self.browser.keys(&arrow.repeat(count)).await;
            }
        }
        assert_eq!(self.browser.run(&look).await[0], json!(to), "{text} is chosen in {selector}");
    }

    /// Chooses a room as one that has to act.
    pub async fn addresses(&self, code: &str) {
        let look = format!(
            "return [...document.querySelectorAll('.rooms label')].find((one) => \
             one.textContent.includes({})).querySelector('select').name",
            json!(code)
        );
        let name = self.browser.run(&look).await;
        self.pick(&format!("select[name={name}]"), &self.word("address", "action")).await;
    }

    /// Types a time so many minutes before the one that the page shows into a field of a time.
    pub async fn fill_time(&self, selector: &str, minutes_ago: u32) {
        let look = format!(
            "return new Date(Number(document.body.dataset.now) + (8 * 60 - {minutes_ago}) * 60000).toISOString()"
        );
        let time = self.browser.run(&look).await.as_str().expect("a time is text").to_owned();
        let part = |from: usize, to: usize| time[from..to].to_owned();
        let hour: u32 = part(11, 13).parse().expect("an hour");
        let (hour, half) = ((hour + 11) % 12 + 1, if hour < 12 { "A" } else { "P" });
        self.reach(selector).await;
        // Month, day, year, hour, minute, second, half of the day; the hand may have come down on any of them.
        let first = ARROWS[0].repeat(7);
        let keys = format!(
            "{first}{}{}{}{}{hour:02}{}{}{half}",
            part(5, 7),
            part(8, 10),
            part(0, 4),
            ARROWS[2],
            part(14, 16),
            part(17, 19)
        );
        self.browser.keys(&keys).await;
        let look = format!("return document.querySelector({}).value", json!(selector));
        let shown = self.browser.run(&look).await.as_str().unwrap_or_default().to_owned();
        // A field leaves out seconds that are zero.
        assert!(shown.len() >= 16 && time.starts_with(&shown), "{selector} holds {shown}, not {time}");
    }

    /// Marks the row of a list that leads to this page.
    async fn mark(&self, page: &str) {
        let marked = format!("return document.querySelector('tr.here a[href={}]') !== null", json!(page));
        for _ in 0..20 {
            self.browser.keys("j").await;
            if self.browser.run(&marked).await == json!(true) {
                return;
            }
        }
        panic!("no row leads to {page}");
    }

    /// Opens a message from a list of messages.
    pub async fn open_row(&self, id: &str) {
        let page = format!("/messages/{id}");
        self.shows(&format!("main tr a[href='{page}']")).await;
        match self.hand {
            Hand::Mouse => self.follow(&format!("main tr a[href='{page}']"), &page).await,
            Hand::Keyboard => {
                self.mark(&page).await;
                self.browser.keys(ENTER).await;
                self.arrived(&page).await;
            }
        }
    }

    /// 签收 of the message that is open.
    pub async fn acknowledges(&self) {
        self.press("button[aria-keyshortcuts=a]").await;
        self.lacks("button[aria-keyshortcuts=a]").await;
    }

    /// Sends what is written; gives the message's id.
    pub async fn sends(&self) -> String {
        self.follow("button[name=order][value=send]", "/messages/").await;
        let path = self.browser.path().await;
        let id = path.strip_prefix("messages/").and_then(|rest| rest.split('?').next());
        id.expect("a page of a message").to_owned()
    }

    /// Waits until the page says this.
    pub async fn sees(&self, text: &str) {
        let said = format!("return document.body.innerText.includes({})", json!(text));
        self.waits(&format!("does not say {text:?}"), &said).await;
    }

    /// Waits until the page shows something that this finds.
    pub async fn shows(&self, selector: &str) {
        let there = format!("return document.querySelector({}) !== null", json!(selector));
        self.waits(&format!("does not show {selector}"), &there).await;
    }

    /// Waits until the page shows nothing of the kind.
    pub async fn lacks(&self, selector: &str) {
        let gone = format!("return document.querySelector({}) === null", json!(selector));
        self.waits(&format!("shows {selector}"), &gone).await;
    }

    /// Waits until a script gives true; says what the page has instead.
    async fn waits(&self, fault: &str, script: &str) {
        let is_so = async || (self.browser.run(script).await == json!(true)).then_some(());
        let found = tokio::time::timeout(PATIENCE / 2, until(fault, PATIENCE, is_so)).await;
        assert!(found.is_ok(), "the page {fault}: {}", self.browser.text().await);
    }

    /// What stands in the first place that this finds.
    pub async fn reads(&self, selector: &str) -> String {
        let look = format!("return document.querySelector({})?.innerText ?? ''", json!(selector));
        self.browser.run(&look).await.as_str().unwrap_or_default().to_owned()
    }

    /// From the page of a message's receipts: the check is computed anew, the certificate opens in a window of its own and
    /// is printed on A4. Gives how many pages that are.
    pub async fn checks_and_prints(&self, id: &str) -> usize {
        self.follow(&format!("form[action='/messages/{id}/verify'] button"), "/messages/").await;
        self.sees(&self.t("receipts-valid", &[])).await;
        self.picture("valid").await;
        let [here] = self.browser.windows().await.try_into().expect("one window");
        self.press(&format!("a[href='/messages/{id}/certificate']")).await;
        let paper = until("the certificate is there", PATIENCE, async || {
            self.browser.windows().await.into_iter().find(|window: &Value| *window != here)
        })
        .await;
        self.browser.show(&paper).await;
        self.sees(&self.t("certificate-title", &[])).await;
        assert!(self.browser.text().await.contains(id), "it names the message");
        let path = self.picture("certificate").await.with_extension("pdf");
        let pages = self.browser.print(&path).await;
        self.browser.leave_window().await;
        self.browser.show(&here).await;
        pages
    }

    /// Keeps a picture of the page; gives where.
    pub async fn picture(&self, step: &str) -> PathBuf {
        let (place, name) = &self.pictures;
        let number = self.steps.fetch_add(1, Ordering::Relaxed);
        let path = place.join(format!("{name}-{number:02}-{step}.png"));
        self.browser.picture(&path).await;
        path
    }

    /// Puts the focus there.
    async fn reach(&self, selector: &str) {
        match self.hand {
            Hand::Mouse => self.browser.click(selector).await,
            Hand::Keyboard => self.browser.tab_to(selector).await,
        }
    }
}
