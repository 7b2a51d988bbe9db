//! The last day of each link of this node, from its own signed records: when it was down. What is down now has no record yet.

use relay::{log::VerifiedLine, timestamp::Timestamp};

use super::view;
use crate::{daemon::Node, problem::Problem};

/// One line for each link, in the order of `status`.
pub(super) async fn link_days(node: &Node, links: Vec<view::Link>) -> Result<Vec<view::LinkDay>, Problem> {
    let trust = node.trust.current();
    let now = node.clock.now();
    let from_ms = now.as_ms() - DAY_MS;
    let mut records = Vec::new();
    for bytes in node.reader.outages(RECORDS_MAX).await? {
        match VerifiedLine::verify(&bytes, &trust.keys.archive()) {
            Ok(line) => records.push(line),
            Err(error) => tracing::error!(%error, "a record of an outage does not verify"),
        }
    }
    let own = records.iter().map(VerifiedLine::line).filter(|line| line.room == node.config.room);
    let own: Vec<_> = own.filter(|line| line.up_at > Timestamp::from_ms(from_ms)).collect();
    let day = |link: view::Link| {
        let of_link = own.iter().filter(|line| line.peer.to_string() == link.room.id);
        let mut down: Vec<[i64; 2]> =
            of_link.map(|line| [line.down_at.as_ms().max(from_ms), line.up_at.as_ms()]).collect();
        if link.state != "up" {
            down.push([link.since_ms.max(from_ms), now.as_ms()]);
        }
        down.sort_unstable();
        view::LinkDay { room: link.room, from_ms, to_ms: now.as_ms(), down }
    };
    Ok(links.into_iter().map(day).collect())
}

const DAY_MS: i64 = 24 * 3600 * 1000;
/// A link that goes down more often than this in a day is red all the same.
const RECORDS_MAX: usize = 500;
