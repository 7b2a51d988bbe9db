//! What stops the clock of a rule: the end of a call that both ends signed, or something written that was delivered;
//! where the channel is any, whichever was first.

use super::{Case, Channel, Event, Interval, Mark};

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
    case.facts.first_known(stop.marks(case.kind)).map(|(_, at)| at.clone())
}

/// When the call was over, if the channel takes calls and both ends signed.
fn phone(case: &Case<'_>) -> Option<Interval> {
    let event = if case.rule.stop.is_phone() { Some(case.rule.stop) } else { twin(case) }?;
    if !case.takes_calls() || case.facts.phone_both_signed == Some(false) {
        return None;
    }
    case.facts.first_known(event.marks(case.kind)).map(|(_, at)| at.clone())
}

/// The call that counts as well, where the document names no channel.
fn twin(case: &Case<'_>) -> Option<Event> {
    let is_any = matches!(case.rule.channel, Channel::Any) && case.rule.stop.is_written_delivery();
    if is_any { Event::phone_twin(case.kind) } else { None }
}
