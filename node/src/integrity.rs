//! Whether the database's file is sound: what the last reading of the whole file found, and when that was.
//!
//! Reading it all takes longer the more is stored, so no page waits for it: the node reads it at its start and every hour,
//! and `doctor` reads it anew. Damage that is met between two readings is in quarantine at once.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use relay::timestamp::Timestamp;

use crate::{clock::Clock, daemon::Node, store::StoreError};

/// What a reading of the whole file found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// When, by the machine's clock.
    pub at: Timestamp,
    /// What is wrong; nothing when the file is sound.
    pub damage: Vec<String>,
}

/// The last finding.
#[derive(Debug, Default)]
pub struct Integrity {
    last: Mutex<Option<Arc<Finding>>>,
    /// One reads at a time: the other connection stays free for people.
    reading: tokio::sync::Mutex<()>,
}

/// How often the node reads the file by itself.
const EVERY: Duration = Duration::from_secs(3600);
/// It rests this many times as long as the reading took, so that a large file on a slow disk is not read all the time.
const REST: u32 = 50;

impl Integrity {
    /// What was found last; reads the file when nobody has yet.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be read.
    pub async fn last(&self, node: &Node) -> Result<Arc<Finding>, StoreError> {
        match self.kept() {
            Some(finding) => Ok(finding),
            None => self.read(node, true).await,
        }
    }

    /// Reads the file now; may take minutes.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be read.
    pub async fn anew(&self, node: &Node) -> Result<Arc<Finding>, StoreError> {
        self.read(node, false).await
    }

    async fn read(&self, node: &Node, another_will_do: bool) -> Result<Arc<Finding>, StoreError> {
        let _turn = self.reading.lock().await;
        if let Some(finding) = self.kept().filter(|_| another_will_do) {
            return Ok(finding);
        }
        let damage = node.reader.check().await?;
        if !damage.is_empty() {
            tracing::error!(damage = damage.join("; "), "the database is damaged");
        }
        let finding = Arc::new(Finding { at: Clock::wall(), damage });
        *self.last.lock().expect("no holder panics") = Some(finding.clone());
        Ok(finding)
    }

    fn kept(&self) -> Option<Arc<Finding>> {
        self.last.lock().expect("no holder panics").clone()
    }
}

/// Reads the file as long as the node runs.
pub async fn watch(node: Arc<Node>) {
    loop {
        let began = Clock::instant();
        if let Err(error) = node.integrity.anew(&node).await {
            tracing::error!(%error, "the database cannot be checked");
        }
        tokio::time::sleep((began.elapsed() * REST).max(EVERY)).await;
    }
}
