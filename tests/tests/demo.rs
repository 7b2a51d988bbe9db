//! The demo, as a newcomer types it: every expectation holds, the document has the promised shape, and nothing is left
//! behind, neither a process nor a directory.

use std::{collections::BTreeSet, fs, path::Path, time::Duration};

use hyper::Method;
use node::control::view;
use rustix::process::{Pid, Signal, kill_process};
use serde::Deserialize;
use tests::{
    cluster::{LONG, command, text, until},
    console::ask,
};
use tokio::process::Child;

const PROGRAM: &str = env!("CARGO_BIN_EXE_tests");

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    network: String,
    rooms: Vec<Room>,
    scenarios: Vec<Scenario>,
    elapsed_ms: u64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Room {
    id: String,
    code: String,
    name: String,
    dir: String,
    pid: u32,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Scenario {
    name: String,
    ok: bool,
    checks: Vec<Check>,
    messages: Vec<Message>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Check {
    what: String,
    ok: bool,
    got: serde_json::Value,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Message {
    id: String,
    kind: String,
    precedence: String,
    origin: String,
    recipients: Vec<serde_json::Value>,
    receipts: Vec<Receipt>,
}

/// As `receipts ID` prints it: these, and more that the operator's view needs.
#[derive(Debug, Deserialize)]
struct Receipt {
    event: String,
    recipient: String,
    issuer: String,
    at_ms: i64,
    officer: Option<String>,
}

/// Processes whose command line names this path.
fn processes_of(path: &Path) -> Vec<String> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let lines = entries.filter_map(|entry| fs::read(entry.path().join("cmdline")).ok());
    lines
        .map(|line| String::from_utf8_lossy(&line).replace('\0', " "))
        .filter(|line| line.contains(text(path)))
        .collect()
}

fn entries(path: &Path) -> Vec<String> {
    fs::read_dir(path)
        .unwrap()
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_holds_what_it_promises_and_leaves_nothing_behind() {
    let place = tempfile::tempdir().unwrap();
    let environment = [("TMPDIR", text(place.path())), ("YICHUAN_EXE", PROGRAM)];
    let said = command::run_in(Path::new(PROGRAM), &["demo", "--once", "--json"], "", &environment).await;
    assert_eq!(said.code, 0, "{said:?}");
    let document: Document = said.json();
    assert!(!document.network.is_empty());
    let codes: BTreeSet<&str> = document.rooms.iter().map(|room| room.code.as_str()).collect();
    assert_eq!(codes.len(), 7);
    assert!(codes.is_superset(&BTreeSet::from(["410000", "410100", "411300", "410122", "411322", "411323"])));
    let pids: BTreeSet<u32> = document.rooms.iter().map(|room| room.pid).collect();
    let dirs: BTreeSet<&str> = document.rooms.iter().map(|room| room.dir.as_str()).collect();
    assert_eq!((pids.len(), dirs.len()), (7, 7), "seven processes, seven directories");
    assert!(document.rooms.iter().all(|room| !room.id.is_empty() && !room.name.is_empty()));
    let names: Vec<&str> = document.scenarios.iter().map(|scenario| scenario.name.as_str()).collect();
    assert_eq!(names, ["report", "verify", "outage", "proof"]);
    for scenario in &document.scenarios {
        assert!(scenario.ok && !scenario.checks.is_empty() && !scenario.messages.is_empty(), "{scenario:?}");
        for check in &scenario.checks {
            assert!(check.ok && !check.what.is_empty() && !check.got.is_null(), "{check:?}");
        }
        scenario.messages.iter().for_each(assert_message);
    }
    let officers = document.scenarios.iter().flat_map(|s| &s.messages).flat_map(|m| &m.receipts);
    assert!(officers.clone().any(|receipt| receipt.event == "acknowledged"));
    assert!(officers.clone().filter(|r| r.event == "acknowledged").all(|receipt| receipt.officer.is_some()));
    assert!(document.elapsed_ms < 60_000, "{} ms", document.elapsed_ms);
    assert_eq!(entries(place.path()), Vec::<String>::new(), "no directory is left behind");
    assert_eq!(processes_of(place.path()), Vec::<String>::new(), "no process is left behind");
}

fn assert_message(message: &Message) {
    assert!(!message.id.is_empty() && !message.kind.is_empty() && !message.origin.is_empty(), "{message:?}");
    assert!(
        ["flash", "immediate", "priority", "routine"].contains(&message.precedence.as_str()),
        "{message:?}"
    );
    assert!(!message.recipients.is_empty(), "{message:?}");
    let events: Vec<&str> = message.receipts.iter().map(|receipt| receipt.event.as_str()).collect();
    assert!(events.contains(&"accepted") && events.contains(&"delivered"), "{message:?}");
    assert!(
        message
            .receipts
            .iter()
            .all(|r| r.at_ms > 1_700_000_000_000 && !r.issuer.is_empty() && !r.recipient.is_empty())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kept_demo_leaves_anchor_cards_and_rooms_that_run() {
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().join("kept");
    let arguments = ["--dir", text(&dir), "demo", "--once", "--keep", "--json", "--scenario", "verify"];
    let said = command::run_in(Path::new(PROGRAM), &arguments, "", &[("YICHUAN_EXE", PROGRAM)]).await;
    let document: Document = said.json();
    assert_eq!(document.scenarios.len(), 1);
    assert!(fs::read_to_string(dir.join("anchor")).unwrap().contains("BEGIN CERTIFICATE"));
    let cards: Vec<serde_json::Value> =
        serde_json::from_slice(&fs::read(dir.join("cards.json")).unwrap()).unwrap();
    assert!(!cards.is_empty());
    for card in &cards {
        for key in ["room", "officer", "role", "password"] {
            assert!(card[key].as_str().is_some_and(|value| !value.is_empty()), "{key} in {card}");
        }
    }
    assert_eq!(processes_of(&dir), Vec::<String>::new());
    let room = document.rooms.iter().find(|room| room.code == "411322").unwrap();
    let log = place.path().join("log");
    let county = tests::cluster::Room::new(vec![PROGRAM.into()], "411322", room.dir.clone().into(), log);
    // Another demo may have its port by now.
    county.configure(|config| config.console = None);
    county.start().await;
    let inbox = county.inbox().await;
    assert!(inbox.iter().any(|line| line.kind == "verify.request"), "{inbox:?}");
}

/// A demo that runs, with its throw-away files here, and what it has printed.
async fn begun(place: &Path) -> (Child, String) {
    let log = fs::File::create(place.join("account")).unwrap();
    let errors = log.try_clone().unwrap();
    let mut demo = tokio::process::Command::new(PROGRAM)
        .args(["demo", "--scenario", "report", "--lang", "zh"])
        .envs([("TMPDIR", text(place)), ("YICHUAN_EXE", PROGRAM)])
        .env_remove("YICHUAN_DIR")
        .stdout(log)
        .stderr(errors)
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let account = || fs::read_to_string(place.join("account")).unwrap();
    let begins = async {
        while !is_whole(&account()) {
            let ended = demo.try_wait().unwrap();
            assert_eq!(ended, None, "the demo has ended: {}", account());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    assert!(tokio::time::timeout(4 * LONG, begins).await.is_ok(), "the demo stands still: {}", account());
    let began = account();
    (demo, began)
}

/// Whether the cards of all seven rooms are there, to the end of their last line.
fn is_whole(account: &str) -> bool {
    const ORDER: &str = "inbox --all\n";
    let cards = account.split_once("Ctrl-C").map_or("", |(_, cards)| cards);
    cards.matches(ORDER).count() == 7 && cards.ends_with('\n') && !cards.ends_with(ORDER)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_demo_that_is_terminated_ends_its_nodes_and_leaves_nothing_behind() {
    let place = tempfile::tempdir().unwrap();
    let (mut demo, _) = begun(place.path()).await;
    let nodes = processes_of(place.path()).into_iter().filter(|line| line.contains("--dir")).count();
    assert_eq!(nodes, 7, "{:?}", processes_of(place.path()));
    let pid = demo.id().and_then(|pid| Pid::from_raw(pid.cast_signed())).unwrap();
    kill_process(pid, Signal::TERM).unwrap();
    assert_eq!(demo.wait().await.unwrap().code(), Some(0));
    assert_eq!(processes_of(place.path()), Vec::<String>::new(), "no process is left behind");
    assert_eq!(entries(place.path()), ["account"], "no directory is left behind");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_demo_serves_a_console_in_every_room_and_obeys_another_terminal_to_its_end() {
    let place = tempfile::tempdir().unwrap();
    let environment = [("TMPDIR", text(place.path())), ("YICHUAN_EXE", PROGRAM)];
    let nothing =
        command::run_in(Path::new(PROGRAM), &["demo", "cut", "南阳", "--json"], "", &environment).await;
    assert_eq!((nothing.code, nothing.problem().code.as_str()), (3, "demo_not_running"));
    let (mut demo, account) = begun(place.path()).await;
    let addresses: BTreeSet<&str> = account
        .lines()
        .filter_map(|line| line.trim().strip_prefix("http://"))
        .filter(|address| address.starts_with("127.0.0.1:"))
        .collect();
    assert_eq!(addresses.len(), 7, "{account}");
    let card = account.lines().find_map(|line| line.trim().strip_prefix("马超群 (值班员) ")).unwrap();
    let password = card.split(' ').next().unwrap();
    let body = format!("officer=%E9%A9%AC%E8%B6%85%E7%BE%A4&password={password}");
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let mut entered = Vec::new();
    for address in &addresses {
        let login = ask(address, Method::GET, "/login", &[], "").await.unwrap();
        assert!(login.body.contains("演示网络"), "{login:?}");
        let said = ask(address, Method::POST, "/login", &form, &body).await.unwrap();
        entered.extend((said.status == 303).then_some(*address));
    }
    assert_eq!(entered.len(), 1, "a card opens its own room and none other: {entered:?}");

    let order = async |verb: &str| {
        let said =
            command::run_in(Path::new(PROGRAM), &["demo", verb, "南阳", "--json"], "", &environment).await;
        assert_eq!(said.code, 0, "{said:?}");
        let dir = entries(place.path()).into_iter().find(|name| name.starts_with("yichuan-")).unwrap();
        let dir = place.path().join(dir).join("411300");
        let wanted = if verb == "cut" { "cut" } else { "up" };
        until(&format!("after {verb} the line is {wanted}"), LONG, async || {
            let status = ["--dir", text(&dir), "status", "--json"];
            let status: view::Status = command::run(Path::new(PROGRAM), &status).await.json();
            let parent = status.links.iter().find(|link| link.role == "parent").unwrap();
            (parent.state == wanted).then_some(())
        })
        .await;
    };
    order("cut").await;
    order("heal").await;
    let down = command::run_in(Path::new(PROGRAM), &["demo", "down", "--json"], "", &environment).await;
    assert_eq!(down.code, 0, "{down:?}");
    assert_eq!(demo.wait().await.unwrap().code(), Some(0));
    assert_eq!(entries(place.path()), ["account"], "no directory is left behind");
}
