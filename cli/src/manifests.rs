//! Manifests from files and folders, and the plans they make.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tidemill_crds::{AlertRule, Pipeline, Sink};
use tidemill_plan::manifest::{self, FieldPath, Position, Problem, Resource, ResourceKind};
use tidemill_plan::model::Plan;
use tidemill_plan::{PlanProblem, plan, plan_in_cluster};
use tidemill_worker::edits::{Version, Versions};
use tidemill_worker::rulebook::Rulebook;

use crate::failure::Failure;

/// The resources of some manifests.
pub(crate) struct Manifests {
    resources: Vec<Resource>,
    problems: Vec<Problem>,
}

/// A pipeline that can be run.
pub(crate) struct Planned {
    /// What it does.
    pub(crate) plan: Arc<Plan>,
    /// How long work is gathered before it is committed.
    pub(crate) commit_interval: Duration,
    /// What its manifests are.
    pub(crate) version: Version,
    /// The rules that watch it.
    pub(crate) rulebook: Rulebook,
}

/// What the pipelines' manifests are.
pub(crate) fn versions(pipelines: &[Planned]) -> Versions {
    let version = |planned: &Planned| (planned.plan.name.clone(), planned.version.clone());
    pipelines.iter().map(version).collect()
}

/// The files at some paths, and in them if they are folders: those that may be manifests.
pub(crate) fn files(paths: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut files = Vec::new();
    for path in paths {
        collect(path, &mut files)?;
    }
    Ok(files)
}

impl Manifests {
    /// Reads files, and the `.yaml`, `.yml` and `.json` files of folders.
    pub(crate) fn load(paths: &[PathBuf]) -> Result<Self, Failure> {
        let texts = files(paths)?
            .iter()
            .map(|file| {
                let text = std::fs::read_to_string(file).map_err(|e| unreadable(file, &e))?;
                Ok((file.display().to_string(), text))
            })
            .collect::<Result<Vec<_>, Failure>>()?;
        let loaded = manifest::load_all(
            texts
                .iter()
                .map(|(name, text)| (name.as_str(), text.as_str())),
        );
        Ok(Self {
            resources: loaded.resources,
            problems: loaded.problems,
        })
    }

    /// Plans every pipeline; everything that is wrong with any of them otherwise.
    pub(crate) fn plan(self) -> Result<Vec<Planned>, Failure> {
        let (planned, problems) = self.check();
        if problems.is_empty() {
            Ok(planned)
        } else {
            Err(Failure::problems(problems))
        }
    }

    /// Plans what can be planned, and says everything that is wrong.
    pub(crate) fn check(mut self) -> (Vec<Planned>, Vec<Problem>) {
        let (mut planned, mut problems) = (Vec::new(), std::mem::take(&mut self.problems));
        for resource in &self.resources {
            let ResourceKind::Pipeline(pipeline) = &resource.kind else {
                continue;
            };
            if pipeline.spec.suspend {
                crate::say(&format!("pipeline {} is suspended", resource.name()));
            }
            let (sinks, rules) = (self.sinks(pipeline), self.rules(pipeline));
            match plan(pipeline, &sinks, &rules) {
                Ok(plan) if pipeline.spec.suspend => drop(plan),
                Ok(plan) => {
                    let plan = Arc::new(plan);
                    planned.push(Planned {
                        commit_interval: pipeline.spec.commit_interval.into(),
                        version: Version::of(pipeline, &sinks, &rules, &plan),
                        rulebook: Rulebook::new(pipeline, &sinks, &rules),
                        plan,
                    });
                }
                Err(found) => {
                    let found = found.into_iter();
                    problems.extend(found.map(|problem| self.placed(resource, problem)));
                }
            }
        }
        problems.sort();
        (planned, problems)
    }

    /// Each Pipeline with its plan in a cluster, or with what is wrong with it. Sinks that are not in the files may be in
    /// `more`.
    pub(crate) fn plans_in_cluster(
        &self,
        more: &[Sink],
    ) -> impl Iterator<Item = (&Resource, &Pipeline, Result<Plan, Vec<Problem>>)> {
        self.resources.iter().filter_map(move |resource| {
            let ResourceKind::Pipeline(pipeline) = &resource.kind else {
                return None;
            };
            let mut sinks = self.sinks(pipeline);
            // What is in the files is what will be there.
            let is_new = |it: &&Sink| {
                let same = |sink: &Sink| sink.metadata.name == it.metadata.name;
                it.metadata.namespace == pipeline.metadata.namespace && !sinks.iter().any(same)
            };
            let new: Vec<Sink> = more.iter().filter(is_new).cloned().collect();
            sinks.extend(new);
            let problems = |found: Vec<PlanProblem>| {
                found
                    .into_iter()
                    .map(|it| self.placed(resource, it))
                    .collect()
            };
            let planned = plan_in_cluster(pipeline, &sinks, &self.rules(pipeline));
            Some((resource, &**pipeline, planned.map_err(problems)))
        })
    }

