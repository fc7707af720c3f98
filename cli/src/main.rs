//! `tidemill`: run, validate and look into pipelines from the command line.

mod args;
mod cluster;
mod explain;
mod failure;
mod generate;
mod human;
mod manifests;
mod progress;
mod reset;
mod run;
mod topic;
mod validate;

use std::ffi::OsStr;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _};
use tidemill_worker::launch::LogAt;
use tidemill_worker::log::embedded::EmbeddedLog;
use tidemill_worker::log::kafka::credentials;
use tidemill_worker::telemetry;

use crate::args::{Args, Command, Place, TopicCommand};
use crate::failure::Failure;
use crate::manifests::Manifests;

fn main() -> ExitCode {
    let args = parse();
    // What the client of a cluster has to say is said as the command's own failure.
    let _telemetry =
        match telemetry::start("tidemill", telemetry::Lines::Plain, "warn,kube_client=off") {
            Ok(telemetry) => telemetry,
            Err(why) => return Failure::new(why).report(),
        };
    let done = match args.command {
        Command::Run(options) => run::run(&options),
        Command::Validate {
            paths,
            against,
            explain,
            target,
        } => validate::validate(&paths, against, explain, &target),
        Command::Cluster(command) => cluster::run(command),
        Command::Explain {
            alert,
            topic,
            place,
        } => explain_alert(&alert, &topic, &place),
        Command::Reset { paths, place } => reset_pipelines(&paths, &place),
        Command::Generate(options) => generate::generate(&options),
        Command::Topic(command) => topic_command(command),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

/// The arguments; help names the program as it was called, which as kubectl's plug-in is `kubectl tidemill`.
fn parse() -> Args {
    let called = std::env::args_os().next().unwrap_or_default();
    let is_plugin = Path::new(&called).file_stem() == Some(OsStr::new("kubectl-tidemill"));
    let mut command = Args::command();
    if is_plugin {
        command = command.bin_name("kubectl tidemill");
    }
    let matches = command.get_matches();
    Args::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
}

fn explain_alert(alert: &str, topic: &str, place: &Place) -> Result<(), Failure> {
    let mut admin = log_to_look_at(place)?.admin()?;
    explain::explain(admin.as_mut(), topic, alert)
}

fn reset_pipelines(paths: &[PathBuf], place: &Place) -> Result<(), Failure> {
    let pipelines = Manifests::load(paths)?.plan()?;
    reset::reset(log_to_look_at(place)?.admin()?.as_mut(), &pipelines)
}

fn topic_command(command: TopicCommand) -> Result<(), Failure> {
    match command {
        TopicCommand::Write {
            name,
            key_field,
            partitions,
            place,
        } => {
            let mut admin = log_to_look_at(&place)?.admin()?;
            topic::write(admin.as_mut(), &name, key_field.as_deref(), partitions)
        }
        TopicCommand::Read {
            name,
            follow,
            metadata,
            place,
        } => {
            let mut admin = log_to_look_at(&place)?.admin()?;
            topic::read(admin.as_mut(), &name, follow, metadata)
        }
        TopicCommand::Grow {
            name,
            partitions,
            place,
        } => topic::grow(log_to_look_at(&place)?.admin()?.as_mut(), &name, partitions),
        TopicCommand::List { place } => topic::list(log_to_look_at(&place)?.admin()?.as_mut()),
    }
}

/// The log that topics are in, for a command that only looks into it.
fn log_to_look_at(place: &Place) -> Result<LogAt, Failure> {
    open_log(place, &format!("cli-{}", std::process::id()))
}

/// The log that topics are in: Kafka where one is named, else the embedded one. `identity` is who reads and writes there.
fn open_log(place: &Place, identity: &str) -> Result<LogAt, Failure> {
    if let Some(bootstrap_servers) = &place.kafka {
        return Ok(LogAt::Kafka {
            bootstrap_servers: bootstrap_servers.clone(),
            identity: identity.to_owned(),
            properties: credentials(place)?,
        });
    }
    Ok(LogAt::Embedded(embedded(&place.state)?))
}

/// The client's settings for the credentials in a folder, if one is given.
fn credentials(place: &Place) -> Result<Vec<(String, String)>, Failure> {
    let Some(directory) = &place.kafka_auth else {
        return Ok(Vec::new());
    };
    credentials::read(directory)
        .and_then(|keys| credentials::properties(&keys))
        .map_err(|e| Failure::new(format!("--kafka-auth {}: {e}", directory.display())))
}

/// The embedded log of a state directory.
fn embedded(state: &std::path::Path) -> Result<EmbeddedLog, Failure> {
    std::fs::create_dir_all(state).map_err(|e| {
        Failure::new(format!("{}: {e}", state.display()))
            .hint("name another directory with --state")
    })?;
    Ok(EmbeddedLog::open(state.join("log.db"))?)
}

/// Says something to the person at the terminal, apart from what a program may read on standard output.
#[allow(clippy::print_stderr)]
fn say(line: &str) {
    eprintln!("{line}");
}

/// Prints what was asked for. Whoever reads it, `head` for one, may have had enough: then this is the end.
fn print(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => std::process::exit(0),
        done => done.map_err(|e| Failure::new(format!("standard output: {e}"))),
    }
}
