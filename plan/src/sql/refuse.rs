//! What a stream cannot do, found in the syntax tree before anything is planned, all at once.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use datafusion_sql::sqlparser::ast::{
    Distinct, Expr, Function, FunctionArgumentClause, FunctionArguments, GroupByExpr, Ident,
    JoinConstraint, JoinOperator, ObjectName, Query, Select, SelectItem, SetExpr, SetOperator,
    SetQuantifier, Spanned, TableFactor, TableWithJoins, Value, Visit, Visitor,
};
use datafusion_sql::sqlparser::keywords::Keyword;
use datafusion_sql::sqlparser::tokenizer::{Location, Span};

use super::count::CountCall;
use super::error::{SqlError, duplicate_column, start};
use super::functions::{self, Named};
use super::over;
use super::parse::{Tokens, item_name};
use super::window::{self, WindowCall};
use crate::names;

/// Deeper than this no honest expression is.
const MAX_DEPTH: usize = 100;

/// What the walk learned about a query.
#[derive(Debug, Clone, Default)]
pub(crate) struct Outline {
    /// The tables that are read, other than its own CTEs.
    pub(crate) reads: Vec<(String, Location)>,
    /// The time columns of window table functions, and where they stand.
    pub(crate) window_times: Vec<(String, Location)>,
    /// Where windows by count stand.
    pub(crate) counts: Vec<Location>,
    /// Whether it names the last microsecond of windows.
    pub(crate) last_time: bool,
}

/// Checks a query.
pub(crate) fn walk(query: &Query, tokens: &Tokens) -> Result<Outline, Vec<SqlError>> {
    let mut walk = Walk::new(tokens);
    let _: ControlFlow<()> = query.visit(&mut walk);
    walk.finish()
}

/// Checks an expression that stands by itself.
pub(crate) fn walk_expr(expr: &Expr, tokens: &Tokens) -> Result<(), Vec<SqlError>> {
    let mut walk = Walk::new(tokens);
    walk.alone = true;
    let _: ControlFlow<()> = expr.visit(&mut walk);
    walk.finish().map(|_| ())
}

struct Walk<'a> {
    tokens: &'a Tokens,
    errors: Vec<SqlError>,
    outline: Outline,
    ctes: BTreeSet<String>,
    /// The calls in FROM that are no functions of rows.
    table_functions: Vec<Span>,
    /// Whether there is no query around: no aggregates then.
    alone: bool,
}

impl<'a> Walk<'a> {
    fn new(tokens: &'a Tokens) -> Self {
        Self {
            tokens,
            errors: Vec::new(),
            outline: Outline::default(),
            ctes: BTreeSet::new(),
            table_functions: Vec::new(),
            alone: false,
        }
    }

    fn finish(mut self) -> Result<Outline, Vec<SqlError>> {
        if self.errors.is_empty() && self.outline.reads.is_empty() && !self.alone {
            let place = self.tokens.start();
            self.refuse(
                place,
                "the query reads nothing but itself",
                "give the WITH query another name than what it reads",
            );
        }
        if self.errors.is_empty() {
            return Ok(self.outline);
        }
        self.errors.sort_by_key(|e| (e.line, e.column));
        self.errors.dedup();
        Err(self.errors)
    }

    fn refuse(&mut self, place: Location, message: &str, hint: &str) {
        self.errors.push(SqlError::at(place, message).hint(hint));
    }

    /// Refuses a clause whose keyword stands before `inside`.
    fn refuse_clause(&mut self, keyword: Keyword, inside: Span, message: &str, hint: &str) {
        let inside = start(inside).unwrap_or(Location {
            line: u64::MAX,
            column: 0,
        });
        let place = self.tokens.back_to(keyword, inside);
        let place = if place.line == u64::MAX {
            self.tokens.start()
        } else {
            place
        };
        self.refuse(place, message, hint);
    }

    fn query(&mut self, query: &Query) {
        if let Some(with) = &query.with {
            if with.recursive {
                self.refuse(
                    with.with_token.0.span.start,
                    "WITH RECURSIVE is not supported",
                    "write the query without recursion",
                );
            }
            let names = with
                .cte_tables
                .iter()
                .map(|cte| cte.alias.name.value.clone());
            self.ctes.extend(names);
        }
        if let Some(order_by) = &query.order_by {
            self.refuse_clause(
                Keyword::ORDER,
                order_by.span(),
                "ORDER BY cannot be done: a stream has no last row",
                "leave it out, and order the rows where they are read",
            );
        }
        if let Some(limit) = &query.limit_clause {
            let text = limit.to_string();
            let offset = text.trim_start().starts_with("OFFSET");
            let (keyword, name) = if offset {
                (Keyword::OFFSET, "OFFSET")
            } else {
                (Keyword::LIMIT, "LIMIT")
            };
            self.refuse_clause(
                keyword,
                limit.span(),
                &format!("{name} cannot be done: a stream has no last row"),
                "leave it out, or filter with WHERE or HAVING",
            );
        }
        if let Some(fetch) = &query.fetch {
            let inside = fetch
                .quantity
                .as_ref()
                .map_or_else(Span::empty, Spanned::span);
            self.refuse_clause(
                Keyword::FETCH,
                inside,
                "FETCH cannot be done: a stream has no last row",
                "leave it out, or filter with WHERE or HAVING",
            );
        }
        if !query.locks.is_empty() || query.for_clause.is_some() {
            self.refuse_clause(
                Keyword::FOR,
                Span::empty(),
                "FOR … has no meaning in a stream",
                "leave it out",
            );
        }
        let extras = query.settings.is_some() || query.format_clause.is_some();
        if extras || !query.pipe_operators.is_empty() {
            self.refuse(
                self.tokens.start(),
                "SETTINGS, FORMAT and |> are not supported",
                "write the query as SELECT … FROM … WHERE … GROUP BY … HAVING …",
            );
        }
        self.body(&query.body);
    }

