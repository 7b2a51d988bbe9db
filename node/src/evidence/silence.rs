//! The proof that nothing came from a room in a time: every leaf between two heads of this room's log.
//! *Against:* a proof that others would not accept. Whatever is not proven is refused here, with the reason.

use std::collections::{BTreeMap, BTreeSet, btree_map::Entry};

use relay::{
    checkpoint::VerifiedCheckpoint,
    duty::beijing::rfc3339,
    evidence::{Silence, Span, Subject, group::join_path, span::OwnReceipt},
    log::Range,
    receipt::{Receipt, VerifiedReceipt},
    step::DatedCheckpoint,
    tick::TickRef,
    timestamp::Timestamp,
};
use serde_bytes::ByteBuf;

use super::{
    Exported, Wish,
    gather::{Gather, damaged},
    write,
};
use crate::{daemon::Node, problem::Problem, store::sqlite::NumberedLeaf};

/// Heads looked through for the first that cites a tick of after the time; each follows the one before within a tick.
const HEADS_LOOKED_AT: usize = 64;

/// Leaves of one file: with their receipts they fill an entry of it.
const LEAVES_MAX: u64 = 32_768;

/// Proves that nothing came from a room in a time.
///
/// # Errors
/// [`Problem`]: something came, or the log does not span the time.
pub async fn silence(node: &Node, silence: Silence) -> Result<Exported, Problem> {
    let trust = node.trust.current();
    let wish = Wish { whole_case: false, text: false, personal: false };
    let mut gather = Gather::begin(node, &trust, wish).await?;
    gather.rooms.insert(silence.peer);
    let between = BTreeSet::from([node.config.room, silence.peer]);
    let span = gather.span(silence).await?;
    let lines = gather.lines(silence.from, silence.to, &between).await?;
    write(&trust, gather, Subject::Silence(silence), lines.as_slice(), Some(span)).await
}

/// Whether a head is dated that was signed after this time.
///
/// # Errors
/// [`Problem`] when the store cannot be read or is damaged.
pub async fn is_dated_after(node: &Node, at: Timestamp) -> Result<bool, Problem> {
    let trust = node.trust.current();
    let wish = Wish { whole_case: false, text: false, personal: false };
    let mut gather = Gather::begin(node, &trust, wish).await?;
    Ok(gather.first_after(at).await?.is_some())
}

impl Gather<'_> {
    async fn span(&mut self, silence: Silence) -> Result<Span, Problem> {
        let early = || Problem::failed("evidence_silence_early").with("from", rfc3339(silence.from));
        let open = || Problem::failed("evidence_silence_open").with("to", rfc3339(silence.to));
        let first = self.snapshot.dated_before(silence.from).await?.ok_or_else(early)?;
        let (last, tick) = self.first_after(silence.to).await?.ok_or_else(open)?;
        let leaves = self.leaves(&first, &last).await?;
        let mut ticks = BTreeMap::new();
        self.keep(tick, &mut ticks).await?;
        for (number, bytes) in &leaves {
            let Ok(receipt) = VerifiedReceipt::verify(bytes, &self.trust.keys.archive()) else { continue };
            let receipt = receipt.receipt();
            let after = match receipt.tick {
                Some(name) => self.keep(name, &mut ticks).await?,
                None => None,
            };
            let is_own = receipt.issuer == self.node.config.room;
            if is_own && OwnReceipt::new(*number, receipt, after).breaks(&silence) {
                return Err(broken(receipt));
            }
        }
        let whole = Range { first: 0, count: first.size };
        let subtrees = whole.subtrees().into_iter();
        let ranges: Vec<Range> =
            subtrees.map(|(level, position)| Range { first: position << level, count: 1 << level }).collect();
        Ok(Span {
            edge: join_path(&self.snapshot.log_roots(&ranges).await?),
            first: self.head(first).await?,
            last: self.head(last).await?,
            leaves: leaves.into_iter().map(|(_, bytes)| bytes.to_vec().into()).collect(),
            ticks: ticks.into_values().collect(),
            ..Span::default()
        })
    }

    /// The first dated head that cites a kept tick of this time or after.
    async fn first_after(&mut self, at: Timestamp) -> Result<Option<(DatedCheckpoint, TickRef)>, Problem> {
        for dated in self.snapshot.dated_after(at, HEADS_LOOKED_AT).await? {
            let checkpoint =
                VerifiedCheckpoint::verify(&dated.bytes, &self.trust.keys.archive()).map_err(damaged)?;
            let Some(tick) = checkpoint.checkpoint().tick.filter(|tick| tick.at >= at) else { continue };
            if self.snapshot.tick(tick).await?.is_some() {
                return Ok(Some((dated, tick)));
            }
        }
        Ok(None)
    }

    /// Adds a cited tick, if it is kept, and gives its time.
    async fn keep(
        &mut self,
        name: TickRef,
        ticks: &mut BTreeMap<TickRef, ByteBuf>,
    ) -> Result<Option<Timestamp>, Problem> {
        if let Entry::Vacant(place) = ticks.entry(name) {
            let Some(bytes) = self.snapshot.tick(name).await? else { return Ok(None) };
            place.insert(bytes.into());
        }
        Ok(Some(name.at))
    }

    /// All leaves between the two.
    async fn leaves(
        &mut self,
        first: &DatedCheckpoint,
        last: &DatedCheckpoint,
    ) -> Result<Vec<NumberedLeaf>, Problem> {
        let count = last.size.saturating_sub(first.size);
        if count > LEAVES_MAX {
            return Err(Problem::failed("evidence_silence_busy")
                .with("count", count)
                .with("most", LEAVES_MAX));
        }
        let leaves = self.snapshot.leaves(first.size, last.size).await?;
        let is_whole = leaves.iter().map(|(number, _)| *number).eq(first.size..last.size);
        if is_whole { Ok(leaves) } else { Err(Problem::failed("evidence_silence_gone")) }
    }
}

fn broken(receipt: &Receipt) -> Problem {
    Problem::failed("evidence_not_silent")
        .with("id", receipt.envelope_id)
        .with("event", receipt.event.word())
        .with("at", rfc3339(receipt.at))
}
