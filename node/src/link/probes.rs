//! `ping` and `trace`: questions under way and who waits for their answers.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use relay::frame::Probe;
use tokio::sync::oneshot;

/// Questions under way.
#[derive(Clone, Default)]
pub struct Probes {
    waiting: Arc<Mutex<BTreeMap<[u8; 8], oneshot::Sender<Probe>>>>,
}

/// A question under way; when it is dropped nobody waits any more.
pub struct Waiting {
    probes: Probes,
    nonce: [u8; 8],
    answer: oneshot::Receiver<Probe>,
}

impl Probes {
    /// Waits for the answer to the probe with this nonce.
    pub fn expect(&self, nonce: [u8; 8]) -> Waiting {
        let (sender, answer) = oneshot::channel();
        self.waiting.lock().expect("no holder of the probes panics").insert(nonce, sender);
        Waiting { probes: self.clone(), nonce, answer }
    }

    /// An answer came. One that nobody waits for is dropped.
    pub fn answer(&self, probe: Probe) {
        let waiting =
            self.waiting.lock().expect("no holder of the probes panics").remove(probe.nonce.as_slice());
        if let Some(waiting) = waiting {
            // Whoever asked may have given up.
            let _ = waiting.send(probe);
        }
    }
}

impl Waiting {
    /// The answer; `None` when it cannot come any more.
    pub async fn answer(mut self) -> Option<Probe> {
        (&mut self.answer).await.ok()
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.probes.waiting.lock().expect("no holder of the probes panics").remove(&self.nonce);
    }
}
