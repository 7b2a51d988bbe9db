//! What is said, and what to do about it.

pub mod message;
