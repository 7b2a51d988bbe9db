//! The rooms of a simulated world: province, city, county, and in half of the worlds a second county that has the
//! province as alternate parent; or a whole province of its real size. With them their keys, their officers and a
//! letterbox that costs nothing.

use std::{collections::BTreeMap, sync::Arc};

use certs::{
    cbor,
    officer::{OfficerCertificate, OfficerKey, OfficerRole, sign_act},
    signature::{
        KeyId, Keyring, PublicKey, SignatureError, Signer, SigningKey, SimulationKeyring, SimulationSigner,
        Suite,
    },
};
use relay::{
    envelope::VerifiedEnvelope,
    receipt::OfficerDeed,
    refusal::Refusal,
    step::{InboxEntry, Opened},
};
use topology::{Dated, Level, Map, Name, Plan, Room, RoomId};

/// Who plays.
pub(crate) struct Cast {
    pub(crate) map: Arc<Map>,
    pub(crate) rooms: Vec<RoomId>,
    pub(crate) signers: Vec<Arc<dyn Signer>>,
    pub(crate) keyring: Arc<dyn Keyring>,
    names: Vec<String>,
    places: BTreeMap<RoomId, usize>,
    officers: Vec<(OfficerKey, Vec<u8>)>,
}

/// The root of the tree, in every world.
pub(crate) const PROVINCE: usize = 0;
/// Under the province, in a small world.
pub(crate) const CITY: usize = 1;
/// Under the city, in a small world.
pub(crate) const COUNTY: usize = 2;
/// Under the city too, with the province as alternate parent.
const SECOND: usize = 3;
/// In a whole province every so many counties have the province as alternate parent.
const ALTERNATE_EVERY: usize = 8;

/// The label of every simulated network.
pub(crate) const NETWORK: &str = "world";
/// A body that begins with this byte is of a kind that its target does not know.
pub(crate) const UNKNOWN_KIND: u8 = 0xff;

impl Cast {
    /// Three rooms, or four.
    pub(crate) fn small(with_second: bool, real_keys: bool) -> Self {
        let names = ["province", "city", "county", "second"];
        let count = if with_second { names.len() } else { SECOND };
        let rooms: Vec<RoomId> = (1..=count).map(|n| RoomId::from_bytes([n as u8; 16])).collect();
        Self::new(small_plan(&rooms), names[..count].iter().map(ToString::to_string).collect(), real_keys)
    }

    /// The province of Henan with its cities, counties and departments.
    pub(crate) fn province(real_keys: bool) -> Self {
        let mut count = 0_u16;
        let mut fresh_id = || {
            count += 1;
            let mut bytes = [1; RoomId::LEN];
            bytes[..2].copy_from_slice(&count.to_be_bytes());
            RoomId::from_bytes(bytes)
        };
        let mut plan = topology::henan::plan(&mut fresh_id, 0);
        plan.network = NETWORK.into();
        let root = plan.rooms[PROVINCE].id;
        let counties = plan.rooms.iter_mut().filter(|room| room.parent.is_some_and(|parent| parent != root));
        for room in counties.step_by(ALTERNATE_EVERY) {
            room.alternates = vec![root];
        }
        let names = plan.rooms.iter().map(|room| room.codes[0].value.to_string()).collect();
        Self::new(plan, names, real_keys)
    }

    fn new(plan: Plan, names: Vec<String>, real_keys: bool) -> Self {
        let rooms: Vec<RoomId> = plan.rooms.iter().map(|room| room.id).collect();
        let map = Arc::new(Map::new(plan).expect("the plan of the simulated world is valid"));
        let (signers, keyring) = if real_keys { real(&rooms) } else { cheap(&rooms) };
        let officers = rooms.iter().zip(&signers).map(|(room, signer)| officer(*room, &**signer)).collect();
        let places = rooms.iter().enumerate().map(|(place, room)| (*room, place)).collect();
        Self { map, rooms, signers, keyring, names, places, officers }
    }

    /// How a room is called in histories.
    pub(crate) fn name(&self, room: RoomId) -> &str {
        self.places.get(&room).map_or("nobody", |place| &self.names[*place])
    }

    pub(crate) fn place(&self, room: RoomId) -> usize {
        *self.places.get(&room).expect("only rooms of the cast are named")
    }

    pub(crate) fn parent(&self, place: usize) -> Option<usize> {
        self.map.parent(self.rooms[place]).map(|parent| self.place(parent))
    }

    pub(crate) fn children(&self, place: usize) -> Vec<usize> {
        self.map.children(self.rooms[place]).iter().map(|child| self.place(*child)).collect()
    }

