//! Where a delay lies. The desk's own time ends when its node has the paper (t5), but t5 is the room's own word: it
//! counts only where the parent's record shows that the line was down. From the first custody (t6) on, the network has
//! it. A telephone rule is never excused by the line: the telephone still worked.
//!
//! | queued in time | taken over in time | | cause |
//! |---|---|---|---|
//! | no | no | | desk |
//! | yes | no | without the outages of the parent's record it would have been taken over in time | line |
//! | yes | no | the same, but only by the room's own record | line_claimed |
//! | yes | no | else | desk |
//! | | yes | handed to the recipient's live line in time | recipient |
//! | | yes | else | hub |

use super::{Case, Channel, Finding, Interval, Mark, Timestamp};
use crate::duty::{facts::RecordedBy, finding::Cause};

pub(super) fn of(case: &Case<'_>, finding: &Finding, due: &Interval) -> Cause {
    if case.rule.channel == Channel::Phone
        || finding.stop_event.is_phone()
        || !finding.stop_event.is_written_delivery()
    {
        return Cause::Desk;
    }
    let is_by_due = |mark| case.facts.moment(mark).is_some_and(|at| at.is_by(due.earliest));
    if is_by_due(Mark::SentAt) {
        return if is_by_due(Mark::HandedOverAt) { Cause::Recipient } else { Cause::Hub };
    }
    let queued = case.facts.moment(Mark::AcceptedAt).and_then(|at| at.latest);
    match queued.filter(|queued| due.earliest.is_some_and(|due| *queued <= due)) {
        Some(queued) => line(case, queued, due),
        None => Cause::Desk,
    }
}

fn line(case: &Case<'_>, queued: Timestamp, due: &Interval) -> Cause {
    let sent = case.facts.moment(Mark::SentAt).and_then(Interval::shown);
    let (Some(until), Some(due)) = (sent.or(case.facts.told_until()), due.shown()) else {
        return Cause::Desk;
    };
    let is_explained = |down_ms: i64| down_ms > 0 && until.as_ms().saturating_sub(down_ms) <= due.as_ms();
    if is_explained(down_ms(case, queued, until, false)) {
        Cause::Line
    } else if is_explained(down_ms(case, queued, until, true)) {
        Cause::LineClaimed
    } else {
        Cause::Desk
    }
}

/// For how long the line was down between two instants, times that are recorded twice counted once.
fn down_ms(case: &Case<'_>, from: Timestamp, until: Timestamp, with_own_record: bool) -> i64 {
    let counts = |by: RecordedBy| by == RecordedBy::Parent || with_own_record;
    let mut spans: Vec<(i64, i64)> = case
        .facts
        .link_down
        .iter()
        .filter(|outage| counts(outage.recorded_by))
        .map(|outage| (outage.from.max(from).as_ms(), outage.to.unwrap_or(until).min(until).as_ms()))
        .filter(|(from, to)| from < to)
        .collect();
    spans.sort_unstable();
    let (mut total, mut reached) = (0i64, i64::MIN);
    for (from, to) in spans {
        total = total.saturating_add(to.saturating_sub(from.max(reached)).max(0));
        reached = reached.max(to);
    }
    total
}
