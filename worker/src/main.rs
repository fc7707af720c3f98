//! `tidemill-worker`: one worker of one pipeline, in a pod. It needs nobody else while it runs.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use tidemill_crds::{AlertRule, Pipeline, Sink};
use tidemill_plan::manifest::{self, ResourceKind};
use tidemill_plan::model::Plan;
use tidemill_plan::plan;
use tidemill_worker::edits::{Edit, Edits, Version, Versions, Watch};
use tidemill_worker::http;
use tidemill_worker::launch::{self, LogAt, Running, Tables};
use tidemill_worker::log::kafka::credentials;
use tidemill_worker::memory::{Limit, Memory};
use tidemill_worker::rulebook::Rulebook;
use tidemill_worker::runtime::Settings;
use tidemill_worker::secrets::Secrets;
use tidemill_worker::signals::Wishes;
use tidemill_worker::telemetry;

/// Partitions of topics that say nothing themselves.
const PARTITIONS: u32 = 8;
/// How often it may be looked whether the manifests have changed.
const TICK: Duration = Duration::from_millis(250);

/// One worker of one pipeline.
#[derive(Debug, Parser)]
#[command(name = "tidemill-worker", version)]
struct Args {
    /// The manifests: one Pipeline, with the Sinks and AlertRules that belong to it.
    #[arg(long, value_name = "FILE", env = "TIDEMILL_MANIFESTS")]
    manifests: PathBuf,
    /// The Secret of `kafka.auth`, mounted: a file for each of its keys.
    #[arg(long, value_name = "DIR", env = "TIDEMILL_KAFKA_AUTH")]
    kafka_auth: Option<PathBuf>,
    /// The other Secrets that the manifests name, mounted: a folder for each, with a file for each of its keys.
    #[arg(long, value_name = "DIR", env = "TIDEMILL_SECRETS")]
    secrets: Option<PathBuf>,
    /// Who this worker is among those of the pipeline: no other's name, and the same after a restart.
    #[arg(long, value_name = "NAME", env = "POD_NAME")]
    identity: String,
    /// The directory of tables that are kept in files, and of state that does not fit into memory.
    #[arg(
        long,
        value_name = "DIR",
        default_value = "/var/lib/tidemill",
        env = "TIDEMILL_STATE"
    )]
    state: PathBuf,
    /// How much memory it may take, such as 512Mi. By itself: what its container may, or else what the machine has. State
    /// that does not fit goes to local disk, under --state.
    #[arg(long, value_name = "SIZE", env = "TIDEMILL_MEMORY")]
    memory: Option<Limit>,
    /// Serves /livez, /readyz, /status and /metrics here.
    #[arg(
        long,
        value_name = "HOST:PORT",
        default_value = "0.0.0.0:8080",
        env = "TIDEMILL_LISTEN"
    )]
    listen: SocketAddr,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let _telemetry = match telemetry::start("tidemill-worker", telemetry::Lines::Json, "info") {
        Ok(telemetry) => telemetry,
        Err(why) => return complain(&why),
    };
    match run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => complain(&why),
    }
}

/// Tells it in the log, and where Kubernetes shows it: the pod's last state.
fn complain(why: &str) -> ExitCode {
    tracing::error!("{why}");
    // Only there in a pod; the log has it too.
    let _ = std::fs::write("/dev/termination-log", why);
    ExitCode::FAILURE
}

fn run(args: &Args) -> Result<(), String> {
    let watch = Watch::new(vec![args.manifests.clone()]);
    let manifests = Manifests::load(&args.manifests)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| format!("cannot start: {e}"))?;
    runtime.block_on(async {
        let wishes = Wishes::listen().map_err(|e| format!("cannot listen for signals: {e}"))?;
        let plan = manifests.plan()?;
        let follower = Follower {
            watch,
            edits: Edits::new(manifests.version(&plan)),
        };
        let running = start(args, &manifests, plan)?;
        attend(args, running, follower, wishes).await
    })
}

