//! Literal notes and the calls that they are of.

use certs::{
    Digest,
    officer::{OfficerCertificate, OfficerKey, OfficerRole, sign_as},
    signature::{ContentType, SimulationKeyring, SimulationSigner},
};

use super::*;
use crate::{
    envelope_id::EnvelopeId,
    message::{
        field::Status,
        phone::call::{CALL_VERSION, SignedCall},
    },
};

const COUNTY: RoomId = RoomId::from_bytes([1; 16]);
const CITY: RoomId = RoomId::from_bytes([2; 16]);
const PROVINCE: RoomId = RoomId::from_bytes([3; 16]);
const MINUTE: i64 = 60_000;
/// 2026-11-22 02:37 Beijing time.
const START: i64 = 1_795_286_220_000;

fn time(ms: i64) -> DeclaredTime {
    DeclaredTime::from_ms(ms).unwrap()
}

/// The county rings the city under K7M for two minutes.
fn rings() -> CallStatement {
    CallStatement {
        v: CALL_VERSION,
        case: None,
        code: "K7M".parse().unwrap(),
        line: PhoneLine::Ordinary,
        peer: CITY,
        room: COUNTY,
        text: Digest::from_bytes([9; 32]),
        about: None,
        status: Status::Actual,
        ended_at: time(START + 2 * MINUTE),
        direction: Direction::Out,
        sensitive: false,
        started_at: time(START),
    }
}

/// And the city notes it.
fn is_rung() -> CallStatement {
    CallStatement { peer: COUNTY, room: CITY, direction: Direction::In, ..rings() }
}

fn later(said: CallStatement, minutes: i64) -> CallStatement {
    let by = |at: DeclaredTime| time(at.as_ms() + minutes * MINUTE);
    CallStatement { started_at: by(said.started_at), ended_at: by(said.ended_at), ..said }
}

fn note(number: u8, said: CallStatement) -> Note {
    let key = OfficerKey::generate();
    let room = said.room;
    let role = OfficerRole::DutyOfficer;
    let certificate = OfficerCertificate::new(room, "zhang", "张伟", role, &key.public(), 5)
        .sign(&SimulationSigner::new(room));
    let signed = sign_as(&key, &certificate, ContentType::PhoneCall, &said.payload());
    let keys = SimulationKeyring::new([COUNTY, CITY, PROVINCE]);
    let call = VerifiedCall::verify(&SignedCall::new(signed), &keys).unwrap();
    Note { key: EnvelopeKey { origin: room, id: EnvelopeId::from_bytes([number; 16]) }, call }
}

/// State and the numbers of the notes of each call; whatever order the notes came in.
fn told(notes: Vec<Note>) -> Vec<String> {
    let tell = |calls: Vec<Call>| -> Vec<String> {
        let number = |note: &&Note| note.key.id.as_bytes()[0].to_string();
        let numbers = |call: &Call| call.notes().iter().map(number).collect::<Vec<_>>().join("+");
        calls.iter().map(|call| format!("{} {}", call.state(), numbers(call))).collect()
    };
    let forwards = tell(pair(notes.clone()));
    assert_eq!(tell(pair(notes.into_iter().rev().collect())), forwards);
    forwards
}

#[test]
fn notes_of_both_ends_are_one_call_and_anything_else_is_claimed() {
    let cases: Vec<(&str, CallStatement, Vec<&str>)> = vec![
        ("the other end's note", is_rung(), vec!["paired 1+2"]),
        ("at the window's edge", later(is_rung(), 10), vec!["paired 1+2"]),
        ("before the caller's, at the edge", later(is_rung(), -10), vec!["paired 1+2"]),
        ("beyond the window", later(is_rung(), 11), vec!["claimed 1", "claimed 2"]),
        ("the next night", later(is_rung(), 24 * 60), vec!["claimed 1", "claimed 2"]),
        (
            "another code",
            CallStatement { code: "K7W".parse().unwrap(), ..is_rung() },
            vec!["claimed 1", "claimed 2"],
        ),
        (
            "another room's note",
            CallStatement { room: PROVINCE, ..is_rung() },
            vec!["claimed 1", "claimed 2"],
        ),
        ("about another room", CallStatement { peer: PROVINCE, ..is_rung() }, vec!["claimed 1", "claimed 2"]),
        (
            "both say that they rang",
            CallStatement { direction: Direction::Out, ..is_rung() },
            vec!["claimed 1", "claimed 2"],
        ),
        ("the same end again", later(rings(), 1), vec!["claimed 1", "claimed 2"]),
        ("a drill", CallStatement { status: Status::Exercise, ..is_rung() }, vec!["claimed 1", "claimed 2"]),
    ];
    for (what, other, expected) in cases {
        assert_eq!(told(vec![note(1, rings()), note(2, other)]), expected, "{what}");
    }
}

