//! What holds where other things than the records have a say in which of them are late: none is lost or counted twice.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::written::{header, number, parse, show};
use super::{Check, rough};
use crate::grammar::{Body, Kind, Order, Over, What};
use crate::log::Log;
use crate::oracle::{Input, Rough, Row, Truth};
use crate::world::World;

impl Check<'_> {
    /// Looks at the streams for which the oracle has no exact answer.
    pub(super) fn conserved(
        &self,
        world: &World,
        log: &Log,
        input: &Input,
        truth: &Truth,
    ) -> Result<(), String> {
        for (stream, shape) in self.shape().streams.iter().enumerate() {
            if rough(truth, stream) == Rough::default() {
                continue;
            }
            let read = Read::of(self, shape.over, input);
            let rows = || self.left(stream, self.written(world, log, stream)?);
            let late = || self.late(log, stream);
            match shape.what {
                What::Window {
                    drops: false,
                    kind: Kind::Tumble(_) | Kind::Session(_),
                    ..
                } => counted(&read, &rows()?, &late()?),
                What::Ordered { key, order, drops } => {
                    ordered(&read, &rows()?, &late()?, key, order, drops)
                }
                What::Pairs { .. } => pairs(&read, &rows()?, &late()?, shape.what),
                _ => Ok(()),
            }
            .map_err(|what| format!("stream_{stream}: {what}"))?;
        }
        Ok(())
    }

    /// The dead letters of a stream: records of its source, and then rows of its own, which do not tell as much.
    fn late(&self, log: &Log, stream: usize) -> Result<Vec<Row>, String> {
        let name = format!("stream_{stream}");
        let letters = self.dead(log).into_iter();
        let letters =
            letters.filter(|letter| header(letter, "tidemill.stream").as_deref() == Some(&name));
        let mut rows = letters
            .map(|letter| parse(letter.value.as_deref().unwrap_or_default()))
            .collect::<Result<Vec<Row>, String>>()?;
        rows.sort_by_key(|row| Reverse(row.len()));
        Ok(rows)
    }
}

/// A row that a stream has read.
struct Asked<'a> {
    k: &'a str,
    g: &'a str,
    v: i64,
    ts: i64,
}

impl Asked<'_> {
    /// Whether a row is of it: a dead letter of a shard has only the columns that its stream needs.
    fn may_be(&self, row: &Row) -> bool {
        let is = |column: &str, value: &str| row.get(column).is_none_or(|found| found == value);
        is("k", self.k) && is("g", self.g) && is("v", &self.v.to_string())
    }

    fn is_lost(&self) -> String {
        format!("k={} g={} v={} is lost", self.k, self.g, self.v)
    }

    fn key(&self, column: &str) -> &str {
        if column == "k" { self.k } else { self.g }
    }
}

/// All rows that a stream has read.
struct Read<'a>(Vec<Asked<'a>>);

impl<'a> Read<'a> {
    fn of(check: &Check<'_>, over: Over, input: &'a Input) -> Self {
        let is_filtered = matches!(over, Over::Stream(_));
        let bodies = input.get(check.shape().root(over)).into_iter();
        let asked = |body: &'a Body| match body {
            Body::Row { k, g, v, ts } if *v >= 0 && (!is_filtered || v % 3 != 0) => Some(Asked {
                k,
                g,
                v: *v,
                ts: *ts,
            }),
            _ => None,
        };
        Self(bodies.flatten().flatten().filter_map(asked).collect())
    }
}

/// Takes the record out that a row is of.
fn take(left: &mut Vec<&Asked<'_>>, row: &Row) -> Result<(), String> {
    match left.iter().position(|asked| asked.may_be(row)) {
        Some(place) => {
            left.remove(place);
            Ok(())
        }
        None => Err(format!("{} should not be there, or not again", show(row))),
    }
}

/// Each record is in one window's row, or it is a dead letter. A partial aggregate's stands for as many as it counts.
fn counted(read: &Read<'_>, rows: &[Row], late: &[Row]) -> Result<(), String> {
    let all = read.0.len() as i128;
    let counted: i128 = rows.iter().map(|row| number(row, "n")).sum();
    let mut letters = 0;
    for row in late {
        letters += match (row.contains_key("n"), row.contains_key("v")) {
            (true, _) => number(row, "n"),
            (false, true) => 1,
            (false, false) => return Err(format!("a dead letter of {}", show(row))),
        };
    }
    if counted + letters == all {
        return Ok(());
    }
    Err(format!(
        "of {all} records {counted} are in windows and {letters} were late"
    ))
}

