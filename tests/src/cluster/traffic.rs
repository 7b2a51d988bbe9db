//! Traffic: what officers send while something goes wrong, and a ledger of what they were told.
//!
//! A message whose answer was lost with its node is neither accepted nor refused: it may come through, once.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{sync::Mutex, task::JoinHandle};

use super::{Cluster, Letter, wait::until_true};

/// Who writes to whom.
#[derive(Debug, Clone, Copy)]
pub struct Flow {
    /// Code of the room that sends.
    pub from: &'static str,
    /// Kind of message.
    pub kind: &'static str,
    /// Codes of the rooms that it goes to, in turn.
    pub to: &'static [&'static str],
}

/// Reports up and instructions down over [`super::Network::three`], to the next hop and over both.
pub const BOTH_WAYS: [Flow; 3] = [
    Flow { from: "411322", kind: "report", to: &["410000", "411300"] },
    Flow { from: "411300", kind: "report", to: &["410000"] },
    Flow { from: "410000", kind: "instruction", to: &["411322", "411300"] },
];

/// From whom an accepted message is, and for whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Way {
    /// Code of the origin.
    pub origin: &'static str,
    /// Code of the target.
    pub target: &'static str,
}

/// What officers were told.
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    /// How often somebody pressed send.
    pub submitted: u64,
    /// What was accepted, by its id.
    pub accepted: BTreeMap<String, Way>,
    /// Why the rest was not, by the code of the problem.
    pub problems: BTreeMap<String, u64>,
    /// How often the power of each room was switched: it is off after an odd number.
    switched: BTreeMap<&'static str, u64>,
}

impl Ledger {
    /// Messages of which nobody was told whether they were taken.
    pub fn unanswered(&self) -> u64 {
        self.problems.get("no_answer").copied().unwrap_or(0)
    }

    fn power(&self, code: &str) -> u64 {
        self.switched.get(code).copied().unwrap_or(0)
    }
}

/// Tasks that send until they are told to stop.
pub struct Traffic {
    ledger: Arc<Mutex<Ledger>>,
    stop: Arc<AtomicBool>,
    tasks: Vec<JoinHandle<()>>,
}

impl Traffic {
    /// Begins to send, each flow with this pause after every message.
    pub fn begin(cluster: &Arc<Cluster>, flows: &[Flow], pause: Duration) -> Self {
        let (ledger, stop) = (Arc::new(Mutex::new(Ledger::default())), Arc::new(AtomicBool::new(false)));
        let tasks = flows.iter().map(|flow| {
            tokio::spawn(keep_sending(cluster.clone(), *flow, pause, ledger.clone(), stop.clone()))
        });
        Self { tasks: tasks.collect(), ledger, stop }
    }

    /// Messages accepted so far.
    pub async fn accepted(&self) -> usize {
        self.ledger.lock().await.accepted.len()
    }

    /// Waits until so many more were accepted.
    pub async fn goes_on(&self, more: usize, limit: Duration) {
        let before = self.accepted().await;
        until_true("messages are accepted", limit, async || self.accepted().await >= before + more).await;
    }

    /// Switches the power of a room off or on again. An answer counts only if it was heard while the power was on, and the
    /// same power as when the question was put: so what was acknowledged before a cut is known exactly.
    pub async fn switch_power<T>(&self, code: &'static str, switch: impl FnOnce() -> T) -> T {
        let mut ledger = self.ledger.lock().await;
        *ledger.switched.entry(code).or_default() += 1;
        switch()
    }

    /// The ledger as it stands.
    pub async fn so_far(&self) -> Ledger {
        self.ledger.lock().await.clone()
    }

    /// Stops, and gives the ledger.
    pub async fn end(self) -> Ledger {
        self.stop.store(true, Ordering::Relaxed);
        for task in self.tasks {
            task.await.expect("sending does not panic");
        }
        self.ledger.lock().await.clone()
    }
}

async fn keep_sending(
    cluster: Arc<Cluster>,
    flow: Flow,
    pause: Duration,
    ledger: Arc<Mutex<Ledger>>,
    stop: Arc<AtomicBool>,
) {
    for number in 0_usize.. {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let target = flow.to[number % flow.to.len()];
        let precedence = ["routine", "priority", "immediate", "flash"][number % 4];
        let letter = Letter::test(flow.kind, &[target], &format!("第{number}件,来自{}", flow.from));
        let power = ledger.lock().await.power(flow.from);
        let sent = cluster.room(flow.from).try_send(&letter.precedence(precedence)).await;
        let mut ledger = ledger.lock().await;
        ledger.submitted += 1;
        match sent {
            Ok(_) if power % 2 == 1 || power != ledger.power(flow.from) => {
                *ledger.problems.entry("power_off".to_owned()).or_default() += 1;
            }
            Ok(id) => {
                ledger.accepted.insert(id, Way { origin: flow.from, target });
            }
            Err(problem) => *ledger.problems.entry(problem.code).or_default() += 1,
        }
        drop(ledger);
        tokio::time::sleep(pause).await;
    }
}
