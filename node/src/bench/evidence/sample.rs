//! A network of three rooms that exists only in memory, and the evidence that its city exports. Tests bend it: a key that was
//! stolen, a clock that lies, a log with two histories, a receipt that is withheld.

use std::io::Write;

use certs::{
    authority::{Authority, ISSUING_DAYS, Issuer, Validity},
    certificate::CertificateDer,
    identity::{IssuingKey, RoomKeys},
    peer::Publisher,
    revocation::RevocationReason,
    seal::WrappedKey,
    sheet::{KeyPurpose, PublishedKey, Revocation, Revoked, SheetContents, SheetEntry, sign_sheet},
    signature::{Digest, SigningKey, Suite, digest},
};
use relay::{
    checkpoint::{Anchor, AnchorStep, Checkpoint},
    duty::{builtin, signed::SignedPack},
    envelope::{ENVELOPE_VERSION, Role, Route, SealedMessage},
    envelope_id::{EnvelopeId, Epoch},
    evidence::{
        DatedHead, Documents, FileWriter, Group, Heading, KeptMessage, Leaf, Subject,
        container::ContainerError, group::join_path,
    },
    log::{consistency_ranges, inclusion_ranges},
    message::{
        CaseId, Content, Message, Part, field::Place, field::Severity, occurrence::Occurrence, report::Report,
    },
    receipt::{ClockOffset, Event, Receipt},
    tick::{TickRef, VerifiedTick},
    timestamp::Timestamp,
};
use serde_bytes::{ByteArray, ByteBuf};
use topology::{Dated, Flow, Level, Map, Name, PackInForce, Plan, Precedence, Room, RoomId, RuleDigest};

use super::forest::Forest;

/// The root hub.
pub const PROVINCE: RoomId = RoomId::from_bytes([0x41; 16]);
/// The exporter.
pub const CITY: RoomId = RoomId::from_bytes([0x42; 16]);
/// The origin of every message.
pub const COUNTY: RoomId = RoomId::from_bytes([0x43; 16]);
/// 2026-11-22 04:00 UTC, when the first message is sent.
pub const BEGIN_MS: i64 = 1_795_320_000_000;
/// Messages of a group, three receipts each.
pub(super) const MESSAGES: u64 = 85;
const PER_GROUP_MS: i64 = 1_000 * MESSAGES as i64;

/// What the sample is to be.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wish {
    /// How many receipts there are, at least.
    pub receipts: u64,
    /// The county's signing key is revoked as stolen since this time.
    pub stolen_since_ms: Option<i64>,
    /// By how much the county's clock is put back.
    pub back_dated_ms: i64,
    /// The second group's head is of another history.
    pub is_forked: bool,
    /// The delivered receipt of the first message is of another message.
    pub is_swapped: bool,
    /// The first message stands in its group a second time.
    pub is_doubled: bool,
    /// The first message and the third are of one case, the second is not.
    pub is_scattered: bool,
    /// The file is about a case of all messages but the last, which has a number and no case.
    pub is_case: bool,
    /// The county has moved under the province since, by a newer plan.
    pub is_moved: bool,
    /// The plan of the time is left out.
    pub forgets_plan: bool,
    /// The root hub's signing key went out of use then.
    pub root_until_ms: Option<i64>,
    /// The root hub's signing key is revoked as stolen since this time.
    pub root_stolen_since_ms: Option<i64>,
}

/// The network, and what it wishes.
pub struct Sample {
    wish: Wish,
    authority: Authority,
    pub(super) rooms: [RoomKeys; 3],
    pub(super) documents: Documents,
}

