//! Whether a rule is about a case: its kind, its pack in force, its conditions, and a clock that has started.

use super::{Case, Event, Interval, Reason, Started, Timestamp, Trait, start, stop};
use crate::duty::{
    condition::{Conditions, Shape},
    facts::Facts,
    mark::Mark,
    pack::RulePack,
    rule::Rule,
};

pub(super) fn check(case: &Case<'_>) -> Result<Started, Reason> {
    check_kind(case)?;
    check_in_force(case)?;
    check_conditions(case.rule, case.facts)?;
    let started = start::start(case);
    if started.at.is_none() && !is_judged_without_start(case) {
        return Err(Reason::NotStarted { event: started.event });
    }
    Ok(started)
}

fn check_kind(case: &Case<'_>) -> Result<(), Reason> {
    match case.facts.kind {
        Some(kind) if !kind.falls_under(case.rule.kind) => Err(Reason::OtherKind { kind: case.rule.kind }),
        Some(_) | None => Ok(()),
    }
}

/// The version in force at the occurrence judges, or at the rule's own start where there is none.
fn check_in_force(case: &Case<'_>) -> Result<(), Reason> {
    let Some(at) = decisive_instant(case) else { return Ok(()) };
    let pack = case.pack;
    if at < pack.effective_at {
        return Err(Reason::NotYetEffective { effective_at: pack.effective_at });
    }
    if let Some(repealed_at) = pack.repealed_at.filter(|repealed| at >= *repealed) {
        return Err(Reason::Repealed { repealed_at });
    }
    let in_force = || case.packs.iter().filter(|other| other.is_in_force(at));
    if let Some(newest) = in_force().filter(|other| other.name == pack.name).map(|other| other.version).max()
        && newest > pack.version
    {
        return Err(Reason::OtherVersion { version: newest });
    }
    let is_local =
        |other: &&RulePack| other.base.as_ref() == Some(&pack.name) && other.rule(&case.rule.id).is_some();
    match in_force().find(is_local) {
        Some(local) => Err(Reason::Tightened { pack: local.name.clone() }),
        None => Ok(()),
    }
}

/// The instant whose version of the rules judges.
pub(super) fn decisive_instant(case: &Case<'_>) -> Option<Timestamp> {
    let is_of_occurrence =
        matches!(case.rule.start, Event::Occurrence | Event::Learned | Event::PhoneReportCompleted);
    let occurrence = case.facts.occurrence().filter(|_| is_of_occurrence);
    let started = || start::start(case).at.as_ref().and_then(Interval::shown);
    let learned = || case.facts.moment(Mark::LearnedAt).and_then(Interval::shown);
    occurrence.or_else(started).or_else(learned).or_else(|| case.facts.told_until())
}

/// Whether a rule is about what these facts tell.
pub(super) fn check_conditions(rule: &Rule, facts: &Facts) -> Result<(), Reason> {
    meets(rule, &|name| facts.values(name))?;
    if facts.kind.is_some() {
        return Ok(());
    }
    let unsaid = rule
        .assumes
        .iter()
        .find(|(name, wanted)| !is_usual(**name, wanted) && facts.values(**name).is_none());
    unsaid.map_or(Ok(()), |(name, _)| Err(Reason::Assumption { name: *name }))
}

/// Whether what a rule takes for granted of its kind of paper may be taken for granted of any case: that a principal leaves
/// the province is so of a leave request, that a period is last year of the annual account, but not of whoever leaves and
/// of every period that begins.
fn is_usual(name: Trait, wanted: &[String]) -> bool {
    name.shape() != Shape::Flag && (name != Trait::Period || wanted.iter().any(|value| value == "ordinary"))
}

/// Whether a case with these traits meets the conditions of a rule.
pub(super) fn meets(rule: &Rule, values: &dyn Fn(Trait) -> Option<Vec<String>>) -> Result<(), Reason> {
    let lacking = |conditions: &Conditions| {
        let is_met = |name: Trait, wanted: &[String]| {
            values(name).is_some_and(|values| values.iter().any(|value| wanted.contains(value)))
        };
        conditions.iter().find(|(name, wanted)| !is_met(**name, wanted)).map(|(name, _)| *name)
    };
    let mut first = None;
    for conditions in &rule.applies {
        let lacks = lacking(conditions);
        first = first.or(lacks);
        if lacks.is_none() {
            first = None;
            break;
        }
    }
    if let Some(name) = first {
        return Err(Reason::Condition { name });
    }
    let differs = rule.assumes.iter().find(|(name, wanted)| {
        values(**name).is_some_and(|values| !values.iter().any(|value| wanted.contains(value)))
    });
    differs.map_or(Ok(()), |(name, _)| Err(Reason::Assumption { name: *name }))
}

/// Of a paper that somebody names by its kind, a missing start is a gap in the facts; but what begins only with a call,
/// a copy or a notice has not begun without it. A notice that somebody answered was there.
fn is_judged_without_start(case: &Case<'_>) -> bool {
    if case.facts.kind.is_none() {
        return false;
    }
    match case.rule.start {
        Event::PhoneReportCompleted | Event::PartyCopySent => false,
        Event::NoticeReceived | Event::InstructionReceived | Event::ReportReceived | Event::Change => {
            stop::is_answered(case)
        }
        Event::Occurrence
        | Event::Learned
        | Event::PeriodStart
        | Event::HolidayLastDay
        | Event::YearStart
        | Event::Departure
        | Event::VisitDate
        | Event::MeetingStart
        | Event::PhoneFeedbackCompleted
        | Event::Delivered
        | Event::FeedbackDelivered
        | Event::DeliveredNextLevel
        | Event::GovernmentCopyDelivered
        | Event::Approved => true,
    }
}
