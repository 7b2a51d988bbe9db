//! A cluster: real processes of the tests' own binary on loopback, each with its own directory and database, enrolled
//! the way rooms are enrolled in earnest. Everything ends with it.

pub mod books;
pub mod command;
pub mod mail;
pub mod network;
pub mod room;
pub mod traffic;
pub mod wait;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, Weak},
};

use node::control::{request::Request, view};
use tempfile::TempDir;
use tokio::sync::Mutex;

use crate::{lab::spaces::within, peer::Keys};

pub use self::{
    command::Outcome,
    mail::Letter,
    network::Network,
    room::Room,
    wait::{LONG, until, until_true},
};

/// A running network.
#[derive(Debug)]
pub struct Cluster {
    rooms: BTreeMap<String, Room>,
    network: Network,
    program: PathBuf,
    place: TempDir,
}

impl Cluster {
    /// Builds and starts a network; all its links are up then, and every room knows everybody's keys.
    pub async fn start(program: &str, network: Network) -> Self {
        let cluster = Self::prepare(program, network).await;
        cluster.all_links_up().await;
        cluster.all_keys_known().await;
        cluster
    }

    /// Builds a network and starts its rooms one after the other.
    pub async fn prepare(program: &str, network: Network) -> Self {
        // Whoever looks for a defect keeps the logs.
        let keeps = std::env::var_os("YICHUAN_TESTS_KEEP").is_some();
        let place = tempfile::Builder::new().disable_cleanup(keeps).tempdir();
        let place = place.expect("a throw-away directory can be made");
        let program = PathBuf::from(program);
        let mut cluster = Self { rooms: BTreeMap::new(), network, program, place };
        cluster.found().await;
        for level in cluster.levels() {
            let joining = level.into_iter().map(|code| cluster.enrol(code));
            let rooms = join_all(joining).await;
            cluster.rooms.extend(rooms.into_iter().map(|room| (room.code().to_owned(), room)));
        }
        cluster
    }

    /// The authority makes the network, and its root hub runs.
    async fn found(&mut self) {
        let map = self.place.path().join("map.toml");
        std::fs::write(&map, self.network.map_file()).expect("the map can be written");
        let net = self.place.path().join("net");
        let init = self.command(&["network", "init", text(&net), "--map", text(&map)]).await;
        assert_eq!(init.code, 0, "{init:?}");
        let root = self.network.places[0].code.clone();
        let room = self.new_room(&root, net.join("root"));
        self.run(&room).await;
        self.rooms.insert(root, room);
    }

    /// The rooms that join, those with the same distance from the root together.
    fn levels(&self) -> Vec<Vec<String>> {
        let mut levels: Vec<Vec<String>> = vec![vec![self.network.places[0].code.clone()]];
        let joining = |hub: &[String]| {
            let below = self.network.places.iter().filter(|place| place.joins);
            let below =
                below.filter(|place| place.parent.as_ref().is_some_and(|parent| hub.contains(parent)));
            below.map(|place| place.code.clone()).collect::<Vec<_>>()
        };
        loop {
            let next = joining(levels.last().expect("the root is there"));
            if next.is_empty() {
                return levels.split_off(1);
            }
            levels.push(next);
        }
    }

    async fn enrol(&self, code: String) -> Room {
        let place = self.network.places.iter().find(|place| place.code == code).expect("it was just listed");
        let dir = place.dir.clone().unwrap_or_else(|| self.place.path().join("rooms").join(&code));
        let room = self.new_room(&code, dir);
        let token = self.invite(&code).await;
        let (program, mut before) = room.program();
        before.extend(["--dir", text(room.dir()), "join", &token]);
        let joined = command::run(program, &before).await;
        assert_eq!(joined.code, 0, "{code} does not join: {joined:?}");
        self.run(&room).await;
        room
    }

    /// A token for this room, from its parent; whoever holds it may join.
    pub async fn invite(&self, code: &str) -> String {
        let parent = self
            .network
            .places
            .iter()
            .find(|place| place.code == code)
            .and_then(|place| place.parent.clone());
        let invite = Request::Invite { room: code.to_owned(), ttl_s: 600, trust_token: true };
        let parent = self.room(&parent.expect("a room that joins has a parent"));
        parent.ask::<view::Invited>(&invite).await.expect("a hub invites the rooms below it").token
    }

