//! Links between neighbours: QUIC with mutual TLS. The child dials; hubs never dial down.
//!
//! ```text
//! dialler/endpoint --> session (hello, five streams) --> intake: verify, open --> driver
//!                          ^                                                       |
//!                          +------------- registry: whose link is up  <------------+
//! ```

mod congestion;
pub mod control;
pub mod dialler;
pub mod documents;
pub mod endpoint;
pub mod intake;
pub mod large;
mod loss;
pub mod outgoing;
pub mod places;
pub mod probes;
pub mod registry;
pub mod session;
pub mod stream;
mod valve;
pub mod witness;
