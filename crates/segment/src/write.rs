//! Turns what a [`Builder`] collected into the bytes of a segment.

use std::io;

use model::EventCategory;

use crate::block::{
    BLOCK_ROWS, BLOCK_ROWS_OF_HIGH_VOLUME, BlockWriter, Cell, FIRST_VALUE_CODE, RowFacts, TEXT_CODE, UUID_CODE,
};
use crate::builder::{ADDRESS_COLUMN, Builder, CALLER_SHAPE, FACT_COLUMNS, NO_CALLER, NO_VALUE, UUID_CELL, numbers};
use crate::bytes::{put_ascending, put_number, put_text};
use crate::cells::{format_uuid, parse_uuid};
use crate::facts::{TermKind, category_text};
use crate::footer::{ADDRESS_LISTS, BlockPlace, CALLER_LISTS, CLASS_LISTS, FORMAT_VERSION, Index, MAGIC, Summary};
use crate::hash::term_hash;
use crate::intern::Interner;
use crate::reader::unescaped;
use crate::scopes::{CallerBlocks, Scope, ScopeNumbers};
use crate::segment::id_bucket;
use crate::table::{CALLER_CHUNK_BYTES, LIST_CHUNK_BYTES, TableWriter};
use crate::terms::{Target, Term, TermList, write_terms};
use crate::text_filter::TextFilterWriter;

/// Event ids of a bucket, about.
const BUCKET_IDS: usize = 16;
/// Bytes of an entry of a bucket: a row and some bits of the id. Small segments need fewer.
pub(crate) fn id_entry_bytes(rows: usize) -> usize {
    if rows <= 1 << 20 { 3 } else { 4 }
}

/// Bits of an entry that hold the row; the others hold bits of the id.
pub(crate) fn id_row_bits(rows: usize) -> u32 {
    rows.max(2).next_power_of_two().ilog2()
}

/// How events are numbered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sequences {
    /// By the numbers that they were pushed with.
    Given,
    /// In the order of their times, from this number on.
    From(u64),
}

impl Builder {
    /// Writes a segment of what was taken, and says what it holds; `None` if nothing was taken.
    ///
    /// # Errors
    /// Memory or compression fails.
    pub fn finish(&self, sequences: Sequences) -> io::Result<Option<(Vec<u8>, Summary)>> {
        if self.rows.is_empty() { Ok(None) } else { Writer::new(self, sequences).write().map(Some) }
    }
}

struct Writer<'a> {
    builder: &'a Builder,
    sequences: Sequences,
    /// Rows of a block.
    block_rows: usize,
    /// Rows in the order of the segment.
    order: Vec<u32>,
    /// Code of each value, in its column.
    value_codes: Vec<u32>,
    /// Values of each column, in the order of their codes.
    column_values: Vec<Vec<u32>>,
    /// Those that have rows, in the order of their new numbers, and the new number of each.
    classes: Ranking,
    callers: Ranking,
    /// Skeleton of each class, by the builder's numbers.
    skeletons: Vec<u32>,
    /// Scope of each class, by the builder's numbers.
    class_scopes: Vec<u32>,
    scopes: ScopeNumbers<'a>,
}

/// Numbers in the order of use, most used first.
struct Ranking {
    order: Vec<u32>,
    places: Vec<u32>,
    uses: Vec<u32>,
}

impl Ranking {
    fn of(count: usize, used: impl Iterator<Item = u32>) -> Self {
        let mut uses = vec![0_u32; count];
        used.for_each(|number| uses[number as usize] += 1);
        let mut order: Vec<u32> = (0..count as u32).filter(|number| uses[*number as usize] > 0).collect();
        order.sort_by_key(|number| std::cmp::Reverse(uses[*number as usize]));
        let mut places = vec![u32::MAX; count];
        for (place, number) in (0..).zip(&order) {
            places[*number as usize] = place;
        }
        Self { order, places, uses }
    }
}

/// Callers of fewer rows are put in the order of what they have in common.
const SELDOM_ROWS: u32 = 64;

