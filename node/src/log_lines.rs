//! The log's way out: one event is one line, whatever peers, errors and operating systems put into it.
//! *Against:* forged lines (line feeds in a network's name, in a QUIC close reason), terminal escapes, hidden text.

use std::io::{self, Write};

use tracing_subscriber::fmt::MakeWriter;

use crate::escape::{escaped_json, one_line};

/// Writes events, each handed in whole, to standard error.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LogLines {
    /// Whether the events are JSON already.
    pub(crate) is_json: bool,
}

impl LogLines {
    fn line(self, event: &[u8]) -> String {
        let event = String::from_utf8_lossy(event);
        let event = event.strip_suffix('\n').unwrap_or(&event);
        let line = if self.is_json { escaped_json(event).replace('\n', " ") } else { one_line(event) };
        line + "\n"
    }
}

impl Write for LogLines {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        io::stderr().lock().write_all(self.line(event).as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

impl MakeWriter<'_> for LogLines {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        *self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_one_line_in_both_forms() {
        let event = "WARN it belongs to the network x\n2026 ERROR all is lost\u{1b}[2J\u{202e}\n".as_bytes();
        let text = LogLines { is_json: false }.line(event);
        assert_eq!(text, "WARN it belongs to the network x ⏎ 2026 ERROR all is lost\\u{1b}[2J\\u{202e}\n");
        let json = serde_json::json!({"m": "\u{202e}\u{9b}\n\u{1b}"});
        let line = LogLines { is_json: true }.line(format!("{json}\n").as_bytes());
        assert_eq!(line.lines().count(), 1);
        assert!(!line.trim_end().contains(topology::is_unseen), "{line}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&line).unwrap(), json);
    }
}
