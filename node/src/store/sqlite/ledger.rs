//! The whole database as an auditor reads it: one consistent state, page by page in the order of the log, and nothing left
//! out because it is damaged. Any number of rows is read in the memory of one page.
//!
//! It promises: the writer never waits for it and nothing is changed. It leaves to others: what the rows must be.

mod envelopes;
mod witness;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use certs::signature::Digest;
use relay::{envelope_id::EnvelopeKey, log::Subtree, timestamp::Timestamp};
use sqlx::{
    ConnectOptions, Row, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteRow},
};
use topology::RoomId;

use super::{
    super::StoreError,
    failure,
    open::{identify, identify_as, plain},
    rows::{self, check_sum, int},
    schema::{BACKUP_ID, VERSION},
};

pub use self::{
    envelopes::EnvelopeRow,
    witness::{CheckpointRow, HeadRow, TickRow},
};

/// One reading transaction over the whole database.
#[derive(Debug)]
pub struct Ledger {
    connection: SqliteConnection,
    path: PathBuf,
}

/// Leaves that follow each other, with everything that the tables say of them.
#[derive(Debug, Default)]
pub struct LedgerPage {
    /// The hash that the log keeps of each leaf.
    pub hashes: BTreeMap<u64, Digest>,
    /// The rows whose bytes each leaf is; there must be one.
    pub leaves: BTreeMap<u64, Vec<Leaf>>,
    /// The checkpoints whose last leaf is among these.
    pub checkpoints: Vec<CheckpointRow>,
}

/// What a leaf is.
#[derive(Debug)]
pub enum Leaf {
    /// A receipt.
    Receipt(Box<ReceiptLeaf>),
    /// The start of a run.
    Epoch {
        /// The run's counter.
        counter: u64,
        /// Its nonce.
        nonce: Vec<u8>,
        /// The signed bytes.
        bytes: Vec<u8>,
    },
    /// Bytes that stand in no other table.
    Object {
        /// Number of the kind.
        kind: i64,
        /// The bytes.
        bytes: Vec<u8>,
    },
}

impl Leaf {
    /// The bytes that the leaf's hash is over.
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Receipt(receipt) => &receipt.bytes,
            Self::Epoch { bytes, .. } | Self::Object { bytes, .. } => bytes,
        }
    }
}

/// A receipt with the columns that repeat what it says.
#[derive(Debug)]
pub struct ReceiptLeaf {
    /// The envelope that it is about.
    pub key: EnvelopeKey,
    /// Number of the event.
    pub event: i64,
    /// Whether this node issued it.
    pub own: bool,
    /// For whom.
    pub recipient: RoomId,
    /// Who says it.
    pub issuer: RoomId,
    /// Counter of the issuer's run.
    pub epoch: u64,
    /// Leaf number in the issuer's log.
    pub seq: u64,
    /// When, by the issuer's clock.
    pub at: Timestamp,
    /// Whether key and bytes are those that were stored.
    pub is_sound: bool,
    /// The signed bytes.
    pub bytes: Vec<u8>,
}

