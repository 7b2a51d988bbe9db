//! Takes values out of TOML tables, remembers where each stood, and collects what is wrong.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{
    date,
    fault::{MapFileError, MapFileErrors, MapFileProblem},
};
use crate::{MapError, Place, map::edit_distance};

/// A key and how it is written.
pub(super) type Key = (&'static str, &'static str);

/// Bytes of the file.
type Span = Range<usize>;

/// One table of the file: the head, a room, or one of a room's dated values and relations.
pub(super) struct Table<'d> {
    pub(super) entries: &'d DeTable<'d>,
    pub(super) span: Span,
    pub(super) keys: &'static [Key],
    /// What every value of the table counts as; absent: each counts as the field that it is.
    pub(super) place: Option<Place>,
    pub(super) room: Option<usize>,
}

impl Table<'_> {
    /// What a value counts as when the plan is checked.
    fn place(&self, key: &'static str) -> Place {
        let field = match key {
            "code" => "codes",
            "name" | "name_en" => "names",
            "valid_from" => "valid_to",
            "room" => "rooms",
            other => other,
        };
        self.place.unwrap_or(Place { room: self.room, field, nth: 0 })
    }

    fn example(&self, key: &str) -> &'static str {
        self.keys.iter().find(|(known, _)| *known == key).map_or("", |(_, example)| example)
    }
}

/// A value that was found, with where it stood.
pub(super) struct Found<T> {
    pub(super) value: T,
    pub(super) span: Span,
    pub(super) place: Place,
}

/// Which end of a span of time a date is.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum End {
    /// Its first day.
    First,
    /// Its last day.
    Last,
}

/// Collects problems and remembers places.
#[derive(Default)]
pub(super) struct Reader {
    problems: Vec<(usize, MapFileProblem)>,
    spans: BTreeMap<Place, Span>,
    /// Places with a problem. A problem of the plan at the same place is a consequence of it.
    spoilt: BTreeSet<Place>,
}

impl Reader {
    /// Remembers where something stands.
    pub(super) fn note(&mut self, place: Place, span: &Span) {
        self.spans.entry(place).or_insert_with(|| span.clone());
    }

    /// Collects a problem.
    pub(super) fn report(&mut self, place: Place, span: &Span, problem: MapFileProblem) {
        self.spoilt.insert(place);
        self.problems.push((span.start, problem));
    }

    /// Collects what the TOML reader found.
    pub(super) fn report_syntax(&mut self, error: &toml::de::Error) {
        let start = error.span().map_or(0, |span| span.start);
        let message = error.message().replace('\n', ", ");
        self.problems.push((start, MapFileProblem::Syntax { message }));
    }

    /// Collects a problem of the plan, unless its place has one already.
    pub(super) fn report_map(&mut self, error: MapError) {
        let place = error.place();
        if self.spoilt.contains(&place) {
            return;
        }
        let first = Place { nth: 0, ..place };
        let room = Place { field: "", ..first };
        let span = [place, first, room].iter().find_map(|place| self.spans.get(place));
        self.problems.push((span.map_or(0, |span| span.start), error.into()));
    }

    /// Whether nothing is wrong.
    pub(super) fn is_content(&self) -> bool {
        self.problems.is_empty()
    }

    /// What was collected, with lines.
    pub(super) fn into_errors(self, file_name: &str, text: &str) -> MapFileErrors {
        let breaks: Vec<usize> = text.match_indices('\n').map(|(at, _)| at).collect();
        let line = |at: usize| breaks.partition_point(|end| *end < at) + 1;
        let found = self.problems.into_iter();
        MapFileErrors::new(
            file_name,
            found.map(|(at, problem)| MapFileError { line: line(at), problem }).collect(),
        )
    }

    /// Reports every key that the table should not have.
    pub(super) fn check_keys(&mut self, table: &Table<'_>) {
        for (key, _) in table.entries {
            let known: Vec<&str> = table.keys.iter().map(|(known, _)| *known).collect();
            if !known.contains(&key.get_ref().as_ref()) {
                let nearest = nearest(key.get_ref(), &known);
                let place = Place { room: table.room, field: "unknown key", nth: 0 };
                let key_text = key.get_ref().to_string();
                self.report(place, &key.span(), MapFileProblem::UnknownKey { key: key_text, nearest, known });
            }
        }
    }

