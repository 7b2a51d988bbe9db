//! The simulated world: duty rooms with the production engine and the production driver over stores in memory, on
//! simulated links, under a virtual clock, with everything that goes wrong drawn from one printed seed.
//!
//! First things go wrong, and after every step what must be safe is safe. Then the faults stop, and everything that
//! was accepted must end, and its origin must know how, and the root must have dated every log to its last leaf.

mod cast;
pub(crate) mod chance;
mod circumstances;
mod crash;
mod disk;
mod drained;
mod failure;
mod faults;
mod incidents;
mod mischief;
mod notes;
mod post;
mod rooms;
mod sessions;
mod shrink;
mod station;
pub mod traffic;
mod wire;
mod work;

use std::collections::{BTreeMap, BTreeSet};

use certs::signature::Digest;
use node::store::memory::MemoryStore;
use relay::{step::Input, timestamp::Timestamp};

use self::{
    cast::{COUNTY, Cast},
    chance::Chance,
    circumstances::Circumstances,
    crash::Crashes,
    faults::Fault,
    incidents::{Incident, Kind},
    station::Station,
    wire::Link,
};
pub use self::{
    circumstances::{Flaws, Size, WireFlaw},
    disk::DiskFlaw,
    failure::{Failure, Summary},
    incidents::Choice,
    shrink::shortest,
};
use crate::{
    invariants::{self, Violation},
    model::Model,
};

/// What to live through.
#[derive(Debug, Clone, Default)]
pub struct Setup {
    /// Everything else is drawn from it.
    pub seed: u64,
    /// How large.
    pub size: Size,
    /// What is broken on purpose.
    pub flaws: Flaws,
    /// What of it happens.
    pub choice: Choice,
}

