//! Opening the file: whose it is, whether it is sound, and whether SQLite does what this program relies on.
//!
//! A file that is not ours, or newer, is recognised before anything in it is touched. Every setting is read back.
//! `quick_check` reads the whole file: it runs on files up to [`QUICK_CHECK_BYTES_MAX`] (about 0.1 s), because a
//! hub with a long queue must come back at once; larger ones are checked by `doctor`. Either way every
//! envelope, record and receipt is checked against its digest when it is read.
//! *Against:* a SQLite that can corrupt a write-ahead log, a setting that silently did not take, a wrong file.

use std::{
    fs,
    io::Write as _,
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::Path,
    time::Duration,
};

use sqlx::{
    ConnectOptions, Connection, Row, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};

use super::{
    super::StoreError,
    failure,
    schema::{APPLICATION_ID, MIGRATIONS, VERSION},
};

/// How to open the store.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OpenOptions {
    /// Make a new database where there is none. A node that has run before does not: a lost file must not look like
    /// an empty one.
    pub create: bool,
    /// The file may not grow beyond this many pages of 4 KiB; none leaves it to the disk.
    pub pages_max: Option<u32>,
}

/// Files up to this size are read through once at the start.
const QUICK_CHECK_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// The first SQLite without the WAL-reset defect (3.7.0 to 3.51.2 have it).
const SQLITE_VERSION_MIN: [u32; 3] = [3, 51, 3];
/// Pages of 4 KiB in the write-ahead log before it is moved into the file: 16 MiB, so that a page that changes often
/// is moved once.
const CHECKPOINT_PAGES: i64 = 4096;
/// The log is cut back to this after a burst.
const LOG_BYTES_KEPT: i64 = 64 * 1024 * 1024;
/// Nobody else writes; a reader that recovers the log after a crash may hold it for a moment.
const BUSY: Duration = Duration::from_secs(5);
/// Prepared texts: those of the tables and reads, and the small batches met most often. About 30 KiB each.
const STATEMENTS_KEPT: usize = 96;
const CACHE_KIB: i64 = 4096;

/// Opens the one writing connection.
pub(super) async fn writer(path: &Path, options: OpenOptions) -> Result<SqliteConnection, StoreError> {
    let bytes = prepare_file(path, options.create).map_err(|error| not_usable(path, &error))?;
    if bytes == 0 && !options.create {
        return Err(StoreError::Missing { path: path.display().to_string() });
    }
    let version = identify(path).await?;
    if version == 0 && !options.create {
        return Err(StoreError::Missing { path: path.display().to_string() });
    }
    let failed = |error| failure::of(path, error);
    let mut connection = settings(path).connect().await.map_err(failed)?;
    check_settings(&mut connection, &WRITER_SETTINGS).await.map_err(failed)??;
    if bytes <= QUICK_CHECK_BYTES_MAX {
        let complaints = quick_check(&mut connection).await.map_err(failed)?;
        if let Some(detail) = complaints.into_iter().next() {
            return Err(StoreError::Damaged { path: path.display().to_string(), detail });
        }
    }
    migrate(&mut connection, version).await.map_err(failed)?;
    if let Some(pages) = options.pages_max {
        let pragma = format!("PRAGMA max_page_count = {pages}");
        sqlx::raw_sql(sqlx::AssertSqlSafe(pragma)).execute(&mut connection).await.map_err(failed)?;
    }
    Ok(connection)
}

