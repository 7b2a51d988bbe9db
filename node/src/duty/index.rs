//! Which messages belong together, and of which cases something is still owed: what the judge looks at, however much has
//! come since. Everything in it follows from the store, so it is no part of a backup and is made anew when it is not what
//! it should be; where the disk takes no more, it is in memory.

use std::path::Path;

use certs::{Digest, digest};
use relay::{envelope_id::EnvelopeKey, timestamp::Timestamp};
use sqlx::{
    ConnectOptions, Connection, Row, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};

use crate::problem::Problem;

/// What the messages of one case have in common: the case's id, or the key of the message that they are about.
pub(super) type Place = Vec<u8>;

/// The index, and how far it follows the store.
pub(super) struct CaseIndex {
    connection: SqliteConnection,
    upto: Upto,
}

/// The last receipt that was looked at, and the rule packs by which was judged.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Upto {
    /// Its row in the store; 0 when there is none.
    pub(super) row: i64,
    /// The message that it is about: tells another store from this one.
    pub(super) key: Vec<u8>,
    /// Over the digests of the packs and calendars.
    pub(super) rules: Vec<u8>,
}

/// What receipts have brought.
#[derive(Debug, Default)]
pub(super) struct News {
    /// Messages that the index did not know.
    pub(super) messages: Vec<(EnvelopeKey, Place, Timestamp)>,
    /// Cases that are to be judged again.
    pub(super) touched: Vec<Place>,
}

