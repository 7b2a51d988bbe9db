//! The same event twice (重复报送): whether much the same left this room a moment ago. Whoever can be asked is asked once;
//! nothing is kept back by it.

use std::time::Duration;

use relay::message::Message;
use serde_json::Value;

use super::reading;
use crate::{daemon::Node, problem::Problem};

/// Refuses once what says the same as a message of the last minutes.
///
/// # Errors
/// `sent_just_now` with the other's id and title.
pub(super) async fn check_repeat(node: &Node, message: &Message) -> Result<(), Problem> {
    let now = node.clock.now();
    for line in node.reader.sent(None, LINES_LOOKED_AT).await? {
        let key = line.record.key;
        if now.since(line.record.received_at) > WITHIN {
            return Ok(());
        }
        let Some(summary) = line.summary.and_then(|bytes| node.letterbox().read_summary(&key, &bytes)) else {
            continue;
        };
        if summary.kind != message.kind().number() {
            continue;
        }
        // What cannot be read any more is no reason to keep anything back.
        let Ok((kept, envelope)) = reading::kept_envelope(node, key).await else { continue };
        let Ok(old) = reading::open(node, &kept, &envelope) else { continue };
        if says_the_same(message, &old) {
            return Err(Problem::failed("sent_just_now").with("id", key.id).with("title", summary.title));
        }
    }
    Ok(())
}

/// Of the same kind, about the same messages, and with one title, or one place and time of the event.
fn says_the_same(new: &Message, old: &Message) -> bool {
    if new.heading.relates_to != old.heading.relates_to {
        return false;
    }
    let is_titled = !new.title().trim().is_empty() && new.title().trim() == old.title().trim();
    is_titled || event(new).is_some_and(|event| Some(event) == self::event(old))
}

/// Where and when, if both are known.
fn event(message: &Message) -> Option<(String, Value)> {
    let body = serde_json::to_value(&message.content).ok()?;
    let place = body.get("place")?.get("text")?.as_str()?.trim().to_owned();
    let at = body.get("occurred_at")?.clone();
    (!place.is_empty() && at.get("at").is_some_and(|at| !at.is_null())).then_some((place, at))
}

/// Whoever presses twice, or does not know that a colleague has sent it, does so within this time.
const WITHIN: Duration = Duration::from_secs(10 * 60);
/// Messages of these minutes that are opened.
const LINES_LOOKED_AT: usize = 50;
