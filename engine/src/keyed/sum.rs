//! Sums from which values can be taken back. They are exact, so what a sum is depends on the values that are in it and
//! on nothing else: neither on those that were, nor on where a restart began.

use arrow::datatypes::i256;

use super::value::Value;
use crate::wire::{Malformed, Reader, Writer};

/// A sum and how many values it is of.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Sum {
    pub(super) count: u64,
    pub(super) total: Total,
}

/// The sum itself.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Total {
    /// Of whole numbers and decimals: no 2⁶⁴ of them leave its range.
    Whole(i256),
    Float(Floats),
}

impl Default for Total {
    fn default() -> Self {
        Self::Whole(i256::ZERO)
    }
}

impl Sum {
    /// A sum of nothing.
    pub(super) fn of(floats: bool) -> Self {
        let total = if floats {
            Total::Float(Floats::default())
        } else {
            Total::default()
        };
        Self { count: 0, total }
    }

    pub(super) fn add(&mut self, value: &Value) {
        self.change(value, 1);
    }

    pub(super) fn take_back(&mut self, value: &Value) {
        self.change(value, -1);
    }

    fn change(&mut self, value: &Value, sign: i64) {
        let Value::Fixed(fixed) = value else { return };
        self.count = self.count.wrapping_add_signed(sign);
        match &mut self.total {
            Total::Whole(total) => {
                let change = i256::from_i128(*fixed);
                *total = if sign > 0 {
                    total.wrapping_add(change)
                } else {
                    total.wrapping_sub(change)
                };
            }
            Total::Float(floats) => floats.change(value.as_float().unwrap_or(f64::NAN), sign),
        }
    }

    pub(super) fn write(&self, writer: &mut Writer) {
        writer.unsigned(self.count);
        match &self.total {
            Total::Whole(total) => writer.bytes(&total.to_le_bytes()),
            Total::Float(floats) => floats.write(writer),
        }
    }

    pub(super) fn read(reader: &mut Reader<'_>, floats: bool) -> Result<Self, Malformed> {
        let count = reader.unsigned()?;
        let total = if floats {
            Total::Float(Floats::read(reader)?)
        } else {
            let bytes = reader.bytes()?.try_into();
            Total::Whole(i256::from_le_bytes(
                bytes.map_err(|_| "it holds a sum of another length")?,
            ))
        };
        Ok(Self { count, total })
    }
}

/// Beyond this a float counts as infinite, so that the sum of the others cannot leave their range: 2¹⁰⁰⁰.
const HUGE: f64 = f64::from_bits((1000 + 1023) << 52);

/// A sum of floats, as floats of which none overlaps another: together they are the sum without any rounding.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Floats {
    parts: Vec<f64>,
    infinite: i64,
    negative_infinite: i64,
    undefined: i64,
}

impl Floats {
    fn change(&mut self, value: f64, sign: i64) {
        if value.is_nan() {
            self.undefined += sign;
        } else if value > HUGE {
            self.infinite += sign;
        } else if value < -HUGE {
            self.negative_infinite += sign;
        } else {
            self.add(if sign > 0 { value } else { -value });
        }
    }

    fn add(&mut self, value: f64) {
        let mut carry = value;
        let mut kept = 0;
        for i in 0..self.parts.len() {
            let Some(&part) = self.parts.get(i) else {
                break;
            };
            let (large, small) = if carry.abs() < part.abs() {
                (part, carry)
            } else {
                (carry, part)
            };
            let sum = large + small;
            let rest = small - (sum - large);
            if rest != 0.0
                && let Some(place) = self.parts.get_mut(kept)
            {
                *place = rest;
                kept += 1;
            }
            carry = sum;
        }
        self.parts.truncate(kept);
        if carry != 0.0 {
            self.parts.push(carry);
        }
    }

