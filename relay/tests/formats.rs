//! The examples and the lists in `docs/formats.md` are what this program writes and knows.
//!
//! Keys, ids and times are fixed and Ed25519 is deterministic, so every signed object has stable bytes. What is drawn
//! at random (certificates, a sealed body with its wrapped key) is read from the document and must verify and open.
//! When a format changes on purpose, the failing test prints the blocks to put into the document.

use certs::{
    Digest,
    authority::{Authority, ISSUING_DAYS, Issuer, Validity},
    cbor,
    certificate::{Serial, certificates_from_pem, certificates_to_pem},
    digest,
    identity::IssuingKey,
    officer::{OfficerCertificate, OfficerRole, verify_act},
    peer::Publisher,
    plan::{sign_plan, verify_plan},
    revocation::RevocationReason,
    seal::{self, ContentKey, SEALING_SUITE, SealingKey, WrappedKey},
    sheet::{
        KeyPurpose, KeySuccession, KnownKeys, PublishedKey, Revocation, Revoked, Sheet, SheetContents,
        SheetEntry, sign_sheet, sign_succession, verify_sheet,
    },
    signature::{self, ContentType, KeyId, SigningKey, Suite},
};
use relay::{
    engine::EpochStart,
    envelope::{ENVELOPE_VERSION, EnvelopeBytes, RecipientKey, Role, Route, SealedMessage, VerifiedEnvelope},
    envelope_id::{EnvelopeId, Epoch},
    limits,
    message::{
        Blocks, CaseId, Content, Kind, Marking, Message,
        attachment::ATTACHMENTS_MAX,
        field::{Person, Severity, Status},
        instruction::Progress,
        occurrence::Precision,
        phone::{Direction, PhoneLine},
        report::Stage,
        text,
        verification::{Conclusion, VerifyRequest},
    },
    receipt::{ClockOffset, Event, OfficerDeed, Receipt, VerifiedReceipt},
    refusal::Refusal,
    timestamp::Timestamp,
};
use serde_bytes::{ByteArray, ByteBuf};
use topology::{Dated, Flow, Level, Map, Name, Plan, Precedence, Relation, RelationKind, Room, RoomId};

const DOCUMENT: &str = include_str!("../../docs/formats.md");

/// 2026-11-22 04:00 UTC.
const NOW_MS: i64 = 1_795_320_000_000;
const DAY_MS: i64 = 86_400_000;
const PROVINCE: RoomId = RoomId::from_bytes([0x11; 16]);
const CITY: RoomId = RoomId::from_bytes([0x22; 16]);
const DEPARTMENT: RoomId = RoomId::from_bytes([0x33; 16]);
const SALTS: [[u8; 16]; 3] = [[0xa1; 16], [0xa2; 16], [0xa3; 16]];

/// The key (PKCS#8 in base64) of the root certificate in the document.
const ROOT_KEY: &str = "MC4CAQAwBQYDK2VwBCIEIMJp08ZjoHVrYAhog7WSeeM+fsguAShhd0Wbp6JZXHJV";
/// The secrets of the other keys are 32 equal bytes.
const PROVINCE_ISSUING: [u8; 32] = [2; 32];
const PROVINCE_SIGNING: [u8; 32] = [3; 32];
const CITY_SIGNING_OLD: [u8; 32] = [4; 32];
const CITY_SIGNING: [u8; 32] = [5; 32];
const OFFICER: [u8; 32] = [6; 32];
const CITY_SEALING: [u8; 32] = [7; 32];

// --- the document ---------------------------------------------------------------------

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

// --- the network of the examples ---------------------------------------------------------

fn key(secret: &[u8]) -> SigningKey {
    let pkcs8 = [&[0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20], secret].concat();
    SigningKey::from_pkcs8(&pkcs8).unwrap()
}

fn authority() -> Authority {
    let key = format!("-----BEGIN PRIVATE KEY-----\n{ROOT_KEY}\n-----END PRIVATE KEY-----\n");
    Authority::from_pem(&key, &pem(&block("root-certificate"))).unwrap()
}

fn pem(der: &[u8]) -> String {
    certificates_to_pem([&der.to_vec().into()])
}

fn plan() -> Plan {
    let mut province = room(PROVINCE, "410000", "河南省政府值班室", Level::Province, None);
    province.address = Some("10.41.0.1:7100".into());
    province.telephone = Some("0371-00000000".into());
    let mut city = room(CITY, "410100", "郑州市政府值班室", Level::City, Some(PROVINCE));
    city.names[0].value.en = Some("Zhengzhou duty room".into());
    city.names[0].from_ms = Some(NOW_MS - 400 * DAY_MS);
    city.relations = vec![Relation { kind: RelationKind::LineSuperior, room: DEPARTMENT }];
    let department = room(DEPARTMENT, "41000090100000", "省应急厅值班室", Level::Department, Some(PROVINCE));
    Plan {
        v: Plan::FORMAT,
        network: "henan".into(),
        version: 3,
        issued_at_ms: NOW_MS - DAY_MS,
        demo: false,
        rooms: vec![province, city, department],
    }
}

