//! A step in words, one line for each write, send, fetch and reply, so that a test can say what it expects.

use topology::RoomId;

use super::rooms::name;
use crate::{
    record::{Delivery, DeliveryState, Record},
    step::{Fetch, Notice, Reply, Send, Step, StoredReceipt, Write},
};

/// What a step does with envelopes, in order: writes, sends, fetches, reply. Ticks, heads and leaves are told by
/// [`super::books`].
pub(super) fn tale(step: &Step) -> Vec<String> {
    let mut lines: Vec<String> = step.writes.iter().filter_map(write).collect();
    lines.extend(step.sends.iter().filter_map(send));
    lines.extend(step.fetches.iter().map(fetch));
    lines.extend(step.reply.as_ref().map(reply));
    lines
}

/// Only what is said to others.
pub(super) fn said(step: &Step) -> Vec<String> {
    step.sends.iter().filter_map(send).collect()
}

pub(super) fn state(record: &Record) -> String {
    record.deliveries.iter().map(delivery).collect::<Vec<_>>().join(", ")
}

fn delivery(delivery: &Delivery) -> String {
    let room = name(delivery.recipient);
    match &delivery.state {
        DeliveryState::Waiting { neighbour } => format!("{room} waits for {}", name(*neighbour)),
        DeliveryState::Sent { neighbour, .. } => format!("{room} sent to {}", name(*neighbour)),
        DeliveryState::Held { neighbour, .. } => format!("{room} held by {}", name(*neighbour)),
        DeliveryState::Here => format!("{room} here"),
        DeliveryState::Lost => format!("{room} lost it"),
        DeliveryState::Ended => {
            format!("{room} {}", delivery.outcome.map_or("ended without outcome", |event| event.word()))
        }
    }
}

fn write(write: &Write) -> Option<String> {
    Some(match write {
        Write::Envelope { bytes, .. } => format!("store envelope for {}", rooms(&keys(&bytes.keys))),
        Write::Keys { bytes, .. } => format!("store keys for {}", rooms(&keys(&bytes.keys))),
        Write::ContentKey { .. } => "store content key".into(),
        Write::Record(record) => format!("record: {}", state(record)),
        Write::Enqueue(place) => format!("queue for {}", name(place.neighbour)),
        Write::Dequeue(place) => format!("leave queue for {}", name(place.neighbour)),
        Write::Receipt(stored) => receipt(stored),
        Write::OutboxStored { neighbour, upto } => {
            format!("outbox of {} stored up to {upto}", name(*neighbour))
        }
        Write::Inbox { nr, .. } => format!("inbox nr {nr}"),
        Write::Call { entry, .. } => format!("note of call {}", entry.code),
        Write::SentOnce(_) => "keep the answer".into(),
        Write::InboxDeed { event, .. } => format!("inbox {event}"),
        Write::Collision { .. } => "keep collision".into(),
        Write::DutyStep { name, leaf, .. } => format!("step {} is leaf {leaf}", name.stage.word()),
        Write::Epoch { epoch, seq, .. } => format!("epoch {} is leaf {seq}", epoch.counter),
        Write::Log(_)
        | Write::Leaf { .. }
        | Write::Tick { .. }
        | Write::TickCited(_)
        | Write::Checkpoint { .. }
        | Write::Dated(_)
        | Write::HeldHead { .. }
        | Write::HistoryBreak { .. }
        | Write::LinkState { .. } => return None,
    })
}

fn receipt(stored: &StoredReceipt) -> String {
    let statement = stored.receipt.receipt();
    let (event, issuer, recipient) = (statement.event, name(statement.issuer), name(statement.recipient));
    let outbox =
        stored.outbox.map_or(String::new(), |(to, number)| format!(", outbox {} {number}", name(to)));
    let reason =
        statement.reason.as_ref().map_or(String::new(), |reason| format!(" because {}", reason.code));
    format!("receipt {event} by {issuer} for {recipient}{reason}{outbox}")
}

fn send(send: &Send) -> Option<String> {
    Some(match send {
        Send::Envelope { to, precedence, bytes } => {
            format!("to {}: {precedence} envelope for {}", name(*to), rooms(&keys(&bytes.keys)))
        }
        Send::Receipts { to, first, receipts } => {
            format!("to {}: {} receipts from {first}", name(*to), receipts.len())
        }
        Send::ReceiptsStored { to, upto } => format!("to {}: stored up to {upto}", name(*to)),
        Send::Answers { to, recipients, .. } => {
            format!("to {}: answers for {}", name(*to), rooms(recipients))
        }
        Send::NotTaken { to, refusal, .. } => format!("to {}: not taken, {}", name(*to), refusal.code()),
        Send::Credit { to, credit } => {
            format!("to {}: credit {} {}", name(*to), credit.class, credit.messages)
        }
        Send::Close { neighbour, reason } => format!("close {}: {reason}", name(*neighbour)),
        Send::Notice(Notice::Delivered { precedence, .. }) => format!("notice: {precedence} delivered"),
        Send::Notice(Notice::Receipt { event, recipient, .. }) => {
            format!("notice: {event} for {}", name(*recipient))
        }
        Send::Notice(Notice::Duty { stage, .. }) => format!("notice: step {}", stage.word()),
        Send::Notice(Notice::HistoryBroken { room, .. }) => {
            format!("notice: {} has another history", name(*room))
        }
        Send::Notice(Notice::HistoryLost { .. }) => "notice: a part of the log is lost".into(),
        Send::Tick { .. }
        | Send::TickWanted { .. }
        | Send::TickAnswer { .. }
        | Send::HeadHeld { .. }
        | Send::Head { .. }
        | Send::Anchor { .. }
        | Send::Line { .. }
        | Send::Notice(Notice::Tick(_)) => return None,
    })
}

fn fetch(fetch: &Fetch) -> String {
    match fetch {
        Fetch::Waiting { neighbour, precedence, messages, .. } => {
            format!("read {messages} {precedence} of queue for {}", name(*neighbour))
        }
        Fetch::Outbox { neighbour, from, count } => {
            format!("read {count} of outbox {} from {from}", name(*neighbour))
        }
        Fetch::Tick { .. } => "look for a tick".into(),
        Fetch::LogRoot { .. } => "read the root that a parent holds".into(),
    }
}

fn reply(reply: &Reply) -> String {
    match reply {
        Reply::Accepted { .. } => "reply accepted".into(),
        Reply::Done => "reply done".into(),
        Reply::AlreadyDone => "reply already done".into(),
        Reply::Unknown => "reply unknown".into(),
        Reply::OtherEpoch => "reply other epoch".into(),
        Reply::Refused(refusal) => format!("reply refused, {}", refusal.code()),
    }
}

fn keys(keys: &[crate::envelope::RecipientKey]) -> Vec<RoomId> {
    keys.iter().map(|key| key.room).collect()
}

fn rooms(rooms: &[RoomId]) -> String {
    rooms.iter().map(|room| name(*room)).collect::<Vec<_>>().join(" ")
}