impl Ranking {
    /// Puts callers of few rows that share values with few others beside these, in whose chunk the values then stand.
    fn with_alike_together(mut self, builder: &Builder) -> Self {
        let shared = |caller: u32| {
            let cells = numbers(builder.callers.text(caller)).skip(1);
            let mut shared = cells.filter(|cell| builder.is_of_few_callers(*cell));
            (shared.next().unwrap_or(NO_VALUE), shared.next().unwrap_or(NO_VALUE), caller)
        };
        let frequent = self.order.partition_point(|caller| self.uses[*caller as usize] >= SELDOM_ROWS);
        self.order[frequent..].sort_by_cached_key(|caller| shared(*caller));
        for (place, number) in (0..).zip(&self.order) {
            self.places[*number as usize] = place;
        }
        self
    }
}

impl<'a> Writer<'a> {
    fn new(builder: &'a Builder, sequences: Sequences) -> Self {
        let rows = &builder.rows;
        let mut order: Vec<u32> = (0..rows.len() as u32).collect();
        order.sort_unstable_by_key(|row| (rows[*row as usize].seconds, rows[*row as usize].sequence, *row));
        let (value_codes, column_values) = value_codes(builder);
        let callers = rows.iter().map(|row| row.caller).filter(|caller| *caller != NO_CALLER);
        let mut scopes = ScopeNumbers::default();
        let class_scopes = (0..builder.classes.len() as u32)
            .map(|class| {
                let [skeleton, region, account] = class_parts(builder, class);
                let category = builder.skeleton_infos[skeleton as usize].category.map_or("", category_text);
                scopes.number(Scope { region, account, category })
            })
            .collect();
        Self {
            builder,
            sequences,
            block_rows: if builder.categories().any(EventCategory::is_of_high_volume) {
                BLOCK_ROWS_OF_HIGH_VOLUME
            } else {
                BLOCK_ROWS
            },
            order,
            value_codes,
            column_values,
            classes: Ranking::of(builder.classes.len(), rows.iter().map(|row| row.class)),
            callers: Ranking::of(builder.callers.len(), callers).with_alike_together(builder),
            skeletons: (0..builder.classes.len() as u32).map(|class| class_parts(builder, class)[0]).collect(),
            class_scopes,
            scopes,
        }
    }

    fn write(self) -> io::Result<(Vec<u8>, Summary)> {
        /// Room for a segment, so that it is not copied while it grows: room that is not used costs nothing.
        const BYTES_OF_ROW: usize = 224;
        let mut out = Vec::with_capacity(self.order.len() * BYTES_OF_ROW);
        out.extend_from_slice(MAGIC);
        let mut lists = BlockLists::new(&self);
        let mut filter = TextFilterWriter::default();
        let (summary, blocks) = self.write_blocks(&mut out, &mut lists, &mut filter)?;
        let ids_offset = out.len() as u64;
        for &row in &self.order {
            out.extend_from_slice(&self.builder.event_ids[row as usize]);
        }
        let id_buckets_offset = out.len() as u64;
        let id_bucket_bits = self.write_id_buckets(&mut out);

        let mut table = TableWriter::default();
        let first_shape = self.write_columns_and_shapes(&mut table)?;
        let first_skeleton = self.write_skeletons(&mut table)?;
        let first_class = self.write_classes(&mut table)?;
        let first_caller = self.write_callers(&mut table, &mut filter)?;
        let first_values = self.write_values(&mut table, &mut filter)?;
        let first_lists = lists.write(&mut table)?;
        let first_term_page = table.next_item();
        let mut failed = None;
        let terms = write_terms(self.terms(), |page| {
            if let Err(error) = table.push_alone(page) {
                failed = Some(error);
            }
        })?;
        if let Some(error) = failed {
            return Err(error);
        }
        let text_filter = Some(filter.write(blocks.len(), &mut table)?);
        let table_offset = out.len() as u64;
        let (bytes, table) = table.finish()?;
        out.extend_from_slice(&bytes);
        let index = Index {
            version: FORMAT_VERSION,
            summary,
            sequence_base: match self.sequences {
                Sequences::Given => None,
                Sequences::From(base) => Some(base),
            },
            block_rows: self.block_rows as u32,
            blocks,
            ids_offset,
            id_buckets_offset,
            id_bucket_bits,
            table_offset,
            table,
            first_shape,
            first_skeleton,
            first_class,
            first_caller,
            first_values,
            first_lists,
            first_term_page,
            terms,
            text_filter,
        };
        index.write(&mut out)?;
        Ok((out, summary))
    }

    fn sequence(&self, place: usize, row: u32) -> u64 {
        match self.sequences {
            Sequences::Given => self.builder.rows[row as usize].sequence,
            Sequences::From(base) => base + place as u64,
        }
    }

