//! Columns of text that stand below each other.

/// Where the text of a column stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Align {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// Rows under a heading. A column in which no row has anything is left out; so is a table without rows.
#[derive(Debug)]
pub(super) struct Table {
    columns: Vec<(&'static str, Align)>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(super) fn new<const N: usize>(columns: [(&'static str, Align); N]) -> Self {
        Self {
            columns: columns.into(),
            rows: Vec::new(),
        }
    }

    /// Adds a row, as many cells as there are columns. Only the last may have several lines.
    pub(super) fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.rows.push(cells.into());
    }

    /// The lines, each with its end.
    pub(super) fn render(&self) -> String {
        if self.rows.is_empty() {
            return String::new();
        }
        let cell = |row: &Vec<String>, column: usize| row.get(column).cloned().unwrap_or_default();
        let shown: Vec<(usize, &str, Align, usize)> = self
            .columns
            .iter()
            .enumerate()
            .filter(|(i, _)| self.rows.iter().any(|row| !cell(row, *i).is_empty()))
            .map(|(i, (title, align))| (i, *title, *align, self.width(i, title)))
            .collect();
        let titles = shown
            .iter()
            .map(|(_, title, align, width)| pad(title, *align, *width));
        let mut lines = vec![titles.collect::<Vec<_>>().join(GAP)];
        for row in &self.rows {
            let mut line = String::new();
            for (place, (i, _, align, width)) in shown.iter().enumerate() {
                line.push_str(if place == 0 { "" } else { GAP });
                let indent = format!("\n{}", " ".repeat(line.chars().count()));
                line.push_str(&pad(&cell(row, *i).replace('\n', &indent), *align, *width));
            }
            lines.push(line);
        }
        lines
            .iter()
            .map(|line| format!("{}\n", line.trim_end()))
            .collect()
    }

    fn width(&self, column: usize, title: &str) -> usize {
        let cells = self.rows.iter().filter_map(|row| row.get(column));
        let widths = cells.map(|cell| cell.lines().next().unwrap_or_default().chars().count());
        widths.max().unwrap_or_default().max(title.chars().count())
    }
}

/// Between columns.
const GAP: &str = "  ";

fn pad(text: &str, align: Align, width: usize) -> String {
    match align {
        Align::Left => format!("{text:<width$}"),
        Align::Right => format!("{text:>width$}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stand_left_numbers_right_and_empty_columns_are_left_out() {
        let mut table = Table::new([
            ("NAME", Align::Left),
            ("NONE", Align::Left),
            ("LAG", Align::Right),
            ("MESSAGE", Align::Left),
        ]);
        table.row(["activity", "", "1,204", "first\nsecond"].map(str::to_owned));
        table.row(["b", "", "3", ""].map(str::to_owned));
        let lines = [
            "NAME        LAG  MESSAGE",
            "activity  1,204  first",
            "                 second",
            "b             3",
            "",
        ];
        assert_eq!(table.render(), lines.join("\n"));
        assert_eq!(Table::new([("A", Align::Left)]).render(), "");
    }
}
