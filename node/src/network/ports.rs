//! Free ports, so that two networks can run side by side on one machine.

use std::net::{TcpListener, UdpSocket};

use aws_lc_rs::rand;

use crate::problem::Problem;

/// Below the ports that systems hand out by themselves: a node that is away does not lose its own to somebody else.
const FIRST: u16 = 20_000;
const COUNT: u16 = 12_000;

/// Ports that were given out. Each is claimed by the same number of TCP, where nobody listens: another demo of this machine
/// sees that it is taken, also while a node has not opened it yet.
pub(super) type Claims = Vec<TcpListener>;

/// Gives every room of a map file that listens on the loop-back a free port of its own, as long as the claims are held.
///
/// # Errors
/// `no_free_port`.
pub(super) fn with_free_ports(map: &str) -> Result<(String, Claims), Problem> {
    let mut claims = Claims::new();
    let mut text = String::with_capacity(map.len());
    for line in map.lines() {
        if line.trim_start().starts_with(ADDRESS) {
            let (port, claim) = free_port()?;
            text.push_str(&format!("{ADDRESS}{port}\""));
            claims.push(claim);
        } else {
            text.push_str(line);
        }
        text.push('\n');
    }
    Ok((text, claims))
}

fn free_port() -> Result<(u16, TcpListener), Problem> {
    let mut drawn = [0; 2];
    rand::fill(&mut drawn).map_err(|_| Problem::failed("no_randomness"))?;
    port_from(u16::from_be_bytes(drawn) % COUNT)
}

fn port_from(start: u16) -> Result<(u16, TcpListener), Problem> {
    let mut last = std::io::Error::from(std::io::ErrorKind::AddrInUse);
    for step in 0..COUNT {
        let port = FIRST + (start + step) % COUNT;
        let claim = TcpListener::bind(("127.0.0.1", port));
        match claim.and_then(|claim| UdpSocket::bind(("127.0.0.1", port)).map(|_| claim)) {
            Ok(claim) => return Ok((port, claim)),
            Err(error) => last = error,
        }
    }
    Err(none(&last))
}

fn none(error: &std::io::Error) -> Problem {
    Problem::failed("no_free_port").with("detail", error)
}

const ADDRESS: &str = "address = \"127.0.0.1:";

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_room_gets_a_port_of_its_own_and_nothing_else_changes() {
        let map = topology::henan::DEMO_MAP;
        let (changed, _claims) = with_free_ports(map).unwrap();
        let ports = |text: &str| -> BTreeSet<String> {
            text.lines().filter(|line| line.starts_with(ADDRESS)).map(str::to_owned).collect()
        };
        let rest = |text: &str| -> Vec<String> {
            text.lines().filter(|line| !line.starts_with(ADDRESS)).map(str::to_owned).collect()
        };
        assert_eq!(ports(&changed).len(), 7);
        assert!(ports(&changed).is_disjoint(&ports(map)));
        assert_eq!(rest(&changed), rest(map));
    }

    #[test]
    fn two_demos_at_once_take_no_port_twice_though_no_node_has_opened_it() {
        let (one, _claim) = port_from(7).unwrap();
        let (two, _claim) = port_from(7).unwrap();
        assert_ne!(one, two);
        let _opened = UdpSocket::bind(("127.0.0.1", one)).expect("a node can open its port");
    }

    #[test]
    fn a_port_on_which_a_node_listens_is_passed_over() {
        let (one, claim) = port_from(11_000).unwrap();
        drop(claim);
        let _node = UdpSocket::bind(("127.0.0.1", one)).unwrap();
        assert_ne!(port_from(11_000).unwrap().0, one);
    }
}
