//! The definitions that a cluster installs.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};
use kube::CustomResourceExt;

use crate::{AlertRule, Pipeline, Sink};

/// The definitions of Pipeline, AlertRule and Sink, as a cluster installs them.
#[must_use]
pub fn definitions() -> Vec<CustomResourceDefinition> {
    let mut definitions = vec![Pipeline::crd(), AlertRule::crd(), Sink::crd()];
    for version in definitions
        .iter_mut()
        .flat_map(|definition| &mut definition.spec.versions)
    {
        if let Some(schema) = version
            .schema
            .as_mut()
            .and_then(|schema| schema.open_api_v3_schema.as_mut())
        {
            tidy(schema);
        }
    }
    definitions
}

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

/// Null is the same as leaving a field out, so that `has(self.field)` means that it is given; and formats are those
/// that Kubernetes knows.
fn tidy(schema: &mut JSONSchemaProps) {
    schema.nullable = None;
    if let Some(format @ ("uint32" | "uint64")) = schema.format.as_deref() {
        schema.format = Some(format.replace("uint", "int"));
    }
    for property in schema
        .properties
        .iter_mut()
        .flat_map(|properties| properties.values_mut())
    {
        tidy(property);
    }
    if let Some(JSONSchemaPropsOrArray::Schema(items)) = &mut schema.items {
        tidy(items);
    }
    if let Some(JSONSchemaPropsOrBool::Schema(values)) = &mut schema.additional_properties {
        tidy(values);
    }
}
