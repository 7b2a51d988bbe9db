//! The long run: mixed traffic over seven rooms while links are cut, nodes stand still, and the outermost are killed. After
//! every round everything is counted; memory, descriptors and disk must be flat.
//!
//! Memory and descriptors are those of the rooms that are never killed, for a new process begins small. The disk is what
//! all databases use, less what stood there after the first round, by the messages that came since.

use std::{collections::BTreeMap, fmt, path::Path, sync::Arc, time::Duration};

use node::{clock::Clock, store::sqlite::SqliteReader};

use crate::{
    cluster::{
        Cluster, Network, Room,
        books::{Reckoning, audited, reckon},
        traffic::{Flow, Traffic},
    },
    say,
    world::chance::Chance,
};

const FLOWS: [Flow; 8] = [
    Flow { from: "410122", kind: "report", to: &["410100", "410000"] },
    Flow { from: "411322", kind: "report", to: &["411300", "410000"] },
    Flow { from: "411323", kind: "report", to: &["410000", "411300"] },
    Flow { from: "410100", kind: "report", to: &["410000"] },
    Flow { from: "411300", kind: "report", to: &["410000"] },
    Flow { from: "41000090100000", kind: "report", to: &["410000"] },
    Flow { from: "410000", kind: "instruction", to: &["411322", "410122", "411300", "410100"] },
    Flow { from: "411300", kind: "instruction", to: &["411322", "411323"] },
];
/// The rooms that are killed; the others are measured.
const KILLED: [&str; 3] = ["410122", "411323", "41000090100000"];
const MEASURED: [&str; 4] = ["410000", "410100", "411300", "411322"];
/// Links, child first.
const LINKS: [(&str, &str); 5] = [
    ("410100", "410000"),
    ("411300", "410000"),
    ("410122", "410100"),
    ("411322", "411300"),
    ("411323", "411300"),
];
const PAUSE: Duration = Duration::from_millis(100);
const NEXT_FAULT_MS: u64 = 6000;
const PATIENCE: Duration = Duration::from_secs(120);

/// What a room uses.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Use {
    /// Resident memory.
    pub memory_kib: u64,
    /// Open descriptors.
    pub descriptors: u64,
}

/// After one round.
#[derive(Debug, Clone, Default)]
pub struct Sample {
    /// Messages accepted since the beginning.
    pub messages: u64,
    /// By room.
    pub rooms: BTreeMap<String, Use>,
    /// Used by all databases.
    pub disk_bytes: u64,
}

/// What a run found.
#[derive(Debug, Default)]
pub struct Long {
    /// One for each round.
    pub samples: Vec<Sample>,
    /// Cuts, pauses and kills.
    pub faults: BTreeMap<&'static str, usize>,
    /// What was counted.
    pub counted: Reckoning,
}

impl fmt::Display for Long {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "{} rounds, faults {:?}: {}", self.samples.len(), self.faults, self.counted)?;
        writeln!(
            out,
            "bytes on all disks per message since the first round: {:?}",
            self.bytes_per_message()
        )?;
        for room in MEASURED {
            let of = |value: fn(&Use) -> u64| -> Vec<u64> {
                self.samples.iter().map(|sample| value(&sample.rooms[room])).collect()
            };
            writeln!(out, "{room}: memory KiB {:?}", of(|used| used.memory_kib))?;
            writeln!(out, "{room}: descriptors {:?}", of(|used| used.descriptors))?;
        }
        Ok(())
    }
}

impl Long {
    /// What each message took on all disks together, from the first round to each later one.
    pub fn bytes_per_message(&self) -> Vec<u64> {
        let Some(first) = self.samples.first() else { return Vec::new() };
        let grown = |sample: &Sample| {
            sample.disk_bytes.saturating_sub(first.disk_bytes) / (sample.messages - first.messages).max(1)
        };
        self.samples.iter().skip(1).map(grown).collect()
    }

