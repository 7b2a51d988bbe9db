//! The log, ticks, checkpoints and link states of one commit into their tables.

pub(super) mod reads;

pub(super) use reads::{dated_checkpoint, log_roots};

use std::{collections::BTreeMap, sync::Arc};

use certs::signature::Digest;
use relay::{
    checkpoint::Head,
    codec,
    log::{Run, Subtree},
    step::{DatedCheckpoint, HeldHead, LeafKind, LinkState},
    tick::{TickRef, VerifiedTick},
};
use topology::RoomId;

use super::{
    rows::int,
    statement::{Many, Values},
    writes::{Piece, add},
};

/// What one commit changes of them.
#[derive(Debug, Default)]
pub(super) struct LogBatch {
    pub(super) runs: Vec<Run>,
    pub(super) leaves: Vec<(u64, LeafKind, Arc<[u8]>)>,
    pub(super) ticks: Vec<(VerifiedTick, bool)>,
    pub(super) cited: Vec<TickRef>,
    pub(super) checkpoints: Vec<(Head, Arc<[u8]>)>,
    pub(super) dated: Vec<DatedCheckpoint>,
    pub(super) held: BTreeMap<RoomId, HeldHead>,
    pub(super) breaks: Vec<HistoryBreak>,
    pub(super) links: BTreeMap<RoomId, LinkState>,
}

/// A child's log that did not go on: whose, whether it said so, what was held and what is shown.
#[derive(Debug)]
pub(super) struct HistoryBreak {
    pub(super) room: RoomId,
    pub(super) is_declared: bool,
    pub(super) held: Arc<[u8]>,
    pub(super) shown: Arc<[u8]>,
}

/// A link state, as a row holds it: nothing for up.
pub(super) type Down = Option<(i64, Option<TickRef>)>;

impl LogBatch {
    /// The statements, after all others of the batch.
    pub(super) fn add_to<'b>(&'b self, pieces: &mut Vec<Piece<'b>>) {
        let subtrees = self.runs.iter().flat_map(|run| &run.subtrees).collect();
        add(pieces, &RUNS, self.runs.iter().collect(), |_| 0, bind_run);
        add(pieces, &SUBTREES, subtrees, |_| 0, bind_subtree);
        add(pieces, &LEAVES, self.leaves.iter().collect(), |_| 0, bind_leaf);
        add(pieces, &TICKS, self.ticks.iter().collect(), |_| 0, bind_tick);
        for name in &self.cited {
            add(pieces, &CITED, vec![name], |_| 0, bind_name);
        }
        add(pieces, &CHECKPOINTS, self.checkpoints.iter().collect(), |_| 0, bind_checkpoint);
        add(pieces, &DATED, self.dated.iter().collect(), |_| 0, bind_dated);
        add(pieces, &HELD, self.held.iter().collect(), |_| 0, bind_held);
        add(pieces, &BREAKS, self.breaks.iter().collect(), |_| 0, bind_break);
        add(pieces, &LINKS, self.links.iter().collect(), |_| 0, bind_link);
    }
}

const RUNS: Many = Many { head: "INSERT INTO log (first, hashes) VALUES ", row: "(?,?)", tail: "" };

fn bind_run(values: Values, run: &Run) -> Values {
    values.bind(int(run.first)).bind(hashes(&run.leaves))
}

fn hashes(digests: &[Digest]) -> Vec<u8> {
    digests.iter().flat_map(|digest| *digest.as_bytes()).collect()
}

const SUBTREES: Many =
    Many { head: "INSERT INTO log_subtree (level, position, hash) VALUES ", row: "(?,?,?)", tail: "" };

fn bind_subtree(values: Values, subtree: &Subtree) -> Values {
    values.bind(i64::from(subtree.level)).bind(int(subtree.position)).bind(&subtree.hash.as_bytes()[..])
}

const LEAVES: Many =
    Many { head: "INSERT INTO log_object (leaf, kind, bytes) VALUES ", row: "(?,?,?)", tail: "" };

