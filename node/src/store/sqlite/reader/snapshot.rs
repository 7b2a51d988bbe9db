//! One state of the database for everything that an evidence file is made of. What is damaged is an error here and
//! never left out.

use std::sync::Arc;

use certs::signature::Digest;
use relay::{
    envelope_id::EnvelopeKey,
    log::Range,
    message::CaseId,
    step::{DatedCheckpoint, LeafKind},
    tick::TickRef,
    timestamp::Timestamp,
};
use sqlx::{Row, Sqlite, Transaction, sqlite::SqliteRow};

use super::{
    super::{
        failure,
        log::{dated_checkpoint, log_roots},
        reads::sound_receipt,
        rows::{self, int},
    },
    KeptEnvelope, SqliteReader, StoreError, envelope_of,
};

/// A state of the database that does not change while it is held.
pub struct Snapshot {
    transaction: Transaction<'static, Sqlite>,
    reader: SqliteReader,
}

/// A leaf of the log: its number and the signed bytes.
pub type NumberedLeaf = (u64, Arc<[u8]>);

impl SqliteReader {
    /// The state of this moment.
    pub async fn snapshot(&self) -> Result<Snapshot, StoreError> {
        let transaction = self.pool.begin().await.map_err(|error| self.failure(error))?;
        Ok(Snapshot { transaction, reader: self.clone() })
    }
}

impl Snapshot {
    /// An envelope with everything that this node keeps of it.
    pub async fn envelope(&mut self, key: EnvelopeKey) -> Result<Option<KeptEnvelope>, StoreError> {
        let found = envelope_of(&mut self.transaction, key).await;
        found.map_err(|error| failure::of(&self.reader.path, error))
    }

    /// The envelopes that this room may read and whose key is above `after`, by key, at most `count`.
    pub async fn readable(
        &mut self,
        after: Option<EnvelopeKey>,
        count: usize,
    ) -> Result<Vec<EnvelopeKey>, StoreError> {
        let after = after.map(|key| key.to_bytes().to_vec()).unwrap_or_default();
        let statement = sqlx::query(
            "SELECT key FROM envelope WHERE content_key IS NOT NULL AND key > ? ORDER BY key LIMIT ?",
        );
        let statement = statement.bind(after).bind(int(count as u64));
        self.all(statement, |row| rows::key(row, 0)).await
    }

    /// All receipts about an envelope with the numbers of their leaves, by number.
    pub async fn receipts(&mut self, key: EnvelopeKey) -> Result<Vec<NumberedLeaf>, StoreError> {
        let statement =
            sqlx::query("SELECT leaf, key, check_sum, bytes FROM receipt WHERE key = ? ORDER BY leaf");
        self.all(statement.bind(key.to_bytes().to_vec()), |row| {
            let bytes =
                sound_receipt(row, 1)?.map_err(|_| rows::damage("a receipt was changed on the disk"))?;
            Ok((rows::count(row, 0)?, bytes))
        })
        .await
    }

    /// Records of outages, by number.
    pub async fn lines(&mut self) -> Result<Vec<NumberedLeaf>, StoreError> {
        let statement = sqlx::query("SELECT leaf, bytes FROM log_object WHERE kind = ? ORDER BY leaf");
        let statement = statement.bind(i64::from(LeafKind::Line.number()));
        self.all(statement, |row| Ok((rows::count(row, 0)?, row.try_get::<&[u8], _>(1)?.into()))).await
    }

    /// The bytes of leaves `first` to `end`, as far as they are kept, by number.
    pub async fn leaves(&mut self, first: u64, end: u64) -> Result<Vec<NumberedLeaf>, StoreError> {
        let statement = sqlx::query(
            "SELECT leaf, bytes FROM receipt WHERE leaf >= ?1 AND leaf < ?2 \
             UNION ALL SELECT seq, bytes FROM epoch WHERE seq >= ?1 AND seq < ?2 \
             UNION ALL SELECT leaf, bytes FROM log_object WHERE leaf >= ?1 AND leaf < ?2 ORDER BY 1",
        );
        let statement = statement.bind(int(first)).bind(int(end));
        self.all(statement, |row| Ok((rows::count(row, 0)?, row.try_get::<&[u8], _>(1)?.into()))).await
    }

