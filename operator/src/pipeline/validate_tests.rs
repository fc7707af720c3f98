#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use tidemill_crds::pipeline::OnIncompatibleChange;

use super::*;
use crate::pipeline::testing::{GENERATED, found};

const EVERYTHING: &str = include_str!("build/golden/everything.yaml");
const LEAST: &str = include_str!("build/golden/least.yaml");

fn refused(found: &Found) -> String {
    match validate(found) {
        Ok(valid) => panic!("{valid:#?}"),
        Err(refused) => refused.to_string(),
    }
}

#[test]
fn knows_the_topics() {
    let valid = validate(&found(EVERYTHING)).unwrap();
    let read = |topic: &str, partitions, is_source| Read {
        topic: topic.to_owned(),
        partitions,
        is_source,
    };
    assert_eq!(valid.group, "bank.spending");
    assert_eq!(
        valid.reads,
        [
            read("transactions", None, true),
            read("bank.spending.made_up.generator", Some(4), true),
            read(
                "bank.spending.per_category.shuffle",
                valid.reads[2].partitions,
                false
            ),
        ]
    );
    assert!(valid.reads[2].partitions.is_some());
    assert!(!valid.writes["per-category"]);
    assert!(valid.writes["spend"]);
}

#[test]
fn what_is_wrong_is_said_at_once_with_its_place() {
    let text = LEAST
        .replace("amount > 10", "amuont > 10")
        .replace(
            "name: payments, namespace: bank",
            "name: pay.ments, namespace: bank",
        )
        .replace("  kafka: {bootstrapServers: \"kafka:9092\"}\n", "");
    let said = refused(&found(&text));
    for part in [
        "metadata.name: `pay.ments`",
        "spec.kafka: is missing",
        "spec.streams[0].sql, line 1, column 39",
        "did you mean `amount`?",
    ] {
        assert!(said.contains(part), "{part} is not in\n{said}");
    }
}

#[test]
fn a_sink_that_is_not_there_is_no_fault_of_the_manifest() {
    let mut found = found(LEAST);
    found.sinks.clear();
    assert!(validate(&found).is_ok());
}

#[test]
fn what_is_only_not_there_yet_is_told_from_what_is_wrong() {
    let reason = |text: &str| validate(&found(text)).map(|_| ()).unwrap_err().reason();
    let people = "customersFrom: {configMap: people, key: users.csv}, seed: 3";
    let late = GENERATED.replace("seed: 3", people);
    assert_eq!(reason(&late), reasons::UNSUPPORTED);
    let wrong_too = late.replace("sink: payments}", "sink: payments, key: [nothing]}");
    assert_eq!(reason(&wrong_too), reasons::INVALID);
}

#[test]
fn an_edit_that_loses_state_is_held_unless_it_is_meant() {
    let mut found = found(EVERYTHING);
    found.states = validate(&found).unwrap().states;
    assert!(validate(&found).is_ok());
    found.pipeline.spec.streams[0].sql = found.pipeline.spec.streams[0]
        .sql
        .replace("'10' SECOND", "'1' MINUTE");
    let Err(refused) = validate(&found) else {
        panic!("is taken")
    };
    assert_eq!(refused.reason(), reasons::INCOMPATIBLE_CHANGE);
    let said = refused.to_string();
    for part in [
        "stream `spend`",
        "was `tumbling 10s",
        "open windows",
        "onIncompatibleChange: Reset",
    ] {
        assert!(said.contains(part), "{part} is not in\n{said}");
    }
    found.pipeline.spec.on_incompatible_change = OnIncompatibleChange::Reset;
    let valid = validate(&found).unwrap();
    assert_eq!(valid.states["spend"].epoch, 1);
    assert!(
        valid
            .manifests
            .contains("tidemill.io/state-epochs: spend=1"),
        "{}",
        valid.manifests
    );
    let told = ("tidemill.io/state-epochs".to_owned(), "spend=1".to_owned());
    let mut reset_by_hand = found.clone();
    reset_by_hand.pipeline.spec.on_incompatible_change = OnIncompatibleChange::Block;
    reset_by_hand.pipeline.metadata.annotations = Some([told].into());
    assert_eq!(validate(&reset_by_hand).unwrap().states, valid.states);
    // Taken once, it is what runs.
    found.states = valid.states.clone();
    assert_eq!(validate(&found).unwrap().manifests, valid.manifests);
}

#[test]
fn a_person_may_reset_a_stream_and_no_epoch_goes_back() {
    let mut found = found(EVERYTHING);
    let mut told = |text: &str| {
        let told = ("tidemill.io/state-epochs".to_owned(), text.to_owned());
        found.pipeline.metadata.annotations = Some([told].into());
        let valid = validate(&found)?;
        found.states = valid.states.clone();
        Ok::<_, Refused>(valid)
    };
    assert_eq!(told("spend=3").unwrap().epochs["spend"], 3);
    let after = told("spend=1").unwrap();
    assert_eq!(after.epochs["spend"], 3);
    assert!(after.manifests.contains("spend=3"), "{}", after.manifests);
    let said = told("spend").unwrap_err().to_string();
    assert!(said.contains("`spend` is no reset of a stream"), "{said}");
}

#[test]
fn what_goes_on_is_known_while_a_new_manifest_is_not_taken() {
    let runs = validate(&found(EVERYTHING)).unwrap();
    let topics = |checked: &Checked| {
        let reads = checked.reads()?.iter();
        Some(reads.map(|read| read.topic.clone()).collect::<Vec<_>>())
    };
    let text = EVERYTHING.replace("topic: transactions", "topic: others");
    let mut edited = found(&text);
    edited.given = Some(runs.manifests.clone());
    let taken = Checked::new(&edited);
    assert_eq!(topics(&taken).unwrap()[0], "others");

    edited.missing.push(Missing {
        reason: reasons::SINK_NOT_FOUND,
        message: "gone".to_owned(),
    });
    let held = Checked::new(&edited);
    assert!(held.outcome.is_ok());
    assert_eq!(held.reads(), Some(&runs.reads[..]));

    let mut wrong = found(&text.replace("'10' SECOND", "'10' SECUND"));
    assert_eq!(Checked::new(&wrong).reads(), None, "nothing runs");
    wrong.given = Some(runs.manifests);
    assert_eq!(Checked::new(&wrong).reads(), Some(&runs.reads[..]));
    wrong.given = Some("broken by hand: [".to_owned());
    assert_eq!(Checked::new(&wrong).reads(), None);
}
