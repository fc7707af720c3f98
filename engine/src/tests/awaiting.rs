//! Rows that wait for what they are joined with, against plain maps: batches, flushes, crashes and deletions by chance.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, AsArray};
use arrow::datatypes::Int64Type;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tidemill_plan::model::{Await, Micros, Missing, Operator, Plan};

use super::plans::{BEGIN, SECOND, source};
use super::room;
use super::tables::{Change, apply, in_batches, joined};
use crate::disk::Room;
use crate::effects::Effects;
use crate::error::EngineError;
use crate::table::{Loader, Tables};
use crate::task::Task;

const SPAN: Micros = 10 * SECOND;

fn awaited(inner: bool) -> Plan {
    let mut plan = Arc::into_inner(joined(inner, Missing::Emit)).unwrap();
    plan.sources[0].event_time = source().event_time;
    let stream = &mut plan.streams[0];
    stream.operator = Some(Operator::Await(Await {
        steps: std::mem::take(&mut stream.before),
        time: 2,
        span: SPAN,
        schema: Arc::clone(&plan.sources[0].schema),
    }));
    plan
}

type Fact = (Option<String>, i64, Micros);
type Joined = (Option<String>, i64, Option<i64>);

fn record((k, v, ts): &Fact) -> Change {
    let value = serde_json::json!({"k": k, "v": v, "ts": ts / 1000});
    (None, Some(value.to_string().into_bytes()))
}

/// What should be.
#[derive(Clone)]
struct Oracle {
    inner: bool,
    highest: Micros,
    waiting: Vec<Fact>,
    out: Vec<Joined>,
}

impl Oracle {
    fn goes(&mut self, (k, v, _): &Fact, known: Option<i64>) {
        if known.is_some() || !self.inner {
            self.out.push((k.clone(), *v, known));
        }
    }

    fn take(&mut self, fact: &Fact, table: &BTreeMap<String, i64>) {
        let known = fact.0.as_ref().and_then(|k| table.get(k)).copied();
        let waits = fact.0.is_some() && fact.2 + SPAN > self.watermark();
        if known.is_none() && waits {
            self.waiting.push(fact.clone());
        } else {
            self.goes(fact, known);
        }
        self.highest = self.highest.max(fact.2);
    }

    fn watermark(&self) -> Micros {
        self.highest.saturating_sub(4 * SECOND)
    }

    /// Looks up again what waits, or those of it whose time is up.
    fn again(&mut self, table: &BTreeMap<String, i64>, at: Option<Micros>) {
        for fact in std::mem::take(&mut self.waiting) {
            let known = fact.0.as_ref().and_then(|k| table.get(k)).copied();
            let is_up = at.is_some_and(|at| fact.2 + SPAN <= at);
            if is_up || (at.is_none() && known.is_some()) {
                self.goes(&fact, known);
            } else {
                self.waiting.push(fact);
            }
        }
    }
}

/// A task with what it has committed.
struct Run {
    plan: Arc<Plan>,
    tables: Tables,
    task: Task,
    fx: Effects,
    rows: Vec<Joined>,
    changelog: Vec<(Vec<u8>, Option<Vec<u8>>)>,
    clock: String,
    /// How much memory its state may take.
    room: Room,
}

impl Run {
    fn new(plan: Plan) -> Self {
        Self::in_room(plan, usize::MAX)
    }

    fn in_room(plan: Plan, bytes: usize) -> Self {
        let room = room(bytes);
        let plan = Arc::new(plan);
        let tables = Tables::new(&plan).unwrap();
        let mut task = Task::source(Arc::clone(&plan), 0, 0).unwrap();
        task.set_tables(&tables);
        task.set_room(&room);
        Self {
            room,
            clock: task.clock(),
            plan,
            tables,
            task,
            fx: Effects::default(),
            rows: Vec::new(),
            changelog: Vec::new(),
        }
    }

    fn feed(&mut self, rng: &mut StdRng, facts: &[Fact], mut after: impl FnMut(usize)) {
        let records: Vec<Change> = facts.iter().map(record).collect();
        in_batches(rng, &records, &mut |batch| {
            self.task.process(batch, &mut self.fx).unwrap();
            after(batch.records.len());
        });
    }

    fn flush(&mut self) {
        self.task.flush(&mut self.fx).unwrap();
        let fx = std::mem::take(&mut self.fx);
        assert!(fx.dead_letters.is_empty());
        for rows in fx.rows {
            let keys = rows.batch.column(0).as_string::<i32>();
            let values = rows.batch.column(1).as_primitive::<Int64Type>();
            let known = rows.batch.column(3).as_primitive::<Int64Type>();
            self.rows.extend((0..rows.batch.num_rows()).map(|row| {
                let key = keys.is_valid(row).then(|| keys.value(row).to_owned());
                let known = known.is_valid(row).then(|| known.value(row));
                (key, values.value(row), known)
            }));
        }
        let log = fx.changelog.into_iter().map(|r| (r.key, r.value));
        self.changelog.extend(log);
        self.clock = self.task.clock();
    }

