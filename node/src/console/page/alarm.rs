//! What rings in an open page: 特提 and 特急 that nobody has acknowledged, with how long they have waited. The page is
//! told ids, never what a message says; a locked one counts only.
//!
//! An officer may silence what rings, for five minutes and by name: every page shows who did, and it is written down
//! ([`crate::silence`]). What comes after that rings all the same, and the ladder runs on.

use std::collections::BTreeSet;

use relay::{envelope_id::EnvelopeKey, timestamp::Timestamp};

use super::{
    super::{Console, session::Caller},
    time::remaining,
};
use crate::{
    problem::Problem,
    store::sqlite::{InboxFilter, InboxLine},
};

/// All that rings, the longest waiting first.
#[derive(Default)]
pub(crate) struct Alarm {
    /// Whether the page rings at all: not for those who read no message.
    pub(crate) rings: bool,
    pub(crate) ringing: Vec<Ringing>,
    /// Who has silenced some of it; empty where the page may not know, or nobody has.
    pub(crate) muted_by: String,
    /// The token and the way back of the form that silences it, for those who may.
    pub(crate) silence: Option<[String; 2]>,
}

impl Alarm {
    /// For how long the first one has waited.
    pub(crate) fn waited_ms(&self) -> Option<i64> {
        self.ringing.first().map(|line| line.waited_ms)
    }

    /// For how long what was silenced stays silent.
    pub(crate) fn muted_ms(&self) -> Option<i64> {
        self.ringing.iter().find_map(|line| line.muted_ms)
    }

    /// The same, to be read.
    pub(crate) fn muted(&self) -> String {
        self.muted_ms().map(remaining).unwrap_or_default()
    }

    /// The wait, to be read.
    pub(crate) fn waited(&self) -> String {
        self.waited_ms().map(remaining).unwrap_or_default()
    }

    pub(crate) fn wants_second_person(&self) -> bool {
        self.waited_ms().is_some_and(|waited_ms| Rung::of(waited_ms) == Rung::SecondPerson)
    }
}

/// One message that nobody has acknowledged.
pub(crate) struct Ringing {
    /// Its id; empty where the page may not know it.
    pub(crate) id: String,
    /// The precedence's word.
    pub(crate) precedence: &'static str,
    /// How long it has waited.
    pub(crate) waited_ms: i64,
    /// Whether an alarm was signed for it.
    pub(crate) is_alerted: bool,
    /// For how long it stays silent, where somebody has silenced it.
    pub(crate) muted_ms: Option<i64>,
}

/// The ladder: a tone at once, louder and a notice after a minute, a second person after three.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rung {
    Tone,
    Loud,
    SecondPerson,
}

impl Rung {
    const fn of(waited_ms: i64) -> Self {
        match waited_ms {
            ..LOUD_AFTER_MS => Self::Tone,
            LOUD_AFTER_MS..SECOND_PERSON_AFTER_MS => Self::Loud,
            _ => Self::SecondPerson,
        }
    }
}

impl Console {
    /// What rings now.
    pub(crate) async fn alarm(&self, names_ids: bool) -> Result<Alarm, Problem> {
        let now = self.node.clock.now();
        let ringing = self.urgent().await?;
        let ringing: Vec<Ringing> = ringing
            .iter()
            .map(|line| Ringing {
                id: if names_ids { line.record.key.id.to_string() } else { String::new() },
                precedence: line.record.precedence.word(),
                is_alerted: line.alerted,
                waited_ms: waited(line.delivered_at, now),
                muted_ms: self.node.silence.left_ms(line.record.key, now),
            })
            .collect();
        Ok(Alarm {
            rings: true,
            ringing,
            muted_by: self.node.silence.by(now).filter(|_| names_ids).unwrap_or_default(),
            silence: None,
        })
    }

    /// Silences what rings now, in the name of an officer.
    pub(crate) async fn mute(&self, caller: &Caller) -> Result<(), Problem> {
        let messages: BTreeSet<EnvelopeKey> =
            self.urgent().await?.iter().map(|line| line.record.key).collect();
        tracing::info!(officer = caller.id, messages = messages.len(), "an officer has silenced the alarm");
        self.node.silence.begin((&caller.id, &caller.name), messages, self.node.clock.now())
    }

    /// 特提 and 特急 that nobody has acknowledged, the oldest first.
    async fn urgent(&self) -> Result<Vec<InboxLine>, Problem> {
        let filter = InboxFilter { urgent: true, count: LINES_MAX, ..InboxFilter::default() };
        let mut lines = self.node.reader.inbox(filter).await?;
        lines.reverse();
        Ok(lines)
    }
}

fn waited(since: Timestamp, now: Timestamp) -> i64 {
    now.as_ms().saturating_sub(since.as_ms()).max(0)
}

const LOUD_AFTER_MS: i64 = 60_000;
pub(crate) const SECOND_PERSON_AFTER_MS: i64 = 180_000;
const LINES_MAX: usize = 1_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ladder_has_its_rungs_at_0_60_and_180_seconds() {
        let rungs = [0, 59_999, 60_000, 179_999, 180_000].map(Rung::of);
        assert_eq!(rungs, [Rung::Tone, Rung::Tone, Rung::Loud, Rung::Loud, Rung::SecondPerson]);
    }
}
