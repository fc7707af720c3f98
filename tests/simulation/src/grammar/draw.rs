//! Shapes, drawn by a seed.

use super::{Change, Kind, Missing, Order, Over, Shape, SourceShape, StreamShape, What};
use crate::random::Random;

/// How many different pipelines there are.
const SHAPES: u64 = 240;

impl Shape {
    pub(crate) fn of(seed: u64) -> Self {
        let mut random = Random::new(seed % SHAPES);
        let sources: Vec<SourceShape> = (0..random.range(1, 3))
            .map(|_| source(&mut random))
            .collect();
        let mut shape = Self {
            streams: Vec::new(),
            table: (0..random.range(0, 12))
                .map(|_| change(&mut random))
                .collect(),
            shards: random.range(1, 4) as u32,
            letters: random.chance(50),
            rules: false,
            sources,
        };
        for _ in 0..random.range(1, 5) {
            shape.grow(&mut random);
        }
        // By themselves, so that whatever else there is stays as it is drawn.
        let mut random = Random::new(seed % SHAPES + SHAPES);
        if random.chance(40) {
            shape.put_in_order(&mut random);
        }
        let mut random = Random::new(seed % SHAPES + 2 * SHAPES);
        if random.chance(40) {
            shape.join_what_changes(&mut random);
        }
        shape.rules = Random::new(seed % SHAPES + 3 * SHAPES).chance(40);
        shape
    }

    fn join_what_changes(&mut self, random: &mut Random) {
        let inner = random.chance(50);
        let missing = match random.range(0, 4) {
            0 => Missing::Emit,
            1 => Missing::DeadLetter,
            _ => Missing::Wait(random.pick(&[1, 5], 1)),
        };
        let live = random.chance(75);
        if live {
            self.streams.push(StreamShape {
                over: Over::Source(random.range(0, self.sources.len() as u64) as usize),
                what: What::Live { inner, missing },
                outside: false,
            });
        }
        if !live || random.chance(25) {
            self.streams.push(StreamShape {
                over: Over::Source(0),
                what: What::Merged { inner },
                outside: random.chance(25),
            });
        }
    }

    fn put_in_order(&mut self, random: &mut Random) {
        let rows = self.streams.iter().position(|s| s.what == What::Rows);
        let over = match rows {
            Some(rows) if random.chance(40) => Over::Stream(rows),
            _ => Over::Source(random.range(0, self.sources.len() as u64) as usize),
        };
        let order = match random.range(0, 4) {
            0 => Order::Moving(5),
            1 => Order::Numbered(3),
            2 => Order::Counted(3),
            _ => Order::First(10),
        };
        self.streams.push(StreamShape {
            over,
            what: What::Ordered {
                key: random.pick(&["k", "g"], "k"),
                order,
                drops: random.chance(25),
            },
            outside: random.chance(25),
        });
    }

    fn grow(&mut self, random: &mut Random) {
        let from_source = Over::Source(random.range(0, self.sources.len() as u64) as usize);
        let rows = self.streams.iter().position(|s| s.what == What::Rows);
        let over = match rows {
            Some(rows) if random.chance(40) => Over::Stream(rows),
            _ => from_source,
        };
        let key = random.pick(&["k", "g"], "k");
        let final_windows = self.streams.iter().position(StreamShape::is_final);
        let (over, what) = match (random.range(0, 12), final_windows) {
            (0..2, _) => (from_source, What::Rows),
            (10.., _) => {
                let (inner, letters) = (random.chance(50), random.chance(50));
                (over, What::Joined { inner, letters })
            }
            (2..4, _) => (over, What::Table { key }),
            (4..6, Some(inner)) => {
                let key = self.streams.get(inner).and_then(|s| s.what.key());
                (
                    Over::Stream(inner),
                    What::Results {
                        key: key.unwrap_or("k"),
                    },
                )
            }
            _ => (over, window(key, random)),
        };
        self.streams.push(StreamShape {
            over,
            what,
            outside: random.chance(25),
        });
    }
}

/// Of its four keys, one is in no row.
pub(super) fn change(random: &mut Random) -> Change {
    let key = random.pick(&["x", "y", "z", "other"], "x");
    let value = random.range(0, 100).cast_signed();
    (key, random.chance(75).then_some(value))
}

fn source(random: &mut Random) -> SourceShape {
    SourceShape {
        partitions: random.range(1, 4) as u32,
        disorder: random.pick(&[0, 2, 5], 0),
        by_key: random.chance(60),
        idle: random.chance(20).then_some(120),
        latest: random.chance(15),
    }
}

fn window(key: &'static str, random: &mut Random) -> What {
    let on_update = random.chance(35);
    let kind = kind(random);
    let lateness = random.pick(&[0, 0, 3], 0);
    let drops = random.chance(25);
    if kind == Kind::Tumble(5) && lateness > 0 {
        let (earliest, latest) = if key == "k" { (-3, 0) } else { (-1, 2) };
        return What::Pairs {
            key,
            earliest,
            latest,
            alone: on_update,
            drops,
        };
    }
    What::Window {
        key,
        kind,
        on_update,
        lateness,
        drops,
    }
}

fn kind(random: &mut Random) -> Kind {
    match random.range(0, 8) {
        0 => Kind::Hop { slide: 5, size: 10 },
        1 => Kind::Hop { slide: 2, size: 10 },
        2 => Kind::Cumulate { step: 2, size: 10 },
        3 | 4 => Kind::Session(random.pick(&[2, 5], 2)),
        _ => Kind::Tumble(random.pick(&[5, 10], 10)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shape_is_a_plan() {
        for seed in 0..SHAPES {
            let shape = Shape::of(seed);
            if let Err(problem) = shape.plan() {
                assert_eq!(problem, "", "{shape:#?}");
            }
        }
    }
}
