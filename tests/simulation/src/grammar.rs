//! The pipelines that are tried: a small grammar of plans, and records for them, drawn by a seed.
//!
//! A new kind of stream needs a variant of [`What`] with its SQL here, and what it means in [`crate::oracle`].

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex};

use serde_json::{Value, json};
use tidemill_crds::{Pipeline, Sink};
use tidemill_plan::model::{Exchange, Plan};

use crate::log::{MS, Time};
use crate::random::Random;
use crate::world::own;

/// How many different pipelines there are.
const SHAPES: u64 = 240;

/// The table that streams are joined with, and how many partitions it has.
pub(crate) const TABLE: &str = "known";
pub(crate) const TABLE_PARTITIONS: u32 = 2;

/// Event time of the first records, in milliseconds: aligned to all windows.
pub(crate) const BEGIN: i64 = 1_700_000_040_000;

/// A source.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct SourceShape {
    pub(crate) partitions: u32,
    /// Seconds by which records may be out of order.
    pub(crate) disorder: i64,
    /// Records with the same `k` are in one partition, and the manifest says so.
    pub(crate) by_key: bool,
    /// Milliseconds of the worker's clock after which a partition is idle.
    pub(crate) idle: Option<u64>,
    /// It is read from where it ends when that begins.
    pub(crate) latest: bool,
}

/// Where a stream's rows come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Over {
    Source(usize),
    Stream(usize),
}

/// Windows, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    Tumble(i64),
    Hop { slide: i64, size: i64 },
    Cumulate { step: i64, size: i64 },
    Session(i64),
}

/// What a stream does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum What {
    /// Rows that pass a filter.
    Rows,
    /// A grouping by one column in windows.
    Window {
        key: &'static str,
        kind: Kind,
        on_update: bool,
        lateness: i64,
        drops: bool,
    },
    /// A grouping by one column, kept up to date.
    Table { key: &'static str },
    /// The results of windows that pass a filter.
    Results { key: &'static str },
    /// Rows joined with the table; those that it has nothing for are left out, or dead letters, or have nothing of it.
    Joined { inner: bool, letters: bool },
    /// What the order of rows decides about, by one column.
    Ordered {
        key: &'static str,
        order: Order,
        drops: bool,
    },
    /// Each row with those of the same column that are so many seconds later, and have a lesser value.
    Pairs {
        key: &'static str,
        earliest: i64,
        latest: i64,
        /// A row goes on by itself where there is none.
        alone: bool,
        drops: bool,
    },
}

/// What is done with rows in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Order {
    /// Sums over so many seconds up to each row.
    Moving(i64),
    /// The same, and the numbers of the rows.
    Numbered(i64),
    /// Windows of so many rows.
    Counted(usize),
    /// The two rows of each window of so many seconds that have most.
    First(i64),
}

/// A stream.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct StreamShape {
    pub(crate) over: Over,
    pub(crate) what: What,
    /// Its rows go to a table outside the log.
    pub(crate) outside: bool,
}

/// A key of the table, and its row's value; none where the row is deleted.
pub(crate) type Change = (&'static str, Option<i64>);

/// A pipeline.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Shape {
    pub(crate) sources: Vec<SourceShape>,
    pub(crate) streams: Vec<StreamShape>,
    /// The changes of a table, before anybody reads it: it rests, so which of them a row sees does not depend on when it is read.
    pub(crate) table: Vec<Change>,
    pub(crate) shards: u32,
    /// Dead letters go to a sink.
    pub(crate) letters: bool,
}

impl Shape {
    pub(crate) fn of(seed: u64) -> Self {
        let mut random = Random::new(seed % SHAPES);
        let sources: Vec<SourceShape> = (0..random.range(1, 3))
            .map(|_| source(&mut random))
            .collect();
        let mut shape = Self {
            streams: Vec::new(),
            table: (0..random.range(0, 12))
                .map(|_| change(&mut random))
                .collect(),
            shards: random.range(1, 4) as u32,
            letters: random.chance(50),
            sources,
        };
        for _ in 0..random.range(1, 5) {
            shape.grow(&mut random);
        }
        // By themselves, so that whatever else there is stays as it is drawn.
        let mut random = Random::new(seed % SHAPES + SHAPES);
        if random.chance(40) {
            shape.put_in_order(&mut random);
        }
        shape
    }

