//! What the readers of a query see: its rows, and what identifies them.

use std::sync::Arc;

use super::{From, Query};
use crate::model::WindowKind;
use crate::sql::error::SqlError;
use crate::sql::{Carried, Relation};

impl Query {
    /// What its readers see, given what it reads.
    #[must_use]
    pub fn relation(&self, name: String, input: &Relation) -> Relation {
        // The sides of a join say each their own; it says what they are together.
        let input = self.join.as_ref().map_or(input, |join| &join.relation);
        let is = |column: usize| move |c: &usize| self.input_column(*c) == Some(column);
        let columns = || 0..self.columns.len();
        let event_time = input.event_time.and_then(|time| columns().find(is(time)));
        let of_input = |carried: Carried| Carried {
            start: carried
                .start
                .and_then(|(start, behind)| Some((columns().find(is(start))?, behind))),
            end: carried.end.and_then(|end| columns().find(is(end))),
        };
        let window = match self.grouping.as_ref().map(|g| g.window) {
            None => input.window.map(of_input),
            Some(None) => None,
            Some(Some((_, kind))) => {
                let place = |from: From| self.columns.iter().position(|c| *c == from);
                let carried = input.window.map(of_input).and_then(|carried| carried.start);
                let behind = kind.size().saturating_sub(1);
                let start = match kind {
                    WindowKind::Session { .. } => None,
                    _ => place(From::WindowStart).map(|start| (start, behind)),
                };
                Some(Carried {
                    start: start.or(carried.filter(|_| self.is_by_carried_window())),
                    end: place(From::WindowEnd),
                })
            }
        };
        Relation {
            name,
            schema: Arc::clone(&self.schema),
            event_time: match (self.is_grouped(), self.is_by_carried_window()) {
                (true, false) => {
                    columns().find(|c| self.columns.get(*c) == Some(&From::WindowLast))
                }
                _ => event_time,
            },
            times: match self.is_grouped() {
                true => Vec::new(),
                false => {
                    let times = input.times.iter();
                    let kept =
                        times.filter_map(|&(t, behind)| Some((columns().find(is(t))?, behind)));
                    kept.collect()
                }
            },
            window,
            key: None,
            is_table: false,
        }
    }

    /// Whether rows are grouped by the window that they carry.
    fn is_by_carried_window(&self) -> bool {
        self.grouping.as_ref().is_some_and(|g| g.carried)
    }

    /// The columns of the result that identify a row of a grouping, the window among them.
    ///
    /// # Errors
    /// The result does not show them all.
    pub fn identity(&self) -> Result<Vec<usize>, SqlError> {
        let Some(grouping) = &self.grouping else {
            return Ok(Vec::new());
        };
        let keys = grouping.key_schema.fields().iter().enumerate();
        let mut wanted: Vec<(From, &str)> = keys
            .map(|(i, field)| (From::Key(i), field.name().as_str()))
            .collect();
        if let Some((_, kind)) = grouping.window {
            wanted.push(self.window_identity(kind));
        }
        self.positions(&wanted)
    }

    /// The bound that tells windows of a kind apart: of two that do, the one that is selected.
    fn window_identity(&self, kind: WindowKind) -> (From, &'static str) {
        let end = (From::WindowEnd, "window_end");
        match kind {
            // They start together, or may: one that is over, and one that reaches back over it.
            WindowKind::Cumulate { .. } | WindowKind::Session { .. } => end,
            _ if self.is_by_carried_window() => end,
            _ if self.columns.contains(&From::WindowStart) => (From::WindowStart, "window_start"),
            _ if self.columns.contains(&From::WindowEnd) => end,
            _ => (From::WindowStart, "window_start"),
        }
    }

    /// The columns of the result that are these columns of the input, by which its rows are identified.
    ///
    /// # Errors
    /// The result does not show them all.
    pub fn kept(&self, columns: &[usize], input: &Relation) -> Result<Vec<usize>, SqlError> {
        let name = |i: usize| {
            input
                .schema
                .fields()
                .get(i)
                .map_or("", |f| f.name().as_str())
        };
        let wanted: Vec<(From, &str)> =
            columns.iter().map(|&i| (From::Input(i), name(i))).collect();
        self.positions(&wanted)
    }

    fn positions(&self, wanted: &[(From, &str)]) -> Result<Vec<usize>, SqlError> {
        let position = |from: &From| self.columns.iter().position(|c| c == from);
        let missing: Vec<String> = wanted
            .iter()
            .filter(|(from, _)| position(from).is_none())
            .map(|(_, name)| format!("`{name}`"))
            .collect();
        if !missing.is_empty() {
            let missing = missing.join(", ");
            let message =
                format!("the rows replace each other by {missing}, which is not selected");
            return Err(
                SqlError::at(self.place, message).hint(format!("add {missing} to the SELECT list"))
            );
        }
        Ok(wanted
            .iter()
            .filter_map(|(from, _)| position(from))
            .collect())
    }
}
