//! The officers of the demonstration and their log-in cards (登录卡): names that nobody has, passwords that are drawn
//! anew each time and are good for this throw-away network only.

use std::{
    fs::OpenOptions,
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use aws_lc_rs::rand;
use data_encoding::BASE32_NOPAD;
use serde::Serialize;
use tokio::task::JoinSet;

use crate::{
    control::{request::Request, view::Officer},
    network::Network,
    problem::Problem,
};

/// What an officer needs to sign: one entry of `cards.json`.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Card {
    pub(super) room: String,
    pub(super) officer: String,
    pub(super) role: String,
    pub(super) password: String,
}

/// Room, name, role.
const OFFICERS: [(&str, &str, &str); 17] = [
    ("410000", "周涛", "duty_officer"),
    ("410000", "吴静", "head_of_watch"),
    ("410000", "郑国栋", "leader"),
    ("410100", "沈浩", "duty_officer"),
    ("410100", "韩梅", "head_of_watch"),
    ("411300", "马超群", "duty_officer"),
    ("411300", "林晓", "head_of_watch"),
    ("411300", "何建军", "leader"),
    ("410122", "高原", "duty_officer"),
    ("410122", "罗敏", "head_of_watch"),
    ("411322", "张伟", "duty_officer"),
    ("411322", "刘敏", "head_of_watch"),
    ("411322", "陈建国", "leader"),
    ("411323", "宋涛", "duty_officer"),
    ("411323", "唐丽", "head_of_watch"),
    ("41000090100000", "冯磊", "duty_officer"),
    ("41000090100000", "蒋芳", "head_of_watch"),
];

/// Appoints the officers of every room and writes their cards to `cards.json`.
///
/// # Errors
/// Whatever `officer add` says, `write_failed`.
pub(super) async fn appoint(network: &Network) -> Result<Vec<Card>, Problem> {
    let mut cards = Vec::new();
    let mut tasks = JoinSet::new();
    for (room, officer, role) in OFFICERS {
        let card = Card {
            room: room.to_owned(),
            officer: officer.to_owned(),
            role: role.to_owned(),
            password: password()?,
        };
        let client = network.room(room)?.client();
        let (name, role, password) = (card.officer.clone(), card.role.clone(), card.password.clone());
        let wanted = Request::OfficerAdd { name, role, password };
        tasks.spawn(async move { client.ask::<Officer>(&wanted).await });
        cards.push(card);
    }
    while let Some(added) = tasks.join_next().await {
        added.map_err(|error| Problem::failed("internal").with("detail", error))??;
    }
    let path = network.directory().join("cards.json");
    write(&path, &cards).map_err(|error| {
        Problem::failed("write_failed").with("path", path.display()).with("detail", error)
    })?;
    Ok(cards)
}

fn password() -> Result<String, Problem> {
    let mut drawn = [0; 10];
    rand::fill(&mut drawn).map_err(|_| Problem::failed("no_randomness"))?;
    Ok(BASE32_NOPAD.encode(&drawn).to_ascii_lowercase())
}

fn write(path: &Path, cards: &[Card]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(serde_json::to_string_pretty(cards).map_err(io::Error::other)?.as_bytes())?;
    file.write_all(b"\n")
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, os::unix::fs::PermissionsExt};

    use super::*;

    #[test]
    fn every_room_has_two_or_three_officers_with_names_and_roles_that_exist() {
        let rooms: BTreeSet<&str> = OFFICERS.iter().map(|(room, ..)| *room).collect();
        let on_map = topology::henan::DEMO_MAP.matches("[[room]]").count();
        assert_eq!(rooms.len(), on_map);
        for room in rooms {
            assert!(
                (2..=3).contains(&OFFICERS.iter().filter(|(other, ..)| *other == room).count()),
                "{room}"
            );
            assert!(topology::henan::DEMO_MAP.contains(&format!("code = \"{room}\"")), "{room}");
        }
        for (_, name, role) in OFFICERS {
            assert!(role.parse::<certs::officer::OfficerRole>().is_ok(), "{role}");
            assert_eq!(OFFICERS.iter().filter(|(_, other, _)| *other == name).count(), 1, "{name}");
        }
    }

    #[test]
    fn cards_are_for_their_owner_only_and_passwords_are_long_and_new() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("cards.json");
        let [one, two] = [password().unwrap(), password().unwrap()];
        assert!(one.len() >= certs::officer::PASSWORD_CHARACTERS_MIN && one != two);
        let [room, officer, role] = ["410000", "周涛", "duty_officer"].map(str::to_owned);
        write(&path, &[Card { room, officer, role, password: one }]).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let cards: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        let keys: Vec<&String> = cards[0].as_object().unwrap().keys().collect();
        assert_eq!(keys, ["officer", "password", "role", "room"]);
    }
}
