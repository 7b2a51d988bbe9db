//! One rule of a pack: from which event, by which channel, within which limit, how strongly, and where the document
//! says so.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{
    condition::Conditions,
    event::{Event, RuleKind},
};
use crate::message::word::words;

words! {
    /// How strongly a document binds.
    Force, "force 约束力" {
        Must = "must" "必须",
        Strive = "strive" "力争",
        Principle = "principle" "原则上",
        May = "may" "可以",
    }
}

words! {
    /// By which way the duty is met.
    Channel, "channel 渠道" {
        Any = "any" "不限",
        Phone = "phone" "电话",
        Written = "written" "书面",
        FaxOrPrivateNetwork = "fax_or_private_network" "传真或专网",
        PlatformOrFax = "platform_or_fax" "平台或传真",
        Platform = "platform" "平台",
    }
}

words! {
    /// Where the start of the clock comes from.
    Basis, "basis 依据" {
        Stated = "stated" "原文明示",
        Implied = "implied" "原文隐含",
        Local = "local" "本地规定",
    }
}

words! {
    /// Days that a lead time counts in.
    DayUnit, "unit 单位" {
        WorkingDay = "working_day" "工作日",
        NaturalDay = "natural_day" "自然日",
    }
}

/// By when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    /// This long after the start.
    Within {
        /// Milliseconds.
        duration_ms: i64,
    },
    /// By 24:00 of a day that lies so many days before the event.
    Before {
        /// How many.
        count: u16,
        /// Of which days.
        unit: DayUnit,
    },
    /// Before the event, without a number (提前).
    BeforeStart,
    /// By 24:00 of the day of the event.
    EndOfDay,
    /// By an hour that the installation sets, in minutes after 00:00 of the day of the event.
    CutoffTime {
        /// Absent when the installation has set none: no verdict.
        minute: Option<u16>,
    },
    /// By 24:00 of a day of the year that the installation sets.
    CutoffDay {
        /// 1 to 12.
        month: i8,
        /// 1 to 31.
        day: i8,
    },
    /// By the time that the notice names.
    NoticeDue,
    /// 第一时间: no number, the elapsed time is shown, no verdict.
    Asap,
    /// That of an upper pack, if one is given.
    Inherit,
    /// None: the elapsed time is shown, no verdict.
    None,
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Within { duration_ms } => iso(f, *duration_ms),
            Self::Before { count, unit } => write!(f, "{count} {} before", unit.word()),
            Self::BeforeStart => f.write_str("before"),
            Self::EndOfDay => f.write_str("end_of_day"),
            Self::CutoffTime { minute: Some(minute) } => {
                write!(f, "local_cutoff {:02}:{:02}", minute / 60, minute % 60)
            }
            Self::CutoffTime { minute: None } => f.write_str("local_cutoff"),
            Self::CutoffDay { month, day } => write!(f, "local_cutoff {month:02}-{day:02}"),
            Self::NoticeDue => f.write_str("notice_due"),
            Self::Asap => f.write_str("asap"),
            Self::Inherit => f.write_str("inherit"),
            Self::None => f.write_str("none"),
        }
    }
}

/// `PT1H30M`, as the pack file writes it.
fn iso(f: &mut fmt::Formatter<'_>, duration_ms: i64) -> fmt::Result {
    f.write_str("PT")?;
    let seconds = duration_ms / 1_000;
    for (number, letter) in [(seconds / 3_600, 'H'), (seconds / 60 % 60, 'M'), (seconds % 60, 'S')] {
        if number > 0 {
            write!(f, "{number}{letter}")?;
        }
    }
    Ok(())
}

/// A step that must have been taken before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requirement {
    /// When it is asked for.
    pub when: Conditions,
    /// The event that must come first.
    pub event: Event,
    /// Its name, Chinese.
    pub step: String,
    /// Its name, English.
    pub step_en: String,
}

/// Something to say when a case looks so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remark {
    /// When.
    pub when: Conditions,
    /// What: a word without spaces, for programs.
    pub flag: String,
}

/// Where the document says it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clause {
    /// The document's number, where it is not the pack's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document: Option<String>,
    /// Place in the document, Chinese.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub place: String,
    /// Place in the document, English.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub place_en: String,
    /// What it demands in our words, Chinese.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub says: String,
    /// The same in English.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub says_en: String,
    /// The decisive phrase of the document.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub quote: String,
}

impl Clause {
    /// What no verdict needs, out of it: everything but where it stands.
    pub(super) fn take_words(&mut self) -> Self {
        let kept = Self {
            document: self.document.take(),
            place: std::mem::take(&mut self.place),
            ..Self::default()
        };
        std::mem::replace(self, kept)
    }

    /// Puts them back.
    pub(super) fn give_words(&mut self, words: Self) {
        let Self { document: _, place: _, place_en, says, says_en, quote } = words;
        (self.place_en, self.says, self.says_en, self.quote) = (place_en, says, says_en, quote);
    }
}

/// One rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// Its name for ever.
    pub id: String,
    /// What it is about.
    pub kind: RuleKind,
    /// How strongly it binds.
    pub force: Force,
    /// By which way it is met.
    pub channel: Channel,
    /// Start of the clock.
    pub start: Event,
    /// Where that start comes from.
    pub basis: Basis,
    /// Stop of the clock.
    pub stop: Event,
    /// At whom, in the document's words.
    pub stop_at: String,
    /// By when.
    pub limit: Limit,
    /// Alternatives, one of which the case must meet; none: every case of the kind.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub applies: Vec<Conditions>,
    /// What is taken for granted unless the facts say otherwise.
    #[serde(default, skip_serializing_if = "Conditions::is_empty")]
    pub assumes: Conditions,
    /// A step that must have been taken before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requires: Option<Requirement>,
    /// Things to say.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remarks: Vec<Remark>,
    /// Elements that the paper must have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub required_fields: Vec<String>,
    /// Where the document says it.
    pub clause: Clause,
}

impl Rule {
    /// Whether its times are counted by the calendar of working days.
    pub const fn needs_calendar(&self) -> bool {
        matches!(self.limit, Limit::Before { unit: DayUnit::WorkingDay, .. })
            || matches!(self.start, Event::HolidayLastDay)
    }

    /// Whether its limit is a number, so that there is a verdict.
    pub const fn has_number(&self) -> bool {
        !matches!(self.limit, Limit::Asap | Limit::Inherit | Limit::None | Limit::CutoffTime { minute: None })
    }
}