    /// The resources that can be used.
    pub(crate) fn resources(&self) -> &[Resource] {
        &self.resources
    }

    /// What was found to be wrong when they were read.
    pub(crate) fn take_problems(&mut self) -> Vec<Problem> {
        std::mem::take(&mut self.problems)
    }

    /// Puts the resources that name no namespace into this one.
    pub(crate) fn settle(&mut self, namespace: &str) {
        for resource in &mut self.resources {
            let metadata = match &mut resource.kind {
                ResourceKind::Pipeline(it) => &mut it.metadata,
                ResourceKind::AlertRule(it) => &mut it.metadata,
                ResourceKind::Sink(it) => &mut it.metadata,
                ResourceKind::Other(_) => continue,
            };
            metadata
                .namespace
                .get_or_insert_with(|| namespace.to_owned());
        }
    }

    /// A problem of a Pipeline, or of a rule that watches it, in its file.
    fn placed(&self, pipeline: &Resource, problem: PlanProblem) -> Problem {
        let of_rule = problem.path.strip_prefix("AlertRule ");
        let of_rule = of_rule.and_then(|rest| rest.split_once(": "));
        let found = of_rule.and_then(|(name, path)| {
            let is_it = |it: &&Resource| match &it.kind {
                ResourceKind::AlertRule(rule) => rule.metadata.name.as_deref() == Some(name),
                _ => false,
            };
            Some((self.resources.iter().find(is_it)?, path.to_owned()))
        });
        match found {
            Some((rule, path)) => place(rule, PlanProblem { path, ..problem }),
            None => place(pipeline, problem),
        }
    }

    /// How many resources there are that Tidemill knows.
    pub(crate) fn count(&self) -> usize {
        self.resources
            .iter()
            .filter(|r| !matches!(r.kind, ResourceKind::Other(_)))
            .count()
    }

    /// The sinks that a pipeline may name: those of its namespace.
    fn sinks(&self, of: &Pipeline) -> Vec<Sink> {
        let namespace = &of.metadata.namespace;
        let sink = |r: &Resource| match &r.kind {
            ResourceKind::Sink(sink) if sink.metadata.namespace == *namespace => {
                Some((**sink).clone())
            }
            _ => None,
        };
        self.resources.iter().filter_map(sink).collect()
    }

    fn rules(&self, pipeline: &Pipeline) -> Vec<AlertRule> {
        let rule = |r: &Resource| match &r.kind {
            ResourceKind::AlertRule(rule)
                if Some(&rule.spec.pipeline_ref.name) == pipeline.metadata.name.as_ref() =>
            {
                Some((**rule).clone())
            }
            _ => None,
        };
        self.resources.iter().filter_map(rule).collect()
    }
}

/// Says where in the file a problem is.
fn place(resource: &Resource, problem: PlanProblem) -> Problem {
    let path = FieldPath::parse(&problem.path);
    let placed = match problem.position {
        Some(at) => {
            let within = Position {
                line: whole(at.line),
                column: whole(at.column),
            };
            resource.problem_in(&path, within, problem.message)
        }
        None => resource.problem(&path, problem.message),
    };
    match problem.hint {
        Some(hint) => placed.hint(hint),
        None => placed,
    }
}

fn whole(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) -> Result<(), Failure> {
    if !path.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    let entries = std::fs::read_dir(path).map_err(|e| unreadable(path, &e))?;
    let mut entries = entries
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<Vec<_>, std::io::Error>>()
        .map_err(|e| unreadable(path, &e))?;
    entries.sort();
    for entry in entries {
        let is_manifest = entry
            .extension()
            .is_some_and(|e| e == "yaml" || e == "yml" || e == "json");
        if entry.is_dir() || is_manifest {
            collect(&entry, files)?;
        }
    }
    Ok(())
}

fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(format!("{}: {error}", path.display()))
}