impl Sample {
    /// Makes keys, plan, sheets and the rule pack of the province.
    ///
    /// # Panics
    /// Never: what it makes is well-formed.
    pub fn new(wish: Wish) -> Self {
        let authority = Authority::create("henan", BEGIN_MS).expect("an authority can be made");
        let rooms = [RoomKeys::generate(), RoomKeys::generate(), RoomKeys::generate()];
        let pack = builtin::pack("henan-2021").expect("the program has this pack");
        let signed = SignedPack::sign(pack, PROVINCE, &rooms[0].signing);
        let before = plan(signed.digest());
        let moved = |mut plan: Plan| {
            plan.version += 1;
            plan.rooms[2].parent = Some(PROVINCE);
            plan
        };
        let now = if wish.is_moved { moved(before.clone()) } else { before.clone() };
        let map = Map::new(now).expect("the plan of the sample is good");
        let keeps = wish.is_moved && !wish.forgets_plan;
        let documents = Documents {
            plan: certs::plan::sign_plan(&authority, map.plan()),
            plans: keeps.then(|| certs::plan::sign_plan(&authority, &before)).into_iter().collect(),
            sheets: sheets(&authority, &map, &rooms, &wish),
            packs: vec![signed.bytes().to_vec()],
            ..Documents::default()
        };
        Self { wish, authority, rooms, documents }
    }

