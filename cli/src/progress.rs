//! What a run shows while it runs, and at its end.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use chrono::DateTime;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use tidemill_worker::status::{Phase, Status};

use crate::human::grouped;

/// How often a line is written where it cannot be redrawn.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// Shows how pipelines are doing, on standard error.
pub(crate) struct Progress {
    bars: Option<MultiProgress>,
    seen: BTreeMap<String, Seen>,
    last_line: Instant,
}

struct Seen {
    bar: Option<ProgressBar>,
    status: Status,
    since: Instant,
    /// Records and time of the last rate, and the rate.
    last: (u64, Instant),
    rate: f64,
}

impl Progress {
    /// Redraws its lines in place on a terminal, unless a sink writes there too; else it writes a line now and then.
    pub(crate) fn new(sinks_write_to_terminal: bool) -> Self {
        let terminal = std::io::IsTerminal::is_terminal(&std::io::stderr());
        Self {
            bars: (terminal && !sinks_write_to_terminal).then(MultiProgress::new),
            seen: BTreeMap::new(),
            last_line: Instant::now(),
        }
    }

    /// Takes in how the pipelines are doing now.
    pub(crate) fn show(&mut self, statuses: impl Iterator<Item = Status>) {
        for status in statuses {
            self.take(status);
        }
        if self.bars.is_none() && self.last_line.elapsed() >= LINE_EVERY {
            self.last_line = Instant::now();
            for seen in self
                .seen
                .values()
                .filter(|s| s.status.phase != Phase::Finished)
            {
                crate::say(&seen.line());
            }
        }
    }

    fn take(&mut self, status: Status) {
        let bars = self.bars.as_ref();
        let seen = self
            .seen
            .entry(status.pipeline.clone())
            .or_insert_with(|| Seen::new(bars));
        let records = records(&status);
        let (before, at) = seen.last;
        if at.elapsed() >= Duration::from_secs(1) {
            seen.rate = per_second(records.saturating_sub(before), at.elapsed());
            seen.last = (records, Instant::now());
        }
        let ended = status.phase == Phase::Finished && seen.status.phase != Phase::Finished;
        seen.status = status;
        if let Some(bar) = &seen.bar {
            bar.set_message(seen.line());
            if ended {
                bar.finish();
            }
        }
    }

    /// Says what came of it.
    pub(crate) fn summary(&self) {
        for seen in self.seen.values() {
            let status = &seen.status;
            let (records, time) = (records(status), Duration::from_millis(status.uptime_ms));
            crate::say(&format!(
                "{}: {} records in {:.1} s ({}/s)",
                status.pipeline,
                grouped(records),
                time.as_secs_f64(),
                grouped_f64(per_second(records, time)),
            ));
            for output in &status.outputs {
                crate::say(&format!(
                    "  {} → {}: {} rows",
                    output.from,
                    output.sink,
                    grouped(output.rows)
                ));
            }
            for webhook in &status.webhooks {
                let (delivered, waiting) = (grouped(webhook.delivered), grouped(webhook.waiting));
                let mut line = format!("  {}: {delivered} rows delivered", webhook.sink);
                if webhook.waiting > 0 {
                    line += &format!(", {waiting} waiting");
                }
                crate::say(&line);
            }
            for rule in &status.rules {
                let (sent, counted) = (grouped(rule.fired), grouped(rule.shadow_fired));
                let line = match rule.shadow_fired {
                    0 => format!("  alerts of {}: {sent}", rule.name),
                    _ => format!("  alerts of {}, in Shadow mode: {counted}", rule.name),
                };
                crate::say(&line);
                if let Some(it) = rule.agreement {
                    let [both, alone, other] =
                        [it.both, it.only_shadow, it.only_original].map(grouped);
                    crate::say(&format!(
                        "    it fired {both} times together with the rule beside it, {alone} times alone, that one {other} times alone"
                    ));
                }
            }
            for (reason, count) in &status.dead_letters {
                crate::say(&format!("  dead letters, {reason}: {}", grouped(*count)));
            }
            if status.late_dropped > 0 {
                crate::say(&format!(
                    "  late records dropped: {}",
                    grouped(status.late_dropped)
                ));
            }
            if status.duplicates > 0 {
                let duplicates = grouped(status.duplicates);
                crate::say(&format!("  duplicates dropped: {duplicates}"));
            }
        }
    }
}

impl Seen {
    fn new(bars: Option<&MultiProgress>) -> Self {
        let bar = bars.map(|bars| {
            let style = ProgressStyle::with_template("{spinner} {msg}")
                .unwrap_or_else(|_| ProgressStyle::default_spinner());
            bars.add(ProgressBar::new_spinner().with_style(style))
        });
        Self {
            bar,
            status: Status::default(),
            since: Instant::now(),
            last: (0, Instant::now()),
            rate: 0.0,
        }
    }

    fn line(&self) -> String {
        let status = &self.status;
        let rate = if self.rate > 0.0 {
            self.rate
        } else {
            per_second(records(status), self.since.elapsed())
        };
        let mut line = format!(
            "{}: {} records, {}/s, {} rows out",
            status.pipeline,
            grouped(records(status)),
            grouped_f64(rate),
            grouped(status.outputs.iter().map(|o| o.rows).sum()),
        );
        if let Some(lag) = status.sources.iter().map(|s| s.lag).sum::<Option<i64>>() {
            line += &format!(", lag {}", grouped(lag.unsigned_abs()));
        }
        let watermark = status.sources.iter().filter_map(|s| s.watermark).min();
        if let Some(time) = watermark.and_then(DateTime::from_timestamp_micros) {
            line += &format!(", watermark {}", time.format("%Y-%m-%d %H:%M:%S"));
        }
        let dead: u64 = status.dead_letters.values().sum();
        if dead > 0 {
            line += &format!(", {} dead letters", grouped(dead));
        }
        match &status.trouble {
            Some(trouble) => line + " — " + trouble,
            None if status.phase != Phase::Running => {
                format!("{line} ({:?})", status.phase).to_lowercase()
            }
            None => line,
        }
    }
}

fn records(status: &Status) -> u64 {
    status.sources.iter().map(|s| s.records).sum()
}

#[allow(clippy::cast_precision_loss)] // shown in three digits
fn per_second(records: u64, time: Duration) -> f64 {
    records as f64 / time.as_secs_f64().max(0.001)
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // rates are positive and small
fn grouped_f64(value: f64) -> String {
    grouped(value as u64)
}
