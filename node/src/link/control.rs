//! The control stream of one link, going out: what waits to be said, one thing after the other.
//!
//! A plan or sheet is cut into parts only while it is written, so that no other frame comes between its parts and a
//! hub with many rooms holds it once.
//! *Against:* a neighbour that asks and does not read the answers.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use quinn::Connection;
use relay::frame::{DocumentKind, Frame};
use tokio::sync::mpsc;

use super::{
    documents,
    registry::close,
    stream::{FrameWriter, StreamError},
};

/// What is said in one piece.
#[derive(Debug)]
pub enum Saying {
    /// A frame.
    Frame(Frame),
    /// A plan or a sheet.
    Document(DocumentKind, Arc<[u8]>),
}

/// Where it is handed in. Clones share the queue.
#[derive(Debug, Clone)]
pub struct Control {
    sender: mpsc::UnboundedSender<Saying>,
    waiting_bytes: Arc<AtomicUsize>,
    connection: Connection,
}

/// The other end of a [`Control`].
#[derive(Debug)]
pub struct ControlQueue {
    receiver: mpsc::UnboundedReceiver<Saying>,
    waiting_bytes: Arc<AtomicUsize>,
}

impl Control {
    /// The queue of a connection and its other end.
    pub fn new(connection: Connection) -> (Self, ControlQueue) {
        let (sender, receiver) = mpsc::unbounded_channel();
        let waiting_bytes = Arc::new(AtomicUsize::new(0));
        (
            Self { sender, waiting_bytes: waiting_bytes.clone(), connection },
            ControlQueue { receiver, waiting_bytes },
        )
    }

    /// Says it after what waits. False when the session has ended, or ends now because too much waits.
    pub fn say(&self, saying: Saying) -> bool {
        let before = self.waiting_bytes.fetch_add(weight(&saying), Ordering::Relaxed);
        if before > WAITING_BYTES_MAX {
            tracing::warn!(
                bytes = before,
                "the neighbour does not read its control stream: the link is closed"
            );
            self.connection.close(close::BUSY.into(), b"the control stream is not read");
            return false;
        }
        self.sender.send(saying).is_ok()
    }

    /// Says a frame that may as well be lost: not when more than a little waits.
    pub fn say_if_idle(&self, frame: Frame) -> bool {
        self.waiting_bytes.load(Ordering::Relaxed) <= IDLE_BYTES_MAX && self.say(Saying::Frame(frame))
    }
}

/// Writes what is handed in until the session or the connection ends.
///
/// # Errors
/// [`StreamError::Connection`].
pub async fn write_control(mut writer: FrameWriter, mut queue: ControlQueue) -> Result<(), StreamError> {
    while let Some(saying) = queue.receiver.recv().await {
        let written = weight(&saying);
        match saying {
            Saying::Frame(frame) => writer.write(&frame).await?,
            Saying::Document(kind, document) => {
                for part in documents::frames(kind, &document) {
                    writer.write(&part).await?;
                }
            }
        }
        queue.waiting_bytes.fetch_sub(written, Ordering::Relaxed);
    }
    Ok(())
}

/// About the memory that it holds while it waits; the bytes of a document are shared.
fn weight(saying: &Saying) -> usize {
    let signed = match saying {
        Saying::Frame(Frame::Receipts(frame)) => frame.receipts.as_slice(),
        Saying::Frame(Frame::Answers { receipts }) => receipts.as_slice(),
        Saying::Frame(Frame::LossTold(told)) => told.headers.as_slice(),
        Saying::Frame(_) | Saying::Document(..) => &[],
    };
    SMALL_BYTES + signed.iter().map(|bytes| bytes.len()).sum::<usize>()
}

/// Three times the receipts of full windows in all four precedences, 1024 envelopes with five receipts of 1 KiB.
const WAITING_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Behind so much a probe would measure the queue and not the line.
const IDLE_BYTES_MAX: usize = 64 * 1024;
/// A frame without receipts or headers.
const SMALL_BYTES: usize = 256;

#[cfg(test)]
mod tests {
    use relay::frame::LossTold;
    use serde_bytes::ByteBuf;

    use super::*;

    #[test]
    fn what_waits_weighs_what_it_holds() {
        let signed = vec![ByteBuf::from(vec![0; 20_000]); 2];
        let answers = Frame::Answers { receipts: signed.clone() };
        let told = Frame::LossTold(LossTold { headers: signed, after: 1, is_all: false });
        for frame in [answers, told] {
            assert!(weight(&Saying::Frame(frame)) >= 40_000);
        }
    }
}