/// Each record has given one row, or it is a dead letter; of windows by count, all but the last of a key are full; and
/// the first of a window are records.
fn ordered(
    read: &Read<'_>,
    rows: &[Row],
    late: &[Row],
    key: &str,
    order: Order,
    drops: bool,
) -> Result<(), String> {
    if let Order::Counted(size) = order {
        return full(read, rows, late, key, size, drops);
    }
    let mut left = read.0.iter().collect();
    for row in rows {
        take(&mut left, row)?;
    }
    for row in late {
        take(&mut left, row)?;
    }
    match left.first() {
        Some(lost) if !drops && !matches!(order, Order::First(_)) => Err(lost.is_lost()),
        _ => Ok(()),
    }
}

fn full(
    read: &Read<'_>,
    rows: &[Row],
    late: &[Row],
    key: &str,
    size: usize,
    drops: bool,
) -> Result<(), String> {
    let mut left: BTreeMap<&str, i128> = BTreeMap::new();
    for asked in &read.0 {
        *left.entry(asked.key(key)).or_default() += 1;
    }
    let mut take = |row: &Row, times: i128| {
        if let Some(left) = row.get(key).and_then(|of| left.get_mut(of.as_str())) {
            *left -= times;
        }
    };
    for row in rows {
        if number(row, "n") != size as i128 {
            return Err(format!("a window of other than {size} rows: {}", show(row)));
        }
        take(row, size as i128);
    }
    late.iter().for_each(|row| take(row, 1));
    let odd = |(_, left): &(&&str, &i128)| **left < 0 || (**left >= size as i128 && !drops);
    match left.iter().find(odd) {
        Some((of, left)) => Err(format!(
            "{left} rows of {of} are left, of windows of {size}"
        )),
        None => Ok(()),
    }
}

/// Each pair is one of two records that belong together, once; a row by itself is a record; and each record has given a row
/// by itself or in pairs, if they may be alone, or is a dead letter.
fn pairs(read: &Read<'_>, rows: &[Row], late: &[Row], what: What) -> Result<(), String> {
    let What::Pairs {
        key,
        earliest,
        latest,
        alone,
        drops,
    } = what
    else {
        return Ok(());
    };
    let row_of = |asked: &Asked<'_>, w: i64| {
        let columns = [("v", asked.v), ("ts", asked.ts), ("w", w)];
        let columns = columns.map(|(name, n)| (name.to_owned(), n.to_string()));
        let mut row = Row::from(columns);
        row.insert(key.to_owned(), asked.key(key).to_owned());
        row
    };
    let mut possible: BTreeMap<Row, i64> = BTreeMap::new();
    for asked in &read.0 {
        let belongs = |other: &&Asked<'_>| {
            let near = (earliest * 1_000..=latest * 1_000).contains(&(other.ts - asked.ts));
            near && other.key(key) == asked.key(key) && other.v < asked.v
        };
        let others = read.0.iter().filter(belongs).map(|other| other.v);
        for w in others.chain(alone.then_some(-1)) {
            *possible.entry(row_of(asked, w)).or_default() += 1;
        }
    }
    for row in rows {
        let left = possible.entry(row.clone()).or_default();
        *left -= 1;
        if *left < 0 {
            return Err(format!("{} should not be there, or not again", show(row)));
        }
    }
    let same = |row: &Row, asked: &Asked<'_>| {
        let mine = row_of(asked, 0);
        ["v", "ts", key]
            .iter()
            .all(|column| row.get(*column) == mine.get(*column))
    };
    let is_lost = |asked: &&Asked<'_>| {
        let is_late = late.iter().any(|letter| asked.may_be(letter));
        !is_late && !rows.iter().any(|row| same(row, asked))
    };
    match read.0.iter().find(is_lost) {
        Some(lost) if alone && !drops => Err(lost.is_lost()),
        _ => Ok(()),
    }
}
