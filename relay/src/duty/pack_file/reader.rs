//! Takes values out of the TOML tables of a pack file, knows where each stood, and collects what is wrong.

use std::str::FromStr;

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::fault::{PackError, PackErrors, PackProblem};
use crate::{duty::beijing::Day, message::word::WordError, timestamp::Timestamp};

/// A key and how it is written.
pub(super) type Key = (&'static str, &'static str);

/// One table of the file.
#[derive(Clone, Copy)]
pub(super) struct Table<'d> {
    pub(super) entries: &'d DeTable<'d>,
    /// Where it begins, in bytes.
    pub(super) at: usize,
    pub(super) keys: &'static [Key],
}

impl Table<'_> {
    fn example(&self, key: &str) -> &'static str {
        self.keys.iter().find(|(known, _)| *known == key).map_or("", |(_, example)| example)
    }

    /// Where the value of a key stands; the table's own place when it is not there.
    pub(super) fn place(&self, key: &str) -> usize {
        self.entries.get(key).map_or(self.at, |value| value.span().start)
    }
}

/// Collects problems.
#[derive(Default)]
pub(super) struct Reader {
    problems: Vec<(usize, PackProblem)>,
}

impl Reader {
    pub(super) fn report(&mut self, at: usize, problem: PackProblem) {
        self.problems.push((at, problem));
    }

    pub(super) fn report_syntax(&mut self, error: &toml::de::Error) {
        let at = error.span().map_or(0, |span| span.start);
        self.report(at, PackProblem::Syntax { message: error.message().replace('\n', ", ") });
    }

    pub(super) fn is_content(&self) -> bool {
        self.problems.is_empty()
    }

    pub(super) fn into_errors(self, file_name: &str, text: &str) -> PackErrors {
        let breaks: Vec<usize> = text.match_indices('\n').map(|(at, _)| at).collect();
        let line = |at: usize| breaks.partition_point(|end| *end < at) + 1;
        let found = self.problems.into_iter().map(|(at, problem)| PackError { line: line(at), problem });
        PackErrors::new(file_name, found.collect())
    }

    /// Reports every key that the table should not have.
    pub(super) fn check_keys(&mut self, table: Table<'_>) {
        for (key, _) in table.entries {
            if !table.keys.iter().any(|(known, _)| known == key.get_ref()) {
                let known = table.keys.iter().map(|(known, _)| *known).collect();
                let key_text = key.get_ref().to_string();
                self.report(key.span().start, PackProblem::UnknownField { key: key_text, known });
            }
        }
    }

    fn wrong_type(&mut self, key: &str, example: &'static str, value: &Spanned<DeValue<'_>>) {
        let found = value.get_ref().type_str();
        self.report(value.span().start, PackProblem::WrongType { key: key.to_owned(), found, example });
    }

