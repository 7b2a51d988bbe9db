//! The catalogue: every word in both languages, and no word missing.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use relay::refusal::Refusal;
use topology::{PolicyRefusal, RoomCode, RoomId, RoomLabel};

use super::*;

const BOTH: [Language; 2] = [Language::Chinese, Language::English];

/// Every entry and attribute of a file with the variables of its text.
fn entries(language: Language) -> BTreeMap<String, BTreeSet<String>> {
    let mut entries = BTreeMap::new();
    let (mut id, mut key) = (String::new(), String::new());
    for line in language.source().lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        if let Some((name, _)) = line.split_once(" =").filter(|_| !line.starts_with(' ')) {
            (id, key) = (name.to_owned(), name.to_owned());
        } else if let Some((name, _)) =
            line.trim_start().strip_prefix('.').and_then(|rest| rest.split_once(" ="))
        {
            key = format!("{id}.{name}");
        }
        let variables: &mut BTreeSet<String> = entries.entry(key.clone()).or_default();
        for part in line.split("{ $").skip(1) {
            variables.insert(part.split(' ').next().unwrap().to_owned());
        }
    }
    entries
}

#[test]
fn both_files_parse_and_no_id_stands_twice() {
    for language in BOTH {
        assert!(FluentResource::try_new(language.source().to_owned()).is_ok(), "{language:?}");
        Catalogue::new(language);
    }
}

#[test]
fn both_languages_have_the_same_entries_attributes_and_variables() {
    let [chinese, english] = BOTH.map(entries);
    assert!(chinese.len() > 400);
    for (key, variables) in &chinese {
        assert_eq!(Some(variables), english.get(key), "{key}");
    }
    for key in english.keys() {
        assert!(chinese.contains_key(key), "{key} is missing in Chinese");
    }
}

#[test]
fn on_a_page_nobody_is_told_to_add_an_argument_of_the_command_line() {
    let raised_by_pages = [
        "call_times",
        "control_not_understood",
        "envelope_unknown",
        "evidence_damaged",
        "evidence_no_case",
        "evidence_silence_time",
        "invite_span",
        "kind_unknown",
        "late_reason_wanted",
        "lifetime",
        "message_field",
        "message_needs_file",
        "message_needs_reference",
        "message_required",
        "no_answer",
        "no_recipient",
        "not_accepted",
        "not_in_inbox",
        "not_the_root_hub",
        "reply_kind",
        "room_unknown",
        "rules_no_case",
        "rules_not_the_issuer",
        "skip_level_reason",
        "status_unknown",
    ];
    for language in BOTH {
        let catalogue = Catalogue::new(language);
        for code in raised_by_pages {
            let problem = Problem::usage(code);
            let (here, there) = (catalogue.explain_on_page(&problem), catalogue.explain(&problem));
            assert!(!here.remedy.contains("--") && here.remedy != there.remedy, "{code}: {}", here.remedy);
        }
        for (key, _) in entries(language).iter().filter(|(key, _)| key.ends_with(".page")) {
            let id = key.trim_end_matches(".page");
            let text = catalogue.find(id, Some("page"), &[]).unwrap();
            assert!(
                !["--", "yichuan ", "命令行", "command line"].iter().any(|word| text.contains(word)),
                "{key}: {text}"
            );
            assert!(
                raised_by_pages.iter().any(|code| identifier("problem", code) == id),
                "{key} is not tested"
            );
        }
    }
}

#[test]
fn every_problem_has_its_three_sentences() {
    for language in BOTH {
        let catalogue = Catalogue::new(language);
        for key in entries(language).keys().filter(|key| key.starts_with("problem-") && !key.contains('.')) {
            let sentences = catalogue.sentences(key, &[]).unwrap_or_else(|| panic!("{key} lacks a sentence"));
            assert!(
                [sentences.what, sentences.why, sentences.remedy].iter().all(|text| !text.is_empty()),
                "{key}"
            );
        }
    }
}

/// The Rust files below a directory.
fn sources(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

/// The literals that follow any of these openings in the product's code, tests left out.
fn literals(openings: &[&str]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for path in sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src")) {
        if path.ends_with("tests.rs") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let text = text
            .split("#[cfg(test)]\nmod tests")
            .next()
            .unwrap()
            .split("#[cfg(test)]\npub(crate) mod")
            .next()
            .unwrap();
        let joined: String = text.split_whitespace().collect::<Vec<_>>().join(" ").replace("( \"", "(\"");
        for opening in openings {
            for rest in joined.split(opening).skip(1) {
                found.insert(rest.split('"').next().unwrap().to_owned());
            }
        }
    }
    found
}

