//! The daemon: takes the directory, starts every part in order, and stops them in the reverse order.
//!
//! ```text
//! lock -> config -> keys -> plan and sheets -> store -> socket -> driver -> links -> control socket -> console
//! ```
//!
//! Every task is held here and none outlives the daemon.

mod crash;
mod drive;
mod upkeep;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, OnceLock, atomic::AtomicU64},
};

use certs::tls::CertificateCell;
use relay::{engine::Seat, envelope_id::Epoch, step::StorageLevel, timestamp::Timestamp};
use tokio::{
    sync::{Notify, mpsc, watch},
    task::JoinSet,
};

use crate::{
    clock::{Clock, PACE_FILE},
    config::Config,
    console, control,
    directory::Directory,
    door::Door,
    drafts::DraftBook,
    driver::Job,
    duty::{self, CaseBook},
    identity::Identity,
    integrity::{self, Integrity},
    letterbox::Letterbox,
    link::{
        dialler::Dialler,
        endpoint,
        intake::Intake,
        large::LargeBodies,
        places::{CONNECTIONS_OF_A_ROOM_MAX, Places},
        probes::Probes,
        registry::Registry,
        session::Context,
    },
    log_lines::LogLines,
    loss::LossBook,
    officers::Officers,
    problem::Problem,
    silence::SilenceBook,
    store::sqlite::{OpenOptions, SqliteReader, SqliteStore},
    tls::TlsBook,
    trust::TrustBook,
};

/// What the parts of a running node share.
pub struct Node {
    /// Where it lives.
    pub directory: Directory,
    /// How it is set.
    pub config: Config,
    /// Who it is.
    pub identity: Arc<Identity>,
    /// For what the product decides.
    pub clock: Clock,
    /// The plan and everybody's keys.
    pub trust: TrustBook,
    /// TLS configurations of the moment.
    pub tls: TlsBook,
    /// What sessions share; the registry of links is in its intake.
    pub context: Context,
    /// Joining, renewing, revoking.
    pub door: Door,
    /// Officers of this room.
    pub officers: Officers,
    /// What it has lost.
    pub loss: LossBook,
    /// The cases that rules are about, as they were judged last.
    pub cases: CaseBook,
    /// Forms that wait to be signed off.
    pub drafts: DraftBook,
    /// What of the alarm is silent, and who silenced it.
    pub silence: SilenceBook,
    /// Whether the database's file is sound.
    pub integrity: Integrity,
    /// For people's questions.
    pub reader: SqliteReader,
    /// The run of the engine.
    pub epoch: watch::Receiver<Epoch>,
    /// How full the disk is.
    pub storage: watch::Sender<StorageLevel>,
    /// Messages accepted since the start.
    pub accepted: AtomicU64,
    /// Requests under a key of their callers' that are being done.
    pub under_way: control::once::UnderWay,
    /// Where the console is, once its port is open.
    pub console: OnceLock<String>,
    /// When it started.
    pub started_at: Timestamp,
    /// Asks it to stop.
    pub stop: Notify,
}

impl Node {
    /// The registry of links.
    pub fn registry(&self) -> &Registry {
        &self.context.intake.registry
    }

    /// Seals and opens.
    pub fn letterbox(&self) -> &Letterbox {
        &self.context.intake.letterbox
    }
}

/// Runs the node of a directory until it is told to stop (interrupt, termination, or `stop`).
///
/// # Errors
/// [`Problem`] when it cannot start, nothing is changed then; `node_broken` when a part of it failed: nothing that was
/// acknowledged is lost, and whoever supervises the process starts it anew.
pub async fn run(dir: PathBuf) -> Result<(), Problem> {
    let directory = Directory::open(&dir)?;
    let config = Config::load(&directory.file("config.toml"))?;
    start_log(&config)?;
    leave_no_core();
    let _lock = directory.lock()?;
    let (jobs, inbox) = mpsc::channel(JOBS_MAX);
    let mut running = Running::start(directory, config, jobs, inbox).await?;
    let ended = running.wait_for_end().await;
    running.stop().await;
    ended
}

/// A crash must not write memory, and the keys in it, to a disk.
fn leave_no_core() {
    // One byte, not none: that ends a dump into a pipe too (core(5): a limit of none is not heeded there).
    let none = rustix::process::Rlimit { current: Some(1), maximum: Some(1) };
    if let Err(problem) = rustix::process::setrlimit(rustix::process::Resource::Core, none) {
        tracing::warn!(%problem, "a crash may leave a core dump, and keys in it");
    }
}

/// Inputs that wait for the driver. Beyond this, links wait, and with them their senders.
const JOBS_MAX: usize = 512;

