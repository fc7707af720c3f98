//! How much a query reads once its WITH queries are put where they are read: that doubles with each that is read twice.

use std::collections::BTreeMap;

use datafusion_sql::sqlparser::ast::{Expr, Query, SetExpr, TableFactor, TableWithJoins};

use super::refuse::simple;
use super::window;

/// How often each WITH query reads something.
type Known = BTreeMap<String, usize>;

/// How often a query reads something.
pub(crate) fn reads(query: &Query) -> usize {
    of_query(query, &Known::new())
}

fn of_query(query: &Query, known: &Known) -> usize {
    let mut known = known.clone();
    for cte in query.with.iter().flat_map(|with| &with.cte_tables) {
        let reads = of_query(&cte.query, &known);
        known.insert(cte.alias.name.value.clone(), reads);
    }
    of_body(&query.body, &known)
}

fn of_body(body: &SetExpr, known: &Known) -> usize {
    match body {
        SetExpr::Select(select) => sum(select.from.iter().map(|from| of_joined(from, known))),
        SetExpr::Query(query) => of_query(query, known),
        SetExpr::SetOperation { left, right, .. } => {
            of_body(left, known).saturating_add(of_body(right, known))
        }
        _ => 0,
    }
}

fn of_joined(from: &TableWithJoins, known: &Known) -> usize {
    let joined = from.joins.iter().map(|join| &join.relation);
    sum([&from.relation]
        .into_iter()
        .chain(joined)
        .map(|factor| of_factor(factor, known)))
}

fn of_factor(factor: &TableFactor, known: &Known) -> usize {
    let of_name = |name: &str| known.get(name).copied().unwrap_or(1);
    if let Some((_, arguments)) = window::call(factor) {
        return match arguments.first() {
            Some(Expr::Identifier(table)) => of_name(&table.value),
            _ => 1,
        };
    }
    match factor {
        TableFactor::Table { name, .. } => simple(name).map_or(1, |name| of_name(&name.value)),
        TableFactor::Derived { subquery, .. } => of_query(subquery, known),
        TableFactor::NestedJoin {
            table_with_joins, ..
        } => of_joined(table_with_joins, known),
        _ => 1,
    }
}

fn sum(counts: impl Iterator<Item = usize>) -> usize {
    counts.fold(0, usize::saturating_add)
}
