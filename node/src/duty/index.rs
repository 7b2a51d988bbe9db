//! Which messages belong together, and of which cases something is still owed: what the judge looks at, however much has
//! come since. Everything in it follows from the store, so it is no part of a backup and is made anew when it is not what
//! it should be; while the disk takes no more, it is in memory.

use std::{collections::BTreeMap, path::Path};

use certs::{Digest, digest};
use data_encoding::HEXLOWER;
use relay::{duty::timer::Stage, envelope_id::EnvelopeKey, timestamp::Timestamp};
use serde::Serialize;
use sqlx::{
    ConnectOptions, Connection, Row, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};

use super::Standing;
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
    state     INTEGER NOT NULL DEFAULT 0,
    touched   INTEGER NOT NULL DEFAULT 0,
    look_ms   INTEGER NOT NULL DEFAULT 0,
    open      INTEGER NOT NULL DEFAULT 0,
    warned    INTEGER NOT NULL DEFAULT 0,
    alarms    INTEGER NOT NULL DEFAULT 0,
    furthest  INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX cases_newest ON cases (newest_ms);
CREATE INDEX cases_touched ON cases (newest_ms) WHERE state = 0;
CREATE INDEX cases_open ON cases (newest_ms) WHERE state = 1;
CREATE INDEX cases_look ON cases (look_ms) WHERE state = 1;
CREATE INDEX cases_counted ON cases (open, warned, alarms, furthest) WHERE open > 0;
CREATE TABLE upto (row INTEGER NOT NULL, key BLOB NOT NULL, rules BLOB NOT NULL) STRICT;
INSERT INTO upto VALUES (0, x'', x'');
PRAGMA user_version = 3;
";
const VERSION: i64 = 3;
/// States of a case; one that something has come to is 0.
const OPEN: i64 = 1;
const SETTLED: i64 = 2;
const CACHE_KIB: u32 = 512;

impl CaseIndex {
    /// The index of a directory, made where there is none or where it cannot be read.
    ///
    /// # Errors
    /// [`Problem`] when the disk does not take it.
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
        Self::over(&file).await.map_err(failed)
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

    /// What is open may have been looked at elsewhere meanwhile, and is to be judged again.
    pub(super) async fn doubt_open(&mut self) -> Result<(), Problem> {
        let said =
            sqlx::query("UPDATE cases SET state = 0, touched = touched + 1 WHERE state = ?").bind(OPEN);
        said.execute(&mut self.connection).await.map(drop).map_err(failed)
    }

    /// Other packs are in force: every case is to be judged again.
    pub(super) async fn rules_changed(&mut self, rules: Vec<u8>) -> Result<(), Problem> {
        let mut change = self.connection.begin().await.map_err(failed)?;
        sqlx::query("UPDATE cases SET state = 0, touched = touched + 1")
            .execute(&mut *change)
            .await
            .map_err(failed)?;
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
        let messages: Vec<(String, String, i64)> = news
            .messages
            .iter()
            .map(|(key, place, at)| (HEXLOWER.encode(&key.to_bytes()), HEXLOWER.encode(place), at.as_ms()))
            .collect();
        let mut change = self.connection.begin().await?;
        for text in [ADD_MESSAGES, ADD_CASES] {
            sqlx::query(text).bind(json(&messages)).execute(&mut *change).await?;
        }
        sqlx::query(TOUCH).bind(json(&hex(&news.touched))).execute(&mut *change).await?;
        let upto = sqlx::query("UPDATE upto SET row = ?, key = ?").bind(row).bind(key.to_bytes().to_vec());
        upto.execute(&mut *change).await?;
        change.commit().await
    }

    /// Something has come to a case: it is to be judged again.
    pub(super) async fn touch(&mut self, place: &Place) -> Result<(), Problem> {
        let touched = sqlx::query(TOUCH).bind(json(&hex([place])));
        touched.execute(&mut self.connection).await.map(|_| ()).map_err(failed)
    }

    /// How often something has come to a case.
    pub(super) async fn touches(&mut self, place: &Place) -> Result<i64, Problem> {
        let found = sqlx::query_scalar("SELECT touched FROM cases WHERE place = ?").bind(place);
        let found: Option<i64> = found.fetch_optional(&mut self.connection).await.map_err(failed)?;
        Ok(found.unwrap_or(0))
    }

    /// A case was judged when it had been touched so often, and stands so: something is owed in it or a step of a timer is to
    /// come, and it is to be looked at again then; or nothing. One that has been touched since is not judged by that.
    pub(super) async fn looked(
        &mut self,
        place: &Place,
        touches: i64,
        standing: Standing,
        again: Option<Timestamp>,
    ) -> Result<(), Problem> {
        let case = sqlx::query(
            "UPDATE cases SET state = ?, look_ms = ?, open = ?, warned = ?, alarms = ?, furthest = ? \
             WHERE place = ? AND touched = ?",
        )
        .bind(if again.is_some() { OPEN } else { SETTLED })
        .bind(again.map_or(0, Timestamp::as_ms))
        .bind(count(standing.open))
        .bind(count(standing.warned))
        .bind(count(standing.alarms))
        .bind(standing.furthest.map(|stage| i64::from(stage.number())))
        .bind(place)
        .bind(touches);
        case.execute(&mut self.connection).await.map(|_| ()).map_err(failed)
    }

