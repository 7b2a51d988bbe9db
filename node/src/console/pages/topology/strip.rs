//! The last 24 hours of a link as a strip of bars, half an hour each: low where it was up all the time, half high where it was
//! down for some of it, full where it was down all through. Height says it, colour repeats it, and words stand beside it.

use crate::{
    console::{page::span, words::Words},
    control::view::LinkDay,
};

/// A strip, and the same in words.
pub(crate) struct Strip {
    pub(crate) cells: Vec<Cell>,
    pub(crate) says: String,
}

/// One half hour.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Cell {
    pub(crate) x: usize,
    pub(crate) y: i64,
    pub(crate) height: i64,
    pub(crate) class: &'static str,
}

impl Strip {
    pub(crate) fn of(day: &LinkDay, w: &Words) -> Self {
        let total: i64 = day.down.iter().map(|[from, to]| (to - from).max(0)).sum();
        let says = if day.down.is_empty() {
            w.t("topology-day-up")
        } else {
            w.t2("topology-day-down", "count", day.down.len(), "span", span(total))
        };
        Self { cells: cells(day), says }
    }
}

fn cells(day: &LinkDay) -> Vec<Cell> {
    let width = ((day.to_ms - day.from_ms) / CELLS).max(1);
    (0..CELLS)
        .zip((0..).step_by(CELL_PIXELS))
        .map(|(cell, x)| {
            let [from, to] = [day.from_ms + cell * width, day.from_ms + (cell + 1) * width];
            let overlap = |[down, up]: &[i64; 2]| ((*up).min(to) - (*down).max(from)).max(0);
            let down: i64 = day.down.iter().map(overlap).sum();
            let (height, class) = match down {
                0 => (UP_PIXELS, "cell-up"),
                down if down < width => (HEIGHT_PIXELS / 2, "cell-part"),
                _ => (HEIGHT_PIXELS, "cell-down"),
            };
            Cell { x, y: HEIGHT_PIXELS - height, height, class }
        })
        .collect()
}

const CELLS: i64 = 48;
/// As in the template: 48 bars of four pixels, one apart.
const CELL_PIXELS: usize = 5;
const HEIGHT_PIXELS: i64 = 24;
const UP_PIXELS: i64 = 5;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::view::Room;

    #[test]
    fn a_strip_is_high_where_the_line_was_down_and_low_where_it_was_up() {
        let half_hour = 1_800_000;
        let room = Room {
            id: String::new(),
            code: String::new(),
            name: String::new(),
            name_en: String::new(),
            telephone: None,
        };
        let down = vec![[half_hour, 3 * half_hour], [47 * half_hour + 1, 48 * half_hour]];
        let cells = cells(&LinkDay { room, from_ms: 0, to_ms: 48 * half_hour, down });
        let classes: Vec<&str> = cells.iter().map(|cell| cell.class).collect();
        assert_eq!(classes[..4], ["cell-up", "cell-down", "cell-down", "cell-up"]);
        assert_eq!((classes.len(), classes[47]), (48, "cell-part"));
        assert_eq!(cells[1], Cell { x: 5, y: 0, height: 24, class: "cell-down" });
    }
}
