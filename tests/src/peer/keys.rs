//! The keys of a room in the hands of a test: copied from its directory, as a thief or a hostile operator would.

use std::{path::Path, sync::Arc};

use certs::{
    authority::Issuer,
    certificate::certificates_from_pem,
    identity::{IssuingKey, TlsKey},
    peer::Publisher,
    seal::{SealingKey, SealingPublic, StorageKey},
    signature::SigningKey,
};
use node::{
    clock::Clock,
    config::Config,
    directory::Directory,
    letterbox::Letterbox,
    trust::{Trust, TrustBook},
};
use rustls::pki_types::CertificateDer;
use topology::{Map, RoomId};

/// Everything that makes a room what it is.
pub struct Keys {
    /// The room.
    pub room: RoomId,
    /// Its TLS key.
    pub tls: TlsKey,
    /// The certificate of that key and the issuing certificates above it.
    pub chain: Vec<CertificateDer<'static>>,
    /// Signs what the room says.
    pub signing: SigningKey,
    /// Opens what is for the room, and seals.
    pub letterbox: Letterbox,
    /// Issues for the rooms below.
    pub issuing: IssuingKey,
    /// The certificate of that key and those above it, at a hub.
    pub issuing_chain: Vec<CertificateDer<'static>>,
    /// The plan and everybody's keys, as the room last knew them.
    pub trust: Arc<Trust>,
}

impl Keys {
    /// Reads them from a room's directory, whether or not its node runs.
    ///
    /// # Panics
    /// When the directory is none of a room that has joined.
    pub fn of(dir: &Path) -> Self {
        let text = |name: &str| {
            std::fs::read_to_string(dir.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
        };
        let chain = |name: &str| certificates_from_pem(&text(name)).expect("a chain reads");
        let room = Config::load(&dir.join("config.toml")).expect("a configuration reads").room;
        let sealing = Arc::new(SealingKey::from_pem(&text("keys/sealing.pem")).expect("a key reads"));
        let directory = Directory::open(dir).expect("the directory is there");
        let trust = TrustBook::open(&directory, Clock::wall()).expect("plan and sheets verify");
        let is_hub = dir.join("certificates/issuing.pem").exists();
        Self {
            room,
            tls: TlsKey::from_pem(&text("keys/tls.pem")).expect("a key reads"),
            chain: chain("certificates/tls.pem"),
            signing: SigningKey::from_pem(&text("keys/signing.pem")).expect("a key reads"),
            letterbox: Letterbox::new(room, sealing, Arc::new(StorageKey::generate())),
            issuing: IssuingKey::from_pem(&text("keys/issuing.pem")).expect("a key reads"),
            issuing_chain: if is_hub { chain("certificates/issuing.pem") } else { Vec::new() },
            trust: trust.current(),
        }
    }

    /// The map.
    pub fn map(&self) -> &Map {
        &self.trust.map
    }

    /// The room with this code.
    ///
    /// # Panics
    /// When there is none.
    pub fn room_of(&self, code: &str) -> RoomId {
        self.map().resolve(code).unwrap_or_else(|error| panic!("{error}"))
    }

    /// The key to seal to the room with this code, if it is known here.
    pub fn recipient_key(&self, code: &str) -> Option<SealingPublic> {
        let key = self.trust.keys.sealing_key(self.room_of(code), Clock::wall().as_ms());
        key.map(|(_, key)| key)
    }

    /// The issuer that this hub is.
    ///
    /// # Panics
    /// When it is no hub.
    pub fn issuer(&self) -> Issuer {
        let key = IssuingKey::from_pem(&self.issuing.to_pem()).expect("a key reads back");
        Issuer::of_hub(key, &self.issuing_chain).expect("this room is a hub")
    }

    /// Who issues for this room.
    pub fn publisher(&self) -> Publisher {
        Publisher::of(self.map(), self.room).expect("the room is on the map")
    }
}
