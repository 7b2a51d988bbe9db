//! Data waits here until it can go at once, and not in quinn.
//!
//! Acknowledgements are not congestion controlled (RFC 9002 section 7), but quinn sends none while it holds data that the
//! window does not let go. Two ends with full windows would each wait for the other until a probe timeout, and each would
//! take that for a slow line. And what quinn does not hold yet, something more urgent still overtakes.

use std::{
    future::poll_fn,
    pin::pin,
    sync::{Arc, Mutex, MutexGuard},
    task::Poll,
    time::Duration,
};

use quinn::Connection;
use tokio::sync::watch;

use super::{congestion::Unqueued, outgoing::CONTROL_PRIORITY};

/// Priorities of streams.
const PRIORITIES: usize = CONTROL_PRIORITY as usize + 1;
/// What each packet holds besides its data: two headers and a tag. Bytes.
const BESIDES: u64 = 48;
/// What acknowledgements take of the first packet of a pass, with two dozen gaps. Bytes.
const ACKNOWLEDGEMENTS: u64 = 130;
/// A packet of acknowledgements alone is smaller. Bytes.
const ACKNOWLEDGEMENTS_ALONE: u64 = 100;
/// The path may have changed, and its valve with it: then nobody tells.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// The valve of one path.
#[derive(Debug)]
pub(super) struct Valve {
    state: Mutex<State>,
    changed: watch::Sender<()>,
}

#[derive(Debug, Default)]
struct State {
    mtu: u64,
    /// Bytes that may be under way.
    window: u64,
    under_way: u64,
    /// Bytes that quinn was given, or is about to be, and has not sent.
    given: u64,
    /// How many wait, by the priority of their streams.
    waiting: [u32; PRIORITIES],
}

impl Valve {
    /// Closed until it is told what may go.
    pub(super) fn new() -> Self {
        Self { state: Mutex::default(), changed: watch::Sender::new(()) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder of a valve panics")
    }

    /// So many bytes may be under way, in packets of at most `mtu` bytes.
    pub(super) fn allow(&self, mtu: u64, window: u64) {
        let mut state = self.state();
        (state.mtu, state.window) = (mtu, window);
        drop(state);
        self.changed.send_replace(());
    }

    /// So many bytes were sent. Acknowledgements alone are never under way, and quinn does not say what it sends.
    pub(super) fn sent(&self, bytes: u64) {
        let mut state = self.state();
        if state.given == 0 && bytes < ACKNOWLEDGEMENTS_ALONE {
            return;
        }
        state.under_way += bytes;
        state.given = state.given.saturating_sub(bytes);
    }

    /// So many bytes are still under way; `is_all`: and quinn had no more to send.
    pub(super) fn heard(&self, under_way: u64, is_all: bool) {
        let mut state = self.state();
        state.under_way = under_way;
        if is_all {
            state.given = 0;
        }
    }

    /// So many bytes were lost: quinn has them to send again.
    pub(super) fn lost(&self, bytes: u64) {
        let mut state = self.state();
        state.under_way = state.under_way.saturating_sub(bytes);
        state.given += bytes;
    }

    /// Quinn keeps nothing for long while nothing is under way: what is miscounted as given goes.
    fn settle(&self) {
        let mut state = self.state();
        if state.under_way == 0 {
            state.given = 0;
        }
    }

    /// Whether somebody waits.
    pub(super) fn is_wanted(&self) -> bool {
        self.state().waiting.iter().any(|count| *count > 0)
    }

    /// Takes so much of these bytes as may go now on a stream of this priority.
    fn take(&self, priority: usize, bytes: usize) -> Option<usize> {
        let mut state = self.state();
        let data = state.mtu.saturating_sub(BESIDES).max(1);
        let packets_given =
            if state.given == 0 { 0 } else { (state.given + ACKNOWLEDGEMENTS).div_ceil(data) };
        let taken = state.under_way + packets_given * state.mtu;
        let is_next = state.waiting[priority + 1..].iter().all(|count| *count == 0);
        if !is_next || taken + state.mtu >= state.window {
            return None;
        }
        // Quinn sends a packet when it and what is under way are less than the window.
        let packets = (state.window - taken - 1) / state.mtu;
        let most = (packets * data).saturating_sub(ACKNOWLEDGEMENTS).max(1);
        let taken = bytes.min(usize::try_from(most).unwrap_or(usize::MAX));
        state.given += taken as u64;
        Some(taken)
    }

    fn give_back(&self, bytes: usize) {
        if bytes == 0 {
            return;
        }
        let mut state = self.state();
        state.given = state.given.saturating_sub(bytes as u64);
        drop(state);
        self.changed.send_replace(());
    }
}

/// Leave to give quinn so many bytes.
pub(super) struct Pass {
    valve: Option<Arc<Valve>>,
    bytes: usize,
}

impl Pass {
    /// Waits until some of so many bytes can go at once on a stream of this priority, and nothing more urgent waits.
    ///
    /// # Errors
    /// Why the connection is gone.
    pub(super) async fn wait(
        connection: &Connection,
        priority: i32,
        bytes: usize,
    ) -> Result<Self, quinn::ConnectionError> {
        let priority = usize::try_from(priority).unwrap_or(0).min(PRIORITIES - 1);
        let mut place: Option<Place> = None;
        loop {
            if let Some(reason) = connection.close_reason() {
                return Err(reason);
            }
            let Some(valve) = Unqueued::valve(connection) else { return Ok(Self { valve: None, bytes }) };
            let mut changed = valve.changed.subscribe();
            if let Some(bytes) = valve.take(priority, bytes) {
                return Ok(Self { valve: Some(valve), bytes });
            }
            if place.as_ref().is_none_or(|place| !Arc::ptr_eq(&place.valve, &valve)) {
                place = Some(Place::new(valve, priority));
            }
            let waited = tokio::time::timeout(LOOK_AGAIN, changed.changed()).await;
            if let (Err(_), Some(place)) = (waited, &place) {
                place.valve.settle();
            }
        }
    }

