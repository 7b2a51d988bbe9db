//! The audit (核验): everything that a node has signed, stored or seen, checked against itself and against the keys of the
//! sheets, from the first leaf of its log to the last body.
//!
//! It reads the database directly, in one reading transaction, whether the node runs or not, in the memory of one page.
//! It promises: what it calls sound hashes up to the heads that this room signed and the root hub dated. It leaves to the
//! parent: whether the whole log was exchanged for another one that is sound in itself; the parent holds its head.
//! *Against:* an operator who edits the database, and a disk that forgets.

mod envelopes;
mod heads;
mod held;
mod leaf;
mod log;
mod report;
mod witness;

use std::{collections::BTreeSet, path::Path, sync::Arc};

use relay::{tick::TickRef, timestamp::Timestamp};
use topology::RoomId;

pub use self::heads::{KnownHead, heads};
pub use self::held::{HeldReceipt, held};
pub use self::report::{Break, Damaged, Finding, Report};
use crate::{
    clock::Clock,
    config::Config,
    directory::Directory,
    problem::Problem,
    store::sqlite::Ledger,
    trust::{Trust, TrustBook},
};

/// Audits the node of a directory.
///
/// # Errors
/// [`Problem`] when something cannot be read at all; what is wrong with what was read stands in the report.
pub async fn verify(dir: &Path) -> Result<Report, Problem> {
    let (ledger, trust, config) = open(dir).await?;
    let now = Clock::wall();
    let kept_ms = i64::try_from(config.retention.evidence().as_millis()).unwrap_or(i64::MAX);
    let evidence_from = Timestamp::from_ms(now.as_ms().saturating_sub(kept_ms));
    Auditor::new(ledger, trust, config.room, evidence_from).run().await
}

async fn open(dir: &Path) -> Result<(Ledger, Arc<Trust>, Config), Problem> {
    let directory = Directory::open(dir)?;
    let config = Config::load(&directory.file("config.toml"))?;
    let trust = TrustBook::open(&directory, Clock::wall())?.current();
    let ledger = Ledger::open(&directory.file("node.db")).await?;
    Ok((ledger, trust, config))
}

/// One audit under way.
struct Auditor {
    ledger: Ledger,
    trust: Arc<Trust>,
    me: RoomId,
    /// Receipts of what was dated before this may have been given up.
    evidence_from: Timestamp,
    /// Ticks that were looked up a moment ago: neighbours in the log cite the same ones.
    ticks_seen: BTreeSet<TickRef>,
    report: Report,
}

impl Auditor {
    fn new(ledger: Ledger, trust: Arc<Trust>, me: RoomId, evidence_from: Timestamp) -> Self {
        let report = Report { room: me.to_string(), ..Report::default() };
        Self { ledger, trust, me, evidence_from, ticks_seen: BTreeSet::new(), report }
    }

    async fn run(mut self) -> Result<Report, Problem> {
        self.walk_log().await?;
        self.check_numbers().await?;
        self.check_heads().await?;
        self.check_ticks().await?;
        self.check_envelopes().await?;
        self.list_known_damage().await?;
        Ok(self.report)
    }
}
