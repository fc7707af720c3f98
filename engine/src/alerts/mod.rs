//! Alert rules: each row of what they watch is judged, a rule after the other, a batch at a time.

mod evidence;
mod raised;
mod record;
mod texts;

use std::collections::HashMap;

use arrow::array::AsArray;
use tidemill_plan::model::{Input, Plan, Rule};

pub(crate) use self::evidence::{Recent, Shown, json};
use self::raised::alerts;
pub(crate) use self::record::with_behind;
pub(crate) use self::texts::Texts;
use crate::effects::{Alerts, Effects, Judged};
use crate::error::Result;
use crate::reject::Place;
use crate::rows::Flow;
use crate::steps::{isolate, truth};

/// The rules of a plan by what they watch.
pub(crate) struct Judges(HashMap<Input, Vec<usize>>);

impl Judges {
    pub(crate) fn of(plan: &Plan) -> Self {
        let mut by_input: HashMap<Input, Vec<usize>> = HashMap::new();
        for (i, rule) in plan.rules.iter().enumerate() {
            by_input.entry(rule.watches).or_default().push(i);
        }
        Self(by_input)
    }

    /// Judges rows. One for which a rule fails is rejected, with the name of the rule in the message, and goes on.
    pub(crate) fn judge(
        &self,
        plan: &Plan,
        from: Input,
        flow: &Flow,
        place: Place<'_>,
        fx: &mut Effects,
    ) -> Result<()> {
        for &index in self.0.get(&from).into_iter().flatten() {
            let Some(rule) = plan.rules.get(index) else {
                continue;
            };
            let stream = match from {
                Input::Source(_) => None,
                Input::Stream(_) => Some(plan.name_of_input(from)),
            };
            let letters = fx.dead_letters.len();
            judge(index, rule, stream, flow, place, fx)?;
            for letter in fx.dead_letters.iter_mut().skip(letters) {
                letter.message = format!("alert rule {}: {}", rule.name, letter.message);
            }
        }
        Ok(())
    }
}

fn judge(
    index: usize,
    rule: &Rule,
    stream: Option<&str>,
    flow: &Flow,
    place: Place<'_>,
    fx: &mut Effects,
) -> Result<()> {
    let Some(fired) = fired(rule, stream, flow, place, fx)? else {
        return Ok(());
    };
    let (fired, held) = fresh(rule, fired)?;
    fx.judged.push(Judged {
        rule: index,
        fired: fired.len() as u64,
        suppressed: held as u64,
    });
    if fired.len() > 0 {
        let raised = alerts(rule, stream, fired, place, fx)?;
        let raised = raised.map(|batch| Alerts { rule: index, batch });
        fx.alerts.extend(raised);
    }
    Ok(())
}

/// The rows whose alerts are not held back, and how many others there are.
fn fresh(rule: &Rule, fired: Flow) -> Result<(Flow, usize)> {
    let columns = fired.batch.columns();
    let fresh = rule.fresh.and_then(|column| columns.get(column));
    let Some(fresh) = fresh.and_then(|column| column.as_boolean_opt()) else {
        return Ok((fired, 0));
    };
    let held = fresh.len() - fresh.true_count();
    Ok((fired.filter(fresh)?, held))
}

/// The rows that make a rule fire; none if there are none.
fn fired(
    rule: &Rule,
    stream: Option<&str>,
    flow: &Flow,
    place: Place<'_>,
    fx: &mut Effects,
) -> Result<Option<Flow>> {
    let condition = |batch: &_| truth(&rule.when, batch);
    let Some((flow, mask)) = isolate(flow.clone(), stream, place, fx, condition)? else {
        return Ok(None);
    };
    let deleted = flow.replaces.as_ref().and_then(|r| r.deleted.as_ref());
    let mask = match deleted {
        Some(deleted) => arrow::compute::and_not(&mask, deleted)?,
        None => mask,
    };
    match mask.true_count() {
        0 => Ok(None),
        _ => flow.filter(&mask).map(Some),
    }
}
