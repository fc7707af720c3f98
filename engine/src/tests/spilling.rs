//! State that does not fit into memory.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tidemill_plan::model::{Frame, OverCall, OverFunction};

use super::joins::{self, Given, JOINED};
use super::over;
use super::*;
use crate::disk::{Change, Disk, DiskError, Result, Row, Shelf};

/// A disk that is full after so many times that something was put onto it.
#[derive(Debug)]
struct Full(AtomicUsize);

#[derive(Debug)]
struct FullShelf;

impl Disk for Full {
    fn shelf(&self) -> Result<Box<dyn Shelf>> {
        match self.0.fetch_sub(1, Ordering::Relaxed) {
            0 => Err(DiskError("no space left".into())),
            _ => Ok(Box::new(FullShelf)),
        }
    }
}

impl Shelf for FullShelf {
    fn get(&self, keys: &[Vec<u8>]) -> Result<Vec<Option<Vec<u8>>>> {
        Ok(vec![None; keys.len()])
    }

    fn put(&mut self, _: &mut dyn Iterator<Item = Change>) -> Result<()> {
        Err(DiskError("no space left on it".into()))
    }

    fn scan(&self, _: &[u8], _: Option<&[u8]>, _: usize) -> Result<Vec<Row>> {
        Ok(Vec::new())
    }
}

fn keys(count: i64, seconds: i64) -> Vec<Vec<u8>> {
    let record = |i| record(&format!("key {i}"), 1, seconds);
    (0..count).map(record).collect()
}

fn session() -> Shape {
    Shape {
        kind: WindowKind::Session { gap: 10 * SECOND },
        ..shape(Exchange::Local)
    }
}

/// The state of `sums`: groups and bytes.
fn sums(world: &World) -> (usize, usize) {
    let state = world.slots[0].task.state().find(|s| s.stream == 1).unwrap();
    (state.groups, state.bytes)
}

#[test]
fn no_more_is_in_memory_than_may_be_nor_after_a_restart() {
    let mut rng = StdRng::seed_from_u64(1);
    for shape in [shape(Exchange::Local), session()] {
        let log = keys(3_000, 0);
        let mut world = World::in_room(plan(&shape), vec![log], room(90_000));
        for _ in 0..10 {
            world.process(0, 300);
            world.commit(0);
            let bytes = world.slots[0].task.bytes();
            assert!(bytes < 200_000, "{bytes} bytes");
        }
        let groups = sums(&world).0;
        assert_eq!(groups, 3_000);
        world.crash(0, &mut rng);
        let bytes = world.slots[0].task.bytes();
        assert!(bytes < 200_000, "{bytes} bytes after a restart");
        world.sources[0].extend(keys(3_000, 1));
        world.drain();
        assert_eq!(sums(&world).0, 3_000, "none is there twice");
        world.finish_sources();
        world.drain();
        let rows = appended(&world, 1);
        assert_eq!(rows.len(), 3_000);
        assert!(rows.iter().all(|row| row[3] == "2"), "{:?}", rows[0]);
        assert_eq!(sums(&world).0, 0);
    }
}

/// Takes all that there is in steps, with a restart of the last task now and then. It holds no more bytes than so many.
fn step_by_step(world: &mut World, steps: &[(usize, usize)], most: usize) {
    let mut rng = StdRng::seed_from_u64(1);
    let last = world.slots.len() - 1;
    for (step, &(slot, records)) in steps.iter().enumerate() {
        world.process(slot, records);
        world.commit(slot);
        for shard in world.sources.len()..=last {
            world.process(shard, usize::MAX >> 1);
            world.commit(shard);
        }
        if step % 4 == 3 {
            world.crash(last, &mut rng);
        }
        let bytes = world.slots[last].task.bytes();
        assert!(bytes <= most, "{bytes} bytes after step {step}");
    }
}

/// The rows of a stream with hardly any memory, which must be those with plenty, in the same order.
fn with_little_and_with_plenty(
    stream: usize,
    world: impl Fn(Room) -> World,
    steps: &[(usize, usize)],
) -> Vec<Vec<String>> {
    let (little, most) = (40_000, 90_000);
    let rows = [(usize::MAX, usize::MAX), (little, most)].map(|(bytes, most)| {
        let mut world = world(room(bytes));
        step_by_step(&mut world, steps, most);
        world.finish_sources();
        world.drain();
        let rows = world.rows_of(Input::Stream(stream)).into_iter();
        rows.map(|(row, _)| row).collect::<Vec<_>>()
    });
    let [plenty, little] = rows;
    let different = little.iter().zip(&plenty).find(|(l, p)| l != p);
    assert_eq!(different, None, "with little memory, and with plenty");
    assert_eq!(little.len(), plenty.len());
    plenty
}