    fn body(&mut self, body: &SetExpr) {
        match body {
            SetExpr::Select(select) => self.select(select),
            SetExpr::Query(_) => {}
            SetExpr::SetOperation {
                op,
                set_quantifier,
                left,
                right,
            } => {
                self.set_operation(*op, *set_quantifier, right);
                self.body(left);
                self.body(right);
            }
            other => self.refuse(
                start(other.span()).unwrap_or(self.tokens.start()),
                "a stream's query is a SELECT",
                "write SELECT … FROM a source or a stream",
            ),
        }
    }

    fn set_operation(&mut self, op: SetOperator, quantifier: SetQuantifier, right: &SetExpr) {
        let by_name = matches!(
            quantifier,
            SetQuantifier::ByName | SetQuantifier::AllByName | SetQuantifier::DistinctByName
        );
        let (keyword, hint) = match op {
            SetOperator::Union if by_name => {
                let hint = "write UNION ALL, with the columns of both sides in the same order";
                (Keyword::UNION, hint)
            }
            SetOperator::Union => return,
            SetOperator::Except => (Keyword::EXCEPT, "write it with WHERE"),
            SetOperator::Intersect => (Keyword::INTERSECT, "write it with WHERE"),
            SetOperator::Minus => (Keyword::MINUS, "write it with WHERE"),
        };
        let by_name = if by_name { " BY NAME" } else { "" };
        let message = format!("{op}{by_name} is not supported");
        self.refuse_clause(keyword, right.span(), &message, hint);
    }

    fn select(&mut self, select: &Select) {
        let place = select.select_token.0.span.start;
        if let Some(Distinct::On(_)) = &select.distinct {
            self.refuse(
                place,
                "DISTINCT ON cannot be done: which row stays depends on their order",
                "use GROUP BY with max or min",
            );
        }
        if let Some(qualify) = &select.qualify {
            self.refuse_clause(
                Keyword::QUALIFY,
                qualify.span(),
                "QUALIFY is not supported",
                "put the query into FROM (…), and filter it with WHERE",
            );
        }
        if !select.named_window.is_empty() {
            self.refuse(
                self.tokens.first(Keyword::WINDOW).unwrap_or(place),
                "WINDOW is not supported",
                "write the window in OVER (…)",
            );
        }
        self.duplicates(&select.projection);
        self.unusual(select, place);
        self.group_by(&select.group_by);
        self.from(&select.from, place);
    }

    fn duplicates(&mut self, items: &[SelectItem]) {
        let mut seen = BTreeSet::new();
        for name in items.iter().filter_map(item_name) {
            if !seen.insert(&name.value) {
                let place = start(name.span).unwrap_or(self.tokens.start());
                self.errors.push(duplicate_column(place, &name.value));
            }
        }
    }

    fn unusual(&mut self, select: &Select, place: Location) {
        let clauses = [
            ("TOP", select.top.is_some()),
            ("INTO", select.into.is_some()),
            ("LATERAL VIEW", !select.lateral_views.is_empty()),
            ("PREWHERE", select.prewhere.is_some()),
            ("CONNECT BY", !select.connect_by.is_empty()),
            ("CLUSTER BY", !select.cluster_by.is_empty()),
            ("DISTRIBUTE BY", !select.distribute_by.is_empty()),
            ("SORT BY", !select.sort_by.is_empty()),
            ("AS VALUE", select.value_table_mode.is_some()),
        ];
        for (name, _) in clauses.iter().filter(|(_, there)| *there) {
            self.refuse(
                place,
                &format!("{name} is not supported"),
                "write the query as SELECT … FROM … WHERE … GROUP BY … HAVING …",
            );
        }
    }

    fn group_by(&mut self, group_by: &GroupByExpr) {
        let (GroupByExpr::All(modifiers) | GroupByExpr::Expressions(_, modifiers)) = group_by;
        if let Some(modifier) = modifiers.first() {
            let place = self
                .tokens
                .first(Keyword::GROUP)
                .unwrap_or(self.tokens.start());
            let message = format!("GROUP BY {modifier} is not supported");
            self.refuse(place, &message, "write a stream for each grouping");
        }
    }

