//! A message as it is being written: the fields of a form, by name. From them comes the message file that the command
//! line would send; and the other way round, a message that is followed up fills a form.

use data_encoding::BASE64;
use jiff::{Timestamp, tz};
use relay::message::{Kind, occurrence::Precision};
use serde_json::Value;

use super::fields::{Field, Shape, fields};
use crate::{
    control::request::{DraftRequest, SendRequest},
    problem::Problem,
};

/// The fields of a form as the browser sends them.
#[derive(Debug, Clone)]
pub(crate) struct Draft {
    pub(crate) kind: Kind,
    pairs: Vec<(String, String)>,
    /// Attachments by name; a form that comes back has none.
    files: Vec<(String, Vec<u8>)>,
}

impl Draft {
    pub(crate) const fn new(kind: Kind, pairs: Vec<(String, String)>) -> Self {
        Self { kind, pairs, files: Vec::new() }
    }

    pub(crate) fn with_files(self, files: Vec<(String, Vec<u8>)>) -> Self {
        Self { files, ..self }
    }

    /// Names of files that were chosen once and are not there any more: no page gives a browser its files back.
    pub(crate) fn lost_files(&self) -> String {
        if self.files.is_empty() { self.one(LOST).to_owned() } else { String::new() }
    }

    /// Keeps the files' names for a form that comes back without them.
    pub(crate) fn lose_files(&mut self) {
        if !self.files.is_empty() {
            let names: Vec<String> = self.files.drain(..).map(|(name, _)| name).collect();
            self.set(LOST, names.join("、"));
        }
    }

    /// Whether an officer was asked this and sends all the same.
    pub(crate) fn was_asked(&self, question: &str) -> bool {
        !self.one(&format!("{ASKED}{question}")).is_empty()
    }

    pub(crate) fn ask(&mut self, question: &str) {
        self.set(&format!("{ASKED}{question}"), "1");
    }

    /// What was asked so far.
    pub(crate) fn asked(&self) -> Vec<&str> {
        self.pairs.iter().filter_map(|(key, _)| key.strip_prefix(ASKED)).collect()
    }

    /// The value of a field; empty where there is none.
    pub(crate) fn one(&self, name: &str) -> &str {
        self.pairs.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.trim())
    }

    pub(crate) fn set(&mut self, name: &str, value: impl Into<String>) {
        self.pairs.retain(|(key, _)| key != name);
        self.pairs.push((name.to_owned(), value.into()));
    }

    fn some(&self, name: &str) -> Option<String> {
        Some(self.one(name).to_owned()).filter(|text| !text.is_empty())
    }

    /// Which rooms are chosen in a role.
    pub(crate) fn rooms(&self, role: &str) -> Vec<String> {
        let chosen = self.pairs.iter().filter(|(_, value)| value == role);
        chosen.filter_map(|(key, _)| key.strip_prefix(ROOM).map(str::to_owned)).collect()
    }

    pub(crate) fn choose(&mut self, room: &str, role: &str) {
        self.set(&format!("{ROOM}{room}"), role);
    }

    pub(crate) fn role(&self, room: &str) -> &str {
        self.one(&format!("{ROOM}{room}"))
    }

    /// What is kept of it while it waits to be signed off.
    pub(crate) fn kept(mut self, message: Option<String>) -> DraftRequest {
        self.lose_files();
        let is_kept = |key: &str| !NOT_KEPT.contains(&key) && !key.starts_with(ASKED);
        DraftRequest {
            id: self.some("draft"),
            kind: self.kind.word().to_owned(),
            title: self.one("title").to_owned(),
            fields: self.pairs.iter().filter(|(key, _)| is_kept(key)).cloned().collect(),
            message,
        }
    }

    /// What the command line would send.
    pub(crate) fn request(&self) -> SendRequest {
        SendRequest {
            kind: self.kind.word().to_owned(),
            to: self.rooms("action"),
            cc: self.rooms("info"),
            file: Some(self.file()),
            precedence: self.some("precedence"),
            status: self.some("status"),
            skip_level: self.some("skip_level"),
            late_reason: self.some("late_reason"),
            asks_late_reason: !self.was_asked(ABOUT_LATENESS),
            asks_repeat: !self.was_asked(ABOUT_REPEAT),
            attachments: self.files.iter().map(|(name, file)| (name.clone(), BASE64.encode(file))).collect(),
            relates_to: self.some("about"),
            ..SendRequest::default()
        }
    }

    /// A number that is none. (Only the form can say which: a message file has lines.)
    pub(crate) fn mistake(&self) -> Option<Problem> {
        let code = |field: &Field| {
            let text = self.one(field.key);
            match field.shape {
                Shape::Count if text.parse::<u32>().is_ok() || text.parse() == Ok(Precision::Unknown) => None,
                Shape::Number if text.parse::<u16>().is_ok() => None,
                Shape::Count => Some("message_count"),
                Shape::Number => Some("message_number"),
                Shape::Line
                | Shape::Text
                | Shape::Time
                | Shape::Flag
                | Shape::Choice(..)
                | Shape::Category => None,
            }
        };
        let filled = fields(self.kind).iter().filter(|field| !self.one(field.key).is_empty());
        let (field, code) = filled.filter_map(|field| Some((field, code(field)?))).next()?;
        let problem = Problem::usage(code).with("kind", self.kind.word()).with("key", field.key);
        Some(problem.with("got", self.one(field.key)))
    }

    /// The message file.
    pub(crate) fn file(&self) -> String {
        let mut table = toml::Table::new();
        table.insert("kind".to_owned(), self.kind.word().into());
        for field in fields(self.kind) {
            if let Some(value) = self.value(field) {
                insert(&mut table, field.key, value);
            }
        }
        for key in HEADING {
            if let Some(text) = self.some(key) {
                table.insert(key.to_owned(), text.into());
            }
        }
        if !self.files.is_empty() {
            let names = self.files.iter().map(|(name, _)| toml::Value::from(name.clone())).collect();
            table.insert("attachments".to_owned(), toml::Value::Array(names));
        }
        table.to_string()
    }

    /// What a field says; nothing where nothing was entered.
    fn value(&self, field: &Field) -> Option<toml::Value> {
        let text = self.some(field.key)?.replace("\r\n", "\n");
        let is_time_unknown = self.one("occurred_at.precision") == "unknown";
        let has_time = !self.one("occurred_at.at").is_empty();
        match field.shape {
            // 不明 has no time beside it; and how exact a time is says nothing without the time.
            Shape::Time if field.key == "occurred_at.at" && is_time_unknown => None,
            Shape::Choice("precision", _) if !has_time && !is_time_unknown => None,
            Shape::Line | Shape::Text | Shape::Time | Shape::Choice(..) | Shape::Category => {
                Some(text.into())
            }
            Shape::Count | Shape::Number => {
                Some(text.parse::<i64>().map_or_else(|_| text.into(), toml::Value::from))
            }
            Shape::Flag => Some(true.into()),
        }
    }

    /// A form filled with what a message says.
    pub(crate) fn of_message(kind: Kind, content: &Value) -> Self {
        let content = body(content);
        let filled = |field: &Field| {
            let value = field.key.split('.').try_fold(content, |value, key| value.get(key))?;
            Some((field.key.to_owned(), written(field.shape, value)?))
        };
        Self::new(kind, fields(kind).iter().filter_map(filled).collect())
    }
}

