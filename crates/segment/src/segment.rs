//! Finds rows of a segment and gives their records back.

use std::cell::RefCell;
use std::fmt::Debug;
use std::io;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use memchr::memmem::Finder;

use crate::block::{Cells, Facts, read_facts};
use crate::block_rows::BlockRows;
use crate::bytes::{Damage, read_ascending};
use crate::cache::{Cache, CacheKey, Cached, CachedPart, Part};
use crate::classes::{ClassesAtHand, ClassesOf};
use crate::facts::TermKind;
use crate::footer::{CALLER_LISTS, Index, Summary};
use crate::hash::term_hash;
use crate::packed_cells::{CellParts, CellPlaces, PackedCells};
use crate::rows::{FoundRow, NumberSet, Rows, Wanted};
use crate::scopes::read_caller_blocks;
use crate::table::{Chunk, unpack_items};
use crate::term_filter::TermFilter;
use crate::terms::Target;
use crate::write::{id_entry_bytes, id_row_bits};

/// Where the bytes of a segment are.
pub trait ReadAt: Debug + Send + Sync {
    /// Fills a buffer with the bytes at an offset.
    ///
    /// # Errors
    /// They cannot be read, or there are fewer.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()>;

    /// Number of bytes.
    fn size(&self) -> u64;
}

impl ReadAt for Vec<u8> {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let bytes = start.checked_add(buffer.len()).and_then(|end| self.get(start..end));
        buffer.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn size(&self) -> u64 {
        self.len() as u64
    }
}

