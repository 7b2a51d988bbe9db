//! A message as a person reads it: one element a line, each with its name in both languages.

use std::fmt::Display;

/// One element of a message, ready to print.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Its name in Chinese.
    pub label_zh: &'static str,
    /// Its name in English.
    pub label_en: &'static str,
    /// What it says; may span several lines.
    pub value: String,
}

/// Collects the elements that are there.
#[derive(Debug, Default)]
pub(super) struct Lines(pub(super) Vec<Line>);

impl Lines {
    /// An element that is always there; an empty text is left out.
    pub(super) fn add(&mut self, label_zh: &'static str, label_en: &'static str, value: impl Display) {
        let value = value.to_string();
        if !value.is_empty() {
            self.0.push(Line { label_zh, label_en, value });
        }
    }

    /// An element that may be absent.
    pub(super) fn given<T: Display>(
        &mut self,
        label_zh: &'static str,
        label_en: &'static str,
        value: &Option<T>,
    ) {
        if let Some(value) = value {
            self.add(label_zh, label_en, value);
        }
    }

    /// A yes, where no needs no words.
    pub(super) fn flag(&mut self, label_zh: &'static str, label_en: &'static str, is_set: bool) {
        if is_set {
            self.add(label_zh, label_en, "是 (yes)");
        }
    }
}