    /// Holds the last round against the early ones.
    ///
    /// # Panics
    /// When memory has grown by a quarter, descriptors by four, or what a message takes by a fifth.
    pub fn check_flat(&self) {
        let early = &self.samples[self.samples.len() / 4];
        let last = self.samples.last().expect("there was a round");
        for room in MEASURED {
            let (then, now) = (early.rooms[room], last.rooms[room]);
            assert!(now.memory_kib <= then.memory_kib * 5 / 4, "the memory of {room} has grown:\n{self}");
            assert!(now.descriptors <= then.descriptors + 4, "the descriptors of {room} have grown:\n{self}");
        }
        let bytes = self.bytes_per_message();
        if let (Some(middle), Some(end)) = (bytes.get(bytes.len() / 2), bytes.last()) {
            assert!(*end <= middle * 6 / 5, "a message takes more and more of the disk:\n{self}");
        }
    }
}

/// Runs for so many rounds of this length.
///
/// # Panics
/// When anything is lost, there twice, or stuck.
pub async fn run(program: &Path, seed: u64, rounds: u64, round: Duration) -> Long {
    let program = program.to_str().expect("the program's path is text");
    let cluster = Arc::new(Cluster::start(program, Network::seven()).await);
    let mut chance = Chance::new(seed);
    let mut long = Long::default();
    for number in 1..=rounds {
        let traffic = Traffic::begin(&cluster, &FLOWS, PAUSE);
        let started = Clock::instant();
        while started.elapsed() < round {
            let name = fault(&cluster, &mut chance).await;
            *long.faults.entry(name).or_default() += 1;
            tokio::time::sleep(Duration::from_millis(chance.below(NEXT_FAULT_MS))).await;
        }
        for room in cluster.rooms() {
            room.ready().await;
        }
        cluster.all_links_up().await;
        let ledger = traffic.end().await;
        long.counted.add(&reckon(&cluster, &ledger, PATIENCE).await);
        long.samples.push(sample(&cluster, long.counted.accepted).await);
        say(&format!("round {number}: {}", long.counted));
    }
    audited(&cluster).await;
    long
}

/// One fault, from its beginning to its end.
async fn fault(cluster: &Cluster, chance: &mut Chance) -> &'static str {
    match chance.below(3) {
        0 => {
            let (child, parent) = chance.pick(&LINKS);
            cluster.room(child).cut(parent, true).await;
            tokio::time::sleep(Duration::from_millis(chance.between(100, 4000))).await;
            cluster.room(child).cut(parent, false).await;
            "cut"
        }
        1 => {
            let room = cluster.room(chance.pick(&MEASURED));
            room.pause(true);
            // Up to beyond what a link waits for a silent neighbour.
            tokio::time::sleep(Duration::from_millis(chance.between(500, 12_000))).await;
            room.pause(false);
            "pause"
        }
        _ => {
            let room = cluster.room(chance.pick(&KILLED));
            room.kill();
            room.start().await;
            "kill"
        }
    }
}

async fn sample(cluster: &Cluster, messages: u64) -> Sample {
    let rooms = MEASURED.map(|code| (code.to_owned(), use_of(cluster.room(code))));
    let mut disk_bytes = 0;
    for room in cluster.rooms() {
        let reader = SqliteReader::open(&room.dir().join("node.db")).await.expect("a database opens");
        let used = reader.disk_use().await.expect("a database can be measured");
        disk_bytes += used.database_bytes - used.reusable_bytes;
        reader.close().await;
    }
    Sample { messages, rooms: rooms.into(), disk_bytes }
}

fn use_of(room: &Room) -> Use {
    let process = format!("/proc/{}", room.pid().expect("it runs"));
    let status =
        std::fs::read_to_string(format!("{process}/status")).expect("a process of ours can be looked at");
    let memory = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let memory = memory.and_then(|line| line.split_whitespace().next()?.parse().ok());
    let descriptors = std::fs::read_dir(format!("{process}/fd")).expect("a process of ours can be looked at");
    Use { memory_kib: memory.expect("a process has memory"), descriptors: descriptors.count() as u64 }
}
