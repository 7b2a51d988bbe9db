//! The signed statement: its bytes, who may have signed it, and that it belongs to one note.

use certs::{
    officer::{OfficerCertificate, OfficerKey, sign_as},
    signature::{SimulationKeyring, SimulationSigner},
};

use super::*;
use crate::{
    envelope_id::EnvelopeId,
    message::{Blocks, Facts, block::Salts},
};

const COUNTY: RoomId = RoomId::from_bytes([1; 16]);
const CITY: RoomId = RoomId::from_bytes([2; 16]);
const SALTS: Salts = [[1; SALT_LEN], [2; SALT_LEN], [3; SALT_LEN]];

fn keyring() -> SimulationKeyring {
    SimulationKeyring::new([COUNTY, CITY])
}

fn time(ms: i64) -> DeclaredTime {
    DeclaredTime::from_ms(ms).unwrap()
}

fn statement() -> CallStatement {
    CallStatement {
        v: CALL_VERSION,
        case: Some(CaseId::from_bytes([4; 16])),
        code: "K7M".parse().unwrap(),
        line: PhoneLine::Ordinary,
        peer: CITY,
        room: COUNTY,
        text: Digest::from_bytes([9; 32]),
        about: Some(EnvelopeKey { origin: COUNTY, id: EnvelopeId::from_bytes([6; 16]) }),
        status: Status::Actual,
        ended_at: time(1_795_286_345_000),
        direction: Direction::Out,
        sensitive: true,
        started_at: time(1_795_286_240_000),
    }
}

/// Signed by an officer of `room`.
fn signed(statement: &CallStatement, room: RoomId) -> SignedCall {
    let key = OfficerKey::generate();
    let role = OfficerRole::DutyOfficer;
    let certificate = OfficerCertificate::new(room, "zhang", "张伟", role, &key.public(), 5)
        .sign(&SimulationSigner::new(room));
    SignedCall::new(sign_as(&key, &certificate, ContentType::PhoneCall, &statement.payload()))
}

/// The note that says what [`statement`] says, signed by an officer of the county.
fn note() -> Message {
    let mut said = statement();
    let note = PhoneNote {
        title: "电话报告火情".into(),
        what: "化工厂火灾,有人员被困".into(),
        direction: Some(said.direction),
        phone: Some(said.line),
        started_at: Some(said.started_at),
        ended_at: Some(said.ended_at),
        pairing_code: Some(said.code.to_string()),
        sensitive: said.sensitive,
        ..PhoneNote::default()
    };
    let mut message = Message::new(Content::PhoneNote(Box::new(note)));
    message.heading.case = said.case;
    message.heading.relates_to = said.about.into_iter().collect();
    said.text = message.text_commitment(SALTS[1]);
    form(&mut message).call = Some(signed(&said, COUNTY));
    message
}

fn form(message: &mut Message) -> &mut PhoneNote {
    let Content::PhoneNote(note) = &mut message.content else { panic!("a telephone note") };
    note
}

fn judged(message: &Message, origin: RoomId) -> Result<Option<VerifiedCall>, CallError> {
    VerifiedCall::of_note(message, origin, &message.text_commitment(SALTS[1]), &keyring())
}

#[test]
fn the_bytes_that_an_officer_signs_never_change() {
    let hex: String = statement().payload().iter().map(|byte| format!("{byte:02x}")).collect();
    let expected = concat!(
        "ad6176016463617365500404040404040404040404040404040464636f6465634b374d646c696e65686f7264696e617279",
        "6470656572500202020202020202020202020202020264726f6f6d50010101010101010101010101010101016474657874",
        "582009090909090909090909090909090909090909090909090909090909090909096561626f7574a26269645006060606",
        "060606060606060606060606666f726967696e500101010101010101010101010101010166737461747573666163747561",
        "6c68656e6465645f61741b000001a1ff67a52869646972656374696f6e636f75746973656e736974697665f56a73746172",
        "7465645f61741b000001a1ff660b00",
    );
    assert_eq!(hex, expected);
    assert_eq!(cbor::decode(&statement().payload(), CALL_BYTES_MAX), Ok(statement()));
    let bare = CallStatement { case: None, about: None, ..statement() };
    assert_eq!(cbor::decode(&bare.payload(), CALL_BYTES_MAX), Ok(bare));
}

