//! Groups of messages with the ticks, heads and paths that their receipts rest on.

use std::collections::{BTreeMap, BTreeSet, btree_map::Entry};

use relay::{
    envelope_id::EnvelopeKey,
    evidence::{DatedHead, Group, KeptMessage, Leaf, group::join_path},
    log::{VerifiedLine, consistency_ranges, inclusion_ranges},
    receipt::VerifiedReceipt,
    step::DatedCheckpoint,
    tick::TickRef,
    timestamp::Timestamp,
};
use topology::RoomId;

use super::gather::{Gather, Opened, damaged};
use crate::{problem::Problem, store::sqlite::NumberedLeaf};

/// A group is closed when it has so many receipts.
const RECEIPTS_MAX: usize = 256;
/// A group is closed when its messages have so many bytes: the last one may be as large again.
const BYTES_MAX: usize = 8 << 20;

/// A group while it grows.
#[derive(Default)]
struct Draft {
    heads: BTreeMap<u64, DatedHead>,
    ticks: BTreeMap<TickRef, Vec<u8>>,
    lines: Vec<Found>,
    messages: Vec<(Opened, Vec<Found>)>,
    bytes: usize,
}

/// A leaf with the size of the head over it.
struct Found {
    head: Option<u64>,
    leaf: Leaf,
}

impl Gather<'_> {
    /// Everything about these messages, in this order.
    pub(super) async fn groups(&mut self, keys: &[EnvelopeKey]) -> Result<Vec<Group>, Problem> {
        let mut groups = Vec::new();
        let mut draft = Draft::default();
        let mut span: Option<(Timestamp, Timestamp)> = None;
        for key in keys {
            let until = self.message(&mut draft, *key).await?;
            let (from, to) = span.unwrap_or(until);
            span = Some((from.min(until.0), to.max(until.1)));
            let receipts: usize = draft.messages.iter().map(|(_, receipts)| receipts.len()).sum();
            if receipts >= RECEIPTS_MAX || draft.bytes >= BYTES_MAX {
                groups.push(std::mem::take(&mut draft).group(self.as_of_size()));
            }
        }
        if !draft.messages.is_empty() {
            groups.push(draft.group(self.as_of_size()));
        }
        self.span = span;
        if let Some((from, to)) = span {
            groups.splice(0..0, self.lines(from, to, &self.rooms()).await?);
        }
        Ok(groups)
    }

    /// A message with its receipts. Gives the times between which it was under way, by the clocks of its rooms.
    async fn message(
        &mut self,
        draft: &mut Draft,
        key: EnvelopeKey,
    ) -> Result<(Timestamp, Timestamp), Problem> {
        let opened = self.open(key).await?;
        let route = opened.envelope.route().clone();
        self.versions.insert(route.map_version);
        self.kinds.insert(opened.facts.kind);
        self.rooms.insert(route.origin);
        self.rooms.extend(opened.envelope.header().to.iter().map(|address| address.room));
        self.cite(draft, route.tick).await?;
        // An origin's clock may be ahead, so that its message was under way before it says that it was made.
        let (mut from, mut until) = (route.created_at, route.created_at);
        let mut receipts = Vec::new();
        for (number, bytes) in self.snapshot.receipts(key).await? {
            let receipt = VerifiedReceipt::verify(&bytes, &self.trust.keys.archive()).map_err(damaged)?;
            self.rooms.insert(receipt.receipt().issuer);
            self.cite(draft, receipt.receipt().tick).await?;
            if receipt.receipt().issuer == self.node.config.room {
                from = from.min(receipt.receipt().at);
            }
            until = until.max(receipt.receipt().at);
            receipts.push(self.leaf(draft, (number, bytes)).await?);
        }
        draft.bytes += opened.envelope.bytes().body.len();
        draft.messages.push((opened, receipts));
        Ok((from, until))
    }

    /// Records of outages of links among these rooms that touch this time; none, or one group.
    pub(super) async fn lines(
        &mut self,
        from: Timestamp,
        to: Timestamp,
        rooms: &BTreeSet<RoomId>,
    ) -> Result<Option<Group>, Problem> {
        let mut draft = Draft::default();
        for (number, bytes) in self.snapshot.lines().await? {
            let line = VerifiedLine::verify(&bytes, &self.trust.keys.archive()).map_err(damaged)?;
            let line = line.line().clone();
            let is_near = line.up_at >= from && line.down_at <= to;
            if is_near && rooms.contains(&line.room) && rooms.contains(&line.peer) {
                self.cite(&mut draft, line.down_tick).await?;
                self.cite(&mut draft, line.up_tick).await?;
                let leaf = self.leaf(&mut draft, (number, bytes)).await?;
                draft.lines.push(leaf);
            }
        }
        Ok((!draft.lines.is_empty()).then(|| draft.group(self.as_of_size())))
    }

    async fn cite(&mut self, draft: &mut Draft, name: Option<TickRef>) -> Result<(), Problem> {
        let Some(name) = name.filter(|name| !draft.ticks.contains_key(name)) else { return Ok(()) };
        // What cites a tick that nobody has, or ever signed, has no beginning.
        if let Some(bytes) = self.snapshot.tick(name).await? {
            draft.ticks.insert(name, bytes);
        }
        Ok(())
    }

    /// A leaf with its path into the smallest dated head that covers it, and that head.
    async fn leaf(&mut self, draft: &mut Draft, (number, bytes): NumberedLeaf) -> Result<Found, Problem> {
        let mut leaf =
            Leaf { head: None, leaf: number, path: Vec::new().into(), bytes: bytes.to_vec().into() };
        let Some(dated) = self.snapshot.dated(Some(number)).await? else {
            return Ok(Found { head: None, leaf });
        };
        let size = dated.size;
        leaf.path = join_path(&self.snapshot.log_roots(&inclusion_ranges(number, size)).await?);
        if Some(size) != self.as_of_size()
            && let Entry::Vacant(place) = draft.heads.entry(size)
        {
            place.insert(self.head(dated).await?);
        }
        Ok(Found { head: Some(size), leaf })
    }

    fn as_of_size(&self) -> Option<u64> {
        self.newest.as_ref().map(|(head, _)| head.size)
    }

    /// A head with the proof that the newest one continues it.
    pub(super) async fn head(&mut self, dated: DatedCheckpoint) -> Result<DatedHead, Problem> {
        let newest = self.newest.as_ref().map_or(dated.size, |(head, _)| head.size);
        let path = self.snapshot.log_roots(&consistency_ranges(dated.size, newest)).await?;
        Ok(DatedHead {
            anchor: dated.anchor,
            checkpoint: dated.bytes.to_vec().into(),
            consistency: join_path(&path),
        })
    }
}

impl Draft {
    /// The newest head stands in a file of its own and is the first for every group.
    fn group(self, as_of: Option<u64>) -> Group {
        let sizes: Vec<u64> = as_of.into_iter().chain(self.heads.keys().copied()).collect();
        let place = |found: Found| {
            let index = found.head.and_then(|size| sizes.iter().position(|known| *known == size));
            Leaf { head: index.and_then(|index| u32::try_from(index).ok()), ..found.leaf }
        };
        let messages = self.messages.into_iter().map(|(opened, receipts)| KeptMessage {
            header: opened.envelope.bytes().header.to_vec().into(),
            blocks: opened.blocks,
            receipts: receipts.into_iter().map(place).collect(),
        });
        Group {
            messages: messages.collect(),
            lines: self.lines.into_iter().map(place).collect(),
            heads: self.heads.into_values().collect(),
            ticks: self.ticks.into_values().map(Into::into).collect(),
            ..Group::default()
        }
    }
}
