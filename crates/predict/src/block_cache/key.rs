use std::hash::{BuildHasherDefault, Hasher};

use panarch_space::{Genotype, Space};

/// Bits of a key for the place and for what enters it.
const PLACE_BITS: u32 = 10;
const INPUT_BITS: u32 = 14;
/// What can enter places, in all, must have a number with so many bits.
pub(super) const MOST_INPUTS: usize = 1 << INPUT_BITS;

/// Numbers the combinations of choices at a place.
#[derive(Debug, Clone)]
pub(super) struct Keys {
    place: u64,
    /// Each decision with the number of its choices.
    decisions: Vec<(usize, u64)>,
}

impl Keys {
    /// `None` when there are more combinations than a key has room for.
    pub fn new(space: &Space, place: usize, decisions: &[usize]) -> Option<Self> {
        let mut combinations = 1_u64;
        let mut counted = Vec::with_capacity(decisions.len());
        for decision in decisions {
            let choices = space.decisions().get(*decision)?.choices.len() as u64;
            combinations = combinations.checked_mul(choices)?;
            counted.push((*decision, choices));
        }
        let room = 64 - PLACE_BITS - INPUT_BITS;
        (combinations < 1 << room && place < 1 << PLACE_BITS).then_some(Self {
            place: place as u64,
            decisions: counted,
        })
    }

    /// The key of a genotype's choices and of the number of what enters.
    pub fn of(&self, genotype: &Genotype, input: u32) -> u64 {
        let choices = genotype.as_bytes();
        let number = self.decisions.iter().fold(0, |number, (decision, count)| {
            number * count + u64::from(choices.get(*decision).copied().unwrap_or(0))
        });
        (number << (PLACE_BITS + INPUT_BITS)) | (u64::from(input) << PLACE_BITS) | self.place
    }
}

/// Spreads keys that are numbers already: one multiplication (Fibonacci hashing, Knuth 1973).
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Spread(u64);

pub(super) type KeyHasher = BuildHasherDefault<Spread>;

impl Hasher for Spread {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, number: u64) {
        let mixed = (self.0 ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = mixed ^ (mixed >> 32);
    }
}
