//! The node's only clock.
//!
//! What the product decides (when something is late, expired, sent again) reads [`Clock::now`], which a demo or a
//! test may scale or move. TLS and QUIC never ask it.

use std::{
    sync::{Arc, RwLock},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use relay::timestamp::Timestamp;
use serde::{Deserialize, Serialize};

/// Tells the time. Cheap to clone; clones share their settings.
#[derive(Debug, Clone, Default)]
pub struct Clock {
    warp: Arc<RwLock<Warp>>,
}

#[derive(Debug)]
struct Warp {
    pace: Pace,
    fixed: Option<Timestamp>,
}

/// How a clock differs from the machine's. A demo's node keeps it in its directory: after a restart its time must not
/// fall behind what it has signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pace {
    moved_ms: i64,
    speed: u32,
    since_ms: i64,
}

/// Where a demo's node keeps its pace.
pub const PACE_FILE: &str = "clock.json";

impl Default for Warp {
    fn default() -> Self {
        Self { pace: Pace { moved_ms: 0, speed: 1, since_ms: 0 }, fixed: None }
    }
}

impl Clock {
    /// The machine's wall clock.
    pub fn system() -> Self {
        Self::default()
    }

    /// A clock that stands still until it is moved: for simulated worlds.
    pub fn standing_at(now: Timestamp) -> Self {
        let clock = Self::default();
        clock.change(|warp| warp.fixed = Some(now));
        clock
    }

    /// Now, for what the product decides.
    pub fn now(&self) -> Timestamp {
        let warp = self.warp.read().expect("no holder of the clock panics");
        if let Some(fixed) = warp.fixed {
            return fixed;
        }
        let (pace, real) = (warp.pace, Self::wall().as_ms());
        let scaled = if pace.speed == 1 {
            real
        } else {
            pace.since_ms + (real - pace.since_ms).saturating_mul(i64::from(pace.speed))
        };
        Timestamp::from_ms(scaled.saturating_add(pace.moved_ms))
    }

    /// The machine's time, unmoved: for certificates.
    #[allow(clippy::disallowed_methods, reason = "this is the one place")]
    pub fn wall() -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        Timestamp::from_ms(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    /// A point in monotonic time: for durations that people read.
    #[allow(clippy::disallowed_methods, reason = "this is the one place")]
    pub fn instant() -> std::time::Instant {
        std::time::Instant::now()
    }

    /// Moves the clock, forward or back. Milliseconds.
    pub fn shift(&self, ms: i64) {
        self.change(|warp| match warp.fixed {
            Some(fixed) => warp.fixed = Some(Timestamp::from_ms(fixed.as_ms().saturating_add(ms))),
            None => warp.pace.moved_ms = warp.pace.moved_ms.saturating_add(ms),
        });
    }

    /// Lets time run `speed` times as fast from now on.
    pub fn scale(&self, speed: u32) {
        let now = self.now().as_ms();
        let real = Self::wall().as_ms();
        self.set(Pace { moved_ms: now - real, speed: speed.max(1), since_ms: real });
    }

    /// Lets time run `speed` times as fast since a moment of the machine's time, the same for several nodes.
    pub fn scale_since(&self, since: Timestamp, speed: u32) {
        self.set(Pace { moved_ms: 0, speed: speed.max(1), since_ms: since.as_ms() });
    }

    /// How it differs from the machine's clock.
    pub fn pace(&self) -> Pace {
        self.warp.read().expect("no holder of the clock panics").pace
    }

    /// Goes on at this pace.
    pub fn set(&self, pace: Pace) {
        self.change(|warp| *warp = Warp { pace, fixed: None });
    }

    /// How many times as fast as the machine's.
    pub fn speed(&self) -> u32 {
        self.pace().speed
    }

    /// Whether time runs faster than it does. What is signed meanwhile is an exercise and says so.
    pub fn is_scaled(&self) -> bool {
        self.pace().speed != 1
    }

    fn change(&self, change: impl FnOnce(&mut Warp)) {
        change(&mut self.warp.write().expect("no holder of the clock panics"));
    }
}

/// Whether a clock that says `told_ms` may be moved by so many milliseconds, or scaled since such a moment of the machine's time,
/// which is `real_ms` now: more than a century away from that, times could not be reckoned with.
pub fn may_be_set(told_ms: i64, shift_ms: i64, speed: u32, since_ms: i64, real_ms: i64) -> bool {
    let is_near = |ms: i64| ms.abs_diff(real_ms) <= CENTURY_MS;
    let scaled = real_ms.saturating_sub(since_ms).saturating_mul(i64::from(speed)).saturating_add(since_ms);
    (1..=SPEED_MAX).contains(&speed)
        && (0..=real_ms).contains(&since_ms)
        && is_near(told_ms.saturating_add(shift_ms))
        && is_near(scaled)
}

/// A day in 24 seconds.
pub const SPEED_MAX: u32 = 3600;
const CENTURY_MS: u64 = 100 * 366 * 24 * 3600 * 1000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_not_set_to_where_times_cannot_be_reckoned_with() {
        const REAL: i64 = 1_795_286_525_123;
        const CENTURY: i64 = CENTURY_MS as i64;
        assert!(may_be_set(REAL, -86_400_000, 60, REAL - 1_000, REAL));
        assert!(may_be_set(REAL, 0, SPEED_MAX, REAL, REAL));
        for (told, shift, speed, since) in [
            (REAL, i64::MIN, 1, REAL),
            (REAL, i64::MAX, 1, REAL),
            (REAL + CENTURY, 1, 1, REAL),
            (REAL, 0, 0, REAL),
            (REAL, 0, SPEED_MAX + 1, REAL),
            (REAL, 0, SPEED_MAX, 0),
            (REAL, 0, 1, -1),
            (REAL, 0, 1, REAL + 1),
        ] {
            assert!(!may_be_set(told, shift, speed, since, REAL), "{told} {shift} {speed} {since}");
        }
    }

    #[test]
    fn a_standing_clock_moves_only_when_moved() {
        let clock = Clock::standing_at(Timestamp::from_ms(1_000));
        assert_eq!(clock.now(), Timestamp::from_ms(1_000));
        clock.clone().shift(500);
        assert_eq!(clock.now(), Timestamp::from_ms(1_500));
    }

    #[test]
    fn a_shift_and_a_scale_leave_no_jump() {
        let clock = Clock::system();
        clock.shift(3_600_000);
        let before = clock.now();
        assert!(!clock.is_scaled());
        clock.scale(60);
        assert!(clock.is_scaled());
        assert!(clock.now().since(before) < Duration::from_secs(600));
        assert!(clock.now() >= before);
    }
}
