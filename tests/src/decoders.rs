//! Every decoder of bytes from outside, each as one function over any bytes. The fuzzer runs them for as long as it is told,
//! the tests over the committed corpora and over bytes at random. What decodes must encode to the very same bytes.
//!
//! What is signed is fed twice: the bytes as they are, and the bytes as a payload that a known room has signed, so that what
//! stands behind the signature is reached.

use std::sync::OnceLock;

use certs::{
    cbor,
    enrolment::{Invitation, JoinAnswer, JoinRequest},
    plan::verify_plan,
    sheet::{Sheet, verify_sheet},
    signature::{ContentType, SimulationKeyring, SimulationSigner, peek_payload_unverified, sign},
};
use ciborium::Value;
use relay::{
    checkpoint::{Anchor, Checkpoint, VerifiedCheckpoint},
    duty::{Calendars, builtin, pack_file, signed::SignedPack},
    envelope::{Header, Route, VerifiedHeader, peek_key},
    evidence::{
        Group,
        account::{LineAccount, Listener, MessageAccount, Rules},
        container::Reader,
        manifest::Manifest,
        verify,
    },
    frame::Frame,
    limits::{BODY_BYTES_MAX, HEADER_BYTES_MAX},
    log::{DocumentLeaf, VerifiedLine},
    message::{Attachment, Blocks, Kind, Message, scanner::scan},
    receipt::VerifiedReceipt,
    tick::VerifiedTick,
};
use rustls::pki_types::CertificateDer;
use topology::{Map, Plan, RoomId, map_file};

/// A decoder: whether the bytes are what it reads.
pub type Decoder = fn(&[u8]) -> bool;

/// Their names, as folders of the corpora and for the fuzzer.
pub const DECODERS: [(&str, Decoder); 11] = [
    ("frame", frame),
    ("envelope", envelope),
    ("message", message),
    ("receipt", receipt),
    ("map", map),
    ("checkpoint", checkpoint),
    ("evidence", evidence),
    ("invitation", invitation),
    ("rules", rules),
    ("report", report),
    ("attachment", attachment),
];

/// The decoder with this name.
pub fn named(name: &str) -> Option<Decoder> {
    DECODERS.iter().find(|(known, _)| *known == name).map(|(_, decoder)| *decoder)
}

const ROOMS: [RoomId; 3] =
    [RoomId::from_bytes([0x41; 16]), RoomId::from_bytes([0x42; 16]), RoomId::from_bytes([0x43; 16])];
/// 2026-11-22 04:00 UTC.
const NOW_MS: i64 = 1_795_320_000_000;

/// The map and the root certificate of the corpora.
struct Network {
    map: Map,
    root: CertificateDer<'static>,
    keys: SimulationKeyring,
}

fn network() -> &'static Network {
    static NETWORK: OnceLock<Network> = OnceLock::new();
    NETWORK.get_or_init(|| {
        let root = CertificateDer::from(include_bytes!("../corpus/root.der").as_slice());
        let plan = verify_plan(include_bytes!("../corpus/map/plan.cose"), &root);
        Network { map: plan.expect("the plan is signed").map, root, keys: SimulationKeyring::new(ROOMS) }
    })
}

/// The bytes as they are, and as a payload that each of the rooms has signed.
fn both(content: ContentType, bytes: &[u8], judge: impl Fn(&[u8]) -> bool) -> bool {
    let raw = judge(bytes);
    let by_a_room = |room| judge(&sign(&SimulationSigner::new(room), content, bytes));
    any(ROOMS.map(by_a_room)) || raw
}

fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

/// What decodes has one encoding, and is it.
fn is_canonical(encoded: &[u8], bytes: &[u8]) -> bool {
    assert_eq!(encoded, bytes, "a second encoding was taken");
    true
}

/// The same of CBOR whose reader passes over keys that it does not know: what it knows stands in the bytes as it would be
/// written.
fn is_canonical_cbor(encoded: &[u8], bytes: &[u8]) -> bool {
    let read = |bytes: &[u8]| -> Value { ciborium::from_reader(bytes).expect("it decoded before") };
    assert!(encoded == bytes || stands_in(&read(encoded), &read(bytes)), "a second encoding was taken");
    true
}