    fn write_blocks(
        &self,
        out: &mut Vec<u8>,
        lists: &mut BlockLists,
        filter: &mut TextFilterWriter,
    ) -> io::Result<(Summary, Vec<BlockPlace>)> {
        let has_sequences = self.sequences == Sequences::Given;
        let (mut min_sequence, mut max_sequence) = (u64::MAX, 0);
        let mut writer = BlockWriter::default();
        let mut blocks = Vec::with_capacity(self.order.len().div_ceil(self.block_rows));
        let mut notes = RowNotes { lists, filter, texts: Vec::new(), block: 0 };
        for (block, rows) in self.order.chunks(self.block_rows).enumerate() {
            notes.block = block as u32;
            for (index, &row) in rows.iter().enumerate() {
                let sequence = self.sequence(block * self.block_rows + index, row);
                (min_sequence, max_sequence) = (min_sequence.min(sequence), max_sequence.max(sequence));
                self.write_row(row, sequence, &mut writer, &mut notes);
            }
            let seconds = |row: Option<&u32>| row.map_or(0, |row| self.builder.rows[*row as usize].seconds);
            let offset = out.len() as u64;
            notes.filter.begin_block(block as u32);
            let (facts_bytes, cells_bytes) = writer.finish(has_sequences, notes.filter, out)?;
            blocks.push(BlockPlace {
                offset,
                facts_bytes,
                cells_bytes,
                first_seconds: seconds(rows.first()),
                last_seconds: seconds(rows.last()),
            });
        }
        let summary = Summary {
            event_count: self.order.len() as u32,
            min_seconds: blocks.first().map_or(0, |block| block.first_seconds),
            max_seconds: blocks.last().map_or(0, |block| block.last_seconds),
            min_sequence,
            max_sequence,
        };
        Ok((summary, blocks))
    }

    fn write_row(&self, row: u32, sequence: u64, writer: &mut BlockWriter, notes: &mut RowNotes<'_, 'a>) {
        let RowNotes { lists, filter, texts, block } = notes;
        let block = *block;
        let builder = self.builder;
        let row = builder.rows[row as usize];
        let class = self.classes.places[row.class as usize];
        let mut facts = RowFacts { seconds: row.seconds, sequence, class, caller: 0, address: 0 };
        lists.add(CLASS_LISTS, class, block);
        if row.caller != NO_CALLER {
            let caller = self.callers.places[row.caller as usize];
            facts.caller = caller + 1;
            lists.add_caller(caller, self.class_scopes[row.class as usize], block);
        }
        let columns = &builder.skeleton_infos[self.skeletons[row.class as usize] as usize].columns;
        texts.clear();
        for (&column, &cell) in columns.iter().zip(&builder.cells[row.cells_start as usize..]) {
            match self.cell(cell) {
                Cell::Value(number) if column == ADDRESS_COLUMN => {
                    facts.address = number + 1;
                    lists.add(ADDRESS_LISTS, number, block);
                }
                // The class has them.
                Cell::Value(_) if column < FACT_COLUMNS => {}
                Cell::Text(text) => {
                    let row_text = RowText::of(text);
                    match row_text.ending(texts) {
                        Some((ending, before)) => {
                            filter.add_joint(before, &text[before.len()..]);
                            writer.cell(column, ending);
                        }
                        None => writer.cell(column, Cell::Text(text)),
                    }
                    texts.push(row_text);
                }
                cell => writer.cell(column, cell),
            }
        }
        writer.row(facts);
    }

