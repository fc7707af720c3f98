//! A shape as manifests and SQL, and its plan.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex};

use serde_json::{Map, Value, json};
use tidemill_crds::{AlertRule, Pipeline, Sink};
use tidemill_plan::Version;
use tidemill_plan::model::{Editions, Exchange, Plan};
use tidemill_worker::rulebook::Rulebook;

use super::{
    ALERTS, Kind, MOVING, Missing, Order, Over, Shape, SourceShape, TABLE, What, output_name,
    source_name, stream_name, twin_name,
};
use crate::world::own;

impl Shape {
    /// The plan, made once for each shape.
    pub(crate) fn plan(&self) -> Result<Arc<Plan>, String> {
        static PLANS: LazyLock<Mutex<HashMap<Shape, Arc<Plan>>>> = LazyLock::new(Mutex::default);
        if let Some(plan) = own(&PLANS).get(self) {
            return Ok(Arc::clone(plan));
        }
        let rules = self.alert_rules()?.into_iter();
        let versions = rules.map(|rule| Version {
            rule,
            editions: Editions::ALL,
        });
        let plan = Arc::new(self.planned(&versions.collect::<Vec<_>>())?);
        own(&PLANS).insert(self.clone(), Arc::clone(&plan));
        Ok(plan)
    }

    /// The rules, which are not edited: they are planned once for each shape.
    pub(crate) fn rulebook(&self) -> Result<Rulebook, String> {
        static PLANS: LazyLock<Mutex<HashMap<Shape, Arc<Plan>>>> = LazyLock::new(Mutex::default);
        let shape = self.clone();
        let planner = move |versions: &[Version]| {
            if let Some(plan) = own(&PLANS).get(&shape) {
                return Ok(Arc::clone(plan));
            }
            let plan = Arc::new(shape.planned(versions)?);
            own(&PLANS).insert(shape.clone(), Arc::clone(&plan));
            Ok(plan)
        };
        Ok(Rulebook::with(self.alert_rules()?, planner))
    }

    fn alert_rules(&self) -> Result<Vec<AlertRule>, String> {
        let rules = self.rules().into_iter().map(serde_json::from_value);
        let rules: Result<_, serde_json::Error> = rules.collect();
        rules.map_err(|error| error.to_string())
    }

    fn planned(&self, rules: &[Version]) -> Result<Plan, String> {
        let read = |error: serde_json::Error| error.to_string();
        let pipeline: Pipeline = serde_json::from_value(self.manifest()).map_err(read)?;
        let sinks: Vec<Sink> = self
            .sinks()
            .into_iter()
            .map(serde_json::from_value)
            .collect::<Result<_, _>>()
            .map_err(read)?;
        let planned = tidemill_plan::plan_editions(&pipeline, &sinks, rules);
        let mut plan = planned.map_err(|problems| {
            let texts: Vec<String> = problems.iter().map(ToString::to_string).collect();
            texts.join("; ")
        })?;
        for operator in plan.streams.iter_mut().filter_map(|s| s.operator.as_mut()) {
            if let Some(Exchange::Shuffle { shards }) = operator.exchange_mut() {
                *shards = self.shards;
            }
        }
        Ok(plan)
    }

    /// The manifest of the pipeline.
    pub(crate) fn manifest(&self) -> Value {
        let sinks = self.streams.iter().enumerate().flat_map(|(index, stream)| {
            let twin = stream.outside.then(|| twin_name(index));
            [Some(output_name(index)), twin]
                .into_iter()
                .flatten()
                .map(move |sink| (index, sink))
        });
        let mut outputs: Vec<Value> = sinks
            .map(|(index, sink)| {
                let mut output = json!({"from": stream_name(index), "sink": sink});
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
        if self.rules {
            outputs.push(json!({"from": "alerts", "sink": ALERTS}));
        }
        let sources = self.sources.iter().enumerate();
        let sources = sources.map(|(i, s)| s.manifest(i));
        let sources = sources.chain(self.tables().map(table_manifest));
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
        let from = stream.over.name();
        let mut manifest = json!({"name": stream_name(index), "sql": stream.what.sql(&from)});
        if let Some(fields) = manifest.as_object_mut() {
            fields.extend(stream.what.settings());
        }
        Some(manifest)
    }

    fn sinks(&self) -> Vec<Value> {
        let sink = |name: String, spec: Value| json!({"apiVersion": "tidemill.io/v1alpha1", "kind": "Sink", "metadata": {"name": name}, "spec": spec});
        let format = json!({"type": "Json", "timestamps": "EpochMillis"});
        let topic =
            |topic: &str| json!({"kafka": {"topic": topic, "partitions": 2, "format": format}});
        let names = ["letters", ALERTS].into_iter();
        let mut sinks: Vec<Value> = names.map(|it| sink(it.to_owned(), topic(it))).collect();
        for (index, stream) in self.streams.iter().enumerate() {
            let name = output_name(index);
            if stream.outside {
                sinks.push(sink(name, json!({"stdout": {}})));
                sinks.push(sink(twin_name(index), topic(&twin_name(index))));
            } else {
                sinks.push(sink(name.clone(), topic(&name)));
            }
        }
        sinks
    }
}

impl Over {
    pub(super) fn name(self) -> String {
        match self {
            Self::Source(source) => source_name(source),
            Self::Stream(stream) => stream_name(stream),
        }
    }
}

impl What {
    /// What the manifest says of it besides the SQL.
    fn settings(&self) -> Map<String, Value> {
        let mut settings = Map::new();
        let mut set = |name: &str, value: Value| settings.insert(name.to_owned(), value);
        match self {
            Self::Window {
                on_update,
                lateness,
                ..
            } => {
                set("allowedLateness", json!(format!("{lateness}s")));
                if *on_update {
                    set("emit", json!({"when": "OnUpdate"}));
                }
            }
            Self::Joined { letters: true, .. }
            | Self::Live {
                missing: Missing::DeadLetter,
                ..
            } => {
                set("onMissing", json!("DeadLetter"));
            }
            Self::Live {
                missing: Missing::Wait(span),
                ..
            } => {
                set("onMissing", json!({"waitFor": format!("{span}s")}));
            }
            _ => {}
        }
        if let Self::Window { drops: true, .. }
        | Self::Ordered { drops: true, .. }
        | Self::Pairs { drops: true, .. } = self
        {
            set("lateRecords", json!("Drop"));
        }
        settings
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
            Self::Joined { inner, .. } => format!(
                "SELECT s.k, s.g, s.v, s.ts, t.w FROM {from} s {} {TABLE} t ON s.g = t.g",
                join(*inner)
            ),
            Self::Live { inner, .. } => format!(
                "SELECT s.id, s.g, s.ts, t.w FROM {from} s {} {MOVING} t ON s.g = t.g",
                join(*inner)
            ),
            Self::Merged { inner } => format!(
                "SELECT a.g, a.w, b.w AS u FROM {TABLE} a {} {MOVING} b ON a.g = b.g",
                join(*inner)
            ),
        }
    }
}

fn join(inner: bool) -> &'static str {
    if inner { "JOIN" } else { "LEFT JOIN" }
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
                {"name": "id", "type": "Int64"},
            ],
            "check": "v >= 0",
            "eventTime": time,
            "partitionedBy": by,
        })
    }
}

fn table_manifest(name: &str) -> Value {
    json!({
        "name": name,
        "kafka": {"topic": name},
        "table": {"primaryKey": ["g"]},
        "columns": [
            {"name": "g", "type": "String", "required": true},
            {"name": "w", "type": "Int64"},
        ],
    })
}
