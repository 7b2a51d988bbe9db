//! The control socket: how the command line, the console and programs of this machine speak to the running node. One
//! question a connection, one JSON document a line.

pub mod client;
mod desk;
mod reading;
mod receipts;
pub mod request;
mod sending;
pub mod server;
pub mod view;
