//! Certificates of every kind, good and bad, and the TLS configurations that show them.

use std::sync::Arc;

use certs::{
    authority::{Issuer, Validity},
    identity::{IssuingKey, TlsKey},
    tls::{ALPN_LINK, provider},
};
use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose, PKCS_ED25519};
use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    client::{Resumption, WebPkiServerVerifier},
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, pem::PemObject},
    server::WebPkiClientVerifier,
    sign::{CertifiedKey, SingleCertAndKey},
};

/// A chain and the key of its first certificate.
#[derive(Debug)]
pub struct Credentials {
    /// The certificates, the own one first.
    pub chain: Vec<CertificateDer<'static>>,
    /// PKCS#8.
    key: Vec<u8>,
}

impl Clone for Credentials {
    fn clone(&self) -> Self {
        Self { chain: self.chain.clone(), key: self.key.clone() }
    }
}

impl Credentials {
    /// A chain with the key of a room.
    pub fn of_key(chain: Vec<CertificateDer<'static>>, key: &TlsKey) -> Self {
        Self { chain, key: pkcs8(&key.to_pem()) }
    }

    /// A chain with a key of any kind, as it stands in a file.
    pub fn of_pkcs8(chain: Vec<CertificateDer<'static>>, key: &[u8]) -> Self {
        Self { chain, key: key.to_vec() }
    }

    /// An issuing chain with its key, shown as if it were a room's.
    pub fn of_issuer(chain: Vec<CertificateDer<'static>>, key: &IssuingKey) -> Self {
        Self { chain, key: pkcs8(&key.to_pem()) }
    }

    /// A certificate that its own key has signed.
    pub fn self_signed(dns: &str) -> Self {
        let key = new_key();
        let certificate = leaf(dns).self_signed(&key).expect("a certificate can be written");
        Self { chain: vec![certificate.der().clone()], key: key.serialize_der() }
    }

    /// A certificate that an issuer's key has signed for any name at all: the issuer itself would refuse.
    pub fn signed_by_force(dns: &str, issuer: &IssuingKey, chain: &[CertificateDer<'static>]) -> Self {
        let ca_key = KeyPair::from_pem(&issuer.to_pem()).expect("a key reads");
        let ca = rcgen::Issuer::from_ca_cert_der(&chain[0], ca_key).expect("an issuing certificate reads");
        let key = new_key();
        let certificate = leaf(dns).signed_by(&key, &ca).expect("a certificate can be written");
        let chain = std::iter::once(certificate.der().clone()).chain(chain.iter().cloned()).collect();
        Self { chain, key: key.serialize_der() }
    }

    /// What an issuer issues in the ordinary way, with any validity.
    ///
    /// # Panics
    /// When the issuer refuses.
    pub fn issued(dns: &str, issuer: &Issuer, validity: Validity) -> Self {
        let key = TlsKey::generate();
        let issued =
            issuer.issue_tls(dns, &key.request(), validity).expect("the issuer issues for this name");
        Self::of_key(issuer.chain_with(&issued), &key)
    }

    /// Shown as they are, even if key and certificate do not belong together or the certificate does not read.
    fn unchecked(&self) -> Arc<SingleCertAndKey> {
        let key = provider().key_provider.load_private_key(self.key()).expect("a key reads");
        Arc::new(SingleCertAndKey::from(CertifiedKey::new(self.chain.clone(), key)))
    }

    fn key(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.key.clone()))
    }
}

fn pkcs8(pem: &str) -> Vec<u8> {
    let key = PrivatePkcs8KeyDer::from_pem_slice(pem.as_bytes()).expect("a key reads");
    key.secret_pkcs8_der().to_vec()
}

fn new_key() -> KeyPair {
    KeyPair::generate_for(&PKCS_ED25519).expect("a key can be drawn")
}

/// An end-entity certificate for clients and servers, valid from 2025 to 2056.
fn leaf(dns: &str) -> CertificateParams {
    let mut params = CertificateParams::new(vec![dns.to_owned()]).expect("a DNS name is good");
    params.not_before = rcgen::date_time_ymd(2025, 1, 1);
    params.not_after = rcgen::date_time_ymd(2056, 1, 1);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages =
        vec![ExtendedKeyUsagePurpose::ClientAuth, ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    params
}

/// How to dial: with these credentials or none, under this protocol.
pub fn client_config(
    root: &CertificateDer<'static>,
    credentials: Option<&Credentials>,
    alpn: &[u8],
) -> quinn::ClientConfig {
    let verifier = WebPkiServerVerifier::builder_with_provider(roots(root), provider()).build();
    let builder = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("the library speaks TLS 1.3")
        .with_webpki_verifier(verifier.expect("a root is there"));
    let mut config = match credentials {
        Some(own) => builder.with_client_cert_resolver(own.unchecked()),
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = vec![alpn.to_vec()];
    config.resumption = Resumption::disabled();
    let crypto = QuicClientConfig::try_from(config).expect("TLS 1.3 is there");
    let mut config = quinn::ClientConfig::new(Arc::new(crypto));
    config.transport_config(node::link::endpoint::transport());
    config
}

/// How to be dialled: with these credentials, asking for a certificate of the network.
pub fn server_config(root: &CertificateDer<'static>, own: &Credentials) -> quinn::ServerConfig {
    let clients = WebPkiClientVerifier::builder_with_provider(roots(root), provider()).build();
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("the library speaks TLS 1.3")
        .with_client_cert_verifier(clients.expect("a root is there"))
        .with_single_cert(own.chain.clone(), own.key())
        .expect("key and chain read");
    config.alpn_protocols = vec![ALPN_LINK.to_vec()];
    let crypto = QuicServerConfig::try_from(config).expect("TLS 1.3 is there");
    let mut config = quinn::ServerConfig::with_crypto(Arc::new(crypto));
    config.transport_config(node::link::endpoint::transport());
    config
}

fn roots(root: &CertificateDer<'static>) -> Arc<RootCertStore> {
    let mut store = RootCertStore::empty();
    store.add(root.clone()).expect("a root certificate reads");
    Arc::new(store)
}
