//! The simulated world: duty rooms with the production engine and the production driver over stores in memory, on
//! simulated links, under a virtual clock, with everything that goes wrong drawn from one printed seed.
//!
//! First things go wrong, and after every step what must be safe is safe. Then the faults stop, and everything that
//! was accepted must end, and its origin must know how.

mod cast;
pub(crate) mod chance;
mod circumstances;
mod crash;
mod disk;
mod failure;
mod faults;
mod post;
mod rooms;
mod station;
mod wire;
mod work;

use std::collections::BTreeMap;

use relay::{crash_point::CrashPoint, step::Input, timestamp::Timestamp};

use self::{
    cast::{CITY, COUNTY, Cast, PROVINCE, SECOND},
    chance::Chance,
    circumstances::Circumstances,
    crash::Crashes,
    faults::Fault,
    station::Station,
    wire::Link,
};
pub use self::{
    circumstances::{Flaws, WireFlaw},
    disk::DiskFlaw,
    failure::{Failure, Summary},
};
use crate::{
    invariants::{self, Violation},
    model::Model,
};

/// One world.
pub struct World {
    seed: u64,
    step: u64,
    /// The true time, in milliseconds since 1970.
    now_ms: i64,
    agenda: BTreeMap<(i64, u64), Event>,
    entries: u64,
    chance: Chance,
    circumstances: Circumstances,
    cast: Cast,
    stations: Vec<Station>,
    links: Vec<Link>,
    sessions: u64,
    crashes: Crashes,
    model: Model,
    quiet_since_ms: Option<i64>,
    ended: bool,
    /// A rule that was found broken where nothing could be returned.
    seen: Option<Violation>,
}

/// Something that will happen at a time.
enum Event {
    /// A node handles what waits in its inbox.
    Turn { node: usize },
    /// A node looks for what is due.
    Tick { node: usize, life: u64 },
    /// A child tries to make a link.
    Dial { link: usize },
    /// A line is free for the next frame.
    Free { link: usize, session: u64, side: usize },
    /// A frame arrives at a side.
    Arrive { link: usize, session: u64, side: usize, stream: usize, bytes: Vec<u8> },
    /// A child asks its parent for the time.
    Ask { link: usize, session: u64 },
    /// A side notices that a session has ended.
    Notice { link: usize, session: u64, side: usize },
    /// A crashed node comes back.
    Restart { node: usize },
    /// Something goes wrong.
    Fault,
    /// Something that had gone wrong is right again.
    Mend(Fault),
    /// People do something.
    Work,
    /// The faults stop.
    Quiet,
    /// Is everything done?
    Check,
}

/// 2026-11-22 04:00 UTC.
const BEGINNING_MS: i64 = 1_795_320_000_000;
/// After the faults have stopped everything is done within this: the longest pause before a resend is an hour.
const PATIENCE_MS: i64 = 3 * 3_600_000;
const CHECK_EVERY_MS: i64 = 5_000;

/// Lives one world to its end.
///
/// # Errors
/// The [`Failure`] with the history of the envelope concerned.
pub fn run(seed: u64, flaws: Flaws) -> Result<Summary, Box<Failure>> {
    let mut chance = Chance::new(seed);
    let circumstances = Circumstances::draw(seed, &mut chance, flaws);
    let mut world = World::new(seed, chance, circumstances);
    let ended = world.live();
    world.conclude(ended)
}

/// Lives a world in which nothing goes wrong, except that a county writes this many messages while its only link is
/// cut, and then the link is healed.
///
/// # Errors
/// The [`Failure`] with the history of the envelope concerned.
pub fn drain(messages: usize) -> Result<Summary, Box<Failure>> {
    let mut chance = Chance::new(0);
    let circumstances = Circumstances::calm(&mut chance);
    let mut world = World::new(0, chance, circumstances);
    let ended = world.pile_up(messages);
    world.conclude(ended)
}

impl World {
    fn new(seed: u64, mut chance: Chance, circumstances: Circumstances) -> Self {
        let cast = Cast::new(circumstances.with_second, circumstances.real_keys);
        let crashes = Crashes::new(seed, chance.apart(), circumstances.crash_one_in);
        let flaw = circumstances.flaws.disk;
        let stations = (0..cast.rooms.len()).map(|_| Station::new(flaw, BEGINNING_MS)).collect();
        let link = |child, hub, alternate| Link::new(child, hub, alternate, BEGINNING_MS);
        let mut links = vec![link(CITY, PROVINCE, false), link(COUNTY, CITY, false)];
        if circumstances.with_second {
            links.extend([link(SECOND, CITY, false), link(SECOND, PROVINCE, true)]);
        }
        Self {
            seed,
            step: 0,
            now_ms: BEGINNING_MS,
            agenda: BTreeMap::new(),
            entries: 0,
            chance,
            circumstances,
            cast,
            stations,
            links,
            sessions: 0,
            crashes,
            model: Model::default(),
            quiet_since_ms: None,
            ended: false,
            seen: None,
        }
    }

    fn live(&mut self) -> Result<(), Violation> {
        self.begin()?;
        self.at(1_000, Event::Work);
        self.at(2_000, Event::Fault);
        self.at(self.circumstances.stormy_ms, Event::Quiet);
        self.go_on()
    }

