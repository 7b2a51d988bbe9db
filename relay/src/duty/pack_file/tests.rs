//! Mistakes of pack files, each refused with its line and a reason.

use super::*;
use crate::duty::builtin;

/// A pack with one rule; `line` replaces a line of it or, when no such key is there, is added to the rule.
fn pack(replace: &[&str]) -> String {
    let mut lines: Vec<String> = [
        "name = \"nanyang-2026\"",
        "version = 1",
        "title = \"细则\"",
        "document = \"宛政办〔2026〕1号\"",
        "target = \"市政府总值班室\"",
        "issued = \"2026-01-10\"",
        "[[rule]]",
        "id = \"ny.report.l3\"",
        "kind = \"report.first\"",
        "force = \"must\"",
        "channel = \"any\"",
        "start = \"occurrence\"",
        "stop = \"delivered\"",
        "limit = \"PT45M\"",
        "applies = { severity = [\"较大\"] }",
        "place = \"三\"",
    ]
    .map(str::to_owned)
    .into();
    for line in replace {
        let key = line.split('=').next().unwrap().trim();
        match lines.iter_mut().find(|old| old.split('=').next().unwrap().trim() == key) {
            Some(old) => *old = (*line).to_owned(),
            None if ["base", "repealed", "effective", "issuer"].contains(&key) => {
                lines.insert(6, (*line).to_owned())
            }
            None => lines.push((*line).to_owned()),
        }
    }
    lines.join("\n")
}

fn refused(text: &str) -> String {
    parse("p.toml", text, &builtin::packs()).expect_err(text).to_string()
}

#[test]
fn a_good_pack_reads_and_a_tighter_one_stands_on_its_base() {
    let read = parse("p.toml", &pack(&["base = \"henan-2021\""]), &builtin::packs()).unwrap();
    assert_eq!((read.rules.len(), read.base.as_deref()), (1, Some("henan-2021")));
}

#[test]
fn each_unknown_word_is_named_with_its_line() {
    for (line, number, said) in [
        ("colour = 3", 17, "unknown field \"colour\""),
        ("kind = \"report.second\"", 9, "report.second"),
        ("start = \"dawn\"", 12, "dawn"),
        ("stop = \"dusk\"", 13, "dusk"),
        ("force = \"should\"", 10, "should"),
        ("channel = \"pigeon\"", 11, "pigeon"),
        ("limit = \"1 hour\"", 14, "1 hour"),
        ("limit = \"P1D\"", 14, "P1D"),
        ("limit = \"PT0S\"", 14, "PT0S"),
        ("limit = { before = 3, unit = \"fortnight\" }", 14, "fortnight"),
        ("limit = { by = \"dinner\" }", 14, "dinner"),
        ("limit = { by = \"local_cutoff\", time = \"25:00\" }", 14, "25:00"),
        ("limit = 20", 14, "integer"),
        ("applies = { severity = [\"巨大\"] }", 15, "巨大"),
        ("applies = { moon = [\"full\"] }", 15, "moon"),
        ("version = \"one\"", 2, "string"),
        ("version = 0", 2, "count from 1"),
        ("issuer = \"nowhere\"", 7, "6 or 14 digits"),
        ("applies = [\"较大\"]", 15, "applies is of type string"),
        ("applies = [{ severity = [\"较大\"] }, 3]", 15, "applies is of type integer"),
        ("applies = []", 15, "asks for nothing"),
        ("id = \"two words\"", 8, "without spaces"),
        ("id = \"red\\u001b[31m\"", 8, "without spaces"),
        ("requires = { event = \"occurrence\", step = \"x\" }", 17, "a step is done"),
        ("issued = \"2026-02-30\"", 6, "2026-02-30"),
        ("name = \"Nanyang 2026\"", 1, "small letters"),
    ] {
        let text = refused(&pack(&[line]));
        assert!(text.starts_with(&format!("p.toml:{number}: ")) && text.contains(said), "{line}: {text}");
    }
}

#[test]
fn what_is_missing_is_said_and_everything_at_once() {
    let text = refused("name = \"x\"\n[[rule]]\nid = \"x.y\"\n");
    for missing in ["version", "title", "document", "issued", "kind", "force", "limit", "start"] {
        assert!(text.contains(&format!("{missing} is missing")), "{missing}: {text}");
    }
    assert!(refused("name = ").contains("not TOML"));
}

