//! Planning a parsed query, and finding the places of what the planner does not like.

use std::ops::ControlFlow;
use std::sync::Arc;

use datafusion_common::DataFusionError;
use datafusion_expr::LogicalPlan;
use datafusion_optimizer::analyzer::type_coercion::TypeCoercion;
use datafusion_optimizer::simplify_expressions::SimplifyExpressions;
use datafusion_optimizer::{Analyzer, Optimizer, OptimizerContext};
use datafusion_sql::planner::SqlToRel;
use datafusion_sql::sqlparser::ast::{
    Expr, GroupByExpr, Query as SqlQuery, Select, SelectItem, SetExpr, Spanned, Statement, Value,
    VisitMut, VisitorMut,
};
use datafusion_sql::sqlparser::keywords::Keyword;
use datafusion_sql::sqlparser::tokenizer::{Location, Span};

use super::bind::Query;
use super::context::Context;
use super::error::{self, SqlError, start};
use super::join::{Bounded, Unjoinable};
use super::over::Refused;
use super::parse::{Parsed, item_name};
use super::parts::{Parts, is_part};
use super::translate::Misfit;
use super::{Carried, Relation, types};
use crate::names;

/// More errors than this help nobody.
const MAX_ERRORS: usize = 8;

impl Parsed {
    /// Plans the query over the relations that it may read, to its parts: see [`plan_query`](super::plan_query).
    ///
    /// # Errors
    /// What is wrong with it, as much at once as can be told.
    pub fn plan(&self, relations: &[Relation]) -> Result<Vec<Query>, Vec<SqlError>> {
        let known: Vec<&str> = relations.iter().map(|r| r.name.as_str()).collect();
        let unknown = self.unknown_tables(&known);
        if !unknown.is_empty() {
            return Err(unknown);
        }
        let plan = self.logical_plan(&Context::new(relations, self.outline.last_time))?;
        let parts = Parts::new(self, relations).of(&plan);
        parts.map_err(|error| vec![error])
    }

    /// The tables that it reads and that are not among the known ones.
    #[must_use]
    pub fn unknown_tables(&self, known: &[&str]) -> Vec<SqlError> {
        let unknown = self
            .outline
            .reads
            .iter()
            .filter(|(name, _)| !known.contains(&name.as_str()));
        let errors = unknown.map(|(name, place)| SqlError {
            hint: names::hint(name, known.iter().copied()),
            ..SqlError::at(*place, format!("there is no source or stream `{name}`"))
        });
        errors.collect()
    }

    /// Plans; where that fails, takes the part at fault out and plans again, to find what else is wrong.
    fn logical_plan(&self, context: &Context) -> Result<LogicalPlan, Vec<SqlError>> {
        let mut query = self.query.clone();
        let mut errors: Vec<SqlError> = Vec::new();
        while errors.len() < MAX_ERRORS {
            let failure = match plan(context, &query) {
                Ok(plan) if errors.is_empty() => return Ok(plan),
                Ok(_) => break,
                Err(failure) => failure,
            };
            let found = error::from_planner(&failure);
            if let Some(name) = &found.duplicate {
                let place = column_place(&query, name).or(found.place);
                errors.push(error::duplicate_column(
                    place.unwrap_or(self.tokens.start()),
                    name,
                ));
                break;
            }
            let blamed = blame(context, &query, &found.message);
            let place = found
                .place
                .or_else(|| blamed.as_ref().and_then(|b| start(b.span)));
            let error = SqlError {
                hint: found.hint,
                ..SqlError::at(place.unwrap_or(self.tokens.start()), found.message)
            };
            if !errors.contains(&error) {
                errors.push(error);
            }
            match blamed {
                Some(part) => query = part.without,
                None => break,
            }
        }
        errors.sort_by_key(|e| (e.line, e.column));
        Err(errors)
    }

