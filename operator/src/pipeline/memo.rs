//! What came of checking each Pipeline, so that it is planned anew only when it, or something that it names, has changed.

use std::collections::HashMap;
use std::hash::{Hash as _, Hasher as _};
use std::sync::{Arc, Mutex, PoisonError};

use kube::ResourceExt as _;
use kube::api::ObjectMeta;
use tidemill_plan::resets;
use twox_hash::XxHash64;

use super::validate::{Checked, Found};
use crate::kafka::clusters::Key;
use crate::world::key;

/// The newest outcome for each Pipeline.
#[derive(Debug, Default)]
pub struct Memo(Mutex<HashMap<Key, (u64, Arc<Checked>)>>);

impl Memo {
    /// The outcome for a Pipeline with what it names as it is now.
    pub fn check(&self, found: &Found) -> Arc<Checked> {
        let (of, version) = (key(&found.pipeline), version(found));
        let known = self
            .lock()
            .get(&of)
            .filter(|(known, _)| *known == version)
            .map(|(_, it)| Arc::clone(it));
        known.unwrap_or_else(|| {
            let checked = Arc::new(Checked::new(found));
            self.lock().insert(of, (version, Arc::clone(&checked)));
            checked
        })
    }

    /// Forgets all but these.
    pub fn keep(&self, is_there: impl Fn(&Key) -> bool) {
        self.lock().retain(|key, _| is_there(key));
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Key, (u64, Arc<Checked>)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Changes with everything that the outcome depends on.
fn version(found: &Found) -> u64 {
    let mut hasher = XxHash64::with_seed(0);
    let of = |metadata: &ObjectMeta| (metadata.uid.clone(), metadata.generation);
    of(&found.pipeline.metadata).hash(&mut hasher);
    found
        .pipeline
        .annotations()
        .get(resets::ANNOTATION)
        .hash(&mut hasher);
    for (name, sink) in &found.sinks {
        (name, of(&sink.metadata)).hash(&mut hasher);
    }
    for (name, rule) in &found.rules {
        (name, rule.as_ref().map(|rule| of(&rule.metadata))).hash(&mut hasher);
    }
    found.secret.hash(&mut hasher);
    found.given.hash(&mut hasher);
    found.other_secrets.hash(&mut hasher);
    // Maps of texts and numbers: this does not fail.
    serde_json::to_string(&found.states)
        .unwrap_or_default()
        .hash(&mut hasher);
    found.pipeline.name_any().hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use crate::pipeline::testing::found;
    use crate::pipeline::validate::{SecretVersion, validate};

    #[test]
    fn it_is_checked_anew_when_anything_has_changed_and_only_then() {
        let memo = Memo::default();
        let first = found(include_str!("build/golden/everything.yaml"));
        let checked = memo.check(&first);
        let mut status_only = first.clone();
        status_only.pipeline.status = Some(tidemill_crds::PipelineStatus::default());
        assert!(Arc::ptr_eq(&checked, &memo.check(&status_only)));

        let changed: [fn(&mut Found); 8] = [
            |it| it.pipeline.metadata.generation = Some(4),
            |it| it.pipeline.metadata.uid = Some("another".to_owned()),
            |it| it.sinks.get_mut("spend").unwrap().metadata.generation = Some(2),
            |it| {
                it.secret = Some(SecretVersion {
                    name: "kafka-user".to_owned(),
                    version: "8".to_owned(),
                })
            },
            |it| {
                it.other_secrets.insert(SecretVersion {
                    name: "registry".to_owned(),
                    version: "1".to_owned(),
                });
            },
            |it| it.states = validate(it).unwrap().states,
            |it| it.given = Some(String::new()),
            |it| {
                let told = (resets::ANNOTATION.to_owned(), "spend=2".to_owned());
                it.pipeline.metadata.annotations = Some([told].into());
            },
        ];
        for (i, change) in changed.iter().enumerate() {
            let before = memo.check(&first);
            let mut other = first.clone();
            change(&mut other);
            assert!(!Arc::ptr_eq(&before, &memo.check(&other)), "change {i}");
        }
        memo.keep(|_| false);
        assert!(!Arc::ptr_eq(&checked, &memo.check(&first)));
    }
}
