//! Whom a message may go to: the rooms that its kind may be sent to, in groups as the map has them. A room whose party
//! committee has a room of its own is written to together with it, in the same role, where one envelope can reach both.

use relay::message::Kind;
use topology::Flow;

use super::draft::Draft;
use crate::{console::words::Words, control::view::RoomLine};

/// Rooms that stand in the same relation to this one.
pub(crate) struct Group {
    pub(crate) name: &'static str,
    pub(crate) rooms: Vec<Addressee>,
}

/// One room of the list.
pub(crate) struct Addressee {
    pub(crate) id: String,
    pub(crate) name: String,
    /// `action`, `info` or nothing.
    pub(crate) role: String,
    /// The party committees' rooms that go with it.
    pub(crate) party: String,
}

/// The rooms that a kind may go to, those above first.
pub(crate) fn groups(kind: Kind, rooms: &[RoomLine], draft: &Draft, w: &Words) -> Vec<Group> {
    let group = |name: &'static str, flow: Flow| Group {
        name,
        rooms: rooms
            .iter()
            .filter(|line| first_flow(kind, line) == Some(flow))
            .map(|line| addressee(kind, rooms, line, draft, w))
            .collect(),
    };
    let groups = [
        group("compose-above", Flow::Up),
        group("compose-below", Flow::Down),
        group("compose-beside", Flow::Lateral),
    ];
    groups.into_iter().filter(|group| !group.rooms.is_empty()).collect()
}

/// Whether a kind can be sent to anybody from here.
pub(crate) fn has_any(kind: Kind, rooms: &[RoomLine]) -> bool {
    rooms.iter().any(|line| first_flow(kind, line).is_some())
}

fn addressee(kind: Kind, rooms: &[RoomLine], line: &RoomLine, draft: &Draft, w: &Words) -> Addressee {
    let party = w.list(partners(kind, rooms, line).map(|other| w.room(&other.room)));
    Addressee {
        name: format!("{} {}", line.room.code, w.room(&line.room)),
        role: draft.role(&line.room.id).to_owned(),
        party,
        id: line.room.id.clone(),
    }
}

/// Adds the party committees' rooms of those that are chosen.
pub(crate) fn add_pairs(draft: &mut Draft, rooms: &[RoomLine]) {
    for role in ["action", "info"] {
        for id in draft.rooms(role) {
            let Some(line) = rooms.iter().find(|line| line.room.id == id) else { continue };
            let partners: Vec<String> =
                partners(draft.kind, rooms, line).map(|other| other.room.id.clone()).collect();
            for partner in
                partners.iter().filter(|partner| draft.role(partner).is_empty()).collect::<Vec<_>>()
            {
                draft.choose(partner, role);
            }
        }
    }
}

/// The party committees' rooms that one envelope reaches together with this room.
fn partners<'a>(kind: Kind, rooms: &'a [RoomLine], line: &'a RoomLine) -> impl Iterator<Item = &'a RoomLine> {
    let is_together =
        move |other: &RoomLine| kind.flows().iter().any(|flow| may(line, *flow) && may(other, *flow));
    let others = line.party.iter().filter_map(|id| rooms.iter().find(|other| other.room.id == *id));
    others.filter(move |other| is_together(other))
}

/// The flow in which this room writes to that one with this kind. A recall follows what it recalls.
fn first_flow(kind: Kind, line: &RoomLine) -> Option<Flow> {
    let any = [Flow::Up, Flow::Down, Flow::Lateral];
    let flows = if kind.flows().contains(&Flow::Control) { &any[..] } else { kind.flows() };
    flows.iter().copied().find(|flow| may(line, *flow))
}

fn may(line: &RoomLine, flow: Flow) -> bool {
    line.flows.iter().any(|word| word == flow.word())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::view::Room;

    fn line(id: &str, flows: &[&str], party: &[&str]) -> RoomLine {
        let room = Room {
            id: id.to_owned(),
            code: id.to_owned(),
            name: id.to_owned(),
            name_en: id.to_owned(),
            telephone: None,
        };
        let texts = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
        RoomLine { room, level: "city".to_owned(), parent: None, flows: texts(flows), party: texts(party) }
    }

    #[test]
    fn a_party_committee_is_written_to_with_its_government_where_one_envelope_reaches_both() {
        let rooms = [
            line("city", &["up"], &["party", "far"]),
            line("party", &["up"], &[]),
            line("far", &["lateral"], &[]),
        ];
        let mut draft = Draft::new(Kind::Report, Vec::new());
        draft.choose("city", "action");
        add_pairs(&mut draft, &rooms);
        assert_eq!(draft.rooms("action"), ["city", "party"]);
        let mut draft = Draft::new(Kind::Report, Vec::new());
        draft.choose("city", "action");
        draft.choose("party", "info");
        add_pairs(&mut draft, &rooms);
        assert_eq!(
            (draft.rooms("action"), draft.rooms("info")),
            (vec!["city".to_owned()], vec!["party".to_owned()])
        );
    }
}
