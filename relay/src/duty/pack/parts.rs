//! How a rule pack is signed: a head that names its parts by their digests, a part for the rules of each kind, one for the duties
//! without a clock, and one for the words of all clauses. Who shows what a case is judged by shows the head and the parts
//! that the case needs; that they are the pack's can be checked without the others.
//! *Against:* a part of another pack, a rule of one kind among those of another, a part left out where it is needed: the head
//! says of which kind it is.

use std::collections::BTreeSet;

use certs::{
    cbor::{self, CborError},
    signature::{Digest, digest},
};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use super::{Duty, RulePack};
use crate::duty::{
    event::RuleKind,
    rule::{Clause, Rule},
};

/// What a part holds: the rules of a kind, or the duties without a clock.
pub type PartKind = Option<RuleKind>;

/// What is signed.
#[derive(Serialize, Deserialize)]
struct Head {
    pack: RulePack,
    parts: Vec<PartName>,
    /// Of the words of all clauses.
    words: Digest,
}

#[derive(Serialize, Deserialize)]
struct PartName {
    kind: PartKind,
    digest: Digest,
}

/// What stands beside the signed head: parts in the order of their names, and the words if all parts are there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parts {
    pub(in crate::duty) parts: Vec<ByteBuf>,
    pub(in crate::duty) words: Option<ByteBuf>,
}

/// One part; the clauses in it have no words.
#[derive(Serialize, Deserialize)]
struct Part {
    duties: Vec<Duty>,
    rules: Vec<Rule>,
}

impl Parts {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty() && self.words.is_none()
    }

    /// The parts that are wanted, without the words; from a head and all parts of it.
    pub(in crate::duty) fn some(
        &self,
        head: &[u8],
        is_wanted: impl Fn(PartKind) -> bool,
    ) -> Result<Self, CborError> {
        let head: Head = cbor::decode(head, head.len())?;
        let named = head.parts.iter().zip(&self.parts).filter(|(name, _)| is_wanted(name.kind));
        Ok(Self { parts: named.map(|(_, part)| part.clone()).collect(), words: None })
    }
}

impl RulePack {
    /// The payload to be signed, and all parts that it names.
    pub(in crate::duty) fn split(&self) -> (Vec<u8>, Parts) {
        let mut words = Vec::new();
        let mut found: Vec<(PartKind, Part)> = Vec::new();
        for kind in kinds(&self.rules) {
            let mut rules: Vec<Rule> = self.rules.iter().filter(|rule| rule.kind == kind).cloned().collect();
            words.extend(rules.iter_mut().map(|rule| rule.clause.take_words()));
            found.push((Some(kind), Part { rules, duties: Vec::new() }));
        }
        if !self.duties.is_empty() {
            let mut duties = self.duties.clone();
            words.extend(duties.iter_mut().map(|duty| duty.clause.take_words()));
            found.push((None, Part { rules: Vec::new(), duties }));
        }
        let words = cbor::encode(&words);
        let (names, parts) = found
            .iter()
            .map(|(kind, part)| {
                let bytes = cbor::encode(part);
                (PartName { kind: *kind, digest: digest(&bytes) }, ByteBuf::from(bytes))
            })
            .unzip();
        let head = Head { pack: self.clone(), parts: names, words: digest(&words) };
        (cbor::encode(&head), Parts { parts, words: Some(words.into()) })
    }

    /// The pack of a head with those of its parts that are there.
    pub(in crate::duty) fn join(head: &[u8], given: Parts) -> Result<Self, CborError> {
        let Head { mut pack, parts: names, words } = cbor::decode(head, head.len())?;
        let mut given_parts = given.parts.into_iter().peekable();
        for name in names {
            let Some(bytes) = given_parts.next_if(|part| digest(part) == name.digest) else {
                pack.left_out.insert(name.kind);
                continue;
            };
            let part: Part = cbor::decode(&bytes, bytes.len())?;
            let is_of_kind = part.rules.iter().all(|rule| Some(rule.kind) == name.kind)
                && (part.duties.is_empty() || name.kind.is_none());
            if !is_of_kind {
                return Err(CborError::Shape("a part of another kind than the head says".to_owned()));
            }
            pack.rules.extend(part.rules);
            pack.duties.extend(part.duties);
        }
        if given_parts.next().is_some() {
            return Err(CborError::Shape("a part that the head does not name there".to_owned()));
        }
        match given.words {
            Some(bytes) if digest(&bytes) == words && pack.left_out.is_empty() => pack.give_words(&bytes)?,
            Some(_) => return Err(CborError::Shape("other words than the head names".to_owned())),
            None => pack.is_wordless = true,
        }
        Ok(pack)
    }

    fn give_words(&mut self, bytes: &[u8]) -> Result<(), CborError> {
        let words: Vec<Clause> = cbor::decode(bytes, bytes.len())?;
        let rules = self.rules.iter_mut().map(|rule| &mut rule.clause);
        let clauses: Vec<&mut Clause> =
            rules.chain(self.duties.iter_mut().map(|duty| &mut duty.clause)).collect();
        if clauses.len() != words.len() {
            return Err(CborError::Shape("the words of another number of clauses".to_owned()));
        }
        clauses.into_iter().zip(words).for_each(|(clause, words)| clause.give_words(words));
        Ok(())
    }

    /// Puts the rules of one kind together, as they are signed.
    pub(in crate::duty) fn sort_by_kind(&mut self) {
        let kinds = kinds(&self.rules);
        self.rules.sort_by_key(|rule| kinds.iter().position(|kind| *kind == rule.kind));
    }

    /// Whether nothing of it is left out.
    pub fn is_whole(&self) -> bool {
        !self.is_wordless && self.left_out.is_empty()
    }
}

/// The kinds of these rules, each once, in the order in which they first come.
fn kinds(rules: &[Rule]) -> Vec<RuleKind> {
    let mut seen = BTreeSet::new();
    rules.iter().map(|rule| rule.kind).filter(|kind| seen.insert(*kind)).collect()
}
