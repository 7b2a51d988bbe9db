//! The networks that tests build: which rooms there are, how they hang together, and where each listens.

use std::{
    collections::BTreeSet,
    net::{SocketAddr, UdpSocket},
    path::PathBuf,
    sync::Mutex,
};

use node::config::DiskMarks;

use crate::lab::spaces::{self, Spaces};

/// A network to be built.
#[derive(Debug, Clone)]
pub struct Network {
    /// Its rooms, every parent before its children.
    pub places: Vec<Place>,
    /// The log filter of every node.
    pub log: String,
    /// Whether it is a demo network, whose links may be cut and whose clocks may be moved.
    pub demo: bool,
    /// When the disk of every node counts as nearly full.
    pub disk: DiskMarks,
}

/// One room on the map.
#[derive(Debug, Clone)]
pub struct Place {
    /// Its code.
    pub code: String,
    /// Its Chinese name.
    pub name: String,
    /// Its level's word.
    pub level: String,
    /// The parent's code; none at the root.
    pub parent: Option<String>,
    /// Codes of alternate parents.
    pub alternates: Vec<String>,
    /// Kinds of relation and codes.
    pub relations: Vec<(String, String)>,
    /// Where it listens, if anybody dials it.
    pub address: Option<SocketAddr>,
    /// Whether it joins at the beginning; others stand on the map only.
    pub joins: bool,
    /// Its directory, where it must not be the usual one.
    pub dir: Option<PathBuf>,
    /// The network namespace that it runs in, if it has one of its own.
    pub space: Option<String>,
}

impl Network {
    /// Province 410000, city 411300, county 411322.
    pub fn three() -> Self {
        let mut network =
            Self { places: Vec::new(), log: "info".to_owned(), demo: true, disk: DiskMarks::default() };
        network.add("410000", "河南省政府总值班室", "province", None);
        network.add("411300", "南阳市政府总值班室", "city", Some("410000"));
        network.add("411322", "方城县政府总值班室", "county", Some("411300"));
        network
    }

    /// The same in three namespaces: the province in the first, the city in the second, the county in the third.
    pub fn three_in(spaces: &Spaces) -> Self {
        let mut network = Self::three();
        for (number, place) in network.places.iter_mut().enumerate() {
            place.space = Some(spaces.name(number + 1).to_owned());
            let listens = place.address.is_some();
            let address = format!("{}:7100", spaces::address(number + 1, 0));
            place.address = listens.then(|| address.parse().expect("an address reads"));
        }
        network
    }

    /// The province alone.
    pub fn one() -> Self {
        let mut network =
            Self { places: Vec::new(), log: "info".to_owned(), demo: true, disk: DiskMarks::default() };
        network.add("410000", "河南省政府总值班室", "province", None);
        network
    }

    /// Three rooms, and the county may dial the province while the city is away.
    pub fn with_alternate_parent() -> Self {
        let mut network = Self::three();
        network.place("411322").alternates.push("410000".to_owned());
        network
    }

    /// Province, two cities, three counties and a department; the two counties under 411300 are peers.
    pub fn seven() -> Self {
        let mut network =
            Self { places: Vec::new(), log: "info".to_owned(), demo: true, disk: DiskMarks::default() };
        network.add("410000", "河南省政府总值班室", "province", None);
        network.add("410100", "郑州市政府总值班室", "city", Some("410000"));
        network.add("411300", "南阳市政府总值班室", "city", Some("410000"));
        network.add("41000090100000", "河南省应急管理厅值班室", "department", Some("410000"));
        network.add("410122", "中牟县政府总值班室", "county", Some("410100"));
        network.add("411322", "方城县政府总值班室", "county", Some("411300"));
        network.add("411323", "西峡县政府总值班室", "county", Some("411300"));
        network.place("411322").relations.push(("peer".to_owned(), "411323".to_owned()));
        network
    }

