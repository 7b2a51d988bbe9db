//! The table of calls, and the way to it from a database of the schema before.

use relay::{
    message::{CaseId, DeclaredTime},
    step::CallEntry,
};
use sqlx::{ConnectOptions as _, Connection as _, Row as _};

use super::*;
use crate::store::{
    conformance::sample::ORIGIN,
    sqlite::{
        CallFilter, CallLine,
        schema::{APPLICATION_ID, MIGRATIONS, VERSION},
    },
};

fn time(ms: i64) -> DeclaredTime {
    DeclaredTime::from_ms(ms).unwrap()
}

fn note(sample: &Sample, started_ms: i64, entry: impl FnOnce(&mut CallEntry)) -> Vec<Write> {
    let key = sample.record.key;
    let mut call = CallEntry { started_at: time(started_ms), ..sample.call() };
    entry(&mut call);
    let mut writes = arrive(sample);
    writes.push(Write::Call { key, entry: call });
    writes
}

#[tokio::test]
async fn notes_are_found_by_room_and_time_by_message_and_by_case() {
    let place = Place::new();
    let mut store = place.open().await;
    let samples: Vec<Sample> = (1..=4).map(|number| Sample::new(number, Precedence::Flash)).collect();
    let keys: Vec<_> = samples.iter().map(|sample| sample.record.key).collect();
    let case = CaseId::from_bytes([7; 16]);
    store.commit(note(&samples[0], 100, |_| {})).await.unwrap();
    store.commit(note(&samples[1], 200, |call| call.about = Some(keys[0]))).await.unwrap();
    store.commit(note(&samples[2], 300, |call| call.case = Some(case))).await.unwrap();
    store.commit(note(&samples[3], 200, |call| call.peer = ORIGIN)).await.unwrap();

    let reader = SqliteReader::open(&place.path()).await.unwrap();
    let found = async |filter| -> Vec<_> {
        reader.calls(filter).await.unwrap().into_iter().map(|line: CallLine| line.key).collect()
    };
    assert_eq!(found(CallFilter::Newest(3)).await, [keys[3], keys[2], keys[1]]);
    let with = |from, to| CallFilter::With { peer: NEXT, from: time(from), to: time(to) };
    assert_eq!(found(with(100, 200)).await, [keys[1], keys[0]]);
    assert!(found(with(301, 900)).await.is_empty());
    assert_eq!(found(CallFilter::About(keys[0])).await, [keys[1]]);
    assert_eq!(found(CallFilter::Case(case)).await, [keys[2]]);
    let signed = reader.calls(CallFilter::About(keys[0])).await.unwrap().remove(0).signed;
    assert_eq!(signed, samples[1].call().signed);
}

/// No list of calls reads the whole table.
#[tokio::test]
async fn every_search_for_notes_goes_by_an_index() {
    let place = Place::new();
    let mut store = place.open().await;
    for (condition, index) in [
        ("peer = x'' AND started_at_ms BETWEEN 0 AND 9", "call_peer"),
        ("about = x''", "call_about"),
        ("case_id = x''", "call_case"),
    ] {
        let text = format!("EXPLAIN QUERY PLAN SELECT key, signed FROM call WHERE {condition}");
        let rows = sqlx::query(sqlx::AssertSqlSafe(text)).fetch_all(&mut store.connection).await.unwrap();
        let plan: String = rows[0].try_get("detail").unwrap();
        assert!(plan.contains(index), "{plan}");
    }
}

#[tokio::test]
async fn a_database_of_the_first_schema_is_brought_to_this_one_and_keeps_what_it_has() {
    let place = Place::new();
    let mut old = sqlx::sqlite::SqliteConnectOptions::new()
        .filename(place.path())
        .create_if_missing(true)
        .connect()
        .await
        .unwrap();
    sqlx::raw_sql(MIGRATIONS[0]).execute(&mut old).await.unwrap();
    let marks = format!(
        "PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = 1; \
         INSERT INTO outbox_cursor (neighbour, next_nr, stored_upto) VALUES (zeroblob(16), 7, 3)"
    );
    sqlx::raw_sql(sqlx::AssertSqlSafe(marks)).execute(&mut old).await.unwrap();
    old.close().await.unwrap();

    let mut store = SqliteStore::open(&place.path(), KNOWN).await.unwrap();
    assert_eq!(store.load().await.unwrap().outboxes.values().collect::<Vec<_>>(), [&(7, 3)]);
    store.commit(note(&Sample::new(1, Precedence::Flash), 1, |_| {})).await.unwrap();
    let rows = sqlx::query("PRAGMA user_version").fetch_one(&mut store.connection).await.unwrap();
    assert_eq!(rows.try_get::<i64, _>(0).unwrap(), VERSION);
}