fn bind_leaf(values: Values, (leaf, kind, bytes): &(u64, LeafKind, Arc<[u8]>)) -> Values {
    values.bind(int(*leaf)).bind(i64::from(kind.number())).bind(&bytes[..])
}

const TICKS: Many = Many {
    head: "INSERT INTO tick (at_ms, digest, cited, bytes) VALUES ",
    row: "(?,?,?,?)",
    tail: " ON CONFLICT (at_ms, digest) DO UPDATE SET cited = max(cited, excluded.cited)",
};

fn bind_tick(values: Values, (tick, cited): &(VerifiedTick, bool)) -> Values {
    bind_name(values, &tick.name()).bind(*cited).bind(&tick.bytes()[..])
}

const CITED: Many =
    Many { head: "UPDATE tick SET cited = 1 WHERE at_ms = ? AND digest = ?", row: "", tail: "" };

fn bind_name(values: Values, name: &TickRef) -> Values {
    values.bind(name.at.as_ms()).bind(&name.digest.as_bytes()[..])
}

const CHECKPOINTS: Many = Many {
    head: "INSERT INTO checkpoint (size, root, bytes) VALUES ",
    row: "(?,?,?)",
    tail: " ON CONFLICT (size) DO UPDATE SET bytes = excluded.bytes WHERE dated_at_ms IS NULL",
};

fn bind_checkpoint(values: Values, (head, bytes): &(Head, Arc<[u8]>)) -> Values {
    values.bind(int(head.size)).bind(&head.root.as_bytes()[..]).bind(&bytes[..])
}

const DATED: Many = Many {
    head: "INSERT INTO checkpoint (size, bytes, dated_at_ms, anchor) VALUES ",
    row: "(?,?,?,?)",
    tail: " ON CONFLICT (size) DO UPDATE SET bytes = excluded.bytes, dated_at_ms = excluded.dated_at_ms, \
           anchor = excluded.anchor WHERE checkpoint.dated_at_ms IS NULL",
};

fn bind_dated(values: Values, dated: &DatedCheckpoint) -> Values {
    let anchor = dated.anchor.encode();
    values.bind(int(dated.size)).bind(&dated.bytes[..]).bind(dated.at.as_ms()).bind(anchor)
}

const HELD: Many = Many {
    head: "INSERT INTO child_head (room, leaf, size, root, bytes) VALUES ",
    row: "(?,?,?,?,?)",
    tail: " ON CONFLICT (room) DO UPDATE SET leaf = excluded.leaf, size = excluded.size, root = excluded.root, \
           bytes = excluded.bytes",
};

fn bind_held(values: Values, (room, held): (&RoomId, &HeldHead)) -> Values {
    values
        .bind(&room.as_bytes()[..])
        .bind(int(held.leaf))
        .bind(int(held.size))
        .bind(&held.root.as_bytes()[..])
        .bind(&held.bytes[..])
}

const BREAKS: Many = Many {
    head: "INSERT OR IGNORE INTO history_break (room, declared, held, shown) VALUES ",
    row: "(?,?,?,?)",
    tail: "",
};

fn bind_break(values: Values, found: &HistoryBreak) -> Values {
    values
        .bind(&found.room.as_bytes()[..])
        .bind(found.is_declared)
        .bind(&found.held[..])
        .bind(&found.shown[..])
}

const LINKS: Many = Many {
    head: "INSERT INTO link_state (neighbour, down) VALUES ",
    row: "(?,?)",
    tail: " ON CONFLICT (neighbour) DO UPDATE SET down = excluded.down",
};

fn bind_link(values: Values, (neighbour, state): (&RoomId, &LinkState)) -> Values {
    let down: Down = match state {
        LinkState::Up => None,
        LinkState::Down { at, tick } => Some((at.as_ms(), *tick)),
    };
    values.bind(&neighbour.as_bytes()[..]).bind(codec::encode(&down))
}
