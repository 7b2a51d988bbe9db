//! Beijing civil time: UTC+8 the whole year, whatever the machine's zone. Days are numbered from 1970-01-01 Beijing
//! time, so that going back a day is subtracting one; a day that no calendar can write has no date.

use jiff::{
    civil::{Date, date},
    tz,
};

use crate::timestamp::Timestamp;

/// One day.
const DAY_MS: i64 = 86_400_000;
/// How far Beijing is ahead of UTC.
const AHEAD_MS: i64 = 8 * 3_600_000;

/// A day of the Beijing calendar, counted from 1970-01-01.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day(i64);

impl Day {
    /// The day in which an instant lies; a day belongs to its first millisecond and not to the next day's.
    pub const fn of(instant: Timestamp) -> Self {
        Self(instant.as_ms().saturating_add(AHEAD_MS).div_euclid(DAY_MS))
    }

    /// The day with this date, such as `2026-10-01`.
    pub fn parse(text: &str) -> Option<Self> {
        let day = Self::is_shaped(text).then(|| text.parse::<Date>().ok()).flatten()?;
        Self::from_date(day)
    }

    /// Whether it is written as a date, though there may be no such day.
    pub fn is_shaped(text: &str) -> bool {
        let is_hyphen = |place| place == 4 || place == 7;
        text.len() == 10
            && text
                .bytes()
                .enumerate()
                .all(|(place, byte)| if is_hyphen(place) { byte == b'-' } else { byte.is_ascii_digit() })
    }

    /// A day of a year.
    pub fn from_ymd(year: i16, month: i8, day: i8) -> Option<Self> {
        Self::from_date(Date::new(year, month, day).ok()?)
    }

    fn from_date(day: Date) -> Option<Self> {
        let since = date(1970, 1, 1).until((jiff::Unit::Day, day)).ok()?;
        Some(Self(i64::from(since.get_days())))
    }

    /// Its date, if a calendar can write it.
    pub fn date(self) -> Option<Date> {
        let middle = self.0.checked_mul(DAY_MS)?.checked_add(DAY_MS / 2)?;
        let instant = jiff::Timestamp::from_millisecond(middle).ok()?;
        Some(tz::offset(0).to_datetime(instant).date())
    }

    /// Its year.
    pub fn year(self) -> Option<i16> {
        self.date().map(Date::year)
    }

    /// Saturday or Sunday. 1970-01-01 was a Thursday.
    pub const fn is_weekend(self) -> bool {
        self.0.saturating_add(3).rem_euclid(7) >= 5
    }

    /// This many days earlier.
    #[must_use]
    pub const fn back(self, days: i64) -> Self {
        Self(self.0.saturating_sub(days))
    }

    /// This many days later.
    #[must_use]
    pub const fn forward(self, days: i64) -> Self {
        Self(self.0.saturating_add(days))
    }

    /// Its first instant, 00:00.
    pub const fn begin(self) -> Timestamp {
        Timestamp::from_ms(self.0.saturating_mul(DAY_MS).saturating_sub(AHEAD_MS))
    }

    /// The instant at which it is over, 24:00; a deadline of that day is met at this very instant.
    pub const fn end(self) -> Timestamp {
        self.forward(1).begin()
    }

    /// An instant of the day, in minutes after 00:00.
    pub const fn at_minute(self, minute: i64) -> Timestamp {
        Timestamp::from_ms(self.begin().as_ms().saturating_add(minute.saturating_mul(60_000)))
    }
}

/// `2026-11-22T02:42:05+08:00`, with milliseconds where they are not zero. An instant that no calendar can write is its
/// number.
pub fn rfc3339(instant: Timestamp) -> String {
    let ms = instant.as_ms();
    let Ok(instant) = jiff::Timestamp::from_millisecond(ms) else { return ms.to_string() };
    let t = tz::offset(8).to_datetime(instant);
    let (date, clock) = (t.date(), (t.hour(), t.minute(), t.second()));
    let fraction = match t.millisecond() {
        0 => String::new(),
        ms => format!(".{ms:03}"),
    };
    format!("{date}T{:02}:{:02}:{:02}{fraction}+08:00", clock.0, clock.1, clock.2)
}

/// Why a text is no time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TimeError {
    /// Not RFC 3339, or without its offset.
    #[error("write it in RFC 3339 with its offset, such as 2026-11-22T02:31:00+08:00")]
    Form,
    /// In the right form, but of a day, an hour or a year that there is not.
    #[error(
        "there is no such instant: the month has no such day, the day no such hour, or no calendar reaches so far; a \
         leap second has no number"
    )]
    NoInstant,
    /// Finer than what the network counts in.
    #[error("it is finer than a millisecond; the network counts in milliseconds and does not round")]
    TooFine,
}

