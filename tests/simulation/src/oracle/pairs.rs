//! Rows with those that belong to them, of a stream joined with itself.

use super::{Flow, Item, Letter, Rough, Scene};
use crate::grammar::What;

/// Each row with those that belong to it. A row is read twice, once for each side.
pub(super) fn rows(
    from: &Flow,
    scene: &Scene<'_>,
    rough: &mut Rough,
    letters: &mut Vec<Letter>,
) -> Flow {
    let What::Pairs {
        key,
        earliest,
        latest,
        alone,
        drops,
    } = scene.what
    else {
        return Flow::default();
    };
    let is_late = |item: &&Item| item.before.is_some_and(|before| item.time < before);
    for item in from.items.iter().filter(is_late).filter(|_| !drops) {
        let letter = (
            scene.name.0.clone(),
            scene.name.1.clone(),
            item.partition as i32,
            item.offset,
        );
        letters.extend([letter.clone(), letter]);
    }
    let group = |item: &Item| {
        let place = if scene.local { item.partition } else { 0 };
        (place, item.columns.get(key).cloned().unwrap_or_default())
    };
    let value = |item: &Item| item.numbers.get("v").copied().unwrap_or_default();
    let on_time: Vec<&Item> = from.items.iter().filter(|item| !is_late(item)).collect();
    let lowest = from.watermarks.iter().copied().min().flatten();
    let grown = scene
        .grown
        .and_then(|grown| Some((grown.from, grown.watermark?)));
    if let Some((new, shut)) = grown {
        // A shard may have let rows go that those of a new partition belong to, or find these late.
        let came_behind = |item: &&&Item| item.partition >= new && item.time <= shut + 3_000;
        if on_time.iter().any(|item| came_behind(&item)) || Some(shut) > lowest {
            *rough = Rough::ALL;
        }
    }
    let mut found = Vec::new();
    for &item in &on_time {
        let belongs = |other: &&&Item| {
            let apart = other.time - item.time;
            let near = (earliest * 1_000..=latest * 1_000).contains(&apart);
            near && group(other) == group(item) && value(other) < value(item)
        };
        let mut others: Vec<i128> = on_time.iter().filter(belongs).map(|o| value(o)).collect();
        let watermark = match scene.local {
            true => from.watermarks.get(item.partition).copied().flatten(),
            false => lowest,
        };
        let is_due = watermark.is_some_and(|w| w > item.time + latest * 1_000);
        if others.is_empty() && alone && (scene.ended || is_due) {
            others.push(-1);
        }
        for other in others {
            let mut pair = item.clone();
            pair.columns.retain(|name, _| name == key);
            pair.numbers.insert("w", other);
            found.push(pair);
        }
    }
    Flow {
        items: found,
        watermarks: from.watermarks.clone(),
    }
}
