//! Makes a failure small: the shortest prefix of what happened that still fails, then as few of its incidents and
//! crashes as can be found within a bounded number of steps.

use std::collections::BTreeSet;

use super::{Choice, Failure, Setup, run};

/// How much may be spent: so many times the steps of the failure itself.
const SPEND: u64 = 60;

/// Lives the world of a failure again with less and less of what happened. Gives the smallest failure that was found,
/// which may be of another rule: whatever fails is worth seeing.
pub fn shortest(setup: &Setup, failure: Box<Failure>) -> Box<Failure> {
    let mut search = Search { setup, left: failure.step.saturating_mul(SPEND), best: failure };
    let happened: Vec<usize> = search.best.told.iter().map(|(number, _)| *number).collect();
    search.fewest_first(&happened);
    search.fewer_crashes();
    let mut size = search.incidents().len().div_ceil(2);
    while size > 0 && search.left > 0 {
        search.leave_out(size);
        size /= 2;
    }
    search.fewer_crashes();
    search.best
}

struct Search<'a> {
    setup: &'a Setup,
    left: u64,
    best: Box<Failure>,
}

impl Search<'_> {
    fn incidents(&self) -> Vec<usize> {
        self.best.told.iter().map(|(number, _)| *number).collect()
    }

    /// Whether the world fails with these incidents and so many crashes; if so that is the best so far.
    fn fails(&mut self, incidents: &[usize], crashes_max: Option<u64>) -> bool {
        if self.left == 0 {
            return false;
        }
        let incidents: BTreeSet<usize> = incidents.iter().copied().collect();
        let choice = Choice { incidents: Some(incidents), crashes_max };
        match run(&Setup { choice, ..self.setup.clone() }) {
            Ok(summary) => {
                self.left = self.left.saturating_sub(summary.steps);
                false
            }
            Err(failure) => {
                self.left = self.left.saturating_sub(failure.step);
                self.best = failure;
                true
            }
        }
    }

    /// The shortest prefix, by halving.
    fn fewest_first(&mut self, happened: &[usize]) {
        let (mut low, mut high) = (0, happened.len());
        let crashes = self.best.choice.crashes_max;
        while low < high {
            let middle = low.midpoint(high);
            if self.fails(&happened[..middle], crashes) {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        self.best.prefix = high;
    }

    fn fewer_crashes(&mut self) {
        let prefix = self.best.prefix;
        let (mut low, mut high) = (0, self.best.crashes);
        while low < high {
            let middle = low.midpoint(high);
            if self.fails(&self.incidents(), Some(middle)) {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        self.best.prefix = prefix;
    }

    /// Leaves out runs of `size` incidents, the last first.
    fn leave_out(&mut self, size: usize) {
        let prefix = self.best.prefix;
        let mut end = self.incidents().len();
        while end > 0 {
            let kept = self.incidents();
            end = end.min(kept.len());
            let start = end.saturating_sub(size);
            let fewer: Vec<usize> = kept[..start].iter().chain(&kept[end..]).copied().collect();
            self.fails(&fewer, self.best.choice.crashes_max);
            end = start;
        }
        self.best.prefix = prefix;
    }
}