    /// The value of a key, if it is there.
    fn value<'d>(&mut self, table: &Table<'d>, key: &'static str) -> Option<Found<&'d DeValue<'d>>> {
        let value = table.entries.get(key)?;
        let place = table.place(key);
        self.note(place, &value.span());
        Some(Found { value: value.get_ref(), span: value.span(), place })
    }

    fn typed<'d, T>(
        &mut self,
        table: &Table<'d>,
        key: &'static str,
        read: impl FnOnce(&'d DeValue<'d>) -> Option<T>,
    ) -> Option<Found<T>> {
        let Found { value, span, place } = self.value(table, key)?;
        let typed = read(value);
        if typed.is_none() {
            self.report_type(table, key, place, &span, value);
        }
        Some(Found { value: typed?, span, place })
    }

    fn report_type(
        &mut self,
        table: &Table<'_>,
        key: &'static str,
        place: Place,
        span: &Span,
        value: &DeValue<'_>,
    ) {
        let (found, example) = (value.type_str(), table.example(key));
        self.report(place, span, MapFileProblem::WrongType { key, found, example });
    }

    /// The text under a key, if there is any.
    pub(super) fn text<'d>(&mut self, table: &Table<'d>, key: &'static str) -> Option<Found<&'d str>> {
        self.typed(table, key, |value| value.as_str())
    }

    /// The text under a key that must be there.
    pub(super) fn required_text<'d>(
        &mut self,
        table: &Table<'d>,
        key: &'static str,
    ) -> Option<Found<&'d str>> {
        self.require(table, key);
        self.text(table, key)
    }

    /// Reports a key that is not there.
    pub(super) fn require(&mut self, table: &Table<'_>, key: &'static str) {
        if !table.entries.contains_key(key) {
            let example = table.example(key);
            self.report(table.place(key), &table.span, MapFileProblem::Missing { key, example });
        }
    }

    /// A whole number that must be there.
    pub(super) fn required_number(&mut self, table: &Table<'_>, key: &'static str) -> Option<u64> {
        self.require(table, key);
        let number = |value: &DeValue<'_>| u64::try_from(integer(value)?).ok();
        self.typed(table, key, number).map(|found| found.value)
    }

    /// Yes or no; no where it is left out.
    pub(super) fn flag(&mut self, table: &Table<'_>, key: &'static str) -> bool {
        self.typed(table, key, DeValue::as_bool).is_some_and(|found| found.value)
    }

    /// The items of a list, none where it is left out.
    pub(super) fn list<'d>(
        &mut self,
        table: &Table<'d>,
        key: &'static str,
    ) -> Vec<Found<&'d Spanned<DeValue<'d>>>> {
        let Some(Found { value, place, .. }) = self.typed(table, key, DeValue::as_array) else {
            return Vec::new();
        };
        let items = value.iter().enumerate().map(|(nth, item)| {
            let place = Place { nth, ..place };
            // The list's own place was that of its first item so far.
            self.spans.insert(place, item.span());
            Found { value: item, span: item.span(), place }
        });
        items.collect()
    }

    /// The items of a list that are text.
    pub(super) fn texts<'d>(&mut self, table: &Table<'d>, key: &'static str) -> Vec<Found<&'d str>> {
        let mut texts = Vec::new();
        for Found { value, span, place } in self.list(table, key) {
            match value.get_ref().as_str() {
                Some(text) => texts.push(Found { value: text, span, place }),
                None => self.report_type(table, key, place, &span, value.get_ref()),
            }
        }
        texts
    }

    /// The items of a list that are years, or text.
    pub(super) fn years(&mut self, table: &Table<'_>, key: &'static str) -> Vec<Found<String>> {
        let mut years = Vec::new();
        for Found { value, span, place } in self.list(table, key) {
            let year = integer(value.get_ref()).map(|year| year.to_string());
            match year.or_else(|| value.get_ref().as_str().map(str::to_owned)) {
                Some(year) => years.push(Found { value: year, span, place }),
                None => self.report_type(table, key, place, &span, value.get_ref()),
            }
        }
        years
    }

    /// The items of a list that are tables.
    pub(super) fn tables<'d>(
        &mut self,
        table: &Table<'d>,
        key: &'static str,
        keys: &'static [Key],
    ) -> Vec<Table<'d>> {
        let mut tables = Vec::new();
        for Found { value, span, place } in self.list(table, key) {
            match value.get_ref().as_table() {
                Some(entries) => {
                    let table = Table { entries, span, keys, place: Some(place), room: place.room };
                    self.check_keys(&table);
                    tables.push(table);
                }
                None => self.report_type(table, key, place, &span, value.get_ref()),
            }
        }
        tables
    }

    /// The instant of a date, milliseconds since 1970 UTC: for the last day, that of the day after.
    pub(super) fn date_ms(&mut self, table: &Table<'_>, key: &'static str, end: End) -> Option<i64> {
        let Found { value, span, place } = self.value(table, key)?;
        if let Some(instant) = integer(value) {
            return Some(instant);
        }
        let text = match value {
            DeValue::String(text) => text.to_string(),
            DeValue::Datetime(date) => date.to_string(),
            DeValue::Integer(_)
            | DeValue::Float(_)
            | DeValue::Boolean(_)
            | DeValue::Array(_)
            | DeValue::Table(_) => {
                self.report_type(table, key, place, &span, value);
                return None;
            }
        };
        let midnight = date::midnight_ms(&text);
        if midnight.is_none() {
            let remedy = "not a day of the calendar: write year-month-day, such as \"2021-03-18\"".into();
            self.report(place, &span, MapFileProblem::BadValue { key, found: text, remedy });
        }
        Some(midnight? + if end == End::Last { date::DAY_MS } else { 0 })
    }
}

fn integer(value: &DeValue<'_>) -> Option<i64> {
    let integer = value.as_integer()?;
    i64::from_str_radix(integer.as_str(), integer.radix()).ok()
}

/// The known key that is at most two letters away.
fn nearest(key: &str, known: &[&'static str]) -> Option<&'static str> {
    let letters = |text: &str| text.chars().take(32).collect::<Vec<_>>();
    let distance = |other: &str| edit_distance(&letters(key), &letters(other));
    known.iter().copied().filter(|other| distance(other) <= 2).min_by_key(|other| distance(other))
}
