//! `tidemill run`: the manifests' pipelines on this machine.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tidemill_plan::model::{Origin, Plan};
use tidemill_worker::edits::{Edit, Edits, Watch};
use tidemill_worker::http;
use tidemill_worker::identity::Identity;
use tidemill_worker::launch::{self, LogAt, Running, Tables};
use tidemill_worker::memory::{Limit, Memory};
use tidemill_worker::runtime::Settings;
use tidemill_worker::secrets::Secrets;
use tidemill_worker::signals;

use crate::args::Run;
use crate::failure::Failure;
use crate::manifests::{self, Manifests, Planned};
use crate::progress::Progress;

/// Partitions of topics that are made here and say nothing themselves.
const PARTITIONS: u32 = 8;
/// How often the progress is shown and the pipelines are looked after.
const TICK: Duration = Duration::from_millis(250);

/// Runs the pipelines until they are done, or until it is asked to stop.
pub(crate) fn run(options: &Run) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| Failure::new(format!("cannot start: {e}")))?;
    let stop = Arc::default();
    runtime
        .block_on(async { signals::heed(Arc::clone(&stop)) })
        .map_err(|e| Failure::new(format!("cannot listen for signals: {e}")))?;
    if options.postgres.is_some() {
        return Err(Failure::new("--postgres is not supported yet")
            .hint("leave it out: `postgres` sinks become SQLite tables in the state directory"));
    }
    let watch = Watch::new(manifests::files(&options.paths)?);
    let pipelines = Manifests::load(&options.paths)?.plan()?;
    if pipelines.is_empty() {
        return Err(Failure::new("there is no Pipeline in these manifests")
            .hint("name files or folders that have one"));
    }
    std::fs::create_dir_all(&options.place.state)
        .map_err(|e| Failure::new(format!("{}: {e}", options.place.state.display())))?;
    // Held until the end: the next process with this directory is somebody else.
    let identity = Identity::take(&options.place.state)
        .map_err(|e| Failure::new(format!("{}: {e}", options.place.state.display())))?;
    let log = crate::open_log(&options.place, identity.name())?;
    let tables = Tables {
        directory: options.place.state.clone(),
    };
    let folder = options.place.state.join("spill").join(identity.name());
    let limit = options.memory.unwrap_or_else(Limit::of_the_process);
    let memory = Memory::new(limit, folder.clone())
        .map_err(|e| Failure::new(format!("{}: {e}", folder.display())))?;
    announce(options, &pipelines, &tables);
    runtime.block_on(
        Session {
            options,
            log,
            tables,
            memory,
            pipelines: pipelines.len(),
            stop,
            watch,
            edits: Edits::new(manifests::versions(&pipelines)),
            told: BTreeMap::new(),
        }
        .run(pipelines),
    )
}

fn announce(options: &Run, pipelines: &[Planned], tables: &Tables) {
    let state = options.place.state.display();
    match &options.place.kafka {
        Some(kafka) => crate::say(&format!(
            "Kafka: {kafka} (in place of what the manifests name)"
        )),
        None => crate::say(&format!(
            "Kafka: embedded, topics are in {state}/log.db (--kafka HOST:PORT for a real one)"
        )),
    }
    if pipelines
        .iter()
        .any(|p| p.plan.outputs.iter().any(|o| o.to.postgres.is_some()))
    {
        crate::say(&format!(
            "PostgreSQL: embedded, tables are in {}",
            tables.file().display()
        ));
    }
    for pipeline in pipelines {
        let plan = &pipeline.plan;
        let names = |names: Vec<&str>| names.join(", ");
        crate::say(&format!(
            "pipeline {}: {} → {}",
            plan.name,
            names(plan.sources.iter().map(|s| s.name.as_str()).collect()),
            names(plan.outputs.iter().map(|o| o.sink.as_str()).collect()),
        ));
    }
}

struct Session<'a> {
    options: &'a Run,
    log: LogAt,
    tables: Tables,
    memory: Memory,
    /// How many pipelines share the memory.
    pipelines: usize,
    /// Set when the person, or the system, wants us to end.
    stop: Arc<AtomicBool>,
    watch: Watch,
    edits: Edits,
    /// The rules of each pipeline that were in force when it was last looked.
    told: BTreeMap<String, String>,
}

