//! Waiting for something to be so, with a limit and with words for the case that it never is.

use std::time::Duration;

use node::clock::Clock;

/// How long anything in a test may take that usually takes a fraction of a second.
pub const LONG: Duration = Duration::from_secs(30);

/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Looks until there is something to see, and gives it.
///
/// # Panics
/// After `limit`, with `what`.
pub async fn until<T>(what: &str, limit: Duration, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let started = Clock::instant();
    loop {
        if let Some(seen) = look().await {
            return seen;
        }
        assert!(started.elapsed() < limit, "not within {limit:?}: {what}");
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Looks until it is so.
///
/// # Panics
/// After `limit`, with `what`.
pub async fn until_true(what: &str, limit: Duration, mut look: impl AsyncFnMut() -> bool) {
    until(what, limit, async || look().await.then_some(())).await;
}
