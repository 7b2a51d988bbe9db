//! A console for every room of a throw-away network, on loopback: one port after the other from 8080, as far as they are
//! free.

use std::{
    net::{TcpListener, UdpSocket},
    path::Path,
};

use crate::{
    config::{Config, ConsoleConfig},
    problem::Problem,
};

/// Ports that are given out.
pub(crate) struct Consoles {
    next: u16,
    /// The same numbers of UDP, where nobody listens: another demo of this machine sees that they are taken, also while a
    /// node has not opened its port yet.
    claims: Vec<UdpSocket>,
}

impl Consoles {
    pub(crate) const fn new() -> Self {
        Self { next: FIRST, claims: Vec::new() }
    }

    /// Writes the next free port into the configuration of a node that does not run yet.
    ///
    /// # Errors
    /// `no_free_port`, `write_failed`, and those of the configuration.
    pub(super) fn give(&mut self, directory: &Path) -> Result<(), Problem> {
        let port = self.free_port()?;
        let path = directory.join("config.toml");
        let mut config = Config::load(&path)?;
        config.console =
            Some(ConsoleConfig { listen: ([127, 0, 0, 1], port).into(), ..ConsoleConfig::default() });
        std::fs::write(&path, config.to_text()).map_err(|error| {
            Problem::failed("write_failed").with("path", path.display()).with("detail", error)
        })
    }

    fn free_port(&mut self) -> Result<u16, Problem> {
        for port in self.next..LAST {
            let claim = UdpSocket::bind(("127.0.0.1", port));
            if let (Ok(claim), Ok(_)) = (claim, TcpListener::bind(("127.0.0.1", port))) {
                self.claims.push(claim);
                self.next = port + 1;
                return Ok(port);
            }
        }
        Err(Problem::failed("no_free_port").with("detail", format!("{FIRST}–{LAST}")))
    }
}

const FIRST: u16 = 8_080;
const LAST: u16 = 9_000;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn two_demos_at_once_take_no_port_twice() {
        let (mut one, mut two) = (Consoles::new(), Consoles::new());
        let ports: BTreeSet<u16> =
            (0..3).flat_map(|_| [one.free_port().unwrap(), two.free_port().unwrap()]).collect();
        assert_eq!(ports.len(), 6);
    }

    #[test]
    fn a_port_on_which_something_listens_is_passed_over() {
        let taken: Vec<TcpListener> =
            (FIRST..FIRST + 3).filter_map(|port| TcpListener::bind(("127.0.0.1", port)).ok()).collect();
        let port = Consoles::new().free_port().unwrap();
        assert!(taken.iter().all(|listener| listener.local_addr().unwrap().port() != port));
    }
}