    fn put_in_order(&mut self, random: &mut Random) {
        let rows = self.streams.iter().position(|s| s.what == What::Rows);
        let over = match rows {
            Some(rows) if random.chance(40) => Over::Stream(rows),
            _ => Over::Source(random.range(0, self.sources.len() as u64) as usize),
        };
        let order = match random.range(0, 4) {
            0 => Order::Moving(5),
            1 => Order::Numbered(3),
            2 => Order::Counted(3),
            _ => Order::First(10),
        };
        self.streams.push(StreamShape {
            over,
            what: What::Ordered {
                key: random.pick(&["k", "g"], "k"),
                order,
                drops: random.chance(25),
            },
            outside: random.chance(25) && self.idle_of(over).is_none(),
        });
    }

    fn grow(&mut self, random: &mut Random) {
        let from_source = Over::Source(random.range(0, self.sources.len() as u64) as usize);
        let rows = self.streams.iter().position(|s| s.what == What::Rows);
        let over = match rows {
            Some(rows) if random.chance(40) => Over::Stream(rows),
            _ => from_source,
        };
        let key = random.pick(&["k", "g"], "k");
        let final_windows = self.streams.iter().position(StreamShape::is_final);
        let (over, what) = match (random.range(0, 12), final_windows) {
            (0..2, _) => (from_source, What::Rows),
            (10.., _) => {
                let (inner, letters) = (random.chance(50), random.chance(50));
                (over, What::Joined { inner, letters })
            }
            (2..4, _) => (over, What::Table { key }),
            (4..6, Some(inner)) => {
                let key = self.streams.get(inner).and_then(|s| s.what.key());
                (
                    Over::Stream(inner),
                    What::Results {
                        key: key.unwrap_or("k"),
                    },
                )
            }
            _ => (over, window(key, random)),
        };
        self.streams.push(StreamShape {
            over,
            what,
            // Not where the workers' clock says when a partition is idle: after a crash between a table and the log it may say
            // so before another record than it did, which is then late or is not, and the table has got the other of both.
            outside: random.chance(25) && self.idle_of(over).is_none(),
        });
    }

    /// The source that a stream's rows come from in the end.
    pub(crate) fn root(&self, over: Over) -> usize {
        match over {
            Over::Source(source) => source,
            Over::Stream(stream) => self.streams.get(stream).map_or(0, |s| self.root(s.over)),
        }
    }

    /// Whether its rows are those of sessions, or come from such.
    pub(crate) fn has_sessions(&self, stream: usize) -> bool {
        self.streams.get(stream).is_some_and(|s| match s.what {
            What::Window { kind, .. } => matches!(kind, Kind::Session(_)),
            _ => matches!(s.over, Over::Stream(over) if self.has_sessions(over)),
        })
    }

    /// Whether a stream is joined with the table.
    pub(crate) fn is_joined(&self) -> bool {
        let mut streams = self.streams.iter();
        streams.any(|s| matches!(s.what, What::Joined { .. }))
    }

    pub(crate) fn idle_of(&self, over: Over) -> Option<u64> {
        self.sources.get(self.root(over))?.idle
    }

    /// Whether rows of a grouping by this column meet without a shuffle.
    pub(crate) fn is_local(&self, over: Over, key: Option<&str>) -> bool {
        let promised = self.sources.get(self.root(over)).is_some_and(|s| s.by_key);
        promised && key == Some("k")
    }

