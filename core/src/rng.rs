//! Ids and nonces, all from the one seed that the adapter drew.

use chacha20::ChaCha12Rng;
use chacha20::rand_core::{Rng as _, SeedableRng};

use crate::wire::Uuid;

/// The broker's only source of chance.
#[derive(Debug)]
pub struct Rng(ChaCha12Rng);

impl Rng {
    /// The same seed gives the same ids.
    #[must_use]
    pub fn new(seed: [u8; 32]) -> Self {
        Self(ChaCha12Rng::from_seed(seed))
    }

    /// Any number.
    pub fn u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A version 4 UUID that is not one of Kafka's reserved ones and does not print with a leading `-`, which command
    /// line tools would take for an option.
    pub fn uuid(&mut self) -> Uuid {
        loop {
            let bits = u128::from(self.0.next_u64()) << 64 | u128::from(self.0.next_u64());
            let version_4 = bits & !(0xf << 76) & !(0x3 << 62) | 0x4 << 76 | 0x2 << 62;
            let prints_with_dash = version_4 >> 122 == 62;
            if !prints_with_dash {
                return Uuid(version_4);
            }
        }
    }
}
