//! Where in a leaf a text must be.

use std::ops::Range;

/// Where in a leaf a text must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LeafPlace {
    Anywhere,
    Begin,
    Whole,
}

impl LeafPlace {
    /// Whether a leaf that begins with some bytes, which may be all of it, has a text there.
    pub(crate) fn has(self, leaf: &[u8], text: &[u8]) -> bool {
        match self {
            Self::Anywhere => memchr::memmem::find(leaf, text).is_some(),
            Self::Begin => leaf.starts_with(text),
            Self::Whole => leaf == text,
        }
    }

    /// Where a text of a size may begin in a leaf of another size.
    pub(crate) fn starts(self, size: usize, leaf_size: usize) -> Range<usize> {
        match self {
            Self::Anywhere => 0..(leaf_size + 1).saturating_sub(size),
            Self::Begin => 0..usize::from(size <= leaf_size),
            Self::Whole => 0..usize::from(size == leaf_size),
        }
    }
}
