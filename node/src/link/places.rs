//! How many connections one room may have at a time, those that have not yet said hello included.
//! *Against:* a room that dials again and again and never says hello.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use topology::RoomId;

/// Connections under way, by room.
#[derive(Clone, Default)]
pub struct Places {
    taken: Arc<Mutex<BTreeMap<RoomId, usize>>>,
}

/// One connection's place; given back when it is dropped.
pub struct Place {
    places: Places,
    room: RoomId,
}

impl Places {
    /// A place for one more connection of this room, if it may have one.
    pub fn take(&self, room: RoomId) -> Option<Place> {
        let mut taken = self.taken.lock().expect("no holder of the places panics");
        let count = taken.entry(room).or_default();
        if *count >= CONNECTIONS_OF_A_ROOM_MAX {
            return None;
        }
        *count += 1;
        Some(Place { places: self.clone(), room })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken.lock().expect("no holder of the places panics");
        if let Some(count) = taken.get_mut(&self.room) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.room);
            }
        }
    }
}

/// The link, its successor, and what a dialler tries beside each other.
const CONNECTIONS_OF_A_ROOM_MAX: usize = 12;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_room_has_so_many_places_and_no_more_until_one_is_given_back() {
        let places = Places::default();
        let [one, other] = [1, 2].map(|byte| RoomId::from_bytes([byte; 16]));
        let mut held: Vec<Place> = (0..CONNECTIONS_OF_A_ROOM_MAX).filter_map(|_| places.take(one)).collect();
        assert_eq!(held.len(), CONNECTIONS_OF_A_ROOM_MAX);
        assert!(places.take(one).is_none());
        assert!(places.take(other).is_some());
        held.pop();
        assert!(places.take(one).is_some());
    }
}
