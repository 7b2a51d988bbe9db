//! What a map file wishes to be in force, with the texts of the files that it names, so that it can be sent to where it is
//! signed.
//!
//! Without `rule_packs` the program's packs of the divisions on the map, and of those above them, are wished, with the base
//! in national law; without `calendars` this year and its neighbours. What is in force already stays in both cases.

use std::path::Path;

use relay::{
    duty::{beijing::Day, builtin},
    timestamp::Timestamp,
};
use serde::{Deserialize, Serialize};
use topology::{Chosen, Map, map_file};

use crate::problem::Problem;

/// What is wished.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Wish {
    /// The map file, for error messages.
    pub file: String,
    /// The packs.
    pub packs: Vec<Wished>,
    /// The years.
    pub calendars: Vec<Wished>,
    /// Whether the packs in force stay, too, because the file does not choose.
    pub keeps_packs: bool,
    /// The same for the years.
    pub keeps_calendars: bool,
}

/// One pack or year.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Wished {
    /// A name or a year; of a file, its path.
    pub name: String,
    /// The file's text.
    pub text: Option<String>,
    /// Where the map file wishes it; 0 where the program does.
    pub line: usize,
}

impl Wish {
    /// Reads what a map file wishes.
    ///
    /// # Errors
    /// `map_file_invalid`; `read_failed` for a file that it names.
    pub fn read(path: &Path, map: &Map, now: Timestamp) -> Result<Self, Problem> {
        let file = path.display().to_string();
        let text = std::fs::read_to_string(path)
            .map_err(|error| Problem::failed("read_failed").with("path", &file).with("detail", error))?;
        let choice = map_file::rule_choice(&file, &text)?;
        let (keeps_packs, keeps_calendars) = (choice.packs.is_none(), choice.calendars.is_none());
        let beside = path.parent().unwrap_or(Path::new("."));
        let wished = |chosen: Option<Vec<Chosen>>, usual: Vec<String>| match chosen {
            Some(chosen) => chosen.into_iter().map(|one| one_wished(one, beside)).collect(),
            None => Ok(usual.into_iter().map(|name| Wished { name, text: None, line: 0 }).collect()),
        };
        let packs = wished(choice.packs, usual_packs(map))?;
        let calendars = wished(choice.calendars, usual_years(now))?;
        Ok(Self { file, packs, calendars, keeps_packs, keeps_calendars })
    }
}

/// Where a slash or an ending says that it is a file, its text is taken along.
fn one_wished(chosen: Chosen, beside: &Path) -> Result<Wished, Problem> {
    let Chosen { value: name, line } = chosen;
    if !name.contains('/') && !name.ends_with(".toml") {
        return Ok(Wished { name, text: None, line });
    }
    let path = beside.join(name.trim_start_matches("./"));
    let text = std::fs::read_to_string(&path)
        .map_err(|error| Problem::failed("read_failed").with("path", path.display()).with("detail", error))?;
    Ok(Wished { name: path.display().to_string(), text: Some(text), line })
}

/// The program's packs whose division is on the map or above it.
fn usual_packs(map: &Map) -> Vec<String> {
    let divisions: Vec<String> = map.rooms().map(|room| room.code().full()).collect();
    let is_ours = |issuer: &str| {
        // The pairs of zeros at the end stand for everything below.
        let digits = issuer.chars().collect::<Vec<_>>();
        let pairs = digits.chunks(2).rev().skip_while(|pair| pair.iter().all(|digit| *digit == '0')).count();
        let division: String = digits.into_iter().take(pairs * 2).collect();
        divisions.iter().any(|code| code.starts_with(&division))
    };
    let packs = builtin::packs().into_iter();
    packs.filter(|pack| pack.issuer.as_deref().is_some_and(is_ours)).map(|pack| pack.name).collect()
}

/// This year and its neighbours, as far as the program has them.
fn usual_years(now: Timestamp) -> Vec<String> {
    let this = Day::of(now).year().unwrap_or_default();
    let near = |year: &i16| (this - 1..=this + 1).contains(year);
    builtin::calendars().years().filter(near).map(|year| year.to_string()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(code: &str) -> Map {
        let text = format!(
            "network = \"x\"\nversion = 1\n[[room]]\ncode = \"{code}\"\nname = \"室\"\nlevel = \"county\"\n"
        );
        map_file::parse("map.toml", &text, &mut || topology::RoomId::from_bytes([1; 16]), 0).unwrap()
    }

    #[test]
    fn the_usual_packs_are_those_of_the_division_and_of_the_divisions_above() {
        assert_eq!(usual_packs(&map("410122")), ["cn-baseline-2024", "henan-2021"]);
        assert_eq!(usual_packs(&map("211122")), ["cn-baseline-2024", "panshan-2015"]);
        assert_eq!(usual_packs(&map("211100")), ["cn-baseline-2024"]);
        assert_eq!(usual_packs(&map("37170090100000")), ["cn-baseline-2024", "heze-2018"]);
    }

    #[test]
    fn the_usual_years_are_this_one_and_its_neighbours_in_beijing() {
        let last_hour = Timestamp::from_ms(1_735_660_800_000); // 2025-01-01 00:00 Beijing
        assert_eq!(usual_years(last_hour), ["2024", "2025", "2026"]);
        assert_eq!(usual_years(Timestamp::from_ms(last_hour.as_ms() - 1)), ["2023", "2024", "2025"]);
    }
}
