//! What is read of the log: its right edge at a start, and the roots over ranges of leaves that proofs consist of.

use std::sync::Arc;

use certs::signature::Digest;
use relay::{
    checkpoint::{Anchor, Head},
    codec,
    log::{Edge, KEPT_LEVEL_MIN, Range, join, root_of},
    step::{DatedCheckpoint, HeldHead, LinkState, Loaded},
    tick::TickRef,
    timestamp::Timestamp,
};
use sqlx::{Row, SqliteConnection, sqlite::SqliteRow};

use super::{
    super::{
        SqliteStore,
        rows::{self, damage, int},
    },
    Down,
};

impl SqliteStore {
    /// The engine's state of the log.
    pub(in super::super) async fn load_log(&mut self, loaded: &mut Loaded) -> Result<(), sqlx::Error> {
        let connection = &mut self.connection;
        for row in all(connection, "SELECT counter FROM epoch ORDER BY counter DESC LIMIT 1").await? {
            loaded.epoch_counter = rows::count(&row, 0)?;
        }
        let size = size(connection).await?;
        let mut edge = Vec::new();
        for (level, position) in (Range { first: 0, count: size }).subtrees() {
            edge.push(subtree(connection, level, position).await?);
        }
        loaded.log = Edge::resume(size, edge).ok_or_else(|| damage("the log has no whole edge"))?;
        let newest = "SELECT at_ms, digest, bytes FROM tick ORDER BY at_ms DESC LIMIT 1";
        for row in all(connection, newest).await? {
            loaded.tick = Some((name(&row)?, bytes(&row, 2)?));
        }
        let last =
            "SELECT size, root, bytes FROM checkpoint WHERE root IS NOT NULL ORDER BY size DESC LIMIT 1";
        for row in all(connection, last).await? {
            loaded.checkpoint = Some((head(&row, 0)?, bytes(&row, 2)?));
        }
        let dated = "SELECT size, dated_at_ms, bytes, anchor FROM checkpoint WHERE dated_at_ms IS NOT NULL \
                     ORDER BY size DESC LIMIT 1";
        for row in all(connection, dated).await? {
            loaded.dated = Some(dated_checkpoint(&row)?);
        }
        for row in all(connection, "SELECT size, root, leaf, bytes, room FROM child_head").await? {
            let head = head(&row, 0)?;
            let held = HeldHead {
                leaf: rows::count(&row, 2)?,
                size: head.size,
                root: head.root,
                bytes: bytes(&row, 3)?,
            };
            loaded.heads.insert(rows::room(&row, 4)?, held);
        }
        for row in all(connection, "SELECT neighbour, down FROM link_state").await? {
            loaded.links.insert(rows::room(&row, 0)?, link_state(row.try_get(1)?)?);
        }
        Ok(())
    }

    pub(in super::super) async fn read_log_roots(
        &mut self,
        ranges: &[Range],
    ) -> Result<Vec<Digest>, sqlx::Error> {
        log_roots(&mut self.connection, ranges).await
    }

    pub(in super::super) async fn read_tick(
        &mut self,
        name: TickRef,
    ) -> Result<Option<Arc<[u8]>>, sqlx::Error> {
        let statement = sqlx::query("SELECT bytes FROM tick WHERE at_ms = ? AND digest = ?");
        let statement = statement.bind(name.at.as_ms()).bind(&name.digest.as_bytes()[..]);
        let found = statement.fetch_optional(&mut self.connection).await?;
        found.map(|row| bytes(&row, 0)).transpose()
    }
}

/// The Merkle roots over ranges of leaves.
pub(in super::super) async fn log_roots(
    connection: &mut SqliteConnection,
    ranges: &[Range],
) -> Result<Vec<Digest>, sqlx::Error> {
    let mut roots = Vec::with_capacity(ranges.len());
    for range in ranges {
        let mut subtrees = Vec::new();
        for (level, position) in range.subtrees() {
            subtrees.push(subtree(connection, level, position).await?);
        }
        roots.push(join(&subtrees));
    }
    Ok(roots)
}

