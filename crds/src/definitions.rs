//! The definitions that a cluster installs.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::ValidationRule;
use kube::CustomResourceExt;

use crate::{AlertRule, Pipeline, Sink, patterns};

/// The schema of a manifest, or of a part of one; of a list's items; and of a map's values.
pub use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    JSONSchemaProps as Schema, JSONSchemaPropsOrArray as SchemaOfItems,
    JSONSchemaPropsOrBool as SchemaOfValues,
};

/// The definitions of Pipeline, AlertRule and Sink, as a cluster installs them.
#[must_use]
pub fn definitions() -> Vec<CustomResourceDefinition> {
    derived(&|schema| {
        tidy(schema);
        say_pattern(schema);
    })
}

/// The definitions as the types have them, with something done to every part of their schemas.
fn derived(change: &dyn Fn(&mut Schema)) -> Vec<CustomResourceDefinition> {
    let mut definitions = vec![Pipeline::crd(), AlertRule::crd(), Sink::crd()];
    definitions
        .iter_mut()
        .flat_map(|definition| &mut definition.spec.versions)
        .filter_map(|version| version.schema.as_mut()?.open_api_v3_schema.as_mut())
        .for_each(|schema| for_each_part(schema, change));
    definitions
}

/// The schema of a kind's manifests: everything but `apiVersion`, `kind` and `metadata`.
///
/// Patterns are in it as such, to be checked by [`patterns::check`].
#[must_use]
pub fn schema_of(kind: &str) -> Option<Schema> {
    let definition = derived(&tidy)
        .into_iter()
        .find(|definition| definition.spec.names.kind == kind)?;
    definition
        .spec
        .versions
        .into_iter()
        .next()?
        .schema?
        .open_api_v3_schema
}

/// The folders that hold the definitions as YAML, from that of this crate: one to apply, and the chart's.
pub const DEFINITION_FOLDERS: [&str; 2] = ["yaml", "../helm/tidemill/files/crds"];

/// The definitions as YAML: the name of each file, and its text.
///
/// # Errors
/// When a definition cannot be written as YAML.
pub fn definition_files() -> Result<Vec<(String, String)>, serde_saphyr::SerializeError> {
    definitions()
        .iter()
        .map(|definition| {
            let text = serde_saphyr::to_string(definition)?;
            Ok((format!("{}.yaml", definition.spec.names.plural), text))
        })
        .collect()
}

fn for_each_part(schema: &mut Schema, change: &dyn Fn(&mut Schema)) {
    change(schema);
    for property in schema
        .properties
        .iter_mut()
        .flat_map(|properties| properties.values_mut())
    {
        for_each_part(property, change);
    }
    if let Some(SchemaOfItems::Schema(items)) = &mut schema.items {
        for_each_part(items, change);
    }
    if let Some(SchemaOfValues::Schema(values)) = &mut schema.additional_properties {
        for_each_part(values, change);
    }
}

/// Null is the same as leaving a field out, so that `has(self.field)` means that it is given; and formats are those
/// that Kubernetes knows. Line breaks of the source's comments say nothing to who reads them elsewhere.
fn tidy(schema: &mut Schema) {
    schema.nullable = None;
    if let Some(description) = schema
        .description
        .as_mut()
        .filter(|text| !text.contains("\n\n"))
    {
        *description = description.replace('\n', " ");
    }
    if let Some(format @ ("uint32" | "uint64")) = schema.format.as_deref() {
        schema.format = Some(format.replace("uint", "int"));
    }
}

