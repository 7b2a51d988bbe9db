//! The plan (规划): what the authority signs. Network, version, rooms and the rules in force as plain data; the map is
//! a plan that was found to make sense.

use serde::{Deserialize, Serialize};

use crate::{CalendarInForce, PackInForce, Room};

/// Everything about the network that the authority decides and signs.
///
/// Unknown fields are ignored, so that a later format may add some.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Format of this structure, [`Plan::FORMAT`].
    pub v: u16,
    /// Name of the network, one DNS label.
    pub network: String,
    /// Counts up with every change; a node never goes back to a smaller one.
    pub version: u64,
    /// When the authority issued it, milliseconds since 1970 UTC.
    pub issued_at_ms: i64,
    /// A throw-away network that may do what no real one may, such as cutting its own links.
    pub demo: bool,
    /// Every room, in the order in which the authority wrote them.
    pub rooms: Vec<Room>,
    /// The rule packs in force; left out when there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub packs: Vec<PackInForce>,
    /// The years of the working-day calendar in force; left out when there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub calendars: Vec<CalendarInForce>,
}

impl Plan {
    /// The format that this program writes, and the newest that it reads.
    pub const FORMAT: u16 = 1;
}
