//! The peer: a neighbour that says what a test wants it to say, over real QUIC and with real keys. It dials nodes as a
//! child would, and is dialled by nodes as a hub would be.

pub mod credentials;
pub mod forge;
mod hearing;
pub mod keys;
pub mod line;

use std::net::SocketAddr;

use certs::tls::ALPN_LINK;
use quinn::{Connection, Endpoint};
use topology::RoomId;

pub use self::{
    credentials::Credentials,
    forge::Draft,
    keys::Keys,
    line::{Ended, Heard, Line, hello},
};
use crate::cluster::LONG;

impl Keys {
    /// The room's own credentials.
    pub fn credentials(&self) -> Credentials {
        Credentials::of_key(self.chain.clone(), &self.tls)
    }

    /// Dials a hub as this room and is greeted.
    ///
    /// # Errors
    /// How the hub ended it instead.
    pub async fn dial(&self, hub: RoomId) -> Result<Line, Ended> {
        let (endpoint, connection) = self.connect(hub, Some(&self.credentials()), ALPN_LINK).await?;
        Line::greet(endpoint, connection, hello(self)).await
    }

    /// Dials a hub with any credentials, claims to be this room, and is greeted.
    ///
    /// # Errors
    /// How the hub ended it instead.
    pub async fn dial_with(&self, hub: RoomId, credentials: Option<&Credentials>) -> Result<Line, Ended> {
        let (endpoint, connection) = self.connect(hub, credentials, ALPN_LINK).await?;
        Line::greet(endpoint, connection, hello(self)).await
    }

    /// Connects to a hub with any credentials and under any protocol, and says nothing yet.
    ///
    /// # Errors
    /// How the hub ended it instead.
    ///
    /// # Panics
    /// When the hub is not on the map.
    pub async fn connect(
        &self,
        hub: RoomId,
        credentials: Option<&Credentials>,
        alpn: &[u8],
    ) -> Result<(Endpoint, Connection), Ended> {
        let name = self.map().dns_name(hub).expect("the hub is on the map");
        let address = self.address_of(hub);
        let config = credentials::client_config(&self.trust.root, credentials, alpn);
        let endpoint =
            Endpoint::client(SocketAddr::from(([127, 0, 0, 1], 0))).expect("a socket can be opened");
        let connecting = endpoint.connect_with(config, address, &name).expect("the address is good");
        let connection = tokio::time::timeout(LONG, connecting).await.expect("the hub answers or refuses");
        Ok((endpoint, connection.map_err(|error| line::ended(&error))?))
    }

    /// Where a hub listens.
    ///
    /// # Panics
    /// When it does not.
    pub fn address_of(&self, hub: RoomId) -> SocketAddr {
        let address = self.map().room(hub).and_then(|room| room.address.as_deref());
        address.expect("the hub listens").parse().expect("the address is one of loopback")
    }

    /// Listens where this room listens, in its place.
    ///
    /// # Panics
    /// When the address is taken: the room's own node must not run.
    pub fn listen(&self) -> Endpoint {
        let config = credentials::server_config(&self.trust.root, &self.credentials());
        Endpoint::server(config, self.address_of(self.room)).expect("the address is free")
    }

    /// Takes in the next room that dials, and is greeted by it.
    ///
    /// # Errors
    /// How that room ended it instead.
    pub async fn accept(&self, endpoint: &Endpoint) -> Result<Line, Ended> {
        let incoming = tokio::time::timeout(LONG, endpoint.accept()).await.expect("a room dials");
        let connection =
            incoming.expect("the endpoint is open").await.map_err(|error| line::ended(&error))?;
        Line::answer(endpoint.clone(), connection, hello(self)).await
    }
}
