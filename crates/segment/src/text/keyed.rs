//! Looks for a leaf that a text tells the key of: in the columns that the key leads to, and nowhere else.

use std::borrow::Cow;
use std::collections::BTreeMap;

use memchr::memmem::Finder;

use super::{BlockSet, InCells, Probe, TextPlaces, neighbours_together, values_of};
use crate::block::ReadCell;
use crate::builder::FACT_COLUMNS;
use crate::bytes::Damage;
use crate::footer::{ADDRESS_LISTS, CALLER_LISTS, CLASS_LISTS};
use crate::keyed_leaf::{KeyedLeaf, PlacesOfKey};
use crate::packed_cells::{CellParts, PackedCells};
use crate::rows::NumberSet;
use crate::segment::{Segment, SegmentError};
use crate::text_filter::{Columns, Frames, GROUP_BYTES, TextReach};
use crate::time_parts::TimeParts;

/// Where among the cells of blocks a leaf may be that is too short for the filter of texts.
#[derive(Debug)]
pub(super) struct KeyedCells {
    /// Columns that the key leads to.
    columns: NumberSet,
    /// The same, of which frames are read.
    frames: Frames,
    /// Blocks that have rows with these columns.
    blocks: BlockSet,
}

impl KeyedCells {
    fn new(columns: &NumberSet, blocks: BlockSet) -> Self {
        let columns: Vec<u32> = columns.numbers().into_iter().filter(|column| *column >= FACT_COLUMNS).collect();
        Self { columns: NumberSet::of(&columns), frames: Frames::Of { columns, blocks: None }, blocks }
    }

    pub(super) fn are_none(&self) -> bool {
        self.columns.is_empty()
    }
}

impl TextPlaces {
    /// Looks for the leaf of a key among what the segment stores once.
    pub(super) fn of_keyed_leaf(segment: &Segment, text: &str, leaf: &KeyedLeaf<'_>) -> Result<Self, SegmentError> {
        let index = &segment.index;
        let key = PlacesOfKey::find(segment, leaf)?;
        let mut probe = Probe::new(leaf.content, leaf.place);
        if !key.has_time {
            probe.times = TimeParts::of(leaf.content, 0..0);
        }
        let reach = match &index.text_filter {
            Some(filter) if leaf.content.len() >= GROUP_BYTES => {
                filter.reach_of(segment, leaf.content, &probe.in_frames)?
            }
            _ => None,
        };
        let columns = match &reach {
            // Those of callers are not known: to find them takes reading all callers.
            Some(TextReach { values: Columns::Of(columns), .. }) => columns.clone(),
            _ => {
                let mut columns = key.columns.clone();
                if key.is_of_callers {
                    key.columns_of_callers(segment)?.numbers().into_iter().for_each(|column| columns.insert(column));
                }
                columns.numbers()
            }
        };
        let mut values = values_with(segment, &columns, &probe)?;
        // Before version 6 the filter does not know UUIDs of callers.
        let may_have_own = index.version < 6 || reach.as_ref().is_none_or(|reach| reach.is_of_callers);
        let callers = match key.is_of_callers && (may_have_own || !values.is_empty()) {
            true => callers_with(segment, &key, &values, &probe)?,
            false => NumberSet::of(&key.callers_with_shapes(segment)?),
        };
        values.retain(|column, _| key.columns.contains(*column));
        let classes = if key.shapes.is_empty() && !values.keys().any(|column| *column < 2) {
            NumberSet::default()
        } else {
            segment.classes_with(&key.shapes, values.get(&0), values.get(&1))?
        };
        let addresses = values.get(&2).cloned().unwrap_or_default();
        let id_blocks = if key.has_event_id { probe.id_blocks(segment)? } else { Some(NumberSet::default()) };
        let key_blocks = BlockSet::of_lists(segment, &[(CLASS_LISTS, &key.classes)])?;
        let (in_cells, value_blocks) = match reach {
            // Where few blocks have the key, the filter tells less than a look at these.
            Some(reach) if !reach.is_divided && matches!(key_blocks, BlockSet::All) => {
                Self::in_parts(segment, &mut values, Some(reach))?
            }
            _ => {
                values.retain(|column, _| *column >= FACT_COLUMNS);
                let cells = KeyedCells::new(&key.columns, key_blocks);
                (InCells::Keyed(cells), BlockSet::Of(NumberSet::default()))
            }
        };
        let lists = [(CLASS_LISTS, &classes), (CALLER_LISTS, &callers), (ADDRESS_LISTS, &addresses)];
        let mut fact_blocks = BlockSet::of_lists(segment, &lists)?;
        let has_no_time = !probe.add_blocks_of_time(segment, &mut fact_blocks);
        Ok(Self {
            text: Finder::new(text).into_owned(),
            probe,
            classes,
            callers,
            addresses,
            values,
            value_blocks,
            id_blocks,
            fact_blocks,
            has_no_time,
            in_cells,
            columns: Some(key.columns),
        })
    }

