//! How a world has ended: what was seen in a good one, and everything that is needed to see a bad one again.

use std::{collections::BTreeMap, fmt};

use relay::{crash_point::CrashPoint, receipt::Event};

use super::{Choice, Size};
use crate::{invariants::Violation, model::Model};

/// What was seen in a world in which every rule held.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// Steps.
    pub steps: u64,
    /// Envelopes accepted.
    pub envelopes: usize,
    /// How they ended, counted by recipient.
    pub outcomes: BTreeMap<Event, u64>,
    /// What happened from outside, by name.
    pub incidents: BTreeMap<&'static str, u64>,
    /// How often each crash point was passed, and how often a node crashed there.
    pub points: BTreeMap<CrashPoint, (u64, u64)>,
}

impl Summary {
    /// Adds what was seen in another world.
    pub fn add(&mut self, other: &Self) {
        self.steps += other.steps;
        self.envelopes += other.envelopes;
        for (event, count) in &other.outcomes {
            *self.outcomes.entry(*event).or_default() += count;
        }
        for (name, count) in &other.incidents {
            *self.incidents.entry(name).or_default() += count;
        }
        for (point, (passed, crashed)) in &other.points {
            let sum = self.points.entry(*point).or_default();
            *sum = (sum.0 + passed, sum.1 + crashed);
        }
    }

    /// The crash points at which no node has crashed.
    pub fn not_hit(&self) -> Vec<CrashPoint> {
        let crashed = |point: &CrashPoint| self.points.get(point).is_some_and(|(_, crashed)| *crashed > 0);
        CrashPoint::ALL.into_iter().filter(|point| !crashed(point)).collect()
    }
}

/// One line for each crash point, with how often it was passed and hit.
impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} steps, {} envelopes", self.steps, self.envelopes)?;
        for (event, count) in &self.outcomes {
            writeln!(f, "  ended: {:<22} {count:>12}", event.to_string())?;
        }
        for (name, count) in &self.incidents {
            writeln!(f, "  happened: {name:<19} {count:>12}")?;
        }
        writeln!(f, "  {:<29} {:>12} {:>9}", "crash point", "passed", "crashed")?;
        for point in CrashPoint::ALL {
            let (passed, crashed) = self.points.get(&point).copied().unwrap_or_default();
            writeln!(f, "  {:<29} {passed:>12} {crashed:>9}", point.name())?;
        }
        Ok(())
    }
}

/// What the origins believe, counted.
pub(crate) fn outcomes(model: &Model) -> BTreeMap<Event, u64> {
    let mut counted = BTreeMap::new();
    for fate in model.letters().values().flat_map(|letter| letter.fates.values()) {
        if let Some(event) = fate.belief {
            *counted.entry(event).or_default() += 1;
        }
    }
    counted
}

/// A rule did not hold.
#[derive(Debug, Clone)]
pub struct Failure {
    /// The seed of the world.
    pub seed: u64,
    /// How large it was.
    pub size: Size,
    /// Which of its incidents happened, and how many crashes there could be.
    pub choice: Choice,
    /// The step in which it was seen.
    pub step: u64,
    /// Milliseconds since the world's beginning.
    pub at_ms: i64,
    /// What the seed expands to.
    pub circumstances: String,
    /// The rule and the envelope.
    pub violation: Violation,
    /// The incidents up to here, with their numbers.
    pub told: Vec<(usize, String)>,
    /// How many incidents the seed has in all.
    pub of: usize,
    /// So many of the first ones suffice, once that was looked for.
    pub prefix: usize,
    /// Crashes at crash points until then.
    pub crashes: u64,
    /// What happened to the envelope.
    pub history: Vec<String>,
}

impl Failure {
    /// The setup that fails like this again.
    pub fn again(&self) -> String {
        let size = match self.size {
            Size::Small => "",
            Size::Province => " --province",
        };
        format!("cargo run -p tests --release -- world{size} --seed {}{}", self.seed, self.choice)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "seed {} step {} ({} ms): {}", self.seed, self.step, self.at_ms, self.violation.what)?;
        writeln!(f, "  the world: {}", self.circumstances)?;
        let (count, prefix, of) = (self.told.len(), self.prefix, self.of);
        writeln!(f, "  of {of} incidents the first {prefix} suffice, and of these {count}:")?;
        for (number, text) in &self.told {
            writeln!(f, "    #{number} {text}")?;
        }
        writeln!(f, "  crashes at crash points: {}", self.crashes)?;
        if let Some(key) = self.violation.key {
            writeln!(f, "  the history of {}:", key.id)?;
        }
        for line in &self.history {
            writeln!(f, "    {line}")?;
        }
        write!(f, "  again: {}", self.again())
    }
}
