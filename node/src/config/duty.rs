//! Where a breached time limit goes, and when (`[duty]`).

use std::time::Duration;

use relay::duty::timer::Delays;
use serde::{Deserialize, Serialize};

/// `[duty]`, in seconds after the breach, or after this room learned of the duty where that was later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Duty {
    /// Until the leader is told, unless an officer acknowledged. Default 600.
    pub leader_after_s: u64,
    /// Until the room above is told by a message, where the limit is a must. Default 1800.
    pub parent_after_s: u64,
}

impl Default for Duty {
    fn default() -> Self {
        Self { leader_after_s: 600, parent_after_s: 1_800 }
    }
}

impl Duty {
    /// In the timer's terms.
    pub fn delays(&self) -> Delays {
        Delays {
            leader: Duration::from_secs(self.leader_after_s),
            parent: Duration::from_secs(self.parent_after_s),
        }
    }
}
