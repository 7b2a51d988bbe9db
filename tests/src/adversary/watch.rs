//! Watching a node's log while it is attacked: what it said since the last look is whom it told.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::cluster::{LONG, Room, until};

/// A place in the log of a room.
#[derive(Debug)]
pub struct Watch<'a> {
    room: &'a Room,
    seen: AtomicUsize,
}

impl<'a> Watch<'a> {
    /// From now on.
    pub fn new(room: &'a Room) -> Self {
        Self { room, seen: AtomicUsize::new(room.log_text().len()) }
    }

    /// Waits for the next warning or error with these words, and gives it without its time and its fields.
    pub async fn warned(&self, words: &str) -> String {
        let line = until(&format!("{} warns: {words}", self.room.code()), LONG, async || {
            let text = self.room.log_text();
            let from = self.seen.load(Ordering::Relaxed);
            let mut at = from;
            for line in text.get(from..)?.split_inclusive('\n').filter(|line| line.ends_with('\n')) {
                at += line.len();
                let is_alarm = [" WARN ", " ERROR "].iter().any(|level| line.contains(level));
                if is_alarm && line.contains(words) {
                    self.seen.store(at, Ordering::Relaxed);
                    return Some(line.to_owned());
                }
            }
            None
        })
        .await;
        let level = if line.contains(" ERROR ") { "ERROR" } else { "WARN" };
        let message = line.split_once(": ").map_or(line.as_str(), |(_, message)| message);
        let message = message.split(" room=").next().unwrap_or(message);
        format!("log of {}: {level} {}", self.room.code(), message.trim())
    }
}
