//! TLS configurations for links (RFC 8446): version 1.3 only, the hybrid X25519MLKEM768 preferred,
//! certificates on both sides, revocation lists of all known issuers.
//!
//! No tickets, no resumption, no early data: a resumed session would not be asked for its revocation again. A
//! list that is missing or stale is an alarm of the node and no refusal here; a listed certificate is
//! refused. One listener serves two protocols, and a room that joins has no certificate yet, so a handshake
//! *without* a certificate succeeds: **the node must close a peer that chose [`ALPN_LINK`] and showed none**,
//! before it reads anything from it.
//!
//! *Against:* peers of another authority, expired or revoked peers, downgrades, replayed early data,
//! revocation dodged by resumption. Which room a valid peer is, is for [`crate::peer`].

use std::sync::{Arc, PoisonError, RwLock};

use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    client::{ResolvesClientCert, Resumption, WebPkiServerVerifier},
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::{CertificateDer, CertificateRevocationListDer},
    server::{ClientHello, ResolvesServerCert, WebPkiClientVerifier, danger::ClientCertVerifier},
    sign::CertifiedKey,
};

use crate::identity::TlsKey;

/// Links between neighbours.
pub const ALPN_LINK: &[u8] = b"yichuan/1";
/// Joining, renewing and current sheets; nothing else.
pub const ALPN_JOIN: &[u8] = b"yichuan-join/1";

/// A room's TLS certificate with its key, for both sides of a link. A renewed one is swapped in while the
/// node runs: the next handshake uses it.
#[derive(Debug)]
pub struct CertificateCell(RwLock<Arc<CertifiedKey>>);

impl CertificateCell {
    /// Holds a chain, the room's own certificate first, and the key of that certificate.
    pub fn new(chain: Vec<CertificateDer<'static>>, key: &TlsKey) -> Result<Arc<Self>, TlsError> {
        Ok(Arc::new(Self(RwLock::new(certified(chain, key)?))))
    }

    /// Swaps in another chain and key.
    pub fn swap(&self, chain: Vec<CertificateDer<'static>>, key: &TlsKey) -> Result<(), TlsError> {
        let renewed = certified(chain, key)?;
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = renewed;
        Ok(())
    }

    /// The chain that is presented now, the room's own certificate first.
    pub fn chain(&self) -> Vec<CertificateDer<'static>> {
        self.current().cert.clone()
    }

    fn current(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl ResolvesServerCert for CertificateCell {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current())
    }
}

impl ResolvesClientCert for CertificateCell {
    fn resolve(&self, _: &[&[u8]], _: &[rustls::SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(self.current())
    }

    fn has_certs(&self) -> bool {
        true
    }
}

fn certified(chain: Vec<CertificateDer<'static>>, key: &TlsKey) -> Result<Arc<CertifiedKey>, TlsError> {
    let key = aws_lc_rs::sign::any_eddsa_type(&key.private_der()).map_err(|_| TlsError::Key)?;
    let certified = CertifiedKey::new(chain, key);
    certified.keys_match().map_err(|_| TlsError::Key)?;
    Ok(Arc::new(certified))
}

/// The configuration of a node that is dialled. A new one is made at every change of a revocation list.
pub fn server_config(
    own: Arc<CertificateCell>,
    root: &CertificateDer<'static>,
    crls: &[Vec<u8>],
) -> Result<Arc<ServerConfig>, TlsError> {
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(TlsError::library)?
        .with_client_cert_verifier(client_verifier(root, crls)?)
        .with_cert_resolver(own);
    config.alpn_protocols = vec![ALPN_LINK.to_vec(), ALPN_JOIN.to_vec()];
    config.send_tls13_tickets = 0;
    config.session_storage = Arc::new(rustls::server::NoServerSessionStorage {});
    config.max_early_data_size = 0;
    Ok(Arc::new(config))
}

/// The configuration with which a room dials its parent for a link.
pub fn client_config(
    own: Arc<CertificateCell>,
    root: &CertificateDer<'static>,
    crls: &[Vec<u8>],
) -> Result<Arc<ClientConfig>, TlsError> {
    let verifier = server_verifier(root, crls)?;
    let config = client_builder()?.with_webpki_verifier(verifier).with_client_cert_resolver(own);
    Ok(finished(config, ALPN_LINK))
}

/// The configuration with which a room joins or renews: it knows the root and shows no certificate.
pub fn join_client_config(
    root: &CertificateDer<'static>,
    crls: &[Vec<u8>],
) -> Result<Arc<ClientConfig>, TlsError> {
    let config = client_builder()?.with_webpki_verifier(server_verifier(root, crls)?).with_no_client_auth();
    Ok(finished(config, ALPN_JOIN))
}

fn client_builder() -> Result<rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier>, TlsError> {
    ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(TlsError::library)
}

fn finished(mut config: ClientConfig, alpn: &[u8]) -> Arc<ClientConfig> {
    config.alpn_protocols = vec![alpn.to_vec()];
    config.resumption = Resumption::disabled();
    config.enable_early_data = false;
    Arc::new(config)
}

fn client_verifier(
    root: &CertificateDer<'static>,
    crls: &[Vec<u8>],
) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    WebPkiClientVerifier::builder_with_provider(roots(root)?, provider())
        .with_crls(lists(crls))
        .allow_unknown_revocation_status()
        .allow_unauthenticated()
        .build()
        .map_err(|error| TlsError::Verifier(error.to_string()))
}

fn server_verifier(
    root: &CertificateDer<'static>,
    crls: &[Vec<u8>],
) -> Result<Arc<WebPkiServerVerifier>, TlsError> {
    WebPkiServerVerifier::builder_with_provider(roots(root)?, provider())
        .with_crls(lists(crls))
        .allow_unknown_revocation_status()
        .build()
        .map_err(|error| TlsError::Verifier(error.to_string()))
}

fn roots(root: &CertificateDer<'static>) -> Result<Arc<RootCertStore>, TlsError> {
    let mut roots = RootCertStore::empty();
    roots.add(root.clone()).map_err(TlsError::library)?;
    Ok(Arc::new(roots))
}

fn lists(crls: &[Vec<u8>]) -> Vec<CertificateRevocationListDer<'static>> {
    crls.iter().map(|der| der.clone().into()).collect()
}

/// The cryptographic provider of every configuration, with the hybrid key exchange first.
pub fn provider() -> Arc<CryptoProvider> {
    let kx_groups = vec![
        aws_lc_rs::kx_group::X25519MLKEM768,
        aws_lc_rs::kx_group::X25519,
        aws_lc_rs::kx_group::SECP256R1,
    ];
    Arc::new(CryptoProvider { kx_groups, ..aws_lc_rs::default_provider() })
}

/// Why there is no TLS configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TlsError {
    /// Key and certificate do not belong together.
    #[error("the TLS key and its certificate do not belong together: restore both from one backup, or renew")]
    Key,
    /// Root certificate or revocation lists are no good.
    #[error("the root certificate or a revocation list is not usable: {0}")]
    Verifier(String),
    /// The TLS library refuses.
    #[error("TLS cannot be configured: {0}")]
    Library(String),
}

impl TlsError {
    #[expect(clippy::needless_pass_by_value, reason = "it is the argument of map_err")]
    fn library(error: rustls::Error) -> Self {
        Self::Library(error.to_string())
    }
}

#[cfg(test)]
mod tests;