    fn from(&mut self, from: &[TableWithJoins], place: Location) {
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

    fn factor(&mut self, factor: &TableFactor) {
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

    fn expr(&mut self, expr: &Expr) {
        let place = start(expr.span()).unwrap_or(self.tokens.start());
        if let Expr::Identifier(name) = expr {
            self.outline.last_time |= name.value == window::LAST_TIME;
        }
        match expr {
            Expr::Function(function) => self.function(function),
            Expr::Subquery(_) | Expr::InSubquery { .. } | Expr::Exists { .. } => self.refuse(
                place,
                "a subquery in an expression is not supported",
                "a subquery may stand in FROM; for a lookup, JOIN a table",
            ),
            Expr::Rollup(_) | Expr::Cube(_) | Expr::GroupingSets(_) => self.refuse(
                self.tokens.back_to(Keyword::BY, place),
                "ROLLUP, CUBE and GROUPING SETS are not supported",
                "write a stream for each grouping",
            ),
            Expr::Value(value) if matches!(value.value, Value::Placeholder(_)) => self.refuse(
                place,
                "a stream has no parameters",
                "write the value itself",
            ),
            _ => {}
        }
    }

    fn function(&mut self, function: &Function) {
        if self.table_functions.contains(&function.name.span()) {
            return;
        }
        let place = start(function.name.span()).unwrap_or(self.tokens.start());
        let written = function.name.to_string();
        if function.over.is_some() && !self.alone {
            self.errors.extend(over::check(function, place));
            return;
        }
        match functions::lookup(&written) {
            Named::Scalar => {}
            Named::Aggregate if self.alone => self.refuse(
                place,
                &format!("{written} needs a group, and here is one row"),
                "use a stream with GROUP BY",
            ),
            Named::Aggregate => self.ordered_call(function, &written, place),
            Named::Volatile => self.refuse(
                place,
                &format!("{written} gives another value each time, and a replay must give the same rows"),
                "use a column of the record, such as its event time",
            ),
            Named::Ordered => self.refuse(
                place,
                &format!("the result of {written} depends on the order of rows, which a stream does not fix"),
                "use min, max, count or another aggregate that does not",
            ),
            Named::Unknown => self.unknown(&written, place),
        }
    }

    fn unknown(&mut self, written: &str, place: Location) {
        if window::NAMES.contains(&written.to_uppercase().as_str()) {
            let message = format!("{written} is not a function of rows");
            self.refuse(
                place,
                &message,
                "write it in FROM: FROM TUMBLE(table, time column, INTERVAL '…')",
            );
        } else if !written.eq_ignore_ascii_case(window::DESCRIPTOR) {
            let error = SqlError::at(place, format!("there is no function `{written}`"));
            let near = names::nearest(written, functions::names());
            self.errors.push(match near {
                Some(near) => error.hint(format!("did you mean `{near}`?")),
                None => error.hint(
                    "write it with the functions of SQL, such as coalesce, upper, round or date_trunc",
                ),
            });
        }
    }

    /// An aggregate over rows in a given order.
    fn ordered_call(&mut self, function: &Function, written: &str, place: Location) {
        let clauses = match &function.args {
            FunctionArguments::List(list) => list.clauses.as_slice(),
            _ => &[],
        };
        let ordered = clauses
            .iter()
            .any(|clause| !matches!(clause, FunctionArgumentClause::IgnoreOrRespectNulls(_)));
        if ordered || !function.within_group.is_empty() {
            let message = format!("{written} over ordered rows is not supported");
            self.refuse(place, &message, "leave out ORDER BY and WITHIN GROUP");
        }
    }
}

const JOIN: &str = "a join is written with JOIN, LEFT, RIGHT or FULL JOIN, and has a condition";
const JOIN_HINT: &str = "write FROM stream LEFT JOIN table ON stream.column = table.key";

impl Visitor for Walk<'_> {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        self.query(query);
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
        self.factor(factor);
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        self.expr(expr);
        ControlFlow::Continue(())
    }
}

/// Refuses expressions so deep that what walks them could exhaust the stack.
pub(crate) fn check_depth(tree: &impl Visit, tokens: &Tokens) -> Result<(), SqlError> {
    match tree.visit(&mut Depth(0)) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(SqlError::at(
            tokens.start(),
            format!("an expression is nested more than {MAX_DEPTH} deep"),
        )
        .hint("use IN (…) for many alternatives, or several streams")),
    }
}

struct Depth(usize);

impl Visitor for Depth {
    type Break = ();

    fn pre_visit_expr(&mut self, _: &Expr) -> ControlFlow<()> {
        self.0 += 1;
        if self.0 > MAX_DEPTH {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, _: &Expr) -> ControlFlow<()> {
        self.0 -= 1;
        ControlFlow::Continue(())
    }
}

/// A name without dots.
pub(crate) fn simple(name: &ObjectName) -> Option<&Ident> {
    match name.0.as_slice() {
        [part] => part.as_ident(),
        _ => None,
    }
}
