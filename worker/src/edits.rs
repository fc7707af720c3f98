//! Manifests that change while their pipelines run: what takes effect live is found, the rest is told of.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

use serde_json::json;
use tidemill_crds::{AlertRule, Pipeline, Sink};
use tidemill_plan::live::{self, Live};
use tidemill_plan::model::Plan;
use tidemill_plan::resets;

/// How often the files are looked at.
const EVERY: Duration = Duration::from_secs(1);

/// Looks now and then whether files have changed, be it in place or by a link that leads elsewhere now, as in a
/// mounted ConfigMap.
#[derive(Debug)]
pub struct Watch {
    seen: Vec<Stamp>,
    looked: Instant,
}

/// A file as it is: its path, where that leads, when it was written and how long it is.
type Stamp = (PathBuf, Option<(PathBuf, SystemTime, u64)>);

impl Watch {
    /// Watches these files from now on.
    #[must_use]
    pub fn new(files: Vec<PathBuf>) -> Self {
        Self {
            seen: stamps(files),
            looked: Instant::now(),
        }
    }

    /// Whether any file has changed, come or gone; it looks once in a second.
    pub fn has_changed(&mut self, files: impl FnOnce() -> Vec<PathBuf>) -> bool {
        if self.looked.elapsed() < EVERY {
            return false;
        }
        self.looked = Instant::now();
        self.look(files())
    }

    fn look(&mut self, files: Vec<PathBuf>) -> bool {
        let now = stamps(files);
        let changed = now != self.seen;
        self.seen = now;
        changed
    }
}

fn stamps(files: Vec<PathBuf>) -> Vec<Stamp> {
    let stamp = |file: &PathBuf| {
        let is = std::fs::metadata(file).ok()?;
        Some((file.canonicalize().ok()?, is.modified().ok()?, is.len()))
    };
    files
        .into_iter()
        .map(|file| {
            let now = stamp(&file);
            (file, now)
        })
        .collect()
}

/// A pipeline's manifests, as far as one that runs is concerned.
#[derive(Debug, Clone, PartialEq)]
pub struct Version {
    live: Live,
    rules: Vec<AlertRule>,
    /// All else, as text.
    rest: String,
}

impl Version {
    /// The version that a Pipeline with its Sinks and AlertRules is, and its plan.
    #[must_use]
    pub fn of(pipeline: &Pipeline, sinks: &[Sink], rules: &[AlertRule], plan: &Plan) -> Self {
        let (live, rest) = live::split(&pipeline.spec);
        let sinks: Vec<_> = sinks.iter().map(|s| (&s.metadata.name, &s.spec)).collect();
        // Rules that ask for other streams than those that run need a new start.
        let rest = json!([rest, resets::read(pipeline).ok(), sinks, plan.made]).to_string();
        Self {
            live,
            rules: rules.to_vec(),
            rest,
        }
    }
}

/// The versions of pipelines, by the pipelines' names.
pub type Versions = BTreeMap<String, Version>;

/// Knows which versions run.
#[derive(Debug)]
pub struct Edits {
    running: Versions,
    /// What differs beyond what takes effect live and has been told of, by pipeline.
    told: BTreeMap<String, String>,
}

/// What is to be done, or said, about an edit.
#[derive(Debug, Clone, PartialEq)]
pub enum Edit {
    /// This takes effect now.
    Adjust {
        /// The pipeline.
        pipeline: String,
        /// What it goes on with.
        live: Live,
    },
    /// Rows are judged by these rules now.
    Judge {
        /// The pipeline.
        pipeline: String,
        /// The rules.
        rules: Vec<AlertRule>,
    },
    /// There is more, which only a new start brings about.
    NeedsStart {
        /// The pipeline.
        pipeline: String,
    },
    /// The manifests cannot be used.
    Broken {
        /// What is wrong with them.
        why: String,
    },
}

impl Edits {
    /// These versions run.
    #[must_use]
    pub fn new(running: Versions) -> Self {
        Self {
            running,
            told: BTreeMap::new(),
        }
    }

    /// What manifests that have changed mean for what runs. Pipelines that are new are left for the next start, and so
    /// are those that are gone.
    pub fn take(&mut self, found: Result<Versions, String>) -> Vec<Edit> {
        let found = match found {
            Ok(found) => found,
            Err(why) => return vec![Edit::Broken { why }],
        };
        let mut edits = Vec::new();
        for (name, version) in found {
            let Some(running) = self.running.get_mut(&name) else {
                continue;
            };
            if running.live != version.live {
                running.live = version.live.clone();
                edits.push(Edit::Adjust {
                    pipeline: name.clone(),
                    live: version.live,
                });
            }
            if running.rest == version.rest {
                self.told.remove(&name);
                if running.rules != version.rules {
                    running.rules = version.rules.clone();
                    edits.push(Edit::Judge {
                        pipeline: name.clone(),
                        rules: version.rules,
                    });
                }
            } else if self.told.get(&name) != Some(&version.rest) {
                self.told.insert(name.clone(), version.rest);
                edits.push(Edit::NeedsStart { pipeline: name });
            }
        }
        edits
    }
}

