//! Which judged cases the book keeps.

use super::*;

fn kept(place: &Place, again: Option<Timestamp>, asked: u64) -> Kept {
    let now = Timestamp::from_ms(0);
    let case = JudgedCase { place: place.clone(), members: Vec::new(), duties: Vec::new(), until: now };
    Kept { case: Arc::new(case), is_stale: false, again: Some(again), asked }
}

#[test]
fn of_settled_cases_those_stay_that_were_asked_for_last_and_an_open_one_is_none_of_them() {
    let place = |number: usize| number.to_be_bytes().to_vec();
    let mut inner = Inner::default();
    inner.kept.insert(place(0), kept(&place(0), Some(Timestamp::from_ms(1)), 0));
    for number in 1..=SETTLED_MAX + 20 {
        inner.kept.insert(place(number), kept(&place(number), None, number as u64));
        inner.let_settled_go();
    }
    let left: Vec<Place> = inner.kept.into_keys().collect();
    let expected: Vec<Place> = [0].into_iter().chain(21..=SETTLED_MAX + 20).map(place).collect();
    assert_eq!(left, expected);
}
