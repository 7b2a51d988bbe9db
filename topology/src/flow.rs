//! The direction in which an envelope moves through the hierarchy. It stands in clear on the
//! envelope, so that a hub can police it without reading what is inside.

use serde::{Deserialize, Serialize};

/// Which way an envelope flows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Flow {
    /// To a superior, by the tree or by a relation.
    Up,
    /// From a superior, by the tree or by a relation.
    Down,
    /// Between rooms that the plan relates.
    Lateral,
    /// Follows what it controls, such as a recall.
    Control,
}

impl Flow {
    /// The word of JSON and of error messages.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
            Self::Lateral => "lateral",
            Self::Control => "control",
        }
    }
}
