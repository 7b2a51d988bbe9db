//! A crash point can be named to the process in a demo network: the node then ends there as a kill would end it.

use relay::crash_point::CrashPoint;

use crate::driver::CrashPoints;

/// Ends the process at one point, after it was passed so many times.
#[derive(Debug, Clone, Copy)]
pub(super) struct CrashAt {
    point: Option<CrashPoint>,
    left: u32,
}

/// `NAME` or `NAME:TIMES`, heeded under a demo authority only.
const VARIABLE: &str = "YICHUAN_CRASH_AT";

impl CrashAt {
    pub(super) fn from_environment(is_demo: bool) -> Self {
        let wanted = if is_demo { std::env::var(VARIABLE).unwrap_or_default() } else { String::new() };
        let (name, times) = wanted.split_once(':').unwrap_or((&wanted, "1"));
        let point = CrashPoint::ALL.into_iter().find(|point| point.name() == name);
        Self { point, left: times.parse().unwrap_or(1) }
    }
}

impl CrashPoints for CrashAt {
    fn reach(&mut self, point: CrashPoint) -> bool {
        if self.point == Some(point) {
            self.left = self.left.saturating_sub(1);
            if self.left == 0 {
                std::process::abort();
            }
        }
        true
    }
}
