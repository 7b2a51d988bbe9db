//! When a rule is due: its limit counted from its start. Each end of the start has its own due time, so that a start that
//! is not known exactly leaves the due time as open as it is.

use super::{Case, Flag, FlagName, Interval, Mark, RulePack, Timestamp};
use crate::duty::{
    beijing::Day,
    calendar::YearMissing,
    pack::{NaturalDays, WorkingDays},
    rule::{DayUnit, Limit},
};

/// By when.
pub(super) enum Due {
    /// By this.
    At(Interval),
    /// The document has no number.
    NoNumber,
    /// There is a number, and what it needs is missing; a flag says what.
    Unknown,
}

pub(super) fn due(limit: &Limit, pack: &RulePack, start: &Interval, case: &Case<'_>) -> (Due, Vec<Flag>) {
    let plain = |due: Interval| (Due::At(due), Vec::new());
    let no_number = |name| (Due::NoNumber, vec![Flag::new(name)]);
    match limit {
        Limit::Within { duration_ms } => plain(start.map(|at| plus(at, *duration_ms))),
        Limit::Before { count, unit: DayUnit::NaturalDay } => before_natural(*count, pack, start),
        Limit::Before { count, unit: DayUnit::WorkingDay } => before_working(*count, pack, start, case),
        Limit::BeforeStart => (Due::At(start.clone()), vec![Flag::new(FlagName::LeadUnspecified)]),
        Limit::EndOfDay => plain(start.map(|at| Day::of(at).end())),
        Limit::CutoffTime { minute: None } => no_number(FlagName::CutoffNotSet),
        Limit::CutoffTime { minute: Some(minute) } => {
            let due = start.map(|at| Day::of(at).at_minute(i64::from(*minute)));
            (
                Due::At(due),
                vec![Flag::with(FlagName::LocalCutoff, format!("{:02}:{:02}", minute / 60, minute % 60))],
            )
        }
        Limit::CutoffDay { month, day } => cutoff_day(*month, *day, start),
        Limit::NoticeDue => match case.facts.moment(Mark::NoticeDue) {
            Some(due) => plain(due.clone()),
            None => (Due::NoNumber, vec![Flag::with(FlagName::MissingFact, Mark::NoticeDue.word())]),
        },
        Limit::Asap | Limit::Inherit | Limit::None => no_number(FlagName::NoNumber),
    }
}

fn plus(at: Timestamp, ms: i64) -> Timestamp {
    Timestamp::from_ms(at.as_ms().saturating_add(ms))
}

/// Inclusive: the last day counts as one of the n, 提前2日 before the 10th is the 8th. Exclusive: n clear days between.
fn before_natural(count: u16, pack: &RulePack, start: &Interval) -> (Due, Vec<Flag>) {
    let reading = pack.switches.natural_days;
    let extra = i64::from(reading == NaturalDays::Exclusive);
    let due = start.map(|at| Day::of(at).back(i64::from(count) + extra).end());
    (Due::At(due), vec![Flag::with(FlagName::Reading, format!("natural_days={}", reading.word()))])
}

/// Loose: the n-th working day before. Strict: n clear working days lie between.
fn before_working(count: u16, pack: &RulePack, start: &Interval, case: &Case<'_>) -> (Due, Vec<Flag>) {
    let reading = pack.switches.working_days;
    let mut flags = vec![Flag::with(FlagName::Reading, format!("working_days={}", reading.word()))];
    let count = count.saturating_add(u16::from(reading == WorkingDays::Strict));
    let ends = [start.earliest, start.latest].map(|end| {
        end.map(|at| case.calendars.working_day_before(Day::of(at), count).map(|day| (Day::of(at), day)))
            .transpose()
    });
    match ends {
        [Ok(earliest), Ok(latest)] => {
            for (event, day) in earliest.iter().chain(latest.iter()) {
                tell_calendars(case, *day, event.back(1), &mut flags);
            }
            let end = |found: Option<(Day, Day)>| found.map(|(_, day)| day.end());
            let due =
                Interval { earliest: end(earliest), latest: end(latest), missing: start.missing.clone() };
            (Due::At(due), flags)
        }
        [Err(YearMissing { year }), _] | [_, Err(YearMissing { year })] => {
            flags.push(Flag::with(FlagName::CalendarMissing, year));
            (Due::Unknown, flags)
        }
    }
}

/// Names the calendars of all years that were asked.
pub(super) fn tell_calendars(case: &Case<'_>, from: Day, to: Day, flags: &mut Vec<Flag>) {
    let Some((first, last)) = from.year().zip(to.year()) else { return };
    for year in first..=last {
        let source = case.calendars.source(year).unwrap_or_default();
        let flag = Flag::with(FlagName::Calendar, format!("{year} {source}").trim_end());
        if !flags.contains(&flag) {
            flags.push(flag);
        }
    }
}

/// By 24:00 of a day of the year in which the clock starts.
fn cutoff_day(month: i8, day: i8, start: &Interval) -> (Due, Vec<Flag>) {
    let end = |at: Option<Timestamp>| Some(Day::from_ymd(Day::of(at?).year()?, month, day)?.end());
    let due =
        Interval { earliest: end(start.earliest), latest: end(start.latest), missing: start.missing.clone() };
    if due.earliest.is_none() || due.latest.is_none() {
        return (Due::Unknown, vec![Flag::new(FlagName::OutOfRange)]);
    }
    (Due::At(due), vec![Flag::with(FlagName::LocalCutoff, format!("{month:02}-{day:02}"))])
}
