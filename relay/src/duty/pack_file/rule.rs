//! One `[[rule]]` of a pack file: its words, its conditions, its clause, and whether they fit each other.

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{
    fault::PackProblem,
    limit,
    reader::{Key, Reader, Table},
};
use crate::duty::{
    condition::{Conditions, Trait},
    event::Event,
    rule::{Basis, Channel, Clause, Limit, Remark, Requirement, Rule},
};

pub(super) const RULE_KEYS: &[Key] = &[
    ("id", "id = \"hn.report.l3\""),
    ("kind", "kind = \"report.first\""),
    ("force", "force = \"must\""),
    ("channel", "channel = \"any\""),
    ("start", "start = \"occurrence\""),
    ("basis", "basis = \"stated\""),
    ("stop", "stop = \"delivered\""),
    ("stop_at", "stop_at = \"省政府总值班室\""),
    ("limit", "limit = \"PT1H\""),
    ("applies", "applies = { severity = [\"较大\"] }"),
    ("assumes", "assumes = { person = [\"主要负责同志\"] }"),
    (
        "requires",
        "requires = { when = { leaves_province = true }, event = \"approved\", step = \"请假获批\" }",
    ),
    (
        "remarks",
        "remarks = [{ when = { filing_channel = [\"fax\"] }, flag = \"phone_confirmation_required\" }]",
    ),
    ("required_fields", "required_fields = [\"领导姓名\"]"),
    CLAUSE_PLACE_KEYS[0],
    CLAUSE_PLACE_KEYS[1],
    CLAUSE_PLACE_KEYS[2],
    CLAUSE_PLACE_KEYS[3],
    CLAUSE_PLACE_KEYS[4],
    CLAUSE_PLACE_KEYS[5],
];

/// The keys of a clause, in rules and duties alike.
pub(super) const CLAUSE_PLACE_KEYS: [Key; 6] = [
    ("document", "document = \"国务院令第493号\""),
    ("place", "place = \"七(三)\""),
    ("place_en", "place_en = \"VII (3)\""),
    ("says", "says = \"较大事件1小时内报告\""),
    ("says_en", "says_en = \"a level III event within an hour\""),
    ("quote", "quote = \"必须在1小时内\""),
];

const REQUIRES_KEYS: &[Key] = &[
    ("when", "when = { leaves_province = true }"),
    ("event", "event = \"approved\""),
    ("step", "step = \"请假获批\""),
    ("step_en", "step_en = \"approved leave request\""),
];

const REMARK_KEYS: &[Key] =
    &[("when", "when = { filing_channel = [\"fax\"] }"), ("flag", "flag = \"phone_confirmation_required\"")];

/// Reads a rule; nothing when a part without which it cannot be is missing or wrong.
pub(super) fn read(reader: &mut Reader, table: Table<'_>) -> Option<Rule> {
    let id = id(reader, table);
    let kind = reader.required_word(table, "kind");
    let force = reader.required_word(table, "force");
    let channel = reader.required_word(table, "channel");
    let start = reader.required_word(table, "start");
    let stop = reader.required_word(table, "stop");
    let basis =
        if table.entries.contains_key("basis") { reader.word(table, "basis") } else { Some(Basis::Stated) };
    let limit = limit::read(reader, table);
    let applies = alternatives(reader, table);
    let assumes = conditions(reader, table, "assumes");
    let requires = requirement(reader, table);
    let remarks = remarks(reader, table);
    let required_fields = reader.texts(table, "required_fields");
    let stop_at = reader.optional_text(table, "stop_at");
    let clause = clause(reader, table);
    reader.require(table, "place");
    let rule = Rule {
        id,
        kind: kind?,
        force: force?,
        channel: channel?,
        start: start?,
        basis: basis?,
        stop: stop?,
        stop_at,
        limit: limit?,
        applies,
        assumes,
        requires,
        remarks,
        required_fields,
        clause,
    };
    check_fit(reader, table, &rule);
    Some(rule)
}

/// The name of a rule or duty, which stands in files, in logs and on screens.
pub(super) fn id(reader: &mut Reader, table: Table<'_>) -> String {
    const LENGTH_MAX: usize = 64;
    let id = reader.required_text(table, "id");
    if id.chars().any(|c| c.is_whitespace() || topology::is_unseen(c)) || id.chars().count() > LENGTH_MAX {
        let remedy =
            format!("write at most {LENGTH_MAX} characters without spaces, such as \"hn.report.l3\"");
        let (key, found) = ("id".to_owned(), id.clone());
        reader.report(table.place("id"), PackProblem::BadValue { key, found, remedy });
    }
    id
}