    /// Every pair of rooms that may have a link: child, hub, and whether that is an alternate parent.
    pub(crate) fn links(&self) -> Vec<(usize, usize, bool)> {
        let rooms = self.map.rooms().filter(|room| room.parent.is_some());
        rooms
            .flat_map(|room| {
                let child = self.place(room.id);
                let usual = room.parent.map(|parent| (child, self.place(parent), false));
                let others = room.alternates.iter().map(move |hub| (child, self.place(*hub), true));
                usual.into_iter().chain(others)
            })
            .collect()
    }

    /// The officer of a room signs a deed.
    pub(crate) fn act(&self, room: usize, deed: &OfficerDeed) -> Vec<u8> {
        let (key, certificate) = &self.officers[room];
        sign_act(key, certificate, &cbor::encode(deed))
    }
}

/// Opens what is for `me`, as the letterbox of a node would.
pub(crate) fn open(envelope: &VerifiedEnvelope, me: RoomId) -> Opened {
    if !envelope.recipients().contains(&me) {
        return Opened::NotForUs;
    }
    if envelope.bytes().body.first() == Some(&UNKNOWN_KIND) {
        return Opened::Refused(Refusal::UnknownKind { number: 60_000 });
    }
    Opened::Entry(InboxEntry { kind: 1, content_key: vec![1; 8], summary: vec![2; 8], call: None })
}

type Keys = (Vec<Arc<dyn Signer>>, Arc<dyn Keyring>);

fn cheap(rooms: &[RoomId]) -> Keys {
    let signer = |room: &RoomId| -> Arc<dyn Signer> { Arc::new(SimulationSigner::new(*room)) };
    let signers = rooms.iter().map(signer).collect();
    (signers, Arc::new(SimulationKeyring::new(rooms.iter().copied())))
}

fn real(rooms: &[RoomId]) -> Keys {
    let keys: Vec<SigningKey> = rooms.iter().map(|_| SigningKey::generate()).collect();
    let known = rooms.iter().zip(&keys).map(|(room, key)| (key.key_id(), (*room, key.public()))).collect();
    let arc = |key: SigningKey| -> Arc<dyn Signer> { Arc::new(key) };
    (keys.into_iter().map(arc).collect(), Arc::new(RealKeyring { known }))
}

struct RealKeyring {
    known: BTreeMap<KeyId, (RoomId, PublicKey)>,
}

impl Keyring for RealKeyring {
    fn verify(
        &self,
        suite: Suite,
        key: &KeyId,
        message: &[u8],
        signature: &[u8],
    ) -> Result<RoomId, SignatureError> {
        let (room, public) = self.known.get(key).ok_or(SignatureError::UnknownKey(*key))?;
        if suite != public.suite() {
            return Err(SignatureError::UnknownSuite);
        }
        public.verify(message, signature)?;
        Ok(*room)
    }
}

fn officer(room: RoomId, signer: &dyn Signer) -> (OfficerKey, Vec<u8>) {
    let key = OfficerKey::generate();
    let certificate =
        OfficerCertificate::new(room, "wang", "王芳", OfficerRole::DutyOfficer, &key.public(), 0);
    let signed = certificate.sign(signer);
    (key, signed)
}

fn small_plan(ids: &[RoomId]) -> Plan {
    let room = |place: usize, code: &str, level, parent: Option<usize>| Room {
        id: ids[place],
        level,
        codes: vec![Dated::always(code.parse().expect("a good code"))],
        names: vec![Dated::always(Name { zh: format!("{code}值班室"), en: None })],
        parent: parent.map(|place| ids[place]),
        alternates: if place == SECOND { vec![ids[PROVINCE]] } else { Vec::new() },
        address: Some(format!("127.0.0.1:{}", 7_000 + place)),
        telephone: None,
        relations: Vec::new(),
        valid_from_ms: None,
        valid_to_ms: None,
    };
    let mut rooms = vec![
        room(PROVINCE, "410000", Level::Province, None),
        room(CITY, "411300", Level::City, Some(PROVINCE)),
        room(COUNTY, "411322", Level::County, Some(CITY)),
    ];
    if ids.len() > SECOND {
        rooms.push(room(SECOND, "411323", Level::County, Some(CITY)));
    }
    Plan {
        v: Plan::FORMAT,
        network: NETWORK.into(),
        version: 1,
        issued_at_ms: 0,
        demo: true,
        rooms,
        packs: vec![],
        calendars: vec![],
    }
}
