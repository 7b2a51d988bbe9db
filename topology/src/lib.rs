//! Who exists, and which way to go.
//!
//! The [`Map`] of the network holds its rooms, their tree and their relations. [`map_file`] reads it
//! from what a person writes, [`route`] finds the next hop, [`policy`] says what may go from whom to
//! whom, [`henan`] brings the real divisions of one province. Nothing here touches disk, network or clock.

mod flow;
pub mod henan;
mod level;
mod map;
pub mod map_file;
mod plan;
pub mod policy;
mod precedence;
mod relation;
mod room;
mod room_code;
mod room_id;
pub mod route;
mod rules;
mod unseen;

pub use flow::Flow;
pub use level::{Level, LevelError};
pub use map::{Entry, Map, MapError, MapErrors, Place, ResolveError};
pub use map_file::{MapFileError, MapFileErrors, MapFileProblem};
pub use plan::Plan;
pub use policy::PolicyRefusal;
pub use precedence::{Precedence, PrecedenceError};
pub use relation::{Relation, RelationKind, RelationKindError};
pub use room::{Dated, Name, Room, RoomLabel};
pub use room_code::{RoomCode, RoomCodeError};
pub use room_id::{RoomId, RoomIdError};
pub use rules::{CalendarInForce, Chosen, PackInForce, RuleChoice, RuleDigest, RuleDigestError};
pub use unseen::is_unseen;
