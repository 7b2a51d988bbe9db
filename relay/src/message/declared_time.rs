//! A time that a person states: when it happened, when the call ended. It is evidence of what was said,
//! not of when it was; the network's own times are `Timestamp`s and come from its clock.

use std::{fmt, str::FromStr};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error as _, MapAccess, Visitor, value::MapAccessDeserializer},
};
use toml::value::{Datetime, Offset};

/// Milliseconds since 1970, UTC, as declared by an officer, up to the year 9999.
///
/// In files it is a TOML date-time or the same as text; without an offset it is Beijing time. In signed
/// bytes and JSON it is the integer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeclaredTime(i64);

impl DeclaredTime {
    /// From milliseconds since 1970.
    ///
    /// # Errors
    /// [`DeclaredTimeError`] outside 1970 to 9999.
    pub const fn from_ms(ms: i64) -> Result<Self, DeclaredTimeError> {
        if 0 <= ms && ms <= LATEST_MS { Ok(Self(ms)) } else { Err(DeclaredTimeError) }
    }

    /// Milliseconds since 1970.
    pub const fn as_ms(self) -> i64 {
        self.0
    }
}

/// The end of the year 9999, UTC.
const LATEST_MS: i64 = 253_402_300_799_999;
const DAY_MS: i64 = 86_400_000;
const BEIJING_MINUTES: i64 = 8 * 60;

impl TryFrom<Datetime> for DeclaredTime {
    type Error = DeclaredTimeError;

    fn try_from(datetime: Datetime) -> Result<Self, DeclaredTimeError> {
        let (Some(date), Some(time)) = (datetime.date, datetime.time) else {
            return Err(DeclaredTimeError);
        };
        let minutes = match datetime.offset {
            None => BEIJING_MINUTES,
            Some(Offset::Z) => 0,
            Some(Offset::Custom { minutes }) => i64::from(minutes),
        };
        let days = days_from_civil(i64::from(date.year), i64::from(date.month), i64::from(date.day));
        let seconds = (i64::from(time.hour) * 60 + i64::from(time.minute) - minutes) * 60
            + i64::from(time.second.unwrap_or(0));
        Self::from_ms(days * DAY_MS + seconds * 1000 + i64::from(time.nanosecond.unwrap_or(0) / 1_000_000))
    }
}

impl FromStr for DeclaredTime {
    type Err = DeclaredTimeError;

    fn from_str(text: &str) -> Result<Self, DeclaredTimeError> {
        text.parse::<Datetime>().map_err(|_| DeclaredTimeError)?.try_into()
    }
}

/// Days since 1970-01-01 of a date of the proleptic Gregorian calendar; years begin in March here, so
/// that the leap day is the last one.
const fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

const fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + if month <= 2 { 1 } else { 0 }, month, day)
}

impl fmt::Display for DeclaredTime {
    /// Beijing time to the second, on the 24-hour clock.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let local = self.0 + BEIJING_MINUTES * 60_000;
        let (year, month, day) = civil_from_days(local.div_euclid(DAY_MS));
        let seconds = local.rem_euclid(DAY_MS) / 1000;
        let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        write!(f, "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
    }
}

impl Serialize for DeclaredTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(self.0)
    }
}

impl<'de> Deserialize<'de> for DeclaredTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TimeVisitor)
    }
}

struct TimeVisitor;

impl<'de> Visitor<'de> for TimeVisitor {
    type Value = DeclaredTime;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a date and time such as 2026-11-22 02:31:00 (Beijing time)")
    }

    fn visit_i64<E: serde::de::Error>(self, ms: i64) -> Result<DeclaredTime, E> {
        DeclaredTime::from_ms(ms).map_err(E::custom)
    }

    fn visit_u64<E: serde::de::Error>(self, ms: u64) -> Result<DeclaredTime, E> {
        i64::try_from(ms).map_err(|_| DeclaredTimeError).and_then(DeclaredTime::from_ms).map_err(E::custom)
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<DeclaredTime, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<DeclaredTime, A::Error> {
        Datetime::deserialize(MapAccessDeserializer::new(map))?.try_into().map_err(A::Error::custom)
    }
}

/// Not a date with a time of day between 1970 and 9999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a date and time such as 2026-11-22 02:31:00 is wanted (Beijing time unless an offset follows)")]
pub struct DeclaredTimeError;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_without_offset_is_beijing_time() {
        let beijing: DeclaredTime = "2026-11-22 02:31:00".parse().unwrap();
        let utc: DeclaredTime = "2026-11-21T18:31:00Z".parse().unwrap();
        assert_eq!(beijing, utc);
        assert_eq!(beijing.as_ms(), 1_795_285_860_000);
        assert_eq!("2026-11-22T02:31:00+08:00".parse(), Ok(beijing));
        assert_eq!(beijing.to_string(), "2026-11-22 02:31:00");
    }

    #[test]
    fn dates_print_as_they_were_written() {
        for text in
            ["1970-01-02 00:00:00", "2000-02-29 23:59:59", "2100-03-01 12:00:00", "9999-12-31 10:00:00"]
        {
            assert_eq!(text.parse::<DeclaredTime>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn half_a_time_is_no_time() {
        for text in ["2026-11-22", "02:31:00", "2026-02-30 10:00:00", "yesterday", "", "0001-01-01 00:00:00Z"]
        {
            assert_eq!(text.parse::<DeclaredTime>(), Err(DeclaredTimeError), "{text}");
        }
        assert_eq!(DeclaredTime::from_ms(-1), Err(DeclaredTimeError));
        assert_eq!(DeclaredTime::from_ms(LATEST_MS + 1), Err(DeclaredTimeError));
        assert_eq!(DeclaredTime::from_ms(LATEST_MS).unwrap().to_string(), "10000-01-01 07:59:59");
    }
}
