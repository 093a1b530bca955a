//! Terms: values that events are found by.
//!
//! A term stands for a fact ("the event name is PutObject") by its hash. It leads either to rows, for facts that belong
//! to single records, or to numbers of what many rows share (classes, callers, source addresses, scopes).

use crate::block::{pack, unpack};
use crate::bytes::{Cursor, Damage, put_ascending, put_number, read_ascending};

/// Terms of a page: what a search for one reads at least.
const PAGE_TERMS: usize = 64;
/// Distance of neighbours among the hashes that are stored: the chance that a look at a page finds a wrong term is one
/// in this many, and costs a look at a row.
const HASH_SPREAD_BITS: u32 = 6;
/// Lists from this size on are compressed.
const LIST_BYTES_COMPRESSED: usize = 128;
const LEVEL: i32 = 3;

/// What the numbers of a list are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub(crate) enum Target {
    Row = 0,
    Class = 1,
    Caller = 2,
    Address = 3,
    /// Spans of rows, each of which has a list of its own; see [`span_hash`].
    Span = 4,
    /// See [`crate::scopes`].
    Scope = 5,
}

/// Rows of a span, as a power of two. The list of a term with many rows is read span by span, as far as it is needed.
pub(crate) const SPAN_ROW_BITS: u32 = 14;
/// Lists of more rows are divided into spans.
const LIST_ROWS_MAX: usize = 8 * 1024;

/// The hash under which the rows of a term in one span are found.
pub(crate) fn span_hash(hash: u64, span: u32) -> u64 {
    crate::hash::term_hash(u8::MAX, &(hash ^ u64::from(span).rotate_right(16)).to_le_bytes())
}

/// A term, with the place of its numbers in those of its list. They ascend.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Term {
    pub(crate) hash: u64,
    pub(crate) target: Target,
    pub(crate) start: u32,
    pub(crate) end: u32,
}

/// Terms, with the numbers of all in one place: most terms have one.
#[derive(Debug, Default)]
pub(crate) struct TermList {
    pub(crate) terms: Vec<Term>,
    pub(crate) numbers: Vec<u32>,
}

impl TermList {
    /// Adds a term with its numbers, which ascend.
    pub(crate) fn add(&mut self, hash: u64, target: Target, numbers: &[u32]) {
        let start = self.numbers.len() as u32;
        self.numbers.extend_from_slice(numbers);
        self.terms.push(Term { hash, target, start, end: self.numbers.len() as u32 });
    }

    fn numbers_of(&self, term: &Term) -> &[u32] {
        &self.numbers[term.start as usize..term.end as usize]
    }

    /// Puts terms together that are the same, in the order of their hashes.
    pub(crate) fn unite(&mut self) {
        let mut terms = sorted(std::mem::take(&mut self.terms), |term| (term.hash, term.target));
        let (mut at, mut count) = (0, 0);
        while let Some(&term) = terms.get(at) {
            let is_same = |other: &&Term| (other.hash, other.target) == (term.hash, term.target);
            let same = terms[at..].iter().take_while(is_same).count();
            terms[count] = if same == 1 { term } else { self.united(&terms[at..at + same]) };
            (at, count) = (at + same, count + 1);
        }
        terms.truncate(count);
        self.terms = terms;
    }

    /// One term instead of several that are the same.
    fn united(&mut self, same: &[Term]) -> Term {
        let mut numbers: Vec<u32> = same.iter().flat_map(|term| self.numbers_of(term)).copied().collect();
        numbers.sort_unstable();
        numbers.dedup();
        let start = self.numbers.len() as u32;
        self.numbers.append(&mut numbers);
        Term { start, end: self.numbers.len() as u32, ..same[0] }
    }

    /// Divides long lists of rows into spans.
    pub(crate) fn divide_into_spans(&mut self) {
        for index in 0..self.terms.len() {
            let Term { hash, target, start, end } = self.terms[index];
            if target != Target::Row || (end - start) as usize <= LIST_ROWS_MAX {
                continue;
            }
            let (mut spans, mut at) = (Vec::new(), start);
            let rows = &self.numbers[start as usize..end as usize];
            for rows in rows.chunk_by(|left, right| left >> SPAN_ROW_BITS == right >> SPAN_ROW_BITS) {
                let span = rows[0] >> SPAN_ROW_BITS;
                spans.push(span);
                let end = at + rows.len() as u32;
                self.terms.push(Term { hash: span_hash(hash, span), target: Target::Row, start: at, end });
                at = end;
            }
            let start = self.numbers.len() as u32;
            self.numbers.append(&mut spans);
            self.terms[index] = Term { hash, target: Target::Span, start, end: self.numbers.len() as u32 };
        }
    }
}

