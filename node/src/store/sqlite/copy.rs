//! A copy of the database as it stood at one instant, with the files of the node's directory in two tables beside the
//! store's own: one file, which SQLite itself checks.
//!
//! It carries another mark than a store (`PRAGMA application_id` "yicb"), so that no node runs on it by mistake.
//! *Against:* a torn copy, a changed one, one of a newer program.

use std::path::{Path, PathBuf};

use certs::signature::{Digest, digest};
use relay::{
    log::{Edge, Range, leaf_hash},
    timestamp::Timestamp,
};
use sqlx::{ConnectOptions, Connection, Row, SqliteConnection, sqlite::SqliteJournalMode};

use super::{
    super::StoreError,
    failure,
    ledger::Ledger,
    log,
    open::{identify, plain, settings},
    rows::{self, int},
    schema::{APPLICATION_ID, BACKUP_ID},
};

/// What a copy says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CopyFacts {
    /// When it was begun, by the machine's clock.
    pub made_at: Timestamp,
    /// Leaves of the log.
    pub leaves: u64,
    /// The Merkle root over them.
    pub root: Digest,
}

/// A copy that was checked from its first page to its last.
#[derive(Debug)]
pub struct SoundCopy {
    facts: CopyFacts,
    files: Vec<(String, Vec<u8>)>,
    path: PathBuf,
}

const TABLES: &str = "CREATE TABLE backup (made_at_ms INTEGER NOT NULL, leaves INTEGER NOT NULL, root BLOB NOT NULL) STRICT; \
                      CREATE TABLE backup_file (name TEXT NOT NULL PRIMARY KEY, digest BLOB NOT NULL, bytes BLOB NOT NULL) STRICT;";

/// Copies the database, which may be in use, into the empty file `copy`.
///
/// # Errors
/// [`StoreError`]; what stands in `copy` is then worth nothing.
pub async fn copy_database(database: &Path, copy: &Path) -> Result<(), StoreError> {
    if identify(database).await? == 0 {
        return Err(StoreError::Missing { path: database.display().to_string() });
    }
    let failed = |error| failure::of(database, error);
    let mut connection = settings(database).read_only(true).connect().await.map_err(failed)?;
    let into = copy.to_str().ok_or_else(|| StoreError::Database("the path is not UTF-8".to_owned()))?;
    sqlx::query("VACUUM INTO ?").bind(into).execute(&mut connection).await.map_err(failed)?;
    connection.close().await.map_err(failed)
}

/// Puts the files beside the tables and makes the copy a backup.
///
/// # Errors
/// [`StoreError`].
pub async fn complete_copy(
    copy: &Path,
    made_at: Timestamp,
    files: &[(String, Vec<u8>)],
) -> Result<CopyFacts, StoreError> {
    let failed = |error| failure::of(copy, error);
    let mut connection = writable(copy).await.map_err(failed)?;
    let facts = add_files(&mut connection, made_at, files).await.map_err(failed)?;
    connection.close().await.map_err(failed)?;
    Ok(facts)
}

async fn add_files(
    connection: &mut SqliteConnection,
    made_at: Timestamp,
    files: &[(String, Vec<u8>)],
) -> Result<CopyFacts, sqlx::Error> {
    let leaves = log::reads::size(connection).await?;
    let roots = log::reads::log_roots(connection, &[Range { first: 0, count: leaves }]).await?;
    let root = roots.first().copied().unwrap_or_else(relay::log::empty_root);
    let mut transaction = connection.begin().await?;
    sqlx::raw_sql(TABLES).execute(&mut *transaction).await?;
    let facts = sqlx::query("INSERT INTO backup (made_at_ms, leaves, root) VALUES (?, ?, ?)");
    let facts = facts.bind(made_at.as_ms()).bind(int(leaves)).bind(root.as_bytes().to_vec());
    facts.execute(&mut *transaction).await?;
    for (name, bytes) in files {
        let file = sqlx::query("INSERT INTO backup_file (name, digest, bytes) VALUES (?, ?, ?)");
        let file = file.bind(name).bind(digest(bytes).as_bytes().to_vec()).bind(bytes);
        file.execute(&mut *transaction).await?;
    }
    mark(&mut transaction, BACKUP_ID).await?;
    transaction.commit().await?;
    Ok(CopyFacts { made_at, leaves, root })
}

