//! Forms that wait for somebody to sign them off.

use serde::{Deserialize, Serialize};

/// A draft, in lists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct DraftLine {
    /// Its id.
    pub id: String,
    /// The message kind's word.
    pub kind: String,
    /// The title.
    pub title: String,
    /// `review` (before it leaves), `sent` (it has left without a signature) or `returned` to whoever wrote it.
    pub state: String,
    /// The officer who handed it in.
    pub by: String,
    /// When.
    pub at_ms: i64,
    /// What is to be changed, where it was returned.
    pub note: Option<String>,
    /// The id of the message, where it has left.
    pub message: Option<String>,
}

/// A draft with its form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Draft {
    /// What lists show.
    pub line: DraftLine,
    /// The form's fields: names and values.
    pub fields: Vec<(String, String)>,
}
