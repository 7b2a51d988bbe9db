//! Frames on QUIC streams: a four-byte length, then the frame.

use quinn::{Connection, RecvStream, SendStream};
use relay::frame::{Frame, FrameError};

use super::valve::Pass;

/// Reads frames from one stream.
#[derive(Debug)]
pub struct FrameReader {
    stream: RecvStream,
}

/// Writes frames to one stream.
#[derive(Debug)]
pub struct FrameWriter {
    stream: SendStream,
    connection: Connection,
    priority: i32,
}

/// Why a stream ended.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    /// The connection is gone.
    #[error("the connection is gone: {0}")]
    Connection(String),
    /// What came is no frame.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// A frame that has no place here or now.
    #[error("a frame out of place: {0}")]
    OutOfPlace(&'static str),
}

impl FrameReader {
    /// Over a stream.
    pub fn new(stream: RecvStream) -> Self {
        Self { stream }
    }

    /// The next frame; `None` when the peer has finished the stream between two frames.
    ///
    /// # Errors
    /// [`StreamError`]; the link is then closed.
    pub async fn next(&mut self) -> Result<Option<Frame>, StreamError> {
        let mut prefix = [0; 4];
        match self.stream.read_exact(&mut prefix).await {
            Ok(()) => {}
            Err(quinn::ReadExactError::FinishedEarly(0)) => return Ok(None),
            Err(error) => return Err(StreamError::Connection(error.to_string())),
        }
        let mut bytes = vec![0; Frame::length(prefix)?];
        self.stream
            .read_exact(&mut bytes)
            .await
            .map_err(|error| StreamError::Connection(error.to_string()))?;
        Ok(Some(Frame::decode(&bytes)?))
    }
}

impl FrameWriter {
    /// Over a stream of this connection; the higher the priority, the sooner it goes.
    pub fn new(connection: Connection, stream: SendStream, priority: i32) -> Self {
        // Only a closed stream refuses a priority, and the next write finds that out.
        let _ = stream.set_priority(priority);
        Self { stream, connection, priority }
    }

    /// Writes one frame; waits while the line or the peer's flow control says so.
    ///
    /// # Errors
    /// [`StreamError::Connection`].
    pub async fn write(&mut self, frame: &Frame) -> Result<(), StreamError> {
        self.write_bytes(&frame.encode()).await
    }

    /// Writes encoded frames.
    ///
    /// # Errors
    /// [`StreamError::Connection`].
    pub async fn write_bytes(&mut self, bytes: &[u8]) -> Result<(), StreamError> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let pass = Pass::wait(&self.connection, self.priority, rest.len())
                .await
                .map_err(|error| StreamError::Connection(error.to_string()))?;
            let next = &rest[..pass.bytes()];
            let written = pass
                .write(self.stream.write(next))
                .await
                .map_err(|error| StreamError::Connection(error.to_string()))?;
            rest = &rest[written..];
        }
        Ok(())
    }

    /// Says that no more frames come.
    pub fn finish(&mut self) {
        // The connection may be gone already.
        let _ = self.stream.finish();
    }
}
