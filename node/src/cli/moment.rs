//! Times for people: Beijing civil time to the millisecond, whatever the zone of the machine; clock offsets with
//! their uncertainty.

use jiff::{Timestamp, tz};

/// `2026-11-22 02:42:05.123`, Beijing time. A number that is no time is shown as it is.
pub(crate) fn beijing(ms: i64) -> String {
    let Ok(instant) = Timestamp::from_millisecond(ms) else { return ms.to_string() };
    let t = tz::offset(8).to_datetime(instant);
    format!(
        "{:04}-{:02}-{:02} {:02}:{:02}:{:02}.{:03}",
        t.year(),
        t.month(),
        t.day(),
        t.hour(),
        t.minute(),
        t.second(),
        t.millisecond()
    )
}

/// `+0.004 ±0.012 s`: the middle and half the width of what is known; a dash when nothing is.
pub(crate) fn offset(bounds: Option<[i64; 2]>) -> String {
    let Some([lo, hi]) = bounds else { return "—".to_owned() };
    // Bounds come from a peer; their sum must not overflow.
    let (lo, hi) = (lo as f64 / 1_000.0, hi as f64 / 1_000.0);
    format!("{:+.3} ±{:.3} s", f64::midpoint(lo, hi), (hi - lo).abs() / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_beijing_civil_time_to_the_millisecond() {
        assert_eq!(beijing(0), "1970-01-01 08:00:00.000");
        assert_eq!(beijing(1_795_286_525_123), "2026-11-22 02:42:05.123");
        assert_eq!(beijing(-1), "1970-01-01 07:59:59.999");
        assert_eq!(beijing(i64::MAX), i64::MAX.to_string());
    }

    #[test]
    fn an_offset_shows_its_middle_and_its_uncertainty() {
        assert_eq!(offset(Some([-8, 16])), "+0.004 ±0.012 s");
        assert_eq!(offset(Some([-3, -1])), "-0.002 ±0.001 s");
        assert_eq!(offset(None), "—");
        assert!(offset(Some([i64::MIN, i64::MAX])).contains('±'));
    }
}