fn stands_in(known: &Value, whole: &Value) -> bool {
    match (known, whole) {
        // What is null may be left out: serde reads both as nothing.
        (Value::Map(known), Value::Map(whole)) => known.iter().all(|(key, value)| {
            let found = whole.iter().find(|(other, _)| other == key);
            found.map_or(*value == Value::Null, |(_, found)| stands_in(value, found))
        }),
        (Value::Array(known), Value::Array(whole)) => {
            known.len() == whole.len()
                && known.iter().zip(whole).all(|(known, whole)| stands_in(known, whole))
        }
        (known, whole) => known == whole,
    }
}

fn is_cbor<T: serde::Serialize + serde::de::DeserializeOwned>(bytes: &[u8], limit: usize) -> bool {
    cbor::decode::<T>(bytes, limit).is_ok_and(|value| is_canonical_cbor(&cbor::encode(&value), bytes))
}

/// What a room says, written again, is what it signed.
fn is_said_again(content: ContentType, again: &[u8], signed: &[u8]) -> bool {
    let payload = |bytes| peek_payload_unverified(bytes, content).expect("it verified before");
    is_canonical_cbor(&payload(again), &payload(signed))
}

/// One after the other, each of them, whatever the one before said.
fn any<const N: usize>(read: [bool; N]) -> bool {
    read.contains(&true)
}

fn frame(bytes: &[u8]) -> bool {
    Frame::decode(bytes).is_ok_and(|frame| is_canonical(&frame.encode()[4..], bytes))
}

fn envelope(bytes: &[u8]) -> bool {
    any([
        is_cbor::<Route>(bytes, HEADER_BYTES_MAX),
        is_cbor::<Header>(bytes, HEADER_BYTES_MAX),
        both(ContentType::EnvelopeHeader, bytes, |header| {
            let key = peek_key(header);
            let verified = VerifiedHeader::verify(header, network().map.network(), &network().keys);
            verified.is_ok_and(|verified| {
                assert_eq!(Some(verified.key()), key, "what is peeked at is not what is verified");
                true
            })
        }),
    ])
}

fn message(bytes: &[u8]) -> bool {
    let Ok(blocks) = Blocks::decode(bytes, BODY_BYTES_MAX) else { return false };
    is_canonical(&blocks.encode_padded(), bytes);
    let Ok(message) = Message::from_blocks(&blocks) else { return false };
    // What a later program wrote and this one cannot read is not written again.
    if message.unread.is_empty() {
        let again = message.to_blocks([[1; 16]; 3]).expect("what was received may be sent");
        assert_eq!(Message::from_blocks(&again).ok(), Some(message), "it changed on its way");
    }
    true
}

fn receipt(bytes: &[u8]) -> bool {
    both(ContentType::Receipt, bytes, |receipt| {
        VerifiedReceipt::verify(receipt, &network().keys).is_ok_and(|verified| {
            let again = verified.receipt().clone().sign(&SimulationSigner::new(verified.receipt().issuer));
            is_said_again(ContentType::Receipt, again.bytes(), receipt)
        })
    })
}

fn map(bytes: &[u8]) -> bool {
    let Network { map, root, .. } = network();
    let plan = cbor::decode::<Plan>(bytes, ContentType::Plan.size_bytes_max());
    any([
        plan.is_ok_and(|plan| is_canonical_cbor(&cbor::encode(&plan), bytes) && Map::new(plan).is_ok()),
        is_cbor::<Sheet>(bytes, ContentType::Sheet.size_bytes_max()),
        both(ContentType::Plan, bytes, |plan| verify_plan(plan, root).is_ok()),
        both(ContentType::Sheet, bytes, |sheet| verify_sheet(sheet, map, root, NOW_MS).is_ok()),
        text(bytes).is_some_and(map_text),
    ])
}

