//! What an AlertRule asks, from the texts of its fields.
//!
//! Each text is parsed by itself, so that an error says where in it something is wrong. Calls such as `count(*)` are taken
//! out: a query that is made of the rule's window and key ([`Group`]) has a column for each, and the texts are planned over
//! its rows. So rules with the same window and key share one query, and with it its state.

mod calls;
mod fragment;
mod group;
mod template;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::{DataType, Schema, SchemaRef};
use datafusion_sql::sqlparser::tokenizer::Location;
use tidemill_crds::alert_rule::AlertRuleSpec;

use self::calls::Call;
use self::fragment::{Fragment, Parameters};
pub(crate) use self::group::{COUNT, FRESH, Group, Suppressed, Together, either};
use self::template::{Piece, moved};
use super::check::plan_expr;
use super::error::{START, SqlError};
use super::output;
use super::{Parsed, Query, Relation};
use crate::model::{EDITION, ExprRef, MessagePart, RECORD};
use crate::names;

/// A field of a rule in which something is wrong.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    /// Its condition.
    When,
    /// What its alerts say.
    Message,
    /// A column of its alerts.
    Select(String),
    /// The columns by which rows belong together.
    PartitionBy(usize),
    /// Its window.
    Window,
    /// For how long an alert holds others back.
    SuppressFor,
    /// A parameter.
    Parameter(String),
}

/// What is wrong with a rule, and in which field.
pub(crate) type Wrong = Vec<(Part, SqlError)>;

/// A rule whose texts have been read.
#[derive(Debug, Clone)]
pub(crate) struct RuleDraft {
    /// The rows that it judges together, if it judges any together.
    pub(crate) group: Option<Group>,
    /// Those of them for which it fires, if an alert holds others back.
    pub(crate) suppressed: Option<Suppressed>,
    when: Field,
    message: Vec<Piece<Field>>,
    select: Vec<(String, Field)>,
}

/// An expression in a field of a rule.
#[derive(Debug, Clone)]
struct Field {
    part: Part,
    fragment: Fragment,
    calls: Vec<Call>,
    /// Where in the field it begins.
    begin: Location,
}

/// What a rule asks of rows, planned over them.
#[derive(Debug)]
pub(crate) struct Asked {
    /// Whether it fires.
    pub(crate) when: ExprRef,
    /// What it says then.
    pub(crate) message: Vec<MessagePart>,
    /// The columns that its alerts have besides.
    pub(crate) details: Vec<(String, ExprRef)>,
}

impl Field {
    fn new(part: Part, mut fragment: Fragment, begin: Location) -> Result<Self, Wrong> {
        match calls::take(&mut fragment.expr) {
            Ok(calls) => Ok(Self {
                part,
                fragment,
                calls,
                begin,
            }),
            Err(errors) => Err(in_part(&part, begin, errors)),
        }
    }

    fn wrong(&self, errors: Vec<SqlError>) -> Wrong {
        in_part(&self.part, self.begin, errors)
    }

    fn planned(&self, schema: &SchemaRef) -> Result<(ExprRef, DataType), Wrong> {
        let Fragment { expr, tokens } = &self.fragment;
        plan_expr(expr.clone(), tokens, schema).map_err(|errors| self.wrong(errors))
    }

    /// An expression whose value can be kept.
    fn value(&self, schema: &SchemaRef) -> Result<ExprRef, Wrong> {
        let (expr, data_type) = self.planned(schema)?;
        match output::storable(&data_type) {
            Some(_) => Ok(expr),
            None => {
                let message = format!("this gives {}", output::name(&data_type));
                let error = SqlError::at(self.fragment.tokens.start(), message);
                Err(self.wrong(vec![error.hint(output::hint(&data_type))]))
            }
        }
    }
}

fn in_part(part: &Part, begin: Location, errors: Vec<SqlError>) -> Wrong {
    let moved = errors.into_iter().map(|error| moved(error, begin));
    moved.map(|error| (part.clone(), error)).collect()
}

