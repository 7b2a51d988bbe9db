//! What stands beside a verdict: raised levels, corrected times, the other clock, open intervals, warnings.

use super::{
    Alternative, Case, Channel, Event, Facts, Finding, Flag, FlagName, Interval, Mark, RulePack, Trait,
    Verdict,
};
use crate::{
    duty::{beijing::rfc3339, condition::Conditions},
    message::{field::Severity, phone::PhoneLine},
};

/// The duty that forbids sensitive matter on an ordinary telephone.
const SECRECY: &str = "hn.secrecy";

pub(super) fn tell(case: &Case<'_>, finding: &mut Finding) {
    if matches!(finding.start_event, Event::Occurrence | Event::Learned | Event::PhoneReportCompleted) {
        severity(case, finding);
    }
    correction(case, finding);
    other_clock(case, finding);
    open_interval(finding);
    if case.pack.base.as_ref().is_some_and(|base| is_override(case, base)) {
        finding.flags.push(Flag::with(FlagName::Tightens, case.pack.base.as_deref().unwrap_or_default()));
    }
    if case.takes_calls() && case.facts.phone_both_signed == Some(false) {
        finding.flags.push(Flag::new(FlagName::PhoneClaimed));
    }
    let is_met = |when: &Conditions| {
        when.iter().all(|(name, wanted)| {
            case.facts.values(*name).is_some_and(|values| values.iter().any(|value| wanted.contains(value)))
        })
    };
    for remark in case.rule.remarks.iter().filter(|remark| is_met(&remark.when)) {
        finding.flags.push(Flag::with(FlagName::Remark, &remark.flag));
    }
    missing_fields(case, finding);
}

fn is_override(case: &Case<'_>, base: &str) -> bool {
    case.packs.iter().any(|pack| pack.name == base && pack.rule(&case.rule.id).is_some())
}

/// The level went up or down: both values, and when.
fn severity(case: &Case<'_>, finding: &mut Finding) {
    let stated = &case.facts.severity;
    if case.facts.is_severity_pending() {
        finding.flags.push(Flag::new(FlagName::SeverityPending));
    }
    for pair in stated.windows(2) {
        let [before, after] = pair else { continue };
        if before.value == after.value {
            continue;
        }
        let is_raised = before.value == Severity::Undetermined || after.value < before.value;
        let is_raised = is_raised && after.value != Severity::Undetermined;
        let name = if is_raised { FlagName::SeverityRaised } else { FlagName::SeverityLowered };
        let at = after.at.map_or_else(String::new, |at| format!("@{}", rfc3339(at)));
        let detail = format!("{}→{}{at}", before.value.chinese(), after.value.chinese());
        finding.flags.push(Flag::with(name, detail));
        if is_raised && finding.due_at().zip(after.at).is_some_and(|(due, at)| at > due) {
            finding.flags.push(Flag::new(FlagName::RaisedAfterDue));
        }
    }
}

/// The occurrence was corrected: all values, and the verdict by the last of them.
fn correction(case: &Case<'_>, finding: &mut Finding) {
    let stated = &case.facts.occurred_at;
    let (Some(first), Some(last)) = (stated.first(), stated.last()) else { return };
    if stated.iter().all(|one| one.value == first.value) || finding.start_event != Event::Occurrence {
        return;
    }
    let values: Vec<String> = stated.iter().map(|one| rfc3339(one.value)).collect();
    finding.flags.push(Flag::with(FlagName::OccurrenceCorrected, values.join("→")));
    if finding.due_at().zip(last.at).is_some_and(|(due, at)| at > due) {
        finding.flags.push(Flag::new(FlagName::CorrectedAfterDue));
    }
    // The verdict stands on the earliest value; the other one is shown.
    let shown = if finding.started_at() == Some(first.value) { last.value } else { first.value };
    let (due, verdict) = case.verdict_from(&Interval::point(shown));
    let due = due
        .as_ref()
        .and_then(Interval::shown)
        .map_or_else(String::new, |due| format!(",due={}", rfc3339(due)));
    let detail = format!("{},start={}{due}", verdict.word(), rfc3339(shown));
    finding.flags.push(Flag::with(FlagName::CorrectedVerdict, detail));
}

/// Where the document leaves the start open, the verdict from the other clock.
fn other_clock(case: &Case<'_>, finding: &mut Finding) {
    if !case.is_implied() {
        return;
    }
    let (event, start) = if finding.start_event == Event::Occurrence {
        (Event::Learned, case.facts.moment(Mark::LearnedAt).cloned())
    } else if finding.start_event == Event::Learned {
        (Event::Occurrence, case.facts.occurrence().map(Interval::point))
    } else {
        return;
    };
    let Some(start) = start else { return };
    let (due, verdict) = case.verdict_from(&start);
    if verdict == Verdict::NoLimit {
        return;
    }
    let due = due.as_ref().and_then(Interval::shown);
    let told = due.map_or_else(String::new, |due| format!(",due={}", rfc3339(due)));
    finding
        .flags
        .push(Flag::with(FlagName::AlternativeClock, format!("{},{}{told}", event.word(), verdict.word())));
    finding.alternative = Some(Alternative { event, start, due, verdict });
}

/// An undecidable verdict names the intervals and the witness that is missing.
fn open_interval(finding: &mut Finding) {
    if finding.verdict != Verdict::Undecidable {
        return;
    }
    let end = |at: Option<crate::timestamp::Timestamp>| at.map_or_else(|| "?".to_owned(), rfc3339);
    let span = |interval: &Interval| format!("{}..{}", end(interval.earliest), end(interval.latest));
    if let Some(due) = &finding.due {
        let met = finding.met.as_ref().map_or_else(String::new, |met| format!("stop={},", span(met)));
        finding.flags.push(Flag::with(FlagName::Interval, format!("{met}due={}", span(due))));
    }
    let intervals = [finding.start.as_ref(), finding.met.as_ref()];
    let missing: Vec<String> =
        intervals.into_iter().flatten().filter_map(|one| one.missing.clone()).collect();
    finding.flags.extend(missing.into_iter().map(|missing| Flag::with(FlagName::MissingWitness, missing)));
}

/// The elements that the paper must have and that the facts do not list, if they list any.
fn missing_fields(case: &Case<'_>, finding: &mut Finding) {
    let Some(given) = case.facts.traits.get(&Trait::FieldsGiven) else { return };
    let lacking: Vec<&str> =
        case.rule.required_fields.iter().filter(|field| !given.contains(field)).map(String::as_str).collect();
    if !lacking.is_empty() {
        finding.flags.push(Flag::with(FlagName::MissingFields, lacking.join(",")));
    }
}

/// A sensitive matter over an ordinary telephone, where a pack in hand forbids it. The warning stands beside the rules
/// about the telephone, or beside all when there is none.
pub(super) fn warn_of_secrecy(packs: &[RulePack], facts: &Facts, findings: &mut [Finding]) {
    let is_sensitive = facts.is_true(Trait::Sensitive) && facts.phone_line == Some(PhoneLine::Ordinary);
    let Some(pack) = packs.iter().find(|pack| pack.duty(SECRECY).is_some()).filter(|_| is_sensitive) else {
        return;
    };
    let is_any_phone = findings.iter().any(|finding| finding.channel == Channel::Phone);
    for finding in findings.iter_mut().filter(|finding| !is_any_phone || finding.channel == Channel::Phone) {
        finding
            .flags
            .push(Flag::with(FlagName::SecrecyWarning, format!("{SECRECY},{},ordinary_phone", pack.name)));
    }
}
