//! The examples and the lists in `docs/formats.md` are what this program writes and knows.
//!
//! Keys, ids and times are fixed and Ed25519 is deterministic, so every signed object has stable bytes. What is drawn
//! at random (certificates, a sealed body with its wrapped key) is read from the document and must verify and open.
//! When a format changes on purpose, the failing test prints the blocks to put into the document.

#![expect(clippy::unwrap_used, reason = "everything here is a test")]

#[path = "formats/examples.rs"]
mod examples;
#[path = "formats/leaves.rs"]
mod leaves;

use certs::{
    authority::{Authority, ISSUING_DAYS, Issuer, Validity},
    cbor, digest,
    officer::{OfficerCertificate, OfficerRole, verify_act},
    plan::{sign_plan, verify_plan},
    seal::{self, ContentKey, SealingKey},
    sheet::{sign_sheet, verify_sheet},
    signature::{self, ContentType, KeyId},
};
use relay::{
    checkpoint::{Anchor, VerifiedCheckpoint},
    duty::signed::{SignedCalendar, SignedPack, digest_of},
    envelope::{EnvelopeBytes, RecipientKey, VerifiedEnvelope},
    limits,
    log::VerifiedLine,
    message::{
        Blocks, Kind, Marking, Message,
        attachment::ATTACHMENTS_MAX,
        field::{Severity, Status},
        instruction::Progress,
        occurrence::Precision,
        phone::{
            Direction, PhoneLine,
            call::{CALL_BYTES_MAX, SignedCall, VerifiedCall},
        },
        report::Stage,
        text,
        verification::Conclusion,
    },
    receipt::{Event, VerifiedReceipt},
    refusal::Refusal,
    tick::VerifiedTick,
};
use topology::{Level, Map, Precedence, RelationKind};

use self::examples::*;

const DOCUMENT: &str = include_str!("../../docs/formats.md");

/// The bytes of the example with this name; none while the document does not have it.
fn block(name: &str) -> Vec<u8> {
    let (_, after) = DOCUMENT.split_once(&format!("```hex {name}\n")).unwrap_or_default();
    let (hex, _) = after.split_once("```").unwrap_or_default();
    unhex(hex)
}

fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.chars().filter_map(|c| c.to_digit(16)).map(|digit| digit as u8).collect();
    digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn block_text(name: &str, bytes: &[u8]) -> String {
    let lines: String = bytes.chunks(55).map(|line| hex(line) + "\n").collect();
    format!("```hex {name}\n{lines}```\n")
}

#[test]
fn every_example_in_the_document_is_what_the_code_makes() {
    let made = [
        ("plan", sign_plan(&authority(), &plan())),
        ("rule-pack", rule_pack().bytes().to_vec()),
        ("calendar", calendar().bytes().to_vec()),
        ("sheet", sheet()),
        ("envelope-header", header()),
        ("epoch-start", epoch_start()),
        ("officer-certificate", officer_certificate()),
        ("officer-act", officer_act()),
        ("phone-call", phone_call()),
        ("receipt", receipt()),
        ("tick", tick().bytes().to_vec()),
        ("checkpoint", checkpoint().bytes().to_vec()),
        ("anchor", root_checkpoint().1.encode()),
        ("line", line()),
        ("duty-step", leaves::duty_step()),
        ("evidence-manifest", manifest()),
        ("plaintext", plaintext()),
    ];
    let other = made.iter().filter(|(name, bytes)| block(name) != *bytes);
    let wanted: String = other.map(|(name, bytes)| block_text(name, bytes)).collect();
    assert!(wanted.is_empty(), "docs/formats.md must say:\n{wanted}");
}