    fn cell(&self, cell: u32) -> Cell<'a> {
        if cell & UUID_CELL != 0 {
            return Cell::Uuid(self.builder.uuids[(cell & !UUID_CELL) as usize]);
        }
        match self.value_codes[cell as usize] {
            TEXT_CODE => Cell::Text(self.builder.values.text(cell)),
            UUID_CODE => parse_uuid(self.builder.values.text(cell)).map_or(Cell::Text(b""), Cell::Uuid),
            code => Cell::Value(code - FIRST_VALUE_CODE),
        }
    }

    /// Rows by event id, in buckets of the first bits of the ids' hashes.
    fn write_id_buckets(&self, out: &mut Vec<u8>) -> u32 {
        let rows = self.order.len();
        let bucket_bits = (rows / BUCKET_IDS).max(1).next_power_of_two().ilog2();
        let (entry_bytes, row_bits) = (id_entry_bytes(rows), id_row_bits(rows));
        let mut entries: Vec<(u32, u32)> = (0..)
            .zip(&self.order)
            .map(|(place, &row)| {
                let (bucket, print) = id_bucket(&self.builder.event_ids[row as usize], bucket_bits);
                // High bits of the entry are those of the id, as many as there is room for.
                (bucket, (u64::from(print) << row_bits | place) as u32)
            })
            .collect();
        entries.sort_unstable_by_key(|(bucket, _)| *bucket);
        let mut at = 0_u32;
        for bucket in 0..1_u32 << bucket_bits {
            out.extend_from_slice(&at.to_le_bytes());
            at += entries[at as usize..].iter().take_while(|(of, _)| *of == bucket).count() as u32;
        }
        out.extend_from_slice(&at.to_le_bytes());
        for (_, entry) in entries {
            out.extend_from_slice(&entry.to_le_bytes()[..entry_bytes]);
        }
        bucket_bits
    }

    fn write_columns_and_shapes(&self, table: &mut TableWriter) -> io::Result<u32> {
        for column in 0..self.builder.columns.len() as u32 {
            table.push(self.builder.columns.text(column))?;
        }
        let first_shape = table.next_item();
        for shape in 0..self.builder.shapes.len() as u32 {
            table.push(self.builder.shapes.text(shape))?;
        }
        Ok(first_shape)
    }

    /// A skeleton is its shapes, each with 1 added and 0 for the caller, and the columns of its cells.
    fn write_skeletons(&self, table: &mut TableWriter) -> io::Result<u32> {
        let first = table.next_item();
        let mut item = Vec::new();
        for skeleton in 0..self.builder.skeletons.len() as u32 {
            item.clear();
            let shapes = self.builder.skeletons.text(skeleton);
            put_number(&mut item, shapes.len() as u64 / 4);
            for shape in numbers(shapes) {
                put_number(&mut item, if shape == CALLER_SHAPE { 0 } else { u64::from(shape) + 1 });
            }
            for &column in &self.builder.skeleton_infos[skeleton as usize].columns {
                put_number(&mut item, u64::from(column));
            }
            table.push(&item)?;
        }
        Ok(first)
    }

    /// A class is its skeleton, and the numbers of region and account among the values of their columns, each with 1
    /// added, or 0.
    fn write_classes(&self, table: &mut TableWriter) -> io::Result<u32> {
        let first = table.next_item();
        let mut item = Vec::new();
        for &class in &self.classes.order {
            item.clear();
            let [skeleton, region, account] = class_parts(self.builder, class);
            put_number(&mut item, u64::from(skeleton));
            for value in [region, account] {
                let number = self.value_codes.get(value as usize).map_or(0, |code| code - FIRST_VALUE_CODE + 1);
                put_number(&mut item, u64::from(number));
            }
            table.push(&item)?;
        }
        Ok(first)
    }

    /// A caller is its shape, and its cells with their columns.
    fn write_callers(&self, table: &mut TableWriter, filter: &mut TextFilterWriter) -> io::Result<u32> {
        table.flush()?;
        let first = table.next_item();
        let mut item = Vec::new();
        for &caller in &self.callers.order {
            item.clear();
            let mut parts = numbers(self.builder.callers.text(caller));
            let shape = parts.next().unwrap_or_default();
            put_number(&mut item, u64::from(shape));
            for (&column, cell) in self.builder.shape_columns(shape).iter().zip(parts) {
                put_number(&mut item, u64::from(column));
                match self.cell(cell) {
                    Cell::Value(number) => put_number(&mut item, u64::from(number + FIRST_VALUE_CODE)),
                    // What a caller has stands for itself, because it has no row.
                    Cell::Text(text) | Cell::Ending { before: text, .. } => {
                        put_number(&mut item, u64::from(TEXT_CODE));
                        put_text(&mut item, text);
                        filter.add_of_caller(text);
                    }
                    Cell::Uuid(uuid) => {
                        put_number(&mut item, u64::from(UUID_CODE));
                        item.extend_from_slice(&uuid);
                        filter.add_of_caller(&format_uuid(&uuid));
                    }
                }
            }
            table.push_in_chunk_of(CALLER_CHUNK_BYTES, &item)?;
        }
        table.flush()?;
        Ok(first)
    }

    fn write_values(&self, table: &mut TableWriter, filter: &mut TextFilterWriter) -> io::Result<Vec<u32>> {
        let mut first_values = Vec::with_capacity(self.column_values.len());
        for (column, values) in (0..).zip(&self.column_values) {
            first_values.push(table.next_item());
            for &value in values {
                let text = self.builder.values.text(value);
                filter.add_value(column, text);
                table.push(text)?;
            }
        }
        Ok(first_values)
    }

    fn terms(&self) -> TermList {
        let builder = self.builder;
        let mut terms = Terms::default();
        for (place, &class) in (0..).zip(&self.classes.order) {
            let [skeleton, region, account] = class_parts(self.builder, class);
            for (kind, text) in &builder.skeleton_infos[skeleton as usize].facts {
                terms.add(*kind, text, Target::Class, place);
            }
            for (kind, value) in [(TermKind::Region, region), (TermKind::Account, account)] {
                if value != NO_VALUE {
                    terms.add(kind, &unescaped(builder.values.text(value)), Target::Class, place);
                }
            }
        }
        for (number, scope) in (0..).zip(self.scopes.all()) {
            for (kind, value) in [(TermKind::Region, scope.region), (TermKind::Account, scope.account)] {
                if value != NO_VALUE {
                    terms.add(kind, &unescaped(builder.values.text(value)), Target::Scope, number);
                }
            }
            terms.add(TermKind::Category, scope.category, Target::Scope, number);
        }
        for (place, &caller) in (0..).zip(&self.callers.order) {
            let facts = &builder.caller_facts[caller as usize];
            for (kind, text) in [(TermKind::Username, &facts.username), (TermKind::AccessKeyId, &facts.access_key_id)] {
                if let Some(text) = text {
                    terms.add(kind, text, Target::Caller, place);
                }
            }
        }
        for (number, &value) in (0..).zip(&self.column_values[ADDRESS_COLUMN as usize]) {
            terms.add(TermKind::SourceIp, &unescaped(builder.values.text(value)), Target::Address, number);
        }
        let mut all = terms.finish();
        self.add_resource_terms(&mut all);
        all.unite();
        all.divide_into_spans();
        all
    }

    /// Adds the resources' terms, whose rows are gathered by counting.
    fn add_resource_terms(&self, list: &mut TermList) {
        let resources = &self.builder.resources;
        // Where the rows of each term begin, and later where they end.
        let mut ends = vec![0_u32; resources.hashes.len()];
        resources.pairs.iter().for_each(|(term, _)| ends[*term as usize] += 1);
        let mut start = list.numbers.len() as u32;
        for end in &mut ends {
            (start, *end) = (start + *end, start);
        }
        list.numbers.resize(start as usize, 0);
        let mut places = vec![0_u32; self.order.len()];
        for (place, &row) in (0..).zip(&self.order) {
            places[row as usize] = place;
        }
        let mut start = ends.first().copied().unwrap_or_default();
        for &(term, row) in &resources.pairs {
            let end = &mut ends[term as usize];
            list.numbers[*end as usize] = places[row as usize];
            *end += 1;
        }
        list.terms.reserve(ends.len());
        for (&hash, &end) in resources.hashes.iter().zip(&ends) {
            let count = ascending(&mut list.numbers[start as usize..end as usize]) as u32;
            if count > 0 {
                list.terms.push(Term { hash, target: Target::Row, start, end: start + count });
            }
            start = end;
        }
    }
}

