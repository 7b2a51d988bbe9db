//! `status` and `doctor`: how this node is, its links, its clock, its disk and its log.

use serde::{Deserialize, Serialize};

use super::Room;

/// `status`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Status {
    /// This room.
    pub room: Room,
    /// The program's version.
    pub version: String,
    /// Address of the console; null while there is none.
    pub console: Option<String>,
    /// The network's label.
    pub network: String,
    /// Version of the plan in force.
    pub map_version: u64,
    /// Whether this is a demo network.
    pub demo: bool,
    /// The node's process id.
    pub pid: u32,
    /// When the node started.
    pub started_at_ms: i64,
    /// Every neighbour, parent first.
    pub links: Vec<Link>,
    /// The clock.
    pub clock: ClockState,
    /// Certificates.
    pub certificates: CertificateState,
    /// The disk.
    pub disk: Disk,
    /// Messages in the inbox that no officer has acknowledged.
    pub unacknowledged: u64,
    /// The log and its dates.
    #[serde(default)]
    pub log: LogState,
    /// The time limits.
    #[serde(default)]
    pub duties: DutyState,
}

/// The time limits of what this room owes and is owed, in short.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct DutyState {
    /// With a due time, and not met.
    pub open: usize,
    /// Of those, half of whose time is over.
    pub warned: usize,
    /// Overdue, and no officer has taken notice.
    pub alarms: usize,
    /// Whose the furthest of these is: the role's word.
    pub role: Option<String>,
}

/// The log in short.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct LogState {
    /// Leaves.
    pub size: u64,
    /// Leaves under the newest head that the root hub has dated.
    pub dated_size: u64,
    /// When it dated that head.
    pub dated_at_ms: Option<i64>,
    /// For how long leaves have waited for a date although a parent is up; null when none waits or none is up.
    pub undated_ms: Option<i64>,
    /// Age of the newest tick.
    pub tick_age_ms: Option<i64>,
    /// Logs of children that did not continue what was held of them.
    pub breaks: Vec<HistoryBreak>,
    /// What this node lost, until and after it was accepted.
    pub loss: Option<Loss>,
}

/// Breaks of one child's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct HistoryBreak {
    /// Whose.
    pub room: Room,
    /// Whether the child itself says that it lost what was before, as after a restored backup.
    pub declared: bool,
    /// How many.
    pub count: u64,
    /// When the last was found.
    pub at_ms: i64,
}

/// What this node lost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Loss {
    /// When the backup that it was restored from was made; null when its directory was put back by other means.
    pub backup_made_at_ms: Option<i64>,
    /// Leaves of the log in that backup.
    pub backup_leaves: Option<u64>,
    /// The parent that holds what is lost here; null while none has said that anything is.
    pub held_by: Option<Room>,
    /// The first leaf that is lost.
    pub from: Option<u64>,
    /// The last one that the parent knows of.
    pub to: Option<u64>,
    /// The root over the log up to there.
    pub root: Option<String>,
    /// When the parent said so.
    pub seen_at_ms: Option<i64>,
    /// When a person said that it is known.
    pub accepted_at_ms: Option<i64>,
}

/// One link.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Link {
    /// The neighbour.
    pub room: Room,
    /// `parent`, `alternate` or `child`.
    pub role: String,
    /// `up`, `down`, `connecting` or `cut`.
    pub state: String,
    /// `quic`, or null while down.
    pub transport: Option<String>,
    /// Round trip in milliseconds.
    pub rtt_ms: Option<f64>,
    /// By how much the neighbour's clock is ahead: at least, at most.
    pub offset_ms: Option<[i64; 2]>,
    /// Envelopes that wait for it.
    pub queued: u64,
    /// Age of the oldest of them.
    pub oldest_ms: Option<i64>,
    /// When the state began.
    pub since_ms: i64,
    /// Why it is down, a code of the catalogue.
    pub reason: Option<String>,
    /// The neighbour's program version.
    pub software: Option<String>,
}

/// The clock's health.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ClockState {
    /// Now.
    pub now_ms: i64,
    /// Whether this is the root, whose clock is the network's.
    pub is_reference: bool,
    /// The parent's clock against ours.
    pub offset_ms: Option<[i64; 2]>,
    /// Whether expiry may be decided by it.
    pub trusted: bool,
}

/// The certificates in short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct CertificateState {
    /// End of the TLS certificate.
    pub tls_not_after_ms: i64,
    /// Whole days until then.
    pub tls_days_left: i64,
    /// End of the issuing certificate of a hub.
    pub issuing_not_after_ms: Option<i64>,
    /// Sheets held.
    pub sheets: u64,
}

/// The disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Disk {
    /// `normal`, `low` or `critical`.
    pub level: String,
    /// Free bytes on the volume.
    pub free_bytes: u64,
    /// Bytes of the database.
    pub database_bytes: u64,
}

/// One line of `doctor`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Check {
    /// A code of the catalogue.
    pub code: String,
    /// `ok`, `warning` or `failed`.
    pub state: String,
    /// Values that the sentence needs.
    pub details: std::collections::BTreeMap<String, String>,
}
