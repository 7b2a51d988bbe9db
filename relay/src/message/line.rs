//! A message as a person reads it, element after element. What an element and a word of a closed list are called is for
//! the reader's catalogue to say: here stand their keys.

use super::{
    case_id::CaseId,
    category::Category,
    declared_time::DeclaredTime,
    field::{Severity, Status},
    instruction::Progress,
    kind::Kind,
    marking::Marking,
    occurrence::Precision,
    phone::{Direction, PhoneLine},
    report::Stage,
    verification::Conclusion,
};

/// One element of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Its key in the message file, such as `learned_at`; `kind`, `attachment` and `unread` stand in no file.
    pub element: &'static str,
    /// What it says: pieces that follow one another as they stand.
    pub said: Vec<Piece>,
}

/// A piece of what an element says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// As it was written, or a number, or a time; may span several lines.
    Text(String),
    /// A word of a closed list.
    Word {
        /// The list, such as `severity`.
        list: &'static str,
        /// Its word in files.
        word: String,
    },
}

/// What says something on paper.
pub(super) trait Say {
    fn say(&self, said: &mut Said);
}

/// Collects the pieces of one element.
#[derive(Debug, Default)]
pub(super) struct Said(Vec<Piece>);

impl Said {
    pub(super) fn text(&mut self, text: impl Into<String>) {
        let text = text.into();
        if !text.is_empty() {
            self.0.push(Piece::Text(text));
        }
    }

    pub(super) fn word(&mut self, list: &'static str, word: impl Into<String>) {
        self.0.push(Piece::Word { list, word: word.into() });
    }
}

/// What one value says.
#[cfg(test)]
pub(super) fn said(value: &(impl Say + ?Sized)) -> Vec<Piece> {
    let mut said = Said::default();
    value.say(&mut said);
    said.0
}

/// Collects the elements that are there.
#[derive(Debug, Default)]
pub(super) struct Lines(pub(super) Vec<Line>);

impl Lines {
    /// An element that is always there; one that says nothing is left out.
    pub(super) fn add(&mut self, element: &'static str, value: &(impl Say + ?Sized)) {
        let mut said = Said::default();
        value.say(&mut said);
        if !said.0.is_empty() {
            self.0.push(Line { element, said: said.0 });
        }
    }

    /// An element that may be absent.
    pub(super) fn given<T: Say>(&mut self, element: &'static str, value: &Option<T>) {
        if let Some(value) = value {
            self.add(element, value);
        }
    }

    /// A yes, where no needs no words.
    pub(super) fn flag(&mut self, element: &'static str, is_set: bool) {
        if is_set {
            self.add(element, &true);
        }
    }
}

impl Say for bool {
    fn say(&self, said: &mut Said) {
        said.word("is", if *self { "yes" } else { "no" });
    }
}

impl Say for str {
    fn say(&self, said: &mut Said) {
        said.text(self);
    }
}

/// The same words in every language.
macro_rules! as_text {
    ($($what:ty),+) => {
        $(impl Say for $what {
            fn say(&self, said: &mut Said) {
                said.text(self.to_string());
            }
        })+
    };
}
as_text!(String, u32, DeclaredTime, CaseId);

/// A word of the list of this name.
macro_rules! as_word {
    ($($what:ty => $list:literal),+ $(,)?) => {
        $(impl Say for $what {
            fn say(&self, said: &mut Said) {
                said.word($list, self.word());
            }
        })+
    };
}
as_word!(
    Kind => "kind",
    Status => "status",
    Marking => "marking",
    Severity => "severity",
    Stage => "stage",
    Precision => "precision",
    Conclusion => "conclusion",
    Progress => "progress",
    Direction => "direction",
    PhoneLine => "phone_line",
);

impl Say for Category {
    /// A key of the installation's own has the name of its class.
    fn say(&self, said: &mut Said) {
        if self.is_listed() {
            said.word("category", self.key());
        } else {
            said.word("category", self.class());
            said.text(format!(" ({})", self.key()));
        }
    }
}