impl RuleDraft {
    /// Reads a rule that watches the rows of a relation.
    ///
    /// # Errors
    /// All that can be told before anything is planned.
    pub(crate) fn read(name: &str, spec: &AlertRuleSpec, of: &Relation) -> Result<Self, Wrong> {
        let mut parameters = Parameters::new(&spec.parameters);
        let mut wrong = Wrong::new();
        let when = read_field(Part::When, &spec.when, &mut parameters, &mut wrong);
        let default = format!("{name}: {}", spec.when);
        let message = match &spec.message {
            Some(text) => read_message(text, &mut parameters, &mut wrong),
            None => vec![Piece::Text(default)],
        };
        let mut select = Vec::with_capacity(spec.select.len());
        for (column, text) in &spec.select {
            let part = Part::Select(column.clone());
            let field = read_field(part, text, &mut parameters, &mut wrong);
            select.extend(field.map(|field| (column.clone(), field)));
        }
        for unused in parameters.unused() {
            let error = SqlError::at(START, format!("no SQL of the rule names `:{unused}`"));
            let hint = "name it in when, message or select, or leave it out";
            wrong.push((Part::Parameter(unused.to_owned()), error.hint(hint)));
        }
        let Some(when) = when else {
            return Err(wrong);
        };
        let condition = when.fragment.expr.to_string();
        let group = group_of(name, spec, of, &condition, &mut wrong);
        let draft = Self {
            group,
            suppressed: spec.suppress_for.map(|span| Suppressed {
                when: condition,
                span,
            }),
            when,
            message,
            select,
        };
        if spec.window.is_none() {
            for field in draft.fields() {
                wrong.extend(field.wrong(field.calls.iter().map(without_window).collect()));
            }
        }
        match wrong.is_empty() {
            true => Ok(draft),
            false => Err(wrong),
        }
    }

    fn fields(&self) -> impl Iterator<Item = &Field> {
        let message = self.message.iter().filter_map(|piece| match piece {
            Piece::Text(_) => None,
            Piece::Value(field) => Some(field),
        });
        let select = self.select.iter().map(|(_, field)| field);
        std::iter::once(&self.when).chain(message).chain(select)
    }

    /// What it asks of all rows of its window.
    pub(crate) fn calls(&self) -> BTreeSet<&str> {
        let calls = self.fields().flat_map(|field| &field.calls);
        calls.map(|call| call.text.as_str()).collect()
    }

    /// The query whose rows it judges, if it makes no calls but its own; none if it judges those of the relation.
    ///
    /// # Errors
    /// The first call that cannot be made, or why there can be no such rows at all.
    pub(crate) fn query(&self, of: &Relation) -> Result<Option<Vec<Query>>, Wrong> {
        let Some(group) = &self.group else {
            return Ok(None);
        };
        match plan(group, &self.calls(), of) {
            Ok(parts) => Ok(Some(parts)),
            Err(errors) => Err(self.blame(group, of, errors)),
        }
    }

    /// The calls that cannot be made by themselves; if each can, it is the window.
    fn blame(&self, group: &Group, of: &Relation, errors: Vec<SqlError>) -> Wrong {
        let mut wrong = Wrong::new();
        for field in self.fields() {
            for call in &field.calls {
                let alone = plan(group, &BTreeSet::from([call.text.as_str()]), of);
                let Err(errors) = alone else { continue };
                let here = |error: SqlError| SqlError {
                    line: call.place.line,
                    column: call.place.column,
                    ..error
                };
                wrong.extend(field.wrong(errors.into_iter().take(1).map(here).collect()));
            }
        }
        if wrong.is_empty() {
            wrong = in_part(&Part::Window, START, errors);
        }
        wrong
    }

    /// Plans what it asks over the rows that it judges.
    ///
    /// # Errors
    /// What of its texts cannot be asked of them.
    pub(crate) fn asked(&self, schema: &SchemaRef, of: &Relation) -> Result<Asked, Wrong> {
        let mut wrong = Wrong::new();
        let mut keep = |result: Result<ExprRef, Wrong>| match result {
            Ok(expr) => Some(expr),
            Err(errors) => {
                wrong.extend(errors);
                None
            }
        };
        let when = keep(self.condition(schema));
        let message = self.message.iter().filter_map(|piece| match piece {
            Piece::Text(text) => Some(MessagePart::Text(text.clone())),
            Piece::Value(field) => keep(field.value(schema)).map(MessagePart::Value),
        });
        let message: Vec<MessagePart> = message.collect();
        let details = self
            .select
            .iter()
            .filter_map(|(name, field)| Some((name.clone(), keep(field.value(schema))?)));
        let details: Vec<(String, ExprRef)> = details.collect();
        match when {
            Some(when) if wrong.is_empty() => Ok(Asked {
                when,
                message,
                details,
            }),
            _ => Err(explained(wrong, schema, of)),
        }
    }

    /// Plans its condition alone.
    pub(crate) fn condition(&self, schema: &SchemaRef) -> Result<ExprRef, Wrong> {
        let (expr, data_type) = self.when.planned(schema)?;
        match data_type {
            DataType::Boolean => Ok(expr),
            other => {
                let given = super::types_as_written(&other.to_string());
                let message = format!("the condition is none: it gives {given}");
                let error = SqlError::at(self.when.fragment.tokens.start(), message);
                Err(self
                    .when
                    .wrong(vec![error.hint("write a comparison, such as count(*) > 5")]))
            }
        }
    }
}

