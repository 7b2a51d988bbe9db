//! What was found damaged: kept aside, never sent, never deleted, and said aloud.

use std::sync::Arc;

use relay::{envelope_id::EnvelopeKey, step::QueuePlace};
use topology::RoomId;

use super::{
    super::{NumberedReceipt, StoreError},
    SqliteStore,
    reads::{Damaged, DamagedEnvelope, sound_receipt},
    rows,
};

const KEEP: &str = "INSERT OR IGNORE INTO quarantine (what, key, reason, bytes) VALUES (?, ?, ?, ?)";

impl SqliteStore {
    /// Moves an envelope out of the way of the queue. Its record stays: when its time runs out, its origin is told.
    pub(super) async fn quarantine_envelope(
        &mut self,
        neighbour: RoomId,
        damaged: DamagedEnvelope,
    ) -> Result<(), StoreError> {
        let DamagedEnvelope { record, raw, reason } = damaged;
        let (id, origin) = (record.key.id, record.key.origin);
        tracing::error!(%id, %origin, reason, "a stored envelope is damaged and was put into quarantine");
        let place = QueuePlace {
            neighbour,
            precedence: record.precedence,
            since: record.received_at,
            key: record.key,
        };
        self.begin().await?;
        let outcome = self.move_envelope(&record.key, reason, raw.to_bytes(), &place).await;
        let outcome = outcome.map_err(|error| self.failure(error));
        self.end(outcome).await
    }

    async fn move_envelope(
        &mut self,
        key: &EnvelopeKey,
        reason: &'static str,
        bytes: Vec<u8>,
        place: &QueuePlace,
    ) -> Result<(), sqlx::Error> {
        let key = key.to_bytes();
        let keep = sqlx::query(KEEP).bind("envelope").bind(&key[..]).bind(reason).bind(bytes);
        keep.persistent(false).execute(&mut self.connection).await?;
        let gone = sqlx::query("DELETE FROM envelope WHERE key = ?").bind(&key[..]);
        gone.execute(&mut self.connection).await?;
        let left = sqlx::query("DELETE FROM queue WHERE place = ?").bind(rows::place_bytes(place));
        left.execute(&mut self.connection).await.map(|_| ())
    }

    /// Keeps a copy of a receipt that is not what it was. The row stays where it is, and is left out of answers.
    pub(super) async fn quarantine_receipt(
        &mut self,
        row: i64,
        key: EnvelopeKey,
        bytes: &[u8],
    ) -> Result<(), StoreError> {
        tracing::error!(id = %key.id, origin = %key.origin, row, "a stored receipt is damaged");
        let keep = sqlx::query(KEEP).bind("receipt").bind(&key.to_bytes()[..]);
        let keep = keep.bind("the bytes are not those that were stored").bind(bytes);
        keep.execute(&mut self.connection).await.map(|_| ()).map_err(|error| self.failure(error))
    }

    /// An outbox with damaged rows. Numbers may not be skipped, so another receipt, which the neighbour knows already or
    /// will get again, takes the place of a damaged one.
    pub(super) async fn outbox_without(
        &mut self,
        sound: Vec<NumberedReceipt>,
        damaged: Damaged,
    ) -> Result<Vec<NumberedReceipt>, StoreError> {
        let stand_in = match sound.first() {
            Some((_, bytes)) => Some(bytes.clone()),
            None => self.any_sound_receipt().await.map_err(|error| self.failure(error))?,
        };
        let mut outbox = sound;
        for (number, bytes) in damaged {
            tracing::error!(number, "a receipt in an outbox is damaged and is not sent");
            let keep = sqlx::query(KEEP).bind("outbox receipt").bind(&[0_u8; 32][..]);
            let keep = keep.bind("the bytes are not those that were stored").bind(bytes);
            keep.execute(&mut self.connection).await.map_err(|error| self.failure(error))?;
            outbox.extend(stand_in.clone().zip(u64::try_from(number).ok()).map(|(b, n)| (n, b)));
        }
        outbox.sort_by_key(|(number, _)| *number);
        Ok(outbox)
    }

    async fn any_sound_receipt(&mut self) -> Result<Option<Arc<[u8]>>, sqlx::Error> {
        let newest = sqlx::query("SELECT key, check_sum, bytes FROM receipt ORDER BY row DESC LIMIT 64");
        for row in &newest.fetch_all(&mut self.connection).await? {
            if let Ok(bytes) = sound_receipt(row, 0)? {
                return Ok(Some(bytes));
            }
        }
        Ok(None)
    }
}
