//! `inbox --due`: what is owed, by when.

use serde::{Deserialize, Serialize};

use super::Room;

/// `inbox --due`: one stage of one rule for one case. Times are RFC 3339, Beijing time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct DueLine {
    /// The rule's id.
    pub rule: String,
    /// The pack's name.
    pub pack: String,
    /// What is owed.
    pub kind: String,
    /// `actual`, `exercise` or `test`.
    pub status: String,
    /// How strongly it binds.
    pub force: String,
    /// By which way it is met.
    pub channel: String,
    /// Id of the report, the request or the instruction.
    pub subject: String,
    /// Who owes.
    pub obliged: Room,
    /// Whom.
    pub towards: Room,
    /// The event at which the clock started.
    pub start_event: String,
    /// When that was.
    pub start: Option<String>,
    /// When it is due; absent without a number.
    pub due: Option<String>,
    /// When it was met.
    pub met_at: Option<String>,
    /// `open`, `met` or `breached`.
    pub state: String,
    /// Where a delay lies.
    pub cause: Option<String>,
    /// Milliseconds left while it is not met; negative when it is overdue.
    pub remaining_ms: Option<i64>,
    /// `half`, `most`, `breach`, `leader`, `parent`: how far its timer has come while it is not met.
    #[serde(default)]
    pub stage: Option<String>,
    /// Whose it is now: the role's word, until an officer acknowledges.
    #[serde(default)]
    pub role: Option<String>,
    /// Whether an officer has taken notice of it.
    #[serde(default)]
    pub acknowledged: bool,
}
