//! Signed things from a county in hostile hands that are none, or not its own to sign: bombs of CBOR, ticks, heads, anchors,
//! outages, plans, sheets, rule packs. They are left out, with a warning, and cost nothing. Every attack has its control.

use certs::signature::{ContentType, Digest, Signer, SigningKey, sign};
use node::{
    clock::Clock,
    control::{request::Request, view},
};
use relay::{
    checkpoint::{Anchor, AnchorStep, Checkpoint, VerifiedCheckpoint},
    envelope::EnvelopeBytes,
    envelope_id::Epoch,
    frame::{DocumentFrame, DocumentKind, Frame},
    log::Line as Outage,
    tick::{TickRef, VerifiedTick, WITNESS_VERSION},
    timestamp::Timestamp,
};
use serde_bytes::{ByteArray, ByteBuf};
use tests::{
    adversary::{County, Table, bombs::bombs, county::is_alive},
    cluster::{LONG, until},
    peer::{Ended, Heard, Keys},
};
use topology::{Precedence, RoomId};

const PROGRAM: &str = env!("CARGO_BIN_EXE_tests");
const SIBLING: &str = "411323";

/// What may carry signed bytes on the control stream, and what the city says of such that are none.
fn carriers(bytes: &[u8]) -> [(&'static str, Frame, &'static str); 6] {
    let bytes = ByteBuf::from(bytes.to_vec());
    let time = "what the neighbour says of time or its log does not verify";
    let whole = bytes.len().max(1) as u64;
    let document =
        |kind| Frame::Document(DocumentFrame { kind, len: whole, offset: 0, bytes: bytes.clone() });
    [
        ("a receipt", Frame::Answers { receipts: vec![bytes.clone()] }, "a receipt does not verify"),
        ("a tick", Frame::Tick { bytes: bytes.clone() }, time),
        ("a head", Frame::Head { checkpoint: bytes.clone(), from: 0, path: vec![] }, time),
        ("a line", Frame::Line { bytes: bytes.clone() }, time),
        ("a plan", document(DocumentKind::Plan), "a document from the neighbour does not count"),
        ("a sheet", document(DocumentKind::Sheet), "a document from the neighbour does not count"),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_claim_to_be_huge_deep_or_twofold_cost_nothing_and_decide_nothing() {
    let county = County::take_over(PROGRAM).await;
    let (mut table, watch) = (Table::new("bombs"), county.watch());
    let mut line = county.line().await;
    let pid = county.city().pid();
    for (bomb, bytes) in bombs() {
        for (place, frame, words) in carriers(&bytes) {
            // A document of no bytes is out of order on the link itself.
            if bytes.is_empty() && matches!(frame, Frame::Document(_)) {
                continue;
            }
            line.say(&frame).await.unwrap();
            let told = watch.warned(words).await;
            is_alive(&mut line).await.unwrap();
            table.row("T43", &format!("{bomb} as {place}"), "left out", "left out", told);
        }
        let report = county.report();
        let header = EnvelopeBytes { header: bytes.into(), ..report.bytes().clone() };
        line.hand_over(Precedence::Routine, &header).await.unwrap();
        let ended = line.closed().await;
        let happened = match &ended {
            Ended::Refused(2, _) => "the link is closed",
            Ended::Refused(..) | Ended::Tls(_) | Ended::Lost(_) => "another end",
        };
        table.row(
            "T43",
            &format!("{bomb} as a header"),
            "the link is closed",
            happened,
            format!("{ended:?}"),
        );
        line = county.line().await;
    }
    assert_eq!(county.city().pid(), pid);
    county.good_report_arrives().await;
    let tick = county.cluster.room("410000");
    assert!(tick.ask::<view::Status>(&Request::Status).await.unwrap().log.size > 0);
    table.control("the same frames with genuine bytes, all through this file");
    table.finish(68);
}

fn checkpoint(keys: &Keys, room: RoomId, size: u64, root: Digest) -> Checkpoint {
    Checkpoint {
        v: WITNESS_VERSION,
        at: Clock::wall(),
        lost: None,
        room,
        root,
        size,
        tick: None,
        clock: None,
        epoch: Epoch { nonce: ByteArray::new([9; 8]), counter: 1_000 },
        suite: keys.signing.suite().id(),
    }
}

/// Waits until the root hub has dated this room's log.
async fn dated(county: &County, code: &str) {
    until(&format!("{code} is dated"), LONG, async || {
        let status: view::Status = county.cluster.room(code).ask(&Request::Status).await.ok()?;
        (status.log.dated_size > 0 && status.log.breaks.is_empty()).then_some(())
    })
    .await;
}

async fn breaks(county: &County) -> usize {
    county.city().ask::<view::Status>(&Request::Status).await.unwrap().log.breaks.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_it_says_of_time_and_of_logs_is_checked() {
    let county = County::with_sibling(PROGRAM).await;
    county.cluster.room("411322").start().await;
    dated(&county, "411322").await;
    county.cluster.room("411322").stop().await;
    let keys = &county.keys;
    let (mut table, watch, mut line) = (Table::new("time and logs"), county.watch(), county.line().await);
    let no_verify = "what the neighbour says of time or its log does not verify";
    let held = line
        .hear_until(|heard| match heard {
            Heard::Control(Frame::HeadHeld { checkpoint }) => Some(checkpoint),
            Heard::Control(_) | Heard::Lane(..) => None,
        })
        .await
        .unwrap();
    let held = held.expect("the city holds a head of the county");
    let held = VerifiedCheckpoint::verify(&held, &*keys.trust.keys)
        .expect("it is the county's own")
        .checkpoint()
        .head();
    let fork = Digest::from_bytes([7; 32]);
    let sibling = Keys::of(county.cluster.room(SIBLING).dir());
    let outage = |room, signer: &SigningKey| {
        let line = Outage { v: WITNESS_VERSION, room, ..sample_outage(keys) };
        Frame::Line { bytes: ByteBuf::from(line.sign(signer).bytes().to_vec()) }
    };
    let signed = |at: &Checkpoint, by: &Keys| ByteBuf::from(at.clone().sign(&by.signing).bytes().to_vec());
    let head = |checkpoint: ByteBuf, from: u64| Frame::Head { checkpoint, from, path: vec![] };
    let own = checkpoint(keys, keys.room, held.size + 5, fork);
    let tick = VerifiedTick::sign(Clock::wall(), "henan", &keys.signing);
    let spoilt = [
        ("T30", "a tick of its own making", Frame::Tick { bytes: ByteBuf::from(tick.bytes().to_vec()) }),
        (
            "T36",
            "a head in its sibling's name",
            head(signed(&checkpoint(keys, sibling.room, 9, fork), keys), 0),
        ),
        (
            "T36",
            "an anchor of its own making",
            Frame::Anchor {
                checkpoint: signed(&own, keys),
                anchor: ByteBuf::from(
                    Anchor { steps: vec![AnchorStep::new(0, &[], &signed(&own, keys))] }.encode(),
                ),
            },
        ),
        ("T36", "a record of an outage in the city's name", outage(keys.room_of("411300"), &keys.signing)),
    ];
    for (id, what, frame) in spoilt {
        line.say(&frame).await.unwrap();
        let told = watch.warned(no_verify).await;
        table.row(id, what, "left out", "left out", told);
    }
    // Signed by its sibling, and not its own to show.
    line.say(&head(signed(&checkpoint(&sibling, sibling.room, 9, fork), &sibling), 0)).await.unwrap();
    is_alive(&mut line).await.unwrap();
    table.row(
        "T36",
        "its sibling's own head",
        "0 breaks",
        format!("{} breaks", breaks(&county).await),
        "nobody: only a room shows its own log",
    );
    for at in 0..1_000 {
        let name = TickRef { at: Timestamp::from_ms(at), ..tick.name() };
        line.say(&Frame::TickWanted { name }).await.unwrap();
    }
    let happened =
        if is_alive(&mut line).await.is_ok() { "the next question is answered" } else { "silence" };
    let attack = "a thousand ticks are wanted that never were";
    table.row("T40", attack, "the next question is answered", happened, "nobody: it is asked, not told");
    // So soon after the county's own last head the city only says what it holds.
    until("the city looks at the head", LONG, async || {
        line.say(&head(signed(&own, keys), held.size)).await.unwrap();
        is_alive(&mut line).await.unwrap();
        (breaks(&county).await > 0).then_some(())
    })
    .await;
    let told = watch.warned("shows another log than before").await;
    table.row(
        "T54",
        "a head that does not continue the one that is held",
        "1 breaks",
        format!("{} breaks", breaks(&county).await),
        told,
    );
    county.cluster.room("411322").start().await;
    dated(&county, "411322").await;
    dated(&county, SIBLING).await;
    assert_eq!(breaks(&county).await, 1, "the genuine log goes on from what is held");
    table.control("the counties' own heads, dated by the root hub");
    table.finish(7);
}

fn sample_outage(keys: &Keys) -> Outage {
    Outage {
        v: WITNESS_VERSION,
        room: keys.room,
        peer: keys.room_of("411300"),
        up_at: Clock::wall(),
        up_tick: None,
        down_at: Clock::wall(),
        down_tick: None,
        suite: keys.signing.suite().id(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_document_counts_but_from_who_may_write_it() {
    let county = County::take_over(PROGRAM).await;
    let keys = &county.keys;
    let (mut table, watch, mut line) = (Table::new("documents"), county.watch(), county.line().await);
    let plan = keys.trust.plan.to_vec();
    let changed = |at: usize| {
        let mut bytes = plan.clone();
        bytes[at] ^= 1;
        bytes
    };
    let resigned = |kind, payload: &[u8]| sign(&keys.signing, kind, payload);
    let payload = certs::signature::peek_payload_unverified(&plan, ContentType::Plan).unwrap();
    let cases = [
        ("a plan with a bit changed", DocumentKind::Plan, changed(plan.len() / 2)),
        ("a plan whose signature has a bit changed", DocumentKind::Plan, changed(plan.len() - 1)),
        ("the plan, signed by the county", DocumentKind::Plan, resigned(ContentType::Plan, &payload)),
        ("the plan as a sheet", DocumentKind::Sheet, plan.clone()),
        ("a sheet signed by the county", DocumentKind::Sheet, resigned(ContentType::Sheet, &payload)),
        ("a rule pack signed by the county", DocumentKind::Pack, resigned(ContentType::RulePack, &payload)),
        (
            "a calendar signed by the county",
            DocumentKind::Calendar,
            resigned(ContentType::Calendar, &payload),
        ),
        ("a rule pack that no plan names", DocumentKind::Pack, resigned(ContentType::RulePack, &[0xa0])),
    ];
    let version = async || county.city().ask::<view::Status>(&Request::Status).await.unwrap().map_version;
    let before = version().await;
    for (what, kind, document) in cases {
        for frame in node::link::documents::frames(kind, &document) {
            line.say(&frame).await.unwrap();
        }
        let told = watch.warned("does not count").await;
        is_alive(&mut line).await.unwrap();
        let happened = if version().await == before { "left out" } else { "taken" };
        table.row("T34", what, "left out", happened, told);
    }
    for frame in node::link::documents::frames(DocumentKind::Plan, &plan) {
        line.say(&frame).await.unwrap();
    }
    is_alive(&mut line).await.unwrap();
    county.good_report_arrives().await;
    table.control("the plan as the authority signed it");
    table.finish(8);
}
