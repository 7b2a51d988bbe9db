//! What a room of the tests keeps of its log, and how ticks, heads and proofs of it reach another room.

use std::{collections::BTreeMap, sync::Arc};

use certs::signature::Digest;
use topology::RoomId;

use super::rooms::{keyring, map};
use crate::{
    checkpoint::{Anchor, AnchorStep, Head, VerifiedCheckpoint},
    log::{Edge, Range, VerifiedLine, consistency_ranges, inclusion_ranges, leaf_hash, root_of},
    step::{DatedCheckpoint, HeldHead, Input, LinkState, Loaded, Send, Write},
    tick::{TickRef, VerifiedTick},
};

/// What was committed of it.
#[derive(Debug, Clone, Default)]
pub(super) struct Books {
    pub(super) leaves: Vec<Digest>,
    pub(super) objects: BTreeMap<u64, Arc<[u8]>>,
    /// And whether something cites it.
    pub(super) ticks: BTreeMap<TickRef, (Arc<[u8]>, bool)>,
    pub(super) signed: Vec<(Head, Arc<[u8]>)>,
    pub(super) dated: Vec<DatedCheckpoint>,
    pub(super) held: BTreeMap<RoomId, HeldHead>,
    pub(super) breaks: Vec<(RoomId, bool)>,
    links: BTreeMap<RoomId, LinkState>,
}

impl Books {
    pub(super) fn commit(&mut self, write: &Write) {
        if let Write::Log(run) = write {
            assert_eq!(run.first, self.leaves.len() as u64, "a run follows the last one");
            self.leaves.extend(&run.leaves);
        } else if let Write::Leaf { leaf, bytes, .. } = write {
            self.objects.insert(*leaf, bytes.clone());
        } else if let Write::Tick { tick, cited } = write {
            self.ticks.insert(tick.name(), (tick.bytes().clone(), *cited));
        } else if let Write::TickCited(name) = write {
            if let Some((_, cited)) = self.ticks.get_mut(name) {
                *cited = true;
            }
        } else if let Write::Checkpoint { head, bytes } = write {
            self.signed.push((*head, bytes.clone()));
        } else if let Write::Dated(dated) = write {
            self.dated.push(dated.clone());
        } else if let Write::HeldHead { room, held } = write {
            self.held.insert(*room, held.clone());
        } else if let Write::HistoryBreak { room, is_declared, .. } = write {
            self.breaks.push((*room, *is_declared));
        } else if let Write::LinkState { neighbour, state } = write {
            self.links.insert(*neighbour, *state);
        }
    }

    /// Every leaf is the hash of something that was committed, and nothing was committed that is no leaf.
    pub(super) fn check<'a>(&'a self, mut leaves: Vec<(u64, &'a Arc<[u8]>)>, room: &str) {
        leaves.extend(self.objects.iter().map(|(leaf, bytes)| (*leaf, bytes)));
        leaves.sort_unstable();
        let hashes: Vec<Digest> = leaves.iter().map(|(_, bytes)| leaf_hash(bytes)).collect();
        assert!(leaves.iter().map(|(leaf, _)| *leaf).eq(0..leaves.len() as u64), "the leaves of {room}");
        assert_eq!(hashes, self.leaves, "the log of {room}");
    }

    pub(super) fn root(&self, size: u64) -> Option<Digest> {
        Some(root_of(self.leaves.get(..usize::try_from(size).ok()?)?.iter().copied()))
    }

    pub(super) fn load(&self, loaded: &mut Loaded) {
        let size = self.leaves.len() as u64;
        let subtrees = (Range { first: 0, count: size }).subtrees().into_iter();
        let subtrees = subtrees.map(|(level, at)| Range { first: at << level, count: 1 << level });
        let subtrees = self.hashes(&subtrees.collect::<Vec<Range>>());
        loaded.log = Edge::resume(size, subtrees).expect("the books have a whole edge");
        loaded.tick = self.ticks.last_key_value().map(|(name, (bytes, _))| (*name, bytes.clone()));
        loaded.checkpoint = self.signed.last().cloned();
        loaded.dated = self.dated.last().cloned();
        loaded.heads.clone_from(&self.held);
        loaded.links.clone_from(&self.links);
    }

    fn hashes(&self, ranges: &[Range]) -> Vec<Digest> {
        let of = |range: &Range| {
            let leaves = self.leaves.iter().skip(usize::try_from(range.first).unwrap());
            root_of(leaves.take(usize::try_from(range.count).unwrap()).copied())
        };
        ranges.iter().map(of).collect()
    }

    /// What the other room hears, verified as a link verifies it.
    pub(super) fn carry(&self, from: RoomId, send: Send) -> Option<Input> {
        let checkpoint = |bytes: &[u8]| Box::new(VerifiedCheckpoint::verify(bytes, &keyring()).unwrap());
        let tick = |bytes: &[u8]| Input::Tick(VerifiedTick::verify(bytes, &map(), &keyring()).unwrap());
        Some(match send {
            Send::Tick { bytes, .. } => tick(&bytes),
            Send::TickWanted { name, .. } => Input::TickWanted { from, name },
            Send::TickAnswer { name, .. } => tick(&self.ticks.get(&name)?.0),
            Send::HeadHeld { checkpoint: held, .. } => {
                Input::HeadHeld { from, checkpoint: held.as_deref().map(checkpoint) }
            }
            Send::Head { checkpoint: bytes, from: old, size, .. } => {
                let path = self.hashes(&consistency_ranges(old, size));
                Input::Head { from, checkpoint: checkpoint(&bytes), old, path }
            }
            Send::Anchor { held, dated, .. } => {
                let path = self.hashes(&inclusion_ranges(held.leaf, dated.size));
                let mut steps = vec![AnchorStep::new(held.leaf, &path, &dated.bytes)];
                steps.extend(dated.anchor.steps);
                let (anchor, checkpoint) = (Anchor { steps }, checkpoint(&held.bytes));
                let at = anchor.check(&checkpoint, &map(), &keyring()).expect("the proof holds");
                Input::Anchored { checkpoint, at, anchor }
            }
            Send::Line { bytes, .. } => {
                Input::Line { from, line: Box::new(VerifiedLine::verify(&bytes, &keyring()).unwrap()) }
            }
            Send::Envelope { .. }
            | Send::Receipts { .. }
            | Send::ReceiptsStored { .. }
            | Send::Answers { .. }
            | Send::NotTaken { .. }
            | Send::Credit { .. }
            | Send::Close { .. }
            | Send::Notice(_) => return None,
        })
    }
}
