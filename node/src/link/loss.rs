//! A neighbour was restored from an older backup and asks what went between us since; or this node was, and asks.
//! *Against:* a neighbour that asks without end (each question costs some milliseconds of reading, one after the other), and
//! one that makes things up (only what verifies reaches the engine).

use relay::{
    envelope::VerifiedHeader,
    frame::{Frame, LOSS_BYTES_MAX, LOSS_HEADERS_MAX, LossAsked, LossTold},
    limits::RECEIPT_BYTES_MAX,
    step::{Input, Told},
};
use serde_bytes::ByteBuf;
use tokio::sync::oneshot;
use topology::RoomId;

use super::{
    control::{Control, Saying},
    session::Context,
};
use crate::driver::Job;

/// So many receipts fit into one frame, however long they are.
const RECEIPTS_AT_ONCE: usize = relay::limits::FRAME_BYTES_MAX / (RECEIPT_BYTES_MAX + 16);

impl Context {
    /// Asks every neighbour whose link is up.
    pub fn ask_what_was_lost(&self) {
        for (room, handle) in self.intake.registry.handles() {
            ask(self, room, &handle.control);
        }
    }
}

/// Asks a neighbour, if something was lost here and it has not told all of it yet.
pub(super) fn ask(context: &Context, room: RoomId, control: &Control) {
    match context.loss.question(room) {
        Ok(Some(asked)) => say(control, Frame::LossAsked(asked)),
        Ok(None) => {}
        Err(problem) => tracing::error!(%problem, "what was lost cannot be read"),
    }
}

/// Tells what went between the neighbour and this room, and of what it wrote itself what others have said of it.
pub(super) async fn tell(context: &Context, room: RoomId, asked: LossAsked, control: &Control) {
    let reader = &context.reader;
    let found = reader.told(room, asked.since, asked.after, LOSS_HEADERS_MAX, LOSS_BYTES_MAX).await;
    let found = match found {
        Ok(found) => found,
        Err(error) => {
            tracing::error!(%room, %error, "what the neighbour has lost cannot be read");
            return;
        }
    };
    let headers = found.headers.iter().map(|(_, header)| ByteBuf::from(header.to_vec())).collect();
    say(control, Frame::LossTold(LossTold { headers, after: found.after, is_all: found.is_all }));
    for (key, _) in found.headers.into_iter().filter(|(key, _)| key.origin == room) {
        let receipts = match reader.receipts(key).await {
            Ok(receipts) => receipts,
            Err(error) => {
                tracing::error!(id = %key.id, %error, "receipts of what the neighbour has lost cannot be read");
                continue;
            }
        };
        for some in receipts.chunks(RECEIPTS_AT_ONCE) {
            let receipts = some.iter().map(|line| ByteBuf::from(line.receipt.bytes.to_vec())).collect();
            say(control, Frame::Answers { receipts });
        }
    }
}

/// Takes what a neighbour tells, and asks for more.
pub(super) async fn take(context: &Context, room: RoomId, told: LossTold, control: &Control) {
    let trust = context.intake.trust.current();
    // Nobody is heard who was not asked.
    match context.loss.question(room) {
        Ok(Some(asked)) if told.is_all || told.after > asked.after => {}
        Ok(_) => return,
        Err(problem) => {
            tracing::error!(%problem, "what was lost cannot be read");
            return;
        }
    }
    let mut storing = Vec::with_capacity(told.headers.len());
    for bytes in told.headers {
        match VerifiedHeader::verify(&bytes, trust.map.network(), &*trust.keys) {
            Ok(header) => {
                let told = Told { from: room, header, bytes: bytes.into_vec().into() };
                let (reply, stored) = oneshot::channel();
                let input = Input::Told(Box::new(told));
                context.intake.registry.job(Job { input, reply: Some(reply) }).await;
                storing.push(stored);
            }
            Err(error) => tracing::warn!(%room, %error, "what the neighbour says was lost does not verify"),
        }
    }
    for stored in storing {
        // What was not stored is asked for again at the next beginning of the link.
        if stored.await.is_err() {
            return;
        }
    }
    if let Err(problem) = context.loss.told(room, told.after, told.is_all) {
        tracing::error!(%problem, "what was told again cannot be noted");
        return;
    }
    ask(context, room, control);
}

fn say(control: &Control, frame: Frame) {
    // A session that has ended takes nothing.
    let _ = control.say(Saying::Frame(frame));
}
