//! A receipt says what its issuer signed, with the officer's hand where an officer acted, or nothing.

use certs::{
    officer::{OfficerCertificate, OfficerKey, OfficerRole, sign_act},
    signature::{SimulationKeyring, SimulationSigner},
};

use super::*;

const HUB: RoomId = RoomId::from_bytes([1; 16]);
const TARGET: RoomId = RoomId::from_bytes([2; 16]);
const ORIGIN: RoomId = RoomId::from_bytes([3; 16]);

fn keyring() -> SimulationKeyring {
    SimulationKeyring::new([HUB, TARGET, ORIGIN])
}

fn statement(event: Event, issuer: RoomId) -> Receipt {
    Receipt {
        v: ENVELOPE_VERSION,
        at: Timestamp::from_ms(1_795_320_000_000),
        seq: 7,
        peer: Some(HUB),
        tick: None,
        clock: Some(ClockOffset { offset_lo: -3, offset_hi: 4 }),
        epoch: Epoch { nonce: serde_bytes::ByteArray::new([5; 8]), counter: 2 },
        event,
        suite: 255,
        issuer,
        origin: ORIGIN,
        reason: None,
        officer: None,
        recipient: TARGET,
        envelope_id: EnvelopeId::from_bytes([6; 16]),
        envelope_digest: signature::digest(b"header"),
    }
}

fn deed(event: Event) -> OfficerDeed {
    let about = statement(event, TARGET);
    OfficerDeed {
        v: ENVELOPE_VERSION,
        at: about.at,
        event,
        room: TARGET,
        origin: ORIGIN,
        envelope_id: about.envelope_id,
        envelope_digest: about.envelope_digest,
    }
}

/// Signed by an officer whom this room certified.
fn act(deed: &OfficerDeed, room: RoomId) -> Vec<u8> {
    let key = OfficerKey::generate();
    let role = OfficerRole::DutyOfficer;
    let certificate = OfficerCertificate::new(room, "wang", "王芳", role, &key.public(), 5);
    sign_act(&key, &certificate.sign(&SimulationSigner::new(room)), &cbor::encode(deed))
}

fn with_officer(event: Event, officer: Vec<u8>) -> Receipt {
    Receipt { officer: Some(ByteBuf::from(officer)), ..statement(event, TARGET) }
}

fn verify(receipt: Receipt) -> Result<VerifiedReceipt, ReceiptError> {
    let signer = SimulationSigner::new(receipt.issuer);
    VerifiedReceipt::verify(receipt.sign(&signer).bytes(), &keyring())
}

#[test]
fn what_was_signed_reads_back_with_the_very_bytes() {
    let own = with_officer(Event::Returned, act(&deed(Event::Returned), TARGET));
    let own = Receipt {
        reason: Some(Reason { code: "returned".into(), text: Some("缺少附件".into()) }),
        ..own
    };
    let signed = own.sign(&SimulationSigner::new(TARGET));
    assert_eq!(VerifiedReceipt::verify(signed.bytes(), &keyring()), Ok(signed.clone()));
    assert_eq!(VerifiedReceipt::verify(signed.bytes(), &keyring()).unwrap().bytes(), signed.bytes());
}

#[test]
fn every_bit_of_a_receipt_counts() {
    let receipt = with_officer(Event::Acknowledged, act(&deed(Event::Acknowledged), TARGET));
    let bytes = receipt.sign(&SimulationSigner::new(TARGET)).bytes().to_vec();
    assert!(VerifiedReceipt::verify(&bytes, &keyring()).is_ok(), "the unspoilt control");
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut spoilt = bytes.clone();
            spoilt[at] ^= 1 << bit;
            assert!(VerifiedReceipt::verify(&spoilt, &keyring()).is_err(), "bit {bit} of byte {at}");
        }
        assert!(VerifiedReceipt::verify(&bytes[..at], &keyring()).is_err(), "cut to {at}");
    }
}

#[test]
fn nobody_issues_a_receipt_for_another_room() {
    let forged = statement(Event::Delivered, TARGET).sign(&SimulationSigner::new(HUB));
    let error = ReceiptError::ForeignIssuer { claimed: TARGET, signer: HUB };
    assert_eq!(VerifiedReceipt::verify(forged.bytes(), &keyring()), Err(error));
    let stranger = RoomId::from_bytes([9; 16]);
    let unknown = statement(Event::Custody, stranger).sign(&SimulationSigner::new(stranger));
    assert!(matches!(
        VerifiedReceipt::verify(unknown.bytes(), &keyring()),
        Err(ReceiptError::Signature(SignatureError::UnknownKey(_)))
    ));
}