struct Running {
    node: Arc<Node>,
    tasks: JoinSet<()>,
    driving: tokio::task::JoinHandle<()>,
    stop_driving: watch::Sender<bool>,
    endpoint: quinn::Endpoint,
    console: Option<console::Serving>,
}

/// A demo's clock goes on as it was set.
fn go_on_at_pace(clock: &Clock, directory: &Directory, trust: &TrustBook) {
    let pace = directory.read_text(PACE_FILE).ok().and_then(|text| serde_json::from_str(&text).ok());
    if let Some(pace) = pace.filter(|_| trust.current().map.is_demo()) {
        clock.set(pace);
    }
}

impl Running {
    async fn start(
        directory: Directory,
        config: Config,
        jobs: mpsc::Sender<Job>,
        inbox: mpsc::Receiver<Job>,
    ) -> Result<Self, Problem> {
        let clock = Clock::system();
        let identity = Arc::new(Identity::load(&directory)?);
        let trust = TrustBook::open(&directory, Clock::wall())?;
        go_on_at_pace(&clock, &directory, &trust);
        check_place(&config, &trust)?;
        let cell = CertificateCell::new(identity.tls_chain.clone(), &identity.tls)
            .map_err(|error| Problem::failed("certificate_unusable").with("detail", error))?;
        let tls = TlsBook::new(cell, &trust.current())
            .map_err(|error| Problem::failed("certificate_unusable").with("detail", error))?;
        let database = directory.file("node.db");
        let store = open_store(&directory, &database).await?;
        let reader = SqliteReader::open(&database).await?;
        let endpoint = endpoint::open(config.listen, &tls, &identity.storage)?;
        let registry = Registry::new(clock.clone(), jobs);
        let letterbox = Letterbox::new(config.room, identity.sealing.clone(), identity.storage.clone());
        let intake = Intake { registry, trust: trust.clone(), letterbox, large_bodies: LargeBodies::new() };
        let context = Context {
            me: config.room,
            clock: clock.clone(),
            intake,
            probes: Probes::default(),
            places: Places::new(CONNECTIONS_OF_A_ROOM_MAX),
            loss: LossBook::new(&directory),
            reader: reader.clone(),
        };
        let door = Door::open(&directory, identity.clone(), trust.clone())?;
        let officers = Officers::open(&directory, identity.clone())?;
        let seat = Seat {
            me: config.room,
            map: trust.current().map.clone(),
            signer: identity.signing.clone(),
            quota: config.quota.quota(),
        };
        let storage = watch::Sender::new(upkeep::storage_level(&directory, &config));
        let stop = watch::channel(false);
        let drive = drive::Drive::new(
            directory.clone(),
            seat,
            store,
            config.retention.keep(),
            context.clone(),
            storage.subscribe(),
            stop.1,
        );
        let (driving, epoch) = drive.start(inbox).await?;
        let node = Arc::new(Node {
            officers,
            loss: context.loss.clone(),
            cases: CaseBook::new(&directory),
            drafts: DraftBook::open(directory.clone(), identity.storage.clone()),
            silence: SilenceBook::new(&directory),
            directory,
            config,
            identity,
            started_at: clock.now(),
            clock,
            trust,
            tls,
            context,
            door,
            integrity: Integrity::default(),
            reader,
            epoch,
            storage,
            accepted: AtomicU64::new(0),
            under_way: control::once::UnderWay::default(),
            console: OnceLock::new(),
            stop: Notify::new(),
        });
        let mut running =
            Self { node, tasks: JoinSet::new(), driving, stop_driving: stop.0, endpoint, console: None };
        running.spawn_parts()?;
        running.serve_console().await?;
        tracing::info!(room = %running.node.config.room, "the node runs");
        Ok(running)
    }

    fn spawn_parts(&mut self) -> Result<(), Problem> {
        let node = &self.node;
        let context = node.context.clone();
        // Before anything that may learn a newer plan or sheet.
        self.tasks.spawn(upkeep::follow_trust(node.clone(), self.endpoint.clone(), node.trust.changes()));
        // Before any parent can say what it holds.
        self.tasks.spawn(upkeep::note_loss(node.clone(), node.registry().notices()));
        if node.config.listen.is_some() {
            self.tasks.spawn(endpoint::accept(self.endpoint.clone(), context.clone(), node.door.clone()));
        }
        let dialler = Dialler { context, endpoint: self.endpoint.clone(), tls: node.tls.clone() };
        self.tasks.spawn(dialler.run());
        self.tasks.spawn(upkeep::watch_disk(node.clone()));
        self.tasks.spawn(upkeep::renew_certificate(node.clone()));
        self.tasks.spawn(duty::watch(node.clone()));
        self.tasks.spawn(integrity::watch(node.clone()));
        if !node.config.alarm.is_empty() {
            self.tasks.spawn(upkeep::ring(node.clone()));
        }
        let listener = control::server::listen(&node.directory)?;
        self.tasks.spawn(control::server::serve(node.clone(), listener));
        Ok(())
    }

