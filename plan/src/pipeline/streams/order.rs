//! In which order streams are planned: each after what it reads.

use tidemill_crds::PipelineSpec;
use tidemill_crds::pipeline::OnMissing;

use super::{Readable, Streams, plan_one};
use crate::pipeline::problem::Problems;
use crate::pipeline::sources::SourceDraft;
use crate::sql::Parsed;

/// Plans all streams.
pub(in crate::pipeline) fn draft(
    spec: &PipelineSpec,
    sources: &[Option<SourceDraft>],
    problems: &mut Problems,
) -> Streams {
    let names: Vec<&str> = spec
        .sources
        .iter()
        .map(|s| s.name.as_str())
        .chain(spec.streams.iter().map(|s| s.name.as_str()))
        .collect();
    let mut waiting = readable(spec, &names, problems);
    let mut streams = Streams::default();
    // What cannot be planned, so that nothing is said of those that read it.
    let mut failed: Vec<String> = failed_names(spec, sources, &waiting);
    loop {
        let ready = waiting.iter().position(|s| {
            s.parsed
                .reads()
                .all(|name| is_settled(name, sources, &streams, &failed))
        });
        let Some(ready) = ready else {
            break;
        };
        let stream = waiting.remove(ready);
        let name = stream.manifest.name.clone();
        let skip = stream
            .parsed
            .reads()
            .any(|read| failed.iter().any(|f| f == read));
        if skip || !plan_one(&stream, sources, &mut streams, problems) {
            failed.push(name);
        }
    }
    report_cycle(&waiting, problems);
    streams
}

fn readable<'a>(
    spec: &'a PipelineSpec,
    names: &[&str],
    problems: &mut Problems,
) -> Vec<Readable<'a>> {
    let mut readable = Vec::with_capacity(spec.streams.len());
    for (i, stream) in spec.streams.iter().enumerate() {
        let path = format!("spec.streams[{i}]");
        let sql = format!("{path}.sql");
        match Parsed::parse(&stream.sql) {
            Ok(parsed) => {
                let waits = matches!(stream.on_missing, Some(OnMissing::WaitFor(_)));
                let parsed = parsed.waiting(waits);
                let unknown = parsed.unknown_tables(names);
                if unknown.is_empty() {
                    readable.push(Readable {
                        manifest: stream,
                        path,
                        parsed,
                    });
                } else {
                    problems.add_sql(&sql, unknown);
                }
            }
            Err(errors) => problems.add_sql(&sql, errors),
        }
    }
    readable
}

fn failed_names(
    spec: &PipelineSpec,
    drafts: &[Option<SourceDraft>],
    readable: &[Readable<'_>],
) -> Vec<String> {
    let sources = spec.sources.iter().zip(drafts);
    let sources = sources
        .filter(|(_, draft)| draft.is_none())
        .map(|(source, _)| source.name.clone());
    let unread = spec
        .streams
        .iter()
        .filter(|s| readable.iter().all(|r| r.manifest.name != s.name));
    let names = sources.chain(unread.map(|s| s.name.clone()));
    let is_source = |name: &String| drafts.iter().flatten().any(|s| s.relation.name == *name);
    names.filter(|name| !is_source(name)).collect()
}

fn is_settled(
    name: &str,
    sources: &[Option<SourceDraft>],
    streams: &Streams,
    failed: &[String],
) -> bool {
    sources.iter().flatten().any(|s| s.relation.name == name)
        || streams.names.contains_key(name)
        || failed.iter().any(|f| f == name)
}

/// Of those that wait for each other, names one cycle.
fn report_cycle(waiting: &[Readable<'_>], problems: &mut Problems) {
    let next = |stream: &Readable<'_>| {
        let waited = |name: &str| waiting.iter().position(|s| s.manifest.name == name);
        stream.parsed.reads().find_map(waited)
    };
    let mut path: Vec<usize> = Vec::new();
    let mut at = (!waiting.is_empty()).then_some(0);
    while let Some(i) = at {
        if let Some(start) = path.iter().position(|&p| p == i) {
            let cycle: Vec<&Readable<'_>> = path
                .iter()
                .skip(start)
                .chain([&i])
                .filter_map(|&p| waiting.get(p))
                .collect();
            let names: Vec<&str> = cycle.iter().map(|s| s.manifest.name.as_str()).collect();
            let message = format!(
                "streams read each other in a circle: {}",
                names.join(" reads ")
            );
            let path = cycle
                .first()
                .map_or_else(String::new, |s| format!("{}.sql", s.path));
            problems.add(path, message, Some("let one of them read a source".into()));
            return;
        }
        path.push(i);
        at = waiting.get(i).and_then(next);
    }
}