    /// The changelog as compaction leaves it.
    fn compacted(&self) -> BTreeMap<Vec<u8>, Vec<u8>> {
        let mut left = BTreeMap::new();
        for (key, value) in &self.changelog {
            match value {
                Some(value) => left.insert(key.clone(), value.clone()),
                None => left.remove(key),
            };
        }
        left
    }

    fn restored(&self, plan: &Arc<Plan>, compacted: bool) -> Result<Task, EngineError> {
        let mut task = Task::source(Arc::clone(plan), 0, 0)?;
        task.set_tables(&self.tables);
        task.set_room(&self.room);
        task.set_clock(&self.clock)?;
        if compacted {
            for (key, value) in self.compacted() {
                task.restore(&key, Some(&value))?;
            }
            return Ok(task);
        }
        for (key, value) in &self.changelog {
            task.restore(key, value.as_deref())?;
        }
        Ok(task)
    }

    fn crash(&mut self, compacted: bool) {
        self.fx = Effects::default();
        self.task = self.restored(&self.plan, compacted).unwrap();
    }

    fn waiting(&self) -> usize {
        self.task.state().map(|state| state.groups).sum()
    }
}

#[test]
fn rows_wait_for_what_they_are_joined_with_and_no_longer() {
    for seed in 0..60 {
        let mut rng = StdRng::seed_from_u64(seed);
        let inner = rng.random_bool(0.5);
        let mut run = Run::in_room(awaited(inner), [usize::MAX, 0, 1_000][seed as usize % 3]);
        let mut loader = Loader::new(&run.plan, 1, &run.tables).unwrap();
        let mut table = BTreeMap::new();
        let mut oracle = Oracle {
            inner,
            highest: Micros::MIN,
            waiting: Vec::new(),
            out: Vec::new(),
        };
        let (mut saved, mut since, mut n) = (oracle.clone(), Vec::new(), 0);
        for _ in 0..60 {
            match rng.random_range(0..10) {
                0..=4 => {
                    let count = rng.random_range(1..12);
                    let facts: Vec<Fact> = (n..n + count)
                        .map(|n| {
                            let key = rng.random_range(0..40);
                            let at = BEGIN + n * SECOND / 2 - rng.random_range(0..20) * SECOND;
                            ((key > 0).then(|| format!("k{key}")), n, at)
                        })
                        .collect();
                    n += count;
                    let mut left = facts.as_slice();
                    run.feed(&mut rng, &facts, |taken| {
                        let (now, later) = left.split_at(taken);
                        now.iter().for_each(|fact| oracle.take(fact, &table));
                        oracle.again(&table, Some(oracle.watermark()));
                        left = later;
                    });
                    since.extend(facts);
                }
                5 | 6 => {
                    let key = format!("k{}", rng.random_range(1..40));
                    let value = serde_json::json!({"k": key, "v": rng.random_range(0..100)});
                    let gone = rng.random_bool(0.3);
                    let value = (!gone).then(|| value.to_string().into_bytes());
                    let change = (Some(key.into_bytes()), value);
                    apply(&mut table, &change);
                    in_batches(&mut rng, &[change], &mut |batch| {
                        loader.process(batch).unwrap()
                    });
                    assert!(run.task.has_news() || run.waiting() == 0);
                }
                7 | 8 => {
                    run.flush();
                    oracle.again(&table, None);
                    assert!(!run.task.has_news());
                    assert_eq!(run.waiting(), oracle.waiting.len(), "seed {seed}");
                    (saved, since) = (oracle.clone(), Vec::new());
                }
                _ => {
                    run.crash(rng.random_bool(0.5));
                    oracle = saved.clone();
                    let facts = since.clone();
                    let mut left = facts.as_slice();
                    run.feed(&mut rng, &facts, |taken| {
                        let (now, later) = left.split_at(taken);
                        now.iter().for_each(|fact| oracle.take(fact, &table));
                        oracle.again(&table, Some(oracle.watermark()));
                        left = later;
                    });
                }
            }
        }
        run.task.finish(0, &mut run.fx).unwrap();
        oracle.again(&table, Some(Micros::MAX));
        run.flush();
        run.rows.sort();
        oracle.out.sort();
        assert_eq!(run.rows, oracle.out, "seed {seed}, inner {inner}");
        assert!(
            run.compacted().is_empty(),
            "nothing is left of those that waited"
        );
        assert_eq!(run.waiting(), 0);
        if run.room.bytes == usize::MAX {
            assert_eq!(run.task.bytes(), 0);
        }
    }
}

