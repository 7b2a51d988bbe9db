//! Promise 8, the people: every refusal says what, why and what to do, in Chinese and in English, with the exit code
//! that scripts rely on; and what was refused has changed nothing.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use certs::{authority::Authority, enrolment::Invitation};
use node::clock::Clock;
use tests::{
    cluster::{Cluster, Letter, Network, Outcome, Shared, command, text},
    peer::Keys,
};

const PROGRAM: &str = env!("CARGO_BIN_EXE_tests");

/// What no message may be found to say.
const NEVER_SENT: &str = "从未发出";

static SHARED: Shared = Shared::new();

/// Three rooms, and three more that stand on the map and have not joined.
fn network() -> Network {
    let mut network = Network::three();
    network.add("411323", "西峡县政府总值班室", "county", Some("411300")).joins = false;
    network.add("411326", "方城县公安局值班室", "department", Some("411322")).joins = false;
    network.add("410100", "郑州市政府总值班室", "city", Some("410000")).joins = false;
    network
}

async fn shared() -> Arc<Cluster> {
    SHARED.cluster(PROGRAM, network).await
}

fn is_chinese(text: &str) -> bool {
    text.chars().any(|letter| ('\u{4e00}'..='\u{9fff}').contains(&letter))
}

/// That a command fails with this exit code and code, said in full for programs and for people of both languages.
async fn assert_refused(cluster: &Cluster, arguments: &[&str], exit: i32, code: &str) {
    let said = cluster.command(&[arguments, &["--json"]].concat()).await;
    let problem = said.problem();
    assert_eq!((said.code, problem.code.as_str()), (exit, code), "{arguments:?}: {said:?}");
    for (language, chinese) in [("zh", true), ("en", false)] {
        let said = cluster.command(&[arguments, &["--lang", language]].concat()).await;
        assert_eq!(said.code, exit, "{said:?}");
        assert!(said.err.contains(&format!("[{code}]")) && said.err.lines().count() >= 3, "{said:?}");
        let first = said.err.lines().find(|line| line.contains(&format!("[{code}]"))).unwrap_or_default();
        assert!(is_chinese(first) || !chinese, "{said:?}");
    }
}

fn file(cluster: &Cluster, name: &str, content: &str) -> PathBuf {
    let path = cluster.place().join(name);
    fs::write(&path, content).unwrap();
    path
}

