//! What comes in from a neighbour: verified and opened here, in the link's own task, before the engine sees it.
//! *Against:* forged or changed bytes, floods of large bodies, parts that never end.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use certs::signature::SignatureError;
use quinn::RecvStream;
use relay::{
    envelope::{EnvelopeBytes, EnvelopeError, VerifiedEnvelope},
    frame::{EnvelopeFrame, Frame, NotTaken},
    limits::{BODY_BYTES_MAX, PART_BYTES_MAX},
    receipt::VerifiedReceipt,
    step::{Arrival, Input},
};
use serde_bytes::ByteBuf;
use tokio::sync::{Semaphore, oneshot};
use topology::{Precedence, RoomId};

use super::{
    registry::Registry,
    stream::{FrameReader, StreamError},
};
use crate::{driver::Job, letterbox::Letterbox, trust::TrustBook};

/// Everything that a session needs to judge what comes in.
#[derive(Clone)]
pub struct Intake {
    /// Where verified things go.
    pub registry: Registry,
    /// Whose keys are whose.
    pub trust: TrustBook,
    /// Opens what is for this room.
    pub letterbox: Letterbox,
    /// Memory for large bodies under way, in KiB, over all links.
    pub large_bodies: Arc<Semaphore>,
}

/// Memory for bodies larger than one part, in KiB: seven of the largest.
pub const LARGE_BODIES_KIB: usize = 64 * 1024;
/// A body is given up with its link when its next part does not come within this, and nothing comes on the other
/// streams either: on a thin line the less urgent waits as long as the more urgent takes.
const PART_PATIENCE: Duration = Duration::from_secs(60);

impl Intake {
    /// Reads one precedence stream until it ends. `heard` counts what comes on all of them.
    ///
    /// # Errors
    /// [`StreamError`] closes the link.
    pub async fn read_lane(
        &self,
        from: RoomId,
        mut stream: RecvStream,
        heard: Arc<AtomicU64>,
    ) -> Result<(), StreamError> {
        let mut class = [0];
        stream.read_exact(&mut class).await.map_err(|error| StreamError::Connection(error.to_string()))?;
        let precedence =
            Precedence::from_index(usize::from(class[0])).ok_or(StreamError::OutOfPlace("stream class"))?;
        let mut reader = FrameReader::new(stream);
        while let Some(frame) = reader.next().await? {
            heard.fetch_add(1, Ordering::Relaxed);
            let Frame::Envelope(envelope) = frame else {
                return Err(StreamError::OutOfPlace("only envelopes travel on a precedence stream"));
            };
            self.read_envelope(from, precedence, envelope, &mut reader, &heard).await?;
        }
        Ok(())
    }

    async fn read_envelope(
        &self,
        from: RoomId,
        precedence: Precedence,
        frame: EnvelopeFrame,
        reader: &mut FrameReader,
        heard: &AtomicU64,
    ) -> Result<(), StreamError> {
        let len = usize::try_from(frame.body_len).unwrap_or(usize::MAX);
        if len > BODY_BYTES_MAX {
            return Err(StreamError::OutOfPlace("a body larger than allowed"));
        }
        if len <= PART_BYTES_MAX {
            if frame.body.len() != len {
                return Err(StreamError::OutOfPlace("a small body stands in its own frame"));
            }
            let body = frame.body.into_vec();
            return self.take(from, precedence, frame.header, frame.keys, body, None).await;
        }
        let kib = u32::try_from(len.div_ceil(1024)).unwrap_or(u32::MAX);
        let space = self.large_bodies.acquire_many(kib).await;
        let body = read_parts(frame.body, len, reader, heard).await?;
        let (done, handled) = oneshot::channel();
        self.take(from, precedence, frame.header, frame.keys, body, Some(done)).await?;
        // The sender is dropped when the engine is done with the body: then its memory is free.
        let _ = handled.await;
        drop(space);
        Ok(())
    }

