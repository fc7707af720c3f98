//! A Pipeline on one screen: pure.

use super::table::{Align, Table};
use super::view::{Scaling, Shown, Source, View, Workers};
use crate::human::{grouped, span};

/// The screen.
pub(super) fn render(view: &View) -> String {
    let parts = [
        facts(view),
        conditions(view),
        pods(&view.workers),
        sources(view),
        graph(view),
    ];
    parts
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join("\n")
}

/// What is known of the whole, a line each.
fn facts(view: &View) -> String {
    let age = view
        .age_seconds
        .map(|age| format!(", {} old", span(age * 1_000)))
        .unwrap_or_default();
    let mut lines = vec![(
        "Pipeline",
        format!("{} in the namespace {}{age}", view.name, view.namespace),
    )];
    lines.extend(view.notes.iter().map(|note| ("Note", note.clone())));
    lines.push(("Ready", ready(view.ready())));
    lines.push(("Workers", workers(&view.workers)));
    lines.extend(
        view.workers
            .autoscale
            .as_ref()
            .map(|it| ("Autoscale", autoscale(it))),
    );
    lines.extend(reading(view).map(|text| ("Reading", text)));
    lines.extend(
        view.dead_letters
            .map(|count| ("Dead letters", dead_letters(view, count))),
    );
    lines.extend(view.alerts.map(|count| ("Alerts", grouped(count))));
    if !view.conditions.is_empty() && view.conditions.iter().all(|it| it.as_wished) {
        lines.push(("Conditions", "all as they should be".to_owned()));
    }
    let line = |(title, text): &(&str, String)| format!("{title:<14}{text}\n");
    lines.iter().map(line).collect()
}

fn ready(ready: Option<&Shown>) -> String {
    let Some(ready) = ready else {
        return "not known yet".to_owned();
    };
    let word = match ready.status.as_str() {
        "True" => "yes",
        "False" => "no",
        _ => "unknown",
    };
    let first = ready.message.lines().next().unwrap_or_default();
    format!("{word}, for {}: {first}", span(ready.for_seconds * 1_000))
}

fn workers(workers: &Workers) -> String {
    match workers.wanted {
        Some(0) if workers.pods.is_empty() => "none, as wanted".to_owned(),
        Some(wanted) => format!("{} of {wanted} ready", workers.ready),
        None => format!("{} ready", workers.ready),
    }
}

fn autoscale(scaling: &Scaling) -> String {
    let bounds = format!(
        "{} to {}, to be less than {} behind",
        scaling.min, scaling.max, scaling.target_lag
    );
    let decided = match (&scaling.reason, &scaling.message) {
        (Some(reason), Some(message)) => format!("; {reason}: {message}"),
        _ => String::new(),
    };
    let when = scaling
        .last_scaled_seconds_ago
        .map(|ago| format!(" (last scaled {} ago)", span(ago * 1_000)));
    format!("{bounds}{decided}{}", when.unwrap_or_default())
}

fn reading(view: &View) -> Option<String> {
    let rate = view
        .records_per_second
        .map(|rate| format!("{} records/s", grouped(rate)));
    let lag = view.lag.map(|lag| match lag {
        0 => "nothing left to read".to_owned(),
        lag => format!("{} not read yet", grouped(lag)),
    });
    let delay = view
        .watermark_delay_ms
        .map(|delay| format!("watermark {} behind", span(delay)));
    let known: Vec<String> = [rate, lag, delay].into_iter().flatten().collect();
    (!known.is_empty()).then(|| known.join(", "))
}

fn dead_letters(view: &View, count: u64) -> String {
    let reasons = view.dead_letters_by_reason.iter();
    let reasons: Vec<String> = reasons
        .map(|(reason, count)| format!("{} {reason}", grouped(*count)))
        .collect();
    if reasons.is_empty() {
        grouped(count)
    } else {
        format!("{}: {}", grouped(count), reasons.join(", "))
    }
}

/// Those that are not as they should be.
fn conditions(view: &View) -> String {
    let mut table = Table::new([
        ("CONDITION", Align::Left),
        ("STATUS", Align::Left),
        ("REASON", Align::Left),
        ("FOR", Align::Right),
        ("MESSAGE", Align::Left),
    ]);
    for it in view.conditions.iter().filter(|it| !it.as_wished) {
        table.row([
            it.r#type.clone(),
            it.status.clone(),
            it.reason.clone(),
            span(it.for_seconds * 1_000),
            it.message.clone(),
        ]);
    }
    table.render()
}

/// Those that do not simply run.
fn pods(workers: &Workers) -> String {
    use tidemill_worker::status::Phase;
    let mut table = Table::new([
        ("WORKER", Align::Left),
        ("STATE", Align::Left),
        ("MESSAGE", Align::Left),
    ]);
    for pod in &workers.pods {
        let state = match (pod.leaving, pod.phase) {
            (true, _) => "Leaving".to_owned(),
            (_, Some(phase)) if phase != Phase::Running => format!("{phase:?}"),
            _ if !pod.ready => "NotReady".to_owned(),
            _ if pod.trouble.is_some() => "Running".to_owned(),
            _ => continue,
        };
        table.row([
            pod.name.clone(),
            state,
            pod.trouble.clone().unwrap_or_default(),
        ]);
    }
    table.render()
}

fn sources(view: &View) -> String {
    let mut table = Table::new([
        ("SOURCE", Align::Left),
        ("FROM", Align::Left),
        ("PARTITIONS", Align::Right),
        ("LAG", Align::Right),
        ("RECORDS/S", Align::Right),
        ("WATERMARK", Align::Right),
    ]);
    for Source {
        name,
        from,
        partitions,
        lag,
        records_per_second,
        watermark_delay_ms,
    } in &view.sources
    {
        table.row([
            name.clone(),
            from.clone(),
            partitions.map(|n| n.to_string()).unwrap_or_default(),
            lag.map(grouped).unwrap_or_default(),
            records_per_second.map(grouped).unwrap_or_default(),
            watermark_delay_ms
                .map(|delay| format!("{} behind", span(delay)))
                .unwrap_or_default(),
        ]);
    }
    table.render()
}

fn graph(view: &View) -> String {
    let mut table = Table::new([
        ("GRAPH", Align::Left),
        ("ROWS", Align::Right),
        ("ROWS/S", Align::Right),
    ]);
    for line in &view.graph {
        let output = line.output.and_then(|i| view.outputs.get(i));
        let figure = |of: fn(&super::view::Written) -> Option<u64>| {
            output.and_then(of).map(grouped).unwrap_or_default()
        };
        table.row([
            line.text.clone(),
            figure(|it| it.rows),
            figure(|it| it.rows_per_second),
        ]);
    }
    table.render()
}

#[cfg(test)]
#[path = "render_tests.rs"]
mod tests;
