//! How a world has ended: what was seen in a good one, and everything that is needed to see a bad one again.

use std::{collections::BTreeMap, fmt};

use relay::receipt::Event;

use super::Crashed;
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
    /// Where nodes crashed.
    pub crashed: Crashed,
}

impl Summary {
    /// Adds what was seen in another world.
    pub fn add(&mut self, other: &Self) {
        self.steps += other.steps;
        self.envelopes += other.envelopes;
        for (event, count) in &other.outcomes {
            *self.outcomes.entry(*event).or_default() += count;
        }
        for (point, count) in &other.crashed {
            *self.crashed.entry(*point).or_default() += count;
        }
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
    /// The step in which it was seen.
    pub step: u64,
    /// Milliseconds since the world's beginning.
    pub at_ms: i64,
    /// What the seed expands to.
    pub circumstances: String,
    /// The rule and the envelope.
    pub violation: Violation,
    /// What happened to the envelope.
    pub history: Vec<String>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "seed {} step {} ({} ms): {}", self.seed, self.step, self.at_ms, self.violation.what)?;
        writeln!(f, "  the world: {}", self.circumstances)?;
        if let Some(key) = self.violation.key {
            writeln!(f, "  the history of {}:", key.id)?;
        }
        for line in &self.history {
            writeln!(f, "    {line}")?;
        }
        write!(f, "  again: cargo run -p tests -- world --seed {}", self.seed)
    }
}
