//! A small network in a throw-away directory: a province whose hub serves its door, and what its rooms need.

use std::{
    net::{SocketAddr, UdpSocket},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use certs::{
    enrolment::{Invitation, JoinRequest},
    identity::RoomKeys,
    tls::CertificateCell,
};
use quinn::Endpoint;
use relay::timestamp::Timestamp;
use serde_bytes::ByteBuf;
use tempfile::TempDir;
use tokio::{sync::mpsc, task::JoinHandle};
use topology::RoomId;

use crate::{
    authority::network_init,
    clock::Clock,
    directory::Directory,
    door::{
        Door,
        message::{Knock, Reply},
    },
    enrolment::{Joined, join},
    identity::Identity,
    link::endpoint,
    problem::Problem,
    tls::TlsBook,
    trust::TrustBook,
};

pub(super) const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The files of a network.
pub(super) struct Network {
    pub(super) place: TempDir,
    pub(super) map: String,
}

impl Network {
    /// Province 410000, city 411300 and its county 411322, each at a free port of this machine.
    pub(super) fn new() -> Self {
        let sockets = [(); 3].map(|()| UdpSocket::bind("127.0.0.1:0").unwrap());
        let [province, city, county] = sockets.each_ref().map(|socket| socket.local_addr().unwrap());
        Self::with_map(format!(
            "network = \"henan\"\nversion = 1\ndemo = true\n\
             [[room]]\ncode = \"410000\"\nname = \"省值班室\"\nlevel = \"province\"\naddress = \"{province}\"\n\
             [[room]]\ncode = \"411300\"\nname = \"南阳值班室\"\nlevel = \"city\"\nparent = \"410000\"\naddress = \"{city}\"\n\
             [[room]]\ncode = \"411322\"\nname = \"方城值班室\"\nlevel = \"county\"\nparent = \"411300\"\naddress = \"{county}\"\n"
        ))
    }

    pub(super) fn with_map(map: String) -> Self {
        let place = tempfile::tempdir().unwrap();
        let network = Self { place, map };
        let file = network.write_map(&network.map);
        network_init(network.place.path(), &file).unwrap();
        network
    }

    pub(super) fn write_map(&self, text: &str) -> PathBuf {
        let file = self.path("map.toml");
        std::fs::write(&file, text).unwrap();
        file
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    /// The province's node, which serves its door.
    pub(super) fn province(&self) -> Hub {
        Hub::start(&self.path("root"))
    }

    /// A room that has joined below a hub with a trusted token.
    pub(super) async fn joined(&self, hub: &Hub, code: &str) -> Node {
        let token = hub.invite(code, true);
        join(&token, &self.path(code), None, &mut |_| {}).await.unwrap();
        Node::open(&self.path(code))
    }
}

/// A node, opened and not running.
pub(super) struct Node {
    pub(super) directory: Directory,
    pub(super) identity: Arc<Identity>,
    pub(super) trust: TrustBook,
    pub(super) tls: TlsBook,
    pub(super) door: Door,
}

impl Node {
    pub(super) fn open(path: &Path) -> Self {
        let directory = Directory::open(path).unwrap();
        let identity = Arc::new(Identity::load(&directory).unwrap());
        let trust = TrustBook::open(&directory, Clock::wall()).unwrap();
        let cell = CertificateCell::new(identity.tls_chain.clone(), &identity.tls).unwrap();
        let tls = TlsBook::new(cell, &trust.current()).unwrap();
        let door = Door::open(&directory, identity.clone(), trust.clone()).unwrap();
        Self { directory, identity, trust, tls, door }
    }

    pub(super) async fn renew(&self) -> Result<crate::enrolment::Renewed, Problem> {
        crate::enrolment::renew(&self.identity, &self.directory, &self.trust, &self.tls).await
    }

    pub(super) fn room(&self, code: &str) -> RoomId {
        self.trust.current().map.resolve(code).unwrap()
    }
}

/// A node that serves its door until it is dropped.
pub(super) struct Hub {
    pub(super) node: Node,
    endpoint: Endpoint,
    serving: JoinHandle<()>,
}

impl Hub {
    pub(super) fn start(path: &Path) -> Self {
        let node = Node::open(path);
        let map = node.trust.current().map.clone();
        let address = map.room(node.identity.room).unwrap().address.clone().unwrap();
        let address = address.parse::<SocketAddr>().unwrap();
        let endpoint = endpoint::open(Some(address), &node.tls, &node.identity.storage).unwrap();
        let (door, listening) = (node.door.clone(), endpoint.clone());
        let serving = tokio::spawn(async move {
            while let Some(incoming) = listening.accept().await {
                let door = door.clone();
                tokio::spawn(async move {
                    if let Ok(connection) = incoming.await {
                        door.serve(connection).await;
                    }
                });
            }
        });
        Self { node, endpoint, serving }
    }

    /// Ends as a kill would: nobody is told, nothing is tidied up.
    pub(super) async fn stop(self) {
        let address = self.endpoint.local_addr().unwrap();
        self.serving.abort();
        self.endpoint.close(0_u32.into(), b"");
        self.endpoint.wait_idle().await;
        drop(self);
        let free = async {
            while UdpSocket::bind(address).is_err() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), free).await.expect("the port becomes free");
    }

    pub(super) fn invite(&self, code: &str, trust_token: bool) -> String {
        let room = self.node.room(code);
        self.node.door.invite(room, DAY, trust_token, Clock::wall()).unwrap().token
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// A room that asks to be let in, in a task of its own.
pub(super) struct Asking {
    pub(super) words: mpsc::UnboundedReceiver<[String; 6]>,
    pub(super) joined: JoinHandle<Result<Joined, Problem>>,
}

impl Asking {
    pub(super) fn start(token: &str, dir: PathBuf) -> Self {
        let (shown, words) = mpsc::unbounded_channel();
        let token = token.to_owned();
        let joined = tokio::spawn(async move {
            let mut show = |words: &[String; 6]| shown.send(words.clone()).unwrap();
            join(&token, &dir, None, &mut show).await
        });
        Self { words, joined }
    }
}

/// A request to join with these keys, as it comes in.
pub(super) fn request(token: &str, keys: &RoomKeys) -> Knock {
    let invitation = Invitation::parse(token).unwrap();
    Knock::Join(JoinRequest::new(keys, &invitation).sign(keys).into())
}

/// The code of a refusal.
pub(super) fn refused(reply: Reply) -> String {
    match reply {
        Reply::Refused { code, .. } => code,
        Reply::Wait | Reply::Welcome(_) => panic!("not refused: {reply:?}"),
    }
}

/// A knock that was let in, as bytes.
pub(super) fn welcomed(reply: Reply) -> ByteBuf {
    match reply {
        Reply::Welcome(bytes) => bytes,
        Reply::Wait | Reply::Refused { .. } => panic!("not welcome: {reply:?}"),
    }
}

pub(super) fn after(duration: Duration) -> Timestamp {
    Clock::wall().after(duration)
}
