//! Server-sent events: what happens at the node, for open pages and for programs. An event names what has changed and
//! says nothing of it; who wants to know reads.
//!
//! The last events are kept; whoever comes back says which one was the last it saw. If that is not among them, it gets
//! `reset` and reads everything again.

use std::{
    collections::VecDeque,
    convert::Infallible,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use aws_lc_rs::rand;
use axum::{
    Extension,
    extract::State,
    http::HeaderMap,
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures_util::stream;
use relay::step::Notice;
use serde_json::{Value, json};
use tokio::sync::{Semaphore, broadcast, watch};

use super::problem;
use crate::{
    console::{Console, caller::language, server::told},
    problem::Problem,
};

/// The last events, and who waits for the next one.
pub(crate) struct Events {
    /// Tells the runs of a node apart: numbers begin anew with each.
    run: u64,
    ring: Mutex<Ring>,
    newest: watch::Sender<u64>,
    streams: Arc<Semaphore>,
}

#[derive(Default)]
struct Ring {
    last: u64,
    kept: VecDeque<(u64, &'static str, Value)>,
}

/// What somebody gets who has seen everything up to some number.
enum Next {
    Reset(u64),
    One(u64, &'static str, Value),
    Nothing,
}

impl Events {
    pub(crate) fn new() -> Self {
        let mut run = [0; 8];
        // Without randomness two runs look alike, and a page that was open over the restart reads again a little later.
        let _ = rand::fill(&mut run);
        Self {
            run: u64::from_be_bytes(run),
            ring: Mutex::default(),
            newest: watch::Sender::new(0),
            streams: Arc::new(Semaphore::new(STREAMS_MAX)),
        }
    }

    fn push(&self, name: &'static str, data: Value) {
        let mut ring = self.lock();
        ring.last += 1;
        let number = ring.last;
        ring.kept.push_back((number, name, data));
        if ring.kept.len() > EVENTS_KEPT {
            ring.kept.pop_front();
        }
        drop(ring);
        self.newest.send_replace(number);
    }

    /// The last event, as clients know it.
    pub(crate) fn last_id(&self) -> String {
        let last = self.lock().last;
        self.id(last)
    }

    /// `RUN-NUMBER`, as the client gives it back.
    fn id(&self, number: u64) -> String {
        format!("{:016x}-{number}", self.run)
    }

    /// The number that a client has seen; none where it was of another run or is none of ours.
    fn seen(&self, id: &str) -> Option<u64> {
        let (run, number) = id.split_once('-')?;
        let number = number.parse().ok()?;
        (u64::from_str_radix(run, 16) == Ok(self.run) && number <= self.lock().last).then_some(number)
    }

    fn next(&self, seen: Option<u64>) -> Next {
        let ring = self.lock();
        let Some(seen) = seen else { return Next::Reset(ring.last) };
        if seen >= ring.last {
            return Next::Nothing;
        }
        match ring.kept.iter().find(|(number, _, _)| *number == seen + 1) {
            Some((number, name, data)) => Next::One(*number, name, data.clone()),
            None => Next::Reset(ring.last),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Turns the node's notices into events until it is dropped.
pub(crate) async fn follow(console: Arc<Console>) {
    let (mut notices, mut changes) = (console.node.registry().notices(), console.node.registry().changes());
    loop {
        let heard = tokio::select! {
            heard = notices.recv() => heard,
            Ok(()) = changes.changed() => {
                console.events.push("changed", json!({ "what": "room" }));
                continue;
            }
        };
        let (name, data) = match heard {
            Ok(Notice::Delivered { key, precedence, .. }) => {
                ("delivered", json!({ "id": key.id.to_string(), "precedence": precedence.word() }))
            }
            Ok(Notice::Receipt { key, event, .. }) => {
                ("receipt", json!({ "id": key.id.to_string(), "event": event.word() }))
            }
            Ok(Notice::HistoryLost { .. } | Notice::HistoryBroken { .. }) => {
                ("changed", json!({ "what": "log" }))
            }
            Ok(Notice::Duty { subject, stage }) => {
                ("duty", json!({ "id": subject.id.to_string(), "stage": stage.word() }))
            }
            Ok(Notice::Tick(_)) => continue,
            Err(broadcast::error::RecvError::Lagged(_)) => ("changed", json!({ "what": "all" })),
            Err(broadcast::error::RecvError::Closed) => return,
        };
        console.events.push(name, data);
    }
}

/// One client's stream. A locked session still hears that something has come.
pub(crate) async fn stream(
    State(console): State<Arc<Console>>,
    Extension(client): Extension<SocketAddr>,
    headers: HeaderMap,
) -> Response {
    let words = console.words(language(&headers, None));
    let admitted = async {
        if console.session(&headers, false).is_none() {
            console.api_caller(&headers, client).await?;
        }
        console.events.streams.clone().try_acquire_owned().map_err(|_| Problem::failed("console_busy"))
    };
    let permit = match admitted.await {
        Ok(permit) => permit,
        Err(problem) => return problem::answer(&problem, words),
    };
    // Whoever says nothing begins now, and has just read everything.
    let seen = match headers.get("last-event-id").and_then(|value| value.to_str().ok()) {
        Some(id) => console.events.seen(id),
        None => Some(console.events.lock().last),
    };
    let listener = Listener {
        newest: console.events.newest.subscribe(),
        stopping: console.stopping.clone(),
        seen,
        has_begun: false,
        headers,
        console,
        _permit: permit,
    };
    let events = stream::unfold(listener, |listener| listener.next());
    Sse::new(events)
        .keep_alive(KeepAlive::new().interval(BEAT).event(Event::default().event("beat").data("{}")))
        .into_response()
}

struct Listener {
    console: Arc<Console>,
    headers: HeaderMap,
    newest: watch::Receiver<u64>,
    stopping: watch::Receiver<bool>,
    seen: Option<u64>,
    has_begun: bool,
    _permit: tokio::sync::OwnedSemaphorePermit,
}

impl Listener {
    async fn next(mut self) -> Option<(Result<Event, Infallible>, Self)> {
        let events = &self.console.events;
        if !self.has_begun {
            self.has_begun = true;
            if let Some(seen) = self.seen {
                // So that a client that breaks off before the first event comes back to the right place.
                let hello = Event::default().id(events.id(seen)).event("hello").data("{}");
                return Some((Ok(hello), self));
            }
        }
        loop {
            self.newest.borrow_and_update();
            match self.console.events.next(self.seen) {
                Next::One(number, name, data) => {
                    return self.give(number, name, &data);
                }
                Next::Reset(number) => return self.give(number, "reset", &json!({})),
                Next::Nothing => {}
            }
            tokio::select! {
                changed = self.newest.changed() => changed.ok()?,
                () = told(&mut self.stopping) => return None,
                () = tokio::time::sleep(LOOK_AGAIN) => {}
            }
            // Who has logged out, or has left, hears no more. A program showed its password at the beginning.
            if !self.headers.contains_key("authorization")
                && self.console.session(&self.headers, false).is_none()
            {
                return None;
            }
        }
    }

    fn give(mut self, number: u64, name: &str, data: &Value) -> Option<(Result<Event, Infallible>, Self)> {
        self.seen = Some(number);
        let event = Event::default().id(self.console.events.id(number)).event(name).data(data.to_string());
        Some((Ok(event), self))
    }
}

/// Some minutes of a busy hub.
const EVENTS_KEPT: usize = 1_024;
const STREAMS_MAX: usize = 128;
/// A page that hears nothing for ten seconds has lost the node.
const BEAT: Duration = Duration::from_secs(4);
const LOOK_AGAIN: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    fn given(next: &Next) -> (&'static str, u64) {
        match next {
            Next::Reset(number) => ("reset", *number),
            Next::One(number, name, _) => (name, *number),
            Next::Nothing => ("", 0),
        }
    }

    #[test]
    fn who_comes_back_gets_what_was_missed_or_is_told_to_read_again() {
        let events = Events::new();
        events.push("delivered", json!({}));
        events.push("receipt", json!({}));
        let seen = events.seen(&events.id(1));
        assert_eq!(given(&events.next(seen)), ("receipt", 2));
        assert_eq!(given(&events.next(Some(2))), ("", 0));
        for foreign in ["", "1", "0000000000000000-1", &events.id(3), &format!("{}x", events.id(1))] {
            assert_eq!(given(&events.next(events.seen(foreign))), ("reset", 2), "{foreign}");
        }
    }

    #[test]
    fn the_ring_is_bounded_and_what_is_older_means_reset() {
        let events = Events::new();
        (0..EVENTS_KEPT + 1).for_each(|_| events.push("receipt", json!({})));
        assert_eq!(events.lock().kept.len(), EVENTS_KEPT);
        assert_eq!(given(&events.next(Some(0))).0, "reset");
        assert_eq!(given(&events.next(Some(1))), ("receipt", 2));
    }
}
