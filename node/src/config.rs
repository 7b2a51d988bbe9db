//! The node's configuration: one TOML file, `config.toml` in the node's directory. An unknown key is an error, and so
//! is a missing file.

mod console;
mod duty;
mod retention;

use std::{net::SocketAddr, path::Path};

use relay::limits::Quota;
use serde::{Deserialize, Serialize};
use topology::RoomId;

pub use self::{console::ConsoleConfig, duty::Duty, retention::Retention};
use crate::problem::Problem;

/// Everything that can be set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The network's label, as in the map.
    pub network: String,
    /// The permanent id of this node's room.
    pub room: RoomId,
    /// UDP address to listen on. Leave it out for a room that nobody dials.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listen: Option<SocketAddr>,
    /// Log filter such as `info` or `info,node::link=debug`. Default `info`.
    #[serde(default = "default_log")]
    pub log: String,
    /// Log lines as JSON. Default false.
    #[serde(default)]
    pub log_json: bool,
    /// Program and arguments that ring the alarm for a new 特提 or 特急, and once for a time limit that this room has breached. In
    /// `YICHUAN_PRECEDENCE` it is told the precedence, or `overdue`, and nothing else. When it ends well, `alerted` is signed, or
    /// the step `rung` taken. Default: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alarm: Vec<String>,
    /// The HTTP API and the console. Default: not served.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub console: Option<ConsoleConfig>,
    /// When the disk counts as nearly full.
    #[serde(default)]
    pub disk: DiskMarks,
    /// What one neighbour may have waiting here.
    #[serde(default)]
    pub quota: QuotaMarks,
    /// How long what is settled is kept.
    #[serde(default)]
    pub retention: Retention,
    /// Where a breached time limit goes.
    #[serde(default)]
    pub duty: Duty,
}

/// Free space on the volume of the node's directory, in MiB.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DiskMarks {
    /// Below this, routine is not taken. Default 512.
    pub low_mib: u64,
    /// Below this, only flash is taken. Default 128.
    pub critical_mib: u64,
}

impl Default for DiskMarks {
    fn default() -> Self {
        Self { low_mib: 512, critical_mib: 128 }
    }
}

/// See [`Quota`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct QuotaMarks {
    /// Envelopes below flash. Default 200000.
    pub messages: u64,
    /// MiB of them. Default 4096.
    pub mib: u64,
    /// Flash envelopes. Default 10000.
    pub flash_messages: u64,
}

impl Default for QuotaMarks {
    fn default() -> Self {
        let quota = Quota::default();
        Self {
            messages: quota.messages,
            mib: quota.bytes / (1024 * 1024),
            flash_messages: quota.flash_messages,
        }
    }
}

impl QuotaMarks {
    /// In the engine's units.
    pub fn quota(self) -> Quota {
        Quota {
            messages: self.messages,
            bytes: self.mib.saturating_mul(1024 * 1024),
            flash_messages: self.flash_messages,
        }
    }
}

fn default_log() -> String {
    "info".to_owned()
}

impl Config {
    /// A configuration with defaults.
    pub fn new(network: String, room: RoomId, listen: Option<SocketAddr>) -> Self {
        Self {
            network,
            room,
            listen,
            log: default_log(),
            log_json: false,
            alarm: Vec::new(),
            console: None,
            disk: DiskMarks::default(),
            quota: QuotaMarks::default(),
            retention: Retention::default(),
            duty: Duty::default(),
        }
    }

    /// Reads the file.
    ///
    /// # Errors
    /// `config_missing` when there is none, `config_invalid` with line and reason when it does not parse,
    /// `console_needs_tls`, `console_half_tls` when the console would be served in the clear,
    /// `retention_below_floor` when something is to be kept for less than it must.
    pub fn load(path: &Path) -> Result<Self, Problem> {
        let text = std::fs::read_to_string(path).map_err(|error| {
            Problem::failed("config_missing").with("path", path.display()).with("detail", error)
        })?;
        let config: Self = toml::from_str(&text).map_err(|error| {
            Problem::usage("config_invalid").with("path", path.display()).with("detail", error)
        })?;
        config.retention.check()?;
        config.console.as_ref().map_or(Ok(()), ConsoleConfig::check)?;
        Ok(config)
    }

    /// The file's text, every key with its meaning.
    pub fn to_text(&self) -> String {
        let body = toml::to_string(self).expect("a configuration is plain data");
        format!("{HEADING}{body}")
    }
}

const HEADING: &str = "\
# Configuration of one yichuan node. Unknown keys are an error.
#
# network        the network's label, as in the map
# room           permanent id of this node's room
# listen         UDP address to listen on; leave it out for a room that nobody dials
# log            log filter: error, warn, info, debug, trace, or per module; default info
# log_json       log lines as JSON; default false
# alarm          program and arguments that ring for a new 特提 or 特急 and for a limit that has passed, as a list; default none
# [console]      the HTTP API and the console; left out, neither is served:
#   listen       TCP address; default 127.0.0.1:8080. Anything but loopback needs certificate and key
#   certificate  PEM file with the console's TLS certificate and its chain, paths counted from this directory
#   key          PEM file with its private key
#   names        names beside the address under which browsers reach it, as a list; any other Host is refused
#   idle_lock_minutes  after this long without a hand on it a session shows counts only; default 15
# [disk]         free space on this volume, MiB: low_mib (no more 平急, default 512), critical_mib (only 特提, default 128)
# [quota]        what one neighbour may have waiting here: messages (default 200000), mib (default 4096),
#                flash_messages (default 10000)
# [retention]    days that settled things are kept: log_book_days (texts, default 3653, at least 366), evidence_days
#                (default and at least 3653), uncited_tick_days (default and at least 7); what is open always stays
# [duty]         seconds after a time limit was breached: leader_after_s until the leader is told (default 600), parent_after_s
#                until the room above gets a message about it, where the limit is a must (default 1800)

";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back_and_an_unknown_key_is_an_error() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("config.toml");
        let config = Config::new("henan".to_owned(), RoomId::from_bytes([1; 16]), None);
        std::fs::write(&path, config.to_text()).unwrap();
        assert_eq!(Config::load(&path).unwrap(), config);
        std::fs::write(&path, format!("colour = 1\n{}", config.to_text())).unwrap();
        let problem = Config::load(&path).unwrap_err();
        assert_eq!(problem.code, "config_invalid");
        assert!(problem.details["detail"].contains("colour"));
    }

    #[test]
    fn a_missing_file_is_an_error_and_not_a_default() {
        let problem = Config::load(Path::new("no-such-file.toml")).unwrap_err();
        assert_eq!(problem.code, "config_missing");
    }
}
