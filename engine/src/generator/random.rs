//! Chance that depends on the seed and a number alone.

/// What a draw is for. Draws for different purposes are independent of each other.
#[derive(Debug, Clone, Copy)]
pub(super) enum Purpose {
    IdHigh,
    IdLow,
    Jitter,
    Person,
    Category,
    Merchant,
    Amount,
    Currency,
    Burst,
    BurstLength,
    BurstPerson,
    Single,
    SingleKind,
    Scatter,
    FirstName,
    LastName,
    Birthdate,
    Country,
    Card,
    Place,
    Extra,
    Price,
    Reserve,
    Length,
    Channel,
    Auction,
}

/// The source of all chance: SplitMix64, asked by number instead of in turn.
#[derive(Debug, Clone, Copy)]
pub(super) struct Dice {
    seed: u64,
}

/// The odd number nearest to 2^64 over the golden ratio: steps of it visit every number evenly.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// Any number.
    pub(super) fn number(&self, purpose: Purpose, index: u64) -> u64 {
        let stream = mix(self
            .seed
            .wrapping_add(GOLDEN.wrapping_mul(purpose as u64 + 1)));
        mix(stream.wrapping_add(GOLDEN.wrapping_mul(index)))
    }

    /// A number below `bound`, or 0.
    pub(super) fn below(&self, bound: u64, purpose: Purpose, index: u64) -> u64 {
        // The upper half of the product; evener than a remainder, and quicker.
        ((u128::from(self.number(purpose, index)) * u128::from(bound)) >> 64) as u64
    }

    /// A number from 0 up to, not including, 1.
    pub(super) fn unit(&self, purpose: Purpose, index: u64) -> f64 {
        (self.number(purpose, index) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// One of the things.
    pub(super) fn choose<T: Copy>(
        &self,
        things: &[T],
        default: T,
        purpose: Purpose,
        index: u64,
    ) -> T {
        things
            .get(self.below(things.len() as u64, purpose, index) as usize)
            .copied()
            .unwrap_or(default)
    }
}

/// Makes numbers that are near each other differ in every bit.
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