    async fn serve_console(&mut self) -> Result<(), Problem> {
        let node = &self.node;
        if let Some(config) = &node.config.console {
            let listening = console::listen(config, node.directory.root()).await?;
            let url = listening.url();
            tracing::info!(%url, "the console is open");
            node.console.get_or_init(|| url);
            self.console = Some(listening.serve(node.clone()));
        }
        Ok(())
    }

    /// Waits for the order to stop. A part that ends by itself is broken, and half a node is worse than none: it would
    /// look alive.
    async fn wait_for_end(&mut self) -> Result<(), Problem> {
        let broken = |detail: &dyn std::fmt::Display| Problem::failed("node_broken").with("detail", detail);
        let problem = tokio::select! {
            () = told_to_stop(&self.node) => return Ok(()),
            ended = &mut self.driving => match ended {
                Ok(()) => broken(&"the driver has ended"),
                Err(error) => broken(&error),
            },
            detail = console_ended(&mut self.console) => broken(&detail),
            Some(ended) = self.tasks.join_next() => match ended {
                Ok(()) => broken(&"a task has ended"),
                Err(error) => broken(&error),
            },
        };
        tracing::error!(%problem, "a part of the node has failed: the node stops");
        Err(problem)
    }

    /// Stop accepting, say goodbye, let the driver finish what it has, close.
    async fn stop(mut self) {
        tracing::info!("the node stops");
        self.endpoint.set_server_config(None);
        if let Some(console) = self.console.take() {
            console.stop().await;
        }
        self.node.registry().goodbye("the node stops");
        tokio::time::sleep(GOODBYE_TAKES).await;
        self.tasks.shutdown().await;
        self.endpoint.close(crate::link::registry::close::GOODBYE.into(), b"the node stops");
        self.node.reader.close().await;
        self.stop_driving.send_replace(true);
        // One that has failed is not waited for twice.
        let driving = async {
            if !self.driving.is_finished() {
                let _ = (&mut self.driving).await;
            }
        };
        if tokio::time::timeout(CLOSING_TAKES, driving).await.is_err() {
            tracing::warn!("the store is too slow to be closed in good order");
            self.driving.abort();
        }
        let _ = tokio::time::timeout(CLOSING_TAKES, self.endpoint.wait_idle()).await;
        // The socket file may be gone already.
        let _ = std::fs::remove_file(self.node.directory.socket());
    }
}

const GOODBYE_TAKES: std::time::Duration = std::time::Duration::from_millis(100);
const CLOSING_TAKES: std::time::Duration = std::time::Duration::from_secs(2);

async fn open_store(directory: &Directory, database: &Path) -> Result<SqliteStore, Problem> {
    let create = !directory.file("node.begun").exists();
    let options = OpenOptions { create, ..OpenOptions::default() };
    let store = SqliteStore::open(database, options).await?;
    if create {
        directory.write("node.begun", b"this node has a database; if it is lost, restore a backup\n")?;
    }
    Ok(store)
}

fn check_place(config: &Config, trust: &TrustBook) -> Result<(), Problem> {
    let trust = trust.current();
    if trust.map.network() != config.network {
        return Err(Problem::failed("config_other_network")
            .with("network", &config.network)
            .with("expected", trust.map.network()));
    }
    if trust.map.room(config.room).is_none() {
        return Err(Problem::failed("room_not_on_map").with("room", config.room));
    }
    Ok(())
}

async fn console_ended(console: &mut Option<console::Serving>) -> String {
    match console {
        Some(console) => console.ended().await,
        None => std::future::pending().await,
    }
}

async fn told_to_stop(node: &Node) {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()).ok();
    let terminated = async {
        match &mut terminate {
            Some(signal) => {
                signal.recv().await;
            }
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        () = terminated => {}
        () = node.stop.notified() => {}
    }
}

fn start_log(config: &Config) -> Result<(), Problem> {
    let filter = tracing_subscriber::EnvFilter::try_new(&config.log).map_err(|error| {
        Problem::usage("config_invalid").with("path", "config.toml").with("detail", format!("log: {error}"))
    })?;
    let lines = LogLines::new(config.log_json);
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(lines).with_ansi(false);
    // A second node in one process (a test) keeps the first one's log.
    let _ = if config.log_json { log.json().try_init() } else { log.try_init() };
    Ok(())
}