/// What every connection is set to. Readers add `read_only`.
pub(super) fn settings(path: &Path) -> SqliteConnectOptions {
    plain(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .pragma("wal_autocheckpoint", CHECKPOINT_PAGES.to_string())
        .pragma("journal_size_limit", LOG_BYTES_KEPT.to_string())
        .pragma("mmap_size", "0")
        .pragma("cell_size_check", "ON")
        .pragma("trusted_schema", "OFF")
        .pragma("temp_store", "MEMORY")
        .pragma("cache_size", format!("-{CACHE_KIB}"))
}

/// A connection that changes nothing by being opened.
pub(super) fn plain(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .busy_timeout(BUSY)
        .statement_cache_capacity(STATEMENTS_KEPT)
        .row_buffer_size(512)
        .disable_statement_logging()
}

/// Settings and the values that they must have.
pub(super) const WRITER_SETTINGS: [(&str, &str); 7] = [
    ("PRAGMA journal_mode", "wal"),
    ("PRAGMA synchronous", "2"),
    ("PRAGMA foreign_keys", "1"),
    ("PRAGMA mmap_size", "0"),
    ("PRAGMA cell_size_check", "1"),
    ("PRAGMA trusted_schema", "0"),
    ("PRAGMA wal_autocheckpoint", "4096"),
];

/// Reads back settings, and the version of SQLite.
pub(super) async fn check_settings(
    connection: &mut SqliteConnection,
    wanted: &[(&'static str, &'static str)],
) -> Result<Result<(), StoreError>, sqlx::Error> {
    let version = text(connection, "SELECT sqlite_version()").await?;
    if parse_version(&version).is_none_or(|version| version < SQLITE_VERSION_MIN) {
        let detail = format!("version {version} is older than 3.51.3 and can corrupt a write-ahead log");
        return Ok(Err(StoreError::Unsafe { detail }));
    }
    for (pragma, value) in wanted {
        let found = text(connection, pragma).await?;
        if found != *value {
            return Ok(Err(StoreError::Unsafe { detail: format!("{pragma} is {found}, must be {value}") }));
        }
    }
    Ok(Ok(()))
}

fn parse_version(text: &str) -> Option<[u32; 3]> {
    let numbers: Option<Vec<u32>> = text.split('.').map(|number| number.parse().ok()).collect();
    numbers?.try_into().ok()
}

/// What `quick_check` complains about; nothing when the file is sound.
pub(super) async fn quick_check(connection: &mut SqliteConnection) -> Result<Vec<String>, sqlx::Error> {
    let rows = sqlx::query("PRAGMA quick_check(10)").fetch_all(connection).await?;
    let lines: Vec<String> = rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?;
    Ok(lines.into_iter().filter(|line| line != "ok").collect())
}

/// Makes an empty file for the node's user only, or narrows the rights of the one that is there. Gives its size.
fn prepare_file(path: &Path, create: bool) -> std::io::Result<u64> {
    if create && !path.exists() {
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        file.flush()?;
        file.sync_all()?;
        if let Some(directory) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            fs::File::open(directory)?.sync_all()?;
        }
    }
    match fs::metadata(path) {
        Ok(metadata) => {
            fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
            Ok(metadata.len())
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(0),
        Err(error) => Err(error),
    }
}

fn not_usable(path: &Path, error: &std::io::Error) -> StoreError {
    if error.kind() == std::io::ErrorKind::StorageFull {
        return StoreError::Full;
    }
    StoreError::Database(format!("{}: {error}", path.display()))
}

/// The schema version of our own file, 0 for an empty one; an error for anything else. Changes nothing.
pub(super) async fn identify(path: &Path) -> Result<i64, StoreError> {
    identify_as(path, APPLICATION_ID).await
}

/// The same for a file that carries this mark.
pub(super) async fn identify_as(path: &Path, mark: i64) -> Result<i64, StoreError> {
    let name = || path.display().to_string();
    let failed = |error| failure::of(path, error);
    let mut connection = plain(path).read_only(true).connect().await.map_err(failed)?;
    let application = integer(&mut connection, "PRAGMA application_id").await.map_err(failed)?;
    let found = integer(&mut connection, "PRAGMA user_version").await.map_err(failed)?;
    let objects = integer(&mut connection, "SELECT count(*) FROM sqlite_schema").await.map_err(failed)?;
    connection.close().await.map_err(failed)?;
    match (application, found, objects) {
        (0, 0, 0) => Ok(0),
        (id, 1..=VERSION, _) if id == mark => Ok(found),
        (id, _, _) if id == mark && found > VERSION => {
            Err(StoreError::Newer { path: name(), found, known: VERSION })
        }
        (id, _, _) if id == mark => {
            Err(StoreError::Damaged { path: name(), detail: format!("schema {found} never was") })
        }
        _ => Err(StoreError::Foreign { path: name() }),
    }
}

/// Brings the schema from `version` to ours, in one transaction.
async fn migrate(connection: &mut SqliteConnection, version: i64) -> Result<(), sqlx::Error> {
    if version == VERSION {
        return Ok(());
    }
    let done = usize::try_from(version).unwrap_or(0);
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    for migration in MIGRATIONS.into_iter().skip(done) {
        sqlx::raw_sql(migration).execute(&mut *transaction).await?;
    }
    let marks = format!("PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {VERSION}");
    sqlx::raw_sql(sqlx::AssertSqlSafe(marks)).execute(&mut *transaction).await?;
    transaction.commit().await
}

async fn integer(connection: &mut SqliteConnection, sql: &'static str) -> Result<i64, sqlx::Error> {
    sqlx::query(sql).fetch_one(connection).await?.try_get(0)
}

/// The first value of a query as text, whatever its type.
async fn text(connection: &mut SqliteConnection, sql: &'static str) -> Result<String, sqlx::Error> {
    let row = sqlx::query(sql).fetch_one(connection).await?;
    row.try_get::<String, _>(0).or_else(|_| row.try_get::<i64, _>(0).map(|number| number.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_by_number() {
        assert!(parse_version("3.51.2").is_some_and(|version| version < SQLITE_VERSION_MIN));
        assert!(parse_version("3.51.3").is_some_and(|version| version >= SQLITE_VERSION_MIN));
        assert!(parse_version("3.100.0").is_some_and(|version| version >= SQLITE_VERSION_MIN));
        assert_eq!(parse_version("3.51"), None);
    }

    #[test]
    fn the_checkpoint_setting_that_is_read_back_is_the_one_that_is_set() {
        assert!(WRITER_SETTINGS.contains(&("PRAGMA wal_autocheckpoint", "4096")));
        assert_eq!(CHECKPOINT_PAGES, 4096);
    }
}
