//! What stops the clock of a rule: the end of a call that both ends signed, or something written that was delivered;
//! where the channel is any, whichever was first.

use super::{Case, Channel, Event, Interval, Mark, RuleKind};

/// When the rule was met; with `sent_at` in the place of the delivery when that is asked for.
pub(super) fn stop(case: &Case<'_>, written_by: Mark) -> Option<Interval> {
    let written = if written_by == Mark::SentAt && case.rule.stop.is_written_delivery() {
        case.facts.moment(Mark::SentAt).cloned()
    } else {
        written(case)
    };
    let phone = phone(case);
    match (written, phone) {
        (Some(written), Some(phone)) => Some(phone.first_of(written)),
        (written, phone) => written.or(phone),
    }
}

/// When what is written was delivered.
pub(super) fn written(case: &Case<'_>) -> Option<Interval> {
    let stop = case.rule.stop;
    if stop.is_phone() {
        return None;
    }
    let delivered = case.moment_of(stop).cloned();
    // A leave request that was granted had arrived by then.
    let granted = || case.moment_of(Event::Approved).map(|at| Interval { earliest: None, ..at.clone() });
    delivered.or_else(|| (case.rule.kind == RuleKind::LeaveRequest).then(granted).flatten())
}

/// Whether anything answers, in writing or by a call, whatever channel the rule wants.
pub(super) fn is_answered(case: &Case<'_>) -> bool {
    let call = Event::phone_twin(case.kind).filter(|_| case.facts.phone_both_signed != Some(false));
    [Some(Event::Delivered), call].into_iter().flatten().any(|event| case.moment_of(event).is_some())
}

/// When the call was over, if the channel takes calls and both ends signed.
fn phone(case: &Case<'_>) -> Option<Interval> {
    let event = if case.rule.stop.is_phone() { Some(case.rule.stop) } else { twin(case) }?;
    if !case.takes_calls() || case.facts.phone_both_signed == Some(false) {
        return None;
    }
    case.moment_of(event).cloned()
}

/// The call that counts as well, where the document names no channel.
fn twin(case: &Case<'_>) -> Option<Event> {
    let is_any = matches!(case.rule.channel, Channel::Any) && case.rule.stop.is_written_delivery();
    if is_any { Event::phone_twin(case.kind) } else { None }
}
