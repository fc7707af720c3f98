//! The log as its users see it: on files in temporary folders, one process and several.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(clippy::print_stderr)]

mod processes;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use tempfile::TempDir;
use tidemill_engine::record::Headers;

use super::append::Staged;
use super::*;
use crate::log::{
    Admin, Commit, Committer, GroupEvent, Outcome, Packed, Position, Produced, Reader, Start,
    Taken, TopicPartition, TopicSpec,
};

/// Long enough that only a fault gets there.
const LONG: Duration = Duration::from_secs(60);

fn log() -> (TempDir, EmbeddedLog) {
    let folder = tempfile::tempdir().unwrap();
    let log = EmbeddedLog::open(folder.path().join("log.db")).unwrap();
    (folder, log)
}

fn topic(log: &EmbeddedLog, name: &str, partitions: u32, compacted: bool) {
    let spec = TopicSpec {
        name: name.to_owned(),
        partitions,
        compacted,
        config: Vec::new(),
    };
    log.admin().unwrap().ensure(&[spec]).unwrap();
}

fn at(topic: &str, partition: i32) -> TopicPartition {
    TopicPartition {
        topic: topic.into(),
        partition,
    }
}

fn position(offset: i64) -> Position {
    Position {
        offset,
        clock: format!("clock {offset}"),
    }
}

fn record(partition: i32, key: &str, value: &str) -> Produced {
    Produced {
        partition: Some(partition),
        key: Some(key.into()),
        value: Some(value.into()),
        headers: Headers::new(),
    }
}

fn tombstone(key: &str) -> Produced {
    Produced {
        partition: Some(0),
        key: Some(key.into()),
        ..Produced::default()
    }
}

fn write(log: &EmbeddedLog, topic: &str, records: &[Produced]) {
    log.admin().unwrap().write(topic, records).unwrap();
}

/// The values of a topic, partition by partition, with their offsets.
fn contents(log: &EmbeddedLog, topic: &str) -> Vec<(i32, i64, String)> {
    let mut all = Vec::new();
    let mut each = |batch: &tidemill_engine::record::RawBatch<'_>| {
        for r in batch.records {
            let value = String::from_utf8_lossy(r.value.unwrap_or(b"(null)")).into_owned();
            all.push((batch.partition, r.offset, value));
        }
        true
    };
    log.admin().unwrap().read(topic, false, &mut each).unwrap();
    all
}

/// A reader that has joined, and its share.
fn joined(
    log: &EmbeddedLog,
    group: &str,
    topics: &[&str],
) -> (EmbeddedReader, Vec<TopicPartition>) {
    let mut reader = log.reader(group).unwrap();
    reader
        .subscribe(&topics.iter().map(ToString::to_string).collect::<Vec<_>>())
        .unwrap();
    let share = assigned(&mut reader);
    (reader, share)
}

/// Waits for an event.
fn event(reader: &mut EmbeddedReader) -> GroupEvent {
    loop {
        if let Some(event) = reader.events(LONG).unwrap().pop() {
            return event;
        }
    }
}

/// Waits for a share and starts to read it from the committed positions.
fn assigned(reader: &mut EmbeddedReader) -> Vec<TopicPartition> {
    let share = match event(reader) {
        GroupEvent::Assigned(share) => share,
        other => panic!("{other:?} instead of a share"),
    };
    let positions = reader.committed(&share).unwrap();
    let starts: Vec<_> = share
        .iter()
        .cloned()
        .zip(positions)
        .map(|(p, position)| (p, position.map_or(Start::Earliest, |p| Start::At(p.offset))))
        .collect();
    reader.assign(&starts).unwrap();
    share
}

fn take(reader: &mut EmbeddedReader, partition: &TopicPartition, max: usize) -> (Vec<i64>, Taken) {
    let mut offsets = Vec::new();
    let taken = reader
        .take(partition, max, &mut |batch| {
            offsets.extend(batch.records.iter().map(|r| r.offset));
        })
        .unwrap();
    assert_eq!(offsets.len(), taken.records);
    (offsets, taken)
}

fn positions(entries: &[(TopicPartition, i64)]) -> Commit {
    Commit {
        positions: entries
            .iter()
            .map(|(p, offset)| (p.clone(), position(*offset)))
            .collect(),
        ..Commit::default()
    }
}