#[test]
fn the_examples_verify_from_the_root_down_and_the_body_opens() {
    let authority = authority();
    let map = verify_plan(&block("plan"), authority.root()).unwrap().map;
    assert_eq!(map.plan(), &plan());
    let named = |bytes: &[u8]| topology::RuleDigest::from_bytes(*certs::digest(bytes).as_bytes());
    let pack = digest_of(&block("rule-pack"));
    assert_eq!(map.plan().packs[0].digest.as_bytes(), pack.as_bytes());
    assert_eq!(map.plan().calendars[0].digest, named(&block("calendar")));
    let keys = known_keys(&map);
    let bytes = EnvelopeBytes {
        header: block("envelope-header").into(),
        keys: vec![RecipientKey { room: CITY, key: wrapped_key() }],
        body: block("sealed-body").into(),
    };
    let envelope = VerifiedEnvelope::verify(bytes, map.network(), &keys).unwrap();
    assert_eq!((envelope.route(), envelope.recipients()), (&route(), vec![CITY]));
    assert_eq!(opened(&envelope), message());
    let receipt = VerifiedReceipt::verify(&block("receipt"), &keys).unwrap();
    assert_eq!(receipt.receipt().envelope_digest, envelope.digest());
    let act = verify_act(&block("officer-act"), &keys).unwrap();
    assert_eq!((act.room, act.officer.as_str(), act.role), (CITY, "liwei", OfficerRole::HeadOfWatch));
    assert_eq!(OfficerCertificate::verify(&block("officer-certificate"), &keys).unwrap().name, "李伟");
    assert_eq!(SignedPack::verify(&block("rule-pack"), &keys).unwrap(), rule_pack());
    assert_eq!(SignedCalendar::verify(&block("calendar"), &keys).unwrap(), calendar());
    let read = VerifiedCheckpoint::verify(&block("checkpoint"), &keys).unwrap();
    let dated = Anchor::decode(&block("anchor")).unwrap().check(&read, &map, &keys).unwrap();
    assert_eq!(dated, root_checkpoint().0.checkpoint().at);
    assert_eq!(
        receipt.receipt().tick,
        Some(VerifiedTick::verify(&block("tick"), &map, &keys).unwrap().name())
    );
    assert_eq!(VerifiedLine::verify(&block("line"), &keys).unwrap().line().peer, CITY);
    let call = VerifiedCall::verify(&SignedCall::new(block("phone-call")), &keys).unwrap();
    assert_eq!((call.statement(), call.officer()), (&phone_statement(), "liwei"));
    let start = signature::verify(&block("epoch-start"), ContentType::EpochStart, &keys).unwrap();
    assert_eq!(start.signer, CITY);
}

fn opened(envelope: &VerifiedEnvelope) -> Message {
    let (sealing, digest) = (SealingKey::from_bytes(&CITY_SEALING).unwrap(), envelope.route_digest());
    let content_key = seal::unwrap(&wrapped_key(), CITY, &sealing, digest.as_bytes()).unwrap();
    let plain = seal::open_body(&content_key, digest.as_bytes(), &envelope.bytes().body).unwrap();
    let blocks = Blocks::decode(&plain, limits::BODY_BYTES_MAX).unwrap();
    blocks.check(envelope.header().commitments.as_slice().try_into().unwrap()).unwrap();
    Message::from_blocks(&blocks).unwrap()
}

/// Fails for each of these lines that the document does not have.
fn expect_lines(wanted: impl IntoIterator<Item = String>) {
    let missing: Vec<String> = wanted.into_iter().filter(|line| !DOCUMENT.contains(line.as_str())).collect();
    assert!(missing.is_empty(), "docs/formats.md must say:\n{}", missing.join("\n"));
}

#[test]
fn the_document_has_every_kind_of_object_message_and_event() {
    expect_lines(ContentType::ALL.map(|content| {
        let kib = content.size_bytes_max() / 1024;
        format!("| `{}` | {kib} KiB |", content.media_type())
    }));
    expect_lines(Kind::ALL.map(|kind| {
        let flows: Vec<&str> = kind.flows().iter().map(|flow| flow.word()).collect();
        format!("| {} | `{}` {} | {} |", kind.number(), kind.word(), kind.chinese(), flows.join(", "))
    }));
    expect_lines(Event::ALL.map(|event| {
        let (first, later) = (event.mark(true), event.mark(false));
        let mark = if first == later { first.to_owned() } else { format!("{first}, {later}") };
        let outcome = if event.is_terminal() { "terminal" } else { "–" };
        let officer = if event.is_by_officer() { "required" } else { "–" };
        format!("| `{}` {} | {mark} | {outcome} | {officer} |", event.word(), event.chinese())
    }));
}

