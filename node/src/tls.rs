//! The TLS book: the configurations of the moment, made anew when a revocation list or the own certificate changes.

use std::sync::{Arc, RwLock};

use certs::tls::{CertificateCell, TlsError, client_config, server_config};
use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use rustls::pki_types::CertificateDer;
use tokio::sync::watch;

use crate::{link::endpoint::transport, trust::Trust};

/// Shared by the endpoint and the diallers.
#[derive(Clone)]
pub struct TlsBook {
    own: Arc<CertificateCell>,
    current: Arc<RwLock<Configurations>>,
    renewals: Arc<watch::Sender<u64>>,
}

struct Configurations {
    server: quinn::ServerConfig,
    client: quinn::ClientConfig,
}

impl TlsBook {
    /// Configurations for this certificate under what is known now.
    ///
    /// # Errors
    /// [`TlsError`].
    pub fn new(own: Arc<CertificateCell>, trust: &Trust) -> Result<Self, TlsError> {
        let current = Configurations::new(&own, &trust.root, &trust.keys.crls())?;
        Ok(Self { own, current: Arc::new(RwLock::new(current)), renewals: Arc::new(watch::Sender::new(0)) })
    }

    /// The own certificate, to be swapped.
    pub fn own(&self) -> &Arc<CertificateCell> {
        &self.own
    }

    /// After a change of sheets: the lists of revoked certificates are others now.
    ///
    /// # Errors
    /// [`TlsError`]; the old configurations then stay.
    pub fn refresh(&self, trust: &Trust) -> Result<(), TlsError> {
        let next = Configurations::new(&self.own, &trust.root, &trust.keys.crls())?;
        *self.current.write().expect("no holder of the configurations panics") = next;
        Ok(())
    }

    /// Tells the diallers that the own certificate was renewed.
    pub fn renewed(&self) {
        self.renewals.send_modify(|count| *count += 1);
    }

    /// Wakes when the own certificate was renewed.
    pub fn renewals(&self) -> watch::Receiver<u64> {
        self.renewals.subscribe()
    }

    /// For those that dial this node.
    pub fn server(&self) -> quinn::ServerConfig {
        self.current.read().expect("no holder of the configurations panics").server.clone()
    }

    /// For dialling.
    pub fn client(&self) -> quinn::ClientConfig {
        self.current.read().expect("no holder of the configurations panics").client.clone()
    }
}

impl Configurations {
    fn new(
        own: &Arc<CertificateCell>,
        root: &CertificateDer<'static>,
        crls: &[Vec<u8>],
    ) -> Result<Self, TlsError> {
        let server = QuicServerConfig::try_from(server_config(own.clone(), root, crls)?)
            .map_err(|error| TlsError::Verifier(error.to_string()))?;
        let client = QuicClientConfig::try_from(client_config(own.clone(), root, crls)?)
            .map_err(|error| TlsError::Verifier(error.to_string()))?;
        let mut server = quinn::ServerConfig::with_crypto(Arc::new(server));
        server.transport_config(transport());
        let mut client = quinn::ClientConfig::new(Arc::new(client));
        client.transport_config(transport());
        Ok(Self { server, client })
    }
}
