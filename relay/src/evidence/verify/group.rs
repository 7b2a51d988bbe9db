//! Groups, one after the other: ticks and heads first, then the lines and messages that rest on them, then what the
//! manifest says of all of them.
//! *Against:* a forked log: every head must be the beginning of the one that the manifest names; a message left out.

use std::collections::{BTreeMap, BTreeSet};

use certs::{
    cbor,
    signature::{Digest, digest},
};
use serde_bytes::ByteBuf;
use topology::{Map, RoomId};

use super::{
    super::{
        DatedHead, Group, Listener, Manifest, VerifyError, case_group::CaseGroups,
        container::ENTRY_BYTES_MAX, group::split_path, invalid::Fault, names,
    },
    documents::MapSoFar,
    invalid,
    keys::Witnessed,
};
use crate::{
    checkpoint::{Head, VerifiedCheckpoint},
    duty::{case::is_judged_by, pack::parts::PartKind},
    log::check_consistency,
    tick::{TickRef, VerifiedTick},
    timestamp::Timestamp,
};

/// A head that verified.
#[derive(Debug, Clone, Copy)]
pub(super) struct Dated {
    pub(super) head: Head,
    pub(super) at: Timestamp,
    /// The tick that the room cited when it signed the head.
    pub(super) tick: Option<TickRef>,
}

/// What the objects of one group rest on.
pub(super) struct Ground<'a> {
    pub(super) maps: &'a MapSoFar<'a>,
    pub(super) keys: Witnessed<'a>,
    /// The newest head, where there is one, and those shown.
    pub(super) heads: Vec<Dated>,
    ticks: BTreeMap<Digest, Timestamp>,
}

impl Ground<'_> {
    /// When the cited tick was signed. Null where nothing is cited, and where the tick is not there: a room that cites what
    /// was never signed leaves its own event without a beginning, and spoils nobody's evidence.
    pub(super) fn cited(&self, tick: Option<TickRef>) -> Result<Option<Timestamp>, Fault> {
        let Some(tick) = tick else { return Ok(None) };
        match self.ticks.get(&tick.digest) {
            Some(at) if *at == tick.at => Ok(Some(*at)),
            Some(_) => Err(Fault::Tick),
            None => Ok(None),
        }
    }
}

/// What was read of all groups so far.
pub(super) struct Groups<'a, 'r> {
    map: &'a MapSoFar<'r>,
    /// The parts that are left out of any rule pack.
    left_out: BTreeSet<PartKind>,
    count: usize,
    pub(super) exporter: Option<RoomId>,
    as_of: Option<Dated>,
    cases: CaseGroups,
    pub(super) messages: u64,
    pub(super) receipts: u64,
    pub(super) envelopes: Vec<Digest>,
    pub(super) case_seqs: Vec<(Option<crate::message::CaseId>, Option<u32>)>,
}

/// A manifest lists no more envelopes; files about more are of [`super::super::Subject::All`].
const ENVELOPES_LISTED_MAX: usize = 100_000;

impl<'a, 'r> Groups<'a, 'r> {
    pub(super) fn new(map: &'a MapSoFar<'r>, left_out: BTreeSet<PartKind>) -> Self {
        Self {
            map,
            left_out,
            count: 0,
            exporter: None,
            as_of: None,
            cases: CaseGroups::default(),
            messages: 0,
            receipts: 0,
            envelopes: Vec::new(),
            case_seqs: Vec::new(),
        }
    }

    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// The date of the newest head.
    pub(super) fn dated(&self) -> Option<Timestamp> {
        self.as_of.map(|dated| dated.at)
    }

