//! Wrong files and changed bytes.

use relay::receipt::Event;

use super::*;
use crate::store::conformance::sample::{ME, SOURCE};

/// Changes rows behind the store's back, as a failing disk would.
async fn tamper(place: &Place, sql: &'static str) {
    use sqlx::ConnectOptions as _;
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(place.path()).create_if_missing(true);
    let mut connection = options.connect().await.unwrap();
    sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

/// Flips a bit wherever the file holds these bytes: a page may keep an old copy in its free space.
fn flip_bit(place: &Place, bytes: &[u8]) {
    let mut file = std::fs::read(place.path()).unwrap();
    let found: Vec<usize> = (0..file.len()).filter(|at| file[*at..].starts_with(bytes)).collect();
    assert!(!found.is_empty());
    for at in found {
        file[at + 7] ^= 1;
    }
    std::fs::write(place.path(), file).unwrap();
}

const FLIP_BODY: &str = "UPDATE envelope SET body = CAST(x'ff' || substr(body, 2) AS BLOB) WHERE row = 1";

#[tokio::test]
async fn another_programs_database_is_refused_and_not_changed() {
    let place = Place::new();
    tamper(&place, "CREATE TABLE cats (name TEXT); INSERT INTO cats VALUES ('Mao')").await;
    let before = std::fs::read(place.path()).unwrap();
    assert!(matches!(place.refused().await, StoreError::Foreign { .. }));
    assert_eq!(std::fs::read(place.path()).unwrap(), before);

    let place = Place::new();
    tamper(&place, "PRAGMA application_id = 42").await;
    assert!(matches!(place.refused().await, StoreError::Foreign { .. }));
}

#[tokio::test]
async fn a_newer_database_is_refused_and_not_changed() {
    let place = Place::new();
    place.open().await.close().await.unwrap();
    tamper(&place, "PRAGMA user_version = 700").await;
    let before = std::fs::read(place.path()).unwrap();
    let error = place.refused().await;
    let known = schema::VERSION;
    assert!(matches!(error, StoreError::Newer { found: 700, known: k, .. } if k == known), "{error:?}");
    assert_eq!(std::fs::read(place.path()).unwrap(), before);
}

#[tokio::test]
async fn a_lost_file_does_not_look_like_an_empty_one() {
    let place = Place::new();
    assert!(matches!(place.refused().await, StoreError::Missing { .. }));
    assert!(!place.path().exists());
    std::fs::write(place.path(), b"").unwrap();
    assert!(matches!(place.refused().await, StoreError::Missing { .. }));
    place.open().await.close().await.unwrap();
    SqliteStore::open(&place.path(), KNOWN).await.unwrap();
}

#[tokio::test]
async fn a_file_that_is_no_database_or_cut_short_is_damaged() {
    let place = Place::new();
    std::fs::write(place.path(), "今天值班很平静。".repeat(1000)).unwrap();
    assert!(matches!(place.refused().await, StoreError::Damaged { .. }));

    let place = Place::new();
    let mut store = place.open().await;
    let writes = (0..50).flat_map(|number| arrive(&Sample::new(number, Precedence::Routine))).collect();
    store.commit(writes).await.unwrap();
    store.close().await.unwrap();
    let whole = std::fs::read(place.path()).unwrap();
    std::fs::write(place.path(), &whole[..whole.len() / 2]).unwrap();
    let error = place.refused().await;
    assert!(matches!(error, StoreError::Damaged { .. }), "{error:?}");
    std::fs::write(place.path(), &whole).unwrap();
    SqliteStore::open(&place.path(), KNOWN).await.unwrap();
}

#[tokio::test]
async fn an_envelope_with_a_flipped_bit_is_put_aside_and_the_next_one_goes() {
    let place = Place::new();
    let mut store = place.open().await;
    for number in 1..=3 {
        store.commit(arrive(&Sample::new(number, Precedence::Routine))).await.unwrap();
    }
    assert_eq!(waiting(&mut store).await.len(), 3);
    store.close().await.unwrap();
    flip_bit(&place, &Sample::new(1, Precedence::Routine).bytes.body);
    let mut store = SqliteStore::open(&place.path(), KNOWN).await.unwrap();
    let first = store.next_waiting(NEXT, Precedence::Routine, 1, 1).await.unwrap();
    let second = Sample::new(2, Precedence::Routine);
    assert!(first[0].bytes == second.bytes, "a damaged one never empties the queue");
    assert_eq!(waiting(&mut store).await.len(), 2);
    assert_eq!(store.load().await.unwrap().queued.values().sum::<u64>(), 2);

    let reader = SqliteReader::open(&place.path()).await.unwrap();
    let damaged = Sample::new(1, Precedence::Routine).record.key;
    let quarantine = reader.quarantine(10).await.unwrap();
    assert_eq!(quarantine.len(), 1);
    assert_eq!((quarantine[0].what.as_str(), quarantine[0].key), ("envelope", Some(damaged)));
    assert!(reader.envelope(damaged).await.unwrap().is_none());
    assert_eq!(store.records(&[damaged]).await.unwrap().len(), 1, "its record stays");
}

#[tokio::test]
async fn header_keys_and_record_are_checked_as_the_body_is() {
    for sql in [
        "UPDATE envelope SET header = CAST(substr(header, 1, length(header) - 1) || x'00' AS BLOB)",
        "UPDATE envelope SET keys = CAST(substr(keys, 1, length(keys) - 1) || x'00' AS BLOB)",
        "UPDATE envelope SET keys = x'ff'",
        "DELETE FROM envelope",
    ] {
        let place = Place::new();
        let mut store = place.open().await;
        store.commit(arrive(&Sample::new(1, Precedence::Routine))).await.unwrap();
        tamper(&place, sql).await;
        assert!(waiting(&mut store).await.is_empty(), "{sql}");
        assert_eq!(SqliteReader::open(&place.path()).await.unwrap().quarantine(10).await.unwrap().len(), 1);
    }
    let place = Place::new();
    let sample = Sample::new(1, Precedence::Routine);
    let mut store = place.open().await;
    store.commit(arrive(&sample)).await.unwrap();
    // A byte of the digest: the record still decodes.
    let sql = "UPDATE record SET state = CAST(substr(state, 1, 40) || x'ff' || substr(state, 42) AS BLOB)";
    tamper(&place, sql).await;
    let error = store.records(&[sample.record.key]).await.unwrap_err();
    assert!(matches!(error, StoreError::Damaged { .. }), "a node with a damaged record must stop: {error:?}");
}

#[tokio::test]
async fn people_are_shown_no_changed_envelope() {
    let place = Place::new();
    let sample = Sample::new(1, Precedence::Routine);
    let mut store = place.open().await;
    store.commit(arrive(&sample)).await.unwrap();
    let reader = SqliteReader::open(&place.path()).await.unwrap();
    assert_eq!(reader.envelope(sample.record.key).await.unwrap().unwrap().bytes, sample.bytes);
    tamper(&place, FLIP_BODY).await;
    let error = reader.envelope(sample.record.key).await.unwrap_err();
    assert!(matches!(error, StoreError::Damaged { .. }), "{error:?}");
}

#[tokio::test]
async fn a_changed_receipt_is_left_out_and_its_number_is_not_skipped() {
    let place = Place::new();
    let sample = Sample::new(1, Precedence::Routine);
    let mut store = place.open().await;
    let writes = (1..=3).map(|nr| sample.own(Event::Custody, nr, Some((SOURCE, nr)))).collect();
    store.commit(writes).await.unwrap();
    tamper(&place, "UPDATE receipt SET bytes = x'00' WHERE seq = 2").await;
    let rows = store.receipts(sample.record.key).await.unwrap();
    assert_eq!(rows.len(), 2);
    let bytes = |seq| sample.receipt(Event::Custody, ME, seq).bytes().clone();
    let outbox = store.outbox(SOURCE, 1, 10).await.unwrap();
    assert_eq!(outbox, vec![(1, bytes(1)), (2, bytes(1)), (3, bytes(3))]);
    let outbox = store.outbox(SOURCE, 2, 1).await.unwrap();
    assert_eq!(outbox, vec![(2, bytes(3))]);
    let reader = SqliteReader::open(&place.path()).await.unwrap();
    assert_eq!(reader.receipts(sample.record.key).await.unwrap().len(), 2);
    assert_eq!(reader.quarantine(10).await.unwrap().len(), 2);
}