/// Terms in the order of a key that begins with the hash. Hashes are spread evenly, so that parts by their first
/// bits are small, and to put these in order costs half of doing it with all at once.
fn sorted<K: Ord>(terms: Vec<Term>, key: impl Fn(&Term) -> K) -> Vec<Term> {
    /// About.
    const PART_TERMS: usize = 64;
    let Some(&any) = terms.first() else { return terms };
    let bits = (terms.len() / PART_TERMS).max(2).ilog2();
    let part_of = |term: &Term| (term.hash >> (64 - bits)) as usize;
    let mut starts = vec![0_usize; (1 << bits) + 1];
    terms.iter().for_each(|term| starts[part_of(term) + 1] += 1);
    for part in 1..starts.len() {
        starts[part] += starts[part - 1];
    }
    let mut ends = starts.clone();
    let mut sorted = vec![any; terms.len()];
    for term in terms {
        let end = &mut ends[part_of(&term)];
        sorted[*end] = term;
        *end += 1;
    }
    starts.windows(2).for_each(|part| sorted[part[0]..part[1]].sort_unstable_by_key(&key));
    sorted
}

/// Where the terms of a segment are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct TermIndex {
    /// High bits of a hash that are stored.
    pub(crate) hash_bits: u32,
    /// First stored hash of each page, ascending.
    pub(crate) pages: Vec<u32>,
}

/// Writes terms in the order of their hashes: page by page to `page`.
pub(crate) fn write_terms(mut list: TermList, mut page: impl FnMut(&[u8])) -> std::io::Result<TermIndex> {
    let hash_bits = (list.terms.len().max(1).ilog2() + 1 + HASH_SPREAD_BITS).min(32);
    // They are in the order of their hashes but for a few at the end: what is left to do is to merge.
    list.terms.sort_by_key(|term| (short(term.hash, hash_bits), term.target));
    let mut pages = Vec::with_capacity(list.terms.len().div_ceil(PAGE_TERMS));
    let (mut bytes, mut steps) = (Vec::new(), Vec::new());
    for terms in list.terms.chunks(PAGE_TERMS) {
        bytes.clear();
        let mut previous = short(terms[0].hash, hash_bits);
        pages.push(previous);
        for term in terms {
            let hash = short(term.hash, hash_bits);
            put_number(&mut bytes, u64::from(hash - previous));
            previous = hash;
            match (term.target, list.numbers_of(term)) {
                // By far the most terms: an id or a name that came once.
                (Target::Row, [row]) => put_number(&mut bytes, u64::from(*row) << 1),
                (target, numbers) => {
                    steps.clear();
                    put_ascending(&mut steps, numbers);
                    let packed = match steps.len() {
                        LIST_BYTES_COMPRESSED.. => Some(pack(&steps, LEVEL)?),
                        _ => None,
                    };
                    let stored = packed.as_ref().map_or(&steps[..], |packed| &packed[..]);
                    put_number(&mut bytes, u64::from(target as u8) << 2 | u64::from(packed.is_some()) << 1 | 1);
                    if packed.is_some() {
                        put_number(&mut bytes, steps.len() as u64);
                    }
                    put_number(&mut bytes, stored.len() as u64);
                    bytes.extend_from_slice(stored);
                }
            }
        }
        page(&bytes);
    }
    Ok(TermIndex { hash_bits, pages })
}

fn short(hash: u64, bits: u32) -> u32 {
    (hash >> (64 - bits)) as u32
}

impl TermIndex {
    /// Pages that may have a term: one, or a few where equal hashes go over the end of a page.
    pub(crate) fn pages_of(&self, hash: u64) -> std::ops::Range<usize> {
        let Some(wanted) = self.wanted(hash) else { return 0..0 };
        let behind = self.first_at_or_above(wanted);
        let equal = self.pages[behind..].iter().take_while(|first| **first == wanted).count();
        let first = behind.saturating_sub(1);
        first..(behind + equal).max(first)
    }

    /// Number of the pages whose first hash is below this one. Hashes are spread evenly, so the place is about known: a
    /// search from the middle would cost a dozen looks at memory that no cache of the processor has.
    fn first_at_or_above(&self, wanted: u32) -> usize {
        let (pages, count) = (&self.pages, self.pages.len());
        let guess = ((u64::from(wanted) * count as u64) >> self.hash_bits) as usize;
        let (mut low, mut high) = (guess.min(count), guess.min(count));
        let mut step = 1;
        while low > 0 && pages[low - 1] >= wanted {
            low = low.saturating_sub(step);
            step *= 2;
        }
        step = 1;
        while high < count && pages[high] < wanted {
            high = count.min(high + step);
            step *= 2;
        }
        low + pages[low..high].partition_point(|first| *first < wanted)
    }

