//! The first seeds of the corpora: one genuine specimen of everything that is decoded. What the fuzzer finds beside them is
//! added by hand. Keys are drawn anew, so a second writing makes other bytes of the same kinds.

use std::{collections::BTreeMap, fs, io, path::Path};

use certs::{
    enrolment::Invitation,
    signature::{ContentType, peek_payload_unverified},
};
use ciborium::Value;
use node::bench::evidence::sample::{BEGIN_MS, CITY, Sample, Wish};
use relay::{
    engine::first_credits,
    envelope_id::EnvelopeId,
    evidence::{Group, container::Reader, group::KeptMessage},
    frame::{
        Credit, DocumentFrame, DocumentKind, EnvelopeFrame, Frame, Hello, NotTaken, Probe, ReceiptsFrame,
    },
    message::Message,
    timestamp::Timestamp,
};
use serde_bytes::{ByteArray, ByteBuf};

use crate::cluster::Network;

/// Writes them below a directory.
///
/// # Errors
/// When a file cannot be written.
///
/// # Panics
/// When the sample is not what it was: then this file must follow it.
pub fn write(corpus: &Path) -> io::Result<()> {
    let put = |name: &str, bytes: &[u8]| {
        let path = corpus.join(name);
        fs::create_dir_all(path.parent().expect("it has a folder"))?;
        fs::write(path, bytes)
    };
    let sample = Sample::new(Wish { receipts: 3, ..Wish::default() });
    let file = sample.write(Vec::new()).expect("the sample can be written");
    put("root.der", &sample.root())?;
    put("evidence/file.zip", &file)?;
    let mut reader = Reader::new(file.as_slice());
    while let Some((name, data)) = reader.next_entry().expect("it reads back") {
        match name.as_str() {
            "map/plan.cose" => {
                put("map/plan.cose", &data)?;
                put("map/plan.cbor", &payload(&data, ContentType::Plan))?;
            }
            "map/sheets/0002.cose" => put("map/sheet.cose", &data)?,
            "rules/0001.cose" => put("rules/pack.cbor", &payload(&head(&data), ContentType::RulePack))?,
            "manifest.cose" => put("evidence/manifest.cbor", &payload(&data, ContentType::EvidenceManifest))?,
            "evidence/0001.cbor" => group(&put, Group::decode(&data).expect("a group reads back"))?,
            _ => {}
        }
    }
    let report = include_str!("../../docs/examples/report-first.toml");
    put("report/report-first.toml", report.as_bytes())?;
    let message = Message::from_toml("report-first.toml", report, &mut |_| Err("none".to_owned()));
    let blocks = message.expect("the example reads").to_blocks([[1; 16], [2; 16], [3; 16]]);
    put("message/blocks", &blocks.expect("it may be sent").encode_padded())?;
    put("map/seven.toml", Network::seven().map_file().as_bytes())?;
    let invitation =
        Invitation::new("henan", CITY, "city.henan.internal", "127.0.0.1:7100", &sample.root(), BEGIN_MS);
    put("invitation/token.txt", invitation.to_text().as_bytes())?;
    for (name, frame) in frames() {
        put(&format!("frame/{name}"), &frame.encode()[4..])?;
    }
    Ok(())
}

fn payload(signed: &[u8], content: ContentType) -> Vec<u8> {
    peek_payload_unverified(signed, content).expect("it is signed")
}

/// What is signed of a rule pack, without the parts beside it.
fn head(document: &[u8]) -> ByteBuf {
    let fields = certs::cbor::decode::<BTreeMap<String, Value>>(document, document.len());
    let head = fields.expect("it has parts").remove("head").and_then(|head| head.into_bytes().ok());
    ByteBuf::from(head.expect("it has a head"))
}

/// What stands in a group of evidence, cut to two messages.
fn group(put: &impl Fn(&str, &[u8]) -> io::Result<()>, mut group: Group) -> io::Result<()> {
    group.messages.truncate(2);
    put("evidence/group.cbor", &group.encode())?;
    let KeptMessage { header, receipts, .. } = &group.messages[0];
    put("envelope/header.cbor", &payload(header, ContentType::EnvelopeHeader))?;
    for (number, receipt) in receipts.iter().enumerate() {
        put(&format!("receipt/{number}.cbor"), &payload(&receipt.bytes, ContentType::Receipt))?;
    }
    let head = &group.heads[0];
    put("checkpoint/checkpoint.cbor", &payload(&head.checkpoint, ContentType::Checkpoint))?;
    put("checkpoint/anchor.cbor", &head.anchor.encode())?;
    put("checkpoint/tick.cbor", &payload(&group.ticks[0], ContentType::Tick))
}

/// One of each kind but those whose bytes are signed things, which have corpora of their own.
fn frames() -> Vec<(&'static str, Frame)> {
    let (at, bytes) = (Timestamp::from_ms(BEGIN_MS), ByteBuf::from(vec![7; 40]));
    let (receipts, id) = (vec![bytes.clone(), bytes.clone()], EnvelopeId::from_bytes([7; 16]));
    let probe = Probe { nonce: ByteArray::new([7; 8]), from: CITY, to: CITY, hops: vec![(CITY, at)] };
    let hello = Hello {
        version_min: 1,
        version_max: 1,
        network: "henan".to_owned(),
        room: CITY,
        software: "corpus".to_owned(),
        plan_version: 1,
        sheets: vec![],
        credits: first_credits(),
        rules: vec![],
    };
    let envelope = EnvelopeFrame { header: bytes.clone(), keys: vec![], body_len: 40, body: bytes.clone() };
    let document = DocumentFrame { kind: DocumentKind::Sheet, len: 80, offset: 40, bytes: bytes.clone() };
    let code = "quota_full".to_owned();
    vec![
        ("hello", Frame::Hello(hello)),
        ("clock", Frame::Clock { asked: at }),
        ("clock-answer", Frame::ClockAnswer { asked: at, received: at, answered: at }),
        ("credit", Frame::Credit(Credit { class: 3, messages: 256, bytes: 1 << 20 })),
        ("envelope", Frame::Envelope(envelope)),
        ("part", Frame::Part { bytes: bytes.clone() }),
        ("receipts", Frame::Receipts(ReceiptsFrame { first: 1, receipts: receipts.clone() })),
        ("receipts-stored", Frame::ReceiptsStored { upto: 2 }),
        ("answers", Frame::Answers { receipts }),
        ("not-taken", Frame::NotTaken(NotTaken { origin: CITY, id, code, retry_after_ms: 30_000 })),
        ("document", Frame::Document(document)),
        ("probe", Frame::Probe(probe.clone())),
        ("probe-answer", Frame::ProbeAnswer(probe)),
        ("goodbye", Frame::Goodbye { reason: "done".to_owned() }),
        ("tick", Frame::Tick { bytes: bytes.clone() }),
        ("head-held", Frame::HeadHeld { checkpoint: Some(bytes.clone()) }),
        ("head", Frame::Head { checkpoint: bytes.clone(), from: 0, path: vec![] }),
        ("anchor", Frame::Anchor { checkpoint: bytes.clone(), anchor: bytes.clone() }),
        ("line", Frame::Line { bytes }),
    ]
}
