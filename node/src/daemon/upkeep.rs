//! What a node does by itself: follows newer plans and sheets, spreads its own, watches the disk and its certificate, rings.

use std::{collections::BTreeSet, process::Stdio, sync::Arc, time::Duration};

use quinn::Endpoint;
use relay::{
    envelope_id::EnvelopeKey,
    frame::DocumentKind,
    step::{Input, Notice, StorageLevel},
};
use tokio::sync::broadcast;
use topology::Precedence;

use super::Node;
use crate::{
    config::Config,
    directory::Directory,
    enrolment,
    link::{documents, endpoint::peer_of, registry::close},
    store::{reserve, sqlite::InboxFilter},
    trust::Trust,
};

const DISK_EVERY: Duration = Duration::from_secs(2);
const ALARM_PATIENCE: Duration = Duration::from_secs(10);
const MIB: u64 = 1024 * 1024;

/// A newer plan or sheet takes effect at once: in the engine, in the TLS configurations, on live links.
pub(super) async fn follow_trust(node: Arc<Node>, endpoint: Endpoint) {
    let mut changes = node.trust.changes();
    let mut version = node.trust.current().map.version();
    while changes.changed().await.is_ok() {
        let trust = changes.borrow_and_update().clone();
        if let Err(error) = node.tls.refresh(&trust) {
            tracing::error!(%error, "the revocation lists cannot be put in force");
        }
        if node.config.listen.is_some() {
            endpoint.set_server_config(Some(node.tls.server()));
        }
        if trust.map.version() != version {
            version = trust.map.version();
            node.registry().tell(Input::MapChanged(trust.map.clone())).await;
        }
        close_what_may_not_stay(&node, &trust);
    }
}

/// A live link is judged again: by the plan and by the revocation lists.
fn close_what_may_not_stay(node: &Node, trust: &Trust) {
    for (room, handle) in node.registry().handles() {
        let me = node.config.room;
        let neighbours = trust.map.may_dial(me, room) || trust.map.links(me).contains(&room);
        match peer_of(&handle.connection, &trust.map) {
            Ok(peer) if trust.keys.is_peer_revoked(&peer) => {
                tracing::warn!(%room, "the certificate of a live link is revoked");
                node.registry().close(room, close::REVOKED, "revoked");
            }
            Ok(peer) if peer.room == room && neighbours => {}
            Ok(_) | Err(_) => {
                tracing::warn!(%room, "the plan does not make this room a neighbour any more");
                node.registry().close(room, close::NOT_A_NEIGHBOUR, "not a neighbour any more");
            }
        }
    }
}

/// What the door publishes goes to every neighbour.
pub(super) async fn spread_own_sheets(node: Arc<Node>) {
    let mut published = node.door.published();
    loop {
        match published.recv().await {
            Ok(sheet) => {
                node.registry().broadcast(&documents::frames(DocumentKind::Sheet, &sheet), None);
            }
            Err(broadcast::error::RecvError::Lagged(_)) => {}
            Err(broadcast::error::RecvError::Closed) => return,
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
    if free < config.disk.critical_mib * MIB {
        StorageLevel::Critical
    } else if free < config.disk.low_mib * MIB {
        StorageLevel::Low
    } else {
        StorageLevel::Normal
    }
}

/// Renews the TLS certificate when a third of its life is left.
pub(super) async fn renew_certificate(node: Arc<Node>) {
    enrolment::renew_in_time(&node.identity, &node.directory, &node.trust, &node.tls).await;
}

/// Rings the alarm for what is urgent and signs that it rang. What was missed while the node was busy is found in
/// the inbox.
pub(super) async fn ring(node: Arc<Node>) {
    let mut notices = node.registry().notices();
    // The receipt of what rang a moment ago may not be stored yet.
    let mut rang_just_now = BTreeSet::new();
    loop {
        let unalerted = InboxFilter { unacknowledged: true, unalerted: true, ..InboxFilter::default() };
        match node.reader.inbox(unalerted).await {
            Ok(lines) => {
                let waiting: BTreeSet<EnvelopeKey> = lines.iter().map(|line| line.record.key).collect();
                rang_just_now.retain(|key| waiting.contains(key));
                for record in lines.iter().rev().map(|line| &line.record) {
                    let is_new = record.precedence <= Precedence::Immediate && !rang_just_now.contains(&record.key);
                    if is_new && ring_for(&node, record.key, record.precedence).await {
                        rang_just_now.insert(record.key);
                    }
                }
            }
            Err(error) => tracing::error!(%error, "the inbox cannot be read for the alarm"),
        }
        loop {
            match notices.recv().await {
                Ok(Notice::Delivered { precedence, .. }) if precedence <= Precedence::Immediate => break,
                Ok(Notice::Delivered { .. } | Notice::Receipt { .. }) => {}
                Err(broadcast::error::RecvError::Lagged(_)) => break,
                Err(broadcast::error::RecvError::Closed) => return,
            }
        }
    }
}

async fn ring_for(node: &Node, key: EnvelopeKey, precedence: Precedence) -> bool {
    let Some((program, arguments)) = node.config.alarm.split_first() else { return false };
    let mut command = tokio::process::Command::new(program);
    command.args(arguments).env("YICHUAN_PRECEDENCE", precedence.word());
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    let rang = match tokio::time::timeout(ALARM_PATIENCE, command.status()).await {
        Ok(Ok(status)) => status.success(),
        Ok(Err(error)) => {
            tracing::error!(%error, "the alarm program does not start");
            false
        }
        // It rings on; that it rings is what counts.
        Err(_) => true,
    };
    if rang {
        node.registry().tell(Input::Alerted(key)).await;
    }
    rang
}
