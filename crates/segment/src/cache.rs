//! Parts of segments that were read, kept in memory.

use std::sync::Arc;

use quick_cache::Weighter;

use crate::block::Facts;
use crate::block_rows::BlockRows;
use crate::classes::{ClassGroup, ClassesOf};
use crate::few_rows::FewRows;
use crate::table::Chunk;

/// Parts of segments that were read, shared by all segments, bounded in memory.
pub type Cache = quick_cache::sync::Cache<CacheKey, Cached, Weight>;

/// A cache of a size in bytes.
pub fn cache(bytes: u64) -> Arc<Cache> {
    const PART_BYTES: u64 = 8 * 1024;
    let parts = usize::try_from(bytes / PART_BYTES).unwrap_or(usize::MAX);
    Arc::new(Cache::with_weighter(parts, bytes, Weight))
}

/// A part of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CacheKey {
    pub(crate) segment: u64,
    pub(crate) part: Part,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Part {
    Chunk(u32),
    Facts(u32),
    Rows(u32),
    /// A few rows of a block.
    FewRows(u32),
    /// A group of classes.
    Classes(u32),
    /// Classes and scopes that a term leads to, by its hash.
    ClassesOf(u64),
}

/// A part of a segment in memory.
#[derive(Debug, Clone)]
pub struct Cached(pub(crate) CachedPart);

#[derive(Debug, Clone)]
pub(crate) enum CachedPart {
    Chunk(Arc<Chunk>),
    Facts(Arc<Facts>),
    Rows(Arc<BlockRows>),
    FewRows(Arc<FewRows>),
    ClassesOf(Arc<ClassesOf>),
    Classes(Arc<ClassGroup>),
}

/// Says how much memory a part holds.
#[derive(Debug, Clone, Copy)]
pub struct Weight;

impl Weighter<CacheKey, Cached> for Weight {
    fn weight(&self, _: &CacheKey, part: &Cached) -> u64 {
        const ENTRY_BYTES: usize = 96;
        let bytes = match &part.0 {
            CachedPart::Chunk(chunk) => chunk.memory(),
            CachedPart::Facts(facts) => facts.memory(),
            CachedPart::Rows(rows) => rows.memory(),
            CachedPart::FewRows(rows) => rows.memory(),
            CachedPart::ClassesOf(found) => found.memory(),
            CachedPart::Classes(classes) => classes.memory(),
        };
        (bytes + ENTRY_BYTES) as u64
    }
}