#[test]
fn a_signed_note_comes_back_from_its_blocks_and_names_its_officer() {
    let message = note();
    let blocks = message.to_blocks(SALTS).unwrap();
    assert_eq!(blocks.commitments().unwrap()[1], message.text_commitment(SALTS[1]));
    let read = Message::from_blocks(&blocks).unwrap();
    assert_eq!(read, message);
    let call = judged(&read, COUNTY).unwrap().unwrap();
    let said = (call.officer(), call.name(), call.role(), call.statement().code.as_str());
    assert_eq!(said, ("zhang", "张伟", OfficerRole::DutyOfficer, "K7M"));
    assert_eq!((call.statement().caller(), call.statement().callee()), (COUNTY, CITY));
}

#[test]
fn the_statement_outlives_text_and_personal_data() {
    let mut blocks: Blocks = note().to_blocks(SALTS).unwrap();
    blocks.destroy(Part::Text);
    blocks.destroy(Part::Personal);
    let facts = Facts::from_blocks(&blocks).unwrap();
    let call = VerifiedCall::verify(&facts.call.unwrap(), &keyring()).unwrap();
    assert_eq!(call.statement().started_at, time(1_795_286_240_000));
    assert!(facts.sensitive && call.statement().wants_warning());
}

#[test]
fn a_note_without_a_signature_is_paper() {
    let mut message = note();
    form(&mut message).call = None;
    assert_eq!(judged(&message, COUNTY), Ok(None));
}

#[test]
fn no_room_signs_a_call_of_another_and_no_byte_may_change() {
    let foreign = signed(&statement(), CITY);
    let error = VerifiedCall::verify(&foreign, &keyring()).unwrap_err();
    assert_eq!(error, CallError::OtherRoom { named: COUNTY, officer: CITY });
    let good = signed(&statement(), COUNTY);
    assert!(VerifiedCall::verify(&good, &keyring()).is_ok());
    for at in 0..good.as_bytes().len() {
        let mut spoilt = good.as_bytes().to_vec();
        spoilt[at] ^= 1;
        assert!(VerifiedCall::verify(&SignedCall::new(spoilt), &keyring()).is_err(), "byte {at}");
    }
    let large = SignedCall::new(vec![0; CALL_BYTES_MAX + 1]);
    assert_eq!(VerifiedCall::verify(&large, &keyring()), Err(CallError::TooLarge));
}

#[test]
fn a_statement_that_makes_no_sense_or_is_of_a_later_version_is_none() {
    let judged = |said: CallStatement| VerifiedCall::verify(&signed(&said, COUNTY), &keyring()).unwrap_err();
    assert_eq!(judged(CallStatement { v: 2, ..statement() }), CallError::Version { v: 2 });
    assert_eq!(judged(CallStatement { peer: COUNTY, ..statement() }), CallError::Malformed);
    assert_eq!(judged(CallStatement { ended_at: time(1), ..statement() }), CallError::Malformed);
}

#[test]
fn each_element_of_a_note_is_the_one_that_its_officer_signed() {
    type Change = fn(&mut Message);
    let changes: [(&str, Change); 10] = [
        ("text", |message| form(message).what = "另一件事".into()),
        ("case", |message| message.heading.case = None),
        ("about", |message| message.heading.relates_to.clear()),
        ("status", |message| message.heading.status = Status::Exercise),
        ("pairing_code", |message| form(message).pairing_code = Some("K7W".into())),
        ("phone", |message| form(message).phone = Some(PhoneLine::Secure)),
        ("direction", |message| form(message).direction = Some(Direction::In)),
        ("started_at", |message| form(message).started_at = Some(time(1))),
        ("ended_at", |message| form(message).ended_at = None),
        ("sensitive", |message| form(message).sensitive = false),
    ];
    for (key, change) in changes {
        let mut message = note();
        change(&mut message);
        assert_eq!(judged(&message, COUNTY), Err(CallError::OtherNote { key }), "{key}");
    }
    assert_eq!(judged(&note(), CITY), Err(CallError::OtherNote { key: "room" }));
}

#[test]
fn a_message_file_brings_no_signature() {
    let file = include_str!("../../../../../docs/examples/phone-note.toml");
    let forged = file.replacen("[caller]", "call = \"d284\"\n[caller]", 1);
    let error = Message::from_toml("note.toml", &forged, &mut |_| Err("none".into())).unwrap_err();
    assert!(error.to_string().contains("phone out"), "{error}");
}
