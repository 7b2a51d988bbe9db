//! Spans of time as people write and read them: `90s`, `15m`, `24h`, `3d`.

use std::time::Duration;

/// Reads a whole number and its unit: s, m, h or d.
///
/// # Errors
/// What is wanted, in both languages.
pub(crate) fn parse_span(text: &str) -> Result<Duration, String> {
    let wanted = || "90s, 15m, 24h, 3d".to_owned();
    let unit = text.chars().last().ok_or_else(wanted)?;
    let number: u64 = text.strip_suffix(unit).unwrap_or(text).parse().map_err(|_| wanted())?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return Err(wanted()),
    };
    match number.checked_mul(seconds) {
        Some(total) if (1..=SPAN_SECONDS_MAX).contains(&total) => Ok(Duration::from_secs(total)),
        Some(_) | None => Err(format!("1s … {}d", SPAN_SECONDS_MAX / 86_400)),
    }
}

/// A span for people: to the millisecond below a minute, then minutes, hours and days.
pub(crate) fn show_span(ms: i64) -> String {
    let sign = if ms < 0 { "-" } else { "" };
    let all = ms.unsigned_abs();
    let (seconds, rest) = (all / 1_000, all % 1_000);
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    match seconds {
        0..60 => format!("{sign}{seconds}.{rest:03} s"),
        60..86_400 => format!("{sign}{hours:02}:{minutes:02}:{:02}", seconds % 60),
        _ => format!("{sign}{days}d {hours:02}:{minutes:02}:{:02}", seconds % 60),
    }
}

/// An envelope lives at most 30 days; nothing else that is typed lasts longer.
const SPAN_SECONDS_MAX: u64 = 30 * 86_400;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_a_number_and_its_unit() {
        let table = [("1s", 1), ("90s", 90), ("15m", 900), ("24h", 86_400), ("30d", 2_592_000)];
        for (text, seconds) in table {
            assert_eq!(parse_span(text), Ok(Duration::from_secs(seconds)));
        }
        for bad in ["", "s", "24", "0s", "-1h", "1.5h", "31d", "24小时", "2hh", "99999999999999999999d", "2w"]
        {
            assert!(parse_span(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_span_is_shown_as_fine_as_it_is_short() {
        let table = [
            (0, "0.000 s"),
            (912, "0.912 s"),
            (59_999, "59.999 s"),
            (60_000, "00:01:00"),
            (-761_000, "-00:12:41"),
            (90_061_000, "1d 01:01:01"),
        ];
        for (ms, text) in table {
            assert_eq!(show_span(ms), text);
        }
    }
}