#[test]
fn a_record_is_read_as_it_was_written() {
    let (_folder, log) = log();
    topic(&log, "t", 3, false);
    let mut headed = record(2, "k", "v");
    headed.headers = vec![("a".into(), Some(b"1".to_vec())), ("b".into(), None)];
    write(&log, "t", &[headed.clone(), tombstone("gone")]);
    let empty = Produced {
        partition: Some(2),
        value: Some(Vec::new()),
        ..Produced::default()
    };
    write(&log, "t", std::slice::from_ref(&empty));

    let mut seen = Vec::new();
    let before = now();
    log.admin()
        .unwrap()
        .read("t", false, &mut |batch| {
            for (i, r) in batch.records.iter().enumerate() {
                assert!(r.timestamp <= before && r.timestamp > before - 60_000);
                let produced = Produced {
                    partition: Some(batch.partition),
                    key: r.key.map(<[u8]>::to_vec),
                    value: r.value.map(<[u8]>::to_vec),
                    headers: (batch.headers)(i),
                };
                seen.push((r.offset, produced));
            }
            true
        })
        .unwrap();
    assert_eq!(seen, [(0, tombstone("gone")), (0, headed), (1, empty)]);
}

#[test]
fn keys_decide_as_in_java_and_records_without_one_are_spread() {
    let (_folder, log) = log();
    topic(&log, "t", 4, false);
    let keyed = Produced {
        partition: None,
        ..record(0, "foobar", "keyed")
    };
    let plain = Produced {
        value: Some(b"plain".to_vec()),
        ..Produced::default()
    };
    write(
        &log,
        "t",
        &[keyed, plain.clone(), plain.clone(), plain.clone(), plain],
    );
    let all = contents(&log, "t");
    let home = crate::log::partitioner::partition_of(b"foobar", 4).cast_signed();
    assert!(all.contains(&(home, 0, "keyed".to_owned())));
    for partition in 0..4 {
        let plain = all.iter().filter(|r| r.0 == partition && r.2 == "plain");
        assert_eq!(plain.count(), 1, "partition {partition}");
    }
}

#[test]
fn a_commit_is_rows_state_and_positions() {
    let (_folder, log) = log();
    topic(&log, "in", 1, false);
    topic(&log, "out", 1, false);
    topic(&log, "state", 1, true);
    let (mut reader, share) = joined(&log, "g", &["in"]);
    assert_eq!(share, [at("in", 0)]);
    assert_eq!(reader.committed(&share).unwrap(), [None]);

    let mut committer = log.committer(reader.membership()).unwrap();
    committer.init().unwrap();
    let commit = Commit {
        packed: vec![(
            "out".into(),
            Packed {
                arena: b"keyrow1row2".to_vec(),
                records: vec![
                    (Some(0..3), Some(3..7)),
                    (Some(0..3), Some(7..11)),
                    (None, None),
                ],
            },
        )],
        produced: vec![("state".into(), record(0, "s", "1"))],
        positions: vec![(at("in", 0), position(7))],
        traceparent: Some("00-aa-bb-01".to_owned()),
    };
    assert_eq!(committer.commit(&commit), Outcome::Committed);

    assert_eq!(reader.committed(&share).unwrap(), [Some(position(7))]);
    assert_eq!(
        reader.end_offsets(&[at("out", 0), at("state", 0)]).unwrap(),
        [3, 1]
    );
    let mut rows = Vec::new();
    log.admin()
        .unwrap()
        .read("out", false, &mut |batch| {
            for (i, r) in batch.records.iter().enumerate() {
                let traceparent = ("traceparent".to_owned(), Some(b"00-aa-bb-01".to_vec()));
                assert_eq!((batch.headers)(i), [traceparent]);
                rows.push((r.key.map(<[u8]>::to_vec), r.value.map(<[u8]>::to_vec)));
            }
            true
        })
        .unwrap();
    let key = || Some(b"key".to_vec());
    let row = |row: &str| Some(row.as_bytes().to_vec());
    assert_eq!(
        rows,
        [(key(), row("row1")), (key(), row("row2")), (None, None)]
    );
    let mut state = Vec::new();
    reader
        .restore(&at("state", 0), &AtomicBool::new(false), &mut |k, v| {
            state.push((k.to_vec(), v.map(<[u8]>::to_vec)));
        })
        .unwrap();
    assert_eq!(state, [(b"s".to_vec(), Some(b"1".to_vec()))]);
}