    /// Whether every grouping is where its rows are, so that what is written follows from the committed offsets alone.
    pub(crate) fn is_all_local(&self) -> bool {
        self.sources.iter().all(|s| s.idle.is_none())
            && self
                .streams
                .iter()
                .all(|s| s.what.key().is_none() || self.is_local(s.over, s.what.key()))
    }

    /// The columns that identify a row; none where rows are added.
    pub(crate) fn identity(&self, stream: usize) -> Vec<&'static str> {
        match self.streams.get(stream).map(|s| s.what) {
            Some(What::Table { key }) => vec![key],
            Some(What::Window {
                key,
                on_update: true,
                ..
            }) => vec![key, "ws", "we"],
            _ => Vec::new(),
        }
    }

    /// The plan, made once for each shape.
    pub(crate) fn plan(&self) -> Result<Arc<Plan>, String> {
        static PLANS: LazyLock<Mutex<HashMap<Shape, Arc<Plan>>>> = LazyLock::new(Mutex::default);
        if let Some(plan) = own(&PLANS).get(self) {
            return Ok(Arc::clone(plan));
        }
        let plan = Arc::new(self.planned()?);
        own(&PLANS).insert(self.clone(), Arc::clone(&plan));
        Ok(plan)
    }

    fn planned(&self) -> Result<Plan, String> {
        let read = |error: serde_json::Error| error.to_string();
        let pipeline: Pipeline = serde_json::from_value(self.manifest()).map_err(read)?;
        let sinks: Vec<Sink> = self
            .sinks()
            .into_iter()
            .map(serde_json::from_value)
            .collect::<Result<_, _>>()
            .map_err(read)?;
        let mut plan = tidemill_plan::plan(&pipeline, &sinks, &[]).map_err(|problems| {
            let texts: Vec<String> = problems.iter().map(ToString::to_string).collect();
            texts.join("; ")
        })?;
        for operator in plan.streams.iter_mut().filter_map(|s| s.operator.as_mut()) {
            if let Exchange::Shuffle { shards } = operator.exchange_mut() {
                *shards = self.shards;
            }
        }
        Ok(plan)
    }

    /// The manifest of the pipeline.
    pub(crate) fn manifest(&self) -> Value {
        let mut outputs: Vec<Value> = (0..self.streams.len())
            .map(|index| {
                let mut output =
                    json!({"from": stream_name(index), "sink": format!("out-{index}")});
                // Where rows are deleted, their key says which.
                let mut key = self.identity(index);
                if key.is_empty() {
                    key.extend(self.streams.get(index).and_then(|s| s.what.key()));
                }
                if let (false, Some(output)) = (key.is_empty(), output.as_object_mut()) {
                    output.insert("key".to_owned(), json!(key));
                }
                output
            })
            .collect();
        if self.letters {
            outputs.push(json!({"from": "deadLetter", "sink": "letters"}));
        }
        let sources = self.sources.iter().enumerate();
        let sources = sources.map(|(i, s)| s.manifest(i));
        let sources = sources.chain(self.is_joined().then(table_manifest));
        let streams = (0..self.streams.len()).filter_map(|index| self.stream_manifest(index));
        json!({
            "apiVersion": "tidemill.io/v1alpha1", "kind": "Pipeline", "metadata": {"name": "sim"},
            "spec": {
                "kafka": {"bootstrapServers": "simulated:1"},
                "sources": sources.collect::<Vec<_>>(),
                "streams": streams.collect::<Vec<_>>(),
                "outputs": outputs,
            }
        })
    }

    fn stream_manifest(&self, index: usize) -> Option<Value> {
        let stream = self.streams.get(index)?;
        let from = match stream.over {
            Over::Source(source) => source_name(source),
            Over::Stream(stream) => stream_name(stream),
        };
        let mut manifest = json!({"name": stream_name(index), "sql": stream.what.sql(&from)});
        if let (What::Joined { letters: true, .. }, Some(fields)) =
            (stream.what, manifest.as_object_mut())
        {
            fields.insert("onMissing".to_owned(), json!("DeadLetter"));
        }
        if let (What::Pairs { drops: true, .. }, Some(fields)) =
            (stream.what, manifest.as_object_mut())
        {
            fields.insert("lateRecords".to_owned(), json!("Drop"));
        }
        if let (
            What::Window {
                on_update,
                lateness,
                drops,
                ..
            },
            Some(fields),
        ) = (stream.what, manifest.as_object_mut())
        {
            fields.insert("allowedLateness".to_owned(), json!(format!("{lateness}s")));
            if on_update {
                fields.insert("emit".to_owned(), json!({"when": "OnUpdate"}));
            }
            if drops {
                fields.insert("lateRecords".to_owned(), json!("Drop"));
            }
        }
        if let (What::Ordered { drops: true, .. }, Some(fields)) =
            (stream.what, manifest.as_object_mut())
        {
            fields.insert("lateRecords".to_owned(), json!("Drop"));
        }
        Some(manifest)
    }

    fn sinks(&self) -> Vec<Value> {
        let sink = |name: String, spec: Value| json!({"apiVersion": "tidemill.io/v1alpha1", "kind": "Sink", "metadata": {"name": name}, "spec": spec});
        let format = json!({"type": "Json", "timestamps": "EpochMillis"});
        let topic =
            |topic: &str| json!({"kafka": {"topic": topic, "partitions": 2, "format": format}});
        let mut sinks: Vec<Value> = self
            .streams
            .iter()
            .enumerate()
            .map(|(index, stream)| {
                let name = format!("out-{index}");
                let spec = if stream.outside {
                    json!({"stdout": {}})
                } else {
                    topic(&name)
                };
                sink(name, spec)
            })
            .collect();
        sinks.push(sink("letters".to_owned(), topic("letters")));
        sinks
    }
}

