//! A small network for the tests of this crate: province, two cities, a county under the first, all enrolled.

use std::collections::BTreeMap;

use rustls::pki_types::CertificateDer;
use serde_bytes::ByteBuf;
use topology::{Dated, Level, Map, Name, Plan, Room, RoomId};

use crate::{
    authority::{Authority, ISSUING_DAYS, Issuer, TLS_DAYS, Validity},
    enrolment::Invitation,
    identity::{IssuingKey, RoomKeys},
    peer::Publisher,
    seal::SEALING_SUITE,
    sheet::{
        KeyPurpose, KnownKeys, PublishedKey, Revocation, SheetContents, SheetEntry, VerifiedSheet,
        sign_sheet, verify_sheet,
    },
    signature::Suite,
};

/// 2026-11-22 04:00 UTC.
pub(crate) const NOW_MS: i64 = 1_795_320_000_000;
pub(crate) const PROVINCE: RoomId = RoomId::from_bytes([0x41; 16]);
pub(crate) const CITY: RoomId = RoomId::from_bytes([0x42; 16]);
pub(crate) const OTHER_CITY: RoomId = RoomId::from_bytes([0x43; 16]);
pub(crate) const COUNTY: RoomId = RoomId::from_bytes([0x44; 16]);

pub(crate) type Chain = Vec<CertificateDer<'static>>;

/// The network with every room's keys and certificates.
pub(crate) struct Tree {
    pub(crate) authority: Authority,
    pub(crate) map: Map,
    keys_by_room: BTreeMap<RoomId, RoomKeys>,
    issuing_by_hub: BTreeMap<RoomId, Chain>,
    tls_by_room: BTreeMap<RoomId, Chain>,
}

impl Tree {
    pub(crate) fn new() -> Self {
        let authority = Authority::create("henan", NOW_MS).unwrap();
        let mut tree = Self {
            authority,
            map: map(1, &[]),
            keys_by_room: BTreeMap::new(),
            issuing_by_hub: BTreeMap::new(),
            tls_by_room: BTreeMap::new(),
        };
        for room in [PROVINCE, CITY, OTHER_CITY, COUNTY] {
            tree.enrol(room);
        }
        tree
    }

    fn enrol(&mut self, room: RoomId) {
        let keys = RoomKeys::generate();
        let dns = self.dns(room);
        let publisher = Publisher::of(&self.map, room).unwrap();
        let (tls, issuing) = self.with_issuer(publisher, |issuer| {
            let tls = issuer.issue_tls(&dns, &keys.tls.request(), Validity::days(NOW_MS, TLS_DAYS)).unwrap();
            let valid = Validity::days(NOW_MS, ISSUING_DAYS);
            let issuing = issuer.issue_issuing(&dns, &keys.issuing.request(), valid).unwrap();
            (issuer.chain_with(&tls), issuer.chain_with(&issuing))
        });
        self.tls_by_room.insert(room, tls);
        self.issuing_by_hub.insert(room, issuing);
        self.keys_by_room.insert(room, keys);
    }

    pub(crate) fn with_issuer<T>(&self, publisher: Publisher, work: impl FnOnce(&Issuer) -> T) -> T {
        match publisher {
            Publisher::Authority => work(self.authority.issuer()),
            Publisher::Hub(hub) => work(&self.issuer(hub)),
        }
    }

    /// The issuer of a hub.
    pub(crate) fn issuer(&self, hub: RoomId) -> Issuer {
        let key = IssuingKey::from_pem(&self.keys_by_room[&hub].issuing.to_pem()).unwrap();
        Issuer::of_hub(key, &self.issuing_by_hub[&hub]).unwrap()
    }

    pub(crate) fn dns(&self, room: RoomId) -> String {
        self.map.dns_name(room).unwrap()
    }

    pub(crate) fn keys(&self, room: RoomId) -> &RoomKeys {
        &self.keys_by_room[&room]
    }

    pub(crate) fn tls_chain(&self, room: RoomId) -> Chain {
        self.tls_by_room[&room].clone()
    }

    pub(crate) fn issuing_chain(&self, hub: RoomId) -> Chain {
        self.issuing_by_hub[&hub].clone()
    }

