//! One precedence stream, going out: envelopes in the order in which the engine sent them, large bodies in parts.

use quinn::{Connection, SendStream};
use relay::{
    envelope::EnvelopeBytes,
    frame::{EnvelopeFrame, Frame},
    limits::PART_BYTES_MAX,
};
use serde_bytes::ByteBuf;
use tokio::sync::mpsc;
use topology::Precedence;

use super::stream::{FrameWriter, StreamError};

/// Where envelopes for one precedence stream are handed in. The window of the link bounds what is in it.
#[derive(Debug, Clone)]
pub struct Lane {
    sender: mpsc::UnboundedSender<EnvelopeBytes>,
}

/// The other end of a [`Lane`].
pub type LaneReceiver = mpsc::UnboundedReceiver<EnvelopeBytes>;

impl Lane {
    /// A lane and its other end.
    pub fn new() -> (Self, LaneReceiver) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (Self { sender }, receiver)
    }

    /// Hands in an envelope. If the session has ended it is dropped: the engine requeues what lacks custody.
    pub fn send(&self, bytes: EnvelopeBytes) {
        let _ = self.sender.send(bytes);
    }
}

/// Priority of the control stream: above every envelope.
pub const CONTROL_PRIORITY: i32 = 8;

/// Priority of a precedence stream: flash 4 to routine 1.
pub fn priority(precedence: Precedence) -> i32 {
    4 - i32::try_from(precedence.index()).unwrap_or(3)
}

/// Writes one precedence stream until its lane or the connection ends.
///
/// # Errors
/// [`StreamError::Connection`].
pub async fn write_lane(
    connection: Connection,
    stream: SendStream,
    precedence: Precedence,
    mut lane: LaneReceiver,
) -> Result<(), StreamError> {
    let mut writer = FrameWriter::new(connection, stream, priority(precedence));
    let class = u8::try_from(precedence.index()).unwrap_or(u8::MAX);
    writer.write_bytes(&[class]).await?;
    while let Some(envelope) = lane.recv().await {
        write_envelope(&mut writer, envelope).await?;
    }
    writer.finish();
    Ok(())
}

async fn write_envelope(writer: &mut FrameWriter, envelope: EnvelopeBytes) -> Result<(), StreamError> {
    let whole = envelope.body.len() <= PART_BYTES_MAX;
    let frame = Frame::Envelope(EnvelopeFrame {
        header: ByteBuf::from(envelope.header.to_vec()),
        keys: envelope.keys,
        body_len: envelope.body.len() as u64,
        body: if whole { ByteBuf::from(envelope.body.to_vec()) } else { ByteBuf::new() },
    });
    writer.write(&frame).await?;
    if !whole {
        for part in envelope.body.chunks(PART_BYTES_MAX) {
            writer.write(&Frame::Part { bytes: ByteBuf::from(part.to_vec()) }).await?;
        }
    }
    Ok(())
}
