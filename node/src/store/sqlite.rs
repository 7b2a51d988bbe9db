//! The store on SQLite: one file, one writer, one transaction for each batch.
//!
//! A commit is in the write-ahead log and synced (`synchronous=FULL`) when it returns; one that fails is rolled
//! back whole. What is read is checked against its digest. People read through [`SqliteReader`], which never
//! waits for the writer. The schema stands in `node/migrations`.
//! It leaves to others: what the rows mean, and when to prune.

mod batch;
mod copy;
mod failure;
mod ledger;
mod log;
mod open;
mod prune;
mod quarantine;
mod reader;
mod reads;
mod rows;
mod schema;
mod statement;
mod steps;
mod writes;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use certs::signature::Digest;
use relay::{
    duty::step::StepName,
    envelope_id::EnvelopeKey,
    log::Range,
    record::Record,
    step::{Loaded, StoredEnvelope, Write},
    tick::TickRef,
    timestamp::Timestamp,
};
use sqlx::{Connection, SqliteConnection};
use topology::{Precedence, RoomId};

use self::{
    batch::Batch,
    statement::Texts,
    writes::{is_small, pieces},
};
pub use self::{
    copy::{CopyFacts, SoundCopy, complete_copy, copy_database},
    ledger::{CheckpointRow, EnvelopeRow, HeadRow, Leaf, Ledger, LedgerPage, ReceiptLeaf, TickRow},
    open::OpenOptions,
    prune::{Keep, Pruned},
    reader::{
        BreakLine, CallFilter, CallLine, CollisionLine, DatedReceipt, DiskUse, InboxFilter, InboxLine,
        KeptEnvelope, LogSummary, NewReceipt, NumberedLeaf, QuarantineLine, QueueLine, QueueTotal,
        ReceiptLine, SentLine, Snapshot, SqliteReader, Totals,
    },
};
use super::{NumberedReceipt, ReceiptRow, Store, StoreError};

/// The writer's side of the database. There is one per file.
#[derive(Debug)]
pub struct SqliteStore {
    connection: SqliteConnection,
    texts: Texts,
    path: PathBuf,
    /// A transaction was begun and its end was not seen: the future of a commit was dropped.
    in_transaction: bool,
    sweep: prune::Sweep,
}

impl SqliteStore {
    /// Opens the database at `path`, checks that it is ours and sound, and brings its schema up to date.
    ///
    /// # Errors
    /// [`StoreError::Missing`], [`StoreError::Foreign`], [`StoreError::Newer`], [`StoreError::Damaged`],
    /// [`StoreError::Unsafe`]; the file is then as it was.
    pub async fn open(path: &Path, options: OpenOptions) -> Result<Self, StoreError> {
        let connection = open::writer(path, options).await?;
        Ok(Self {
            connection,
            texts: Texts::default(),
            path: path.to_owned(),
            in_transaction: false,
            sweep: prune::Sweep::default(),
        })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Moves the write-ahead log into the file and closes it. Without this nothing is lost either.
    pub async fn close(self) -> Result<(), StoreError> {
        let Self { connection, path, .. } = self;
        connection.close().await.map_err(|error| failure::of(&path, error))
    }

    /// Drops the bodies of envelopes that only passed through here and whose every outcome is known: at most
    /// `envelopes` of them. Headers, records and receipts stay. Gives how many there were.
    pub async fn prune(&mut self, envelopes: usize) -> Result<usize, StoreError> {
        self.begin().await?;
        let outcome = self.prune_bodies(envelopes).await.map_err(|error| self.failure(error));
        self.end(outcome).await
    }

    async fn begin(&mut self) -> Result<(), StoreError> {
        self.settle().await?;
        self.in_transaction = true;
        self.run("BEGIN IMMEDIATE").await.map_err(|error| self.failure(error))
    }

    /// Commits what succeeded, rolls back what did not.
    async fn end<T>(&mut self, outcome: Result<T, StoreError>) -> Result<T, StoreError> {
        let outcome = match outcome {
            Ok(value) => self.run("COMMIT").await.map(|()| value).map_err(|error| self.failure(error)),
            Err(error) => Err(error),
        };
        match &outcome {
            Ok(_) => self.in_transaction = false,
            Err(_) => self.settle().await?,
        }
        outcome
    }

    /// Rolls back what a dropped future or a failed commit left open.
    async fn settle(&mut self) -> Result<(), StoreError> {
        if self.in_transaction {
            match self.run("ROLLBACK").await {
                Err(error) if !failure::is_no_transaction(&error) => return Err(self.failure(error)),
                Ok(()) | Err(_) => self.in_transaction = false,
            }
        }
        Ok(())
    }

    async fn run(&mut self, sql: &'static str) -> Result<(), sqlx::Error> {
        sqlx::query(sql).execute(&mut self.connection).await.map(|_| ())
    }

    fn failure(&self, error: sqlx::Error) -> StoreError {
        failure::of(&self.path, error)
    }
}

impl Store for SqliteStore {
    async fn commit(&mut self, writes: Vec<Write>) -> Result<(), StoreError> {
        if writes.is_empty() {
            return Ok(());
        }
        let batch = Batch::sort(writes)?;
        let pieces = pieces(&batch).map_err(|error| self.failure(error))?;
        if !is_small(&batch, &pieces) {
            self.begin().await?;
            let outcome = self.write(&batch, pieces).await.map_err(|error| self.failure(error));
            return self.end(outcome).await;
        }
        self.settle().await?;
        self.in_transaction = true;
        match self.write_at_once(pieces).await {
            Ok(()) => self.in_transaction = false,
            Err(error) => {
                self.settle().await?;
                return Err(self.failure(error));
            }
        }
        Ok(())
    }

