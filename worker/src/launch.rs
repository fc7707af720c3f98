//! A pipeline put together from its parts and started on a thread of its own.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, Sender};
use tidemill_crds::sink::{PostgresSink, SinkKind, WriteMode};
use tidemill_engine::disk::Room;
use tidemill_engine::encode::{JsonEncoder, JsonOptions};
use tidemill_plan::model::{Changes, Input, Output, OutputOf, Plan};
use tokio::sync::watch;

use crate::edits::Edit;
use crate::log::embedded::EmbeddedLog;
use crate::log::kafka::{KafkaAdmin, KafkaCommitter, KafkaConfig, KafkaReader};
use crate::log::{Admin, LogError, Reader, Sides};
use crate::rulebook::Rulebook;
use crate::runtime::{self, Change, Host, Parts, RunError, Settings, dead_letters};
use crate::sink::sqlite::{SqliteSink, Target};
use crate::sink::{ExternalSink, Mode, SinkError, stdout};
use crate::status::{Phase, Shared};

/// The log that pipelines run on.
#[derive(Debug, Clone)]
pub enum LogAt {
    /// A Kafka cluster.
    Kafka {
        /// `host:port`, several separated by commas.
        bootstrap_servers: String,
        /// This worker's name in its groups.
        identity: String,
        /// librdkafka properties besides: SASL, TLS.
        properties: Vec<(String, String)>,
    },
    /// The log in a SQLite file.
    Embedded(EmbeddedLog),
}

impl LogAt {
    fn kafka(
        bootstrap_servers: &str,
        identity: &str,
        properties: &[(String, String)],
        group: &str,
    ) -> KafkaConfig {
        let mut config = KafkaConfig::new(bootstrap_servers, group, identity);
        config.properties = properties.to_vec();
        config
    }

    /// Its topics.
    ///
    /// # Errors
    /// If it cannot be opened.
    pub fn admin(&self) -> Result<Box<dyn Admin>, LogError> {
        Ok(match self {
            Self::Kafka {
                bootstrap_servers,
                identity,
                properties,
            } => Box::new(KafkaAdmin::open(&Self::kafka(
                bootstrap_servers,
                identity,
                properties,
                "tidemill",
            ))?),
            Self::Embedded(log) => Box::new(log.admin()?),
        })
    }

    /// The two sides of the log for a member of a group.
    pub(crate) fn member(&self, group: &str) -> Result<Sides, LogError> {
        Ok(match self {
            Self::Kafka {
                bootstrap_servers,
                identity,
                properties,
            } => {
                let config = Self::kafka(bootstrap_servers, identity, properties, group);
                let reader = KafkaReader::open(&config)?;
                let committer = KafkaCommitter::open(&config, reader.membership())?;
                Sides {
                    reader: Box::new(reader),
                    committer: Box::new(committer),
                }
            }
            Self::Embedded(log) => {
                let reader = log.reader(group)?;
                let committer = log.committer(reader.membership())?;
                Sides {
                    reader: Box::new(reader),
                    committer: Box::new(committer),
                }
            }
        })
    }

    fn parts(
        &self,
        group: &str,
        sinks: Vec<Option<Box<dyn ExternalSink>>>,
        tables: usize,
        rulebook: Rulebook,
        edits: Receiver<Change>,
        room: Room,
    ) -> Result<Parts, LogError> {
        let tables = (0..tables)
            .map(|_| self.admin())
            .collect::<Result<_, _>>()?;
        let Sides { reader, committer } = self.member(group)?;
        let log = self.clone();
        Ok(Parts {
            reader,
            committer,
            admin: self.admin()?,
            groups: Arc::new(move |group| log.member(group)),
            tables,
            sinks,
            rulebook,
            edits,
            room,
            host: Host::Real,
        })
    }
}