#[test]
fn what_the_two_ends_contradict_each_other_in_is_named_and_counts_for_nothing() {
    let one = Some(EnvelopeKey { origin: COUNTY, id: EnvelopeId::from_bytes([7; 16]) });
    let other = Some(EnvelopeKey { origin: COUNTY, id: EnvelopeId::from_bytes([8; 16]) });
    let out = CallStatement { about: one, case: Some(CaseId::from_bytes([7; 16])), ..rings() };
    let into = |change: fn(&mut CallStatement)| {
        let mut said = CallStatement { about: out.about, case: out.case, ..is_rung() };
        change(&mut said);
        said
    };
    let conflicts = |said: CallStatement| match pair(vec![note(1, out.clone()), note(2, said)]).remove(0) {
        Call::Conflicting(_, keys) => keys,
        Call::Paired(_) => vec![],
        Call::Claimed(_) => vec!["claimed"],
    };
    assert_eq!(conflicts(into(|_| {})), Vec::<&str>::new());
    assert_eq!(conflicts(into(|said| (said.about, said.case) = (None, None))), Vec::<&str>::new());
    assert_eq!(conflicts(into(|said| said.line = PhoneLine::Secure)), ["line"]);
    assert_eq!(conflicts(CallStatement { about: other, ..into(|_| {}) }), ["about"]);
    assert_eq!(conflicts(into(|said| said.case = Some(CaseId::from_bytes([8; 16])))), ["case"]);
    let late_end = |said: &mut CallStatement| said.ended_at = time(START + 2 * MINUTE + 10 * MINUTE + 1);
    assert_eq!(conflicts(into(late_end)), ["ended_at"]);
    let call = pair(vec![note(1, out.clone()), note(2, into(late_end))]).remove(0);
    assert!(call.paired().is_none());
}

#[test]
fn no_note_serves_two_calls_and_a_later_one_takes_no_pair_apart() {
    let first = [note(1, rings()), note(2, is_rung())];
    assert_eq!(told(first.to_vec()), ["paired 1+2"]);
    let more = |number, said| [&first[..], &[note(number, said)]].concat();
    assert_eq!(told(more(3, is_rung())), ["paired 1+2", "claimed 3"]);
    assert_eq!(told(more(3, rings())), ["paired 1+2", "claimed 3"]);
    let both = [more(3, later(rings(), 1)), vec![note(4, later(is_rung(), 1))]].concat();
    assert_eq!(told(both), ["paired 1+2", "paired 3+4"]);
}

#[test]
fn what_fits_is_not_spoilt_by_an_earlier_note_that_does_not() {
    let secure = CallStatement { line: PhoneLine::Secure, ..is_rung() };
    let notes = vec![note(1, rings()), note(2, secure), note(3, is_rung())];
    assert_eq!(told(notes), ["paired 1+3", "claimed 2"]);
}

#[test]
fn the_same_signed_statement_in_a_second_envelope_is_not_a_second_call() {
    let (out, into) = (note(1, rings()), note(2, is_rung()));
    let again = |note: &Note, number| Note {
        key: EnvelopeKey { id: EnvelopeId::from_bytes([number; 16]), ..note.key },
        ..note.clone()
    };
    let notes = vec![again(&out, 3), again(&into, 4), out, into];
    assert_eq!(told(notes), ["paired 1+2"]);
}

#[test]
fn a_call_begins_with_the_earlier_start_and_ends_with_the_later_end() {
    let into = CallStatement { ended_at: time(START + 4 * MINUTE), ..later(is_rung(), 1) };
    let call = pair(vec![note(1, rings()), note(2, into)]).remove(0);
    assert_eq!((call.started_at(), call.ended_at()), (time(START), time(START + 4 * MINUTE)));
    assert_eq!((call.caller(), call.callee(), call.line()), (COUNTY, CITY, Some(PhoneLine::Ordinary)));
}

#[test]
fn one_end_that_calls_it_sensitive_is_enough_for_the_warning() {
    let warns = |sensitive, line| {
        let into = CallStatement { sensitive, line, ..is_rung() };
        pair(vec![note(1, CallStatement { line, ..rings() }), note(2, into)]).remove(0).wants_warning()
    };
    assert!(warns(true, PhoneLine::Ordinary));
    assert!(!warns(false, PhoneLine::Ordinary) && !warns(true, PhoneLine::Secure));
}
