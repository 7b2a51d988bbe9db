//! The control socket: how the command line, the console and programs of this machine speak to the running node. One
//! question a connection, one JSON document a line.

pub mod client;
pub mod request;
pub mod view;