/// The form inside the message's data, which names its kind around it.
fn body(content: &Value) -> &Value {
    match content.as_object() {
        Some(outer) if outer.len() == 1 => outer.values().next().filter(|v| v.is_object()).unwrap_or(content),
        Some(_) | None => content,
    }
}

fn written(shape: Shape, value: &Value) -> Option<String> {
    match (shape, value) {
        (Shape::Time, Value::Number(ms)) => Some(local(ms.as_i64()?)),
        (_, Value::Bool(is_set)) => is_set.then(|| "on".to_owned()),
        (_, Value::Number(number)) => Some(number.to_string()),
        (_, Value::String(text)) => Some(text.clone()).filter(|text| !text.is_empty()),
        (_, Value::Null | Value::Array(_) | Value::Object(_)) => None,
    }
}

/// Beijing time as a browser's field of a time holds it.
pub(crate) fn local(ms: i64) -> String {
    Timestamp::from_millisecond(ms)
        .map(|instant| tz::offset(8).to_datetime(instant).strftime("%Y-%m-%dT%H:%M:%S").to_string())
        .unwrap_or_default()
}

/// Puts a value where its dotted key says.
fn insert(table: &mut toml::Table, key: &str, value: toml::Value) {
    match key.split_once('.') {
        None => {
            table.insert(key.to_owned(), value);
        }
        Some((outer, inner)) => {
            let place = table.entry(outer).or_insert_with(|| toml::Table::new().into());
            if let Some(place) = place.as_table_mut() {
                insert(place, inner, value);
            }
        }
    }
}

/// What stands above every form.
const HEADING: [&str; 6] =
    ["marking", "drafted_by", "reviewed_by", "signed_by", "composed_at", "signed_off_at"];
/// What belongs to a page and not to what is written.
const NOT_KEPT: [&str; 4] = ["csrf", "order", "draft", "review_note"];
/// Before the name of a question, the name of the field that says that it was asked.
const ASKED: &str = "asked.";
/// The field with the names of files that have to be chosen again.
const LOST: &str = "lost_files";
/// Why the report is late.
pub(crate) const ABOUT_LATENESS: &str = "late";
/// Whether the same is to be sent again.
pub(crate) const ABOUT_REPEAT: &str = "repeat";
/// Whether it is to be sent without the files that were chosen.
pub(crate) const ABOUT_FILES: &str = "files";
/// Before the id of a room, the name of the field that holds its role.
const ROOM: &str = "room.";
