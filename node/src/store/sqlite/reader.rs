//! The people's side of the database: two connections that only read and never wait for the writer.
//!
//! Every answer is one consistent state and bounded in length. What does not check is an error or left out with an alarm;
//! the writer puts it into quarantine when it meets it.

mod calls;
mod lines;
mod lists;
mod log;
mod snapshot;
mod state;
mod steps;
mod timed;
mod told;

use std::path::{Path, PathBuf};

use relay::envelope_id::{EnvelopeId, EnvelopeKey};
use sqlx::{SqliteConnection, SqlitePool, sqlite::SqlitePoolOptions};

pub use self::calls::{CallFilter, CallLine};
pub use self::lines::{
    CollisionLine, DiskUse, InboxFilter, InboxLine, KeptEnvelope, QuarantineLine, QueueLine, QueueTotal,
    ReceiptLine, SentLine, Totals,
};
pub use self::log::{BreakLine, LogSummary};
pub use self::snapshot::{NumberedLeaf, Snapshot};
pub use self::timed::{DatedReceipt, NewReceipt};
use super::{
    super::StoreError,
    failure,
    open::{WRITER_SETTINGS, check_settings, quick_check, settings},
    reads::{receipt_row, sound_receipt},
    rows::{self, RawEnvelope},
};

/// Reads the database beside its writer. Cheap to clone.
#[derive(Debug, Clone)]
pub struct SqliteReader {
    pool: SqlitePool,
    path: PathBuf,
}

/// One for a person who waits, one for the console.
const CONNECTIONS: u32 = 2;
/// Pages kept by each: a list's. Who counts a long queue reads it once and would keep all that the writer's cache takes.
const CACHE_KIB: u32 = 512;
/// Envelopes that one prefix may name; a person narrows it down.
const FOUND_MAX: i64 = 16;

impl SqliteReader {
    /// Opens a database that a [`super::SqliteStore`] has opened before.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        let pool = SqlitePoolOptions::new()
            .max_connections(CONNECTIONS)
            .idle_timeout(None)
            .max_lifetime(None)
            .after_connect(|connection, _| {
                Box::pin(async {
                    let checked = check_settings(connection, &WRITER_SETTINGS).await?;
                    checked.map_err(|error| sqlx::Error::Configuration(error.into()))
                })
            })
            .connect_with(settings(path).read_only(true).pragma("cache_size", format!("-{CACHE_KIB}")));
        let pool = pool.await.map_err(|error| failure::of(path, error))?;
        Ok(Self { pool, path: path.to_owned() })
    }

    /// Ends the connections. The writer should be closed after this, so that it can put the log away.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    /// An envelope with everything that this node keeps of it.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when it is not what was stored.
    pub async fn envelope(&self, key: EnvelopeKey) -> Result<Option<KeptEnvelope>, StoreError> {
        self.read_envelope(key).await.map_err(|error| self.failure(error))
    }

    /// The envelopes with this id, of whatever origin.
    pub async fn find_by_id(&self, id: EnvelopeId) -> Result<Vec<EnvelopeKey>, StoreError> {
        self.find_between(id.as_bytes(), id.as_bytes()).await.map_err(|error| self.failure(error))
    }

    /// The envelopes whose id begins like this: hexadecimal, with or without hyphens. Nothing for any other text, and at
    /// most 16.
    pub async fn find_by_prefix(&self, text: &str) -> Result<Vec<EnvelopeKey>, StoreError> {
        let Some((first, last)) = id_range(text) else { return Ok(Vec::new()) };
        self.find_between(&first, &last).await.map_err(|error| self.failure(error))
    }

    /// All receipts about an envelope, oldest first.
    pub async fn receipts(&self, key: EnvelopeKey) -> Result<Vec<ReceiptLine>, StoreError> {
        self.read_receipts(key).await.map_err(|error| self.failure(error))
    }

    /// Reads the whole file and gives what is wrong with it; nothing when it is sound. May take minutes.
    pub async fn check(&self) -> Result<Vec<String>, StoreError> {
        let mut connection = self.pool.acquire().await.map_err(|error| self.failure(error))?;
        quick_check(&mut connection).await.map_err(|error| self.failure(error))
    }

    async fn read_envelope(&self, key: EnvelopeKey) -> Result<Option<KeptEnvelope>, sqlx::Error> {
        let mut connection = self.pool.acquire().await?;
        envelope_of(&mut connection, key).await
    }

    async fn find_between(
        &self,
        first: &[u8; EnvelopeId::LEN],
        last: &[u8; EnvelopeId::LEN],
    ) -> Result<Vec<EnvelopeKey>, sqlx::Error> {
        let statement = sqlx::query(
            "SELECT key FROM record WHERE substr(key, 17) BETWEEN ? AND ? ORDER BY substr(key, 17), key LIMIT ?",
        );
        let statement = statement.bind(&first[..]).bind(&last[..]).bind(FOUND_MAX);
        let found = statement.fetch_all(&self.pool).await?;
        found.iter().map(|row| rows::key(row, 0)).collect()
    }

    async fn read_receipts(&self, key: EnvelopeKey) -> Result<Vec<ReceiptLine>, sqlx::Error> {
        let statement = sqlx::query(
            "SELECT event, recipient, issuer, own, epoch, seq, at_ms, key, check_sum, bytes FROM receipt \
             WHERE key = ? ORDER BY row",
        );
        let found = statement.bind(&key.to_bytes()[..]).fetch_all(&self.pool).await?;
        let mut lines = Vec::with_capacity(found.len());
        for row in &found {
            let Ok(bytes) = sound_receipt(row, 7)? else {
                tracing::error!(id = %key.id, "a stored receipt is damaged and is not shown");
                continue;
            };
            lines.push(ReceiptLine {
                receipt: receipt_row(row, 0, bytes)?,
                epoch: rows::count(row, 4)?,
                seq: rows::count(row, 5)?,
                at: rows::time(row, 6)?,
            });
        }
        Ok(lines)
    }

    fn failure(&self, error: sqlx::Error) -> StoreError {
        failure::of(&self.path, error)
    }
}

