//! What happens to a simulated world from outside: what people do and what goes wrong, drawn before the world begins.
//!
//! Each incident has a time and a chance of its own, so that leaving one out does not change what the others are. That
//! is what makes a failure small: the world is lived again with fewer and fewer of them.

use std::{collections::BTreeSet, fmt};

use super::{chance::Chance, circumstances::Circumstances};

/// One thing that will happen.
#[derive(Clone)]
pub(crate) struct Incident {
    pub(crate) at_ms: i64,
    pub(crate) kind: Kind,
    pub(crate) chance: Chance,
}

/// Of which sort.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Somebody does something.
    Work,
    /// Something goes wrong.
    Fault,
    /// Somebody with a valid key tries what is not allowed.
    Mischief,
}

/// Which incidents and how many crashes a world has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Choice {
    /// The numbers of those that happen; all when absent.
    pub incidents: Option<BTreeSet<usize>>,
    /// After so many crashes at crash points there are none; all when absent.
    pub crashes_max: Option<u64>,
}

impl Choice {
    pub(crate) fn has(&self, number: usize) -> bool {
        self.incidents.as_ref().is_none_or(|chosen| chosen.contains(&number))
    }
}

/// As arguments on a command line.
impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(incidents) = &self.incidents {
            let numbers: Vec<String> = incidents.iter().map(ToString::to_string).collect();
            write!(f, " --incidents {}", if numbers.is_empty() { "none".into() } else { numbers.join(",") })?;
        }
        if let Some(crashes) = self.crashes_max {
            write!(f, " --crashes {crashes}")?;
        }
        Ok(())
    }
}

/// Everything that happens while the storm lasts, in order.
pub(crate) fn draw(circumstances: &Circumstances, chance: &mut Chance) -> Vec<Incident> {
    let pauses = [
        (Kind::Work, 1_000, circumstances.work_every_ms),
        (Kind::Fault, 2_000, circumstances.fault_every_ms),
        (Kind::Mischief, 3_000, circumstances.mischief_every_ms),
    ];
    let mut all: Vec<Incident> = Vec::new();
    for (kind, first_ms, usual_ms) in pauses {
        let mut chance = chance.apart();
        let mut at_ms = first_ms;
        while at_ms < circumstances.stormy_ms {
            all.push(Incident { at_ms, kind, chance: chance.apart() });
            at_ms += chance.ms(1, 2 * usual_ms);
        }
    }
    all.sort_by_key(|incident| incident.at_ms);
    all
}
