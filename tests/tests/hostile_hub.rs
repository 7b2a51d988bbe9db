//! A hub in hostile hands that takes custody and drops, or delays, or says of time and logs what is not so. The sender finds
//! it out by the receipt that is missing after the hub's own custody, and its superior by the number that is missing.

use std::time::Duration;

use certs::signature::Digest;
use node::{
    clock::Clock,
    control::{request::Request, view},
};
use relay::{
    checkpoint::{Checkpoint, VerifiedCheckpoint},
    envelope::{EnvelopeBytes, VerifiedEnvelope},
    frame::{Frame, NotTaken, ReceiptsFrame},
    receipt::Event,
    timestamp::Timestamp,
};
use serde_bytes::ByteBuf;
use tests::{
    adversary::{City, Table, Watch},
    cluster::{LONG, Letter, Room, until},
    peer::{Heard, Line},
};

const PROGRAM: &str = env!("CARGO_BIN_EXE_tests");
/// How long the hub sits on a report.
const DELAY: Duration = Duration::from_secs(2);
/// How long the report lives that the hub drops.
const LIFE_S: u64 = 5;

/// Answers what a parent is asked for time, until something is heard that is wanted.
async fn keep_time<T>(line: &mut Line, mut wanted: impl FnMut(Heard) -> Option<T>) -> T {
    loop {
        match line.hear().await.expect("the county keeps the link") {
            Heard::Control(Frame::Clock { asked }) => {
                let now = Clock::wall();
                line.say(&Frame::ClockAnswer { asked, received: now, answered: now }).await.unwrap();
            }
            heard => {
                if let Some(found) = wanted(heard) {
                    return found;
                }
            }
        }
    }
}

/// The county sends, and the hub holds what it sent in its hands.
async fn caught(city: &City, below: &mut Line, letter: Letter) -> (String, VerifiedEnvelope) {
    let id = city.cluster.room("411322").send(&letter).await;
    let bytes = keep_time(below, |heard| match heard {
        Heard::Lane(_, Frame::Envelope(frame)) => Some(EnvelopeBytes {
            header: frame.header.into_vec().into(),
            keys: frame.keys,
            body: frame.body.into_vec().into(),
        }),
        Heard::Lane(..) | Heard::Control(_) => None,
    });
    (id, city.verified(&bytes.await))
}

async fn take_custody(city: &City, below: &mut Line, envelope: &VerifiedEnvelope) {
    let province = city.keys.room_of("410000");
    let custody = city.keys.receipt(envelope, province, Event::Custody, city.keys.room);
    below.say(&Frame::Answers { receipts: vec![ByteBuf::from(custody)] }).await.unwrap();
}

/// Hands it up, and carries the province's receipts down.
async fn pass_on(above: &mut Line, below: &mut Line, envelope: &VerifiedEnvelope) {
    above.hand_over(envelope.route().precedence, envelope.bytes()).await.unwrap();
    let (_, receipts) = above.hear_receipts().await.unwrap();
    below.say(&Frame::Receipts(ReceiptsFrame { first: 1, receipts })).await.unwrap();
}

