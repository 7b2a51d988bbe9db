//! The dialler: keeps the link with the parent up, and while the parent is away, one with an alternate parent.

use std::{collections::BTreeSet, net::SocketAddr, time::Duration};

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
    /// Runs until it is dropped: one loop for the parent and each alternate parent of the plan. A loop ends by itself,
    /// after its session, when the plan does not name its hub any more: a session is never cut off in the middle.
    pub async fn run(self) {
        let mut changes = self.context.intake.trust.changes();
        let mut loops = tokio::task::JoinSet::new();
        let mut kept = BTreeSet::new();
        loop {
            for hub in self.hubs() {
                if kept.insert(hub) {
                    let dialler = self.clone();
                    loops.spawn(async move { dialler.keep(hub).await });
                }
            }
            tokio::select! {
                Ok(()) = changes.changed() => {}
                Some(ended) = loops.join_next() => match ended {
                    Ok(hub) => {
                        kept.remove(&hub);
                    }
                    // Without its dialler a node would look alive; the daemon sees this one end.
                    Err(error) => return tracing::error!(%error, "a dialler has failed"),
                },
                else => return,
            }
        }
    }

    /// The parent, then the alternate parents.
    fn hubs(&self) -> Vec<RoomId> {
        self.context.intake.trust.current().map.links(self.context.me)
    }

    /// Whether the plan has a link with this hub.
    fn is_hub(&self, hub: RoomId) -> bool {
        self.hubs().contains(&hub)
    }

    /// Whether a link with a hub that stands before this one is up.
    fn is_better_up(&self, hub: RoomId) -> bool {
        let registry = &self.context.intake.registry;
        self.hubs().into_iter().take_while(|before| *before != hub).any(|before| registry.is_up(before))
    }

    /// Keeps a link with one hub up; with an alternate one only while all before it are away.
    async fn keep(&self, hub: RoomId) -> RoomId {
        let mut retry = RETRY_FIRST;
        loop {
            self.wait_until_needed(hub).await;
            if !self.is_hub(hub) {
                return hub;
            }
            if self.context.intake.registry.is_cut(hub) {
                self.context.intake.registry.note_failure(hub, "link_cut");
                tokio::time::sleep(RETRY_FIRST).await;
                continue;
            }
            match self.dial_until_answered(hub).await {
                Ok((connection, peer)) => {
                    let started = crate::clock::Clock::instant();
                    self.run_session(hub, connection, peer).await;
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

    /// The first hub is always needed, and one that the plan does not name any more has its loop ended at once.
    async fn wait_until_needed(&self, hub: RoomId) {
        let mut away = Duration::ZERO;
        while away < ALTERNATE_AFTER && self.hubs().iter().skip(1).any(|alternate| *alternate == hub) {
            tokio::time::sleep(RETRY_FIRST).await;
            away = if self.is_better_up(hub) { Duration::ZERO } else { away + RETRY_FIRST };
        }
    }

    /// Runs the session. A renewed certificate takes effect by a new connection; an alternate link ends in good
    /// order once a hub before it is back.
    async fn run_session(&self, hub: RoomId, connection: Connection, peer: certs::peer::PeerRoom) {
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
                () = self.wait_until_superfluous(hub) => {
                    connection.close(super::registry::close::GOODBYE.into(), b"the parent is back");
                }
            }
        }
    }

    async fn wait_until_superfluous(&self, hub: RoomId) {
        while !(self.is_hub(hub) && self.is_better_up(hub)) {
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
        let address = self.resolve(address).await.ok_or("link_no_address")?;
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

    /// An address that the node's socket can reach, of those that a name has.
    async fn resolve(&self, address: &str) -> Option<SocketAddr> {
        let here = self.endpoint.local_addr().ok()?;
        let mut found = tokio::net::lookup_host(address).await.ok()?;
        found.find(|there| here.is_ipv6() || there.is_ipv4())
    }
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
