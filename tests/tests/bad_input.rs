//! Promise 8, the wire: nothing that a peer sends can crash a node, and bytes that are not what they should be change
//! nothing. Each bad case has its control: the same bytes, unspoilt, are accepted.

use std::time::Duration;

use node::{clock::Clock, control::request::Request, control::view, link::registry::close};
use relay::{
    envelope::{EnvelopeBytes, VerifiedEnvelope},
    frame::{DocumentFrame, DocumentKind, EnvelopeFrame, Frame, Hello},
    limits::{BODY_BYTES_MAX, FRAME_BYTES_MAX},
    message::{Kind, Message, field::Status},
    receipt::{Event, Receipt},
};
use serde_bytes::ByteBuf;
use tests::{
    adversary::{County, Table, county::is_alive},
    cluster::{LONG, until},
    peer::{Draft, Ended, Keys, Line, forge, hello, line},
};
use topology::{Flow, Precedence};

const PROGRAM: &str = env!("CARGO_BIN_EXE_tests");

/// How a link ended, in the words of the catalogue.
fn manner(ended: &Ended) -> String {
    match ended {
        Ended::Refused(close::VIOLATION, _) => "closed: violation".to_owned(),
        Ended::Refused(code, _) => format!("closed: {}", close::word(u64::from(*code))),
        Ended::Tls(_) => "refused by TLS".to_owned(),
        Ended::Lost(_) => "lost".to_owned(),
    }
}

/// Where bytes are written.
#[derive(Debug, Clone, Copy)]
enum On {
    Control,
    Lane(Precedence),
}

async fn write(line: &mut Line, on: On, bytes: &[u8]) -> Result<(), Ended> {
    match on {
        On::Control => line.say_bytes(bytes).await,
        On::Lane(precedence) => line.lane_bytes(precedence, bytes).await,
    }
}

fn announced(length: u32, bytes: &[u8]) -> Vec<u8> {
    [&length.to_be_bytes()[..], bytes].concat()
}

fn spoilt(frame: &Frame, spoil: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut body = frame.encode().split_off(4);
    spoil(&mut body);
    announced(u32::try_from(body.len()).unwrap(), &body)
}

/// Bytes that look like nothing, the same in every run.
fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    (0..length).map(|_| next()).collect()
}