fn start(args: &Args, manifests: &Manifests, plan: Arc<Plan>) -> Result<Running, String> {
    let spec = &manifests.pipeline.spec;
    let kafka = spec.kafka.as_ref();
    let kafka =
        kafka.ok_or("spec.kafka: give the Kafka cluster, a worker in a pod has no other log")?;
    let properties = match &args.kafka_auth {
        Some(directory) => credentials::read(directory)
            .and_then(|keys| credentials::properties(&keys))
            .map_err(|e| e.to_string())?,
        None => Vec::new(),
    };
    let log = LogAt::Kafka {
        bootstrap_servers: kafka.bootstrap_servers.clone(),
        identity: args.identity.clone(),
        properties,
    };
    let settings = Settings {
        commit_interval: spec.commit_interval.into(),
        bounded: false,
        default_partitions: PARTITIONS,
        secrets: Secrets {
            directory: args.secrets.clone(),
        },
        create_sources: false,
    };
    let tables = Tables {
        directory: args.state.clone(),
    };
    let limit = args.memory.unwrap_or_else(Limit::of_the_process);
    let folder = args.state.join("spill").join(&args.identity);
    let memory = Memory::new(limit, folder.clone())
        .map_err(|e| format!("--state: {} cannot be emptied: {e}", folder.display()))?;
    let rulebook = Rulebook::new(&manifests.pipeline, &manifests.sinks, &manifests.rules);
    launch::start(plan, rulebook, settings, &log, &tables, memory.room(1))
        .map_err(|e| e.to_string())
}

/// Looks after the pipeline until it has ended.
async fn attend(
    args: &Args,
    running: Running,
    mut follower: Follower,
    mut wishes: Wishes,
) -> Result<(), String> {
    let listener = tokio::net::TcpListener::bind(args.listen).await;
    let listener = listener.map_err(|e| format!("--listen {}: {e}", args.listen))?;
    tokio::spawn(http::serve(listener, [running.status.clone()].into()));
    let mut tick = tokio::time::interval(TICK);
    loop {
        tokio::select! {
            () = running.ended() => break,
            () = wishes.next() => running.stop(),
            _ = tick.tick() => follower.follow(&args.manifests, &running),
        }
    }
    running.join().map_err(|e| e.to_string())
}

/// Takes up edits of the manifests; those that need a new pod are the operator's to bring about.
struct Follower {
    watch: Watch,
    edits: Edits,
}

impl Follower {
    fn follow(&mut self, file: &Path, running: &Running) {
        if !self.watch.has_changed(|| vec![file.to_owned()]) {
            return;
        }
        let found = Manifests::load(file)
            .and_then(|manifests| manifests.plan().map(|plan| manifests.version(&plan)));
        for edit in self.edits.take(found) {
            match &edit {
                Edit::Broken { .. } => tracing::error!("{edit}"),
                _ => tracing::info!("{edit}"),
            }
            running.take(&edit);
        }
    }
}

/// What a worker is to do.
struct Manifests {
    pipeline: Pipeline,
    sinks: Vec<Sink>,
    rules: Vec<AlertRule>,
}

impl Manifests {
    fn plan(&self) -> Result<Arc<Plan>, String> {
        let planned = plan(&self.pipeline, &self.sinks, &self.rules);
        planned.map(Arc::new).map_err(|problems| {
            problems
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join("\n")
        })
    }

    fn version(&self, plan: &Arc<Plan>) -> Versions {
        let version = Version::of(&self.pipeline, &self.sinks, &self.rules, plan);
        [(plan.name.clone(), version)].into()
    }

    fn load(file: &Path) -> Result<Self, String> {
        let text = std::fs::read_to_string(file).map_err(|e| format!("{}: {e}", file.display()))?;
        let loaded = manifest::load(&file.display().to_string(), &text);
        if !loaded.problems.is_empty() {
            return Err(loaded
                .problems
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join("\n"));
        }
        let (mut pipeline, mut sinks, mut rules) = (None, Vec::new(), Vec::new());
        for resource in loaded.resources {
            match resource.kind {
                ResourceKind::Pipeline(one) if pipeline.is_none() => pipeline = Some(*one),
                ResourceKind::Pipeline(_) => {
                    return Err(format!("{}: more than one Pipeline", file.display()));
                }
                ResourceKind::Sink(sink) => sinks.push(*sink),
                ResourceKind::AlertRule(rule) => rules.push(*rule),
                ResourceKind::Other(_) => {}
            }
        }
        let pipeline =
            pipeline.ok_or_else(|| format!("{}: there is no Pipeline in it", file.display()))?;
        Ok(Self {
            pipeline,
            sinks,
            rules,
        })
    }
}
