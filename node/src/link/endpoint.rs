//! The endpoint: the node's UDP socket. It takes in rooms that dial, tells links from rooms at the door by ALPN, and
//! lets nobody in who is not a neighbour on the map.
//! *Against:* no certificate, another room's certificate, floods of half-open handshakes.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use aws_lc_rs::{hmac, rand};
use certs::{
    peer::{PeerError, PeerRoom, peer_room},
    seal::StorageKey,
    tls::{ALPN_JOIN, ALPN_LINK},
};
use quinn::{Connection, Endpoint, Incoming, TransportConfig, VarInt};
use rustls::pki_types::CertificateDer;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task::JoinSet,
};
use topology::{Map, RoomId};

use super::{
    congestion::UnqueuedConfig,
    places::{Place, Places},
    registry::close,
    session::{self, Context, Side},
};
use crate::{door::Door, problem::Problem, tls::TlsBook};

/// Handshakes under way at once.
const HANDSHAKES_MAX: usize = 64;
/// Of them, those of one address that has proved itself: whoever leaves its own half open keeps nobody else out.
const HANDSHAKES_OF_AN_ADDRESS_MAX: usize = 16;
/// From here on an address must prove itself first (QUIC Retry, RFC 9000 section 8.1.2).
const RETRY_FROM: usize = 16;
/// Rooms at the door at once.
const DOOR_MAX: usize = 16;
const HANDSHAKE_PATIENCE: Duration = Duration::from_secs(10);
/// What may be on its way on one stream.
const STREAM_WINDOW_BYTES: u32 = 1024 * 1024;

/// Opens the socket. A room that nobody dials gets any free port.
///
/// # Errors
/// `port_in_use`, `listen_failed`.
pub fn open(listen: Option<SocketAddr>, tls: &TlsBook, storage: &StorageKey) -> Result<Endpoint, Problem> {
    let any = SocketAddr::from(([0, 0, 0, 0], 0));
    let address = listen.unwrap_or(any);
    let socket = std::net::UdpSocket::bind(address).map_err(|error| {
        let code =
            if error.kind() == std::io::ErrorKind::AddrInUse { "port_in_use" } else { "listen_failed" };
        Problem::failed(code).with("address", address).with("detail", error)
    })?;
    let server = listen.is_some().then(|| tls.server());
    Endpoint::new(configuration(storage), server, socket, Arc::new(quinn::TokioRuntime))
        .map_err(|error| Problem::failed("listen_failed").with("address", address).with("detail", error))
}

/// A node that was killed and is back tells its neighbours by stateless resets (RFC 9000 section 10.3), if they come
/// from the same key as before (it is derived from the node's storage key) and if packets that name a connection of its
/// earlier run are not passed over.
fn configuration(storage: &StorageKey) -> quinn::EndpointConfig {
    let seed = certs::digest_of_parts(&[b"yichuan quic stateless reset", &storage.to_bytes()]);
    let mut configuration =
        quinn::EndpointConfig::new(Arc::new(hmac::Key::new(hmac::HMAC_SHA256, seed.as_bytes())));
    configuration.cid_generator(|| Box::new(RandomIds));
    configuration
}

/// Connection ids at random. None is recognised as one's own: a packet with any unknown one is answered by a reset.
struct RandomIds;

impl quinn::ConnectionIdGenerator for RandomIds {
    fn generate_cid(&mut self) -> quinn::ConnectionId {
        let mut id = [0; CONNECTION_ID_LEN];
        rand::fill(&mut id).expect("the system has randomness");
        quinn::ConnectionId::new(&id)
    }

    fn cid_len(&self) -> usize {
        CONNECTION_ID_LEN
    }

    fn cid_lifetime(&self) -> Option<Duration> {
        None
    }
}

const CONNECTION_ID_LEN: usize = 8;

/// How a link behaves on the wire: found dead after ten silent seconds, buffers of a few MiB.
pub fn transport() -> Arc<TransportConfig> {
    let mut transport = TransportConfig::default();
    transport
        .max_idle_timeout(Some(VarInt::from_u32(10_000).into()))
        .keep_alive_interval(Some(Duration::from_secs(2)))
        .max_concurrent_bidi_streams(1_u32.into())
        .max_concurrent_uni_streams(4_u32.into())
        .stream_receive_window(STREAM_WINDOW_BYTES.into())
        // More than all streams together: however full the others are, there is room for a frame on the control stream.
        .receive_window((6 * STREAM_WINDOW_BYTES).into())
        .send_window(6 * u64::from(STREAM_WINDOW_BYTES))
        // Packets of 1,200 bytes pass everywhere (RFC 9000 section 14). What larger ones save is not worth finding out, many
        // seconds late, that a line has begun to swallow them.
        .mtu_discovery_config(None)
        .congestion_controller_factory(Arc::new(UnqueuedConfig::default()))
        .datagram_receive_buffer_size(None);
    Arc::new(transport)
}

