//! The duty rooms' time limits (时限): rule packs as data, the calendar that counts working days, and the judge, a pure
//! function from typed facts to findings. It is the same in the node, in the console and off-line: nothing here reads a
//! clock, a disk or the machine's zone.
//!
//! A [`RulePack`] holds rules; [`Facts`] hold what happened, every observed moment as an
//! [`Interval`]; [`judge`] lays one beside the other and says for each rule that applies when its
//! clock started, when it was due, by what it was met, and the verdict. Who built the facts, from a file or from signed
//! evidence, is not this module's business. What is still open is read off the same findings ([`obligation`]), and when
//! somebody is to be warned of it ([`timer`]).

pub mod beijing;
pub mod builtin;
pub mod calendar;
pub mod case;
pub mod condition;
pub mod event;
pub mod facts;
pub mod finding;
pub mod interval;
mod judge;
pub mod mark;
pub mod obligation;
pub mod pack;
pub mod pack_file;
pub mod rule;
pub mod schema;
pub mod signed;
pub mod step;
pub mod timer;

pub use calendar::Calendars;
pub use facts::Facts;
pub use finding::{Finding, Judgement, Verdict};
pub use interval::Interval;
pub use judge::{consider, judge};
pub use pack::RulePack;
pub use rule::Rule;
