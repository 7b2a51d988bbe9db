//! A rule pack (规则包): the time limits of one document as data, versioned, with the dates between which it is in force.
//! What is signed is its head, which names its parts ([`parts`]).

pub mod parts;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use self::parts::PartKind;
use super::{
    event::Event,
    rule::{Clause, Rule},
};
use crate::{message::word::words, timestamp::Timestamp};

words! {
    /// How 提前 n 个工作日 is read.
    WorkingDays, "reading of working days 工作日读法" {
        Loose = "loose" "含当日",
        Strict = "strict" "间隔足日",
    }
}

words! {
    /// How 提前 n 日 is read: the last day counts as one of the n, or n clear days lie between.
    NaturalDays, "reading of natural days 自然日读法" {
        Inclusive = "inclusive" "含当日",
        Exclusive = "exclusive" "间隔足日",
    }
}

/// Where the document has two readings, the one that this pack takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Switches {
    /// 提前 n 个工作日.
    pub working_days: WorkingDays,
    /// 提前 n 日.
    pub natural_days: NaturalDays,
    /// Where a clock starts whose start the document leaves open: `occurrence` or `learned`.
    pub implied_start: Event,
}

impl Default for Switches {
    fn default() -> Self {
        Self {
            working_days: WorkingDays::Loose,
            natural_days: NaturalDays::Inclusive,
            implied_start: Event::Occurrence,
        }
    }
}

/// A duty without a clock: how long a log is kept, how many are on watch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Duty {
    /// Its name for ever.
    pub id: String,
    /// The floor of retention.
    pub retention_days: Option<u32>,
    /// How many must be on watch.
    pub min_on_watch: Option<u32>,
    /// Who gets a copy.
    pub copy_to: Vec<String>,
    /// Where the document says it.
    pub clause: Clause,
}

/// The time limits of one document. What exists has been read without a mistake ([`pack_file`](super::pack_file)).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RulePack {
    /// Version of this format.
    pub v: u32,
    /// Its name, such as `henan-2021`.
    pub name: String,
    /// Counts up with every change.
    pub version: u32,
    /// The document's title.
    pub title: String,
    /// The title in English.
    pub title_en: String,
    /// The document's number; its date where it has none.
    pub document: String,
    /// Division code of the issuer; absent where the document names none.
    pub issuer: Option<String>,
    /// Who is reported to.
    pub target: String,
    /// The pack that this one tightens.
    pub base: Option<String>,
    /// When the document was issued.
    pub issued_at: Timestamp,
    /// First instant at which it judges.
    pub effective_at: Timestamp,
    /// First instant at which it does not any more.
    pub repealed_at: Option<Timestamp>,
    /// The readings that it takes.
    pub switches: Switches,
    /// Its rules, in the document's order, those of one kind together.
    #[serde(skip)]
    pub rules: Vec<Rule>,
    /// Its duties without a clock.
    #[serde(skip)]
    pub duties: Vec<Duty>,
    /// What is not here of it; nothing but in evidence.
    #[serde(skip)]
    pub left_out: BTreeSet<PartKind>,
    /// Whether its clauses are here without their words; in evidence only.
    #[serde(skip)]
    pub is_wordless: bool,
}

impl RulePack {
    /// The version of the format that this program writes.
    pub const FORMAT: u32 = 2;

    /// Whether it judges what happened at this instant.
    pub fn is_in_force(&self, instant: Timestamp) -> bool {
        self.effective_at <= instant && self.repealed_at.is_none_or(|repealed| instant < repealed)
    }

    /// Document and place of a clause, such as `豫政办〔2021〕6号 七(三)`.
    pub fn cite(&self, clause: &Clause) -> String {
        format!("{} {}", clause.document.as_ref().unwrap_or(&self.document), clause.place)
    }

    /// The rule with this id.
    pub fn rule(&self, id: &str) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.id == id)
    }

    /// The duty with this id.
    pub fn duty(&self, id: &str) -> Option<&Duty> {
        self.duties.iter().find(|duty| duty.id == id)
    }
}
