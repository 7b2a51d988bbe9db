//! The index of cases: what is found, what is counted, and what is there after a restart.

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

/// The watch finds a case without anything due.
async fn look(index: &mut CaseIndex, place: &[u8], open: usize, again: Option<i64>) {
    let touches = index.touches(&place.to_vec()).await.unwrap();
    let standing = Standing { open, ..Standing::default() };
    index.looked(&place.to_vec(), touches, standing, again.map(Timestamp::from_ms)).await.unwrap();
}

#[tokio::test]
async fn a_settled_case_is_looked_at_again_when_something_comes() {
    let mut index = CaseIndex::in_memory().await.unwrap();
    take(&mut index, 1, b"old", &[]).await;
    take(&mut index, 2, b"new", &[]).await;
    assert_eq!(index.touched_places(9).await.unwrap(), [b"new".to_vec(), b"old".to_vec()]);
    look(&mut index, b"old", 0, None).await;
    look(&mut index, b"new", 1, Some(9)).await;
    assert!(index.touched_places(9).await.unwrap().is_empty());
    assert_eq!(index.open_places(9).await.unwrap(), [b"new".to_vec()]);
    take(&mut index, 3, b"old", &[b"new"]).await;
    assert_eq!(index.touched_places(1).await.unwrap(), [b"old".to_vec()], "the newest first");
    assert_eq!(index.touched_places(9).await.unwrap().len(), 2);
    assert_eq!(index.messages_of(&b"old".to_vec()).await.unwrap(), [key(3), key(1)]);
    let known = index.places_of([key(2), key(3), key(9)]).await.unwrap();
    assert_eq!(known, BTreeMap::from([(key(2), b"new".to_vec()), (key(3), b"old".to_vec())]));
    look(&mut index, b"old", 0, None).await;
    look(&mut index, b"new", 1, Some(9)).await;
    index.doubt_open().await.unwrap();
    assert_eq!(index.touched_places(9).await.unwrap(), [b"new".to_vec()], "what is settled stays so");
    index.rules_changed(vec![7]).await.unwrap();
    assert_eq!(index.touched_places(9).await.unwrap().len(), 2, "other rules may want something else");
}

#[tokio::test]
async fn what_comes_while_a_case_is_judged_is_not_forgotten() {
    let mut index = CaseIndex::in_memory().await.unwrap();
    let case = b"case".to_vec();
    for (number, touched) in [(1, &[][..]), (2, &[b"case".as_slice()][..])] {
        take(&mut index, number, b"case", touched).await;
        let touches = index.touches(&case).await.unwrap();
        index.touch(&case).await.unwrap();
        index.looked(&case, touches, Standing::default(), None).await.unwrap();
        assert_eq!(index.touched_places(9).await.unwrap(), [b"case".to_vec()]);
        look(&mut index, b"case", 0, None).await;
        assert!(index.touched_places(9).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn every_open_case_has_its_turn_and_what_is_due_first_goes_first() {
    let mut index = CaseIndex::in_memory().await.unwrap();
    for number in 1..=3 {
        take(&mut index, number, &[number], &[]).await;
        look(&mut index, &[number], 1, Some(i64::from(number) * 10)).await;
    }
    let ms = Timestamp::from_ms;
    assert_eq!(index.open_places(2).await.unwrap(), [[3], [2]], "lists show the newest");
    assert!(index.due_places(ms(9), 9).await.unwrap().is_empty());
    assert_eq!(index.next_look().await.unwrap(), Some(ms(10)));
    assert_eq!(index.due_places(ms(30), 2).await.unwrap(), [[1], [2]], "the oldest is due first");
    look(&mut index, &[1], 1, Some(40)).await;
    assert_eq!(index.due_places(ms(30), 9).await.unwrap(), [[2], [3]]);
    look(&mut index, &[2], 0, None).await;
    assert_eq!(index.due_places(ms(40), 9).await.unwrap(), [[3], [1]]);
}

#[tokio::test]
async fn all_cases_are_counted_as_they_were_looked_at_last() {
    let mut index = CaseIndex::in_memory().await.unwrap();
    assert_eq!(index.standing().await.unwrap(), Standing::default());
    let stands = [
        Standing { open: 2, warned: 1, alarms: 1, furthest: Some(Stage::Breach) },
        Standing { open: 1, warned: 0, alarms: 1, furthest: Some(Stage::Parent) },
        Standing { open: 3, ..Standing::default() },
    ];
    for (number, standing) in (1..).zip(stands) {
        take(&mut index, number, &[number], &[]).await;
        index.looked(&vec![number], 0, standing, Some(Timestamp::from_ms(9))).await.unwrap();
    }
    take(&mut index, 4, &[4], &[&[3]]).await;
    let all = Standing { open: 6, warned: 1, alarms: 2, furthest: Some(Stage::Parent) };
    assert_eq!(index.standing().await.unwrap(), all, "one that is to be judged again counts as before");
    look(&mut index, &[1], 0, None).await;
    assert_eq!(index.standing().await.unwrap(), Standing { open: 4, warned: 0, alarms: 1, ..all });
}

#[tokio::test]
async fn what_the_store_gave_up_is_forgotten_and_a_case_goes_with_its_last_message() {
    let mut index = CaseIndex::in_memory().await.unwrap();
    for (number, place) in [(1, b"old"), (2, b"mix"), (3, b"mix"), (4, b"new")] {
        take(&mut index, number, place, &[]).await;
    }
    let before = Timestamp::from_ms(4);
    assert_eq!(index.older_than(before, None, 2).await.unwrap(), [key(1), key(2)]);
    assert_eq!(index.older_than(before, Some(key(2)), 2).await.unwrap(), [key(3)], "the last is too young");
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