    async fn records(&mut self, keys: &[EnvelopeKey]) -> Result<BTreeMap<EnvelopeKey, Record>, StoreError> {
        self.settle().await?;
        self.read_records(keys).await.map_err(|error| self.failure(error))
    }

    async fn next_waiting(
        &mut self,
        neighbour: RoomId,
        precedence: Precedence,
        messages: usize,
        bytes: u64,
    ) -> Result<Vec<StoredEnvelope>, StoreError> {
        self.settle().await?;
        loop {
            let records = self.read_waiting(neighbour, precedence, messages, bytes).await;
            let records = records.map_err(|error| self.failure(error))?;
            let none_waits = records.is_empty();
            let (sound, damaged) = self.read_envelopes(records).await.map_err(|error| self.failure(error))?;
            for envelope in damaged {
                self.quarantine_envelope(neighbour, envelope).await?;
            }
            if none_waits || !sound.is_empty() {
                return Ok(sound);
            }
        }
    }

    async fn outbox(
        &mut self,
        neighbour: RoomId,
        from: u64,
        count: usize,
    ) -> Result<Vec<NumberedReceipt>, StoreError> {
        self.settle().await?;
        let rows = self.read_outbox(neighbour, from, count).await;
        let (sound, damaged) = rows.map_err(|error| self.failure(error))?;
        if damaged.is_empty() { Ok(sound) } else { self.outbox_without(sound, damaged).await }
    }

    async fn receipts(&mut self, key: EnvelopeKey) -> Result<Vec<ReceiptRow>, StoreError> {
        self.settle().await?;
        let rows = self.read_receipts(key).await.map_err(|error| self.failure(error))?;
        let (sound, damaged) = rows;
        for (row, bytes) in damaged {
            self.quarantine_receipt(row, key, &bytes).await?;
        }
        Ok(sound)
    }

    async fn due(&mut self, now: Timestamp, count: usize) -> Result<Vec<EnvelopeKey>, StoreError> {
        self.settle().await?;
        let due = self.read_due(now, None, count).await.map_err(|error| self.failure(error))?;
        Ok(due.into_iter().map(|(_, key)| key).collect())
    }

    async fn open_records(
        &mut self,
        before: Timestamp,
        cursor: Option<(Timestamp, EnvelopeKey)>,
        count: usize,
    ) -> Result<Vec<(Timestamp, EnvelopeKey)>, StoreError> {
        self.settle().await?;
        self.read_due(before, cursor, count).await.map_err(|error| self.failure(error))
    }

    async fn log_roots(&mut self, ranges: Vec<Range>) -> Result<Vec<Digest>, StoreError> {
        self.settle().await?;
        self.read_log_roots(&ranges).await.map_err(|error| self.failure(error))
    }

    async fn tick(&mut self, name: TickRef) -> Result<Option<Arc<[u8]>>, StoreError> {
        self.settle().await?;
        self.read_tick(name).await.map_err(|error| self.failure(error))
    }

    async fn has_step(&mut self, name: StepName) -> Result<bool, StoreError> {
        self.settle().await?;
        self.read_step(name).await.map_err(|error| self.failure(error))
    }

    async fn load(&mut self) -> Result<Loaded, StoreError> {
        self.settle().await?;
        self.read_loaded().await.map_err(|error| self.failure(error))
    }
}

#[cfg(test)]
mod tests;