/// Number of leaves.
pub(in super::super) async fn size(connection: &mut SqliteConnection) -> Result<u64, sqlx::Error> {
    let last = all(connection, "SELECT first, hashes FROM log ORDER BY first DESC LIMIT 1").await?;
    let Some(row) = last.first() else { return Ok(0) };
    let hashes: &[u8] = row.try_get(1)?;
    Ok(rows::count(row, 0)? + (hashes.len() / Digest::LEN) as u64)
}

/// The root of a complete subtree: kept, or hashed again from its leaves.
async fn subtree(connection: &mut SqliteConnection, level: u8, position: u64) -> Result<Digest, sqlx::Error> {
    if level < KEPT_LEVEL_MIN {
        let range = Range { first: position << level, count: 1 << level };
        return Ok(root_of(leaf_hashes(connection, range).await?));
    }
    let statement = sqlx::query("SELECT hash FROM log_subtree WHERE level = ? AND position = ?");
    let found = statement.bind(i64::from(level)).bind(int(position)).fetch_optional(connection).await?;
    digest(&found.ok_or_else(|| damage("a subtree of the log is not there"))?, 0)
}

/// The hashes of leaves that follow each other.
pub(in super::super) async fn leaf_hashes(
    connection: &mut SqliteConnection,
    range: Range,
) -> Result<Vec<Digest>, sqlx::Error> {
    let end = range.first.saturating_add(range.count);
    let statement = sqlx::query(
        "SELECT first, hashes FROM log WHERE first >= (SELECT max(first) FROM log WHERE first <= ?) AND first < ? \
         ORDER BY first",
    );
    let found = statement.bind(int(range.first)).bind(int(end)).fetch_all(connection).await?;
    let mut hashes = Vec::new();
    for row in &found {
        let (run, rest) = row.try_get::<&[u8], _>(1)?.as_chunks::<{ Digest::LEN }>();
        if !rest.is_empty() {
            return Err(damage("a run of the log is cut"));
        }
        let numbered = (rows::count(row, 0)?..).zip(run);
        let within = numbered.filter(|(number, _)| (range.first..end).contains(number));
        hashes.extend(within.map(|(_, hash)| Digest::from_bytes(*hash)));
    }
    if hashes.len() as u64 == range.count {
        Ok(hashes)
    } else {
        Err(damage("leaves of the log are not there"))
    }
}

async fn all(connection: &mut SqliteConnection, sql: &'static str) -> Result<Vec<SqliteRow>, sqlx::Error> {
    sqlx::query(sql).fetch_all(connection).await
}

fn bytes(row: &SqliteRow, column: usize) -> Result<Arc<[u8]>, sqlx::Error> {
    Ok(row.try_get::<&[u8], _>(column)?.into())
}

fn digest(row: &SqliteRow, column: usize) -> Result<Digest, sqlx::Error> {
    let bytes: &[u8] = row.try_get(column)?;
    Ok(Digest::from_bytes(bytes.try_into().map_err(|_| damage("a digest is not 32 bytes"))?))
}

fn name(row: &SqliteRow) -> Result<TickRef, sqlx::Error> {
    Ok(TickRef { at: rows::time(row, 0)?, digest: digest(row, 1)? })
}

/// Columns `size, root`.
fn head(row: &SqliteRow, first: usize) -> Result<Head, sqlx::Error> {
    Ok(Head { size: rows::count(row, first)?, root: digest(row, first + 1)? })
}

/// Columns `size, dated_at_ms, bytes, anchor`.
pub(in super::super) fn dated_checkpoint(row: &SqliteRow) -> Result<DatedCheckpoint, sqlx::Error> {
    let anchor = Anchor::decode(row.try_get(3)?).map_err(|error| damage(error.to_string()))?;
    Ok(DatedCheckpoint { size: rows::count(row, 0)?, at: rows::time(row, 1)?, bytes: bytes(row, 2)?, anchor })
}

fn link_state(encoded: &[u8]) -> Result<LinkState, sqlx::Error> {
    let down: Down = codec::decode(encoded, 256).map_err(|error| damage(error.to_string()))?;
    Ok(down.map_or(LinkState::Up, |(at, tick)| LinkState::Down { at: Timestamp::from_ms(at), tick }))
}