#[test]
fn no_more_of_what_waits_is_in_memory_than_may_be() {
    let mut run = Run::in_room(awaited(true), 60_000);
    let mut loader = Loader::new(&run.plan, 1, &run.tables).unwrap();
    let mut rng = StdRng::seed_from_u64(1);
    let facts = |from: i64| {
        let facts = (from..from + 500).map(|n| (Some(format!("k{n}")), n, BEGIN));
        facts.collect::<Vec<Fact>>()
    };
    let check = |run: &Run| {
        let bytes = run.task.bytes();
        assert!(bytes <= 60_000, "{bytes} bytes for {} rows", run.waiting());
    };
    for part in 0..10 {
        run.feed(&mut rng, &facts(part * 500), |_| {});
        run.flush();
        check(&run);
    }
    assert_eq!(run.waiting(), 5_000);
    run.crash(true);
    check(&run);
    for of in [0..100, 100..5_000] {
        let changes = of.map(|n| (None, Some(format!(r#"{{"k":"k{n}","v":1}}"#).into_bytes())));
        in_batches(&mut rng, &changes.collect::<Vec<_>>(), &mut |batch| {
            loader.process(batch).unwrap()
        });
        run.flush();
        check(&run);
        assert_eq!(run.rows.len() + run.waiting(), 5_000);
        run.crash(true);
    }
    assert_eq!(run.waiting(), 0, "all have found what they waited for");
}

/// One who comes for few of many that wait writes little.
#[test]
fn what_waits_is_written_in_small_pieces() {
    let mut run = Run::new(awaited(true));
    let mut loader = Loader::new(&run.plan, 1, &run.tables).unwrap();
    let mut rng = StdRng::seed_from_u64(1);
    let facts: Vec<Fact> = (0..5_000)
        .map(|n| (Some(format!("k{n}")), n, BEGIN))
        .collect();
    run.feed(&mut rng, &facts, |_| {});
    run.flush();
    assert_eq!(run.waiting(), 5_000);
    let before = run.changelog.len();
    let change = (None, Some(br#"{"k":"k77","v":1}"#.to_vec()));
    in_batches(&mut rng, &[change], &mut |batch| {
        loader.process(batch).unwrap()
    });
    run.flush();
    assert_eq!(run.rows, [(Some("k77".to_owned()), 77, Some(1))]);
    let written: usize = run.changelog[before..]
        .iter()
        .map(|(_, value)| value.as_ref().map_or(0, Vec::len))
        .sum();
    assert!(written < 64 * 100, "{written} bytes for one row");
}

/// What was stored of other rows is refused, or dropped where that is agreed to.
#[test]
fn rows_of_other_columns_are_not_taken_for_those_that_wait() {
    let mut run = Run::new(awaited(true));
    let mut rng = StdRng::seed_from_u64(1);
    run.feed(&mut rng, &[(Some("k1".to_owned()), 1, BEGIN)], |_| {});
    run.flush();
    let other = |reset: bool| {
        let mut plan = awaited(true);
        if let Some(Operator::Await(wait)) = &mut plan.streams[0].operator {
            wait.schema = Arc::new(wait.schema.project(&[0, 2]).unwrap());
        }
        if reset {
            plan.streams[0].epoch = 1;
        }
        run.restored(&Arc::new(plan), false)
    };
    let refused = other(false).err().map(|e| e.to_string()).unwrap();
    assert!(refused.contains("the rows that it holds"), "{refused}");
    let state: Vec<_> = other(true).unwrap().state().collect();
    assert_eq!((state[0].groups, state[0].stale), (0, 1));
}

/// After a restart a table goes through all that it was before: nothing of that is for rows that wait.
#[test]
fn what_waits_is_not_joined_with_a_table_that_is_being_loaded() {
    let mut run = Run::new(awaited(true));
    let mut loader = Loader::new(&run.plan, 1, &run.tables).unwrap();
    let mut rng = StdRng::seed_from_u64(1);
    run.feed(&mut rng, &[(Some("k1".to_owned()), 1, BEGIN)], |_| {});
    run.tables.set_loading(true);
    for known in [10, 20] {
        let change = serde_json::json!({"k": "k1", "v": known}).to_string();
        let change = (None, Some(change.into_bytes()));
        in_batches(&mut rng, &[change], &mut |batch| {
            loader.process(batch).unwrap()
        });
        assert!(!run.task.has_news());
        run.flush();
        assert!(run.rows.is_empty());
    }
    run.tables.set_loading(false);
    assert!(run.task.has_news());
    run.flush();
    assert_eq!(run.rows, [(Some("k1".to_owned()), 1, Some(20))]);
}
