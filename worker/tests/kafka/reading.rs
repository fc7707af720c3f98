//! Reading partitions, and restoring from them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rdkafka::TopicPartitionList;
use rdkafka::admin::AdminOptions;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use tidemill_worker::log::kafka::KafkaReader;
use tidemill_worker::log::{Admin, Commit, Committer, LogError, Outcome, Produced, Reader, Start};

use super::{World, at, copy, packed, position, produced, take_to_end, until, wait_for_end};

/// A transactional producer of the plain kind, for making what a worker leaves behind when it dies.
pub(super) fn raw(servers: &str, transactional_id: &str) -> BaseProducer {
    let producer: BaseProducer = rdkafka::ClientConfig::new()
        .set("bootstrap.servers", servers)
        .set("transactional.id", transactional_id)
        .set("transaction.timeout.ms", "300000")
        .create()
        .unwrap();
    producer.init_transactions(Duration::from_secs(30)).unwrap();
    producer
}

fn send(producer: &BaseProducer, topic: &str, key: &str, value: &str) {
    producer
        .send(BaseRecord::to(topic).partition(0).key(key).payload(value))
        .map_err(|(e, _)| e)
        .unwrap();
    producer.flush(Duration::from_secs(30)).unwrap();
}

#[test]
fn every_record_is_taken_once_in_order_with_its_bytes() {
    let world = World::new();
    let topic = world.topic("in", 3, &[]);
    let sent: Vec<Produced> = (0..30_000)
        .map(|n| produced(&format!("k{}", n % 97), &format!("value {n}")))
        .collect();
    world.admin().write(&topic, &sent).unwrap();

    let (mut reader, _, ours) = world.worker("w-0", &topic);
    assert_eq!(ours.len(), 3);
    let mut all = Vec::new();
    for partition in &ours {
        let (seen, next) = take_to_end(&mut reader, partition);
        assert!(seen.windows(2).all(|pair| pair[0].offset < pair[1].offset));
        assert_eq!(next, i64::try_from(seen.len()).unwrap());
        // Of each key all records are here, in the order they were sent in.
        for key in seen
            .iter()
            .map(|s| s.key.clone())
            .collect::<std::collections::BTreeSet<_>>()
        {
            let values = |own: Vec<Option<Vec<u8>>>| own;
            let read = values(
                seen.iter()
                    .filter(|s| s.key == key)
                    .map(|s| s.value.clone())
                    .collect(),
            );
            let expected = values(
                sent.iter()
                    .filter(|p| p.key == key)
                    .map(|p| p.value.clone())
                    .collect(),
            );
            assert_eq!(read, expected);
        }
        all.extend(seen);
    }
    assert_eq!(all.len(), sent.len());
}

#[test]
fn take_stops_at_max_and_goes_on_from_there() {
    let world = World::new();
    let topic = world.topic("in", 1, &[]);
    world
        .admin()
        .write(
            &topic,
            &(0..100)
                .map(|n| produced("k", &n.to_string()))
                .collect::<Vec<_>>(),
        )
        .unwrap();
    let (mut reader, _, ours) = world.worker("w-0", &topic);
    let mut seen = Vec::new();
    until("all records", || {
        reader.events(Duration::from_millis(20)).unwrap();
        let taken = reader
            .take(&ours[0], 7, &mut |batch| seen.extend(copy(batch)))
            .unwrap();
        assert!(taken.records <= 7);
        assert_eq!(taken.next_offset, i64::try_from(seen.len()).unwrap());
        (seen.len() == 100).then_some(())
    });
    reader.seek(&ours[0], 40).unwrap();
    let (again, _) = take_to_end(&mut reader, &ours[0]);
    assert_eq!(
        again.iter().map(|s| s.offset).collect::<Vec<_>>(),
        (40..100).collect::<Vec<_>>()
    );
}