/// A report with this marking and these attachments.
fn report(marking: &str, attachments: &str) -> String {
    format!(
        "kind = \"report\"\nstage = \"first\"\ntitle = \"火灾\"\noccurred_at = \"不明\"\nwhat = \"情况不明\"\n\
         marking = \"{marking}\"\nattachments = [{attachments}]\n[place]\ntext = \"方城县\"\n"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_rooms_and_wrong_ways_are_named() {
    let cluster = shared().await;
    let dir = text(cluster.room("411322").dir());
    let cases: &[(&[&str], i32, &str)] = &[
        (&["send", "report", "--to", "999999", "--text", NEVER_SENT], 2, "room_unknown"),
        (&["send", "report", "--to", "不存在的值班室", "--text", NEVER_SENT], 2, "room_unknown"),
        (&["send", "report", "--to", "方城县", "--text", NEVER_SENT], 2, "room_ambiguous"),
        (
            &["send", "instruction", "--to", "411300", "--text", NEVER_SENT],
            4,
            "policy.flow.down.not_superior",
        ),
        (&["send", "notify", "--to", "411323", "--text", NEVER_SENT], 4, "policy.flow.lateral.not_related"),
        (&["send", "report", "--to", "410000", "--text", NEVER_SENT], 4, "skip_level_reason"),
        (
            &["send", "report", "--to", "411300", "--text", NEVER_SENT, "--expires-in", "40d"],
            2,
            "usage_value",
        ),
        (&["show", "00000000"], 1, "envelope_unknown"),
        (&["receipts", "00000000"], 1, "envelope_unknown"),
        (&["invite", "411300"], 4, "room_not_a_child"),
        (&["ping", "411323", "--timeout", "1s"], 3, "no_echo"),
        (&["queue", "retry", "00000000"], 1, "envelope_unknown"),
    ];
    for (arguments, exit, code) in cases {
        assert_refused(&cluster, &[&["--dir", dir], *arguments].concat(), *exit, code).await;
    }
    let outbox: Vec<serde_json::Value> = cluster.at("411322", &["outbox", "--json"]).await.json();
    assert!(outbox.iter().all(|line| line["title"] != NEVER_SENT), "{outbox:?}");
    let ping = cluster.at("411322", &["ping", "410000", "--json"]).await;
    assert_eq!(ping.code, 0, "the control: {ping:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_typed_wrong_is_answered_with_what_may_be_typed() {
    let cluster = shared().await;
    let nowhere = cluster.place().join("nowhere");
    let dir = text(&nowhere);
    let cases: &[(&[&str], i32, &str)] = &[
        (&["status"], 2, "directory_needed"),
        (&["--dir", dir, "status"], 3, "not_running"),
        (&["--dir", dir, "inbox"], 3, "not_running"),
        (&["--dir", dir, "run"], 1, "directory_missing"),
        (&["--dir", dir, "invite"], 2, "usage_missing"),
        (&["--dir", dir, "send", "gossip", "--to", "411300", "--text", "x"], 2, "usage_value"),
        (
            &["--dir", dir, "send", "report", "--to", "411300", "--text", "x", "--precedence", "now"],
            2,
            "usage_value",
        ),
        (&["--dir", dir, "gossip"], 2, "usage_unknown_command"),
        (&["--dir", dir, "inbox", "--gossip"], 2, "usage_unknown_argument"),
        (&["demo", "--once", "--keep"], 2, "demo_keep_needs_dir"),
    ];
    for (arguments, exit, code) in cases {
        assert_refused(&cluster, arguments, *exit, code).await;
    }
    assert!(!nowhere.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn state_secrets_and_what_is_too_large_do_not_leave_the_desk() {
    let cluster = shared().await;
    let dir = text(cluster.room("411322").dir());
    let send = ["--dir", dir, "send", "report", "--to", "411300", "--file"];
    fs::write(cluster.place().join("large.bin"), vec![1; 8 * 1024 * 1024 + 1]).unwrap();
    fs::write(cluster.place().join("small.bin"), vec![1; 1000]).unwrap();
    let cases = [
        ("secret-1.toml", report("秘密", ""), 4, "state_secret"),
        ("secret-2.toml", report("机密", ""), 4, "state_secret"),
        ("secret-3.toml", report("绝密", ""), 4, "state_secret"),
        ("secret-4.toml", report("top secret", ""), 4, "state_secret"),
        ("word.toml", report("公开的", ""), 1, "message_syntax"),
        ("large.toml", report("internal", "\"large.bin\""), 1, "attachments_too_large"),
        ("missing.toml", report("internal", "\"none.bin\""), 1, "attachment_unreadable"),
        ("syntax.toml", "kind = ".to_owned(), 1, "message_syntax"),
        ("untitled.toml", report("internal", "").replace("title = \"火灾\"\n", ""), 1, "message_required"),
    ];
    for (name, content, exit, code) in cases {
        let path = file(&cluster, name, &content);
        assert_refused(&cluster, &[&send[..], &[text(&path)]].concat(), exit, code).await;
    }
    let marked = cluster
        .at("411322", &["send", "report", "--to", "411300", "--text", "绝密★启用前 情况", "--json"])
        .await;
    assert_eq!((marked.code, marked.problem().code.as_str()), (4, "state_secret"));
    let control = file(&cluster, "good.toml", &report("内部", "\"small.bin\""));
    let sent = cluster.command(&[&send[..], &[text(&control)]].concat()).await;
    assert_eq!(sent.code, 0, "the control: {sent:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_officer_with_a_wrong_password_signs_nothing() {
    let cluster = shared().await;
    let (county, city) = (cluster.room("411322"), cluster.room("411300"));
    let right = file(&cluster, "right", "一个足够长的口令\n");
    let wrong = file(&cluster, "wrong", "另一个足够长的口令\n");
    let added = cluster
        .at("411300", &["officer", "add", "李明", "--role", "duty_officer", "--password-file", text(&right)])
        .await;
    assert_eq!(added.code, 0, "{added:?}");
    let id = county.send(&Letter::test("report", &["411300"], "请签收")).await;
    city.has_in_inbox(&id).await;
    let ack = |officer, password| {
        ["ack", &id, "--officer", officer, "--password-file", password, "--json"].map(str::to_owned)
    };
    for (officer, password, code) in
        [("李明", text(&wrong), "officer_wrong_password"), ("王芳", text(&right), "officer_unknown")]
    {
        let arguments = ack(officer, password);
        let said = cluster.at("411300", &arguments.each_ref().map(String::as_str)).await;
        assert_eq!((said.code, said.problem().code.as_str()), (1, code), "{said:?}");
    }
    assert!(!county.events(&id).await.iter().any(|(event, _)| event == "acknowledged"));
    let arguments = ack("李明", text(&right));
    let said = cluster.at("411300", &arguments.each_ref().map(String::as_str)).await;
    assert_eq!(said.code, 0, "the control: {said:?}");
    assert_eq!(county.receipt(&id, "acknowledged").await.officer.as_deref(), Some("李明"));
    let said = cluster.at("411300", &arguments.each_ref().map(String::as_str)).await;
    assert_eq!(said.problem().code, "already_done", "once each");
}

async fn join(cluster: &Cluster, token: &str, name: &str) -> Outcome {
    let dir = cluster.place().join(name);
    cluster.command(&["--dir", text(&dir), "join", token, "--json"]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn invitations_that_are_expired_used_foreign_or_mistyped_are_refused() {
    let cluster = shared().await;
    let city = Keys::of(cluster.room("411300").dir());
    let token = cluster.invite("411323").await;
    let mut mistyped = token.clone().into_bytes();
    let middle = mistyped.len() / 2;
    mistyped[middle] = if mistyped[middle] == b'A' { b'B' } else { b'A' };
    let mistyped = String::from_utf8(mistyped).unwrap();
    let now = Clock::wall().as_ms();
    let (room, dns, address) = (
        city.room_of("411323"),
        city.map().dns_name(city.room).unwrap(),
        city.address_of(city.room).to_string(),
    );
    let other = Authority::create("hubei", now).unwrap();
    let of_other_network =
        Invitation::new("hubei", room, &dns, &address, other.root(), now + 60_000).to_text();
    let never_made = Invitation::new("henan", room, &dns, &address, &city.trust.root, now + 60_000).to_text();
    let expired = Invitation::new("henan", room, &dns, &address, &city.trust.root, now - 60_000).to_text();
    let nobody_there =
        Invitation::new("henan", room, &dns, "127.0.0.1:9", &city.trust.root, now + 60_000).to_text();
    for (what, token, exit, code) in [
        ("mistyped", mistyped.as_str(), 1, "invite_mistyped"),
        ("cut short", &token[..token.len() - 3], 1, "invite_mistyped"),
        ("no token", "hello", 1, "invite_mistyped"),
        ("of a later version", "yc2-abc", 1, "invite_version"),
        ("of another network", &of_other_network, 1, "invite_foreign"),
        ("never made", &never_made, 1, "invite_unknown"),
        ("expired", &expired, 1, "invite_expired"),
        ("of a parent that is away", &nobody_there, 3, "parent_unreachable"),
    ] {
        let said = join(&cluster, token, "newcomer").await;
        assert_eq!((said.code, said.problem().code.as_str()), (exit, code), "{what}: {said:?}");
        assert!(!cluster.place().join("newcomer/config.toml").exists(), "{what} leaves nothing behind");
    }
    let joined = join(&cluster, &token, "newcomer").await;
    assert_eq!(joined.code, 0, "the control: {joined:?}");
    let again = join(&cluster, &token, "second").await;
    assert_eq!(again.problem().code, "invite_used");
    let taken = join(&cluster, &token, "newcomer").await;
    assert_eq!(taken.problem().code, "directory_taken");
    let late = cluster.at("411300", &["invite", "411323", "--ttl", "1s", "--trust-token", "--json"]).await;
    let late: serde_json::Value = late.json();
    let late = late["token"].as_str().unwrap().to_owned();
    tests::cluster::until_true("the invitation runs out", tests::cluster::LONG, async || {
        Clock::wall().as_ms() > now
            && Invitation::parse(&late).unwrap().check_time(Clock::wall().as_ms()).is_err()
    })
    .await;
    assert_eq!(join(&cluster, &late, "third").await.problem().code, "invite_expired");
}

/// A map that a person might write, with one thing wrong.
fn maps() -> Vec<(&'static str, String, &'static str)> {
    let good = Network::three().map_file();
    let with = |from: &str, to: &str| {
        assert!(good.contains(from), "{from}");
        good.replacen(from, to, 1)
    };
    let two_roots = format!(
        "{good}\n[[room]]\ncode = \"420000\"\nname = \"湖北省\"\nlevel = \"province\"\naddress = \"127.0.0.1:9\"\n"
    );
    vec![
        ("a circle", with("parent = \"410000\"", "parent = \"411322\""), "map.toml"),
        ("two roots", two_roots, "root"),
        ("an orphan", with("parent = \"411300\"", "parent = \"419999\""), "419999"),
        ("a code twice", with("code = \"411322\"", "code = \"411300\""), "411300"),
        ("an unknown key", with("level = \"city\"", "level = \"city\"\nlevle = \"x\""), "levle"),
        ("an unknown level", with("level = \"city\"", "level = \"village\""), "village"),
        ("no TOML", with("version = 1", "version = "), "TOML"),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_map_with_a_mistake_makes_no_network_and_names_the_line() {
    let place = tempfile::tempdir().unwrap();
    let map = place.path().join("map.toml");
    let net = place.path().join("net");
    let program = Path::new(PROGRAM);
    let init = ["network", "init", text(&net), "--map", text(&map), "--json"];
    for (what, content, named) in maps() {
        fs::write(&map, content).unwrap();
        let said = command::run(program, &init).await;
        let problem = said.problem();
        assert_eq!((said.code, problem.code.as_str()), (1, "map_file_invalid"), "{what}: {said:?}");
        let whole = format!("{} {}", problem.what, problem.why);
        assert!(whole.contains(named) && whole.contains("map.toml:"), "{what}: {whole}");
        assert!(!net.exists(), "{what} leaves nothing behind");
    }
    fs::write(&map, Network::three().map_file()).unwrap();
    assert_eq!(command::run(program, &init).await.code, 0, "the control");
    assert_eq!(command::run(program, &init).await.problem().code, "network_exists");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_crashes_leaves_no_core_with_keys_in_it() {
    let cluster = Cluster::start(PROGRAM, Network::three()).await;
    let limits =
        fs::read_to_string(format!("/proc/{}/limits", cluster.room("411300").pid().unwrap())).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().skip(4).take(2).collect::<Vec<_>>(), ["1", "1"], "{core}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_cannot_run_says_why_and_leaves_everything_as_it_was() {
    let cluster = Cluster::start(PROGRAM, Network::three()).await;
    let city = cluster.room("411300");
    let second = cluster.at("411300", &["run", "--json"]).await;
    assert_eq!((second.code, second.problem().code.as_str()), (1, "already_running"));
    let pid = city.pid().unwrap().to_string();
    assert!(second.err.contains(&pid), "the holder is named: {second:?}");
    city.link_is("410000", "up").await;
    city.stop().await;
    let listen = Keys::of(city.dir()).address_of(Keys::of(city.dir()).room);
    let taken = std::net::UdpSocket::bind(listen).unwrap();
    let run = cluster.at("411300", &["run", "--json"]).await;
    assert_eq!((run.code, run.problem().code.as_str()), (1, "port_in_use"));
    assert!(run.err.contains(&listen.to_string()));
    drop(taken);
    for key in ["tls.pem", "signing.pem", "sealing.pem", "issuing.pem", "storage.key"] {
        let path = city.dir().join("keys").join(key);
        fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        let run = cluster.at("411300", &["run", "--json"]).await;
        assert_eq!((run.code, run.problem().code.as_str()), (1, "key_too_open"), "{key}");
        assert!(run.err.contains(key), "{run:?}");
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        let kept = fs::read(&path).unwrap();
        fs::remove_file(&path).unwrap();
        let run = cluster.at("411300", &["run", "--json"]).await;
        assert_eq!((run.code, run.problem().code.as_str()), (1, "key_missing"), "{key}");
        fs::write(&path, &kept).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    }
    let config = city.dir().join("config.toml");
    let kept = fs::read_to_string(&config).unwrap();
    fs::write(&config, format!("colour = 1\n{kept}")).unwrap();
    let run = cluster.at("411300", &["run", "--json"]).await;
    assert_eq!((run.code, run.problem().code.as_str()), (2, "config_invalid"));
    assert!(run.err.contains("colour"), "{run:?}");
    fs::remove_file(&config).unwrap();
    let run = cluster.at("411300", &["run", "--json"]).await;
    assert_eq!(run.problem().code, "config_missing");
    fs::write(&config, kept).unwrap();
    city.start().await;
    cluster.all_links_up().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sent_to_a_room_that_has_not_joined_is_refused_at_once() {
    let cluster = shared().await;
    let said =
        cluster.at("410000", &["send", "instruction", "--to", "410100", "--text", "x", "--json"]).await;
    assert_eq!((said.code, said.problem().code.as_str()), (1, "no_sealing_key"), "{said:?}");
    assert!(said.err.contains("410100"), "{said:?}");
}
