//! What is said between duty rooms, and what to do about it: messages, envelopes, receipts, frames, and the
//! engine that decides. Pure: no disk, no network, no clock.

pub mod checkpoint;
pub mod codec;
pub mod crash_point;
pub mod duty;
pub mod engine;
pub mod envelope;
pub mod envelope_id;
pub mod evidence;
pub mod frame;
pub mod limits;
pub mod log;
pub mod message;
pub mod receipt;
pub mod record;
pub mod refusal;
pub mod step;
pub mod tick;
pub mod timestamp;
