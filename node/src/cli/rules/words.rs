//! The words of a rule for people: limits, flags, reasons and times, as the catalogue has them. Programs read the short ones.

use relay::{
    duty::finding::{FlagName, SetAside},
    evidence::timed::{MISSING_HEAD, MISSING_TICK},
};
use serde_json::Value;

use crate::{catalogue::Catalogue, cli::moment::beijing, escape::one_line};

/// `PT1H30M`, `2 working_day before`, `local_cutoff 17:00` or one word, in the reader's language.
pub(super) fn limit(text: &str, catalogue: &Catalogue) -> String {
    match text.split(' ').collect::<Vec<_>>().as_slice() {
        [count, unit, "before"] => {
            let unit = catalogue.word("dayunit", unit);
            catalogue.text("limit-days-before", &[("count", count), ("unit", &unit)])
        }
        ["local_cutoff", at] => catalogue.text("limit-local-cutoff-at", &[("at", at)]),
        [span] if span.starts_with("PT") => duration(span, catalogue),
        [_, ..] | [] => catalogue.word("limit", text),
    }
}

fn duration(span: &str, catalogue: &Catalogue) -> String {
    let parts = span.trim_start_matches("PT").split_inclusive(|letter: char| letter.is_ascii_uppercase());
    let told = parts.filter_map(|part| {
        let unit = part.chars().last()?.to_lowercase().to_string();
        let number = part.trim_end_matches(|letter: char| letter.is_ascii_uppercase());
        Some(catalogue.text(&format!("limit-{unit}"), &[("count", number)]))
    });
    told.collect::<Vec<_>>().join(" ")
}

/// `name:detail`, the name in words.
pub(super) fn flag(text: &str, catalogue: &Catalogue) -> String {
    match text.split_once(':') {
        Some((name, detail)) => {
            let is_witness = name == FlagName::MissingWitness.word();
            let detail = if is_witness { witness(detail, catalogue) } else { detail.to_owned() };
            format!("{}: {detail}", catalogue.word("flag", name))
        }
        None => catalogue.word("flag", text),
    }
}

/// The witness that an interval lacks, as the judge names it.
pub(crate) fn witness(text: &str, catalogue: &Catalogue) -> String {
    match text.strip_prefix(MISSING_TICK) {
        Some(room) => catalogue.text("witness-tick", &[("room", room)]),
        None if text == MISSING_HEAD => catalogue.text("witness-head", &[]),
        None if text == "occurrence" => catalogue.word("moment", text),
        None => text.to_owned(),
    }
}

/// A time of RFC 3339 as the other pages show it; what is none stays as it is.
pub(crate) fn time(text: &str) -> String {
    text.parse::<jiff::Timestamp>().map_or_else(|_| text.to_owned(), |at| beijing(at.as_millisecond()))
}

/// Why a rule does not apply, on one line.
pub(super) fn set_aside(
    rule: &str,
    clause: &str,
    (reason, detail): (&str, &str),
    catalogue: &Catalogue,
) -> String {
    let told = catalogue.word("aside", reason);
    let detail = match reason {
        "not_started" => catalogue.word("moment", detail),
        "other_kind" => catalogue.word("rulekind", detail),
        "not_yet_effective" | "repealed" => detail.parse().map_or_else(|_| detail.to_owned(), beijing),
        _ => catalogue.word("trait", detail),
    };
    let values = [("rule", rule), ("clause", clause), ("reason", &told), ("detail", &one_line(&detail))];
    catalogue.text("explain-aside", &values)
}

/// The name of the reason and its value.
pub(super) fn reason(rule: &SetAside) -> (String, String) {
    let value = serde_json::to_value(&rule.reason).unwrap_or_default();
    let field = |(name, value): (&String, &Value)| {
        (name != "reason").then(|| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
    };
    let detail = value.as_object().into_iter().flatten().find_map(field).unwrap_or_default();
    (value.get("reason").and_then(Value::as_str).unwrap_or_default().to_owned(), detail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::Language;

    #[test]
    fn a_missing_witness_is_named_in_the_readers_language() {
        let chinese = Catalogue::new(Language::Chinese);
        let told = [
            flag(&format!("missing_witness:{MISSING_HEAD}"), &chinese),
            witness(&format!("{MISSING_TICK}abc"), &chinese),
            witness("occurrence", &chinese),
        ];
        assert_eq!(told, ["缺见证: 导出单位日志的存证点", "abc 所引的时标", "事发"]);
    }
}