/// An envelope, checked.
async fn envelope_of(
    connection: &mut SqliteConnection,
    key: EnvelopeKey,
) -> Result<Option<KeptEnvelope>, sqlx::Error> {
    let statement = sqlx::query(
        "SELECT r.key, r.check_sum, r.state, e.header, e.keys, e.content_key, e.summary, e.body \
         FROM record r JOIN envelope e ON e.key = r.key WHERE r.key = ?",
    );
    let row = statement.bind(key.to_bytes().to_vec()).fetch_optional(connection).await?;
    let Some(row) = row else { return Ok(None) };
    let (record, raw) = (rows::record(&row, 0)?, RawEnvelope::read(&row, 3)?);
    let bytes =
        raw.verify(&record).map_err(|reason| rows::damage(format!("envelope {}: {reason}", key.id)))?;
    Ok(Some(KeptEnvelope {
        record,
        bytes,
        is_pruned: raw.body.is_none(),
        content_key: raw.content_key,
        summary: raw.summary,
    }))
}

/// The first and the last id that begin with these digits.
fn id_range(text: &str) -> Option<([u8; EnvelopeId::LEN], [u8; EnvelopeId::LEN])> {
    let digits: String = text.chars().filter(|c| *c != '-').collect();
    let well_formed = (1..=2 * EnvelopeId::LEN).contains(&digits.len());
    if !well_formed {
        return None;
    }
    let filled = |with: char| {
        let digits = digits.chars().chain(std::iter::repeat(with)).take(2 * EnvelopeId::LEN);
        let text: String = digits.collect::<String>().to_ascii_lowercase();
        data_encoding::HEXLOWER.decode(text.as_bytes()).ok()?.try_into().ok()
    };
    Some((filled('0')?, filled('f')?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_stands_for_all_ids_that_begin_with_it() {
        let (first, last) = id_range("019A0c2e-7").unwrap();
        assert_eq!(first[..6], [0x01, 0x9a, 0x0c, 0x2e, 0x70, 0]);
        assert_eq!(last[..6], [0x01, 0x9a, 0x0c, 0x2e, 0x7f, 0xff]);
    }

    #[test]
    fn what_is_no_hexadecimal_finds_nothing() {
        assert_eq!(id_range(""), None);
        assert_eq!(id_range("xyz"), None);
        assert_eq!(id_range(&"0".repeat(33)), None);
    }
}
