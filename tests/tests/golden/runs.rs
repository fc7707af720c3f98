//! The ways in which a case is run. None of them may matter.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tidemill_plan::model::Plan;

use crate::case::{Case, Event, Record};
use crate::verdict;
use crate::world::{Message, World};

/// How records are batched, ordered and committed.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Way {
    /// All that there is at once, and one commit.
    Whole,
    /// A commit after each record.
    Single,
    /// Likewise, and a restart of every task after each commit.
    Restarted,
    /// Batches, commits, restarts and the order of partitions by chance.
    Random(u64),
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole => write!(f, "everything in one batch"),
            Self::Single => write!(f, "a commit after each record"),
            Self::Restarted => write!(f, "a restart after each record"),
            Self::Random(seed) => write!(f, "by chance, TIDEMILL_TEST_SEED={seed}"),
        }
    }
}

/// All ways.
pub(crate) fn ways(seeds: u64) -> Vec<Way> {
    let seed = std::env::var("TIDEMILL_TEST_SEED").ok();
    match seed.and_then(|s| s.parse().ok()) {
        Some(seed) => vec![Way::Random(seed)],
        None => [Way::Whole, Way::Single, Way::Restarted]
            .into_iter()
            .chain((0..seeds).map(Way::Random))
            .collect(),
    }
}

/// Runs a case in one way, and compares.
pub(crate) fn run(case: &Case, plan: &Arc<Plan>, way: Way) -> Result<(), String> {
    let partitions = case.sources.iter().map(|s| s.partitions).collect();
    let mut world = World::new(plan, partitions);
    let mut records = BTreeMap::new();
    let mut waiting = Vec::new();
    for event in &case.input {
        match event {
            Event::Record(record) => {
                let sources = waiting.last().map(|r: &&Record| [r.source, record.source]);
                let is_table = |source: usize| case.sources[source].is_table();
                if sources.is_some_and(|[a, b]| a != b && (is_table(a) || is_table(b))) {
                    take(&mut world, &mut waiting, &mut records, way);
                }
                waiting.push(record);
            }
            Event::Idle(source, partition) => {
                take(&mut world, &mut waiting, &mut records, way);
                world.idle(*source, *partition);
                world.settle();
            }
            Event::SoFar(stream, table) => {
                take(&mut world, &mut waiting, &mut records, way);
                verdict::rows(plan, &world.rows, stream, table)
                    .map_err(|difference| format!("{stream} so far {difference}"))?;
            }
        }
    }
    take(&mut world, &mut waiting, &mut records, way);
    world.finish();
    for stream in &case.streams {
        let table = case.rows.get(&stream.name);
        let table = table.ok_or(format!("there is no `rows {}:`", stream.name))?;
        verdict::rows(plan, &world.rows, &stream.name, table)
            .map_err(|difference| format!("{} {difference}", stream.name))?;
    }
    verdict::dead_letters(case, &records, &world)
}

/// The records in the logs, by source, partition and offset.
pub(crate) type Logged<'a> = BTreeMap<(usize, usize, usize), &'a Record>;

/// Takes the records that wait in, in one way; then all of them are done and committed.
fn take<'a>(world: &mut World, waiting: &mut Vec<&'a Record>, logged: &mut Logged<'a>, way: Way) {
    for record in waiting.drain(..) {
        let place = (record.source, record.partition);
        let offset = logged
            .range((place.0, place.1, 0)..=(place.0, place.1, usize::MAX))
            .count();
        logged.insert((place.0, place.1, offset), record);
        let value = record.value.as_ref().map(|v| v.clone().into_bytes());
        let key = record.key.clone();
        world.append(record.source, record.partition, Message { key, value });
        if matches!(way, Way::Single | Way::Restarted) {
            world.settle();
        }
        if matches!(way, Way::Restarted) {
            (0..world.slots()).for_each(|slot| world.restart(slot));
        }
    }
    if let Way::Random(seed) = way {
        by_chance(world, seed.wrapping_add(logged.len() as u64));
    }
    world.settle();
}

fn by_chance(world: &mut World, seed: u64) {
    let mut rng = StdRng::seed_from_u64(seed);
    let most = rng.random_range(1..8);
    let (commit, crash) = (rng.random_range(0.1..0.9), rng.random_range(0.0..0.2));
    for _ in 0..20 * world.slots() {
        let slot = rng.random_range(0..world.slots());
        world.process(slot, rng.random_range(0..=most));
        if rng.random_bool(commit) {
            world.commit(slot);
        }
        if rng.random_bool(crash) {
            world.restart(slot);
        }
    }
}
