//! The socket of a hub under fire from an address of its own: noise, first packets that are none, handshakes that stay half
//! open.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use super::County;
use crate::{cluster::LONG, peer::credentials};

/// Handshakes from another address, all half open: each proves its address (a Retry is let through) and then stays silent,
/// because nothing else of the server's comes back to it. New ones begin all the time.
pub async fn half_open(county: &County, target: SocketAddr) -> tokio::task::JoinSet<()> {
    let name = county.keys.map().dns_name(county.keys.room_of("411300")).unwrap();
    let config = credentials::client_config(&county.keys.trust.root, None, certs::tls::ALPN_LINK);
    let mut tasks = tokio::task::JoinSet::new();
    let retried = Arc::new(tokio::sync::Semaphore::new(0));
    for _ in 0..HALF_OPEN {
        let (config, name, retried) = (config.clone(), name.clone(), retried.clone());
        tasks.spawn(async move {
            loop {
                stay_half_open(config.clone(), &name, target, &retried).await;
            }
        });
    }
    // As many as the city takes of one address have begun when so many were told to prove it.
    let begun = tokio::time::timeout(LONG, retried.acquire_many(40)).await;
    let _ = begun.expect("the city asks an address to prove itself").unwrap();
    tasks
}

async fn stay_half_open(
    config: quinn::ClientConfig,
    name: &str,
    target: SocketAddr,
    retried: &tokio::sync::Semaphore,
) {
    let front = tokio::net::UdpSocket::bind(("127.0.0.2", 0)).await.unwrap();
    let back = tokio::net::UdpSocket::bind(("127.0.0.2", 0)).await.unwrap();
    back.connect(target).await.unwrap();
    let endpoint = quinn::Endpoint::client(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    let connecting = endpoint.connect_with(config, front.local_addr().unwrap(), name).unwrap();
    let pipe = async {
        let (mut out, mut home, mut client) = (vec![0; 2_000], vec![0; 2_000], None);
        loop {
            tokio::select! {
                Ok((length, from)) = front.recv_from(&mut out) => {
                    client = Some(from);
                    // A lost packet is lost.
                    let _ = back.send(&out[..length]).await;
                }
                Ok(length) = back.recv(&mut home) => {
                    let is_retry = home[0] & 0xf0 == 0xf0;
                    if let (true, Some(client)) = (is_retry, client) {
                        retried.add_permits(1);
                        let _ = front.send_to(&home[..length], client).await;
                    }
                }
            }
        }
    };
    tokio::select! {
        () = pipe => {}
        () = tokio::time::sleep(Duration::from_secs(10)) => {}
        _ = connecting => {}
    }
}

/// Handshakes that one address leaves half open at a time: more than the city takes in all.
const HALF_OPEN: usize = 100;

/// Bytes that look like nothing, the same in every run.
pub fn noise(seed: u32, length: usize) -> Vec<u8> {
    let mut state = u64::from(seed).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    (0..length).map(|_| next()).collect()
}

/// A QUIC long header (RFC 9000 section 17.2) with ids and a length that fit, and noise in it.
pub fn long_header(seed: u32, version: u32) -> Vec<u8> {
    let mut packet = vec![0xc0];
    packet.extend(version.to_be_bytes());
    for id in [&noise(seed, 8), &noise(seed.wrapping_add(1), 8)] {
        packet.push(8);
        packet.extend_from_slice(id);
    }
    packet.extend([0, 0x44, 0x9e]);
    packet.extend(noise(seed, 1_200 - packet.len()));
    packet
}