#[test]
fn every_code_that_the_program_uses_has_its_sentences() {
    let openings = ["failed(\"", "usage(\"", "unreachable(\"", "policy(\""].map(|end| format!("::{end}"));
    let openings: Vec<&str> = openings.iter().map(String::as_str).collect();
    let codes = literals(&openings);
    assert!(codes.len() > 40, "{codes:?}");
    let known = entries(Language::Chinese);
    let lacking: Vec<&String> = codes
        .iter()
        .filter(|code| *code != "{code}" && !known.contains_key(&identifier("problem", code)))
        .collect();
    assert!(lacking.is_empty(), "no sentences for {lacking:?}");
}

/// Codes that stand in tables and not in a constructor, known by how they begin.
#[test]
fn every_code_of_a_link_the_door_and_the_doctor_has_its_sentences() {
    let known = entries(Language::Chinese);
    let is_code =
        |text: &str| text.chars().all(|c| c.is_ascii_lowercase() || c == '_') && !text.ends_with('_');
    for (beginning, group) in BEGINNINGS {
        let opening = format!("\"{beginning}");
        let codes = literals(&[&opening]);
        for rest in codes.iter().filter(|rest| is_code(rest) && !rest.is_empty()) {
            let code = format!("{beginning}{rest}");
            let id = if group.is_empty() { identifier("doctor", rest) } else { identifier(group, &code) };
            assert!(known.contains_key(&id), "no sentences for {code}");
        }
    }
}

const BEGINNINGS: [(&str, &str); 9] = [
    ("link_", "problem"),
    ("invite_", "problem"),
    ("join_", "problem"),
    ("renewal_", "problem"),
    ("door_", "problem"),
    ("store_", "problem"),
    ("officer_", "problem"),
    ("map_", "problem"),
    ("doctor_", ""),
];

#[test]
fn every_text_that_the_program_prints_is_in_the_catalogue() {
    let known = entries(Language::Chinese);
    let texts = literals(&[".text(\"", ".done(\"", "find_text(\""]);
    assert!(texts.len() > 30, "{texts:?}");
    let lacking: Vec<&String> =
        texts.iter().filter(|id| !id.is_empty() && !known.contains_key(*id)).collect();
    assert!(lacking.is_empty(), "no text for {lacking:?}");
}

fn refusals() -> Vec<Refusal> {
    let room = RoomId::from_bytes([1; 16]);
    let label = || RoomLabel { code: RoomCode::NONE, name: "甲".to_owned(), id: room };
    let rules = [
        PolicyRefusal::UnknownRoom { room },
        PolicyRefusal::Oneself { room: label() },
        PolicyRefusal::DownNotSuperior { from: label(), to: label() },
        PolicyRefusal::UpNotSuperior { from: label(), to: label() },
        PolicyRefusal::NotRelated { from: label(), to: label() },
        PolicyRefusal::NoFlow { from: label(), to: label() },
        PolicyRefusal::ForeignOrigin { child: label(), origin: label() },
        PolicyRefusal::ForeignRecipient { room: label(), recipient: label() },
        PolicyRefusal::NoRecipient { parent: label() },
        PolicyRefusal::NoNeighbour { room: label(), other: label() },
    ];
    let others = [
        Refusal::UnknownRecipient,
        Refusal::UnknownKind { number: 99 },
        Refusal::KindNotAllowed,
        Refusal::CannotOpen,
        Refusal::BodyMismatch,
        Refusal::StateSecret,
        Refusal::CallSignature,
        Refusal::CallMismatch,
        Refusal::Expired,
        Refusal::NoRoute,
        Refusal::ClockAhead,
        Refusal::UnknownKey,
        Refusal::NewerMap,
        Refusal::StorageLow,
        Refusal::QuotaFull,
    ];
    rules.into_iter().map(Refusal::Policy).chain(others).collect()
}

#[test]
fn every_refusal_of_the_network_has_its_sentences() {
    for language in BOTH {
        let catalogue = Catalogue::new(language);
        let refusals = refusals();
        let codes =
            refusals.iter().map(Refusal::code).chain(["collision", "next_hop_silent"].map(str::to_owned));
        for code in codes {
            assert!(catalogue.sentences(&identifier("problem", &code), &[]).is_some(), "{code}");
        }
    }
}

