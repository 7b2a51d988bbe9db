//! Which messages belong into a file, and their bytes out of one state of the store.

use std::collections::BTreeSet;

use relay::{
    checkpoint::{Head, VerifiedCheckpoint},
    duty::beijing::rfc3339,
    envelope::VerifiedEnvelope,
    envelope_id::EnvelopeKey,
    evidence::DatedHead,
    message::{Blocks, CaseId, Facts, Kind, Part},
    step::DatedCheckpoint,
    tick::{TickRef, VerifiedTick},
    timestamp::Timestamp,
};
use topology::RoomId;

use super::Wish;
use crate::{
    daemon::Node,
    problem::Problem,
    store::sqlite::{KeptEnvelope, Snapshot},
    trust::Trust,
};

/// Whether such a message answers another.
const fn is_answer(kind: Kind) -> bool {
    matches!(kind, Kind::VerifyReply | Kind::Feedback)
}

/// Envelopes that are looked through at a time for those of a case.
const PAGE: usize = 256;

/// Reads one state of the store.
pub(super) struct Gather<'a> {
    pub(super) node: &'a Node,
    pub(super) trust: &'a Trust,
    pub(super) snapshot: Snapshot,
    pub(super) newest: Option<(Head, DatedCheckpoint)>,
    pub(super) rooms: BTreeSet<RoomId>,
    /// Versions of the plan that messages cite.
    pub(super) versions: BTreeSet<u64>,
    /// Kinds of the messages.
    pub(super) kinds: BTreeSet<Kind>,
    /// When the first and the last message were made.
    pub(super) span: Option<(Timestamp, Timestamp)>,
    wish: Wish,
}

/// A message as it is kept here, opened.
pub(super) struct Opened {
    pub(super) envelope: VerifiedEnvelope,
    pub(super) blocks: Blocks,
    pub(super) facts: Facts,
}

impl<'a> Gather<'a> {
    pub(super) async fn begin(node: &'a Node, trust: &'a Trust, wish: Wish) -> Result<Self, Problem> {
        let mut snapshot = node.reader.snapshot().await?;
        let newest = match snapshot.dated(None).await? {
            Some(dated) => Some((head_of(trust, &dated)?, dated)),
            None => None,
        };
        let rooms = BTreeSet::from([node.config.room, trust.map.root()]);
        let (versions, kinds) = (BTreeSet::new(), BTreeSet::new());
        Ok(Self { node, trust, snapshot, newest, rooms, versions, kinds, span: None, wish })
    }

    pub(super) fn wish(&self) -> Wish {
        self.wish
    }

    /// The rooms whose keys the file needs.
    pub(super) fn rooms(&self) -> BTreeSet<RoomId> {
        self.rooms.clone()
    }

    /// The older plans that messages cite, as far as they were in force here.
    pub(super) fn plans(&self) -> Vec<Vec<u8>> {
        let older = self.versions.range(..self.trust.map.version());
        older.filter_map(|version| self.node.trust.older_plan(*version)).collect()
    }

    /// The first and the last year of these messages, in Beijing.
    pub(super) fn years(&self) -> (i16, i16) {
        let year =
            |at: Timestamp| rfc3339(at).get(..4).and_then(|year| year.parse().ok()).unwrap_or_default();
        self.span.map_or((0, 0), |(first, last)| (year(first), year(last)))
    }

    /// The newest dated head, named by the manifest.
    pub(super) fn as_of(&self) -> Option<(Head, DatedHead)> {
        let (head, dated) = self.newest.as_ref()?;
        let kept = DatedHead {
            anchor: dated.anchor.clone(),
            checkpoint: dated.bytes.to_vec().into(),
            consistency: Vec::new().into(),
        };
        Some((*head, kept))
    }

    pub(super) async fn newest_tick(&mut self) -> Result<Option<TickRef>, Problem> {
        let Some(bytes) = self.snapshot.newest_tick().await? else { return Ok(None) };
        let tick = VerifiedTick::verify(&bytes, &self.trust.map, &self.trust.keys.archive());
        Ok(Some(tick.map_err(damaged)?.name()))
    }

    /// The case that a message belongs to.
    pub(super) async fn case_of(&mut self, key: EnvelopeKey) -> Result<CaseId, Problem> {
        let case = self.open(key).await?.facts.case;
        case.ok_or_else(|| Problem::failed("evidence_no_case").with("id", key.id))
    }

