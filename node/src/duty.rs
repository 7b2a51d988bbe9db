//! What the cases that this room knows owe: messages, receipts, calls and outages out of the store, every signature
//! verified again, laid before the judge with the packs in force. Each case is judged twice: by the attested times, which
//! work, and by the proven ones, which a dispute falls back on.
//!
//! *Against:* a verdict on bytes that were changed on the disk, a clock that improves its own case.

mod ahead;
mod book;
mod escalate;
mod explain;
mod grades;
mod index;
mod late;
mod member;
mod timers;
mod watch;

pub use ahead::limits_ahead;
pub use book::CaseBook;
pub use explain::{due, explain};
pub use grades::Graded;
pub use late::passed_limit;
pub use watch::{Standing, acknowledge, ring_for_breaches, watch};

use std::sync::Arc;

use relay::{
    duty::{
        case::{Case, CaseLine, judge_case},
        interval::Interval,
    },
    envelope_id::EnvelopeKey,
    evidence::Timed,
    log::VerifiedLine,
    message::CaseId,
    receipt::VerifiedReceipt,
};

use self::member::Member;
use crate::{
    control::{paired_calls, view},
    daemon::Node,
    problem::Problem,
    store::sqlite::CallFilter,
    trust::Trust,
};

/// Records of outages that are looked through.
const OUTAGES_MAX: usize = 1_000;

/// Which messages belong together: the newest cases.
///
/// # Errors
/// [`Problem`] when the store cannot be read.
pub async fn cases(node: &Node) -> Result<Vec<view::CaseLine>, Problem> {
    let line = |(place, messages): (Vec<u8>, Vec<EnvelopeKey>)| view::CaseLine {
        case: place.try_into().ok().map(|place| CaseId::from_bytes(place).to_string()),
        messages: messages.iter().map(|key| key.id.to_string()).collect(),
    };
    Ok(node.cases.newest(node).await?.into_iter().map(line).collect())
}

/// Judges the messages of one case beside what is known of outages.
async fn judge(node: &Node, members: &[Member], lines: &[CaseLine]) -> Result<Vec<Graded>, Problem> {
    let trust = node.trust.current();
    let (packs, calendars) = (trust.rules.packs(), trust.rules.calendars());
    let mut cases = (Case::default(), Case::default());
    for member in members {
        let receipts = timed_receipts(node, member).await?;
        let tick = known_tick(node, member.tick).await?;
        cases.0.messages.push(member.in_case(tick, &receipts, Timed::working));
        cases.1.messages.push(member.in_case(tick, &receipts, |timed| &timed.proven));
    }
    let calls = calls(node, members).await?;
    let judge = |mut case: Case| {
        (case.calls, case.lines, case.now) = (calls.clone(), lines.to_vec(), Some(node.clock.now()));
        judge_case(&case, &trust.map, packs, calendars)
    };
    Ok(grades::beside(judge(cases.0), &judge(cases.1), members))
}

/// The receipts of a message that verify, each with its times.
async fn timed_receipts(node: &Node, member: &Member) -> Result<Vec<(VerifiedReceipt, Timed)>, Problem> {
    let trust = node.trust.current();
    let mut timed = Vec::new();
    for dated in node.reader.dated_receipts(member.key).await? {
        let Ok(receipt) = VerifiedReceipt::verify(&dated.bytes, &trust.keys.archive()) else {
            tracing::error!(id = %member.key.id, "a stored receipt does not verify");
            continue;
        };
        let earliest = known_tick(node, receipt.receipt().tick).await?;
        let (kind, date) = (member.facts.kind, dated.dated_at);
        let times = Timed::of_receipt(receipt.receipt(), kind, earliest, date, &trust.map);
        timed.push((receipt, times));
    }
    Ok(timed)
}

/// The time of a tick, if that tick is here.
async fn known_tick(
    node: &Node,
    name: Option<relay::tick::TickRef>,
) -> Result<Option<relay::timestamp::Timestamp>, Problem> {
    let Some(name) = name else { return Ok(None) };
    Ok(node.reader.has_tick(name).await?.then_some(name.at))
}

/// The calls of the case and about its messages.
async fn calls(
    node: &Node,
    members: &[Member],
) -> Result<Vec<relay::message::phone::pairing::Call>, Problem> {
    let mut lines = Vec::new();
    let cases: std::collections::BTreeSet<CaseId> =
        members.iter().filter_map(|member| member.facts.case).collect();
    for case in cases {
        lines.extend(node.reader.calls(CallFilter::Case(case)).await?);
    }
    for member in members {
        lines.extend(node.reader.calls(CallFilter::About(member.key)).await?);
    }
    lines.sort_by_key(|line| line.key);
    lines.dedup_by_key(|line| line.key);
    Ok(paired_calls(node, lines))
}

/// The outages that this room has records of.
async fn outages(node: &Node, trust: &Trust) -> Result<Arc<[CaseLine]>, Problem> {
    let records = node.reader.outages(OUTAGES_MAX).await?;
    let verified = records.iter().filter_map(|bytes| {
        let line = VerifiedLine::verify(bytes, &trust.keys.archive());
        line.inspect_err(|error| tracing::error!(%error, "a record of an outage does not verify")).ok()
    });
    let line = |line: VerifiedLine| {
        let line = line.line();
        CaseLine { room: line.room, peer: line.peer, from: line.down_at, to: Some(line.up_at) }
    };
    Ok(verified.map(line).collect())
}

/// Between two instants that may be unknown.
fn between(
    earliest: Option<relay::timestamp::Timestamp>,
    latest: Option<relay::timestamp::Timestamp>,
) -> Interval {
    Interval { earliest, latest, missing: None }
}