/// Plans the rows of a group with a column for each of these calls.
fn plan(group: &Group, calls: &BTreeSet<&str>, of: &Relation) -> Result<Vec<Query>, Vec<SqlError>> {
    let mut of = of.clone();
    of.name = group.reads();
    of.schema = with_field(&of.schema, EDITION, DataType::Int64);
    if !group.is_at_rows() {
        of.schema = with_field(&of.schema, RECORD, DataType::Utf8);
    }
    Parsed::parse(&group.sql(calls))?.plan(&[of])
}

/// Columns with one more behind them.
pub(crate) fn with_field(schema: &SchemaRef, name: &str, data_type: DataType) -> SchemaRef {
    let field = arrow::datatypes::Field::new(name, data_type, false);
    let fields = schema.fields().iter().cloned();
    Arc::new(Schema::new(
        fields.chain([Arc::new(field)]).collect::<Vec<_>>(),
    ))
}

fn read_field(
    part: Part,
    text: &str,
    parameters: &mut Parameters<'_>,
    wrong: &mut Wrong,
) -> Option<Field> {
    let fragment = Fragment::read(text, parameters);
    let fragment = fragment.map_err(|errors| in_part(&part, START, errors));
    let field = fragment.and_then(|fragment| Field::new(part, fragment, START));
    field.map_err(|errors| wrong.extend(errors)).ok()
}

fn read_message(
    text: &str,
    parameters: &mut Parameters<'_>,
    wrong: &mut Wrong,
) -> Vec<Piece<Field>> {
    let pieces = template::read(text, parameters);
    let pieces = pieces.map_err(|errors| wrong.extend(in_part(&Part::Message, START, errors)));
    let field = |piece| match piece {
        Piece::Text(text) => Some(Piece::Text(text)),
        Piece::Value((fragment, begin)) => {
            let field = Field::new(Part::Message, fragment, begin);
            let field = field.map_err(|errors| wrong.extend(errors));
            field.ok().map(Piece::Value)
        }
    };
    pieces
        .unwrap_or_default()
        .into_iter()
        .filter_map(field)
        .collect()
}

/// The rows that a rule judges together: those of its window, or of any time, if an alert holds others back.
fn group_of(
    name: &str,
    spec: &AlertRuleSpec,
    of: &Relation,
    when: &str,
    wrong: &mut Wrong,
) -> Option<Group> {
    let window = spec.window.as_ref().and_then(|window| window.kind());
    let (together, part) = match (window, spec.suppress_for) {
        (Some(window), _) => (Together::Window(window), Part::Window),
        (None, Some(_)) => {
            let (rule, when) = (name.to_owned(), when.to_owned());
            (Together::Alone { rule, when }, Part::SuppressFor)
        }
        (None, None) => return None,
    };
    for (i, key) in spec.partition_by.iter().enumerate() {
        let columns = of.schema.fields().iter().map(|field| field.name().as_str());
        if of.schema.column_with_name(key).is_none() {
            let error = SqlError::at(START, format!("`{}` has no column `{key}`", of.name));
            let hint = names::hint(key, columns);
            wrong.push((Part::PartitionBy(i), SqlError { hint, ..error }));
        }
    }
    let time = of.event_time.and_then(|time| of.schema.fields().get(time));
    let Some(time) = time else {
        let message = format!("this is told by the event time, and `{}` has none", of.name);
        let error = SqlError::at(START, message);
        wrong.push((part, error.hint("give its source an eventTime")));
        return None;
    };
    Some(Group {
        stream: of.name.clone(),
        time: time.name().clone(),
        of: together,
        keys: spec.partition_by.clone(),
    })
}

fn without_window(call: &Call) -> SqlError {
    let message = format!(
        "{} is over the rows of a window, and the rule has none",
        call.text
    );
    let error = SqlError::at(call.place, message);
    error.hint("give it one, such as window: {sliding: 1m}")
}

/// Says of a column that the stream has, and the rows that are judged have not, why that is.
fn explained(wrong: Wrong, schema: &SchemaRef, of: &Relation) -> Wrong {
    let is_lost = |name: &str| {
        of.schema.column_with_name(name).is_some() && schema.column_with_name(name).is_none()
    };
    let explain = |(part, error): (Part, SqlError)| {
        let name = error.message.strip_prefix("there is no column `");
        let name = name.and_then(|rest| rest.strip_suffix('`'));
        let Some(name) = name.filter(|name| is_lost(name)) else {
            return (part, error);
        };
        let message = format!("`{name}` has many values in a window");
        let hint = format!("ask for one, such as max({name}), or add it to partitionBy");
        let hint = Some(hint);
        (
            part,
            SqlError {
                message,
                hint,
                ..error
            },
        )
    };
    wrong.into_iter().map(explain).collect()
}
