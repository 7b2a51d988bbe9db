//! The shell around the engine: disk, QUIC, clock, people. Hub and leaf are the same program.

pub mod audit;
pub mod authority;
pub mod backup;
pub mod bench;
pub mod catalogue;
pub mod cli;
pub mod clock;
pub mod config;
pub mod console;
pub mod control;
pub mod daemon;
pub mod demo;
pub mod directory;
pub mod door;
pub mod drafts;
pub mod driver;
pub mod duty;
pub mod enrolment;
mod escape;
pub mod evidence;
pub mod identity;
pub mod integrity;
pub mod letterbox;
pub mod link;
mod log_lines;
pub mod loss;
pub mod network;
pub mod officers;
pub mod problem;
pub mod rulebook;
pub mod store;
pub mod tls;
pub mod trust;

pub use cli::run;
