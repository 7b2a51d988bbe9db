//! What the node answers: the shapes that `--json` prints and that tables are made of. Times are milliseconds since
//! 1970, UTC.

mod ahead;
mod draft;
mod due;
mod element;
mod evidence;
mod explained;
mod mail;
mod network;
mod officer;
mod outage;
mod phone;
mod queue;
mod receipts;
mod rules;
mod status;

use serde::{Deserialize, Serialize};

pub use self::{
    ahead::{CaseLine, Limit, Preview, RoomLine},
    draft::{Draft, DraftLine},
    due::DueLine,
    element::{Element, Piece},
    evidence::EvidenceFile,
    explained::{ExplainedDuty, ExplainedRule, Moment, OtherClock, SetAsideRule},
    mail::{AttachmentFile, InboxLine, Opened, Progress, Recipient, Sent, SentLine},
    network::{Certificate, Hop, Invited, Joining, MapText, Trace},
    officer::Officer,
    outage::{LinkDay, Outage, Silence, Went},
    phone::{CallLine, CallNote, Noted},
    queue::{QueueEntry, QueueLine, Way},
    receipts::ReceiptLine,
    rules::{CalendarLine, PackLine, RulesInForce, RulesPreview, SignedDocuments},
    status::{
        CertificateState, Check, ClockState, Disk, DutyState, HistoryBreak, Link, LogState, Loss, Status,
    },
};

/// A room as people see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Room {
    /// The permanent id.
    pub id: String,
    /// Its present code, short where possible.
    pub code: String,
    /// Its present Chinese name.
    pub name: String,
    /// Its English name, or the Chinese one.
    pub name_en: String,
    /// The duty telephone.
    pub telephone: Option<String>,
}
