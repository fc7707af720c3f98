//! Numbers read from their text, exactly.

/// Ten to the power of each index.
const POWERS: [u128; 39] = {
    let mut powers = [1; 39];
    let mut i = 1;
    while i < powers.len() {
        powers[i] = powers[i - 1] * 10;
        i += 1;
    }
    powers
};

/// Every byte 1.
const ONES: u64 = 0x0101_0101_0101_0101;
/// The high bit of every byte.
const HIGHS: u64 = ONES * 0x80;

/// More significant digits than that are not kept: no type here holds them.
const KEPT_DIGITS: u32 = 38;

/// A number as written: `digits × 10^exponent`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Number {
    negative: bool,
    digits: u128,
    exponent: i64,
    /// Whether digits other than zero follow those that were kept.
    cut: bool,
}

/// Why a number is not a whole number of some unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unfit {
    /// It has a fraction of the unit.
    Fraction,
    /// It has too many digits.
    TooLarge,
}

impl Number {
    /// Reads a number as JSON writes it; a leading `+` and leading zeros do no harm either.
    #[inline]
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        let (negative, text) = match text {
            [b'-', rest @ ..] => (true, rest),
            [b'+', rest @ ..] => (false, rest),
            rest => (false, rest),
        };
        let number = Self::parse_short(text).or_else(|| Self::parse_any(text))?;
        Some(Self { negative, ..number })
    }

    /// Reads four to eight characters, digits with or without a point among them, all at once. How many there are
    /// differs from record to record, so a loop's end would be mispredicted most of the time.
    #[inline]
    fn parse_short(text: &[u8]) -> Option<Self> {
        let (first, last) = (text.first_chunk::<4>()?, text.last_chunk::<4>()?);
        let before = 8 * u32::try_from(8_usize.checked_sub(text.len())?).ok()?;
        // The last character is in the highest byte, and there are zeros before the first.
        let first = u64::from(u32::from_le_bytes(*first)) << before;
        let last = u64::from(u32::from_le_bytes(*last)) << 32;
        let mut digits = (first | last) ^ ((ONES * u64::from(b'0')) << before);
        let mut exponent = 0;
        let points = digits ^ (ONES * u64::from(b'.' ^ b'0'));
        let point = (points.wrapping_sub(ONES) & !points & HIGHS).trailing_zeros() & !7;
        if point < 64 {
            if point == before || point == 56 {
                return None; // A digit must stand on both sides.
            }
            let above = (digits >> point >> 8) << 8 << point;
            let below = digits & ((1 << point) - 1);
            digits = above | below << 8;
            exponent = i64::from(point / 8) - 7;
        }
        let are_digits = (((digits & !HIGHS) + ONES * 0x76) | digits) & HIGHS == 0;
        are_digits.then(|| Self {
            negative: false,
            digits: join_digits(digits).into(),
            exponent,
            cut: false,
        })
    }

    fn parse_any(text: &[u8]) -> Option<Self> {
        let (whole, text) = split_digits(text)?;
        let (fraction, text) = match text {
            [b'.', rest @ ..] => split_digits(rest)?,
            rest => ([].as_slice(), rest),
        };
        let exponent = match text {
            [] => 0,
            [b'e' | b'E', rest @ ..] => parse_exponent(rest)?,
            _ => return None,
        };
        let exponent = exponent - fraction.len() as i64;
        let all = whole.iter().chain(fraction).map(|byte| byte - b'0');
        if whole.len() + fraction.len() < 20 {
            let digits = all.fold(0, |digits, digit| digits * 10 + u64::from(digit));
            return Some(Self {
                negative: false,
                digits: digits.into(),
                exponent,
                cut: false,
            });
        }
        Some(Self::from_digits(all, exponent))
    }

    fn from_digits(all: impl Iterator<Item = u8>, exponent: i64) -> Self {
        let mut number = Self {
            negative: false,
            digits: 0,
            exponent,
            cut: false,
        };
        let mut kept = 0;
        for digit in all {
            if kept < KEPT_DIGITS {
                number.digits = number.digits * 10 + u128::from(digit);
                kept += u32::from(number.digits > 0);
            } else {
                number.exponent += 1;
                number.cut |= digit > 0;
            }
        }
        number
    }

    /// The number in units of `10^-scale`, if it is a whole number of them.
    pub(super) fn exactly(&self, scale: i64) -> Result<i128, Unfit> {
        match self.shifted(scale) {
            None => Err(Unfit::TooLarge),
            Some((_, false)) => Err(Unfit::Fraction),
            Some((units, true)) => self.signed(units).ok_or(Unfit::TooLarge),
        }
    }

    /// The number in units of `10^-scale`, rounded down; `None` where it has too many digits.
    pub(super) fn floor(&self, scale: i64) -> Option<i128> {
        let (units, exact) = self.shifted(scale)?;
        let round_down = i128::from(self.negative && !exact);
        self.signed(units)?.checked_sub(round_down)
    }

    /// The number without its sign and fraction; `None` where it has too many digits.
    pub(super) fn magnitude(&self) -> Option<u128> {
        Some(self.shifted(0)?.0)
    }

    /// Without the sign: the number in units of `10^-scale`, rounded towards zero, and whether that is exact.
    fn shifted(&self, scale: i64) -> Option<(u128, bool)> {
        if self.digits == 0 {
            return Some((0, true));
        }
        let shift = self.exponent + scale;
        let power = usize::try_from(shift.unsigned_abs()).ok();
        let power = power.and_then(|power| POWERS.get(power)).copied();
        match (power, shift >= 0) {
            (Some(_), true) if self.cut && shift > 0 => None,
            (Some(power), true) => Some((self.digits.checked_mul(power)?, !self.cut)),
            (Some(power), false) => {
                let exact = self.digits.is_multiple_of(power) && !self.cut;
                Some((self.digits / power, exact))
            }
            (None, true) => None,
            (None, false) => Some((0, false)),
        }
    }

    fn signed(&self, units: u128) -> Option<i128> {
        let units = i128::try_from(units).ok()?;
        Some(if self.negative { -units } else { units })
    }
}

/// The number that eight digits make, the first in the lowest byte: pairs of digits, then of pairs, then of those.
#[inline]
fn join_digits(digits: u64) -> u64 {
    let pairs = (digits * 10 + (digits >> 8)) & 0x00ff_00ff_00ff_00ff;
    let fours = (pairs * 100 + (pairs >> 16)) & 0x0000_ffff_0000_ffff;
    (fours * 10_000 + (fours >> 32)) & 0xffff_ffff
}

/// Whether the unscaled value has at most so many digits.
pub(super) fn has_precision(value: i128, precision: u8) -> bool {
    POWERS
        .get(usize::from(precision))
        .is_some_and(|limit| value.unsigned_abs() < *limit)
}

/// The digits at the start, of which there must be one, and the rest.
fn split_digits(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = text.iter().position(|byte| !byte.is_ascii_digit());
    let (digits, rest) = text.split_at(end.unwrap_or(text.len()));
    (!digits.is_empty()).then_some((digits, rest))
}

/// An exponent; beyond a billion it makes no difference any more.
fn parse_exponent(text: &[u8]) -> Option<i64> {
    let (sign, text) = match text {
        [b'-', rest @ ..] => (-1, rest),
        [b'+', rest @ ..] => (1, rest),
        rest => (1, rest),
    };
    let (digits, []) = split_digits(text)? else {
        return None;
    };
    let add = |value: i64, digit: &u8| (value * 10 + i64::from(digit - b'0')).min(1_000_000_000);
    Some(sign * digits.iter().fold(0, add))
}
