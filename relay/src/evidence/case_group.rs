//! Which messages of a file are judged together: those of one case, and what is about one of them without naming the case. They
//! stand together in the file, so that whoever reads it from front to back may judge and forget them.
//! *Against:* a message that counts twice; a case torn apart, of which each part is judged alone.

use std::collections::BTreeSet;

use certs::signature::digest;

use super::{MessageAccount, invalid::Fault};
use crate::{envelope_id::EnvelopeKey, message::Facts};

/// The messages of a file, as they come.
#[derive(Debug, Default)]
pub(super) struct CaseGroups {
    /// What the present group goes by.
    present: BTreeSet<Label>,
    /// What all of them went by so far, and which messages there were.
    labels: BTreeSet<Label>,
    messages: BTreeSet<Label>,
}

/// The beginning of a digest: a file may have hundreds of thousands of messages.
type Label = u64;

impl CaseGroups {
    /// Takes the next message and says whether a new group begins with it.
    ///
    /// # Errors
    /// [`Fault::Twice`], or [`Fault::Scattered`] for a part of a group that has ended.
    pub(super) fn next(&mut self, message: &MessageAccount) -> Result<bool, Fault> {
        let (own, names) = (of_message(&message.key()), names(&message.facts, &message.key()));
        if !self.messages.insert(own) {
            return Err(Fault::Twice);
        }
        let begins = !names.iter().any(|name| self.present.contains(name));
        if begins {
            if names.iter().any(|name| self.labels.contains(name)) {
                return Err(Fault::Scattered);
            }
            self.present.clear();
        }
        for label in names.into_iter().chain([own]) {
            self.present.insert(label);
            self.labels.insert(label);
        }
        Ok(begins)
    }
}

/// The case; for what names none, the message that it is about and itself, which others may be about.
fn names(facts: &Facts, key: &EnvelopeKey) -> Vec<Label> {
    match facts.case {
        Some(case) => vec![label(case.as_bytes())],
        None => facts.relates_to.first().into_iter().chain([key]).map(of_message).collect(),
    }
}

fn of_message(key: &EnvelopeKey) -> Label {
    label(&key.to_bytes())
}

fn label(bytes: &[u8]) -> Label {
    let digest = digest(bytes);
    digest.as_bytes().first_chunk().map_or(0, |head| Label::from_be_bytes(*head))
}