impl Session<'_> {
    async fn run(mut self, pipelines: Vec<Planned>) -> Result<(), Failure> {
        // A bounded run reads what is there when it starts: what one pipeline writes, the next must find complete.
        let rounds = if self.options.bounded {
            in_order(pipelines)
        } else {
            vec![pipelines]
        };
        let mut progress =
            Progress::new(rounds.iter().flatten().any(|p| writes_to_stdout(&p.plan)));
        for round in rounds {
            if self.stop.load(Ordering::Relaxed) {
                break;
            }
            let running = round
                .into_iter()
                .map(|p| self.start(p))
                .collect::<Result<Vec<_>, _>>()?;
            self.serve(&running).await?;
            self.attend(running, &mut progress).await?;
        }
        progress.summary();
        Ok(())
    }

    fn start(&self, planned: Planned) -> Result<Running, Failure> {
        let settings = Settings {
            commit_interval: planned.commit_interval,
            bounded: self.options.bounded,
            default_partitions: PARTITIONS,
            secrets: Secrets {
                directory: self.options.secrets.clone(),
            },
            create_sources: true,
        };
        let name = planned.plan.name.clone();
        let room = self.memory.room(self.pipelines);
        launch::start(
            planned.plan,
            planned.rulebook,
            settings,
            &self.log,
            &self.tables,
            room,
        )
        .map_err(|e| Failure::new(format!("pipeline {name}: {e}")))
    }

    async fn serve(&self, running: &[Running]) -> Result<(), Failure> {
        let Some(address) = self.options.listen else {
            return Ok(());
        };
        let listener = tokio::net::TcpListener::bind(address).await;
        let listener = listener.map_err(|e| Failure::new(format!("--listen {address}: {e}")))?;
        tokio::spawn(http::serve(
            listener,
            running.iter().map(|r| r.status.clone()).collect(),
        ));
        Ok(())
    }

    /// Looks after pipelines until all have ended. One that fails ends the others too, in good order.
    async fn attend(
        &mut self,
        running: Vec<Running>,
        progress: &mut Progress,
    ) -> Result<(), Failure> {
        let mut tick = tokio::time::interval(TICK);
        while !running.iter().all(Running::is_finished) {
            tick.tick().await;
            self.follow(&running);
            self.tell_of_rules(&running);
            progress.show(running.iter().map(|r| r.status.get()));
            let failed = running
                .iter()
                .any(|r| r.is_finished() && r.status.get().phase.is_failed());
            if self.stop.load(Ordering::Relaxed) || failed {
                running.iter().for_each(Running::stop);
            }
        }
        progress.show(running.iter().map(|r| r.status.get()));
        let mut result = Ok(());
        for pipeline in running {
            let name = pipeline.status.get().pipeline;
            if let Err(error) = pipeline.join() {
                result = Err(Failure::new(format!("pipeline {name}: {error}")));
            }
        }
        result
    }
}

impl Session<'_> {
    /// Takes up edits of the manifests. A bounded run is of what they were when it started.
    fn follow(&mut self, running: &[Running]) {
        let paths = &self.options.paths;
        // While a folder cannot be read there is nothing to be seen in it.
        let files = || manifests::files(paths).unwrap_or_default();
        if self.options.bounded || !self.watch.has_changed(files) {
            return;
        }
        let found = Manifests::load(paths).and_then(Manifests::plan);
        let found = found
            .map(|pipelines| manifests::versions(&pipelines))
            .map_err(|failure| failure.to_string());
        for edit in self.edits.take(found) {
            let its = |it: &&Running| edit.pipeline() == Some(&it.name);
            // What comes of an edit of rules is told when they are in force.
            if !matches!(edit, Edit::Judge { .. }) {
                crate::say(&edit.to_string());
            }
            running.iter().filter(its).for_each(|it| it.take(&edit));
        }
    }

    /// Tells which rules are in force where these have changed: another worker may have been the first to find an edit.
    fn tell_of_rules(&mut self, running: &[Running]) {
        for it in running {
            let now = rules_of(it);
            let before = self.told.insert(it.name.clone(), now.clone());
            if before.is_some_and(|before| before != now) {
                crate::say(&format!(
                    "pipeline {} goes on with the rules {now}",
                    it.name
                ));
            }
        }
    }
}

/// The rules of a pipeline that are in force, with their versions.
fn rules_of(running: &Running) -> String {
    let rules = running.status.get().rules;
    let rules = rules
        .iter()
        .map(|rule| format!("{} (version {})", rule.name, rule.version));
    rules.collect::<Vec<_>>().join(", ")
}

fn writes_to_stdout(plan: &Plan) -> bool {
    plan.outputs.iter().any(|output| output.to.stdout.is_some())
}

/// Pipelines in rounds, writers of a topic before its readers. Those that read in a circle run together.
fn in_order(pipelines: Vec<Planned>) -> Vec<Vec<Planned>> {
    let mut rounds = Vec::new();
    let mut left = pipelines;
    while !left.is_empty() {
        let written: Vec<Vec<String>> = left.iter().map(|p| topics_written(&p.plan)).collect();
        let waits = |reader: usize, plan: &Plan| {
            let reads = topics_read(plan);
            written.iter().enumerate().any(|(writer, topics)| {
                writer != reader && topics.iter().any(|t| reads.contains(t))
            })
        };
        let ready: Vec<bool> = left
            .iter()
            .enumerate()
            .map(|(i, p)| !waits(i, &p.plan))
            .collect();
        let none_ready = !ready.contains(&true);
        let mut ready = ready.into_iter();
        let (now, later): (Vec<Planned>, Vec<Planned>) = left
            .into_iter()
            .partition(|_| ready.next().unwrap_or(true) || none_ready);
        rounds.push(now);
        left = later;
    }
    rounds
}

fn topics_read(plan: &Plan) -> Vec<String> {
    let topic = |origin: &Origin| match origin {
        Origin::Topic { topic, .. } => Some(topic.clone()),
        Origin::Generator(_) => None,
    };
    plan.sources
        .iter()
        .filter_map(|s| topic(&s.origin))
        .collect()
}

fn topics_written(plan: &Plan) -> Vec<String> {
    plan.outputs
        .iter()
        .filter_map(|o| Some(o.to.kafka.as_ref()?.topic.clone()))
        .collect()
}
