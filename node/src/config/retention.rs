//! How long what is settled is kept (`[retention]`), and below what nobody can go. What is open is kept until it is not;
//! leaf hashes, cited ticks and dated checkpoints are kept for ever, so nothing here says how long.
//!
//! | key | default | floor | what goes then |
//! |---|---|---|---|
//! | `log_book_days` | 3653 | 366 | bodies of messages written or delivered here |
//! | `evidence_days` | 3653 | 3653 | receipts, headers and lists; the hashes of the receipts stay |
//! | `uncited_tick_days` | 7 | 7 | ticks that nothing cites |

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{problem::Problem, store::sqlite::Keep};

/// `[retention]`, in days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Retention {
    /// Texts of settled messages written or delivered here. Default 3653, at least 366.
    pub log_book_days: u32,
    /// Evidence. Default and at least 3653: ten years.
    pub evidence_days: u32,
    /// Ticks that nothing cites. Default and at least 7.
    pub uncited_tick_days: u32,
}

const LOG_BOOK_DAYS_MIN: u32 = 366;
const EVIDENCE_DAYS_MIN: u32 = 3653;
const UNCITED_TICK_DAYS_MIN: u32 = 7;
const DAY_SECONDS: u64 = 24 * 3600;

impl Default for Retention {
    fn default() -> Self {
        Self {
            log_book_days: EVIDENCE_DAYS_MIN,
            evidence_days: EVIDENCE_DAYS_MIN,
            uncited_tick_days: UNCITED_TICK_DAYS_MIN,
        }
    }
}

impl Retention {
    /// How long evidence is kept.
    pub fn evidence(&self) -> Duration {
        days(self.evidence_days)
    }

    /// In the store's terms.
    pub fn keep(&self) -> Keep {
        Keep {
            log_book: days(self.log_book_days),
            evidence: self.evidence(),
            uncited_ticks: days(self.uncited_tick_days),
        }
    }

    /// Nobody keeps evidence for less than the documents ask for.
    ///
    /// # Errors
    /// `retention_below_floor` with the key, what it says and the floor.
    pub(super) fn check(&self) -> Result<(), Problem> {
        let floors = [
            ("log_book_days", self.log_book_days, LOG_BOOK_DAYS_MIN),
            ("evidence_days", self.evidence_days, EVIDENCE_DAYS_MIN),
            ("uncited_tick_days", self.uncited_tick_days, UNCITED_TICK_DAYS_MIN),
        ];
        match floors.into_iter().find(|(_, days, floor)| days < floor) {
            Some((key, days, floor)) => Err(Problem::usage("retention_below_floor")
                .with("key", key)
                .with("days", days)
                .with("floor", floor)),
            None => Ok(()),
        }
    }
}

fn days(count: u32) -> Duration {
    Duration::from_secs(u64::from(count) * DAY_SECONDS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_below_its_floor_is_refused_by_name_and_the_floor_itself_is_not() {
        assert!(Retention::default().check().is_ok());
        for (key, set, floor) in [
            ("log_book_days", Retention { log_book_days: 365, ..Retention::default() }, "366"),
            ("evidence_days", Retention { evidence_days: 3652, ..Retention::default() }, "3653"),
            ("uncited_tick_days", Retention { uncited_tick_days: 6, ..Retention::default() }, "7"),
        ] {
            let problem = set.check().unwrap_err();
            assert_eq!((problem.code.as_str(), problem.exit), ("retention_below_floor", 2));
            assert_eq!((problem.details["key"].as_str(), problem.details["floor"].as_str()), (key, floor));
        }
        let floors = Retention { log_book_days: 366, evidence_days: 3653, uncited_tick_days: 7 };
        assert!(floors.check().is_ok());
    }
}
