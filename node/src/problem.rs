//! An error for the person who reads it: a code whose sentences (what, why, what to do) are in the catalogue, in
//! Chinese and English, and the values that they need.

use std::{collections::BTreeMap, fmt::Display};

use serde::{Deserialize, Serialize};

/// What went wrong. Nothing was changed by what failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema, thiserror::Error)]
#[error("{code} {details:?}")]
pub struct Problem {
    /// A stable code of the catalogue.
    pub code: String,
    /// Values for its sentences.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub details: BTreeMap<String, String>,
    /// The exit code of the command line.
    pub exit: u8,
}

/// The command failed.
pub const EXIT_FAILED: u8 = 1;
/// The command was not understood.
pub const EXIT_USAGE: u8 = 2;
/// The node or the room cannot be reached.
pub const EXIT_UNREACHABLE: u8 = 3;
/// The plan or a rule does not allow it.
pub const EXIT_POLICY: u8 = 4;
/// Something is late, overdue or cannot be decided.
pub const EXIT_OVERDUE: u8 = 5;
/// Evidence is invalid.
pub const EXIT_INVALID: u8 = 6;

impl Problem {
    /// It failed: exit code 1.
    pub fn failed(code: impl Into<String>) -> Self {
        Self::new(code, EXIT_FAILED)
    }

    /// It was not understood: exit code 2.
    pub fn usage(code: impl Into<String>) -> Self {
        Self::new(code, EXIT_USAGE)
    }

    /// Somebody cannot be reached: exit code 3.
    pub fn unreachable(code: impl Into<String>) -> Self {
        Self::new(code, EXIT_UNREACHABLE)
    }

    /// It is not allowed: exit code 4.
    pub fn policy(code: impl Into<String>) -> Self {
        Self::new(code, EXIT_POLICY)
    }

    fn new(code: impl Into<String>, exit: u8) -> Self {
        Self { code: code.into(), details: BTreeMap::new(), exit }
    }

    /// Adds a value.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Display) -> Self {
        self.details.insert(name.to_owned(), value.to_string());
        self
    }
}

impl From<crate::store::StoreError> for Problem {
    fn from(error: crate::store::StoreError) -> Self {
        use crate::store::StoreError;
        let code = match &error {
            StoreError::Full => "store_full",
            StoreError::Foreign { .. } => "store_foreign",
            StoreError::Newer { .. } => "store_newer",
            StoreError::Damaged { .. } => "store_damaged",
            StoreError::Missing { .. } => "store_missing",
            StoreError::Unsafe { .. } => "store_unsafe",
            StoreError::Database(_) => "store_failed",
        };
        Self::failed(code).with("detail", &error)
    }
}

impl From<crate::driver::DriverError> for Problem {
    fn from(error: crate::driver::DriverError) -> Self {
        match error {
            crate::driver::DriverError::Store(error) => error.into(),
            crate::driver::DriverError::Crashed { point } => {
                Self::failed("crash_point").with("detail", point.name())
            }
        }
    }
}
