//! How long the console's pages take, and how many bytes they are, with so many messages stored; and how long after its
//! delivery an open page hears of a message. Figures, not a test: they depend on the machine.

use std::{fmt, path::Path, time::Duration};

use http_body_util::BodyExt;
use hyper::Method;
use node::clock::Clock;
use sqlx::{ConnectOptions, Connection, sqlite::SqliteConnectOptions};

use crate::{
    cluster::{Letter, join_all, until_true},
    house::{CITY, COUNTY, House, PASSWORD},
    say,
};

/// The screens that an officer has open.
const SCREENS: [&str; 10] = [
    "/",
    "/inbox",
    "/inbox?all=1",
    "/compose",
    "/cases",
    "/board",
    "/phone",
    "/topology",
    "/queue",
    "/latency",
];
/// What every page loads besides, once.
const ASSETS: [&str; 4] =
    ["/assets/console.css", "/assets/console.js", "/assets/alarm.js", "/assets/watch.js"];
/// Messages at once while the store fills.
const SENDERS: u64 = 64;
/// Each page is asked for so often.
const TIMES: usize = 15;
/// Messages whose event is waited for.
const NOTICES: usize = 20;
/// What nobody has acknowledged, of all.
const OPEN: u64 = 40;
const FILLING: Duration = Duration::from_secs(1800);

/// One page.
#[derive(Debug)]
struct Page {
    path: String,
    bytes: usize,
    /// In order.
    took: Vec<Duration>,
}

/// What was measured.
#[derive(Debug)]
pub struct Pages {
    messages: u64,
    pages: Vec<Page>,
    assets_bytes: usize,
    /// From the stamp of delivery to the event at an open page, milliseconds, in order.
    noticed_ms: Vec<i64>,
}

/// Fills a city with messages of its county, nearly all acknowledged, and asks for its pages.
///
/// # Panics
/// When the rooms do not work.
pub async fn run(program: &Path, messages: u64) -> Pages {
    let program = program.to_str().expect("the program's path is text");
    let mut house = House::open(program, CITY).await;
    house.officer("reader", "duty_officer").await;
    fill(&house, messages).await;
    acknowledged(&house, messages).await;
    house.locate().await;
    let cookie = house.log_in("reader", PASSWORD, "").await.cookie();
    let id = house.cluster.room(COUNTY).send(&Letter::actual("report", &[CITY], "最近的一件")).await;
    house.cluster.room(COUNTY).receipt(&id, "delivered").await;
    let mut pages = Vec::new();
    for path in SCREENS
        .map(str::to_owned)
        .into_iter()
        .chain([format!("/messages/{id}"), format!("/messages/{id}/receipts")])
    {
        let (mut took, mut bytes) = (Vec::new(), 0);
        for _ in 0..TIMES {
            let begun = Clock::instant();
            let said = house.get(&path, &cookie).await;
            took.push(begun.elapsed());
            assert!(said.status.is_success(), "{path}: {said:?}");
            bytes = said.body.len();
        }
        took.sort_unstable();
        pages.push(Page { path: path.replace(&id, "ID"), bytes, took });
    }
    let mut assets_bytes = 0;
    for path in ASSETS {
        assets_bytes += house.get(path, &cookie).await.body.len();
    }
    Pages { messages, pages, assets_bytes, noticed_ms: noticed(&house, &cookie).await }
}

async fn fill(house: &House, messages: u64) {
    let county = house.cluster.room(COUNTY);
    let senders = (0..SENDERS).map(async |sender| {
        for number in (sender..messages).step_by(SENDERS as usize) {
            county.send(&Letter::test("report", &[CITY], &format!("第{number}件"))).await;
        }
    });
    join_all(senders).await;
    let city = house.cluster.room(CITY);
    until_true("everything is delivered", FILLING, async || {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let status: node::control::view::Status =
            city.ask(&node::control::request::Request::Status).await.expect("it runs");
        status.unacknowledged >= messages
    })
    .await;
    say(&format!("{messages} messages are delivered"));
}

/// A year of acknowledgements, as lists see them.
async fn acknowledged(house: &House, messages: u64) {
    let city = house.cluster.room(CITY);
    city.stop().await;
    let mut store = SqliteConnectOptions::new()
        .filename(city.dir().join("node.db"))
        .connect()
        .await
        .expect("the store opens");
    let rows = i64::try_from(messages.saturating_sub(OPEN)).expect("a small number");
    let change = sqlx::query(
        "UPDATE inbox SET acknowledged = 1, alerted = 1 WHERE row IN (SELECT row FROM inbox ORDER BY row LIMIT ?)",
    );
    change.bind(rows).execute(&mut store).await.expect("the store is writable");
    store.close().await.expect("the store closes");
    city.start().await;
    house.cluster.all_links_up().await;
}

async fn noticed(house: &House, cookie: &str) -> Vec<i64> {
    let county = house.cluster.room(COUNTY);
    let mut events = house.begin(Method::GET, "/api/events", &[("cookie", cookie)], "").await.into_body();
    let mut took = Vec::new();
    for _ in 0..NOTICES {
        let id = county.send(&Letter::test("report", &[CITY], "通知")).await;
        let mut heard = String::new();
        while !(heard.contains(&id) && heard.contains("delivered")) {
            let frame = events.frame().await.expect("the stream goes on").expect("the stream is sound");
            heard.push_str(&String::from_utf8_lossy(frame.data_ref().map_or(&[], |bytes| &bytes[..])));
        }
        let now = Clock::wall().as_ms();
        took.push(now - county.receipt(&id, "delivered").await.at_ms);
    }
    took.sort_unstable();
    took
}

impl fmt::Display for Pages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} messages stored, {OPEN} of them not acknowledged", self.messages)?;
        for page in &self.pages {
            let (half, most) = (page.took[page.took.len() / 2], page.took[page.took.len() - 1]);
            writeln!(
                f,
                "{:<24} {:>7.1} ms (longest {:.1}), {:.1} KiB and {:.1} KiB that every page shares",
                page.path,
                half.as_secs_f64() * 1e3,
                most.as_secs_f64() * 1e3,
                page.bytes as f64 / 1024.0,
                self.assets_bytes as f64 / 1024.0
            )?;
        }
        let noticed = &self.noticed_ms;
        write!(
            f,
            "an open page hears of a message {} ms after its delivery (longest {})",
            noticed[noticed.len() / 2],
            noticed[noticed.len() - 1]
        )
    }
}
