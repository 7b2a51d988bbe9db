//! A county in hostile hands, with a valid certificate and its own keys, against its city and its sibling: what it forges
//! is not believed, what it replays counts once. Every attack has its control.

use std::time::Duration;

use certs::signature::{ContentType, Digest, sign};
use node::{clock::Clock, control::request::Request};
use relay::{
    envelope::{EnvelopeBytes, Header, VerifiedEnvelope},
    frame::{Frame, ReceiptsFrame},
    message::{Kind, Message, field::Status},
    receipt::{Event, VerifiedReceipt},
    timestamp::Timestamp,
};
use serde_bytes::{ByteArray, ByteBuf};
use tests::{
    adversary::{County, Table, county::is_alive},
    cluster::{LONG, Letter, until, until_true},
    peer::{Heard, Keys, Line},
};
use topology::{Flow, Precedence, RoomId};

const PROGRAM: &str = env!("CARGO_BIN_EXE_tests");
const SIBLING: &str = "411323";

/// What the city answers to an envelope that it was handed.
async fn answer_to(line: &mut Line, keys: &Keys, envelope: &VerifiedEnvelope) -> String {
    let id = envelope.key().id;
    line.hand_over(envelope.route().precedence, envelope.bytes()).await.unwrap();
    let keys = keys.trust.keys.clone();
    let answer = line.hear_until(|heard| match heard {
        Heard::Control(Frame::NotTaken(refused)) if refused.id == id => {
            Some(format!("not taken: {}", refused.code))
        }
        Heard::Control(Frame::Receipts(ReceiptsFrame { receipts, .. }) | Frame::Answers { receipts }) => {
            let of_it = receipts.iter().filter_map(|bytes| {
                let receipt = VerifiedReceipt::verify(bytes, &*keys).ok()?;
                let receipt = receipt.receipt();
                let code =
                    receipt.reason.as_ref().map_or(String::new(), |reason| format!(": {}", reason.code));
                (receipt.envelope_id == id).then(|| format!("{}{code}", receipt.event.word()))
            });
            of_it.into_iter().next_back()
        }
        Heard::Control(_) | Heard::Lane(..) => None,
    });
    answer.await.expect("the city answers")
}

fn told(answer: &str) -> &'static str {
    if answer.starts_with("not taken") {
        "the peer: NotTaken"
    } else {
        "the origin: signed receipt of 411300"
    }
}

/// A header of this room's own making over the sealed body of another's envelope.
fn stolen_body(keys: &Keys, of: &VerifiedEnvelope) -> VerifiedEnvelope {
    let own = keys.seal(&keys.draft(of.recipients()[0], "偷来的正文"));
    let header = Header { route: own.header().route.clone(), ..of.header().clone() };
    let header = sign(&keys.signing, ContentType::EnvelopeHeader, &certs::cbor::encode(&header));
    let bytes = EnvelopeBytes { header: header.into(), ..of.bytes().clone() };
    VerifiedEnvelope::verify(bytes, "henan", &*keys.trust.keys).expect("it is what this room signed")
}

fn instruction(keys: &Keys, to: RoomId, flow: Flow, origin: RoomId) -> VerifiedEnvelope {
    let mut draft = keys.draft(to, "立即撤离");
    draft.message = Message::new_text(Kind::Instruction, "立即撤离").unwrap();
    draft.message.heading.status = Status::Test;
    (draft.route.flow, draft.route.origin) = (flow, origin);
    keys.seal(&draft)
}

