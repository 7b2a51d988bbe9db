//! An evidence file on its way to whoever asked for it.

use serde::{Deserialize, Serialize};

/// An evidence file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct EvidenceFile {
    /// Its bytes in base64.
    pub bytes: String,
    /// Messages in it.
    pub messages: u64,
    /// Receipts in it.
    pub receipts: u64,
}
