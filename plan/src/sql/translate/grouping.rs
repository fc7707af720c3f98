//! A GROUP BY, or a DISTINCT: keys, the window among them, and functions.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion_physical_expr::expressions::{Column, cast};

use super::{Call, Misfit, Shape};
use crate::model::{ExprRef, Micros, ResultColumn, WindowKind};
use crate::sql::chain::{Chain, Origin, column, field};
use crate::sql::output;
use crate::sql::window::{self, is_one_each};

/// A GROUP BY, or a DISTINCT.
#[derive(Debug, Clone)]
pub(crate) struct Grouping {
    /// Index of the window's time in the rows of `before`.
    pub(crate) window: Option<(usize, WindowKind)>,
    /// How far the window's time may be behind the watermark.
    pub(crate) behind: Micros,
    /// Whether the window is the one that rows carry.
    pub(crate) carried: bool,
    pub(crate) keys: Vec<ExprRef>,
    pub(crate) key_schema: SchemaRef,
    pub(crate) calls: Vec<Call>,
    pub(crate) layout: Vec<ResultColumn>,
    /// The columns of that which become the last microsecond of the window, rather than the one after it.
    pub(crate) last: BTreeSet<usize>,
    pub(crate) schema: SchemaRef,
    /// The types in which the keys were computed, where they are stored in another one.
    computed: Vec<Option<DataType>>,
}

impl Shape {
    /// Makes a row of all rows that are equal in some expressions.
    pub(crate) fn gather(
        &mut self,
        exprs: Vec<ExprRef>,
        calls: Vec<Call>,
        names: &[String],
    ) -> Result<(), Misfit> {
        let end = self.relation.window.and_then(|carried| carried.end);
        let is_end = |origin: &Origin| end.is_some_and(|end| *origin == Origin::Start(end));
        let by_end = exprs.iter().find(|e| is_end(&self.before.origin(e)));
        if by_end.is_none() && self.by_carried_start(&exprs) {
            return Err(Misfit::NotByEnd);
        }
        let last = by_end.cloned().map(|end| self.with_last_time(end));
        let last = last.transpose()?;
        let mut builder = GroupingBuilder::new(&self.before);
        // A row is in the window that it carries alone, and of that only the end is known to order windows by: it is as
        // good as a window of the last microsecond, with the start as a key.
        builder.window = last.map(|time| (time, WindowKind::Tumble { size: 1 }));
        for (expr, name) in exprs.into_iter().zip(names) {
            if last.is_some() && is_end(&self.before.origin(&expr)) {
                builder.layout.push(ResultColumn::WindowEnd);
            } else {
                builder.key(expr, name)?;
            }
        }
        let mut grouping = builder.finish(calls, names)?;
        let time = grouping
            .window
            .and_then(|(time, _)| self.before.origins.get(time));
        grouping.carried = last.is_some();
        grouping.behind = match time {
            Some(&(Origin::Start(time) | Origin::WindowStart { time, .. })) => self.behind(time),
            _ => None,
        }
        .unwrap_or(0);
        self.after = Chain::new(Arc::clone(&grouping.schema));
        self.grouping = Some(grouping);
        self.restore_key_types(names)
    }

    /// Whether rows are grouped by the start of the window that they carry.
    fn by_carried_start(&self, exprs: &[ExprRef]) -> bool {
        let start = self.relation.window.and_then(|carried| carried.start);
        let is_start = |origin| start.is_some_and(|(start, _)| origin == Origin::Start(start));
        exprs.iter().any(|e| is_start(self.before.origin(e)))
    }

    /// Adds the last microsecond of the window that ends there to the rows; its column.
    fn with_last_time(&mut self, end: ExprRef) -> Result<usize, Misfit> {
        let last = window::last_time(end, &self.before.schema)?;
        Ok(self.before.append(last, window::LAST_TIME)?)
    }

    /// Keys are kept in types that sinks hold, and a window's end stands for its last microsecond; the expressions after
    /// the grouping know them as they were.
    fn restore_key_types(&mut self, names: &[String]) -> Result<(), Misfit> {
        let Some(grouping) = &self.grouping else {
            return Ok(());
        };
        let mut exprs = Vec::with_capacity(grouping.layout.len());
        let mut changed = false;
        for (i, (result, name)) in grouping.layout.iter().zip(names).enumerate() {
            let column = Arc::new(Column::new(name, i)) as ExprRef;
            let computed = match result {
                ResultColumn::Key(key) => grouping.computed.get(*key).cloned().flatten(),
                _ => None,
            };
            let is_last = grouping.last.contains(&i);
            changed |= computed.is_some() || is_last;
            exprs.push(match computed {
                None if is_last => window::last_time(column, &grouping.schema)?,
                Some(computed) => cast(column, &grouping.schema, computed)?,
                None => column,
            });
        }
        if changed {
            let origins = std::mem::take(&mut self.after.origins);
            self.after.project(exprs, names)?;
            self.after.origins = origins;
        }
        Ok(())
    }
}