/// Skeleton of a class, and values of region and account.
fn class_parts(builder: &Builder, class: u32) -> [u32; 3] {
    let mut parts = numbers(builder.classes.text(class));
    std::array::from_fn(|_| parts.next().unwrap_or(NO_VALUE))
}

/// Puts numbers in their order, each once, and says how many are left at the beginning.
fn ascending(numbers: &mut [u32]) -> usize {
    if numbers.len() <= 1 {
        return numbers.len();
    }
    numbers.sort_unstable();
    let mut count = 1;
    for index in 1..numbers.len() {
        if numbers[index] != numbers[count - 1] {
            numbers[count] = numbers[index];
            count += 1;
        }
    }
    count
}

/// A text of a row, with its last bytes by themselves: nearly all are told apart by these.
#[derive(Clone, Copy)]
struct RowText<'a> {
    text: &'a [u8],
    /// `None` if the text is shorter: it costs as much as a reference to it.
    end: Option<u64>,
}

impl<'a> RowText<'a> {
    fn of(text: &'a [u8]) -> Self {
        Self { text, end: text.last_chunk::<8>().map(|end| u64::from_le_bytes(*end)) }
    }

    /// The text as one that ends with an earlier text of its row, the last that is long enough to be worth it; and what is
    /// before that.
    fn ending(self, earlier: &[Self]) -> Option<(Cell<'a>, &'a [u8])> {
        self.end?;
        let mut nearest = (0..).zip(earlier.iter().rev()).filter(|(_, earlier)| earlier.end == self.end);
        nearest.find_map(|(texts_between, earlier)| {
            let before = self.text.strip_suffix(earlier.text)?;
            Some((Cell::Ending { texts_between, before }, before))
        })
    }
}