const SCHEMA: &str = "
CREATE TABLE message (
    key        BLOB NOT NULL PRIMARY KEY,
    place      BLOB NOT NULL,
    created_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX message_place ON message (place, created_ms);
CREATE TABLE cases (
    place     BLOB NOT NULL PRIMARY KEY,
    newest_ms INTEGER NOT NULL,
    state     INTEGER NOT NULL,
    look_ms   INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
CREATE INDEX cases_newest ON cases (newest_ms);
CREATE INDEX cases_touched ON cases (newest_ms) WHERE state = 0;
CREATE INDEX cases_open ON cases (newest_ms) WHERE state = 1;
CREATE INDEX cases_look ON cases (look_ms) WHERE state = 1;
CREATE TABLE upto (row INTEGER NOT NULL, key BLOB NOT NULL, rules BLOB NOT NULL) STRICT;
INSERT INTO upto VALUES (0, x'', x'');
PRAGMA user_version = 2;
";
const VERSION: i64 = 2;
/// States of a case; one that something has come to is 0.
const OPEN: i64 = 1;
const SETTLED: i64 = 2;
const CACHE_KIB: u32 = 512;

impl CaseIndex {
    /// The index of a directory, made where there is none or where it cannot be read.
    ///
    /// # Errors
    /// [`Problem`] when not even memory takes it.
    pub(super) async fn open(path: &Path) -> Result<Self, Problem> {
        let file = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // What a power cut takes from its end is found in the store again.
            .synchronous(SqliteSynchronous::Normal);
        if let Ok(index) = Self::over(&file).await {
            return Ok(index);
        }
        for ending in ["", "-wal", "-shm"] {
            let mut name = path.as_os_str().to_owned();
            name.push(ending);
            // What is not there need not go.
            let _ = std::fs::remove_file(name);
        }
        match Self::over(&file).await {
            Ok(index) => Ok(index),
            Err(error) => {
                tracing::error!(%error, "the index of cases is in memory until the node starts again");
                Self::in_memory().await
            }
        }
    }

    /// An index that is gone when the node stops.
    ///
    /// # Errors
    /// [`Problem`] when there is no memory for it.
    pub(super) async fn in_memory() -> Result<Self, Problem> {
        Self::over(&SqliteConnectOptions::new().in_memory(true)).await.map_err(failed)
    }

    async fn over(options: &SqliteConnectOptions) -> Result<Self, sqlx::Error> {
        let options = options
            .clone()
            .pragma("cache_size", format!("-{CACHE_KIB}"))
            .pragma("trusted_schema", "OFF")
            .disable_statement_logging();
        let mut connection = options.connect().await?;
        let version: i64 = sqlx::query_scalar("PRAGMA user_version").fetch_one(&mut connection).await?;
        match version {
            VERSION => {}
            0 => {
                let mut change = connection.begin().await?;
                sqlx::raw_sql(SCHEMA).execute(&mut *change).await?;
                change.commit().await?;
            }
            _ => return Err(sqlx::Error::Configuration("an index of another version".into())),
        }
        let row = sqlx::query("SELECT row, key, rules FROM upto").fetch_one(&mut connection).await?;
        let upto = Upto { row: row.try_get(0)?, key: row.try_get(1)?, rules: row.try_get(2)? };
        Ok(Self { connection, upto })
    }

    /// How far it follows the store.
    pub(super) fn upto(&self) -> &Upto {
        &self.upto
    }

    /// Forgets everything: it belongs to another store.
    pub(super) async fn clear(&mut self) -> Result<(), Problem> {
        let text = "DELETE FROM message; DELETE FROM cases; UPDATE upto SET row = 0, key = x''";
        let mut change = self.connection.begin().await.map_err(failed)?;
        sqlx::raw_sql(text).execute(&mut *change).await.map_err(failed)?;
        change.commit().await.map_err(failed)?;
        (self.upto.row, self.upto.key) = (0, Vec::new());
        Ok(())
    }

    /// Other packs are in force: every case is to be judged again.
    pub(super) async fn rules_changed(&mut self, rules: Vec<u8>) -> Result<(), Problem> {
        let mut change = self.connection.begin().await.map_err(failed)?;
        sqlx::query("UPDATE cases SET state = 0").execute(&mut *change).await.map_err(failed)?;
        let said = sqlx::query("UPDATE upto SET rules = ?").bind(&rules);
        said.execute(&mut *change).await.map_err(failed)?;
        change.commit().await.map_err(failed)?;
        self.upto.rules = rules;
        Ok(())
    }

    /// Takes what receipts up to this one have brought.
    pub(super) async fn take(&mut self, news: &News, row: i64, key: EnvelopeKey) -> Result<(), Problem> {
        self.write(news, row, key).await.map_err(failed)?;
        (self.upto.row, self.upto.key) = (row, key.to_bytes().to_vec());
        Ok(())
    }

    async fn write(&mut self, news: &News, row: i64, key: EnvelopeKey) -> Result<(), sqlx::Error> {
        let mut change = self.connection.begin().await?;
        for (key, place, created_at) in &news.messages {
            let message =
                sqlx::query("INSERT OR IGNORE INTO message (key, place, created_ms) VALUES (?, ?, ?)");
            let message = message.bind(key.to_bytes().to_vec()).bind(place).bind(created_at.as_ms());
            message.execute(&mut *change).await?;
            let case = sqlx::query(
                "INSERT INTO cases (place, newest_ms, state) VALUES (?, ?, 0) \
                 ON CONFLICT (place) DO UPDATE SET newest_ms = max(newest_ms, excluded.newest_ms), state = 0",
            );
            case.bind(place).bind(created_at.as_ms()).execute(&mut *change).await?;
        }
        for place in &news.touched {
            let case = sqlx::query("UPDATE cases SET state = 0 WHERE place = ?");
            case.bind(place).execute(&mut *change).await?;
        }
        let upto = sqlx::query("UPDATE upto SET row = ?, key = ?").bind(row).bind(key.to_bytes().to_vec());
        upto.execute(&mut *change).await?;
        change.commit().await
    }

    /// A case was judged: something is owed in it or a step of a timer is to come, and it is to be looked at again then; or
    /// nothing.
    pub(super) async fn looked(&mut self, place: &Place, again: Option<Timestamp>) -> Result<(), Problem> {
        let state = if again.is_some() { OPEN } else { SETTLED };
        let case = sqlx::query("UPDATE cases SET state = ?, look_ms = ? WHERE place = ?");
        let case = case.bind(state).bind(again.map_or(0, Timestamp::as_ms)).bind(place);
        case.execute(&mut self.connection).await.map(|_| ()).map_err(failed)
    }

    /// The case of a message.
    pub(super) async fn place_of(&mut self, key: EnvelopeKey) -> Result<Option<Place>, Problem> {
        let found =
            sqlx::query_scalar("SELECT place FROM message WHERE key = ?").bind(key.to_bytes().to_vec());
        found.fetch_optional(&mut self.connection).await.map_err(failed)
    }

    /// The messages of a case, the newest first.
    pub(super) async fn messages_of(&mut self, place: &Place) -> Result<Vec<EnvelopeKey>, Problem> {
        let text = "SELECT key FROM message WHERE place = ? ORDER BY created_ms DESC, key DESC";
        let found: Vec<Vec<u8>> =
            sqlx::query_scalar(text).bind(place).fetch_all(&mut self.connection).await.map_err(failed)?;
        Ok(found.iter().filter_map(|key| EnvelopeKey::from_bytes(key)).collect())
    }

    /// The newest cases that something has come to since they were judged.
    pub(super) async fn touched_places(&mut self, count: usize) -> Result<Vec<Place>, Problem> {
        self.places("SELECT place FROM cases WHERE state = 0 ORDER BY newest_ms DESC LIMIT ?", count).await
    }

    /// The newest cases of which something is owed.
    pub(super) async fn open_places(&mut self, count: usize) -> Result<Vec<Place>, Problem> {
        self.places("SELECT place FROM cases WHERE state = 1 ORDER BY newest_ms DESC LIMIT ?", count).await
    }

    /// The cases of which something is owed, those first that are to be looked at first.
    pub(super) async fn places_to_look_at(&mut self, count: usize) -> Result<Vec<Place>, Problem> {
        self.places("SELECT place FROM cases WHERE state = 1 ORDER BY look_ms LIMIT ?", count).await
    }

    /// Messages made before a time, in the order of their keys after one of them.
    pub(super) async fn older_than(
        &mut self,
        before: Timestamp,
        after: Option<EnvelopeKey>,
        count: usize,
    ) -> Result<Vec<EnvelopeKey>, Problem> {
        let after = after.map(|key| key.to_bytes().to_vec()).unwrap_or_default();
        let text = "SELECT key FROM message WHERE key > ? AND created_ms < ? ORDER BY key LIMIT ?";
        let found = sqlx::query_scalar(text).bind(after).bind(before.as_ms());
        let found = found.bind(i64::try_from(count).unwrap_or(i64::MAX));
        let found: Vec<Vec<u8>> = found.fetch_all(&mut self.connection).await.map_err(failed)?;
        Ok(found.iter().filter_map(|key| EnvelopeKey::from_bytes(key)).collect())
    }

    /// Forgets messages that the store has given up, and cases of which nothing is left.
    pub(super) async fn forget(&mut self, keys: &[EnvelopeKey]) -> Result<(), Problem> {
        let mut change = self.connection.begin().await.map_err(failed)?;
        for key in keys {
            let gone = sqlx::query_scalar("DELETE FROM message WHERE key = ? RETURNING place");
            let gone = gone.bind(key.to_bytes().to_vec()).fetch_optional(&mut *change).await;
            let Some(place): Option<Place> = gone.map_err(failed)? else { continue };
            let text = "DELETE FROM cases WHERE place = ?1 \
                        AND NOT EXISTS (SELECT 1 FROM message WHERE message.place = ?1)";
            sqlx::query(text).bind(place).execute(&mut *change).await.map_err(failed)?;
        }
        change.commit().await.map_err(failed)
    }

    /// The newest cases.
    pub(super) async fn newest_places(&mut self, count: usize) -> Result<Vec<Place>, Problem> {
        self.places("SELECT place FROM cases ORDER BY newest_ms DESC LIMIT ?", count).await
    }

    async fn places(&mut self, text: &'static str, count: usize) -> Result<Vec<Place>, Problem> {
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        sqlx::query_scalar(text).bind(count).fetch_all(&mut self.connection).await.map_err(failed)
    }
}

/// One name for the rules in force.
pub(super) fn rules_name(mut digests: Vec<Digest>) -> Vec<u8> {
    digests.sort_unstable();
    let bytes: Vec<u8> = digests.iter().flat_map(|digest| *digest.as_bytes()).collect();
    digest(&bytes).as_bytes().to_vec()
}

#[allow(clippy::needless_pass_by_value, reason = "map_err gives it by value")]
fn failed(error: sqlx::Error) -> Problem {
    Problem::failed("store_failed").with("detail", error)
}

#[cfg(test)]
mod tests {
    use relay::envelope_id::EnvelopeId;
    use topology::RoomId;

    use super::*;

    fn key(number: u8) -> EnvelopeKey {
        EnvelopeKey { origin: RoomId::from_bytes([1; 16]), id: EnvelopeId::from_bytes([number; 16]) }
    }

    async fn take(index: &mut CaseIndex, number: u8, place: &[u8], touched: &[&[u8]]) {
        let news = News {
            messages: vec![(key(number), place.to_vec(), Timestamp::from_ms(i64::from(number)))],
            touched: touched.iter().map(|place| place.to_vec()).collect(),
        };
        index.take(&news, i64::from(number), key(number)).await.unwrap();
    }

    #[tokio::test]
    async fn a_settled_case_is_looked_at_again_when_something_comes() {
        let mut index = CaseIndex::in_memory().await.unwrap();
        take(&mut index, 1, b"old", &[]).await;
        take(&mut index, 2, b"new", &[]).await;
        assert_eq!(index.touched_places(9).await.unwrap(), [b"new".to_vec(), b"old".to_vec()]);
        index.looked(&b"old".to_vec(), None).await.unwrap();
        index.looked(&b"new".to_vec(), Some(Timestamp::from_ms(9))).await.unwrap();
        assert!(index.touched_places(9).await.unwrap().is_empty());
        assert_eq!(index.open_places(9).await.unwrap(), [b"new".to_vec()]);
        take(&mut index, 3, b"old", &[b"new"]).await;
        assert_eq!(index.touched_places(1).await.unwrap(), [b"old".to_vec()], "the newest first");
        assert_eq!(index.touched_places(9).await.unwrap().len(), 2);
        assert_eq!(index.messages_of(&b"old".to_vec()).await.unwrap(), [key(3), key(1)]);
        assert_eq!(index.place_of(key(2)).await.unwrap(), Some(b"new".to_vec()));
        index.looked(&b"old".to_vec(), None).await.unwrap();
        index.rules_changed(vec![7]).await.unwrap();
        assert_eq!(index.touched_places(9).await.unwrap().len(), 2, "other rules may want something else");
    }

    #[tokio::test]
    async fn every_open_case_has_its_turn_and_what_is_due_first_goes_first() {
        let mut index = CaseIndex::in_memory().await.unwrap();
        for number in 1..=3 {
            take(&mut index, number, &[number], &[]).await;
            index.looked(&vec![number], Some(Timestamp::from_ms(i64::from(number) * 10))).await.unwrap();
        }
        assert_eq!(index.open_places(2).await.unwrap(), [[3], [2]], "lists show the newest");
        assert_eq!(index.places_to_look_at(2).await.unwrap(), [[1], [2]], "the oldest is due first");
        index.looked(&vec![1], Some(Timestamp::from_ms(40))).await.unwrap();
        assert_eq!(index.places_to_look_at(2).await.unwrap(), [[2], [3]]);
        index.looked(&vec![2], None).await.unwrap();
        assert_eq!(index.places_to_look_at(9).await.unwrap(), [[3], [1]]);
    }

    #[tokio::test]
    async fn what_the_store_gave_up_is_forgotten_and_a_case_goes_with_its_last_message() {
        let mut index = CaseIndex::in_memory().await.unwrap();
        for (number, place) in [(1, b"old"), (2, b"mix"), (3, b"mix"), (4, b"new")] {
            take(&mut index, number, place, &[]).await;
        }
        let before = Timestamp::from_ms(4);
        assert_eq!(index.older_than(before, None, 2).await.unwrap(), [key(1), key(2)]);
        assert_eq!(
            index.older_than(before, Some(key(2)), 2).await.unwrap(),
            [key(3)],
            "the last is too young"
        );
        index.forget(&[key(1), key(2), key(9)]).await.unwrap();
        assert_eq!(index.newest_places(9).await.unwrap(), [b"new".to_vec(), b"mix".to_vec()]);
        assert_eq!(index.messages_of(&b"mix".to_vec()).await.unwrap(), [key(3)]);
        assert_eq!(index.place_of(key(1)).await.unwrap(), None);
        index.forget(&[key(3)]).await.unwrap();
        assert_eq!(index.newest_places(9).await.unwrap(), [b"new".to_vec()]);
    }

    #[tokio::test]
    async fn what_was_taken_is_there_after_a_restart_and_what_is_no_index_is_replaced() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("cases.db");
        let mut index = CaseIndex::open(&path).await.unwrap();
        take(&mut index, 5, b"case", &[]).await;
        let upto = index.upto().clone();
        drop(index);
        let mut index = CaseIndex::open(&path).await.unwrap();
        assert_eq!(*index.upto(), upto);
        assert_eq!(index.touched_places(9).await.unwrap(), [b"case".to_vec()]);
        drop(index);
        std::fs::write(&path, "junk").unwrap();
        let mut index = CaseIndex::open(&path).await.unwrap();
        assert_eq!(*index.upto(), Upto::default());
        assert!(index.touched_places(9).await.unwrap().is_empty());
    }
}
