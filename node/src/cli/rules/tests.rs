//! The verb `rules` from the words typed to the words printed.

use std::{io::Write, path::PathBuf};

use super::*;
use crate::{
    catalogue::Language,
    cli::screen::tests::{Page, screen},
};

struct Run {
    outcome: Outcome,
    out: Page,
}

fn run(verb: RulesVerb, language: Language, is_json: bool) -> Run {
    let (screen, out, _) = screen(language, is_json);
    let mut session = Session::new(screen, None);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    Run { outcome: runtime.block_on(rules(&mut session, verb)), out }
}

fn file(text: &str) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file");
    std::fs::File::create(&path).unwrap().write_all(text.as_bytes()).unwrap();
    (dir, path)
}

fn judging(pack: &str, facts: &std::path::Path) -> RulesVerb {
    RulesVerb::Judge(arguments::JudgeArguments {
        pack: vec![pack.to_owned()],
        facts: Some(facts.to_owned()),
        calendar: vec![],
        schema: false,
    })
}

const GRAVE: &str = r#"{"kind": "report.first", "severity": [{"value": "重大"}],
    "occurred_at": [{"value": "2026-03-02T10:00:00+08:00"}],
    "phone_completed_at": "2026-03-02T10:20:00.001+08:00", "delivered_at": "2026-03-02T10:40:00+08:00"}"#;

#[test]
fn a_late_call_is_exit_code_5_and_the_published_fields() {
    let (_dir, path) = file(GRAVE);
    let ran = run(judging("henan-2021", &path), Language::English, true);
    assert_eq!(ran.outcome, Ok(5));
    let found: serde_json::Value = serde_json::from_str(&ran.out.text()).unwrap();
    let expected = serde_json::json!({
        "rule": "hn.report.l12.phone", "force": "must", "clause": "豫政办〔2021〕6号 七(三)",
        "start": "2026-03-02T10:00:00+08:00", "due": "2026-03-02T10:20:00+08:00",
        "met_at": "2026-03-02T10:20:00.001+08:00", "verdict": "late", "late_by_ms": 1,
        "sent_verdict": null, "cause": "desk", "flags": [],
    });
    assert_eq!(found[0], expected);
    assert_eq!(found[1]["verdict"], "on_time");
}

#[test]
fn people_read_the_verdicts_in_their_language() {
    let (_dir, path) = file(GRAVE);
    for (language, words) in
        [(Language::Chinese, ["超时", "及时", "必须"]), (Language::English, ["late", "on time", "must"])]
    {
        let ran = run(judging("henan-2021", &path), language, false);
        for word in words {
            assert!(ran.out.text().contains(word), "{word} is not in {}", ran.out.text());
        }
    }
}

#[test]
fn an_unknown_field_is_exit_code_2_and_named() {
    let (_dir, path) = file(r#"{"kind": "report.first", "colour": 3}"#);
    let problem = run(judging("henan-2021", &path), Language::English, true).outcome.unwrap_err();
    assert_eq!((problem.code.as_str(), problem.exit), ("rules_facts_invalid", 2));
    assert!(problem.details["detail"].contains("\"colour\""), "{problem:?}");
}

#[test]
fn an_unknown_pack_is_exit_code_2_and_the_known_ones_are_listed() {
    let (_dir, path) = file("{}");
    let problem = run(judging("atlantis-2030", &path), Language::English, true).outcome.unwrap_err();
    assert_eq!((problem.code.as_str(), problem.exit), ("rules_pack_unknown", 2));
    assert!(problem.details["known"].contains("henan-2021"), "{problem:?}");
}

#[test]
fn a_pack_with_a_mistake_is_refused_with_file_and_line() {
    let (_dir, path) = file("name = \"x\"\nversion = 1\ncolour = 3\n");
    let verb = RulesVerb::Lint { file: path.clone(), base: None };
    let problem = run(verb, Language::English, false).outcome.unwrap_err();
    assert_eq!((problem.code.as_str(), problem.exit), ("rules_pack_invalid", 1));
    assert!(
        problem.details["detail"].contains(&format!("{}:3: unknown field", path.display())),
        "{problem:?}"
    );
}

#[test]
fn every_built_in_pack_is_listed_shown_and_free_of_mistakes() {
    let listed = run(RulesVerb::Ls, Language::Chinese, true);
    let lines: Vec<serde_json::Value> = serde_json::from_str(&listed.out.text()).unwrap();
    assert_eq!(lines.len(), builtin::PACK_FILES.len());
    for line in lines {
        let name = line["name"].as_str().unwrap();
        let shown = run(RulesVerb::Show { name: name.to_owned(), rule: None }, Language::English, false);
        assert!(shown.outcome == Ok(0) && shown.out.text().contains(name));
    }
    let verb = RulesVerb::Show { name: "henan-2021".to_owned(), rule: Some("hn.secrecy".to_owned()) };
    assert!(run(verb, Language::Chinese, false).out.text().contains("不得使用普通电话机"));
    let verb = RulesVerb::Show { name: "henan-2021".to_owned(), rule: Some("hn.nothing".to_owned()) };
    assert_eq!(run(verb, Language::Chinese, false).outcome.unwrap_err().code, "rules_rule_unknown");
}

#[test]
fn the_schema_is_printed_alone() {
    let arguments = arguments::JudgeArguments { pack: vec![], facts: None, calendar: vec![], schema: true };
    let ran = run(RulesVerb::Judge(arguments), Language::English, false);
    let schema: serde_json::Value = serde_json::from_str(&ran.out.text()).unwrap();
    assert!(schema["$defs"]["facts"]["properties"]["delivered_at"].is_object());
}