#[test]
fn headers_nulls_and_empty_values_come_as_they_went() {
    let world = World::new();
    let topic = world.topic("in", 1, &[]);
    let sent = [
        Produced {
            key: Some(vec![]),
            value: Some(vec![]),
            ..Produced::default()
        },
        Produced {
            key: None,
            value: None,
            ..Produced::default()
        },
        Produced {
            key: Some(vec![0, 255]),
            value: None,
            headers: vec![
                ("a".into(), Some(vec![1, 0, 2])),
                ("null".into(), None),
                ("a".into(), Some(vec![])),
            ],
            ..Produced::default()
        },
    ];
    world.admin().write(&topic, &sent).unwrap();
    let (mut reader, mut committer, ours) = world.worker("w-0", &topic);
    let (by_admin, _) = take_to_end(&mut reader, &ours[0]);
    let commit = Commit {
        produced: sent.iter().map(|p| (topic.clone(), p.clone())).collect(),
        ..Commit::default()
    };
    assert_eq!(committer.commit(&commit), Outcome::Committed);
    let all = world.read(&topic, 6);
    for (seen, sent) in by_admin
        .iter()
        .chain(&all[3..])
        .zip(sent.iter().chain(&sent))
    {
        assert_eq!(
            (&seen.key, &seen.value, &seen.headers),
            (&sent.key, &sent.value, &sent.headers)
        );
    }
}

#[test]
fn the_next_offset_passes_markers_and_meets_the_end() {
    let world = World::new();
    let topic = world.topic("in", 1, &[]);
    let (mut reader, mut committer, ours) = world.worker("w-0", &topic);
    for n in 0..3 {
        let commit = Commit {
            packed: vec![(topic.clone(), packed(&[(Some("k"), Some(&n.to_string()))]))],
            ..Commit::default()
        };
        assert_eq!(committer.commit(&commit), Outcome::Committed);
    }
    // Three records and three markers.
    wait_for_end(&mut reader, &ours[0], 6);
    let (seen, next) = take_to_end(&mut reader, &ours[0]);
    assert_eq!((seen.len(), next), (3, 6));
}

#[test]
fn an_idle_wait_ends_when_a_record_comes() {
    let world = World::new();
    let topic = world.topic("in", 2, &[]);
    let (mut reader, _, ours) = world.worker("w-0", &topic);
    for partition in &ours {
        take_to_end(&mut reader, partition);
    }
    let mut admin = world.admin();
    let (name, writer) = (
        topic.clone(),
        std::thread::spawn(move || admin.write(&topic, &[produced("k", "v")])),
    );
    // Far longer than the whole test may take: it must be the record that ends the wait.
    let mut seen = 0;
    until("the record", || {
        reader.events(Duration::from_secs(3600)).unwrap();
        for partition in &ours {
            seen += reader.take(partition, 10, &mut |_| {}).unwrap().records;
        }
        (seen == 1).then_some(())
    });
    writer.join().unwrap().unwrap();
    assert_eq!(world.read(&name, 1).len(), 1);
}

#[test]
fn reading_starts_where_it_is_told() {
    let world = World::new();
    let topic = world.topic("in", 1, &[]);
    let producer: BaseProducer = rdkafka::ClientConfig::new()
        .set("bootstrap.servers", &world.servers)
        .create()
        .unwrap();
    for n in 0..10_i64 {
        producer
            .send(
                BaseRecord::<str, str>::to(&topic)
                    .partition(0)
                    .payload("v")
                    .timestamp(1_700_000_000_000 + n),
            )
            .map_err(|(e, _)| e)
            .unwrap();
    }
    producer.flush(Duration::from_secs(30)).unwrap();
    let (mut reader, _, ours) = world.worker("w-0", &topic);
    for (start, first) in [
        (Start::At(3), Some(3)),
        (Start::Earliest, Some(0)),
        (Start::Latest, None),
        (Start::Timestamp(1_700_000_000_004), Some(4)),
        (Start::Timestamp(1_800_000_000_000), None),
    ] {
        reader.assign(&[(ours[0].clone(), start)]).unwrap();
        let (seen, next) = take_to_end(&mut reader, &ours[0]);
        assert_eq!(
            (seen.first().map(|s| s.offset), next),
            (first, 10),
            "{start:?}"
        );
    }
    // A partition that is left out is held, but not read.
    reader.assign(&[]).unwrap();
    assert!(reader.take(&ours[0], 1, &mut |_| {}).is_err());
}

