//! The plan (规划): what the authority signs. Network, version and rooms as plain data; the map is
//! a plan that was found to make sense.

use serde::{Deserialize, Serialize};

use crate::Room;

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
}

impl Plan {
    /// The format that this program writes, and the newest that it reads.
    pub const FORMAT: u16 = 1;
}
