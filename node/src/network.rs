//! Throw-away networks (演示网络): duty rooms as real processes of this machine, founded and enrolled as a person would
//! do it: `network init`, `run`, `invite`, `join`, `run`. The demo and the benchmark play on one.
//!
//! The processes end with their owner: in good order by `Network::stop`, else killed when it is dropped. They stay
//! in the owner's process group, so that a closed terminal ends them too. Only an owner that is itself killed with
//! SIGKILL leaves them behind.

mod consoles;
mod line;
mod place;
mod ports;
mod room;

use std::path::{Path, PathBuf};

use aws_lc_rs::rand;
use topology::{Map, RoomId, map_file};

use self::ports::Claims;
pub(crate) use self::{
    consoles::Consoles,
    line::{Line, question},
    place::Place,
    room::{RoomProcess, until},
};
use crate::{
    authority,
    clock::Clock,
    control::{request::Request, view::Invited},
    problem::Problem,
};

/// A network of processes. The rooms stand in tree order, the province first.
pub(crate) struct Network {
    rooms: Vec<RoomProcess>,
    program: PathBuf,
    place: Place,
    consoles: Option<Consoles>,
    /// Held while nodes of it may not run yet, or again.
    claims: Claims,
}

/// What happens while a network is founded.
pub(crate) enum Founding<'a> {
    /// The authority exists, and the root hub's directory.
    Authority,
    /// A room's node runs and has its link.
    Runs(&'a RoomProcess),
}

/// One room of the map: its code, and its parent's.
#[derive(Debug, PartialEq, Eq)]
struct Seat {
    code: String,
    parent: Option<String>,
}

impl Network {
    /// A network without rooms yet.
    ///
    /// # Errors
    /// `demo_program` when the program to run is not known.
    pub(crate) fn new(place: Place) -> Result<Self, Problem> {
        let program = match std::env::var_os(PROGRAM_VARIABLE) {
            Some(program) => program.into(),
            None => std::env::current_exe()
                .map_err(|error| Problem::failed("demo_program").with("detail", error))?,
        };
        Ok(Self { rooms: Vec::new(), program, place, consoles: None, claims: Claims::new() })
    }

    /// With a console for every room.
    pub(crate) fn with_consoles(self) -> Self {
        Self { consoles: Some(Consoles::new()), ..self }
    }

    /// Founds the authority of this map on free ports, and brings every room up, parents first.
    ///
    /// # Errors
    /// Whatever a person would be told; what runs already runs on, until [`Self::stop`].
    pub(crate) async fn found(
        &mut self,
        map: &str,
        tell: &mut dyn FnMut(Founding<'_>),
    ) -> Result<(), Problem> {
        let (map, claims) = ports::with_free_ports(map)?;
        self.claims = claims;
        let map_file = self.place.path().join("map.toml");
        std::fs::write(&map_file, &map).map_err(|error| {
            Problem::failed("write_failed").with("path", map_file.display()).with("detail", error)
        })?;
        authority::network_init(self.place.path(), &map_file)?;
        tell(Founding::Authority);
        for seat in seats(&map)? {
            let directory = match &seat.parent {
                None => self.place.path().join("root"),
                Some(parent) => self.enrol(&seat.code, parent).await?,
            };
            if let Some(consoles) = &mut self.consoles {
                consoles.give(&directory)?;
            }
            let room = RoomProcess::start(self.program.clone(), &seat.code, directory).await?;
            if seat.parent.is_some() {
                room.until_linked().await?;
            }
            tell(Founding::Runs(&room));
            self.rooms.push(room);
        }
        Ok(())
    }

    /// The parent invites, the child joins with the token; gives the child's directory.
    async fn enrol(&self, code: &str, parent: &str) -> Result<PathBuf, Problem> {
        let directory = self.place.path().join(code);
        let wanted = Request::Invite { room: code.to_owned(), ttl_s: INVITATION_SECONDS, trust_token: true };
        let invited: Invited = self.room(parent)?.ask(&wanted).await?;
        room::join(&self.program, &invited.token, &directory).await?;
        Ok(directory)
    }

    /// The room with this code.
    ///
    /// # Errors
    /// `room_unknown`.
    pub(crate) fn room(&self, code: &str) -> Result<&RoomProcess, Problem> {
        self.rooms.iter().find(|room| room.code() == code).ok_or_else(|| unknown(code))
    }

    /// The room with this code, to kill it and to start it again.
    ///
    /// # Errors
    /// `room_unknown`.
    pub(crate) fn room_mut(&mut self, code: &str) -> Result<&mut RoomProcess, Problem> {
        self.rooms.iter_mut().find(|room| room.code() == code).ok_or_else(|| unknown(code))
    }

    /// All rooms, parents first.
    pub(crate) fn rooms(&self) -> &[RoomProcess] {
        &self.rooms
    }

    /// Where everything lies.
    pub(crate) fn directory(&self) -> &Path {
        self.place.path()
    }

    /// The program that the rooms run.
    pub(crate) fn program(&self) -> &Path {
        &self.program
    }

    /// Stops every node in good order, children first.
    pub(crate) async fn stop(&mut self) {
        for room in self.rooms.iter().rev() {
            room.ask_to_stop().await;
        }
        for room in self.rooms.iter_mut().rev() {
            room.wait_for_end().await;
        }
    }
}

fn unknown(code: &str) -> Problem {
    Problem::usage("room_unknown").with("room", code)
}

/// The rooms of a map file, every parent before its children.
fn seats(map: &str) -> Result<Vec<Seat>, Problem> {
    let mut fresh = || {
        let mut id = [0; 16];
        // These ids are looked at by nobody; the authority draws its own.
        let _ = rand::fill(&mut id);
        RoomId::from_bytes(id)
    };
    let map = map_file::parse("map.toml", map, &mut fresh, Clock::wall().as_ms())?;
    let code = |id: RoomId| map.room(id).map(|room| room.code().to_string());
    let seat = |id: RoomId| Some(Seat { code: code(id)?, parent: map.parent(id).and_then(code) });
    Ok(tree_order(&map).into_iter().filter_map(seat).collect())
}

fn tree_order(map: &Map) -> Vec<RoomId> {
    let mut order = vec![map.root()];
    let mut next = 0;
    while let Some(id) = order.get(next).copied() {
        order.extend_from_slice(map.children(id));
        next += 1;
    }
    order
}

/// Names the program to run where the present one is another, as in a test.
const PROGRAM_VARIABLE: &str = "YICHUAN_EXE";
/// An invitation is used at once here.
const INVITATION_SECONDS: u64 = 600;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_parent_of_the_demonstration_comes_before_its_children() {
        let seats = seats(topology::henan::DEMO_MAP).unwrap();
        assert_eq!(seats.len(), 7);
        assert_eq!(seats[0], Seat { code: "410000".to_owned(), parent: None });
        for (place, seat) in seats.iter().enumerate().skip(1) {
            assert!(
                seats[..place].iter().any(|before| Some(&before.code) == seat.parent.as_ref()),
                "{seat:?}"
            );
        }
    }
}