#[test]
fn only_the_recipient_says_what_happened_at_the_recipient() {
    for event in Event::ALL {
        let officer = event.is_by_officer().then(|| ByteBuf::from(act(&deed(event), TARGET)));
        let by_target = verify(Receipt { officer: officer.clone(), ..statement(event, TARGET) });
        assert!(by_target.is_ok(), "{event} by the target");
        let by_hub = verify(Receipt { officer, ..statement(event, HUB) });
        let error = event.is_by_recipient().then_some(ReceiptError::NotTheRecipient { event });
        assert_eq!(by_hub.err(), error, "{event} by a hub");
    }
}

#[test]
fn what_officers_do_is_signed_by_an_officer_and_nothing_else_is() {
    for event in Event::ALL {
        let bare = verify(statement(event, TARGET));
        let error = event.is_by_officer().then_some(ReceiptError::NoOfficer { event });
        assert_eq!(bare.err(), error, "{event} without an officer");
        let signed = verify(with_officer(event, act(&deed(event), TARGET)));
        let error = (!event.is_by_officer()).then_some(ReceiptError::OfficerSignature);
        assert_eq!(signed.err(), error, "{event} with an officer");
    }
}

#[test]
fn an_officers_signature_serves_no_other_event_room_origin_or_envelope() {
    let good = deed(Event::Acknowledged);
    let with = |deed: &OfficerDeed, room| verify(with_officer(Event::Acknowledged, act(deed, room))).err();
    assert_eq!(with(&good, TARGET), None);
    let wrong = Some(ReceiptError::OfficerSignature);
    assert_eq!(with(&good, HUB), wrong, "an officer of another room");
    let others = [
        OfficerDeed { v: 2, ..good.clone() },
        OfficerDeed { event: Event::Opened, ..good.clone() },
        OfficerDeed { room: HUB, ..good.clone() },
        OfficerDeed { origin: HUB, ..good.clone() },
        OfficerDeed { envelope_id: EnvelopeId::from_bytes([9; 16]), ..good.clone() },
        OfficerDeed { envelope_digest: signature::digest(b"other"), ..good },
    ];
    for other in others {
        assert_eq!(with(&other, TARGET), wrong, "{other:?}");
    }
}

#[test]
fn an_act_that_is_no_deed_is_refused() {
    let key = OfficerKey::generate();
    let role = OfficerRole::Leader;
    let certificate = OfficerCertificate::new(TARGET, "li", "李雷", role, &key.public(), 5);
    let certified = certificate.sign(&SimulationSigner::new(TARGET));
    for officer in [sign_act(&key, &certified, b"\xa0"), certified, Vec::new(), vec![0; 64]] {
        let error = verify(with_officer(Event::Opened, officer)).err();
        assert_eq!(error, Some(ReceiptError::OfficerSignature));
    }
}

#[test]
fn another_version_is_refused() {
    for v in [0, 2] {
        let receipt = Receipt { v, ..statement(Event::Custody, HUB) };
        assert_eq!(verify(receipt), Err(ReceiptError::Version { v }));
    }
}

#[test]
fn a_receipt_over_the_limit_is_refused_unread() {
    let text = |length: usize| {
        let reason = Some(Reason { code: "x".into(), text: Some("y".repeat(length)) });
        Receipt { reason, ..statement(Event::Refused, HUB) }
    };
    assert!(verify(text(3_000)).is_ok());
    assert_eq!(verify(text(RECEIPT_BYTES_MAX)), Err(ReceiptError::TooLarge));
    assert_eq!(
        VerifiedReceipt::verify(&vec![0; RECEIPT_BYTES_MAX + 1], &keyring()),
        Err(ReceiptError::TooLarge)
    );
}

#[test]
fn every_event_keeps_its_number_word_and_mark() {
    let table: Vec<(u8, &str, &str)> =
        Event::ALL.map(|event| (event.number(), event.word(), event.mark(false))).to_vec();
    assert_eq!(
        table,
        [
            (0, "accepted", "t5"),
            (1, "custody", "t7"),
            (2, "delivered", "t8"),
            (3, "alerted", "t9"),
            (4, "acknowledged", "t10"),
            (5, "opened", "t11"),
            (6, "disposed", "t12"),
            (7, "returned", "t12"),
            (8, "refused", "-"),
            (9, "failed", "-"),
            (10, "expired", "-"),
            (11, "collision", "-"),
            (12, "unconfirmed", "-"),
            (13, "lost", "-"),
            (14, "handed", "-"),
        ]
    );
    for event in Event::ALL {
        assert_eq!(Event::from_number(event.number()), Some(event));
        assert_eq!(cbor::decode::<String>(&cbor::encode(&event), 64), Ok(event.word().to_owned()));
    }
    assert_eq!(Event::from_number(15), None);
    assert_eq!(Event::Custody.mark(true), "t6");
}

#[test]
fn the_terminal_events_are_these_five() {
    let terminal: Vec<&str> = Event::ALL.into_iter().filter(|e| e.is_terminal()).map(Event::word).collect();
    assert_eq!(terminal, ["delivered", "refused", "failed", "expired", "collision"]);
}