impl Ledger {
    /// Opens the database of a node, running or not.
    ///
    /// # Errors
    /// [`StoreError`] when it is missing, foreign, or of another schema than this program's.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        if !path.exists() {
            return Err(StoreError::Missing { path: path.display().to_string() });
        }
        let version = identify(path).await?;
        if version != VERSION {
            let path = path.display();
            let why =
                format!("{path} has schema {version}, not {VERSION}: start the node once with this program");
            return Err(StoreError::Database(why));
        }
        // Sorting more rows than fit into the memory goes through a file.
        Self::begin(path, plain(path).read_only(true).pragma("temp_store", "FILE")).await
    }

    /// Opens a backup.
    ///
    /// # Errors
    /// [`StoreError`] when it is missing, something else, or of a newer program.
    pub(super) async fn open_copy(path: &Path) -> Result<Self, StoreError> {
        if !path.exists() {
            return Err(StoreError::Missing { path: path.display().to_string() });
        }
        if identify_as(path, BACKUP_ID).await? == 0 {
            return Err(StoreError::Foreign { path: path.display().to_string() });
        }
        Self::begin(path, plain(path).read_only(true)).await
    }

    async fn begin(path: &Path, options: SqliteConnectOptions) -> Result<Self, StoreError> {
        let failed = |error| failure::of(path, error);
        let mut connection = options.connect().await.map_err(failed)?;
        sqlx::query("BEGIN").execute(&mut connection).await.map_err(failed)?;
        Ok(Self { connection, path: path.to_owned() })
    }

    /// Number of leaves.
    pub async fn size(&mut self) -> Result<u64, StoreError> {
        let rows = self.all("SELECT first, length(hashes) FROM log ORDER BY first DESC LIMIT 1", &[]).await?;
        let Some(row) = rows.first() else { return Ok(0) };
        self.read(|| Ok(rows::count(row, 0)? + rows::count(row, 1)? / Digest::LEN as u64))
    }

    /// Leaves `first` to `first + count`.
    pub async fn page(&mut self, first: u64, count: u64) -> Result<LedgerPage, StoreError> {
        let end = first.saturating_add(count);
        let mut page = LedgerPage { hashes: self.hashes(first, end).await?, ..LedgerPage::default() };
        self.receipts(first, end, &mut page).await?;
        let epochs = "SELECT seq, counter, nonce, bytes FROM epoch WHERE seq >= ? AND seq < ?";
        for row in &self.all(epochs, &[first, end]).await? {
            let leaf = self.read(|| {
                let (counter, nonce) = (rows::count(row, 1)?, row.try_get(2)?);
                Ok(Leaf::Epoch { counter, nonce, bytes: row.try_get(3)? })
            })?;
            page.put(self.read(|| rows::count(row, 0))?, leaf);
        }
        let objects = "SELECT leaf, kind, bytes FROM log_object WHERE leaf >= ? AND leaf < ?";
        for row in &self.all(objects, &[first, end]).await? {
            let leaf = self.read(|| Ok(Leaf::Object { kind: row.try_get(1)?, bytes: row.try_get(2)? }))?;
            page.put(self.read(|| rows::count(row, 0))?, leaf);
        }
        page.checkpoints = self.checkpoints(first, end).await?;
        Ok(page)
    }

    async fn hashes(&mut self, first: u64, end: u64) -> Result<BTreeMap<u64, Digest>, StoreError> {
        let runs = "SELECT first, hashes FROM log WHERE first < ?2 \
                    AND first >= coalesce((SELECT max(first) FROM log WHERE first <= ?1), 0) ORDER BY first";
        let mut hashes = BTreeMap::new();
        for row in &self.all(runs, &[first, end]).await? {
            let (number, run) = self.read(|| Ok((rows::count(row, 0)?, row.try_get::<Vec<u8>, _>(1)?)))?;
            let numbered = (number..).zip(run.as_chunks::<{ Digest::LEN }>().0);
            let within = numbered.filter(|(leaf, _)| (first..end).contains(leaf));
            hashes.extend(within.map(|(leaf, hash)| (leaf, Digest::from_bytes(*hash))));
        }
        Ok(hashes)
    }

    async fn receipts(&mut self, first: u64, end: u64, page: &mut LedgerPage) -> Result<(), StoreError> {
        let receipts = "SELECT leaf, key, event, own, recipient, issuer, epoch, seq, at_ms, check_sum, bytes \
                        FROM receipt WHERE leaf >= ? AND leaf < ?";
        for row in &self.all(receipts, &[first, end]).await? {
            let receipt = self.read(|| receipt_leaf(row))?;
            page.put(self.read(|| rows::count(row, 0))?, Leaf::Receipt(Box::new(receipt)));
        }
        Ok(())
    }

    /// Rows that claim leaves at or beyond the end of the log.
    pub async fn beyond(&mut self, size: u64) -> Result<u64, StoreError> {
        let count = "SELECT (SELECT count(*) FROM receipt WHERE leaf >= ?1) + \
                     (SELECT count(*) FROM epoch WHERE seq >= ?1) + (SELECT count(*) FROM log_object WHERE leaf >= ?1)";
        let rows = self.all(count, &[size]).await?;
        self.read(|| rows.first().map_or(Ok(0), |row| rows::count(row, 0)))
    }

    /// The hash that is kept of a subtree.
    pub async fn subtree(&mut self, subtree: &Subtree) -> Result<Option<Digest>, StoreError> {
        let kept = "SELECT hash FROM log_subtree WHERE level = ? AND position = ?";
        let rows = self.all(kept, &[u64::from(subtree.level), subtree.position]).await?;
        self.read(|| rows.first().map_or(Ok(None), |row| Ok(digest_of(row.try_get::<&[u8], _>(0)?))))
    }

    /// Receipts of one issuer under one number, more than one of them: the leaves here.
    pub async fn numbers_taken_twice(&mut self) -> Result<Vec<(RoomId, u64, Vec<u64>)>, StoreError> {
        let twice = "SELECT issuer, seq, group_concat(leaf) FROM receipt GROUP BY issuer, epoch, seq \
                     HAVING count(*) > 1 LIMIT ?";
        let rows = self.all(twice, &[TWICE_MAX]).await?;
        let line = |row: &SqliteRow| {
            let leaves: String = row.try_get(2)?;
            let leaves = leaves.split(',').filter_map(|leaf| leaf.parse().ok()).collect();
            Ok((rows::room(row, 0)?, rows::count(row, 1)?, leaves))
        };
        self.read(|| rows.iter().map(line).collect())
    }

    /// The signed bytes of what a room issued as this leaf of its log and later, in the order of its log.
    pub async fn receipts_of(
        &mut self,
        issuer: RoomId,
        from: u64,
        count: u64,
    ) -> Result<Vec<Vec<u8>>, StoreError> {
        let receipts = sqlx::query(
            "SELECT bytes FROM receipt WHERE issuer = ? AND seq >= ? ORDER BY seq, epoch LIMIT ?",
        );
        let receipts = receipts.bind(issuer.as_bytes().to_vec()).bind(int(from)).bind(int(count));
        let found = receipts.fetch_all(&mut self.connection).await;
        let found = self.read(|| found)?;
        self.read(|| found.iter().map(|row| row.try_get(0)).collect())
    }

    /// The signed bytes of the receipt that is this leaf.
    pub async fn receipt_bytes(&mut self, leaf: u64) -> Result<Vec<u8>, StoreError> {
        let rows = self.all("SELECT bytes FROM receipt WHERE leaf = ?", &[leaf]).await?;
        self.read(|| rows.first().map_or(Ok(Vec::new()), |row| row.try_get(0)))
    }

    pub(super) async fn all(
        &mut self,
        sql: &'static str,
        values: &[u64],
    ) -> Result<Vec<SqliteRow>, StoreError> {
        let statement = values.iter().fold(sqlx::query(sql), |statement, value| statement.bind(int(*value)));
        statement.fetch_all(&mut self.connection).await.map_err(|error| failure::of(&self.path, error))
    }

    pub(super) fn read<T>(&self, read: impl FnOnce() -> Result<T, sqlx::Error>) -> Result<T, StoreError> {
        read().map_err(|error| failure::of(&self.path, error))
    }
}

impl LedgerPage {
    fn put(&mut self, number: u64, leaf: Leaf) {
        self.leaves.entry(number).or_default().push(leaf);
    }
}

/// Doubled numbers that are looked into; more of them say no more.
const TWICE_MAX: u64 = 1000;

/// A digest from a column; none when it is no digest.
fn digest_of(bytes: &[u8]) -> Option<Digest> {
    bytes.try_into().ok().map(Digest::from_bytes)
}

fn receipt_leaf(row: &SqliteRow) -> Result<ReceiptLeaf, sqlx::Error> {
    let (key, bytes) = (rows::key(row, 1)?, row.try_get::<Vec<u8>, _>(10)?);
    Ok(ReceiptLeaf {
        key,
        event: row.try_get(2)?,
        own: row.try_get(3)?,
        recipient: rows::room(row, 4)?,
        issuer: rows::room(row, 5)?,
        epoch: rows::count(row, 6)?,
        seq: rows::count(row, 7)?,
        at: rows::time(row, 8)?,
        is_sound: row.try_get::<i64, _>(9)? == check_sum(&key, &bytes),
        bytes,
    })
}
