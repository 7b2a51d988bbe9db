//! The door over real QUIC on loopback: a hub serves it, rooms join, renew and are refused.

mod joining;
mod network;
mod renewing;
