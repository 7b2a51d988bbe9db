//! The command line: what is understood, what is refused, and what is printed.

use std::collections::BTreeSet;

use clap::CommandFactory;

use super::*;
use crate::{
    cli::screen::tests::screen,
    problem::{EXIT_FAILED, EXIT_UNREACHABLE},
};

fn words(line: &str) -> Vec<OsString> {
    std::iter::once("yichuan")
        .chain(line.split(' ').filter(|word| !word.is_empty()))
        .map(OsString::from)
        .collect()
}

fn parsed(line: &str) -> Result<Typed, clap::Error> {
    parse(words(line), &Catalogue::new(Language::English))
}

/// Every verb as its users type it.
const LINES: &[&str] = &[
    "demo",
    "demo --scenario outage --once --json --speed 60 --dir d --keep",
    "demo cut 南阳",
    "demo heal 411300 --dir d",
    "demo down",
    "network init net --map map.toml",
    "network renew-root --authority net/authority --dir net/root",
    "invite 411322",
    "invite 411322 --ttl 24h --trust-token --json",
    "invite --pending",
    "invite --confirm 一 二 三 四 五 六",
    "join TOKEN --dir d --listen 127.0.0.1:7100",
    "run --dir d",
    "status --watch",
    "--lang en --json --dir d status",
    "ping 410000",
    "trace 410000 --timeout 3s",
    "doctor",
    "audit verify --json",
    "audit held 411322 --from 30",
    "audit accept-loss",
    "checkpoint ls --json",
    "backup node.backup",
    "restore node.backup --dir d",
    "send report --to 410000 --file f.toml",
    "send report --to 410000 411300 --cc 410100 --text 火灾 --precedence flash --exercise --skip-level 群死群伤",
    "send verify.reply --to 410000 --text t --test --relates-to 019a --expires-in 2h --written",
    "send 通报 --to 410000 --text t --precedence 特提",
    "request 411322 411323 请核实 --written",
    "instruct 411300 速报情况 --cc 410000",
    "inbox",
    "inbox --all --json",
    "outbox",
    "show 019a",
    "ack 019a --officer 甲 --password-file p",
    "ack 019a --officer 甲 --event disposed",
    "reply 019a --text 属实",
    "reply 019a --file f.toml",
    "return 019a 要素不全 --officer 甲",
    "transfer 019a 410100 属你市辖区",
    "recall 019a",
    "recall 019a 误发",
    "receipts 019a",
    "phone out --to 410000 --line ordinary --officer 甲 --text 火情",
    "phone out --to 410000 --line 保密电话 --officer 甲 --text 火情 --about 019a --sensitive --exercise --password-file p",
    "phone in --from 411322 --code k7m --line ordinary --officer 甲 --text 火情 --started 2026-11-22T02:37:00 --ended \
     2026-11-22T02:39:05+08:00 --json",
    "phone ls --json",
    "queue ls",
    "queue show 019a",
    "queue retry 019a",
    "evidence export 01a21a50 -o case.zip --case --with-text --with-personal",
    "evidence export 01a21a50 -o case.zip --force",
    "evidence silence 411322 --from 2026-11-22T02:00:00 --to 2026-11-22T03:00:00+08:00 -o quiet.zip --force",
    "evidence certificate 01a21a50 -o page.html --with-text",
    "evidence certificate -o page.html --from case.zip --anchor anchor --force",
    "verify case.zip --anchor anchor --json",
    "bench judge --cases 8",
    "bench log --leaves 64 --json",
    "inbox --due --all",
    "rules explain 01a21a50 --json",
    "rules ls",
    "rules show henan-2021 hn.report.l3",
    "rules lint p.toml --base henan-2021",
    "rules judge --pack henan-2021 --pack p.toml --facts - --calendar 2027.toml",
    "rules judge --schema",
    "officer add 甲 --role duty_officer --password-file p",
    "officer ls",
    "officer disable 甲",
    "cert ls",
    "cert renew",
    "cert revoke 411322 --reason 失窃 --yes",
    "map show",
    "map diff map.toml",
    "map apply map.toml --authority a",
    "await 019a --event acknowledged --timeout 5s",
    "cut 411300",
    "heal 411300",
    "clock --shift-ms -5000 --speed 60",
    "bench chain --messages 100 --quick",
    "completion bash",
    "version",
    "stop",
];

#[test]
fn every_verb_parses_as_its_users_type_it() {
    for line in LINES {
        assert!(parsed(line).is_ok(), "{line}: {}", parsed(line).err().unwrap());
    }
    let typed: BTreeSet<&str> = LINES.iter().flat_map(|line| line.split(' ')).collect();
    for verb in Arguments::command().get_subcommands() {
        assert!(typed.contains(verb.get_name()), "no line of the table types {}", verb.get_name());
    }
    Arguments::command().debug_assert();
}