    fn pile_up(&mut self, messages: usize) -> Result<(), Violation> {
        self.crashes.stop();
        self.begin()?;
        for link in &mut self.links {
            link.cut = link.child == COUNTY;
        }
        (0..messages).for_each(|_| self.write(COUNTY));
        self.at(self.circumstances.stormy_ms, Event::Quiet);
        self.go_on()
    }

    fn begin(&mut self) -> Result<(), Violation> {
        for node in 0..self.stations.len() {
            self.stations[node].skew_ms = self.circumstances.skew_ms(node);
            self.restart(node)?;
        }
        for link in 0..self.links.len() {
            self.at(0, Event::Dial { link });
        }
        Ok(())
    }

    fn go_on(&mut self) -> Result<(), Violation> {
        while !self.ended {
            let Some(((at_ms, _), event)) = self.agenda.pop_first() else {
                return Err(Violation::general("nothing more happens, but not everything has ended"));
            };
            self.now_ms = at_ms;
            self.step += 1;
            self.happen(event)?;
        }
        self.judge_the_end()
    }

    fn happen(&mut self, event: Event) -> Result<(), Violation> {
        match event {
            Event::Turn { node } => self.turn(node)?,
            Event::Tick { node, life } => self.tick(node, life)?,
            Event::Dial { link } => self.dial(link),
            Event::Free { link, session, side } => self.line_free(link, session, side),
            Event::Arrive { link, session, side, stream, bytes } => {
                self.arrive(link, session, side, stream, bytes)?;
            }
            Event::Ask { link, session } => self.ask(link, session),
            Event::Notice { link, session, side } => self.notice(link, session, side),
            Event::Restart { node } => self.restart(node)?,
            Event::Fault => self.fault(),
            Event::Mend(fault) => self.mend(fault),
            Event::Work => self.work(),
            Event::Quiet => self.quiet(),
            Event::Check => self.check()?,
        }
        self.seen.take().map_or(Ok(()), Err)
    }

    /// Enters an event `after_ms` from now.
    fn at(&mut self, after_ms: i64, event: Event) {
        self.entries += 1;
        self.agenda.insert((self.now_ms + after_ms, self.entries), event);
    }

    /// A node's own time: the true one and the node's error.
    fn time_of(&self, node: usize) -> Timestamp {
        self.stations[node].time(self.now_ms)
    }

    fn is_stormy(&self) -> bool {
        self.quiet_since_ms.is_none()
    }

    /// The faults stop: what is broken is repaired, and nobody writes any more.
    fn quiet(&mut self) {
        self.quiet_since_ms = Some(self.now_ms);
        self.crashes.stop();
        for link in 0..self.links.len() {
            self.mend(Fault::Cut { link });
        }
        for node in 0..self.stations.len() {
            self.stations[node].skew_ms = self.circumstances.quiet_skew_ms(node);
            self.stations[node].paused_until_ms = self.now_ms;
            self.mend(Fault::Disk { node });
        }
        self.at(CHECK_EVERY_MS, Event::Check);
    }

    /// Ends the world when everything is done, and fails when that takes too long.
    fn check(&mut self) -> Result<(), Violation> {
        let waited_ms = self.now_ms - self.quiet_since_ms.unwrap_or(self.now_ms);
        self.ended = invariants::all_ended(&self.model) && self.is_drained();
        if !self.ended && waited_ms > PATIENCE_MS {
            self.judge_the_end()?;
            return Err(Violation::general(format!("not drained: {}", self.what_waits())));
        }
        self.at(CHECK_EVERY_MS, Event::Check);
        Ok(())
    }

    fn judge_the_end(&self) -> Result<(), Violation> {
        let second = self.cast.rooms.get(SECOND);
        let keeps_receipts = self.circumstances.flaws.wire != WireFlaw::LosesReceipts;
        invariants::at_the_end(&self.model, |one, other| {
            keeps_receipts && ![Some(&one), Some(&other)].contains(&second)
        })
    }

    /// Tells a node's engine something.
    fn input(&mut self, node: usize, input: Input) {
        self.job(node, input.into());
    }

    fn conclude(&self, ended: Result<(), Violation>) -> Result<Summary, Box<Failure>> {
        match ended {
            Ok(()) => Ok(self.summary()),
            Err(violation) => Err(Box::new(self.failure(violation))),
        }
    }

    fn summary(&self) -> Summary {
        Summary {
            steps: self.step,
            envelopes: self.model.letters().len(),
            outcomes: failure::outcomes(&self.model),
            crashed: self.crashes.crashed(),
        }
    }

    fn failure(&self, violation: Violation) -> Failure {
        Failure {
            seed: self.seed,
            step: self.step,
            at_ms: self.now_ms - BEGINNING_MS,
            circumstances: self.circumstances.to_string(),
            history: violation.key.map(|key| self.model.history(&key).to_vec()).unwrap_or_default(),
            violation,
        }
    }
}

/// How often each crash point was the last, over many worlds.
pub type Crashed = BTreeMap<CrashPoint, u64>;
