//! A standing line to a node's control socket: many questions, one after the other. A program that asks thousands of
//! times uses it; it costs the machine that is being measured as little as possible.

use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{
        UnixStream,
        unix::{OwnedReadHalf, OwnedWriteHalf},
    },
};

use crate::{
    control::{
        client::SocketPath,
        request::{Answer, Request},
    },
    problem::Problem,
};

/// An open connection.
pub(crate) struct Line {
    directory: PathBuf,
    reader: BufReader<OwnedReadHalf>,
    writer: OwnedWriteHalf,
    answer: Vec<u8>,
}

impl Line {
    /// Connects to the node on this directory.
    ///
    /// # Errors
    /// `not_running`.
    pub(crate) async fn open(directory: &Path) -> Result<Self, Problem> {
        let connect = async { UnixStream::connect(SocketPath::of(directory)?.path()).await };
        let stream = connect.await.map_err(|error| {
            Problem::unreachable("not_running").with("path", directory.display()).with("detail", error)
        })?;
        let (reader, writer) = stream.into_split();
        let reader = BufReader::new(reader);
        Ok(Self { directory: directory.to_owned(), reader, writer, answer: Vec::new() })
    }

    /// Asks and reads the answer.
    ///
    /// # Errors
    /// The node's own problem, `no_answer`, `control_broken`.
    pub(crate) async fn ask<T: DeserializeOwned>(&mut self, request: &Request) -> Result<T, Problem> {
        self.ask_bytes(&question(request)?).await
    }

    /// Asks what was put into bytes before (see [`question`]).
    ///
    /// # Errors
    /// As for [`Self::ask`].
    pub(crate) async fn ask_bytes<T: DeserializeOwned>(&mut self, question: &[u8]) -> Result<T, Problem> {
        self.answer.clear();
        let exchange = async {
            self.writer.write_all(question).await?;
            self.reader.read_until(b'\n', &mut self.answer).await
        };
        if !matches!(exchange.await, Ok(1..)) {
            return Err(Problem::unreachable("no_answer").with("path", self.directory.display()));
        }
        match serde_json::from_slice(&self.answer).map_err(|error| broken(&error))? {
            Answer::Ok(value) => serde_json::from_value(value).map_err(|error| broken(&error)),
            Answer::Error(problem) => Err(problem),
        }
    }
}

/// A question as it goes over the line.
///
/// # Errors
/// `control_broken`.
pub(crate) fn question(request: &Request) -> Result<Vec<u8>, Problem> {
    let mut bytes = serde_json::to_vec(request).map_err(|error| broken(&error))?;
    bytes.push(b'\n');
    Ok(bytes)
}

fn broken(error: &serde_json::Error) -> Problem {
    Problem::failed("control_broken").with("detail", error)
}

#[cfg(test)]
mod tests {
    use tokio::net::UnixListener;

    use super::*;

    #[tokio::test]
    async fn one_line_carries_many_questions_and_a_refusal_does_not_end_it() {
        let place = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(SocketPath::of(place.path()).unwrap().path()).unwrap();
        let server = tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            let (reader, mut writer) = stream.into_split();
            let mut lines = BufReader::new(reader).lines();
            for answer in
                ["{\"ok\":1}\n", "{\"error\":{\"code\":\"room_unknown\",\"exit\":2}}\n", "{\"ok\":3}\n"]
            {
                assert_eq!(lines.next_line().await.unwrap().unwrap(), "{\"verb\":\"progress\"}");
                writer.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        let mut line = Line::open(place.path()).await.unwrap();
        assert_eq!(line.ask::<u32>(&Request::Progress).await, Ok(1));
        assert_eq!(line.ask::<u32>(&Request::Progress).await.unwrap_err().code, "room_unknown");
        assert_eq!(line.ask::<u32>(&Request::Progress).await, Ok(3));
        server.await.unwrap();
        assert_eq!(line.ask::<u32>(&Request::Progress).await.unwrap_err().code, "no_answer");
    }
}