    /// Where all cases together stand, as they were looked at last.
    pub(super) async fn standing(&mut self) -> Result<Standing, Problem> {
        let text = "SELECT coalesce(sum(open), 0), coalesce(sum(warned), 0), coalesce(sum(alarms), 0), \
                    max(furthest) FROM cases WHERE open > 0";
        let row = sqlx::query(text).fetch_one(&mut self.connection).await.map_err(failed)?;
        let number = |place| row.try_get::<i64, _>(place).map(|number| usize::try_from(number).unwrap_or(0));
        let furthest: Option<i64> = row.try_get(3).map_err(failed)?;
        Ok(Standing {
            open: number(0).map_err(failed)?,
            warned: number(1).map_err(failed)?,
            alarms: number(2).map_err(failed)?,
            furthest: furthest.and_then(|number| u8::try_from(number).ok()).and_then(Stage::from_number),
        })
    }

    /// The case of a message.
    pub(super) async fn place_of(&mut self, key: EnvelopeKey) -> Result<Option<Place>, Problem> {
        Ok(self.places_of([key]).await?.remove(&key))
    }

    /// The cases of messages; those that the index does not know are left out.
    pub(super) async fn places_of(
        &mut self,
        keys: impl IntoIterator<Item = EnvelopeKey>,
    ) -> Result<BTreeMap<EnvelopeKey, Place>, Problem> {
        let keys: Vec<String> = keys.into_iter().map(|key| HEXLOWER.encode(&key.to_bytes())).collect();
        let text = "SELECT key, place FROM message WHERE key IN (SELECT unhex(value) FROM json_each(?))";
        let found = sqlx::query_as::<_, (Vec<u8>, Place)>(text).bind(json(&keys));
        let found = found.fetch_all(&mut self.connection).await.map_err(failed)?;
        let known = |(key, place): (Vec<u8>, Place)| Some((EnvelopeKey::from_bytes(&key)?, place));
        Ok(found.into_iter().filter_map(known).collect())
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

    /// The cases that are to be looked at by now, those first that are due first.
    pub(super) async fn due_places(&mut self, now: Timestamp, count: usize) -> Result<Vec<Place>, Problem> {
        let text = "SELECT place FROM cases WHERE state = 1 AND look_ms <= ? ORDER BY look_ms LIMIT ?";
        let found = sqlx::query_scalar(text).bind(now.as_ms()).bind(self::count(count));
        found.fetch_all(&mut self.connection).await.map_err(failed)
    }

    /// When the next one is.
    pub(super) async fn next_look(&mut self) -> Result<Option<Timestamp>, Problem> {
        let found = sqlx::query_scalar("SELECT min(look_ms) FROM cases WHERE state = 1");
        let found: Option<i64> = found.fetch_one(&mut self.connection).await.map_err(failed)?;
        Ok(found.map(Timestamp::from_ms))
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
        let found = found.bind(self::count(count));
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
        sqlx::query_scalar(text)
            .bind(self::count(count))
            .fetch_all(&mut self.connection)
            .await
            .map_err(failed)
    }
}

// Whatever a look brings is one statement each: every statement is a change of thread and back.
const ADD_MESSAGES: &str = "INSERT OR IGNORE INTO message (key, place, created_ms) \
     SELECT unhex(value ->> 0), unhex(value ->> 1), value ->> 2 FROM json_each(?)";
const ADD_CASES: &str = "INSERT INTO cases (place, newest_ms) \
     SELECT unhex(value ->> 1), max(value ->> 2) FROM json_each(?) WHERE true GROUP BY 1 \
     ON CONFLICT (place) DO UPDATE \
     SET newest_ms = max(newest_ms, excluded.newest_ms), state = 0, touched = touched + 1";
const TOUCH: &str = "UPDATE cases SET state = 0, touched = touched + 1 \
     WHERE place IN (SELECT unhex(value) FROM json_each(?))";

fn json(rows: &(impl Serialize + ?Sized)) -> String {
    serde_json::to_string(rows).expect("rows of texts and numbers are JSON")
}

fn hex<'a>(places: impl IntoIterator<Item = &'a Place>) -> Vec<String> {
    places.into_iter().map(|place| HEXLOWER.encode(place)).collect()
}

fn count(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// One name for the rules in force.
pub(super) fn rules_name(digests: &[Digest]) -> Vec<u8> {
    let mut digests = digests.to_vec();
    digests.sort_unstable();
    let bytes: Vec<u8> = digests.iter().flat_map(|digest| *digest.as_bytes()).collect();
    digest(&bytes).as_bytes().to_vec()
}

#[allow(clippy::needless_pass_by_value, reason = "map_err gives it by value")]
fn failed(error: sqlx::Error) -> Problem {
    Problem::failed("store_failed").with("detail", error)
}

#[cfg(test)]
mod tests;
