//! The authority's desk (权威机构), off-line: a new network with its root certificate and its root hub, newer plans, new
//! certificates for the root hub. Its key never needs to be on a machine with a network.
//!
//! ```text
//! DIR/authority/  root.key (0600), root.pem, map.toml with every room's id, plan.cose, sheet.cose
//! DIR/anchor      the root certificate: the trust anchor that everybody may have
//! DIR/root/       the root hub's node, ready to run
//! ```
//!
//! *Against:* a network made twice in one place, a plan that goes back or turns a real network into a demo.

mod plans;

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use certs::{
    authority::{Authority, ISSUING_DAYS, IssueError, Validity},
    certificate::Serial,
    identity::{RoomKeys, TlsKey},
    peer::Publisher,
    plan,
};
use relay::timestamp::Timestamp;
use rustls::pki_types::CertificateDer;
use topology::{Map, map_file};

pub use self::plans::sign_plan;
use self::plans::{read_desk_map, read_map, with_rules};
use crate::{
    clock::Clock,
    config::Config,
    directory::Directory,
    door::sheet::OwnSheet,
    enrolment::furnish::{Furniture, Nursery, furnish, listen_at},
    identity::Identity,
    problem::Problem,
    rulebook::{SignedRules, Wish},
    trust::{self, TrustBook, sheet_file},
};

/// A new network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkInit {
    /// The network's label.
    pub network: String,
    /// The authority's directory: to be kept off-line.
    pub authority: PathBuf,
    /// The trust anchor.
    pub anchor: PathBuf,
    /// The root hub's directory.
    pub root: PathBuf,
}

/// Makes a new network from a map file. The root hub issues the rule packs and calendars that the file chooses.
///
/// # Errors
/// `rules_pack_invalid`, `map_file_invalid` with every mistake and its line, `network_exists`, `read_failed`, `write_failed`; nothing stays then.
pub fn network_init(dir: &Path, map_file: &Path) -> Result<NetworkInit, Problem> {
    let now = Clock::wall();
    let map = read_map(map_file, now)?;
    let init = NetworkInit {
        network: map.network().to_owned(),
        authority: dir.join(AUTHORITY),
        anchor: dir.join(ANCHOR),
        root: dir.join(ROOT),
    };
    if let Some(there) = [&init.authority, &init.anchor, &init.root].into_iter().find(|path| path.exists()) {
        return Err(Problem::failed("network_exists").with("path", there.display()));
    }
    let nursery = Nursery::open(dir)?;
    let made = nursery.path("network");
    make_directory(&made)?;
    let authority = Authority::create(map.network(), now.as_ms()).map_err(issue_failed)?;
    let keys = RoomKeys::generate();
    let wish = Wish::read(map_file, &map, now)?;
    let rules = SignedRules::make(&wish, &SignedRules::default(), map.root(), &keys.signing)?;
    let map = with_rules(&map, &rules.in_force(), map_file)?;
    let plan = plan::sign_plan(&authority, map.plan());
    let hub = RootHub::issue(&authority, &map, &keys, now)?;
    let sheet = hub.sheet(OwnSheet::default(), &authority, &map, Some(&keys), now)?;
    write_desk(&made.join(AUTHORITY), &authority, &map, &plan, &sheet)?;
    Directory::open(&made)?.write(ANCHOR, authority.root_pem().as_bytes())?;
    furnish_root(&made.join(ROOT), &authority, &map, &keys, &hub, &plan, &sheet)?;
    trust::furnish_rules(&Directory::open(&made.join(ROOT))?, &rules)?;
    nursery.settle_beside(&made, ROOT)?;
    Ok(init)
}

fn write_desk(
    path: &Path,
    authority: &Authority,
    map: &Map,
    plan: &[u8],
    sheet: &[u8],
) -> Result<(), Problem> {
    make_directory(path)?;
    let desk = Directory::open(path)?;
    desk.write(ROOT_KEY, authority.key_pem().as_bytes())?;
    desk.write(ROOT_CERTIFICATE, authority.root_pem().as_bytes())?;
    desk.write(MAP_FILE, map_file::write(map).as_bytes())?;
    desk.write(PLAN_FILE, plan)?;
    desk.write(SHEET_FILE, sheet)
}

