//! The table: made if it is not there, checked if it is.

use arrow::datatypes::{Field, Schema};
use sqlx::sqlite::SqliteConnection;
use sqlx::{Executor, Row};

use super::value::{Affinity, column_type};
use crate::sink::{Mode, SinkError};

/// How the columns of the rows and those of the table meet, and the statements that write them.
#[derive(Debug)]
pub(super) struct Table {
    /// What the table makes of each column's values.
    pub(super) affinities: Vec<Affinity>,
    /// `INSERT … VALUES`, without the values.
    pub(super) insert: String,
    /// What follows the values.
    pub(super) conflict: String,
    /// Deletes the row of a key.
    pub(super) delete: String,
}

/// What there is of a column.
struct Found {
    name: String,
    declared: String,
    required: bool,
}

/// Makes or checks the table, in a transaction that the caller has begun.
pub(super) async fn prepare(
    connection: &mut SqliteConnection,
    name: &str,
    schema: &Schema,
    mode: &Mode,
    create: bool,
) -> Result<Table, SinkError> {
    let key = key_fields(schema, mode)?;
    for field in schema.fields() {
        if column_type(field.data_type()).is_none() {
            return Err(SinkError::Refused(format!(
                "column {:?} has type {}, which a SQLite table cannot hold",
                field.name(),
                field.data_type()
            )));
        }
    }
    let (found, _) = look(connection, name).await?;
    if found.is_empty() {
        if !create {
            return Err(SinkError::Refused(format!(
                "there is no table {name:?}: make it, or set `create: true`"
            )));
        }
        connection
            .execute(create_table(name, schema, &key).as_str())
            .await
            .map_err(|e| SinkError::Refused(format!("table {name:?} cannot be made: {e}")))?;
    } else if create {
        add_columns(connection, name, schema, &found).await?;
    }
    if create && key.iter().any(|field| field.is_nullable()) {
        // Should the rows that are there be ambiguous, the check below says so.
        let _ = connection.execute(create_index(name, &key).as_str()).await;
    }
    let (found, strict) = look(connection, name).await?;
    let table = table(name, schema, &key, &found, strict);
    let mut mismatches = mismatches(schema, &found, strict);
    if mismatches.is_empty()
        && let Err(error) = connection.prepare(&table.statement(1)).await
    {
        mismatches.push(if key.is_empty() {
            error.to_string()
        } else {
            format!(
                "it has no unique index on its key: {}",
                create_index(name, &key)
            )
        });
    }
    if mismatches.is_empty() {
        return Ok(table);
    }
    Err(SinkError::Mismatch {
        table: name.to_owned(),
        mismatches,
    })
}

impl Table {
    /// Writes this many rows.
    pub(super) fn statement(&self, rows: usize) -> String {
        let row = format!("({})", vec!["?"; self.affinities.len()].join(", "));
        let rows = vec![row.as_str(); rows].join(", ");
        format!("{} VALUES {rows}{}", self.insert, self.conflict)
    }
}

fn key_fields<'s>(schema: &'s Schema, mode: &Mode) -> Result<Vec<&'s Field>, SinkError> {
    let key = match mode {
        Mode::Append => return Ok(Vec::new()),
        Mode::Upsert { key } => key,
    };
    let fields: Option<Vec<&Field>> = key
        .iter()
        .map(|i| schema.fields().get(*i).map(AsRef::as_ref))
        .collect();
    match fields {
        Some(fields) if !fields.is_empty() => Ok(fields),
        _ => Err(SinkError::Refused(
            "`mode: Upsert` needs a `primaryKey` of columns that the stream has".to_owned(),
        )),
    }
}

async fn look(
    connection: &mut SqliteConnection,
    name: &str,
) -> Result<(Vec<Found>, bool), SinkError> {
    let rows = sqlx::query(
        "SELECT c.name, c.type, c.\"notnull\" AND c.dflt_value IS NULL AND NOT (c.pk = 1 AND lower(c.type) = 'integer'),
                t.strict
         FROM pragma_table_list AS t, pragma_table_info(t.name) AS c
         WHERE t.schema = 'main' AND t.name = ? ORDER BY c.cid",
    )
    .bind(name)
    .fetch_all(connection)
    .await
    .map_err(|e| super::failed(&e))?;
    let mut found = Vec::new();
    let mut strict = false;
    for row in rows {
        let get = || {
            Ok::<_, sqlx::Error>((
                Found {
                    name: row.try_get(0)?,
                    declared: row.try_get(1)?,
                    required: row.try_get(2)?,
                },
                row.try_get(3)?,
            ))
        };
        let (column, is_strict) = get().map_err(|e| super::failed(&e))?;
        found.push(column);
        strict = is_strict;
    }
    Ok((found, strict))
}

