//! What dates the log: checkpoints, ticks, the heads of children, and what was found wrong with any of them.

use certs::signature::Digest;
use relay::timestamp::Timestamp;
use sqlx::{Row, sqlite::SqliteRow};
use topology::RoomId;

use super::{Ledger, StoreError, digest_of, rows};
use crate::store::sqlite::QuarantineLine;

/// A checkpoint of our own.
#[derive(Debug)]
pub struct CheckpointRow {
    /// Leaves that it covers.
    pub size: u64,
    /// The root beside it, where there is one.
    pub root: Option<Digest>,
    /// The signed bytes.
    pub bytes: Vec<u8>,
    /// When the root hub dated it.
    pub dated_at: Option<Timestamp>,
    /// The encoded proof of that.
    pub anchor: Option<Vec<u8>>,
}

/// A tick.
#[derive(Debug)]
pub struct TickRow {
    /// The time that it says.
    pub at: Timestamp,
    /// The digest that it is found by.
    pub digest: Vec<u8>,
    /// The signed bytes.
    pub bytes: Vec<u8>,
}

/// The head that is held of a child.
#[derive(Debug)]
pub struct HeadRow {
    /// Whose.
    pub room: RoomId,
    /// Its leaf in our log.
    pub leaf: u64,
    /// Leaves of the child's log.
    pub size: u64,
    /// The child's root.
    pub root: Option<Digest>,
    /// The child's signed checkpoint.
    pub bytes: Vec<u8>,
    /// The bytes that stand at that leaf.
    pub at_leaf: Option<Vec<u8>>,
}

impl Ledger {
    /// Checkpoints of more than `first` and at most `end` leaves.
    pub(super) async fn checkpoints(
        &mut self,
        first: u64,
        end: u64,
    ) -> Result<Vec<CheckpointRow>, StoreError> {
        let sql = "SELECT size, root, bytes, dated_at_ms, anchor FROM checkpoint WHERE size > ? AND size <= ? \
                   ORDER BY size";
        let rows = self.all(sql, &[first, end]).await?;
        let line = |row: &SqliteRow| {
            Ok(CheckpointRow {
                size: rows::count(row, 0)?,
                root: row.try_get::<Option<&[u8]>, _>(1)?.and_then(digest_of),
                bytes: row.try_get(2)?,
                dated_at: row.try_get::<Option<i64>, _>(3)?.map(Timestamp::from_ms),
                anchor: row.try_get(4)?,
            })
        };
        self.read(|| rows.iter().map(line).collect())
    }

    /// Ticks after this one, in order.
    pub async fn ticks(&mut self, after: Option<&TickRow>) -> Result<Vec<TickRow>, StoreError> {
        let sql = "SELECT at_ms, digest, bytes FROM tick WHERE (at_ms, digest) > (?, ?) \
                   ORDER BY at_ms, digest LIMIT 1000";
        let (at, digest) = after.map_or((i64::MIN, [].as_slice()), |tick| (tick.at.as_ms(), &tick.digest));
        let statement = sqlx::query(sql).bind(at).bind(digest.to_vec()).fetch_all(&mut self.connection).await;
        let found = self.read(|| statement)?;
        let line = |row: &SqliteRow| {
            Ok(TickRow { at: rows::time(row, 0)?, digest: row.try_get(1)?, bytes: row.try_get(2)? })
        };
        self.read(|| found.iter().map(line).collect())
    }

    /// Whether a tick is here.
    pub async fn has_tick(&mut self, at: Timestamp, digest: &Digest) -> Result<bool, StoreError> {
        let statement = sqlx::query("SELECT 1 FROM tick WHERE at_ms = ? AND digest = ?");
        let statement = statement.bind(at.as_ms()).bind(digest.as_bytes().to_vec());
        let found = statement.fetch_optional(&mut self.connection).await;
        self.read(|| found.map(|row| row.is_some()))
    }

    /// The heads that are held of children.
    pub async fn heads(&mut self) -> Result<Vec<HeadRow>, StoreError> {
        let sql = "SELECT h.room, h.leaf, h.size, h.root, h.bytes, o.bytes FROM child_head h \
                   LEFT JOIN log_object o ON o.leaf = h.leaf AND o.kind = 0 ORDER BY h.room";
        let found = self.all(sql, &[]).await?;
        let line = |row: &SqliteRow| {
            Ok(HeadRow {
                room: rows::room(row, 0)?,
                leaf: rows::count(row, 1)?,
                size: rows::count(row, 2)?,
                root: digest_of(row.try_get::<&[u8], _>(3)?),
                bytes: row.try_get(4)?,
                at_leaf: row.try_get(5)?,
            })
        };
        self.read(|| found.iter().map(line).collect())
    }

    /// When the root hub dated the first head of ours that covers this leaf.
    pub async fn dated_over(&mut self, leaf: u64) -> Result<Option<Timestamp>, StoreError> {
        let sql = "SELECT dated_at_ms FROM checkpoint WHERE dated_at_ms IS NOT NULL AND size > ? ORDER BY size LIMIT 1";
        let found = self.all(sql, &[leaf]).await?;
        self.read(|| found.first().map(|row| rows::time(row, 0)).transpose())
    }

    /// When the root hub dated the newest head of ours that it dated.
    pub async fn newest_date(&mut self) -> Result<Option<Timestamp>, StoreError> {
        let sql =
            "SELECT dated_at_ms FROM checkpoint WHERE dated_at_ms IS NOT NULL ORDER BY size DESC LIMIT 1";
        let found = self.all(sql, &[]).await?;
        self.read(|| found.first().map(|row| rows::time(row, 0)).transpose())
    }

    /// Logs of children that did not go on: whose, whether the child said so itself, and when it was found.
    pub async fn history_breaks(&mut self) -> Result<Vec<(RoomId, bool, Timestamp)>, StoreError> {
        let found = self.all("SELECT room, declared, at_ms FROM history_break ORDER BY row", &[]).await?;
        let line = |row: &SqliteRow| Ok((rows::room(row, 0)?, row.try_get(1)?, rows::time(row, 2)?));
        self.read(|| found.iter().map(line).collect())
    }

    /// What was found damaged, newest first.
    pub async fn quarantine(&mut self) -> Result<Vec<QuarantineLine>, StoreError> {
        let sql = "SELECT what, key, reason, at_ms FROM quarantine ORDER BY row DESC LIMIT 1000";
        let found = self.all(sql, &[]).await?;
        let line = |row: &SqliteRow| {
            Ok(QuarantineLine {
                what: row.try_get(0)?,
                key: rows::key(row, 1).ok(),
                reason: row.try_get(2)?,
                at: rows::time(row, 3)?,
            })
        };
        self.read(|| found.iter().map(line).collect())
    }
}
