//! The rules that watch a Pipeline: those that make sense go to its workers, and of one that does not the last version that
//! did goes on.

use std::collections::BTreeMap;

use tidemill_crds::alert_rule::Mode;
use tidemill_crds::{AlertRule, Sink};
use tidemill_plan::manifest::{ResourceKind, load};
use tidemill_plan::{PlanProblem, plan_in_cluster};

use super::validate::Found;

/// What came of the rules that watch a Pipeline.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rules {
    /// What its workers get. Those that are switched off are among them: the rows that they judge are kept together all the
    /// same, so that they may be switched on while the workers run.
    pub in_force: Vec<AlertRule>,
    /// What is wrong with others, by name.
    pub refused: BTreeMap<String, Wrong>,
}

/// What is wrong with a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    /// For people.
    pub message: String,
    /// Nothing but that this version does nothing with a field yet.
    pub not_yet: bool,
}

impl Rules {
    /// Those of a Pipeline that makes sense without them.
    #[must_use]
    pub fn of(found: &Found, sinks: &[Sink]) -> Self {
        let before = found.given.as_deref().map(given).unwrap_or_default();
        let check = |rule: &AlertRule| {
            let planned = plan_in_cluster(&found.pipeline, sinks, std::slice::from_ref(rule));
            planned.map(drop).map_err(|problems| wrong(rule, &problems))
        };
        // With a thousand rules of which none is wrong, this is all the planning there is.
        let present = found.rules.values().flatten().filter(|rule| !is_off(rule));
        let present: Vec<AlertRule> = present.cloned().collect();
        let are_all_right = plan_in_cluster(&found.pipeline, sinks, &present).is_ok();
        let mut rules = Self::default();
        for (name, rule) in &found.rules {
            let refused = match rule {
                Some(rule) if is_off(rule) || are_all_right => {
                    rules.in_force.push(rule.reduced());
                    continue;
                }
                Some(rule) => match check(rule) {
                    Ok(()) => {
                        rules.in_force.push(rule.reduced());
                        continue;
                    }
                    Err(wrong) => Some(wrong),
                },
                // Its own status says why.
                None => None,
            };
            rules
                .refused
                .extend(refused.map(|wrong| (name.clone(), wrong)));
            let last = before.get(name).filter(|last| check(last).is_ok());
            rules.in_force.extend(last.map(AlertRule::reduced));
        }
        rules
    }

    /// The version of a rule by which workers judge, if they do.
    #[must_use]
    pub fn version(&self, name: &str) -> Option<i64> {
        let is_it = |rule: &&AlertRule| rule.metadata.name.as_deref() == Some(name);
        let found = self.in_force.iter().find(is_it)?;
        found.metadata.generation.filter(|_| !is_off(found))
    }
}

fn is_off(rule: &AlertRule) -> bool {
    rule.spec.mode == Mode::Disabled
}

/// What is wrong with a rule, with the rule's own fields as its owner knows them.
fn wrong(rule: &AlertRule, problems: &[PlanProblem]) -> Wrong {
    let name = rule.metadata.name.as_deref().unwrap_or_default();
    let own = format!("AlertRule {name}: ");
    let said = problems.iter().map(|problem| {
        let said = problem.to_string();
        said.strip_prefix(&own).map(str::to_owned).unwrap_or(said)
    });
    Wrong {
        message: said.collect::<Vec<_>>().join("\n"),
        not_yet: problems.iter().all(|problem| problem.not_yet),
    }
}

