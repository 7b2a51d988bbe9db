//! Promise 3: urgent first, always: out of a long queue, and past a large message that is already on its way.

use std::collections::BTreeMap;

use data_encoding::BASE64;
use node::clock::Clock;
use relay::limits::ATTACHMENTS_BYTES_MAX;
use tests::{
    cluster::{Cluster, LONG, Letter, Network, until_true},
    peer::Keys,
};
use topology::Precedence;

const PROGRAM: &str = env!("CARGO_BIN_EXE_tests");
const EACH: usize = 10;
/// From the least urgent to the most urgent: the worst order to be queued in.
const WORST_FIRST: [&str; 4] = ["routine", "priority", "immediate", "flash"];

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_empties_by_precedence_and_then_by_age() {
    let cluster = Cluster::start(PROGRAM, Network::three()).await;
    let (county, city, province) = (cluster.room("411322"), cluster.room("411300"), cluster.room("410000"));
    city.cut("410000", true).await;
    city.link_is("410000", "cut").await;
    let mut sent: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for precedence in WORST_FIRST {
        for number in 0..EACH {
            let letter = Letter::test("report", &["410000"], &format!("{precedence}第{number}件"));
            sent.entry(precedence).or_default().push(county.send(&letter.precedence(precedence)).await);
        }
    }
    until_true("everything waits at the city", LONG, async || {
        city.link("410000").await.is_some_and(|link| link.queued == (4 * EACH) as u64)
    })
    .await;
    assert!(province.inbox_ids().await.is_empty());
    city.cut("410000", false).await;
    county.all_delivered(&sent.values().flatten().cloned().collect::<Vec<_>>()).await;
    let arrived: Vec<String> = province.inbox_ids().await;
    let wanted: Vec<String> =
        WORST_FIRST.iter().rev().flat_map(|precedence| sent[precedence].clone()).collect();
    assert_eq!(arrived, wanted, "flash first, routine last, the oldest of each before the younger");
}

/// A report with an attachment as large as any may be.
fn large(number: usize) -> Letter {
    let file = format!(
        "kind = \"report\"\nstage = \"first\"\ntitle = \"附件{number}\"\noccurred_at = \"不明\"\nwhat = \"见附件\"\n\
         attachments = [\"large.bin\"]\n[place]\ntext = \"方城县\"\n"
    );
    let content = BASE64.encode(&vec![u8::try_from(number).expect("a small number"); ATTACHMENTS_BYTES_MAX]);
    let attachments = vec![("large.bin".to_owned(), content)];
    Letter::file("report", &["410000"], &file, attachments).precedence("routine")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flash_overtakes_attachments_that_are_on_their_way() {
    const LARGE: usize = 4;
    let cluster = Cluster::start(PROGRAM, Network::three()).await;
    let (county, province) = (cluster.room("411322"), cluster.room("410000"));
    let started = Clock::instant();
    let mut bodies = Vec::new();
    for number in 0..LARGE {
        bodies.push(county.send(&large(number)).await);
    }
    let flash_started = Clock::instant();
    let flash = county.send(&Letter::test("report", &["410000"], "特提").precedence("flash")).await;
    county.receipt(&flash, "delivered").await;
    let flash_took = flash_started.elapsed();
    county.all_delivered(&bodies).await;
    let bodies_took = started.elapsed();
    let arrived = province.inbox_ids().await;
    assert_eq!(arrived.len(), LARGE + 1);
    assert_ne!(arrived.last(), Some(&flash), "the flash came before the last of the attachments");
    assert!(flash_took * 2 < bodies_took, "flash {flash_took:?}, attachments {bodies_took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_message_that_nobody_reads_holds_up_no_urgent_one() {
    let cluster = Cluster::start(PROGRAM, Network::three()).await;
    let (county, city) = (cluster.room("411322"), cluster.room("411300"));
    city.stop().await;
    let keys = Keys::of(city.dir());
    let endpoint = keys.listen();
    let mut line = keys.accept(&endpoint).await.expect("the county dials its parent");
    line.be_deaf(Precedence::Routine, true);
    county.link_is("411300", "up").await;
    county.send(&large(1)).await;
    for precedence in [Precedence::Flash, Precedence::Immediate, Precedence::Priority] {
        let letter = Letter::test("report", &["410000"], "先行").precedence(precedence.word());
        county.send(&letter).await;
        let (class, envelope) = line.hear_envelope().await.unwrap();
        assert_eq!(usize::from(class), precedence.index());
        assert!(envelope.body.len() < ATTACHMENTS_BYTES_MAX);
    }
    line.be_deaf(Precedence::Routine, false);
    let (class, envelope) = line.hear_envelope().await.unwrap();
    assert_eq!(usize::from(class), Precedence::Routine.index());
    assert!(envelope.body.len() >= ATTACHMENTS_BYTES_MAX, "the control: the large one comes once it is read");
}
