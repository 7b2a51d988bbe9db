//! What went between this room and a neighbour, for a neighbour that has lost it.

use std::{collections::BTreeSet, sync::Arc};

use relay::{envelope_id::EnvelopeKey, receipt::Event, timestamp::Timestamp};
use sqlx::{Row, SqliteConnection};
use topology::RoomId;

use super::{
    SqliteReader, StoreError,
    rows::{self, int},
};

/// A part of it.
#[derive(Debug, Default)]
pub struct Told {
    /// Envelopes and their signed headers, in the order in which they were settled here.
    pub headers: Vec<(EnvelopeKey, Arc<[u8]>)>,
    /// Where to go on.
    pub after: u64,
    /// Whether there is no more.
    pub is_all: bool,
}

/// Receipts looked at for one part: some milliseconds.
const LOOKED_AT: i64 = 20_000;

impl SqliteReader {
    /// Envelopes that `room` handed over here, or signed to have delivered, since then: at most so many headers, and no
    /// more once `bytes` of them are full. Goes on after the place where the last part ended.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn told(
        &self,
        room: RoomId,
        since: Timestamp,
        after: u64,
        count: usize,
        bytes: usize,
    ) -> Result<Told, StoreError> {
        let told = async {
            let mut connection = self.pool.acquire().await?;
            read(&mut connection, room, since, after, count, bytes).await
        };
        told.await.map_err(|error| self.failure(error))
    }
}

async fn read(
    connection: &mut SqliteConnection,
    room: RoomId,
    since: Timestamp,
    after: u64,
    count: usize,
    bytes: usize,
) -> Result<Told, sqlx::Error> {
    let last =
        sqlx::query("SELECT max(row) FROM (SELECT row FROM receipt WHERE row > ? ORDER BY row LIMIT ?)");
    let last = last.bind(int(after)).bind(LOOKED_AT).fetch_one(&mut *connection).await?;
    let Some(last) = last.try_get::<Option<i64>, _>(0)? else {
        return Ok(Told { after, is_all: true, ..Told::default() });
    };
    let found = sqlx::query(
        "SELECT r.row, e.key, e.header FROM receipt r JOIN envelope e ON e.key = r.key \
         WHERE r.row > ?1 AND r.row <= ?2 AND r.at_ms >= ?3 \
         AND ((r.own = 1 AND substr(r.key, 1, 16) = ?4) OR (r.issuer = ?4 AND r.recipient = ?4 AND r.event = ?5)) \
         ORDER BY r.row",
    );
    let found = found.bind(int(after)).bind(last).bind(since.as_ms()).bind(room.as_bytes().to_vec());
    let found = found.bind(i64::from(Event::Delivered.number())).fetch_all(connection).await?;
    let (mut told, mut known, mut filled) = (Told::default(), BTreeSet::new(), 0);
    for row in &found {
        let (key, header) = (rows::key(row, 1)?, row.try_get::<&[u8], _>(2)?);
        if told.headers.len() >= count || filled > bytes {
            return Ok(told);
        }
        told.after = rows::count(row, 0)?;
        if known.insert(key) {
            filled += header.len();
            told.headers.push((key, header.into()));
        }
    }
    told.after = u64::try_from(last).unwrap_or(after);
    Ok(told)
}
