//! The command line as its users type it: a process of its own, its exit code, and what it printed.

use std::{path::Path, process::Stdio, time::Duration};

use serde::{Deserialize, de::DeserializeOwned};
use tokio::{io::AsyncWriteExt, process::Command};

/// What a command left behind.
#[derive(Debug)]
pub struct Outcome {
    /// Its exit code; -1 when a signal ended it.
    pub code: i32,
    /// What it printed.
    pub out: String,
    /// What it said beside.
    pub err: String,
}

/// An error as programs read it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Explained {
    /// The code of the catalogue.
    pub code: String,
    /// What went wrong.
    pub what: String,
    /// Why.
    pub why: String,
    /// What to do.
    #[serde(rename = "do")]
    pub remedy: String,
}

/// Nothing that a test types takes longer.
const PATIENCE: Duration = Duration::from_secs(120);

/// Runs a command in a fresh environment of its own.
pub async fn run(program: &Path, arguments: &[&str]) -> Outcome {
    run_with_input(program, arguments, "").await
}

/// Runs a command that reads this from its standard input.
pub async fn run_with_input(program: &Path, arguments: &[&str], input: &str) -> Outcome {
    run_in(program, arguments, input, &[]).await
}

/// Runs a command with these variables besides.
pub async fn run_in(
    program: &Path,
    arguments: &[&str],
    input: &str,
    environment: &[(&str, &str)],
) -> Outcome {
    let mut child = Command::new(program)
        .args(arguments)
        .envs(environment.iter().copied())
        .env_remove("YICHUAN_DIR")
        .env("LC_ALL", "C.UTF-8")
        .env("LANG", "C.UTF-8")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("the program is there");
    let mut stdin = child.stdin.take().expect("standard input is a pipe");
    // A command that does not read may be gone already.
    let _ = stdin.write_all(input.as_bytes()).await;
    drop(stdin);
    let ended = tokio::time::timeout(PATIENCE, child.wait_with_output()).await;
    let output = ended
        .unwrap_or_else(|_| panic!("not done within {PATIENCE:?}: {arguments:?}"))
        .expect("a child's output can be read");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("the program prints UTF-8");
    Outcome { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
}

impl Outcome {
    /// What was printed for programs.
    ///
    /// # Panics
    /// When it failed, or printed something else.
    pub fn json<T: DeserializeOwned>(&self) -> T {
        assert_eq!(self.code, 0, "{self:?}");
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error} in {}", self.out))
    }

    /// The error that was printed for programs, every part of it filled in.
    ///
    /// # Panics
    /// When there is none, or a part is empty or still has a hole in it.
    pub fn problem(&self) -> Explained {
        assert!(self.code != 0 && self.out.is_empty(), "an error goes to standard error alone: {self:?}");
        let line = self.err.lines().last().unwrap_or_default();
        let explained: Explained =
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in {}", self.err));
        for part in [&explained.what, &explained.why, &explained.remedy] {
            assert!(!part.is_empty() && !part.contains("{$") && !part.contains("{ $"), "{explained:?}");
        }
        explained
    }
}
