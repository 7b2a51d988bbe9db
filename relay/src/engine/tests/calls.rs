//! A signed note of a telephone call enters the table of calls in the step that accepts or delivers it, and once.

use super::{
    office::{Office, open},
    rooms::{A, C, Draft, NOW, P},
    tale::tale,
};
use crate::{
    message::{DeclaredTime, phone::code::CallCode},
    step::{Arrival, CallEntry, InboxEntry, Input, Opened, Submission},
};

fn entry() -> CallEntry {
    CallEntry {
        peer: P,
        code: CallCode::of_number(0),
        started_at: DeclaredTime::from_ms(1).unwrap(),
        about: None,
        case: None,
        signed: vec![7],
    }
}

fn arrival(office: &mut Office, draft: &Draft) -> Vec<String> {
    let envelope = draft.branch(&[P]);
    let Opened::Entry(line) = open(P, &[P]) else { panic!("the province is a recipient") };
    let opened = Opened::Entry(InboxEntry { call: Some(entry()), ..line });
    let arrival = Box::new(Arrival { from: A, envelope, opened });
    tale(&office.turn(Input::Arrived(arrival), NOW))
}

#[test]
fn a_note_of_this_room_is_in_the_table_when_it_is_accepted() {
    let mut office = Office::new(C);
    let draft = Draft::new(C, &[P], 1);
    let submission = Submission { call: Some(entry()), ..draft.submission() };
    let told = tale(&office.turn(Input::Submit(Box::new(submission)), draft.created_at));
    assert_eq!(told[..3], ["store envelope for P", "note of call 222", "receipt accepted by C for P"]);
}

#[test]
fn a_note_of_another_room_is_in_the_table_when_it_is_delivered_and_once() {
    let mut office = Office::new(P);
    office.link_up(A);
    let draft = Draft::new(C, &[P], 1);
    let told = arrival(&mut office, &draft);
    let expected = ["store envelope for P", "note of call 222", "store content key", "inbox nr 1"];
    assert_eq!(told[..4], expected);
    let again = arrival(&mut office, &draft);
    assert!(again.iter().all(|line| !line.starts_with("note of call")), "{again:?}");
}