/// One row of the enumerations.
fn row<'a>(name: &str, words: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let words: Vec<String> = words.into_iter().map(|(word, chinese)| format!("`{word}` {chinese}")).collect();
    format!("| {name} | {} |", words.join(", "))
}

#[test]
fn the_document_has_every_word_of_every_closed_list() {
    expect_lines([
        row("precedence", Precedence::ALL.map(|it| (it.word(), it.chinese()))),
        row("officer-role", OfficerRole::ALL.map(|it| (it.word(), it.chinese()))),
        row("level", Level::ALL.map(|it| (it.word(), it.chinese()))),
        row("marking", Marking::ALL.map(|it| (it.word(), it.chinese()))),
        row("status", Status::ALL.iter().map(|it| (it.word(), it.chinese()))),
        row("severity", Severity::ALL.iter().map(|it| (it.word(), it.chinese()))),
        row("stage", Stage::ALL.iter().map(|it| (it.word(), it.chinese()))),
        row("precision", Precision::ALL.iter().map(|it| (it.word(), it.chinese()))),
        row("conclusion", Conclusion::ALL.iter().map(|it| (it.word(), it.chinese()))),
        row("progress", Progress::ALL.iter().map(|it| (it.word(), it.chinese()))),
        row("direction", Direction::ALL.iter().map(|it| (it.word(), it.chinese()))),
        row("phone-line", PhoneLine::ALL.iter().map(|it| (it.word(), it.chinese()))),
    ]);
    expect_lines(RelationKind::ALL.map(|kind| format!("`{}`", kind.word())));
    let refusals = [
        Refusal::UnknownRecipient,
        Refusal::UnknownKind { number: 0 },
        Refusal::KindNotAllowed,
        Refusal::CannotOpen,
        Refusal::BodyMismatch,
        Refusal::StateSecret,
        Refusal::CallSignature,
        Refusal::CallMismatch,
        Refusal::Expired,
        Refusal::NoRoute,
    ];
    expect_lines(refusals.map(|refusal| format!("`{}`", refusal.code())));
}

#[test]
fn the_document_has_the_keys_and_digests_of_the_examples() {
    let of = |name: &str, byte: &str, public: &[u8]| {
        format!("| {name} | {byte} | `{}` | `{}` |", hex(public), KeyId::of(public))
    };
    let signing =
        |name, secret: [u8; 32]| of(name, &format!("`{:02x}`", secret[0]), key(&secret).public_bytes());
    let sealing = SealingKey::from_bytes(&CITY_SEALING).unwrap().public();
    expect_lines([
        of("root", "–", authority().issuer().public().as_bytes()),
        signing("province, issuing", PROVINCE_ISSUING),
        signing("province, signing", PROVINCE_SIGNING),
        signing("city, signing, retired", CITY_SIGNING_OLD),
        signing("city, signing", CITY_SIGNING),
        signing("officer", OFFICER),
        of("city, sealing (X25519)", "`07`", sealing.as_bytes()),
    ]);
    expect_lines([
        format!("| route digest | `{}` |", digest(&cbor::encode(&route()))),
        format!("| `envelope_digest` | `{}` |", digest(&header())),
    ]);
}