    /// Adds a room; its parent, if any, stands there already and listens from now on.
    pub fn add(&mut self, code: &str, name: &str, level: &str, parent: Option<&str>) -> &mut Place {
        if let Some(parent) = parent {
            let parent = self.place(parent);
            parent.address = parent.address.or_else(|| Some(free_address()));
        }
        self.places.push(Place {
            code: code.to_owned(),
            name: name.to_owned(),
            level: level.to_owned(),
            parent: parent.map(str::to_owned),
            alternates: Vec::new(),
            relations: Vec::new(),
            address: parent.is_none().then(free_address),
            joins: true,
            dir: None,
            space: None,
        });
        self.places.last_mut().expect("one was just added")
    }

    /// The room with this code.
    pub fn place(&mut self, code: &str) -> &mut Place {
        let place = self.places.iter_mut().find(|place| place.code == code);
        place.unwrap_or_else(|| panic!("no room {code} in this network"))
    }

    /// The same with another log filter.
    #[must_use]
    pub fn logging(mut self, filter: &str) -> Self {
        self.log = filter.to_owned();
        self
    }

    /// The map file.
    pub fn map_file(&self) -> String {
        let head = format!("network = \"henan\"\nversion = 1\ndemo = {}\n", self.demo);
        self.places.iter().fold(head, |text, place| text + &place.map_entry())
    }
}

impl Place {
    fn map_entry(&self) -> String {
        let mut lines = vec![
            String::new(),
            "[[room]]".to_owned(),
            format!("code = {:?}", self.code),
            format!("name = {:?}", self.name),
            format!("name_en = \"Duty room {}\"", self.code),
            format!("level = {:?}", self.level),
            "telephone = \"0377-67200000\"".to_owned(),
        ];
        lines.extend(self.parent.as_ref().map(|parent| format!("parent = {parent:?}")));
        lines.extend(self.address.map(|address| format!("address = \"{address}\"")));
        if !self.alternates.is_empty() {
            lines.push(format!("alternates = {:?}", self.alternates));
        }
        if !self.relations.is_empty() {
            let relations =
                self.relations.iter().map(|(kind, room)| format!("{{ kind = {kind:?}, room = {room:?} }}"));
            lines.push(format!("relations = [{}]", relations.collect::<Vec<_>>().join(", ")));
        }
        lines.join("\n") + "\n"
    }
}

/// A loopback address that nobody listens on. It lies below the range from which the system gives ports to those that
/// do not ask for one, and is given once in this process.
pub fn free_address() -> SocketAddr {
    static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());
    let mut given = GIVEN.lock().expect("nobody panics while choosing a port");
    let first = 20_000 + u16::try_from(std::process::id() % 10_000).expect("below ten thousand");
    let free = (first..32_000)
        .chain(20_000..first)
        .find(|port| !given.contains(port) && UdpSocket::bind(("127.0.0.1", *port)).is_ok());
    let port = free.expect("one of twelve thousand ports is free");
    given.insert(port);
    SocketAddr::from(([127, 0, 0, 1], port))
}

#[cfg(test)]
mod tests {
    use topology::{Map, RoomId, map_file};

    use super::*;

    fn read(network: &Network) -> Map {
        let mut drawn = 0;
        let mut fresh = || {
            drawn += 1;
            RoomId::from_bytes([drawn; 16])
        };
        map_file::parse("map.toml", &network.map_file(), &mut fresh, 7).unwrap()
    }

    #[test]
    fn every_network_is_a_map() {
        let county = |map: &Map| map.resolve("411322").unwrap();
        let map = read(&Network::with_alternate_parent());
        assert_eq!((map.rooms().len(), map.links(county(&map)).len()), (3, 2));
        let map = read(&Network::seven());
        assert!(map.is_demo() && map.rooms().len() == 7);
        assert!(map.related(county(&map), map.resolve("411323").unwrap()));
    }

    #[test]
    fn no_address_is_given_twice() {
        let addresses: BTreeSet<_> = (0..20).map(|_| free_address()).collect();
        assert_eq!(addresses.len(), 20);
    }
}