#[test]
fn deleted_records_are_passed_over() {
    let world = World::new();
    let topic = world.topic("in", 1, &[]);
    world
        .admin()
        .write(
            &topic,
            &(0..10)
                .map(|n| produced("k", &n.to_string()))
                .collect::<Vec<_>>(),
        )
        .unwrap();
    let admin: rdkafka::admin::AdminClient<_> = rdkafka::ClientConfig::new()
        .set("bootstrap.servers", &world.servers)
        .create()
        .unwrap();
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(&topic, 0, rdkafka::Offset::Offset(6))
        .unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime
        .block_on(admin.delete_records(&list, &AdminOptions::new()))
        .unwrap();

    let (mut reader, _, ours) = world.worker("w-0", &topic);
    reader.assign(&[(ours[0].clone(), Start::At(2))]).unwrap();
    let (seen, next) = take_to_end(&mut reader, &ours[0]);
    assert_eq!(
        (seen.iter().map(|s| s.offset).collect::<Vec<_>>(), next),
        ((6..10).collect(), 10)
    );
}

/// As with a broker that has just come back, and does not know of all that was read before.
#[test]
fn what_is_not_there_yet_is_waited_for_and_nothing_read_again() {
    let world = World::new();
    let topic = world.topic("in", 1, &[]);
    let write = |numbers: std::ops::Range<i32>| {
        let records: Vec<Produced> = numbers.map(|n| produced("k", &n.to_string())).collect();
        world.admin().write(&topic, &records).unwrap();
    };
    write(0..10);
    let (mut reader, _, ours) = world.worker("w-0", &topic);
    reader.assign(&[(ours[0].clone(), Start::At(15))]).unwrap();
    let mut seen = Vec::new();
    let mut take = |reader: &mut KafkaReader| {
        reader.events(Duration::from_millis(50)).unwrap();
        reader.take(&ours[0], 100, &mut |batch| {
            seen.extend(batch.records.iter().map(|r| r.offset));
        })
    };
    let why = until("the lack to be said", || match take(&mut reader) {
        Err(LogError::Unavailable(why)) => Some(why),
        taken => {
            assert_eq!(taken.unwrap().records, 0);
            None
        }
    });
    assert!(why.contains("ends at offset 10, and 15"), "{why}");
    write(10..20);
    until("the rest", || {
        let taken = take(&mut reader).ok()?;
        (taken.next_offset == 20).then_some(())
    });
    assert_eq!(seen, (15..20).collect::<Vec<i64>>());
}