#[test]
fn what_cannot_be_committed_leaves_no_trace() {
    let (_folder, log) = log();
    topic(&log, "in", 1, false);
    topic(&log, "out", 1, false);
    let (mut reader, share) = joined(&log, "g", &["in"]);
    let mut committer = log.committer(reader.membership()).unwrap();
    let mut commit = positions(&[(at("in", 0), 3)]);
    commit.produced = vec![
        ("out".into(), record(0, "k", "v")),
        ("nowhere".into(), record(0, "k", "v")),
    ];
    assert_eq!(
        committer.commit(&commit),
        Outcome::Fatal("there is no topic \"nowhere\"".to_owned())
    );
    commit.produced = vec![("out".into(), record(1, "k", "v"))];
    assert!(matches!(committer.commit(&commit), Outcome::Fatal(m) if m.contains("no partition 1")));
    commit.produced.clear();
    commit.packed = vec![(
        "out".into(),
        Packed {
            arena: vec![0; 3],
            records: vec![(None, Some(1..9))],
        },
    )];
    assert!(matches!(committer.commit(&commit), Outcome::Fatal(m) if m.contains("1..9")));
    assert_eq!(reader.committed(&share).unwrap(), [None]);
    assert_eq!(contents(&log, "out"), []);
}

#[test]
fn a_commit_that_stops_in_the_middle_was_never_there() {
    let (folder, log) = log();
    topic(&log, "t", 1, false);
    write(&log, "t", &[record(0, "k", "before")]);
    let mut other = block_on(sqlite::connect(&folder.path().join("log.db"))).unwrap();
    let mut staged = Staged::new(0);
    block_on(async {
        let mut catalog = catalog::Catalog::default();
        let half = record(0, "k", "half");
        staged
            .produce(&mut other, &mut catalog, "t", &half)
            .await
            .unwrap();
        let mut tx = sqlite::begin(&mut other).await.unwrap();
        staged.write(&mut tx).await.unwrap();
        // The process is gone: neither a commit nor a rollback.
        std::mem::forget(tx);
    });
    assert_eq!(contents(&log, "t"), [(0, 0, "before".to_owned())]);
    drop(other);
    write(&log, "t", &[record(0, "k", "after")]);
    assert_eq!(
        contents(&log, "t"),
        [(0, 0, "before".to_owned()), (0, 1, "after".to_owned())]
    );
}

#[test]
fn reading_starts_where_it_is_told() {
    let (_folder, log) = log();
    topic(&log, "t", 1, false);
    let p = at("t", 0);
    let (mut reader, _) = joined(&log, "g", &["t"]);
    let mut since = 0;
    for i in 0..4 {
        if i == 2 {
            let last = now();
            while now() == last {
                std::thread::yield_now();
            }
            since = now();
        }
        write(&log, "t", &[record(0, "k", "a"), record(0, "k", "b")]);
    }
    for (start, first) in [
        (Start::Earliest, 0),
        (Start::At(3), 3),
        (Start::Timestamp(0), 0),
        (Start::Timestamp(since), 4),
    ] {
        reader.assign(&[(p.clone(), start)]).unwrap();
        let (offsets, taken) = take(&mut reader, &p, 100);
        assert_eq!(offsets, (first..8).collect::<Vec<_>>(), "{start:?}");
        assert_eq!((taken.next_offset, taken.at_end), (8, true));
    }
    for start in [Start::Latest, Start::Timestamp(i64::MAX)] {
        reader.assign(&[(p.clone(), start)]).unwrap();
        let (offsets, taken) = take(&mut reader, &p, 100);
        assert_eq!(
            (offsets.len(), taken.next_offset, taken.at_end),
            (0, 8, true)
        );
    }
    reader.seek(&p, 5).unwrap();
    let (offsets, taken) = take(&mut reader, &p, 2);
    assert_eq!(
        (offsets, taken.next_offset, taken.at_end),
        (vec![5, 6], 7, false)
    );
    assert_eq!(take(&mut reader, &p, 2).0, [7]);
    reader.unassign().unwrap();
    assert!(reader.take(&p, 1, &mut |_| {}).is_err());
    assert!(reader.seek(&p, 0).is_err());
}

