//! Lists for people: the inbox, what was sent, what waits, what is missing.

use relay::{
    envelope_id::{EnvelopeKey, Epoch},
    timestamp::Timestamp,
};
use sqlx::{Row, sqlite::SqliteRow};
use topology::{Precedence, RoomId};

use super::{
    InboxFilter, InboxLine, QueueLine, QueueTotal, SentLine, SqliteReader, StoreError,
    rows::{self, int},
};

/// The inbox with one more condition.
macro_rules! inbox_text {
    ($condition:literal) => {
        concat!(
            "SELECT i.row, i.kind, i.nr, i.epoch_counter, i.epoch_nonce, i.summary, i.delivered_at_ms, \
             i.acknowledged, i.opened, i.disposed, i.returned, i.alerted, r.key, r.check_sum, r.state, \
             ifnull((SELECT max(b.nr) FROM inbox b WHERE b.origin = i.origin AND b.epoch_counter = i.epoch_counter \
             AND b.epoch_nonce = i.epoch_nonce AND b.nr < i.nr), 0) FROM inbox i JOIN record r ON r.key = i.key WHERE i.row < ?1 ",
            $condition,
            " ORDER BY i.row DESC LIMIT ?2"
        )
    };
}
impl SqliteReader {
    /// The inbox, newest first.
    pub async fn inbox(&self, filter: InboxFilter) -> Result<Vec<InboxLine>, StoreError> {
        let statement = sqlx::query(match (filter.unacknowledged, filter.urgent) {
            (false, false) => inbox_text!(""),
            (true, false) => inbox_text!("AND i.acknowledged = 0"),
            (false, true) => inbox_text!("AND r.class <= ?3"),
            (true, true) => inbox_text!("AND i.acknowledged = 0 AND r.class <= ?3"),
        });
        let before = filter.before.unwrap_or(i64::MAX);
        let mut statement = statement.bind(before).bind(int(filter.count as u64));
        if filter.urgent {
            statement = statement.bind(i64::from(Precedence::Immediate.index() as u8));
        }
        let found = statement.fetch_all(&self.pool).await.map_err(|error| self.failure(error))?;
        self.lines(found, inbox_line)
    }

    /// What was written here, newest first: at most `count`, all of them older than the last of the page before.
    pub async fn sent(
        &self,
        before: Option<(Timestamp, EnvelopeKey)>,
        count: usize,
    ) -> Result<Vec<SentLine>, StoreError> {
        let (at, key) = match before {
            Some((at, key)) => (at.as_ms(), key.to_bytes().to_vec()),
            None => (i64::MAX, vec![0xff; 33]),
        };
        let statement = sqlx::query(
            "SELECT r.key, r.check_sum, r.state, e.summary FROM record r LEFT JOIN envelope e ON e.key = r.key \
             WHERE r.source IS NULL AND (r.received_at_ms, r.key) < (?, ?) \
             ORDER BY r.received_at_ms DESC, r.key DESC LIMIT ?",
        );
        let statement = statement.bind(at).bind(key).bind(int(count as u64));
        let found = statement.fetch_all(&self.pool).await.map_err(|error| self.failure(error))?;
        self.lines(found, |row| Ok(SentLine { record: rows::record(row, 0)?, summary: row.try_get(3)? }))
    }

    /// What waits, for one neighbour or for all, in the order in which it will leave.
    pub async fn queue(&self, neighbour: Option<RoomId>, count: usize) -> Result<Vec<QueueLine>, StoreError> {
        let (first, last) = match neighbour {
            Some(room) => (room.as_bytes().to_vec(), [&room.as_bytes()[..], &[0xff; 42]].concat()),
            None => (Vec::new(), vec![0xff; 58]),
        };
        let statement = sqlx::query(
            "SELECT q.place, r.key, r.check_sum, r.state FROM queue q JOIN record r ON r.key = substr(q.place, 26) \
             WHERE q.place >= ? AND q.place <= ? ORDER BY q.place LIMIT ?",
        );
        let statement = statement.bind(first).bind(last).bind(int(count as u64));
        let found = statement.fetch_all(&self.pool).await.map_err(|error| self.failure(error))?;
        self.lines(found, |row| {
            Ok(QueueLine { place: rows::place_of(row.try_get(0)?)?, record: rows::record(row, 1)? })
        })
    }

    /// How much waits for each neighbour in each precedence, and since when.
    pub async fn queue_summary(&self) -> Result<Vec<QueueTotal>, StoreError> {
        let found = rows::lanes().fetch_all(&self.pool).await.map_err(|error| self.failure(error))?;
        self.lines(found, |row| {
            let (neighbour, precedence) = rows::lane_of(row.try_get(0)?)?;
            let oldest = rows::since_of(row.try_get(2)?)?;
            Ok(QueueTotal { neighbour, precedence, envelopes: rows::count(row, 1)?, oldest })
        })
    }

    /// The place of a message in the inbox, for [`InboxFilter::before`].
    pub async fn inbox_line(&self, key: EnvelopeKey) -> Result<Option<i64>, StoreError> {
        let statement =
            sqlx::query_scalar("SELECT row FROM inbox WHERE key = ?").bind(key.to_bytes().to_vec());
        statement.fetch_optional(&self.pool).await.map_err(|error| self.failure(error))
    }

    pub(super) fn lines<L>(
        &self,
        found: Vec<SqliteRow>,
        line: impl Fn(&SqliteRow) -> Result<L, sqlx::Error>,
    ) -> Result<Vec<L>, StoreError> {
        found.iter().map(line).collect::<Result<_, _>>().map_err(|error| self.failure(error))
    }
}

fn inbox_line(row: &SqliteRow) -> Result<InboxLine, sqlx::Error> {
    Ok(InboxLine {
        line: row.try_get(0)?,
        kind: row.try_get(1)?,
        nr: rows::count(row, 2)?,
        epoch: epoch(row, 3)?,
        summary: row.try_get(5)?,
        delivered_at: rows::time(row, 6)?,
        acknowledged: row.try_get(7)?,
        opened: row.try_get(8)?,
        disposed: row.try_get(9)?,
        returned: row.try_get(10)?,
        alerted: row.try_get(11)?,
        record: rows::record(row, 12)?,
        nr_before: rows::count(row, 15)?,
    })
}

/// Columns `epoch_counter, epoch_nonce`.
fn epoch(row: &SqliteRow, first: usize) -> Result<Epoch, sqlx::Error> {
    let nonce: &[u8] = row.try_get(first + 1)?;
    let nonce: [u8; 8] = nonce.try_into().map_err(|_| rows::damage("an epoch's nonce is not 8 bytes"))?;
    Ok(Epoch { nonce: nonce.into(), counter: rows::count(row, first)? })
}
