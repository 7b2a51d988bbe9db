//! What was not as it should be: an outage that is over, an alarm that was silenced.

use serde::{Deserialize, Serialize};

use super::Room;

/// A line of this room that was down and is up again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Outage {
    /// The room at the other end.
    pub room: Room,
    /// When it was noticed to be down.
    pub down_at_ms: i64,
    /// When it was up again.
    pub up_at_ms: i64,
    /// What was written meanwhile and has left since, the newest first.
    pub went: Vec<Went>,
}

/// The last 24 hours of a link of this node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct LinkDay {
    /// The room at the other end.
    pub room: Room,
    /// When the day began.
    pub from_ms: i64,
    /// Now.
    pub to_ms: i64,
    /// Outages within it, the oldest first: from when until when. One that lasts ends now.
    pub down: Vec<[i64; 2]>,
}

/// A message that waited for the line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Went {
    /// The envelope's id.
    pub id: String,
    /// The title.
    pub title: String,
    /// The precedence's word.
    pub precedence: String,
    /// When it was accepted here.
    pub accepted_at_ms: i64,
    /// When the next room had it.
    pub left_at_ms: i64,
    /// Whether a limit was missed because of the line.
    pub is_late: bool,
}

/// A time at which an officer silenced the alarm.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Silence {
    /// The officer's id.
    pub officer: String,
    /// And name.
    pub name: String,
    /// When.
    pub at_ms: i64,
    /// Until when.
    pub until_ms: i64,
    /// Ids of the messages that rang then.
    pub messages: Vec<String>,
}
