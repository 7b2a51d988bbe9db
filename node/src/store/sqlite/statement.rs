//! SQL texts for many rows at once. Every text crosses to SQLite's thread and back, so a batch uses few, large ones: one
//! for each table and power of two up to [`ROWS_MAX`], prepared once and kept.

use std::{collections::BTreeMap, sync::Arc};

use sqlx::{
    Arguments as _, AssertSqlSafe, Encode, Sqlite, Type, query::Query, query_with, sqlite::SqliteArguments,
};

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

impl Many {
    /// The text for this many rows. Only constants of this program are in it; values are bound.
    pub(super) fn text(&self, rows: usize) -> String {
        format!("{}{}{}", self.head, vec![self.row; rows].join(","), self.tail)
    }
}

/// Values for a text, in the order of its question marks.
#[derive(Default)]
pub(super) struct Values(SqliteArguments);

impl Values {
    /// Adds one.
    pub(super) fn bind<'v>(mut self, value: impl Encode<'v, Sqlite> + Type<Sqlite>) -> Self {
        self.0.add(value).expect("numbers and bytes always encode");
        self
    }

    /// The statement with this text and these values.
    pub(super) fn of(self, text: impl Into<Arc<str>>) -> Statement {
        query_with(AssertSqlSafe(text.into()), self.0)
    }
}

/// The texts made so far.
#[derive(Debug, Default)]
pub(super) struct Texts {
    by_rows: BTreeMap<(&'static str, usize), Arc<str>>,
}

impl Texts {
    /// The text for this many rows.
    pub(super) fn find(&mut self, many: &Many, rows: usize) -> Arc<str> {
        Arc::clone(self.by_rows.entry((many.head, rows)).or_insert_with(|| many.text(rows).into()))
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
