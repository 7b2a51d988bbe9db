//! Lines that fail: three rooms in namespaces of their own, and between them, one after the other, everything that lines
//! do to packets, under traffic. After each everything accepted has arrived once.

use std::{fmt::Write as _, path::Path, sync::Arc, time::Duration};

use node::clock::Clock;

use crate::{
    cluster::{
        Cluster, Network,
        books::{audited, reckon},
        traffic::{BOTH_WAYS, Traffic},
        until_true,
    },
    lab::{
        line::{Carried, Line},
        spaces::Spaces,
    },
};

const CITY: &str = "411300";
const COUNTY: &str = "411322";
/// Ports of the rooms.
const AT_CITY: usize = 2;
const AT_COUNTY: usize = 3;
const PAUSE: Duration = Duration::from_millis(100);
/// Messages under each fault.
const MESSAGES: usize = 30;
/// Until everything has arrived: resends of a flash on a bad line.
const PATIENCE: Duration = Duration::from_secs(120);
/// After a line has healed, or a node goes on, its links are up again within this.
const BACK: Duration = Duration::from_secs(5);

/// What the lines do, one after the other.
fn weather() -> Vec<(&'static str, Line)> {
    let ms = Duration::from_millis;
    let fair = Line { delay: ms(20), ..Line::default() };
    vec![
        ("30 % loss", Line { loss: 30, ..fair }),
        ("600 ms delay", Line { delay: ms(600), ..fair }),
        ("reordering", Line { jitter: ms(150), ..fair }),
        ("20 % twice", Line { doubled: 20, ..fair }),
        ("10 % spoilt", Line { spoilt: 10, ..fair }),
        ("everything", Line { loss: 10, delay: ms(200), jitter: ms(100), doubled: 10, spoilt: 5, ..fair }),
    ]
}

/// A network in namespaces, and what it has been through.
pub struct Lab {
    /// The rooms.
    pub cluster: Arc<Cluster>,
    /// Where they run.
    pub spaces: Spaces,
    report: String,
}

impl Lab {
    /// Starts it on fair lines.
    pub async fn start(program: &Path, seed: u64) -> Self {
        let spaces = Spaces::make(3, seed);
        let program = program.to_str().expect("the program's path is text");
        let cluster = Arc::new(Cluster::start(program, Network::three_in(&spaces)).await);
        Self { cluster, spaces, report: String::new() }
    }

    fn all(&self, line: Line) {
        self.spaces.lines().set_both(1, AT_CITY, line);
        self.spaces.lines().set_both(AT_CITY, AT_COUNTY, line);
    }

    /// Since when the link of the county is up; 0 while it is down.
    async fn since(&self) -> i64 {
        let link = self.cluster.room(COUNTY).link(CITY).await;
        link.filter(|link| link.state == "up").map_or(0, |link| link.since_ms)
    }

    /// Traffic while something is wrong, until enough was sent and `meanwhile` is done; then the reckoning.
    async fn through(&mut self, name: &str, meanwhile: impl AsyncFnOnce(&Self)) {
        let _ = self.spaces.lines().carried();
        let (started, since) = (Clock::instant(), self.since().await);
        let traffic = Traffic::begin(&self.cluster, &BOTH_WAYS, PAUSE);
        meanwhile(self).await;
        traffic.goes_on(MESSAGES, PATIENCE).await;
        let ledger = traffic.end().await;
        let counted = reckon(&self.cluster, &ledger, PATIENCE).await;
        let Carried { packets, lost, doubled, spoilt, .. } = self.spaces.lines().carried();
        let held = if self.since().await == since { "held" } else { "made anew" };
        let took = started.elapsed().as_secs_f64();
        let line = format!(
            "{name}: {took:.1} s, packets {packets}, lost {lost}, doubled {doubled}, spoilt {spoilt}, link {held}; {counted}"
        );
        writeln!(self.report, "{line}").expect("a string takes text");
        self.all(Line::default());
        self.links_are_up(PATIENCE).await;
    }

    /// The last reckoning; gives a line for each fault.
    async fn end(self) -> String {
        until_true("no packet is left on the way", BACK, async || self.since().await != 0).await;
        audited(&self.cluster).await;
        self.report
    }

    async fn links_are_up(&self, limit: Duration) {
        for (room, parent) in [(COUNTY, CITY), (CITY, "410000")] {
            self.cluster.room(room).link_is_within(parent, "up", limit).await;
            self.cluster.room(parent).link_is_within(room, "up", limit).await;
        }
    }
}

/// Goes through every fault; cuts and pauses last this long. Gives a line for each.
///
/// # Panics
/// When anything is lost, there twice, or stuck.
pub async fn run(program: &Path, seed: u64, outage: Duration) -> String {
    bad(program, seed).await + &gone(program, seed, outage).await
}

/// Lines that carry packets badly.
///
/// # Panics
/// As [`run`].
pub async fn bad(program: &Path, seed: u64) -> String {
    let mut lab = Lab::start(program, seed).await;
    for (name, line) in weather() {
        lab.through(name, async |lab| lab.all(line)).await;
    }
    lab.through("40 % loss one way", async |lab| {
        let lines = lab.spaces.lines();
        lines.set(AT_COUNTY, AT_CITY, Line { loss: 40, delay: Duration::from_millis(20), ..Line::default() });
    })
    .await;
    lab.through("MTU 1280", async |lab| (1..=3).for_each(|port| lab.spaces.set_mtu(port, 1280))).await;
    lab.end().await
}

/// Lines that carry nothing for this long, in one direction or both; another address; a hub that stands still.
///
/// # Panics
/// As [`run`].
pub async fn gone(program: &Path, seed: u64, outage: Duration) -> String {
    let mut lab = Lab::start(program, seed).await;
    lab.through(&format!("cut for {outage:?}"), async |lab| {
        lab.spaces.lines().set_both(AT_CITY, AT_COUNTY, Line { is_cut: true, ..Line::default() });
        lab.cluster.room(COUNTY).link_is(CITY, "down").await;
        tokio::time::sleep(outage).await;
        lab.all(Line::default());
        lab.links_are_up(BACK).await;
    })
    .await;
    lab.through("dead in one direction, then whole", async |lab| {
        lab.spaces.lines().set(AT_CITY, AT_COUNTY, Line { is_cut: true, ..Line::default() });
        lab.cluster.room(COUNTY).link_is(CITY, "down").await;
        lab.all(Line::default());
        lab.links_are_up(BACK).await;
    })
    .await;
    lab.through("the county has another address", async |lab| {
        lab.spaces.move_to(AT_COUNTY, 0, 1);
        let id =
            lab.cluster.room(COUNTY).send(&crate::cluster::Letter::test("report", &[CITY], "新址")).await;
        lab.cluster.room(COUNTY).receipt(&id, "delivered").await;
    })
    .await;
    lab.through(&format!("the city stands still for {outage:?}"), async |lab| {
        lab.cluster.room(CITY).pause(true);
        tokio::time::sleep(outage).await;
        lab.cluster.room(CITY).pause(false);
        lab.links_are_up(BACK).await;
    })
    .await;
    lab.end().await
}
