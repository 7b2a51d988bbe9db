//! The network around this room: the way to another one, who joins, certificates, the map.

use serde::{Deserialize, Serialize};

use super::Room;

/// `ping` and `trace`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Trace {
    /// Round trip in milliseconds.
    pub rtt_ms: f64,
    /// The rooms passed, from here to there, with their own time.
    pub hops: Vec<Hop>,
}

/// One room on the way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Hop {
    /// The room.
    pub room: Room,
    /// Its time.
    pub at_ms: i64,
}

/// `invite`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Invited {
    /// The room that may join with it.
    pub room: Room,
    /// The token.
    pub token: String,
    /// When it expires.
    pub expires_at_ms: i64,
}

/// A room at the door.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Joining {
    /// The room.
    pub room: Room,
    /// The six words to compare over the telephone.
    pub words: String,
    /// `waiting`, `confirmed`.
    pub state: String,
}

/// A certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Certificate {
    /// Whose.
    pub room: Room,
    /// `tls` or `issuing`.
    pub purpose: String,
    /// The serial number in hex.
    pub serial: String,
    /// Its end.
    pub not_after_ms: i64,
    /// Whole days left.
    pub days_left: i64,
    /// Since when it is revoked.
    pub revoked_at_ms: Option<i64>,
}

/// `map show`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct MapText {
    /// Version.
    pub version: u64,
    /// The map in the form that people write.
    pub toml: String,
}
