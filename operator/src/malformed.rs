//! What is said of an object that cannot be read, such as one from before an upgrade. Why it cannot be read names no
//! field; so it is fetched once more as it is, and held against what `kubectl explain` says.

use std::fmt::Debug;

use kube::api::{ApiResource, DynamicObject};
use kube::core::NamespaceResourceScope;
use kube::{Api, Client, Resource};
use serde_json::{Value, json};
use tidemill_crds::reasons::{self, condition};
use tidemill_plan::manifest;

use crate::condition::Verdict;
use crate::world::{Guarded, key};

/// What is to be said of an object that cannot be read because of `error`.
pub(crate) async fn verdicts<K>(client: &Client, object: &Guarded<K>, error: &str) -> Vec<Verdict>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug,
{
    let (namespace, name) = key(object);
    let resource = ApiResource::erase::<K>(&());
    let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), &namespace, &resource);
    let spec = match api.get_opt(&name).await {
        Ok(Some(found)) => found.data.get("spec").cloned(),
        // What is known already has to do.
        Ok(None) | Err(_) => None,
    };
    let said = spec.map(|spec| problems(&resource, &name, &spec));
    judge(&said.unwrap_or_default(), error)
}

/// Everything that is wrong with a spec, a line each.
fn problems(resource: &ApiResource, name: &str, spec: &Value) -> Vec<String> {
    let text = json!({
        "apiVersion": resource.api_version,
        "kind": resource.kind,
        "metadata": {"name": name},
        "spec": spec,
    });
    let found = manifest::load(name, &text.to_string()).problems;
    let line = |problem: &manifest::Problem| match &problem.hint {
        Some(hint) => format!("{}: {} ({hint})", problem.path, problem.message),
        None => format!("{}: {}", problem.path, problem.message),
    };
    found.iter().map(line).collect()
}

fn judge(problems: &[String], error: &str) -> Vec<Verdict> {
    let why = if problems.is_empty() {
        format!("{error}; apply it again as `kubectl explain` has it")
    } else {
        problems.join("\n")
    };
    let message = format!("this version cannot read it: {why}");
    vec![
        Verdict::no(condition::ACCEPTED, reasons::MALFORMED, message),
        Verdict::no(
            condition::READY,
            reasons::NOT_ACCEPTED,
            "see the condition Accepted",
        ),
    ]
}

#[cfg(test)]
mod tests {
    use tidemill_crds::Pipeline;

    use super::*;

    #[test]
    fn each_field_that_cannot_be_read_is_named_with_what_to_write() {
        let spec = json!({
            "sources": [{"name": "s", "kafka": {"topic": "t"}, "columns": [{"name": "a", "type": "Text"}]}],
            "commitInterval": "36501d",
            "workers": "three",
        });
        let said = problems(&ApiResource::erase::<Pipeline>(&()), "p", &spec);
        assert_eq!(said.len(), 3, "{said:?}");
        for part in [
            "spec.commitInterval: `36501d` is not a duration: write numbers with units",
            "spec.sources[0].columns[0].type: unknown type `Text`, did you mean String?",
            "spec.workers: expected a whole number, found `three`",
        ] {
            assert!(said.iter().any(|line| line.starts_with(part)), "{said:?}");
        }
        let verdicts = judge(&said, "invalid type");
        assert_eq!(
            verdicts.first().map(|it| it.message.lines().count()),
            Some(3)
        );
    }

    #[test]
    fn what_is_of_another_type_altogether_is_named_too() {
        let pipeline = ApiResource::erase::<Pipeline>(&());
        let source = json!([{"name": "s", "kafka": {"topic": "t"}}]);
        for (spec, part) in [
            (
                json!({"sources": source, "commitInterval": 5}),
                "spec.commitInterval: ",
            ),
            (json!({"sources": "payments"}), "spec.sources: "),
        ] {
            let said = problems(&pipeline, "p", &spec);
            assert!(said.iter().any(|line| line.starts_with(part)), "{said:?}");
        }
    }

    #[test]
    fn what_cannot_be_looked_at_again_is_said_as_it_is_known() {
        let verdicts = judge(&[], "missing field `sources`");
        let message = verdicts.first().map(|it| it.message.as_str());
        assert_eq!(
            message,
            Some(
                "this version cannot read it: missing field `sources`; apply it again as `kubectl explain` has it"
            )
        );
    }
}
