//! Power cuts: the database of each hop lies on ext4 on a drive with a volatile cache, and the power of one of them is cut
//! at a random instant, under load.
//!
//! What was acknowledged before a cut is known exactly: the cut and the note of an answer are ordered by one lock. After
//! each cut the room must know everything that it has told officers and neighbours.

use std::{fmt, path::Path, sync::Arc, time::Duration};

use node::config::DiskMarks;
use tempfile::TempDir;

use crate::{
    cluster::{
        Cluster, LONG, Network, Room,
        books::{Books, Reckoning, audited, reckon},
        text,
        traffic::{BOTH_WAYS, Ledger, Traffic},
    },
    lab::{
        drive::{Manners, Survives},
        volume::Disk,
    },
    world::chance::Chance,
};

/// After a room is back and before the next cut, at most.
const NEXT_CUT_MS: u64 = 800;
/// Between two messages of one flow: the drives hold what comes in between [`FRESH`] cuts.
const PAUSE: Duration = Duration::from_millis(30);
/// Cuts until a new network with new drives takes over.
const FRESH: usize = 60;
/// Cuts between two reckonings.
const ROUND: usize = 20;
const ROOMS: [&str; 3] = ["411322", "411300", "410000"];
/// How long a cut waits for something that is not flushed.
const AMID_A_WRITE: Duration = Duration::from_millis(500);
/// Accepted before every cut, so that there is something to lose.
const BEFORE_A_CUT: usize = 3;

/// What a campaign found.
#[derive(Debug, Default)]
pub struct Cuts {
    /// Power cuts.
    pub cuts: usize,
    /// Sectors that were in the caches of the drives then.
    pub sectors: usize,
    /// What was counted.
    pub counted: Reckoning,
    /// Inbox rows of networks that were given up for new ones.
    inbox_before: u64,
}

impl fmt::Display for Cuts {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cuts, sectors, counted, .. } = self;
        write!(out, "{cuts} power cuts, {sectors} sectors in the caches: {counted}")
    }
}

/// What makes a control, which must lose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Control {
    /// Nothing is ever synced: the drive answers flushes and does not do them.
    NoSync,
    /// As `synchronous=NORMAL` does, a commit does not sync the write-ahead log: the call is caught and answered.
    LogNotSynced,
}

/// A network whose three databases lie on such drives.
struct Powered {
    cluster: Arc<Cluster>,
    disks: [Disk; 3],
    chance: Chance,
    /// Last: everything else lies in it.
    _place: TempDir,
}

/// Cuts the power so many times, as the seed says.
///
/// # Panics
/// When anything is lost, there twice, or stuck.
pub async fn run(program: &Path, seed: u64, times: usize) -> Cuts {
    let (mut found, mut chance) = (Cuts::default(), Chance::new(seed));
    while found.cuts < times {
        let mut powered = Powered::start(program, chance.draw()).await;
        let upto = times.min(found.cuts + FRESH);
        let mut inbox = 0;
        while found.cuts < upto {
            found.round((upto - found.cuts).min(ROUND), &mut powered).await;
            inbox = found.counted.inbox;
        }
        found.inbox_before += inbox;
    }
    found.counted.inbox = found.inbox_before;
    found
}

impl Cuts {
    async fn round(&mut self, cuts: usize, powered: &mut Powered) {
        let traffic = Traffic::begin(&powered.cluster, &BOTH_WAYS, PAUSE);
        for _ in 0..cuts {
            let index = powered.chance.index(ROOMS.len());
            self.sectors += powered.cut(index, &traffic).await.expect("ext4 replays its journal");
            self.cuts += 1;
            let room = powered.room(index);
            room.start().await;
            let forgotten = powered.forgotten(index, &traffic.so_far().await).await;
            assert!(forgotten.is_empty(), "cut {}: {} forgot {forgotten:#?}", self.cuts, room.code());
        }
        let ledger = traffic.end().await;
        self.counted.add(&reckon(&powered.cluster, &ledger, LONG).await);
        audited(&powered.cluster).await;
    }
}

