//! What a line hears: receipts, refusals, envelopes, each waited for with a limit.

use relay::{
    envelope::EnvelopeBytes,
    envelope_id::EnvelopeId,
    frame::{Frame, NotTaken},
    receipt::{Event, Receipt, VerifiedReceipt},
};
use serde_bytes::ByteBuf;

use super::{
    keys::Keys,
    line::{Ended, Heard, Line},
};
use crate::cluster::LONG;

impl Line {
    /// The next thing that the node says.
    ///
    /// # Errors
    /// How it ended the connection instead.
    ///
    /// # Panics
    /// When it neither speaks nor ends.
    pub async fn hear(&mut self) -> Result<Heard, Ended> {
        let next = tokio::time::timeout(LONG, self.heard.recv()).await;
        match next.expect("the node speaks or ends the connection") {
            Some(heard) => Ok(heard),
            None => Err(self.closed().await),
        }
    }

    /// Hears until something is what is wanted, and gives it.
    ///
    /// # Errors
    /// How the node ended the connection instead.
    pub async fn hear_until<T>(&mut self, mut wanted: impl FnMut(Heard) -> Option<T>) -> Result<T, Ended> {
        loop {
            let heard = self.hear().await?;
            if let Some(found) = wanted(heard) {
                return Ok(found);
            }
        }
    }

    /// Hears until a receipt of this event about this envelope comes; confirms what it hears.
    ///
    /// # Errors
    /// How the node ended the connection instead.
    pub async fn hear_receipt(
        &mut self,
        keys: &Keys,
        id: EnvelopeId,
        event: Event,
    ) -> Result<Receipt, Ended> {
        loop {
            let (upto, signed) = self.hear_receipts().await?;
            if let Some(upto) = upto {
                self.say(&Frame::ReceiptsStored { upto }).await?;
            }
            let receipts =
                signed.iter().filter_map(|bytes| VerifiedReceipt::verify(bytes, &*keys.trust.keys).ok());
            let found = receipts.map(|receipt| receipt.receipt().clone());
            if let Some(found) =
                found.into_iter().find(|receipt| receipt.envelope_id == id && receipt.event == event)
            {
                return Ok(found);
            }
        }
    }

    /// The next receipts as they were signed: the last number, if they are numbered, and the bytes.
    ///
    /// # Errors
    /// How the node ended the connection instead.
    pub async fn hear_receipts(&mut self) -> Result<(Option<u64>, Vec<ByteBuf>), Ended> {
        self.hear_until(|heard| match heard {
            Heard::Control(Frame::Receipts(frame)) => {
                let last = frame.first + frame.receipts.len() as u64 - 1;
                Some((Some(last), frame.receipts))
            }
            Heard::Control(Frame::Answers { receipts }) => Some((None, receipts)),
            Heard::Control(_) | Heard::Lane(..) => None,
        })
        .await
    }

    /// Hears until the node says that it has not taken this envelope.
    ///
    /// # Errors
    /// How it ended the connection instead.
    pub async fn hear_not_taken(&mut self, id: EnvelopeId) -> Result<NotTaken, Ended> {
        self.hear_until(|heard| match heard {
            Heard::Control(Frame::NotTaken(refused)) if refused.id == id => Some(refused),
            Heard::Control(_) | Heard::Lane(..) => None,
        })
        .await
    }

    /// Hears until a whole envelope has come.
    ///
    /// # Errors
    /// How the node ended the connection instead.
    pub async fn hear_envelope(&mut self) -> Result<(u8, EnvelopeBytes), Ended> {
        let (class, frame) = self
            .hear_until(|heard| match heard {
                Heard::Lane(class, Frame::Envelope(frame)) => Some((class, frame)),
                Heard::Control(_) | Heard::Lane(..) => None,
            })
            .await?;
        let mut body = frame.body.into_vec();
        while (body.len() as u64) < frame.body_len {
            let part = self.hear_until(|heard| match heard {
                Heard::Lane(from, Frame::Part { bytes }) if from == class => Some(bytes),
                Heard::Control(_) | Heard::Lane(..) => None,
            });
            body.extend_from_slice(&part.await?);
        }
        let header = frame.header.into_vec().into();
        Ok((class, EnvelopeBytes { header, keys: frame.keys, body: body.into() }))
    }
}