impl SoundCopy {
    /// Opens a copy and checks all of it: its mark and schema, every page, every leaf of the log, every file.
    ///
    /// # Errors
    /// [`StoreError`] that says what does not hold; nothing was changed.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        let mut ledger = Ledger::open_copy(path).await?;
        let facts = check_log(&mut ledger, path).await?;
        drop(ledger);
        let failed = |error| failure::of(path, error);
        let mut connection = plain(path).read_only(true).connect().await.map_err(failed)?;
        let pages =
            sqlx::query("PRAGMA integrity_check(1)").fetch_one(&mut connection).await.map_err(failed)?;
        let said: String = pages.try_get(0).map_err(failed)?;
        if said != "ok" {
            return Err(damaged(path, said));
        }
        let files = read_files(&mut connection, path).await?;
        connection.close().await.map_err(failed)?;
        Ok(Self { facts, files, path: path.to_owned() })
    }

    /// What it says of itself.
    pub fn facts(&self) -> CopyFacts {
        self.facts
    }

    /// The files of the directory, by their names below it.
    pub fn files(&self) -> &[(String, Vec<u8>)] {
        &self.files
    }

    /// Makes `database`, a byte copy of this file, a store again; nothing of the files stays in it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn into_database(&self, database: &Path) -> Result<(), StoreError> {
        let failed = |error| failure::of(&self.path, error);
        let mut connection = writable(database).await.map_err(failed)?;
        let mut transaction = connection.begin().await.map_err(failed)?;
        let drop = "DROP TABLE backup; DROP TABLE backup_file";
        sqlx::raw_sql(drop).execute(&mut *transaction).await.map_err(failed)?;
        mark(&mut transaction, APPLICATION_ID).await.map_err(failed)?;
        transaction.commit().await.map_err(failed)?;
        connection.close().await.map_err(failed)
    }
}

/// Every leaf hashes to what the log keeps of it, and all of them to the root that the copy was made with.
async fn check_log(ledger: &mut Ledger, path: &Path) -> Result<CopyFacts, StoreError> {
    let facts = ledger.copy_facts().await?;
    let size = ledger.size().await?;
    let mut edge = Edge::default();
    while edge.size() < size {
        let page = ledger.page(edge.size(), PAGE.min(size - edge.size())).await?;
        for number in edge.size()..edge.size() + PAGE.min(size - edge.size()) {
            let Some(hash) = page.hashes.get(&number) else {
                return Err(damaged(path, format!("leaf {number} of the log is not there")));
            };
            let bytes = page.leaves.get(&number).and_then(|leaves| leaves.first());
            if bytes.is_some_and(|leaf| leaf_hash(leaf.bytes()) != *hash) {
                return Err(damaged(path, format!("leaf {number} of the log was changed")));
            }
            edge.append_hash(*hash);
        }
        drop(edge.take_run());
    }
    if size == facts.leaves && edge.root() == facts.root {
        Ok(facts)
    } else {
        Err(damaged(path, "the log has not the root that it had when the copy was made".to_owned()))
    }
}

async fn read_files(
    connection: &mut SqliteConnection,
    path: &Path,
) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
    let failed = |error| failure::of(path, error);
    let sql = "SELECT name, digest, bytes FROM backup_file ORDER BY name";
    let mut files = Vec::new();
    for row in sqlx::query(sql).fetch_all(connection).await.map_err(failed)? {
        let (name, bytes): (String, Vec<u8>) =
            (row.try_get(0).map_err(failed)?, row.try_get(2).map_err(failed)?);
        if row.try_get::<&[u8], _>(1).map_err(failed)? != digest(&bytes).as_bytes() {
            return Err(damaged(path, format!("{name} was changed")));
        }
        files.push((name, bytes));
    }
    Ok(files)
}

impl Ledger {
    pub(super) async fn copy_facts(&mut self) -> Result<CopyFacts, StoreError> {
        let found = self.all("SELECT made_at_ms, leaves, root FROM backup", &[]).await?;
        self.read(|| {
            let row = found.first().ok_or_else(|| rows::damage("it does not say when it was made"))?;
            let root: &[u8] = row.try_get(2)?;
            let root = root.try_into().map_err(|_| rows::damage("a digest is not 32 bytes"))?;
            let (made_at, leaves) = (rows::time(row, 0)?, rows::count(row, 1)?);
            Ok(CopyFacts { made_at, leaves, root: Digest::from_bytes(root) })
        })
    }
}

/// A copy is nobody's but ours until it is complete: its journal may be in memory. What is deleted is overwritten.
async fn writable(copy: &Path) -> Result<SqliteConnection, sqlx::Error> {
    plain(copy).journal_mode(SqliteJournalMode::Memory).pragma("secure_delete", "ON").connect().await
}

async fn mark(connection: &mut SqliteConnection, id: i64) -> Result<(), sqlx::Error> {
    let mark = format!("PRAGMA application_id = {id}");
    sqlx::raw_sql(sqlx::AssertSqlSafe(mark)).execute(connection).await.map(|_| ())
}

fn damaged(path: &Path, detail: String) -> StoreError {
    StoreError::Damaged { path: path.display().to_string(), detail }
}

/// Leaves checked at a time.
const PAGE: u64 = 1024;
