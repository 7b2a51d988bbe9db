//! What an officer sees before a message leaves, and whom it may be sent to. Times are milliseconds since 1970, UTC.

use serde::{Deserialize, Serialize};

use super::{Element, Room};
use crate::problem::Problem;

/// `preview`: what sending would do. Nothing was sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Preview {
    /// Why it would not be sent as it is; absent when it would.
    pub problem: Option<Problem>,
    /// Whether there was anything to look at: a form that cannot be read yet says nothing else.
    pub is_read: bool,
    /// What the marking scanner has found; absent when it found nothing.
    pub secrecy: Option<Problem>,
    /// Recipients with `action` or `info`; those that are added because they were bypassed, too.
    pub to: Vec<(Room, String)>,
    /// Rooms that get a copy because they were bypassed.
    pub copied_to: Vec<Room>,
    /// The precedence that it would travel with.
    pub precedence: Option<String>,
    /// `actual`, `exercise` or `test`.
    pub status: Option<String>,
    /// What the message says.
    pub elements: Vec<Element>,
    /// The keys of elements that are asked for and not there. None keeps it from being sent.
    pub missing: Vec<String>,
    /// Which limits apply, the nearest first; those without a number last.
    pub limits: Vec<Limit>,
}

/// A limit that applies to a message before it is sent, or that it will set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Limit {
    /// The rule's id.
    pub rule: String,
    /// The pack's name.
    pub pack: String,
    /// What is owed, a rule kind's word.
    pub kind: String,
    /// How strongly it binds.
    pub force: String,
    /// By which way it is met.
    pub channel: String,
    /// Document number and place.
    pub clause: String,
    /// What it demands, Chinese.
    pub says: String,
    /// The same in English.
    pub says_en: String,
    /// The limit as the pack writes it.
    pub limit: String,
    /// When it is due; absent while its clock has not started, or without a number.
    pub due_at_ms: Option<i64>,
    /// Milliseconds left; negative when it has passed.
    pub remaining_ms: Option<i64>,
}

/// A room of the map, as this room may deal with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct RoomLine {
    /// The room.
    pub room: Room,
    /// The level's word.
    pub level: String,
    /// The id of the hub that it hangs under.
    pub parent: Option<String>,
    /// Flows in which this room may write to it: `up`, `down`, `lateral`.
    pub flows: Vec<String>,
    /// Ids of party committees' rooms that stand beside it.
    pub party: Vec<String>,
}

/// Messages that belong together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct CaseLine {
    /// The case's id; absent where the messages only refer to one another.
    pub case: Option<String>,
    /// Ids of its messages, the newest first.
    pub messages: Vec<String>,
}
