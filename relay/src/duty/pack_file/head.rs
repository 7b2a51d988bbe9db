//! The head of a pack file, its switches, and the duties without a clock.

use std::collections::{BTreeMap, BTreeSet};

use toml::de::DeTable;

use super::{
    fault::PackProblem,
    reader::{Key, Reader, Table},
    rule::{self, CLAUSE_PLACE_KEYS},
};
use crate::{
    duty::{
        event::Event,
        pack::{Duty, NaturalDays, RulePack, Switches, WorkingDays},
    },
    timestamp::Timestamp,
};

/// Where things stand in the file: the rules and duties by id, and keys of the head.
pub(super) type Places = BTreeMap<String, usize>;

const HEAD_KEYS: &[Key] = &[
    ("name", "name = \"henan-2021\""),
    ("version", "version = 1"),
    ("title", "title = \"河南省政府系统值班工作规范\""),
    ("title_en", "title_en = \"Henan duty-room rules\""),
    ("document", "document = \"豫政办〔2021〕6号\""),
    ("issuer", "issuer = \"410000\""),
    ("target", "target = \"省政府总值班室\""),
    ("base", "base = \"henan-2021\""),
    ("issued", "issued = \"2021-01-22\""),
    ("effective", "effective = \"2021-01-22\""),
    ("repealed", "repealed = \"2030-01-01\""),
    ("switches", "[switches]"),
    ("rule", "[[rule]], then its id, kind, start, stop and limit on lines of their own"),
    ("duty", "[[duty]], then its id on a line of its own"),
];

const SWITCH_KEYS: &[Key] = &[
    ("working_days", "working_days = \"loose\""),
    ("natural_days", "natural_days = \"inclusive\""),
    ("implied_start", "implied_start = \"occurrence\""),
];

const DUTY_KEYS: &[Key] = &[
    ("id", "id = \"hn.log.retention\""),
    ("retention_days", "retention_days = 366"),
    ("min_on_watch", "min_on_watch = 2"),
    ("copy_to", "copy_to = [\"同级党委\"]"),
    CLAUSE_PLACE_KEYS[0],
    CLAUSE_PLACE_KEYS[1],
    CLAUSE_PLACE_KEYS[2],
    CLAUSE_PLACE_KEYS[3],
    CLAUSE_PLACE_KEYS[4],
    CLAUSE_PLACE_KEYS[5],
];

/// Reads everything that stands in the file.
pub(super) fn read<'d>(reader: &mut Reader, document: &'d DeTable<'d>) -> (RulePack, Places) {
    let head = Table { entries: document, at: 0, keys: HEAD_KEYS };
    reader.check_keys(head);
    reader.require(head, "version");
    reader.require(head, "issued");
    let mut places = Places::new();
    for key in ["base", "repealed", "switches"] {
        places.insert(format!("[{key}]"), head.place(key));
    }
    let issued_at = reader.day(head, "issued").unwrap_or_default();
    let effective_at = reader.day(head, "effective").unwrap_or(issued_at);
    let repealed_at = reader.day(head, "repealed");
    check_dates(reader, head, effective_at, repealed_at);
    let mut pack = RulePack {
        v: RulePack::FORMAT,
        name: name(reader, head),
        version: version(reader, head),
        title: reader.required_text(head, "title"),
        title_en: reader.optional_text(head, "title_en"),
        document: reader.required_text(head, "document"),
        issuer: issuer(reader, head),
        target: reader.required_text(head, "target"),
        base: reader.text(head, "base").map(str::to_owned),
        issued_at,
        effective_at,
        repealed_at,
        switches: switches(reader, head),
        rules: Vec::new(),
        duties: Vec::new(),
        left_out: BTreeSet::new(),
        is_wordless: false,
    };
    for table in reader.tables(head, "rule", rule::RULE_KEYS) {
        if let Some(rule) = rule::read(reader, table) {
            note(reader, &mut places, table, &rule.id);
            pack.rules.push(rule);
        }
    }
    for table in reader.tables(head, "duty", DUTY_KEYS) {
        let duty = duty(reader, table);
        note(reader, &mut places, table, &duty.id);
        pack.duties.push(duty);
    }
    if pack.rules.is_empty() && pack.duties.is_empty() && reader.is_content() {
        reader.require(head, "rule");
    }
    (pack, places)
}

