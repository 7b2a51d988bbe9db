//! What happened, as far as the judge needs it: moments as intervals, what was declared and corrected, and the traits
//! of the case. Whoever builds facts, from a file ([`file`]) or from signed evidence, uses these types.

mod file;

use std::collections::BTreeMap;

use super::{condition::Trait, event::RuleKind, interval::Interval, mark::Mark, mark::Sort};
use crate::{
    message::{field::Severity, phone::PhoneLine, word::words},
    timestamp::Timestamp,
};

/// Something declared, and when it was declared: a correction leaves the earlier value where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stated<T> {
    /// When it was said; absent when that is not known.
    pub at: Option<Timestamp>,
    /// What was said.
    pub value: T,
}

words! {
    /// Who recorded that a line was down.
    RecordedBy, "recorder 记录方" {
        Parent = "parent" "上级枢纽",
        Itself = "self" "本单位",
    }
}

/// A time in which the line of the reporting room was down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outage {
    /// Its begin.
    pub from: Timestamp,
    /// Its end; absent while it lasts.
    pub to: Option<Timestamp>,
    /// Whose record says so.
    pub recorded_by: RecordedBy,
}

/// The facts of one case or paper.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// What is judged; every kind whose clock has started when absent.
    pub kind: Option<RuleKind>,
    /// The level as it was stated, in that order.
    pub severity: Vec<Stated<Severity>>,
    /// The time of occurrence as it was stated, in that order (t0, declared).
    pub occurred_at: Vec<Stated<Timestamp>>,
    /// Every other moment.
    pub moments: BTreeMap<Mark, Interval>,
    /// The traits that are known. The level is not among them: it comes from `severity`.
    pub traits: BTreeMap<Trait, Vec<String>>,
    /// Over which telephone the report was made.
    pub phone_line: Option<PhoneLine>,
    /// Whether both officers signed notes of the call; a call that only one signed is claimed and does not count.
    pub phone_both_signed: Option<bool>,
    /// When the line was down.
    pub link_down: Vec<Outage>,
    /// When this is judged.
    pub now: Option<Timestamp>,
}

impl Facts {
    /// A moment, if it is known.
    pub fn moment(&self, mark: Mark) -> Option<&Interval> {
        self.moments.get(&mark)
    }

    /// The first of these moments that is known.
    pub fn first_known(&self, marks: &[Mark]) -> Option<(Mark, &Interval)> {
        marks.iter().find_map(|mark| Some((*mark, self.moments.get(mark)?)))
    }

    /// The occurrence that counts: the earliest that was ever stated. A later correction in one's own favour is shown,
    /// and a person decides.
    pub fn occurrence(&self) -> Option<Timestamp> {
        self.occurred_at.iter().map(|stated| stated.value).min()
    }

    /// The level that counts: the gravest that was ever stated, and while it is 待定 the gravest there is, so that the
    /// strictest rules are shown.
    pub fn gravest(&self) -> Option<Severity> {
        let stated = || self.severity.iter().map(|stated| stated.value);
        let definite = stated().filter(|value| *value != Severity::Undetermined).min();
        definite.or_else(|| stated().next().map(|_| Severity::Exceptional))
    }

    /// Whether nobody has said a level yet but 待定.
    pub fn is_severity_pending(&self) -> bool {
        !self.severity.is_empty() && self.severity.iter().all(|stated| stated.value == Severity::Undetermined)
    }

    /// The values of a trait, if it is known.
    pub fn values(&self, name: Trait) -> Option<Vec<String>> {
        if name == Trait::Severity {
            return Some(vec![self.gravest()?.chinese().to_owned()]);
        }
        if let Some(values) = self.traits.get(&name) {
            return Some(values.clone());
        }
        (name == Trait::UrgentNoTimeToWrite).then(|| vec![self.is_phone_first().to_string()])
    }

    /// A report that was telephoned before it was written had no time to be written.
    fn is_phone_first(&self) -> bool {
        let Some(phone) = self.moment(Mark::PhoneCompletedAt) else { return false };
        self.moment(Mark::DeliveredAt).is_none_or(|written| !phone.is_after(written.latest))
    }

    /// Whether a trait is known and true.
    pub fn is_true(&self, name: Trait) -> bool {
        self.traits.get(&name).is_some_and(|values| values.iter().any(|value| value == "true"))
    }

    /// The moment up to which the facts tell: `now`, or the last thing that they say happened.
    pub fn told_until(&self) -> Option<Timestamp> {
        let happened = self.moments.iter().filter(|(mark, _)| mark.sort() != Sort::Planned);
        let moments = happened.filter_map(|(_, interval)| interval.earliest);
        let said = self.severity.iter().filter_map(|stated| stated.at);
        let corrected = self.occurred_at.iter().filter_map(|stated| stated.at);
        let occurred = self.occurred_at.iter().map(|stated| stated.value);
        self.now.or_else(|| moments.chain(said).chain(corrected).chain(occurred).max())
    }
}