impl Edit {
    /// The pipeline that it is about, if it is about one.
    #[must_use]
    pub fn pipeline(&self) -> Option<&String> {
        match self {
            Self::Adjust { pipeline, .. }
            | Self::Judge { pipeline, .. }
            | Self::NeedsStart { pipeline } => Some(pipeline),
            Self::Broken { .. } => None,
        }
    }
}

impl fmt::Display for Edit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Adjust { pipeline, live } => {
                write!(
                    f,
                    "pipeline {pipeline} was edited and goes on with commitInterval: {}",
                    live.commit_interval
                )?;
                for (source, pace) in &live.generators {
                    write!(
                        f,
                        "; {source}: rate {}, fraudRatio {}, accounts {}",
                        pace.rate, pace.fraud_ratio, pace.accounts
                    )?;
                }
                Ok(())
            }
            Self::Judge { pipeline, rules } => {
                let names = rules.iter().filter_map(|it| it.metadata.name.as_deref());
                let names: Vec<&str> = names.collect();
                write!(
                    f,
                    "the rules of pipeline {pipeline} were edited: {}",
                    names.join(", ")
                )
            }
            Self::NeedsStart { pipeline } => write!(
                f,
                "pipeline {pipeline} was edited beyond what takes effect live; the rest waits for a new start"
            ),
            Self::Broken { why } => write!(
                f,
                "the manifests have changed and cannot be used, so what runs goes on as it was:\n{why}"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use std::fs;

    use super::*;

    const PIPELINE: &str = r#"{
        "metadata": {"name": "p"},
        "spec": {"sources": [{"name": "made", "generator": {"kind": "Transactions", "rate": 10}}],
                 "outputs": [{"from": "made", "sink": "s"}]}}"#;

    fn sinks() -> Vec<Sink> {
        let sink = |name: &str| {
            let text =
                format!(r#"{{"metadata": {{"name": "{name}"}}, "spec": {{"stdout": {{}}}}}}"#);
            serde_json::from_str(&text).unwrap()
        };
        ["s", "t"].map(sink).into()
    }

    fn judged(text: &str, rules: &[AlertRule]) -> Version {
        let (pipeline, sinks) = (serde_json::from_str(text).unwrap(), sinks());
        let plan = tidemill_plan::plan(&pipeline, &sinks, rules).unwrap();
        Version::of(&pipeline, &sinks, rules, &plan)
    }

    fn version(text: &str) -> Version {
        judged(text, &[])
    }

    fn rule(text: &str) -> AlertRule {
        let text = format!(
            r#"{{"metadata": {{"name": "r"}}, "spec": {{"pipelineRef": {{"name": "p"}}, "stream": "made", {text}}}}}"#
        );
        serde_json::from_str(&text).unwrap()
    }

    fn found(text: &str) -> Result<Versions, String> {
        Ok([("p".to_owned(), version(text))].into())
    }

    fn edits() -> Edits {
        Edits::new(found(PIPELINE).unwrap())
    }

    #[test]
    fn a_rate_takes_effect_once() {
        let mut edits = edits();
        let faster = PIPELINE.replace("10", "500");
        assert!(edits.take(found(PIPELINE)).is_empty());
        let taken = edits.take(found(&faster));
        assert!(
            matches!(&taken[..], [Edit::Adjust { pipeline, live }]
                if pipeline == "p" && live.generators["made"].rate == 500),
            "{taken:?}"
        );
        assert!(taken[0].to_string().contains("made: rate 500"));
        assert!(edits.take(found(&faster)).is_empty());
        assert_eq!(edits.take(found(PIPELINE)).len(), 1, "and back");
    }

    #[test]
    fn more_than_that_waits_and_is_told_of_once() {
        let mut edits = edits();
        let other = PIPELINE.replace(r#""sink": "s""#, r#""sink": "t""#);
        let waits = [Edit::NeedsStart {
            pipeline: "p".to_owned(),
        }];
        assert_eq!(edits.take(found(&other)), waits);
        assert!(edits.take(found(&other)).is_empty());
        let both = edits.take(found(&other.replace("10", "20")));
        assert!(
            matches!(both[..], [Edit::Adjust { .. }]),
            "what can be done is: {both:?}"
        );
        assert_eq!(edits.take(found(PIPELINE)).len(), 1, "the rate goes back");
        assert_eq!(edits.take(found(&other)), waits, "it is news again");
    }

    #[test]
    fn a_reset_and_another_sink_are_more_than_that() {
        let reset = PIPELINE.replace(
            r#""name": "p""#,
            r#""name": "p", "annotations": {"tidemill.io/state-epochs": "spend=1"}"#,
        );
        assert_eq!(edits().take(found(&reset)).len(), 1);
        let sink: Sink =
            serde_json::from_str(r#"{"metadata": {"name": "s"}, "spec": {"stdout": {}}}"#).unwrap();
        let pipeline = serde_json::from_str(PIPELINE).unwrap();
        let plan = tidemill_plan::plan(&pipeline, &sinks(), &[]).unwrap();
        let version = Version::of(&pipeline, &[sink], &[], &plan);
        assert_eq!(
            edits().take(Ok([("p".to_owned(), version)].into())).len(),
            1
        );
    }

    #[test]
    fn rules_take_effect_while_they_ask_for_the_streams_that_run() {
        let alerts = PIPELINE.replace(
            r#""outputs": ["#,
            r#""outputs": [{"from": "alerts", "sink": "t"}, "#,
        );
        let alerts = alerts.replace(
            r#""rate": 10}}"#,
            r#""rate": 10}, "eventTime": {"column": "ts"}}"#,
        );
        let found = |rules: &[AlertRule]| Ok([("p".to_owned(), judged(&alerts, rules))].into());
        let mut edits = Edits::new(found(&[]).unwrap());
        let large = rule(r#""when": "amount > 5""#);
        let said = edits.take(found(std::slice::from_ref(&large)));
        assert!(
            matches!(&said[..], [Edit::Judge { rules, .. }] if rules.len() == 1),
            "{said:?}"
        );
        assert!(edits.take(found(&[large])).is_empty());
        let mut off = rule(r#""when": "amount > 7""#);
        off.spec.mode = tidemill_crds::alert_rule::Mode::Disabled;
        let said = edits.take(found(&[off]));
        assert!(
            matches!(&said[..], [edit @ Edit::Judge { .. }] if edit.to_string().ends_with("were edited: r")),
            "{said:?}"
        );
        let sliding = rule(r#""when": "count(*) > 5", "window": {"sliding": "1m"}"#);
        let said = edits.take(found(&[sliding]));
        assert!(matches!(&said[..], [Edit::NeedsStart { .. }]), "{said:?}");
    }

    #[test]
    fn manifests_that_are_broken_change_nothing() {
        let mut edits = edits();
        let broken = edits.take(Err("line 3: what is this".to_owned()));
        assert!(broken[0].to_string().contains("line 3: what is this"));
        assert!(edits.take(found(PIPELINE)).is_empty(), "mended");
        assert!(edits.take(Ok(Versions::new())).is_empty(), "taken away");
        let other = [("q".to_owned(), version(PIPELINE))].into();
        assert!(edits.take(Ok(other)).is_empty(), "not ours");
    }

    #[test]
    fn files_that_change_come_or_go_are_seen() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| folder.path().join(name);
        let all = || vec![file("a"), file("b")];
        fs::write(file("a"), "one").unwrap();
        let mut watch = Watch::new(all());
        assert!(!watch.look(all()));
        fs::write(file("a"), "three").unwrap();
        assert!(watch.look(all()) && !watch.look(all()));
        fs::write(file("b"), "two").unwrap();
        assert!(watch.look(all()) && !watch.look(all()));
        fs::remove_file(file("a")).unwrap();
        assert!(watch.look(all()) && !watch.look(all()));
        assert!(watch.look(vec![file("b")]));
    }

    #[test]
    fn a_config_map_that_is_mounted_anew_is_seen() {
        use std::os::unix::fs::symlink;
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for version in ["..1", "..2"] {
            fs::create_dir(at(version)).unwrap();
            fs::write(at(version).join("manifests.yaml"), "same length").unwrap();
        }
        symlink("..1", at("..data")).unwrap();
        symlink("..data/manifests.yaml", at("manifests.yaml")).unwrap();
        let all = || vec![at("manifests.yaml")];
        let mut watch = Watch::new(all());
        assert!(!watch.look(all()));
        symlink("..2", at("..data_tmp")).unwrap();
        fs::rename(at("..data_tmp"), at("..data")).unwrap();
        assert!(watch.look(all()) && !watch.look(all()));
    }
}