    /// The trust anchor.
    pub fn root(&self) -> CertificateDer<'static> {
        self.authority.root().clone().into_owned()
    }

    /// Writes the evidence of everything.
    ///
    /// # Errors
    /// [`ContainerError`].
    pub fn write<W: Write>(&self, out: W) -> Result<W, ContainerError> {
        let groups = self.wish.receipts.div_ceil(3 * MESSAGES).max(1);
        let mut log = Forest::default();
        for number in 0..groups {
            for (_, receipts) in self.messages(number, &self.tick(number)) {
                receipts.iter().for_each(|receipt| {
                    log.append(receipt);
                });
            }
        }
        let mut upper = Forest::default();
        let sizes = (1..=groups).map(|number| number * 3 * MESSAGES);
        let heads: Vec<(Vec<u8>, Timestamp)> =
            sizes.zip(0..).map(|(size, number)| self.head(&log, size, number)).collect();
        heads.iter().for_each(|(bytes, _)| {
            upper.append(bytes);
        });
        let newest = self.dated(&log, &upper, groups, groups - 1, &heads);
        let checkpoint = relay::checkpoint::Head { root: log.root(log.size()), size: log.size() };
        let documents = Documents { as_of: Some((checkpoint, newest)), ..self.documents.clone() };
        let mut file = FileWriter::begin(out, self.heading(groups), &documents)?;
        for number in 0..groups {
            file.group(&self.group(&log, &upper, groups, number, &heads))?;
        }
        file.finish(&self.rooms[1].signing)
    }

    pub(super) fn heading(&self, groups: u64) -> Heading {
        Heading {
            network: "henan".to_owned(),
            exporter: CITY,
            at: at(BEGIN_MS + (groups as i64 + 1) * PER_GROUP_MS),
            tick: None,
            subject: if self.wish.is_case { Subject::Case(CASE) } else { Subject::All },
            text: false,
            personal: false,
        }
    }

    pub(super) fn tick(&self, group: u64) -> VerifiedTick {
        let ms = BEGIN_MS + group as i64 * PER_GROUP_MS;
        VerifiedTick::sign(at(ms), "henan", &self.rooms[0].signing)
    }

    /// The headers of a group's messages, each with its three receipts.
    pub(super) fn messages(&self, group: u64, tick: &VerifiedTick) -> Vec<(Vec<u8>, Vec<Vec<u8>>)> {
        (0..MESSAGES).map(|index| self.one(group * MESSAGES + index, tick)).collect()
    }

    fn one(&self, number: u64, tick: &VerifiedTick) -> (Vec<u8>, Vec<Vec<u8>>) {
        let sent = BEGIN_MS + number as i64 * 1_000 + 500;
        let mut random = [0; 10];
        random[2..].copy_from_slice(&number.to_be_bytes());
        let route = Route {
            v: ENVELOPE_VERSION,
            id: EnvelopeId::new(at(sent), &random),
            flow: Flow::Up,
            tick: Some(tick.name()),
            epoch: epoch(),
            suite: Suite::Ed25519.id(),
            origin: COUNTY,
            status: relay::message::field::Status::Test,
            network: "henan".to_owned(),
            created_at: at(sent - self.wish.back_dated_ms),
            expires_at: at(sent + 86_400_000),
            precedence: Precedence::Flash,
            map_version: 1,
        };
        let blocks = self.content(number).to_blocks(SALTS).expect("the message is well-formed");
        let key = WrappedKey { enc: vec![0; 32], key_id: certs::KeyId::of(b"none"), ciphertext: vec![0; 48] };
        let sealed = SealedMessage {
            route_bytes: certs::cbor::encode(&route),
            to: vec![(PROVINCE, Role::Action, key)],
            body: Vec::new().into(),
            commitments: blocks.commitments().expect("all blocks are there"),
            route: route.clone(),
        };
        let header = sealed.sign(&self.rooms[2].signing, |_| number + 1).bytes().header.to_vec();
        let about = match self.wish.is_swapped && number == 0 {
            true => Digest::from_bytes([0; 32]),
            false => digest(&header),
        };
        let said = [
            (COUNTY, Event::Accepted, sent - self.wish.back_dated_ms, digest(&header)),
            (CITY, Event::Custody, sent + 5, digest(&header)),
            (PROVINCE, Event::Delivered, sent + 10, about),
        ];
        let receipts = said.into_iter().zip(0..).map(|((issuer, event, ms, about), place)| {
            let seq = if issuer == CITY { number * 3 + place } else { number };
            self.receipt(&route, tick, (issuer, event, ms, about), seq)
        });
        (header, receipts.collect())
    }

    /// What the message of this number says.
    fn content(&self, number: u64) -> Message {
        let mut message = message();
        let last = self.wish.receipts.div_ceil(3 * MESSAGES).max(1) * MESSAGES - 1;
        if self.wish.is_scattered && (number == 0 || number == 2) || self.wish.is_case && number < last {
            message.heading.case = Some(CASE);
        }
        if self.wish.is_case {
            let seq = if number == last { 1_000 } else { number + 1 };
            message.heading.case_seq = u32::try_from(seq).ok();
        }
        message
    }

    fn receipt(
        &self,
        route: &Route,
        tick: &VerifiedTick,
        (issuer, event, ms, envelope_digest): (RoomId, Event, i64, Digest),
        seq: u64,
    ) -> Vec<u8> {
        let clock = (issuer != PROVINCE).then_some(ClockOffset { offset_lo: -2, offset_hi: 2 });
        let receipt = Receipt {
            v: ENVELOPE_VERSION,
            at: at(ms),
            seq,
            peer: (issuer == CITY).then_some(COUNTY),
            tick: Some(tick.name()),
            clock,
            epoch: epoch(),
            event,
            suite: Suite::Ed25519.id(),
            issuer,
            origin: route.origin,
            reason: None,
            officer: None,
            recipient: PROVINCE,
            envelope_id: route.id,
            envelope_digest,
        };
        receipt.sign(self.key(issuer)).bytes().to_vec()
    }

    fn key(&self, room: RoomId) -> &SigningKey {
        let index = [PROVINCE, CITY, COUNTY].iter().position(|known| *known == room).unwrap_or_default();
        &self.rooms[index].signing
    }

    /// The city's signed head over so many leaves, and when it is dated.
    pub(super) fn head(&self, log: &Forest, size: u64, group: i64) -> (Vec<u8>, Timestamp) {
        let root = match self.wish.is_forked && group == 0 {
            true => log.root(size - 1),
            false => log.root(size),
        };
        let date = at(BEGIN_MS + (group + 1) * PER_GROUP_MS + 5_000);
        let tick = self.tick(group.unsigned_abs() + 1).name();
        (self.checkpoint(CITY, (root, size), date, Some(tick)), date)
    }

    fn checkpoint(
        &self,
        room: RoomId,
        (root, size): (Digest, u64),
        date: Timestamp,
        tick: Option<TickRef>,
    ) -> Vec<u8> {
        let checkpoint = Checkpoint {
            v: 1,
            at: date,
            lost: None,
            room,
            root,
            size,
            tick,
            clock: None,
            epoch: epoch(),
            suite: Suite::Ed25519.id(),
        };
        checkpoint.sign(self.key(room)).bytes().to_vec()
    }

    /// A head with the proof that the province had it, right after it came.
    pub(super) fn dated(
        &self,
        log: &Forest,
        upper: &Forest,
        groups: u64,
        group: u64,
        heads: &[(Vec<u8>, Timestamp)],
    ) -> DatedHead {
        let (bytes, date) = &heads[usize::try_from(group).unwrap_or_default()];
        let root = self.checkpoint(PROVINCE, (upper.root(group + 1), group + 1), *date, None);
        let path = upper.roots(&inclusion_ranges(group, group + 1));
        let (size, newest) = ((group + 1) * 3 * MESSAGES, groups * 3 * MESSAGES);
        DatedHead {
            anchor: Anchor { steps: vec![AnchorStep::new(group, &path, &root)] },
            checkpoint: bytes.clone().into(),
            consistency: join_path(&log.roots(&consistency_ranges(size, newest))),
        }
    }

    fn group(
        &self,
        log: &Forest,
        upper: &Forest,
        groups: u64,
        group: u64,
        heads: &[(Vec<u8>, Timestamp)],
    ) -> Group {
        let tick = self.tick(group);
        let (first, size) = (group * 3 * MESSAGES, (group + 1) * 3 * MESSAGES);
        let blocks = |number| {
            let mut blocks = self.content(number).to_blocks(SALTS).expect("the message is well-formed");
            blocks.destroy(Part::Text);
            blocks.destroy(Part::Personal);
            blocks
        };
        let leaf = |number: u64, bytes: Vec<u8>| Leaf {
            head: Some(1),
            leaf: number,
            path: join_path(&log.roots(&inclusion_ranges(number, size))),
            bytes: bytes.into(),
        };
        let messages = self.messages(group, &tick).into_iter().zip(0..).map(|((header, receipts), index)| {
            let leaves =
                receipts.into_iter().zip(first + 3 * index..).map(|(bytes, number)| leaf(number, bytes));
            let number = group * MESSAGES + index;
            KeptMessage { header: header.into(), blocks: blocks(number), receipts: leaves.collect() }
        });
        let mut messages: Vec<KeptMessage> = messages.collect();
        if self.wish.is_doubled {
            messages.extend(messages.first().cloned());
        }
        Group {
            messages,
            heads: vec![self.dated(log, upper, groups, group, heads)],
            ticks: vec![tick.bytes().to_vec().into()],
            ..Group::default()
        }
    }
}