    /// The newest head that was dated at this time or before.
    pub async fn dated_before(&mut self, at: Timestamp) -> Result<Option<DatedCheckpoint>, StoreError> {
        let statement = sqlx::query(
            "SELECT size, dated_at_ms, bytes, anchor FROM checkpoint \
             WHERE dated_at_ms <= ? ORDER BY size DESC LIMIT 1",
        );
        Ok(self.all(statement.bind(at.as_ms()), dated_checkpoint).await?.pop())
    }

    /// The first heads that were dated at this time or after, by size, at most `count`.
    pub async fn dated_after(
        &mut self,
        at: Timestamp,
        count: usize,
    ) -> Result<Vec<DatedCheckpoint>, StoreError> {
        let statement = sqlx::query(
            "SELECT size, dated_at_ms, bytes, anchor FROM checkpoint \
             WHERE dated_at_ms >= ? ORDER BY size LIMIT ?",
        );
        self.all(statement.bind(at.as_ms()).bind(int(count as u64)), dated_checkpoint).await
    }

    /// The notes of calls about a message.
    pub async fn calls_about(&mut self, key: EnvelopeKey) -> Result<Vec<EnvelopeKey>, StoreError> {
        let statement = sqlx::query("SELECT key FROM call WHERE about = ? ORDER BY key");
        self.all(statement.bind(key.to_bytes().to_vec()), |row| rows::key(row, 0)).await
    }

    /// The notes of calls of a case.
    pub async fn calls_of(&mut self, case: CaseId) -> Result<Vec<EnvelopeKey>, StoreError> {
        let statement = sqlx::query("SELECT key FROM call WHERE case_id = ? ORDER BY key");
        self.all(statement.bind(case.as_bytes().to_vec()), |row| rows::key(row, 0)).await
    }

    /// The smallest dated head that covers this leaf; the newest one without a leaf.
    pub async fn dated(&mut self, leaf: Option<u64>) -> Result<Option<DatedCheckpoint>, StoreError> {
        let statement = match leaf {
            Some(leaf) => sqlx::query(
                "SELECT size, dated_at_ms, bytes, anchor FROM checkpoint \
                 WHERE dated_at_ms IS NOT NULL AND size > ? ORDER BY size LIMIT 1",
            )
            .bind(int(leaf)),
            None => sqlx::query(
                "SELECT size, dated_at_ms, bytes, anchor FROM checkpoint \
                 WHERE dated_at_ms IS NOT NULL ORDER BY size DESC LIMIT 1",
            ),
        };
        Ok(self.all(statement, dated_checkpoint).await?.pop())
    }

    /// The Merkle roots over ranges of leaves: what proofs consist of.
    pub async fn log_roots(&mut self, ranges: &[Range]) -> Result<Vec<Digest>, StoreError> {
        let found = log_roots(&mut self.transaction, ranges).await;
        found.map_err(|error| failure::of(&self.reader.path, error))
    }

    /// A tick that was cited.
    pub async fn tick(&mut self, name: TickRef) -> Result<Option<Vec<u8>>, StoreError> {
        let statement = sqlx::query("SELECT bytes FROM tick WHERE at_ms = ? AND digest = ?");
        let statement = statement.bind(name.at.as_ms()).bind(name.digest.as_bytes().to_vec());
        Ok(self.all(statement, |row| row.try_get(0)).await?.pop())
    }

    /// The newest tick that was seen.
    pub async fn newest_tick(&mut self) -> Result<Option<Vec<u8>>, StoreError> {
        let statement = sqlx::query("SELECT bytes FROM tick ORDER BY at_ms DESC LIMIT 1");
        Ok(self.all(statement, |row| row.try_get(0)).await?.pop())
    }

    async fn all<T>(
        &mut self,
        statement: sqlx::query::Query<'_, Sqlite, sqlx::sqlite::SqliteArguments>,
        read: impl Fn(&SqliteRow) -> Result<T, sqlx::Error>,
    ) -> Result<Vec<T>, StoreError> {
        let failed = |error| failure::of(&self.reader.path, error);
        let found = statement.fetch_all(&mut *self.transaction).await.map_err(failed)?;
        found.iter().map(read).collect::<Result<_, _>>().map_err(failed)
    }
}