fn furnish_root(
    path: &Path,
    authority: &Authority,
    map: &Map,
    keys: &RoomKeys,
    hub: &RootHub,
    plan: &[u8],
    sheet: &[u8],
) -> Result<(), Problem> {
    let room = map.room(map.root()).expect("a map knows its root");
    let furniture = Furniture {
        keys,
        tls_chain: &hub.tls,
        issuing_chain: Some(&hub.issuing),
        root: authority.root(),
        plan,
        sheets: vec![(Publisher::Authority, sheet)],
        config: Config::new(map.network().to_owned(), room.id, room.address.as_deref().and_then(listen_at)),
    };
    furnish(path, &furniture)
}

/// Renews the certificates of the root hub, whose node must be stopped. The authority's directory is `DIR/authority`
/// or the `DIR` around it.
///
/// # Errors
/// `already_running`, `authority_missing`, `key_too_open`, `not_the_root_hub`, `issue_failed`, `write_failed`.
pub fn renew_root(authority_dir: &Path, node_dir: &Path) -> Result<crate::enrolment::Renewed, Problem> {
    let now = Clock::wall();
    let desk = open_desk(authority_dir)?;
    let authority = read_authority(&desk)?;
    let directory = Directory::open(node_dir)?;
    let _lock = directory.lock()?;
    let identity = Identity::load(&directory)?;
    let trust = TrustBook::open(&directory, now)?;
    let map = read_desk_map(&desk, now)?;
    if identity.room != map.root() || trust.current().map.network() != authority.network() {
        return Err(Problem::failed("not_the_root_hub").with("path", node_dir.display()));
    }
    let keys = identity.keys_with(TlsKey::generate());
    let hub = RootHub::issue(&authority, &map, &keys, now)?;
    let last = OwnSheet::read(&desk.read(SHEET_FILE)?, &authority.issuer().public());
    let last = last
        .ok_or_else(|| Problem::failed("authority_damaged").with("path", desk.file(SHEET_FILE).display()))?;
    let sheet = hub.sheet(last, &authority, &map, None, now)?;
    desk.write(SHEET_FILE, &sheet)?;
    identity.renewed(&directory, &keys.tls, &hub.tls, Some(&hub.issuing))?;
    directory.write(&sheet_file(Publisher::Authority), &sheet)?;
    Ok(crate::enrolment::Renewed { serial: hub.serials.0.to_string(), not_after_ms: hub.not_after_ms })
}

/// The certificates of the root hub.
struct RootHub {
    tls: Vec<CertificateDer<'static>>,
    issuing: Vec<CertificateDer<'static>>,
    serials: (Serial, Serial),
    not_after_ms: i64,
}

impl RootHub {
    fn issue(authority: &Authority, map: &Map, keys: &RoomKeys, now: Timestamp) -> Result<Self, Problem> {
        let dns = map.dns_name(map.root()).expect("a map knows its root");
        let issuer = authority.issuer();
        let validity = |days| Validity::days(now.as_ms(), days);
        let tls =
            issuer.issue_tls(&dns, &keys.tls.request(), validity(ROOT_TLS_DAYS)).map_err(issue_failed)?;
        let issuing = issuer
            .issue_issuing(&dns, &keys.issuing.request(), validity(ISSUING_DAYS))
            .map_err(issue_failed)?;
        Ok(Self {
            tls: issuer.chain_with(&tls),
            issuing: issuer.chain_with(&issuing),
            not_after_ms: tls.not_after_ms,
            serials: (tls.serial, issuing.serial),
        })
    }

    /// The authority's next sheet; with keys, the root hub's first ones are published.
    fn sheet(
        &self,
        mut last: OwnSheet,
        authority: &Authority,
        map: &Map,
        keys: Option<&RoomKeys>,
        now: Timestamp,
    ) -> Result<Vec<u8>, Problem> {
        if let Some(keys) = keys {
            last.publish(map.root(), &keys.public(), now);
        }
        let entry = last.entry(map.root());
        (entry.tls_serial, entry.issuing_serial) =
            (Some(self.serials.0.clone()), Some(self.serials.1.clone()));
        last.sign(authority.issuer(), Publisher::Authority, map, now)
    }
}

