//! What processes use while something is measured: CPU time and resident memory, from /proc.

use std::{fs::read_to_string, time::Duration};

use tokio::{sync::oneshot, task::JoinHandle};

use super::machine::value_of;

/// Watches processes until it is stopped.
pub(super) struct Meter {
    pids: Vec<u32>,
    ticks_before: u64,
    stop: oneshot::Sender<()>,
    watching: JoinHandle<u64>,
}

/// What was used.
#[derive(Debug, Clone, Copy)]
pub(super) struct Usage {
    /// CPU seconds of all of them together.
    pub(super) cpu_s: f64,
    /// The most that one of them had resident at any time, MiB.
    pub(super) rss_mib: f64,
}

const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Clock ticks of /proc/PID/stat a second: a constant of Linux's interface to programs (`USER_HZ`).
const TICKS_PER_SECOND: f64 = 100.0;

impl Meter {
    pub(super) fn start(pids: Vec<u32>) -> Self {
        let (stop, mut stopped) = oneshot::channel();
        let watched = pids.clone();
        let watching = tokio::spawn(async move {
            let mut most_kib = 0;
            loop {
                most_kib = watched.iter().map(|pid| resident_kib(*pid)).max().unwrap_or(0).max(most_kib);
                if tokio::time::timeout(LOOK_EVERY, &mut stopped).await.is_ok() {
                    return most_kib;
                }
            }
        });
        let ticks_before = ticks(&pids);
        Self { pids, ticks_before, stop, watching }
    }

    pub(super) async fn stop(self) -> Usage {
        let used = ticks(&self.pids).saturating_sub(self.ticks_before);
        // It listens until it is told.
        let _ = self.stop.send(());
        let most_kib = self.watching.await.unwrap_or(0);
        Usage { cpu_s: used as f64 / TICKS_PER_SECOND, rss_mib: most_kib as f64 / 1024.0 }
    }
}

fn ticks(pids: &[u32]) -> u64 {
    let stats = pids.iter().filter_map(|pid| read_to_string(format!("/proc/{pid}/stat")).ok());
    stats.filter_map(|stat| ticks_of(&stat)).sum()
}

/// User and system time: fields 14 and 15. The name of the program, field 2, may have blanks and brackets in it.
fn ticks_of(stat: &str) -> Option<u64> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut times = rest.split_whitespace().skip(11).take(2).map(str::parse::<u64>);
    Some(times.next()?.ok()? + times.next()?.ok()?)
}

fn resident_kib(pid: u32) -> u64 {
    let status = read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let value = value_of(&status, "VmRSS").and_then(|value| value.split(' ').next());
    value.and_then(|kib| kib.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_and_system_time_are_found_behind_a_name_with_brackets() {
        let stat = "42 (a (b) c) S 1 2 3 4 5 6 7 8 9 10 1100 23 0 0 20 0 5 0 100 0 0";
        assert_eq!(ticks_of(stat), Some(1123));
        assert_eq!(ticks_of("42 (a) S 1"), None);
    }

    #[tokio::test]
    async fn a_meter_sees_this_very_process() {
        let meter = Meter::start(vec![std::process::id()]);
        let usage = meter.stop().await;
        assert!(usage.rss_mib > 1.0, "{usage:?}");
        assert!(ticks(&[std::process::id()]) < 1_000_000);
    }
}