#[test]
fn a_waiting_reader_is_woken_and_one_that_holds_back_does_not_spin() {
    let (_folder, log) = log();
    topic(&log, "t", 1, false);
    let (mut reader, _) = joined(&log, "g", &["t"]);
    let writer = log.clone();
    let writing = std::thread::spawn(move || write(&writer, "t", &[record(0, "k", "v")]));
    assert_eq!(reader.events(LONG).unwrap(), []);
    writing.join().unwrap();
    // It was told; it does not come for the record; it waits.
    let wait = Duration::from_millis(120);
    let started = std::time::Instant::now();
    reader.events(wait).unwrap();
    assert!(started.elapsed() >= wait);
    // It takes nothing yet, but asks: it is told again.
    assert_eq!(take(&mut reader, &at("t", 0), 0).1.records, 0);
    reader.events(LONG).unwrap();
    assert_eq!(take(&mut reader, &at("t", 0), 9).0, [0]);
}

#[test]
fn members_share_and_take_over_from_one_that_leaves() {
    let (folder, log) = log();
    topic(&log, "a", 4, false);
    topic(&log, "b", 4, false);
    let (mut one, share) = joined(&log, "g", &["a", "b"]);
    assert_eq!(share.len(), 8);
    let mut committer = log.committer(one.membership()).unwrap();

    // The other is in another process, so to speak.
    let other = EmbeddedLog::open(folder.path().join("log.db")).unwrap();
    let mut two = other.reader("g").unwrap();
    two.subscribe(&["a".to_owned(), "b".to_owned()]).unwrap();
    assert_eq!(
        two.events(Duration::ZERO).unwrap(),
        [],
        "the first has all of it still"
    );
    assert_eq!(event(&mut one), GroupEvent::Revoked);
    assert_eq!(two.events(Duration::ZERO).unwrap(), []);
    // Being asked for its partitions it may still commit.
    let commit = positions(&[(at("a", 3), 5)]);
    assert_eq!(committer.commit(&commit), Outcome::Committed);
    one.unassign().unwrap();
    assert!(matches!(committer.commit(&commit), Outcome::Fenced(_)));

    let (first, second) = (assigned(&mut one), assigned(&mut two));
    assert_eq!(first, [at("a", 0), at("a", 1), at("b", 0), at("b", 1)]);
    assert_eq!(second, [at("a", 2), at("a", 3), at("b", 2), at("b", 3)]);
    assert_eq!(two.committed(&[at("a", 3)]).unwrap(), [Some(position(5))]);
    assert!(matches!(committer.commit(&commit), Outcome::Fenced(m) if m.contains("partition 3")));
    let commit = positions(&[(at("a", 0), 1)]);
    assert_eq!(committer.commit(&commit), Outcome::Committed);

    one.leave().unwrap();
    assert!(matches!(committer.commit(&commit), Outcome::Fenced(_)));
    assert_eq!(event(&mut two), GroupEvent::Revoked);
    two.unassign().unwrap();
    assert_eq!(assigned(&mut two).len(), 8);
}

#[test]
fn a_zombie_loses_its_partitions_and_its_commits_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log.db");
    let lease = Duration::from_millis(200);
    let log = EmbeddedLog::with_lease(&path, lease).unwrap();
    topic(&log, "in", 2, false);
    topic(&log, "out", 1, false);
    let (mut zombie, share) = joined(&log, "g", &["in"]);
    let mut commit = positions(&[(at("in", 0), 1)]);
    commit.produced = vec![("out".into(), record(0, "k", "from the zombie"))];
    let mut committer = log.committer(zombie.membership()).unwrap();

    // It sleeps, and its lease with it; another one takes over.
    let (mut heir, inherited) = joined(&log, "g", &["in"]);
    assert_eq!(inherited, share);
    assert!(matches!(committer.commit(&commit), Outcome::Fenced(_)));
    assert_eq!(contents(&log, "out"), []);
    assert_eq!(heir.committed(&share).unwrap(), [None, None]);
    let mut heirs = log.committer(heir.membership()).unwrap();
    assert_eq!(
        heirs.commit(&positions(&[(at("in", 1), 2)])),
        Outcome::Committed
    );

    assert_eq!(event(&mut zombie), GroupEvent::Lost);
    zombie.unassign().unwrap();
    zombie.events(Duration::ZERO).unwrap();
    // On a slow machine its own lease may have run out meanwhile.
    let moved = event(&mut heir);
    assert!(matches!(moved, GroupEvent::Revoked | GroupEvent::Lost));
}

