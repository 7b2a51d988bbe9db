//! Switches of the running node: `stop`, and for demo networks alone `cut`, `heal` and `clock`.

use std::time::Duration;

use super::session::{Outcome, Session};
use crate::{control::request::Request, directory::Directory, problem::Problem};

/// Stops the node and waits until it is gone, so that a script can go on with the directory.
pub(crate) async fn stop(session: &mut Session) -> Outcome {
    let _: serde_json::Value = session.ask(&Request::Stop).await?;
    let directory = Directory::open(&session.dir()?)?;
    for _ in 0..STOP_SECONDS_MAX * 10 {
        // The lock is the last thing that a node lets go.
        if directory.lock().is_ok() {
            session.screen.done("stopped", &[]);
            return Ok(0);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Err(Problem::failed("stop_slow").with("seconds", STOP_SECONDS_MAX))
}

pub(crate) async fn link(session: &mut Session, room: String, cut: bool) -> Outcome {
    let done = if cut { "link-was-cut" } else { "link-was-healed" };
    session.order(&Request::Link { room: room.clone(), cut }, done, &[("room", &room)]).await
}

pub(crate) async fn clock(session: &mut Session, shift_ms: i64, speed: u32) -> Outcome {
    session.order(&Request::Clock { shift_ms, speed, since_ms: None }, "clock-was-set", &[]).await
}

/// A node closes its links and its store in good order; longer than this it hangs.
const STOP_SECONDS_MAX: u64 = 30;
