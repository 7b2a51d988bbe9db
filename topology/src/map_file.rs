//! The map file (网络图文件): the plan as a person writes it, in TOML. Whatever is wrong with it is
//! reported with file, line and what to do, and all of it at once.
//!
//! ```toml
//! network = "henan"          # one DNS label
//! version = 1                # counts up with every change
//! demo = false               # may be left out
//! rule_packs = ["cn-baseline-2024", "henan-2021", "./nanyang-2026.toml"]   # names and files; may be left out
//! calendars = [2026, "./2027.toml"]                  # years of the working-day calendar; may be left out
//!
//! [[room]]
//! code = "410000"
//! name = "河南省政府总值班室"
//! name_en = "Henan provincial duty room"             # may be left out
//! level = "province"
//! address = "10.41.0.1:7100"                         # required of whoever is dialled
//! telephone = "0371-65900000"                        # this and all below may be left out
//!
//! [[room]]
//! code = "410300"
//! name = "洛阳市政府总值班室"
//! level = "city"
//! parent = "410000"                                  # code (or id, or full name) of a room of this file
//! address = "10.41.3.1:7100"
//!
//! [[room]]
//! # A code or a name that changed has dates, Beijing time; `to` is the last day.
//! codes = [{ code = "410322", to = "2021-03-17" }, { code = "410308", from = "2021-03-18" }]
//! names = [{ name = "孟津县政府值班室", to = "2021-03-17" }, { name = "孟津区政府值班室", from = "2021-03-18" }]
//! level = "county"
//! id = "ge3dcmzqgaydamjrgezdgmbqga"                  # drawn where it is left out
//! parent = "410300"
//! alternates = ["410000"]                            # also dialled, for when the parent is away
//! relations = [{ kind = "peer", room = "410000" }]   # or party_committee, line_superior, territorial_superior
//! valid_from = "1950-01-01"                          # first and last day of the room itself
//! valid_to = "2049-12-31"
//! ```
//!
//! An instant that is no Beijing midnight is written as milliseconds since 1970 UTC; in `to` and
//! `valid_to` it is then the first that does not count.

use toml::de::DeTable;

use crate::{Map, RoomId, RuleChoice, map};

mod choice;
mod date;
mod draft;
mod fault;
mod reader;
mod write;

pub(crate) use date::{DAY_MS, midnight_ms};
pub use fault::{MapFileError, MapFileErrors, MapFileProblem};
pub use write::write;

use draft::Draft;
use reader::Reader;

/// Reads a map file. `file_name` stands in the errors; `fresh_id` draws the id of every room that has
/// none. A file that is not TOML is answered with that alone, any other with everything that is wrong.
pub fn parse(
    file_name: &str,
    text: &str,
    fresh_id: &mut dyn FnMut() -> RoomId,
    issued_at_ms: i64,
) -> Result<Map, MapFileErrors> {
    let mut reader = Reader::default();
    let (document, syntax) = DeTable::parse_recoverable(text);
    for error in &syntax {
        reader.report_syntax(error);
    }
    if !syntax.is_empty() {
        return Err(reader.into_errors(file_name, text));
    }
    let plan = Draft::read(&mut reader, document.get_ref(), fresh_id, issued_at_ms).into_plan(&mut reader);
    for error in map::check(&plan) {
        reader.report_map(error);
    }
    if reader.is_content() {
        Map::new(plan).map_err(|errors| {
            errors.errors().iter().cloned().for_each(|error| reader.report_map(error));
            reader.into_errors(file_name, text)
        })
    } else {
        Err(reader.into_errors(file_name, text))
    }
}

/// What a map file says about rule packs and calendars, each entry with its line.
///
/// # Errors
/// What is wrong with these keys; the rest of the file is for [`parse`].
pub fn rule_choice(file_name: &str, text: &str) -> Result<RuleChoice, MapFileErrors> {
    let mut reader = Reader::default();
    let (document, syntax) = DeTable::parse_recoverable(text);
    for error in &syntax {
        reader.report_syntax(error);
    }
    let line = |at: usize| text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1;
    let choice = choice::read(&mut reader, &draft::head(document.get_ref()), &line);
    if reader.is_content() { Ok(choice) } else { Err(reader.into_errors(file_name, text)) }
}

#[cfg(test)]
mod tests;