    /// A message, the answers to it, what it answers, and the notes of calls about that: what one duty is judged by.
    pub(super) async fn keys_about(&mut self, key: EnvelopeKey) -> Result<Vec<EnvelopeKey>, Problem> {
        let facts = self.open(key).await?.facts;
        let asked = if is_answer(facts.kind) { facts.relates_to.first().copied() } else { None };
        let asked = asked.unwrap_or(key);
        let mut keys = vec![key];
        if asked != key && self.open_readable(asked).await?.is_some() {
            keys.push(asked);
        }
        if matches!(facts.kind, Kind::VerifyRequest | Kind::Instruction) || asked != key {
            let answers = self.keys_where(|facts| is_answer(facts.kind) && facts.relates_to.contains(&asked));
            keys.extend(answers.await?);
        }
        keys.extend(self.snapshot.calls_about(asked).await?);
        let mut seen = BTreeSet::new();
        keys.retain(|key| seen.insert(*key));
        Ok(keys)
    }

    /// Everything of a case that this room may read, by its number there.
    pub(super) async fn keys_of_case(&mut self, case: CaseId) -> Result<Vec<EnvelopeKey>, Problem> {
        self.keys_where(|facts| facts.case == Some(case)).await
    }

    /// Opens every body that this room may read, a page at a time, and keeps the names of those that are wanted. The
    /// manifest signs that nothing else of the case is held, and only the bodies themselves say which case they are of: the
    /// index of cases follows the store at a distance, and leaves out what no rule is about and what could not be read
    /// when it came by. So a damaged body stops the export, as nobody can say that it does not belong here.
    async fn keys_where(&mut self, is_wanted: impl Fn(&Facts) -> bool) -> Result<Vec<EnvelopeKey>, Problem> {
        let mut found = BTreeSet::new();
        let mut after = None;
        loop {
            let page = self.snapshot.readable(after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Some(*last);
            for key in page {
                let Some(opened) = self.open_readable(key).await? else { continue };
                if is_wanted(&opened.facts) {
                    found.insert((opened.facts.case_seq, opened.envelope.route().created_at, key));
                }
            }
        }
        Ok(found.into_iter().map(|(.., key)| key).collect())
    }

    /// A message that must be there and readable.
    pub(super) async fn open(&mut self, key: EnvelopeKey) -> Result<Opened, Problem> {
        let kept = self.snapshot.envelope(key).await?;
        let kept = kept.ok_or_else(|| Problem::failed("envelope_unknown").with("id", key.id))?;
        if kept.is_pruned || kept.content_key.is_none() {
            return Err(Problem::policy("envelope_not_for_us").with("id", key.id));
        }
        self.opened(&kept)
    }

    /// The same, or nothing where the body was given up.
    async fn open_readable(&mut self, key: EnvelopeKey) -> Result<Option<Opened>, Problem> {
        match self.snapshot.envelope(key).await? {
            Some(kept) if !kept.is_pruned => self.opened(&kept).map(Some),
            Some(_) | None => Ok(None),
        }
    }

    fn opened(&self, kept: &KeptEnvelope) -> Result<Opened, Problem> {
        let key = kept.record.key;
        let fail = |error: &dyn std::fmt::Display| {
            Problem::failed("envelope_damaged").with("id", key.id).with("detail", error)
        };
        let archive = self.trust.keys.archive();
        let envelope = VerifiedEnvelope::verify(kept.bytes.clone(), self.trust.map.network(), &archive)
            .map_err(|error| fail(&error))?;
        let content_key = kept.content_key.as_deref().unwrap_or_default();
        let commitments = &envelope.header().commitments;
        let digest = envelope.route_digest();
        let letterbox = self.node.letterbox();
        let mut blocks = letterbox
            .read_blocks(&key, &kept.bytes, content_key, &digest, commitments)
            .map_err(|error| fail(&error))?;
        if !self.wish.text {
            blocks.destroy(Part::Text);
        }
        if !self.wish.personal {
            blocks.destroy(Part::Personal);
        }
        let facts = Facts::from_blocks(&blocks).map_err(|error| fail(&error))?;
        Ok(Opened { envelope, blocks, facts })
    }
}

/// Size and root of a dated checkpoint of this node, its signature verified again.
pub(super) fn head_of(trust: &Trust, dated: &DatedCheckpoint) -> Result<Head, Problem> {
    let checkpoint = VerifiedCheckpoint::verify(&dated.bytes, &trust.keys.archive()).map_err(damaged)?;
    Ok(checkpoint.checkpoint().head())
}

pub(super) fn damaged(error: impl std::fmt::Display) -> Problem {
    Problem::failed("evidence_damaged").with("detail", error)
}
