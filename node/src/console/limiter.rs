//! How often one client may ask: a bucket of tokens for each address, in a bounded book.
//!
//! *Against:* floods, guessing by many small requests.

use std::{
    collections::BTreeMap,
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// Buckets by client.
pub(crate) struct Limiter {
    /// Tokens that a bucket holds.
    burst: u32,
    /// How long one token takes to come back.
    every: Duration,
    buckets_by_client: Mutex<BTreeMap<IpAddr, Bucket>>,
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    /// When it would be full again.
    full_at: Instant,
}

impl Limiter {
    pub(crate) fn new(burst: u32, every: Duration) -> Self {
        Self { burst, every, buckets_by_client: Mutex::default() }
    }

    /// Takes a token, or says how long to wait for one.
    pub(crate) fn take(&self, client: IpAddr, now: Instant) -> Result<(), Duration> {
        let mut buckets = self.buckets_by_client.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= CLIENTS_MAX {
            buckets.retain(|_, bucket| bucket.full_at > now);
        }
        if buckets.len() >= CLIENTS_MAX && !buckets.contains_key(&client) {
            return Err(self.every);
        }
        let bucket = buckets.entry(client).or_insert(Bucket { full_at: now });
        let full_at = bucket.full_at.max(now) + self.every;
        let wait = full_at.saturating_duration_since(now + self.every * self.burst);
        if wait.is_zero() {
            bucket.full_at = full_at;
            Ok(())
        } else {
            Err(wait)
        }
    }
}

/// 4,096 × 40 bytes.
const CLIENTS_MAX: usize = 4_096;

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use crate::clock::Clock;

    const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));

    #[test]
    fn a_burst_passes_and_then_one_token_comes_back_at_a_time() {
        let limiter = Limiter::new(3, Duration::from_secs(1));
        let now = Clock::instant();
        assert!((0..3).all(|_| limiter.take(CLIENT, now).is_ok()));
        assert_eq!(limiter.take(CLIENT, now), Err(Duration::from_secs(1)));
        assert!(limiter.take(IpAddr::from([10, 0, 0, 2]), now).is_ok());
        assert!(limiter.take(CLIENT, now + Duration::from_secs(1)).is_ok());
        assert!(limiter.take(CLIENT, now + Duration::from_secs(1)).is_err());
    }

    #[test]
    fn the_book_of_clients_is_bounded() {
        let limiter = Limiter::new(1, Duration::from_secs(1));
        let now = Clock::instant();
        for n in 0..CLIENTS_MAX {
            let client = IpAddr::from(u32::try_from(n).unwrap().to_be_bytes());
            limiter.take(client, now).unwrap();
        }
        assert!(limiter.take(IpAddr::from([200, 0, 0, 1]), now).is_err());
        assert!(limiter.take(IpAddr::from([200, 0, 0, 1]), now + Duration::from_secs(2)).is_ok());
    }
}