const CASE: CaseId = CaseId::from_bytes([9; 16]);
const SALTS: relay::message::Salts = [[1; 16], [2; 16], [3; 16]];

fn at(ms: i64) -> Timestamp {
    Timestamp::from_ms(ms)
}

fn epoch() -> Epoch {
    Epoch { nonce: ByteArray::new([7; 8]), counter: 1 }
}

fn message() -> Message {
    let occurred = relay::message::DeclaredTime::from_ms(BEGIN_MS).expect("a time of this century");
    let report = Report {
        title: "test".to_owned(),
        what: "test".to_owned(),
        place: Place { text: "test".to_owned(), ..Place::default() },
        severity: Some(Severity::Serious),
        occurred_at: Some(Occurrence::Exact(occurred)),
        ..Report::default()
    };
    let mut message = Message::new(Content::Report(Box::new(report)));
    message.heading.status = relay::message::field::Status::Test;
    message
}

fn plan(pack: Digest) -> Plan {
    let room = |id, code: &str, level, parent| Room {
        id,
        level,
        codes: vec![Dated::always(code.parse().expect("a good code"))],
        names: vec![Dated::always(Name { zh: format!("{code} 值班室"), en: None })],
        parent,
        alternates: Vec::new(),
        address: Some("127.0.0.1:7100".to_owned()),
        telephone: None,
        relations: Vec::new(),
        valid_from_ms: None,
        valid_to_ms: None,
    };
    Plan {
        v: Plan::FORMAT,
        network: "henan".to_owned(),
        version: 1,
        issued_at_ms: BEGIN_MS,
        demo: true,
        rooms: vec![
            room(PROVINCE, "410000", Level::Province, None),
            room(CITY, "411300", Level::City, Some(PROVINCE)),
            room(COUNTY, "411322", Level::County, Some(CITY)),
        ],
        packs: vec![PackInForce {
            name: "henan-2021".to_owned(),
            version: 1,
            digest: RuleDigest::from_bytes(*pack.as_bytes()),
        }],
        calendars: Vec::new(),
    }
}

