//! The limit of a rule in a pack file: `"PT20M"`, `"asap"`, `{ before = 3, unit = "working_day" }` and the others.

use toml::{Spanned, de::DeValue};

use super::{
    fault::PackProblem,
    reader::{Key, Reader, Table},
};
use crate::duty::{
    beijing::Day,
    rule::{DayUnit, Limit},
};

const LIMIT_KEYS: &[Key] = &[
    ("before", "before = 3"),
    ("unit", "unit = \"working_day\" or \"natural_day\""),
    ("by", "by = \"end_of_day\", \"local_cutoff\" or \"notice_due\""),
    ("time", "time = \"17:00\""),
    ("day", "day = \"01-31\""),
];

const EXAMPLE: &str = "limit = \"PT20M\", \"asap\", \"inherit\", \"none\", { before = 3, unit = \"working_day\" }, { by = \"end_of_day\" }";

/// The longest limit of a written rule; more is a mistake in the unit.
const DURATION_MAX_MS: i64 = 366 * 86_400_000;
/// More days in advance are a mistake, too.
const BEFORE_MAX: u32 = 60;

pub(super) fn read(reader: &mut Reader, table: Table<'_>) -> Option<Limit> {
    reader.require(table, "limit");
    let value = table.entries.get("limit")?;
    match value.get_ref() {
        DeValue::String(text) => named(reader, value, text),
        DeValue::Table(entries) => {
            let inner = Table { entries, at: value.span().start, keys: LIMIT_KEYS };
            reader.check_keys(inner);
            tabled(reader, inner)
        }
        DeValue::Integer(_)
        | DeValue::Float(_)
        | DeValue::Boolean(_)
        | DeValue::Datetime(_)
        | DeValue::Array(_) => {
            let found = value.get_ref().type_str();
            let problem = PackProblem::WrongType { key: "limit".to_owned(), found, example: EXAMPLE };
            reader.report(value.span().start, problem);
            None
        }
    }
}

fn named(reader: &mut Reader, value: &Spanned<DeValue<'_>>, text: &str) -> Option<Limit> {
    let limit = match text {
        "asap" => Some(Limit::Asap),
        "inherit" => Some(Limit::Inherit),
        "none" => Some(Limit::None),
        _ => duration_ms(text).map(|duration_ms| Limit::Within { duration_ms }),
    };
    let is_sane = !matches!(limit, Some(Limit::Within { duration_ms }) if !(1..=DURATION_MAX_MS).contains(&duration_ms));
    if limit.is_none() || !is_sane {
        let remedy = format!(
            "no limit: write hours, minutes and seconds such as \"PT1H\", \"PT20M\", \"PT1H30M\", more than none and \
             at most 366 days (days in advance are {{ before = 3, unit = \"working_day\" }}), or {EXAMPLE}"
        );
        bad(reader, value.span().start, "limit", text, remedy);
        return None;
    }
    limit
}

fn bad(reader: &mut Reader, at: usize, key: &str, found: &str, remedy: String) {
    reader.report(at, PackProblem::BadValue { key: key.to_owned(), found: found.to_owned(), remedy });
}

/// `PT1H30M` in milliseconds. Days, weeks and months are none: their length depends on the calendar.
fn duration_ms(text: &str) -> Option<i64> {
    let mut rest = text.strip_prefix("PT").filter(|rest| !rest.is_empty())?;
    let mut total = 0i64;
    for (letter, unit_ms) in [('H', 3_600_000), ('M', 60_000), ('S', 1_000)] {
        let Some((number, after)) = rest.split_once(letter) else { continue };
        let is_plain = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        let number: i64 = is_plain.then(|| number.parse().ok()).flatten()?;
        total = total.checked_add(number.checked_mul(unit_ms)?)?;
        rest = after;
    }
    rest.is_empty().then_some(total)
}

fn tabled(reader: &mut Reader, table: Table<'_>) -> Option<Limit> {
    match (table.entries.contains_key("before"), table.entries.contains_key("by")) {
        (true, false) => {
            forbid(reader, table, &["time", "day"]);
            before(reader, table)
        }
        (false, true) => {
            forbid(reader, table, &["unit"]);
            by(reader, table)
        }
        _ => {
            let remedy = format!("it has one of before and by: write for example {EXAMPLE}");
            bad(reader, table.at, "limit", "{}", remedy);
            None
        }
    }
}

/// Reports keys that do not go with the others.
fn forbid(reader: &mut Reader, table: Table<'_>, keys: &[&str]) {
    for key in keys.iter().filter(|key| table.entries.contains_key(**key)) {
        let remedy = "it does not go with the other fields of this limit: remove it".to_owned();
        bad(reader, table.place(key), key, "", remedy);
    }
}

fn before(reader: &mut Reader, table: Table<'_>) -> Option<Limit> {
    if table.entries.get("before").and_then(|value| value.get_ref().as_str()) == Some("unspecified") {
        forbid(reader, table, &["unit"]);
        return Some(Limit::BeforeStart);
    }
    reader.require(table, "unit");
    let unit: Option<DayUnit> = reader.word(table, "unit");
    let count = reader.number(table, "before")?;
    if !(1..=BEFORE_MAX).contains(&count) {
        let remedy = format!("write a number of days from 1 to {BEFORE_MAX}, or \"unspecified\"");
        bad(reader, table.place("before"), "before", &count.to_string(), remedy);
        return None;
    }
    Some(Limit::Before { count: u16::try_from(count).ok()?, unit: unit? })
}

fn by(reader: &mut Reader, table: Table<'_>) -> Option<Limit> {
    let word = reader.text(table, "by")?;
    if word != "local_cutoff" {
        forbid(reader, table, &["time", "day"]);
    }
    match word {
        "end_of_day" => Some(Limit::EndOfDay),
        "notice_due" => Some(Limit::NoticeDue),
        "local_cutoff" => cutoff(reader, table),
        _ => {
            let remedy = "unknown: write \"end_of_day\", \"local_cutoff\" or \"notice_due\"".to_owned();
            bad(reader, table.place("by"), "by", word, remedy);
            None
        }
    }
}

fn cutoff(reader: &mut Reader, table: Table<'_>) -> Option<Limit> {
    if let Some(text) = reader.text(table, "day") {
        forbid(reader, table, &["time"]);
        // 2023 has no 29 February: a cut-off must exist every year.
        let day = Day::parse(&format!("2023-{text}")).and_then(Day::date);
        if day.is_none() {
            bad(reader, table.place("day"), "day", text, "write month-day, such as \"01-31\"".to_owned());
        }
        return day.map(|day| Limit::CutoffDay { month: day.month(), day: day.day() });
    }
    let Some(text) = reader.text(table, "time") else { return Some(Limit::CutoffTime { minute: None }) };
    let minute = minute_of(text);
    if minute.is_none() {
        bad(
            reader,
            table.place("time"),
            "time",
            text,
            "write hour:minute up to 24:00, such as \"17:00\"".to_owned(),
        );
    }
    minute.map(|minute| Limit::CutoffTime { minute: Some(minute) })
}

/// `17:00` in minutes after midnight; 24:00 is the end of the day.
fn minute_of(text: &str) -> Option<u16> {
    let (hour, minute) = text.split_once(':').filter(|_| text.len() == 5)?;
    let is_plain = hour.bytes().chain(minute.bytes()).all(|byte| byte.is_ascii_digit());
    let (hour, minute): (u16, u16) = (hour.parse().ok()?, minute.parse().ok()?);
    let total = hour.checked_mul(60)?.checked_add(minute)?;
    (is_plain && minute < 60 && total <= 24 * 60).then_some(total)
}