fn events(receipts: &[view::ReceiptLine]) -> String {
    let events: Vec<String> =
        receipts.iter().map(|receipt| format!("{} by {}", receipt.event, receipt.issuer)).collect();
    events.join(", ")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_that_drops_is_found_out_by_the_sender_and_by_its_superior() {
    let city = City::take_over(PROGRAM).await;
    let (_endpoint, mut below) = city.county().await;
    let (county, province) = (city.cluster.room("411322"), city.cluster.room("410000"));
    let mut above = city.province().await;
    let mut table = Table::new("a hub drops");
    let letter = |text| Letter::test("report", &["410000"], text);
    let (dropped, envelope) = caught(&city, &mut below, letter("被扣下的报告").expires_in(LIFE_S)).await;
    take_custody(&city, &mut below, &envelope).await;
    county.receipt(&dropped, "custody").await;
    let (passed, envelope) = caught(&city, &mut below, letter("转交的报告")).await;
    take_custody(&city, &mut below, &envelope).await;
    pass_on(&mut above, &mut below, &envelope).await;
    county.receipt(&passed, "delivered").await;
    let unconfirmed = async {
        keep_time(&mut below, |_| None::<()>).await;
    };
    // Signed within a minute of the expiry.
    let found = until("the sender says that it is not confirmed", LONG * 3, async || {
        let receipts = county.receipts(&dropped).await;
        receipts.iter().any(|receipt| receipt.event == "unconfirmed").then_some(receipts)
    });
    let receipts = tokio::select! {
        () = unconfirmed => unreachable!("it answers for ever"),
        receipts = found => receipts,
    };
    let expected = "accepted by 411322, custody by 411300, unconfirmed by 411322";
    let told = "the sender: the hub's own custody receipt is the last, and nothing of 410000 after it";
    table.row("T21", "a report is taken into custody and dropped", expected, events(&receipts), told);
    let inbox = province.inbox().await;
    let missing: Vec<String> =
        inbox.iter().map(|line| format!("{} has {:?} missing", line.id == passed, line.missing_nr)).collect();
    let told = "the superior: the next report's number in its signed header";
    table.row("T21", "and the superior gets the next one", "true has [1] missing", missing.join(", "), told);
    assert_eq!(county.receipt(&passed, "delivered").await.issuer, "410000");
    table.control("the report that was passed on, with the province's receipt");
    table.finish(2);
}

async fn spent_between(county: &Room, id: &str) -> i64 {
    let receipts = county.receipts(id).await;
    let at = |event: &str| receipts.iter().find(|receipt| receipt.event == event).unwrap().at_ms;
    at("delivered") - at("custody")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_that_delays_is_named_by_its_own_receipt() {
    let city = City::take_over(PROGRAM).await;
    let (_endpoint, mut below) = city.county().await;
    let county = city.cluster.room("411322");
    let mut above = city.province().await;
    let mut table = Table::new("a hub delays");
    let letter = |text| Letter::test("report", &["410000"], text);
    let (late, envelope) = caught(&city, &mut below, letter("压着不报")).await;
    take_custody(&city, &mut below, &envelope).await;
    county.receipt(&late, "custody").await;
    tokio::time::sleep(DELAY).await;
    pass_on(&mut above, &mut below, &envelope).await;
    county.receipt(&late, "delivered").await;
    let (prompt, envelope) = caught(&city, &mut below, letter("及时转报")).await;
    take_custody(&city, &mut below, &envelope).await;
    pass_on(&mut above, &mut below, &envelope).await;
    county.receipt(&prompt, "delivered").await;
    let delay_ms = i64::try_from(DELAY.as_millis()).unwrap();
    let spent = spent_between(county, &late).await;
    let happened = if spent >= delay_ms { "its time stands between custody and delivered" } else { "unseen" };
    let expected = "its time stands between custody and delivered";
    table.row(
        "T22",
        "a report is held back in custody",
        expected,
        happened,
        "the sender: custody of 411300, delivered of 410000",
    );
    assert!(
        spent_between(county, &prompt).await < spent,
        "the control: what was passed on at once took less"
    );
    table.control("a report that was passed on at once");
    table.finish(1);
}

/// Answers the next question for the time, so much off.
async fn answer_time(line: &mut Line, ahead_ms: i64) {
    let asked = line.hear_until(|heard| match heard {
        Heard::Control(Frame::Clock { asked }) => Some(asked),
        Heard::Control(_) | Heard::Lane(..) => None,
    });
    let asked = asked.await.expect("the county asks for the time");
    let now = Timestamp::from_ms(Clock::wall().as_ms().saturating_add(ahead_ms));
    line.say(&Frame::ClockAnswer { asked, received: now, answered: now }).await.unwrap();
}

/// Shows the county what is held of its log. Gives the head that it sends then, and how many leaves of it it takes for known.
async fn goes_on(
    city: &City,
    below: &mut Line,
    held: Option<&VerifiedCheckpoint>,
) -> (VerifiedCheckpoint, u64) {
    let checkpoint = held.map(|held| ByteBuf::from(held.bytes().to_vec()));
    below.say(&Frame::HeadHeld { checkpoint }).await.unwrap();
    let (bytes, from) = keep_time(below, |heard| match heard {
        Heard::Control(Frame::Head { checkpoint, from, .. }) => Some((checkpoint, from)),
        Heard::Control(_) | Heard::Lane(..) => None,
    })
    .await;
    let keys = &*city.keys.trust.keys;
    (VerifiedCheckpoint::verify(&bytes, keys).expect("the county signed it"), from)
}

async fn clock_is(room: &Room, trusted: bool) {
    until(&format!("the clock of {} is trusted: {trusted}", room.code()), LONG, async || {
        let status: view::Status = room.ask(&Request::Status).await.ok()?;
        (status.clock.trusted == trusted).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_hub_says_of_time_and_logs_stops_nobody() {
    let city = City::take_over(PROGRAM).await;
    let (endpoint, mut below) = city.county().await;
    let (county, mut table) = (city.cluster.room("411322"), Table::new("a hub lies"));
    let watch = Watch::new(county);
    let lies = [
        ("a year ahead", 31_536_000_000),
        ("back in 1970", -Clock::wall().as_ms()),
        ("at the end of time", i64::MAX),
    ];
    for (what, ahead_ms) in lies {
        drop(below);
        below = city.county_again(&endpoint).await;
        answer_time(&mut below, 0).await;
        clock_is(county, true).await;
        answer_time(&mut below, ahead_ms).await;
        clock_is(county, false).await;
        let attack = format!("its clock is {what}");
        table.row("T53", &attack, "not trusted any more", "not trusted any more", "the officer: status");
    }
    let (signed, _) = goes_on(&city, &mut below, None).await;
    let own = signed.checkpoint();
    let never = |room| Checkpoint {
        root: Digest::from_bytes([7; 32]),
        size: 1 << 40,
        lost: None,
        room,
        ..own.clone()
    };
    let forged = |room| never(room).sign(&city.keys.signing).bytes().to_vec();
    let mut spoilt = signed.bytes().to_vec();
    *spoilt.last_mut().unwrap() ^= 1;
    for (what, held) in [
        ("that it signed itself", forged(own.room)),
        ("that is its own", forged(city.keys.room)),
        ("of which a bit was changed", spoilt),
    ] {
        below.say(&Frame::HeadHeld { checkpoint: Some(ByteBuf::from(held)) }).await.unwrap();
        let told = watch.warned("what the neighbour says of time or its log does not verify").await;
        let is_lost = county.log_text().contains("the parent holds more of our log than we");
        let happened = if is_lost { "the county says that it lost something" } else { "not believed" };
        table.row("T54", &format!("it holds a head of the county {what}"), "not believed", happened, told);
    }
    let (next, from) = goes_on(&city, &mut below, Some(&signed)).await;
    assert_eq!(
        (from, next.checkpoint().lost),
        (own.size, None),
        "the control: it goes on from what it signed"
    );
    table.control("the county's own checkpoint, unspoilt: it goes on from there");
    let (id, envelope) = caught(&city, &mut below, Letter::test("report", &["410000"], "照常报送")).await;
    for (what, wait_ms) in [("for ever", u64::MAX), ("at once", 0)] {
        let key = envelope.key();
        let frame = NotTaken {
            origin: key.origin,
            id: key.id,
            code: "\u{1b}]0;x\u{7}\nquota_full".to_owned(),
            retry_after_ms: wait_ms,
        };
        below.say(&Frame::NotTaken(frame)).await.unwrap();
        let told = watch.warned("the neighbour did not take an envelope").await;
        let entry: view::QueueEntry = county.ask(&Request::QueueShow { id: id.clone() }).await.unwrap();
        let wait = entry.ways[0].resend_at_ms.unwrap() - Clock::wall().as_ms();
        let happened =
            if (-1_000..=600_000).contains(&wait) { "again within ten minutes" } else { "never again" };
        table.row(
            "T29",
            &format!("it does not take a report, and puts it off {what}"),
            "again within ten minutes",
            happened,
            told,
        );
    }
    assert!(!county.log_text().contains(['\u{1b}', '\u{7}']), "a code from outside is written out");
    take_custody(&city, &mut below, &envelope).await;
    let mut above = city.province().await;
    pass_on(&mut above, &mut below, &envelope).await;
    county.receipt(&id, "delivered").await;
    table.control("the same report, passed on");
    table.finish(8);
}
