//! Times as pages show them: Beijing time to the second, and what is left as a countdown.

use jiff::{Timestamp, tz};

/// `11-22 02:42:05`, Beijing time.
pub(crate) fn clock_time(ms: i64) -> String {
    let Ok(instant) = Timestamp::from_millisecond(ms) else { return ms.to_string() };
    let t = tz::offset(8).to_datetime(instant);
    format!("{:02}-{:02} {:02}:{:02}:{:02}", t.month(), t.day(), t.hour(), t.minute(), t.second())
}

/// `02:42:05.123`, Beijing time.
pub(crate) fn exact_time(ms: i64) -> String {
    format!("{}.{:03}", clock_time(ms).split_off(6), ms.rem_euclid(1000))
}

/// `11-22 02:42:05` of a time as RFC 3339 says it; what cannot be read stands as it is.
pub(crate) fn day_time(text: &str) -> String {
    text.parse::<Timestamp>().map_or_else(|_| text.to_owned(), |at| clock_time(at.as_millisecond()))
}

/// `0.412 s`, `34.1 s`, `5:06`, `1:02:03`: how long something took.
pub(crate) fn span(ms: i64) -> String {
    match ms {
        -9_999..10_000 => {
            format!("{}{}.{:03} s", if ms < 0 { "-" } else { "" }, ms.abs() / 1000, ms.abs() % 1000)
        }
        10_000..60_000 => format!("{}.{} s", ms / 1000, ms % 1000 / 100),
        _ => remaining(ms),
    }
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
        assert_eq!(exact_time(1_795_000_000_042), "19:06:40.042");
        assert_eq!(day_time("2026-11-18T19:06:40+08:00"), "11-18 19:06:40");
        assert_eq!([412, -42, 34_160, 306_000].map(span), ["0.412 s", "-0.042 s", "34.1 s", "05:06"]);
    }
}
