//! The state of the log for those who look after the node: how far it goes, how far it is dated, whose logs broke.

use relay::timestamp::Timestamp;
use sqlx::Row;
use topology::RoomId;

use super::{SqliteReader, StoreError};
use crate::store::sqlite::{
    log::reads::size,
    rows::{self, int},
};

/// The log in short.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogSummary {
    /// Leaves.
    pub size: u64,
    /// Leaves under the newest head that the root hub has dated, and when it did.
    pub dated: Option<(u64, Timestamp)>,
    /// The time of the newest tick.
    pub tick: Option<Timestamp>,
    /// Logs of children that did not go on.
    pub breaks: Vec<BreakLine>,
}

/// Breaks of one child's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakLine {
    /// Whose.
    pub room: RoomId,
    /// Whether the child itself said that it lost what was before.
    pub is_declared: bool,
    /// How many.
    pub count: u64,
    /// When the last was found, by the machine's clock.
    pub at: Timestamp,
}

impl SqliteReader {
    /// How far the log goes and how far it is dated.
    pub async fn log_summary(&self) -> Result<LogSummary, StoreError> {
        self.read_log_summary().await.map_err(|error| self.failure(error))
    }

    async fn read_log_summary(&self) -> Result<LogSummary, sqlx::Error> {
        let mut connection = self.pool.acquire().await?;
        let mut summary = LogSummary { size: size(&mut connection).await?, ..LogSummary::default() };
        let dated = "SELECT size, dated_at_ms FROM checkpoint WHERE dated_at_ms IS NOT NULL ORDER BY size DESC LIMIT 1";
        if let Some(row) = sqlx::query(dated).fetch_optional(&mut *connection).await? {
            summary.dated = Some((rows::count(&row, 0)?, rows::time(&row, 1)?));
        }
        let tick = "SELECT at_ms FROM tick ORDER BY at_ms DESC LIMIT 1";
        if let Some(row) = sqlx::query(tick).fetch_optional(&mut *connection).await? {
            summary.tick = Some(rows::time(&row, 0)?);
        }
        let breaks =
            "SELECT room, declared, count(*), max(at_ms) FROM history_break GROUP BY room, declared LIMIT ?";
        for row in sqlx::query(breaks).bind(BREAKS_MAX).fetch_all(&mut *connection).await? {
            summary.breaks.push(BreakLine {
                room: rows::room(&row, 0)?,
                is_declared: row.try_get(1)?,
                count: rows::count(&row, 2)?,
                at: rows::time(&row, 3)?,
            });
        }
        Ok(summary)
    }

    /// The leaf with which a run of the node begins.
    pub async fn run_begins_at(&self, counter: u64) -> Result<Option<u64>, StoreError> {
        let statement = sqlx::query("SELECT seq FROM epoch WHERE counter = ?").bind(int(counter));
        let found = statement.fetch_all(&self.pool).await.map_err(|error| self.failure(error))?;
        Ok(self.lines(found, |row| rows::count(row, 0))?.into_iter().next())
    }
}

/// Children shown with breaks.
const BREAKS_MAX: i64 = 1000;
