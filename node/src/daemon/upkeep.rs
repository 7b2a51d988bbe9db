//! What a node does by itself: follows and spreads newer plans, sheets and rule packs, watches the disk and its certificate, rings.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::Stdio,
    sync::Arc,
    time::{Duration, Instant},
};

use quinn::Endpoint;
use relay::{
    duty::timer::Stage,
    envelope_id::EnvelopeKey,
    frame::DocumentKind,
    log::DocumentLeaf,
    step::{Input, Notice, StorageLevel},
};
use tokio::sync::{broadcast, watch};
use topology::Precedence;

use super::Node;
use crate::{
    clock::Clock,
    config::Config,
    directory::Directory,
    duty, enrolment,
    link::endpoint,
    store::{reserve, sqlite::InboxFilter},
    trust::Trust,
};

/// Whatever a change missed is found within this.
const JUDGE_LINKS_EVERY: Duration = Duration::from_secs(30);
const DISK_EVERY: Duration = Duration::from_secs(2);
const ALARM_PATIENCE: Duration = Duration::from_secs(10);
const RING_AGAIN: Duration = Duration::from_secs(30);
/// Far more than a room can leave unacknowledged.
const RINGING_MAX: usize = 1_000;
const MIB: u64 = 1024 * 1024;

/// A newer plan or sheet takes effect at once, wherever it came from (a link, the door, a renewal, the desk): in the
/// engine, in the TLS configurations, at the neighbours, on live links.
pub(super) async fn follow_trust(
    node: Arc<Node>,
    endpoint: Endpoint,
    mut changes: watch::Receiver<Arc<Trust>>,
) {
    let mut known = changes.borrow_and_update().clone();
    loop {
        match tokio::time::timeout(JUDGE_LINKS_EVERY, changes.changed()).await {
            Ok(Ok(())) => {
                let trust = changes.borrow_and_update().clone();
                put_in_force(&node, &endpoint, &trust, &known).await;
                known = trust;
            }
            Ok(Err(_)) => return,
            Err(_) => {}
        }
        close_what_may_not_stay(&node);
    }
}

async fn put_in_force(node: &Node, endpoint: &Endpoint, trust: &Trust, before: &Trust) {
    if let Err(error) = node.tls.refresh(trust) {
        tracing::error!(%error, "the revocation lists cannot be put in force");
    }
    if node.config.listen.is_some() {
        endpoint.set_server_config(Some(node.tls.server()));
    }
    if trust.map.version() != before.map.version() {
        node.registry().spread(DocumentKind::Plan, &trust.plan);
        node.registry().tell(Input::MapChanged(trust.map.clone())).await;
        note(node, DocumentLeaf::new(&trust.plan, trust.map.version(), None)).await;
    }
    let known = before.sheet_versions();
    for sheet in trust.keys.sheets() {
        let (publisher, version) = (sheet.sheet().publisher, sheet.sheet().version);
        if known.iter().all(|(other, held)| *other != publisher || *held < version) {
            note(node, DocumentLeaf::new(sheet.bytes(), version, Some(publisher))).await;
        }
    }
    for sheet in trust.sheets_newer_than(&known) {
        node.registry().spread(DocumentKind::Sheet, &sheet.into());
    }
    for (kind, document) in trust.rules.lacking(before.rules.digests()) {
        node.registry().spread(kind, &document);
    }
    let missing = trust.rules.missing(&trust.map);
    if !missing.is_empty() {
        tracing::warn!(missing = missing.join(", "), "rule packs or calendars of the plan are not here yet");
    }
}

/// What counts from now on is a leaf of the log.
async fn note(node: &Node, leaf: DocumentLeaf) {
    node.registry().tell(Input::Document(leaf.encode().into())).await;
}

/// A live link is judged again: by the plan and by the revocation lists.
fn close_what_may_not_stay(node: &Node) {
    for (room, handle) in node.registry().handles() {
        if let Some((code, words)) = endpoint::objection(&node.context, &handle.connection, room) {
            tracing::warn!(%room, words, "a live link may not stay");
            node.registry().close(room, code, words);
        }
    }
}

/// Tells the driver when the disk fills or empties.
pub(super) async fn watch_disk(node: Arc<Node>) {
    loop {
        tokio::time::sleep(DISK_EVERY).await;
        let level = storage_level(&node.directory, &node.config);
        if *node.storage.borrow() != level {
            tracing::warn!(?level, "the disk's level has changed");
            node.storage.send_replace(level);
        }
    }
}

/// How full the volume of the directory is. What cannot be measured counts as normal: a full disk shows itself.
pub(super) fn storage_level(directory: &Directory, config: &Config) -> StorageLevel {
    let Ok(free) = reserve::free_space(directory.root()) else { return StorageLevel::Normal };
    if free < config.disk.critical_mib.saturating_mul(MIB) {
        StorageLevel::Critical
    } else if free < config.disk.low_mib.saturating_mul(MIB) {
        StorageLevel::Low
    } else {
        StorageLevel::Normal
    }
}

