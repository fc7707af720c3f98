//! `logs`: what all workers of a Pipeline write, each line after its pod's short name.

use std::collections::HashMap;
use std::pin::Pin;
use std::time::Duration;

use clap::Args;
use futures::io::Lines as Text;
use futures::{AsyncBufRead, AsyncBufReadExt as _, TryStreamExt as _};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::jiff::Timestamp;
use kube::api::LogParams;
use kube::{Api, ResourceExt as _};
use tokio::sync::mpsc;

use super::connection::Cluster;
use super::status::{pods, selector};
use crate::failure::Failure;

/// How often new pods are looked for.
const AGAIN: Duration = Duration::from_secs(1);
/// Lines read and not printed yet, of all pods together.
const AHEAD: usize = 1_000;

/// Which lines.
#[derive(Debug, Args)]
pub(crate) struct Lines {
    /// Goes on with what comes, also of pods that are started later.
    #[arg(long, short)]
    follow: bool,
    /// Only lines that are newer than this, such as 30s, 10m or 2h.
    #[arg(long, value_name = "DURATION", value_parser = super::duration)]
    since: Option<Duration>,
    /// Only so many of the last lines of each pod.
    #[arg(long, value_name = "LINES")]
    tail: Option<u32>,
}

/// Prints them: in the order of time where all are there, as they come when following.
pub(super) async fn print(cluster: &Cluster, name: &str, lines: &Lines) -> Result<(), Failure> {
    let pipeline = cluster.pipeline(name).await?;
    let selector = selector(&pipeline);
    let there = async || {
        pods(cluster, &selector)
            .await
            .map_err(|why| Failure::new(format!("listing workers: {why}")))
    };
    let found = there().await?;
    if found.is_empty() {
        let why = if pipeline.spec.suspend {
            ": it is suspended"
        } else {
            ""
        };
        crate::say(&format!("pipeline {name} has no worker now{why}"));
    }
    let api = cluster.api::<Pod>();
    if !lines.follow {
        return merged(&api, &found, lines).await;
    }
    let mut following = Following::new(api, lines);
    let mut next = found;
    loop {
        following.join(&next);
        following.print_for(AGAIN).await?;
        // A cluster that does not answer for a moment is asked again.
        next = there().await.unwrap_or_default();
    }
}

/// A line of a log with its time, which begins it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Line {
    time: String,
    pod: String,
    text: String,
}

impl Line {
    fn new(pod: &str, line: String) -> Self {
        let (time, text) = match line.split_once(' ') {
            Some((time, text)) => (time.to_owned(), text.to_owned()),
            None => (line, String::new()),
        };
        Self {
            pod: pod.to_owned(),
            time,
            text,
        }
    }

    fn shown(&self) -> String {
        format!("{}  {}\n", short(&self.pod), self.text)
    }
}

/// The part of a pod's name that its siblings do not share.
fn short(pod: &str) -> &str {
    pod.rsplit_once('-').map_or(pod, |(_, last)| last)
}

/// The log of a pod.
struct Log {
    pod: String,
    lines: Text<Pin<Box<dyn AsyncBufRead + Send>>>,
}

impl Log {
    async fn open(api: &Api<Pod>, pod: &str, params: &LogParams) -> Result<Self, kube::Error> {
        let stream = api.log_stream(pod, params).await?;
        let stream: Pin<Box<dyn AsyncBufRead + Send>> = Box::pin(stream);
        Ok(Self {
            pod: pod.to_owned(),
            lines: stream.lines(),
        })
    }

    /// The next line; `None` at the end, also if the connection breaks, which is said.
    async fn next(&mut self) -> Option<Line> {
        match self.lines.try_next().await {
            Ok(line) => line.map(|line| Line::new(&self.pod, line)),
            Err(error) => {
                crate::say(&format!("{}: {error}", self.pod));
                None
            }
        }
    }
}

/// Prints what is there of all pods, in the order of time.
async fn merged(api: &Api<Pod>, pods: &[Pod], lines: &Lines) -> Result<(), Failure> {
    let mut logs = Vec::new();
    for pod in pods {
        let mut log = match Log::open(api, &pod.name_any(), &params(lines)).await {
            Ok(log) => log,
            Err(error) => {
                silent(&pod.name_any(), &error);
                continue;
            }
        };
        if let Some(first) = log.next().await {
            logs.push((first, log));
        }
    }
    while let Some(oldest) = oldest(&logs) {
        let Some((line, log)) = logs.get_mut(oldest) else {
            break;
        };
        let text = match log.next().await {
            Some(next) => std::mem::replace(line, next).shown(),
            None => logs.swap_remove(oldest).0.shown(),
        };
        crate::print(&text)?;
    }
    Ok(())
}

fn oldest(logs: &[(Line, Log)]) -> Option<usize> {
    let firsts = logs.iter().map(|(line, _)| line).enumerate();
    firsts.min_by_key(|(_, line)| *line).map(|(i, _)| i)
}

