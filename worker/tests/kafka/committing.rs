//! Transactions: all or nothing, and by the right worker only.

use tidemill_worker::log::{Admin, Commit, Committer, Outcome, Produced, Reader};

use super::{World, at, packed, position, produced, until};

#[test]
fn rows_records_and_positions_are_committed_together() {
    let world = World::new();
    let (topic, out) = (world.topic("in", 2, &[]), world.topic("out", 5, &[]));
    let (mut reader, mut committer, ours) = world.worker("w-0", &topic);
    assert_eq!(reader.committed(&ours).unwrap(), [None, None]);
    let keys: Vec<String> = (0..50).map(|n| format!("key {n}")).collect();
    let rows: Vec<_> = keys
        .iter()
        .map(|key| (Some(key.as_str()), Some("row")))
        .collect();
    let commit = Commit {
        packed: vec![(out.clone(), packed(&rows))],
        produced: vec![(
            out.clone(),
            Produced {
                partition: Some(4),
                ..produced("k", "chosen")
            },
        )],
        positions: vec![(ours[1].clone(), position(17, "clock \n ä"))],
        traceparent: None,
    };
    assert_eq!(committer.commit(&commit), Outcome::Committed);
    assert_eq!(
        reader.committed(&ours).unwrap(),
        [None, Some(position(17, "clock \n ä"))]
    );
    let seen = world.read(&out, 51);
    assert_eq!(seen.len(), 51);
    assert!(
        seen.iter()
            .any(|s| s.partition == 4 && s.value.as_deref() == Some(b"chosen"))
    );

    // librdkafka's own partitioner of the same kind puts each key where it is already.
    world
        .admin()
        .write(
            &out,
            &keys
                .iter()
                .map(|key| produced(key, "again"))
                .collect::<Vec<_>>(),
        )
        .unwrap();
    let all = world.read(&out, 101);
    for key in &keys {
        let places: Vec<_> = all
            .iter()
            .filter(|s| s.key.as_deref() == Some(key.as_bytes()))
            .map(|s| s.partition)
            .collect();
        assert!(
            places.len() == 2 && places[0] == places[1],
            "{key}: {places:?}"
        );
    }
}

#[test]
fn records_without_a_key_are_spread() {
    let world = World::new();
    let (topic, out) = (world.topic("in", 1, &[]), world.topic("out", 4, &[]));
    let (_reader, mut committer, _) = world.worker("w-0", &topic);
    let commit = Commit {
        packed: vec![(out.clone(), packed(&[(None, Some("row")); 8]))],
        ..Commit::default()
    };
    assert_eq!(committer.commit(&commit), Outcome::Committed);
    let seen = world.read(&out, 8);
    assert_eq!(
        (0..4)
            .map(|p| seen.iter().filter(|s| s.partition == p).count())
            .collect::<Vec<_>>(),
        [2; 4]
    );
}

#[test]
fn what_is_aborted_is_never_seen() {
    let world = World::new();
    let (topic, out) = (world.topic("in", 1, &[]), world.topic("out", 1, &[]));
    let (mut reader, mut committer, ours) = world.worker("w-0", &topic);
    let stray = Commit {
        packed: vec![(out.clone(), packed(&[(Some("k"), Some("stray"))]))],
        positions: vec![(at("somebody-elses", 0), position(1, ""))],
        ..Commit::default()
    };
    assert!(
        matches!(committer.commit(&stray), Outcome::Fenced(text) if text.contains("somebody-elses"))
    );
    assert!(matches!(committer.commit(&stray), Outcome::Fenced(text) if text.contains("init")));
    committer.init().unwrap();
    let good = Commit {
        packed: vec![(out.clone(), packed(&[(Some("k"), Some("good"))]))],
        positions: vec![(ours[0].clone(), position(1, ""))],
        ..Commit::default()
    };
    assert_eq!(committer.commit(&good), Outcome::Committed);
    let values: Vec<_> = world.read(&out, 1).into_iter().map(|s| s.value).collect();
    assert_eq!(values, [Some(b"good".to_vec())]);
    assert_eq!(reader.committed(&ours).unwrap(), [Some(position(1, ""))]);
}

