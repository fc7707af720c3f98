//! A logical plan to parts, each of which has the shape of a stream: a query is cut where rows that were grouped are grouped
//! again, joined, or have windows opened over them, and where several inputs come together.

use std::sync::Arc;

use arrow::datatypes::{Field, Schema};
use datafusion_expr::utils::split_conjunction;
use datafusion_expr::{Expr, Join, JoinType, LogicalPlan, Union};

use super::Relation;
use super::bind::Query;
use super::chain::names;
use super::error::SqlError;
use super::join::{self, Side, Unjoinable};
use super::merged::Merged;
use super::parse::Parsed;
use super::translate::{Misfit, Shape, joined};

/// What is between the name of a stream and the number of a part of it: no name in a manifest has it.
const BETWEEN: char = '-';

/// The name of a part of a stream, of those whose names the planner gave it.
pub(crate) fn part_name(stream: &str, part: &str) -> String {
    format!("{stream}{part}")
}

/// Whether a relation is a part of the query that reads it.
pub(crate) fn is_part(relation: &str) -> bool {
    relation.starts_with(BETWEEN)
}

/// What the part of a name begins with that a stream has which is made for rules.
pub(crate) const OF_RULES: &str = "-rules-";

/// Whether a stream is made for rules: what is stored of it is of no use to anything else.
pub(crate) fn is_of_rules(stream: &str) -> bool {
    let part = stream.find(BETWEEN).and_then(|at| stream.get(at..));
    part.is_some_and(|part| part.starts_with(OF_RULES))
}

/// The stream of the manifest that a stream is, or is a part of.
#[must_use]
pub fn stream_of(name: &str) -> &str {
    name.split(BETWEEN).next().unwrap_or(name)
}

/// Cuts a query.
pub(super) struct Parts<'a> {
    parsed: &'a Parsed,
    /// What the query reads, and the parts that are cut off.
    relations: Vec<Relation>,
    /// The parts that are cut off, each after those that it reads.
    cut: Vec<Query>,
    /// The sides of joins, by name, until it is known which of their columns are needed.
    sides: Vec<(String, Side)>,
    grouped: usize,
    branches: usize,
}

impl<'a> Parts<'a> {
    pub(super) fn new(parsed: &'a Parsed, relations: &[Relation]) -> Self {
        Self {
            parsed,
            relations: relations.to_vec(),
            cut: Vec::new(),
            sides: Vec::new(),
            grouped: 0,
            branches: 0,
        }
    }

    /// All parts of a plan. The last is what the query gives.
    pub(super) fn of(mut self, plan: &LogicalPlan) -> Result<Vec<Query>, SqlError> {
        let mut shape = self.shape(plan)?;
        let names = names(plan.schema().fields());
        let finished = shape.finish(&names);
        finished.map_err(|misfit| self.said(misfit, &shape))?;
        let query = self.query(shape)?;
        query.check_names(self.parsed)?;
        self.cut.push(query);
        Ok(self.cut)
    }

    fn said(&self, misfit: Misfit, shape: &Shape) -> SqlError {
        self.parsed.misfit(misfit, &shape.relation)
    }

    fn query(&mut self, shape: Shape) -> Result<Query, SqlError> {
        if shape.opens_unknown_windows() {
            return Err(self.said(Misfit::SeveralWindows, &shape));
        }
        let query = Query::new(shape, self.parsed)?;
        let is_read = |(name, _): &mut (String, Side)| query.reads().contains(name);
        let sides: Vec<_> = self.sides.extract_if(.., is_read).collect();
        for (name, side) in sides {
            let relation = side.relation().clone();
            let side = side.finish(query.needs());
            let side = side.map_err(|misfit| self.parsed.misfit(misfit, &relation))?;
            let side = self.query(side)?.named(name);
            self.cut.push(side);
        }
        Ok(query)
    }