impl StreamShape {
    /// Whether its rows are results of windows, each added once.
    fn is_final(&self) -> bool {
        matches!(
            self.what,
            What::Window {
                on_update: false,
                lateness: 0,
                ..
            }
        )
    }
}

impl What {
    /// The column it groups by.
    pub(crate) fn key(&self) -> Option<&'static str> {
        match self {
            Self::Rows | Self::Joined { .. } => None,
            Self::Window { key, .. }
            | Self::Table { key }
            | Self::Results { key }
            | Self::Ordered { key, .. }
            | Self::Pairs { key, .. } => Some(key),
        }
    }

    fn sql(&self, from: &str) -> String {
        let sums = "sum(v) AS total, count(*) AS n, min(v) AS low, max(v) AS high";
        let bounds = "window_start AS ws, window_end AS we";
        match self {
            Self::Rows => format!("SELECT k, g, v, ts FROM {from} WHERE v % 3 <> 0"),
            Self::Window { key, kind, .. } => format!(
                "SELECT {key}, {sums}, {bounds} FROM {} GROUP BY {key}, window_start, window_end",
                kind.sql(from)
            ),
            Self::Table { key } => format!("SELECT {key}, {sums} FROM {from} GROUP BY {key}"),
            Self::Results { key } => format!("SELECT {key}, total, n, ws FROM {from} WHERE n > 1"),
            Self::Joined { inner, .. } => {
                let join = if *inner { "JOIN" } else { "LEFT JOIN" };
                format!(
                    "SELECT s.k, s.g, s.v, s.ts, t.w FROM {from} s {join} {TABLE} t ON s.g = t.g"
                )
            }
            Self::Ordered { key, order, .. } => order.sql(key, sums, from),
            Self::Pairs {
                key,
                earliest,
                latest,
                alone,
                ..
            } => format!(
                "SELECT a.{key}, a.v, a.ts, coalesce(b.v, -1) AS w FROM {from} a {}JOIN {from} b ON a.{key} = b.{key} \
                 AND b.ts BETWEEN a.ts + INTERVAL '{earliest}' SECOND AND a.ts + INTERVAL '{latest}' SECOND AND b.v < a.v",
                if *alone { "LEFT " } else { "" }
            ),
        }
    }
}

