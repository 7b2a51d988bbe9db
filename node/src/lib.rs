//! The shell around the engine: disk, QUIC, clock, people. Hub and leaf are the same program.

pub mod clock;
pub mod config;
pub mod control;
pub mod directory;
pub mod driver;
pub mod letterbox;
pub mod link;
pub mod problem;
pub mod store;
pub mod tls;
pub mod trust;
