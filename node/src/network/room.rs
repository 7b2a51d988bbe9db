//! One duty room as a process of its own: started, asked, killed, started again, stopped.

use std::{
    fs::{File, OpenOptions},
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::process::{Child, Command};

use crate::{
    control::{
        client::Client,
        request::Request,
        view::{Room, Status},
    },
    problem::Problem,
};

/// A room's node.
pub(crate) struct RoomProcess {
    program: PathBuf,
    directory: PathBuf,
    code: String,
    room: Room,
    console: Option<String>,
    pid: u32,
    child: Child,
}

/// A node on a busy machine starts in this time; usually it takes a tenth of a second.
const START_TAKES: Duration = Duration::from_secs(60);
const STOP_TAKES: Duration = Duration::from_secs(10);
const JOIN_TAKES: Duration = Duration::from_secs(120);
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// Lines of a node's log that explain its end.
const LOG_LINES: usize = 6;
const LOG_NAME: &str = "node.log";

impl RoomProcess {
    /// Starts the node of a directory and waits until it answers.
    ///
    /// # Errors
    /// `demo_room_ended` with the end of its log, `demo_room_silent`.
    pub(super) async fn start(program: PathBuf, code: &str, directory: PathBuf) -> Result<Self, Problem> {
        let mut child = spawn(&program, &directory)?;
        let status = until_it_answers(&mut child, code, &directory).await?;
        let pid = status.pid;
        let (room, console) = (status.room, status.console);
        Ok(Self { program, directory, code: code.to_owned(), room, console, pid, child })
    }

    /// Starts it again after its end.
    ///
    /// # Errors
    /// As for [`Self::start`].
    pub(crate) async fn start_again(&mut self) -> Result<(), Problem> {
        self.child = spawn(&self.program, &self.directory)?;
        self.pid = until_it_answers(&mut self.child, &self.code, &self.directory).await?.pid;
        Ok(())
    }

    /// Kills it with SIGKILL, at whatever instant.
    ///
    /// # Errors
    /// `demo_room_ended` when it had ended by itself before.
    pub(crate) async fn kill(&mut self) -> Result<(), Problem> {
        if let Ok(Some(_)) = self.child.try_wait() {
            return Err(ended(&self.code, &self.directory));
        }
        self.child.kill().await.map_err(|error| ended(&self.code, &self.directory).with("detail", error))
    }

    /// Tells it to stop; [`Self::wait_for_end`] waits.
    pub(super) async fn ask_to_stop(&self) {
        let client = self.client().with_patience(STOP_TAKES);
        // One that does not answer is killed afterwards.
        let _ = client.ask::<Value>(&Request::Stop).await;
    }

    /// Waits until it has ended, and kills it if it takes too long.
    pub(super) async fn wait_for_end(&mut self) {
        if tokio::time::timeout(STOP_TAKES, self.child.wait()).await.is_err() {
            // It ends or it has ended; there is nothing else to do about it.
            let _ = self.child.kill().await;
        }
    }

    /// Waits until its link with its parent is up.
    ///
    /// # Errors
    /// `demo_room_silent`.
    pub(crate) async fn until_linked(&self) -> Result<(), Problem> {
        self.until_status(|status| {
            status.links.iter().any(|link| link.role == "parent" && link.state == "up")
        })
        .await
    }

    /// Waits until its status is as wanted.
    ///
    /// # Errors
    /// `demo_room_silent` when it does not become so.
    pub(crate) async fn until_status(&self, is_so: impl Fn(&Status) -> bool) -> Result<(), Problem> {
        let look = async || {
            let status: Status = self.ask(&Request::Status).await?;
            Ok(is_so(&status).then_some(()))
        };
        until(START_TAKES, look).await?.ok_or_else(|| silent(&self.code, &self.directory))
    }

    /// Asks it.
    ///
    /// # Errors
    /// See [`Client::ask`].
    pub(crate) async fn ask<T: DeserializeOwned>(&self, request: &Request) -> Result<T, Problem> {
        self.client().ask(request).await
    }

    /// A client of its control socket.
    pub(crate) fn client(&self) -> Client {
        Client::new(&self.directory)
    }

    /// Its code on the map.
    pub(crate) fn code(&self) -> &str {
        &self.code
    }

    /// The room as people see it.
    pub(crate) const fn room(&self) -> &Room {
        &self.room
    }

    /// Where its console is.
    pub(crate) fn console(&self) -> Option<&str> {
        self.console.as_deref()
    }

    /// Its process, the last one.
    pub(crate) const fn pid(&self) -> u32 {
        self.pid
    }

    /// Its directory.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }
}

/// `yichuan join TOKEN --dir DIR`, to its end.
///
/// # Errors
/// `demo_join_failed` with what it said.
pub(super) async fn join(program: &Path, token: &str, directory: &Path) -> Result<(), Problem> {
    let failed = |detail: &dyn std::fmt::Display| {
        Problem::failed("demo_join_failed").with("path", directory.display()).with("detail", detail)
    };
    let mut command = Command::new(program);
    command.arg("--dir").arg(directory).args(["join", token]).stdin(Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(JOIN_TAKES, command.output()).await.map_err(|error| failed(&error))?;
    let output = output.map_err(|error| failed(&error))?;
    if output.status.success() {
        Ok(())
    } else {
        Err(failed(&String::from_utf8_lossy(&output.stderr).trim()))
    }
}

/// Looks again and again until there is something to see, or the time is over.
///
/// # Errors
/// Those of the looking.
pub(crate) async fn until<T>(
    limit: Duration,
    mut look: impl AsyncFnMut() -> Result<Option<T>, Problem>,
) -> Result<Option<T>, Problem> {
    let search = async {
        loop {
            if let Some(found) = look().await? {
                return Ok(found);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    tokio::time::timeout(limit, search).await.ok().transpose()
}

fn spawn(program: &Path, directory: &Path) -> Result<Child, Problem> {
    let log = open_log(&directory.join(LOG_NAME))?;
    let errors = log.try_clone().map_err(|error| unwritable(directory, &error))?;
    let mut command = Command::new(program);
    command.arg("--dir").arg(directory).arg("run").stdin(Stdio::null()).stdout(log).stderr(errors);
    command.kill_on_drop(true).spawn().map_err(|error| {
        Problem::failed("demo_program").with("path", program.display()).with("detail", error)
    })
}

fn open_log(path: &Path) -> Result<File, Problem> {
    OpenOptions::new().create(true).append(true).open(path).map_err(|error| unwritable(path, &error))
}

fn unwritable(path: &Path, error: &std::io::Error) -> Problem {
    Problem::failed("write_failed").with("path", path.display()).with("detail", error)
}

async fn until_it_answers(child: &mut Child, code: &str, directory: &Path) -> Result<Status, Problem> {
    let client = Client::new(directory);
    let look = async || {
        if let Ok(Some(_)) = child.try_wait() {
            return Err(ended(code, directory));
        }
        Ok(client.ask::<Status>(&Request::Status).await.ok())
    };
    until(START_TAKES, look).await?.ok_or_else(|| silent(code, directory))
}

fn ended(code: &str, directory: &Path) -> Problem {
    Problem::failed("demo_room_ended")
        .with("room", code)
        .with("path", directory.display())
        .with("detail", last_words(directory))
}

fn silent(code: &str, directory: &Path) -> Problem {
    let seconds = START_TAKES.as_secs();
    Problem::unreachable("demo_room_silent")
        .with("room", code)
        .with("seconds", seconds)
        .with("path", directory.display())
        .with("detail", last_words(directory))
}

/// The end of a node's log.
fn last_words(directory: &Path) -> String {
    let log = std::fs::read(directory.join(LOG_NAME)).unwrap_or_default();
    let log = String::from_utf8_lossy(&log);
    let lines: Vec<&str> = log.lines().rev().take(LOG_LINES).collect();
    lines.into_iter().rev().collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_program_that_ends_at_once_is_told_with_the_end_of_its_log() {
        let place = tempfile::tempdir().unwrap();
        let script = place.path().join("program");
        std::fs::write(&script, "#!/bin/sh\necho \"$3 on $2 does not start\" >&2\nexit 1\n").unwrap();
        std::fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
        let directory = place.path().join("node");
        std::fs::create_dir(&directory).unwrap();
        let problem = RoomProcess::start(script.clone(), "411322", directory.clone()).await.err().unwrap();
        assert_eq!(problem.code, "demo_room_ended");
        assert_eq!(problem.details["detail"], format!("run on {} does not start", directory.display()));
        let problem = join(&script, "TOKEN", &directory).await.unwrap_err();
        assert_eq!(problem.details["detail"], format!("join on {} does not start", directory.display()));
    }

    #[tokio::test]
    async fn waiting_ends_when_there_is_something_to_see_or_the_time_is_over() {
        let mut left = 3;
        let found = until(Duration::from_secs(60), async || {
            left -= 1;
            Ok((left == 0).then_some("seen"))
        });
        assert_eq!(found.await, Ok(Some("seen")));
        let never = until(Duration::from_millis(60), async || Ok(None::<()>));
        assert_eq!(never.await, Ok(None));
        let failed =
            until(Duration::from_secs(60), async || Err::<Option<()>, _>(Problem::failed("store_full")));
        assert_eq!(failed.await.unwrap_err().code, "store_full");
    }
}
