//! What the engine decides, one file for each behaviour. The province of these tests has seven rooms:
//!
//! ```text
//!            P
//!        /       \
//!       A         B
//!     / | \       |
//!    C  D  F      E      F has B, E has P as alternate parent
//! ```

mod arrivals;
mod books;
mod calls;
mod detours;
mod duplicates;
mod duty;
mod expiry;
mod handed;
mod heads;
mod log;
mod losses;
mod net;
mod office;
mod officers;
mod outboxes;
mod restarts;
mod rooms;
mod sending;
mod tale;
mod unrest;
mod verdicts;
mod windows;