/// Cuts the power of the first hop until something acknowledged is lost, at most so many times. Gives the number of the
/// cut, and how much was lost.
pub async fn run_control(
    program: &Path,
    seed: u64,
    control: Control,
    times: usize,
) -> Option<(usize, usize)> {
    let mut powered = Powered::start(program, seed).await;
    for cut in 1..=times {
        powered.spoil(control).await;
        let traffic = Traffic::begin(&powered.cluster, &BOTH_WAYS[..1], PAUSE);
        let platters = powered.cut(0, &traffic).await;
        let ledger = traffic.end().await;
        let accepted = ledger.accepted.len();
        // Without any sync there may be no file system left, or no database on it.
        if platters.is_err() || !powered.comes_up().await {
            return Some((cut, accepted));
        }
        let forgotten = powered.forgotten(0, &ledger).await;
        if !forgotten.is_empty() {
            return Some((cut, forgotten.len()));
        }
    }
    None
}

impl Powered {
    async fn start(program: &Path, seed: u64) -> Self {
        let place = tempfile::tempdir().expect("a throw-away directory can be made");
        let disks = ROOMS.map(|code| Disk::format(&place.path().join(code)));
        let mut network = Network::three();
        network.disk = DiskMarks { low_mib: 8, critical_mib: 4 };
        for (code, disk) in ROOMS.iter().zip(&disks) {
            network.place(code).dir = Some(disk.path().join("node"));
        }
        let program = program.to_str().expect("the program's path is text");
        let cluster = Arc::new(Cluster::start(program, network).await);
        Self { cluster, disks, chance: Chance::new(seed), _place: place }
    }

    fn room(&self, index: usize) -> &Room {
        self.cluster.room(ROOMS[index])
    }

    /// Waits for some load and for an instant, cuts, and mounts what is left. Gives the sectors that were in the cache.
    async fn cut(&mut self, index: usize, traffic: &Traffic) -> Result<usize, String> {
        traffic.goes_on(BEFORE_A_CUT, LONG).await;
        tokio::time::sleep(Duration::from_millis(self.chance.below(NEXT_CUT_MS))).await;
        let survives = if self.chance.one_in(4) { Survives::Nothing } else { Survives::AnySectors };
        let seed = self.chance.draw();
        // A chance instant meets a fast drive between its flushes; every other cut comes in the middle of a write.
        let patience = if self.chance.one_in(2) { AMID_A_WRITE } else { Duration::ZERO };
        let disk = &mut self.disks[index];
        let cut = || disk.cut(survives, seed, patience);
        let (platters, sectors) = traffic.switch_power(ROOMS[index], cut).await;
        self.cluster.room(ROOMS[index]).kill();
        let mounted = self.disks[index].power_on(platters);
        traffic.switch_power(ROOMS[index], || ()).await;
        mounted.map(|()| sectors)
    }

    async fn forgotten(&self, index: usize, ledger: &Ledger) -> Vec<String> {
        let books = Books::open(&self.cluster).await;
        let forgotten = books.forgotten(ROOMS[index], ledger).await;
        books.close().await;
        forgotten
    }

    /// What has happened so far is on the platters; from now on the first hop is as the control wants it.
    async fn spoil(&self, control: Control) {
        let room = self.room(0);
        match control {
            Control::NoSync => {
                self.disks[0].drive().settle();
                self.disks[0].drive().behave(Manners { flushes_are_lies: true, ..Manners::default() });
            }
            Control::LogNotSynced => {
                room.kill();
                self.disks[0].drive().settle();
                let log = room.dir().join("node.db-wal");
                let calls = "inject=fsync,fdatasync:retval=0";
                room.spawn(&["strace", "-D", "-f", "-o", "/dev/null", "-P", text(&log), "-e", calls], &[]);
                room.ready().await;
            }
        }
    }

    /// Starts the first hop again, if it does.
    async fn comes_up(&self) -> bool {
        let room = self.room(0);
        if !room.dir().join("config.toml").exists() {
            return false;
        }
        room.spawn(&[], &[]);
        room.ready_or_ended().await
    }
}
