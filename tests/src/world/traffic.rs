//! What goes over the links of a province of 180 rooms in which nothing goes wrong: frames and their bytes, by kind, for each
//! link and hour. With nobody writing it is the price of an idle network; with every room writing now and then the
//! heads of logs and their dates come on top.
//!
//! It leaves out what the production link adds beneath: QUIC packets with their headers and acknowledgements.

use std::{collections::BTreeMap, fmt};

use relay::frame::Frame;

use super::{Circumstances, Size, World, chance::Chance, wire};
use crate::{invariants::Violation, world::Setup};

/// Frames and bytes by kind.
#[derive(Debug, Clone, Default)]
pub(crate) struct Counted(BTreeMap<&'static str, (u64, u64)>);

/// What was counted.
#[derive(Debug)]
pub struct Traffic {
    counted: Counted,
    rooms: usize,
    links: usize,
    minutes: i64,
    written: u64,
}

/// The links come up, and logs are dated, before anything is counted.
const SETTLED_MS: i64 = 10 * 60_000;
const HOUR_MIN: f64 = 60.0;

/// Counts for so many minutes of the province's time, with every room below the root writing once in `every_s`, if at all.
///
/// # Errors
/// The rule that was found broken.
pub fn measure(minutes: i64, every_s: Option<i64>) -> Result<Traffic, String> {
    let mut chance = Chance::new(0);
    let mut circumstances = Circumstances::calm(&mut chance);
    circumstances.real_keys = true;
    let setup = Setup { size: Size::Province, ..Setup::default() };
    let mut world = World::new(&setup, chance, circumstances);
    world.crashes.stop();
    world.watch(minutes, every_s).map_err(|violation| violation.what)
}

impl World {
    fn watch(&mut self, minutes: i64, every_s: Option<i64>) -> Result<Traffic, Violation> {
        self.begin()?;
        self.pass(SETTLED_MS, None)?;
        self.counted = Some(Counted::default());
        let written = self.pass(minutes * 60_000, every_s)?;
        let used = self.links.iter().filter(|link| link.session.is_some()).count();
        Ok(Traffic {
            counted: self.counted.take().unwrap_or_default(),
            rooms: self.stations.len(),
            links: used,
            minutes,
            written,
        })
    }

    /// Lets so much time pass; the rooms write in turn. Gives how much they wrote.
    fn pass(&mut self, ms: i64, every_s: Option<i64>) -> Result<u64, Violation> {
        let (end, rooms) = (self.now_ms + ms, self.stations.len());
        let apart_ms = every_s.map(|seconds| (seconds * 1_000 / (rooms as i64 - 1)).max(1));
        let (mut written, mut next) = (0, self.now_ms);
        while let Some((&(at_ms, _), _)) = self.agenda.first_key_value() {
            if let Some(apart_ms) = apart_ms.filter(|_| next < end.min(at_ms)) {
                self.now_ms = self.now_ms.max(next);
                self.write(1 + written as usize % (rooms - 1));
                (written, next) = (written + 1, next + apart_ms);
                continue;
            }
            if at_ms > end {
                break;
            }
            let Some(((at_ms, _), event)) = self.agenda.pop_first() else { break };
            self.now_ms = at_ms;
            self.step += 1;
            self.happen(event)?;
        }
        Ok(written)
    }
}

impl Counted {
    pub(super) fn add(&mut self, bytes: &[u8]) {
        #[allow(
            clippy::wildcard_enum_match_arm,
            reason = "what is no witness of time is told apart no further"
        )]
        let kind = match wire::decode(bytes) {
            Frame::Tick { .. } => "ticks",
            Frame::Head { .. } => "heads",
            Frame::Anchor { .. } => "dates of heads",
            Frame::Clock { .. } | Frame::ClockAnswer { .. } => "clock",
            Frame::Envelope(_) | Frame::Part { .. } => "envelopes",
            Frame::Receipts(_) | Frame::ReceiptsStored { .. } => "receipts",
            _ => "other",
        };
        let (frames, size) = self.0.entry(kind).or_default();
        (*frames, *size) = (*frames + 1, *size + bytes.len() as u64);
    }
}

impl fmt::Display for Traffic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rooms, links, minutes, written, .. } = self;
        writeln!(f, "{rooms} rooms, {links} links, {minutes} minutes, {written} messages written")?;
        writeln!(
            f,
            "{:<16} {:>12} {:>14} {:>20} {:>18}",
            "", "frames", "bytes", "frames/link/hour", "bytes/link/hour"
        )?;
        let share = *links as f64 * *minutes as f64 / HOUR_MIN;
        let (mut frames, mut bytes) = (0, 0);
        for (kind, (number, size)) in &self.counted.0 {
            (frames, bytes) = (frames + number, bytes + size);
            line(f, kind, *number, *size, share)?;
        }
        line(f, "all", frames, bytes, share)
    }
}

fn line(f: &mut fmt::Formatter<'_>, kind: &str, frames: u64, bytes: u64, share: f64) -> fmt::Result {
    let (each, size) = (frames as f64 / share, bytes as f64 / share);
    writeln!(f, "{kind:<16} {frames:>12} {bytes:>14} {each:>20.1} {size:>18.0}")
}