/// One world.
pub struct World {
    setup: Setup,
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
    links_by_pair: BTreeMap<(usize, usize), usize>,
    incidents: Vec<Incident>,
    /// Those that have happened, and how they are called.
    told: Vec<(usize, &'static str, String)>,
    /// Digests of what was forged: it must not pass for genuine.
    forged: BTreeSet<Digest>,
    sessions: u64,
    crashes: Crashes,
    model: Model,
    quiet_since_ms: Option<i64>,
    ended: bool,
    /// A rule that was found broken where nothing could be returned.
    seen: Option<Violation>,
    /// Frames that went over links, where they are counted.
    counted: Option<traffic::Counted>,
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
    /// Something happens from outside.
    Incident { number: usize },
    /// Something that had gone wrong is right again.
    Mend(Fault),
    /// A link is cut once more.
    Flap { link: usize, left: u32 },
    /// A session in which one side hears nothing ends.
    Silence { link: usize, session: u64 },
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
pub fn run(setup: &Setup) -> Result<Summary, Box<Failure>> {
    let mut chance = Chance::new(setup.seed);
    let circumstances = Circumstances::draw(setup.seed, setup.size, &mut chance, setup.flaws);
    let mut world = World::new(setup, chance, circumstances);
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
    let mut world = World::new(&Setup::default(), chance, circumstances);
    let ended = world.pile_up(messages);
    world.conclude(ended)
}

impl World {
    fn new(setup: &Setup, mut chance: Chance, circumstances: Circumstances) -> Self {
        let cast = match setup.size {
            Size::Small => Cast::small(circumstances.with_second, circumstances.real_keys),
            Size::Province => Cast::province(circumstances.real_keys),
        };
        let (one_in, max) = (circumstances.crash_one_in, setup.choice.crashes_max);
        let crashes = Crashes::new(setup.seed, chance.apart(), one_in, max);
        let incidents = incidents::draw(&circumstances, &mut chance);
        let skews = circumstances.skews_ms(cast.rooms.len(), &mut chance);
        let station = |skew_ms: &i64| Station::new(circumstances.disk, BEGINNING_MS, *skew_ms);
        let stations = skews.iter().map(station).collect();
        let mut lines = chance.apart();
        let link = |ends| Link::new(ends, circumstances.line(&mut lines), BEGINNING_MS);
        let links: Vec<Link> = cast.links().into_iter().map(link).collect();
        let pair = |(number, link): (usize, &Link)| ((link.child, link.hub), number);
        Self {
            setup: setup.clone(),
            step: 0,
            now_ms: BEGINNING_MS,
            agenda: BTreeMap::new(),
            entries: 0,
            chance,
            circumstances,
            cast,
            stations,
            links_by_pair: links.iter().enumerate().map(pair).collect(),
            links,
            incidents,
            told: Vec::new(),
            forged: BTreeSet::new(),
            sessions: 0,
            crashes,
            model: Model::default(),
            quiet_since_ms: None,
            ended: false,
            seen: None,
            counted: None,
        }
    }

    fn live(&mut self) -> Result<(), Violation> {
        self.begin()?;
        for number in 0..self.incidents.len() {
            if self.setup.choice.has(number) {
                self.at(self.incidents[number].at_ms, Event::Incident { number });
            }
        }
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
            Event::Incident { number } => self.incident(number),
            Event::Mend(fault) => self.mend(fault),
            Event::Flap { link, left } => {
                self.flap(link, left);
            }
            Event::Silence { link, session } => self.silence(link, session),
            Event::Quiet => self.quiet(),
            Event::Check => self.check()?,
        }
        self.seen.take().map_or(Ok(()), Err)
    }

    /// What happens draws from a chance of its own, so that it stays what it is when others are left out.
    fn incident(&mut self, number: usize) {
        if !self.is_stormy() {
            return;
        }
        let incident = self.incidents[number].clone();
        let everything_else = std::mem::replace(&mut self.chance, incident.chance);
        let (name, with) = match incident.kind {
            Kind::Work => self.work(),
            Kind::Fault => self.fault(),
            Kind::Mischief => self.mischief(),
        };
        self.chance = everything_else;
        self.told.push((number, name, format!("{:>7} ms {name} {with}", incident.at_ms)));
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
            self.mend(Fault::Line { link });
        }
        for node in 0..self.stations.len() {
            // Somebody has set the clocks, but not exactly.
            self.stations[node].skew_ms = self.stations[node].first_skew_ms.clamp(-1_000, 1_000);
            self.stations[node].disk.heal();
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
        let keeps_receipts = self.circumstances.wire != WireFlaw::LosesReceipts;
        let has_one_way = |room| self.cast.map.alternates(room).is_empty();
        invariants::at_the_end(&self.model, |one, other| {
            keeps_receipts && has_one_way(one) && has_one_way(other)
        })?;
        for (node, room) in self.cast.rooms.iter().enumerate() {
            let lines = |store: &MemoryStore| invariants::gaps_are_shown(&self.model, *room, store);
            self.stations[node].disk.look(lines)?;
        }
        Ok(())
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
        let mut incidents = BTreeMap::new();
        for (_, name, _) in &self.told {
            *incidents.entry(*name).or_default() += 1;
        }
        Summary {
            steps: self.step,
            envelopes: self.model.letters().len(),
            outcomes: failure::outcomes(&self.model),
            incidents,
            points: self.crashes.counts(),
        }
    }

    fn failure(&self, violation: Violation) -> Failure {
        Failure {
            seed: self.setup.seed,
            size: self.setup.size,
            choice: self.setup.choice.clone(),
            step: self.step,
            at_ms: self.now_ms - BEGINNING_MS,
            circumstances: self.circumstances.to_string(),
            told: self.told.iter().map(|(number, _, text)| (*number, text.clone())).collect(),
            of: self.incidents.len(),
            prefix: self.told.len(),
            crashes: self.crashes.total(),
            history: violation.key.map(|key| self.model.history(&key).to_vec()).unwrap_or_default(),
            violation,
        }
    }
}
