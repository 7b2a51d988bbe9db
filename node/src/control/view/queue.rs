//! What waits for whom, and one envelope's ways.

use serde::{Deserialize, Serialize};

use super::Room;

/// One neighbour's queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct QueueLine {
    /// The envelope's id.
    pub id: String,
    /// Its origin.
    pub origin: Room,
    /// Whose queue.
    pub neighbour: Room,
    /// The precedence's word.
    pub precedence: String,
    /// Since when.
    pub since_ms: i64,
    /// Bytes.
    pub size_bytes: u64,
}

/// One envelope's ways.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct QueueEntry {
    /// The envelope's id.
    pub id: String,
    /// Its origin.
    pub origin: Room,
    /// The precedence's word.
    pub precedence: String,
    /// When it expires.
    pub expires_at_ms: i64,
    /// One for each recipient.
    pub ways: Vec<Way>,
}

/// One recipient's way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Way {
    /// Whom it is for.
    pub recipient: Room,
    /// `waiting`, `sent`, `held`, `here`, `ended`.
    pub state: String,
    /// With whom it is.
    pub neighbour: Option<Room>,
    /// How often it was sent.
    pub attempts: u32,
    /// When it is sent again.
    pub resend_at_ms: Option<i64>,
    /// The terminal outcome's word.
    pub outcome: Option<String>,
}
