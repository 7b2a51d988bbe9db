//! What is promised, and shown: a simulated world of duty rooms with a reference model beside it, and real processes
//! over real QUIC.

pub mod adversary;
pub mod browser;
pub mod campaign;
pub mod cluster;
pub mod console;
pub mod corpora;
pub mod decoders;
pub mod desk;
pub mod house;
pub mod invariants;
pub mod lab;
pub mod model;
pub mod peer;
pub mod world;

use std::io::Write as _;

/// Prints a line for whoever started a long run.
pub fn say(line: &str) {
    // Nobody is left to read it when standard output is closed.
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}
