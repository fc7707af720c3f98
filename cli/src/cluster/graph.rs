//! The way from sources over streams to outputs, as a tree of text: pure.

use tidemill_crds::pipeline::{Output, PipelineSpec};
use tidemill_plan::model::Plan;
use tidemill_plan::stream_of;

/// What a stream reads, by name.
pub(super) fn inputs(plan: &Plan) -> Vec<(String, String)> {
    let mut reads: Vec<(String, String)> = Vec::new();
    for stream in &plan.streams {
        for &input in &stream.inputs {
            // What a query is cut into is one to those who wrote it.
            let (name, input) = (
                stream_of(&stream.name),
                stream_of(plan.name_of_input(input)),
            );
            let read = (name.to_owned(), input.to_owned());
            if name != input && !reads.contains(&read) {
                reads.push(read);
            }
        }
    }
    reads
}

/// One line of the tree.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// The branches before it, and what stands there.
    pub(super) text: String,
    /// The output that it is about, by its place in the manifest.
    pub(super) output: Option<usize>,
}

/// The tree. What reads nothing that is known stands at the root. `place` says what is behind a Sink.
pub(super) fn lines(
    spec: &PipelineSpec,
    inputs: &[(String, String)],
    place: impl Fn(&str) -> Option<String>,
) -> Vec<Line> {
    let sources = spec.sources.iter().map(|source| source.name.as_str());
    let streams = spec.streams.iter().map(|stream| stream.name.as_str());
    let is_read = |stream: &str| inputs.iter().any(|(it, _)| it == stream);
    let special = [Output::ALERTS, Output::DEAD_LETTER];
    let special = special
        .into_iter()
        .filter(|from| spec.outputs.iter().any(|output| output.from == *from));
    let roots = sources
        .chain(streams.filter(|stream| !is_read(stream)))
        .chain(special);
    let tree = Tree {
        spec,
        inputs,
        place,
    };
    let mut lines = Vec::new();
    for root in roots {
        lines.push(Line {
            text: root.to_owned(),
            output: None,
        });
        tree.below(root, "", &mut lines);
    }
    lines
}

struct Tree<'a, P> {
    spec: &'a PipelineSpec,
    inputs: &'a [(String, String)],
    place: P,
}

/// What hangs on a node.
enum Leaf<'a> {
    Stream(&'a str),
    Output(usize, &'a Output),
}

impl<P: Fn(&str) -> Option<String>> Tree<'_, P> {
    fn below(&self, node: &str, branches: &str, lines: &mut Vec<Line>) {
        let leaves = self.leaves(node);
        let last = leaves.len().saturating_sub(1);
        for (i, leaf) in leaves.into_iter().enumerate() {
            let (here, further) = if i == last {
                ("└─ ", "   ")
            } else {
                ("├─ ", "│  ")
            };
            let (text, output) = match leaf {
                Leaf::Stream(name) => (name.to_owned(), None),
                Leaf::Output(at, output) => (self.output(output), Some(at)),
            };
            lines.push(Line {
                text: format!("{branches}{here}{text}"),
                output,
            });
            if let Leaf::Stream(name) = leaf {
                self.below(name, &format!("{branches}{further}"), lines);
            }
        }
    }

    fn leaves(&self, node: &str) -> Vec<Leaf<'_>> {
        let outputs = self.spec.outputs.iter().enumerate();
        let outputs = outputs.filter(|(_, output)| output.from == node);
        let outputs = outputs.map(|(at, output)| Leaf::Output(at, output));
        let streams = self.inputs.iter().filter(|(_, input)| input == node);
        outputs
            .chain(streams.map(|(stream, _)| Leaf::Stream(stream)))
            .collect()
    }

    fn output(&self, output: &Output) -> String {
        match (self.place)(&output.sink) {
            Some(place) => format!("→ {} ({place})", output.sink),
            None => format!("→ {}", output.sink),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn branches_go_on_beside_what_hangs_on_them() {
        let spec: PipelineSpec = serde_saphyr::from_str(
            "{sources: [{name: s}], streams: [{name: a, sql: x}, {name: b, sql: x}, {name: lost, sql: x}], \
             outputs: [{from: a, sink: one}, {from: a, sink: two}, {from: b, sink: one}]}",
        )
        .unwrap();
        let inputs = ["a", "b"].map(|stream| (stream.to_owned(), "s".to_owned()));
        let lines = lines(&spec, &inputs, |sink| {
            (sink == "two").then(|| "a table".to_owned())
        });
        let text: Vec<&str> = lines.iter().map(|line| line.text.as_str()).collect();
        assert_eq!(
            text,
            [
                "s",
                "├─ a",
                "│  ├─ → one",
                "│  └─ → two (a table)",
                "└─ b",
                "   └─ → one",
                "lost"
            ]
        );
        let outputs: Vec<usize> = lines.iter().filter_map(|line| line.output).collect();
        assert_eq!(outputs, [0, 1, 2]);
    }
}
