//! When it happened, as somebody says: exactly, about, or not known. Every form that has a time of occurrence has
//! this one, because "about half past two" and "half past two" are judged differently.

use serde::{Deserialize, Serialize};

use super::{
    declared_time::DeclaredTime,
    line::{Said, Say},
    word::words,
};

words! {
    /// How well the time of an event is known.
    Precision, "precision 准确程度" {
        Exact = "exact" "准确",
        About = "about" "约",
        Unknown = "unknown" "不明",
    }
}

/// When it happened, as declared. In a file: a time, `"不明"`, or `{ at = ..., precision = "about" }`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "OccurrenceForm", into = "OccurrenceMap")]
pub enum Occurrence {
    /// 准确
    Exact(DeclaredTime),
    /// 约
    About(DeclaredTime),
    /// 不明
    Unknown,
}

impl Occurrence {
    /// The declared time, if there is one.
    pub const fn at(self) -> Option<DeclaredTime> {
        match self {
            Self::Exact(at) | Self::About(at) => Some(at),
            Self::Unknown => None,
        }
    }
}

impl Say for Occurrence {
    fn say(&self, said: &mut Said) {
        match self {
            Self::Exact(at) => at.say(said),
            Self::About(at) => {
                Precision::About.say(said);
                said.text(format!(" {at}"));
            }
            Self::Unknown => Precision::Unknown.say(said),
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct OccurrenceMap {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    at: Option<DeclaredTime>,
    precision: Precision,
}

#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "wanted is a time such as 2026-11-22 02:31:00, \"不明\" (\"unknown\"), or { at = 2026-11-22 02:31:00, precision = \"about\" }"
)]
enum OccurrenceForm {
    Map(OccurrenceMap),
    Word(Precision),
    Time(DeclaredTime),
}

impl TryFrom<OccurrenceForm> for Occurrence {
    type Error = &'static str;

    fn try_from(form: OccurrenceForm) -> Result<Self, &'static str> {
        let map = match form {
            OccurrenceForm::Time(at) => return Ok(Self::Exact(at)),
            OccurrenceForm::Word(precision) => OccurrenceMap { at: None, precision },
            OccurrenceForm::Map(map) => map,
        };
        match (map.precision, map.at) {
            (Precision::Exact, Some(at)) => Ok(Self::Exact(at)),
            (Precision::About, Some(at)) => Ok(Self::About(at)),
            (Precision::Unknown, None) => Ok(Self::Unknown),
            (Precision::Exact | Precision::About, None) => Err("an exact or approximate time needs its `at`"),
            (Precision::Unknown, Some(_)) => Err("an unknown time (不明) has no `at`"),
        }
    }
}

impl From<Occurrence> for OccurrenceMap {
    fn from(occurrence: Occurrence) -> Self {
        let precision = match occurrence {
            Occurrence::Exact(_) => Precision::Exact,
            Occurrence::About(_) => Precision::About,
            Occurrence::Unknown => Precision::Unknown,
        };
        Self { at: occurrence.at(), precision }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Form {
        occurred_at: Option<Occurrence>,
    }

    fn form(text: &str) -> Result<Form, String> {
        toml::from_str(text).map_err(|error: toml::de::Error| error.message().to_owned())
    }

    #[test]
    fn a_time_is_exact_approximate_or_unknown() {
        let at = "2026-11-22 02:31:00".parse().unwrap();
        let cases = [
            ("2026-11-22 02:31:00", Occurrence::Exact(at)),
            ("\"2026-11-22 02:31\"", Occurrence::Exact(at)),
            ("{ at = 2026-11-22 02:31:00, precision = \"约\" }", Occurrence::About(at)),
            ("\"不明\"", Occurrence::Unknown),
            ("{ precision = \"unknown\" }", Occurrence::Unknown),
        ];
        for (text, expected) in cases {
            assert_eq!(form(&format!("occurred_at = {text}")).unwrap().occurred_at, Some(expected), "{text}");
        }
    }

    #[test]
    fn an_occurrence_that_contradicts_itself_is_refused() {
        let bad = [
            "{ precision = \"about\" }",
            "{ at = 2026-11-22 02:31:00, precision = \"unknown\" }",
            "\"about\"",
            "7.5",
        ];
        for text in bad {
            assert!(form(&format!("occurred_at = {text}")).is_err(), "{text}");
        }
    }
}
