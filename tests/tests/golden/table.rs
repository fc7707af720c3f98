//! Tables as they are written in a case: `| a | b |` lines, the first of them names.

/// A table: names, then rows of as many cells.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Table {
    pub(crate) names: Vec<String>,
    pub(crate) rows: Vec<Vec<String>>,
}

impl Table {
    /// Reads the lines of a section, which may be empty.
    pub(crate) fn read<'a>(lines: impl IntoIterator<Item = &'a str>) -> Result<Self, String> {
        let mut table = Self::default();
        for line in lines.into_iter().filter(|l| !l.trim().is_empty()) {
            let (cells, _) = cells(line).ok_or(format!("`{line}` is no row of a table"))?;
            table.add(cells)?;
        }
        Ok(table)
    }

    /// Takes a row; the first one names the columns.
    pub(crate) fn add(&mut self, cells: Vec<String>) -> Result<(), String> {
        if self.names.is_empty() {
            self.names = cells;
        } else if cells.len() == self.names.len() {
            self.rows.push(cells);
        } else {
            let (found, wanted) = (cells.len(), self.names.len());
            return Err(format!("{found} cells where there are {wanted} columns"));
        }
        Ok(())
    }
}

/// The cells of a line `| a | b |`, and what follows the last bar; `\|` is a bar in a cell.
pub(crate) fn cells(line: &str) -> Option<(Vec<String>, &str)> {
    let mut rest = line.trim_start().strip_prefix('|')?;
    let mut cells = Vec::new();
    while let Some(end) = bar(rest) {
        cells.push(rest[..end].trim().replace("\\|", "|"));
        rest = &rest[end + 1..];
    }
    Some((cells, rest))
}

/// Where the next bar is.
fn bar(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    (0..bytes.len()).find(|&i| bytes[i] == b'|' && (i == 0 || bytes[i - 1] != b'\\'))
}