/// Remembers where an id stands; one that stood before is a contradiction.
fn note(reader: &mut Reader, places: &mut Places, table: Table<'_>, id: &str) {
    if !id.is_empty() && places.insert(id.to_owned(), table.place("id")).is_some() {
        let why = "the id stands there twice: give each rule and duty an id of its own".to_owned();
        let subject = id.to_owned();
        reader.report(table.place("id"), PackProblem::Contradiction { other: subject.clone(), subject, why });
    }
}

fn name(reader: &mut Reader, head: Table<'_>) -> String {
    let name = reader.required_text(head, "name");
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if !name.chars().all(is_plain) || name.len() > 64 {
        let remedy = "write at most 64 small letters, digits and hyphens, such as \"henan-2021\"".to_owned();
        let found = name.clone();
        reader.report(head.place("name"), PackProblem::BadValue { key: "name".to_owned(), found, remedy });
    }
    name
}

fn version(reader: &mut Reader, head: Table<'_>) -> u32 {
    let version = reader.number(head, "version").unwrap_or(1);
    if version == 0 {
        let remedy = "versions count from 1".to_owned();
        let (key, found) = ("version".to_owned(), "0".to_owned());
        reader.report(head.place("version"), PackProblem::BadValue { key, found, remedy });
    }
    version
}

/// The code of a division, by which the room is found towards which the pack binds.
fn issuer(reader: &mut Reader, head: Table<'_>) -> Option<String> {
    let issuer = reader.text(head, "issuer")?.to_owned();
    if !matches!(issuer.len(), 6 | 14) || !issuer.bytes().all(|byte| byte.is_ascii_digit()) {
        let remedy = "write the code of a division or a room: 6 or 14 digits, such as \"411300\"".to_owned();
        let (key, found) = ("issuer".to_owned(), issuer.clone());
        reader.report(head.place("issuer"), PackProblem::BadValue { key, found, remedy });
    }
    Some(issuer)
}

fn check_dates(reader: &mut Reader, head: Table<'_>, effective: Timestamp, repealed: Option<Timestamp>) {
    if repealed.is_some_and(|repealed| repealed <= effective) {
        reader.report(
            head.place("repealed"),
            PackProblem::Contradiction {
                subject: "repealed".to_owned(),
                other: "effective".to_owned(),
                why: "the pack would be repealed before it begins: correct one of the two days".to_owned(),
            },
        );
    }
}

fn switches(reader: &mut Reader, head: Table<'_>) -> Switches {
    let usual = Switches::default();
    let Some(table) = reader.table(head, "switches", SWITCH_KEYS) else { return usual };
    let implied_start = reader.word::<Event>(table, "implied_start").unwrap_or(usual.implied_start);
    if !matches!(implied_start, Event::Occurrence | Event::Learned) {
        let remedy = "write \"occurrence\" or \"learned\"".to_owned();
        let (key, found) = ("implied_start".to_owned(), implied_start.word().to_owned());
        reader.report(table.place("implied_start"), PackProblem::BadValue { key, found, remedy });
    }
    Switches {
        working_days: reader.word::<WorkingDays>(table, "working_days").unwrap_or(usual.working_days),
        natural_days: reader.word::<NaturalDays>(table, "natural_days").unwrap_or(usual.natural_days),
        implied_start,
    }
}

fn duty(reader: &mut Reader, table: Table<'_>) -> Duty {
    Duty {
        id: rule::id(reader, table),
        retention_days: reader.number(table, "retention_days"),
        min_on_watch: reader.number(table, "min_on_watch"),
        copy_to: reader.texts(table, "copy_to"),
        clause: rule::clause(reader, table),
    }
}
