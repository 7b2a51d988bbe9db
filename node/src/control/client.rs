//! The command line's end of the control socket: one question out, one answer in, and patience that ends.
//!
//! A silent or vanished node is told apart from one that answers no: after the first, nobody knows whether an order
//! was carried out, and the message says so.

use std::{
    fs::File,
    io,
    os::{fd::AsRawFd, unix::ffi::OsStrExt},
    path::{Path, PathBuf},
    time::Duration,
};

use serde::de::DeserializeOwned;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::UnixStream,
    time::timeout,
};

use super::request::{Answer, Request};
use crate::problem::Problem;

/// Asks the node that runs on one directory.
#[derive(Debug, Clone)]
pub struct Client {
    directory: PathBuf,
    patience: Duration,
}

impl Client {
    /// A client of the node on this directory; nothing is opened yet.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self { directory: directory.into(), patience: PATIENCE }
    }

    /// The same with another limit for the answer.
    #[must_use]
    pub fn with_patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Asks, and reads the answer as what the request promises.
    ///
    /// # Errors
    /// The node's own [`Problem`]; `not_running`, `no_answer` (exit code 3), `control_denied` or `control_broken`.
    pub async fn ask<T: DeserializeOwned>(&self, request: &Request) -> Result<T, Problem> {
        let mut line = serde_json::to_vec(request).map_err(|error| broken(&error))?;
        line.push(b'\n');
        let answer = timeout(self.patience, self.exchange(&line)).await.map_err(|_| self.silent())??;
        match serde_json::from_slice(&answer).map_err(|error| broken(&error))? {
            Answer::Ok(value) => serde_json::from_value(value).map_err(|error| broken(&error)),
            Answer::Error(problem) => Err(problem),
        }
    }

    async fn exchange(&self, line: &[u8]) -> Result<Vec<u8>, Problem> {
        let stream = self.connect().await.map_err(|error| self.unreachable(&error))?;
        let (reader, mut writer) = stream.into_split();
        writer.write_all(line).await.map_err(|_| self.silent())?;
        let mut answer = Vec::new();
        let mut reader = BufReader::new(reader).take(ANSWER_BYTES_MAX);
        reader.read_until(b'\n', &mut answer).await.map_err(|_| self.silent())?;
        match answer.last() {
            None => Err(self.silent()),
            Some(b'\n') => Ok(answer),
            Some(_) => Err(broken(&"the answer is cut off")),
        }
    }

    async fn connect(&self) -> io::Result<UnixStream> {
        let socket = SocketPath::of(&self.directory)?;
        UnixStream::connect(socket.path()).await
    }

    fn unreachable(&self, error: &io::Error) -> Problem {
        let path = self.directory.display();
        let denied = error.kind() == io::ErrorKind::PermissionDenied;
        let problem =
            if denied { Problem::failed("control_denied") } else { Problem::unreachable("not_running") };
        problem.with("path", path).with("detail", error)
    }

    fn silent(&self) -> Problem {
        Problem::unreachable("no_answer")
            .with("path", self.directory.display())
            .with("seconds", self.patience.as_secs())
    }
}

fn broken(error: &dyn std::fmt::Display) -> Problem {
    Problem::failed("control_broken").with("detail", error)
}

/// The control socket of a directory under a name that fits. The address of a Unix socket has 108 bytes; a longer
/// path is reached through the open directory instead (`/proc/self/fd/N/control.sock`), so this value must live
/// until the socket is bound or connected.
#[derive(Debug)]
pub struct SocketPath {
    path: PathBuf,
    _directory: Option<File>,
}

impl SocketPath {
    /// The socket in this directory.
    ///
    /// # Errors
    /// When the directory of a long path cannot be opened.
    pub fn of(directory: &Path) -> io::Result<Self> {
        let path = directory.join(SOCKET_NAME);
        if path.as_os_str().as_bytes().len() < SOCKET_PATH_BYTES {
            return Ok(Self { path, _directory: None });
        }
        let directory = File::open(directory)?;
        let path = PathBuf::from(format!("/proc/self/fd/{}/{SOCKET_NAME}", directory.as_raw_fd()));
        Ok(Self { path, _directory: Some(directory) })
    }

    /// The name to bind or to connect.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// The socket's name in the node's directory.
pub const SOCKET_NAME: &str = "control.sock";
/// `sun_path` of Linux, its closing zero included.
const SOCKET_PATH_BYTES: usize = 108;
/// A long list of receipts is a few MiB; more than this is no answer.
const ANSWER_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// A renewal dials the parent and an acknowledgement opens a key under argon2id; both are done in seconds.
const PATIENCE: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use tokio::net::UnixListener;

    use super::*;
    use crate::problem::{EXIT_FAILED, EXIT_UNREACHABLE};

    async fn answered(directory: &Path, answer: &'static [u8]) -> Result<u32, Problem> {
        let socket = SocketPath::of(directory).unwrap();
        let listener = UnixListener::bind(socket.path()).unwrap();
        let server = tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            let (reader, mut writer) = stream.into_split();
            let mut question = String::new();
            BufReader::new(reader).read_line(&mut question).await.unwrap();
            writer.write_all(answer).await.unwrap();
            question
        });
        let result = Client::new(directory).ask(&Request::Status).await;
        assert_eq!(server.await.unwrap(), "{\"verb\":\"status\"}\n");
        result
    }

    #[tokio::test]
    async fn the_answer_is_what_the_node_said() {
        let place = tempfile::tempdir().unwrap();
        assert_eq!(answered(place.path(), b"{\"ok\":7}\n").await, Ok(7));
    }

    #[tokio::test]
    async fn the_nodes_own_problem_comes_through() {
        let place = tempfile::tempdir().unwrap();
        let problem = answered(place.path(), b"{\"error\":{\"code\":\"room_unknown\",\"exit\":4}}\n")
            .await
            .unwrap_err();
        assert_eq!((problem.code.as_str(), problem.exit), ("room_unknown", 4));
    }

    #[tokio::test]
    async fn an_answer_that_is_cut_off_or_missing_is_never_taken_for_one() {
        for (answer, code, exit) in [
            (&b""[..], "no_answer", EXIT_UNREACHABLE),
            (b"{\"ok\":7}", "control_broken", EXIT_FAILED),
            (b"\xff\n", "control_broken", EXIT_FAILED),
        ] {
            let place = tempfile::tempdir().unwrap();
            let problem = answered(place.path(), answer).await.unwrap_err();
            assert_eq!((problem.code.as_str(), problem.exit), (code, exit));
        }
    }

    #[tokio::test]
    async fn a_node_that_does_not_run_is_unreachable() {
        let place = tempfile::tempdir().unwrap();
        let problem = Client::new(place.path()).ask::<u32>(&Request::Status).await.unwrap_err();
        assert_eq!((problem.code.as_str(), problem.exit), ("not_running", EXIT_UNREACHABLE));
    }

    #[tokio::test]
    async fn a_directory_with_a_very_long_name_is_reached_all_the_same() {
        let place = tempfile::tempdir().unwrap();
        let deep = place.path().join("值".repeat(60)).join("班".repeat(60));
        std::fs::create_dir_all(&deep).unwrap();
        assert_eq!(answered(&deep, b"{\"ok\":7}\n").await, Ok(7));
    }
}
