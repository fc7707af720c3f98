//! The consumer group: generations, static members, eager assignment by range.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tidemill_worker::log::TopicPartition;

use super::{REBALANCE, SESSION, Time};

/// A member, by its instance id.
#[derive(Debug)]
struct Member {
    /// Which process has the instance id now.
    process: usize,
    topics: BTreeSet<String>,
    /// It has given up what it had and waits for its share of the next generation.
    joined: bool,
    assigned: Vec<TopicPartition>,
    last_seen: Time,
}

/// How a process stands in the group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It is no member.
    Out,
    /// Another process has its instance id.
    Fenced,
    /// It has to give back what it has, and join again.
    Outdated,
    /// It has joined and waits.
    Waiting,
    /// Its share of this generation.
    Settled(i32, Vec<TopicPartition>),
}

/// The group.
#[derive(Debug, Default)]
pub(crate) struct Group {
    generation: i32,
    members: BTreeMap<String, Member>,
    /// Since when it waits for all members to join again.
    preparing: Option<Time>,
}

impl Group {
    /// A process joins, or joins again. One that comes back under the instance id of a member takes its place, without
    /// a rebalance where there is none already.
    pub(crate) fn join(&mut self, now: Time, instance: &str, process: usize, topics: &[String]) {
        match self.members.get_mut(instance) {
            Some(member) if member.process == process => member.joined = true,
            Some(member) => {
                member.process = process;
                member.joined = true;
                member.last_seen = now;
            }
            None => {
                self.rebalance(now);
                let member = Member {
                    process,
                    topics: topics.iter().cloned().collect(),
                    joined: true,
                    assigned: Vec::new(),
                    last_seen: now,
                };
                self.members.insert(instance.to_owned(), member);
            }
        }
    }

    /// All give back what they have.
    pub(crate) fn rebalance(&mut self, now: Time) {
        if self.preparing.is_none() {
            self.preparing = Some(now);
            for member in self.members.values_mut() {
                member.joined = false;
            }
        }
    }

    pub(crate) fn leave(&mut self, now: Time, instance: &str, process: usize) {
        if self
            .members
            .get(instance)
            .is_some_and(|m| m.process == process)
        {
            self.members.remove(instance);
            self.rebalance(now);
        }
    }

    pub(crate) fn standing(&self, instance: &str, process: usize) -> Standing {
        match self.members.get(instance) {
            None => Standing::Out,
            Some(member) if member.process != process => Standing::Fenced,
            Some(member) if self.preparing.is_some() && member.joined => Standing::Waiting,
            Some(_) if self.preparing.is_some() => Standing::Outdated,
            Some(member) => Standing::Settled(self.generation, member.assigned.clone()),
        }
    }

    /// Whether a process may commit offsets in a generation: that of the present, or the one that is being given back.
    pub(crate) fn is_current(&self, instance: &str, process: usize, generation: i32) -> bool {
        self.generation == generation
            && self
                .members
                .get(instance)
                .is_some_and(|m| m.process == process && (self.preparing.is_none() || !m.joined))
    }

    /// The partitions that its members have.
    pub(super) fn given(&self) -> impl Iterator<Item = &TopicPartition> {
        self.members.values().flat_map(|m| &m.assigned)
    }

    /// The instance ids of its members.
    pub(crate) fn members(&self) -> BTreeSet<String> {
        self.members.keys().cloned().collect()
    }

    pub(crate) fn is_stable(&self) -> bool {
        self.preparing.is_none()
    }

    /// What a member would have after a rebalance.
    pub(super) fn next_share(
        &self,
        instance: &str,
        counts: &BTreeMap<String, u32>,
    ) -> Vec<TopicPartition> {
        self.shares(counts).remove(instance).unwrap_or_default()
    }

    /// Puts out those that are silent, and ends a rebalance that all have joined or that has taken too long. What has
    /// happened.
    pub(super) fn tick(
        &mut self,
        now: Time,
        is_alive: &dyn Fn(usize) -> bool,
        counts: &dyn Fn() -> BTreeMap<String, u32>,
    ) -> Vec<String> {
        let mut lines = Vec::new();
        for member in self.members.values_mut() {
            if is_alive(member.process) {
                member.last_seen = now;
            }
        }
        let silent = |m: &Member| now.saturating_sub(m.last_seen) > SESSION;
        let overdue = self
            .preparing
            .is_some_and(|since| now.saturating_sub(since) > REBALANCE);
        let out: Vec<String> = self
            .members
            .iter()
            .filter(|(_, m)| silent(m) || (overdue && !m.joined))
            .map(|(instance, _)| instance.clone())
            .collect();
        for instance in &out {
            self.members.remove(instance);
            lines.push(format!("{instance} is put out of the group"));
        }
        if !out.is_empty() {
            self.rebalance(now);
        }
        if self.preparing.is_some() && self.members.values().all(|m| m.joined) {
            self.preparing = None;
            self.generation += 1;
            let mut shares = self.shares(&counts());
            for (instance, member) in &mut self.members {
                member.assigned = shares.remove(instance).unwrap_or_default();
            }
            let names: Vec<&str> = self.members.keys().map(String::as_str).collect();
            lines.push(format!(
                "generation {}: {}",
                self.generation,
                names.join(", ")
            ));
        }
        lines
    }

    /// By range: of each topic, each member gets a run of partitions, the first ones one more.
    fn shares(&self, counts: &BTreeMap<String, u32>) -> BTreeMap<String, Vec<TopicPartition>> {
        let mut shares: BTreeMap<String, Vec<TopicPartition>> = BTreeMap::new();
        for (topic, &count) in counts {
            let readers: Vec<&String> = self
                .members
                .iter()
                .filter(|(_, m)| m.topics.contains(topic))
                .map(|(instance, _)| instance)
                .collect();
            let (all, name) = (readers.len() as u32, Arc::<str>::from(topic.as_str()));
            let mut next = 0;
            for (place, reader) in (0..).zip(readers) {
                let size = count / all + u32::from(place < count % all);
                let run = (next..next + size).map(|partition| TopicPartition {
                    topic: Arc::clone(&name),
                    partition: partition.cast_signed(),
                });
                shares.entry(reader.clone()).or_default().extend(run);
                next += size;
            }
        }
        shares
    }
}
