//! The log, its dates and what was lost, as `status` and `doctor` show them.

use std::collections::BTreeMap;

use relay::timestamp::Timestamp;
use topology::Map;

use super::{reading::room, view};
use crate::{daemon::Node, loss::Loss, problem::Problem};

/// So long may the newest leaf wait for its date while the parent is up: a tick is ten seconds, a tree six levels.
const UNDATED_MAX_MS: i64 = 5 * 60 * 1000;

/// The state of the log.
pub(super) async fn state(node: &Node, map: &Map, links: &[view::Link]) -> Result<view::LogState, Problem> {
    let summary = node.reader.log_summary().await?;
    let now = node.clock.now();
    let (dated, dated_at) = summary.dated.unzip();
    let undated_since = undated_since(&summary.dated, summary.size, links, node, map);
    Ok(view::LogState {
        size: summary.size,
        dated_size: dated.unwrap_or(0),
        dated_at_ms: dated_at.map(Timestamp::as_ms),
        undated_ms: undated_since.map(|since| now.as_ms().saturating_sub(since).max(0)),
        tick_age_ms: summary.tick.map(|at| now.as_ms().saturating_sub(at.as_ms()).max(0)),
        breaks: summary
            .breaks
            .into_iter()
            .map(|found| view::HistoryBreak {
                room: room(map, found.room),
                declared: found.is_declared,
                count: found.count,
                at_ms: found.at.as_ms(),
            })
            .collect(),
        loss: node.loss.read()?.map(|loss| shown(&loss, map)),
    })
}

/// Since when leaves have waited for a date although a parent is up; none when none waits or none is up.
fn undated_since(
    dated: &Option<(u64, Timestamp)>,
    size: u64,
    links: &[view::Link],
    node: &Node,
    map: &Map,
) -> Option<i64> {
    let is_behind = dated.is_none_or(|(dated, _)| dated < size);
    let up = links.iter().filter(|link| link.role != "child" && link.state == "up").map(|link| link.since_ms);
    let up = if map.root() == node.config.room { Some(node.started_at.as_ms()) } else { up.max() };
    let last = dated.map_or(i64::MIN, |(_, at)| at.as_ms());
    up.filter(|_| is_behind).map(|up| up.max(last).max(node.started_at.as_ms()))
}

fn shown(loss: &Loss, map: &Map) -> view::Loss {
    view::Loss {
        backup_made_at_ms: loss.source.map(|source| source.made_at_ms),
        backup_leaves: loss.source.map(|source| source.leaves),
        held_by: loss.lost.map(|lost| room(map, lost.held_by)),
        from: loss.lost.map(|lost| lost.from),
        to: loss.lost.map(|lost| lost.head.size.saturating_sub(1)),
        root: loss.lost.map(|lost| lost.head.root.to_string()),
        seen_at_ms: loss.lost.map(|lost| lost.seen_at_ms),
        accepted_at_ms: loss.accepted_at_ms,
    }
}

/// What the self-check says of it.
pub(super) fn checks(log: &view::LogState) -> Vec<view::Check> {
    let mut checks = vec![check(
        "doctor_log",
        if log.undated_ms.is_some_and(|ms| ms > UNDATED_MAX_MS) { "warning" } else { "ok" },
        &[
            ("size", log.size.to_string()),
            ("dated", log.dated_size.to_string()),
            ("minutes", (log.undated_ms.unwrap_or(0) / 60_000).to_string()),
        ],
    )];
    for found in &log.breaks {
        let details = [
            ("room", format!("{} {}", found.room.code, found.room.name)),
            ("count", found.count.to_string()),
            ("telephone", found.room.telephone.clone().unwrap_or_else(|| "-".to_owned())),
        ];
        let code = if found.declared { "doctor_history_declared" } else { "doctor_history" };
        checks.push(check(code, "failed", &details));
    }
    checks.extend(log.loss.as_ref().filter(|loss| loss.accepted_at_ms.is_none()).map(lost));
    checks
}

fn lost(loss: &view::Loss) -> view::Check {
    let number = |number: Option<u64>| number.map_or_else(|| "-".to_owned(), |number| number.to_string());
    let details = [("from", number(loss.from)), ("to", number(loss.to))];
    // Nobody has said yet that anything is missing.
    let state = if loss.from.is_some() { "failed" } else { "warning" };
    check(if loss.from.is_some() { "doctor_lost" } else { "doctor_restored" }, state, &details)
}

fn check(code: &str, state: &str, details: &[(&str, String)]) -> view::Check {
    let details: BTreeMap<String, String> =
        details.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    view::Check { code: code.to_owned(), state: state.to_owned(), details }
}
