//! When the clock of a rule starts.

use super::{Basis, Case, Event, Flag, FlagName, Interval, Mark, Started, due};
use crate::duty::{beijing::Day, calendar::YearMissing};

/// A room that signs `delivered` later than this after a proven hand-over has not stopped its own clock.
const HAND_OVER_GRACE_MS: i64 = 60_000;

pub(super) fn start(case: &Case<'_>) -> Started {
    let event = event(case);
    let mut flags = Vec::new();
    let at = match event {
        Event::Occurrence => occurrence(case, &mut flags),
        Event::NoticeReceived | Event::InstructionReceived => notice(case, event, &mut flags),
        Event::HolidayLastDay => holiday_last_day(case, &mut flags),
        Event::YearStart => year_start(case),
        Event::PhoneReportCompleted if case.facts.phone_both_signed == Some(false) => None,
        Event::Learned
        | Event::ReportReceived
        | Event::PartyCopySent
        | Event::Change
        | Event::PeriodStart
        | Event::Departure
        | Event::VisitDate
        | Event::MeetingStart
        | Event::PhoneReportCompleted
        | Event::PhoneFeedbackCompleted
        | Event::Delivered
        | Event::FeedbackDelivered
        | Event::DeliveredNextLevel
        | Event::GovernmentCopyDelivered
        | Event::Approved => case.moment_of(event).cloned(),
    };
    match case.rule.basis {
        Basis::Stated => {}
        Basis::Implied => flags.push(Flag::with(FlagName::StartImplied, event.word())),
        Basis::Local => flags.push(Flag::with(FlagName::StartLocal, event.word())),
    }
    Started { event, at, flags }
}

/// The event of the rule; where the document leaves it open, the one that the pack's switch names.
fn event(case: &Case<'_>) -> Event {
    if case.is_implied() && case.rule.start == Event::Occurrence {
        case.pack.switches.implied_start
    } else {
        case.rule.start
    }
}

/// The occurrence, or some time until somebody learned of it.
fn occurrence(case: &Case<'_>, flags: &mut Vec<Flag>) -> Option<Interval> {
    if let Some(at) = case.facts.occurrence() {
        return Some(Interval::point(at));
    }
    let learned = case.facts.moment(Mark::LearnedAt)?;
    flags.push(Flag::new(FlagName::OccurrenceUnknown));
    Some(Interval { earliest: None, latest: learned.latest, missing: Some("occurrence".to_owned()) })
}

/// The delivery at the asked room, not the acknowledgement; a proven hand-over when the delivery was withheld.
fn notice(case: &Case<'_>, event: Event, flags: &mut Vec<Flag>) -> Option<Interval> {
    let delivered = case.moment_of(event).cloned();
    let Some(handed) = case.facts.moment(Mark::RequestHandedOverAt) else { return delivered };
    let grace_ends =
        handed.map(|at| crate::timestamp::Timestamp::from_ms(at.as_ms().saturating_add(HAND_OVER_GRACE_MS)));
    let is_withheld = match &delivered {
        Some(delivered) => delivered.is_after(grace_ends.latest),
        None => case.facts.told_until() > grace_ends.latest && grace_ends.latest.is_some(),
    };
    if !is_withheld {
        return delivered;
    }
    flags.push(Flag::new(FlagName::StartFromHandOver));
    Some(handed.clone())
}

/// The last day of the holiday, or the last day off in a row from the start of the period. A day that is worked begins no
/// holiday.
fn holiday_last_day(case: &Case<'_>, flags: &mut Vec<Flag>) -> Option<Interval> {
    if let Some(last) = case.facts.moment(Mark::HolidayLastDay) {
        return Some(last.clone());
    }
    let first = Day::of(case.facts.moment(Mark::PeriodStart)?.shown()?);
    let is_worked = case.calendars.is_working(first);
    match is_worked.and_then(|is_worked| (!is_worked).then(|| case.calendars.last_day_off(first)).transpose())
    {
        Ok(last) => {
            let last = last?;
            due::tell_calendars(case, first, last.forward(1), flags);
            Some(Interval::point(last.begin()))
        }
        Err(YearMissing { year }) => {
            flags.push(Flag::with(FlagName::CalendarMissing, year));
            None
        }
    }
}

/// 1 January of the year in which the period begins.
fn year_start(case: &Case<'_>) -> Option<Interval> {
    let day = Day::of(case.facts.moment(Mark::PeriodStart)?.shown()?);
    Some(Interval::point(Day::from_ymd(day.year()?, 1, 1)?.begin()))
}
