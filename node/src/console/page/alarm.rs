//! What rings in an open page: 特提 and 特急 that nobody has acknowledged, with how long they have waited. The page is
//! told ids, never what a message says; a locked one counts only.
//!
//! An officer may silence what rings, for five minutes and by name: every page shows who did, and the node's log has it.
//! What comes after that rings all the same, and the ladder runs on.

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use relay::{envelope_id::EnvelopeKey, timestamp::Timestamp};
use topology::Precedence;

use super::{super::Console, time::remaining};
use crate::{
    problem::Problem,
    store::sqlite::{InboxFilter, InboxLine},
};

/// All that rings, the longest waiting first.
#[derive(Default)]
pub(crate) struct Alarm {
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

/// What somebody has silenced.
#[derive(Debug)]
struct Mute {
    by: String,
    until: Timestamp,
    messages: BTreeSet<EnvelopeKey>,
}

/// The last time that somebody silenced the alarm.
#[derive(Debug, Default)]
pub(crate) struct Mutes(Mutex<Option<Mute>>);

impl Mutes {
    /// Who silenced the alarm, while it is silent.
    fn by(&self, now: Timestamp) -> Option<String> {
        let mute = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        mute.as_ref().filter(|mute| now < mute.until).map(|mute| mute.by.clone())
    }

    fn left_ms(&self, message: EnvelopeKey, now: Timestamp) -> Option<i64> {
        let mute = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mute = mute.as_ref().filter(|mute| mute.messages.contains(&message) && now < mute.until)?;
        Some(mute.until.as_ms() - now.as_ms())
    }

    fn begin(&self, by: &str, messages: BTreeSet<EnvelopeKey>, now: Timestamp) {
        let mute = Mute { by: by.to_owned(), until: now.after(MUTE_LASTS), messages };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(mute);
    }
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
                muted_ms: self.mutes.left_ms(line.record.key, now),
            })
            .collect();
        Ok(Alarm {
            ringing,
            muted_by: self.mutes.by(now).filter(|_| names_ids).unwrap_or_default(),
            silence: None,
        })
    }

    /// Silences what rings now, in the name of an officer.
    pub(crate) async fn mute(&self, by: &str) -> Result<(), Problem> {
        let messages: BTreeSet<EnvelopeKey> =
            self.urgent().await?.iter().map(|line| line.record.key).collect();
        tracing::info!(officer = by, messages = messages.len(), "an officer has silenced the alarm");
        self.mutes.begin(by, messages, self.node.clock.now());
        Ok(())
    }

    /// 特提 and 特急 that nobody has acknowledged, the oldest first.
    async fn urgent(&self) -> Result<Vec<InboxLine>, Problem> {
        let filter = InboxFilter { unacknowledged: true, count: LINES_MAX, ..InboxFilter::default() };
        let lines = self.node.reader.inbox(filter).await?;
        let urgent = lines.into_iter().rev().filter(|line| line.record.precedence <= Precedence::Immediate);
        Ok(urgent.collect())
    }
}

fn waited(since: Timestamp, now: Timestamp) -> i64 {
    now.as_ms().saturating_sub(since.as_ms()).max(0)
}

/// So long an alarm stays silent at most (D.7).
const MUTE_LASTS: Duration = Duration::from_secs(5 * 60);
const LOUD_AFTER_MS: i64 = 60_000;
pub(crate) const SECOND_PERSON_AFTER_MS: i64 = 180_000;
const LINES_MAX: usize = 1_000;

#[cfg(test)]
mod tests {
    use relay::envelope_id::EnvelopeId;
    use topology::RoomId;

    use super::*;

    fn message(number: u8) -> EnvelopeKey {
        let origin = RoomId::from_bytes([1; 16]);
        EnvelopeKey { origin, id: EnvelopeId::new(Timestamp::from_ms(1_000), &[number; 10]) }
    }

    #[test]
    fn what_was_silenced_is_silent_for_five_minutes_and_what_comes_after_it_rings() {
        let mutes = Mutes::default();
        let now = Timestamp::from_ms(10_000);
        mutes.begin("甲", BTreeSet::from([message(1)]), now);
        assert_eq!((mutes.left_ms(message(1), now), mutes.left_ms(message(2), now)), (Some(300_000), None));
        assert_eq!(mutes.by(now).as_deref(), Some("甲"));
        let over = now.after(MUTE_LASTS);
        assert_eq!((mutes.left_ms(message(1), over), mutes.by(over)), (None, None));
    }

    #[test]
    fn the_ladder_has_its_rungs_at_0_60_and_180_seconds() {
        let rungs = [0, 59_999, 60_000, 179_999, 180_000].map(Rung::of);
        assert_eq!(rungs, [Rung::Tone, Rung::Tone, Rung::Loud, Rung::Loud, Rung::SecondPerson]);
    }
}
