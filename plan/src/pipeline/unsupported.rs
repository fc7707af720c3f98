//! Fields whose work comes later are refused by name: nothing in a manifest is ignored.

use tidemill_crds::Pipeline;
use tidemill_crds::pipeline::{Origin, Source};

use super::problem::Problems;

pub(super) fn check(pipeline: &Pipeline, problems: &mut Problems) {
    for (i, source) in pipeline.spec.sources.iter().enumerate() {
        check_source(source, &format!("spec.sources[{i}]"), problems);
    }
}

fn check_source(source: &Source, path: &str, problems: &mut Problems) {
    if source.table.is_some() && source.generator.is_some() {
        let hint =
            "write the rows to a topic, in a pipeline of its own, and read that as the table";
        problems.not_yet(
            format!("{path}.table"),
            "tables that are generated are",
            hint,
        );
    }
    if let Some(Origin::Generator(generator)) = source.origin()
        && generator.customers_from.is_some()
    {
        let path = format!("{path}.generator.customersFrom");
        problems.not_yet(path, "customers from a ConfigMap are", "leave it out");
    }
}
