//! The command line.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};

use crate::cluster::{self, Target};

/// Stream processing over Kafka from Kubernetes manifests: windows, enrichment and fraud rules, exactly once.
#[derive(Debug, Parser)]
#[command(name = "tidemill", version, propagate_version = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Runs all Pipelines of the manifests on this machine, with embedded parts for those that are not named.
    Run(Run),
    /// Checks manifests and says everything that is wrong with them.
    Validate {
        /// Manifests, or folders of them.
        #[arg(required = true)]
        paths: Vec<PathBuf>,
        /// Checks them against what is in a cluster, too: what they name, what its API server says, and the state of what
        /// runs. Nothing is changed there.
        #[arg(long, value_enum)]
        against: Option<Against>,
        /// Says how each Pipeline runs: where its rows meet, and where the tables are that they are joined with.
        #[arg(long, conflicts_with = "against")]
        explain: bool,
        #[command(flatten)]
        target: Target,
    },
    #[command(flatten)]
    Cluster(cluster::Command),
    /// Says why an alert was raised: its rule, its values, its window, and each record of its evidence.
    Explain {
        /// The alert's `alert_id`.
        alert: String,
        /// The topic that alerts are written to.
        #[arg(long, default_value = "alerts")]
        topic: String,
        #[command(flatten)]
        place: Place,
    },
    /// Has Pipelines begin anew from the records that they start from: how far they have read and their state are deleted.
    /// What they have written stays, and so does which rules were in force where: the same alerts are raised again.
    Reset {
        /// Manifests, or folders of them.
        #[arg(required = true)]
        paths: Vec<PathBuf>,
        #[command(flatten)]
        place: Place,
    },
    /// Prints generated records, one JSON object a line.
    Generate(Generate),
    /// Writes, reads and lists topics.
    #[command(subcommand)]
    Topic(TopicCommand),
}

/// What manifests can be checked against.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Against {
    Cluster,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Run {
    /// Manifests, or folders of them.
    #[arg(required = true)]
    pub(crate) paths: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) place: Place,
    /// A PostgreSQL server for `postgres` sinks, as a URL. Without it they become SQLite tables.
    #[arg(long, value_name = "URL")]
    pub(crate) postgres: Option<String>,
    /// The Secrets that schema registries and webhooks name: a folder for each, with a file for each of its keys (username,
    /// password, token, hmacKey, ca.crt).
    #[arg(long, value_name = "DIR", env = "TIDEMILL_SECRETS")]
    pub(crate) secrets: Option<PathBuf>,
    /// How much memory it may take, such as 512Mi. By itself: what its container may, or else what the machine has. State
    /// that does not fit goes to local disk, under --state.
    #[arg(long, value_name = "SIZE", env = "TIDEMILL_MEMORY")]
    pub(crate) memory: Option<tidemill_worker::memory::Limit>,
    /// Reads to the end of the input as it is now, closes every window, and ends.
    #[arg(long)]
    pub(crate) bounded: bool,
    /// Serves health, status and metrics here, for example 127.0.0.1:8080.
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) listen: Option<std::net::SocketAddr>,
}

/// Where topics are.
#[derive(Debug, ClapArgs)]
pub(crate) struct Place {
    /// A Kafka cluster, as host:port. Without it topics are in the embedded log.
    #[arg(long, value_name = "HOST:PORT", env = "TIDEMILL_KAFKA")]
    pub(crate) kafka: Option<String>,
    /// Credentials for that cluster: a folder with a file for each key of the Secret that `kafka.auth` names (username,
    /// password, mechanism, ca.crt, tls.crt, tls.key).
    #[arg(
        long,
        value_name = "DIR",
        requires = "kafka",
        env = "TIDEMILL_KAFKA_AUTH"
    )]
    pub(crate) kafka_auth: Option<PathBuf>,
    /// The directory of the embedded log, and of this worker's identity.
    #[arg(
        long,
        value_name = "DIR",
        default_value = ".tidemill",
        env = "TIDEMILL_STATE"
    )]
    pub(crate) state: PathBuf,
}

#[derive(Debug, Subcommand)]
pub(crate) enum TopicCommand {
    /// Appends a record for each line of standard input, and makes the topic if it is not there.
    Write {
        /// The topic.
        name: String,
        /// The field of each JSON line whose value becomes the record's key.
        #[arg(long, value_name = "FIELD")]
        key_field: Option<String>,
        /// With how many partitions the topic is made if it is not there.
        #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=100_000))]
        partitions: u32,
        #[command(flatten)]
        place: Place,
    },
    /// Prints the values of a topic's records from the beginning, one a line.
    Read {
        /// The topic.
        name: String,
        /// Goes on with what comes, instead of ending at the end.
        #[arg(long, short)]
        follow: bool,
        /// Prints one JSON object a record: partition, offset, key, timestamp, headers, value.
        #[arg(long)]
        metadata: bool,
        #[command(flatten)]
        place: Place,
    },
    /// Gives a topic more partitions. Pipelines that read it notice by themselves.
    Grow {
        /// The topic.
        name: String,
        /// How many partitions it is to have.
        #[arg(long, value_parser = clap::value_parser!(u32).range(1..=100_000))]
        partitions: u32,
        #[command(flatten)]
        place: Place,
    },
    /// Prints the topics with their numbers of partitions.
    List {
        #[command(flatten)]
        place: Place,
    },
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Generate {
    /// What to make.
    #[arg(value_enum)]
    pub(crate) kind: Kind,
    /// How many records.
    #[arg(long, short = 'n', default_value_t = 1000)]
    pub(crate) records: u64,
    /// Same seed, same records.
    #[arg(long, default_value_t = 42)]
    pub(crate) seed: u64,
    /// How many people the records are drawn from.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) accounts: u64,
    /// The share of transactions that belong to a planted fraud, 0 to 1.
    #[arg(long, default_value_t = 0.02)]
    pub(crate) fraud_ratio: f64,
    /// Event time between records, in milliseconds; of Nexmark, between events of any kind.
    #[arg(long, value_name = "MS", default_value_t = 1)]
    pub(crate) step: u32,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Kind {
    /// Payments between accounts, some of them planted fraud, labelled so.
    Transactions,
    /// The people whom the accounts belong to.
    Customers,
    /// Of the events of Nexmark, those who sell and bid.
    NexmarkPeople,
    /// Of the events of Nexmark, what is for sale.
    NexmarkAuctions,
    /// Of the events of Nexmark, what is bid.
    NexmarkBids,
}
