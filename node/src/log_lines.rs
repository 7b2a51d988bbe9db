//! The log's way out: one event is one line, whatever peers, errors and operating systems put into it, and no place in the
//! program floods it.
//! *Against:* forged lines (line feeds in a network's name, in a QUIC close reason), terminal escapes, hidden text, floods of
//! what is worth a warning.

use std::{
    collections::HashMap,
    io::{self, Write},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use tracing::{Level, Metadata, callsite::Identifier};
use tracing_subscriber::fmt::MakeWriter;

use crate::{
    clock::Clock,
    escape::{escaped_json, one_line},
};

/// Lines of one place in the program that are written in a minute. What is asked for beyond the usual level is not counted.
const LINES_OF_A_MINUTE: u32 = 300;
const MINUTE: Duration = Duration::from_secs(60);

/// Where events become lines.
#[derive(Debug, Clone)]
pub(crate) struct LogLines {
    /// Whether the events are JSON already.
    is_json: bool,
    /// One for each place in the program, of which there are some hundreds.
    places: Arc<Mutex<HashMap<Identifier, Minute>>>,
}

/// What a place has said since its minute began.
#[derive(Debug)]
struct Minute {
    began: Instant,
    lines: u32,
}

/// What becomes of an event.
#[derive(Debug, PartialEq, Eq)]
enum Fate {
    Written,
    /// The last one of its minute.
    WrittenLast,
    /// So many were left out before it.
    WrittenAfter(u32),
    LeftOut,
}

impl LogLines {
    /// For a log in this form.
    pub(crate) fn new(is_json: bool) -> Self {
        Self { is_json, places: Arc::default() }
    }

    fn fate(&self, place: Identifier, now: Instant) -> Fate {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        places.entry(place).or_insert(Minute { began: now, lines: 0 }).count(now)
    }
}

impl Minute {
    fn count(&mut self, now: Instant) -> Fate {
        let before = self.lines;
        if now.saturating_duration_since(self.began) >= MINUTE {
            *self = Self { began: now, lines: 1 };
            return match before.saturating_sub(LINES_OF_A_MINUTE) {
                0 => Fate::Written,
                left_out => Fate::WrittenAfter(left_out),
            };
        }
        self.lines = before.saturating_add(1);
        match self.lines {
            LINES_OF_A_MINUTE => Fate::WrittenLast,
            lines if lines > LINES_OF_A_MINUTE => Fate::LeftOut,
            _ => Fate::Written,
        }
    }
}

/// Writes one event, handed in whole, to standard error; or leaves it out.
#[derive(Debug)]
pub(crate) struct LineWriter {
    is_json: bool,
    fate: Fate,
}

impl LineWriter {
    fn line(&self, event: &[u8]) -> String {
        let event = String::from_utf8_lossy(event);
        let event = event.strip_suffix('\n').unwrap_or(&event);
        let line = if self.is_json { escaped_json(event).replace('\n', " ") } else { one_line(event) };
        line + "\n"
    }

    /// What is said of lines that are left out.
    fn note(&self, words: &str) -> String {
        let line = if self.is_json {
            serde_json::json!({ "level": "WARN", "fields": { "message": words } }).to_string()
        } else {
            format!(" WARN {words}")
        };
        line + "\n"
    }

    fn lines(&self, event: &[u8]) -> String {
        match self.fate {
            Fate::Written => self.line(event),
            Fate::WrittenLast => {
                self.line(event)
                    + &self.note("more lines like the last one are left out until a minute is over")
            }
            Fate::WrittenAfter(left_out) => {
                self.note(&format!("{left_out} lines like the next one were left out")) + &self.line(event)
            }
            Fate::LeftOut => String::new(),
        }
    }
}

impl Write for LineWriter {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        io::stderr().lock().write_all(self.lines(event).as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

impl MakeWriter<'_> for LogLines {
    type Writer = LineWriter;

    fn make_writer(&self) -> LineWriter {
        LineWriter { is_json: self.is_json, fate: Fate::Written }
    }

    fn make_writer_for(&self, about: &Metadata<'_>) -> LineWriter {
        // Errors too: a sheet that contradicts others is one, and a neighbour may send many.
        if *about.level() > Level::INFO {
            return self.make_writer();
        }
        LineWriter { is_json: self.is_json, fate: self.fate(about.callsite(), Clock::instant()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_one_line_in_both_forms() {
        let event = "WARN it belongs to the network x\n2026 ERROR all is lost\u{1b}[2J\u{202e}\n".as_bytes();
        let text = LineWriter { is_json: false, fate: Fate::Written }.line(event);
        assert_eq!(text, "WARN it belongs to the network x ⏎ 2026 ERROR all is lost\\u{1b}[2J\\u{202e}\n");
        let json = serde_json::json!({"m": "\u{202e}\u{9b}\n\u{1b}"});
        let line = LineWriter { is_json: true, fate: Fate::Written }.line(format!("{json}\n").as_bytes());
        assert_eq!(line.lines().count(), 1);
        assert!(!line.trim_end().contains(topology::is_unseen), "{line}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&line).unwrap(), json);
    }

    #[test]
    fn a_flood_is_cut_short_and_counted_and_the_next_minute_is_new() {
        let began = Clock::instant();
        let mut place = Minute { began, lines: 0 };
        let fates: Vec<Fate> = (0..LINES_OF_A_MINUTE + 20).map(|_| place.count(began)).collect();
        assert_eq!(fates.iter().filter(|fate| **fate == Fate::Written).count(), 299);
        assert_eq!(fates[299], Fate::WrittenLast);
        assert!(fates[300..].iter().all(|fate| *fate == Fate::LeftOut));
        assert_eq!(place.count(began + MINUTE), Fate::WrittenAfter(20));
        assert_eq!(place.count(began + MINUTE), Fate::Written);
        for is_json in [false, true] {
            let written = |fate| LineWriter { is_json, fate }.lines(b"{}\n");
            assert_eq!(written(Fate::LeftOut), "");
            for fate in [Fate::WrittenLast, Fate::WrittenAfter(20)] {
                let lines = written(fate);
                assert_eq!(lines.lines().count(), 2, "{lines}");
                assert!(
                    !is_json
                        || lines.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok())
                );
            }
        }
    }
}