/// The rules that workers were given to read, by name.
fn given(manifests: &str) -> BTreeMap<String, AlertRule> {
    let resources = load("manifests", manifests).resources.into_iter();
    let rules = resources.filter_map(|resource| match resource.kind {
        ResourceKind::AlertRule(rule) => Some((rule.metadata.name.clone()?, *rule)),
        _ => None,
    });
    rules.collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use crate::pipeline::testing::{GENERATED, found};
    use crate::pipeline::validate::validate;

    fn rule(name: &str, generation: i64, when: &str) -> AlertRule {
        let text = format!(
            "metadata: {{name: {name}, namespace: bank, generation: {generation}}}\n\
             spec: {{pipelineRef: {{name: payments}}, stream: payments, when: '{when}'}}"
        );
        serde_saphyr::from_str(&text).unwrap()
    }

    fn with(rules: &[AlertRule]) -> Found {
        let alerts = GENERATED.replace(
            "  - {from: payments, sink: payments}\n",
            "  - {from: payments, sink: payments}\n  - {from: alerts, sink: payments}\n",
        );
        let alerts = alerts.replace("seed: 3}", "seed: 3}\n    eventTime: {column: ts}");
        let mut found = found(&alerts);
        let named = rules
            .iter()
            .map(|rule| (rule.metadata.name.clone().unwrap(), Some(rule.clone())));
        found.rules = named.collect();
        found
    }

    fn in_force(found: &Found) -> Vec<(String, Option<i64>)> {
        let rules = validate(found).unwrap().rules.in_force;
        let rules = rules.into_iter();
        rules
            .map(|it| (it.metadata.name.unwrap(), it.metadata.generation))
            .collect()
    }

    #[test]
    fn a_rule_that_does_not_plan_is_refused_alone() {
        let found = with(&[
            rule("broken", 1, "amuont > 5"),
            rule("large", 3, "amount > 5"),
        ]);
        assert_eq!(in_force(&found), [("large".to_owned(), Some(3))]);
        let rules = validate(&found).unwrap().rules;
        assert!(
            rules.refused["broken"]
                .message
                .starts_with("spec.when, line 1, column 1: there is no column `amuont`"),
            "{rules:?}"
        );
    }

    #[test]
    fn the_last_version_that_made_sense_goes_on() {
        let mut found = with(&[rule("large", 1, "amount > 5")]);
        let given = validate(&found).unwrap().manifests;
        found.given = Some(given);
        let broken = rule("large", 2, "amount >");
        found.rules.insert("large".to_owned(), Some(broken));
        assert_eq!(in_force(&found), [("large".to_owned(), Some(1))]);
        assert_eq!(validate(&found).unwrap().rules.refused.len(), 1);
        found.rules.insert("large".to_owned(), None);
        assert_eq!(
            in_force(&found),
            [("large".to_owned(), Some(1))],
            "not readable"
        );
        found.rules.clear();
        assert_eq!(in_force(&found), [], "deleted");
    }

    #[test]
    fn nobody_judges_by_a_rule_that_is_switched_off() {
        for when in ["amount > 5", "nonsense"] {
            let mut off = rule("large", 2, when);
            off.spec.mode = Mode::Disabled;
            let rules = validate(&with(&[off])).unwrap().rules;
            assert_eq!(rules.in_force.len(), 1);
            assert_eq!(rules.version("large"), None);
            assert!(rules.refused.is_empty());
        }
    }

    #[test]
    fn workers_stay_while_rules_ask_for_the_same_streams() {
        let lasting = |rules: &[AlertRule]| validate(&with(rules)).unwrap().lasting;
        let none = lasting(&[]);
        assert_eq!(lasting(&[rule("large", 1, "amount > 5")]), none);
        let mut sliding = rule("rapid", 1, "count(*) > 5");
        let window = serde_json::json!({"sliding": "1m"});
        sliding.spec.window = Some(serde_json::from_value(window).unwrap());
        let with_window = lasting(std::slice::from_ref(&sliding));
        assert_ne!(with_window, none);
        sliding.spec.when = "count(*) > 7".to_owned();
        assert_eq!(lasting(&[sliding.clone()]), with_window);
        sliding.spec.mode = Mode::Disabled;
        assert_eq!(lasting(&[sliding]), with_window);
    }
}
