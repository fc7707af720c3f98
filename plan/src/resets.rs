//! Resets: streams that start again without state, and how workers are told of them.

use std::collections::BTreeMap;

use tidemill_crds::Pipeline;

/// The annotation of a Pipeline that says how often each of its streams was reset: `spend=2,totals=1`. The operator
/// writes it on what workers read. On a Pipeline itself a higher number resets a stream.
pub const ANNOTATION: &str = "tidemill.io/state-epochs";

/// How often each stream was reset.
pub type Epochs = BTreeMap<String, u32>;

/// The value of the annotation.
#[must_use]
pub fn write(epochs: &Epochs) -> String {
    let named: Vec<String> = epochs.iter().map(|(s, n)| format!("{s}={n}")).collect();
    named.join(",")
}

/// How often each stream of a pipeline was reset.
///
/// # Errors
/// Says which part of the annotation cannot be read.
pub fn read(pipeline: &Pipeline) -> Result<Epochs, String> {
    let text = pipeline
        .metadata
        .annotations
        .as_ref()
        .and_then(|annotations| annotations.get(ANNOTATION));
    let parts = text
        .map(String::as_str)
        .unwrap_or_default()
        .split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty());
    let epoch = |part: &str| {
        let (stream, number) = part.split_once('=')?;
        Some((stream.trim().to_owned(), number.trim().parse().ok()?))
    };
    parts
        .map(|part| {
            epoch(part).ok_or_else(|| format!("{ANNOTATION}: `{part}` is no reset of a stream"))
        })
        .collect()
}

/// What a stream loses with its state.
#[must_use]
pub fn lost(has_window: bool) -> &'static str {
    if has_window {
        "what its open windows hold"
    } else {
        "its table, counted since the beginning,"
    }
}

/// What functions over rows lose with their state.
pub const LOST_ROWS: &str = "the rows that it holds";

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn annotated(text: &str) -> Pipeline {
        let json = serde_json::json!({
            "metadata": {"name": "p", "annotations": {ANNOTATION: text}},
            "spec": {"sources": [], "streams": [], "outputs": []},
        });
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn what_is_written_is_read() {
        let epochs: Epochs = [("spend".to_owned(), 2), ("totals".to_owned(), 1)].into();
        assert_eq!(write(&epochs), "spend=2,totals=1");
        assert_eq!(read(&annotated(&write(&epochs))).unwrap(), epochs);
        assert_eq!(read(&annotated(" spend = 2 , totals=1,")).unwrap(), epochs);
        assert!(read(&annotated("")).unwrap().is_empty());
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        for text in ["spend", "spend=", "spend=-1", "spend=x"] {
            let said = read(&annotated(text)).unwrap_err();
            assert!(said.contains(&format!("`{text}`")), "{said}");
        }
    }
}
