//! The four telegram precedences (紧急程度). Whatever waits is taken in this order, then by age.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// How urgent an envelope is. Orders before whatever is less urgent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precedence {
    /// 特提
    Flash,
    /// 特急
    Immediate,
    /// 加急
    Priority,
    /// 平急
    Routine,
}

impl Precedence {
    /// All four, most urgent first.
    pub const ALL: [Self; 4] = [Self::Flash, Self::Immediate, Self::Priority, Self::Routine];

    /// Its place in [`Self::ALL`], 0 to 3: a row's value and a stream's class.
    pub const fn index(self) -> usize {
        match self {
            Self::Flash => 0,
            Self::Immediate => 1,
            Self::Priority => 2,
            Self::Routine => 3,
        }
    }

    /// The precedence with this index.
    pub fn from_index(index: usize) -> Option<Self> {
        Self::ALL.get(index).copied()
    }

    /// The word of the command line and of JSON.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Flash => "flash",
            Self::Immediate => "immediate",
            Self::Priority => "priority",
            Self::Routine => "routine",
        }
    }

    /// The word on a telegram.
    pub const fn chinese(self) -> &'static str {
        match self {
            Self::Flash => "特提",
            Self::Immediate => "特急",
            Self::Priority => "加急",
            Self::Routine => "平急",
        }
    }
}

impl fmt::Display for Precedence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl FromStr for Precedence {
    type Err = PrecedenceError;

    fn from_str(text: &str) -> Result<Self, PrecedenceError> {
        Self::ALL.into_iter().find(|p| p.word() == text || p.chinese() == text).ok_or(PrecedenceError)
    }
}

/// The text is not a precedence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a precedence: flash 特提, immediate 特急, priority 加急 or routine 平急 is wanted")]
pub struct PrecedenceError;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urgent_orders_before_routine() {
        assert!(Precedence::ALL.is_sorted());
        assert!(Precedence::Flash < Precedence::Routine);
    }

    #[test]
    fn both_words_and_the_index_lead_back() {
        for precedence in Precedence::ALL {
            assert_eq!(precedence.word().parse(), Ok(precedence));
            assert_eq!(precedence.chinese().parse(), Ok(precedence));
            assert_eq!(Precedence::from_index(precedence.index()), Some(precedence));
        }
        assert_eq!(Precedence::from_index(4), None);
    }
}
