//! The table of attacks: one line each, printed as it happens, whether or not the test passes. An attack without its
//! control (the same bytes unspoilt, and accepted) fails the test.

use std::{fmt::Display, io::Write};

/// The attacks of one theme.
#[derive(Debug)]
pub struct Table {
    theme: &'static str,
    attacks: usize,
    without_control: Vec<String>,
}

impl Table {
    /// An empty one.
    pub fn new(theme: &'static str) -> Self {
        Self { theme, attacks: 0, without_control: Vec::new() }
    }

    /// One attack: its number in the threat model, what was tried, what was expected, what happened, who was told.
    ///
    /// # Panics
    /// When something else happened than was expected, or nobody was told.
    pub fn row(
        &mut self,
        id: &str,
        attack: &str,
        expected: impl Display,
        happened: impl Display,
        told: impl Display,
    ) {
        let [expected, happened, told] = [expected.to_string(), happened.to_string(), told.to_string()];
        self.say(&format!("{id:<4} | {attack} | {expected} | {happened} | {told}"));
        assert_eq!(happened, expected, "{id} {attack}");
        assert!(!told.is_empty(), "{id} {attack}: nobody was told");
        self.attacks += 1;
        self.without_control.push(attack.to_owned());
    }

    /// What the attacks since the last control had spoilt was accepted unspoilt.
    pub fn control(&mut self, accepted: &str) {
        self.say(&format!("     | control: {accepted} | accepted | accepted | -"));
        self.without_control.clear();
    }

    /// The end.
    ///
    /// # Panics
    /// When an attack has no control, or there are not exactly so many: a row that is not reached is a test that
    /// cannot fail.
    pub fn finish(self, attacks: usize) {
        assert_eq!(self.without_control, Vec::<String>::new(), "attacks without a control");
        assert_eq!(self.attacks, attacks, "attacks in the table of {}", self.theme);
    }

    fn say(&self, line: &str) {
        // Past the capture of the test runner, so that the table stands in every log. Nobody may be left to read it.
        let _ = writeln!(std::io::stdout().lock(), "attack | {:<18} | {line}", self.theme);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "attacks without a control")]
    fn an_attack_without_a_control_fails() {
        let mut table = Table::new("itself");
        table.row("T0", "nothing", "refused", "refused", "nobody");
        table.finish(1);
    }

    #[test]
    #[should_panic(expected = "T0 nothing")]
    fn what_was_not_expected_fails() {
        Table::new("itself").row("T0", "nothing", "refused", "taken", "nobody");
    }
}
