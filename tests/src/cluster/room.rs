//! One room: its directory and the process that runs there. The process ends with it.

use std::{
    fs::{File, OpenOptions},
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::Mutex,
    time::Duration,
};

use node::{
    config::Config,
    control::{client::Client, request::Request, view},
    problem::Problem,
};
use serde::de::DeserializeOwned;

use super::wait::{LONG, until};

/// A room of a cluster.
#[derive(Debug)]
pub struct Room {
    code: String,
    dir: PathBuf,
    log: PathBuf,
    /// The program, after the words that put it where it runs.
    program: Vec<PathBuf>,
    process: Mutex<Option<Child>>,
}

impl Room {
    /// A room that does not run yet.
    pub fn new(program: Vec<PathBuf>, code: &str, dir: PathBuf, log: PathBuf) -> Self {
        Self { code: code.to_owned(), dir, log, program, process: Mutex::new(None) }
    }

    /// What to start for a command of this room, and the words before its own.
    pub fn program(&self) -> (&Path, Vec<&str>) {
        let (first, rest) = self.program.split_first().expect("there is a program");
        (first, rest.iter().map(|word| super::text(word)).collect())
    }

    /// Its code.
    pub fn code(&self) -> &str {
        &self.code
    }

    /// Its directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The file with everything that its node has logged.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// Asks its node.
    ///
    /// # Errors
    /// The node's own [`Problem`].
    pub async fn ask<T: DeserializeOwned>(&self, request: &Request) -> Result<T, Problem> {
        Client::new(&self.dir).with_patience(LONG).ask(request).await
    }

    /// Gives its node an order.
    ///
    /// # Panics
    /// When the node refuses.
    pub async fn order(&self, request: &Request) {
        let answer: Result<serde_json::Value, Problem> = self.ask(request).await;
        answer.unwrap_or_else(|problem| panic!("{} refuses {request:?}: {problem}", self.code));
    }

    /// Changes its configuration; the node sees it at its next start.
    pub fn configure(&self, change: impl FnOnce(&mut Config)) {
        let path = self.dir.join("config.toml");
        let mut config = Config::load(&path).expect("a node's configuration reads");
        change(&mut config);
        std::fs::write(&path, config.to_text()).expect("a node's configuration is writable");
    }

    /// Starts its node and waits until it answers.
    pub async fn start(&self) {
        self.spawn(&[], &[]);
        self.ready().await;
    }

    /// Starts its node under another program (such as a tracer) and with these variables; does not wait.
    pub fn spawn(&self, under: &[&str], environment: &[(&str, &str)]) {
        let (program, before) = self.program.split_last().expect("there is a program");
        let mut words: Vec<&Path> = before.iter().map(PathBuf::as_path).collect();
        words.extend(under.iter().map(Path::new));
        words.extend([program.as_path(), Path::new("--dir"), &self.dir, Path::new("run")]);
        let log = self.open_log();
        let child = Command::new(words[0])
            .args(&words[1..])
            .envs(environment.iter().copied())
            .env_remove("YICHUAN_DIR")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("the program is there");
        let before = self.process.lock().expect("no holder of the process panics").replace(child);
        assert!(before.is_none(), "{} runs already", self.code);
    }

    fn open_log(&self) -> File {
        let log = OpenOptions::new().create(true).append(true).open(&self.log);
        log.expect("the log's directory is there")
    }

    /// Waits until its node answers.
    ///
    /// # Panics
    /// When it ends instead, with the end of its log.
    pub async fn ready(&self) {
        until(&format!("{} answers", self.code), LONG, async || {
            let ended = self.exit_status();
            assert!(ended.is_none(), "{} ended with {ended:?}: {}", self.code, self.log_end());
            self.ask::<view::Status>(&Request::Status).await.ok()
        })
        .await;
    }

    /// Waits until its node answers or has ended; whether it answers.
    pub async fn ready_or_ended(&self) -> bool {
        until(&format!("{} answers or ends", self.code), LONG, async || {
            if self.exit_status().is_some() {
                return Some(false);
            }
            self.ask::<view::Status>(&Request::Status).await.is_ok().then_some(true)
        })
        .await
    }

    /// How its process ended, if it did.
    pub fn exit_status(&self) -> Option<ExitStatus> {
        let mut process = self.process.lock().expect("no holder of the process panics");
        let status = process.as_mut()?.try_wait().expect("our own child can be asked");
        if status.is_some() {
            *process = None;
        }
        status
    }

    /// Waits until its process has ended by itself.
    pub async fn ended(&self) -> ExitStatus {
        until(&format!("{} ends", self.code), LONG, async || self.exit_status()).await
    }

    /// Its process id, while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.process.lock().expect("no holder of the process panics").as_ref().map(Child::id)
    }

    /// Stops its process for a while, as a paused machine is; or lets it go on.
    pub fn pause(&self, paused: bool) {
        let pid = self.pid().and_then(|pid| rustix::process::Pid::from_raw(pid.cast_signed()));
        let signal = if paused { rustix::process::Signal::STOP } else { rustix::process::Signal::CONT };
        rustix::process::kill_process(pid.expect("it runs"), signal).expect("our own child can be stopped");
    }

    /// Ends its process with SIGKILL. Nothing happens when none runs.
    pub fn kill(&self) {
        let child = self.process.lock().expect("no holder of the process panics").take();
        if let Some(mut child) = child {
            child.kill().expect("our own child can be killed");
            child.wait().expect("our own child can be waited for");
        }
    }

    /// Stops its node in good order.
    pub async fn stop(&self) {
        self.order(&Request::Stop).await;
        let status = self.ended().await;
        assert!(status.success() && status.signal().is_none(), "{} ended with {status}", self.code);
    }

    /// Everything that its node has logged.
    pub fn log_text(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    fn log_end(&self) -> String {
        let text = self.log_text();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }

    /// The state of its link with a neighbour.
    pub async fn link(&self, neighbour: &str) -> Option<view::Link> {
        let status: view::Status = self.ask(&Request::Status).await.ok()?;
        status.links.into_iter().find(|link| link.room.code == neighbour)
    }

    /// Waits until its link with a neighbour is in this state.
    pub async fn link_is(&self, neighbour: &str, state: &str) -> view::Link {
        self.link_is_within(neighbour, state, LONG).await
    }

    /// The same with another limit.
    pub async fn link_is_within(&self, neighbour: &str, state: &str, limit: Duration) -> view::Link {
        until(&format!("the link {} - {neighbour} is {state}", self.code), limit, async || {
            self.link(neighbour).await.filter(|link| link.state == state)
        })
        .await
    }

    /// Waits until it knows its parent's clock well enough to let anything expire.
    pub async fn clock_trusted(&self) {
        until(&format!("{} trusts its clock", self.code), LONG, async || {
            let status = self.ask::<view::Status>(&Request::Status).await.ok()?;
            status.clock.trusted.then_some(())
        })
        .await;
    }

    /// How full its disk is, as it sees it: `normal`, `low` or `critical`.
    pub async fn disk_level(&self) -> String {
        let status: Result<view::Status, Problem> = self.ask(&Request::Status).await;
        status.map(|status| status.disk.level).unwrap_or_default()
    }

    /// Cuts or heals its link with a neighbour.
    pub async fn cut(&self, neighbour: &str, cut: bool) {
        self.order(&Request::Link { room: neighbour.to_owned(), cut }).await;
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.kill();
    }
}
