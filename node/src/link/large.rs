//! Memory for bodies larger than one part, shared by all links. A body holds as much as it was announced to have, from its
//! first byte; one that stands still while others wait gives its memory back, and its envelope comes again later.
//! *Against:* bodies that are announced and never come, on as many links as fill the memory.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The memory of all links, in KiB: seven of the largest bodies.
const ALL_KIB: usize = 64 * 1024;
/// A body must bring a part within this while others wait: two come at 50 kbit/s.
pub const STANDS_STILL: Duration = Duration::from_secs(5);

/// Shared by the links.
#[derive(Clone)]
pub struct LargeBodies {
    space: Arc<Semaphore>,
    waiting: Arc<AtomicUsize>,
}

impl LargeBodies {
    /// All of it is free.
    pub fn new() -> Self {
        Self { space: Arc::new(Semaphore::new(ALL_KIB)), waiting: Arc::default() }
    }

    /// Waits for memory; gives it back when it is dropped.
    pub async fn take(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        let kib = u32::try_from(bytes.div_ceil(1024)).unwrap_or(u32::MAX);
        let _waiting = Waiting::begin(&self.waiting);
        self.space.clone().acquire_many_owned(kib).await.ok()
    }

    /// Whether somebody waits.
    pub fn are_wanted(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) > 0
    }
}

impl Default for LargeBodies {
    fn default() -> Self {
        Self::new()
    }
}

/// One who waits, until it has what it wants or its link has ended.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn begin(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_waits_is_counted_until_it_has_what_it_wants_or_is_gone() {
        let bodies = LargeBodies::new();
        let all = bodies.take(ALL_KIB * 1024).await.unwrap();
        assert!(!bodies.are_wanted());
        let other = bodies.clone();
        let waits = tokio::spawn(async move { other.take(1).await.is_some() });
        let gone = bodies.clone();
        let leaves = tokio::spawn(async move { gone.take(1).await.is_some() });
        while bodies.waiting.load(Ordering::Relaxed) < 2 {
            tokio::task::yield_now().await;
        }
        leaves.abort();
        assert!(leaves.await.is_err() && bodies.are_wanted());
        drop(all);
        assert!(waits.await.unwrap() && !bodies.are_wanted());
    }
}
