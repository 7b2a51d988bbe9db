//! The small network of the examples: a province, a city, a department; one message down, one acknowledgement back.

use certs::{
    Digest,
    authority::{Authority, ISSUING_DAYS, Issuer, Validity},
    cbor,
    certificate::{Serial, certificates_from_pem, certificates_to_pem},
    digest,
    identity::IssuingKey,
    officer::{OfficerCertificate, OfficerRole},
    peer::Publisher,
    revocation::RevocationReason,
    seal::{SEALING_SUITE, SealingKey, WrappedKey},
    sheet::{
        KeyPurpose, KeySuccession, KnownKeys, PublishedKey, Revocation, Revoked, Sheet, SheetContents,
        SheetEntry, sign_sheet, sign_succession, verify_sheet,
    },
    signature::{self, ContentType, SigningKey, Suite},
};
use relay::{
    checkpoint::{Anchor, AnchorStep, Checkpoint, VerifiedCheckpoint},
    duty::{
        calendar::CalendarYear,
        pack_file,
        signed::{SignedCalendar, SignedPack},
    },
    engine::EpochStart,
    envelope::{ENVELOPE_VERSION, Role, Route, SealedMessage},
    envelope_id::{EnvelopeId, EnvelopeKey, Epoch},
    evidence::{EVIDENCE_VERSION, Manifest, Subject, manifest::listed, names},
    limits,
    log::{Edge, Line, leaf_hash},
    message::{
        Blocks, CaseId, Content, DeclaredTime, Message,
        field::{Person, Status},
        phone::{
            Direction, PhoneLine,
            call::{CALL_VERSION, CallStatement},
        },
        verification::VerifyRequest,
    },
    receipt::{ClockOffset, Event, OfficerDeed, Receipt},
    tick::VerifiedTick,
    timestamp::Timestamp,
};
use serde_bytes::{ByteArray, ByteBuf};
use topology::{
    CalendarInForce, Dated, Flow, Level, Map, Name, PackInForce, Plan, Precedence, Relation, RelationKind,
    Room, RoomId, RuleDigest,
};

use super::block;

/// 2026-11-22 04:00 UTC.
pub(crate) const NOW_MS: i64 = 1_795_320_000_000;
pub(crate) const DAY_MS: i64 = 86_400_000;
pub(crate) const PROVINCE: RoomId = RoomId::from_bytes([0x11; 16]);
pub(crate) const CITY: RoomId = RoomId::from_bytes([0x22; 16]);
pub(crate) const DEPARTMENT: RoomId = RoomId::from_bytes([0x33; 16]);
pub(crate) const SALTS: [[u8; 16]; 3] = [[0xa1; 16], [0xa2; 16], [0xa3; 16]];

/// The key (PKCS#8 in base64) of the root certificate in the document.
pub(crate) const ROOT_KEY: &str = "MC4CAQAwBQYDK2VwBCIEIMJp08ZjoHVrYAhog7WSeeM+fsguAShhd0Wbp6JZXHJV";
/// The secrets of the other keys are 32 equal bytes.
pub(crate) const PROVINCE_ISSUING: [u8; 32] = [2; 32];
pub(crate) const PROVINCE_SIGNING: [u8; 32] = [3; 32];
pub(crate) const CITY_SIGNING_OLD: [u8; 32] = [4; 32];
pub(crate) const CITY_SIGNING: [u8; 32] = [5; 32];
pub(crate) const OFFICER: [u8; 32] = [6; 32];
pub(crate) const CITY_SEALING: [u8; 32] = [7; 32];

pub(crate) fn key(secret: &[u8]) -> SigningKey {
    let pkcs8 = [&[0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20], secret].concat();
    SigningKey::from_pkcs8(&pkcs8).unwrap()
}

pub(crate) fn authority() -> Authority {
    let key = format!("-----BEGIN PRIVATE KEY-----\n{ROOT_KEY}\n-----END PRIVATE KEY-----\n");
    Authority::from_pem(&key, &pem(&block("root-certificate"))).unwrap()
}

pub(crate) fn pem(der: &[u8]) -> String {
    certificates_to_pem([&der.to_vec().into()])
}

pub(crate) fn plan() -> Plan {
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
        packs: vec![PackInForce {
            name: "local-2026".into(),
            version: 1,
            digest: RuleDigest::from_bytes(*rule_pack().digest().as_bytes()),
        }],
        calendars: vec![CalendarInForce {
            year: 2026,
            digest: RuleDigest::from_bytes(*calendar().digest().as_bytes()),
        }],
    }
}