    pub(super) fn misfit(&self, misfit: Misfit, relation: &Relation) -> SqlError {
        let time = self.window_place();
        match misfit {
            Misfit::TwoGroupings => SqlError::at(
                self.grouping_place(),
                "the rows of a grouping without a window replace each other: they are not grouped, joined or put together again",
            )
            .hint("group the inner query by a window; for count over DISTINCT, write count(DISTINCT …)"),
            Misfit::Replacing => SqlError::at(
                self.place_of(&relation.name),
                format!(
                    "the rows of `{}` replace each other, and cannot be put together with others",
                    relation.name
                ),
            )
            .hint("read a source that is a stream, or a stream that only adds rows"),
            Misfit::ComputedTime => SqlError::at(
                time,
                format!("a window is over the event time of {}, as it is", shown(relation)),
            )
            .hint(event_time_hint(relation)),
            Misfit::NotEventTime(column) => {
                let name = column_name(relation, column);
                let mut times = self.outline.window_times.iter();
                let found = times.find(|(written, _)| written == name);
                SqlError::at(
                    found.map_or(time, |(_, place)| *place),
                    format!("`{name}` is not the event time of {}", shown(relation)),
                )
                .hint(event_time_hint(relation))
            }
            Misfit::NotByWindow => SqlError::at(
                self.grouping_place(),
                "the rows of a window are grouped by it",
            )
            .hint("add window_start, window_end to GROUP BY"),
            Misfit::NotByEnd => SqlError::at(
                self.tokens.back_to(Keyword::GROUP, self.tokens.end()),
                "rows of windows are grouped by the end of their window",
            )
            .hint("add window_end to GROUP BY, and to the SELECT list that it comes from"),
            Misfit::SeveralWindows => SqlError::at(
                time,
                "the rows of HOP, CUMULATE, SESSION and COUNT_WINDOW are grouped by their windows",
            )
            .hint("add GROUP BY window_start, window_end"),
            Misfit::LostTime => SqlError::at(
                self.grouping_place(),
                "the window's time is gone where the rows are grouped",
            )
            .hint("select the time column, or window_start, in the subquery, of one TUMBLE; of HOP, CUMULATE and SESSION, the time column"),
            Misfit::Over(refused) => self.refused_over(&refused, relation),
            Misfit::Uncounted => match relation.event_time {
                Some(column) => {
                    let time = column_name(relation, column);
                    let message = "COUNT_WINDOW is in the order of the event time, which is gone where the rows are grouped";
                    SqlError::at(self.window_place(), message)
                        .hint(format!("select `{time}` in the subquery; for DISTINCT, write GROUP BY"))
                }
                None => SqlError::at(
                    time,
                    format!(
                        "COUNT_WINDOW is in the order of an event time, and {} has none",
                        shown(relation)
                    ),
                )
                .hint(event_time_hint(relation)),
            },
            Misfit::CountedCall(call, there) => SqlError::at(
                time,
                format!("`{call}` is not among what windows by count have"),
            )
            .hint(format!("there are {there}, without DISTINCT")),
            Misfit::NotATable(name) => SqlError::at(
                self.place_of(&name),
                format!("the rows of `{name}` replace each other, and it is no source that is a table: it cannot be joined"),
            )
            .hint("JOIN sources that have a `table` with its primaryKey, or streams that only add rows"),
            Misfit::Unjoinable(why) => self.unjoinable(&why, None),
            Misfit::JoinedQuery => SqlError::at(
                self.tokens.first(Keyword::JOIN).unwrap_or(self.tokens.start()),
                "a table is joined as it is",
            )
            .hint("write JOIN with the table's name, and conditions on it in ON or WHERE"),
            Misfit::JoinKind => SqlError::at(
                self.tokens.first(Keyword::JOIN).unwrap_or(self.tokens.start()),
                "tables are joined by JOIN or LEFT JOIN",
            )
            .hint("write the stream, or the table whose rows all stay, in FROM, and the other table after LEFT JOIN"),
            Misfit::NoEquality(table) => SqlError::at(
                self.place_of(&table),
                format!("no column of `{table}` is equal to a value of the row"),
            )
            .hint("write ON with = between a column of the table and a value of the same type"),
            Misfit::NotByKeys(table) => SqlError::at(
                self.place_of(&table),
                "a table is joined with a table by all columns of both primary keys, and here it is by others",
            )
            .hint("write ON with = between the primary keys; by other columns, a stream is joined with each"),
            Misfit::WaitsWithoutTime => SqlError::at(
                self.tokens.first(Keyword::JOIN).unwrap_or(self.tokens.start()),
                "rows wait in event time, and the rows that are joined here have none",
            )
            .hint("give the source an eventTime, and select that column in subqueries"),
            Misfit::WaitsInWindow => SqlError::at(
                self.window_place(),
                "the windows are opened before the join, and rows may wait longer than they are open",
            )
            .hint("join in a stream of its own, and open windows over that"),
            Misfit::JoinedInWindow => SqlError::at(
                self.window_place(),
                "the windows of SESSION and COUNT_WINDOW are opened before the join, over rows that it leaves out, too",
            )
            .hint("join in a stream of its own, and open windows over that; or write LEFT JOIN, and WHERE behind it"),
            Misfit::Operator(what) => SqlError::at(
                self.tokens.start(),
                format!("a stream cannot do this: {what}"),
            ),
            Misfit::Unstorable { name, what, hint } => {
                let place = column_place(&self.query, &name).unwrap_or(self.tokens.start());
                SqlError::at(place, format!("`{name}` is {what}, which no sink can hold"))
                    .hint(hint)
            }
            Misfit::Planner(failure) => {
                let found = error::from_planner(&failure);
                SqlError {
                    hint: found.hint,
                    ..SqlError::at(found.place.unwrap_or(self.tokens.start()), found.message)
                }
            }
        }
    }

