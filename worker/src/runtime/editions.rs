//! The editions of a pipeline's rules: which rules were in force where, so that what is read again is judged as it was.
//!
//! They are in a topic of the pipeline's own, of one partition: each edition under its number, and of each partition of a
//! source the offsets from which on its rows were read under which. The latter are committed with the position at which
//! an edition begins, so that what was judged and what is said of it never differ.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};
use tidemill_crds::AlertRule;
use tidemill_plan::Version;
use tidemill_plan::model::Editions as Span;
use twox_hash::XxHash64;

use super::in_force::{InForce, Noted};
use crate::log::{Produced, TopicPartition};

/// A record of the topic.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Entry {
    /// Rules that were in force together.
    Edition(Edition),
    /// Where they began to be.
    Switch(Switch),
}

/// The rules of a pipeline at a time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Edition {
    /// One more than that of the edition before; of two with one number the first counts.
    number: i64,
    /// What tells the streams that are made for them from others.
    streams: String,
    rules: Vec<AlertRule>,
}

/// From which offset on a partition was read under an edition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Switch {
    pub(super) topic: String,
    pub(super) partition: i32,
    pub(super) offset: i64,
    pub(super) edition: i64,
}

/// All that is known of the editions of a pipeline's rules.
#[derive(Debug, Default)]
pub(super) struct Editions {
    /// In the order of their numbers.
    known: Vec<Edition>,
    /// By partition, in the order of offsets: from which offset on it was read under which.
    switches: HashMap<TopicPartition, BTreeMap<i64, i64>>,
    /// The number of the edition that our manifests have; 0 before there is one.
    wanted: i64,
    /// The newest that was heard of, be it known or not.
    heard: i64,
}

impl Editions {
    /// Forgets what the topic has, which is then read anew.
    pub(super) fn forget(&mut self) {
        self.known.clear();
        self.switches.clear();
    }

    /// Takes in a record of the topic; they come in order. What cannot be read was not written by a worker.
    pub(super) fn read(&mut self, value: &[u8]) {
        match serde_json::from_slice(value) {
            Ok(Entry::Edition(edition)) if edition.number == self.newest() + 1 => {
                self.known.push(edition);
            }
            Ok(Entry::Edition(_)) => {}
            Ok(Entry::Switch(it)) => {
                let at = TopicPartition {
                    topic: it.topic.into(),
                    partition: it.partition,
                };
                let switches = self.switches.entry(at).or_default();
                switches.insert(it.offset, it.edition);
            }
            Err(error) => tracing::warn!(%error, "a record of the rules' topic cannot be read"),
        }
    }

    /// The number of the newest edition; 0 before there is one.
    pub(super) fn newest(&self) -> i64 {
        self.known.last().map_or(0, |edition| edition.number)
    }

    /// Whether there may be rows of an edition of which nothing is known here.
    pub(super) fn is_new(&self, edition: i64) -> bool {
        edition > self.newest().max(self.heard)
    }

    /// Notes that rows of an edition have come.
    pub(super) fn hear(&mut self, edition: i64) {
        self.heard = self.heard.max(edition);
    }

    /// The number of the edition that our manifests have.
    pub(super) fn wanted(&self) -> i64 {
        self.wanted
    }

    /// Goes on with these rules, if there is an edition of them. At the start that is the last one; later, the first from the
    /// one that was wanted on: of several workers that find the same edit, one makes an edition of it.
    pub(super) fn adopt(&mut self, rules: &[AlertRule], streams: &[String]) -> bool {
        let streams = fingerprint(streams);
        let same =
            |edition: &&Edition| edition.streams == streams && are_same(rules, &edition.rules);
        let found = match self.wanted {
            0 => self.known.last().filter(same),
            wanted => {
                let mut later = self.known.iter().filter(|it| it.number >= wanted);
                later.find(same)
            }
        };
        let number = found.map(|edition| edition.number);
        self.wanted = number.unwrap_or(self.wanted);
        number.is_some()
    }

    /// An edition of these rules after those that are known. A rule whose manifest does not say which version it is, is
    /// counted: one more than ever before if it differs from what it was.
    pub(super) fn next(&self, rules: &[AlertRule], streams: &[String]) -> Edition {
        let numbered = rules.iter().map(|rule| {
            let mut rule = rule.reduced();
            rule.metadata.generation = rule.metadata.generation.or_else(|| self.count(&rule));
            rule
        });
        Edition {
            number: self.newest() + 1,
            streams: fingerprint(streams),
            rules: numbered.collect(),
        }
    }