#[test]
fn parts_that_do_not_fit_each_other_are_refused() {
    for (lines, said) in [
        (
            &[
                "start = \"phone_report_completed\"",
                "stop = \"phone_report_completed\"",
                "channel = \"phone\"",
            ][..],
            "same event",
        ),
        (&["limit = { before = 3, unit = \"working_day\" }"][..], "not known in advance"),
        (&["kind = \"leave_filing\"", "start = \"departure\""][..], "lead time"),
        (&["kind = \"verify.reply\""][..], "starts at one of: notice_received"),
        (&["channel = \"phone\""][..], "a telephone rule stops at"),
        (&["channel = \"written\"", "stop = \"phone_report_completed\""][..], "a call is not written"),
        (&["limit = { by = \"notice_due\" }"][..], "notice_received"),
        (&["limit = { by = \"local_cutoff\", time = \"17:00\" }"][..], "planned day"),
        (&["repealed = \"2026-01-10\""][..], "repealed before it begins"),
        (&["stop = \"learned\""][..], "completed or delivered"),
        (&["stop = \"approved\""][..], "write one of delivered, phone_report_completed"),
        (&["channel = \"phone\"", "stop = \"phone_feedback_completed\""][..], "a report.first stops"),
        (
            &["applies = { sensitive = true }", "assumes = { sensitive = false }"][..],
            "no case meets applies and assumes",
        ),
    ] {
        let text = refused(&pack(lines));
        assert!(text.contains(said), "{lines:?}: {text}");
    }
}

fn with_second(change: impl Fn(String) -> String) -> String {
    let first = pack(&[]);
    let rule = first.split_once("[[rule]]").unwrap().1.to_owned();
    format!("{first}\n[[rule]]{}", change(rule))
}

#[test]
fn a_pack_that_contradicts_itself_is_refused() {
    let twice = refused(&with_second(|rule| rule));
    assert!(twice.contains("p.toml:18: ") && twice.contains("stands there twice"), "{twice}");
    let rename = |rule: String| rule.replace("ny.report.l3", "ny.report.other");
    let two_musts = refused(&with_second(|rule| rename(rule).replace("PT45M", "PT50M")));
    assert!(two_musts.contains("ny.report.other contradicts ny.report.l3"), "{two_musts}");
    let wide = refused(&with_second(|rule| {
        rename(rule)
            .replace("PT45M", "PT50M")
            .replace("[\"较大\"]", "[\"较大\", \"一般\"]")
            .replace("PT50M", "PT30M")
    }));
    assert!(wide.contains("contradicts"), "the wider rule may not be the tighter one: {wide}");
}

#[test]
fn a_narrower_rule_may_be_tighter_and_other_cases_may_differ() {
    let rename = |rule: String| rule.replace("ny.report.l3", "ny.report.other");
    let read = |text: String| parse("p.toml", &text, &builtin::packs());
    let other = with_second(|rule| rename(rule).replace("PT45M", "PT50M").replace("较大", "重大"));
    assert!(read(other).is_ok());
    let narrower = with_second(|rule| {
        rename(rule).replace("PT45M", "PT20M").replace("[\"较大\"]", "[\"较大\"], sensitive = true")
    });
    assert!(read(narrower).is_ok());
    let strive = with_second(|rule| rename(rule).replace("PT45M", "PT20M").replace("must", "strive"));
    assert!(read(strive).is_ok());
}

#[test]
fn a_pack_that_loosens_its_base_is_refused() {
    let base = "base = \"henan-2021\"";
    for (lines, said) in [
        (
            &[base, "limit = \"PT1H30M\""][..],
            "ny.report.l3 loosens hn.report.l3 of henan-2021: its limit is longer",
        ),
        (&[base, "id = \"hn.report.l3\"", "limit = \"PT2H\""][..], "its limit is longer"),
        (&[base, "id = \"hn.report.l3\"", "force = \"strive\""][..], "must became strive"),
        (&[base, "id = \"hn.report.l3\"", "limit = \"asap\""][..], "another sort"),
        (&[base, "id = \"hn.report.l3\"", "start = \"learned\""][..], "starts or stops at another event"),
        (
            &[base, "id = \"hn.report.l3\"", "applies = { severity = [\"较大\"], sensitive = true }"][..],
            "fewer cases",
        ),
        (
            &[base, "id = \"hn.report.l3\"", "assumes = { sender_class = [\"企业\"] }"][..],
            "it applies to fewer cases",
        ),
        (&["base = \"atlantis\""][..], "no such pack"),
        (&["name = \"henan-2021\"", "version = 2", base][..], "cannot be its own base"),
    ] {
        let text = refused(&pack(lines));
        assert!(text.contains(said), "{lines:?}: {text}");
    }
}

#[test]
fn a_base_can_be_laid_under_a_file_that_names_none() {
    let loose = pack(&["limit = \"PT2H\""]);
    assert!(parse("p.toml", &loose, &builtin::packs()).is_ok());
    let errors = parse_on("p.toml", &loose, &builtin::packs(), "henan-2021").unwrap_err();
    assert!(errors.to_string().contains("loosens"), "{errors}");
}

