//! What people do with the Pipelines of a Kubernetes cluster. Each command asks the cluster, and leaves what it shows to
//! something pure.

mod connection;
mod graph;
mod logs;
mod pages;
mod references;
mod render;
mod status;
mod suspend;
mod table;
mod validate;
mod view;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};

use crate::failure::Failure;
use connection::Cluster;
pub(crate) use validate::validate;

/// Who changes something, as the cluster keeps it.
const MANAGER: &str = "kubectl-tidemill";

/// Which cluster, and where in it: as kubectl finds it.
#[derive(Debug, Args)]
pub(crate) struct Target {
    /// The namespace. Default: that of the context.
    #[arg(long, short, value_name = "NAMESPACE")]
    namespace: Option<String>,
    /// The context of the kubeconfig file. Default: the current one.
    #[arg(long, value_name = "CONTEXT")]
    context: Option<String>,
    /// The kubeconfig file. Default: those that $KUBECONFIG names, else ~/.kube/config.
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
}

impl Target {
    /// Whether anything of it was given.
    pub(crate) fn is_named(&self) -> bool {
        self.namespace.is_some() || self.context.is_some() || self.kubeconfig.is_some()
    }
}

/// The Pipelines in a cluster.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Shows how a Pipeline in a cluster is: conditions, workers, lag and rates, and its graph.
    Status {
        /// The Pipeline.
        name: String,
        /// Prints JSON, for programs.
        #[arg(long, short, value_enum)]
        output: Option<Output>,
        /// Shows it again and again, until Ctrl-C.
        #[arg(long, short, conflicts_with = "output")]
        watch: bool,
        #[command(flatten)]
        target: Target,
    },
    /// Prints the logs of all workers of a Pipeline in a cluster, each line after its pod's short name.
    Logs {
        /// The Pipeline.
        name: String,
        #[command(flatten)]
        lines: logs::Lines,
        #[command(flatten)]
        target: Target,
    },
    /// Has the workers of a Pipeline in a cluster commit and stop, and waits until they have.
    Suspend {
        /// The Pipeline.
        name: String,
        #[command(flatten)]
        patience: suspend::Patience,
        #[command(flatten)]
        target: Target,
    },
    /// Has a suspended Pipeline in a cluster go on where it stopped, and waits until it runs.
    Resume {
        /// The Pipeline.
        name: String,
        #[command(flatten)]
        patience: suspend::Patience,
        #[command(flatten)]
        target: Target,
    },
}

/// How something is printed.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Output {
    Json,
}

/// Does what is asked for.
pub(crate) fn run(command: Command) -> Result<(), Failure> {
    block_on(async {
        match command {
            Command::Status {
                name,
                output,
                watch,
                target,
            } => {
                let cluster = Cluster::connect(&target).await?;
                match output {
                    Some(Output::Json) => status::print_json(&cluster, &name).await,
                    None => status::print(&cluster, &name, watch).await,
                }
            }
            Command::Logs {
                name,
                lines,
                target,
            } => logs::print(&Cluster::connect(&target).await?, &name, &lines).await,
            Command::Suspend {
                name,
                patience,
                target,
            } => suspend::set(&Cluster::connect(&target).await?, &name, true, &patience).await,
            Command::Resume {
                name,
                patience,
                target,
            } => suspend::set(&Cluster::connect(&target).await?, &name, false, &patience).await,
        }
    })
}

fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| Failure::new(format!("cannot start: {e}")))?
        .block_on(work)
}

/// A span of time as manifests write it.
fn duration(text: &str) -> Result<Duration, String> {
    let parsed: Result<tidemill_crds::Duration, _> = text.parse();
    parsed.map(Duration::from).map_err(|e| e.to_string())
}
