//! TLS of the console's port: a certificate of the house or of the machine, from PEM files; TLS 1.3 only.

use std::{path::Path, sync::Arc};

use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use tokio_rustls::TlsAcceptor;

use crate::{config::ConsoleConfig, problem::Problem};

/// What takes TLS connections; nothing where none is set.
pub(crate) fn acceptor(config: &ConsoleConfig, root: &Path) -> Result<Option<TlsAcceptor>, Problem> {
    let Some((certificate, key)) = config.tls() else { return Ok(None) };
    let (certificate, key) = (root.join(certificate), root.join(key));
    let unusable = |path: &Path, detail: &dyn std::fmt::Display| {
        Problem::failed("console_tls_unusable").with("path", path.display()).with("detail", detail)
    };
    let chain = CertificateDer::pem_file_iter(&certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| unusable(&certificate, &error))?;
    let private = PrivateKeyDer::from_pem_file(&key).map_err(|error| unusable(&key, &error))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut tls = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, private))
        .map_err(|error| unusable(&certificate, &error))?;
    tls.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Some(TlsAcceptor::from(Arc::new(tls))))
}
