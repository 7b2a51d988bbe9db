//! Days of the Beijing calendar as instants. Beijing has been at UTC+8 without summer time since 1991;
//! the few summers before are not considered, because a map's dates are civil ones.

/// A day.
pub(crate) const DAY_MS: i64 = 86_400_000;

/// How far Beijing is ahead of UTC.
const BEIJING_MS: i64 = 8 * 3_600_000;

/// The instant at which a day (`2021-03-18`) begins in Beijing, milliseconds since 1970 UTC.
pub(crate) fn midnight_ms(text: &str) -> Option<i64> {
    let digits = |part: &str, len| {
        let plain = part.len() == len && part.bytes().all(|b| b.is_ascii_digit());
        if plain { part.parse::<i64>().ok() } else { None }
    };
    let mut parts = text.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let (year, month, day) = (digits(year, 4)?, digits(month, 2)?, digits(day, 2)?);
    let exists = (1..=12).contains(&month) && (1..=days_of_month(year, month)).contains(&day);
    (parts.next().is_none() && exists).then(|| day_number(year, month, day) * DAY_MS - BEIJING_MS)
}

/// The day that begins in Beijing at this instant, if one does.
pub(super) fn day_text(instant_ms: i64) -> Option<String> {
    let since_1970_ms = instant_ms.checked_add(BEIJING_MS)?;
    let number = since_1970_ms.div_euclid(DAY_MS);
    let (year, month, day) = civil(number);
    let writable = since_1970_ms.rem_euclid(DAY_MS) == 0 && (0..=9999).contains(&year);
    writable.then(|| format!("{year:04}-{month:02}-{day:02}"))
}

fn days_of_month(year: i64, month: i64) -> i64 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970-01-01 of the Gregorian calendar. Years are counted from March, so that the day that
/// leap years add is the last one.
fn day_number(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// The inverse of [`day_number`].
fn civil(number: i64) -> (i64, i64, i64) {
    let number = number + 719_468;
    let (era, day_of_era) = (number.div_euclid(146_097), number.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_beijing_day_begins_eight_hours_before_the_utc_day() {
        assert_eq!(midnight_ms("1970-01-01"), Some(-BEIJING_MS));
        assert_eq!(midnight_ms("2021-03-18"), Some(1_616_025_600_000 - BEIJING_MS));
        assert_eq!(midnight_ms("2000-03-01"), Some(951_868_800_000 - BEIJING_MS));
    }

    #[test]
    fn every_day_of_four_centuries_reads_back() {
        let mut day = midnight_ms("1800-01-01").unwrap();
        let mut days = 0;
        while day <= midnight_ms("2200-12-31").unwrap() {
            assert_eq!(midnight_ms(&day_text(day).unwrap()), Some(day));
            day += DAY_MS;
            days += 1;
        }
        assert_eq!(days, 401 * 365 + 97);
    }

    #[test]
    fn what_is_no_day_is_refused() {
        for text in
            ["", "2021", "2021-3-18", "2021-02-29", "1900-02-29", "2021-13-01", "2021-00-01", "2021-04-31"]
        {
            assert_eq!(midnight_ms(text), None, "{text}");
        }
        for text in ["2021-03-18-", "2021-03-18 ", "+021-03-18", "2021-03-00", "2021/03/18", "２０２１-03-18"]
        {
            assert_eq!(midnight_ms(text), None, "{text}");
        }
        assert!(midnight_ms("2000-02-29").is_some());
    }

    #[test]
    fn an_instant_inside_a_day_or_beyond_the_calendar_is_no_day() {
        assert_eq!(day_text(-BEIJING_MS + 1), None);
        for instant in [i64::MIN, i64::MAX, i64::MAX - BEIJING_MS] {
            assert_eq!(day_text(instant), None);
        }
    }
}