#[test]
fn rows_that_are_joined_are_the_same_in_little_memory() {
    let given = Given {
        alone: (true, true),
        earliest: -100 * SECOND,
        latest: 1_000 * SECOND,
        ..Given::default()
    };
    // Left rows, then right ones of every third key, then time for all to go; one key has many.
    let log = (0..6_000i64).map(|i| match i {
        _ if i % 50 == 0 => record("often", i / 50 % 2 * 9 + 2, i / 20),
        ..3_000 => record(&format!("k{i}"), 2, i / 20),
        3_000..4_000 => record(&format!("k{}", (i - 3_000) * 3), 1, i / 20),
        _ => record(&format!("later {i}"), i % 2 * 9 + 2, i),
    });
    let log: Vec<_> = log.collect();
    let world = |room| World::in_room(joins::plan(&given), vec![log.clone()], room);
    let rows = with_little_and_with_plenty(JOINED, world, &[(0, 150); 40]);
    let alone = rows
        .iter()
        .filter(|row| row[0] == "null" || row[3] == "null");
    let (alone, all) = (alone.count(), rows.len());
    assert!(alone > 3_000 && all - alone > 1_500, "{alone} of {all}");
}

#[test]
fn rows_with_functions_are_the_same_in_little_memory() {
    let call = |function, frame| OverCall {
        function,
        frame,
        argument: Some(over::V),
    };
    let calls = [
        over::sum(Frame::Range(Some(1_000 * SECOND))),
        over::sum(Frame::Rows(None)),
        call(OverFunction::Min, Frame::Rows(Some(3))),
        call(OverFunction::Lag(2), Frame::Rows(None)),
    ];
    // Two partitions: of one nothing comes for long, so that the rows of the other wait.
    let of = |partition: i64| {
        let seconds = move |i: i64| i / 4;
        let key = move |i: i64| match i % 5 {
            0 => "often".to_owned(),
            _ => format!("k{}", (i * 7 + partition) % 1_500),
        };
        let rows = (0..3_000i64).map(move |i| record(&key(i), i % 5 * 2 + 10, seconds(i)));
        rows.collect::<Vec<_>>()
    };
    let logs = vec![of(0), of(1)];
    let behind = [[(0, 150); 10].as_slice(), &[(1, 300); 10]].concat();
    let turns = [(0, 150), (1, 150)].repeat(10);
    for (calls, shards) in [(&calls[..1], 1), (&calls[1..], 1), (&calls[..], 1)] {
        let exchange = Exchange::Shuffle { shards };
        let plan = over::plan(calls, &exchange, Late::DeadLetter);
        let world = |room| World::in_room(Arc::clone(&plan), logs.clone(), room);
        let steps = [behind.clone(), turns.clone()].concat();
        let rows = with_little_and_with_plenty(1, world, &steps);
        assert_eq!(rows.len(), 6_000);
    }
}

#[test]
fn sessions_close_piece_by_piece_where_memory_is_short() {
    let mut rng = StdRng::seed_from_u64(1);
    let mut log = keys(500, 0);
    log.push(record("late", 1, 100));
    for crashes in [false, true] {
        let mut world = World::in_room(plan(&session()), vec![log.clone()], room(20_000));
        world.process(0, 500);
        world.commit(0);
        assert_eq!(appended(&world, 1).len(), 0);
        world.process(0, 1);
        let mut commits = 0;
        while commits == 0 || world.slots[0].task.is_closing() {
            let before = appended(&world, 1).len();
            world.commit(0);
            commits += 1;
            let closed = appended(&world, 1).len() - before;
            assert!(closed < 100, "{closed} at once");
            if crashes {
                world.crash(0, &mut rng);
                assert!(
                    world.slots[0].task.is_closing(),
                    "it is looked at after a restart"
                );
                if appended(&world, 1).len() == 500 {
                    break;
                }
            }
        }
        assert_eq!(appended(&world, 1).len(), 500, "each of them once");
        assert!(commits > 5, "{commits}");
    }
}

#[test]
fn rows_go_on_piece_by_piece_where_memory_is_short() {
    let mut rng = StdRng::seed_from_u64(1);
    let mut log: Vec<_> = (0..600)
        .map(|i| record(&format!("k{}", i % 200), 1, i / 300))
        .collect();
    log.push(record("last", 1, 100));
    let calls = [over::sum(Frame::Rows(None))];
    let plan = over::plan(&calls, &Exchange::Local, Late::DeadLetter);
    for crashes in [false, true] {
        let mut world = World::in_room(Arc::clone(&plan), vec![log.clone()], room(20_000));
        world.process(0, 600);
        world.commit(0);
        assert_eq!(appended(&world, 1).len(), 0);
        world.process(0, 1);
        let mut commits = 0;
        while commits == 0 || world.slots[0].task.is_closing() {
            let before = appended(&world, 1).len();
            world.commit(0);
            commits += 1;
            let gone = appended(&world, 1).len() - before;
            assert!(gone < 100, "{gone} at once");
            if crashes && world.slots[0].task.is_closing() {
                world.crash(0, &mut rng);
                assert!(
                    world.slots[0].task.is_closing(),
                    "it goes on after a restart"
                );
            }
        }
        assert!(commits > 5, "{commits}");
        let rows = appended(&world, 1);
        assert_eq!(rows.len(), 600, "each of them once");
        for times in 1..=3 {
            let sums = rows.iter().filter(|row| row[4] == times.to_string());
            assert_eq!(sums.count(), 200, "{crashes}");
        }
    }
}

