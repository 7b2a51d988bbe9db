//! Telephone calls as they are shown: the notes of both ends, read from the table of calls, verified again and paired.

use std::time::Duration;

use relay::message::{
    DeclaredTime,
    field::Status,
    phone::{
        Direction,
        pairing::{Call, Note, PAIRING_WINDOW, pair},
    },
};
use topology::{Map, RoomId};

use super::{reading::room, view};
use crate::{
    daemon::Node,
    problem::Problem,
    store::sqlite::{CallFilter, CallLine},
};

/// All calls that are known here, the oldest note first.
pub(super) async fn calls(node: &Node) -> Result<Vec<view::CallLine>, Problem> {
    let lines = node.reader.calls(CallFilter::Newest(CALLS_MAX)).await?;
    let map = node.trust.current().map.clone();
    Ok(paired(node, lines).iter().map(|call| shown(&map, node.config.room, call)).collect())
}

/// Calls with this room that began about this time: those that a note may pair with, or be taken for.
pub(super) async fn recent(
    node: &Node,
    peer: RoomId,
    started_at: DeclaredTime,
) -> Result<Vec<Call>, Problem> {
    let window = i64::try_from(CODE_KEPT.as_millis()).unwrap_or(i64::MAX);
    let time = |ms: i64| DeclaredTime::from_ms(ms.max(0)).unwrap_or(started_at);
    let (from, to) = (started_at.as_ms().saturating_sub(window), started_at.as_ms().saturating_add(window));
    let lines = node.reader.calls(CallFilter::With { peer, from: time(from), to: time(to) }).await?;
    Ok(paired(node, lines))
}

/// The calls that these notes are of. A signature is verified again before anything is concluded from it; a note that
/// does not verify any more is left out, with an alarm.
pub(super) fn paired(node: &Node, lines: Vec<CallLine>) -> Vec<Call> {
    let trust = node.trust.current();
    let archive = trust.keys.archive();
    let notes = lines.into_iter().filter_map(|line| {
        let read = node.letterbox().read_call(&line.key, &line.signed, &archive);
        read.inspect_err(
            |error| tracing::error!(id = %line.key.id, %error, "a note of a call does not verify"),
        )
        .ok()
        .map(|call| Note { key: line.key, call })
    });
    pair(notes.collect())
}

fn shown(map: &Map, me: RoomId, call: &Call) -> view::CallLine {
    let is_out = call.caller() == me;
    let conflicts = match call {
        Call::Conflicting(_, keys) => keys.iter().map(|key| (*key).to_owned()).collect(),
        Call::Paired(_) | Call::Claimed(_) => Vec::new(),
    };
    let notes = call.notes();
    view::CallLine {
        code: call.code().to_string(),
        peer: room(map, if is_out { call.callee() } else { call.caller() }),
        direction: if is_out { Direction::Out } else { Direction::In }.word().to_owned(),
        state: call.state().to_owned(),
        status: notes.first().map_or(Status::Actual, |note| note.call.statement().status).word().to_owned(),
        line: call.line().map(|line| line.word().to_owned()),
        started_at_ms: call.started_at().as_ms(),
        ended_at_ms: call.ended_at().as_ms(),
        about: call.about().map(|key| key.id.to_string()),
        case: call.case().map(|case| case.to_string()),
        sensitive: call.is_sensitive(),
        secrecy_warning: call.wants_warning(),
        conflicts,
        notes: notes.into_iter().map(|note| shown_note(map, note)).collect(),
    }
}

fn shown_note(map: &Map, note: &Note) -> view::CallNote {
    let said = note.call.statement();
    view::CallNote {
        id: note.key.id.to_string(),
        room: room(map, said.room),
        direction: said.direction.word().to_owned(),
        line: said.line.word().to_owned(),
        officer: note.call.name().to_owned(),
        officer_role: note.call.role().word().to_owned(),
        started_at_ms: said.started_at.as_ms(),
        ended_at_ms: said.ended_at.as_ms(),
        about: said.about.map(|key| key.id.to_string()),
        sensitive: said.sensitive,
    }
}

/// A code is not drawn again for a call of the same two rooms within this: who hears yesterday's code in today's call is
/// not to be believed to mean today's.
const CODE_KEPT: Duration = Duration::from_secs(24 * 3600);
/// Notes that one list looks at.
const CALLS_MAX: usize = 10_000;
/// A note that the other end may still pair with is among the recent ones.
const _: () = assert!(CODE_KEPT.as_secs() > PAIRING_WINDOW.as_secs());
