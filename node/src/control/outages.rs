//! Outages of this room's lines that are over: what had waited here and went when the line was back, and what was late
//! because of it. The records are signed; each is verified again.

use relay::{
    envelope_id::EnvelopeKey, log::VerifiedLine, receipt::Event, record::Record, timestamp::Timestamp,
};

use super::{reading::room, view};
use crate::{daemon::Node, duty, problem::Problem};

/// The newest outages, the last one first.
pub(super) async fn outages(node: &Node) -> Result<Vec<view::Outage>, Problem> {
    let trust = node.trust.current();
    let map = trust.map.clone();
    let records = node.reader.outages(OUTAGES_MAX).await?;
    let written = if records.is_empty() { Vec::new() } else { node.reader.sent(None, SENT_MAX).await? };
    let mut outages = Vec::new();
    for bytes in records {
        let Ok(line) = VerifiedLine::verify(&bytes, &trust.keys.archive()) else {
            tracing::error!("a record of an outage does not verify");
            continue;
        };
        let line = line.line();
        if line.room != node.config.room {
            continue;
        }
        let mut went = Vec::new();
        for sent in &written {
            let Some(left_at) = left_after(node, &sent.record, line.down_at, line.up_at).await? else {
                continue;
            };
            let id = sent.record.key.id.to_string();
            let summary = sent.summary.as_deref();
            let summary = summary.and_then(|bytes| node.letterbox().read_summary(&sent.record.key, bytes));
            went.push(view::Went {
                is_late: is_late_by_line(node, sent.record.key).await?,
                precedence: sent.record.precedence.word().to_owned(),
                title: summary.map(|summary| summary.title).unwrap_or_default(),
                accepted_at_ms: sent.record.received_at.as_ms(),
                left_at_ms: left_at.as_ms(),
                id,
            });
        }
        outages.push(view::Outage {
            room: room(&map, line.peer),
            down_at_ms: line.down_at.as_ms(),
            up_at_ms: line.up_at.as_ms(),
            went,
        });
    }
    Ok(outages)
}

/// When the first other room had it, if it was written while the line was down and left when it was back.
async fn left_after(
    node: &Node,
    record: &Record,
    down_at: Timestamp,
    up_at: Timestamp,
) -> Result<Option<Timestamp>, Problem> {
    if record.received_at < down_at || record.received_at > up_at {
        return Ok(None);
    }
    let rows = node.reader.receipts(record.key).await?;
    let had = rows.iter().filter(|row| matches!(row.receipt.event, Event::Custody | Event::Delivered));
    let others = had.filter(|row| row.receipt.issuer != node.config.room);
    Ok(others.map(|row| row.at).min().filter(|at| *at >= up_at))
}

/// Whether a limit of this message was missed because of the line.
async fn is_late_by_line(node: &Node, key: EnvelopeKey) -> Result<bool, Problem> {
    let lines = duty::due(node, true, Some(key)).await?;
    Ok(lines.iter().any(|line| {
        let by_line = line.cause.as_deref().is_some_and(|cause| cause.starts_with("line"));
        by_line && line.state == "breached" && line.subject == key.id.to_string()
    }))
}

/// What is shown; the log has all.
const OUTAGES_MAX: usize = 5;
const SENT_MAX: usize = 1_000;
