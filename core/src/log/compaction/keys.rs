//! Which offset each key was last seen at: what a compaction holds records against.
//!
//! Keys are kept as keyed 128-bit hashes, so memory does not depend on their length, and nobody who does not know the
//! hash's key can make two keys collide.
//!
//! They are spread over many tables. One table of a million keys would take tens of milliseconds to grow, and the broker
//! would do nothing else meanwhile.

use alloc::vec::Vec;
use core::hash::{BuildHasher, Hasher};

use hashbrown::HashMap;
use siphasher::sip128::{Hasher128, SipHasher13};

use crate::types::Offset;

/// Last offsets by key.
#[derive(Debug)]
pub(super) struct Keys {
    hasher: SipHasher13,
    /// By the highest bits of the hash.
    tables: Vec<HashMap<u128, Offset, AsIs>>,
    keys: usize,
    keys_max: usize,
    /// Records up to here were taken into account.
    latest: Option<Offset>,
}

/// How many bits of a hash choose its table.
const TABLE_BITS: u32 = 10;

/// There is no room for another key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Full;

/// What one key takes: hash, offset and a byte of the table's own, which is at least seven sixteenths full.
const KEY_SIZE_BYTES: usize = (size_of::<(u128, Offset)>() + 1) * 16 / 7;

impl Keys {
    /// For as many keys as fit into `size_bytes`, but at least one.
    pub(super) fn new(seed: [u8; 16], size_bytes: u64) -> Self {
        let keys_max = usize::try_from(size_bytes).unwrap_or(usize::MAX) / KEY_SIZE_BYTES;
        Self {
            hasher: SipHasher13::new_with_key(&seed),
            tables: (0..1 << TABLE_BITS).map(|_| HashMap::with_hasher(AsIs)).collect(),
            keys: 0,
            keys_max: keys_max.max(1),
            latest: None,
        }
    }

    /// A record with this key is at `offset`, above those seen before.
    pub(super) fn see(&mut self, key: &[u8], offset: Offset) -> Result<(), Full> {
        let hash = self.hash(key);
        let table = &mut self.tables[table_of(hash)];
        if let Some(last) = table.get_mut(&hash) {
            *last = offset;
            return Ok(());
        }
        if self.keys == self.keys_max {
            return Err(Full);
        }
        table.insert(hash, offset);
        self.keys += 1;
        Ok(())
    }

    /// All records up to this offset were seen.
    pub(super) fn seen_to(&mut self, offset: Offset) {
        self.latest = self.latest.max(Some(offset));
    }

    /// The offset up to which records were seen.
    pub(super) fn latest(&self) -> Option<Offset> {
        self.latest
    }

    /// Where the key was seen last.
    pub(super) fn last_offset_of(&self, key: &[u8]) -> Option<Offset> {
        let hash = self.hash(key);
        self.tables[table_of(hash)].get(&hash).copied()
    }

    fn hash(&self, key: &[u8]) -> u128 {
        let mut hasher = self.hasher;
        hasher.write(key);
        hasher.finish128().as_u128()
    }
}

fn table_of(hash: u128) -> usize {
    (hash >> (u128::BITS - TABLE_BITS)) as usize
}

/// The keys of a table are hashes already.
#[derive(Clone, Copy, Debug)]
struct AsIs;

#[derive(Debug)]
struct Taken(u64);

impl BuildHasher for AsIs {
    type Hasher = Taken;

    fn build_hasher(&self) -> Taken {
        Taken(0)
    }
}

impl Hasher for Taken {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("only hashes are hashed here");
    }

    fn write_u128(&mut self, hash: u128) {
        self.0 = hash as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_offset_of_a_key_counts() {
        let mut keys = Keys::new([7; 16], 1 << 20);
        keys.see(b"a", Offset(3)).unwrap();
        keys.see(b"b", Offset(4)).unwrap();
        keys.see(b"a", Offset(9)).unwrap();
        assert_eq!(keys.last_offset_of(b"a"), Some(Offset(9)));
        assert_eq!(keys.last_offset_of(b"b"), Some(Offset(4)));
        assert_eq!(keys.last_offset_of(b""), None);
    }

    #[test]
    fn a_full_map_takes_no_new_key_but_newer_offsets_of_old_ones() {
        let mut keys = Keys::new([7; 16], 2 * KEY_SIZE_BYTES as u64);
        keys.see(b"a", Offset(0)).unwrap();
        keys.see(b"b", Offset(1)).unwrap();
        assert_eq!(keys.see(b"c", Offset(2)), Err(Full));
        assert_eq!(keys.see(b"a", Offset(3)), Ok(()));
        assert_eq!(keys.last_offset_of(b"c"), None);
    }
}
