//! Operators' safety: text from outside is hostile too. One list of strings goes through every path by which it could reach a
//! terminal or the log: arguments, files, message texts, a peer's hello, receipts, refusals, goodbyes and close reasons. Nothing
//! that a terminal would obey or hide comes out, and no line is forged.

use std::{collections::BTreeMap, fs};

use node::control::request::Request;
use relay::{
    frame::{Frame, Hello, NotTaken},
    receipt::{Event, Reason},
};
use serde_bytes::ByteBuf;
use tests::{
    adversary::County,
    cluster::{Letter, Network, Outcome, command, text},
    peer::{Line, hello},
};
use topology::is_unseen;

const PROGRAM: &str = env!("CARGO_BIN_EXE_tests");

/// What each of them would do to a reader who is not protected.
const HOSTILE: [(&str, &str); 15] = [
    ("clears the screen", "a\u{1b}[2J\u{1b}[Hb"),
    ("fills the clipboard", "a\u{1b}]52;c;cm0gLXJmIC8=\u{7}b"),
    ("sets the title", "a\u{1b}]0;root@hub\u{1b}\\b"),
    ("hides a link", "a\u{1b}]8;;http://evil.example\u{1b}\\click\u{1b}]8;;\u{1b}\\b"),
    ("begins a sequence in one byte", "a\u{9b}31mb"),
    ("goes back and overwrites", "正常\r警报已解除"),
    ("deletes", "a\u{8}\u{8}\u{7f}b"),
    ("rings", "a\u{7}\u{7}b"),
    ("forges a line", "a\n2026-11-27T00:00:00Z ERROR node: all is lost\n处理: 关闭告警"),
    ("forges a line with a separator", "a\u{2028}处理: 关闭告警\u{2029}b"),
    ("turns the reading direction", "photo\u{202e}gpj.exe\u{2066}b\u{2069}"),
    ("marks a direction", "a\u{200f}b\u{61c}c"),
    ("looks like another name", "南阳\u{200b}市\u{feff}政府\u{2060}"),
    ("hides text in tags", "a\u{e0041}\u{e0042}\u{3164}b"),
    ("would be a formula in a spreadsheet", "=HYPERLINK(\"http://evil.example\",\"a\")\t+1"),
];

/// Nothing in it moves, hides or turns anything; each line is one that the program began.
fn assert_safe(path: &str, what: &str, said: &str) {
    let unseen: Vec<char> = said.chars().filter(|c| *c != '\n' && is_unseen(*c)).collect();
    assert!(unseen.is_empty(), "{path}, what {what}: {unseen:?} in {said:?}");
    let forged = said.lines().filter(|line| line.starts_with("2026-11-27T00:00:00Z ERROR")).count();
    assert_eq!(forged, 0, "{path}, what {what}: a line is forged in {said:?}");
    let remedies = said.lines().filter(|line| line.starts_with("处理: ")).count();
    assert!(remedies <= 1, "{path}, what {what}: a remedy is forged in {said:?}");
}

