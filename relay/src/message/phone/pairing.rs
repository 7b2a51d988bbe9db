//! Which two notes are of one call. A call is *paired* when an officer of each end has signed a note of it, and only
//! then does it count for a rule; what one end alone says is *claimed*; where the two ends contradict each other it is
//! *conflicting*, for people to settle.
//!
//! ```text
//! the two notes                                                               state
//! --------------------------------------------------------------------------  -----------
//! same rooms crosswise, code and status; out and in; starts within the window
//!   ... and nothing contradicts                                               paired
//!   ... but line, message, case or ends differ                                conflicting
//! anything else                                                               claimed, each for itself
//! ```
//!
//! Each note belongs to one call at most. The older note (by the id of its envelope) is served first, so that a note
//! that comes later never takes a pair apart; the same signed statement in a second envelope is one statement. The
//! result depends on the notes alone, not on the order in which they came.
//! *Against:* a note used for two calls, a code that is said again the next night, an end that one room alone pushes.

use std::{collections::BTreeSet, time::Duration};

use topology::RoomId;

use super::{Direction, PhoneLine, call::CallStatement, call::VerifiedCall, code::CallCode};
use crate::{
    envelope_id::EnvelopeKey,
    message::{CaseId, DeclaredTime},
};

/// How far the two declared starts, and the two declared ends, may lie apart. Two officers read two clocks and may note
/// the first ring or the first word; ten minutes bear with that, and are half of the tightest telephone limit (20
/// minutes), so that a call is not taken for the one about the next stage.
pub const PAIRING_WINDOW: Duration = Duration::from_secs(10 * 60);

/// A signed note and the envelope that brought it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// The envelope.
    pub key: EnvelopeKey,
    /// What its officer signed.
    pub call: VerifiedCall,
}

impl Note {
    fn said(&self) -> &CallStatement {
        self.call.statement()
    }
}

/// One telephone call, as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Call {
    /// Both ends have signed, and agree.
    Paired(Pair),
    /// Both ends have signed, and contradict each other in these elements.
    Conflicting(Pair, Vec<&'static str>),
    /// One end alone says so.
    Claimed(Box<Note>),
}

/// The notes of both ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    /// The caller's.
    pub out: Box<Note>,
    /// The other end's.
    pub into: Box<Note>,
}

impl Call {
    /// The word of JSON and of the catalogue.
    pub const fn state(&self) -> &'static str {
        match self {
            Self::Paired(_) => "paired",
            Self::Conflicting(..) => "conflicting",
            Self::Claimed(_) => "claimed",
        }
    }

    /// The pair that counts for a rule.
    pub const fn paired(&self) -> Option<&Pair> {
        match self {
            Self::Paired(pair) => Some(pair),
            Self::Conflicting(..) | Self::Claimed(_) => None,
        }
    }

    /// The notes that are there, the caller's first.
    pub fn notes(&self) -> Vec<&Note> {
        match self {
            Self::Paired(pair) | Self::Conflicting(pair, _) => vec![&pair.out, &pair.into],
            Self::Claimed(note) => vec![note],
        }
    }

    /// 对口令
    pub fn code(&self) -> CallCode {
        self.first().code
    }

    /// The room that rang.
    pub fn caller(&self) -> RoomId {
        self.first().caller()
    }

    /// The room that was rung.
    pub fn callee(&self) -> RoomId {
        self.first().callee()
    }

    /// The line, if the notes that are there agree on it.
    pub fn line(&self) -> Option<PhoneLine> {
        self.agreed(|said| Some(said.line))
    }

    /// The message that it was about, if the notes that name one agree.
    pub fn about(&self) -> Option<EnvelopeKey> {
        self.agreed(|said| said.about)
    }

    /// The case that it belongs to, if the notes that name one agree.
    pub fn case(&self) -> Option<CaseId> {
        self.agreed(|said| said.case)
    }

    /// Whether either end calls the matter sensitive.
    pub fn is_sensitive(&self) -> bool {
        self.notes().iter().any(|note| note.said().sensitive)
    }

    /// Whether a sensitive matter was spoken of on an ordinary telephone, by what either end says.
    pub fn wants_warning(&self) -> bool {
        self.is_sensitive() && self.notes().iter().any(|note| note.said().line == PhoneLine::Ordinary)
    }

    /// The earlier of the declared starts.
    pub fn started_at(&self) -> DeclaredTime {
        self.notes().iter().map(|note| note.said().started_at).min().unwrap_or(self.first().started_at)
    }

    /// t2: the later of the two declared ends. Nobody's own clock improves its own case: whoever must have reported by a
    /// time would have to find the other end to declare it too, and the other end cannot move it by more than the
    /// window without the notes being in conflict.
    pub fn ended_at(&self) -> DeclaredTime {
        self.notes().iter().map(|note| note.said().ended_at).max().unwrap_or(self.first().ended_at)
    }

    fn first(&self) -> &CallStatement {
        match self {
            Self::Paired(pair) | Self::Conflicting(pair, _) => pair.out.said(),
            Self::Claimed(note) => note.said(),
        }
    }

    fn agreed<T: PartialEq>(&self, element: impl Fn(&CallStatement) -> Option<T>) -> Option<T> {
        let mut values = self.notes().into_iter().filter_map(|note| element(note.said()));
        let first = values.next()?;
        values.all(|other| other == first).then_some(first)
    }
}