#[test]
fn a_topic_made_later_is_shared_out_when_it_comes() {
    let (_folder, log) = log();
    topic(&log, "a", 1, false);
    let (mut reader, share) = joined(&log, "g", &["a", "later"]);
    let (mut unmoved, _) = joined(&log, "h", &["a"]);
    assert_eq!(share, [at("a", 0)]);
    topic(&log, "later", 2, false);
    assert_eq!(event(&mut reader), GroupEvent::Revoked);
    reader.unassign().unwrap();
    assert_eq!(
        assigned(&mut reader),
        [at("a", 0), at("later", 0), at("later", 1)]
    );
    assert_eq!(unmoved.events(Duration::ZERO).unwrap(), []);
}

#[test]
fn a_topic_that_grows_is_shared_out_anew_and_written_whole() {
    let (_folder, log) = log();
    topic(&log, "a", 1, false);
    write(&log, "a", &[record(0, "k", "before")]);
    let (mut reader, share) = joined(&log, "g", &["a"]);
    assert_eq!(share, [at("a", 0)]);
    let mut admin = log.admin().unwrap();
    admin.grow("a", 3).unwrap();
    admin.grow("a", 2).unwrap();
    assert_eq!(admin.partitions(&["a".to_owned()]).unwrap(), [Some(3)]);
    assert!(admin.grow("no", 2).is_err());
    assert_eq!(event(&mut reader), GroupEvent::Revoked);
    let mut committer = log.committer(reader.membership()).unwrap();
    reader.unassign().unwrap();
    assert_eq!(assigned(&mut reader), [at("a", 0), at("a", 1), at("a", 2)]);
    admin.write("a", &[record(2, "k", "after")]).unwrap();
    assert_eq!(
        committer.commit(&positions(&[(at("a", 2), 1)])),
        Outcome::Committed
    );
    let found = contents(&log, "a");
    assert_eq!(
        found,
        [(0, 0, "before".to_owned()), (2, 0, "after".to_owned())]
    );
}

#[test]
fn topics_are_made_once_and_listed() {
    let (_folder, log) = log();
    topic(&log, "b", 2, false);
    topic(&log, "a", 1, true);
    topic(&log, "b", 1, false);
    let mut admin = log.admin().unwrap();
    assert_eq!(
        admin.list().unwrap(),
        [("a".to_owned(), 1), ("b".to_owned(), 2)]
    );
    let names = ["a".to_owned(), "no".to_owned(), "b".to_owned()];
    assert_eq!(admin.partitions(&names).unwrap(), [Some(1), None, Some(2)]);
    let more = TopicSpec {
        name: "b".to_owned(),
        partitions: 3,
        compacted: false,
        config: Vec::new(),
    };
    assert_eq!(
        admin.ensure(&[more]).unwrap_err().to_string(),
        "topic \"b\" has 2 partitions, 3 are wanted"
    );
    assert!(admin.write("no", &[record(0, "k", "v")]).is_err());
    assert!(admin.read("no", false, &mut |_| true).is_err());
}

#[test]
fn a_follower_sees_what_comes_until_it_has_enough() {
    let (_folder, log) = log();
    topic(&log, "t", 2, false);
    write(&log, "t", &[record(1, "k", "0"), record(0, "k", "1")]);
    let writer = log.clone();
    let writing = std::thread::spawn(move || {
        for i in 2..6 {
            write(&writer, "t", &[record(i % 2, "k", &i.to_string())]);
        }
    });
    let mut values = Vec::new();
    let mut each = |batch: &tidemill_engine::record::RawBatch<'_>| {
        values.extend(batch.records.iter().map(|r| r.value.unwrap().to_vec()));
        values.len() < 6
    };
    log.admin().unwrap().read("t", true, &mut each).unwrap();
    writing.join().unwrap();
    values.sort();
    assert_eq!(values, [b"0", b"1", b"2", b"3", b"4", b"5"]);
}

#[test]
fn a_file_that_is_no_log_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log.db");
    let junk = "this is a letter, and not a database ".repeat(30);
    std::fs::write(&path, &junk).unwrap();
    assert!(matches!(
        EmbeddedLog::open(&path),
        Err(LogError::Refused(_))
    ));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), junk);
    let other = folder.path().join("other.db");
    block_on(async {
        let mut connection = sqlite::connect(&other).await.unwrap();
        sqlx::query("CREATE TABLE mine (x)")
            .execute(&mut connection)
            .await
            .unwrap();
    });
    let refused = EmbeddedLog::open(&other).unwrap_err().to_string();
    assert!(
        refused.contains("is not a log of this version"),
        "{refused}"
    );
    assert!(EmbeddedLog::open(folder.path().join("no/folder/log.db")).is_err());
}

