//! What a map file says about rules: which packs and which years of the calendar are to be in force. The map holds only what
//! was signed, so this is read beside it.

use super::reader::{Found, Reader, Table};
use crate::{Chosen, RuleChoice};

/// Reads both keys. `line` turns a place of the text into its line.
pub(super) fn read(reader: &mut Reader, head: &Table<'_>, line: &dyn Fn(usize) -> usize) -> RuleChoice {
    let stands = |key: &str| head.entries.contains_key(key);
    let chosen = |value: String, start: usize| Chosen { value, line: line(start) };
    let packs = reader.texts(head, PACKS).into_iter();
    let packs = packs.map(|Found { value, span, .. }| chosen(value.to_owned(), span.start)).collect();
    let years = reader.years(head, CALENDARS).into_iter();
    let years = years.map(|Found { value, span, .. }| chosen(value, span.start)).collect();
    RuleChoice { packs: stands(PACKS).then_some(packs), calendars: stands(CALENDARS).then_some(years) }
}

const PACKS: &str = "rule_packs";
const CALENDARS: &str = "calendars";
