//! The dialler: keeps the link with the parent up, and while the parent is away, one with an alternate parent.

use std::{net::SocketAddr, time::Duration};

use quinn::{Connection, Endpoint};
use topology::RoomId;

use super::{
    endpoint::{close_refused, peer_of},
    session::{self, Context, Side},
};
use crate::tls::TlsBook;

/// Dials for one node.
#[derive(Clone)]
pub struct Dialler {
    /// What sessions share.
    pub context: Context,
    /// The socket.
    pub endpoint: Endpoint,
    /// TLS configurations of the moment.
    pub tls: TlsBook,
}

/// Between two tries: quick at first, so that a hub that comes back is found within a second.
const RETRY_FIRST: Duration = Duration::from_millis(100);
const RETRY_MAX: Duration = Duration::from_millis(800);
const DIAL_PATIENCE: Duration = Duration::from_secs(5);
/// How long an alternate link stays after the parent is back.
const LINGER: Duration = Duration::from_secs(5);
/// Between tries beside each other, and how many: together as long as one may take.
const STEP: Duration = Duration::from_millis(600);
const TRIES_BESIDE: u32 = 8;
/// How long the parent must be away before an alternate parent is dialled.
const ALTERNATE_AFTER: Duration = Duration::from_secs(3);

impl Dialler {
    /// Runs until it is dropped: one loop for the parent and each alternate parent of the plan.
    pub async fn run(self) {
        let mut changes = self.context.intake.trust.changes();
        loop {
            let hubs = self.context.intake.trust.current().map.links(self.context.me);
            let mut loops = tokio::task::JoinSet::new();
            for (place, hub) in hubs.iter().copied().enumerate() {
                let dialler = self.clone();
                let before = hubs.get(..place).unwrap_or_default().to_vec();
                loops.spawn(async move { dialler.keep(hub, &before).await });
            }
            // The plan may name other hubs; then the loops begin anew.
            loop {
                if changes.changed().await.is_err() {
                    return;
                }
                if self.context.intake.trust.current().map.links(self.context.me) != hubs {
                    break;
                }
            }
        }
    }

    /// Keeps a link with one hub up; with an alternate one only while all before it are away.
    async fn keep(&self, hub: RoomId, before: &[RoomId]) {
        let mut retry = RETRY_FIRST;
        loop {
            if !before.is_empty() {
                self.wait_until_needed(before).await;
            }
            if self.context.intake.registry.is_cut(hub) {
                self.context.intake.registry.note_failure(hub, "link_cut");
                tokio::time::sleep(RETRY_FIRST).await;
                continue;
            }
            match self.dial_until_answered(hub).await {
                Ok((connection, peer)) => {
                    let started = crate::clock::Clock::instant();
                    self.run_session(hub, connection, peer, before).await;
                    if started.elapsed() > RETRY_MAX {
                        retry = RETRY_FIRST;
                    }
                }
                Err(reason) => self.context.intake.registry.note_failure(hub, &reason),
            }
            tokio::time::sleep(retry).await;
            retry = (retry * 2).min(RETRY_MAX);
        }
    }

    async fn wait_until_needed(&self, before: &[RoomId]) {
        let mut away = Duration::ZERO;
        while away < ALTERNATE_AFTER {
            tokio::time::sleep(RETRY_FIRST).await;
            let up = before.iter().any(|hub| self.context.intake.registry.is_up(*hub));
            away = if up { Duration::ZERO } else { away + RETRY_FIRST };
        }
    }

    /// Runs the session. A renewed certificate takes effect by a new connection; an alternate link ends in good
    /// order once a hub before it is back.
    async fn run_session(
        &self,
        hub: RoomId,
        connection: Connection,
        peer: certs::peer::PeerRoom,
        before: &[RoomId],
    ) {
        let mut renewed = self.tls.renewals();
        let session = session::run(self.context.clone(), connection.clone(), peer, Side::Dialled);
        tokio::pin!(session);
        loop {
            tokio::select! {
                _ = &mut session => return,
                Ok(()) = renewed.changed() => {
                    tracing::info!(room = %hub, "dialling anew with the renewed certificate");
                    connection.close(super::registry::close::GOODBYE.into(), b"renewed");
                }
                () = self.wait_until_superfluous(before), if !before.is_empty() => {
                    connection.close(super::registry::close::GOODBYE.into(), b"the parent is back");
                }
            }
        }
    }

    async fn wait_until_superfluous(&self, before: &[RoomId]) {
        while !before.iter().any(|hub| self.context.intake.registry.is_up(*hub)) {
            tokio::time::sleep(RETRY_FIRST).await;
        }
        // Receipts of what went this way come back this way.
        tokio::time::sleep(LINGER).await;
    }

    /// A first packet that is lost is sent again only after seconds, so further tries begin beside the first: a hub
    /// that comes back is found within one of these steps.
    async fn dial_until_answered(&self, hub: RoomId) -> Result<(Connection, certs::peer::PeerRoom), String> {
        let mut tries = tokio::task::JoinSet::new();
        let mut reason = "link_silent".to_owned();
        for _ in 0..TRIES_BESIDE {
            let dialler = self.clone();
            tries.spawn(async move { dialler.dial(hub).await });
            let next_step = tokio::time::sleep(STEP);
            tokio::pin!(next_step);
            loop {
                tokio::select! {
                    () = &mut next_step => break,
                    Some(done) = tries.join_next() => match done {
                        Ok(Ok(answered)) => return Ok(answered),
                        Ok(Err(why)) => {
                            reason = why;
                            if tries.is_empty() {
                                return Err(reason);
                            }
                        }
                        Err(_) => {}
                    },
                }
            }
        }
        Err(reason)
    }

    async fn dial(&self, hub: RoomId) -> Result<(Connection, certs::peer::PeerRoom), String> {
        let map = self.context.intake.trust.current().map.clone();
        let room = map.room(hub).ok_or("link_not_a_neighbour")?;
        let name = map.dns_name(hub).ok_or("link_not_a_neighbour")?;
        let address = room.address.as_deref().ok_or("link_no_address")?;
        let address = resolve(address).await.ok_or("link_no_address")?;
        let config = self.tls.client();
        let connecting =
            self.endpoint.connect_with(config, address, &name).map_err(|_| "link_no_address".to_owned())?;
        let connection = tokio::time::timeout(DIAL_PATIENCE, connecting)
            .await
            .map_err(|_| "link_silent".to_owned())?
            .map_err(|error| {
                tracing::debug!(room = %hub, %error, "cannot dial");
                reason_of_failure(&error).to_owned()
            })?;
        match peer_of(&connection, &map) {
            Ok(peer) if peer.room == hub => Ok((connection, peer)),
            Ok(_) | Err(_) => {
                close_refused(&connection);
                Err("link_not_a_neighbour".to_owned())
            }
        }
    }
}

async fn resolve(address: &str) -> Option<SocketAddr> {
    tokio::net::lookup_host(address).await.ok()?.next()
}

fn reason_of_failure(error: &quinn::ConnectionError) -> &'static str {
    match error {
        quinn::ConnectionError::TimedOut => "link_silent",
        quinn::ConnectionError::ApplicationClosed(closed) => {
            super::registry::close::word(closed.error_code.into_inner())
        }
        quinn::ConnectionError::TransportError(_) | quinn::ConnectionError::ConnectionClosed(_) => {
            "link_handshake"
        }
        quinn::ConnectionError::VersionMismatch
        | quinn::ConnectionError::Reset
        | quinn::ConnectionError::LocallyClosed
        | quinn::ConnectionError::CidsExhausted => "link_lost",
    }
}
