//! Alert rules that ask the same as streams: each row of such a stream is an alert, too.

use serde_json::{Value, json};

use super::{Kind, Order, Shape, What};

impl Shape {
    /// The manifests of the rules.
    pub(super) fn rules(&self) -> Vec<Value> {
        let streams = 0..self.streams.len();
        streams.filter_map(|stream| self.rule(stream)).collect()
    }

    /// Whether there is a rule that asks the same as a stream.
    pub(crate) fn has_rule(&self, stream: usize) -> bool {
        self.rule(stream).is_some()
    }

    fn rule(&self, index: usize) -> Option<Value> {
        let stream = self.streams.get(index).filter(|_| self.rules)?;
        let (key, window, select) = match stream.what {
            What::Ordered {
                key,
                order: Order::Moving(span),
                ..
            } => {
                let select = json!({"k": "k", "g": "g", "v": "v", "total": "sum(v)"});
                (key, json!({"sliding": seconds(span)}), select)
            }
            What::Window {
                key,
                kind,
                on_update: false,
                lateness: 0,
                ..
            } => {
                let sums =
                    json!({"total": "sum(v)", "n": "count(*)", "low": "min(v)", "high": "max(v)"});
                (key, kind.window()?, sums)
            }
            _ => return None,
        };
        Some(json!({
            "apiVersion": "tidemill.io/v1alpha1", "kind": "AlertRule", "metadata": {"name": format!("rule-{index}")},
            "spec": {
                "pipelineRef": {"name": "sim"},
                "stream": stream.over.name(),
                "partitionBy": [key],
                "window": window,
                "when": "count(*) > 0",
                "select": select,
            }
        }))
    }
}

impl Kind {
    fn window(self) -> Option<Value> {
        match self {
            Self::Tumble(size) => Some(json!({"tumbling": seconds(size)})),
            Self::Hop { slide, size } => {
                Some(json!({"hopping": {"size": seconds(size), "every": seconds(slide)}}))
            }
            Self::Session(gap) => Some(json!({"session": seconds(gap)})),
            Self::Cumulate { .. } => None,
        }
    }
}

fn seconds(count: i64) -> String {
    format!("{count}s")
}