fn room(id: RoomId, code: &str, name: &str, level: Level, parent: Option<RoomId>) -> Room {
    Room {
        id,
        level,
        codes: vec![Dated::always(code.parse().unwrap())],
        names: vec![Dated::always(Name { zh: name.into(), en: None })],
        parent,
        alternates: Vec::new(),
        address: None,
        telephone: None,
        relations: Vec::new(),
        valid_from_ms: None,
        valid_to_ms: None,
    }
}

fn published(suite: u8, purpose: KeyPurpose, public: &[u8], from_ms: i64) -> PublishedKey {
    PublishedKey { suite, to_ms: None, public: ByteBuf::from(public), from_ms, purpose, succession: None }
}

fn signing(secret: &[u8], from_ms: i64) -> PublishedKey {
    published(Suite::Ed25519.id(), KeyPurpose::Signing, key(secret).public_bytes(), from_ms)
}

/// The sheet of the province: the city with a retired and a present signing key, and a revoked certificate.
fn city_sheet() -> SheetContents {
    let (first_ms, changed_ms) = (NOW_MS - 90 * DAY_MS, NOW_MS - DAY_MS);
    let retired = PublishedKey { to_ms: Some(changed_ms), ..signing(&CITY_SIGNING_OLD, first_ms) };
    let present = PublishedKey {
        succession: Some(succession(changed_ms).into()),
        ..signing(&CITY_SIGNING, changed_ms)
    };
    let sealing = SealingKey::from_bytes(&CITY_SEALING).unwrap().public();
    let sealing = published(SEALING_SUITE, KeyPurpose::Sealing, sealing.as_bytes(), first_ms);
    let serial = |byte| Serial::from_bytes(&[byte; 16]);
    let revoked = Revocation {
        room: CITY,
        at_ms: changed_ms,
        reason: RevocationReason::Superseded,
        revoked: Revoked::Certificate(serial(0x51).unwrap()),
        compromised_since_ms: None,
    };
    contents(
        Publisher::Hub(PROVINCE),
        SheetEntry {
            keys: vec![retired, present, sealing],
            room: CITY,
            tls_serial: serial(0x52),
            issuing_serial: None,
        },
        vec![revoked],
    )
}

fn succession(from_ms: i64) -> Vec<u8> {
    let public = ByteBuf::from(key(&CITY_SIGNING).public_bytes());
    let (suite, purpose) = (Suite::Ed25519.id(), KeyPurpose::Signing);
    let new = KeySuccession { room: CITY, suite, public, from_ms, purpose };
    sign_succession(&key(&CITY_SIGNING_OLD), &new)
}

fn contents(publisher: Publisher, entry: SheetEntry, revocations: Vec<Revocation>) -> SheetContents {
    SheetContents {
        network: "henan".into(),
        publisher,
        version: 9,
        plan_version: 3,
        entries: vec![entry],
        revocations,
    }
}

/// The sheet again, with the certificates that stand in the document.
fn sheet() -> Vec<u8> {
    let payload = signature::peek_payload_unverified(&block("sheet"), ContentType::Sheet).unwrap();
    let read: Sheet = cbor::decode(&payload, ContentType::Sheet.size_bytes_max()).unwrap();
    let chain: String = read.chain.iter().map(|der| pem(der)).collect();
    let chain = certificates_from_pem(&chain).unwrap();
    let issuer = Issuer::of_hub(province_issuing(), &chain[1..]).unwrap();
    sign_sheet(&issuer, &chain[0], city_sheet(), NOW_MS).unwrap()
}

fn province_issuing() -> IssuingKey {
    IssuingKey::from_pem(&key(&PROVINCE_ISSUING).to_pem()).unwrap()
}

/// What everybody knows: the sheet in the document, and that of the authority with the province's key.
fn known_keys(map: &Map) -> KnownKeys {
    let authority = authority();
    let entry = SheetEntry {
        keys: vec![signing(&PROVINCE_SIGNING, NOW_MS - 90 * DAY_MS)],
        room: PROVINCE,
        tls_serial: None,
        issuing_serial: None,
    };
    let signer = authority.issuer().issue_sheet_signer(Validity::days(NOW_MS, ISSUING_DAYS)).unwrap();
    let contents = contents(Publisher::Authority, entry, Vec::new());
    let above = sign_sheet(authority.issuer(), &signer.certificate, contents, NOW_MS).unwrap();
    let mut keys = KnownKeys::new();
    for bytes in [above, block("sheet")] {
        keys.insert(verify_sheet(&bytes, map, authority.root(), NOW_MS).unwrap()).unwrap();
    }
    keys
}

// --- what is said in it --------------------------------------------------------------------

