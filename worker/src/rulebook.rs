//! The alert rules of a pipeline, and how they are planned together with former ones.

use std::fmt;
use std::sync::Arc;

use tidemill_crds::{AlertRule, Pipeline, Sink};
use tidemill_plan::model::Plan;
use tidemill_plan::{PlanProblem, Version, plan_editions};

/// Plans a pipeline with versions of its rules, or says what is wrong with those that are in force.
type Planner = dyn Fn(&[Version]) -> Result<Arc<Plan>, String> + Send + Sync;

/// The rules that watch a pipeline, and how it is planned with others in their place.
#[derive(Clone)]
pub struct Rulebook {
    rules: Vec<AlertRule>,
    planner: Arc<Planner>,
}

impl Rulebook {
    /// The rules that watch a pipeline.
    #[must_use]
    pub fn new(pipeline: &Pipeline, sinks: &[Sink], rules: &[AlertRule]) -> Self {
        let (pipeline, sinks) = (pipeline.clone(), sinks.to_vec());
        let planner = move |versions: &[Version]| {
            let planned = plan_editions(&pipeline, &sinks, versions);
            let said = |problems: Vec<PlanProblem>| {
                let problems = problems.iter().map(PlanProblem::to_string);
                problems.collect::<Vec<_>>().join("\n")
            };
            planned.map(Arc::new).map_err(said)
        };
        Self::with(rules.to_vec(), planner)
    }

    /// The same for a pipeline that is planned otherwise.
    pub fn with(
        rules: Vec<AlertRule>,
        planner: impl Fn(&[Version]) -> Result<Arc<Plan>, String> + Send + Sync + 'static,
    ) -> Self {
        Self {
            rules,
            planner: Arc::new(planner),
        }
    }

    /// The rules.
    pub(crate) fn rules(&self) -> &[AlertRule] {
        &self.rules
    }

    /// Goes on with other rules.
    pub(crate) fn set_rules(&mut self, rules: Vec<AlertRule>) {
        self.rules = rules;
    }

    /// The pipeline with these versions of its rules.
    ///
    /// # Errors
    /// What is wrong with those that are in force.
    pub(crate) fn plan(&self, versions: &[Version]) -> Result<Arc<Plan>, String> {
        (self.planner)(versions)
    }
}

impl fmt::Debug for Rulebook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rules = self
            .rules
            .iter()
            .filter_map(|it| it.metadata.name.as_deref());
        f.debug_list().entries(rules).finish()
    }
}
