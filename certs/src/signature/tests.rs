//! Signed objects: their bytes, and everything that must not verify.

use super::*;

fn room() -> RoomId {
    RoomId::from_bytes([1; 16])
}

fn simulation() -> (SimulationSigner, SimulationKeyring) {
    (SimulationSigner::new(room()), SimulationKeyring::new([room()]))
}

#[test]
fn a_signed_object_has_the_bytes_that_another_program_computed() {
    // The key of RFC 8032 section 7.1 test 1; the object was put together and signed by a script of its own.
    let pkcs8 =
        "302e020100300506032b6570042204209d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
    let key = SigningKey::from_pkcs8(&crate::bytes::parse_hex::<48>(pkcs8).unwrap()).unwrap();
    let expected = concat!(
        "d284",                             // COSE_Sign1, four elements
        "5838a3012703",                     // protected: algorithm EdDSA, content type
        "78206170706c69636174696f6e2f7969", // "application/yichuan-receipt+cbor"
        "636875616e2d726563656970742b63626f72",
        "045021fe31dfa154a261626bf854046fd227", // key id
        "a0",                                   // unprotected
        "44a1617601",                           // payload {"v": 1}
        "5840396cbd8fa9b4abc45b0f497413ff9d83bdc2e6b8d7d21d2dbc175e596ff97ad9",
        "a72ace0f32761f831c66afdc3ebc2f787f3a07ee8f0edb63d75ec58563ce4d0a",
    );
    let payload = cbor::encode(&std::collections::BTreeMap::from([("v", 1)]));
    let bytes = sign(&key, ContentType::Receipt, &payload);
    assert_eq!(crate::bytes::hex(&bytes), expected);
    assert_eq!(verify_with_key(&bytes, ContentType::Receipt, &key.public()), Ok(payload));
}

#[test]
fn every_kind_is_refused_as_every_other_kind() {
    let key = SigningKey::generate();
    let (signer, keys) = simulation();
    for signed_as in ContentType::ALL {
        let real = sign(&key, signed_as, b"\x01");
        let cheap = sign(&signer, signed_as, b"\x01");
        for expected in ContentType::ALL {
            let accepted = verify_with_key(&real, expected, &key.public()).is_ok();
            assert_eq!(accepted, signed_as == expected, "{signed_as} as {expected}");
            assert_eq!(verify(&cheap, expected, &keys).is_ok(), signed_as == expected);
            if signed_as != expected {
                let error = peek_payload_unverified(&real, expected).unwrap_err();
                assert_eq!(error, SignatureError::WrongType { expected });
            }
        }
    }
}

#[test]
fn the_names_of_the_kinds_differ() {
    let names: std::collections::BTreeSet<_> = ContentType::ALL.iter().map(|c| c.media_type()).collect();
    assert_eq!(names.len(), ContentType::ALL.len());
}

#[test]
fn no_single_changed_byte_is_accepted() {
    let key = SigningKey::generate();
    let bytes = sign(&key, ContentType::Receipt, &cbor::encode("待命"));
    assert!(verify_with_key(&bytes, ContentType::Receipt, &key.public()).is_ok(), "the control");
    for at in 0..bytes.len() {
        for flip in [0x01, 0x80, 0xff] {
            let mut spoilt = bytes.clone();
            spoilt[at] ^= flip;
            assert!(verify_with_key(&spoilt, ContentType::Receipt, &key.public()).is_err(), "byte {at}");
        }
        assert!(verify_with_key(&bytes[..at], ContentType::Receipt, &key.public()).is_err(), "cut at {at}");
    }
    assert!(verify_with_key(&[&bytes[..], &[0]].concat(), ContentType::Receipt, &key.public()).is_err());
}

#[test]
fn a_header_with_a_fourth_entry_or_another_form_is_refused() {
    let key = SigningKey::generate();
    let signed_with = |protected: Header, unprotected: Header| {
        CoseSign1Builder::new()
            .protected(protected)
            .unprotected(unprotected)
            .payload(vec![1])
            .create_signature(b"", |message| key.sign(message))
            .build()
    };
    let good = protected_header(Suite::Ed25519, ContentType::Receipt, &key.key_id());
    let outcome = |cose: CoseSign1| {
        verify_with_key(&cose.to_tagged_vec().unwrap(), ContentType::Receipt, &key.public())
    };
    assert!(outcome(signed_with(good.clone(), Header::default())).is_ok(), "the control");
    let fourth = Header { iv: vec![1], ..good.clone() };
    assert!(matches!(outcome(signed_with(fourth, Header::default())), Err(SignatureError::Malformed(_))));
    let short_id = Header { key_id: vec![1; 15], ..good.clone() };
    assert!(matches!(outcome(signed_with(short_id, Header::default())), Err(SignatureError::Malformed(_))));
    let no_type = Header { content_type: None, ..good.clone() };
    assert!(matches!(
        outcome(signed_with(no_type, Header::default())),
        Err(SignatureError::WrongType { .. })
    ));
    let aside = Header { key_id: vec![1; 16], ..Header::default() };
    assert!(matches!(outcome(signed_with(good.clone(), aside)), Err(SignatureError::Malformed(_))));
    let untagged = signed_with(good, Header::default()).to_vec().unwrap();
    assert!(verify_with_key(&untagged, ContentType::Receipt, &key.public()).is_err());
}

