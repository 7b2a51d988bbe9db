//! An instant as the whole network writes it: integer milliseconds since 1970, UTC.

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};

/// Milliseconds since 1970-01-01T00:00:00Z. The pure crates get it as an argument; only the node's
/// clock makes one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// From milliseconds since 1970.
    pub const fn from_ms(ms: i64) -> Self {
        Self(ms)
    }

    /// Milliseconds since 1970.
    pub const fn as_ms(self) -> i64 {
        self.0
    }

    /// This instant plus `duration`; the largest instant when that overflows.
    pub fn after(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)))
    }

    /// How long after `earlier` this is; zero when it is not after.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_stops_at_the_ends() {
        let now = Timestamp::from_ms(1_000);
        assert_eq!(now.after(Duration::from_secs(1)), Timestamp::from_ms(2_000));
        assert_eq!(Timestamp::from_ms(i64::MAX).after(Duration::MAX), Timestamp::from_ms(i64::MAX));
        assert_eq!(now.since(Timestamp::from_ms(400)), Duration::from_millis(600));
        assert_eq!(Timestamp::from_ms(400).since(now), Duration::ZERO);
    }
}
