//! Circles and depth: whoever follows parents, or parents and alternate parents, must reach the root.

use super::Checker;
use crate::map::{Map, MapError};

/// Finds circles of parents, rooms that are too deep, and circles that alternate parents make.
pub(super) fn check(checker: &Checker<'_>, errors: &mut Vec<MapError>) {
    if check_parents(checker, errors) {
        check_alternates(checker, errors);
    }
}

/// What is known of a room while parents are followed.
#[derive(Clone, Copy, PartialEq)]
enum Seen {
    No,
    OnTheWay,
    /// It reaches a room without a (known) parent; the level counts from 1 there.
    Level(usize),
    InCircle,
}

/// Follows every room's parents once. False when there is a circle.
fn check_parents(checker: &Checker<'_>, errors: &mut Vec<MapError>) -> bool {
    let mut seen = vec![Seen::No; checker.plan.rooms.len()];
    let mut sound = true;
    for start in 0..seen.len() {
        let mut way = Vec::new();
        let mut next = Some(start);
        while let Some(index) = next.filter(|index| seen[*index] == Seen::No) {
            seen[index] = Seen::OnTheWay;
            way.push(index);
            next = checker.parent(index);
        }
        let top = next.map_or(Seen::Level(0), |index| seen[index]);
        if top == Seen::OnTheWay {
            let closing = way.iter().position(|index| Some(*index) == next).unwrap_or(0);
            let rooms = way[closing..].iter().map(|index| checker.entry(*index)).collect();
            errors.push(MapError::Cycle { rooms });
            sound = false;
        }
        for (above, index) in way.iter().rev().enumerate() {
            seen[*index] = match top {
                Seen::Level(level) => Seen::Level(level + above + 1),
                Seen::No | Seen::OnTheWay | Seen::InCircle => Seen::InCircle,
            };
        }
    }
    for (index, seen) in seen.iter().enumerate() {
        if let Seen::Level(level) = *seen
            && level > Map::LEVELS_MAX
        {
            errors.push(MapError::TooDeep { room: checker.entry(index), level });
        }
    }
    sound
}

/// Takes away, again and again, the rooms of which nothing leads up any more. What stays is a circle,
/// or hangs under one. Parents alone make none here.
fn check_alternates(checker: &Checker<'_>, errors: &mut Vec<MapError>) {
    let rooms = checker.plan.rooms.len();
    let mut ups: Vec<Vec<usize>> = Vec::with_capacity(rooms);
    for index in 0..rooms {
        let mut up: Vec<usize> = checker.parent(index).into_iter().collect();
        for (nth, alternate) in checker.alternates(index).filter(|(_, alternate)| *alternate != index) {
            if is_below(checker, index, alternate) {
                let (room, alternate) = (checker.entry(index), checker.entry(alternate));
                errors.push(MapError::AlternateBelow { room, alternate, nth });
            } else {
                up.push(alternate);
            }
        }
        ups.push(up);
    }
    let mut downs: Vec<Vec<usize>> = vec![Vec::new(); rooms];
    for (index, up) in ups.iter().enumerate() {
        up.iter().for_each(|hub| downs[*hub].push(index));
    }
    let mut open: Vec<usize> = ups.iter().map(Vec::len).collect();
    let mut gone = vec![false; rooms];
    let mut ready: Vec<usize> = (0..rooms).filter(|index| open[*index] == 0).collect();
    loop {
        while let Some(index) = ready.pop() {
            gone[index] = true;
            for &below in &downs[index] {
                open[below] -= 1;
                if open[below] == 0 && !gone[below] {
                    ready.push(below);
                }
            }
        }
        let Some(circle) = find_circle(&ups, &gone) else { return };
        errors.push(alternate_cycle(checker, circle.clone()));
        // Counted as gone, so that the search goes on to the next one.
        circle.iter().for_each(|index| gone[*index] = true);
        ready = circle;
    }
}

/// The circle, begun at the first room of the plan that goes on to an alternate parent: one does.
fn alternate_cycle(checker: &Checker<'_>, mut circle: Vec<usize>) -> MapError {
    let next = |nth: usize| circle[(nth + 1) % circle.len()];
    let by_alternate = (0..circle.len()).filter(|nth| checker.parent(circle[*nth]) != Some(next(*nth)));
    let first = by_alternate.min_by_key(|nth| circle[*nth]).unwrap_or(0);
    let nth =
        checker.alternates(circle[first]).find(|(_, hub)| *hub == next(first)).map_or(0, |(nth, _)| nth);
    circle.rotate_left(first);
    MapError::AlternateCycle { rooms: circle.into_iter().map(|index| checker.entry(index)).collect(), nth }
}

/// Whether `room` hangs, by parents alone, somewhere under `hub`. Ends, because parents make no circle.
fn is_below(checker: &Checker<'_>, hub: usize, room: usize) -> bool {
    let mut above = checker.parent(room);
    while let Some(index) = above {
        if index == hub {
            return true;
        }
        above = checker.parent(index);
    }
    false
}

/// A circle among the rooms that are not gone. Each of them has a way up to another such room.
fn find_circle(ups: &[Vec<usize>], gone: &[bool]) -> Option<Vec<usize>> {
    let mut step: Vec<Option<usize>> = vec![None; gone.len()];
    let mut way = Vec::new();
    let mut next = (0..gone.len()).find(|index| !gone[*index])?;
    loop {
        if let Some(closing) = step[next] {
            return Some(way.split_off(closing));
        }
        step[next] = Some(way.len());
        way.push(next);
        next = *ups[next].iter().find(|hub| !gone[**hub])?;
    }
}
