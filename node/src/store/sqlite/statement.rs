//! SQL texts for many rows at once. Every statement crosses to SQLite's thread and back, so a batch uses few, large
//! ones: a text for each power of two up to [`ROWS_MAX`], prepared once and kept.

use std::{collections::BTreeMap, sync::Arc};

use sqlx::{AssertSqlSafe, Sqlite, query::Query, sqlite::SqliteArguments};

/// A statement with the values that it was given so far.
pub(super) type Statement = Query<'static, Sqlite, SqliteArguments>;

/// The most rows of one statement.
pub(super) const ROWS_MAX: usize = 64;
/// The most bytes of blobs in one statement, if it has more than one row.
pub(super) const BYTES_MAX: usize = 1024 * 1024;

/// A text that repeats a part for each row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Many {
    /// Up to the first row. Names the text: no two texts share it.
    pub(super) head: &'static str,
    /// Repeated, with commas between.
    pub(super) row: &'static str,
    /// After the last row.
    pub(super) tail: &'static str,
}

/// The texts made so far.
#[derive(Debug, Default)]
pub(super) struct Texts {
    by_rows: BTreeMap<(&'static str, usize), Arc<str>>,
}

impl Texts {
    /// The statement for this many rows, without its values.
    pub(super) fn statement(&mut self, many: &Many, rows: usize) -> Statement {
        let text = self.by_rows.entry((many.head, rows)).or_insert_with(|| {
            let repeated = vec![many.row; rows].join(",");
            format!("{}{repeated}{}", many.head, many.tail).into()
        });
        // Only constants of this program are in the text; values are bound.
        sqlx::query(AssertSqlSafe(Arc::clone(text)))
    }
}

/// How many of `rows` go into the next statement: a power of two within [`ROWS_MAX`] and [`BYTES_MAX`], at least one.
pub(super) fn chunk_len<R>(rows: &[R], bytes_of: fn(&R) -> usize) -> usize {
    let mut len = ROWS_MAX;
    while len > 1 && (len > rows.len() || rows.iter().take(len).map(bytes_of).sum::<usize>() > BYTES_MAX) {
        len /= 2;
    }
    len
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_powers_of_two_and_stay_within_the_bytes() {
        let sizes = |rows: &[usize]| {
            let (mut rest, mut sizes) = (rows, Vec::new());
            while !rest.is_empty() {
                let len = chunk_len(rest, |bytes| *bytes);
                sizes.push(len);
                rest = &rest[len..];
            }
            sizes
        };
        assert_eq!(sizes(&[1; 100]), vec![64, 32, 4]);
        assert_eq!(sizes(&[1; 64]), vec![64]);
        assert_eq!(sizes(&[BYTES_MAX, 1, 1]), vec![1, 2]);
        assert_eq!(sizes(&[BYTES_MAX + 1]), vec![1]);
    }
}
