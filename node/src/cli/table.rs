//! Tables without borders whose columns line up with Chinese text in them.

use comfy_table::{CellAlignment, Table, presets};

use crate::catalogue::Catalogue;
use crate::escape::one_line;

/// A table with a heading; its columns are named by ids of the catalogue (`column-...`).
pub(crate) struct Grid {
    table: Table,
}

impl Grid {
    /// An empty table with these columns.
    pub(crate) fn new(catalogue: &Catalogue, columns: &[&str]) -> Self {
        let mut table = Table::new();
        table.load_style(presets::NOTHING);
        table.set_header(columns.iter().map(|id| catalogue.text(&format!("column-{id}"), &[])));
        Self { table }
    }

    /// Adds a row; what other rooms wrote is escaped and put on one line.
    pub(crate) fn row(&mut self, cells: &[&str]) {
        self.table.add_row(cells.iter().map(|cell| one_line(cell)));
    }

    /// Sets a column of figures to the right.
    #[must_use]
    pub(crate) fn right(mut self, column: usize) -> Self {
        if let Some(column) = self.table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        self
    }

    /// The lines, or the catalogue's word for nothing.
    pub(crate) fn text(&self, catalogue: &Catalogue) -> String {
        if self.table.is_empty() { catalogue.text("nothing", &[]) } else { self.table.trim_fmt() }
    }
}

#[cfg(test)]
mod tests {
    use unicode_width::UnicodeWidthStr;

    use super::*;
    use crate::catalogue::Language;

    #[test]
    fn columns_line_up_with_chinese_and_hostile_text_in_them() {
        let catalogue = Catalogue::new(Language::Chinese);
        let mut grid = Grid::new(&catalogue, &["room", "state"]);
        grid.row(&["410000 省政府总值班室", "甲"]);
        grid.row(&["x", "甲"]);
        grid.row(&["a\nb\u{1b}[2J", "甲"]);
        let text = grid.text(&catalogue);
        let columns: Vec<usize> =
            text.lines().skip(1).map(|line| line[..line.find('甲').unwrap()].width()).collect();
        assert_eq!(text.lines().count(), 4);
        assert!(columns.iter().all(|column| *column == columns[0]), "{text}");
    }

    #[test]
    fn an_empty_table_says_so() {
        let catalogue = Catalogue::new(Language::English);
        assert_eq!(Grid::new(&catalogue, &["room"]).text(&catalogue), catalogue.text("nothing", &[]));
    }
}