/// Takes in rooms until the endpoint is closed.
pub async fn accept(endpoint: Endpoint, context: Context, door: Door) {
    let handshakes = Arc::new(Semaphore::new(HANDSHAKES_MAX));
    let addresses = Places::new(HANDSHAKES_OF_AN_ADDRESS_MAX);
    let at_door = Arc::new(Semaphore::new(DOOR_MAX));
    let mut tasks = JoinSet::new();
    while let Some(incoming) = endpoint.accept().await {
        while tasks.try_join_next().is_some() {}
        let busy = HANDSHAKES_MAX - handshakes.available_permits() >= RETRY_FROM;
        if busy && !incoming.remote_address_validated() {
            // A retry that cannot be sent is one more lost packet.
            let _ = incoming.retry();
            continue;
        }
        let Some(permit) = permit(&handshakes, &addresses, &incoming) else {
            incoming.refuse();
            continue;
        };
        let (context, door, at_door) = (context.clone(), door.clone(), at_door.clone());
        tasks.spawn(async move {
            let Some(connection) = handshake(incoming).await else { return };
            drop(permit);
            take_in(connection, context, door, at_door).await;
        });
    }
    tasks.shutdown().await;
}

/// A place among the handshakes, if there is one. An address that is not proved may be somebody else's, and is not counted.
fn permit(
    handshakes: &Arc<Semaphore>,
    addresses: &Places<IpAddr>,
    incoming: &Incoming,
) -> Option<(OwnedSemaphorePermit, Option<Place<IpAddr>>)> {
    let whose = network_of(incoming.remote_address().ip());
    let place = match incoming.remote_address_validated() {
        true => Some(addresses.take(whose)?),
        false => None,
    };
    Some((handshakes.clone().try_acquire_owned().ok()?, place))
}

/// An IPv6 host has a network of 2^64 addresses to itself.
fn network_of(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => IpAddr::V6((u128::from(address) >> 64 << 64).into()),
    }
}

async fn handshake(incoming: Incoming) -> Option<Connection> {
    let from = incoming.remote_address();
    match tokio::time::timeout(HANDSHAKE_PATIENCE, incoming).await {
        Ok(Ok(connection)) => Some(connection),
        Ok(Err(error)) => {
            tracing::warn!(%from, %error, "a handshake failed");
            None
        }
        Err(_) => None,
    }
}

async fn take_in(connection: Connection, context: Context, door: Door, at_door: Arc<Semaphore>) {
    match alpn(&connection).as_deref() {
        Some(ALPN_LINK) => link(connection, context).await,
        Some(ALPN_JOIN) => {
            let Ok(_place) = at_door.try_acquire() else {
                connection.close(close::BUSY.into(), b"busy");
                return;
            };
            door.serve(connection).await;
        }
        Some(_) | None => connection.close(close::INCOMPATIBLE.into(), b"unknown protocol"),
    }
}

/// A room dials for a link: only the plan's children of this room come in, and nothing is served to anybody else.
async fn link(connection: Connection, context: Context) {
    let from = connection.remote_address();
    let trust = context.intake.trust.current();
    let peer = match peer_of(&connection, &trust.map) {
        Ok(peer) => peer,
        Err(error) => {
            tracing::warn!(%from, %error, "a peer without a place on the map");
            close_refused(&connection);
            return;
        }
    };
    if !trust.map.may_dial(context.me, peer.room) {
        tracing::warn!(%from, room = %peer.room, "a room that is not this one's child");
        connection.close(close::NOT_A_NEIGHBOUR.into(), b"not a child of this room");
        return;
    }
    if let Some((code, words)) = objection(&context, &connection, peer.room) {
        tracing::warn!(%from, room = %peer.room, words, "a room that may not have a link");
        connection.close(code.into(), words.as_bytes());
        return;
    }
    let Some(_place) = context.places.take(peer.room) else {
        connection.close(close::BUSY.into(), b"too many connections of this room");
        return;
    };
    session::run(context, connection, peer, Side::Accepted).await;
}

/// Why there may be no link with this room over this connection, by the plan and the revocation lists of now: the close
/// code and words for it.
pub fn objection(context: &Context, connection: &Connection, room: RoomId) -> Option<(u32, &'static str)> {
    let trust = context.intake.trust.current();
    let neighbours = trust.map.may_dial(context.me, room) || trust.map.links(context.me).contains(&room);
    match peer_of(connection, &trust.map) {
        Ok(peer) if trust.keys.is_peer_revoked(&peer) => Some((close::REVOKED, "revoked")),
        Ok(peer) if peer.room == room && neighbours => {
            context.intake.registry.is_cut(room).then_some((close::CUT, "cut by hand"))
        }
        Ok(_) | Err(_) => Some((close::NOT_A_NEIGHBOUR, "not a neighbour by the plan")),
    }
}

/// The room at the other end, by its validated certificate and the plan.
///
/// # Errors
/// [`PeerError`].
pub fn peer_of(connection: &Connection, map: &Map) -> Result<PeerRoom, PeerError> {
    let identity = connection.peer_identity().ok_or(PeerError::NoCertificate)?;
    let chain = identity.downcast::<Vec<CertificateDer<'static>>>().map_err(|_| PeerError::NoCertificate)?;
    peer_room(map, &chain)
}

/// Closes a connection whose other end has no place here.
pub fn close_refused(connection: &Connection) {
    let code =
        if connection.peer_identity().is_none() { close::NO_CERTIFICATE } else { close::NOT_A_NEIGHBOUR };
    connection.close(code.into(), b"refused");
}

fn alpn(connection: &Connection) -> Option<Vec<u8>> {
    connection.handshake_data()?.downcast::<quinn::crypto::rustls::HandshakeData>().ok()?.protocol
}
