//! What is promised, and shown: a simulated world of duty rooms with a reference model beside it, and real processes
//! over real QUIC.

pub mod cluster;
pub mod house;
pub mod invariants;
pub mod model;
pub mod peer;
pub mod world;