    fn new_room(&self, code: &str, dir: PathBuf) -> Room {
        let space = self.network.places.iter().find(|place| place.code == code);
        let space = space.and_then(|place| place.space.as_deref());
        let mut words = space.map(within).unwrap_or_default();
        words.push(self.program.clone());
        Room::new(words, code, dir, self.place.path().join(format!("{code}.log")))
    }

    async fn run(&self, room: &Room) {
        room.configure(|config| {
            config.log.clone_from(&self.network.log);
            config.disk = self.network.disk;
        });
        room.start().await;
    }

    /// Waits until every room that joined has a link with its parent.
    pub async fn all_links_up(&self) {
        for place in self.network.places.iter().filter(|place| place.joins) {
            if let Some(parent) = &place.parent {
                self.room(&place.code).link_is(parent, "up").await;
                self.room(parent).link_is(&place.code, "up").await;
            }
        }
    }

    /// Waits until the sheets with the keys of all that joined have come to every room.
    async fn all_keys_known(&self) {
        for room in self.rooms() {
            until_true(&format!("{} knows every room's keys", room.code()), LONG, async || {
                let known = Keys::of(room.dir());
                let mut joined = self.network.places.iter().filter(|place| place.joins);
                joined.all(|place| known.recipient_key(&place.code).is_some())
            })
            .await;
        }
    }

    /// The room with this code.
    pub fn room(&self, code: &str) -> &Room {
        self.rooms.get(code).unwrap_or_else(|| panic!("no room {code} has joined"))
    }

    /// All rooms that have joined.
    pub fn rooms(&self) -> impl Iterator<Item = &Room> {
        self.rooms.values()
    }

    /// Where the network lies.
    pub fn place(&self) -> &Path {
        self.place.path()
    }

    /// What it was built from.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// Runs a command of the program.
    pub async fn command(&self, arguments: &[&str]) -> Outcome {
        command::run(&self.program, arguments).await
    }

    /// Runs a command for one room.
    pub async fn at(&self, code: &str, arguments: &[&str]) -> Outcome {
        let dir = text(self.room(code).dir());
        self.command(&[&["--dir", dir], arguments].concat()).await
    }
}

/// A path as an argument.
pub fn text(path: &Path) -> &str {
    path.to_str().expect("the paths of tests are text")
}

/// Waits for all of them, in order; they run side by side as far as they wait for others.
pub async fn join_all<T>(futures: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
    let mut futures: Vec<_> = futures.map(|future| (Box::pin(future), None)).collect();
    std::future::poll_fn(|context| {
        let mut pending = false;
        for (future, done) in futures.iter_mut().filter(|(_, done)| done.is_none()) {
            match future.as_mut().poll(context) {
                std::task::Poll::Ready(value) => *done = Some(value),
                std::task::Poll::Pending => pending = true,
            }
        }
        if pending { std::task::Poll::Pending } else { std::task::Poll::Ready(()) }
    })
    .await;
    futures.into_iter().filter_map(|(_, done)| done).collect()
}

/// One cluster, or one house, for the tests of a file that run at the same time. It ends with the last of them.
pub struct Shared<T = Cluster> {
    current: Mutex<Weak<T>>,
}

impl<T> Shared<T> {
    /// None runs yet.
    pub const fn new() -> Self {
        Self { current: Mutex::const_new(Weak::new()) }
    }

    /// The one that runs, or a new one.
    pub async fn get(&self, begin: impl AsyncFnOnce() -> T) -> Arc<T> {
        let mut current = self.current.lock().await;
        if let Some(running) = current.upgrade() {
            return running;
        }
        let begun = Arc::new(begin().await);
        *current = Arc::downgrade(&begun);
        begun
    }
}

impl Shared {
    /// The cluster that runs, or a new one.
    pub async fn cluster(&self, program: &str, network: impl FnOnce() -> Network) -> Arc<Cluster> {
        self.get(async || Cluster::start(program, network()).await).await
    }
}

impl<T> Default for Shared<T> {
    fn default() -> Self {
        Self::new()
    }
}