#[test]
fn a_second_committer_fences_the_first() {
    let world = World::new();
    let (topic, out) = (world.topic("in", 1, &[]), world.topic("out", 1, &[]));
    let (mut reader, mut zombie, ours) = world.worker("w-0", &topic);
    let commit = |value: &str, offset| Commit {
        packed: vec![(out.clone(), packed(&[(Some("k"), Some(value))]))],
        positions: vec![(ours[0].clone(), position(offset, ""))],
        ..Commit::default()
    };
    assert_eq!(zombie.commit(&commit("before", 1)), Outcome::Committed);
    let mut successor =
        super::KafkaCommitter::open(&world.config("w-0"), reader.membership()).unwrap();
    successor.init().unwrap();
    assert!(matches!(
        zombie.commit(&commit("zombie", 9)),
        Outcome::Fenced(_)
    ));
    // Without positions it is found out too.
    zombie.init().unwrap();
    successor.init().unwrap();
    let rows_only = Commit {
        positions: Vec::new(),
        ..commit("zombie", 9)
    };
    let end = zombie.commit(&rows_only);
    assert!(
        matches!(end, Outcome::Fenced(_) | Outcome::Unknown(_)),
        "{end:?}"
    );
    assert_eq!(successor.commit(&commit("after", 2)), Outcome::Committed);
    let values: Vec<_> = world
        .read(&out, 2)
        .into_iter()
        .filter_map(|s| s.value)
        .collect();
    assert_eq!(values, [b"before".to_vec(), b"after".to_vec()]);
    assert_eq!(reader.committed(&ours).unwrap(), [Some(position(2, ""))]);
}

#[test]
fn a_record_of_five_megabytes_goes_through() {
    let world = World::new();
    let topic = world.topic("in", 1, &[("max.message.bytes", "12582912")]);
    let (mut reader, mut committer, ours) = world.worker("w-0", &topic);
    let big = "x".repeat(5_000_000);
    let commit = Commit {
        packed: vec![(
            topic.clone(),
            packed(&[
                (Some("k"), Some("small")),
                (Some("k"), Some(&big)),
                (Some("k"), Some("last")),
            ]),
        )],
        ..Commit::default()
    };
    assert_eq!(committer.commit(&commit), Outcome::Committed);
    world.admin().write(&topic, &[produced("k", &big)]).unwrap();
    // Three records and a marker, and one more record.
    super::wait_for_end(&mut reader, &ours[0], 5);
    let (seen, _) = super::take_to_end(&mut reader, &ours[0]);
    let sizes: Vec<_> = seen
        .iter()
        .filter_map(|s| s.value.as_ref())
        .map(Vec::len)
        .collect();
    assert_eq!(sizes, [5, 5_000_000, 4, 5_000_000]);
}

#[test]
fn a_dead_letter_that_is_too_large_is_cut_and_a_row_refused_by_name() {
    let world = World::new();
    let (topic, out) = (
        world.topic("in", 1, &[]),
        world.topic("dead", 1, &[("max.message.bytes", "20000")]),
    );
    let (_reader, mut committer, _) = world.worker("w-0", &topic);
    let letter = Produced {
        headers: vec![("tidemill.reason".into(), Some(b"TooLarge".to_vec()))],
        ..produced("k", &"x".repeat(3_000_000))
    };
    let commit = Commit {
        produced: vec![(out.clone(), letter)],
        ..Commit::default()
    };
    assert_eq!(committer.commit(&commit), Outcome::Committed);
    let seen = world.read(&out, 1);
    assert_eq!(
        seen[0].headers,
        [
            ("tidemill.reason".to_owned(), Some(b"TooLarge".to_vec())),
            ("tidemill.truncated".to_owned(), Some(b"3000000".to_vec())),
        ]
    );
    assert!(
        seen[0]
            .value
            .as_ref()
            .is_some_and(|v| v.len() > 15_000 && v.len() < 20_000)
    );

    let row = Commit {
        packed: vec![(
            out.clone(),
            packed(&[(Some("k"), Some(&"x".repeat(30_000)))]),
        )],
        ..Commit::default()
    };
    assert!(
        matches!(committer.commit(&row), Outcome::Fatal(text) if text.contains(&*out) && text.contains("30"))
    );
}

#[test]
fn many_small_rows_fit_a_topic_with_a_small_limit() {
    let world = World::new();
    let (topic, out) = (
        world.topic("in", 1, &[]),
        world.topic("out", 1, &[("max.message.bytes", "20000")]),
    );
    let (_reader, mut committer, _) = world.worker("w-0", &topic);
    let value = "x".repeat(500);
    let rows = vec![(Some("k"), Some(value.as_str())); 1000];
    let commit = Commit {
        packed: vec![(out.clone(), packed(&rows))],
        ..Commit::default()
    };
    assert_eq!(committer.commit(&commit), Outcome::Committed);
    assert_eq!(world.read(&out, 1000).len(), 1000);
}