/// Sorts the grouping expressions into keys and the window's bounds.
struct GroupingBuilder<'a> {
    rows: &'a Chain,
    window: Option<(usize, WindowKind)>,
    keys: Vec<ExprRef>,
    key_fields: Vec<Field>,
    computed: Vec<Option<DataType>>,
    layout: Vec<ResultColumn>,
    last: BTreeSet<usize>,
}

impl<'a> GroupingBuilder<'a> {
    fn new(rows: &'a Chain) -> Self {
        Self {
            rows,
            window: None,
            keys: Vec::new(),
            key_fields: Vec::new(),
            computed: Vec::new(),
            layout: Vec::new(),
            last: BTreeSet::new(),
        }
    }

    fn key(&mut self, expr: ExprRef, name: &str) -> Result<(), Misfit> {
        let origin = column(&expr).and_then(|i| self.rows.origins.get(i).copied());
        match origin {
            Some(Origin::WindowStart { time, kind }) => {
                self.by_window(time, kind)?;
                self.layout.push(ResultColumn::WindowStart);
            }
            Some(Origin::WindowEnd { time, kind }) => {
                self.by_window(time, kind)?;
                self.layout.push(ResultColumn::WindowEnd);
            }
            Some(Origin::WindowLast { time, kind }) => {
                self.by_window(time, kind)?;
                self.last.insert(self.layout.len());
                self.layout.push(ResultColumn::WindowEnd);
            }
            _ => self.plain_key(expr, name)?,
        }
        Ok(())
    }

    fn plain_key(&mut self, expr: ExprRef, name: &str) -> Result<(), Misfit> {
        let data_type = expr.data_type(&self.rows.schema)?;
        let stored = output::storable(&data_type).ok_or_else(|| Misfit::Unstorable {
            name: name.to_owned(),
            what: output::name(&data_type),
            hint: output::hint(&data_type),
        })?;
        let same = stored == data_type;
        let expr = if same {
            expr
        } else {
            cast(expr, &self.rows.schema, stored.clone())?
        };
        self.computed.push((!same).then_some(data_type));
        self.layout.push(ResultColumn::Key(self.keys.len()));
        self.keys.push(expr);
        self.key_fields.push(field(name, stored));
        Ok(())
    }

    fn by_window(&mut self, time: usize, kind: WindowKind) -> Result<(), Misfit> {
        let start = Origin::WindowStart { time, kind };
        let place = |origin| self.rows.origins.iter().position(|&o| o == origin);
        // The window's start falls into the same window, should the time itself be gone.
        let found =
            place(Origin::Start(time)).or_else(|| place(start).filter(|_| is_one_each(kind)));
        let found = found.ok_or(Misfit::LostTime)?;
        match self.window {
            Some(window) if window != (found, kind) => Err(Misfit::LostTime),
            _ => {
                self.window = Some((found, kind));
                Ok(())
            }
        }
    }

    fn finish(mut self, calls: Vec<Call>, names: &[String]) -> Result<Grouping, Misfit> {
        let window_rows = self.rows.origins.iter().any(is_window);
        if window_rows && self.window.is_none() {
            return Err(Misfit::NotByWindow);
        }
        self.layout
            .extend((0..calls.len()).map(ResultColumn::Function));
        let mut fields = Vec::with_capacity(self.layout.len());
        for (result, name) in self.layout.iter().zip(names) {
            let data_type = match result {
                ResultColumn::Key(i) => self.key_fields.get(*i).map(|f| f.data_type().clone()),
                ResultColumn::Function(i) => match calls.get(*i) {
                    Some(call) => Some(call.data_type(&self.rows.schema)?),
                    None => None,
                },
                ResultColumn::WindowStart | ResultColumn::WindowEnd => Some(window::MICROS),
            };
            fields.extend(data_type.map(|t| field(name, t)));
        }
        Ok(Grouping {
            window: self.window,
            behind: 0,
            carried: false,
            keys: self.keys,
            key_schema: Arc::new(Schema::new(self.key_fields)),
            calls,
            layout: self.layout,
            last: self.last,
            schema: Arc::new(Schema::new(fields)),
            computed: self.computed,
        })
    }
}

pub(crate) fn is_window(origin: &Origin) -> bool {
    matches!(
        origin,
        Origin::WindowStart { .. } | Origin::WindowEnd { .. } | Origin::WindowLast { .. }
    )
}
