//! Where the HTTP API and the console are served. In the clear on loopback only.

use std::{net::SocketAddr, path::PathBuf};

use serde::{Deserialize, Serialize};

use crate::problem::Problem;

/// `[console]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ConsoleConfig {
    /// TCP address. Default 127.0.0.1:8080.
    pub listen: SocketAddr,
    /// PEM file with the TLS certificate and its chain; a path is counted from the node's directory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<PathBuf>,
    /// PEM file with the private key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<PathBuf>,
    /// Names beside the address under which browsers reach it. Default: none but `localhost` on loopback.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
    /// Minutes without a hand on it after which a session locks. Default 15.
    pub idle_lock_minutes: u16,
}

impl Default for ConsoleConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            certificate: None,
            key: None,
            names: Vec::new(),
            idle_lock_minutes: 15,
        }
    }
}

impl ConsoleConfig {
    /// Certificate and key, where both are named.
    pub fn tls(&self) -> Option<(&PathBuf, &PathBuf)> {
        self.certificate.as_ref().zip(self.key.as_ref())
    }

    /// Refuses what would send passwords in the clear.
    ///
    /// # Errors
    /// `console_needs_tls`, `console_half_tls`.
    pub fn check(&self) -> Result<(), Problem> {
        if self.certificate.is_some() != self.key.is_some() {
            return Err(Problem::usage("console_half_tls"));
        }
        if !self.listen.ip().is_loopback() && self.tls().is_none() {
            return Err(Problem::usage("console_needs_tls").with("address", self.listen));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> Option<String> {
        toml::from_str::<ConsoleConfig>(text).unwrap().check().err().map(|problem| problem.code)
    }

    #[test]
    fn anything_but_loopback_wants_certificate_and_key() {
        assert_eq!(code(""), None);
        assert_eq!(code("listen = \"[::1]:1\""), None);
        assert_eq!(code("listen = \"0.0.0.0:443\"").as_deref(), Some("console_needs_tls"));
        let tls = "certificate = \"a.pem\"\nkey = \"b.pem\"";
        assert_eq!(code(&format!("listen = \"10.0.0.1:443\"\n{tls}")), None);
        assert_eq!(code("certificate = \"a.pem\"").as_deref(), Some("console_half_tls"));
        assert!(toml::from_str::<ConsoleConfig>("port = 1").is_err());
    }
}