/// A rule of the base, as it stands in the program's file but for these changes.
fn taken_from(base: &str, file: &str, id: &str, changes: &[(&str, &str)]) -> Result<RulePack, PackErrors> {
    let rules = file.split("[[rule]]").skip(1);
    let rule =
        rules.map(|rule| rule.split("[[duty]]").next().unwrap()).find(|rule| rule.contains(id)).unwrap();
    let mut rule = format!("[[rule]]{rule}");
    for (old, new) in changes {
        assert!(rule.contains(old), "{old}");
        rule = rule.replace(old, new);
    }
    let head = pack(&[&format!("base = \"{base}\"")]);
    let head = head.split_once("[[rule]]").unwrap().0;
    parse("p.toml", &format!("{head}{rule}"), &builtin::packs())
}

#[test]
fn a_rule_that_takes_the_place_of_another_asks_for_all_that_it_asked_for() {
    const HENAN: &str = include_str!("../../../data/packs/henan-2021.toml");
    const HEZE: &str = include_str!("../../../data/packs/heze-2018.toml");
    let requires = "requires = { when = { leaves_province = true }";
    let filing = |changes: &[_]| taken_from("henan-2021", HENAN, "hn.leave.filing", changes);
    assert!(filing(&[]).is_ok() && filing(&[("before = 2", "before = 3")]).is_ok());
    assert!(filing(&[("person = [\"主要负责同志\"]", "person = [\"主要负责同志\", \"领导同志\"]")]).is_ok());
    let natural = "before = 2, unit = \"natural_day\"";
    assert!(filing(&[(natural, "before = 3, unit = \"working_day\"")]).is_ok());
    for (old, new, said) in [
        // Read loosely, two working days can be one natural day.
        (natural, "before = 2, unit = \"working_day\"", "can end later"),
        (requires, "requires = { when = { leaves_province = true, sensitive = true }", "had to come first"),
        ("event = \"approved\"", "event = \"delivered\"", "had to come first"),
        ("\"外出地点\", ", "", "fewer elements"),
        ("person = [\"主要负责同志\"]", "person = [\"主要负责同志\"], sensitive = false", "fewer cases"),
    ] {
        let errors = filing(&[(old, new)]).unwrap_err().to_string();
        assert!(errors.contains("loosens hn.leave.filing") && errors.contains(said), "{new}: {errors}");
    }
    let roster = [("\"值班安排表\", ", "")];
    let errors = taken_from("henan-2021", HENAN, "hn.roster\"", &roster).unwrap_err().to_string();
    assert!(errors.contains("fewer cases"), "{errors}");
    for (base, file, id, old, new, said) in [
        ("henan-2021", HENAN, "hn.report.other", "\"asap\"", "\"none\"", "asap became none"),
        ("heze-2018", HEZE, "hz.verify", "\"inherit\"", "\"none\"", "inherit became none"),
        // Whatever the limit above is, this one no longer asks for it.
        ("heze-2018", HEZE, "hz.verify", "\"inherit\"", "\"PT720H\"", "inherit became"),
    ] {
        let errors = taken_from(base, file, id, &[(old, new)]).unwrap_err().to_string();
        assert!(errors.contains(said), "{errors}");
    }
    assert!(taken_from("henan-2021", HENAN, "hn.report.other", &[("\"asap\"", "\"PT30M\"")]).is_ok());
    let duty = "\n[[duty]]\nid = \"hz.lateral\"\ncopy_to = [\"本级党委\"]\n";
    assert!(refused(&format!("{}{duty}", pack(&["base = \"heze-2018\""]))).contains("fewer copies"));
}

#[test]
fn bytes_that_are_no_text_are_refused_with_their_line() {
    assert_eq!(text("p.toml", b"name = 1\n".to_vec()).unwrap(), "name = 1\n");
    let errors = text("p.toml", b"name = 1\ntitle = \"\xc4\xcf\"\n".to_vec()).unwrap_err().to_string();
    assert!(errors.starts_with("p.toml:2: ") && errors.contains("UTF-8"), "{errors}");
}

#[test]
fn a_log_kept_for_a_shorter_time_and_a_looser_reading_are_refused() {
    let duty = format!(
        "{}\n[[duty]]\nid = \"hn.log.retention\"\nretention_days = 100\n",
        pack(&["base = \"henan-2021\""])
    );
    assert!(refused(&duty).contains("its number is lower"));
    let base = parse(
        "b.toml",
        &format!("{}\n[switches]\nworking_days = \"strict\"\n", pack(&["name = \"up\""])),
        &[],
    )
    .unwrap();
    let local = format!("{}\n[switches]\nworking_days = \"loose\"\n", pack(&["base = \"up\""]));
    let errors = parse("p.toml", &local, &[base]).unwrap_err();
    assert!(errors.to_string().contains("read loosely"), "{errors}");
}

proptest::proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text in "\\PC{0,200}", key in "[a-z]{1,8}", value in "[\\[\\]{}=\"0-9a-z, ]{0,40}") {
        let _ = parse("p.toml", &text, &[]);
        let _ = parse("p.toml", &pack(&[&format!("{key} = {value}")]), &[]);
    }
}
