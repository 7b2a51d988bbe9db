//! Which calls answer a request.

use certs::{
    Digest,
    officer::{OfficerCertificate, OfficerKey, OfficerRole, sign_as},
    signature::{ContentType, SimulationKeyring, SimulationSigner},
};

use super::*;
use crate::message::{
    field::Status,
    phone::{
        Direction, PhoneLine,
        call::{CALL_VERSION, CallStatement, SignedCall, VerifiedCall},
        pairing::{Note, pair},
    },
};

/// A call of two minutes between county and province that ended at this minute, by the notes of both.
fn call(number: u8, ended: i64, about: Option<EnvelopeKey>) -> Vec<Note> {
    let time = |minute| DeclaredTime::from_ms(minutes(minute)).unwrap();
    let said = |room, peer, direction| CallStatement {
        v: CALL_VERSION,
        case: None,
        code: "K7M".parse().unwrap(),
        line: PhoneLine::Ordinary,
        peer,
        room,
        text: Digest::from_bytes([9; 32]),
        about,
        status: Status::Actual,
        ended_at: time(ended),
        direction,
        sensitive: false,
        started_at: time(ended - 2),
    };
    let keys = SimulationKeyring::new([COUNTY, PROVINCE]);
    let note = |statement: CallStatement| {
        let (key, room) = (OfficerKey::generate(), statement.room);
        let certificate =
            OfficerCertificate::new(room, "zhang", "张伟", OfficerRole::DutyOfficer, &key.public(), 5)
                .sign(&SimulationSigner::new(room));
        let signed = sign_as(&key, &certificate, ContentType::PhoneCall, &statement.payload());
        let call = VerifiedCall::verify(&SignedCall::new(signed), &keys).unwrap();
        Note { key: super::key(room, number), call }
    };
    vec![note(said(COUNTY, PROVINCE, Direction::Out)), note(said(PROVINCE, COUNTY, Direction::In))]
}

/// What the telephone rule says of a request that came after an hour, with these calls.
fn verdict(calls: Vec<Note>, receipts: Vec<TimedReceipt>) -> Option<Verdict> {
    let messages = vec![message(PROVINCE, 1, COUNTY, facts(Kind::VerifyRequest), receipts)];
    let now = Some(Timestamp::from_ms(minutes(90)));
    let case = Case { messages, calls: pair(calls), now, ..Case::default() };
    verdicts(&case, PROVINCE)
        .into_iter()
        .find(|(rule, _)| rule == "hn.verify.phone")
        .map(|(_, verdict)| verdict)
}

#[test]
fn a_call_that_was_over_before_the_request_came_does_not_answer_it() {
    let came = || vec![receipt(Event::Delivered, COUNTY, COUNTY, 60)];
    let asked = Some(key(PROVINCE, 1));
    assert_eq!(verdict(call(2, 70, None), came()), Some(Verdict::OnTime));
    assert_eq!(verdict(call(2, 60, None), came()), Some(Verdict::OnTime), "it may have come meanwhile");
    assert_eq!(verdict(call(2, 59, None), came()), Some(Verdict::Late), "that was about something else");
    assert_eq!(verdict(call(2, 59, asked), came()), Some(Verdict::OnTime), "both say that it was about this");
    let both = [call(2, 10, None), call(3, 75, None)].concat();
    assert_eq!(verdict(both, came()), Some(Verdict::OnTime), "the later one is the answer");
    let withheld =
        vec![receipt(Event::Handed, CITY, COUNTY, 50), receipt(Event::Delivered, COUNTY, COUNTY, 80)];
    assert_eq!(verdict(call(2, 55, None), withheld.clone()), Some(Verdict::OnTime), "after the hand-over");
    assert_eq!(verdict(call(2, 49, None), withheld), Some(Verdict::Late), "before it");
}