pub(super) fn clause(reader: &mut Reader, table: Table<'_>) -> Clause {
    Clause {
        document: reader.text(table, "document").map(str::to_owned),
        place: reader.optional_text(table, "place"),
        place_en: reader.optional_text(table, "place_en"),
        says: reader.optional_text(table, "says"),
        says_en: reader.optional_text(table, "says_en"),
        quote: reader.optional_text(table, "quote"),
    }
}

fn requirement(reader: &mut Reader, table: Table<'_>) -> Option<Requirement> {
    let inner = reader.table(table, "requires", REQUIRES_KEYS)?;
    let event: Event = reader.required_word(inner, "event")?;
    if !event.is_stop() {
        let remedy = "a step is done when something is completed, delivered or approved".to_owned();
        let (key, found) = ("event".to_owned(), event.word().to_owned());
        reader.report(inner.place("event"), PackProblem::BadValue { key, found, remedy });
    }
    Some(Requirement {
        when: conditions(reader, inner, "when"),
        event,
        step: reader.required_text(inner, "step"),
        step_en: reader.optional_text(inner, "step_en"),
    })
}

fn remarks(reader: &mut Reader, table: Table<'_>) -> Vec<Remark> {
    let tables = reader.tables(table, "remarks", REMARK_KEYS);
    let mut read = |inner| {
        let flag = reader.required_text(inner, "flag");
        Remark { when: conditions(reader, inner, "when"), flag }
    };
    tables.into_iter().map(&mut read).collect()
}

/// `applies`: one table, or a list of tables of which one is enough.
fn alternatives(reader: &mut Reader, table: Table<'_>) -> Vec<Conditions> {
    let Some(value) = table.entries.get("applies") else { return Vec::new() };
    if value.get_ref().is_table() {
        return vec![conditions(reader, table, "applies")];
    }
    let items = reader.list(table, "applies");
    if items.is_empty() && value.get_ref().is_array() {
        asks_for_nothing(reader, "[]", value.span().start);
    }
    items.iter().map(|item| one_of(reader, item, "applies")).collect()
}

fn conditions(reader: &mut Reader, table: Table<'_>, key: &'static str) -> Conditions {
    table.entries.get(key).map_or_else(Conditions::new, |value| one_of(reader, value, key))
}

fn one_of(reader: &mut Reader, value: &Spanned<DeValue<'_>>, key: &str) -> Conditions {
    match value.get_ref().as_table() {
        Some(entries) => read_conditions(reader, entries, value.span().start),
        None => {
            let found = value.get_ref().type_str();
            let example = "{ severity = [\"较大\"] }";
            reader.report(value.span().start, PackProblem::WrongType { key: key.to_owned(), found, example });
            Conditions::new()
        }
    }
}

fn asks_for_nothing(reader: &mut Reader, found: &str, at: usize) {
    let remedy = "it asks for nothing: leave it out".to_owned();
    let (key, found) = ("applies".to_owned(), found.to_owned());
    reader.report(at, PackProblem::BadValue { key, found, remedy });
}

fn read_conditions(reader: &mut Reader, entries: &DeTable<'_>, at: usize) -> Conditions {
    let mut conditions = Conditions::new();
    if entries.is_empty() {
        asks_for_nothing(reader, "{}", at);
    }
    for (key, value) in entries {
        match key.get_ref().parse::<Trait>() {
            Ok(name) => {
                let values = wanted(reader, name, value.get_ref(), value.span().start);
                conditions.insert(name, values);
            }
            Err(error) => {
                let problem = PackProblem::UnknownWord { key: key.get_ref().to_string(), error };
                reader.report(key.span().start, problem);
            }
        }
    }
    conditions
}

