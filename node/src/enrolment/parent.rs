//! The parent as a room sees it from outside its door: dialled, validated by the network's root, knocked at once.
//!
//! *Against:* somebody who answers in the parent's place.

use std::time::Duration;

use certs::tls::{TlsError, join_client_config};
use quinn::{ConnectionError, Endpoint, crypto::rustls::QuicClientConfig};
use rustls::pki_types::CertificateDer;

use crate::{
    door::message::{self, Knock, MessageError, REPLY_BYTES_MAX, Reply},
    link::{endpoint::transport, registry::close},
    problem::Problem,
};

/// How to reach a parent.
pub(super) struct Parent {
    address: String,
    dns: String,
    config: quinn::ClientConfig,
}

/// What was answered, and by whom.
pub(super) struct Answered {
    pub(super) reply: Reply,
    /// The certificates of the other end; the path to the root is validated, its place on the map is not.
    pub(super) chain: Vec<CertificateDer<'static>>,
}

/// Why nothing was answered.
#[derive(Debug, thiserror::Error)]
pub(super) enum KnockError {
    /// The address leads nowhere.
    #[error("the address {0} leads nowhere")]
    Address(String),
    /// Nobody there, or the line is down.
    #[error("nobody answers: {0}")]
    Unreachable(String),
    /// It has no place for us now.
    #[error("the parent is busy")]
    Busy,
    /// Its certificate is not that of the parent.
    #[error("the other end is not the parent: {0}")]
    NotTheParent(String),
    /// Its certificate is the parent's, but of no use any more.
    #[error("the parent's certificate has expired or is revoked: {0}")]
    Ended(String),
    /// It answered nonsense.
    #[error("the answer is not understood: {0}")]
    NotUnderstood(String),
}

impl KnockError {
    /// Whether the same may succeed in a moment.
    pub(super) fn passes(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::Busy => true,
            Self::Address(_) | Self::NotTheParent(_) | Self::Ended(_) | Self::NotUnderstood(_) => false,
        }
    }
}

impl Parent {
    /// A parent at this address that must show a certificate for this DNS name under this root.
    pub(super) fn new(
        address: &str,
        dns: &str,
        root: &CertificateDer<'static>,
        crls: &[Vec<u8>],
    ) -> Result<Self, TlsError> {
        let tls = QuicClientConfig::try_from(join_client_config(root, crls)?)
            .map_err(|error| TlsError::Verifier(error.to_string()))?;
        let mut config = quinn::ClientConfig::new(std::sync::Arc::new(tls));
        config.transport_config(transport());
        Ok(Self { address: address.to_owned(), dns: dns.to_owned(), config })
    }

    /// Knocks once.
    pub(super) async fn knock(&self, knock: &Knock) -> Result<Answered, KnockError> {
        let unreachable = |error: std::io::Error| KnockError::Unreachable(error.to_string());
        let mut addresses = tokio::net::lookup_host(&self.address)
            .await
            .map_err(|error| KnockError::Address(format!("{}: {error}", self.address)))?;
        let address = addresses.next().ok_or_else(|| KnockError::Address(self.address.clone()))?;
        let any = if address.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
        let endpoint = Endpoint::client(any.parse().expect("an address")).map_err(unreachable)?;
        let connecting = endpoint
            .connect_with(self.config.clone(), address, &self.dns)
            .map_err(|error| KnockError::Address(error.to_string()))?;
        let connection = tokio::time::timeout(DIAL_PATIENCE, connecting)
            .await
            .map_err(|_| KnockError::Unreachable(format!("{address} is silent")))?
            .map_err(|error| of_connection(&error))?;
        let answered = tokio::time::timeout(REPLY_PATIENCE, exchange(&connection, knock)).await;
        connection.close(close::GOODBYE.into(), b"done");
        // The close must leave before the socket goes.
        let _ = tokio::time::timeout(CLOSE_PATIENCE, endpoint.wait_idle()).await;
        answered.map_err(|_| KnockError::Unreachable(format!("{address} is too slow")))?
    }
}