    /// The float nearest to the sum.
    pub(super) fn value(&self) -> f64 {
        match (self.undefined, self.infinite, self.negative_infinite) {
            (0, 0, 0) => self.rounded(),
            (0, _, 0) => f64::INFINITY,
            (0, 0, _) => f64::NEG_INFINITY,
            _ => f64::NAN,
        }
    }

    fn rounded(&self) -> f64 {
        let mut parts = self.parts.iter().rev().copied();
        let mut sum = parts.next().unwrap_or(0.0);
        let mut rest = 0.0;
        for part in parts.by_ref() {
            let before = sum;
            sum = before + part;
            rest = part - (sum - before);
            if rest != 0.0 {
                break;
            }
        }
        // Half way between two floats, what comes after decides.
        if let Some(next) = parts.next()
            && ((rest < 0.0 && next < 0.0) || (rest > 0.0 && next > 0.0))
        {
            let twice = rest * 2.0;
            let other = sum + twice;
            if twice == other - sum {
                return other;
            }
        }
        sum
    }

    fn write(&self, writer: &mut Writer) {
        writer.unsigned(self.parts.len() as u64);
        self.parts.iter().for_each(|p| writer.fixed(p.to_bits()));
        for count in [self.infinite, self.negative_infinite, self.undefined] {
            writer.signed(count);
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let parts = (0..reader.unsigned()?).map(|_| Ok(f64::from_bits(reader.fixed()?)));
        Ok(Self {
            parts: parts.collect::<Result<_, Malformed>>()?,
            infinite: reader.signed()?,
            negative_infinite: reader.signed()?,
            undefined: reader.signed()?,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use rand::rngs::StdRng;
    use rand::{Rng, SeedableRng};

    use super::*;

    fn value(sum: &Sum) -> f64 {
        match &sum.total {
            Total::Float(floats) => floats.value(),
            Total::Whole(_) => f64::NAN,
        }
    }

    fn sum_of<'v>(values: impl IntoIterator<Item = &'v f64>) -> Sum {
        let mut sum = Sum::of(true);
        values.into_iter().for_each(|v| sum.add(&Value::float(*v)));
        sum
    }

    #[test]
    fn what_was_taken_back_leaves_no_trace() {
        let mut sum = sum_of(&[1e100, 0.1, 0.2, f64::INFINITY, f64::NAN]);
        for gone in [f64::NAN, 1e100, f64::INFINITY] {
            sum.take_back(&Value::float(gone));
        }
        assert_eq!((value(&sum), sum.count), (0.1 + 0.2, 2));
        sum.take_back(&Value::float(0.1));
        assert_eq!(value(&sum), 0.2);
    }

    #[test]
    fn a_sum_is_the_nearest_float_in_any_order() {
        assert_eq!(value(&sum_of(&[1e16, 1.0, 1.0, -1e16])), 2.0);
        assert_eq!(
            value(&sum_of(&[1.0, 2f64.powi(-53), 2f64.powi(-106)])),
            1.0 + f64::EPSILON
        );
        for seed in 0..200 {
            let mut rng = StdRng::seed_from_u64(seed);
            let mut values: Vec<f64> = (0..rng.random_range(1..40))
                .map(|_| rng.random_range(-1.0..1.0) * 10f64.powi(rng.random_range(-20..20)))
                .collect();
            let forth = value(&sum_of(&values));
            values.reverse();
            assert_eq!(forth, value(&sum_of(&values)), "seed {seed}");
        }
    }

    #[test]
    fn sums_come_back_from_bytes() {
        let mut whole = Sum::of(false);
        whole.add(&Value::Fixed(i128::MAX));
        whole.add(&Value::Fixed(i128::MAX));
        for (sum, floats) in [(whole, false), (sum_of(&[1e300, 1.5, f64::NAN]), true)] {
            let mut writer = Writer::default();
            sum.write(&mut writer);
            let bytes = writer.unsealed();
            assert_eq!(Sum::read(&mut Reader::unsealed(&bytes), floats), Ok(sum));
        }
    }
}