/// Bytes that break a rule of the link.
fn violations(report: &VerifiedEnvelope, greeting: &Hello) -> Vec<(&'static str, On, Vec<u8>)> {
    let routine = On::Lane(Precedence::Routine);
    let clock = Frame::Clock { asked: Clock::wall() };
    let too_large = u32::try_from(FRAME_BYTES_MAX + 1).unwrap();
    let envelope = line::encode(report.bytes());
    let body = |body_len: u64, body: &[u8]| {
        let (header, keys) = (ByteBuf::from(report.bytes().header.to_vec()), report.bytes().keys.clone());
        Frame::Envelope(EnvelopeFrame { header, keys, body_len, body: ByteBuf::from(body.to_vec()) }).encode()
    };
    let part = |bytes: usize| Frame::Part { bytes: ByteBuf::from(vec![7; bytes]) }.encode();
    let document = |len: u64, offset: u64| {
        let bytes = ByteBuf::from(vec![7; 100]);
        Frame::Document(DocumentFrame { kind: DocumentKind::Sheet, len, offset, bytes }).encode()
    };
    let mut header_noise = report.bytes().clone();
    header_noise.header = noise(5, 300).into();
    vec![
        ("a frame too large is announced", On::Control, announced(too_large, b"")),
        ("a frame of four gigabytes is announced", On::Control, announced(u32::MAX, b"")),
        ("a frame too large on a precedence stream", routine, announced(too_large, b"")),
        ("a frame of no bytes", On::Control, announced(0, b"")),
        ("a byte left over", On::Control, spoilt(&clock, |body| body.push(0))),
        ("a byte too few", On::Control, spoilt(&clock, |body| body.truncate(body.len() - 1))),
        ("an unknown kind of frame", On::Control, spoilt(&clock, |body| body[0] = 250)),
        (
            "an integer in a longer form than needed",
            On::Control,
            spoilt(&clock, |body| {
                body.splice(0..1, [251, 1, 0]);
            }),
        ),
        ("noise", On::Control, announced(512, &noise(1, 512))),
        ("noise on a precedence stream", routine, announced(512, &noise(2, 512))),
        ("noise without a length", On::Control, noise(3, 4096)),
        ("a second hello", On::Control, Frame::Hello(greeting.clone()).encode()),
        ("an envelope on the control stream", On::Control, envelope.clone()),
        ("a part on the control stream", On::Control, part(10)),
        ("a question on a precedence stream", routine, clock.encode()),
        ("a part without its envelope", routine, part(10)),
        ("an envelope on the stream of another precedence", On::Lane(Precedence::Flash), envelope),
        ("a header that does not decode", routine, line::encode(&header_noise)),
        ("a body larger than any may be", routine, body(BODY_BYTES_MAX as u64 + 1, b"")),
        ("a small body that is not in its frame", routine, body(100, b"")),
        ("a large body that begins in its frame", routine, body(100_000, &[7; 100])),
        (
            "parts beyond the promised length",
            routine,
            [body(20_000, b""), part(16_384), part(16_384)].concat(),
        ),
        ("an empty part", routine, [body(20_000, b""), part(0)].concat()),
        ("something between the parts of a body", routine, [body(20_000, b""), clock.encode()].concat()),
        ("a document without its beginning", On::Control, document(200, 100)),
        ("a document that is too large", On::Control, document(1 << 30, 0)),
        ("a part of a document left out", On::Control, [document(300, 0), document(300, 200)].concat()),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_frame_or_has_no_place_ends_the_link_and_nothing_else() {
    let hostile = County::take_over(PROGRAM).await;
    let pid = hostile.city().pid();
    let report = hostile.report();
    let (mut table, watch) = (Table::new("frames"), hostile.watch());
    for (what, on, bytes) in violations(&report, &hello(&hostile.keys)) {
        let mut line = hostile.line().await;
        // The node may have closed the link before everything was written.
        let _ = write(&mut line, on, &bytes).await;
        let ended = line.closed().await;
        let told = format!("{ended:?}, {}", watch.warned("broke a rule of the link").await);
        table.row("T37", what, "closed: violation", manner(&ended), told);
    }
    assert!(hostile.city().inbox_ids().await.is_empty(), "nothing of it was delivered");
    let mut line = hostile.line().await;
    for frame in [Frame::Clock { asked: Clock::wall() }, Frame::Answers { receipts: vec![] }] {
        line.say(&frame).await.unwrap();
        is_alive(&mut line).await.unwrap();
    }
    line.hand_over(Precedence::Routine, report.bytes()).await.unwrap();
    line.hear_receipt(&hostile.keys, report.key().id, Event::Delivered)
        .await
        .expect("the control: unspoilt, it arrives");
    table.control("the frames of a report, unspoilt");
    table.finish(27);
    assert_eq!(hostile.city().pid(), pid);
    assert!(hostile.city().exit_status().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frame_that_is_cut_short_or_never_ends_is_no_frame() {
    let hostile = County::take_over(PROGRAM).await;
    let envelope = line::encode(hostile.report().bytes());
    for cut in [1, 3, 4, 5, envelope.len() / 2, envelope.len() - 1] {
        let mut line = hostile.line().await;
        line.lane_bytes(Precedence::Routine, &envelope[..cut]).await.unwrap();
        line.lanes[Precedence::Routine.index()].finish().unwrap();
        line.closed().await;
        assert!(hostile.city().inbox_ids().await.is_empty(), "after {cut} bytes");
    }
    // One that waits for its end holds up nobody: other streams of the same link go on.
    let mut line = hostile.line().await;
    line.lane_bytes(Precedence::Flash, &envelope[..envelope.len() - 1]).await.unwrap();
    is_alive(&mut line).await.unwrap();
    let report = hostile.report();
    line.hand_over(Precedence::Routine, report.bytes()).await.unwrap();
    line.hear_receipt(&hostile.keys, report.key().id, Event::Delivered).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn one_stream_of_noise_is_enough_to_end_a_link() {
    let hostile = County::take_over(PROGRAM).await;
    let (endpoint, connection) = hostile.connect().await;
    let mut line = Line::open(endpoint, connection).await.unwrap();
    line.say(&Frame::Hello(hello(&hostile.keys))).await.unwrap();
    line.hear().await.expect("a hello is answered");
    let mut only = line.connection.open_uni().await.unwrap();
    only.write_all(&[3]).await.unwrap();
    only.write_all(&announced(64, &noise(4, 64))).await.unwrap();
    let ended = line.closed().await;
    assert!(matches!(ended, Ended::Refused(code, _) if code == close::VIOLATION), "{ended:?}");
    hostile.good_report_arrives().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hello_of_another_version_network_or_room_is_not_answered() {
    let hostile = County::take_over(PROGRAM).await;
    let good = hello(&hostile.keys);
    let cases = [
        (
            "a later version",
            Hello { version_min: 900, version_max: 901, ..good.clone() },
            close::INCOMPATIBLE,
        ),
        ("an earlier version", Hello { version_min: 0, version_max: 0, ..good.clone() }, close::INCOMPATIBLE),
        ("another network", Hello { network: "hubei".to_owned(), ..good.clone() }, close::INCOMPATIBLE),
        ("another room", Hello { room: hostile.keys.room_of("410000"), ..good.clone() }, close::VIOLATION),
    ];
    let mut table = Table::new("hellos");
    for (what, hello, code) in cases {
        let (endpoint, connection) = hostile.connect().await;
        let ended = Line::greet(endpoint, connection, hello).await.err().expect("it is not answered");
        let expected = manner(&Ended::Refused(code, String::new()));
        table.row("T15", what, expected, manner(&ended), format!("{ended:?}"));
    }
    let newer = Hello { version_max: 7, software: "later".to_owned(), ..good };
    let (endpoint, connection) = hostile.connect().await;
    Line::greet(endpoint, connection, newer)
        .await
        .expect("one that speaks ours besides a later version is answered");
    table.control("a hello of a later program that speaks this version too");
    table.finish(4);
    let (endpoint, connection) = hostile.connect().await;
    let mut line = Line::open(endpoint, connection).await.unwrap();
    line.say(&Frame::Clock { asked: Clock::wall() }).await.unwrap();
    assert!(
        matches!(line.closed().await, Ended::Refused(code, _) if code == close::VIOLATION),
        "hello comes first"
    );
}

/// Envelopes that are not taken at all: the attack's number, what was done to a good one, and the code.
fn not_taken(
    keys: &Keys,
    city: &Keys,
    province: &Keys,
) -> Vec<(&'static str, &'static str, VerifiedEnvelope, EnvelopeBytes, &'static str)> {
    let target = keys.room_of("411300");
    let genuine = keys.seal(&keys.draft(target, "完好的报告"));
    let bytes = genuine.bytes().clone();
    let last = bytes.header.len() - 1;
    let mut foreign = keys.draft(target, "冒名");
    foreign.route.origin = province.room;
    let foreign = keys.seal(&foreign);
    let mut other_network = keys.draft(target, "别网");
    other_network.route.network = "hubei".to_owned();
    let other_network = keys.seal(&other_network);
    let mut endless = keys.draft(target, "长生");
    endless.route.expires_at = endless.route.created_at.after(Duration::from_secs(31 * 24 * 3600));
    let endless = keys.seal(&endless);
    let mut reversed = keys.draft(target, "倒流");
    reversed.route.expires_at = reversed.route.created_at;
    let reversed = keys.seal(&reversed);
    let mut early = keys.draft(target, "超前");
    early.route.created_at = Clock::wall().after(Duration::from_secs(31 * 24 * 3600));
    early.route.expires_at = early.route.created_at.after(Duration::from_secs(3600));
    let early = keys.seal(&early);
    let not_its_own = province.seal(&province.draft(target, "不归县里转交"));
    let not_below = city.seal(&city.draft(keys.room_of("410000"), "上级的件"));
    let case = |id, what, envelope: VerifiedEnvelope, code| {
        let bytes = envelope.bytes().clone();
        (id, what, envelope, bytes, code)
    };
    vec![
        (
            "T25",
            "a changed signature",
            genuine.clone(),
            forge::with_header_bit(&bytes, last),
            "does_not_verify",
        ),
        ("T25", "a changed body", genuine.clone(), forge::with_body_bit(&bytes, 30), "does_not_verify"),
        ("T26", "no keys", genuine, EnvelopeBytes { keys: vec![], ..bytes }, "does_not_verify"),
        case("T10", "another room's name as origin", foreign, "does_not_verify"),
        case("T15", "another network", other_network, "does_not_verify"),
        case("T24", "a life of more than thirty days", endless, "does_not_verify"),
        case("T24", "an expiry before its making", reversed, "does_not_verify"),
        case("T53", "made a month in the future", early, "clock_ahead"),
        case(
            "T10",
            "signed by a room that is not behind the child",
            not_its_own,
            "policy.hop.child.foreign_origin",
        ),
        case("T12", "signed by the hub itself", not_below, "policy.hop.child.foreign_origin"),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn an_envelope_that_is_not_what_its_origin_signed_is_not_taken() {
    let hostile = County::take_over(PROGRAM).await;
    let (city, province) = (Keys::of(hostile.city().dir()), Keys::of(hostile.cluster.room("410000").dir()));
    let mut line = hostile.line().await;
    let mut table = Table::new("envelopes");
    for (id, what, envelope, bytes, code) in not_taken(&hostile.keys, &city, &province) {
        line.hand_over(Precedence::Routine, &bytes).await.unwrap();
        let refused = line.hear_not_taken(envelope.key().id).await.unwrap();
        table.row(
            id,
            what,
            format!("not taken: {code}"),
            format!("not taken: {}", refused.code),
            "the peer: NotTaken",
        );
        assert!(hostile.city().inbox_ids().await.is_empty(), "{what}");
    }
    let control = hostile.report();
    line.hand_over(Precedence::Routine, control.bytes()).await.unwrap();
    line.hear_receipt(&hostile.keys, control.key().id, Event::Delivered).await.expect("the control arrives");
    table.control("the report as its origin signed it");
    table.finish(10);
}

async fn outcome(hostile: &County, draft: &Draft, event: Event) -> Receipt {
    let envelope = hostile.keys.seal(draft);
    let mut line = hostile.line().await;
    line.hand_over(envelope.route().precedence, envelope.bytes()).await.unwrap();
    line.hear_receipt(&hostile.keys, envelope.key().id, event).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_its_origin_did_wrong_is_refused_with_signed_evidence() {
    let hostile = County::take_over(PROGRAM).await;
    let target = hostile.keys.room_of("411300");
    let draft = |text: &str| hostile.keys.draft(target, text);
    let mut wrong_kind = draft("请照办");
    wrong_kind.message = Message::new_text(Kind::Instruction, "请照办").unwrap();
    wrong_kind.message.heading.status = Status::Test;
    let mut other_status = draft("内外不一");
    other_status.route.status = Status::Actual;
    let mut lateral = draft("没有横向关系");
    lateral.route.flow = Flow::Lateral;
    let cases = [
        ("an instruction that flows up", wrong_kind, "kind_not_allowed"),
        ("another status inside than outside", other_status, "body_mismatch"),
        ("a lateral message between rooms without a relation", lateral, "policy.flow.lateral.not_related"),
        ("a state secret", draft("机密★3年 有关情况"), "state_secret"),
    ];
    let mut table = Table::new("contents");
    for (what, draft, code) in cases {
        let refused = outcome(&hostile, &draft, Event::Refused).await;
        let reason = refused.reason.map(|reason| reason.code).unwrap_or_default();
        let told = "the origin: signed receipt of 411300";
        table.row("T11", what, format!("refused: {code}"), format!("refused: {reason}"), told);
        assert_eq!(refused.issuer, target, "{what}");
    }
    let mut late = draft("过期的报告");
    late.route.created_at = relay::timestamp::Timestamp::from_ms(Clock::wall().as_ms() - 7_200_000);
    late.route.expires_at = late.route.created_at.after(Duration::from_secs(3600));
    let expired = outcome(&hostile, &late, Event::Expired).await;
    table.row(
        "T24",
        "a report that expired an hour ago",
        "expired",
        expired.event.word(),
        "the origin: signed receipt",
    );
    assert_eq!(expired.issuer, target);
    assert!(hostile.city().inbox_ids().await.is_empty());
    outcome(&hostile, &draft("按时、合规的报告"), Event::Delivered).await;
    table.control("the same in time and by the rules");
    table.finish(5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_not_the_recipients_is_refused_as_what_it_is() {
    let hostile = County::take_over(PROGRAM).await;
    let (city, province) = (hostile.keys.room_of("411300"), hostile.keys.room_of("410000"));
    let wrong = hostile.keys.seal_with_key_of(&hostile.keys.draft(city, "密钥张冠李戴"), province);
    let mut line = hostile.line().await;
    line.hand_over(Precedence::Routine, wrong.bytes()).await.unwrap();
    let refused = line.hear_receipt(&hostile.keys, wrong.key().id, Event::Refused).await.unwrap();
    assert_eq!(refused.reason.unwrap().code, "cannot_open");
    hostile.good_report_arrives().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn more_than_was_granted_ends_the_link() {
    let hostile = County::take_over(PROGRAM).await;
    // A province that is cut off makes the city hold everything; only what it granted may come.
    hostile.city().cut("410000", true).await;
    hostile.city().configure(|config| config.quota.messages = 3);
    hostile.city().stop().await;
    hostile.city().start().await;
    hostile.city().cut("410000", true).await;
    let province = hostile.keys.room_of("410000");
    let mut line = hostile.line().await;
    let mut sent = 0_usize;
    let ended = loop {
        let envelope = hostile.keys.seal(&hostile.keys.draft(province, "洪水"));
        if let Err(ended) = line.hand_over(Precedence::Routine, envelope.bytes()).await {
            break ended;
        }
        sent += 1;
        assert!(sent < 5_000, "the node takes whatever comes");
    };
    assert!(matches!(ended, Ended::Refused(code, _) if code == close::VIOLATION), "{ended:?}");
    let held = hostile.city().link("410000").await.unwrap().queued;
    assert!(held <= 3, "{held} are held for a child with a quota of 3");
    drop(line);
    let mut line = hostile.line().await;
    is_alive(&mut line).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_neighbour_that_never_reads_holds_up_nobody_else() {
    let hostile = County::take_over(PROGRAM).await;
    let (endpoint, connection) = hostile.connect().await;
    let (mut control, _never_read) = connection.open_bi().await.unwrap();
    control.write_all(&Frame::Hello(hello(&hostile.keys)).encode()).await.unwrap();
    hostile.city().link_is("411322", "up").await;
    let province = hostile.cluster.room("410000");
    let mut ids = Vec::new();
    for number in 0..40 {
        let text = format!("第{number}件{}", "令".repeat(1000));
        let to = if number % 2 == 0 { "411322" } else { "411300" };
        ids.push((to, province.send(&tests::cluster::Letter::test("instruction", &[to], &text)).await));
    }
    for (_, id) in ids.iter().filter(|(to, _)| *to == "411300") {
        province.receipt(id, "delivered").await;
    }
    let status: view::Status = hostile.city().ask(&Request::Status).await.unwrap();
    assert!(status.links.iter().any(|link| link.room.code == "410000" && link.state == "up"));
    connection.close(0_u32.into(), b"the test is done");
    drop(endpoint);
    let deaf: Vec<_> = ids.iter().filter(|(to, _)| *to == "411322").map(|(_, id)| id.clone()).collect();
    hostile.cluster.room("411322").start().await;
    province.all_delivered(&deaf).await;
    until("everything that waited is in the inbox", LONG, async || {
        (hostile.cluster.room("411322").inbox_ids().await.len() == deaf.len()).then_some(())
    })
    .await;
}