#[test]
fn every_word_of_the_protocol_has_a_name() {
    let known = entries(Language::Chinese);
    let events = relay::receipt::Event::ALL.map(|event| identifier("event", event.word()));
    let kinds = relay::message::Kind::ALL.map(|kind| identifier("kind", kind.word()));
    let precedences = topology::Precedence::ALL.map(|precedence| identifier("precedence", precedence.word()));
    for id in events.iter().chain(&kinds).chain(&precedences) {
        assert!(known.contains_key(id), "{id}");
    }
    let catalogue = Catalogue::new(Language::Chinese);
    for event in relay::receipt::Event::ALL {
        assert_eq!(catalogue.word("event", event.word()), event.chinese());
    }
    for kind in relay::message::Kind::ALL {
        assert_eq!(catalogue.word("kind", kind.word()), kind.chinese());
    }
}

/// Every element and every word of every example, and what a message that is nearly empty is asked for.
#[test]
fn every_element_of_a_message_has_a_name() {
    use relay::message::{Kind, Message, Piece, category::Category};

    let examples = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/examples");
    let examples = std::fs::read_dir(examples).unwrap().map(|entry| entry.unwrap().path());
    let read = |path: std::path::PathBuf| {
        let mut any = |_: &str| Ok(Vec::new());
        Message::from_toml("example", &std::fs::read_to_string(&path).unwrap(), &mut any).unwrap()
    };
    let messages: Vec<Message> = examples
        .filter(|path| path.extension().is_some_and(|end| end == "toml"))
        .map(read)
        .chain(Kind::ALL.into_iter().filter_map(|kind| Message::new_text(kind, "x").ok()))
        .collect();
    assert!(messages.len() > 15);
    for language in BOTH {
        let known = entries(language);
        let has = |group: &str, word: &str| {
            assert!(known.contains_key(&identifier(&group.replace('_', "-"), word)), "{group} {word}");
        };
        for message in &messages {
            for line in message.lines() {
                has("element", line.element);
                for piece in line.said {
                    if let Piece::Word { list, word } = piece {
                        has(list, &word);
                    }
                }
            }
            message.missing().into_iter().for_each(|key| has("element", key));
        }
    }
    for (key, name) in Category::KEYS {
        assert_eq!(Catalogue::new(Language::Chinese).word("category", key), *name);
        assert_ne!(Catalogue::new(Language::English).word("category", key), *key);
    }
}

#[test]
fn an_unknown_code_is_shown_as_itself_with_what_it_brought() {
    for language in BOTH {
        let problem = Problem::failed("next.year").with("detail", "because");
        let explanation = Catalogue::new(language).explain(&problem);
        assert!(
            explanation.what.contains("next.year") && explanation.why.contains("because"),
            "{explanation:?}"
        );
    }
}

#[test]
fn a_value_that_is_not_given_is_a_dash_and_one_that_looks_like_a_gap_stays() {
    let catalogue = Catalogue::new(Language::English);
    let explanation = catalogue.explain(&Problem::failed("directory_taken"));
    assert!(explanation.what.contains('—') && !explanation.what.contains("{$"), "{explanation:?}");
    let explanation = catalogue.explain(&Problem::failed("already_running").with("path", "{$path}"));
    assert!(explanation.what.contains("{$path}") && explanation.what.contains('—'), "{explanation:?}");
}

#[test]
fn times_and_elements_are_said_as_people_say_them() {
    let late = Problem::failed("late_reason_wanted").with("due", "2026-11-22T02:42:05.123+08:00");
    let gap: Problem = relay::message::MessageError::Required { key: "place.text" }.into();
    for (language, element) in BOTH.into_iter().zip(["地点", "Place"]) {
        let catalogue = Catalogue::new(language);
        let why = catalogue.explain(&late).why;
        assert!(why.contains("2026-11-22 02:42:05") && !why.contains("05.123"), "{why}");
        let told = catalogue.explain(&gap);
        assert!(told.what.contains(element) && told.remedy.contains("place.text"), "{told:?}");
        assert!(!catalogue.explain_on_page(&gap).remedy.contains("place.text"));
    }
}

#[test]
fn every_fault_of_an_element_has_its_sentence() {
    use relay::message::{Fault, MessageError};
    for language in BOTH {
        let catalogue = Catalogue::new(language);
        for fault in Fault::ALL {
            let problem: Problem = MessageError::Field { key: "what".into(), fault }.into();
            let why = catalogue.explain(&problem).why;
            assert_ne!(why, fault.word());
        }
    }
}

#[test]
fn a_detail_is_said_once() {
    let catalogue = Catalogue::new(Language::English);
    let quoted = catalogue.explain(&Problem::failed("store_failed").with("detail", "disk I/O"));
    let appended = catalogue.explain(&Problem::failed("read_failed").with("detail", "disk I/O"));
    for explanation in [quoted, appended] {
        assert_eq!(explanation.why.matches("disk I/O").count(), 1, "{explanation:?}");
    }
}
