//! The operator's program: settings from the environment, one thread, and an end as soon as the Lease is lost.

use std::net::SocketAddr;
use std::process::ExitCode;

use clap::Parser;
use tidemill_operator::operator::{Error, Settings, run};
use tidemill_operator::pipeline::build::Defaults;
use tidemill_worker::signals::Wishes;
use tidemill_worker::telemetry;

/// Runs Tidemill's Pipelines in a Kubernetes cluster.
#[derive(Debug, Parser)]
#[command(version)]
struct Args {
    /// Where health and metrics are served.
    #[arg(long, env = "TIDEMILL_LISTEN", default_value = "0.0.0.0:8080")]
    listen: SocketAddr,
    /// The namespaces to look after, with commas between; none means all.
    #[arg(
        long,
        env = "TIDEMILL_WATCH_NAMESPACES",
        default_value = "",
        value_delimiter = ','
    )]
    watch_namespaces: Vec<String>,
    /// The workers' image.
    #[arg(long, env = "TIDEMILL_WORKER_IMAGE", default_value = concat!("tidemill:", env!("CARGO_PKG_VERSION")))]
    worker_image: String,
    /// When the workers' image is pulled: Always, IfNotPresent or Never.
    #[arg(long, env = "TIDEMILL_WORKER_IMAGE_PULL_POLICY")]
    worker_image_pull_policy: Option<String>,
    /// The Secrets to pull it with, with commas between; each must be in the namespaces of Pipelines.
    #[arg(
        long,
        env = "TIDEMILL_WORKER_IMAGE_PULL_SECRETS",
        default_value = "",
        value_delimiter = ','
    )]
    worker_image_pull_secrets: Vec<String>,
    /// Where workers send traces.
    #[arg(long, env = "OTEL_EXPORTER_OTLP_ENDPOINT")]
    otlp_endpoint: Option<String>,
    /// The name of this pod.
    #[arg(long, env = "POD_NAME", default_value = "tidemill-operator")]
    pod_name: String,
    /// The namespace of this pod.
    #[arg(long, env = "POD_NAMESPACE", default_value = "default")]
    pod_namespace: String,
}

impl Args {
    fn settings(self) -> Settings {
        let given = |text: Option<String>| text.filter(|text| !text.is_empty());
        let names = |list: Vec<String>| {
            let names = list.into_iter().map(|name| name.trim().to_owned());
            names.filter(|name| !name.is_empty()).collect()
        };
        Settings {
            listen: self.listen,
            namespaces: names(self.watch_namespaces),
            defaults: Defaults {
                image: self.worker_image,
                pull_policy: given(self.worker_image_pull_policy),
                pull_secrets: names(self.worker_image_pull_secrets),
                otlp_endpoint: given(self.otlp_endpoint),
            },
            pod: self.pod_name,
            namespace: self.pod_namespace,
        }
    }
}

fn main() -> ExitCode {
    let args = Args::parse();
    let telemetry = match telemetry::start("tidemill-operator", telemetry::Lines::Json, "info") {
        Ok(telemetry) => telemetry,
        Err(why) => return failed(&why),
    };
    let runtime = match tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error.to_string()),
    };
    let outcome = runtime.block_on(async {
        let mut wishes = Wishes::listen().map_err(Error::Signals)?;
        run(args.settings(), wishes.next()).await
    });
    // Kafka may still be asked something; nobody waits for the answer.
    runtime.shutdown_background();
    let status = match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    };
    drop(telemetry);
    status
}

#[allow(clippy::print_stderr)] // before there are logs
fn failed(why: &str) -> ExitCode {
    eprintln!("tidemill-operator: {why}");
    ExitCode::FAILURE
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn lists_are_names_with_commas_between() {
        let settings = |list: &str| {
            let lists = [
                "--watch-namespaces",
                list,
                "--worker-image-pull-secrets",
                list,
            ];
            let program = ["tidemill-operator"].into_iter();
            Args::try_parse_from(program.chain(lists))
                .unwrap()
                .settings()
        };
        let named = settings("a, b,");
        assert_eq!(named.namespaces, ["a", "b"]);
        assert_eq!(named.defaults.pull_secrets, ["a", "b"]);
        let none = settings("");
        assert!(none.namespaces.is_empty() && none.defaults.pull_secrets.is_empty());
    }
}
