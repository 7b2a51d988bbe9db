//! Telephone calls and the signed notes of their two ends.

use serde::{Deserialize, Serialize};

use super::Room;

/// `phone out` and `phone in`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Noted {
    /// The id of the note's envelope.
    pub id: String,
    /// The three characters to be read aloud.
    pub code: String,
    /// The other end.
    pub peer: Room,
    /// `out` or `in`.
    pub direction: String,
    /// `paired`, `conflicting` or `claimed`, as far as is known now.
    pub state: String,
    /// The case that the call belongs to.
    pub case: Option<String>,
    /// A sensitive matter was spoken of on an ordinary telephone.
    pub secrecy_warning: bool,
    /// Rooms that got a copy because they were bypassed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub copied_to: Vec<Room>,
}

/// One telephone call. Its times are declared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct CallLine {
    /// The three characters.
    pub code: String,
    /// The other end.
    pub peer: Room,
    /// `out` when this room rang, `in` when it was rung.
    pub direction: String,
    /// `paired` counts for a rule; `claimed` and `conflicting` do not.
    pub state: String,
    /// `actual`, `exercise` or `test`.
    pub status: String,
    /// `ordinary` or `secure`; null when the two ends do not agree.
    pub line: Option<String>,
    /// The earlier of the declared starts.
    pub started_at_ms: i64,
    /// t2: the later of the declared ends.
    pub ended_at_ms: i64,
    /// The message that it was about.
    pub about: Option<String>,
    /// The case that it belongs to.
    pub case: Option<String>,
    /// Whether either end calls the matter sensitive.
    pub sensitive: bool,
    /// A sensitive matter was spoken of on an ordinary telephone.
    pub secrecy_warning: bool,
    /// In what the two ends contradict each other: `line`, `about`, `case`, `ended_at`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conflicts: Vec<String>,
    /// The signed notes, the caller's first.
    pub notes: Vec<CallNote>,
}

/// One end's signed note.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct CallNote {
    /// The id of its envelope.
    pub id: String,
    /// Whose note.
    pub room: Room,
    /// `out` or `in`, as that room saw it.
    pub direction: String,
    /// `ordinary` or `secure`.
    pub line: String,
    /// Who signed.
    pub officer: String,
    /// In which capacity: a role's word.
    pub officer_role: String,
    /// The declared start.
    pub started_at_ms: i64,
    /// The declared end.
    pub ended_at_ms: i64,
    /// The message that it names.
    pub about: Option<String>,
    /// Whether it calls the matter sensitive.
    pub sensitive: bool,
}
