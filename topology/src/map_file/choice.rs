//! What a map file says about rules: which packs and which years of the calendar are to be in force. The map holds only what
//! was signed, so this is read beside it.

use super::reader::{Found, Reader, Table};
use crate::{Chosen, RuleChoice};

/// Reads both keys. `line` turns a place of the text into its line.
pub(super) fn read(reader: &mut Reader, head: &Table<'_>, line: &dyn Fn(usize) -> usize) -> RuleChoice {
    let packs = reader.texts(head, PACKS);
    let packs = packs.into_iter().map(|found| chosen(found, line, str::to_owned)).collect();
    let years = reader.years(head, CALENDARS);
    let years = years.into_iter().map(|found| chosen(found, line, |year| year)).collect();
    let stands = |key: &str| head.entries.contains_key(key);
    RuleChoice { packs: stands(PACKS).then_some(packs), calendars: stands(CALENDARS).then_some(years) }
}

fn chosen<F, T>(found: Found<F>, line: &dyn Fn(usize) -> usize, value: impl Fn(F) -> T) -> Chosen<T> {
    Chosen { line: line(found.span.start), value: value(found.value) }
}

const PACKS: &str = "rule_packs";
const CALENDARS: &str = "calendars";