#[test]
fn the_document_has_the_limits() {
    let days = limits::LIFETIME_MAX.as_secs() / 86_400;
    let numbers = [
        ("bytes of a signed header", limits::HEADER_BYTES_MAX),
        ("bytes of a signed receipt", limits::RECEIPT_BYTES_MAX),
        ("bytes of a signed statement about a call", CALL_BYTES_MAX),
        ("bytes of a sealed body", limits::BODY_BYTES_MAX),
        ("recipients of an envelope", limits::RECIPIENTS_MAX),
        ("days from `created_at` to `expires_at`", days as usize),
        ("attachments of a message", ATTACHMENTS_MAX),
        ("bytes of all attachments", limits::ATTACHMENTS_BYTES_MAX),
        ("characters of a title", text::TITLE_CHARS_MAX),
        ("bytes of any other text", text::TEXT_BYTES_MAX),
        ("bytes of a message without attachments", text::MESSAGE_BYTES_MAX),
        ("elements of any list in a message", text::LIST_MAX),
        ("characters of a receipt's `reason.text`", limits::REASON_CHARACTERS_MAX),
        ("rooms of a plan", Map::ROOMS_MAX),
        ("levels of the tree", Map::LEVELS_MAX),
        ("`alternates` of a room", Map::ALTERNATES_MAX),
        ("`relations` of a room", Map::RELATIONS_MAX),
        ("`codes`, and likewise `names`, of a room", Map::DATED_MAX),
        ("entries of a sheet", certs::sheet::ENTRIES_MAX),
        ("keys of one room in a sheet", certs::sheet::KEYS_OF_A_ROOM_MAX),
        ("revocations in a sheet", certs::sheet::REVOCATIONS_MAX),
        ("bytes of a certificate", certs::certificate::CERTIFICATE_BYTES_MAX),
        ("bytes of a revocation list", certs::revocation::CRL_BYTES_MAX),
        ("hubs in a chain of certificates", certs::authority::HUBS_IN_A_CHAIN_MAX),
        ("nesting of arrays and maps", cbor::DEPTH_MAX),
    ];
    expect_lines(numbers.map(|(what, number)| format!("| {what} | {number} |")));
}

/// With `--nocapture` it prints them.
#[test]
fn new_inputs_for_the_document_can_be_drawn_and_hold() {
    let authority = Authority::create("henan", NOW_MS - DAY_MS).unwrap();
    let map = Map::new(plan()).unwrap();
    let valid = Validity::days(NOW_MS - DAY_MS, ISSUING_DAYS);
    let dns = map.dns_name(PROVINCE).unwrap();
    let issued = authority.issuer().issue_issuing(&dns, &province_issuing().request(), valid).unwrap();
    let chain = authority.issuer().chain_with(&issued);
    let issuer = Issuer::of_hub(province_issuing(), &chain).unwrap();
    let signer = issuer.issue_sheet_signer(valid).unwrap();
    let sheet = sign_sheet(&issuer, &signer.certificate, city_sheet(), NOW_MS).unwrap();
    let (content_key, route_digest) = (ContentKey::random(), digest(&cbor::encode(&route())));
    let sealing = SealingKey::from_bytes(&CITY_SEALING).unwrap().public();
    let wrapped = seal::wrap(&content_key, CITY, &sealing, route_digest.as_bytes()).unwrap();
    let body = seal::seal_body(&content_key, route_digest.as_bytes(), &blocks().encode_padded());
    let drawn = verify_sheet(&sheet, &map, authority.root(), NOW_MS).unwrap();
    assert_eq!(drawn.sheet().entries, city_sheet().entries);
    let sealing = SealingKey::from_bytes(&CITY_SEALING).unwrap();
    let unwrapped = seal::unwrap(&wrapped, CITY, &sealing, route_digest.as_bytes()).unwrap();
    let plain = seal::open_body(&unwrapped, route_digest.as_bytes(), &body).unwrap();
    assert_eq!(Blocks::decode(&plain, limits::BODY_BYTES_MAX).unwrap(), blocks());
    eprintln!("{}", authority.key_pem().as_str());
    for (name, bytes) in [
        ("root-certificate", authority.root().to_vec()),
        ("sheet", sheet),
        ("wrapped-key", cbor::encode(&wrapped)),
        ("sealed-body", body),
    ] {
        eprintln!("{}", block_text(name, &bytes));
    }
}
