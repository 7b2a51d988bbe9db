//! The rule pack file (规则包文件): a pack as a person writes it, in TOML. Whatever is wrong with it is reported with
//! file, line and what to do, and all of it at once: unknown words, rules that contradict each other, and rules that
//! loosen the pack on which this one is based.
//!
//! ```toml
//! name = "nanyang-2026"
//! version = 1                                  # counts up with every change
//! title = "南阳市政府系统值班工作实施细则"
//! document = "宛政办〔2026〕1号"
//! issuer = "411300"                            # division code; may be left out
//! target = "市政府总值班室"
//! base = "henan-2021"                          # the pack that this one tightens; may be left out
//! issued = "2026-01-10"
//! effective = "2026-02-01"                     # first day; the day of issue when left out
//! repealed = "2030-01-01"                      # first day on which it judges no more; may be left out
//!
//! [switches]                                   # each may be left out
//! working_days = "loose"                       # or "strict": n clear working days lie between
//! natural_days = "inclusive"                   # or "exclusive": n clear days lie between
//! implied_start = "occurrence"                 # or "learned"
//!
//! [[rule]]
//! id = "ny.report.l3"
//! kind = "report.first"
//! force = "must"                               # strive, principle, may
//! channel = "any"                              # phone, written ...
//! start = "occurrence"
//! basis = "stated"                             # implied, local
//! stop = "delivered"
//! limit = "PT45M"                              # "asap", "inherit", "none", { before = 3, unit = "working_day" },
//!                                              # { by = "end_of_day" }, { by = "local_cutoff", time = "17:00" } ...
//! applies = { severity = ["较大"] }             # a list of such tables: one of them is enough
//! assumes = { person = ["主要负责同志"] }        # taken for granted unless the facts say otherwise
//! place = "第三条"
//! says = "较大事件45分钟内报告"
//! quote = "45分钟内"
//! ```

mod fault;
mod head;
mod limit;
mod lint;
mod reader;
mod rule;
#[cfg(test)]
mod tests;

pub use fault::{PackError, PackErrors, PackProblem};

use std::collections::BTreeSet;

use toml::de::DeTable;

use super::pack::RulePack;
use reader::Reader;

/// Reads a pack file and checks it, against the pack that it names as its base if that is among `bases`.
///
/// # Errors
/// Everything that is wrong with it; of a file that is not TOML, that alone.
pub fn parse(file_name: &str, text: &str, bases: &[RulePack]) -> Result<RulePack, PackErrors> {
    read(file_name, text, bases, None)
}

/// The same, with this pack of `bases` laid under a file that names no base itself.
///
/// # Errors
/// As [`parse`].
pub fn parse_on(file_name: &str, text: &str, bases: &[RulePack], base: &str) -> Result<RulePack, PackErrors> {
    read(file_name, text, bases, Some(base))
}

/// The text of a pack file.
///
/// # Errors
/// The line on which it ceases to be UTF-8.
pub fn text(file_name: &str, bytes: Vec<u8>) -> Result<String, PackErrors> {
    String::from_utf8(bytes).map_err(|error| {
        let good = error.utf8_error().valid_up_to();
        let line = 1 + error.as_bytes().iter().take(good).filter(|byte| **byte == b'\n').count();
        PackErrors::new(file_name, vec![PackError { line, problem: PackProblem::NotText }])
    })
}

fn read(file_name: &str, text: &str, bases: &[RulePack], base: Option<&str>) -> Result<RulePack, PackErrors> {
    let mut reader = Reader::default();
    if text.len() > SIZE_MAX_BYTES {
        reader.report(0, PackProblem::TooLarge { limit_bytes: SIZE_MAX_BYTES });
        return Err(reader.into_errors(file_name, ""));
    }
    let (document, syntax) = DeTable::parse_recoverable(text);
    for error in &syntax {
        reader.report_syntax(error);
    }
    if !syntax.is_empty() {
        return Err(reader.into_errors(file_name, text));
    }
    let (mut pack, places) = head::read(&mut reader, document.get_ref());
    pack.sort_by_kind();
    if pack.base.is_none() {
        pack.base = base.map(str::to_owned);
    }
    if reader.is_content() {
        lint::check_itself(&mut reader, &pack, &places);
        let names: BTreeSet<&str> = pack.base.as_deref().into_iter().chain(base).collect();
        for name in names {
            lint::check_on(&mut reader, &pack, &places, bases, name);
        }
    }
    if reader.is_content() { Ok(pack) } else { Err(reader.into_errors(file_name, text)) }
}

/// A pack has some dozens of rules; the largest of the project has 18 kilobytes.
const SIZE_MAX_BYTES: usize = 1 << 20;
