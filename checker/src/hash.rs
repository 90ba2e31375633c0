//! A hash for maps whose keys are numbers that nobody chose to do harm. Nothing ever iterates over such a map.

use std::hash::{BuildHasherDefault, Hasher};

/// The hash of a `HashMap`.
pub(crate) type Fast = BuildHasherDefault<Mix>;

/// Multiplies and folds: each number goes into all bits.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Mix(u64);

/// The golden ratio's bits, an odd number without a pattern.
const ODD: u64 = 0x9e37_79b9_7f4a_7c15;

impl Hasher for Mix {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u64(u64::from(*byte)));
    }

    fn write_u32(&mut self, number: u32) {
        self.write_u64(u64::from(number));
    }

    fn write_i32(&mut self, number: i32) {
        self.write_u64(u64::from(number.cast_unsigned()));
    }

    fn write_i64(&mut self, number: i64) {
        self.write_u64(number.cast_unsigned());
    }

    fn write_u64(&mut self, number: u64) {
        let product = u128::from(self.0 ^ number ^ ODD) * u128::from(ODD);
        self.0 = (product as u64) ^ ((product >> 64) as u64);
    }
}