fn params(lines: &Lines) -> LogParams {
    LogParams {
        follow: lines.follow,
        since_seconds: lines
            .since
            .map(|since| i64::try_from(since.as_secs().max(1)).unwrap_or(i64::MAX)),
        tail_lines: lines.tail.map(i64::from),
        timestamps: true,
        ..LogParams::default()
    }
}

fn silent(pod: &str, error: &kube::Error) {
    let why = match error {
        kube::Error::Api(status) => status.message.trim().to_owned(),
        other => other.to_string(),
    };
    crate::say(&format!("{pod}: {why}"));
}

/// Logs that are followed. One that ends, as its container does, is taken up again after its last line.
struct Following {
    api: Api<Pod>,
    params: LogParams,
    first: bool,
    /// Those that are read, and how far those that are not were.
    pods: HashMap<String, Reading>,
    said: mpsc::Sender<Said>,
    heard: mpsc::Receiver<Said>,
}

/// How far a log was read.
#[derive(Debug, Default)]
struct Reading {
    /// The time of the last line.
    last: String,
    /// What is not newer than this was printed before the log was taken up again.
    after: String,
    active: bool,
}

impl Reading {
    /// Whether a line is to be printed. What is taken up again begins early, with the second of the last line.
    fn take(&mut self, line: &Line) -> bool {
        let is_new = line.time > self.after;
        if is_new {
            self.last.clone_from(&line.time);
        }
        is_new
    }

    fn take_up(&mut self) {
        self.active = true;
        self.after.clone_from(&self.last);
    }
}

enum Said {
    Line(Line),
    End(String),
}

impl Following {
    fn new(api: Api<Pod>, lines: &Lines) -> Self {
        let (said, heard) = mpsc::channel(AHEAD);
        Self {
            api,
            params: params(lines),
            first: true,
            pods: HashMap::new(),
            said,
            heard,
        }
    }

    /// Reads the logs of pods that are not read yet. Those that come later are read from their beginning.
    fn join(&mut self, pods: &[Pod]) {
        for pod in pods {
            let name = pod.name_any();
            let reading = self.pods.entry(name.clone()).or_default();
            if reading.active {
                continue;
            }
            reading.take_up();
            let mut params = self.params.clone();
            if let Ok(last) = reading.last.parse::<Timestamp>() {
                params.tail_lines = None;
                params.since_seconds = None;
                params.since_time = Some(last);
            } else if !self.first {
                params.tail_lines = None;
                params.since_seconds = None;
            }
            tokio::spawn(read(self.api.clone(), name, params, self.said.clone()));
        }
        self.first = false;
    }

    /// Prints what comes for some time.
    async fn print_for(&mut self, time: Duration) -> Result<(), Failure> {
        let end = tokio::time::Instant::now() + time;
        while let Ok(Some(said)) = tokio::time::timeout_at(end, self.heard.recv()).await {
            match said {
                Said::Line(line) => {
                    let reading = self.pods.entry(line.pod.clone()).or_default();
                    if reading.take(&line) {
                        crate::print(&line.shown())?;
                    }
                }
                Said::End(pod) => self.pods.entry(pod).or_default().active = false,
            }
        }
        Ok(())
    }
}

async fn read(api: Api<Pod>, pod: String, params: LogParams, to: mpsc::Sender<Said>) {
    // A container that has not started yet has no log: it is asked for again.
    if let Ok(mut log) = Log::open(&api, &pod, &params).await {
        while let Some(line) = log.next().await {
            if to.send(Said::Line(line)).await.is_err() {
                return;
            }
        }
    }
    let _ = to.send(Said::End(pod)).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_shown_after_its_pods_short_name_and_without_its_time() {
        let line = Line::new(
            "payments-worker-7d9f5c-x2x9k",
            "2026-11-21T07:18:02.000000001Z {\"level\":\"INFO\"}".to_owned(),
        );
        assert_eq!(line.shown(), "x2x9k  {\"level\":\"INFO\"}\n");
        assert_eq!(
            Line::new("p", "2026-11-21T07:18:02Z".to_owned()).shown(),
            "p  \n"
        );
    }

    #[test]
    fn a_log_that_is_taken_up_again_repeats_nothing_and_loses_nothing() {
        let at = |nanos: u32| Line::new("p", format!("2026-11-21T07:18:02.{nanos:09}Z x"));
        let mut reading = Reading::default();
        let mut taken = |lines: [u32; 3]| {
            reading.take_up();
            lines.map(|nanos| reading.take(&at(nanos)))
        };
        assert_eq!(taken([1, 2, 2]), [true, true, true], "two at once are two");
        assert_eq!(taken([1, 2, 3]), [false, false, true]);
    }

    #[test]
    fn lines_of_several_pods_are_in_the_order_of_time() {
        let line =
            |pod: &str, nanos: u32| Line::new(pod, format!("2026-11-21T07:18:02.{nanos:09}Z x"));
        let mut lines = [line("a", 30), line("b", 5), line("a", 4)];
        lines.sort();
        let times: Vec<&str> = lines.iter().map(|line| line.pod.as_str()).collect();
        assert_eq!(times, ["a", "b", "a"]);
    }
}