/// Finds the authority's directory.
fn open_desk(path: &Path) -> Result<Directory, Problem> {
    let places = [path.to_owned(), path.join(AUTHORITY)];
    let found = places.iter().find(|place| place.join(ROOT_KEY).exists());
    let found = found.ok_or_else(|| Problem::failed("authority_missing").with("path", path.display()))?;
    Directory::open(found)
}

fn read_authority(desk: &Directory) -> Result<Authority, Problem> {
    let key = desk.read_secret(ROOT_KEY)?;
    let damaged = |detail: String| {
        Problem::failed("authority_damaged").with("path", desk.root().display()).with("detail", detail)
    };
    let key = std::str::from_utf8(&key).map_err(|error| damaged(error.to_string()))?;
    Authority::from_pem(key, &desk.read_text(ROOT_CERTIFICATE)?).map_err(|error| damaged(error.to_string()))
}

fn make_directory(path: &Path) -> Result<(), Problem> {
    fs::create_dir_all(path)
        .and_then(|()| fs::set_permissions(path, Permissions::from_mode(0o700)))
        .map_err(|error| Problem::failed("write_failed").with("path", path.display()).with("detail", error))
}

fn issue_failed(error: IssueError) -> Problem {
    Problem::failed("issue_failed").with("detail", error)
}

/// The root hub cannot renew by itself, for its issuer is off-line: a year, so that the ceremony is one a year.
pub const ROOT_TLS_DAYS: u32 = 365;

const AUTHORITY: &str = "authority";
const ANCHOR: &str = "anchor";
const ROOT: &str = "root";
const ROOT_KEY: &str = "root.key";
const ROOT_CERTIFICATE: &str = "root.pem";
const MAP_FILE: &str = "map.toml";
const PLAN_FILE: &str = "plan.cose";
const SHEET_FILE: &str = "sheet.cose";

#[cfg(test)]
mod tests {
    use super::*;

    const MAP: &str = "network = \"henan\"\nversion = 1\n\
        [[room]]\ncode = \"410000\"\nname = \"省\"\nlevel = \"province\"\naddress = \"127.0.0.1:7100\"\n\
        [[room]]\ncode = \"411300\"\nname = \"南阳\"\nlevel = \"city\"\nparent = \"410000\"\n";

    struct Desk {
        place: tempfile::TempDir,
        init: NetworkInit,
    }

    impl Desk {
        fn new() -> Self {
            let place = tempfile::tempdir().unwrap();
            fs::write(place.path().join("map.toml"), MAP).unwrap();
            let init = network_init(&place.path().join("net"), &place.path().join("map.toml")).unwrap();
            Self { place, init }
        }

        fn edited(&self, text: &str) -> PathBuf {
            let path = self.place.path().join("edited.toml");
            fs::write(&path, text).unwrap();
            path
        }

        fn map(&self) -> Map {
            let desk = Directory::open(&self.init.authority).unwrap();
            read_desk_map(&desk, Timestamp::from_ms(0)).unwrap()
        }

        fn resign(&self, text: &str) -> Result<Map, Problem> {
            let bytes =
                sign_plan(&self.init.authority, &self.edited(text), &crate::rulebook::InForce::default())?;
            let pem = fs::read_to_string(&self.init.anchor).unwrap();
            let root = certs::certificate::certificates_from_pem(&pem).unwrap().remove(0);
            Ok(plan::verify_plan(&bytes, &root).unwrap().map)
        }
    }