fn restored(log: &EmbeddedLog) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let mut state = BTreeMap::new();
    log.reader("any")
        .unwrap()
        .restore(
            &at("state", 0),
            &AtomicBool::new(false),
            &mut |key, value| {
                match value {
                    Some(value) => state.insert(key.to_vec(), value.to_vec()),
                    None => state.remove(key),
                };
            },
        )
        .unwrap();
    state
}

fn stored_bytes(log: &EmbeddedLog) -> i64 {
    let mut connection = log.shared.connect().unwrap();
    let (counted, kept): (i64, i64) = block_on(
        sqlx::query_as(
            "SELECT (SELECT sum(length(records)) FROM batches), (SELECT sum(bytes) FROM partitions)",
        )
        .fetch_one(&mut connection),
    )
    .unwrap();
    assert_eq!(counted, kept, "the books are in order");
    counted
}

#[test]
fn compaction_keeps_the_state_and_bounds_the_file() {
    let (_folder, log) = log();
    topic(&log, "state", 1, true);
    let big = "x".repeat(2_000);
    let mut expected = BTreeMap::new();
    let mut written = 0;
    for round in 0..60_usize {
        let records: Vec<_> = (0..50)
            .map(|i| {
                let key = format!("key {}", (round * 7 + i * 13) % 90);
                if i % 10 == 9 {
                    expected.remove(key.as_bytes());
                    tombstone(&key)
                } else {
                    let value = format!("{round} {i} {big}");
                    expected.insert(key.clone().into_bytes(), value.clone().into_bytes());
                    record(0, &key, &value)
                }
            })
            .collect();
        written += records
            .iter()
            .map(|r| r.value.as_ref().map_or(0, Vec::len))
            .sum::<usize>();
        write(&log, "state", &records);
        assert_eq!(restored(&log), expected, "after round {round}");
    }
    let stored = stored_bytes(&log);
    assert!(
        written > 5_000_000 && stored < 2_000_000,
        "{written} written, {stored} stored"
    );

    // Offsets stay what they were, and go on.
    let end = log
        .reader("any")
        .unwrap()
        .end_offsets(&[at("state", 0)])
        .unwrap();
    assert_eq!(end, [3_000]);

    let keys: Vec<_> = expected.keys().cloned().collect();
    for key in &keys {
        write(
            &log,
            "state",
            &[tombstone(std::str::from_utf8(key).unwrap())],
        );
    }
    log.shared.compact(&mut log.shared.connect().unwrap(), &[1]);
    assert_eq!(
        contents(&log, "state"),
        [],
        "neither values nor tombstones are left"
    );
    write(&log, "state", &[record(0, "key", "again")]);
    assert_eq!(
        contents(&log, "state"),
        [(0, 3_000 + keys.len() as i64, "again".to_owned())]
    );
}

#[test]
fn compaction_leaves_what_a_group_has_yet_to_read() {
    let (_folder, log) = log();
    topic(&log, "table", 1, true);
    let (mut reader, share) = joined(&log, "g", &["table"]);
    let mut committer = log.committer(reader.membership()).unwrap();
    for value in ["0", "1"] {
        write(&log, "table", &[record(0, "k", value)]);
    }
    assert_eq!(
        committer.commit(&positions(&[(at("table", 0), 2)])),
        Outcome::Committed
    );
    write(&log, "table", &[record(0, "k", "2")]);
    write(&log, "table", &[tombstone("k"), record(0, "j", "4")]);
    let partition = 1;
    let compact = || {
        log.shared
            .compact(&mut log.shared.connect().unwrap(), &[partition])
    };
    compact();
    assert_eq!(
        contents(&log, "table"),
        [
            (0, 1, "1".into()),
            (0, 2, "2".into()),
            (0, 3, "(null)".into()),
            (0, 4, "4".into())
        ]
    );
    // A reader at the start passes over what is left out.
    reader
        .assign(&[(share[0].clone(), Start::Earliest)])
        .unwrap();
    assert_eq!(take(&mut reader, &share[0], 9).0, [1, 2, 3, 4]);
    assert_eq!(
        committer.commit(&positions(&[(at("table", 0), 5)])),
        Outcome::Committed
    );
    compact();
    assert_eq!(contents(&log, "table"), [(0, 4, "4".into())]);
    reader.seek(&share[0], 0).unwrap();
    let (offsets, taken) = take(&mut reader, &share[0], 9);
    assert_eq!(
        (offsets, taken.next_offset, taken.at_end),
        (vec![4], 5, true)
    );
}