#[tokio::test(flavor = "multi_thread")]
async fn in_nobody_elses_name_and_with_nobody_elses_words() {
    let county = County::with_sibling(PROGRAM).await;
    let keys = &county.keys;
    let sibling = Keys::of(county.cluster.room(SIBLING).dir());
    let (city, province) = (keys.room_of("411300"), keys.room_of("410000"));
    let of_sibling = sibling.seal(&sibling.draft(city, "西峡县的报告"));
    let mut in_its_name = keys.draft(city, "冒兄弟县之名");
    in_its_name.route.origin = sibling.room;
    let mut injected = keys.draft(city, "伪造日志");
    injected.route.network = "x\n2026-11-27T00:00:00Z ERROR node: all is lost\u{1b}[2J".to_owned();
    let mut to_itself = keys.draft(keys.room, "寄给自己");
    to_itself.route.flow = Flow::Up;
    let mut lateral = keys.draft(sibling.room, "没有关系的兄弟县");
    lateral.route.flow = Flow::Lateral;
    let attacks = [
        ("T10", "a report in its sibling's name", keys.seal(&in_its_name), "not taken: does_not_verify"),
        (
            "T10",
            "its sibling's own report, handed over by it",
            of_sibling.clone(),
            "not taken: policy.hop.child.foreign_origin",
        ),
        (
            "T11",
            "an order of the province, by its own hand",
            instruction(keys, city, Flow::Down, province),
            "not taken: does_not_verify",
        ),
        (
            "T11",
            "an order to its superior",
            instruction(keys, city, Flow::Down, keys.room),
            "refused: policy.flow.down.not_superior",
        ),
        (
            "T11",
            "an order to its sibling",
            instruction(keys, sibling.room, Flow::Down, keys.room),
            "refused: policy.flow.down.not_superior",
        ),
        (
            "T69",
            "a message to a sibling without a relation",
            keys.seal(&lateral),
            "refused: policy.flow.lateral.not_related",
        ),
        (
            "T69",
            "a report to its sibling, who is no superior",
            keys.seal(&keys.draft(sibling.room, "报给兄弟")),
            "refused: policy.flow.up.not_superior",
        ),
        (
            "T35",
            "its own header over its sibling's sealed body",
            stolen_body(keys, &of_sibling),
            "refused: cannot_open",
        ),
        (
            "T73",
            "a network's name with a line feed and an escape",
            keys.seal(&injected),
            "not taken: does_not_verify",
        ),
    ];
    let (mut table, mut line) = (Table::new("names and words"), county.line().await);
    for (id, what, envelope, expected) in attacks {
        let answer = answer_to(&mut line, keys, &envelope).await;
        table.row(id, what, expected, &answer, told(&answer));
    }
    let log = county.city().log_text();
    assert!(
        !log.lines().any(|line| line.contains("all is lost") && !line.contains("belongs to the network")),
        "{log}"
    );
    assert!(!log.contains('\u{1b}') && log.contains("\\u{1b}") || log.contains("\\x1b"), "{log}");
    assert!(
        county.city().inbox_ids().await.is_empty()
            && county.cluster.room(SIBLING).inbox_ids().await.is_empty()
    );
    county.good_report_arrives().await;
    let genuine = county.cluster.room(SIBLING).send(&Letter::test("report", &["411300"], "本县的报告")).await;
    county.cluster.room(SIBLING).receipt(&genuine, "delivered").await;
    table.control("both counties' own reports");
    table.finish(9);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_twice_or_otherwise_counts_once_and_is_evidence() {
    let county = County::take_over(PROGRAM).await;
    let (keys, city) = (&county.keys, county.keys.room_of("411300"));
    let mut table = Table::new("replays");
    let draft = keys.draft(city, "第一种说法");
    let first = keys.seal(&draft);
    let mut line = county.line().await;
    line.hand_over(Precedence::Routine, first.bytes()).await.unwrap();
    let (upto, original) = line.hear_receipts().await.unwrap();
    // What is not confirmed comes again on each new link, and would be heard there for the answer to something else.
    line.say(&Frame::ReceiptsStored { upto: upto.expect("numbered") }).await.unwrap();
    is_alive(&mut line).await.unwrap();
    let inbox = async || county.city().inbox_ids().await.len();
    assert_eq!(inbox().await, 1);
    for what in ["the same envelope again", "and after a new link"] {
        line.hand_over(Precedence::Routine, first.bytes()).await.unwrap();
        let again = line
            .hear_until(|heard| match heard {
                Heard::Control(Frame::Answers { receipts }) => Some(receipts),
                Heard::Control(_) | Heard::Lane(..) => None,
            })
            .await
            .unwrap();
        let same = if again == original { "the same receipt, byte for byte" } else { "another receipt" };
        table.row(
            "T24",
            what,
            "the same receipt, byte for byte, 1 in the inbox",
            format!("{same}, {} in the inbox", inbox().await),
            "the peer: its receipt",
        );
        line = county.line().await;
    }
    let mut other = keys.draft(city, "第二种说法");
    other.route.id = draft.route.id;
    let answer = answer_to(&mut line, keys, &keys.seal(&other)).await;
    table.row(
        "T28",
        "other bytes under the same id",
        "collision: collision, 1 in the inbox",
        format!("{answer}, {} in the inbox", inbox().await),
        told(&answer),
    );
    let mut late = keys.draft(city, "倒填时间");
    late.route.created_at = Timestamp::from_ms(Clock::wall().as_ms() - 20 * 24 * 3_600_000);
    late.route.expires_at = late.route.created_at.after(Duration::from_secs(24 * 3600));
    let answer = answer_to(&mut line, keys, &keys.seal(&late)).await;
    table.row("T30", "a report back-dated by twenty days", "expired: expired", &answer, told(&answer));
    let mut early = keys.draft(city, "超前");
    early.route.created_at = Clock::wall().after(Duration::from_secs(48 * 3600));
    early.route.expires_at = early.route.created_at.after(Duration::from_secs(24 * 3600));
    let answer = answer_to(&mut line, keys, &keys.seal(&early)).await;
    let shown = county.cluster.at("411300", &["show", &early.route.id.to_string(), "--lang", "en"]).await;
    let is_marked = shown.out.contains("dated 47:59:")
        && shown.out.contains("clock of its sender or of this room is wrong");
    let marked = if is_marked { "marked" } else { "as if it were good" };
    table.row(
        "T53",
        "a report dated two days ahead",
        "delivered, marked",
        format!("{answer}, {marked}"),
        "the officer: show",
    );
    for number in [1, 4] {
        let mut draft = keys.draft(city, "编号");
        draft.route.epoch.counter = 77;
        draft.route.epoch.nonce = ByteArray::new([7; 8]);
        assert_eq!(answer_to(&mut line, keys, &keys.seal_numbered(&draft, number)).await, "delivered");
    }
    let missing: Vec<u64> =
        county.city().inbox().await.into_iter().flat_map(|line| line.missing_nr).collect();
    table.row(
        "T23",
        "numbers 2 and 3 of its own are left out",
        "[2, 3] missing",
        format!("{missing:?} missing"),
        "the officer: inbox",
    );
    county.good_report_arrives().await;
    table.control("each of these once, in time and in order");
    table.finish(6);
}

/// The city's orders to both counties; the hostile one hears its copy.
async fn order(county: &County, line: &mut Line) -> (String, VerifiedEnvelope) {
    let id = county.city().send(&Letter::test("instruction", &["411322", SIBLING], "两县照办")).await;
    let (_, bytes) = line.hear_envelope().await.unwrap();
    (id, VerifiedEnvelope::verify(bytes, "henan", &*county.keys.trust.keys).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn no_receipt_counts_that_is_not_its_own() {
    let county = County::with_sibling(PROGRAM).await;
    let keys = &county.keys;
    let (sibling, city, province) = (keys.room_of(SIBLING), keys.room_of("411300"), keys.room_of("410000"));
    county.cluster.room(SIBLING).stop().await;
    let (mut line, mut table) = (county.line().await, Table::new("receipts"));
    let (id, envelope) = order(&county, &mut line).await;
    let watch = county.watch();
    let claims = [
        ("its sibling has it, signed in its sibling's name", Event::Delivered, sibling, sibling),
        ("its sibling has it, signed as itself", Event::Delivered, sibling, keys.room),
        ("its sibling's alarm rang", Event::Alerted, sibling, keys.room),
        ("its sibling refuses", Event::Refused, sibling, sibling),
        ("its sibling's officer signed", Event::Acknowledged, sibling, keys.room),
        ("an officer of its own signed, without a signature", Event::Acknowledged, keys.room, keys.room),
        ("the city's own custody", Event::Custody, keys.room, city),
        ("the province's refusal", Event::Refused, keys.room, province),
    ];
    let own_only =
        [("accepted".to_owned(), "411300".to_owned()), ("accepted".to_owned(), "411300".to_owned())];
    for (number, (what, event, recipient, issuer)) in (1..).zip(claims) {
        let bytes = ByteBuf::from(keys.receipt(&envelope, recipient, event, issuer));
        line.say(&Frame::Receipts(ReceiptsFrame { first: number, receipts: vec![bytes] })).await.unwrap();
        let told = watch.warned("a receipt does not verify").await;
        let events = county.city().events(&id).await;
        let happened = if events == own_only { "nothing follows" } else { "an event was believed" };
        table.row("T27", what, "nothing follows", happened, told);
    }
    // These are signed by who says so, and it has no say.
    let no_say = [
        ("custody of what is not for it to carry", Event::Custody, sibling, None),
        ("that its sibling's copy failed", Event::Failed, sibling, None),
        ("that its sibling's copy has expired", Event::Expired, sibling, None),
        ("its own delivery of other bytes", Event::Delivered, keys.room, Some(Digest::from_bytes([7; 32]))),
        ("that it is accepted at its origin", Event::Accepted, keys.room, None),
    ];
    for (what, event, recipient, digest) in no_say {
        let digest = digest.unwrap_or_else(|| envelope.digest());
        let bytes = keys.receipt_of_digest(&envelope, digest, recipient, event, keys.room);
        line.say(&Frame::Answers { receipts: vec![ByteBuf::from(bytes)] }).await.unwrap();
        is_alive(&mut line).await.unwrap();
        let events = county.city().events(&id).await;
        let happened = if events == own_only { "nothing follows" } else { "an event was believed" };
        table.row("T27", what, "nothing follows", happened, "nobody: it has no say in it");
    }
    let own = keys.receipt(&envelope, keys.room, Event::Delivered, keys.room);
    line.say(&Frame::Answers { receipts: vec![ByteBuf::from(own)] }).await.unwrap();
    county.city().receipt(&id, "delivered").await;
    county.cluster.room(SIBLING).start().await;
    county.cluster.room(SIBLING).has_in_inbox(&id).await;
    table.control("its own receipt for its own copy; the sibling has its copy all the same");
    table.finish(13);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stolen_key_beside_the_true_room_is_noticed_at_both_ends_and_takes_nothing_away() {
    let county = County::take_over(PROGRAM).await;
    let (true_room, watch) = (county.cluster.room("411322"), county.watch());
    true_room.start().await;
    true_room.link_is("411300", "up").await;
    let mut table = Table::new("a stolen key");
    let thief = county.line().await;
    let told = watch.warned("a newer link takes the place of the older one").await;
    until_true("the county notices", LONG, async || true_room.log_text().contains("link_replaced")).await;
    let attack = "it dials with the county's own keys while the county is up";
    let told = format!("{told}; log of 411322: link_replaced");
    table.row("T1", attack, "seen at both ends", "seen at both ends", told);
    drop(thief);
    let id = true_room.send(&Letter::test("report", &["411300"], "本县真正的报告")).await;
    true_room.receipt(&id, "delivered").await;
    table.control("the county's own link comes back and its report is delivered");
    table.finish(1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_that_is_withheld_leaves_an_order_not_confirmed_and_one_that_comes_late_the_hand_over() {
    let county = County::take_over(PROGRAM).await;
    let (city, mut line) = (county.city(), county.line().await);
    city.clock_trusted().await;
    let mut table = Table::new("withheld");
    let order = |text| Letter::test("instruction", &["411322"], text);
    let withheld = city.send(&order("收而不报").expires_in(3)).await;
    line.hear_envelope().await.unwrap();
    // Signed within a minute of the expiry.
    let receipts = until("the city says that it is not confirmed", LONG * 3, async || {
        let receipts = city.receipts(&withheld).await;
        receipts.iter().any(|receipt| receipt.event == "unconfirmed").then_some(receipts)
    })
    .await;
    let events: Vec<&str> = receipts.iter().map(|receipt| receipt.event.as_str()).collect();
    let told = "the sender: its own signed receipt, and none of 411322";
    let attack = "it takes an order and never says so";
    table.row("T29", attack, "accepted, unconfirmed", events.join(", "), told);
    let answer = async |line: &mut Line, bytes| {
        let envelope = VerifiedEnvelope::verify(bytes, "henan", &*county.keys.trust.keys).unwrap();
        let receipt = county.keys.receipt(&envelope, county.keys.room, Event::Delivered, county.keys.room);
        line.say(&Frame::Answers { receipts: vec![ByteBuf::from(receipt)] }).await.unwrap();
    };
    let events = async |id: &str| {
        let mut events: Vec<String> =
            city.receipts(id).await.into_iter().map(|receipt| receipt.event).collect();
        events.sort();
        events.join(", ")
    };
    let late = city.send(&order("收而迟报")).await;
    let (_, bytes) = line.hear_envelope().await.unwrap();
    city.order(&Request::Clock { shift_ms: 100_000, speed: 1, since_ms: None }).await;
    answer(&mut line, bytes).await;
    city.receipt(&late, "delivered").await;
    let attack = "it takes an order and says so only when its time is almost up";
    let told = "the judge: its parent's own signed receipt of when it had it";
    table.row("T29", attack, "accepted, delivered, handed", events(&late).await, told);

    let answered = city.send(&order("收到即报")).await;
    let (_, bytes) = line.hear_envelope().await.unwrap();
    answer(&mut line, bytes).await;
    city.receipt(&answered, "delivered").await;
    assert_eq!(events(&answered).await, "accepted, delivered");
    table.control("an order that is answered");
    table.finish(2);
}