fn assert_outcome(path: &str, what: &str, outcome: &Outcome) {
    assert_safe(path, what, &outcome.out);
    assert_safe(path, what, &outcome.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_typed_or_read_from_a_file_is_shown_and_not_obeyed() {
    let place = tempfile::tempdir().unwrap();
    let program = std::path::Path::new(PROGRAM);
    let mut refused = BTreeMap::new();
    for (what, string) in HOSTILE {
        let file = place.path().join("file.toml");
        let named = place.path().join(string.replace('/', "_"));
        let map = Network::three().map_file().replacen("河南省政府总值班室", &toml_escaped(string), 1);
        fs::write(&file, &map).unwrap();
        let net = place.path().join(format!("net-{}", refused.len()));
        let report = format!("kind = \"report\"\nstage = \"{}\"\ntitle = \"x\"\n", toml_escaped(string));
        fs::write(place.path().join("report.toml"), report).unwrap();
        let report = place.path().join("report.toml");
        let dir = place.path().join("nowhere");
        let lines: Vec<(&str, Vec<&str>)> = vec![
            ("a verb", vec![string]),
            ("an option", vec!["inbox", string]),
            ("a value", vec!["send", string, "--to", string, "--text", string]),
            ("a directory", vec!["--dir", text(&named), "status"]),
            ("an id", vec!["--dir", text(&dir), "show", string]),
            ("a token", vec!["--dir", text(&dir), "join", string]),
            ("a file's name", vec!["verify", text(&named), "--anchor", string]),
            ("a language", vec!["--lang", string, "version"]),
            ("a pack", vec!["rules", "show", string]),
            ("a rule pack", vec!["rules", "lint", text(&file)]),
            ("facts", vec!["rules", "judge", text(&report)]),
            ("a map", vec!["network", "init", text(&net), "--map", text(&file)]),
        ];
        for (path, words) in lines {
            for more in [&["--lang", "zh"][..], &["--lang", "en"], &["--json"]] {
                if path == "a language" && more[0] == "--lang" {
                    continue;
                }
                let outcome = command::run(program, &[more, &words[..]].concat()).await;
                assert_outcome(path, what, &outcome);
                if path == "a map" && more[0] == "--json" {
                    refused.insert(what, outcome.code);
                }
            }
        }
    }
    // A map names nobody by what cannot be seen; a formula is only text.
    let taken: Vec<_> = refused.iter().filter(|(_, code)| **code == 0).map(|(what, _)| *what).collect();
    assert_eq!(taken, Vec::<&str>::new());
}

/// In a TOML string, so that the file itself is good and its content is judged.
fn toml_escaped(string: &str) -> String {
    string
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || !c.is_ascii() && !is_unseen(c) {
                c.to_string()
            } else {
                format!("\\U{:08x}", u32::from(c))
            }
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_message_or_an_officer_says_is_shown_and_not_obeyed() {
    let county = County::with_sibling(PROGRAM).await;
    county.cluster.room("411322").start().await;
    let (mut sent, mut not_sent) = (Vec::new(), 0);
    for (what, string) in HOSTILE {
        let add = ["officer", "add", string, "--role", "leader", "--password-file", "/dev/null"];
        assert_outcome("an officer's name", what, &county.cluster.at("411300", &add).await);
        let outcome = county
            .cluster
            .at("411322", &["send", "report", "--to", "411300", "--test", "--text", string, "--json"])
            .await;
        assert_outcome("a text", what, &outcome);
        if outcome.code == 0 {
            sent.push((what, outcome.json::<serde_json::Value>()["id"].as_str().unwrap().to_owned()));
        } else {
            not_sent += 1;
        }
        let letter = ["send", "report", "--to", "410000", "--test", "--text", "x", "--skip-level", string];
        assert_outcome("a reason", what, &county.cluster.at("411322", &letter).await);
        let wrong = ["return", "019a", "--officer", string, "--reason", string, "--password-file", string];
        assert_outcome("a return", what, &county.cluster.at("411300", &wrong).await);
        for verb in ["ping", "trace", "invite"] {
            assert_outcome("a room", what, &county.cluster.at("411300", &[verb, string]).await);
        }
    }
    // Bidirectional and control characters are refused at the sender; what is merely hidden is carried and written out.
    assert!(not_sent >= 9 && sent.len() >= 4, "{not_sent} refused, {} sent", sent.len());
    for (what, id) in &sent {
        county.city().has_in_inbox(id).await;
        for (room, verb) in
            [("411300", "show"), ("411322", "show"), ("411322", "receipts"), ("411322", "queue show")]
        {
            let words: Vec<&str> = verb.split(' ').chain([id.as_str()]).collect();
            for more in [&["--lang", "zh"][..], &["--lang", "en"], &["--json"]] {
                assert_outcome(verb, what, &county.cluster.at(room, &[more, &words[..]].concat()).await);
            }
        }
    }
    for verb in
        ["inbox", "outbox", "status", "doctor", "queue ls", "officer ls", "cert ls", "map show", "phone ls"]
    {
        for more in [&["--lang", "zh"][..], &["--lang", "en"], &["--json"]] {
            let words: Vec<&str> = more.iter().copied().chain(verb.split(' ')).collect();
            for room in ["411300", "411322"] {
                assert_outcome(verb, "all of them", &county.cluster.at(room, &words).await);
            }
        }
    }
}

/// A county that says such things on its link, and in its receipts.
async fn says(county: &County, string: &str) -> String {
    let greeting = Hello { software: string.to_owned(), ..hello(&county.keys) };
    let (endpoint, connection) = county.connect().await;
    let mut line = Line::greet(endpoint, connection, greeting).await.unwrap();
    let id = county.city().send(&Letter::test("instruction", &["411322"], "照办")).await;
    let (_, bytes) = line.hear_envelope().await.unwrap();
    let keys = &county.keys;
    let envelope = relay::envelope::VerifiedEnvelope::verify(bytes, "henan", &*keys.trust.keys).unwrap();
    let code = string.to_owned();
    let not_taken =
        NotTaken { origin: envelope.key().origin, id: envelope.key().id, code, retry_after_ms: 1_000 };
    line.say(&Frame::NotTaken(not_taken)).await.unwrap();
    let mut refused = keys.statement(&envelope, envelope.digest(), keys.room, Event::Refused, keys.room);
    refused.reason = Some(Reason { text: Some(string.to_owned()), ..Reason::code(string) });
    let refused = refused.sign(&keys.signing).bytes().to_vec();
    line.say(&Frame::Answers { receipts: vec![ByteBuf::from(refused)] }).await.unwrap();
    county.city().receipt(&id, "refused").await;
    let mut draft = keys.draft(keys.room_of("411300"), "别网");
    draft.route.network = string.to_owned();
    let foreign = keys.seal(&draft);
    line.hand_over(topology::Precedence::Routine, foreign.bytes()).await.unwrap();
    line.hear_not_taken(foreign.key().id).await.unwrap();
    line.say(&Frame::Goodbye { reason: string.to_owned() }).await.unwrap();
    line.closed().await;
    // And once more, closed with words of its own in the middle of the greeting.
    let (_endpoint, connection) = county.connect().await;
    connection.close(7_u32.into(), string.as_bytes());
    county.city().link_is("411322", "down").await;
    id
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_peer_says_forges_no_line_of_the_log_in_either_form() {
    for log_json in [false, true] {
        let county = County::take_over(PROGRAM).await;
        county.city().configure(|config| config.log_json = log_json);
        county.city().order(&Request::Stop).await;
        county.city().ended().await;
        county.city().start().await;
        for (what, string) in HOSTILE {
            let id = says(&county, string).await;
            for more in [&["--lang", "zh"][..], &["--json"]] {
                for words in [&["receipts", id.as_str()][..], &["status"], &["doctor"]] {
                    assert_outcome(
                        "a peer",
                        what,
                        &county.cluster.at("411300", &[more, words].concat()).await,
                    );
                }
            }
        }
        let log = county.city().log_text();
        assert_safe("the log", "all of them", &log);
        let events: Vec<&str> = log.lines().filter(|line| !line.is_empty()).collect();
        let is_event = |line: &&&str| {
            line.starts_with("2") && line.contains("Z  ") || line.starts_with("{\"timestamp\"")
        };
        let begun = events.iter().filter(is_event).count();
        assert_eq!(begun, events.len(), "every line of the log is an event: {log}");
        assert!(
            log.contains("says goodbye") && log.contains("did not take"),
            "the control: it was heard: {log}"
        );
        if log_json {
            let last = events.iter().filter(|line| line.starts_with('{'));
            assert!(last.clone().count() > 20);
            for line in last {
                serde_json::from_str::<serde_json::Value>(line)
                    .unwrap_or_else(|error| panic!("{error}: {line}"));
            }
        }
    }
}