#[test]
fn pipelines_on_threads_of_one_file_lose_nothing() {
    let (_folder, log) = log();
    topic(&log, "in", 2, false);
    topic(&log, "out", 1, false);
    let records: Vec<_> = (0..300)
        .map(|i| record(i % 2, "k", &i.to_string()))
        .collect();
    let threads: Vec<_> = (0..4)
        .map(|g| {
            let log = log.clone();
            std::thread::spawn(move || copy_all(&log, &format!("g{g}"), 300))
        })
        .collect();
    for chunk in records.chunks(7) {
        write(&log, "in", chunk);
    }
    for thread in threads {
        thread.join().unwrap();
    }
    let mut counts = BTreeMap::new();
    for (_, _, value) in contents(&log, "out") {
        *counts.entry(value).or_insert(0) += 1;
    }
    assert_eq!(counts.len(), 300);
    assert!(counts.values().all(|count| *count == 4), "{counts:?}");
}

/// A worker that copies `in` to `out`, a commit for each handful, until it has read this many records.
fn copy_all(log: &EmbeddedLog, group: &str, records: i64) {
    let (mut reader, share) = joined(log, group, &["in"]);
    let mut committer = log.committer(reader.membership()).unwrap();
    loop {
        let done: i64 = reader
            .committed(&share)
            .unwrap()
            .iter()
            .map(|p| p.as_ref().map_or(0, |p| p.offset))
            .sum();
        if done >= records {
            return;
        }
        assert_eq!(reader.events(Duration::from_millis(500)).unwrap(), []);
        for partition in &share {
            copy(&mut reader, &mut committer, partition, 5);
        }
    }
}

/// Copies up to `max` records from one partition of `in` in one commit.
fn copy(
    reader: &mut EmbeddedReader,
    committer: &mut EmbeddedCommitter,
    partition: &TopicPartition,
    max: usize,
) {
    let mut commit = Commit::default();
    let taken = reader
        .take(partition, max, &mut |batch| {
            for r in batch.records {
                let value = std::str::from_utf8(r.value.unwrap()).unwrap();
                commit.produced.push(("out".into(), record(0, "k", value)));
            }
        })
        .unwrap();
    if taken.records > 0 {
        commit.positions = vec![(partition.clone(), position(taken.next_offset))];
        assert_eq!(committer.commit(&commit), Outcome::Committed);
    }
}

#[test]
fn a_hundred_thousand_records_go_through() {
    const COUNT: usize = 100_000;
    let (_folder, log) = log();
    topic(&log, "t", 4, false);
    topic(&log, "in", 1, false);
    let (mut reader, _) = joined(&log, "g", &["in"]);
    let mut committer = log.committer(reader.membership()).unwrap();
    let mut packed = Packed::default();
    for i in 0..COUNT {
        let start = packed.arena.len() as u32;
        packed
            .arena
            .extend_from_slice(format!("{:08}", i % 5_000).as_bytes());
        let middle = packed.arena.len() as u32;
        packed.arena.extend_from_slice(&[b'v'; 92]);
        let end = packed.arena.len() as u32;
        packed
            .records
            .push((Some(start..middle), Some(middle..end)));
    }
    let started = std::time::Instant::now();
    let commit = Commit {
        packed: vec![(Arc::from("t"), packed)],
        ..Commit::default()
    };
    assert_eq!(committer.commit(&commit), Outcome::Committed);
    let written = started.elapsed();

    let starts: Vec<_> = (0..4).map(|p| (at("t", p), Start::Earliest)).collect();
    reader.assign(&starts).unwrap();
    let (mut count, mut bytes) = (0, 0);
    for (partition, _) in &starts {
        loop {
            let taken = reader
                .take(partition, 1_000, &mut |batch| {
                    for r in batch.records {
                        bytes += r.key.unwrap().len() + r.value.unwrap().len();
                    }
                })
                .unwrap();
            count += taken.records;
            if taken.at_end {
                break;
            }
        }
    }
    assert_eq!((count, bytes), (COUNT, COUNT * 100));
    eprintln!(
        "written in {written:?}, read in {:?}",
        started.elapsed() - written
    );
}
