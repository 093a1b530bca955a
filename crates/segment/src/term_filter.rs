//! Which terms a segment cannot have, from memory.
//!
//! To ask a segment for a term reads a page of it, some 5 us; with hundreds of segments that is most of what a lookup of a
//! rare or absent value takes. A bit for each part of the hashes' range says in 0.1 us that no term is there.

use crate::terms::TermIndex;

/// Parts of the range for each term, as a power of two, at least: one in so many absent terms, and at most two, is not told
/// from those that are there.
const PARTS_OF_TERM_BITS: u32 = 3;

/// A bit for each part of the range of stored hashes.
#[derive(Debug)]
pub(crate) struct TermFilter {
    /// From a hash, as it is stored, to its part.
    shift: u32,
    bits: Box<[u64]>,
}

impl TermFilter {
    /// A filter without any term, with room for some.
    pub(crate) fn new(terms: &TermIndex, count: usize) -> Self {
        let part_bits = (count.max(1).ilog2() + 1 + PARTS_OF_TERM_BITS).min(terms.hash_bits);
        let words = (1_usize << part_bits).div_ceil(64);
        Self { shift: terms.hash_bits - part_bits, bits: vec![0; words].into_boxed_slice() }
    }

    /// Notes a term by its stored hash.
    pub(crate) fn add(&mut self, hash: u32) {
        let part = hash >> self.shift;
        if let Some(word) = self.bits.get_mut(part as usize / 64) {
            *word |= 1 << (part % 64);
        }
    }

    /// Whether a term may be there, by its stored hash.
    pub(crate) fn may_have(&self, hash: u32) -> bool {
        let part = hash >> self.shift;
        self.bits.get(part as usize / 64).is_none_or(|word| word & 1 << (part % 64) != 0)
    }

    /// Memory, bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.bits.len() * 8
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_term_is_missed_and_few_others_are_taken(hashes in prop::collection::btree_set(any::<u64>(), 1..3000), hash_bits in 1..=32_u32) {
            let index = TermIndex { hash_bits, pages: vec![0] };
            let mut filter = TermFilter::new(&index, hashes.len());
            let stored = |hash: u64| index.wanted(hash).expect("terms");
            hashes.iter().for_each(|hash| filter.add(stored(*hash)));
            for hash in &hashes {
                prop_assert!(filter.may_have(stored(*hash)));
            }
            let others = (1..2000_u64).map(|number| number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
            let taken = others.filter(|hash| filter.may_have(stored(*hash))).count();
            prop_assert!(hash_bits < 16 || taken < 2000 / 5, "{} of 2,000", taken);
        }
    }
}