pub(crate) fn room(id: RoomId, code: &str, name: &str, level: Level, parent: Option<RoomId>) -> Room {
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

pub(crate) fn published(suite: u8, purpose: KeyPurpose, public: &[u8], from_ms: i64) -> PublishedKey {
    PublishedKey { suite, to_ms: None, public: ByteBuf::from(public), from_ms, purpose, succession: None }
}

pub(crate) fn signing(secret: &[u8], from_ms: i64) -> PublishedKey {
    published(Suite::Ed25519.id(), KeyPurpose::Signing, key(secret).public_bytes(), from_ms)
}

/// The sheet of the province: the city with a retired and a present signing key, and a revoked certificate.
pub(crate) fn city_sheet() -> SheetContents {
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

pub(crate) fn succession(from_ms: i64) -> Vec<u8> {
    let public = ByteBuf::from(key(&CITY_SIGNING).public_bytes());
    let (suite, purpose) = (Suite::Ed25519.id(), KeyPurpose::Signing);
    let new = KeySuccession { room: CITY, suite, public, from_ms, purpose };
    sign_succession(&key(&CITY_SIGNING_OLD), &new)
}

pub(crate) fn contents(
    publisher: Publisher,
    entry: SheetEntry,
    revocations: Vec<Revocation>,
) -> SheetContents {
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
pub(crate) fn sheet() -> Vec<u8> {
    let payload = signature::peek_payload_unverified(&block("sheet"), ContentType::Sheet).unwrap();
    let read: Sheet = cbor::decode(&payload, ContentType::Sheet.size_bytes_max()).unwrap();
    let chain: String = read.chain.iter().map(|der| pem(der)).collect();
    let chain = certificates_from_pem(&chain).unwrap();
    let issuer = Issuer::of_hub(province_issuing(), &chain[1..]).unwrap();
    sign_sheet(&issuer, &chain[0], city_sheet(), NOW_MS).unwrap()
}

pub(crate) fn province_issuing() -> IssuingKey {
    IssuingKey::from_pem(&key(&PROVINCE_ISSUING).to_pem()).unwrap()
}

/// What everybody knows: the sheet in the document, and that of the authority with the province's key.
pub(crate) fn known_keys(map: &Map) -> KnownKeys {
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

pub(crate) fn message() -> Message {
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

pub(crate) fn blocks() -> Blocks {
    message().to_blocks(SALTS).unwrap()
}

/// The plaintext without its padding.
pub(crate) fn plaintext() -> Vec<u8> {
    let mut padded = blocks().encode_padded();
    let length = u32::from_be_bytes(padded[..4].try_into().unwrap());
    padded.truncate(4 + length as usize);
    padded
}

pub(crate) fn route() -> Route {
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

pub(crate) fn header() -> Vec<u8> {
    let sealed = SealedMessage {
        route: route(),
        route_bytes: cbor::encode(&route()),
        to: vec![(CITY, Role::Action, wrapped_key())],
        body: block("sealed-body").into(),
        commitments: blocks().commitments().unwrap(),
    };
    sealed.sign(&key(&PROVINCE_SIGNING), |_| 1).bytes().header.to_vec()
}

pub(crate) fn wrapped_key() -> WrappedKey {
    cbor::decode(&block("wrapped-key"), 1024).unwrap()
}

pub(crate) fn city_epoch() -> Epoch {
    Epoch { nonce: ByteArray::new([0x77; 8]), counter: 2 }
}

pub(crate) fn epoch_start() -> Vec<u8> {
    let (at, previous) = (Timestamp::from_ms(NOW_MS - 3_600_000), Some(Digest::from_bytes([0x88; 32])));
    let leaf = EpochStart { v: 1, at, seq: 6, room: CITY, epoch: city_epoch(), previous };
    signature::sign(&key(&CITY_SIGNING), ContentType::EpochStart, &cbor::encode(&leaf))
}

pub(crate) fn tick() -> VerifiedTick {
    VerifiedTick::sign(Timestamp::from_ms(NOW_MS + 60_000), "henan", &key(&PROVINCE_SIGNING))
}

/// The city's log of two leaves: its epoch's start and its receipt.
pub(crate) fn checkpoint() -> VerifiedCheckpoint {
    let mut log = Edge::default();
    log.append(&epoch_start());
    log.append(&receipt());
    sign_head(CITY, &log, NOW_MS + 70_000, city_epoch(), &key(&CITY_SIGNING))
}

/// The province's log of three leaves, of which the city's checkpoint is the second.
pub(crate) fn root_checkpoint() -> (VerifiedCheckpoint, Anchor) {
    let city = checkpoint();
    let leaves: [&[u8]; 3] = [b"the first leaf", city.bytes(), b"the third leaf"];
    let mut log = Edge::default();
    for leaf in leaves {
        log.append(leaf);
    }
    let epoch = Epoch { nonce: ByteArray::new([0x66; 8]), counter: 4 };
    let signed = sign_head(PROVINCE, &log, NOW_MS + 71_000, epoch, &key(&PROVINCE_SIGNING));
    let path = [leaf_hash(leaves[0]), leaf_hash(leaves[2])];
    let anchor = Anchor { steps: vec![AnchorStep::new(1, &path, signed.bytes())] };
    (signed, anchor)
}

fn sign_head(room: RoomId, log: &Edge, at_ms: i64, epoch: Epoch, key: &SigningKey) -> VerifiedCheckpoint {
    let checkpoint = Checkpoint {
        v: 1,
        at: Timestamp::from_ms(at_ms),
        lost: None,
        room,
        root: log.root(),
        size: log.size(),
        tick: Some(tick().name()),
        clock: None,
        epoch,
        suite: Suite::Ed25519.id(),
    };
    checkpoint.sign(key)
}

pub(crate) fn line() -> Vec<u8> {
    let line = Line {
        v: 1,
        room: PROVINCE,
        peer: CITY,
        suite: Suite::Ed25519.id(),
        up_at: Timestamp::from_ms(NOW_MS + 61_000),
        up_tick: Some(tick().name()),
        down_at: Timestamp::from_ms(NOW_MS - 600_000),
        down_tick: None,
    };
    line.sign(&key(&PROVINCE_SIGNING)).bytes().to_vec()
}

/// What the city signs about a file with one message, without its case, and two entries.
pub(crate) fn manifest() -> Vec<u8> {
    let head = checkpoint().checkpoint().head();
    let manifest = Manifest {
        v: EVIDENCE_VERSION,
        at: Timestamp::from_ms(NOW_MS + 90_000),
        text: false,
        tick: Some(tick().name()),
        as_of: Some(head),
        suite: Suite::Ed25519.id(),
        entries: vec![listed(names::README, b"README"), listed(names::PLAN, b"plan")],
        network: "henan".to_owned(),
        subject: Subject::Message(EnvelopeKey { origin: PROVINCE, id: route().id }),
        personal: false,
        exporter: CITY,
        messages: 1,
        receipts: 1,
        envelopes: vec![digest(&header())],
    };
    manifest.sign(&key(&CITY_SIGNING))
}

pub(crate) fn officer_certificate() -> Vec<u8> {
    let public = key(&OFFICER).public();
    OfficerCertificate::new(CITY, "liwei", "李伟", OfficerRole::HeadOfWatch, &public, NOW_MS - DAY_MS)
        .sign(&key(&CITY_SIGNING))
}

pub(crate) fn officer_act() -> Vec<u8> {
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

pub(crate) fn phone_statement() -> CallStatement {
    let at = |ms| DeclaredTime::from_ms(NOW_MS + ms).unwrap();
    CallStatement {
        v: CALL_VERSION,
        case: Some(CaseId::from_bytes([0x44; 16])),
        code: "K7M".parse().unwrap(),
        line: PhoneLine::Secure,
        peer: PROVINCE,
        room: CITY,
        text: Digest::from_bytes([0x99; 32]),
        about: Some(EnvelopeKey { origin: PROVINCE, id: route().id }),
        status: Status::Actual,
        ended_at: at(202_000),
        direction: Direction::Out,
        sensitive: false,
        started_at: at(82_000),
    }
}

pub(crate) fn phone_call() -> Vec<u8> {
    let (key, kind) = (key(&OFFICER), ContentType::PhoneCall);
    signature::sign_with_attachment(&key, kind, &phone_statement().payload(), &officer_certificate())
}

pub(crate) fn receipt() -> Vec<u8> {
    let receipt = Receipt {
        v: ENVELOPE_VERSION,
        at: Timestamp::from_ms(NOW_MS + 62_000),
        seq: 9,
        peer: Some(PROVINCE),
        tick: Some(tick().name()),
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

/// One rule of the province's own.
pub(crate) fn rule_pack() -> SignedPack {
    let pack = pack_file::parse("local-2026.toml", RULE_PACK, &[]).unwrap();
    SignedPack::sign(pack, PROVINCE, &key(&PROVINCE_SIGNING))
}

const RULE_PACK: &str = r#"
name = "local-2026"
version = 1
title = "本地细则"
document = "豫值〔2026〕1号"
issuer = "410000"
target = "省政府"
issued = "2026-01-01"

[[rule]]
id = "local.verify.phone"
kind = "verify.reply"
force = "must"
channel = "phone"
start = "notice_received"
basis = "stated"
stop = "phone_feedback_completed"
limit = "PT15M"
place = "一"
says = "15分钟内电话反馈"
quote = "15分钟"
"#;

/// A year with one day off and one that is worked for it.
pub(crate) fn calendar() -> SignedCalendar {
    let year = CalendarYear {
        year: 2026,
        off: vec!["2026-10-01".into()],
        work: vec!["2026-10-10".into()],
        source: "国办发明电".into(),
    };
    SignedCalendar::sign(year, PROVINCE, &key(&PROVINCE_SIGNING))
}