    /// Whether the cells of a block may have the leaf.
    pub(super) fn may_be_in_keyed(
        &self,
        keyed: &KeyedCells,
        segment: &Segment,
        block: u32,
    ) -> Result<bool, SegmentError> {
        if !keyed.blocks.contains(block) {
            return Ok(false);
        }
        let wanted =
            CellParts { frames: &keyed.frames, has_loose: true, has_digits: true, has_uuids: self.probe.is_like_uuid };
        segment.with_cell_parts(block, &wanted, |cells| self.has_keyed_cell(keyed, cells))
    }

    fn has_keyed_cell(&self, keyed: &KeyedCells, cells: &PackedCells<'_>) -> Result<bool, Damage> {
        let loose = cells.loose()?;
        for column in loose.columns()?.iter().filter(|column| keyed.columns.contains(column.column)) {
            let values = self.values.get(&column.column);
            let has_it = cells.has_cell(column, self.probe.is_like_uuid, |cell| match cell {
                ReadCell::Value(number) => values.is_some_and(|numbers| numbers.contains(number)),
                ReadCell::Text(text) => self.probe.is_in_leaf(text),
                ReadCell::Uuid(uuid) => self.probe.is_in_uuid(uuid),
                ReadCell::Ending { before, .. } => self.probe.may_begin_in(before),
            })?;
            if has_it {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Texts of a row, those that end with earlier ones put together again.
#[derive(Debug, Default)]
pub(super) struct RowTexts<'a>(Vec<Cow<'a, [u8]>>);

impl<'a> RowTexts<'a> {
    /// Adds a cell, and gives its text; nothing if it has none in its block.
    pub(super) fn add(&mut self, cell: ReadCell<'a>) -> Result<&[u8], Damage> {
        let text = match cell {
            ReadCell::Value(_) | ReadCell::Uuid(_) => return Ok(b""),
            ReadCell::Text(text) => Cow::Borrowed(text),
            ReadCell::Ending { texts_between, before } => {
                let place = self.0.len().checked_sub(texts_between as usize + 1);
                let earlier = place.and_then(|place| self.0.get(place)).ok_or(Damage("an earlier text is missing"))?;
                Cow::Owned([before, earlier].concat())
            }
        };
        self.0.push(text);
        Ok(self.0.last().map_or(b"", |text| text))
    }
}

/// Stored values of some columns that are the leaf, or begin with it.
fn values_with(segment: &Segment, columns: &[u32], probe: &Probe) -> Result<BTreeMap<u32, NumberSet>, SegmentError> {
    let mut values = BTreeMap::<u32, NumberSet>::new();
    let items = columns.iter().map(|column| values_of(&segment.index, *column));
    for items in neighbours_together(items) {
        for item in segment.items_with(items, &probe.finder, |text| probe.is_in_leaf(text))? {
            let (column, number) = super::column_of(&segment.index, item);
            values.entry(column).or_default().insert(number);
        }
    }
    Ok(values)
}

/// Callers who have the leaf behind its key.
fn callers_with(
    segment: &Segment,
    key: &PlacesOfKey,
    values: &BTreeMap<u32, NumberSet>,
    probe: &Probe,
) -> Result<NumberSet, SegmentError> {
    let mut callers = NumberSet::of(&key.callers_with_shapes(segment)?);
    let fits = |column: u32, cell: ReadCell<'_>| match cell {
        ReadCell::Value(number) => values.get(&column).is_some_and(|numbers| numbers.contains(number)),
        ReadCell::Text(text) => probe.is_in_leaf(text),
        ReadCell::Uuid(uuid) => probe.is_in_uuid(uuid),
        ReadCell::Ending { .. } => false,
    };
    key.visit_callers(segment, |number, cells| {
        if cells.iter().any(|(column, cell)| fits(*column, *cell)) {
            callers.insert(number);
        }
    })?;
    Ok(callers)
}
