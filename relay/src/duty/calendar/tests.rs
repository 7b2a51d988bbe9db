//! The calendar against check values and an independent source.

use super::*;
use crate::duty::builtin;

fn day(text: &str) -> Day {
    Day::parse(text).unwrap()
}

/// Holidays and make-up days of 2025 and 2026 from chinesecalendar 1.11.0 (PyPI, MIT), `constants.py`.
const OTHER_SOURCE: &str = include_str!("../../../tests/calendar_chinesecalendar_1.11.0.toml");

#[test]
fn every_day_of_2025_and_2026_agrees_with_an_independent_source() {
    let calendars = builtin::calendars();
    let other: BTreeMap<String, CalendarYear> = toml::from_str(OTHER_SOURCE).unwrap();
    assert_eq!(other.len(), 2);
    let mut compared = 0;
    for year in other.values() {
        let mut theirs = Calendars::new();
        theirs.insert("other", year).unwrap();
        let mut at = Day::from_ymd(year.year, 1, 1).unwrap();
        while at.year() == Some(year.year) {
            assert_eq!(calendars.is_working(at), theirs.is_working(at), "{:?}", at.date());
            (at, compared) = (at.forward(1), compared + 1);
        }
    }
    assert_eq!(compared, 730);
}

#[test]
fn a_make_up_saturday_is_worked_and_a_holiday_on_a_weekday_is_not() {
    let calendars = builtin::calendars();
    for worked in ["2026-02-14", "2026-01-04", "2026-09-20", "2026-10-10", "2025-01-26", "2026-09-28"] {
        assert_eq!(calendars.is_working(day(worked)), Ok(true), "{worked}");
    }
    for off in ["2026-10-01", "2026-02-17", "2026-09-25", "2026-11-22", "2025-10-08"] {
        assert_eq!(calendars.is_working(day(off)), Ok(false), "{off}");
    }
}

#[test]
fn three_working_days_before_the_holidays_are_the_published_check_values() {
    let calendars = builtin::calendars();
    for (holiday, expected) in [
        ("2026-10-01", "2026-09-28"),
        ("2026-02-15", "2026-02-12"),
        ("2026-05-01", "2026-04-28"),
        ("2026-01-01", "2025-12-29"),
        ("2021-02-11", "2021-02-08"),
        ("2027-01-01", "2026-12-29"),
    ] {
        assert_eq!(calendars.working_day_before(day(holiday), 3), Ok(day(expected)), "{holiday}");
    }
    assert_eq!(calendars.working_day_before(day("2026-10-01"), 4), Ok(day("2026-09-24")));
}

#[test]
fn a_year_without_data_is_named_and_nothing_is_guessed() {
    let calendars = builtin::calendars();
    assert_eq!(calendars.is_working(day("2027-03-01")), Err(YearMissing { year: 2027 }));
    assert_eq!(calendars.working_day_before(day("2027-01-05"), 3), Err(YearMissing { year: 2027 }));
    assert!(
        calendars.working_day_before(Day::of(crate::timestamp::Timestamp::from_ms(i64::MAX)), 3).is_err()
    );
    assert!(Calendars::new().last_day_off(day("2026-10-01")).is_err());
}

#[test]
fn the_holiday_that_begins_on_the_first_of_october_2026_ends_on_the_seventh() {
    assert_eq!(builtin::calendars().last_day_off(day("2026-10-01")), Ok(day("2026-10-07")));
}

#[test]
fn a_file_with_a_strange_day_is_refused_with_that_day() {
    let mut calendars = Calendars::new();
    for (text, said) in [
        ("year = 2026\nsource = 'x'\noff = ['2026-02-30']\nwork = []", "2026-02-30"),
        ("year = 2026\nsource = 'x'\noff = ['2025-10-01']\nwork = []", "another year"),
        ("year = 2026\nsource = 'x'\noff = ['2026-10-01']\nwork = ['2026-10-01']", "both"),
        ("year = 2026\nsource = 'x'\noff = []\nwork = []\ncolour = 3", "colour"),
    ] {
        let error = calendars.read("c.toml", text).unwrap_err().to_string();
        assert!(error.contains(said) && error.starts_with("c.toml"), "{error}");
    }
    assert_eq!(calendars.years().count(), 0);
}