#[test]
fn a_restore_sees_committed_records_only_and_waits_for_open_transactions() {
    let world = World::new();
    let (topic, changelog) = (
        world.topic("in", 1, &[]),
        world.topic("changelog", 1, &[("cleanup.policy", "compact")]),
    );
    let (mut reader, mut committer, _) = world.worker("w-0", &topic);
    let partition = at(&changelog, 0);
    let restore = |reader: &mut dyn Reader| {
        let mut state = Vec::new();
        reader
            .restore(&partition, &AtomicBool::new(false), &mut |key, value| {
                state.push((
                    String::from_utf8_lossy(key).into_owned(),
                    value.map(<[u8]>::to_vec),
                ))
            })
            .unwrap();
        state
    };
    assert_eq!(restore(&mut reader), []);
    let commit = Commit {
        packed: vec![(
            changelog.clone(),
            packed(&[(Some("a"), Some("1")), (Some("b"), None)]),
        )],
        ..Commit::default()
    };
    assert_eq!(committer.commit(&commit), Outcome::Committed);
    let committed = vec![
        ("a".to_owned(), Some(b"1".to_vec())),
        ("b".to_owned(), None),
    ];
    assert_eq!(restore(&mut reader), committed);

    // An aborted tail is not seen, and does not keep it from ending.
    let other = raw(&world.servers, &world.name("other"));
    other.begin_transaction().unwrap();
    send(&other, &changelog, "c", "aborted");
    other.abort_transaction(Duration::from_secs(30)).unwrap();
    assert_eq!(restore(&mut reader), committed);

    // One that is open may yet be committed.
    other.begin_transaction().unwrap();
    send(&other, &changelog, "d", "2");
    let (go, went) = std::sync::mpsc::channel();
    let thread = std::thread::spawn(move || {
        went.recv().unwrap();
        other.commit_transaction(Duration::from_secs(30)).unwrap();
    });
    let mut state = Vec::new();
    reader
        .restore(&partition, &AtomicBool::new(false), &mut |key, value| {
            // The restore has begun, with the transaction still open.
            let _ = go.send(());
            state.push((
                String::from_utf8_lossy(key).into_owned(),
                value.map(<[u8]>::to_vec),
            ));
        })
        .unwrap();
    thread.join().unwrap();
    assert_eq!(state.last(), Some(&("d".to_owned(), Some(b"2".to_vec()))));
}

#[test]
fn a_restore_that_is_told_to_stop_ends() {
    let world = World::new();
    let (topic, changelog) = (world.topic("in", 1, &[]), world.topic("changelog", 1, &[]));
    let (mut reader, _committer, _) = world.worker("w-0", &topic);
    world
        .admin()
        .write(&changelog, &[produced("k", "v")])
        .unwrap();
    let open = raw(&world.servers, &world.name("open"));
    open.begin_transaction().unwrap();
    send(&open, &changelog, "d", "2");
    let stop = AtomicBool::new(false);
    let ended = reader.restore(&at(&changelog, 0), &stop, &mut |_, _| {
        stop.store(true, Ordering::Relaxed);
    });
    assert!(matches!(ended, Err(LogError::Unavailable(_))), "{ended:?}");
    open.abort_transaction(Duration::from_secs(30)).unwrap();
}

#[test]
fn a_fenced_transaction_does_not_hold_its_successor_up() {
    let world = World::new();
    let topic = world.topic("in", 1, &[]);
    world.admin().write(&topic, &[produced("k", "v")]).unwrap();
    let (mut first, mut committer, ours) = world.worker("w-0", &topic);
    let commit = Commit {
        positions: vec![(ours[0].clone(), position(1, "clock"))],
        ..Commit::default()
    };
    assert_eq!(committer.commit(&commit), Outcome::Committed);
    first.leave().unwrap();
    drop(committer);

    // The first worker dies with offsets and a record in an open transaction.
    let dead = raw(&world.servers, &format!("{}.w-0", world.name("group")));
    dead.begin_transaction().unwrap();
    send(&dead, &topic, "k", "never");
    let anyone: rdkafka::consumer::BaseConsumer = rdkafka::ClientConfig::new()
        .set("bootstrap.servers", &world.servers)
        .set("group.id", world.name("group"))
        .create()
        .unwrap();
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(&topic, 0, rdkafka::Offset::Offset(2))
        .unwrap();
    let member = rdkafka::consumer::Consumer::group_metadata(&anyone).unwrap();
    dead.send_offsets_to_transaction(&list, &member, Duration::from_secs(30))
        .unwrap();

    // Its transaction would stay open for five minutes.
    let (mut second, _, ours) = world.worker("w-1", &topic);
    assert_eq!(
        second.committed(&ours).unwrap(),
        [Some(position(1, "clock"))]
    );
    let (seen, _) = take_to_end(&mut second, &ours[0]);
    assert_eq!(seen.len(), 1);
    assert!(dead.commit_transaction(Duration::from_secs(30)).is_err());
}