#[test]
fn only_an_officers_act_carries_anything_that_the_signature_does_not_cover() {
    let (signer, keys) = simulation();
    for kind in ContentType::ALL {
        assert!(verify(&sign(&signer, kind, b"\x01"), kind, &keys).is_ok());
        let loaded = sign_with_attachment(&signer, kind, b"\x01", b"");
        assert_eq!(verify(&loaded, kind, &keys).is_ok(), kind.is_by_officer(), "{kind}");
    }
}

#[test]
fn an_attachment_travels_beside_the_signature() {
    let (signer, keys) = simulation();
    let bytes = sign_with_attachment(&signer, ContentType::OfficerAct, b"\x01", b"certificate");
    assert_eq!(verify(&bytes, ContentType::OfficerAct, &keys).unwrap().payload, b"\x01");
    assert_eq!(attachment(&bytes, ContentType::OfficerAct), Ok(Some(b"certificate".to_vec())));
    let plain = sign(&signer, ContentType::OfficerAct, b"\x01");
    assert_eq!(attachment(&plain, ContentType::OfficerAct), Ok(None));
}

#[test]
fn an_object_over_its_limit_is_not_even_parsed() {
    let (signer, keys) = simulation();
    let large = vec![0x40; ContentType::Receipt.size_bytes_max()];
    let bytes = sign(&signer, ContentType::Receipt, &large);
    assert!(matches!(verify(&bytes, ContentType::Receipt, &keys), Err(SignatureError::TooLarge { .. })));
    let sheet = sign(&signer, ContentType::Sheet, &large);
    assert!(verify(&sheet, ContentType::Sheet, &keys).is_ok(), "a sheet may be larger");
}

#[test]
fn another_key_and_another_suite_are_refused() {
    let (signer, keys) = simulation();
    let key = SigningKey::generate();
    let bytes = sign(&key, ContentType::Receipt, b"\x01");
    assert_eq!(verify(&bytes, ContentType::Receipt, &keys), Err(SignatureError::UnknownSuite));
    let stranger = SigningKey::generate().public();
    let error = verify_with_key(&bytes, ContentType::Receipt, &stranger).unwrap_err();
    assert_eq!(error, SignatureError::UnknownKey(key.key_id()));
    let cheap = sign(&signer, ContentType::Receipt, b"\x01");
    assert!(verify_with_key(&cheap, ContentType::Receipt, &key.public()).is_err());
    assert!(verify(&cheap, ContentType::Receipt, &SimulationKeyring::default()).is_err());
}

/// The order of the group (RFC 8032 section 5.1), least significant byte first.
const ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

#[test]
fn one_message_has_one_signature_of_a_key() {
    let key = SigningKey::generate();
    let genuine = key.sign(b"report");
    assert_eq!(key.public().verify(b"report", &genuine), Ok(()));
    // S + L is the same number modulo the order; RFC 8032 section 5.1.7 wants it refused.
    let mut other = genuine.clone();
    let mut carry = 0;
    for (byte, add) in other[32..].iter_mut().zip(ORDER) {
        let sum = u16::from(*byte) + u16::from(add) + carry;
        (*byte, carry) = ((sum & 0xff) as u8, sum >> 8);
    }
    assert_eq!(carry, 0, "it still fits into its bytes");
    assert_ne!(other, genuine);
    assert!(key.public().verify(b"report", &other).is_err());
}

#[test]
fn a_key_with_which_one_signature_fits_many_messages_is_none() {
    use aws_lc_rs::signature::{ED25519, ParsedPublicKey};
    // R is the neutral element and S is zero: for a key of order eight it fits one message of eight.
    let mut signature = [0; 64];
    signature[0] = 1;
    let ends = |first, middle, last| {
        let mut y = [middle; 32];
        (y[0], y[31]) = (first, last);
        y
    };
    let hex = |text| crate::bytes::parse_hex::<32>(text).unwrap();
    let canonical = [
        ends(0, 0, 0),
        ends(1, 0, 0),
        ends(0xec, 0xff, 0x7f),
        hex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
        hex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"),
    ];
    for y in canonical {
        let fits = |number: u32| {
            let key = ParsedPublicKey::new(&ED25519, y).unwrap();
            key.verify_sig(&number.to_be_bytes(), &signature).is_ok()
        };
        assert!((0..200).filter(|number| fits(*number)).count() > 5, "{y:?} is in the list for a reason");
    }
    let beyond = [ends(0xed, 0xff, 0x7f), ends(0xee, 0xff, 0x7f)];
    for mut y in canonical.into_iter().chain(beyond) {
        for sign in [0, 0x80] {
            y[31] = y[31] & 0x7f | sign;
            assert_eq!(PublicKey::from_bytes(Suite::Ed25519, &y).unwrap_err(), KeyError::SmallOrder, "{y:?}");
        }
    }
}
