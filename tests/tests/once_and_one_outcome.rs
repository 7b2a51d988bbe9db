//! Promise 2: nothing enters an inbox twice, whatever is resent; nothing is dropped silently; every envelope ends in
//! exactly one terminal outcome per recipient, which its origin learns.

use std::{collections::BTreeSet, fs, path::Path};

use certs::signature::Digest;
use node::clock::Clock;
use relay::{
    envelope::VerifiedEnvelope,
    receipt::{Event, VerifiedReceipt},
};
use tests::{
    cluster::{Cluster, LONG, Letter, Network, Room, mail::outcomes, until},
    peer::{Draft, Keys, Line},
};
use topology::{Flow, Precedence};

const PROGRAM: &str = env!("CARGO_BIN_EXE_tests");

/// The county's keys, its node stopped, and a line to the city in its name.
async fn hostile_county(cluster: &Cluster) -> (Keys, Line) {
    let county = cluster.room("411322");
    county.stop().await;
    let keys = Keys::of(county.dir());
    let line = keys.dial(keys.room_of("411300")).await.expect("the county is let in");
    (keys, line)
}

async fn hand_over(line: &mut Line, envelope: &VerifiedEnvelope) {
    line.hand_over(envelope.route().precedence, envelope.bytes()).await.expect("the line is up");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_envelope_five_times_is_delivered_once_and_answered_with_the_same_bytes() {
    let cluster = Cluster::start(PROGRAM, Network::three()).await;
    let (keys, mut line) = hostile_county(&cluster).await;
    let envelope = keys.seal(&keys.draft(keys.room_of("410000"), "重复投递"));
    let id = envelope.key().id;
    hand_over(&mut line, &envelope).await;
    line.hear_receipt(&keys, id, Event::Delivered).await.unwrap();
    let mut answers = BTreeSet::new();
    for _ in 0..4 {
        hand_over(&mut line, &envelope).await;
        let (upto, signed) = line.hear_receipts().await.unwrap();
        assert_eq!(upto, None, "a duplicate is answered, not attested again");
        let events: Vec<Event> = signed.iter().map(|bytes| event_of(&keys, bytes)).collect();
        assert!(events.contains(&Event::Custody) && events.contains(&Event::Delivered), "{events:?}");
        answers.insert(signed.into_iter().map(serde_bytes::ByteBuf::into_vec).collect::<BTreeSet<_>>());
    }
    assert_eq!(answers.len(), 1, "every answer is byte for byte the same");
    let lines = cluster.room("410000").inbox_ids().await;
    assert_eq!(lines, [id.to_string()]);
    // A second line, as after a restart of the county, changes nothing.
    drop(line);
    let mut line = keys.dial(keys.room_of("411300")).await.unwrap();
    hand_over(&mut line, &envelope).await;
    line.hear_receipts().await.unwrap();
    assert_eq!(cluster.room("410000").inbox_ids().await.len(), 1);
}

fn event_of(keys: &Keys, bytes: &[u8]) -> Event {
    VerifiedReceipt::verify(bytes, &*keys.trust.keys).expect("the receipt verifies").receipt().event
}

#[tokio::test(flavor = "multi_thread")]
async fn other_bytes_under_one_id_are_a_collision_and_the_first_stay_delivered() {
    let cluster = Cluster::start(PROGRAM, Network::three()).await;
    let (keys, mut line) = hostile_county(&cluster).await;
    let first = keys.draft(keys.room_of("410000"), "第一份");
    let route = first.route.clone();
    let first = keys.seal(&first);
    let second = keys.seal(&Draft { route, ..keys.draft(keys.room_of("410000"), "同号的另一份") });
    let id = first.key().id;
    assert_eq!(first.key(), second.key());
    assert_ne!(first.digest(), second.digest());
    hand_over(&mut line, &first).await;
    let delivered = line.hear_receipt(&keys, id, Event::Delivered).await.unwrap();
    assert_eq!(delivered.envelope_digest, first.digest());
    hand_over(&mut line, &second).await;
    let collision = line.hear_receipt(&keys, id, Event::Collision).await.unwrap();
    assert_eq!(collision.envelope_digest, second.digest());
    assert_eq!(digest_in_inbox(&cluster, &id.to_string()).await, first.digest().to_string());
    // Bytes that do not verify collide with nothing.
    let spoilt = tests::peer::forge::with_body_bit(second.bytes(), 7);
    line.hand_over(Precedence::Routine, &spoilt).await.unwrap();
    assert_eq!(line.hear_not_taken(id).await.unwrap().code, "does_not_verify");
    assert_eq!(cluster.room("410000").inbox_ids().await.len(), 1);
}

async fn digest_in_inbox(cluster: &Cluster, id: &str) -> String {
    let show = node::control::request::Request::Show { id: id.to_owned() };
    let opened: node::control::view::Opened = cluster.room("410000").ask(&show).await.unwrap();
    assert!(opened.digest.parse::<Digest>().is_ok() || opened.digest.len() == 64);
    opened.digest
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_never_sent_expires_at_its_origin_and_is_never_delivered() {
    let cluster = Cluster::start(PROGRAM, Network::three()).await;
    let county = cluster.room("411322");
    county.clock_trusted().await;
    county.cut("411300", true).await;
    county.link_is("411300", "cut").await;
    let late = county.send(&Letter::test("report", &["410000"], "将过期").expires_in(1)).await;
    let good = county.send(&Letter::test("report", &["410000"], "不过期")).await;
    let expired = county.receipt(&late, "expired").await;
    assert_eq!((expired.issuer.as_str(), expired.recipient.as_str()), ("411322", "410000"));
    county.cut("411300", false).await;
    county.receipt(&good, "delivered").await;
    assert_eq!(cluster.room("410000").inbox_ids().await, [good]);
    let receipts = county.receipts(&late).await;
    assert_eq!(outcomes(&receipts, "410000"), 1, "{receipts:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_silent_hop_may_have_is_unconfirmed_within_a_minute_and_ends_once_when_it_speaks() {
    let cluster = Cluster::start(PROGRAM, Network::three()).await;
    let (county, city) = (cluster.room("411322"), cluster.room("411300"));
    county.clock_trusted().await;
    city.stop().await;
    let keys = Keys::of(city.dir());
    let endpoint = keys.listen();
    let mut line = keys.accept(&endpoint).await.expect("the county dials its parent");
    county.link_is("411300", "up").await;
    let sent = Clock::wall().as_ms();
    let id = county.send(&Letter::test("report", &["410000"], "下一跳不作声").expires_in(2)).await;
    let (_, envelope) = line.hear_envelope().await.unwrap();
    assert!(!envelope.keys.is_empty());
    let unconfirmed = county.receipt(&id, "unconfirmed").await;
    let after_expiry = unconfirmed.at_ms - (sent + 2000);
    assert!((0..60_000).contains(&after_expiry), "signed {after_expiry} ms after the expiry");
    assert_eq!(outcomes(&county.receipts(&id).await, "410000"), 0, "unconfirmed is no outcome");
    drop(line);
    endpoint.close(0_u32.into(), b"the test is done");
    drop(endpoint);
    until("the city's address is free again", LONG, async || {
        std::net::UdpSocket::bind(keys.address_of(keys.room)).ok().map(drop)
    })
    .await;
    city.start().await;
    let expired = county.receipt(&id, "expired").await;
    // The city may say so, which never sent it on; or the province, if the city did not trust its clock yet.
    assert!(["411300", "410000"].contains(&expired.issuer.as_str()), "{expired:?}");
    assert_eq!(outcomes(&county.receipts(&id).await, "410000"), 1);
    assert!(cluster.room("410000").inbox_ids().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_plan_forbids_is_refused_with_signed_evidence_that_names_the_rule() {
    let cluster = Cluster::start(PROGRAM, Network::three()).await;
    let (keys, mut line) = hostile_county(&cluster).await;
    for (target, hop) in [("411300", "411300"), ("410000", "411300")] {
        let mut draft = keys.draft(keys.room_of(target), "县对上级发号施令");
        draft.route.flow = Flow::Down;
        let envelope = keys.seal(&draft);
        hand_over(&mut line, &envelope).await;
        let refused = line.hear_receipt(&keys, envelope.key().id, Event::Refused).await.unwrap();
        assert_eq!(refused.reason.unwrap().code, "policy.flow.down.not_superior");
        assert_eq!((refused.issuer, refused.recipient), (keys.room_of(hop), keys.room_of(target)));
        let control = keys.seal(&keys.draft(keys.room_of(target), "按流程上报"));
        hand_over(&mut line, &control).await;
        line.hear_receipt(&keys, control.key().id, Event::Delivered).await.unwrap();
    }
    assert_eq!(cluster.room("410000").inbox_ids().await.len(), 1);
    assert_eq!(cluster.room("411300").inbox_ids().await.len(), 1);
}

/// The example file of a kind, and who sends it to whom.
const KINDS: [(&str, &str, &str, &str); 12] = [
    ("report", "report-first", "411322", "411300"),
    ("phone_note", "phone-note", "411322", "411300"),
    ("verify.request", "verify-request", "410000", "411322"),
    ("verify.reply", "verify-reply", "411322", "410000"),
    ("instruction", "instruction", "410000", "411322"),
    ("feedback", "feedback", "411322", "410000"),
    ("assignment", "assignment", "410000", "411322"),
    ("urge", "urge", "411300", "411322"),
    ("notify", "notify", "411322", "411323"),
    ("consult", "consult", "411322", "411323"),
    ("transfer", "transfer", "411322", "411323"),
    ("recall", "recall", "411322", "411300"),
];

fn example(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/examples").join(format!("{name}.toml"));
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// What the examples answer, follow or recall.
fn related<'i>(kind: &str, sent: &'i [(String, &str)]) -> Option<&'i str> {
    let wanted = match kind {
        "verify.reply" => "verify.request",
        "feedback" => "instruction",
        "recall" => "report",
        _ => return None,
    };
    sent.iter().find(|(_, kind)| *kind == wanted).map(|(id, _)| id.as_str())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_message_is_delivered_and_ends_once() {
    let cluster = Cluster::start(PROGRAM, Network::seven()).await;
    let mut sent: Vec<(String, &str)> = Vec::new();
    for (kind, file, from, to) in KINDS {
        let letter = Letter::file(kind, &[to], &example(file), Vec::new());
        let letter = match related(kind, &sent) {
            Some(id) => letter.relating_to(id),
            None => letter,
        };
        let id = cluster.room(from).send(&letter).await;
        cluster.room(to).has_in_inbox(&id).await;
        sent.push((id, kind));
    }
    for ((id, _), (kind, _, from, to)) in sent.iter().zip(KINDS) {
        cluster.room(from).receipt(id, "delivered").await;
        assert_eq!(outcomes(&cluster.room(from).receipts(id).await, to), 1, "{kind}");
        assert_eq!(kind_in_inbox(cluster.room(to), id).await, kind);
    }
}

async fn kind_in_inbox(room: &Room, id: &str) -> String {
    let lines: Vec<_> = room.inbox().await.into_iter().filter(|line| line.id == id).collect();
    assert_eq!(lines.len(), 1, "{id} stands once in the inbox of {}", room.code());
    lines[0].kind.clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn several_recipients_have_one_outcome_each() {
    let cluster = Cluster::start(PROGRAM, Network::seven()).await;
    let province = cluster.room("410000");
    let to = ["411322", "411323", "410122", "410100"];
    let id = province.send(&Letter::test("instruction", &to, "请各地立即报告")).await;
    for recipient in to {
        cluster.room(recipient).has_in_inbox(&id).await;
    }
    let receipts = until("four outcomes", LONG, async || {
        let receipts = province.receipts(&id).await;
        to.iter().all(|room| outcomes(&receipts, room) == 1).then_some(receipts)
    })
    .await;
    let delivered = receipts.iter().filter(|receipt| receipt.event == "delivered");
    assert!(delivered.clone().all(|receipt| receipt.issuer == receipt.recipient));
    assert_eq!(delivered.count(), to.len());
    let custody = |by: &str| receipts.iter().filter(|r| r.event == "custody" && r.issuer == by).count();
    assert_eq!((custody("411300"), custody("410100")), (2, 1), "each branch carries its own");
}
