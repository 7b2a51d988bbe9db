//! The state of the store for those who look after the node: counts, disk, quarantine, collisions.

use certs::signature::Digest;
use relay::{envelope_id::EnvelopeKey, step::SentOnce, timestamp::Timestamp};
use sqlx::Row;

use super::{
    CollisionLine, DiskUse, QuarantineLine, SqliteReader, StoreError, Totals,
    rows::{self, int},
};

impl SqliteReader {
    /// Counts what wants attention; nothing that grows with what is stored: every page asks.
    pub async fn totals(&self) -> Result<Totals, StoreError> {
        let statement = sqlx::query(
            "SELECT (SELECT count(*) FROM inbox WHERE acknowledged = 0), (SELECT count(*) FROM quarantine)",
        );
        let found = statement.fetch_all(&self.pool).await.map_err(|error| self.failure(error))?;
        let lines = self.lines(found, |row| {
            Ok(Totals { unacknowledged: rows::count(row, 0)?, quarantined: rows::count(row, 1)? })
        })?;
        Ok(lines.into_iter().next().unwrap_or_default())
    }

    /// What was done under a caller's key.
    pub async fn sent_once(&self, name: Digest) -> Result<Option<SentOnce>, StoreError> {
        let statement = sqlx::query("SELECT request, at_ms, answer FROM sent_once WHERE name = ?");
        let found = statement.bind(name.as_bytes().to_vec()).fetch_all(&self.pool).await;
        let lines = self.lines(found.map_err(|error| self.failure(error))?, |row| {
            let request: &[u8] = row.try_get(0)?;
            let request = request.try_into().map_err(|_| rows::damage("a digest is not 32 bytes"))?;
            let request = Digest::from_bytes(request);
            Ok(SentOnce { name, request, at: rows::time(row, 1)?, answer: row.try_get(2)? })
        })?;
        Ok(lines.into_iter().next())
    }

    /// When the oldest unacknowledged line of the inbox was delivered.
    pub async fn oldest_unacknowledged(&self) -> Result<Option<Timestamp>, StoreError> {
        let statement =
            sqlx::query("SELECT delivered_at_ms FROM inbox WHERE acknowledged = 0 ORDER BY row LIMIT 1");
        let found = statement.fetch_all(&self.pool).await.map_err(|error| self.failure(error))?;
        Ok(self.lines(found, |row| rows::time(row, 0))?.into_iter().next())
    }

    /// What the database takes on the disk.
    pub async fn disk_use(&self) -> Result<DiskUse, StoreError> {
        let statement = sqlx::query(
            "SELECT page_count * page_size, freelist_count * page_size \
             FROM pragma_page_count(), pragma_freelist_count(), pragma_page_size()",
        );
        let found = statement.fetch_all(&self.pool).await.map_err(|error| self.failure(error))?;
        let pages = self.lines(found, |row| Ok((rows::count(row, 0)?, rows::count(row, 1)?)))?;
        let (database_bytes, reusable_bytes) = pages.into_iter().next().unwrap_or_default();
        let mut log = self.path.clone().into_os_string();
        log.push("-wal");
        let log_bytes = std::fs::metadata(log).map_or(0, |metadata| metadata.len());
        Ok(DiskUse { database_bytes, reusable_bytes, log_bytes })
    }

    /// What was found damaged, newest first.
    pub async fn quarantine(&self, count: usize) -> Result<Vec<QuarantineLine>, StoreError> {
        let statement =
            sqlx::query("SELECT what, key, reason, at_ms FROM quarantine ORDER BY row DESC LIMIT ?");
        let found = statement.bind(int(count as u64)).fetch_all(&self.pool).await;
        self.lines(found.map_err(|error| self.failure(error))?, |row| {
            let key: &[u8] = row.try_get(1)?;
            Ok(QuarantineLine {
                what: row.try_get(0)?,
                key: EnvelopeKey::from_bytes(key).filter(|_| key.iter().any(|byte| *byte != 0)),
                reason: row.try_get(2)?,
                at: rows::time(row, 3)?,
            })
        })
    }

    /// Other envelopes that came under this id.
    pub async fn collisions(&self, key: EnvelopeKey) -> Result<Vec<CollisionLine>, StoreError> {
        let statement = sqlx::query("SELECT digest, header FROM collision WHERE key = ? ORDER BY rowid");
        let found = statement.bind(&key.to_bytes()[..]).fetch_all(&self.pool).await;
        self.lines(found.map_err(|error| self.failure(error))?, |row| {
            let digest: &[u8] = row.try_get(0)?;
            let digest = digest.try_into().map_err(|_| rows::damage("a digest is not 32 bytes"))?;
            let header: &[u8] = row.try_get(1)?;
            Ok(CollisionLine { digest: Digest::from_bytes(digest), header: header.into() })
        })
    }
}
