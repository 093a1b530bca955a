//! Scopes: region, account and category of a record, as one number.
//!
//! Every lookup asks for a region, an account and management events. Of the blocks that a caller is in only one in several
//! has such a record of his, and each costs as much to look at as a third of a record. So the blocks of a caller are listed
//! by scope.

use std::collections::HashMap;

use hashbrown::DefaultHashBuilder;

use crate::bytes::{Cursor, Damage, put_number, put_steps_between, read_steps_between};
use crate::rows::NumberSet;

/// Numbers the scopes of classes.
#[derive(Debug, Default)]
pub(crate) struct ScopeNumbers<'a> {
    known: HashMap<Scope<'a>, u32, DefaultHashBuilder>,
    scopes: Vec<Scope<'a>>,
}

/// Values of region and account, and the category.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Scope<'a> {
    pub(crate) region: u32,
    pub(crate) account: u32,
    pub(crate) category: &'a str,
}

impl<'a> ScopeNumbers<'a> {
    /// The number of a scope.
    pub(crate) fn number(&mut self, scope: Scope<'a>) -> u32 {
        *self.known.entry(scope).or_insert_with(|| {
            self.scopes.push(scope);
            self.scopes.len() as u32 - 1
        })
    }

    /// All scopes in the order of their numbers.
    pub(crate) fn all(&self) -> &[Scope<'a>] {
        &self.scopes
    }
}

/// The blocks that a caller is in, by scope.
#[derive(Debug, Default, Clone)]
pub(crate) struct CallerBlocks {
    /// Scope in the high half, block in the low one. As they came: blocks ascend.
    places: Vec<u64>,
    last_block: Option<u32>,
    block_count: usize,
}

/// So many of the last places are compared before one is added. Records of a caller in one block are mostly of few scopes.
const LAST_PLACES: usize = 4;

impl CallerBlocks {
    /// Adds a block; blocks ascend. Nothing more is kept once the list would be left out by [`CallerBlocks::write`].
    pub(crate) fn add(&mut self, scope: u32, block: u32, blocks_of_segment: usize) {
        if self.last_block != Some(block) {
            self.last_block = Some(block);
            self.block_count += 1;
        }
        let place = u64::from(scope) << 32 | u64::from(block);
        if !self.is_in_most(blocks_of_segment) && !self.places.iter().rev().take(LAST_PLACES).any(|last| *last == place)
        {
            self.places.push(place);
        }
    }

    /// Whether the caller is in so many blocks that every one is looked at.
    fn is_in_most(&self, blocks_of_segment: usize) -> bool {
        self.block_count * 4 >= blocks_of_segment
    }

    /// Appends the list: for each scope its number, how many blocks, and these. Nothing for a caller who is in a quarter of
    /// the blocks or more.
    pub(crate) fn write(mut self, blocks_of_segment: usize, item: &mut Vec<u8>) {
        if self.is_in_most(blocks_of_segment) {
            return;
        }
        self.places.sort_unstable();
        self.places.dedup();
        for of_scope in self.places.chunk_by(|left, right| left >> 32 == right >> 32) {
            put_number(item, of_scope[0] >> 32);
            put_number(item, of_scope.len() as u64);
            put_steps_between(item, of_scope.iter().map(|place| *place as u32));
        }
    }
}

/// Reads the blocks of some scopes, or of all, from what [`CallerBlocks::write`] wrote. Gives whether there was a list: a
/// caller without one is anywhere.
pub(crate) fn read_caller_blocks(
    item: &[u8],
    scopes: Option<&NumberSet>,
    blocks: &mut Vec<u32>,
) -> Result<bool, Damage> {
    let mut cursor = Cursor::new(item);
    while !cursor.is_empty() {
        let (scope, count) = (cursor.code()?, cursor.index()?);
        let before = blocks.len();
        read_steps_between(&mut cursor, count, blocks)?;
        if scopes.is_some_and(|scopes| !scopes.contains(scope)) {
            blocks.truncate(before);
        }
    }
    Ok(!item.is_empty())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn blocks_of_scopes_come_back(
            rows in prop::collection::vec((0..6_u32, 0..3_u32), 1..60),
            wanted in prop::collection::btree_set(0..6_u32, 0..4),
            blocks_of_segment in 1..300_usize,
        ) {
            let (mut caller, mut block, mut places) = (CallerBlocks::default(), 0, Vec::new());
            for (scope, step) in rows {
                block += step;
                caller.add(scope, block, blocks_of_segment);
                places.push((scope, block));
            }
            let blocks = |fits: &dyn Fn(u32) -> bool| -> BTreeSet<u32> {
                places.iter().filter(|(scope, _)| fits(*scope)).map(|(_, block)| *block).collect()
            };
            let is_in_most = blocks(&|_| true).len() * 4 >= blocks_of_segment;
            let mut item = Vec::new();
            caller.write(blocks_of_segment, &mut item);
            let scopes = NumberSet::of(&wanted.iter().copied().collect::<Vec<_>>());
            for (scopes, expected) in [(None, blocks(&|_| true)), (Some(&scopes), blocks(&|scope| wanted.contains(&scope)))] {
                let mut found = Vec::new();
                prop_assert_eq!(read_caller_blocks(&item, scopes, &mut found), Ok(!is_in_most));
                let expected = if is_in_most { BTreeSet::new() } else { expected };
                prop_assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), expected);
            }
        }

        #[test]
        fn any_bytes_are_read_or_damaged(item: Vec<u8>) {
            let _ = read_caller_blocks(&item, None, &mut Vec::new());
        }
    }
}