/// The wanted values of a trait: a list, or one value alone.
fn wanted(reader: &mut Reader, name: Trait, value: &DeValue<'_>, at: usize) -> Vec<String> {
    let single = [value];
    let items: Vec<&DeValue<'_>> = match value.as_array() {
        Some(items) => items.iter().map(|item| item.get_ref()).collect(),
        None => single.to_vec(),
    };
    let texts: Option<Vec<String>> = items.into_iter().map(plain).collect();
    let known = name.values();
    let texts = texts.filter(|texts| !texts.is_empty());
    let is_known = |text: &String| known.is_empty() || known.contains(&text.as_str());
    match texts {
        Some(texts) if texts.iter().all(is_known) => texts,
        other => {
            let found = other.unwrap_or_default().join(", ");
            let wanted = if known.is_empty() { "text".to_owned() } else { known.join(", ") };
            let remedy = format!("write one or more of: {wanted}");
            reader.report(at, PackProblem::BadValue { key: name.word().to_owned(), found, remedy });
            Vec::new()
        }
    }
}

fn plain(value: &DeValue<'_>) -> Option<String> {
    let number = || value.as_integer().map(|integer| integer.as_str().to_owned());
    value.as_str().map(str::to_owned).or_else(|| value.as_bool().map(|flag| flag.to_string())).or_else(number)
}

/// Whether start, stop, channel and limit go together.
fn check_fit(reader: &mut Reader, table: Table<'_>, rule: &Rule) {
    let mut misfit = |key: &str, found: &str, remedy: String| {
        let (key_text, found) = (key.to_owned(), found.to_owned());
        reader.report(table.place(key), PackProblem::BadValue { key: key_text, found, remedy });
    };
    let kind = rule.kind.word();
    if rule.start == rule.stop {
        misfit(
            "stop",
            rule.stop.word(),
            "start and stop are the same event: the rule could not be missed".to_owned(),
        );
        return;
    }
    if !rule.kind.starts().contains(&rule.start) {
        let known: Vec<&str> = rule.kind.starts().iter().map(|event| event.word()).collect();
        misfit("start", rule.start.word(), format!("a {kind} starts at one of: {}", known.join(", ")));
    }
    if !rule.kind.stops().contains(&rule.stop) {
        let known: Vec<&str> = rule.kind.stops().iter().map(|event| event.word()).collect();
        misfit(
            "stop",
            rule.stop.word(),
            format!("a {kind} stops when it is completed or delivered: write one of {}", known.join(", ")),
        );
    }
    match rule.channel {
        Channel::Phone if !rule.stop.is_phone() => {
            misfit(
                "stop",
                rule.stop.word(),
                "a telephone rule stops at phone_report_completed or phone_feedback_completed".to_owned(),
            );
        }
        Channel::Written | Channel::FaxOrPrivateNetwork | Channel::PlatformOrFax | Channel::Platform
            if rule.stop.is_phone() =>
        {
            misfit(
                "stop",
                rule.stop.word(),
                format!("a call is not {}: write channel = \"phone\"", rule.channel.word()),
            );
        }
        Channel::Any
        | Channel::Phone
        | Channel::Written
        | Channel::FaxOrPrivateNetwork
        | Channel::PlatformOrFax
        | Channel::Platform => {}
    }
    if let Some(remedy) = unit_misfit(rule) {
        misfit("limit", "", remedy);
    }
}

/// Why the limit's unit does not fit the event at which the clock starts.
fn unit_misfit(rule: &Rule) -> Option<String> {
    let start = rule.start.word();
    match rule.limit {
        Limit::Within { .. } if rule.start.is_planned() => {
            Some(format!("{start} is a day to come: a lead time is {{ before = 3, unit = \"working_day\" }}"))
        }
        Limit::Before { .. } | Limit::BeforeStart if !rule.start.is_planned() => Some(format!(
            "{start} is not known in advance: nothing can be due days before it; write \"PT1H\""
        )),
        Limit::CutoffDay { .. } if rule.start != Event::YearStart => {
            Some(format!("a day of the year counts from year_start, not from {start}"))
        }
        Limit::CutoffTime { .. } if !rule.start.is_planned() || rule.start == Event::YearStart => {
            Some(format!("an hour of the day counts from a planned day, not from {start}"))
        }
        Limit::NoticeDue if rule.start != Event::NoticeReceived => {
            Some(format!("the time that a notice names counts from notice_received, not from {start}"))
        }
        Limit::Within { .. }
        | Limit::Before { .. }
        | Limit::BeforeStart
        | Limit::EndOfDay
        | Limit::CutoffTime { .. }
        | Limit::CutoffDay { .. }
        | Limit::NoticeDue
        | Limit::Asap
        | Limit::Inherit
        | Limit::None => None,
    }
}