/// Gives each value that came twice, and each of the searched columns, a number in its column: the most used ones first.
fn value_codes(builder: &Builder) -> (Vec<u32>, Vec<Vec<u32>>) {
    let values = &builder.values;
    let mut column_values = vec![Vec::new(); builder.columns.len()];
    let mut codes = vec![TEXT_CODE; values.len()];
    for value in 0..values.len() as u32 {
        let column = values.tag(value);
        if (values.count(value) > 1 || column < FACT_COLUMNS) && !builder.is_of_few_callers(value) {
            column_values[column as usize].push(value);
        } else if parse_uuid(values.text(value)).is_some() {
            codes[value as usize] = UUID_CODE;
        }
    }
    let mut keys = Vec::new();
    for of_column in &mut column_values {
        sort_by_use_and_text(values, of_column, &mut keys);
        for (number, &value) in (FIRST_VALUE_CODE..).zip(&*of_column) {
            codes[value as usize] = number;
        }
    }
    (codes, column_values)
}

/// Puts the values of a column in order: the most used ones first, by classes of use. Texts that begin alike stand together
/// among those that are used alike, which compresses.
fn sort_by_use_and_text(values: &Interner, of_column: &mut [u32], keys: &mut Vec<(u64, u32)>) {
    let [first, others @ ..] = &*of_column else { return };
    // What all texts begin with tells nothing, and of the rest some bytes mostly tell enough.
    let first = values.text(*first);
    let common = others.iter().fold(first.len(), |common, value| {
        let both = first[..common].iter().zip(values.text(*value));
        both.take_while(|(left, right)| left == right).count()
    });
    let key = |value: &u32| {
        let rest = &values.text(*value)[common..];
        let mut some = [0; 8];
        let count = rest.len().min(7);
        some[1..=count].copy_from_slice(&rest[..count]);
        some[0] = u8::MAX - values.count(*value).ilog2() as u8;
        (u64::from_be_bytes(some), *value)
    };
    keys.clear();
    keys.extend(of_column.iter().map(key));
    let text = |value: u32| &values.text(value)[common..];
    keys.sort_unstable_by(|left, right| left.0.cmp(&right.0).then_with(|| text(left.1).cmp(text(right.1))));
    of_column.iter_mut().zip(keys).for_each(|(value, (_, sorted))| *value = *sorted);
}

/// Terms of what rows share, each with the numbers that were added to it.
#[derive(Default)]
struct Terms {
    terms: Vec<(u64, Target, Vec<u32>)>,
    known: std::collections::HashMap<(u64, Target), usize, hashbrown::DefaultHashBuilder>,
}

impl Terms {
    fn add(&mut self, kind: TermKind, text: &str, target: Target, number: u32) {
        let hash = term_hash(kind as u8, text.as_bytes());
        let place = *self.known.entry((hash, target)).or_insert_with(|| {
            self.terms.push((hash, target, Vec::new()));
            self.terms.len() - 1
        });
        self.terms[place].2.push(number);
    }

    fn finish(self) -> TermList {
        let mut list = TermList::default();
        for (hash, target, mut numbers) in self.terms {
            let count = ascending(&mut numbers);
            list.add(hash, target, &numbers[..count]);
        }
        list
    }
}

/// What is noted of rows beside their cells.
struct RowNotes<'w, 'a> {
    lists: &'w mut BlockLists,
    filter: &'w mut TextFilterWriter,
    /// Texts of the row so far.
    texts: Vec<RowText<'a>>,
    /// Block of the row.
    block: u32,
}