fn mismatches(schema: &Schema, found: &[Found], strict: bool) -> Vec<String> {
    let mut mismatches = Vec::new();
    for field in schema.fields() {
        let (name, data_type) = (field.name(), field.data_type());
        match found.iter().find(|f| f.name.eq_ignore_ascii_case(name)) {
            None => mismatches.push(format!("it has no column {name:?} ({data_type})")),
            Some(column) => {
                let affinity = Affinity::of(&column.declared, strict);
                if !affinity.keeps(data_type, strict) {
                    mismatches.push(format!(
                        "column {name:?} is {}, which does not keep {data_type} as it is ({} does)",
                        column.declared,
                        column_type(data_type).unwrap_or("nothing")
                    ));
                }
            }
        }
    }
    for column in found.iter().filter(|f| f.required) {
        let has = |f: &&std::sync::Arc<Field>| f.name().eq_ignore_ascii_case(&column.name);
        if !schema.fields().iter().any(|f| has(&f)) {
            mismatches.push(format!(
                "column {:?} must not be null, and the stream does not have it",
                column.name
            ));
        }
    }
    mismatches
}

async fn add_columns(
    connection: &mut SqliteConnection,
    name: &str,
    schema: &Schema,
    found: &[Found],
) -> Result<(), SinkError> {
    for field in schema.fields() {
        if found
            .iter()
            .any(|f| f.name.eq_ignore_ascii_case(field.name()))
        {
            continue;
        }
        let add = format!("ALTER TABLE {} ADD COLUMN {}", quoted(name), column(field));
        connection.execute(add.as_str()).await.map_err(|e| {
            SinkError::Refused(format!(
                "column {:?} cannot be added to table {name:?}: {e}",
                field.name()
            ))
        })?;
    }
    Ok(())
}

fn table(name: &str, schema: &Schema, key: &[&Field], found: &[Found], strict: bool) -> Table {
    let columns = schema.fields().iter().map(|f| quoted(f.name()));
    let columns: Vec<_> = columns.collect();
    let affinity = |field: &std::sync::Arc<Field>| {
        let found = found
            .iter()
            .find(|f| f.name.eq_ignore_ascii_case(field.name()));
        found.map_or(Affinity::None, |f| Affinity::of(&f.declared, strict))
    };
    let target: Vec<_> = key
        .iter()
        .map(|f| comparable(&quoted(f.name()), f))
        .collect();
    let set: Vec<_> = schema
        .fields()
        .iter()
        .filter(|f| !key.iter().any(|k| k.name() == f.name()))
        .map(|f| format!("{0} = excluded.{0}", quoted(f.name())))
        .collect();
    let conflict = match (target.is_empty(), set.is_empty()) {
        (true, _) => String::new(),
        (false, true) => format!(" ON CONFLICT ({}) DO NOTHING", target.join(", ")),
        (false, false) => format!(
            " ON CONFLICT ({}) DO UPDATE SET {}",
            target.join(", "),
            set.join(", ")
        ),
    };
    let equal: Vec<_> = key
        .iter()
        .zip(&target)
        .map(|(field, column)| format!("{column} = {}", comparable("?", field)))
        .collect();
    Table {
        affinities: schema.fields().iter().map(affinity).collect(),
        insert: format!("INSERT INTO {} ({})", quoted(name), columns.join(", ")),
        conflict,
        delete: format!("DELETE FROM {} WHERE {}", quoted(name), equal.join(" AND ")),
    }
}

/// A key's column as an expression in which nulls equal each other: they become what no column holds, an empty blob.
fn comparable(expression: &str, field: &Field) -> String {
    if field.is_nullable() {
        format!("ifnull({expression}, x'')")
    } else {
        expression.to_owned()
    }
}

fn create_table(name: &str, schema: &Schema, key: &[&Field]) -> String {
    let mut parts: Vec<_> = schema.fields().iter().map(|f| column(f)).collect();
    if !key.is_empty() && !key.iter().any(|field| field.is_nullable()) {
        let key: Vec<_> = key.iter().map(|f| quoted(f.name())).collect();
        parts.push(format!("PRIMARY KEY ({})", key.join(", ")));
    }
    format!(
        "CREATE TABLE {} ({}) STRICT",
        quoted(name),
        parts.join(", ")
    )
}

fn create_index(name: &str, key: &[&Field]) -> String {
    let columns = key.iter().map(|f| comparable(&quoted(f.name()), f));
    let columns: Vec<_> = columns.collect();
    format!(
        "CREATE UNIQUE INDEX IF NOT EXISTS {} ON {} ({})",
        quoted(&format!("{name} key")),
        quoted(name),
        columns.join(", ")
    )
}

fn column(field: &Field) -> String {
    let declared = column_type(field.data_type()).unwrap_or("ANY");
    format!("{} {declared}", quoted(field.name()))
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