/// Why a segment cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum SegmentError {
    /// Its bytes cannot be had.
    #[error("the segment cannot be read")]
    Io(#[from] io::Error),
    /// Its bytes are wrong.
    #[error(transparent)]
    Damage(#[from] Damage),
}

/// An open segment.
#[derive(Debug)]
pub struct Segment {
    id: u64,
    source: Box<dyn ReadAt>,
    pub(crate) index: Index,
    /// The chunk of the first page of terms.
    first_term_chunk: usize,
    cache: Arc<Cache>,
    /// Blocks whose cells were read whole and are what was written, a bit each.
    proved_cells: Box<[AtomicU64]>,
    term_filter: OnceLock<TermFilter>,
}

/// Columns that rows have cells of, and the classes of these rows.
#[derive(Debug, Default)]
pub(crate) struct ColumnsUsed {
    pub(crate) columns: NumberSet,
    pub(crate) classes: NumberSet,
}

thread_local! {
    /// Cells of a block as they are stored. Kept, because fresh memory costs as much as to read into it.
    static PART: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// What is read of a block's cells before it is known where their parts are: the list of frames, and most often codes and
/// loose texts.
const CELL_HEAD_BYTES: usize = 4 * 1024;

/// Bucket of an event id, and bits that tell it from others of the bucket.
pub(crate) fn id_bucket(id: &[u8; 16], bucket_bits: u32) -> (u32, u32) {
    let hash = term_hash(0, id);
    let bucket = if bucket_bits == 0 { 0 } else { (hash >> (64 - bucket_bits)) as u32 };
    (bucket, hash as u32)
}

impl Segment {
    /// Opens a segment. `id` tells its parts in the cache from those of others.
    ///
    /// # Errors
    /// It cannot be read, is damaged, or has another version.
    pub fn open(id: u64, source: Box<dyn ReadAt>, cache: Arc<Cache>) -> Result<Self, SegmentError> {
        let index = Index::read(source.size(), |offset, size| {
            let mut buffer = vec![0; size];
            source.read_at(offset, &mut buffer).map_err(SegmentError::from)?;
            Ok::<_, SegmentError>(buffer)
        })?;
        let first_term_chunk = index.table.chunk_of(index.first_term_page).unwrap_or_default();
        let proved_cells = (0..index.blocks.len().div_ceil(64)).map(|_| AtomicU64::new(0)).collect();
        Ok(Self { id, source, index, first_term_chunk, cache, proved_cells, term_filter: OnceLock::new() })
    }

    /// What it holds.
    pub fn summary(&self) -> Summary {
        self.index.summary
    }

    /// Bytes of the segment.
    pub fn size(&self) -> u64 {
        self.source.size()
    }

    /// Sizes of its parts in words, for people who measure.
    pub fn describe(&self) -> String {
        let index = &self.index;
        let (mut facts, mut cells) = (0_u64, 0_u64);
        for block in &index.blocks {
            facts += u64::from(block.facts_bytes);
            cells += u64::from(block.cells_bytes);
        }
        let each = |bytes: u64| bytes as f64 / f64::from(index.summary.event_count.max(1));
        let items = |from: u32, to: u32| -> u64 {
            let place = |item: u32| {
                let chunk = index.table.first_items.partition_point(|first| *first <= item).saturating_sub(1);
                u64::from(index.table.offsets[chunk])
            };
            place(to.min(index.table.item_count)).saturating_sub(place(from))
        };
        let first_values = index.first_values.first().copied().unwrap_or(0);
        let end = index.first_term_page + index.terms.pages.len() as u32;
        format!(
            "bytes each: facts {:.1}, cells {:.1}, ids {:.1}, id buckets {:.1}, shapes {:.1}, skeletons {:.1}, classes {:.1} ({}), \
             callers {:.1} ({}), values {:.1} ({}), lists {:.1}, terms {:.1} ({} pages), text filter {:.1}",
            each(facts),
            each(cells),
            each(index.id_buckets_offset - index.ids_offset),
            each(index.table_offset - index.id_buckets_offset),
            each(items(0, index.first_skeleton)),
            each(items(index.first_skeleton, index.first_class)),
            each(items(index.first_class, index.first_caller)),
            index.first_caller - index.first_class,
            each(items(index.first_caller, first_values)),
            first_values - index.first_caller,
            each(items(first_values, index.first_lists[0])),
            index.first_lists[0] - first_values,
            each(items(index.first_lists[0], index.first_term_page)),
            each(items(index.first_term_page, end)),
            end - index.first_term_page,
            each(u64::from(*index.table.offsets.last().unwrap_or(&0)).saturating_sub(items(0, end))),
        )
    }

    /// Rows that have all that is wanted, or nearly: a row that is found may have another text with the same hash, so a
    /// caller looks at its record. None that has the facts is left out.
    ///
    /// # Errors
    /// The segment cannot be read.
    pub fn rows(&self, wanted: &Wanted<'_>) -> Result<Rows<'_>, SegmentError> {
        let mut rows = Rows::all(self);
        for fact in wanted.facts {
            rows.narrow(*fact)?;
            if rows.is_empty() {
                return Ok(rows);
            }
        }
        // Before tests and blocks, because most segments are left out by it.
        for text in wanted.texts {
            rows.narrow_by_text(text)?;
            if rows.is_empty() {
                return Ok(rows);
            }
        }
        if let Some(test) = wanted.class_test {
            rows.narrow_by_class(test)?;
        }
        if let Some(test) = wanted.caller_test {
            rows.narrow_by_caller(test)?;
        }
        rows.find_blocks()?;
        Ok(rows)
    }

    pub(crate) fn class_count(&self) -> u32 {
        self.index.first_caller - self.index.first_class
    }

    pub(crate) fn caller_count(&self) -> u32 {
        self.index.first_values[0] - self.index.first_caller
    }

    /// Whether a row's event id has this number; see [`crate::id_number`].
    ///
    /// # Errors
    /// The segment cannot be read.
    pub fn has_event_id(&self, id: &[u8; 16]) -> Result<bool, SegmentError> {
        Ok(!self.rows_of_id(*id)?.is_empty())
    }

    /// Numbers of the rows whose event id has this number.
    pub(crate) fn rows_of_id(&self, id: [u8; 16]) -> Result<Vec<u32>, SegmentError> {
        let rows = self.index.summary.event_count as usize;
        let (bucket, print) = id_bucket(&id, self.index.id_bucket_bits);
        let bounds = self.read(self.index.id_buckets_offset + u64::from(bucket) * 4, 8)?;
        let bound = |at: usize| u32::from_le_bytes(bounds[at..at + 4].try_into().unwrap_or_default());
        let (start, end) = (bound(0), bound(4));
        if end < start || end as usize > rows {
            return Err(Damage("a bucket of event ids is wrong").into());
        }
        let entry_bytes = id_entry_bytes(rows);
        let entries_offset = self.index.id_buckets_offset + (4 << self.index.id_bucket_bits) + 4;
        let entries =
            self.read(entries_offset + u64::from(start) * entry_bytes as u64, (end - start) as usize * entry_bytes)?;
        let row_bits = id_row_bits(rows);
        let mut found = Vec::new();
        for bytes in entries.chunks_exact(entry_bytes) {
            let mut entry = [0; 4];
            entry[..entry_bytes].copy_from_slice(bytes);
            let entry = u64::from(u32::from_le_bytes(entry));
            let print_mask = (1_u64 << (8 * entry_bytes as u32 - row_bits)) - 1;
            if entry >> row_bits != u64::from(print) & print_mask {
                continue;
            }
            let row = (entry & ((1 << row_bits) - 1)) as u32;
            if self.event_id(row)? == id {
                found.push(row);
            }
        }
        found.sort_unstable();
        Ok(found)
    }

    /// The number that stands for a row's event id; see [`crate::id_number`].
    ///
    /// # Errors
    /// The segment cannot be read.
    pub fn event_id(&self, row: u32) -> Result<[u8; 16], SegmentError> {
        let mut id = [0; 16];
        self.source.read_at(self.index.ids_offset + u64::from(row) * 16, &mut id)?;
        Ok(id)
    }

    /// The numbers that stand for the event ids of all rows between two times, seconds since 1970 and both inclusive, and
    /// of some of their neighbours; 16 bytes each.
    ///
    /// # Errors
    /// The segment cannot be read.
    pub fn event_ids_between(&self, first: i64, last: i64) -> Result<Vec<u8>, SegmentError> {
        let blocks = &self.index.blocks;
        let row_of = |block: usize| {
            (block as u64 * u64::from(self.index.block_rows)).min(u64::from(self.index.summary.event_count))
        };
        let start = row_of(blocks.partition_point(|block| block.last_seconds < first));
        let end = row_of(blocks.partition_point(|block| block.first_seconds <= last)).max(start);
        self.read(self.index.ids_offset + start * 16, (end - start) as usize * 16)
    }

    /// How many events are from before a time, seconds since 1970.
    ///
    /// # Errors
    /// The segment cannot be read.
    pub fn events_before(&self, seconds: i64) -> Result<u32, SegmentError> {
        let blocks = &self.index.blocks;
        let block = blocks.partition_point(|block| block.last_seconds < seconds) as u32;
        let whole = block.saturating_mul(self.index.block_rows).min(self.index.summary.event_count);
        let is_divided = blocks.get(block as usize).is_some_and(|block| block.first_seconds < seconds);
        let of_block =
            if is_divided { self.facts(block)?.seconds().take_while(|time| *time < seconds).count() } else { 0 };
        Ok(whole + of_block as u32)
    }

    /// Event times and sequence numbers of all rows, in the order of the rows.
    ///
    /// # Errors
    /// The segment cannot be read.
    pub fn all_rows(&self) -> Result<Vec<FoundRow>, SegmentError> {
        let mut rows = Vec::with_capacity(self.index.summary.event_count as usize);
        for block in 0..self.index.blocks.len() as u32 {
            let facts = self.facts(block)?;
            let first = block * self.index.block_rows;
            rows.extend((0..facts.len()).map(|index| {
                let (seconds, sequence) = (facts.seconds_of(index), facts.sequence_of(index));
                FoundRow { row: first + index as u32, seconds, sequence }
            }));
        }
        Ok(rows)
    }

    fn with_term_page(&self, page: usize, look: impl FnOnce(&[u8]) -> Result<(), Damage>) -> Result<(), SegmentError> {
        let item = self.index.first_term_page + page as u32;
        // A page by itself is not kept: it is small, and the next term is in another.
        let number = self.first_term_chunk + page;
        let chunk = if self.index.table.is_alone(number, item) {
            Arc::new(self.chunk_once(number)?)
        } else {
            self.chunk(self.index.table.chunk_of(item)?)?
        };
        Ok(look(chunk.item(item)?)?)
    }

    /// Reads all terms, so that those that are not there are told from memory from then on: one or two bytes for each.
    ///
    /// # Errors
    /// The segment cannot be read.
    pub fn read_term_filter(&self) -> Result<(), SegmentError> {
        if self.term_filter.get().is_some() {
            return Ok(());
        }
        let terms = &self.index.terms;
        let mut hashes = Vec::new();
        for page in 0..terms.pages.len() {
            self.with_term_page(page, |bytes| terms.hashes(page, bytes, |hash| hashes.push(hash)))?;
        }
        let mut filter = TermFilter::new(terms, hashes.len());
        hashes.into_iter().for_each(|hash| filter.add(hash));
        // Who else read them at the same time had the same.
        let _ = self.term_filter.set(filter);
        Ok(())
    }

    /// Memory of what [`Segment::read_term_filter`] read, bytes.
    pub fn term_filter_bytes(&self) -> usize {
        self.term_filter.get().map_or(0, TermFilter::bytes)
    }

    /// Numbers that a term leads to, by its hash.
    pub(crate) fn numbers_of(&self, hash: u64, target: Target) -> Result<Vec<u32>, SegmentError> {
        self.numbers_of_each(hash, [target]).map(|[numbers]| numbers)
    }

    /// Numbers that a term leads to, for each of some targets.
    pub(crate) fn numbers_of_each<const N: usize>(
        &self,
        hash: u64,
        targets: [Target; N],
    ) -> Result<[Vec<u32>; N], SegmentError> {
        let mut numbers = [const { Vec::new() }; N];
        let is_nowhere = |hash: u32| self.term_filter.get().is_some_and(|filter| !filter.may_have(hash));
        if self.index.terms.wanted(hash).is_none_or(is_nowhere) {
            return Ok(numbers);
        }
        for page in self.index.terms.pages_of(hash) {
            self.with_term_page(page, |bytes| {
                for (numbers, target) in numbers.iter_mut().zip(targets) {
                    numbers.extend(self.index.terms.find(page, bytes, hash, target)?);
                }
                Ok(())
            })?;
        }
        for numbers in &mut numbers {
            numbers.sort_unstable();
            numbers.dedup();
        }
        Ok(numbers)
    }

    /// Blocks that have any of some numbers; `None` for all.
    pub(crate) fn blocks_of(&self, list: usize, numbers: &[u32]) -> Result<Option<Vec<u32>>, SegmentError> {
        self.blocks_of_scopes(list, numbers, None)
    }

    /// Blocks that have any of some numbers, in one of some scopes if these are told apart.
    pub(crate) fn blocks_of_scopes(
        &self,
        list: usize,
        numbers: &[u32],
        scopes: Option<&NumberSet>,
    ) -> Result<Option<Vec<u32>>, SegmentError> {
        let has_scopes = list == CALLER_LISTS && self.index.version >= 5;
        let mut blocks = Vec::new();
        for number in numbers {
            let has_list = self.with_item(self.index.first_lists[list] + number, |item| {
                if has_scopes {
                    return read_caller_blocks(item, scopes, &mut blocks);
                }
                blocks.extend(read_ascending(item)?);
                Ok(!item.is_empty())
            })??;
            if !has_list {
                return Ok(None);
            }
        }
        blocks.sort_unstable();
        blocks.dedup();
        Ok(Some(blocks))
    }

    fn read(&self, offset: u64, size: usize) -> Result<Vec<u8>, SegmentError> {
        if offset.saturating_add(size as u64) > self.source.size() {
            return Err(Damage("a part is behind the end").into());
        }
        let mut buffer = vec![0; size];
        self.source.read_at(offset, &mut buffer)?;
        Ok(buffer)
    }

    pub(crate) fn cached<T>(
        &self,
        part: Part,
        open: impl FnOnce(&CachedPart) -> Option<T>,
        make: impl FnOnce() -> Result<(T, CachedPart), SegmentError>,
    ) -> Result<T, SegmentError> {
        if let Some(found) = self.at_hand(part).and_then(|cached| open(&cached)) {
            return Ok(found);
        }
        let (made, cached) = make()?;
        self.keep(part, cached);
        Ok(made)
    }

    /// A part that was read before.
    pub(crate) fn at_hand(&self, part: Part) -> Option<CachedPart> {
        self.cache.get(&CacheKey { segment: self.id, part }).map(|cached| cached.0)
    }

    pub(crate) fn keep(&self, part: Part, made: CachedPart) {
        self.cache.insert(CacheKey { segment: self.id, part }, Cached(made));
    }

    /// A chunk of the table, not kept.
    fn chunk_once(&self, chunk: usize) -> Result<Chunk, SegmentError> {
        Ok(Chunk::open(self.index.table.first_items[chunk], &self.stored_chunk(chunk)?)?)
    }

    fn stored_chunk(&self, chunk: usize) -> Result<Vec<u8>, SegmentError> {
        let (offset, size) = self.index.table.place_of(chunk);
        self.read(self.index.table_offset + offset, size)
    }

    pub(crate) fn chunk(&self, chunk: usize) -> Result<Arc<Chunk>, SegmentError> {
        let open = |part: &CachedPart| match part {
            CachedPart::Chunk(chunk) => Some(Arc::clone(chunk)),
            _ => None,
        };
        self.cached(Part::Chunk(chunk as u32), open, || {
            let chunk = Arc::new(self.chunk_once(chunk)?);
            Ok((Arc::clone(&chunk), CachedPart::Chunk(chunk)))
        })
    }

    pub(crate) fn with_item<T>(&self, item: u32, work: impl FnOnce(&[u8]) -> T) -> Result<T, SegmentError> {
        let chunk = self.chunk(self.index.table.chunk_of(item)?)?;
        Ok(work(chunk.item(item)?))
    }

    /// Numbers of items in which something is found and that fit, without keeping the chunks that were read; of many on all
    /// cores.
    pub(crate) fn items_with(
        &self,
        items: Range<u32>,
        finder: &Finder<'_>,
        fits: impl Fn(&[u8]) -> bool + Sync,
    ) -> Result<Vec<u32>, SegmentError> {
        /// Fewer are read in less time than a thread takes to start.
        const CHUNKS_OF_THREAD_MIN: usize = 16;
        if items.is_empty() {
            return Ok(Vec::new());
        }
        let table = &self.index.table;
        let chunks: Vec<usize> = (table.chunk_of(items.start)?..=table.chunk_of(items.end - 1)?).collect();
        let search = |chunks: &[usize]| {
            let mut found = Vec::new();
            for &number in chunks {
                // Where the items are is found out only in the few chunks that have it.
                let bytes = unpack_items(&self.stored_chunk(number)?)?;
                if finder.find(&bytes).is_some() {
                    let chunk = Chunk::of_items(table.first_items[number], bytes)?;
                    let inside = chunk.items().filter(|(item, _)| items.contains(item));
                    let has_it = |text: &[u8]| finder.find(text).is_some() && fits(text);
                    found.extend(inside.filter(|(_, text)| has_it(text)).map(|(item, _)| item));
                }
            }
            Ok::<_, SegmentError>(found)
        };
        let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        in_parts(&chunks, chunks.len().div_ceil(threads).max(CHUNKS_OF_THREAD_MIN), search)
    }

    /// Visits callers by their numbers: those that stand together in bytes that may have one who is looked for.
    pub(crate) fn visit_callers(
        &self,
        may_have: impl Fn(&[u8]) -> bool,
        mut visitor: impl FnMut(u32, &[u8]),
    ) -> Result<(), SegmentError> {
        let callers = self.index.first_caller..self.index.first_values[0];
        if callers.is_empty() {
            return Ok(());
        }
        let table = &self.index.table;
        for number in table.chunk_of(callers.start)?..=table.chunk_of(callers.end - 1)? {
            let chunk = self.chunk(number)?;
            if !may_have(chunk.bytes()) {
                continue;
            }
            for (item, text) in chunk.items().filter(|(item, _)| callers.contains(item)) {
                visitor(item - callers.start, text);
            }
        }
        Ok(())
    }

    /// For each of some sets of columns those that rows have cells of, and the classes of such rows.
    pub(crate) fn classes_with_columns<const N: usize>(
        &self,
        columns: &[NumberSet; N],
    ) -> Result<[ColumnsUsed; N], SegmentError> {
        let mut found = std::array::from_fn(|_| ColumnsUsed::default());
        // To go over all classes costs as much as to read some blocks.
        if columns.iter().all(NumberSet::is_empty) {
            return Ok(found);
        }
        // For each column the sets that have it, a bit each.
        const { assert!(N <= 8, "a byte has a bit for each set") };
        let sets_with = |column| (0..N).fold(0_u8, |sets, set| sets | u8::from(columns[set].contains(column)) << set);
        let sets_with: Vec<u8> = (0..self.index.first_values.len() as u32).map(sets_with).collect();
        let mut classes = ClassesAtHand::default();
        for number in 0..self.class_count() {
            let class = classes.group(self, number)?.class(number)?;
            for &column in class.columns {
                let sets = sets_with.get(column as usize).copied().unwrap_or_default();
                if sets == 0 {
                    continue;
                }
                for (_, found) in found.iter_mut().enumerate().filter(|(set, _)| sets >> set & 1 == 1) {
                    found.columns.insert(column);
                    found.classes.insert(number);
                }
            }
        }
        Ok(found)
    }

    /// Classes with any of some shapes, regions or accounts.
    pub(crate) fn classes_with(
        &self,
        shapes: &NumberSet,
        regions: Option<&NumberSet>,
        accounts: Option<&NumberSet>,
    ) -> Result<NumberSet, SegmentError> {
        let (mut found, mut classes) = (NumberSet::default(), ClassesAtHand::default());
        for number in 0..self.class_count() {
            let class = classes.group(self, number)?.class(number)?;
            let has = |set: Option<&NumberSet>, number: u32| {
                set.is_some_and(|set| number.checked_sub(1).is_some_and(|number| set.contains(number)))
            };
            let has_shape = class.shapes.iter().any(|shape| has(Some(shapes), *shape));
            if has_shape || has(regions, class.places[0]) || has(accounts, class.places[1]) {
                found.insert(number);
            }
        }
        Ok(found)
    }

    /// The event ids of a block's rows, 16 bytes each.
    pub(crate) fn event_ids_of_block(&self, block: u32, row_count: usize) -> Result<Vec<u8>, SegmentError> {
        let first = u64::from(block) * u64::from(self.index.block_rows);
        self.read(self.index.ids_offset + first * 16, row_count * 16)
    }

    pub(crate) fn facts(&self, block: u32) -> Result<Arc<Facts>, SegmentError> {
        let open = |part: &CachedPart| match part {
            CachedPart::Facts(facts) => Some(Arc::clone(facts)),
            _ => None,
        };
        self.cached(Part::Facts(block), open, || {
            let facts = Arc::new(self.facts_once(block)?);
            Ok((Arc::clone(&facts), CachedPart::Facts(facts)))
        })
    }

    /// What the rows of a block have, not kept.
    pub(crate) fn facts_once(&self, block: u32) -> Result<Facts, SegmentError> {
        let place = *self.index.blocks.get(block as usize).ok_or(Damage("a block is missing"))?;
        let part = self.read(place.offset, place.facts_bytes as usize)?;
        let first_row = block * self.index.block_rows;
        let base = self.index.sequence_base.map(|base| base + u64::from(first_row));
        Ok(read_facts(&part, self.rows_of_block(block), place.first_seconds, base)?)
    }

    /// The cells of a block, not kept.
    pub(crate) fn cells_once(&self, block: u32) -> Result<Cells, SegmentError> {
        let place = *self.index.blocks.get(block as usize).ok_or(Damage("a block is missing"))?;
        let part = self.read(place.offset + u64::from(place.facts_bytes), place.cells_bytes as usize)?;
        Ok(Cells::read(&part, self.index.version)?)
    }

    /// Looks at the parts of a block's cells without unpacking them all.
    pub(crate) fn with_packed_cells<T>(
        &self,
        block: u32,
        look: impl FnOnce(&PackedCells<'_>) -> Result<T, Damage>,
    ) -> Result<T, SegmentError> {
        let (offset, size) = self.place_of_cells(block)?;
        PART.with_borrow_mut(|part| {
            part.resize(size, 0);
            self.source.read_at(offset, part)?;
            let cells = PackedCells::read(part, self.index.version)?;
            self.proved_cells[block as usize / 64].fetch_or(1 << (block % 64), Ordering::Relaxed);
            Ok(look(&cells)?)
        })
    }

    /// Looks at some parts of a block's cells: those alone are read, once all of them were proved.
    pub(crate) fn with_cell_parts<T>(
        &self,
        block: u32,
        wanted: &CellParts<'_>,
        look: impl FnOnce(&PackedCells<'_>) -> Result<T, Damage>,
    ) -> Result<T, SegmentError> {
        let (offset, size) = self.place_of_cells(block)?;
        let is_proved = self.proved_cells[block as usize / 64].load(Ordering::Relaxed) >> (block % 64) & 1 == 1;
        // Before version 3 what is in which part stands in one of them.
        if !is_proved || self.index.version < 3 || size <= CELL_HEAD_BYTES {
            return self.with_packed_cells(block, look);
        }
        PART.with_borrow_mut(|part| {
            part.resize(size, 0);
            self.source.read_at(offset, &mut part[..CELL_HEAD_BYTES])?;
            let mut read = CELL_HEAD_BYTES..CELL_HEAD_BYTES;
            let places = match CellPlaces::read(&part[..CELL_HEAD_BYTES]) {
                Ok(places) => places,
                // The list of frames is longer.
                Err(_) => {
                    read.end = size;
                    self.source.read_at(offset + read.start as u64, &mut part[read.clone()])?;
                    CellPlaces::read(part)?
                }
            };
            for wanted in places.ranges_of(wanted, size)? {
                let from = wanted.start.max(read.end);
                if from < wanted.end {
                    self.source.read_at(offset + from as u64, &mut part[from..wanted.end])?;
                }
            }
            Ok(look(&places.cells(part, self.index.version)?)?)
        })
    }

    fn place_of_cells(&self, block: u32) -> Result<(u64, usize), SegmentError> {
        let place = *self.index.blocks.get(block as usize).ok_or(Damage("a block is missing"))?;
        let offset = place.offset + u64::from(place.facts_bytes);
        if offset.saturating_add(u64::from(place.cells_bytes)) > self.source.size() {
            return Err(Damage("a part is behind the end").into());
        }
        Ok((offset, place.cells_bytes as usize))
    }

    /// Rows of a block.
    pub(crate) fn rows_of_block(&self, block: u32) -> usize {
        let first_row = block.saturating_mul(self.index.block_rows);
        self.index.summary.event_count.saturating_sub(first_row).min(self.index.block_rows) as usize
    }

    pub(crate) fn block_rows(&self, block: u32, classes: &mut ClassesAtHand) -> Result<Arc<BlockRows>, SegmentError> {
        let open = |part: &CachedPart| match part {
            CachedPart::Rows(rows) => Some(Arc::clone(rows)),
            _ => None,
        };
        self.cached(Part::Rows(block), open, || {
            let (cells, facts) = (self.cells_once(block)?, self.facts(block)?);
            let rows = Arc::new(BlockRows::new(self, cells, &facts, classes)?);
            Ok((Arc::clone(&rows), CachedPart::Rows(rows)))
        })
    }

    /// Classes and scopes that a fact leads to.
    pub(crate) fn classes_of(&self, kind: TermKind, text: &str) -> Result<Arc<ClassesOf>, SegmentError> {
        let hash = term_hash(kind as u8, text.as_bytes());
        let open = |part: &CachedPart| match part {
            CachedPart::ClassesOf(found) => Some(Arc::clone(found)),
            _ => None,
        };
        self.cached(Part::ClassesOf(hash), open, || {
            let [classes, scopes] = self.numbers_of_each(hash, [Target::Class, Target::Scope])?;
            let found = ClassesOf { classes: NumberSet::of(&classes), scopes: NumberSet::of(&scopes) };
            let found = Arc::new(found);
            Ok((Arc::clone(&found), CachedPart::ClassesOf(found)))
        })
    }
}

/// Searches some numbers in parts of a size, each but the first on a thread of its own; what was found is in the order of
/// the numbers.
pub(crate) fn in_parts<N: Sync, T: Send>(
    numbers: &[N],
    part: usize,
    search: impl Fn(&[N]) -> Result<Vec<T>, SegmentError> + Sync,
) -> Result<Vec<T>, SegmentError> {
    let search = &search;
    std::thread::scope(|scope| {
        let mut parts = numbers.chunks(part.max(1));
        let first = parts.next().unwrap_or_default();
        let others: Vec<_> = parts.map(|numbers| scope.spawn(move || search(numbers))).collect();
        let mut found = search(first)?;
        for other in others {
            found.extend(other.join().map_err(|_| io::Error::other("a search ended early"))??);
        }
        Ok(found)
    })
}