impl Order {
    fn sql(self, key: &str, sums: &str, from: &str) -> String {
        let moving = |span: i64| {
            format!(
                "k, g, v, ts, sum(v) OVER (PARTITION BY {key} ORDER BY ts RANGE INTERVAL '{span}' SECOND PRECEDING) AS total"
            )
        };
        match self {
            Self::Moving(span) => format!("SELECT {} FROM {from}", moving(span)),
            Self::Numbered(span) => format!(
                "SELECT {}, row_number() OVER (PARTITION BY {key} ORDER BY ts) AS number FROM {from}",
                moving(span)
            ),
            Self::Counted(rows) => format!(
                "SELECT {key}, {sums}, window_start AS ws, window_time AS wt FROM COUNT_WINDOW({from}, {rows})
                 GROUP BY {key}, window_start, window_time"
            ),
            Self::First(size) => format!(
                "SELECT k, g, v, ts, number FROM (
                   SELECT k, g, v, ts, row_number() OVER (PARTITION BY {key}, window_start, window_end ORDER BY v DESC) AS number
                   FROM TUMBLE({from}, ts, INTERVAL '{size}' SECOND)) WHERE number <= 2"
            ),
        }
    }
}

impl Kind {
    fn sql(self, from: &str) -> String {
        let (name, lengths) = match self {
            Self::Tumble(size) => ("TUMBLE", vec![size]),
            Self::Hop { slide, size } => ("HOP", vec![slide, size]),
            Self::Cumulate { step, size } => ("CUMULATE", vec![step, size]),
            Self::Session(gap) => ("SESSION", vec![gap]),
        };
        let interval = |seconds: i64| format!(", INTERVAL '{seconds}' SECOND");
        let lengths: String = lengths.into_iter().map(interval).collect();
        format!("{name}({from}, ts{lengths})")
    }
}

impl SourceShape {
    fn manifest(&self, index: usize) -> Value {
        let mut time = json!({"column": "ts", "outOfOrderness": format!("{}s", self.disorder)});
        if let (Some(idle), Some(time)) = (self.idle, time.as_object_mut()) {
            time.insert("idleTimeout".to_owned(), json!(format!("{idle}ms")));
        }
        let by: &[&str] = if self.by_key { &["k"] } else { &[] };
        let start = if self.latest { "Latest" } else { "Earliest" };
        json!({
            "name": source_name(index),
            "kafka": {"topic": source_name(index), "startFrom": start},
            "columns": [
                {"name": "k", "type": "String", "required": true},
                {"name": "g", "type": "String", "required": true},
                {"name": "v", "type": "Int64", "required": true},
                {"name": "ts", "type": "Timestamp", "required": true},
            ],
            "check": "v >= 0",
            "eventTime": time,
            "partitionedBy": by,
        })
    }
}

/// Of its four keys, one is in no row.
fn change(random: &mut Random) -> Change {
    let key = random.pick(&["x", "y", "z", "other"], "x");
    let value = random.range(0, 100).cast_signed();
    (key, random.chance(75).then_some(value))
}

fn table_manifest() -> Value {
    json!({
        "name": TABLE,
        "kafka": {"topic": TABLE},
        "table": {"primaryKey": ["g"]},
        "columns": [
            {"name": "g", "type": "String", "required": true},
            {"name": "w", "type": "Int64"},
        ],
    })
}

fn source(random: &mut Random) -> SourceShape {
    SourceShape {
        partitions: random.range(1, 4) as u32,
        disorder: random.pick(&[0, 2, 5], 0),
        by_key: random.chance(60),
        idle: random.chance(20).then_some(120),
        latest: random.chance(15),
    }
}