/// The calls that these notes are of, the oldest note first.
pub fn pair(mut notes: Vec<Note>) -> Vec<Call> {
    notes.sort_by_key(|note| (note.key.id, note.key.origin));
    let mut seen = BTreeSet::new();
    notes.retain(|note| seen.insert(note.call.digest()));
    let (outs, mut ins): (Vec<Note>, Vec<Note>) =
        notes.into_iter().partition(|note| note.said().direction == Direction::Out);
    let mut calls: Vec<Call> = Vec::new();
    // A pair without contradiction goes before one with: what fits is not spoilt by what does not.
    let mut left = Vec::new();
    for out in outs {
        match take(&mut ins, |into| matches(&out, into) && conflicts(&out, into).is_empty()) {
            Some(into) => calls.push(Call::Paired(Pair { out: out.into(), into: into.into() })),
            None => left.push(out),
        }
    }
    for out in left {
        calls.push(match take(&mut ins, |into| matches(&out, into)) {
            Some(into) => {
                let conflicts = conflicts(&out, &into);
                Call::Conflicting(Pair { out: out.into(), into: into.into() }, conflicts)
            }
            None => Call::Claimed(out.into()),
        });
    }
    calls.extend(ins.into_iter().map(|note| Call::Claimed(note.into())));
    calls.sort_by_key(|call| call.notes().iter().map(|note| (note.key.id, note.key.origin)).min());
    calls
}

fn take(notes: &mut Vec<Note>, wanted: impl FnMut(&Note) -> bool) -> Option<Note> {
    notes.iter().position(wanted).map(|at| notes.remove(at))
}

/// Whether the two notes are of one call.
fn matches(out: &Note, into: &Note) -> bool {
    let (out, into) = (out.said(), into.said());
    out.code == into.code
        && out.status == into.status
        && (out.room, out.peer) == (into.peer, into.room)
        && is_near(out.started_at, into.started_at)
}

/// In what the two notes of one call contradict each other. Who leaves out what it was about contradicts nobody.
fn conflicts(out: &Note, into: &Note) -> Vec<&'static str> {
    let (out, into) = (out.said(), into.said());
    let elements = [
        ("line", out.line == into.line),
        ("about", is_compatible(&out.about, &into.about)),
        ("case", is_compatible(&out.case, &into.case)),
        ("ended_at", is_near(out.ended_at, into.ended_at)),
    ];
    elements.into_iter().filter(|(_, is_same)| !is_same).map(|(key, _)| key).collect()
}

fn is_compatible<T: PartialEq>(one: &Option<T>, other: &Option<T>) -> bool {
    one.is_none() || other.is_none() || one == other
}

fn is_near(one: DeclaredTime, other: DeclaredTime) -> bool {
    u128::from(one.as_ms().abs_diff(other.as_ms())) <= PAIRING_WINDOW.as_millis()
}

#[cfg(test)]
mod tests;
