//! How many connections one room, and how many handshakes one address, may have at a time.
//! *Against:* a room that dials again and again and never says hello, an address that leaves all its handshakes half open.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

/// What is under way, by whose it is.
#[derive(Clone)]
pub struct Places<K: Ord> {
    taken: Arc<Mutex<BTreeMap<K, usize>>>,
    each: usize,
}

/// One place; given back when it is dropped.
pub struct Place<K: Ord + Copy> {
    places: Places<K>,
    whose: K,
}

impl<K: Ord + Copy> Places<K> {
    /// So many for each.
    pub fn new(each: usize) -> Self {
        Self { taken: Arc::default(), each }
    }

    /// One more place, if there may be one.
    pub fn take(&self, whose: K) -> Option<Place<K>> {
        let mut taken = self.taken.lock().expect("no holder of the places panics");
        let count = taken.entry(whose).or_default();
        if *count >= self.each {
            return None;
        }
        *count += 1;
        Some(Place { places: self.clone(), whose })
    }
}

impl<K: Ord + Copy> Drop for Place<K> {
    fn drop(&mut self) {
        let mut taken = self.places.taken.lock().expect("no holder of the places panics");
        if let Some(count) = taken.get_mut(&self.whose) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.whose);
            }
        }
    }
}

/// Connections of one room: the link, its successor, and what a dialler tries beside each other.
pub const CONNECTIONS_OF_A_ROOM_MAX: usize = 12;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_has_so_many_places_and_no_more_until_one_is_given_back() {
        let places = Places::new(3);
        let (one, other) = (1, 2);
        let mut held: Vec<Place<i32>> = (0..3).filter_map(|_| places.take(one)).collect();
        assert_eq!(held.len(), 3);
        assert!(places.take(one).is_none());
        assert!(places.take(other).is_some());
        held.pop();
        assert!(places.take(one).is_some());
    }
}