    pub(crate) fn invitation(&self, room: RoomId) -> Invitation {
        let parent = self.dns(self.map.parent(room).unwrap());
        Invitation::new("henan", room, &parent, "127.0.0.1:7100", self.authority.root(), NOW_MS + 60_000)
    }

    /// What a publisher says about the rooms below it.
    pub(crate) fn contents(&self, publisher: Publisher, version: u64) -> SheetContents {
        let children =
            self.keys_by_room.keys().filter(|room| Publisher::of(&self.map, **room) == Some(publisher));
        SheetContents {
            network: "henan".into(),
            publisher,
            version,
            plan_version: 1,
            entries: children.map(|room| self.entry(*room)).collect(),
            revocations: Vec::new(),
        }
    }

    pub(crate) fn entry(&self, room: RoomId) -> SheetEntry {
        let keys = self.keys(room);
        let signing = published(Suite::Ed25519.id(), KeyPurpose::Signing, keys.signing.public_bytes());
        let sealing = published(SEALING_SUITE, KeyPurpose::Sealing, keys.sealing.public().as_bytes());
        SheetEntry { keys: vec![signing, sealing], room, tls_serial: None, issuing_serial: None }
    }

    pub(crate) fn sign(&self, contents: SheetContents) -> Vec<u8> {
        self.with_issuer(contents.publisher, |issuer| sign_as(issuer, contents))
    }

    pub(crate) fn verified(&self, contents: SheetContents) -> VerifiedSheet {
        verify_sheet(&self.sign(contents), &self.map, self.authority.root(), NOW_MS).unwrap()
    }

    /// A sheet of the publisher with these revocations.
    pub(crate) fn revoking(
        &self,
        publisher: Publisher,
        version: u64,
        revocations: Vec<Revocation>,
    ) -> VerifiedSheet {
        self.verified(SheetContents { revocations, ..self.contents(publisher, version) })
    }

    /// All keys of the network.
    pub(crate) fn known_keys(&self) -> KnownKeys {
        let mut known = KnownKeys::new();
        for publisher in [Publisher::Authority, Publisher::Hub(PROVINCE), Publisher::Hub(CITY)] {
            known.insert(self.verified(self.contents(publisher, 1))).unwrap();
        }
        known
    }
}

pub(crate) fn sign_as(issuer: &Issuer, contents: SheetContents) -> Vec<u8> {
    let signer = issuer.issue_sheet_signer(Validity::days(NOW_MS, ISSUING_DAYS)).unwrap();
    sign_sheet(issuer, &signer.certificate, contents, NOW_MS).unwrap()
}

pub(crate) fn published(suite: u8, purpose: KeyPurpose, public: &[u8]) -> PublishedKey {
    PublishedKey {
        suite,
        to_ms: None,
        public: ByteBuf::from(public),
        from_ms: NOW_MS,
        purpose,
        succession: None,
    }
}

/// The map of the network, with these rooms hung elsewhere.
pub(crate) fn map(version: u64, moved: &[(RoomId, RoomId)]) -> Map {
    let parent = |room: RoomId, usual: RoomId| {
        moved.iter().find(|(which, _)| *which == room).map_or(usual, |(_, parent)| *parent)
    };
    let rooms = vec![
        room(PROVINCE, "410000", Level::Province, None),
        room(CITY, "410100", Level::City, Some(parent(CITY, PROVINCE))),
        room(OTHER_CITY, "411300", Level::City, Some(parent(OTHER_CITY, PROVINCE))),
        room(COUNTY, "410122", Level::County, Some(parent(COUNTY, CITY))),
    ];
    Map::new(Plan {
        v: Plan::FORMAT,
        network: "henan".into(),
        version,
        issued_at_ms: NOW_MS,
        demo: true,
        rooms,
        packs: Vec::new(),
        calendars: Vec::new(),
    })
    .unwrap()
}

fn room(id: RoomId, code: &str, level: Level, parent: Option<RoomId>) -> Room {
    Room {
        id,
        level,
        codes: vec![Dated::always(code.parse().unwrap())],
        names: vec![Dated::always(Name { zh: format!("{code} 值班室"), en: None })],
        parent,
        alternates: Vec::new(),
        address: Some("127.0.0.1:7100".into()),
        telephone: None,
        relations: Vec::new(),
        valid_from_ms: None,
        valid_to_ms: None,
    }
}