    pub(super) fn map(&self) -> &'a Map {
        self.map.map()
    }

    /// The newest head: all others must be beginnings of it.
    pub(super) fn as_of(&mut self, bytes: &[u8]) -> Result<(), VerifyError> {
        let fault = |fault| invalid(names::AS_OF, "", fault);
        let head: DatedHead =
            cbor::decode(bytes, ENTRY_BYTES_MAX).map_err(|error| fault(Fault::Object(error.to_string())))?;
        let keys = Witnessed::new(self.map.keys());
        self.as_of = Some(self.head(&head, &keys).map_err(fault)?);
        Ok(())
    }

    fn head(&mut self, head: &DatedHead, keys: &Witnessed<'_>) -> Result<Dated, Fault> {
        let object = |error: &dyn std::fmt::Display| Fault::Object(error.to_string());
        let map = self.map();
        let checkpoint = VerifiedCheckpoint::verify(&head.checkpoint, keys).map_err(|e| object(&e))?;
        let signed_by = keys.take();
        let at = head.anchor.check(&checkpoint, map, keys).map_err(|error| object(&error))?;
        keys.check_these(&signed_by, None, Some(at))?;
        // At the root hub itself the checkpoint is its own date.
        let dated_by = if head.anchor.steps.is_empty() { signed_by } else { keys.take() };
        keys.check_these(&dated_by, Some(at), Some(at))?;
        let room = checkpoint.checkpoint().room;
        if *self.exporter.get_or_insert(room) != room {
            return Err(Fault::Policy("the head is of another room's log"));
        }
        let signed = checkpoint.checkpoint();
        let found = Dated { head: signed.head(), at, tick: signed.tick };
        let newest = self.as_of.unwrap_or(found).head;
        let path = split_path(&head.consistency).ok_or_else(|| object(&"the path is cut"))?;
        let (old, new) = ((found.head.size, &found.head.root), (newest.size, &newest.root));
        check_consistency(old, new, &path).map_err(|error| object(&error))?;
        Ok(found)
    }

    /// One group, from its bytes.
    pub(super) fn add(
        &mut self,
        name: &str,
        bytes: &[u8],
        listener: &mut dyn Listener,
    ) -> Result<(), VerifyError> {
        self.count += 1;
        let group =
            Group::decode(bytes).map_err(|error| invalid(name, "", Fault::Object(error.to_string())))?;
        let ground = self.ground(name, &group.ticks, &group.heads)?;
        for (index, leaf) in group.lines.iter().enumerate() {
            let line = ground.line(leaf);
            listener.line(line.map_err(|f| invalid(name, &format!("line {}", index + 1), f))?);
        }
        for (index, kept) in group.messages.iter().enumerate() {
            let number = format!("message {}", index + 1);
            let message = ground
                .message(kept, self.exporter)
                .map_err(|(object, fault)| invalid(name, format!("{number} {object}").trim_end(), fault))?;
            if self.left_out.iter().any(|part| is_judged_by(message.facts.kind, *part)) {
                return Err(
                    invalid(name, &number, Fault::Policy("a part of the rules for it is left out")).into()
                );
            }
            self.messages += 1;
            self.receipts += message.events.len() as u64;
            if self.envelopes.len() < ENVELOPES_LISTED_MAX {
                self.envelopes.push(message.digest);
                self.case_seqs.push((message.facts.case, message.facts.case_seq));
            }
            let begins = self.cases.next(&message).map_err(|fault| invalid(name, &number, fault))?;
            listener.message(message, begins);
        }
        Ok(())
    }

    /// Ticks and heads that verified.
    pub(super) fn ground<'h>(
        &mut self,
        name: &str,
        signed: &[ByteBuf],
        shown: impl IntoIterator<Item = &'h DatedHead>,
    ) -> Result<Ground<'a>, VerifyError> {
        let keys = Witnessed::new(self.map.keys());
        let mut ticks = BTreeMap::new();
        for (index, bytes) in signed.iter().enumerate() {
            let fault = |fault| invalid(name, &format!("tick {}", index + 1), fault);
            let tick = VerifiedTick::verify(bytes, self.map(), &keys)
                .map_err(|error| fault(Fault::Object(error.to_string())))?;
            let at = tick.name().at;
            keys.check(Some(at), Some(at)).map_err(fault)?;
            ticks.insert(digest(bytes), at);
        }
        let mut heads = Vec::from_iter(self.as_of);
        for (index, head) in shown.into_iter().enumerate() {
            if self.as_of.is_none() {
                let fault = Fault::Policy("there is no newest head to agree with");
                return Err(invalid(name, "head 1", fault).into());
            }
            let head = self.head(head, &keys);
            heads.push(head.map_err(|fault| invalid(name, &format!("head {}", index + 1), fault))?);
        }
        Ok(Ground { maps: self.map, keys, heads, ticks })
    }

    /// What the manifest says of all of it.
    pub(super) fn close(self, manifest: &Manifest) -> Result<Option<Timestamp>, VerifyError> {
        let other = |what| Err(invalid(names::MANIFEST, "", Fault::Manifest(what)).into());
        if self.exporter.is_some_and(|room| room != manifest.exporter) {
            return other("whose log it is");
        }
        if self.as_of.map(|dated| dated.head) != manifest.as_of {
            return other("the head up to which it is whole");
        }
        if (self.messages, self.receipts) != (manifest.messages, manifest.receipts) {
            return other("the number of messages or receipts");
        }
        if manifest.subject.lists_envelopes() && self.envelopes != manifest.envelopes {
            return other("the messages");
        }
        self.check_case(manifest)?;
        Ok(self.as_of.map(|dated| dated.at))
    }
}