fn message() -> Message {
    let contact =
        Person { name: Some("王芳".into()), phone: Some("0371-00000001".into()), ..Person::default() };
    let request = VerifyRequest {
        title: "核实网传积水信息".into(),
        what: "网传某涵洞积水有人被困,请核实并书面反馈。".into(),
        written_required: true,
        contact: Some(contact),
        ..VerifyRequest::default()
    };
    let mut message = Message::new(Content::VerifyRequest(Box::new(request)));
    message.heading.case = Some(CaseId::from_bytes([0x44; 16]));
    message.heading.case_seq = Some(1);
    message
}

fn blocks() -> Blocks {
    message().to_blocks(SALTS).unwrap()
}

/// The plaintext without its padding.
fn plaintext() -> Vec<u8> {
    let mut padded = blocks().encode_padded();
    let length = u32::from_be_bytes(padded[..4].try_into().unwrap());
    padded.truncate(4 + length as usize);
    padded
}

fn route() -> Route {
    Route {
        v: ENVELOPE_VERSION,
        id: EnvelopeId::new(Timestamp::from_ms(NOW_MS), &[0x55; 10]),
        flow: Flow::Down,
        tick: None,
        epoch: Epoch { nonce: ByteArray::new([0x66; 8]), counter: 4 },
        suite: Suite::Ed25519.id(),
        origin: PROVINCE,
        status: Status::Actual,
        network: "henan".into(),
        created_at: Timestamp::from_ms(NOW_MS),
        expires_at: Timestamp::from_ms(NOW_MS).after(limits::LIFETIME_DEFAULT),
        precedence: Precedence::Immediate,
        map_version: 3,
    }
}

fn header() -> Vec<u8> {
    let sealed = SealedMessage {
        route: route(),
        route_bytes: cbor::encode(&route()),
        to: vec![(CITY, Role::Action, wrapped_key())],
        body: block("sealed-body").into(),
        commitments: blocks().commitments().unwrap(),
    };
    sealed.sign(&key(&PROVINCE_SIGNING), |_| 1).bytes().header.to_vec()
}

fn wrapped_key() -> WrappedKey {
    cbor::decode(&block("wrapped-key"), 1024).unwrap()
}

fn city_epoch() -> Epoch {
    Epoch { nonce: ByteArray::new([0x77; 8]), counter: 2 }
}

fn epoch_start() -> Vec<u8> {
    let (at, previous) = (Timestamp::from_ms(NOW_MS - 3_600_000), Some(Digest::from_bytes([0x88; 32])));
    let leaf = EpochStart { v: 1, at, seq: 6, room: CITY, epoch: city_epoch(), previous };
    signature::sign(&key(&CITY_SIGNING), ContentType::EpochStart, &cbor::encode(&leaf))
}

fn officer_certificate() -> Vec<u8> {
    let public = key(&OFFICER).public();
    OfficerCertificate::new(CITY, "liwei", "李伟", OfficerRole::HeadOfWatch, &public, NOW_MS - DAY_MS)
        .sign(&key(&CITY_SIGNING))
}

fn officer_act() -> Vec<u8> {
    let deed = OfficerDeed {
        v: 1,
        at: Timestamp::from_ms(NOW_MS + 61_500),
        event: Event::Acknowledged,
        room: CITY,
        origin: PROVINCE,
        envelope_id: route().id,
        envelope_digest: digest(&header()),
    };
    let (key, kind) = (key(&OFFICER), ContentType::OfficerAct);
    signature::sign_with_attachment(&key, kind, &cbor::encode(&deed), &officer_certificate())
}

fn receipt() -> Vec<u8> {
    let receipt = Receipt {
        v: ENVELOPE_VERSION,
        at: Timestamp::from_ms(NOW_MS + 62_000),
        seq: 9,
        peer: Some(PROVINCE),
        tick: None,
        clock: Some(ClockOffset { offset_lo: -3, offset_hi: 2 }),
        epoch: city_epoch(),
        event: Event::Acknowledged,
        suite: Suite::Ed25519.id(),
        issuer: CITY,
        origin: PROVINCE,
        reason: None,
        officer: Some(officer_act().into()),
        recipient: CITY,
        envelope_id: route().id,
        envelope_digest: digest(&header()),
    };
    receipt.sign(&key(&CITY_SIGNING)).bytes().to_vec()
}

// --- the tests -----------------------------------------------------------------------------

#[test]
fn every_example_in_the_document_is_what_the_code_makes() {
    let made = [
        ("plan", sign_plan(&authority(), &plan())),
        ("sheet", sheet()),
        ("envelope-header", header()),
        ("epoch-start", epoch_start()),
        ("officer-certificate", officer_certificate()),
        ("officer-act", officer_act()),
        ("receipt", receipt()),
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
        ("hubs in a chain of certificates", certs::authority::HUBS_IN_A_CHAIN_MAX),
        ("nesting of arrays and maps", cbor::DEPTH_MAX),
    ];
    expect_lines(numbers.map(|(what, number)| format!("| {what} | {number} |")));
}

#[test]
#[ignore = "draws new certificates and a new sealed body for the document"]
fn new_inputs_for_the_document() {
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
