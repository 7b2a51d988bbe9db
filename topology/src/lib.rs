//! Who exists, and which way to go.

mod flow;
mod precedence;
mod room_id;

pub use flow::Flow;
pub use precedence::{Precedence, PrecedenceError};
pub use room_id::{RoomId, RoomIdError};
