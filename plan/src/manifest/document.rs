//! One document of a file to the resources in it.

use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_json::Value;
use tidemill_crds::{API_VERSION, GROUP};

use super::Loaded;
use super::check::{self, Check};
use super::metadata::check_metadata;
use super::path::FieldPath;
use super::resource::{Resource, ResourceKind};
use super::text::Source;
use super::words::did_you_mean;
use super::yaml::{Data, Node};

const KINDS: [&str; 3] = ["Pipeline", "AlertRule", "Sink"];

/// Whether this is one of kustomize's own files, which hold no resource.
pub(super) fn is_kustomization_file(file_name: &str) -> bool {
    let name = file_name.rsplit(['/', '\\']).next().unwrap_or(file_name);
    matches!(
        name,
        "kustomization.yaml" | "kustomization.yml" | "Kustomization"
    )
}

/// Adds the resource that a document holds, or those of its list, or what is wrong with it.
pub(super) fn read(source: &Arc<Source>, root: Node, loaded: &mut Loaded) {
    if root.is_null() {
        return;
    }
    let mut check = Check::new(source);
    let Some(kind) = kind_of(&root, &mut check) else {
        loaded.problems.append(&mut check.problems);
        return;
    };
    if is_kustomize(&root) {
        return;
    }
    if kind.ends_with("List") && root.entry("items").is_some() {
        return read_list(source, root, loaded);
    }
    let ours = KINDS.contains(&kind.as_str()) && is_of_group(&root);
    check_metadata(&mut check, &root);
    if ours {
        check::resource(&mut check, &kind, &root);
    } else {
        refuse_near_miss(&mut check, &kind, &root);
    }
    let resource_kind = check.problems.is_empty().then(|| typed(&kind, ours, &root));
    match resource_kind {
        Some(Ok(kind)) => loaded
            .resources
            .push(Resource::new(kind, Arc::clone(source), root)),
        Some(Err(error)) => check.report(root.at, &FieldPath::root(), error.to_string(), None),
        None => {}
    }
    check.problems.sort();
    loaded.problems.append(&mut check.problems);
}

fn read_list(source: &Arc<Source>, root: Node, loaded: &mut Loaded) {
    let Data::Mapping(entries) = root.data else {
        return;
    };
    for entry in entries.into_iter().filter(|entry| entry.key == "items") {
        match entry.value.data {
            Data::Sequence(items) => items
                .into_iter()
                .for_each(|item| read(source, item, loaded)),
            _ => {
                let mut check = Check::new(source);
                check.report(
                    entry.value.at,
                    &FieldPath::root().field("items"),
                    "expected a list of resources".to_owned(),
                    None,
                );
                loaded.problems.append(&mut check.problems);
            }
        }
    }
}

fn kind_of(root: &Node, check: &mut Check<'_>) -> Option<String> {
    let path = FieldPath::root().field("kind");
    if !matches!(root.data, Data::Mapping(_)) {
        let hint =
            format!("a manifest starts with `apiVersion: {API_VERSION}` and `kind: Pipeline`");
        check.report(
            root.at,
            &FieldPath::root(),
            "this is no manifest".to_owned(),
            Some(hint),
        );
        return None;
    }
    let Some(entry) = root.entry("kind").filter(|entry| !entry.value.is_null()) else {
        let hint = "write `kind: Pipeline`, `kind: AlertRule` or `kind: Sink`".to_owned();
        check.report(root.at, &path, "is missing".to_owned(), Some(hint));
        return None;
    };
    let kind = entry.value.text().map(str::to_owned);
    if kind.is_none() {
        check.report(entry.value.at, &path, "expected a text".to_owned(), None);
    }
    kind
}

fn api_version(root: &Node) -> Option<&str> {
    root.entry("apiVersion")
        .and_then(|entry| entry.value.text())
}

fn is_kustomize(root: &Node) -> bool {
    api_version(root).is_some_and(|version| version.starts_with("kustomize.config.k8s.io/"))
}

/// Whether a resource of one of our kinds' names is meant to be ours: also when its version is wrong or left out, which
/// is then said.
fn is_of_group(root: &Node) -> bool {
    api_version(root).is_none_or(|version| {
        version == GROUP || version.starts_with(&format!("{GROUP}/")) || !version.contains('/')
    })
}

/// A kind that is almost one of ours, or that our group does not have.
fn refuse_near_miss(check: &mut Check<'_>, kind: &str, root: &Node) {
    let Some(entry) = root.entry("kind") else {
        return;
    };
    let path = FieldPath::root().field("kind");
    match api_version(root) {
        Some(version) if version.starts_with(GROUP) => {
            let hint = did_you_mean(kind, KINDS.into_iter())
                .unwrap_or_else(|| format!("the kinds are {}", KINDS.join(", ")));
            check.report(
                entry.value.at,
                &path,
                format!("there is no kind `{kind}` in {GROUP}"),
                Some(hint),
            );
        }
        Some(_) => {}
        None => {
            let hint =
                format!("write `apiVersion: {API_VERSION}` for a Pipeline, an AlertRule or a Sink");
            check.report(
                root.at,
                &FieldPath::root().field("apiVersion"),
                "is missing".to_owned(),
                Some(hint),
            );
        }
    }
}

fn typed(kind: &str, ours: bool, root: &Node) -> Result<ResourceKind, serde_json::Error> {
    let value = root.to_json();
    match kind {
        _ if !ours => Ok(ResourceKind::Other(value)),
        "Pipeline" => boxed(value).map(ResourceKind::Pipeline),
        "AlertRule" => boxed(value).map(ResourceKind::AlertRule),
        _ => boxed(value).map(ResourceKind::Sink),
    }
}

fn boxed<T: DeserializeOwned>(value: Value) -> Result<Box<T>, serde_json::Error> {
    serde_json::from_value(value).map(Box::new)
}
