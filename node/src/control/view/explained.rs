//! `rules explain`: why limits applied to a message or did not. Times are RFC 3339, Beijing time.

use serde::{Deserialize, Serialize};

use super::Room;

/// `rules explain`: one duty of a case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ExplainedDuty {
    /// What is owed, a rule kind's word such as `verify.reply`.
    pub kind: String,
    /// `actual`, `exercise` or `test`.
    pub status: String,
    /// Id of the report, the request or the instruction.
    pub subject: String,
    /// Id of the message that meets it.
    pub answer: Option<String>,
    /// Who owes.
    pub obliged: Room,
    /// Whom.
    pub towards: Room,
    /// The rules that apply.
    pub rules: Vec<ExplainedRule>,
    /// The rules that do not.
    pub set_aside: Vec<SetAsideRule>,
}

/// A rule that applies. Times are RFC 3339, Beijing time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ExplainedRule {
    /// Its id.
    pub rule: String,
    /// The pack's name.
    pub pack: String,
    /// The pack's version.
    pub pack_version: u32,
    /// `must`, `strive`, `principle`, `may`.
    pub force: String,
    /// `phone`, `written`, `any` ...
    pub channel: String,
    /// Document number and place.
    pub clause: String,
    /// What it demands, Chinese.
    pub says: String,
    /// The same in English.
    pub says_en: String,
    /// The limit as the pack writes it.
    pub limit: String,
    /// The event at which the clock starts.
    pub start_event: String,
    /// `stated`, `implied` or `local`.
    pub basis: String,
    /// When that was, by attested times.
    pub start: Option<Moment>,
    /// When it is due.
    pub due: Option<String>,
    /// The event that stops it.
    pub stop_event: String,
    /// When that was, by attested times.
    pub met: Option<Moment>,
    /// Milliseconds that were left, or are left now; negative when it is late.
    pub margin_ms: Option<i64>,
    /// The verdict to the delivery, or to the end of the call.
    pub verdict: String,
    /// By how much it is late.
    pub late_by_ms: Option<i64>,
    /// The verdict to the first custody.
    pub sent_verdict: Option<String>,
    /// Where a delay lies.
    pub cause: Option<String>,
    /// The verdict by the root hub's time alone.
    pub proven_verdict: String,
    /// The start by that time.
    pub proven_start: Option<Moment>,
    /// The stop by that time.
    pub proven_met: Option<Moment>,
    /// The same rule on another clock.
    pub alternative: Option<OtherClock>,
    /// Everything else, as `name` or `name:detail`.
    pub flags: Vec<String>,
}

/// Between which times something happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Moment {
    /// Not before.
    pub earliest: Option<String>,
    /// Not after.
    pub latest: Option<String>,
    /// Which witness would narrow it.
    pub missing: Option<String>,
}

/// The same rule on another clock, where the document leaves the start open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct OtherClock {
    /// The event at which it starts.
    pub start_event: String,
    /// When that was.
    pub start: Moment,
    /// When it is due then.
    pub due: Option<String>,
    /// The verdict then.
    pub verdict: String,
}

/// A rule that does not apply.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct SetAsideRule {
    /// Its id.
    pub rule: String,
    /// The pack's name.
    pub pack: String,
    /// Document number and place.
    pub clause: String,
    /// `other_kind`, `condition`, `not_started` ...
    pub reason: String,
    /// What decided.
    pub detail: String,
}