    #[test]
    fn a_new_network_has_a_root_hub_that_trusts_itself() {
        let desk = Desk::new();
        let directory = Directory::open(&desk.init.root).unwrap();
        let identity = Identity::load(&directory).unwrap();
        let trust = TrustBook::open(&directory, Clock::wall()).unwrap().current();
        assert_eq!(identity.room, trust.map.root());
        assert_eq!(identity.issuer().unwrap().domain(), trust.map.dns_name(identity.room).unwrap());
        assert_eq!(trust.keys.signing_keys(identity.room), [&identity.signing.public()]);
        let config = Config::load(&directory.file("config.toml")).unwrap();
        assert_eq!((config.room, config.listen), (identity.room, "127.0.0.1:7100".parse().ok()));
        let mode = fs::metadata(desk.init.authority.join(ROOT_KEY)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_network_is_not_made_twice_and_a_wrong_map_leaves_nothing() {
        let desk = Desk::new();
        let net = desk.place.path().join("net");
        let again = network_init(&net, &desk.place.path().join("map.toml")).unwrap_err();
        assert_eq!(again.code, "network_exists");
        let elsewhere = desk.place.path().join("elsewhere");
        let wrong = MAP.replace("parent = \"410000\"", "parent = \"419999\"");
        let problem = network_init(&elsewhere, &desk.edited(&wrong)).unwrap_err();
        assert_eq!(problem.code, "map_file_invalid");
        assert!(problem.details["detail"].contains(".toml:12: parent"), "{problem}");
        assert!(!elsewhere.exists());
    }

    #[test]
    fn a_newer_plan_keeps_the_ids_of_its_rooms_and_draws_those_of_new_ones() {
        let desk = Desk::new();
        let before = desk.map();
        let text = MAP.replace("version = 1", "version = 2").replace("南阳", "南阳市")
            + "[[room]]\ncode = \"410100\"\nname = \"郑州\"\nlevel = \"city\"\nparent = \"410000\"\nrelations = [{ kind = \"peer\", room = \"411300\" }]\n";
        let after = desk.resign(&text).unwrap();
        for code in ["410000", "411300"] {
            assert_eq!(after.resolve(code), before.resolve(code));
        }
        let new = after.room(after.resolve("410100").unwrap()).unwrap();
        assert_eq!(
            (new.parent, new.relations[0].room),
            (Some(before.root()), before.resolve("411300").unwrap())
        );
        assert_eq!((desk.map().version(), &desk.map().plan().rooms), (2, &after.plan().rooms));
        assert_eq!(desk.resign(&text).unwrap_err().code, "map_not_newer");
    }

    #[test]
    fn another_network_another_root_and_a_demo_made_of_a_real_network_are_not_signed() {
        let desk = Desk::new();
        let newer = MAP.replace("version = 1", "version = 2");
        let other = newer.replace("\"henan\"", "\"hebei\"");
        assert_eq!(desk.resign(&other).unwrap_err().code, "map_other_network");
        let demo = newer.replace("version = 2", "version = 2\ndemo = true");
        assert_eq!(desk.resign(&demo).unwrap_err().code, "map_demo_changed");
        let root = newer.replace("\"410000\"", "\"130000\"");
        assert_eq!(desk.resign(&root).unwrap_err().code, "map_root_changed");
        assert_eq!(desk.map().version(), 1);
        assert!(desk.resign(&newer).is_ok());
    }

    #[test]
    fn the_root_hub_is_renewed_at_the_authority_and_only_while_it_is_stopped() {
        let desk = Desk::new();
        let directory = Directory::open(&desk.init.root).unwrap();
        let before = Identity::load(&directory).unwrap();
        let lock = directory.lock().unwrap();
        let running = renew_root(&desk.place.path().join("net"), &desk.init.root).unwrap_err();
        assert_eq!(running.code, "already_running");
        drop(lock);
        let renewed = renew_root(&desk.place.path().join("net"), &desk.init.root).unwrap();
        let after = Identity::load(&directory).unwrap();
        assert_ne!(before.tls.public(), after.tls.public());
        let trust = TrustBook::open(&directory, Clock::wall()).unwrap().current();
        let sheet = trust.keys.sheet(Publisher::Authority).unwrap();
        assert_eq!(sheet.sheet().version, 2);
        let serial = sheet.entry(after.room).unwrap().tls_serial.clone().unwrap();
        assert_eq!(serial.to_string(), renewed.serial);
        assert_eq!(trust.keys.signing_keys(after.room), [&after.signing.public()]);
        let nowhere = renew_root(desk.place.path(), &desk.init.root).unwrap_err();
        assert_eq!(nowhere.code, "authority_missing");
    }
}