fn map_text(text: &str) -> bool {
    let mut drawn = 0_u8;
    let mut draw = || {
        drawn = drawn.wrapping_add(1);
        RoomId::from_bytes([drawn; 16])
    };
    map_file::parse("map.toml", text, &mut draw, NOW_MS).is_ok_and(|map| {
        let again = map_file::parse("map.toml", &map_file::write(&map), &mut draw, NOW_MS);
        assert_eq!(
            again.ok().as_ref().map(Map::plan),
            Some(map.plan()),
            "what is written is not what was read"
        );
        true
    })
}

fn checkpoint(bytes: &[u8]) -> bool {
    let Network { map, keys, .. } = network();
    any([
        both(ContentType::Checkpoint, bytes, |checkpoint| {
            VerifiedCheckpoint::verify(checkpoint, keys).is_ok_and(|verified| {
                let again =
                    verified.checkpoint().clone().sign(&SimulationSigner::new(verified.checkpoint().room));
                is_said_again(ContentType::Checkpoint, again.bytes(), checkpoint)
            })
        }),
        is_cbor::<Checkpoint>(bytes, ContentType::Checkpoint.size_bytes_max()),
        both(ContentType::Tick, bytes, |tick| VerifiedTick::verify(tick, map, keys).is_ok()),
        both(ContentType::Line, bytes, |line| VerifiedLine::verify(line, keys).is_ok()),
        is_cbor::<DocumentLeaf>(bytes, 4096),
        Anchor::decode(bytes).is_ok_and(|anchor| is_canonical_cbor(&anchor.encode(), bytes)),
    ])
}

/// Hears everything and keeps nothing.
struct Deaf;

impl Listener for Deaf {
    fn rules(&mut self, _: Rules) {}
    fn line(&mut self, _: LineAccount) {}
    fn message(&mut self, _: MessageAccount, _: bool) {}
}

fn evidence(bytes: &[u8]) -> bool {
    let Network { map, root, keys } = network();
    let mut reader = Reader::new(bytes);
    while let Ok(Some(_)) = reader.next_entry() {}
    any([
        verify(bytes, root, &mut Deaf).is_ok(),
        Group::decode(bytes).is_ok_and(|group| is_canonical_cbor(&group.encode(), bytes)),
        both(ContentType::EvidenceManifest, bytes, |manifest| {
            Manifest::verify(manifest, map.network(), keys).is_ok()
        }),
    ])
}

fn invitation(bytes: &[u8]) -> bool {
    let parsed = text(bytes).and_then(|text| Invitation::parse(text).ok());
    any([
        parsed.is_some_and(|invitation| {
            let again = Invitation::parse(&invitation.to_text()).ok();
            assert!(again == Some(invitation), "it does not read back");
            true
        }),
        JoinRequest::verify(bytes).is_ok(),
        JoinAnswer::decode(bytes).is_ok_and(|answer| is_canonical_cbor(&answer.encode(), bytes)),
    ])
}

fn rules(bytes: &[u8]) -> bool {
    any([
        both(ContentType::RulePack, bytes, |pack| SignedPack::verify_some(pack, &network().keys).is_ok()),
        text(bytes).is_some_and(|text| pack_file::parse("pack.toml", text, &builtin::packs()[..1]).is_ok()),
        text(bytes).is_some_and(|text| Calendars::new().read("2026.toml", text).is_ok()),
    ])
}

fn report(bytes: &[u8]) -> bool {
    let Some(text) = text(bytes) else { return false };
    let mut read =
        |path: &str| if path.contains('/') { Err("none".to_owned()) } else { Ok(path.as_bytes().to_vec()) };
    let Ok(message) = Message::from_toml("report.toml", text, &mut read) else { return false };
    if let Ok(blocks) = message.to_blocks([[1; 16]; 3]) {
        assert_eq!(Message::from_blocks(&blocks).ok(), Some(message), "it changed on its way");
    }
    true
}

/// Whether the secrecy scanner finds a marking in an attached file: it reads the packages of office programs itself.
fn attachment(bytes: &[u8]) -> bool {
    let mut message = Message::new_text(Kind::Report, "附件").expect("the text is good");
    message.attachments.push(Attachment::new("file.docx", bytes.to_vec()));
    !scan(&message).is_empty()
}
