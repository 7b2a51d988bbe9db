//! What waits for neighbours, and where one envelope stands on each of its ways.

use relay::record::{Delivery, DeliveryState, Record};
use topology::Map;

use super::{
    reading::{LINES_MAX, find, room},
    view,
};
use crate::{daemon::Node, problem::Problem};

pub(super) async fn list(node: &Node) -> Result<Vec<view::QueueLine>, Problem> {
    let map = node.trust.current().map.clone();
    let lines = node.reader.queue(None, LINES_MAX).await?;
    Ok(lines
        .into_iter()
        .map(|line| view::QueueLine {
            id: line.place.key.id.to_string(),
            origin: room(&map, line.place.key.origin),
            neighbour: room(&map, line.place.neighbour),
            precedence: line.place.precedence.word().to_owned(),
            since_ms: line.place.since.as_ms(),
            size_bytes: line.record.size_bytes,
        })
        .collect())
}

pub(super) async fn entry(node: &Node, id: &str) -> Result<view::QueueEntry, Problem> {
    let key = find(node, id).await?;
    let map = node.trust.current().map.clone();
    let kept = node
        .reader
        .envelope(key)
        .await?
        .ok_or_else(|| Problem::failed("envelope_unknown").with("id", key.id))?;
    let record: Record = kept.record;
    Ok(view::QueueEntry {
        id: key.id.to_string(),
        origin: room(&map, key.origin),
        precedence: record.precedence.word().to_owned(),
        expires_at_ms: record.expires_at.as_ms(),
        ways: record.deliveries.iter().map(|delivery| way(&map, delivery)).collect(),
    })
}

fn way(map: &Map, delivery: &Delivery) -> view::Way {
    let (state, neighbour, resend_at_ms) = match &delivery.state {
        DeliveryState::Waiting { neighbour } => ("waiting", Some(*neighbour), None),
        DeliveryState::Sent { neighbour, resend_at } => ("sent", Some(*neighbour), Some(resend_at.as_ms())),
        DeliveryState::Held { neighbour, resend_at } => {
            ("held", Some(*neighbour), resend_at.map(|at| at.as_ms()))
        }
        DeliveryState::Here => ("here", None, None),
        DeliveryState::Ended => ("ended", None, None),
        DeliveryState::Lost => ("lost", None, None),
    };
    view::Way {
        recipient: room(map, delivery.recipient),
        state: state.to_owned(),
        neighbour: neighbour.map(|id| room(map, id)),
        attempts: delivery.attempts,
        resend_at_ms,
        outcome: delivery.outcome.map(|event| event.word().to_owned()),
    }
}