#[test]
fn what_is_mistyped_is_a_usage_error_with_its_own_code() {
    let table = [
        ("send report --to 410000", "usage_missing"),
        ("send report --to 410000 --text a --file b", "usage_conflict"),
        ("send rumour --to 410000 --text a", "usage_value"),
        ("send report --to 410000 --text a --exercise --test", "usage_conflict"),
        ("send report --to 410000 --text a --expires-in 31d", "usage_value"),
        ("send report --to 410000 --text a --precedence now", "usage_value"),
        ("statsu", "usage_unknown_command"),
        ("inbox --everything", "usage_unknown_argument"),
        ("queue", "usage_no_command"),
        ("invite", "usage_missing"),
        ("invite 411322 --pending", "usage_conflict"),
        ("ack 019a", "usage_missing"),
        ("request 411322", "usage_few"),
        ("phone in --from 411322 --code K0M --line ordinary --officer 甲 --text t", "usage_value"),
        ("phone out --to 411322 --line fax --officer 甲 --text t", "usage_value"),
        ("phone out --to 411322 --line secure --officer 甲 --text t --started yesterday", "usage_value"),
        ("phone in --from 411322 --line ordinary --officer 甲 --text t", "usage_missing"),
        ("demo --speed 0", "usage_value"),
    ];
    for (line, code) in table {
        let error = parsed(line).err().unwrap_or_else(|| panic!("{line} parses"));
        let kind = error.kind();
        let is_help = kind == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand;
        assert!(is_help && line == "queue" || help::usage_problem(&error).code == code, "{line}: {kind:?}");
    }
    let problem = help::usage_problem(&parsed("statsu").err().unwrap());
    assert_eq!(
        (problem.details["command"].as_str(), problem.details["detail"].as_str()),
        ("statsu", "status")
    );
}

fn outcome(line: &str, language: Language) -> (u8, String, String) {
    let is_json = line.contains("--json");
    let (screen, out, err) = screen(language, is_json);
    let code = carry_out(words(line), screen);
    (code, out.text(), err.text())
}

#[test]
fn exit_codes_are_those_that_scripts_rely_on() {
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().display();
    let table = [
        ("version".to_owned(), 0),
        ("--help".to_owned(), 0),
        (String::new(), EXIT_USAGE),
        ("send".to_owned(), EXIT_USAGE),
        (format!("status --dir {dir}"), EXIT_UNREACHABLE),
        (format!("receipts 019a --json --dir {dir}"), EXIT_UNREACHABLE),
        (format!("send report --to 410000 --file {dir}/none.toml --dir {dir}"), EXIT_FAILED),
    ];
    for (line, code) in table {
        assert_eq!(outcome(&line, Language::English).0, code, "{line}");
    }
}

#[test]
fn a_state_secret_is_refused_by_policy_before_any_node_is_asked() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("f.toml");
    std::fs::write(&file, "kind = \"notify\"\nmarking = \"绝密\"\n").unwrap();
    let line = format!("send notify --to 410000 --file {} --dir {}", file.display(), place.path().display());
    let (code, out, err) = outcome(&line, Language::Chinese);
    assert_eq!((code, out.as_str()), (4, ""));
    assert!(
        err.contains("本网不得传递国家秘密") && err.contains("机要渠道") && err.contains("[state_secret]"),
        "{err}"
    );
}

#[test]
fn errors_for_programs_are_one_document_and_nothing_is_on_standard_output() {
    for line in ["statsu --json", "status --json --dir no-such-dir"] {
        let (code, out, err) = outcome(line, Language::Chinese);
        let value: serde_json::Value = serde_json::from_str(&err).unwrap();
        assert!(code != 0 && out.is_empty());
        for key in ["code", "what", "why", "do"] {
            assert!(value[key].as_str().is_some_and(|text| !text.is_empty()), "{line}: {key} in {err}");
        }
    }
}

#[test]
fn the_version_is_a_document_for_programs() {
    let (_, out, _) = outcome("version --json", Language::English);
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(&out).unwrap()["version"],
        env!("CARGO_PKG_VERSION")
    );
}

#[test]
fn the_language_is_the_one_typed_else_that_of_the_locale() {
    let environment = |locale: &'static str| move |name: &str| (name == "LC_ALL").then(|| locale.to_owned());
    let table = [
        ("status", "zh_CN.UTF-8", Language::Chinese),
        ("status", "en_GB.UTF-8", Language::English),
        ("status", "C", Language::English),
        ("status", "", Language::English),
        ("--lang zh status", "en_GB.UTF-8", Language::Chinese),
        ("status --lang=en", "zh_CN.UTF-8", Language::English),
        ("status --lang fr", "zh_CN.UTF-8", Language::Chinese),
    ];
    for (line, locale, language) in table {
        assert_eq!(language_of(&words(line), environment(locale)), language, "{line} under {locale}");
    }
}

#[test]
fn the_demo_takes_its_directory_from_the_command_line_alone() {
    let typed = parsed("demo --dir d").unwrap();
    assert!(typed.is_dir_typed);
    assert!(!parsed("demo").unwrap().is_dir_typed);
    assert!(parsed("--dir d bench chain").unwrap().is_dir_typed);
}

#[test]
fn every_command_and_every_argument_has_its_help_in_both_languages() {
    fn check(command: &clap::Command, path: &str) {
        let about = command.get_about().map(ToString::to_string).unwrap_or_default();
        assert!(!about.is_empty() && !about.starts_with("help"), "{path} has no help");
        for argument in command.get_arguments() {
            let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
            assert!(
                !help.is_empty() && !help.starts_with("arg-"),
                "{path} {} has no help",
                argument.get_id()
            );
        }
        for inner in command.get_subcommands() {
            check(inner, &format!("{path} {}", inner.get_name()));
        }
    }
    for language in [Language::Chinese, Language::English] {
        check(&help::command(&Catalogue::new(language)), "yichuan");
    }
    let (_, out, _) = outcome("send --help", Language::Chinese);
    assert!(out.contains("用法:") && out.contains("主送") && !out.contains("Usage"), "{out}");
}

#[test]
fn a_completion_script_names_the_verbs() {
    let (code, out, _) = outcome("completion bash", Language::English);
    assert!(code == 0 && out.contains("yichuan") && out.contains("receipts"), "{out}");
}
