//! State that does not fit into memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

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

    fn scan(&self, _: &[u8], _: usize) -> Result<Vec<Row>> {
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
        fn scan(&self, from: &[u8], limit: usize) -> Result<Vec<Row>> {
            self.0.scan(from, limit)
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
