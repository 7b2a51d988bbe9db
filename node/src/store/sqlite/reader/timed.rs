//! What dates an event: the head over its leaf that the root hub has dated, and the ticks that are here.

use std::sync::Arc;

use relay::{envelope_id::EnvelopeKey, step::LeafKind, tick::TickRef, timestamp::Timestamp};
use sqlx::Row;

use super::{
    SqliteReader, StoreError,
    rows::{self, int},
    sound_receipt,
};

/// A receipt and when it was there at the latest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatedReceipt {
    /// The signed bytes.
    pub bytes: Arc<[u8]>,
    /// When the root hub dated the first head over its leaf.
    pub dated_at: Option<Timestamp>,
}

/// A receipt that has come, and what is known here of the message that it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewReceipt {
    /// Its place among all receipts.
    pub row: i64,
    /// The message.
    pub key: EnvelopeKey,
    /// When its issuer signed it.
    pub at: Timestamp,
    /// What lists show of the message, under the storage key, where it was written or delivered here.
    pub summary: Option<Vec<u8>>,
}

impl SqliteReader {
    /// The receipts about an envelope with the date of each; one that was changed on the disk is left out, with an alarm.
    pub async fn dated_receipts(&self, key: EnvelopeKey) -> Result<Vec<DatedReceipt>, StoreError> {
        let statement = sqlx::query(
            "SELECT r.key, r.check_sum, r.bytes, \
             (SELECT c.dated_at_ms FROM checkpoint c WHERE c.dated_at_ms IS NOT NULL AND c.size > r.leaf \
              ORDER BY c.size LIMIT 1) FROM receipt r WHERE r.key = ? ORDER BY r.leaf",
        );
        let found = statement.bind(key.to_bytes().to_vec()).fetch_all(&self.pool).await;
        let read = self.lines(found.map_err(|error| self.failure(error))?, |row| {
            let bytes = sound_receipt(row, 0)?.ok();
            let dated_at = row.try_get::<Option<i64>, _>(3)?.map(Timestamp::from_ms);
            Ok(bytes.map(|bytes| DatedReceipt { bytes, dated_at }))
        })?;
        if read.iter().any(Option::is_none) {
            tracing::error!(id = %key.id, "a stored receipt is damaged and dates nothing");
        }
        Ok(read.into_iter().flatten().collect())
    }

    /// Whether this tick is here: what cites one that nobody has seen is not dated by it.
    pub async fn has_tick(&self, name: TickRef) -> Result<bool, StoreError> {
        let statement = sqlx::query("SELECT 1 FROM tick WHERE at_ms = ? AND digest = ?");
        let statement = statement.bind(name.at.as_ms()).bind(name.digest.as_bytes().to_vec());
        let found = statement.fetch_optional(&self.pool).await.map_err(|error| self.failure(error))?;
        Ok(found.is_some())
    }

    /// The number of the newest record of an outage; 0 when there is none.
    pub async fn newest_outage(&self) -> Result<i64, StoreError> {
        let statement = sqlx::query_scalar("SELECT ifnull(max(leaf), 0) FROM log_object WHERE kind = ?");
        let statement = statement.bind(i64::from(LeafKind::Line.number()));
        statement.fetch_one(&self.pool).await.map_err(|error| self.failure(error))
    }

    /// What receipts after this row are about, in the order in which they came.
    pub async fn receipts_after(&self, row: i64, count: usize) -> Result<Vec<NewReceipt>, StoreError> {
        let statement = sqlx::query(
            "SELECT t.row, t.key, coalesce(i.summary, e.summary), t.at_ms FROM receipt t LEFT JOIN inbox i ON i.key = t.key \
             LEFT JOIN record r ON r.key = t.key AND r.source IS NULL LEFT JOIN envelope e ON e.key = r.key \
             WHERE t.row > ? ORDER BY t.row LIMIT ?",
        );
        let found = statement.bind(row).bind(int(count as u64)).fetch_all(&self.pool).await;
        self.lines(found.map_err(|error| self.failure(error))?, |row| {
            let key = rows::key(row, 1)?;
            let at = Timestamp::from_ms(row.try_get(3)?);
            Ok(NewReceipt { row: row.try_get(0)?, key, at, summary: row.try_get(2)? })
        })
    }

    /// The newest records of outages.
    pub async fn outages(&self, count: usize) -> Result<Vec<Arc<[u8]>>, StoreError> {
        let statement = sqlx::query("SELECT bytes FROM log_object WHERE kind = ? ORDER BY leaf DESC LIMIT ?");
        let statement = statement.bind(i64::from(LeafKind::Line.number())).bind(int(count as u64));
        let found = statement.fetch_all(&self.pool).await.map_err(|error| self.failure(error))?;
        self.lines(found, |row| Ok(row.try_get::<&[u8], _>(0)?.into()))
    }
}