    fn shape(&mut self, plan: &LogicalPlan) -> Result<Shape, SqlError> {
        match plan {
            LogicalPlan::TableScan(scan) => {
                let name = scan.table_name.table();
                let read = self.relations.iter().find(|r| r.name == name);
                read.map(|relation| Shape::reading(relation.clone(), vec![name.to_owned()]))
                    .ok_or_else(|| self.nothing())
            }
            LogicalPlan::Union(union) => self.union(union),
            LogicalPlan::Join(join) => self.join(join, &[]),
            LogicalPlan::Filter(filter) => match filter.input.as_ref() {
                LogicalPlan::Join(join) if self.takes_in(join) => {
                    let conditions = split_conjunction(&filter.predicate);
                    let conditions: Vec<Expr> = conditions.into_iter().cloned().collect();
                    self.join(join, &conditions)
                }
                input => {
                    let shape = self.shape(input)?;
                    self.push(shape, plan)
                }
            },
            node => match node.inputs().as_slice() {
                [input] => {
                    let shape = self.shape(input)?;
                    self.push(shape, node)
                }
                [] => Err(self.nothing()),
                _ => {
                    let message = format!("a stream cannot do this: {}", node.display());
                    Err(SqlError::at(self.parsed.tokens.start(), message))
                }
            },
        }
    }

    fn nothing(&self) -> SqlError {
        SqlError::at(self.parsed.tokens.start(), "the query reads no table")
    }

    fn push(&mut self, shape: Shape, node: &LogicalPlan) -> Result<Shape, SqlError> {
        let waits = self.parsed.waits && shape.is_joined();
        let mut shape = match (shape.gathers() || waits) && shape.must_end_before(node) {
            true if waits && shape.has_windows() => {
                return Err(self.said(Misfit::WaitsInWindow, &shape));
            }
            true => self.cut_off(shape)?,
            false => shape,
        };
        match shape.push(node) {
            Ok(()) => Ok(shape),
            Err(misfit) => Err(self.said(misfit, &shape)),
        }
    }

    /// Whether what is true of all rows of a join is a condition of it as good as any.
    fn takes_in(&self, join: &Join) -> bool {
        join.join_type == JoinType::Inner && !self.joins_table(join)
    }

    /// Whether rows are looked up in what is joined, or would be if they could.
    fn joins_table(&self, join: &Join) -> bool {
        let relation = |name: &str| self.relations.iter().find(|r| r.name == name);
        match joined(&join.right).and_then(relation) {
            Some(relation) => relation.key.is_some(),
            None => read_by(&join.right)
                .and_then(relation)
                .is_some_and(|r| r.is_table),
        }
    }

    /// A join, of which conditions that stand above it are true, too.
    fn join(&mut self, join: &Join, above: &[Expr]) -> Result<Shape, SqlError> {
        let merged = Merged::of(join, &self.relations);
        if let Some(merged) = merged.map_err(|misfit| self.misfit(misfit))? {
            return self.merge(&merged);
        }
        if !self.joins_table(join) {
            return self.join_streams(join, above);
        }
        let mut shape = self.shape(&join.left)?;
        if shape.gathers() {
            shape = self.cut_off(shape)?;
        }
        match shape.join(join, &self.relations, self.parsed.waits) {
            Ok(()) => Ok(shape),
            Err(misfit) => Err(self.said(misfit, &shape)),
        }
    }

    /// Each side is a part, and both are read together.
    fn join_streams(&mut self, join: &Join, above: &[Expr]) -> Result<Shape, SqlError> {
        let left = self.shape(&join.left)?;
        if left.relation.is_table {
            let misfit = Misfit::Unjoinable(Unjoinable::TableFirst(left.relation.name.clone()));
            return Err(self.unjoinable(misfit, join));
        }
        let (left, right) = (self.side(left)?, self.shape(&join.right)?);
        let right = self.side(right)?;
        let names = [(); 2].map(|()| {
            self.branches += 1;
            format!("{BETWEEN}branch{}", self.branches)
        });
        let joined = join::join(left, right, join, above, names.clone());
        let (shape, sides) = joined.map_err(|misfit| self.unjoinable(misfit, join))?;
        self.sides.extend(names.into_iter().zip(sides));
        Ok(shape)
    }

    /// A side of a join, row by row.
    fn side(&mut self, shape: Shape) -> Result<Shape, SqlError> {
        if shape.relation.key.is_some() {
            return Err(self.said(Misfit::Replacing, &shape));
        }
        if shape.opens_unknown_windows() {
            return Err(self.said(Misfit::SeveralWindows, &shape));
        }
        match shape.gathers() {
            true => self.cut_off(shape),
            false => Ok(shape),
        }
    }

    fn unjoinable(&self, misfit: Misfit, join: &Join) -> SqlError {
        let place = read_by(&join.right).map(|name| self.parsed.place_of(name));
        match (misfit, self.relations.first()) {
            (Misfit::Unjoinable(why), _) => self.parsed.unjoinable(&why, place),
            (misfit, Some(relation)) => self.parsed.misfit(misfit, relation),
            (_, None) => self.nothing(),
        }
    }

