//! FROM: what is read and joined, and windows that are opened.

use datafusion_sql::sqlparser::ast::{
    Expr, Ident, JoinConstraint, JoinOperator, ObjectName, Spanned, TableFactor, TableWithJoins,
};
use datafusion_sql::sqlparser::keywords::Keyword;
use datafusion_sql::sqlparser::tokenizer::{Location, Span};

use super::{Walk, simple};
use crate::names;
use crate::sql::count::CountCall;
use crate::sql::error::start;
use crate::sql::window::{self, WindowCall};

const JOIN: &str = "a join is written with JOIN, LEFT, RIGHT or FULL JOIN, and has a condition";
const JOIN_HINT: &str = "write FROM stream LEFT JOIN table ON stream.column = table.key";

impl Walk<'_> {
    pub(super) fn from(&mut self, from: &[TableWithJoins], place: Location) {
        match from {
            [] => self.refuse(
                place,
                "the query reads nothing",
                "add FROM with the name of a source or a stream",
            ),
            [_] => {}
            [_, second, ..] => self.refuse_join(second.relation.span()),
        }
        for table in from {
            self.joins(table);
        }
    }

    fn joins(&mut self, table: &TableWithJoins) {
        for join in &table.joins {
            let inside = join.relation.span();
            let inside = start(inside).unwrap_or(self.tokens.start());
            let place = self.tokens.back_to(Keyword::JOIN, inside);
            let (on, is_full) = match &join.join_operator {
                JoinOperator::Join(on)
                | JoinOperator::Inner(on)
                | JoinOperator::Left(on)
                | JoinOperator::LeftOuter(on) => (Some(on), false),
                JoinOperator::Right(on)
                | JoinOperator::RightOuter(on)
                | JoinOperator::FullOuter(on) => (Some(on), true),
                _ => (None, false),
            };
            match on {
                Some(JoinConstraint::On(_)) if !join.global => {}
                Some(JoinConstraint::Using(_)) if !join.global && !is_full => {}
                Some(JoinConstraint::Using(_)) if !join.global => self.refuse(
                    place,
                    "USING has no meaning where rows of the right side go on alone",
                    "write ON with = between the columns of both sides",
                ),
                _ => self.refuse(place, JOIN, JOIN_HINT),
            }
        }
    }

    fn refuse_join(&mut self, span: Span) {
        self.refuse(start(span).unwrap_or(self.tokens.start()), JOIN, JOIN_HINT);
    }

    pub(super) fn factor(&mut self, factor: &TableFactor) {
        let place = start(factor.span()).unwrap_or(self.tokens.start());
        if let Some((name, arguments)) = window::call(factor) {
            self.table_function(name, &arguments);
            return;
        }
        match factor {
            TableFactor::Table {
                name,
                version,
                sample,
                partitions,
                with_ordinality,
                json_path,
                ..
            } => {
                self.table(name);
                let extras = version.is_some() || sample.is_some() || json_path.is_some();
                if extras || *with_ordinality || !partitions.is_empty() {
                    self.refuse(
                        place,
                        "a table is read as it is",
                        "leave out what follows its name",
                    );
                }
            }
            TableFactor::Derived {
                lateral: false,
                sample: None,
                ..
            } => {}
            TableFactor::NestedJoin {
                table_with_joins, ..
            } => self.joins(table_with_joins),
            _ => self.refuse(
                place,
                "FROM takes a source, a stream, a subquery or TUMBLE",
                "write FROM with the name of a source or a stream",
            ),
        }
    }

    fn table(&mut self, name: &ObjectName) {
        let place = start(name.span()).unwrap_or(self.tokens.start());
        match simple(name) {
            Some(ident) => self.read(ident),
            None => self.refuse(
                place,
                &format!("`{name}` has a dot"),
                "sources and streams have simple names; quote a name that has a dot",
            ),
        }
    }

    fn read(&mut self, name: &Ident) {
        if !self.ctes.contains(&name.value) {
            let place = start(name.span).unwrap_or(self.tokens.start());
            self.outline.reads.push((name.value.clone(), place));
        }
    }

    fn table_function(&mut self, name: &ObjectName, arguments: &[&Expr]) {
        self.table_functions.push(name.span());
        let place = start(name.span()).unwrap_or(self.tokens.start());
        let written = name.to_string();
        match WindowCall::read(name, arguments) {
            Some(Ok(call)) => {
                self.read(&call.table);
                let time = start(call.time.span).unwrap_or(place);
                let times = &mut self.outline.window_times;
                times.push((call.time.value.clone(), time));
            }
            Some(Err(error)) => self.errors.push(error),
            None => match CountCall::read(name, arguments) {
                Some(Ok(call)) => {
                    self.read(&call.table);
                    self.outline.counts.push(place);
                }
                Some(Err(error)) => self.errors.push(error),
                None => self.unknown_table_function(&written, place),
            },
        }
    }

    fn unknown_table_function(&mut self, written: &str, place: Location) {
        let hint = names::nearest(written, window::NAMES.iter().copied()).map_or_else(
            || "write FROM TUMBLE(table, time column, INTERVAL '…')".to_owned(),
            |near| format!("did you mean `{near}`?"),
        );
        let message = format!("there is no table function `{written}`");
        self.refuse(place, &message, &hint);
    }
}
