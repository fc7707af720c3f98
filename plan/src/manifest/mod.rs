//! Manifests: the text of YAML files to resources that know where each of their fields stands.
//!
//! [`load`] reads a file, which may hold many documents, and reports everything that is wrong with their structure at
//! once: unknown and missing fields, wrong types, values that cannot be, rules between fields. What it hands on has
//! been read into the types of `tidemill-crds`; later checks point at the place with [`Resource::problem`] and, within
//! a text such as a query, [`Resource::problem_in`].

mod check;
mod document;
mod metadata;
mod path;
mod problem;
mod resource;
mod text;
mod words;
mod yaml;

use std::collections::HashMap;
use std::sync::Arc;

pub use path::{FieldPath, Segment};
pub use problem::{Position, Problem};
pub use resource::{Resource, ResourceKind};

/// What manifests hold.
#[derive(Debug, Default)]
pub struct Loaded {
    /// The resources that can be used, in the order of the files.
    pub resources: Vec<Resource>,
    /// Everything that is wrong, in the order of the files.
    pub problems: Vec<Problem>,
}

/// Reads the manifests of one file. A document that cannot be used does not stop the others.
#[must_use]
pub fn load(file_name: &str, text: &str) -> Loaded {
    load_all([(file_name, text)])
}

/// Reads the manifests of several files, each with its name and its text; no two may hold the same resource.
#[must_use]
pub fn load_all<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Loaded {
    let mut loaded = Loaded::default();
    for (file_name, text) in files {
        load_file(file_name, text, &mut loaded);
    }
    refuse_duplicates(&mut loaded);
    loaded
}

fn load_file(file_name: &str, text: &str, loaded: &mut Loaded) {
    if document::is_kustomization_file(file_name) {
        return;
    }
    let source = Arc::new(text::Source::new(file_name, text));
    for part in text::split_documents(text) {
        let (documents, error) = yaml::parse(&part);
        for root in documents {
            document::read(&source, root, loaded);
        }
        if let Some(error) = error {
            loaded.problems.push(source.problem(
                error.position,
                String::new(),
                error.message,
                None,
            ));
        }
    }
}

fn refuse_duplicates(loaded: &mut Loaded) {
    let mut first: HashMap<_, usize> = HashMap::new();
    for (i, resource) in loaded.resources.iter().enumerate() {
        let Some(&earlier) = first.get(&resource.identity()) else {
            first.insert(resource.identity(), i);
            continue;
        };
        if let Some(earlier) = loaded.resources.get(earlier) {
            loaded.problems.push(duplicate(resource, earlier));
        }
    }
}

fn duplicate(resource: &Resource, earlier: &Resource) -> Problem {
    let name = FieldPath::root().field("metadata").field("name");
    let (kind, title) = (resource.kind_name(), resource.name());
    let at = earlier.nearest(&name);
    resource
        .problem(
            &name,
            format!(
                "there is a {kind} `{title}` already, at {}:{at}",
                earlier.file()
            ),
        )
        .hint("give one of them another name, or take it away")
}

#[cfg(test)]
mod tests;
