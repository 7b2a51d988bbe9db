//! Kills: `kill -9` at random instants, at each of the three hops, under load.
//!
//! A node may be killed again while it starts. After every round the traffic stops, everything accepted must have come
//! to its end, and books and logs are compared.

use std::{collections::BTreeMap, fmt, path::Path, sync::Arc, time::Duration};

use crate::{
    cluster::{
        Cluster, LONG, Network,
        books::{Reckoning, audited, reckon},
        traffic::{BOTH_WAYS, Traffic},
    },
    world::chance::Chance,
};

/// Between a kill and the next one, at most: about twice what a node takes to start and to find its neighbours.
const NEXT_KILL_MS: u64 = 900;
/// Between two messages of one flow.
const PAUSE: Duration = Duration::from_millis(15);
/// Kills between two reckonings.
const ROUND: usize = 50;

/// What a campaign found.
#[derive(Debug)]
pub struct Kills {
    /// How often each room was killed.
    pub by_room: BTreeMap<String, usize>,
    /// What was counted.
    pub counted: Reckoning,
}

impl fmt::Display for Kills {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} kills {:?}: {}", self.by_room.values().sum::<usize>(), self.by_room, self.counted)
    }
}

/// Kills so many times, as the seed says.
///
/// # Panics
/// When anything is lost, there twice, or stuck.
pub async fn run(program: &Path, seed: u64, times: usize) -> Kills {
    let program = program.to_str().expect("the program's path is text");
    let cluster = Arc::new(Cluster::start(program, Network::three()).await);
    let codes: Vec<String> = cluster.rooms().map(|room| room.code().to_owned()).collect();
    let mut chance = Chance::new(seed);
    let mut kills = Kills { by_room: BTreeMap::new(), counted: Reckoning::default() };
    let mut left = times;
    while left > 0 {
        let round = left.min(ROUND);
        left -= round;
        let traffic = Traffic::begin(&cluster, &BOTH_WAYS, PAUSE);
        for _ in 0..round {
            tokio::time::sleep(Duration::from_millis(chance.below(NEXT_KILL_MS))).await;
            let room = cluster.room(&codes[chance.index(codes.len())]);
            room.kill();
            room.spawn(&[], &[]);
            *kills.by_room.entry(room.code().to_owned()).or_default() += 1;
        }
        for room in cluster.rooms() {
            room.ready().await;
        }
        let ledger = traffic.end().await;
        assert!(ledger.accepted.len() >= round, "there was no load: {ledger:?}");
        kills.counted.add(&reckon(&cluster, &ledger, LONG).await);
        audited(&cluster).await;
    }
    kills
}
