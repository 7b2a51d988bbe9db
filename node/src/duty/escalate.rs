//! What the room above is told of a limit that has passed here: a message like any other, in both languages, of the kind
//! that starts and meets no limit. It says which obligation, and nothing of what the case is about.

use std::sync::Arc;

use relay::{
    duty::beijing::rfc3339,
    message::{Kind, Message},
    step::Submission,
};

use super::timers::Timed;
use crate::{
    catalogue::{Catalogue, Language},
    control::{named_room, notice_up},
    daemon::Node,
    problem::Problem,
};

/// The message, sealed and not yet accepted.
///
/// # Errors
/// [`Problem`] when there is no room above, or nothing can be sealed for it.
pub(super) fn to_parent(node: &Arc<Node>, timed: &Timed) -> Result<Submission, Problem> {
    let map = node.trust.current().map.clone();
    let parent =
        map.parent(node.config.room).ok_or_else(|| Problem::failed("room_not_on_map").with("room", "-"))?;
    let words: Vec<String> =
        [Language::Chinese, Language::English].map(|language| words(node, timed, language)).into();
    let invalid = |error: &dyn std::fmt::Display| Problem::failed("message_invalid").with("detail", error);
    let mut message = Message::new_text(Kind::Notify, &words.join("\n")).map_err(|error| invalid(&error))?;
    message.heading.case = timed.name.case;
    message.heading.relates_to.push(timed.subject);
    notice_up(node, message, parent, timed.status)
}

fn words(node: &Node, timed: &Timed, language: Language) -> String {
    let (map, catalogue) = (node.trust.current().map.clone(), Catalogue::new(language));
    let room = |id| {
        let room = named_room(&map, id);
        let name = if language == Language::Chinese { room.name } else { room.name_en };
        format!("{} {name}", room.code)
    };
    let due = timed.obligation.due.map(rfc3339).unwrap_or_default();
    let values = [
        ("rule", timed.name.rule.as_str()),
        ("kind", &catalogue.word("rulekind", timed.name.kind.word())),
        ("due", &due),
        ("obliged", &room(timed.name.obliged)),
        ("towards", &room(timed.name.towards)),
        ("id", &timed.subject.id.to_string()),
    ];
    catalogue.text("duty-escalated", &values)
}
