//! What sending would do, before anything is sent: to whom, how urgent, which limits begin, and what would keep it back.

use relay::{
    envelope::Role,
    message::{Kind, Message},
};
use topology::{Map, RoomId};

use super::{
    SendRequest, check_secrecy, prepare_message, read_message, reading, recipients, unknown_kind, view,
};
use crate::{daemon::Node, duty, problem::Problem};

/// What sending would do. What would keep it back is told, and nothing else is kept from being seen by that.
pub(in crate::control) async fn preview(node: &Node, request: SendRequest) -> Result<view::Preview, Problem> {
    let kind: Kind = request.kind.parse().map_err(|_| unknown_kind(&request))?;
    let message = match read_message(kind, &request) {
        Ok(message) => message,
        Err(problem) => return Ok(view::Preview { problem: Some(problem), ..nothing_seen() }),
    };
    let map = node.trust.current().map.clone();
    let chosen = recipients(node, &request).unwrap_or_default();
    let rooms: Vec<RoomId> = chosen.iter().map(|(room, _)| *room).collect();
    let limits = duty::limits_ahead(node, &message, &rooms);
    let elements = |message: &Message| message.lines().into_iter().map(Into::into).collect();
    let seen = view::Preview {
        is_read: true,
        secrecy: check_secrecy(&message).err(),
        missing: message.missing().into_iter().map(str::to_owned).collect(),
        elements: elements(&message),
        to: addressed(&map, &chosen),
        limits,
        ..nothing_seen()
    };
    let asking = SendRequest { asks_late_reason: true, asks_repeat: false, ..request };
    Ok(match prepare_message(node, &asking, message).await {
        Err(problem) => view::Preview { problem: Some(problem), ..seen },
        Ok(prepared) => view::Preview {
            to: addressed(&map, &prepared.to),
            copied_to: prepared.copies.iter().map(|id| reading::room(&map, *id)).collect(),
            precedence: Some(prepared.precedence.word().to_owned()),
            status: Some(prepared.status.word().to_owned()),
            elements: elements(&prepared.message),
            ..seen
        },
    })
}

fn nothing_seen() -> view::Preview {
    view::Preview {
        problem: None,
        is_read: false,
        secrecy: None,
        to: Vec::new(),
        copied_to: Vec::new(),
        precedence: None,
        status: None,
        elements: Vec::new(),
        missing: Vec::new(),
        limits: Vec::new(),
    }
}

fn addressed(map: &Map, to: &[(RoomId, Role)]) -> Vec<(view::Room, String)> {
    let word = |role: &Role| match role {
        Role::Action => "action".to_owned(),
        Role::Info => "info".to_owned(),
    };
    to.iter().map(|(room, role)| (reading::room(map, *room), word(role))).collect()
}
