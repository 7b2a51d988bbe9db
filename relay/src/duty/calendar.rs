//! The working-day calendar (工作日历): one file of data per year with the days off and the make-up working days that the
//! State Council announced. A year without data has no working days and no days off: whoever asks is told which year
//! lacks, and nothing is guessed from weekends.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::beijing::Day;

/// One year of the calendar, as its file says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CalendarYear {
    /// The year.
    pub year: i16,
    /// Days off, weekends inside a holiday included.
    pub off: Vec<String>,
    /// Days on a weekend that are worked.
    pub work: Vec<String>,
    /// Where the data comes from.
    pub source: String,
}

/// Why a year's file is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CalendarError {
    /// Not the expected TOML.
    #[error("{file}: {what}; a calendar file holds year, source, off and work")]
    Syntax {
        /// The file.
        file: String,
        /// What the TOML reader says.
        what: String,
    },
    /// A day that is none, or of another year, or both off and worked.
    #[error(
        "{file}: \"{day}\" {why}; write days of {year} as \"{year}-10-01\", each in one of the two lists"
    )]
    Day {
        /// The file.
        file: String,
        /// The day.
        day: String,
        /// The year of the file.
        year: i16,
        /// What is wrong with it.
        why: &'static str,
    },
}

/// The data of a year is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there is no calendar of {year}: install it, then judge again")]
pub struct YearMissing {
    /// The year.
    pub year: i64,
}

/// The years that are known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Calendars {
    years: BTreeMap<i16, Year>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Year {
    off: BTreeSet<Day>,
    work: BTreeSet<Day>,
    source: String,
}

impl Calendars {
    /// No year at all.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a year from the text of its file; a year that was there is replaced.
    pub fn read(&mut self, file: &str, text: &str) -> Result<i16, CalendarError> {
        let year: CalendarYear = toml::from_str(text).map_err(|error| CalendarError::Syntax {
            file: file.to_owned(),
            what: error.to_string().replace('\n', " "),
        })?;
        self.insert(file, &year)?;
        Ok(year.year)
    }

    /// Takes a year; a year that was there is replaced.
    pub fn insert(&mut self, file: &str, year: &CalendarYear) -> Result<(), CalendarError> {
        let bad = |day: &str, why| CalendarError::Day {
            file: file.to_owned(),
            day: day.to_owned(),
            year: year.year,
            why,
        };
        let read = |days: &[String]| {
            let mut found = BTreeSet::new();
            for text in days {
                let day = Day::parse(text).ok_or_else(|| bad(text, "is no day"))?;
                if day.year() != Some(year.year) {
                    return Err(bad(text, "is a day of another year"));
                }
                if !found.insert(day) {
                    return Err(bad(text, "stands there twice"));
                }
            }
            Ok(found)
        };
        let (off, work) = (read(&year.off)?, read(&year.work)?);
        if let Some(text) =
            year.work.iter().find(|text| Day::parse(text).is_some_and(|day| off.contains(&day)))
        {
            return Err(bad(text, "is both off and worked"));
        }
        self.years.insert(year.year, Year { off, work, source: year.source.clone() });
        Ok(())
    }

    /// The years with data.
    pub fn years(&self) -> impl Iterator<Item = i16> {
        self.years.keys().copied()
    }

    /// Where a year's data comes from.
    pub fn source(&self, year: i16) -> Option<&str> {
        self.years.get(&year).map(|year| year.source.as_str())
    }

    /// Whether a day is worked.
    pub fn is_working(&self, day: Day) -> Result<bool, YearMissing> {
        let number = day.year().unwrap_or(i16::MAX);
        let year = self.years.get(&number).ok_or(YearMissing { year: i64::from(number) })?;
        Ok(year.work.contains(&day) || !(day.is_weekend() || year.off.contains(&day)))
    }

    /// The `count`-th working day before a day; the day itself is not asked about.
    pub fn working_day_before(&self, day: Day, count: u16) -> Result<Day, YearMissing> {
        let (mut day, mut left) = (day, count);
        while left > 0 {
            day = day.back(1);
            left -= u16::from(self.is_working(day)?);
        }
        Ok(day)
    }

    /// The last of the days off in a row that begins at this day.
    pub fn last_day_off(&self, day: Day) -> Result<Day, YearMissing> {
        let mut last = day;
        while !self.is_working(last.forward(1))? {
            last = last.forward(1);
        }
        Ok(last)
    }
}

#[cfg(test)]
mod tests;
