//! Statuses as they were last written. A copy of the cluster lags behind what was just written into it; without this,
//! the same would be written twice.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use kube::ResourceExt;

use crate::kafka::clusters::Key;
use crate::world::key;

/// The statuses of one kind.
#[derive(Debug)]
pub struct Said<S>(Mutex<HashMap<Key, Entry<S>>>);

impl<S> Default for Said<S> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

#[derive(Debug)]
struct Entry<S> {
    /// The version of the object that it was written over.
    over: Option<String>,
    status: S,
    at: Instant,
}

impl<S: Clone> Said<S> {
    /// The status of an object: `there`, unless a newer one was written since this copy of the object was made.
    pub fn latest(&self, object: &impl ResourceExt, there: Option<&S>) -> Option<S> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let newer = all
            .get(&key(object))
            .filter(|entry| entry.over == object.resource_version());
        newer.map(|entry| &entry.status).or(there).cloned()
    }

    /// The status that was last written, whatever has become of the object since.
    pub fn last(&self, object: &impl ResourceExt) -> Option<S> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(&key(object)).map(|entry| entry.status.clone())
    }

    /// How long ago a status was last written.
    pub fn age(&self, object: &impl ResourceExt) -> Option<Duration> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(&key(object)).map(|entry| entry.at.elapsed())
    }

    /// A status was written.
    pub fn note(&self, object: &impl ResourceExt, status: S) {
        let entry = Entry {
            over: object.resource_version(),
            status,
            at: Instant::now(),
        };
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(key(object), entry);
    }

    /// Forgets all but these.
    pub fn keep(&self, is_there: impl Fn(&Key) -> bool) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|key, _| is_there(key));
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::ConfigMap;

    use super::*;

    #[test]
    fn what_was_just_written_counts_until_the_copy_has_it() {
        let said = Said::default();
        let mut object = ConfigMap::default();
        object.metadata.resource_version = Some("1".to_owned());
        assert_eq!(said.latest(&object, Some(&"there")), Some("there"));
        said.note(&object, "written");
        assert_eq!(said.latest(&object, Some(&"there")), Some("written"));
        object.metadata.resource_version = Some("2".to_owned());
        assert_eq!(said.latest(&object, Some(&"there")), Some("there"));
        assert_eq!(said.last(&object), Some("written"));
        said.keep(|_| false);
        assert_eq!(said.last(&object), None);
    }
}
