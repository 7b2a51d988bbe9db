//! The control socket: how the command line, the console and programs of this machine speak to the running node. One
//! question a connection, one JSON document a line.

mod calls;
pub mod client;
mod desk;
mod evidence;
mod reading;
mod receipts;
pub mod request;
mod rules;
mod sending;
pub mod server;
mod telephone;
pub mod view;
