//! What its siblings notice of a county that floods their city: how long their reports take, from accepted to delivered, in a
//! quiet while and in a flooded one of the same run. A figure, not a test: it depends on the machine.

use std::{sync::Arc, time::Duration};

use node::clock::Clock;
use topology::Precedence;

use super::County;
use crate::cluster::{Letter, Network, Room, join_all};

const SIBLINGS: [&str; 4] = ["411323", "411324", "411325", "411326"];
/// Between two reports of one sibling.
const EVERY: Duration = Duration::from_millis(250);
/// Envelopes that the flood consists of, again and again.
const FLOOD: usize = 300;

/// Milliseconds from accepted to delivered, in order, and what the flood brought.
#[derive(Debug)]
pub struct Measured {
    /// Without the flood.
    pub quiet_ms: Vec<i64>,
    /// With it.
    pub flooded_ms: Vec<i64>,
    /// Envelopes that were handed over.
    pub envelopes: usize,
    /// Links that the city ended for it.
    pub links: usize,
}

impl Measured {
    /// The value below which so many hundredths lie.
    pub fn percentile(sorted: &[i64], hundredths: usize) -> i64 {
        sorted
            .get((sorted.len() * hundredths / 100).min(sorted.len().saturating_sub(1)))
            .copied()
            .unwrap_or_default()
    }
}

/// Runs seven rooms, each while for so long.
pub async fn measure(program: &str, each: Duration) -> Measured {
    let mut network = Network::three();
    for code in SIBLINGS {
        network.add(code, &format!("兄弟县{code}值班室"), "county", Some("411300"));
    }
    let county = Arc::new(County::of(program, network).await);
    // The first letters of a run open files and fill caches.
    siblings_for(&county, Duration::from_secs(2)).await;
    let quiet_ms = siblings_for(&county, each).await;
    let flooding = tokio::spawn(flood(county.clone(), each));
    let flooded_ms = siblings_for(&county, each).await;
    let (envelopes, links) = flooding.await.expect("the flood does not fail");
    Measured { quiet_ms, flooded_ms, envelopes, links }
}

async fn siblings_for(county: &County, each: Duration) -> Vec<i64> {
    let reporting = SIBLINGS.iter().map(|code| reports(county.cluster.room(code), each));
    let mut all: Vec<i64> = join_all(reporting).await.into_iter().flatten().collect();
    all.sort_unstable();
    all
}

async fn reports(sibling: &Room, each: Duration) -> Vec<i64> {
    let begun = Clock::instant();
    let mut ids = Vec::new();
    while begun.elapsed() < each {
        ids.push(sibling.send(&Letter::test("report", &["411300"], "照常报送")).await);
        tokio::time::sleep(EVERY).await;
    }
    let mut took = Vec::new();
    for id in ids {
        let delivered = sibling.receipt(&id, "delivered").await.at_ms;
        took.push(delivered - sibling.receipt(&id, "accepted").await.at_ms);
    }
    took
}

/// Hands over as much as the links take; a link that is ended for it is made again.
async fn flood(county: Arc<County>, each: Duration) -> (usize, usize) {
    let (province, begun) = (county.keys.room_of("410000"), Clock::instant());
    let envelopes: Vec<_> =
        (0..FLOOD).map(|_| county.keys.seal(&county.keys.draft(province, &"灌".repeat(600)))).collect();
    let (mut handed, mut links) = (0, 0);
    while begun.elapsed() < each {
        let Ok(mut line) = county.keys.dial(county.keys.room_of("411300")).await else { continue };
        links += 1;
        for envelope in &envelopes {
            if begun.elapsed() > each || line.hand_over(Precedence::Routine, envelope.bytes()).await.is_err()
            {
                break;
            }
            handed += 1;
        }
        // The rest of the window is used up: the next word is one too many.
        let _ = line.hand_over(Precedence::Routine, envelopes[0].bytes()).await;
    }
    (handed, links)
}
