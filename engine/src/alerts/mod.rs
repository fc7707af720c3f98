//! Alert rules: each row of what they watch is judged, a rule after the other, a batch at a time.

mod evidence;
mod raised;
mod record;
mod texts;

use std::collections::HashMap;

use arrow::array::{AsArray, BooleanArray};
use tidemill_crds::alert_rule::Agreement;
use tidemill_plan::model::{Comparison, ExprRef, Input, Plan, RowsOf, Rule};

pub(crate) use self::evidence::{Recent, Shown, json};
use self::raised::alerts;
pub(crate) use self::record::with_behind;
pub(crate) use self::texts::Texts;
use crate::effects::{Alerts, Compared, Effects, Judged};
use crate::error::Result;
use crate::keyed::fires;
use crate::reject::Place;
use crate::rows::Flow;
use crate::steps::{isolate, truth};

/// The rules of a plan by what they watch.
pub(crate) struct Judges {
    rules: HashMap<Input, Vec<usize>>,
    comparisons: HashMap<Input, Vec<usize>>,
}

impl Judges {
    pub(crate) fn of(plan: &Plan) -> Self {
        Self {
            rules: by_input(plan.rules.iter().map(|rule| rule.watches)),
            comparisons: by_input(plan.comparisons.iter().map(|it| it.watches)),
        }
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
        for &index in self.rules.get(&from).into_iter().flatten() {
            let Some(rule) = plan.rules.get(index).filter(|rule| judges(rule, place)) else {
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
        for &index in self.comparisons.get(&from).into_iter().flatten() {
            if let Some(comparison) = plan.comparisons.get(index) {
                let agreement = compare(comparison, flow)?;
                let is_any = agreement != Agreement::default();
                fx.compared.extend(is_any.then_some(Compared {
                    comparison: index,
                    agreement,
                }));
            }
        }
        Ok(())
    }
}

fn by_input(inputs: impl Iterator<Item = Input>) -> HashMap<Input, Vec<usize>> {
    let mut by_input: HashMap<Input, Vec<usize>> = HashMap::new();
    for (index, input) in inputs.enumerate() {
        by_input.entry(input).or_default().push(index);
    }
    by_input
}

/// For how many rows which of two rules fires. A row for which one fails is counted as one for which it does: it is said
/// elsewhere.
fn compare(comparison: &Comparison, flow: &Flow) -> Result<Agreement> {
    let [shadow, original] = &comparison.fires;
    let deleted = flow.replaces.as_ref().and_then(|r| r.deleted.as_ref());
    let fires = |expr: &ExprRef| -> Result<BooleanArray> {
        let mask = fires(expr, &flow.batch)?;
        Ok(match deleted {
            Some(deleted) => arrow::compute::and_not(&mask, deleted)?,
            None => mask,
        })
    };
    let (shadow, original) = (fires(shadow)?, fires(original)?);
    let both = arrow::compute::and(&shadow, &original)?.true_count();
    Ok(Agreement {
        both: both as u64,
        only_shadow: (shadow.true_count() - both) as u64,
        only_original: (original.true_count() - both) as u64,
    })
}

/// Whether a rule judges the rows that come here. Rows that were kept together say of which edition each is.
fn judges(rule: &Rule, place: Place<'_>) -> bool {
    match rule.of {
        RowsOf::Stream(_) => rule.editions.has(place.edition),
        RowsOf::Frames { .. } | RowsOf::Windows { .. } => true,
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
