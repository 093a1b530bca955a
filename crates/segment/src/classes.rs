//! Classes: what the records of one kind in one place share, read in groups.

use std::sync::Arc;

use hashbrown::{DefaultHashBuilder, HashMap};

use crate::bytes::{Cursor, Damage};
use crate::cache::{CachedPart, Part};
use crate::rows::NumberSet;
use crate::segment::{Segment, SegmentError};
use crate::table::ChunksAtHand;

/// Classes of a group. The most used ones have the lowest numbers, so that a few groups serve most rows.
pub(crate) const GROUP_CLASSES: u32 = 256;

/// The shapes of a record, the columns of its cells, and what it has of region and account.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Class<'a> {
    /// Shapes with 1 added; 0 is the caller.
    pub(crate) shapes: &'a [u32],
    pub(crate) columns: &'a [u32],
    /// Numbers of region and account among the values of their columns, with 1 added; or 0.
    pub(crate) places: [u32; 2],
}

/// Neighbouring classes, without an allocation for each. Those of one skeleton, which are the same kind of call in other
/// regions and accounts, share its numbers: to count the cells of a block takes those of all its rows, from memory that no
/// cache of the processor has.
#[derive(Debug, Default)]
pub(crate) struct ClassGroup {
    classes: Vec<ClassPlace>,
    numbers: Vec<u32>,
}

#[derive(Debug)]
struct ClassPlace {
    skeleton: SkeletonPlace,
    places: [u32; 2],
}

/// Where the shapes and columns of a skeleton are among the numbers of its group: one behind the other.
#[derive(Debug, Clone, Copy)]
struct SkeletonPlace {
    start: u32,
    middle: u32,
    end: u32,
}

impl ClassGroup {
    /// A class, by its number in the segment; it must be of this group.
    pub(crate) fn class(&self, class: u32) -> Result<Class<'_>, Damage> {
        let ClassPlace { skeleton: SkeletonPlace { start, middle, end }, places } =
            self.classes.get((class % GROUP_CLASSES) as usize).ok_or(Damage("a class is missing"))?;
        let numbers = |start: u32, end: u32| &self.numbers[start as usize..end as usize];
        Ok(Class { shapes: numbers(*start, *middle), columns: numbers(*middle, *end), places: *places })
    }

    fn push_skeleton(&mut self, skeleton: &[u8]) -> Result<SkeletonPlace, Damage> {
        let mut cursor = Cursor::new(skeleton);
        let (count, start) = (cursor.index()?, self.numbers.len() as u32);
        for _ in 0..count {
            self.numbers.push(cursor.code()?);
        }
        let middle = self.numbers.len() as u32;
        while !cursor.is_empty() {
            self.numbers.push(cursor.code()?);
        }
        Ok(SkeletonPlace { start, middle, end: self.numbers.len() as u32 })
    }

    pub(crate) fn memory(&self) -> usize {
        self.numbers.len() * 4 + self.classes.len() * size_of::<ClassPlace>()
    }
}

/// What a fact that classes have leads to.
#[derive(Debug)]
pub(crate) struct ClassesOf {
    pub(crate) classes: NumberSet,
    /// Only of region, account and category, from version 5 on.
    pub(crate) scopes: NumberSet,
}

impl ClassesOf {
    pub(crate) fn memory(&self) -> usize {
        self.classes.memory() + self.scopes.memory()
    }
}

impl Segment {
    pub(crate) fn class_group(&self, class: u32) -> Result<Arc<ClassGroup>, SegmentError> {
        let group = class / GROUP_CLASSES;
        let open = |part: &CachedPart| match part {
            CachedPart::Classes(classes) => Some(Arc::clone(classes)),
            _ => None,
        };
        self.cached(Part::Classes(group), open, || {
            let classes = Arc::new(self.read_class_group(group)?);
            Ok((Arc::clone(&classes), CachedPart::Classes(classes)))
        })
    }

    fn read_class_group(&self, group: u32) -> Result<ClassGroup, SegmentError> {
        let mut classes = ClassGroup::default();
        let mut skeletons: HashMap<u32, SkeletonPlace, DefaultHashBuilder> = HashMap::default();
        let mut chunks = ChunksAtHand::default();
        let first = group * GROUP_CLASSES;
        for class in first..self.class_count().min(first.saturating_add(GROUP_CLASSES)) {
            let item = self.index.first_class + class;
            let [skeleton, region, account] = parse_class(chunks.of(self, item)?.item(item)?)?;
            let place = match skeletons.get(&skeleton) {
                Some(place) => *place,
                None => {
                    let item =
                        self.index.first_skeleton.checked_add(skeleton).ok_or(Damage("a skeleton is missing"))?;
                    let place = classes.push_skeleton(chunks.of(self, item)?.item(item)?)?;
                    skeletons.insert(skeleton, place);
                    place
                }
            };
            classes.classes.push(ClassPlace { skeleton: place, places: [region, account] });
        }
        Ok(classes)
    }
}

/// Groups of a segment's classes that were used before: the shared cache costs more than to look here first.
#[derive(Debug, Default)]
pub(crate) struct ClassesAtHand(Vec<Option<Arc<ClassGroup>>>);

impl ClassesAtHand {
    /// The group that a class is in.
    pub(crate) fn group(&mut self, segment: &Segment, class: u32) -> Result<&Arc<ClassGroup>, SegmentError> {
        if class >= segment.class_count() {
            return Err(Damage("a class is missing").into());
        }
        let group = (class / GROUP_CLASSES) as usize;
        if self.0.len() <= group {
            self.0.resize(group + 1, None);
        }
        match &mut self.0[group] {
            Some(known) => Ok(known),
            none => Ok(none.insert(segment.class_group(class)?)),
        }
    }
}

impl ClassesAtHand {
    /// A class of a group that was used before.
    pub(crate) fn known(&self, class: u32) -> Result<Class<'_>, Damage> {
        let group = self.0.get((class / GROUP_CLASSES) as usize).and_then(Option::as_ref);
        group.ok_or(Damage("a class is missing"))?.class(class)
    }
}

/// Skeleton, region and account of a class.
fn parse_class(item: &[u8]) -> Result<[u32; 3], Damage> {
    let mut cursor = Cursor::new(item);
    Ok([cursor.code()?, cursor.code()?, cursor.code()?])
}