    /// How many bytes.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Writes them. While the peer's flow control holds them they take nobody's room: such a stream may be a pass ahead.
    ///
    /// # Errors
    /// Those of the write.
    pub(super) async fn write<E>(self, write: impl Future<Output = Result<usize, E>>) -> Result<usize, E> {
        let mut write = pin!(write);
        let Some(valve) = self.valve else { return write.await };
        if let Poll::Ready(written) = poll_fn(|context| Poll::Ready(write.as_mut().poll(context))).await {
            valve.give_back(self.bytes - written.as_ref().map_or(0, |bytes| *bytes));
            return written;
        }
        valve.give_back(self.bytes);
        let written = write.await?;
        valve.state().given += written as u64;
        Ok(written)
    }
}

/// A place among those that wait, until this is dropped.
struct Place {
    valve: Arc<Valve>,
    priority: usize,
}

impl Place {
    fn new(valve: Arc<Valve>, priority: usize) -> Self {
        valve.state().waiting[priority] += 1;
        Self { valve, priority }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.valve.state().waiting[self.priority] -= 1;
        self.valve.changed.send_replace(());
    }
}

#[cfg(test)]
mod tests {
    use std::{convert::Infallible, future::ready};

    use super::*;

    const MTU: u64 = 1_200;
    const CONTROL: usize = PRIORITIES - 1;
    const ROUTINE: usize = 1;
    const MUCH: usize = 1_000_000;
    /// Data of one packet, and of each one more.
    const ONE: usize = 1_022;
    const MORE: usize = 1_152;

    fn valve(window: u64) -> Arc<Valve> {
        let valve = Arc::new(Valve::new());
        assert_eq!(valve.take(CONTROL, 1), None, "nothing may go yet");
        valve.allow(MTU, window);
        valve
    }

    fn pass(valve: &Arc<Valve>, bytes: usize) -> Pass {
        let bytes = valve.take(ROUTINE, bytes).expect("there is room");
        Pass { valve: Some(valve.clone()), bytes }
    }

    #[test]
    fn no_more_is_given_than_goes_at_once() {
        for (window, goes) in [(2 * MTU, ONE), (2 * MTU + 1, ONE + MORE), (10 * MTU, ONE + 8 * MORE)] {
            let valve = valve(window);
            assert_eq!(valve.take(ROUTINE, MUCH), Some(goes), "of {window}");
            assert_eq!(valve.take(ROUTINE, MUCH), None, "the window of {window} is given away");
        }
        let valve = valve(3 * MTU + 1);
        assert_eq!(valve.take(ROUTINE, 10), Some(10), "a packet of its own");
        assert_eq!(valve.take(ROUTINE, MUCH), Some(ONE + MORE));
        assert_eq!(valve.take(CONTROL, 1), None);
    }

    #[test]
    fn what_is_under_way_is_counted_once() {
        let valve = valve(3 * MTU + 1);
        valve.take(ROUTINE, ONE).expect("there is room");
        valve.sent(MTU);
        valve.sent(50);
        assert_eq!(valve.take(ROUTINE, MUCH), Some(ONE + MORE), "acknowledgements take no room");
        valve.sent(MTU);
        valve.sent(MTU);
        assert_eq!(valve.take(ROUTINE, 1), None);
        valve.lost(MTU);
        assert_eq!(valve.take(ROUTINE, 1), None, "it goes again");
        valve.heard(MTU, false);
        assert_eq!(valve.take(ROUTINE, 1), None, "quinn has not said that it has sent it");
        valve.heard(MTU, true);
        assert_eq!(valve.take(ROUTINE, MUCH), Some(ONE + MORE));
        valve.settle();
        assert_eq!(valve.take(ROUTINE, 1), None, "something is under way");
        valve.heard(0, false);
        valve.settle();
        assert_eq!(valve.take(ROUTINE, MUCH), Some(ONE + 2 * MORE), "a miscount does not last");
    }

    #[tokio::test]
    async fn what_is_not_written_takes_nobodys_room() {
        let valve = valve(2 * MTU);
        let (tell, told) = tokio::sync::oneshot::channel::<usize>();
        let held = tokio::spawn(pass(&valve, ONE).write(told));
        tokio::task::yield_now().await;
        let other = pass(&valve, ONE);
        assert_eq!(other.write(ready(Ok::<_, Infallible>(0))).await, Ok(0));
        tell.send(ONE).expect("it waits");
        assert_eq!(held.await.expect("it ends"), Ok(ONE));
        assert_eq!(valve.take(ROUTINE, 1), None, "flow control has let it go");
    }

    #[tokio::test]
    async fn the_more_urgent_goes_first_and_the_rest_hears_of_it() {
        let valve = valve(2 * MTU);
        assert!(!valve.is_wanted());
        let mut changed = valve.changed.subscribe();
        let urgent = Place::new(valve.clone(), CONTROL);
        assert!(valve.is_wanted());
        assert_eq!(valve.take(ROUTINE, 1), None);
        drop(urgent);
        changed.changed().await.expect("the valve is there");
        assert_eq!(valve.take(ROUTINE, 1), Some(1));
        assert_eq!(valve.take(CONTROL, 1), None);
    }
}