/// To a text that does not match its pattern the API server says the pattern: a rule in its place says what to write.
/// Where a pattern is about one of several types, no rule can be, and it stays.
fn say_pattern(schema: &mut Schema) {
    let pattern = schema.pattern.as_deref();
    let Some((pattern, usage)) = pattern.and_then(|it| Some((it, patterns::usage(it)?))) else {
        return;
    };
    let rule = ValidationRule {
        rule: format!("self.matches(r'{pattern}')"),
        message: Some(usage.to_owned()),
        message_expression: Some(format!("'`' + self + '` {usage}'")),
        ..ValidationRule::default()
    };
    schema
        .x_kubernetes_validations
        .get_or_insert_default()
        .push(rule);
    schema.pattern = None;
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;
    use crate::{patterns, rules};

    /// Calls `visit` with every part of every schema, and its path.
    fn for_each(visit: &mut dyn FnMut(&str, &Schema)) {
        for kind in ["Pipeline", "AlertRule", "Sink"] {
            walk(kind, &schema_of(kind).unwrap(), visit);
        }
    }

    fn walk(path: &str, schema: &Schema, visit: &mut dyn FnMut(&str, &Schema)) {
        visit(path, schema);
        for (name, property) in schema.properties.iter().flatten() {
            walk(&format!("{path}.{name}"), property, visit);
        }
        if let Some(SchemaOfItems::Schema(items)) = &schema.items {
            walk(&format!("{path}[]"), items, visit);
        }
        if let Some(SchemaOfValues::Schema(values)) = &schema.additional_properties {
            walk(&format!("{path}{{}}"), values, visit);
        }
    }

    /// What was embedded from Kubernetes is as Kubernetes has it.
    fn ours(path: &str) -> bool {
        !path.starts_with("Pipeline.spec.worker.") && !path.contains(".conditions[]")
    }

    #[test]
    fn files_are_those_of_the_types() {
        for folder in DEFINITION_FOLDERS {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
            let files = definition_files().unwrap();
            assert_eq!(std::fs::read_dir(&path).unwrap().count(), files.len());
            for (name, text) in files {
                let on_disk = std::fs::read_to_string(path.join(&name)).unwrap_or_default();
                assert!(
                    on_disk == text,
                    "{folder}/{name} is not what the types say: run `cargo run -p tidemill-crds --bin crdgen`"
                );
            }
        }
    }

    #[test]
    fn every_field_is_described() {
        for_each(&mut |path, schema| {
            for (name, property) in schema.properties.iter().flatten() {
                let said = property.description.as_deref().unwrap_or_default();
                assert!(said.len() > 10, "{path}.{name} is not described");
                assert!(!ours(path) || said.ends_with('.'), "{path}.{name}: {said}");
            }
        });
    }

    #[test]
    fn schemas_are_structural() {
        for_each(&mut |path, schema| {
            let either = schema.x_kubernetes_preserve_unknown_fields == Some(true)
                || schema.x_kubernetes_int_or_string == Some(true);
            assert!(
                schema.type_.is_some() != either,
                "{path} has no type, or one too many"
            );
            assert!(
                schema.any_of.is_none() && schema.one_of.is_none() && schema.all_of.is_none(),
                "{path}"
            );
            assert!(
                schema.ref_path.is_none() && schema.nullable.is_none(),
                "{path}"
            );
            let format = schema.format.as_deref().unwrap_or("int64");
            assert!(
                ["int32", "int64", "double", "date-time"].contains(&format),
                "{path}: {format}"
            );
        });
    }

    #[test]
    fn lists_and_texts_have_bounds_where_rules_look_into_them() {
        for path in ["sources", "streams", "outputs"] {
            let spec = schema_of("Pipeline")
                .unwrap()
                .properties
                .unwrap()
                .remove("spec")
                .unwrap();
            let list = spec.properties.unwrap().remove(path).unwrap();
            assert!(list.max_items.is_some(), "{path}");
            assert_eq!(
                list.x_kubernetes_list_type.as_deref(),
                Some("map"),
                "{path}"
            );
            let Some(SchemaOfItems::Schema(item)) = list.items else {
                panic!("{path}")
            };
            for key in list.x_kubernetes_list_map_keys.unwrap() {
                let key_schema = &item.properties.as_ref().unwrap()[&key];
                assert!(key_schema.max_length.is_some(), "{path}[].{key}");
            }
        }
    }

    #[test]
    fn every_rule_is_on_a_schema_and_every_schema_rule_is_known() {
        let mut seen = BTreeSet::new();
        for_each(&mut |path, schema| {
            for rule in schema.x_kubernetes_validations.iter().flatten() {
                let known =
                    rules::find(&rule.rule).unwrap_or_else(|| panic!("{path}: {}", rule.rule));
                assert_eq!(rule.message.as_deref(), Some(known.message));
                seen.insert(known.cel);
            }
        });
        assert_eq!(seen.len(), rules::ALL.len(), "a rule is on no schema");
    }

    #[test]
    fn every_pattern_has_a_check_that_says_what_to_write() {
        for_each(&mut |path, schema| {
            if let Some(pattern) = &schema.pattern {
                assert!(patterns::knows(pattern), "{path}: {pattern}");
            }
        });
    }

    #[test]
    fn no_pattern_is_said_to_users_but_those_of_words() {
        for definition in definitions() {
            let text = serde_json::to_string(&definition).unwrap();
            let said: Vec<&str> = text.split("\"pattern\":\"").skip(1).collect();
            assert!(
                said.iter().all(|it| it.starts_with("^(Earliest|Latest)$")
                    || it.starts_with("^(Emit|DeadLetter)$")),
                "{said:?}"
            );
        }
    }

    #[test]
    fn kubectl_scale_finds_the_workers() {
        let definition = definitions().remove(0);
        let version = &definition.spec.versions[0];
        let scale = version
            .subresources
            .as_ref()
            .unwrap()
            .scale
            .as_ref()
            .unwrap();
        assert_eq!(scale.spec_replicas_path, ".spec.workers");
        assert_eq!(scale.status_replicas_path, ".status.replicas");
        assert_eq!(
            scale.label_selector_path.as_deref(),
            Some(".status.selector")
        );
    }
}