    /// Why two streams cannot be joined, the right one of which is first named there.
    pub(super) fn unjoinable(&self, why: &Unjoinable, right: Option<Location>) -> SqlError {
        let place = match right {
            Some(right) => self.tokens.back_to(Keyword::JOIN, right),
            None => self
                .tokens
                .first(Keyword::JOIN)
                .unwrap_or(self.tokens.start()),
        };
        match why {
            Unjoinable::TableFirst(table) => SqlError::at(
                place,
                format!("a stream is looked up in the table `{table}`, and not the other way round"),
            )
            .hint(format!("write FROM with the stream, and JOIN {table}")),
            Unjoinable::NoTime(relation) if has_time(relation) => SqlError::at(
                place,
                format!("streams are joined by their times, and that of {} is gone here", shown(relation)),
            )
            .hint("select the event time in the subquery, or window_end"),
            Unjoinable::NoTime(relation) => SqlError::at(
                place,
                format!("streams are joined by their times, and {} has none", shown(relation)),
            )
            .hint(event_time_hint(relation)),
            Unjoinable::Unbounded(bounded) => SqlError::at(
                place,
                match bounded {
                    Bounded::Not => "how far apart in time two rows may be that belong together is not said",
                    Bounded::Below => "how late a row may be after one that it belongs to is not said",
                    Bounded::Above => "how early a row may be before one that it belongs to is not said",
                },
            )
            .hint("write ON a.k = b.k AND b.ts BETWEEN a.ts - INTERVAL '5' MINUTE AND a.ts, with the event times of both and intervals of days or less; windows are joined by window_start and window_end"),
            Unjoinable::Empty => SqlError::at(place, "no two times are so far apart as is asked here")
                .hint("let the first bound of BETWEEN be the earlier one"),
            Unjoinable::NoKey => SqlError::at(
                place,
                "no value of one stream is equal to one of the other",
            )
            .hint("write ON with = between a column of each, besides their times"),
        }
    }

    fn refused_over(&self, refused: &Refused, relation: &Relation) -> SqlError {
        let place = self
            .tokens
            .first(Keyword::OVER)
            .unwrap_or(self.tokens.start());
        match refused {
            Refused::Several => {
                let message = "all OVER of a stream have the same PARTITION BY and ORDER BY";
                SqlError::at(place, message)
                    .hint("put one of them into a stream of its own, and read that")
            }
            Refused::Order => {
                let message = match relation.event_time {
                    Some(_) => format!(
                        "OVER is in the order of the event time of `{}`",
                        relation.name
                    ),
                    None => format!(
                        "OVER is in the order of an event time, and `{}` has none",
                        relation.name
                    ),
                };
                let hint = match relation.event_time {
                    Some(column) => format!("write ORDER BY {}", column_name(relation, column)),
                    None => event_time_hint(relation),
                };
                SqlError::at(place, message).hint(hint)
            }
            Refused::Rank if relation.key.is_some() => {
                let message = format!(
                    "the rows of `{}` replace each other, so their numbers would change",
                    relation.name
                );
                SqlError::at(place, message).hint("number the rows of a stream that only adds them")
            }
            Refused::Rank => {
                let message = "rows of no window are never all there, so their numbers would change with each";
                SqlError::at(place, message)
                    .hint("add window_start, window_end to PARTITION BY, or write ORDER BY the event time")
            }
            Refused::Bad { message, hint } => SqlError::at(place, message.as_str()).hint(*hint),
        }
    }

    /// Where a relation is last named in FROM or JOIN.
    pub(super) fn place_of(&self, relation: &str) -> Location {
        let read = self
            .outline
            .reads
            .iter()
            .rfind(|(name, _)| name == relation);
        read.map_or(self.tokens.start(), |(_, place)| *place)
    }

    /// Where the time column of its windows is written.
    pub(super) fn window_place(&self) -> Location {
        let first = self.outline.window_times.first().map(|(_, place)| place);
        *first
            .or(self.outline.counts.first())
            .unwrap_or(&self.tokens.start())
    }

    /// Where the grouping is written.
    pub(super) fn grouping_place(&self) -> Location {
        let keyword = self
            .tokens
            .first(Keyword::GROUP)
            .or(self.tokens.first(Keyword::DISTINCT));
        keyword.unwrap_or(self.tokens.start())
    }
}

