//! Receipts of one message.

use serde::{Deserialize, Serialize};

/// One receipt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ReceiptLine {
    /// The event's word.
    pub event: String,
    /// t5, t6 ...
    pub mark: String,
    /// For whom: the room's code.
    pub recipient: String,
    /// Who says it: the room's code.
    pub issuer: String,
    /// The recipient's Chinese name.
    pub recipient_name: String,
    /// Its English name, or the Chinese one.
    pub recipient_name_en: String,
    /// The issuer's Chinese name.
    pub issuer_name: String,
    /// Its English name, or the Chinese one.
    pub issuer_name_en: String,
    /// When, by the issuer's clock.
    pub at_ms: i64,
    /// The issuer's clock against its parent's.
    pub offset_ms: Option<[i64; 2]>,
    /// The officer's name.
    pub officer: Option<String>,
    /// The officer's role word.
    pub officer_role: Option<String>,
    /// Why: a code.
    pub reason: Option<String>,
    /// What was added to the reason.
    pub reason_text: Option<String>,
    /// The issuer's run.
    pub epoch: u64,
    /// Leaf number in the issuer's log.
    pub seq: u64,
    /// Milliseconds since the receipt before it for this recipient.
    pub spent_ms: Option<i64>,
    /// Whether it came after the terminal outcome: a supplement.
    pub supplement: bool,
}