/// The sheet of the authority with the province's key, that of the province with the city's, that of the city.
fn sheets(authority: &Authority, map: &Map, rooms: &[RoomKeys; 3], wish: &Wish) -> Vec<Vec<u8>> {
    let province = hub(authority.issuer(), map, PROVINCE, &rooms[0]);
    let city = hub(&province, map, CITY, &rooms[1]);
    let of = |issuer: &Issuer, publisher, entries: Vec<SheetEntry>, revocations: Vec<Revocation>| {
        let signer =
            issuer.issue_sheet_signer(Validity::days(BEGIN_MS, ISSUING_DAYS)).expect("a good issuer");
        let contents = SheetContents {
            network: "henan".to_owned(),
            publisher,
            version: 1,
            plan_version: map.version(),
            entries,
            revocations,
        };
        sign_sheet(issuer, &signer.certificate, contents, BEGIN_MS).expect("a good sheet")
    };
    let stolen = |room, keys: &RoomKeys, since: Option<i64>| {
        since.map(|since| revocation(room, keys, since)).into_iter().collect::<Vec<_>>()
    };
    let [root, middle, lower] = [(PROVINCE, &rooms[0]), (CITY, &rooms[1]), (COUNTY, &rooms[2])];
    let of_county = stolen(lower.0, lower.1, wish.stolen_since_ms);
    let mut sheets = vec![of(
        authority.issuer(),
        Publisher::Authority,
        vec![entry(root.0, root.1, wish.root_until_ms)],
        stolen(root.0, root.1, wish.root_stolen_since_ms),
    )];
    let [middle, lower] = [middle, lower].map(|(room, keys)| entry(room, keys, None));
    if wish.is_moved {
        sheets.push(of(&province, Publisher::Hub(PROVINCE), vec![middle, lower], of_county));
    } else {
        sheets.push(of(&province, Publisher::Hub(PROVINCE), vec![middle], vec![]));
        sheets.push(of(&city, Publisher::Hub(CITY), vec![lower], of_county));
    }
    sheets
}

fn revocation(room: RoomId, keys: &RoomKeys, since: i64) -> Revocation {
    Revocation {
        room,
        at_ms: since + 86_400_000,
        reason: RevocationReason::KeyCompromise,
        revoked: Revoked::Key(keys.signing.public().key_id()),
        compromised_since_ms: Some(since),
    }
}

fn hub(above: &Issuer, map: &Map, room: RoomId, keys: &RoomKeys) -> Issuer {
    let dns = map.dns_name(room).expect("the room is on the map");
    let valid = Validity::days(BEGIN_MS, ISSUING_DAYS);
    let issued = above.issue_issuing(&dns, &keys.issuing.request(), valid).expect("a good request");
    let key = IssuingKey::from_pem(&keys.issuing.to_pem()).expect("the key was just made");
    Issuer::of_hub(key, &above.chain_with(&issued)).expect("key and certificate belong together")
}

fn entry(room: RoomId, keys: &RoomKeys, until: Option<i64>) -> SheetEntry {
    let signing = PublishedKey {
        suite: Suite::Ed25519.id(),
        to_ms: until,
        public: ByteBuf::from(keys.signing.public_bytes()),
        from_ms: BEGIN_MS,
        purpose: KeyPurpose::Signing,
        succession: None,
    };
    SheetEntry { keys: vec![signing], room, tls_serial: None, issuing_serial: None }
}
