//! A piece of SQL in a field of a rule, such as `count(*) >= :min_count`, with the values of its parameters in their places.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use datafusion_sql::sqlparser::ast::{Expr, UnaryOperator, Value, VisitMut, VisitorMut};
use datafusion_sql::sqlparser::tokenizer::Span;
use tidemill_crds::alert_rule::ParameterValue;

use crate::names;
use crate::sql::error::{START, SqlError, start};
use crate::sql::parse::Tokens;
use crate::sql::refuse;

/// An expression as it was written.
#[derive(Debug, Clone)]
pub(super) struct Fragment {
    pub(super) expr: Expr,
    pub(super) tokens: Tokens,
}

impl Fragment {
    /// Reads an expression and puts parameters in.
    pub(super) fn read(text: &str, parameters: &mut Parameters<'_>) -> Result<Self, Vec<SqlError>> {
        if text.trim().is_empty() {
            let error = SqlError::at(START, "there is no SQL");
            return Err(vec![error.hint("write an expression, such as amount")]);
        }
        let tokens = Tokens::read(text).map_err(|e| vec![e])?;
        let mut expr = tokens.expression().map_err(|e| vec![e])?;
        refuse::check_depth(&expr, &tokens).map_err(|e| vec![e])?;
        parameters.put_into(&mut expr)?;
        Ok(Self { expr, tokens })
    }
}

/// The values of a rule's parameters, and which of them it has used.
#[derive(Debug)]
pub(super) struct Parameters<'a> {
    values: &'a BTreeMap<String, ParameterValue>,
    used: BTreeSet<String>,
    errors: Vec<SqlError>,
}

impl<'a> Parameters<'a> {
    pub(super) fn new(values: &'a BTreeMap<String, ParameterValue>) -> Self {
        Self {
            values,
            used: BTreeSet::new(),
            errors: Vec::new(),
        }
    }

    /// The parameters that no fragment has named.
    pub(super) fn unused(&self) -> impl Iterator<Item = &'a str> + '_ {
        let names = self.values.keys().map(String::as_str);
        names.filter(|name| !self.used.contains(*name))
    }

    fn put_into(&mut self, expr: &mut Expr) -> Result<(), Vec<SqlError>> {
        let _: ControlFlow<()> = expr.visit(self);
        match self.errors.is_empty() {
            true => Ok(()),
            false => Err(std::mem::take(&mut self.errors)),
        }
    }

    fn value(&mut self, written: &str, span: Span) -> Option<Expr> {
        let place = start(span).unwrap_or(START);
        let Some(name) = written.strip_prefix(':') else {
            let error = SqlError::at(place, format!("`{written}` stands for nothing"));
            let hint = "name a parameter, such as :min_count";
            self.errors.push(error.hint(hint));
            return None;
        };
        match self.values.get(name) {
            Some(value) => {
                self.used.insert(name.to_owned());
                Some(literal(value, span))
            }
            None => {
                let known = self.values.keys().map(String::as_str);
                let hint = names::hint(name, known);
                let hint = hint.unwrap_or_else(|| format!("add {name} to spec.parameters"));
                let error = SqlError::at(place, format!("there is no parameter `{name}`"));
                self.errors.push(error.hint(hint));
                None
            }
        }
    }
}

impl VisitorMut for Parameters<'_> {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Expr::Value(found) = expr
            && let Value::Placeholder(written) = &found.value
            && let Some(value) = self.value(&written.clone(), found.span)
        {
            *expr = value;
        }
        ControlFlow::Continue(())
    }
}

/// A value as SQL has it. A negative number is an operator and a number there.
fn literal(value: &ParameterValue, span: Span) -> Expr {
    let of = |value: Value| Expr::Value(value.with_span(span));
    let number = |text: String| match text.strip_prefix('-') {
        Some(positive) => Expr::Nested(Box::new(Expr::UnaryOp {
            op: UnaryOperator::Minus,
            expr: Box::new(of(Value::Number(positive.to_owned(), false))),
        })),
        None => of(Value::Number(text, false)),
    };
    match value {
        ParameterValue::Boolean(value) => of(Value::Boolean(*value)),
        ParameterValue::Integer(value) => number(value.to_string()),
        ParameterValue::Number(value) => number(value.to_string()),
        ParameterValue::String(text) => of(Value::SingleQuotedString(text.clone())),
    }
}
