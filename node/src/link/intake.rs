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
    limits::{BODY_BYTES_MAX, KEY_BYTES, PART_BYTES_MAX},
    receipt::VerifiedReceipt,
    refusal::Refusal,
    step::{Arrival, Input},
};
use serde_bytes::ByteBuf;
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use topology::{Precedence, RoomId};

use super::{
    large::{LargeBodies, STANDS_STILL},
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
    /// Memory for large bodies under way, over all links.
    pub large_bodies: LargeBodies,
}

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
        if !frame.body.is_empty() {
            return Err(StreamError::OutOfPlace("a large body comes in parts only"));
        }
        let Some(space) = self.large_bodies.take(len).await else { return Ok(()) };
        let Some((body, space)) = read_parts(from, len, reader, heard, &self.large_bodies, space).await?
        else {
            return self.give_up(from, precedence, &frame.header, frame.keys.len(), len).await;
        };
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

    /// A body stood still while others waited for its memory: nothing of it was kept, and it may come again.
    async fn give_up(
        &self,
        from: RoomId,
        precedence: Precedence,
        header: &[u8],
        keys: usize,
        len: usize,
    ) -> Result<(), StreamError> {
        let size_bytes = (header.len() + keys * KEY_BYTES + len) as u64;
        self.registry.tell(Input::Unverified { from, precedence, size_bytes }).await;
        let Some(key) = relay::envelope::peek_key(header) else {
            return Err(StreamError::OutOfPlace("an envelope whose header does not decode"));
        };
        let refusal = Refusal::QuotaFull;
        let retry_after_ms =
            refusal.retry_after().map_or(0, |wait| u64::try_from(wait.as_millis()).unwrap_or(0));
        let frame = NotTaken { origin: key.origin, id: key.id, code: refusal.code(), retry_after_ms };
        self.registry.control(from, Frame::NotTaken(frame));
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

/// The body with its memory; nothing when it stood still while others waited, and the rest was read and dropped.
async fn read_parts(
    from: RoomId,
    len: usize,
    reader: &mut FrameReader,
    heard: &AtomicU64,
    memory: &LargeBodies,
    space: OwnedSemaphorePermit,
) -> Result<Option<(Vec<u8>, OwnedSemaphorePermit)>, StreamError> {
    let mut kept = Some((Vec::with_capacity(len), space));
    let mut come = 0_usize;
    while come < len {
        let stood_still = || {
            if memory.are_wanted() && kept.take().is_some() {
                tracing::warn!(room = %from, "a body stood still while others waited for its memory: it is given up");
            }
        };
        let Some(Frame::Part { bytes }) = next_part(reader, heard, stood_still).await? else {
            return Err(StreamError::OutOfPlace("something else between the parts of a body"));
        };
        come = come.saturating_add(bytes.len());
        if bytes.is_empty() || come > len {
            return Err(StreamError::OutOfPlace("parts beyond the promised length"));
        }
        if let Some((body, _)) = &mut kept {
            body.extend_from_slice(&bytes);
        }
    }
    Ok(kept)
}

async fn next_part(
    reader: &mut FrameReader,
    heard: &AtomicU64,
    mut stood_still: impl FnMut(),
) -> Result<Option<Frame>, StreamError> {
    let next = reader.next();
    tokio::pin!(next);
    let (mut before, mut silent) = (heard.load(Ordering::Relaxed), Duration::ZERO);
    loop {
        if let Ok(frame) = tokio::time::timeout(STANDS_STILL, &mut next).await {
            heard.fetch_add(1, Ordering::Relaxed);
            return frame;
        }
        stood_still();
        silent += STANDS_STILL;
        if silent >= PART_PATIENCE {
            let now = heard.load(Ordering::Relaxed);
            if now == before {
                return Err(StreamError::OutOfPlace("the parts of a body stopped coming"));
            }
            (before, silent) = (now, Duration::ZERO);
        }
    }
}
