//! What SQLite says, as the few things that a node can do something about.

use std::path::Path;

use super::super::StoreError;

/// The result codes that matter here (sqlite.org/rescode.html); the low byte is the primary code.
const CORRUPT: i32 = 11;
const FULL: i32 = 13;
const NOT_A_DATABASE: i32 = 26;
const GENERIC: i32 = 1;
/// The shared-memory file could not grow: the disk is full.
const IOERR_SHMSIZE: i32 = 4874;

/// Sorts an error of the database at `path`.
pub(super) fn of(path: &Path, error: sqlx::Error) -> StoreError {
    let path = path.display().to_string();
    if let sqlx::Error::Decode(_) | sqlx::Error::ColumnDecode { .. } = &error {
        return StoreError::Damaged { path, detail: error.to_string() };
    }
    let detail = error.to_string();
    match code(&error) {
        Some(IOERR_SHMSIZE) => StoreError::Full,
        Some(code) if code & 0xff == FULL => StoreError::Full,
        Some(code) if matches!(code & 0xff, CORRUPT | NOT_A_DATABASE) => StoreError::Damaged { path, detail },
        Some(_) | None => StoreError::Database(detail),
    }
}

/// Whether a rollback found nothing to roll back, because SQLite had done it by itself.
pub(super) fn is_no_transaction(error: &sqlx::Error) -> bool {
    code(error) == Some(GENERIC)
}

fn code(error: &sqlx::Error) -> Option<i32> {
    error.as_database_error()?.code()?.parse().ok()
}