fn event_time_hint(relation: &Relation) -> String {
    match relation.event_time {
        Some(column) => format!("write `{}`", column_name(relation, column)),
        None => match relation.window {
            Some(Carried {
                start: Some((column, _)),
                ..
            }) => {
                format!(
                    "write `{}`: the windows are in it",
                    column_name(relation, column)
                )
            }
            Some(_) => {
                "select window_start of TUMBLE, HOP or CUMULATE, and open windows over that".into()
            }
            None if is_part(&relation.name) => {
                "all sides of UNION ALL have their event time in the same column".into()
            }
            None => format!("give the source of `{}` an eventTime", relation.name),
        },
    }
}

/// Whether its rows have a time.
fn has_time(relation: &Relation) -> bool {
    relation.event_time.is_some() || relation.window.is_some() || !relation.times.is_empty()
}

/// A relation, as a person knows it.
fn shown(relation: &Relation) -> String {
    match is_part(&relation.name) {
        true => "the subquery".to_owned(),
        false => format!("`{}`", relation.name),
    }
}

fn column_name(relation: &Relation, column: usize) -> &str {
    relation
        .schema
        .fields()
        .get(column)
        .map_or("", |f| f.name())
}

/// The last place of an output column of this name in the outermost SELECT.
pub(super) fn column_place(query: &SqlQuery, name: &str) -> Option<Location> {
    let SetExpr::Select(select) = query.body.as_ref() else {
        return None;
    };
    let item = select
        .projection
        .iter()
        .rfind(|item| item_name(item).is_some_and(|n| n.value == name))?;
    start(item.span())
}

/// Names resolved, types coerced, constants folded.
fn plan(context: &Context, query: &SqlQuery) -> Result<LogicalPlan, DataFusionError> {
    let planner = SqlToRel::new_with_options(context, Context::parser_options());
    let plan = planner.sql_statement_to_plan(Statement::Query(Box::new(query.clone())))?;
    let options = OptimizerContext::new().with_skip_failing_rules(false);
    let mut analyzer = Analyzer::with_rules(vec![Arc::new(TypeCoercion::new())]);
    analyzer.add_function_rewrite(types::rewrite());
    let config = datafusion_optimizer::OptimizerConfig::options(&options);
    let plan = analyzer.execute_and_check(plan, &config, |_, _| {})?;
    let rules = Optimizer::with_rules(vec![Arc::new(SimplifyExpressions::new())]);
    let plan = rules.optimize(plan, &options, |_, _| {})?;
    types::check_constants(&plan)?;
    Ok(plan)
}

/// The part of a query at fault.
struct Blamed {
    span: Span,
    /// The query without it.
    without: SqlQuery,
}

/// Finds the part without which the planner no longer complains in the same words.
fn blame(context: &Context, query: &SqlQuery, message: &str) -> Option<Blamed> {
    let mut number = 0;
    loop {
        let mut without = query.clone();
        let mut removal = Removal {
            left: number,
            span: None,
        };
        let _: ControlFlow<()> = without.visit(&mut removal);
        let span = removal.span?;
        let silent = match plan(context, &without) {
            Ok(_) => true,
            Err(failure) => error::from_planner(&failure).message != message,
        };
        if silent {
            return Some(Blamed { span, without });
        }
        number += 1;
    }
}

/// Takes the n-th part out of a query.
struct Removal {
    left: usize,
    span: Option<Span>,
}

impl Removal {
    /// Whether it is this part's turn.
    fn turn(&mut self) -> bool {
        let turn = self.left == 0 && self.span.is_none();
        self.left = self.left.saturating_sub(1);
        turn
    }

    fn select(&mut self, select: &mut Select) {
        for item in &mut select.projection {
            let Some(alias) = item_name(item).cloned() else {
                continue;
            };
            if self.turn() {
                self.span = Some(item.span());
                let expr = Expr::value(Value::Null);
                *item = SelectItem::ExprWithAlias { expr, alias };
            }
        }
        for clause in [&mut select.selection, &mut select.having] {
            if clause.is_some() && self.turn() {
                self.span = clause.take().map(|expr| expr.span());
            }
        }
        if let GroupByExpr::Expressions(exprs, _) = &mut select.group_by {
            let number = (0..exprs.len()).find(|_| self.turn());
            if let Some(number) = number {
                self.span = Some(exprs.remove(number).span());
            }
        }
    }
}

impl VisitorMut for Removal {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut SqlQuery) -> ControlFlow<()> {
        if self.span.is_none()
            && let SetExpr::Select(select) = query.body.as_mut()
        {
            self.select(select);
        }
        ControlFlow::Continue(())
    }
}