    /// Numbers of a term in a page, if it has them: lists of one target.
    pub(crate) fn find(&self, page: usize, bytes: &[u8], hash: u64, wanted_target: Target) -> Result<Vec<u32>, Damage> {
        let Some(wanted) = self.wanted(hash) else { return Ok(Vec::new()) };
        let mut here = u64::from(*self.pages.get(page).ok_or(Damage("a page of terms is missing"))?);
        let mut cursor = Cursor::new(bytes);
        let mut found = Vec::new();
        while !cursor.is_empty() {
            here += cursor.number()?;
            if here > u64::from(wanted) {
                break;
            }
            let is_wanted = here == u64::from(wanted);
            let head = cursor.number()?;
            if head & 1 == 0 {
                if is_wanted && wanted_target == Target::Row {
                    found.push(u32::try_from(head >> 1).map_err(|_| Damage("a row is too large"))?);
                }
                continue;
            }
            let is_packed = head & 2 != 0;
            let size = if is_packed { cursor.index()? } else { 0 };
            let stored = cursor.text()?;
            if !is_wanted || head >> 2 != wanted_target as u64 {
                continue;
            }
            if is_packed {
                let steps = unpack(stored, size)?;
                found.extend(read_ascending(&steps)?);
            } else {
                found.extend(read_ascending(stored)?);
            }
        }
        // Terms with one hash stand behind one another, each with its own list.
        found.sort_unstable();
        found.dedup();
        Ok(found)
    }

    /// Visits the stored hashes of a page's terms.
    pub(crate) fn hashes(&self, page: usize, bytes: &[u8], mut visitor: impl FnMut(u32)) -> Result<(), Damage> {
        let mut here = u64::from(*self.pages.get(page).ok_or(Damage("a page of terms is missing"))?);
        let mut cursor = Cursor::new(bytes);
        while !cursor.is_empty() {
            here += cursor.number()?;
            visitor(u32::try_from(here).map_err(|_| Damage("a hash is too large"))?);
            let head = cursor.number()?;
            if head & 1 == 1 {
                if head & 2 != 0 {
                    cursor.index()?;
                }
                cursor.text()?;
            }
        }
        Ok(())
    }

    /// What is stored of a hash; `None` where there are no terms.
    pub(crate) fn wanted(&self, hash: u64) -> Option<u32> {
        (!self.pages.is_empty()).then(|| short(hash, self.hash_bits))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn terms_are_sorted_by_parts_as_they_are_at_once(
            hashes in prop::collection::vec(prop_oneof![any::<u64>(), 0..9_u64, u64::MAX - 9..=u64::MAX], 0..2_000),
            hash_bits in 12..32_u32,
        ) {
            let target = |place: usize| [Target::Row, Target::Class, Target::Span][place % 3];
            let term = |(place, &hash): (usize, &u64)| Term { hash, target: target(place), start: 7, end: 8 };
            let terms: Vec<Term> = hashes.iter().enumerate().map(term).collect();
            let keys = |terms: &[Term], bits: u32| -> Vec<_> {
                terms.iter().map(|term| (u64::from(short(term.hash, bits)), term.target)).collect()
            };
            for bits in [hash_bits, 32] {
                let mut expected = keys(&terms, bits);
                expected.sort_unstable();
                let sorted = sorted(terms.clone(), |term| (u64::from(short(term.hash, bits)), term.target));
                prop_assert_eq!(keys(&sorted, bits), expected);
            }
        }
    }

    #[test]
    fn the_same_term_is_one_with_all_its_rows() {
        let mut list = TermList::default();
        for (hash, target, numbers) in [
            (7, Target::Row, &[3, 9][..]),
            (5, Target::Row, &[1]),
            (7, Target::Class, &[2]),
            (7, Target::Row, &[0, 3]),
            (7, Target::Row, &[12]),
        ] {
            list.add(hash, target, numbers);
        }
        list.unite();
        let united: Vec<_> = list.terms.iter().map(|term| (term.hash, term.target, list.numbers_of(term))).collect();
        let expected: [(u64, Target, &[u32]); 3] =
            [(5, Target::Row, &[1]), (7, Target::Row, &[0, 3, 9, 12]), (7, Target::Class, &[2])];
        assert_eq!(united, expected);
    }

    #[test]
    fn every_term_is_found_and_no_other() {
        let hash = |number: u64| crate::hash::term_hash(1, &number.to_le_bytes());
        let numbers = |number: u64| match number % 3 {
            0 => vec![number as u32],
            1 => (0..number as u32).step_by(7).collect(),
            _ => vec![1, 2, number as u32 + 3],
        };
        let target = |number: u64| [Target::Row, Target::Caller][number as usize % 2];
        let mut terms = TermList::default();
        (0..2_000).for_each(|number| terms.add(hash(number), target(number), &numbers(number)));
        let mut pages = Vec::new();
        let index = write_terms(terms, |page| pages.push(page.to_vec())).expect("written");
        let find = |number: u64, target| {
            let pages = index.pages_of(hash(number)).map(|page| (page, &pages[page]));
            let found = pages.map(|(page, bytes)| index.find(page, bytes, hash(number), target).expect("sound"));
            found.flatten().collect::<Vec<_>>()
        };
        for number in 0..2_000 {
            let found = find(number, target(number));
            assert!(numbers(number).iter().all(|row| found.contains(row)), "{number}: {found:?}");
        }
        let wrong = (2_000..12_000).filter(|number| !find(*number, Target::Row).is_empty()).count();
        assert!(wrong < 500, "{wrong} of 10,000 that are not there");
    }
}
