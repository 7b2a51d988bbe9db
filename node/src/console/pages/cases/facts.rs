//! The facts of a case with their history: what the newest message says of each element, and below it every earlier value
//! with when it was said and by whom. A value that differs from another room's stands beside it, not over it.

use crate::{
    console::{page::clock_time, words::Words},
    control::view::Opened,
};

/// One element.
pub(crate) struct Fact {
    pub(crate) label: String,
    /// The newest first.
    pub(crate) values: Vec<Value>,
}

/// One value that it had.
pub(crate) struct Value {
    pub(crate) text: String,
    pub(crate) from: String,
    pub(crate) at: String,
    pub(crate) id: String,
}

/// The title of a message.
pub(crate) fn title(opened: &Opened) -> String {
    opened.element_text("title").unwrap_or_default()
}

/// The elements of all reports of a case, the oldest first; those that never changed have one value.
pub(crate) fn facts<'a>(messages: impl Iterator<Item = &'a Opened>, w: &Words) -> Vec<Fact> {
    let mut facts: Vec<Fact> = Vec::new();
    for opened in messages.filter(|opened| REPORTING.contains(&opened.kind.as_str())) {
        for element in opened.elements.iter().filter(|element| !SET_ASIDE.contains(&element.key.as_str())) {
            let label = w.catalogue().element(&opened.kind, &element.key);
            let from = w.room(&opened.origin);
            let at = clock_time(opened.created_at_ms);
            let value = Value { text: w.catalogue().said(&element.said), from, at, id: opened.id.clone() };
            match facts.iter_mut().find(|fact| fact.label == label) {
                Some(fact) if fact.values.first().is_some_and(|newest| newest.text == value.text) => {}
                Some(fact) => fact.values.insert(0, value),
                None => facts.push(Fact { label, values: vec![value] }),
            }
        }
    }
    facts
}

/// Kinds that state what happened.
const REPORTING: [&str; 2] = ["report", "verify.reply"];
/// Elements about the paper, not about the event.
const SET_ASIDE: [&str; 12] = [
    "kind",
    "title",
    "case",
    "case_seq",
    "relates_to",
    "supersedes",
    "stage",
    "composed_at",
    "drafted_by",
    "signed_off_at",
    "status",
    "reviewed_by",
];
