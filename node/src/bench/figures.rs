//! What the benchmark prints. Programs rely on its shape.

use std::{collections::BTreeMap, time::Duration};

use serde::Serialize;

/// All figures of one run.
#[derive(Debug, Clone, Serialize)]
pub struct Figures {
    /// Messages of the throughput run.
    pub messages: u64,
    /// Messages a second until the last delivered receipt is at the origin.
    pub messages_per_s: f64,
    /// Send to delivered receipt at the origin, milliseconds.
    pub latency_ms: Latency,
    /// CPU seconds of all three nodes for 1,000 messages of the throughput run.
    pub cpu_s_per_1000: f64,
    /// Resident memory of the largest node in the throughput run, MiB.
    pub rss_mib: f64,
    /// Growth of the three databases for each message, bytes.
    pub disk_bytes_per_message: u64,
    /// fdatasync of the same disk before the load, microseconds.
    pub fdatasync_us: Microseconds,
    /// The same with pauses, in the rhythm of the latency run.
    pub fdatasync_paced_us: Microseconds,
    /// With messages waiting.
    pub backlog: Backlog,
    /// From the start of a killed city node's process to the first delivered receipt, milliseconds.
    pub return_to_first_ms: f64,
    /// On what it ran.
    pub machine: BTreeMap<&'static str, String>,
}

/// Milliseconds.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Latency {
    /// Half of them took no longer.
    pub p50: f64,
    /// One in a hundred took longer.
    pub p99: f64,
}

/// Microseconds.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Microseconds {
    /// Half of them took no longer.
    pub p50: f64,
    /// One in a hundred took longer.
    pub p99: f64,
}

/// The run with messages waiting at the city.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Backlog {
    /// How many waited.
    pub messages: u64,
    /// How fast they drained to the last delivered receipt at the origin.
    pub messages_per_s: f64,
    /// Resident memory of the largest node while they gathered and drained, MiB.
    pub rss_mib: f64,
}

/// The smallest sample that at least this part of all samples does not exceed; zero when there is none.
pub(super) fn quantile(samples: &mut [Duration], part: f64) -> Duration {
    samples.sort_unstable();
    let place = (samples.len() as f64 * part).ceil() as usize;
    samples.get(place.saturating_sub(1)).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_the_nearest_rank() {
        let mut samples: Vec<Duration> = (1..=100).rev().map(Duration::from_millis).collect();
        assert_eq!(quantile(&mut samples, 0.50), Duration::from_millis(50));
        assert_eq!(quantile(&mut samples, 0.99), Duration::from_millis(99));
        assert_eq!(quantile(&mut samples, 1.0), Duration::from_millis(100));
        assert_eq!(quantile(&mut [Duration::from_millis(7)], 0.50), Duration::from_millis(7));
        assert_eq!(quantile(&mut [], 0.99), Duration::ZERO);
    }

    #[test]
    fn the_figures_have_the_shape_that_programs_rely_on() {
        let figures = Figures {
            messages: 1,
            messages_per_s: 1.0,
            latency_ms: Latency { p50: 1.0, p99: 2.0 },
            cpu_s_per_1000: 1.0,
            rss_mib: 1.0,
            disk_bytes_per_message: 1,
            fdatasync_us: Microseconds { p50: 1.0, p99: 2.0 },
            fdatasync_paced_us: Microseconds { p50: 1.0, p99: 2.0 },
            backlog: Backlog { messages: 1, messages_per_s: 1.0, rss_mib: 1.0 },
            return_to_first_ms: 1.0,
            machine: BTreeMap::new(),
        };
        let value = serde_json::to_value(figures).unwrap();
        for pointer in [
            "/messages_per_s",
            "/latency_ms/p50",
            "/latency_ms/p99",
            "/cpu_s_per_1000",
            "/rss_mib",
            "/disk_bytes_per_message",
            "/fdatasync_us/p50",
            "/fdatasync_us/p99",
            "/backlog/messages",
            "/backlog/messages_per_s",
            "/backlog/rss_mib",
            "/return_to_first_ms",
        ] {
            assert!(value.pointer(pointer).is_some_and(serde_json::Value::is_number), "{pointer}");
        }
        assert!(value["machine"].is_object());
    }
}
