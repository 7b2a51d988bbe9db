//! Free ports, so that two networks can run side by side on one machine.

use std::net::UdpSocket;

use aws_lc_rs::rand;

use crate::problem::Problem;

/// Below the ports that systems hand out by themselves: a node that is away does not lose its own to somebody else.
const FIRST: u16 = 20_000;
const COUNT: u16 = 12_000;

/// Gives every room of a map file that listens on the loop-back a free port of its own.
///
/// # Errors
/// `no_free_port`.
pub(super) fn with_free_ports(map: &str) -> Result<String, Problem> {
    let mut taken = Vec::new();
    let mut text = String::with_capacity(map.len());
    for line in map.lines() {
        if line.trim_start().starts_with(ADDRESS) {
            let socket = free_socket()?;
            let port = socket.local_addr().map_err(|error| none(&error))?.port();
            text.push_str(&format!("{ADDRESS}{port}\""));
            // Held until all are found, so that no two rooms get the same.
            taken.push(socket);
        } else {
            text.push_str(line);
        }
        text.push('\n');
    }
    Ok(text)
}

fn free_socket() -> Result<UdpSocket, Problem> {
    let mut drawn = [0; 2];
    rand::fill(&mut drawn).map_err(|_| Problem::failed("no_randomness"))?;
    let start = u16::from_be_bytes(drawn) % COUNT;
    let mut last = std::io::Error::from(std::io::ErrorKind::AddrInUse);
    for step in 0..COUNT {
        match UdpSocket::bind(("127.0.0.1", FIRST + (start + step) % COUNT)) {
            Ok(socket) => return Ok(socket),
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
        let changed = with_free_ports(map).unwrap();
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
}