    fn typed<'d, T>(
        &mut self,
        table: Table<'d>,
        key: &str,
        read: impl FnOnce(&'d DeValue<'d>) -> Option<T>,
    ) -> Option<T> {
        let value = table.entries.get(key)?;
        let typed = read(value.get_ref());
        if typed.is_none() {
            self.wrong_type(key, table.example(key), value);
        }
        typed
    }

    /// The text under a key, if there is any.
    pub(super) fn text<'d>(&mut self, table: Table<'d>, key: &str) -> Option<&'d str> {
        self.typed(table, key, |value| value.as_str())
    }

    /// The text under a key, empty when there is none.
    pub(super) fn optional_text(&mut self, table: Table<'_>, key: &str) -> String {
        self.text(table, key).unwrap_or_default().to_owned()
    }

    /// Reports a key that is not there.
    pub(super) fn require(&mut self, table: Table<'_>, key: &'static str) {
        if !table.entries.contains_key(key) {
            self.report(table.at, PackProblem::Missing { key, example: table.example(key) });
        }
    }

    /// The text under a key that must be there.
    pub(super) fn required_text(&mut self, table: Table<'_>, key: &'static str) -> String {
        self.require(table, key);
        let text = self.optional_text(table, key);
        if text.trim().is_empty() && table.entries.get(key).is_some_and(|value| value.get_ref().is_str()) {
            let remedy = format!("it may not be empty: write for example {}", table.example(key));
            self.report(
                table.place(key),
                PackProblem::BadValue { key: key.to_owned(), found: text.clone(), remedy },
            );
        }
        text
    }

    /// A whole number.
    pub(super) fn number(&mut self, table: Table<'_>, key: &str) -> Option<u32> {
        self.typed(table, key, |value| {
            let integer = value.as_integer()?;
            u32::from_str_radix(integer.as_str(), integer.radix()).ok()
        })
    }

    /// A word of a closed list.
    pub(super) fn word<T: FromStr<Err = WordError>>(&mut self, table: Table<'_>, key: &str) -> Option<T> {
        let text = self.text(table, key)?;
        match text.parse() {
            Ok(word) => Some(word),
            Err(error) => {
                self.report(table.place(key), PackProblem::UnknownWord { key: key.to_owned(), error });
                None
            }
        }
    }

    /// A word of a closed list that must be there.
    pub(super) fn required_word<T: FromStr<Err = WordError>>(
        &mut self,
        table: Table<'_>,
        key: &'static str,
    ) -> Option<T> {
        self.require(table, key);
        self.word(table, key)
    }

    /// The first instant of a day.
    pub(super) fn day(&mut self, table: Table<'_>, key: &str) -> Option<Timestamp> {
        let value = table.entries.get(key)?;
        let text = match value.get_ref() {
            DeValue::String(text) => text.to_string(),
            DeValue::Datetime(date) => date.to_string(),
            DeValue::Integer(_)
            | DeValue::Float(_)
            | DeValue::Boolean(_)
            | DeValue::Array(_)
            | DeValue::Table(_) => {
                self.wrong_type(key, table.example(key), value);
                return None;
            }
        };
        let day = Day::parse(&text);
        if day.is_none() {
            let remedy = "not a day of the calendar: write year-month-day, such as \"2021-01-22\"".to_owned();
            self.report(
                value.span().start,
                PackProblem::BadValue { key: key.to_owned(), found: text, remedy },
            );
        }
        Some(day?.begin())
    }

    /// The items of a list, none where it is left out.
    pub(super) fn list<'d>(&mut self, table: Table<'d>, key: &str) -> &'d [Spanned<DeValue<'d>>] {
        self.typed(table, key, |value| value.as_array()).map_or(&[], |items| items.as_ref())
    }

    /// The items of a list that are text.
    pub(super) fn texts(&mut self, table: Table<'_>, key: &str) -> Vec<String> {
        let mut texts = Vec::new();
        for item in self.list(table, key) {
            match item.get_ref().as_str() {
                Some(text) => texts.push(text.to_owned()),
                None => self.wrong_type(key, table.example(key), item),
            }
        }
        texts
    }

    /// The items of a list that are tables, their keys checked.
    pub(super) fn tables<'d>(&mut self, table: Table<'d>, key: &str, keys: &'static [Key]) -> Vec<Table<'d>> {
        let mut tables = Vec::new();
        for item in self.list(table, key) {
            match item.get_ref().as_table() {
                Some(entries) => {
                    let table = Table { entries, at: item.span().start, keys };
                    self.check_keys(table);
                    tables.push(table);
                }
                None => self.wrong_type(key, table.example(key), item),
            }
        }
        tables
    }

    /// The table under a key, its keys checked.
    pub(super) fn table<'d>(
        &mut self,
        table: Table<'d>,
        key: &str,
        keys: &'static [Key],
    ) -> Option<Table<'d>> {
        let at = table.place(key);
        let entries = self.typed(table, key, |value| value.as_table())?;
        let inner = Table { entries, at, keys };
        self.check_keys(inner);
        Some(inner)
    }
}
