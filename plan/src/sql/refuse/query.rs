//! Queries and SELECTs: their clauses, but for what is in FROM.

use std::collections::BTreeSet;

use datafusion_sql::sqlparser::ast::{
    Distinct, GroupByExpr, Query, Select, SelectItem, SetExpr, SetOperator, SetQuantifier, Spanned,
};
use datafusion_sql::sqlparser::keywords::Keyword;
use datafusion_sql::sqlparser::tokenizer::{Location, Span};

use super::Walk;
use crate::sql::error::{duplicate_column, start};
use crate::sql::parse::item_name;

impl Walk<'_> {
    pub(super) fn query(&mut self, query: &Query) {
        self.with(query);
        self.order_and_limit(query);
        self.additions(query);
        self.body(&query.body);
    }

    fn with(&mut self, query: &Query) {
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
    }

    /// What asks for the first or the last of all rows.
    fn order_and_limit(&mut self, query: &Query) {
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
    }

    /// What some databases have beyond SQL.
    fn additions(&mut self, query: &Query) {
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
}
