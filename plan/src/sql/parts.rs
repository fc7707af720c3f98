//! A logical plan to parts, each of which has the shape of a stream: a query is cut where rows that were grouped are grouped
//! again, joined, or have windows opened over them, and where several inputs come together.

use std::sync::Arc;

use arrow::datatypes::{Field, Schema};
use datafusion_expr::{Join, LogicalPlan, Union};

use super::Relation;
use super::bind::Query;
use super::error::SqlError;
use super::merged::Merged;
use super::parse::Parsed;
use super::translate::{Misfit, Shape, names};

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
    grouped: usize,
    branches: usize,
}

impl<'a> Parts<'a> {
    pub(super) fn new(parsed: &'a Parsed, relations: &[Relation]) -> Self {
        Self {
            parsed,
            relations: relations.to_vec(),
            cut: Vec::new(),
            grouped: 0,
            branches: 0,
        }
    }

    /// All parts of a plan. The last is what the query gives.
    pub(super) fn of(mut self, plan: &LogicalPlan) -> Result<Vec<Query>, SqlError> {
        let mut shape = self.shape(plan)?;
        let names = names(plan.schema());
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

    fn query(&self, shape: Shape) -> Result<Query, SqlError> {
        if shape.opens_unknown_windows() {
            return Err(self.said(Misfit::SeveralWindows, &shape));
        }
        Query::new(shape, self.parsed)
    }

    fn shape(&mut self, plan: &LogicalPlan) -> Result<Shape, SqlError> {
        match plan {
            LogicalPlan::TableScan(scan) => {
                let name = scan.table_name.table();
                let read = self.relations.iter().find(|r| r.name == name);
                read.map(|relation| Shape::over(relation.clone(), vec![name.to_owned()]))
                    .ok_or_else(|| self.nothing())
            }
            LogicalPlan::Union(union) => self.union(union),
            LogicalPlan::Join(join) => self.join(join),
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
        let mut shape = match (shape.is_grouped() || waits) && shape.must_end_before(node) {
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

    fn join(&mut self, join: &Join) -> Result<Shape, SqlError> {
        let merged = Merged::of(join, &self.relations);
        if let Some(merged) = merged.map_err(|misfit| self.misfit(misfit))? {
            return self.merge(&merged);
        }
        let mut shape = self.shape(&join.left)?;
        if shape.is_grouped() {
            shape = self.cut_off(shape)?;
        }
        match shape.join(join, &self.relations, self.parsed.waits) {
            Ok(()) => Ok(shape),
            Err(misfit) => Err(self.said(misfit, &shape)),
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
        Ok(Shape::over(relation, vec![name]))
    }

    /// Makes a part of what there is so far.
    fn part(&mut self, shape: Shape) -> Result<Relation, SqlError> {
        if shape.relation.key.is_some() {
            return Err(self.said(Misfit::Replacing, &shape));
        }
        if shape.is_grouped() && shape.window().is_none() {
            return Err(self.said(Misfit::TwoGroupings, &shape));
        }
        let name = if shape.is_grouped() {
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
        let names = names(&union.schema);
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
        Ok(Shape::over(all, read))
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
    }
    let fields = all.schema.fields().iter();
    let fields = fields.map(|f| Field::new(f.name(), f.data_type().clone(), true));
    all.schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    Some(all)
}
