//! The cells of a block, row by row.

use crate::block::{CellPlace, Cells, ColumnReader, Facts, ReadCell};
use crate::builder::FACT_COLUMNS;
use crate::bytes::Damage;
use crate::classes::ClassesAtHand;
use crate::few_rows::{FewCell, FewRows};
use crate::segment::{Segment, SegmentError};

/// The cells of a block with the places of each row's.
///
/// A column is read from its first cell on, and most of what is read for one row is read for the next as well: to find all
/// places once costs a sixth of unpacking the block, and from then on no row costs more than its own cells.
#[derive(Debug)]
pub(crate) struct BlockRows {
    cells: Cells,
    /// Places of cells, in the order of the rows and of the columns of their classes.
    places: Vec<CellPlace>,
    /// Where the places of each row begin, and where the last ones end.
    starts: Vec<u32>,
}

impl BlockRows {
    /// Finds the places of all cells.
    pub(crate) fn new(
        segment: &Segment,
        cells: Cells,
        facts: &Facts,
        classes: &mut ClassesAtHand,
    ) -> Result<Self, SegmentError> {
        let mut places = Vec::with_capacity(facts.len() * 8);
        let mut starts = Vec::with_capacity(facts.len() + 1);
        let mut readers = ColumnReaders::new(&cells, segment.index.first_values.len());
        for &class in facts.classes() {
            starts.push(places.len() as u32);
            let class = classes.group(segment, class)?.class(class)?;
            for &column in class.columns.iter().filter(|column| **column >= FACT_COLUMNS) {
                places.push(readers.next_place(column)?);
            }
        }
        starts.push(places.len() as u32);
        places.shrink_to_fit();
        Ok(Self { cells, places, starts })
    }

    /// The cells of a row.
    pub(crate) fn cells_of(&self, row: usize) -> Result<RowCells<'_>, Damage> {
        let bounds = self.starts.get(row).zip(self.starts.get(row + 1));
        let (start, end) = bounds.ok_or(Damage("a row is missing"))?;
        let places = self.places.get(*start as usize..*end as usize).ok_or(Damage("a row is missing"))?;
        Ok(RowCells::OfBlock(&self.cells, places.iter()))
    }

    pub(crate) fn memory(&self) -> usize {
        self.cells.memory() + self.places.len() * size_of::<CellPlace>() + self.starts.len() * 4
    }
}

/// The cells of one row, in the order of its columns.
pub(crate) enum RowCells<'a> {
    OfBlock(&'a Cells, std::slice::Iter<'a, CellPlace>),
    Few(&'a FewRows, std::slice::Iter<'a, FewCell>),
}

impl<'a> RowCells<'a> {
    pub(crate) fn next_cell(&mut self) -> Result<ReadCell<'a>, Damage> {
        let missing = Damage("a cell is missing");
        match self {
            Self::OfBlock(cells, places) => cells.cell_at(*places.next().ok_or(missing)?),
            Self::Few(rows, cells) => Ok(rows.cell(cells.next().ok_or(missing)?)),
        }
    }
}

/// A reader for each column of a block.
struct ColumnReaders<'a> {
    readers: Vec<ColumnReader<'a>>,
    cells: &'a Cells,
    /// Place of a column's reader and 1; 0 as long as none was asked for.
    of_column: Vec<u16>,
}

impl<'a> ColumnReaders<'a> {
    fn new(cells: &'a Cells, column_count: usize) -> Self {
        Self { readers: Vec::new(), cells, of_column: vec![0; column_count] }
    }

    fn next_place(&mut self, column: u32) -> Result<CellPlace, Damage> {
        let missing = Damage("a column is missing");
        let reader = self.of_column.get_mut(column as usize).ok_or(missing)?;
        if *reader == 0 {
            self.readers.push(self.cells.column(column).ok_or(missing)?);
            *reader = u16::try_from(self.readers.len()).map_err(|_| Damage("a block has too many columns"))?;
        }
        self.readers[usize::from(*reader) - 1].next_place()
    }
}