/// Reads an RFC 3339 time with offset.
pub fn parse(text: &str) -> Result<Timestamp, TimeError> {
    if !is_rfc3339(text) {
        return Err(TimeError::Form);
    }
    let (seconds, rest) = text.split_at("2026-11-22T02:31:00".len());
    let (fraction, offset) = rest.split_at(fraction_len(rest));
    let (counted, finer) = fraction.split_at(fraction.len().min(".000".len()));
    if finer.bytes().any(|digit| digit != b'0') {
        return Err(TimeError::TooFine);
    }
    // The library reads nine digits of a fraction and no more, and moves a leap second.
    let instant: Option<jiff::Timestamp> = format!("{seconds}{counted}{offset}").parse().ok();
    let instant = instant.filter(|_| !seconds.ends_with("60")).ok_or(TimeError::NoInstant)?;
    Ok(Timestamp::from_ms(instant.as_millisecond()))
}

/// The form of RFC 3339 section 5.6, of which the time library reads more than there is: `+08`, `,5`, an offset of a day.
fn is_rfc3339(text: &str) -> bool {
    let fits = |text: &str, form: &str| {
        text.len() == form.len()
            && text.bytes().zip(form.bytes()).all(|(byte, form)| match form {
                b'0' => byte.is_ascii_digit(),
                _ => byte.eq_ignore_ascii_case(&form),
            })
    };
    let Some((time, rest)) = text.split_at_checked(19) else { return false };
    let (fraction, offset) = rest.split_at(fraction_len(rest));
    let is_fraction = fraction.is_empty()
        || fraction.strip_prefix('.').is_some_and(|digits| !digits.is_empty() && !digits.contains('.'));
    let is_offset = fits(offset, "Z")
        || (fits(offset, "+00:00") || fits(offset, "-00:00"))
            && offset.get(1..3).is_some_and(|hour| hour < "24")
            && offset.get(4..6).is_some_and(|minute| minute < "60");
    fits(time, "0000-00-00T00:00:00") && is_fraction && is_offset
}

/// How many bytes come before an offset.
fn fraction_len(rest: &str) -> usize {
    rest.find(|c: char| c != '.' && !c.is_ascii_digit()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_begins_and_ends_at_midnight_in_beijing() {
        let day = Day::parse("2026-10-01").unwrap();
        assert_eq!(rfc3339(day.begin()), "2026-10-01T00:00:00+08:00");
        assert_eq!(rfc3339(day.end()), "2026-10-02T00:00:00+08:00");
        assert_eq!(Day::of(day.begin()), day);
        assert_eq!(Day::of(Timestamp::from_ms(day.begin().as_ms() - 1)), day.back(1));
        assert_eq!(Day::of(parse("2026-09-30T16:00:00Z").unwrap()), day);
        assert!(!day.is_weekend() && Day::parse("2026-10-03").unwrap().is_weekend());
        assert_eq!(day.year(), Some(2026));
    }

    #[test]
    fn times_read_back_with_milliseconds_where_they_count() {
        for text in
            ["2026-11-22T02:42:05+08:00", "2026-11-22T02:42:05.001+08:00", "1969-12-31T23:59:59.999+08:00"]
        {
            assert_eq!(rfc3339(parse(text).unwrap()), text);
        }
        assert_eq!(rfc3339(parse("2026-11-21T18:42:05Z").unwrap()), "2026-11-22T02:42:05+08:00");
        assert_eq!(rfc3339(Timestamp::from_ms(i64::MAX)), i64::MAX.to_string());
    }

    #[test]
    fn a_time_in_another_form_or_finer_than_a_millisecond_is_refused() {
        for text in [
            "2026-11-22T02:42:05",
            "2026-11-22",
            "2026-11-22 02:42:05+08:00",
            "2026-11-22T02:42+08:00",
            "",
            "2026-11-22T02:42:05+08",
            "2026-11-22T02:42:05+0800",
            "2026-11-22T02:42:05+08:00:30",
            "2026-11-22T02:42:05+24:00",
            "2026-11-22T02:42:05+08:60",
            "2026-11-22T02:42:05,5+08:00",
            "2026-11-22T02:42:05.+08:00",
            "2026-11-22T02:42:05.1.2+08:00",
            "-000001-11-22T02:42:05+08:00",
            "２０２６-11-22T02:42:05+08:00",
            "2026-11-22T02:42:05+08:00[Asia/Shanghai]",
        ] {
            assert_eq!(parse(text), Err(TimeError::Form), "{text}");
        }
        assert_eq!(parse("2026-11-22t02:42:05.120z"), parse("2026-11-22T10:42:05.12+08:00"));
        assert_eq!(parse("2026-11-22T02:42:05.0001+08:00"), Err(TimeError::TooFine));
    }

    #[test]
    fn an_instant_that_there_is_not_is_refused_and_never_moved() {
        for text in [
            "2026-02-29T02:42:05+08:00",
            "2026-11-22T24:00:00+08:00",
            "2016-12-31T23:59:60Z",
            "9999-12-31T23:59:59Z",
        ] {
            assert_eq!(parse(text), Err(TimeError::NoInstant), "{text}");
        }
    }
}
