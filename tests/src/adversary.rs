//! The adversary: rooms in hostile hands, what they can make of their keys, and the table of what came of it.

pub mod bombs;
pub mod city;
pub mod county;
pub mod flood;
pub mod openssl;
pub mod socket;
mod table;
mod watch;

pub use self::{city::City, county::County, table::Table, watch::Watch};