#[test]
fn rows_that_belong_to_none_go_on_piece_by_piece_where_memory_is_short() {
    let mut rng = StdRng::seed_from_u64(1);
    let given = Given {
        alone: (true, false),
        earliest: 0,
        latest: 100 * SECOND,
        ..Given::default()
    };
    let mut log: Vec<_> = (0..600)
        .map(|i| record(&format!("k{i}"), 2, i / 300))
        .collect();
    log.push(record("last", 2, 1_000));
    for (bytes, crashes) in [(20_000, false), (20_000, true), (1 << 20, true)] {
        let mut world = World::in_room(joins::plan(&given), vec![log.clone()], room(bytes));
        world.process(0, 600);
        world.commit(0);
        world.process(0, 1);
        let mut commits = 0;
        while commits == 0 || world.slots[0].task.is_closing() {
            let before = appended(&world, JOINED).len();
            world.commit(0);
            commits += 1;
            let gone = appended(&world, JOINED).len() - before;
            assert!(gone < 100, "{gone} at once");
            if crashes && world.slots[0].task.is_closing() {
                world.crash(0, &mut rng);
            }
        }
        assert!(commits > 5, "{commits}");
        let rows = appended(&world, JOINED);
        assert_eq!(rows.len(), 600);
        let keys: BTreeSet<_> = rows.iter().map(|row| &row[0]).collect();
        assert_eq!(keys.len(), 600, "each of them once");
    }
}

#[test]
fn keys_that_are_used_stay() {
    #[derive(Debug, Default)]
    struct Counted(Heap, Arc<AtomicUsize>);
    #[derive(Debug)]
    struct CountedShelf(Box<dyn Shelf>, Arc<AtomicUsize>);
    impl Disk for Counted {
        fn shelf(&self) -> Result<Box<dyn Shelf>> {
            Ok(Box::new(CountedShelf(self.0.shelf()?, Arc::clone(&self.1))))
        }
    }
    impl Shelf for CountedShelf {
        fn get(&self, keys: &[Vec<u8>]) -> Result<Vec<Option<Vec<u8>>>> {
            let found = self.0.get(keys)?;
            let count = found.iter().flatten().count();
            self.1.fetch_add(count, Ordering::Relaxed);
            Ok(found)
        }
        fn put(&mut self, rows: &mut dyn Iterator<Item = Change>) -> Result<()> {
            self.0.put(rows)
        }
        fn scan(&self, from: &[u8], until: Option<&[u8]>, limit: usize) -> Result<Vec<Row>> {
            self.0.scan(from, until, limit)
        }
    }
    for shape in [shape(Exchange::Local), session()] {
        let disk = Counted::default();
        let read = Arc::clone(&disk.1);
        let room = Room {
            bytes: 1_000_000,
            at_once: usize::MAX,
            disk: Arc::new(disk),
        };
        let hot = keys(10, 0);
        let cold = (0..6_000).map(|i| record(&format!("cold {i}"), 1, 0));
        let log: Vec<Vec<u8>> = cold
            .collect::<Vec<_>>()
            .chunks(150)
            .flat_map(|cold| [hot.as_slice(), cold].concat())
            .collect();
        let mut world = World::in_room(plan(&shape), vec![log], room);
        while world.process(0, 160) > 0 {
            world.commit(0);
        }
        assert_eq!(sums(&world).0, 6_010);
        let read = read.load(Ordering::Relaxed);
        // Ten keys in forty commits, of three groupings and more.
        assert!(read < 400, "hot keys were read {read} times");
    }
}

#[test]
fn a_disk_that_is_full_is_an_error() {
    for shape in [shape(Exchange::Local), session()] {
        for times in [0, 1] {
            let room = Room {
                bytes: 0,
                at_once: usize::MAX,
                disk: Arc::new(Full(AtomicUsize::new(times))),
            };
            let mut task = Task::source(plan(&shape), 0, 0).unwrap();
            task.set_room(&room);
            let mut fx = Effects::default();
            give(&mut task, "records", 0, 0, &keys(10, 0), &mut fx);
            let error = task.flush(&mut fx).unwrap_err();
            assert!(matches!(error, EngineError::Disk(_)), "{error}");
            assert!(error.to_string().contains("no space left"), "{error}");
        }
    }
}
