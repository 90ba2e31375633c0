//! The transaction index of a segment: the transactions that were aborted in it, as in `.txnindex`.

use crate::types::{Offset, ProducerId};

/// An aborted transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AbortedTransaction {
    /// Whose it was.
    pub producer_id: ProducerId,
    /// Its first record.
    pub first_offset: Offset,
    /// The marker that ended it.
    pub last_offset: Offset,
    /// Where the oldest transaction that was still open then begins.
    pub last_stable_offset: Offset,
}

impl AbortedTransaction {
    /// Bytes of an entry on disk, its version included.
    pub const SIZE_BYTES: usize = 34;
    /// The only version there is.
    pub const VERSION: i16 = 0;

    /// Reads an entry; the number of its version where that is another.
    ///
    /// # Errors
    /// The version that is not known.
    pub fn from_bytes(bytes: &[u8; Self::SIZE_BYTES]) -> Result<Self, i16> {
        let [v0, v1, fields @ ..] = bytes;
        let version = i16::from_be_bytes([*v0, *v1]);
        if version != Self::VERSION {
            return Err(version);
        }
        let (fields, _) = fields.as_chunks::<8>();
        let number = |index: usize| i64::from_be_bytes(fields[index]);
        Ok(Self {
            producer_id: ProducerId(number(0)),
            first_offset: Offset(number(1)),
            last_offset: Offset(number(2)),
            last_stable_offset: Offset(number(3)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_a_version_and_four_numbers() {
        let mut bytes = [0; 34];
        for (index, number) in [4_000, 10, 25, 18].into_iter().enumerate() {
            bytes[2 + 8 * index..][..8].copy_from_slice(&i64::to_be_bytes(number));
        }
        let entry = AbortedTransaction {
            producer_id: ProducerId(4_000),
            first_offset: Offset(10),
            last_offset: Offset(25),
            last_stable_offset: Offset(18),
        };
        assert_eq!(AbortedTransaction::from_bytes(&bytes), Ok(entry));
        bytes[1] = 1;
        assert_eq!(AbortedTransaction::from_bytes(&bytes), Err(1));
    }
}
