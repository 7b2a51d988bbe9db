//! What the twin keeps of the log.

use std::{collections::BTreeMap, sync::Arc};

use certs::signature::Digest;
use relay::{
    checkpoint::Head,
    log::{Edge, Range, root_of},
    step::{DatedCheckpoint, HeldHead, LinkState, Loaded, Write},
    tick::TickRef,
};
use topology::RoomId;

use super::super::StoreError;

/// What was committed of it.
#[derive(Debug, Clone, Default)]
pub(super) struct KeptLog {
    pub(super) leaves: Vec<Digest>,
    pub(super) ticks: BTreeMap<TickRef, (Arc<[u8]>, bool)>,
    pub(super) dated: BTreeMap<u64, DatedCheckpoint>,
    pub(super) breaks: Vec<(RoomId, bool)>,
    last: Option<(Head, Arc<[u8]>)>,
    held: BTreeMap<RoomId, HeldHead>,
    links: BTreeMap<RoomId, LinkState>,
}

impl KeptLog {
    /// One write that is about the log; any other changes nothing here.
    pub(super) fn apply(&mut self, write: Write) {
        if let Write::Log(run) = write {
            self.leaves.extend(run.leaves);
        } else if let Write::Tick { tick, cited } = write {
            let kept = self.ticks.entry(tick.name()).or_insert((tick.bytes().clone(), false));
            kept.1 |= cited;
        } else if let Write::TickCited(name) = write {
            if let Some((_, cited)) = self.ticks.get_mut(&name) {
                *cited = true;
            }
        } else if let Write::Checkpoint { head, bytes } = write {
            self.last = Some((head, bytes));
        } else if let Write::Dated(dated) = write {
            self.dated.entry(dated.size).or_insert(dated);
        } else if let Write::HeldHead { room, held } = write {
            self.held.insert(room, held);
        } else if let Write::HistoryBreak { room, is_declared, .. } = write {
            self.breaks.push((room, is_declared));
        } else if let Write::LinkState { neighbour, state } = write {
            self.links.insert(neighbour, state);
        }
    }

    pub(super) fn roots(&self, ranges: &[Range]) -> Result<Vec<Digest>, StoreError> {
        let missing = || StoreError::Database("leaves of the log are not there".to_owned());
        let leaves = |range: &Range| {
            let first = usize::try_from(range.first).ok()?;
            let end = first.checked_add(usize::try_from(range.count).ok()?)?;
            Some(root_of(self.leaves.get(first..end)?.iter().copied()))
        };
        ranges.iter().map(|range| leaves(range).ok_or_else(missing)).collect()
    }

    pub(super) fn load(&self, loaded: &mut Loaded) {
        let size = self.leaves.len() as u64;
        let subtrees = (Range { first: 0, count: size }).subtrees();
        let ranges: Vec<Range> = subtrees
            .into_iter()
            .map(|(level, position)| Range { first: position << level, count: 1 << level })
            .collect();
        let edge = self.roots(&ranges).ok().and_then(|roots| Edge::resume(size, roots));
        loaded.log = edge.unwrap_or_default();
        loaded.tick = self.ticks.last_key_value().map(|(name, (bytes, _))| (*name, bytes.clone()));
        loaded.checkpoint.clone_from(&self.last);
        loaded.dated = self.dated.last_key_value().map(|(_, dated)| dated.clone());
        loaded.heads.clone_from(&self.held);
        loaded.links.clone_from(&self.links);
    }
}