/// Renews the TLS certificate when a third of its life is left.
pub(super) async fn renew_certificate(node: Arc<Node>) {
    enrolment::renew_in_time(&node.identity, &node.directory, &node.trust, &node.tls).await;
}

/// Keeps what a parent says that this node has lost, so that people see it until they say that they know.
pub(super) async fn note_loss(node: Arc<Node>, mut notices: broadcast::Receiver<Notice>) {
    loop {
        match notices.recv().await {
            Ok(Notice::HistoryLost { held_by, head, own_size }) => {
                let epoch = node.epoch.borrow().counter;
                let run_from = node.reader.run_begins_at(epoch).await.ok().flatten().unwrap_or(own_size);
                if let Err(problem) = node.loss.note(held_by, head, run_from, node.clock.now()) {
                    tracing::error!(%problem, "what was lost cannot be noted");
                }
                node.context.ask_what_was_lost();
            }
            Ok(
                Notice::Delivered { .. }
                | Notice::Receipt { .. }
                | Notice::Duty { .. }
                | Notice::Tick(_)
                | Notice::HistoryBroken { .. },
            ) => {}
            // The parent says it again at the next beginning of the link, and our log holds the checkpoint that names it.
            Err(broadcast::error::RecvError::Lagged(missed)) => {
                tracing::warn!(missed, "what a parent said of our log may have been missed");
            }
            Err(broadcast::error::RecvError::Closed) => return,
        }
    }
}

/// Rings the alarm for what is urgent and signs that it rang, for 特提 again and again until somebody acknowledges it, and for
/// limits that have passed. A message that an officer has silenced does not ring meanwhile. What was missed while the node was
/// busy is found in the inbox.
pub(super) async fn ring(node: Arc<Node>) {
    let mut notices = node.registry().notices();
    let mut rang_at: BTreeMap<EnvelopeKey, Instant> = BTreeMap::new();
    loop {
        let waiting = InboxFilter { urgent: true, count: RINGING_MAX, ..InboxFilter::default() };
        match node.reader.inbox(waiting).await {
            Ok(lines) => {
                let waiting: BTreeSet<EnvelopeKey> = lines.iter().map(|line| line.record.key).collect();
                rang_at.retain(|key, _| waiting.contains(key));
                for line in lines.iter().rev() {
                    let (key, precedence) = (line.record.key, line.record.precedence);
                    // The receipt of what rang a moment ago may not be stored yet.
                    let rang = rang_at.get(&key);
                    let is_due = match precedence {
                        Precedence::Flash => rang.is_none_or(|at| at.elapsed() >= RING_AGAIN),
                        Precedence::Immediate | Precedence::Priority | Precedence::Routine => {
                            rang.is_none() && !line.alerted
                        }
                    };
                    let is_silent = node.silence.left_ms(key, node.clock.now()).is_some();
                    if is_due && !is_silent && rings(&node, precedence.word()).await {
                        if !line.alerted {
                            node.registry().tell(Input::Alerted(key)).await;
                        }
                        rang_at.insert(key, Clock::instant());
                    }
                }
            }
            Err(error) => tracing::error!(%error, "the inbox cannot be read for the alarm"),
        }
        if let Err(problem) = duty::ring_for_breaches(&node, async || rings(&node, "overdue").await).await {
            tracing::error!(%problem, "the time limits cannot be read for the alarm");
        }
        // An alarm that failed is tried again even if nothing urgent comes.
        let _ = tokio::time::timeout(RING_AGAIN, something_urgent(&mut notices)).await;
    }
}

/// Waits until something urgent is delivered or a limit has passed, or may have.
async fn something_urgent(notices: &mut broadcast::Receiver<Notice>) {
    loop {
        match notices.recv().await {
            Ok(Notice::Delivered { precedence, .. }) if precedence <= Precedence::Immediate => return,
            Ok(Notice::Duty { stage: Stage::Breach, .. }) => return,
            Ok(
                Notice::Delivered { .. }
                | Notice::Receipt { .. }
                | Notice::Duty { .. }
                | Notice::Tick(_)
                | Notice::HistoryLost { .. }
                | Notice::HistoryBroken { .. },
            ) => {}
            Err(broadcast::error::RecvError::Lagged(_) | broadcast::error::RecvError::Closed) => return,
        }
    }
}

/// Runs the alarm program, which is told what for in one word and nothing else; whether it rang.
async fn rings(node: &Node, word: &str) -> bool {
    let Some((program, arguments)) = node.config.alarm.split_first() else { return false };
    let mut command = tokio::process::Command::new(program);
    command.args(arguments).env("YICHUAN_PRECEDENCE", word);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    match tokio::time::timeout(ALARM_PATIENCE, command.status()).await {
        Ok(Ok(status)) => status.success(),
        Ok(Err(error)) => {
            tracing::error!(%error, "the alarm program does not start");
            false
        }
        // It rings on; that it rings is what counts.
        Err(_) => true,
    }
}
