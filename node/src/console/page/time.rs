//! Times as pages show them: Beijing time to the second, and what is left as a countdown.

use jiff::{Timestamp, tz};

/// `11-22 02:42:05`, Beijing time.
pub(crate) fn clock_time(ms: i64) -> String {
    let Ok(instant) = Timestamp::from_millisecond(ms) else { return ms.to_string() };
    let t = tz::offset(8).to_datetime(instant);
    format!("{:02}-{:02} {:02}:{:02}:{:02}", t.month(), t.day(), t.hour(), t.minute(), t.second())
}

/// `06:12`, `1:02:03`, `-00:30`: minutes and seconds that are left. The script counts in the same form.
pub(crate) fn remaining(ms: i64) -> String {
    let sign = if ms < 0 { "-" } else { "" };
    let seconds = ms.unsigned_abs() / 1000;
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 {
        format!("{sign}{hours}:{minutes:02}:{seconds:02}")
    } else {
        format!("{sign}{minutes:02}:{seconds:02}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_read_at_a_glance() {
        let all = [372_900, 3_723_000, -30_000, 0].map(remaining);
        assert_eq!(all, ["06:12", "1:02:03", "-00:30", "00:00"]);
        assert_eq!(clock_time(1_795_000_000_000), "11-18 19:06:40");
    }
}
