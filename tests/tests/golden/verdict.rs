//! Whether what came out is what was expected.

use std::collections::BTreeMap;
use std::fmt::Write;

use arrow::datatypes::DataType;
use tidemill_engine::effects::Rows;
use tidemill_engine::record::DeadLetter;
use tidemill_plan::model::{Changes, Input, Plan};

use crate::case::{Case, Fate};
use crate::cells;
use crate::runs::Logged;
use crate::table::Table;
use crate::world::World;

/// More rows than this of a difference help nobody.
const SHOWN: usize = 12;

/// Holds a stream's rows against a table.
pub(crate) fn rows(plan: &Plan, rows: &[Rows], stream: &str, table: &Table) -> Result<(), String> {
    let index = plan.streams.iter().position(|s| s.name == stream).unwrap();
    let planned = &plan.streams[index];
    let fields = planned.schema.fields();
    let names: Vec<String> = fields.iter().map(|f| f.name().clone()).collect();
    if !table.rows.is_empty() && table.names != names {
        return Err(format!(
            "has the columns {names:?}, and expected are {:?}",
            table.names
        ));
    }
    let kinds: Vec<&DataType> = fields.iter().map(|f| f.data_type()).collect();
    let expected = table.rows.iter().map(|row| {
        let cells = row.iter().zip(&kinds);
        cells
            .map(|(cell, kind)| cells::expected(cell, kind))
            .collect()
    });
    let found = held(rows, index, &planned.changes)?;
    difference(&names, expected.collect(), found)
}

/// What is left of a stream's rows, after those that replace or delete others.
fn held(rows: &[Rows], stream: usize, changes: &Changes) -> Result<Vec<Vec<String>>, String> {
    let mut added = Vec::new();
    let mut table: BTreeMap<Vec<String>, Vec<String>> = BTreeMap::new();
    for rows in rows.iter().filter(|r| r.from == Input::Stream(stream)) {
        for row in 0..rows.batch.num_rows() {
            let columns = rows.batch.columns().iter();
            let cells: Vec<String> = columns.map(|c| cells::found(c.as_ref(), row)).collect();
            let deleted = rows.deleted.as_ref().is_some_and(|d| d.value(row));
            match changes {
                Changes::Append if deleted => return Err(format!("takes a row away: {cells:?}")),
                Changes::Append => added.push(cells),
                Changes::Upsert { key } => {
                    let key = key.iter().map(|&k| cells[k].clone()).collect();
                    if deleted {
                        table.remove(&key);
                    } else {
                        table.insert(key, cells);
                    }
                }
            }
        }
    }
    added.extend(table.into_values());
    Ok(added)
}

/// Holds the dead letters against those of the case.
pub(crate) fn dead_letters(case: &Case, logged: &Logged<'_>, world: &World) -> Result<(), String> {
    let mut expected = case
        .dead_letters
        .iter()
        .map(|row| row.to_vec())
        .collect::<Vec<_>>();
    let mut dropped = 0;
    for (&(source, partition, offset), record) in logged {
        for fate in &record.fates {
            match fate.reason.as_str() {
                Fate::DROPPED => dropped += 1,
                Fate::ABSENT => {}
                reason => expected.push(vec![
                    fate.stream.clone(),
                    reason.to_owned(),
                    place(&case.sources[source].name, partition, offset as i64),
                ]),
            }
        }
    }
    let is_source = |name: &str| case.sources.iter().any(|s| s.name == name);
    let found = world
        .dead
        .iter()
        .map(|letter| told(letter, is_source(&letter.topic)));
    let names = ["stream", "reason", "record or row"].map(str::to_owned);
    difference(&names, expected, found.collect()).map_err(|d| {
        let messages = world.dead.iter().map(|l| format!("  {}\n", l.message));
        format!("dead letters {d}they say\n{}", messages.collect::<String>())
    })?;
    if dropped != world.dropped {
        return Err(format!(
            "{dropped} late records expected to be dropped, {} were",
            world.dropped
        ));
    }
    Ok(())
}

/// A dead letter by the record it is about, or by the row where there is none.
fn told(letter: &DeadLetter, is_source: bool) -> Vec<String> {
    let about = if is_source && letter.offset >= 0 {
        place(&letter.topic, letter.partition as usize, letter.offset)
    } else {
        let value = letter.value.clone().unwrap_or_default();
        String::from_utf8(value).unwrap()
    };
    let stream = letter.stream.clone().unwrap_or_default();
    vec![stream, letter.reason.as_str().to_owned(), about]
}

fn place(source: &str, partition: usize, offset: i64) -> String {
    format!("{source}, partition {partition}, record {}", offset + 1)
}

/// What is missing, and what is too much.
fn difference(
    names: &[String],
    mut expected: Vec<Vec<String>>,
    mut found: Vec<Vec<String>>,
) -> Result<(), String> {
    let counts = (expected.len(), found.len());
    found.retain(|row| match expected.iter().position(|e| e == row) {
        Some(i) => {
            expected.swap_remove(i);
            false
        }
        None => true,
    });
    if expected.is_empty() && found.is_empty() {
        return Ok(());
    }
    expected.sort();
    found.sort();
    let mut text = format!("differs: {} rows expected, {} found\n", counts.0, counts.1);
    let missing = expected.iter().map(|row| ("missing  ", row));
    let extra = found.iter().map(|row| ("too many ", row));
    writeln!(text, "           | {} |", names.join(" | ")).unwrap();
    for (what, row) in missing.take(SHOWN).chain(extra.take(SHOWN)) {
        writeln!(text, "  {what}| {} |", row.join(" | ")).unwrap();
    }
    Err(text)
}
