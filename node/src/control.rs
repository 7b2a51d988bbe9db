//! The control socket: how the command line, the console and programs of this machine speak to the running node. One
//! question a connection, one JSON document a line.

mod attachment;
mod calls;
pub mod client;
mod desk;
mod evidence;
mod history;
mod log;
pub(crate) mod once;
mod outages;
mod queue;
mod reading;
mod receipts;
pub mod request;
mod rules;
mod sending;
pub mod server;
mod telephone;
pub mod view;

use relay::{
    message::{Message, field::Status, phone::pairing::Call},
    step::Submission,
};
use topology::{Map, RoomId};

pub(crate) use self::server::dispatch;
use crate::{daemon::Node, problem::Problem, store::sqlite::CallLine};

/// The calls that these notes are of, every signature verified again.
pub(crate) fn paired_calls(node: &Node, lines: Vec<CallLine>) -> Vec<Call> {
    calls::paired(node, lines)
}

/// A notice to a room above, sealed and ready to go.
pub(crate) fn notice_up(
    node: &Node,
    message: Message,
    to: RoomId,
    status: Status,
) -> Result<Submission, Problem> {
    sending::notice_up(node, message, to, status)
}

/// A room as people see it.
pub(crate) fn named_room(map: &Map, room: RoomId) -> view::Room {
    reading::room(map, room)
}
