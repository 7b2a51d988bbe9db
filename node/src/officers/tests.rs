//! Officers of one room: added, unlocked, locked out, gone.

use std::path::Path;

use certs::officer::verify_act;

use super::*;
use crate::{authority::network_init, trust::TrustBook};

const NOW: Timestamp = Timestamp::from_ms(1_795_000_000_000);
const PASSWORD: &str = "correct horse";

struct DutyRoom {
    _place: tempfile::TempDir,
    directory: Directory,
    identity: Arc<Identity>,
    officers: Officers,
}

impl DutyRoom {
    fn new() -> Self {
        let place = tempfile::tempdir().unwrap();
        let map = place.path().join("map.toml");
        std::fs::write(&map, topology::henan::DEMO_MAP).unwrap();
        let root = network_init(place.path(), &map).unwrap().root;
        Self::open(place, &root)
    }

    fn sign(&self, officer: &str, password: &str, payload: &[u8]) -> Result<Vec<u8>, Problem> {
        let unlocked = self.officers.unlock(officer, password)?;
        Ok(unlocked.sign_as(ContentType::OfficerAct, payload))
    }

    fn open(place: tempfile::TempDir, root: &Path) -> Self {
        let directory = Directory::open(root).unwrap();
        let identity = Arc::new(Identity::load(&directory).unwrap());
        let officers = Officers::open(&directory, identity.clone()).unwrap();
        Self { _place: place, directory, identity, officers }
    }
}

fn code<T: std::fmt::Debug>(result: Result<T, Problem>) -> String {
    result.unwrap_err().code
}

#[test]
fn an_act_carries_name_role_and_room_and_survives_the_officers_leaving() {
    let room = DutyRoom::new();
    let officer = room.officers.add("王芳", "head_of_watch", PASSWORD, NOW).unwrap();
    let signed = room.sign("王芳", PASSWORD, b"deed").unwrap();
    room.officers.disable(&officer.id).unwrap();
    assert_eq!(code(room.sign("王芳", PASSWORD, b"deed")), "officer_disabled");
    assert_eq!(code(room.officers.disable("王芳")), "officer_disabled");
    let trust = TrustBook::open(&room.directory, Clock::wall()).unwrap().current();
    let act = verify_act(&signed, &*trust.keys).unwrap();
    let said = (act.room, act.name.as_str(), act.role, act.officer.as_str(), act.payload.as_slice());
    let expected =
        (room.identity.room, "王芳", OfficerRole::HeadOfWatch, officer.id.as_str(), b"deed".as_slice());
    assert_eq!(said, expected);
}

#[test]
fn officers_are_there_after_a_restart_and_a_name_serves_one_person_at_a_time() {
    let room = DutyRoom::new();
    let first = room.officers.add("王芳", "值班员", PASSWORD, NOW).unwrap();
    assert_eq!(code(room.officers.add(" 王芳 ", "duty_officer", PASSWORD, NOW)), "officer_taken");
    room.officers.disable("王芳").unwrap();
    let second = room.officers.add("王芳", "duty_officer", "another one", NOW).unwrap();
    assert_ne!(first.id, second.id);
    let again = Officers::open(&room.directory, room.identity.clone()).unwrap();
    assert_eq!(again.list(), room.officers.list());
    assert_eq!(again.list().iter().map(|officer| officer.disabled).collect::<Vec<_>>(), [true, false]);
    assert!(again.unlock("王芳", "another one").is_ok());
    assert_eq!(code(again.unlock(&first.id, PASSWORD)), "officer_disabled");
}

#[test]
fn bad_names_roles_and_passwords_change_nothing() {
    let room = DutyRoom::new();
    let add = |name: &str, role: &str, password: &str| code(room.officers.add(name, role, password, NOW));
    assert_eq!(add(" ", "duty_officer", PASSWORD), "officer_name_invalid");
    assert_eq!(add("a\nb", "duty_officer", PASSWORD), "officer_name_invalid");
    assert_eq!(add("王芳", "boss", PASSWORD), "officer_role_unknown");
    assert_eq!(add("王芳", "duty_officer", "short"), "officer_password_short");
    assert_eq!(code(room.sign("王芳", PASSWORD, b"deed")), "officer_unknown");
    assert!(room.officers.list().is_empty() && !room.directory.file(OFFICERS_FILE).exists());
}

#[test]
fn a_changed_password_replaces_the_old_one() {
    let room = DutyRoom::new();
    room.officers.add("王芳", "duty_officer", PASSWORD, NOW).unwrap();
    assert_eq!(
        code(room.officers.change_password("王芳", "wrong word", "new password")),
        "officer_wrong_password"
    );
    room.officers.change_password("王芳", PASSWORD, "new password").unwrap();
    assert_eq!(code(room.sign("王芳", PASSWORD, b"deed")), "officer_wrong_password");
    assert!(room.sign("王芳", "new password", b"deed").is_ok());
}

#[test]
fn five_wrong_passwords_cost_a_pause_that_the_right_one_must_wait_for_too() {
    let room = DutyRoom::new();
    room.officers.add("王芳", "duty_officer", PASSWORD, NOW).unwrap();
    let entry = room.officers.book()[0].clone();
    let now = Clock::instant();
    for _ in 0..WRONG_IN_A_ROW_MAX {
        assert_eq!(code(room.officers.open_key(&entry, "wrong word", now)), "officer_wrong_password");
    }
    let paused = room.officers.open_key(&entry, PASSWORD, now + PAUSE_FIRST / 2).unwrap_err();
    assert_eq!((paused.code.as_str(), paused.details["seconds"].as_str()), ("officer_paused", "16"));
    assert_eq!(
        code(room.officers.open_key(&entry, "wrong word", now + PAUSE_FIRST)),
        "officer_wrong_password"
    );
    let later = now + PAUSE_FIRST * 2;
    assert_eq!(code(room.officers.open_key(&entry, PASSWORD, later)), "officer_paused");
    assert!(room.officers.open_key(&entry, PASSWORD, now + PAUSE_FIRST * 3).is_ok());
    assert_eq!(code(room.officers.open_key(&entry, "wrong word", later)), "officer_wrong_password");
    assert!(room.officers.open_key(&entry, PASSWORD, later).is_ok());
}