/// Why a pipeline cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// The log cannot be opened.
    #[error("{0}")]
    Log(#[from] LogError),
    /// A sink cannot be opened, or does not fit its stream.
    #[error("sink `{0}`: {1}")]
    Sink(String, SinkError),
    /// The system refuses a thread.
    #[error("cannot start a thread: {0}")]
    Thread(#[from] std::io::Error),
}

/// A pipeline that runs.
#[derive(Debug)]
pub struct Running {
    /// How it is doing.
    pub status: Shared,
    /// The pipeline's name.
    pub name: String,
    edits: Sender<Change>,
    stop: Arc<AtomicBool>,
    /// Whose other end is gone when the thread ends, however it does.
    alive: watch::Receiver<()>,
    thread: JoinHandle<Result<(), RunError>>,
}

impl Running {
    /// Hands it what of an edit takes effect while it runs.
    pub fn take(&self, edit: &Edit) {
        let change = match edit {
            Edit::Adjust { live, .. } => Change::Live(live.clone()),
            Edit::Judge { rules, .. } => Change::Rules(rules.clone()),
            Edit::NeedsStart { .. } | Edit::Broken { .. } => return,
        };
        // One that has ended needs no edits.
        let _ = self.edits.send(change);
    }

    /// Asks it to commit, leave and end.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Whether it has ended.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.thread.is_finished()
    }

    /// Returns when it has ended.
    pub async fn ended(&self) {
        let mut alive = self.alive.clone();
        while alive.changed().await.is_ok() {}
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// Why it ended, if not because it was done or stopped.
    pub fn join(self) -> Result<(), RunError> {
        let gone = |_| {
            Err(RunError::Commit(
                "the pipeline's thread ended unexpectedly".to_owned(),
            ))
        };
        self.thread.join().unwrap_or_else(gone)
    }
}

/// Where tables of sinks that stand in for a database lie.
#[derive(Debug, Clone)]
pub struct Tables {
    /// The directory of their file.
    pub directory: PathBuf,
}

impl Tables {
    /// Their SQLite file.
    #[must_use]
    pub fn file(&self) -> PathBuf {
        self.directory.join("tables.db")
    }
}

/// Starts a pipeline with the rules that watch it. Tables of sinks that stand in for a database lie in `tables`; its state has so much `room`.
///
/// # Errors
/// If a sink or the log cannot be opened.
pub fn start(
    plan: Arc<Plan>,
    rulebook: Rulebook,
    settings: Settings,
    log: &LogAt,
    tables: &Tables,
    room: Room,
) -> Result<Running, LaunchError> {
    let sinks = plan
        .outputs
        .iter()
        .map(|output| open_sink(&plan, output, tables))
        .collect::<Result<_, _>>()?;
    let (edits, to_take) = crossbeam_channel::unbounded();
    let tables = plan.sources.iter().filter(|s| s.key.is_some()).count();
    let parts = log.parts(&plan.name, sinks, tables, rulebook, to_take, room)?;
    let status = Shared::default();
    status.update(|s| s.pipeline.clone_from(&plan.name));
    let name = plan.name.clone();
    let stop = Arc::new(AtomicBool::new(false));
    let (its_status, its_stop) = (status.clone(), Arc::clone(&stop));
    let (lives, alive) = watch::channel(());
    let thread = std::thread::Builder::new()
        .name(format!("run-{}", plan.name))
        .spawn(move || {
            let _lives = lives;
            let result = runtime::run(&plan, settings, parts, its_status.clone(), &its_stop);
            if let Err(error) = &result {
                its_status.update(|s| {
                    s.phase = Phase::Failed;
                    s.trouble = Some(error.to_string());
                });
            }
            result
        })?;
    Ok(Running {
        status,
        name,
        edits,
        stop,
        alive,
        thread,
    })
}

/// Opens the sink of an output, if it is outside the log.
fn open_sink(
    plan: &Plan,
    output: &Output,
    tables: &Tables,
) -> Result<Option<Box<dyn ExternalSink>>, LaunchError> {
    let schema = match output.from {
        OutputOf::Rows(_) | OutputOf::Alerts => Arc::clone(&output.schema),
        OutputOf::DeadLetter => Arc::clone(&dead_letters::SCHEMA),
    };
    let failed = |error| LaunchError::Sink(output.sink.clone(), error);
    let target = |path: PathBuf, table: &str, mode| Target {
        path,
        table: table.to_owned(),
        writer: format!(
            "{}/{}/{}",
            plan.name,
            plan.name_of(output.from),
            output.sink
        ),
        schema: Arc::clone(&schema),
        mode,
        create: true,
    };
    let sink: Box<dyn ExternalSink> = match output.to.kind() {
        Some(SinkKind::Stdout(_)) => {
            let encoder = JsonEncoder::new(&schema, JsonOptions::default());
            Box::new(stdout::stdout(
                encoder.map_err(|e| failed(SinkError::Refused(e.to_string())))?,
            ))
        }
        Some(SinkKind::Sqlite(table)) => {
            let target = target(PathBuf::from(&table.path), &table.table, mode(plan, output));
            Box::new(SqliteSink::open(target).map_err(failed)?)
        }
        Some(SinkKind::Postgres(table)) => {
            let mode = table_mode(plan, output, table).map_err(failed)?;
            Box::new(SqliteSink::open(target(tables.file(), &table.table, mode)).map_err(failed)?)
        }
        Some(SinkKind::Kafka(_) | SinkKind::Webhook(_) | SinkKind::Iceberg(_)) | None => {
            return Ok(None);
        }
    };
    Ok(Some(sink))
}

/// Rows of a table that is kept up to date replace each other; those of any other stream are added.
fn mode(plan: &Plan, output: &Output) -> Mode {
    match output.from {
        OutputOf::Rows(Input::Stream(stream)) => match plan.streams.get(stream).map(|s| &s.changes)
        {
            Some(Changes::Upsert { key }) => Mode::Upsert { key: key.clone() },
            Some(Changes::Append) | None => Mode::Append,
        },
        OutputOf::Rows(Input::Source(source)) => match plan.sources.get(source).map(|s| &s.key) {
            Some(Some(key)) => Mode::Upsert { key: key.clone() },
            Some(None) | None => Mode::Append,
        },
        OutputOf::DeadLetter | OutputOf::Alerts => Mode::Append,
    }
}

/// As the Sink says, where it names a primary key.
fn table_mode(plan: &Plan, output: &Output, table: &PostgresSink) -> Result<Mode, SinkError> {
    match table.write_mode() {
        WriteMode::Append => Ok(Mode::Append),
        WriteMode::Upsert if table.primary_key.is_empty() => Ok(mode(plan, output)),
        WriteMode::Upsert => {
            let index = |name: &String| {
                output.schema.index_of(name).map_err(|_| {
                    SinkError::Refused(format!(
                        "primaryKey names the column `{name}`, which its stream has not got"
                    ))
                })
            };
            Ok(Mode::Upsert {
                key: table
                    .primary_key
                    .iter()
                    .map(index)
                    .collect::<Result<_, _>>()?,
            })
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn its_end_is_told_however_it_ends() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        for breaks in [false, true] {
            let (lives, alive) = watch::channel(());
            let stop = Arc::<AtomicBool>::default();
            let its_stop = Arc::clone(&stop);
            let thread = std::thread::spawn(move || {
                let _lives = lives;
                while !its_stop.load(Ordering::Relaxed) {
                    std::thread::yield_now();
                }
                assert!(!breaks, "as it should");
                Ok(())
            });
            let running = Running {
                status: Shared::default(),
                name: "a".to_owned(),
                edits: crossbeam_channel::unbounded().0,
                stop,
                alive,
                thread,
            };
            assert!(!running.is_finished());
            running.stop();
            runtime.block_on(running.ended());
            runtime.block_on(running.ended());
            assert_eq!(running.join().is_err(), breaks);
        }
    }
}