    fn count(&self, rule: &AlertRule) -> Option<i64> {
        let is_it = |it: &&AlertRule| it.metadata.name == rule.metadata.name;
        let last = self
            .known
            .last()
            .and_then(|last| last.rules.iter().find(is_it));
        let before = self
            .known
            .iter()
            .flat_map(|edition| edition.rules.iter().filter(is_it));
        let highest = before.filter_map(|it| it.metadata.generation).max();
        match last {
            Some(same) if same.spec == rule.spec => same.metadata.generation,
            _ => Some(highest.unwrap_or_default() + 1),
        }
    }

    /// The versions of all rules, those of the newest edition first. Editions that asked for other streams cannot be judged by
    /// any more: their rows are judged by the next that did not. So a rule that was never edited is of all editions.
    pub(super) fn versions(&self) -> Vec<Version> {
        let is_wanted = |edition: &&Edition| edition.number == self.wanted;
        let streams = self.known.iter().find(is_wanted).map(|it| &it.streams);
        let mut open: Vec<Version> = Vec::new();
        let mut closed = Vec::new();
        let mut from = Some(Span::ALL.from);
        for edition in &self.known {
            let begin = *from.get_or_insert(edition.number);
            if Some(&edition.streams) != streams {
                continue;
            }
            from = None;
            let is_there = |version: &Version| edition.rules.contains(&version.rule);
            let (stay, gone) = open.into_iter().partition(is_there);
            open = stay;
            let gone: Vec<Version> = gone;
            closed.extend(gone.into_iter().map(|version| until(version, begin)));
            for rule in &edition.rules {
                if !open.iter().any(|version| version.rule == *rule) {
                    let editions = Span {
                        from: begin,
                        to: None,
                    };
                    let rule = rule.clone();
                    open.push(Version { rule, editions });
                }
            }
        }
        open.extend(closed);
        open
    }

    /// Under which edition a partition of a source is read from an offset on: see [`InForce::at`].
    pub(super) fn in_force(&self, at: &TopicPartition, offset: i64, noted: Noted) -> InForce {
        let none = BTreeMap::new();
        let switches = self.switches.get(at).unwrap_or(&none);
        InForce::at(switches, offset, noted, self.wanted)
    }
}

/// What a version is until an edition that does not have it.
fn until(version: Version, edition: i64) -> Version {
    let editions = Span {
        to: Some(edition),
        ..version.editions
    };
    Version {
        editions,
        ..version
    }
}

/// Whether rules are those of an edition, be their versions counted there or not.
fn are_same(rules: &[AlertRule], known: &[AlertRule]) -> bool {
    let is_known = |rule: &AlertRule| {
        known.iter().any(|it| {
            let generation = rule.metadata.generation;
            it.metadata.name == rule.metadata.name
                && it.spec == rule.spec
                && generation.is_none_or(|_| generation == it.metadata.generation)
        })
    };
    rules.len() == known.len() && rules.iter().all(is_known)
}

fn fingerprint(streams: &[String]) -> String {
    format!(
        "{:016x}",
        XxHash64::oneshot(0, streams.join("\n").as_bytes())
    )
}

impl Entry {
    /// What it is about, for a person who looks at the topic.
    fn name(&self) -> String {
        match self {
            Self::Edition(it) => format!("edition {}", it.number),
            Self::Switch(it) => format!("{} {} from {}", it.topic, it.partition, it.offset),
        }
    }

