//! A message laid out by key, before it is divided into its three blocks. Every key belongs to one block, whatever
//! the kind; that table is here.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use ciborium::Value;
use serde::{Serialize, de::DeserializeOwned};

use super::{Message, attachment::Attachment, body::Content, heading::Heading, kind::Kind};

/// The layout version of the blocks.
pub(super) const LAYOUT_VERSION: u16 = 1;

/// One of the three blocks of a body, each with a commitment of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// What a verdict needs.
    Facts,
    /// What a person reads.
    Text,
    /// Names and telephones of people outside the duty rooms.
    Personal,
}

impl Part {
    /// All three, in the order of the commitments.
    pub const ALL: [Self; 3] = [Self::Facts, Self::Text, Self::Personal];

    /// The word of formats and errors.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Facts => "facts",
            Self::Text => "text",
            Self::Personal => "personal",
        }
    }
}

const FACTS_KEYS: &[&str] = &[
    "v",
    "kind",
    "case",
    "case_seq",
    "relates_to",
    "supersedes",
    "marking",
    "status",
    "precedence",
    "composed_at",
    "signed_off_at",
    "stage",
    "stage_no",
    "category",
    "severity",
    "sensitive",
    "occurred_at",
    "learned_at",
    "late_reason",
    "written_required",
    "conclusion",
    "progress",
    "issued_at",
    "due_at",
    "meeting_at",
    "direction",
    "phone",
    "started_at",
    "ended_at",
    "pairing_code",
    "called_back",
    "call",
];

const PERSONAL_KEYS: &[&str] = &["source", "victims", "leader_on_scene", "contact", "caller", "callee"];

/// The block that a key belongs to.
pub(super) fn part_of(key: &str) -> Part {
    if FACTS_KEYS.contains(&key) {
        Part::Facts
    } else if PERSONAL_KEYS.contains(&key) {
        Part::Personal
    } else {
        Part::Text
    }
}

/// A message by key. Absent elements are not in it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Document(BTreeMap<String, Value>);

impl Document {
    pub(super) fn of(message: &Message) -> Self {
        let mut entries = entries_of(&message.heading);
        entries.append(&mut entries_of(&message.content));
        entries.retain(|_, value| prune(value));
        entries.insert("v".into(), LAYOUT_VERSION.into());
        entries.insert("kind".into(), message.kind().number().into());
        if !message.attachments.is_empty() {
            let entry = |attachment: &Attachment| value_of(&attachment.entry());
            let mut list = Value::Array(message.attachments.iter().map(entry).collect());
            prune(&mut list);
            entries.insert("attachments".into(), list);
        }
        Self(entries)
    }

    pub(super) fn from_entries(entries: BTreeMap<String, Value>) -> Self {
        Self(entries)
    }

    pub(super) fn entries(&self) -> &BTreeMap<String, Value> {
        &self.0
    }

    pub(super) fn take(&mut self, key: &str) -> Option<Value> {
        self.0.remove(key)
    }

    /// Takes the entries with these keys out, as a map.
    pub(super) fn take_all(&mut self, keys: &BTreeSet<String>) -> Value {
        let taken = self.0.extract_if(.., |key, _| keys.contains(key));
        Value::Map(taken.map(|(key, value)| (Value::Text(key), value)).collect())
    }

    /// The keys that are left.
    pub(super) fn into_keys(self) -> Vec<String> {
        self.0.into_keys().collect()
    }

    /// The entries of one block, in the order of RFC 8949 section 4.2.1.
    pub(super) fn part(&self, part: Part) -> Value {
        let entries = self.0.iter().filter(|(key, _)| part_of(key) == part);
        let mut map: Vec<_> = entries.map(|(key, value)| (Value::Text(key.clone()), value.clone())).collect();
        sort(&mut map);
        Value::Map(map)
    }
}

/// The keys of a heading.
pub(super) fn heading_keys() -> &'static BTreeSet<String> {
    static KEYS: LazyLock<BTreeSet<String>> =
        LazyLock::new(|| entries_of(&Heading::default()).into_keys().collect());
    &KEYS
}

/// The keys of the form of this kind.
pub(super) fn content_keys(kind: Kind) -> &'static BTreeSet<String> {
    static KEYS: LazyLock<BTreeMap<Kind, BTreeSet<String>>> = LazyLock::new(|| {
        let keys = |kind| entries_of(&Content::empty(kind)).into_keys().collect();
        Kind::ALL.into_iter().map(|kind| (kind, keys(kind))).collect()
    });
    KEYS.get(&kind).expect("the table was made from all kinds")
}

/// Reads a typed value out of an untyped one.
pub(super) fn typed<T: DeserializeOwned>(value: &Value) -> Result<T, String> {
    value.deserialized().map_err(|error: ciborium::value::Error| error.to_string())
}

fn value_of<T: Serialize>(value: &T) -> Value {
    Value::serialized(value).expect("headings and forms hold nothing that CBOR cannot")
}

fn entries_of<T: Serialize>(value: &T) -> BTreeMap<String, Value> {
    let entries = value_of(value).into_map().expect("headings and forms are structures");
    entries.into_iter().map(|(key, value)| (key.into_text().expect("fields have names"), value)).collect()
}

/// Takes absent elements out and puts the rest into canonical order; false when nothing is left to say.
fn prune(value: &mut Value) -> bool {
    if let Value::Array(items) = value {
        items.retain_mut(prune);
        return !items.is_empty();
    }
    if let Value::Map(entries) = value {
        entries.retain_mut(|(_, value)| prune(value));
        sort(entries);
    }
    !value.is_null()
}

fn sort(entries: &mut [(Value, Value)]) {
    let len_of = |key: &Value| key.as_text().map_or(0, str::len);
    entries.sort_by(|(a, _), (b, _)| len_of(a).cmp(&len_of(b)).then_with(|| a.as_text().cmp(&b.as_text())));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_of_a_form_is_a_key_of_the_heading() {
        let heading = heading_keys();
        for kind in Kind::ALL {
            let common: Vec<String> = content_keys(kind).intersection(heading).cloned().collect();
            assert_eq!(common, Vec::<String>::new(), "{kind}");
        }
    }

    #[test]
    fn every_key_of_the_tables_is_used_by_some_form() {
        let mut used = heading_keys().clone();
        used.extend(["v".to_owned(), "kind".to_owned()]);
        used.extend(Kind::ALL.into_iter().flat_map(|kind| content_keys(kind).clone()));
        for key in FACTS_KEYS.iter().chain(PERSONAL_KEYS) {
            assert!(used.contains(*key), "{key} is in a table and in no form");
        }
    }
}