async fn exchange(connection: &quinn::Connection, knock: &Knock) -> Result<Answered, KnockError> {
    let chain =
        connection.peer_identity().and_then(|chain| chain.downcast::<Vec<CertificateDer<'static>>>().ok());
    let chain = *chain.ok_or_else(|| KnockError::NotTheParent("it shows no certificate".to_owned()))?;
    let lost = |error: MessageError| match (connection.close_reason(), &error) {
        (Some(reason), MessageError::Connection(_)) => of_connection(&reason),
        (None, MessageError::Connection(detail)) => KnockError::Unreachable(detail.clone()),
        (_, MessageError::TooLarge(_) | MessageError::Codec(_)) => {
            KnockError::NotUnderstood(error.to_string())
        }
    };
    let opened = connection.open_bi().await.map_err(MessageError::connection);
    let (mut send, mut receive) = opened.map_err(lost)?;
    message::write(&mut send, knock).await.map_err(lost)?;
    let reply = message::read(&mut receive, REPLY_BYTES_MAX).await.map_err(lost)?;
    Ok(Answered { reply, chain })
}

fn of_connection(error: &ConnectionError) -> KnockError {
    let detail = error.to_string();
    let code = match error {
        ConnectionError::ApplicationClosed(closed) if closed.error_code == close::BUSY.into() => {
            return KnockError::Busy;
        }
        ConnectionError::ApplicationClosed(_) => return KnockError::NotUnderstood(detail),
        ConnectionError::TransportError(error) => u64::from(error.code),
        ConnectionError::ConnectionClosed(closed) => u64::from(closed.error_code),
        ConnectionError::VersionMismatch
        | ConnectionError::Reset
        | ConnectionError::TimedOut
        | ConnectionError::LocallyClosed
        | ConnectionError::CidsExhausted => return KnockError::Unreachable(detail),
    };
    // A TLS alert in a QUIC error code (RFC 9001 section 4.8), the alerts of RFC 8446 section 6.
    match code.checked_sub(CRYPTO_ERROR) {
        Some(CERTIFICATE_EXPIRED | CERTIFICATE_REVOKED) => KnockError::Ended(detail),
        Some(0..=0xff) => KnockError::NotTheParent(detail),
        Some(_) | None => KnockError::Unreachable(detail),
    }
}

/// The problem for the people of a room that joins with an invitation.
pub(super) fn not_joined(error: &KnockError, address: &str) -> Problem {
    let problem = match error {
        KnockError::Address(_) => Problem::unreachable("parent_address"),
        KnockError::Unreachable(_) => Problem::unreachable("parent_unreachable"),
        KnockError::Busy => Problem::unreachable("parent_busy"),
        KnockError::NotTheParent(_) => Problem::failed("invite_foreign"),
        KnockError::Ended(_) => Problem::failed("parent_certificate_ended"),
        KnockError::NotUnderstood(_) => Problem::failed("parent_not_understood"),
    };
    problem.with("address", address).with("detail", error)
}

/// The problem for the people of a room that renews.
pub(super) fn not_renewed(error: &KnockError, address: &str) -> Problem {
    match error {
        KnockError::NotTheParent(_) => {
            Problem::failed("parent_not_verified").with("address", address).with("detail", error)
        }
        KnockError::Address(_)
        | KnockError::Unreachable(_)
        | KnockError::Busy
        | KnockError::Ended(_)
        | KnockError::NotUnderstood(_) => not_joined(error, address),
    }
}

const DIAL_PATIENCE: Duration = Duration::from_secs(5);
/// A plan and the sheets of a large province over a thin line.
const REPLY_PATIENCE: Duration = Duration::from_secs(10 * 60);
const CLOSE_PATIENCE: Duration = Duration::from_millis(500);
const CRYPTO_ERROR: u64 = 0x100;
const CERTIFICATE_REVOKED: u64 = 44;
const CERTIFICATE_EXPIRED: u64 = 45;
