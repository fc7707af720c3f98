//! Copies of what the cluster has of a kind, kept up to date.

use std::fmt::Debug;
use std::hash::Hash;

use futures::{Stream, StreamExt as _};
use kube::runtime::reflector::{self, Store};
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Resource, ResourceExt as _};

/// A copy, and the work that keeps it up to date; `touched` is told of each object that has come, changed or gone.
pub(crate) fn keep<K>(
    events: impl Stream<Item = watcher::Result<watcher::Event<K>>> + Send + 'static,
    prune: impl Fn(&mut K) + Send + 'static,
    touched: impl Fn(&K) + Send + 'static,
) -> (Store<K>, impl Future<Output = ()> + Send)
where
    K: Resource + Clone + Debug + Send + Sync + 'static,
    K::DynamicType: Default + Eq + Hash + Clone + Send + Sync,
{
    let (store, writer) = reflector::store();
    let objects = events
        .default_backoff()
        .modify(move |object| {
            // Who has written which field is of no use here, and often more than all the rest.
            object.managed_fields_mut().clear();
            prune(object);
        })
        .reflect(writer)
        .touched_objects();
    let work = async move {
        let mut objects = std::pin::pin!(objects);
        while let Some(object) = objects.next().await {
            match object {
                Ok(object) => touched(&object),
                Err(error) => {
                    let kind = K::kind(&K::DynamicType::default()).into_owned();
                    tracing::warn!(kind, %error, "watching again");
                }
            }
        }
    };
    (store, work)
}