/// For each class, caller and source address the blocks that it is in.
struct BlockLists {
    /// By the number of the kind of list; those of callers stand apart.
    lists: [Vec<Vec<u32>>; 3],
    callers: Vec<CallerBlocks>,
    block_count: usize,
}

impl BlockLists {
    fn new(writer: &Writer<'_>) -> Self {
        let mut lists = [const { Vec::new() }; 3];
        lists[CLASS_LISTS] = vec![Vec::new(); writer.classes.order.len()];
        lists[ADDRESS_LISTS] = vec![Vec::new(); writer.column_values[ADDRESS_COLUMN as usize].len()];
        let callers = vec![CallerBlocks::default(); writer.callers.order.len()];
        Self { lists, callers, block_count: writer.order.len().div_ceil(writer.block_rows) }
    }

    fn add(&mut self, kind: usize, number: u32, block: u32) {
        let list = &mut self.lists[kind][number as usize];
        if list.last() != Some(&block) {
            list.push(block);
        }
    }

    fn add_caller(&mut self, caller: u32, scope: u32, block: u32) {
        self.callers[caller as usize].add(scope, block, self.block_count);
    }

    /// A list is empty where a quarter of the blocks or more are on it: then every block is looked at.
    fn write(self, table: &mut TableWriter) -> io::Result<[u32; 3]> {
        let Self { lists: [of_classes, _, of_addresses], callers, block_count } = self;
        let mut firsts = [0; 3];
        let mut item = Vec::new();
        table.flush()?;
        firsts[CLASS_LISTS] = write_lists(table, of_classes, block_count)?;
        firsts[CALLER_LISTS] = table.next_item();
        for caller in callers {
            item.clear();
            caller.write(block_count, &mut item);
            table.push_in_chunk_of(LIST_CHUNK_BYTES, &item)?;
        }
        firsts[ADDRESS_LISTS] = write_lists(table, of_addresses, block_count)?;
        Ok(firsts)
    }
}

fn write_lists(table: &mut TableWriter, lists: Vec<Vec<u32>>, block_count: usize) -> io::Result<u32> {
    let first = table.next_item();
    let mut item = Vec::new();
    for list in lists {
        item.clear();
        if list.len() * 4 < block_count {
            put_ascending(&mut item, &list);
        }
        table.push_in_chunk_of(LIST_CHUNK_BYTES, &item)?;
    }
    Ok(first)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn values_are_in_the_order_of_use_and_text(
            texts in prop::collection::vec(("(arn:aws:)?[ab]{0,12}", 1..9_usize), 0..60),
            prefix in "(arn:)?",
        ) {
            let mut values = Interner::default();
            for (text, times) in &texts {
                for _ in 0..*times {
                    values.number(0, format!("{prefix}{text}").as_bytes());
                }
            }
            let mut sorted: Vec<u32> = (0..values.len() as u32).collect();
            let mut expected = sorted.clone();
            expected.sort_by_key(|value| (std::cmp::Reverse(values.count(*value).ilog2()), values.text(*value)));
            sort_by_use_and_text(&values, &mut sorted, &mut Vec::new());
            prop_assert_eq!(sorted, expected);
        }

        #[test]
        fn a_text_ends_with_the_nearest_earlier_one_that_it_ends_with(
            texts in prop::collection::vec("[ab]{0,3}|[ab]{0,2}(key|longer/key|much/longer/key)", 1..9),
        ) {
            let row: Vec<RowText<'_>> = texts.iter().map(|text| RowText::of(text.as_bytes())).collect();
            let Some((last, earlier)) = row.split_last() else { return Ok(()) };
            let fits = |(_, other): &(usize, &RowText<'_>)| other.text.len() >= 8 && last.text.ends_with(other.text);
            let expected = earlier.iter().rev().enumerate().find(fits);
            let found = last.ending(earlier).map(|(cell, before)| {
                let of_cell = match cell {
                    Cell::Ending { texts_between, before } => Some((texts_between, before)),
                    _ => None,
                };
                (of_cell, before)
            });
            let expected = expected.map(|(between, other)| {
                let before = &last.text[..last.text.len() - other.text.len()];
                (Some((between as u32, before)), before)
            });
            prop_assert_eq!(format!("{found:?}"), format!("{expected:?}"));
        }
    }
}