fn window(key: &'static str, random: &mut Random) -> What {
    let on_update = random.chance(35);
    let kind = kind(random);
    let lateness = random.pick(&[0, 0, 3], 0);
    let drops = random.chance(25);
    if kind == Kind::Tumble(5) && lateness > 0 {
        let (earliest, latest) = if key == "k" { (-3, 0) } else { (-1, 2) };
        return What::Pairs {
            key,
            earliest,
            latest,
            alone: on_update,
            drops,
        };
    }
    What::Window {
        key,
        kind,
        on_update,
        lateness,
        drops,
    }
}

fn kind(random: &mut Random) -> Kind {
    match random.range(0, 8) {
        0 => Kind::Hop { slide: 5, size: 10 },
        1 => Kind::Hop { slide: 2, size: 10 },
        2 => Kind::Cumulate { step: 2, size: 10 },
        3 | 4 => Kind::Session(random.pick(&[2, 5], 2)),
        _ => Kind::Tumble(random.pick(&[5, 10], 10)),
    }
}

pub(crate) fn source_name(index: usize) -> String {
    format!("source_{index}")
}

pub(crate) fn stream_name(index: usize) -> String {
    format!("stream_{index}")
}

/// What is in a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Body {
    Row {
        k: String,
        g: String,
        v: i64,
        ts: i64,
    },
    /// Not JSON.
    Garbage,
    /// Without its time.
    Timeless,
    /// It was there before anybody read, and is not to be read.
    Unread,
}

/// A record of a source, and when it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) source: usize,
    pub(crate) partition: i32,
    pub(crate) at: Time,
    pub(crate) body: Body,
}

impl Body {
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Row { k, g, v, ts } => json!({"k": k, "g": g, "v": v, "ts": ts}).to_string(),
            Self::Garbage => "{\"k\":".to_owned(),
            Self::Timeless | Self::Unread => json!({"k": "a", "g": "x", "v": 1}).to_string(),
        }
    }
}

/// Records for a shape, written until about `until`: times go on with gaps and jitter, some records late, some bad,
/// some partitions empty or silent for a while.
pub(crate) fn records(shape: &Shape, until: Time, random: &mut Random) -> Vec<Record> {
    let mut records = Vec::new();
    for (source, its) in shape.sources.iter().enumerate() {
        for partition in 0..its.partitions.cast_signed() {
            let count = if random.chance(8) {
                0
            } else {
                random.range(1, 30)
            };
            let mut clock = BEGIN + random.range(0, 15_000).cast_signed();
            let mut at = random.range(0, until / 4);
            let pace = 2 * until / (count + 1);
            for _ in 0..count {
                at += random.range(0, pace.max(1));
                if random.chance(4) {
                    at += until / 3;
                }
                clock += random.range(0, 3_000).cast_signed();
                let back = if random.chance(12) {
                    25_000
                } else {
                    1 + its.disorder * 1_000
                };
                let ts = clock - random.range(0, back.unsigned_abs()).cast_signed();
                let body = body(its, partition, ts, random);
                records.push(Record {
                    source,
                    partition,
                    at: at.min(until),
                    body,
                });
            }
        }
    }
    records.sort_by_key(|record| record.at);
    records
}

fn body(source: &SourceShape, partition: i32, ts: i64, random: &mut Random) -> Body {
    let owner = if source.by_key {
        partition.to_string()
    } else {
        String::new()
    };
    match random.range(0, 40) {
        0 => Body::Garbage,
        1 => Body::Timeless,
        n => Body::Row {
            k: format!("{}{owner}", random.pick(&["a", "b", "c"], "a")),
            g: random.pick(&["x", "y", "z"], "x").to_owned(),
            v: if n == 2 {
                -1
            } else {
                random.range(0, 100).cast_signed()
            },
            ts,
        },
    }
}

/// How long a run's records take to be written.
pub(crate) fn span(random: &mut Random) -> Time {
    random.range(200, 1_200) * MS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shape_is_a_plan() {
        for seed in 0..SHAPES {
            let shape = Shape::of(seed);
            if let Err(problem) = shape.plan() {
                assert_eq!(problem, "", "{shape:#?}");
            }
        }
    }
}
