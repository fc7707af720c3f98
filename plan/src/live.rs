//! What of a Pipeline takes effect while it runs; all else needs new workers.

use std::collections::BTreeMap;

use tidemill_crds::Duration;
use tidemill_crds::pipeline::{GeneratorSource, PipelineSpec};

/// What of a Pipeline takes effect while it runs.
#[derive(Debug, Clone, PartialEq)]
pub struct Live {
    /// How long work is gathered before it is committed.
    pub commit_interval: Duration,
    /// How each generated source makes its records, by the source's name.
    pub generators: BTreeMap<String, Pace>,
}

/// How records are generated.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pace {
    /// Records per second over all partitions; 0 means as fast as possible.
    pub rate: u64,
    /// The share of transactions that belong to a planted fraud, 0 to 1.
    pub fraud_ratio: f64,
    /// How many people (accounts) records are drawn from.
    pub accounts: u64,
}

impl Pace {
    fn of(generator: &GeneratorSource) -> Self {
        Self {
            rate: generator.rate,
            fraud_ratio: generator.fraud_ratio,
            accounts: generator.accounts,
        }
    }

    fn set(self, generator: &mut GeneratorSource) {
        generator.rate = self.rate;
        generator.fraud_ratio = self.fraud_ratio;
        generator.accounts = self.accounts;
    }
}

/// Stands where a value does not matter.
const ANY: Pace = Pace {
    rate: 0,
    fraud_ratio: 0.0,
    accounts: 1,
};

/// Takes a Pipeline apart: what takes effect while it runs, and the rest, in which that is the same for all.
#[must_use]
pub fn split(spec: &PipelineSpec) -> (Live, PipelineSpec) {
    let mut rest = spec.clone();
    let mut generators = BTreeMap::new();
    for source in &mut rest.sources {
        if let Some(generator) = &mut source.generator {
            generators.insert(source.name.clone(), Pace::of(generator));
            ANY.set(generator);
        }
    }
    rest.commit_interval = Duration::from_millis(0);
    let live = Live {
        commit_interval: spec.commit_interval,
        generators,
    };
    (live, rest)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn spec(generator: &str, more: &str) -> PipelineSpec {
        let text = format!(
            r#"{{"sources": [{{"name": "made", "generator": {generator}}},
                             {{"name": "read", "kafka": {{"topic": "t"}}}}],
                "outputs": []{more}}}"#
        );
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn what_takes_effect_live_is_no_part_of_the_rest() {
        let before = spec(r#"{"kind": "Transactions"}"#, "");
        for (generator, more) in [
            (r#"{"kind": "Transactions", "rate": 7}"#, ""),
            (r#"{"kind": "Transactions", "fraudRatio": 0.5}"#, ""),
            (r#"{"kind": "Transactions", "accounts": 9}"#, ""),
            (
                r#"{"kind": "Transactions"}"#,
                r#", "commitInterval": "50ms""#,
            ),
        ] {
            let (live, rest) = split(&spec(generator, more));
            assert_ne!(live, split(&before).0, "{generator}{more}");
            assert_eq!(rest, split(&before).1, "{generator}{more}");
        }
    }

    #[test]
    fn what_does_not_is_a_part_of_it() {
        let before = spec(r#"{"kind": "Transactions"}"#, "");
        for (generator, more) in [
            (r#"{"kind": "Transactions", "seed": 7}"#, ""),
            (r#"{"kind": "Transactions", "partitions": 2}"#, ""),
            (r#"{"kind": "Transactions", "records": 2}"#, ""),
            (r#"{"kind": "Customers"}"#, ""),
            (r#"{"kind": "Transactions"}"#, r#", "suspend": true"#),
        ] {
            let (live, rest) = split(&spec(generator, more));
            assert_eq!(live, split(&before).0, "{generator}{more}");
            assert_ne!(rest, split(&before).1, "{generator}{more}");
        }
    }
}
