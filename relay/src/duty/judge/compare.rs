//! How a stop lies to a due time, both intervals. On time only if certainly so, late only if certainly so, a tie is on
//! time, and nothing is rounded.

use super::{Interval, Timestamp, Verdict};

/// | stop | | verdict |
/// |---|---|---|
/// | there | latest at or before the earliest due | on time |
/// | there | earliest after the latest due | late |
/// | there | else | undecidable |
/// | not there | now at or before the earliest due | pending |
/// | not there | now after the latest due | late |
/// | not there | else, or now unknown | undecidable |
pub(super) fn verdict(stop: Option<&Interval>, due: &Interval, now: Option<Timestamp>) -> Verdict {
    match stop {
        Some(stop) if stop.is_by(due.earliest) => Verdict::OnTime,
        Some(stop) if stop.is_after(due.latest) => Verdict::Late,
        Some(_) => Verdict::Undecidable,
        None => {
            let Some(now) = now.map(Interval::point) else { return Verdict::Undecidable };
            if now.is_by(due.earliest) {
                Verdict::Pending
            } else if now.is_after(due.latest) {
                Verdict::Late
            } else {
                Verdict::Undecidable
            }
        }
    }
}
