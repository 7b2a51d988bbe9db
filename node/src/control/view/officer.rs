//! An officer as people see one.

use serde::{Deserialize, Serialize};

/// An officer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Officer {
    /// The id.
    pub id: String,
    /// The name.
    pub name: String,
    /// The role's word.
    pub role: String,
    /// Since when.
    pub since_ms: i64,
    /// Whether the officer was disabled.
    pub disabled: bool,
}