    async fn take(
        &self,
        from: RoomId,
        precedence: Precedence,
        header: ByteBuf,
        keys: Vec<relay::envelope::RecipientKey>,
        body: Vec<u8>,
        done: Option<oneshot::Sender<relay::step::Reply>>,
    ) -> Result<(), StreamError> {
        let bytes = EnvelopeBytes { header: header.into_vec().into(), keys, body: body.into() };
        let trust = self.trust.current();
        let (header, size_bytes) = (bytes.header.clone(), bytes.size_bytes());
        match VerifiedEnvelope::verify(bytes, trust.map.network(), &*trust.keys) {
            Ok(envelope) if envelope.route().precedence != precedence => {
                Err(StreamError::OutOfPlace("an envelope on the stream of another precedence"))
            }
            Ok(envelope) => {
                let opened = self.letterbox.open(&envelope, &*trust.keys);
                let arrival = Box::new(Arrival { from, envelope, opened });
                self.registry.job(Job { input: Input::Arrived(arrival), reply: done }).await;
                Ok(())
            }
            Err(error) => {
                self.registry.tell(Input::Unverified { from, precedence, size_bytes }).await;
                self.not_verified(from, &header, &error)
            }
        }
    }

    /// Bytes that do not verify decide nothing: the neighbour hears of it and the envelope's fate is open.
    fn not_verified(&self, from: RoomId, header: &[u8], error: &EnvelopeError) -> Result<(), StreamError> {
        tracing::warn!(room = %from, %error, "an envelope does not verify");
        let Some(key) = relay::envelope::peek_key(header) else {
            return Err(StreamError::OutOfPlace("an envelope whose header does not decode"));
        };
        let temporary = matches!(error, EnvelopeError::Signature(SignatureError::UnknownKey(_)));
        let (code, retry_after_ms) =
            if temporary { ("unknown_key", 2_000) } else { ("does_not_verify", 600_000) };
        let frame = Frame::NotTaken(NotTaken {
            origin: key.origin,
            id: key.id,
            code: code.to_owned(),
            retry_after_ms,
        });
        self.registry.control(from, frame);
        Ok(())
    }

    /// Verifies receipts and hands them to the engine. Those that do not verify are left out: the resend heals it.
    pub async fn receipts(&self, from: RoomId, upto: Option<u64>, signed: Vec<ByteBuf>) {
        let trust = self.trust.current();
        let mut receipts = Vec::with_capacity(signed.len());
        for bytes in &signed {
            match VerifiedReceipt::verify(bytes, &*trust.keys) {
                Ok(receipt) => receipts.push(receipt),
                Err(error) => tracing::warn!(room = %from, %error, "a receipt does not verify"),
            }
        }
        self.registry.tell(Input::Receipts { from, upto, receipts }).await;
    }
}

async fn read_parts(
    first: ByteBuf,
    len: usize,
    reader: &mut FrameReader,
    heard: &AtomicU64,
) -> Result<Vec<u8>, StreamError> {
    let mut body = first.into_vec();
    if !body.is_empty() {
        return Err(StreamError::OutOfPlace("a large body comes in parts only"));
    }
    body.reserve_exact(len);
    while body.len() < len {
        let Some(Frame::Part { bytes }) = next_part(reader, heard).await? else {
            return Err(StreamError::OutOfPlace("something else between the parts of a body"));
        };
        if bytes.is_empty() || body.len() + bytes.len() > len {
            return Err(StreamError::OutOfPlace("parts beyond the promised length"));
        }
        body.extend_from_slice(&bytes);
    }
    Ok(body)
}

async fn next_part(reader: &mut FrameReader, heard: &AtomicU64) -> Result<Option<Frame>, StreamError> {
    let next = reader.next();
    tokio::pin!(next);
    loop {
        let before = heard.load(Ordering::Relaxed);
        if let Ok(frame) = tokio::time::timeout(PART_PATIENCE, &mut next).await {
            heard.fetch_add(1, Ordering::Relaxed);
            return frame;
        }
        if heard.load(Ordering::Relaxed) == before {
            return Err(StreamError::OutOfPlace("the parts of a body stopped coming"));
        }
    }
}
