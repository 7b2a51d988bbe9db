//! What is promised, and shown: a simulated world of duty rooms with a reference model beside it, and real processes
//! over real QUIC.

pub mod browser;
pub mod cluster;
pub mod console;
pub mod invariants;
pub mod model;
pub mod peer;
pub mod world;