    /// The record.
    pub(super) fn to_record(&self) -> Produced {
        Produced {
            partition: Some(0),
            key: Some(self.name().into_bytes()),
            // Of what is put together here nothing fails to be written.
            value: serde_json::to_vec(self).ok(),
            headers: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn rule(name: &str, when: &str, generation: Option<i64>) -> AlertRule {
        let text = format!(
            r#"{{"metadata": {{"name": "{name}"}}, "spec": {{"pipelineRef": {{"name": "p"}}, "stream": "made",
                "when": "{when}"}}}}"#
        );
        let mut rule: AlertRule = serde_json::from_str(&text).unwrap();
        rule.metadata.generation = generation;
        rule
    }

    fn streams(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn add(editions: &mut Editions, rules: &[AlertRule], streams: &[String]) -> i64 {
        if !editions.adopt(rules, streams) {
            let next = Entry::Edition(editions.next(rules, streams));
            editions.read(&next.to_record().value.unwrap());
            assert!(editions.adopt(rules, streams));
        }
        editions.wanted()
    }

    fn spans(editions: &Editions) -> Vec<(String, i64, i64, Option<i64>)> {
        let span = |it: Version| {
            let metadata = it.rule.metadata;
            let Span { from, to } = it.editions;
            (
                metadata.name.unwrap(),
                metadata.generation.unwrap(),
                from,
                to,
            )
        };
        let mut spans: Vec<_> = editions.versions().into_iter().map(span).collect();
        spans.sort();
        spans
    }

    fn of(
        name: &str,
        generation: i64,
        from: i64,
        to: Option<i64>,
    ) -> (String, i64, i64, Option<i64>) {
        (name.to_owned(), generation, from, to)
    }

    #[test]
    fn each_edit_is_an_edition_and_counts_the_rules_that_differ() {
        let (mut it, none) = (Editions::default(), streams(&[]));
        let (a, b) = (rule("a", "x > 1", None), rule("b", "x > 1", None));
        assert_eq!(add(&mut it, &[a.clone(), b.clone()], &none), 1);
        let changed = rule("a", "x > 2", None);
        assert_eq!(add(&mut it, &[changed, b.clone()], &none), 2);
        assert_eq!(add(&mut it, std::slice::from_ref(&b), &none), 3);
        assert_eq!(add(&mut it, &[a, b], &none), 4);
        let begin = Span::ALL.from;
        let expected = [
            of("a", 1, begin, Some(2)),
            of("a", 2, 2, Some(3)),
            of("a", 3, 4, None),
            of("b", 1, begin, None),
        ];
        assert_eq!(spans(&it), expected);
    }

    #[test]
    fn several_workers_make_one_edition_of_an_edit_and_a_new_start_none() {
        let (mut one, mut other, none) = (Editions::default(), Editions::default(), streams(&[]));
        let edits = ["x > 1", "x > 2", "x > 1"].map(|when| [rule("a", when, None)]);
        for edit in &edits {
            add(&mut one, edit, &none);
        }
        for known in &one.known {
            other.read(&Entry::Edition(known.clone()).to_record().value.unwrap());
        }
        assert!(
            other.adopt(&edits[2], &none),
            "at the start the last counts"
        );
        assert_eq!(other.wanted(), 3);
        other.wanted = 1;
        assert!(other.adopt(&edits[1], &none));
        assert_eq!(other.wanted(), 2, "the first after what it had");
        assert!(!other.adopt(&[rule("a", "x > 9", None)], &none));
        // Of two with one number the first counts.
        let late = Entry::Edition(Edition {
            number: 3,
            ..other.next(&edits[0], &none)
        });
        other.read(&late.to_record().value.unwrap());
        assert_eq!(other.known, one.known);
    }

    #[test]
    fn what_a_cluster_counts_is_taken_as_it_is() {
        let (mut it, none) = (Editions::default(), streams(&[]));
        add(&mut it, &[rule("a", "x > 1", Some(7))], &none);
        assert!(
            it.adopt(&[rule("a", "x > 1", Some(7))], &none),
            "it is what there is"
        );
        add(&mut it, &[rule("a", "x > 1", Some(9))], &none);
        let begin = Span::ALL.from;
        assert_eq!(
            spans(&it),
            [of("a", 7, begin, Some(2)), of("a", 9, 2, None)]
        );
    }

    #[test]
    fn editions_of_other_streams_are_judged_by_the_next_that_is_not() {
        let (mut it, these) = (Editions::default(), streams(&["these"]));
        add(&mut it, &[rule("a", "x > 1", None)], &streams(&["others"]));
        add(&mut it, &[rule("a", "x > 2", None)], &these);
        add(&mut it, &[rule("a", "x > 3", None)], &streams(&["others"]));
        add(&mut it, &[rule("a", "x > 4", None)], &these);
        let begin = Span::ALL.from;
        assert_eq!(
            spans(&it),
            [of("a", 2, begin, Some(3)), of("a", 4, 3, None)]
        );
    }
}