    /// A table of two tables: the changes of each are a part, and both are read together.
    fn merge(&mut self, merged: &Merged) -> Result<Shape, SqlError> {
        let sides = merged.sides().map_err(|misfit| self.misfit(misfit))?;
        let mut parts = Vec::with_capacity(sides.len());
        for side in sides {
            parts.push(self.part(side)?);
        }
        let mut shape = self.together(&parts)?;
        let finished = merged.finish(&mut shape);
        finished.map_err(|misfit| self.said(misfit, &shape))?;
        Ok(shape)
    }

    fn misfit(&self, misfit: Misfit) -> SqlError {
        match self.relations.first() {
            Some(relation) => self.parsed.misfit(misfit, relation),
            None => self.nothing(),
        }
    }

    /// Makes a part of what there is so far, and goes on from its rows.
    fn cut_off(&mut self, shape: Shape) -> Result<Shape, SqlError> {
        let relation = self.part(shape)?;
        let name = relation.name.clone();
        Ok(Shape::reading(relation, vec![name]))
    }

    /// Makes a part of what there is so far.
    fn part(&mut self, shape: Shape) -> Result<Relation, SqlError> {
        if shape.relation.key.is_some() {
            return Err(self.said(Misfit::Replacing, &shape));
        }
        if shape.is_grouped() && shape.window().is_none() {
            return Err(self.said(Misfit::TwoGroupings, &shape));
        }
        let name = if shape.gathers() {
            self.grouped += 1;
            format!("{BETWEEN}{}", self.grouped)
        } else {
            self.branches += 1;
            format!("{BETWEEN}branch{}", self.branches)
        };
        let input = shape.relation.clone();
        let query = self.query(shape)?.named(name.clone());
        let relation = query.relation(name, &input);
        self.cut.push(query);
        self.relations.push(relation.clone());
        Ok(relation)
    }

    /// Each side is a part, and all are read together.
    fn union(&mut self, union: &Union) -> Result<Shape, SqlError> {
        let names = names(union.schema.fields());
        let mut branches = Vec::with_capacity(union.inputs.len());
        for input in &union.inputs {
            let mut shape = self.shape(input)?;
            let renamed = shape.rename(&names);
            renamed.map_err(|misfit| self.said(misfit, &shape))?;
            branches.push(self.part(shape)?);
        }
        self.together(&branches)
    }

    /// Parts that are read together.
    fn together(&self, branches: &[Relation]) -> Result<Shape, SqlError> {
        let read: Vec<String> = branches.iter().map(|b| b.name.clone()).collect();
        let all = together(branches).ok_or_else(|| {
            let message = "the columns of the sides of UNION ALL are of different types";
            SqlError::at(self.parsed.tokens.start(), message).hint("write CAST(… AS …)")
        })?;
        Ok(Shape::reading(all, read))
    }
}

/// The first relation that a plan reads.
fn read_by(plan: &LogicalPlan) -> Option<&str> {
    match plan {
        LogicalPlan::TableScan(scan) => Some(scan.table_name.table()),
        node => node.inputs().into_iter().find_map(read_by),
    }
}

/// Relations as one, if their columns are of the same types: a column is what it is in each.
fn together(relations: &[Relation]) -> Option<Relation> {
    let (first, others) = relations.split_first()?;
    let mut all = first.clone();
    for other in others {
        let types = |r: &Relation| -> Vec<_> {
            r.schema
                .fields()
                .iter()
                .map(|f| f.data_type().clone())
                .collect()
        };
        if types(other) != types(&all) {
            return None;
        }
        all.event_time = all
            .event_time
            .filter(|time| other.event_time == Some(*time));
        all.window = all.window.zip(other.window).map(|(a, b)| a.and(b));
        let behind = |time: usize| {
            other
                .times
                .iter()
                .find(|(t, _)| *t == time)
                .map(|(_, b)| *b)
        };
        let times = all.times.iter();
        let times = times.filter_map(|&(t, b)| Some((t, behind(t)?.max(b))));
        all.times = times.collect();
    }
    let fields = all.schema.fields().iter();
    let fields = fields.map(|f| Field::new(f.name(), f.data_type().clone(), true));
    all.schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    Some(all)
}