#[test]
fn rows_carry_the_trace_and_keep_their_order() {
    let world = World::new();
    let (topic, out) = (world.topic("in", 1, &[]), world.topic("out", 1, &[]));
    let (_reader, mut committer, _) = world.worker("w-0", &topic);
    let with_header = Produced {
        headers: vec![("h".into(), None)],
        ..produced("k", "2")
    };
    let commit = Commit {
        packed: vec![(out.clone(), packed(&[(Some("k"), Some("0"))]))],
        produced: [produced("k", "1"), with_header, produced("k", "3")]
            .into_iter()
            .map(|p| (out.clone(), p))
            .collect(),
        traceparent: Some("00-trace-01".into()),
        ..Commit::default()
    };
    assert_eq!(committer.commit(&commit), Outcome::Committed);
    let seen = world.read(&out, 4);
    let values: Vec<_> = seen.iter().filter_map(|s| s.value.as_deref()).collect();
    assert_eq!(values, [b"0", b"1", b"2", b"3"]);
    assert_eq!(
        seen[0].headers,
        [("traceparent".to_owned(), Some(b"00-trace-01".to_vec()))]
    );
}

#[test]
fn a_partition_that_has_come_since_is_written() {
    let world = World::new();
    let (topic, out) = (world.topic("in", 1, &[]), world.topic("out", 1, &[]));
    let (_reader, mut committer, _) = world.worker("w-0", &topic);
    let to = |partition| Commit {
        produced: vec![(
            out.clone(),
            super::Produced {
                partition: Some(partition),
                ..produced("k", "v")
            },
        )],
        ..Commit::default()
    };
    assert_eq!(committer.commit(&to(0)), Outcome::Committed);
    let end = committer.commit(&to(1));
    assert!(
        matches!(&end, Outcome::Aborted(text) if text.contains("has no partition 1, only 1")),
        "{end:?}"
    );
    world.admin().grow(&out, 2).unwrap();
    until("the new partition", || match committer.commit(&to(1)) {
        Outcome::Committed => Some(()),
        Outcome::Aborted(_) => None,
        end => panic!("{end:?}"),
    });
    let partitions = world.read(&out, 2).into_iter().map(|s| s.partition);
    assert_eq!(partitions.collect::<Vec<_>>(), [0, 1]);
}

#[test]
fn a_topic_that_is_not_there_is_named() {
    let world = World::new();
    let topic = world.topic("in", 1, &[]);
    let (_reader, mut committer, _) = world.worker("w-0", &topic);
    let missing = world.name("missing");
    let commit = Commit {
        produced: vec![(missing.as_str().into(), produced("k", "v"))],
        ..Commit::default()
    };
    assert!(
        matches!(committer.commit(&commit), Outcome::Aborted(text) if text.contains(&missing) && text.contains("create the topic"))
    );
    let commit = Commit {
        produced: vec![(topic.clone(), produced("k", "v"))],
        ..Commit::default()
    };
    assert_eq!(committer.commit(&commit), Outcome::Committed);
}

#[test]
fn the_admin_makes_lists_and_follows_topics() {
    let world = World::new();
    let topic = world.topic("in", 2, &[("retention.ms", "3600000")]);
    let mut admin = world.admin();
    let missing = world.name("missing");
    assert_eq!(
        admin
            .partitions(&[topic.to_string(), missing.clone()])
            .unwrap(),
        [Some(2), None]
    );
    assert!(admin.list().unwrap().contains(&(topic.to_string(), 2)));
    let spec = |partitions| super::TopicSpec {
        name: topic.to_string(),
        partitions,
        compacted: false,
        config: Vec::new(),
    };
    admin.ensure(&[spec(1)]).unwrap();
    assert!(
        admin
            .ensure(&[spec(3)])
            .unwrap_err()
            .to_string()
            .contains("has 2 partitions, 3 are needed")
    );
    assert!(
        admin
            .read(&missing, false, &mut |_| true)
            .unwrap_err()
            .to_string()
            .contains(&missing)
    );

    admin
        .write(&topic, &[produced("a", "1"), produced("b", "2")])
        .unwrap();
    let (ready, began) = std::sync::mpsc::channel();
    let (mut follower, name) = (world.admin(), topic.clone());
    let thread = std::thread::spawn(move || {
        let mut seen = 0;
        follower
            .read(&name, true, &mut |batch| {
                seen += batch.records.len();
                ready.send(()).unwrap();
                seen < 3
            })
            .unwrap();
        seen
    });
    began.recv().unwrap();
    admin.write(&topic, &[produced("c", "3")]).unwrap();
    until("the follower", || {
        std::thread::yield_now();
        thread.is_finished().then_some(())
    });
    assert_eq!(thread.join().unwrap(), 3);
}
