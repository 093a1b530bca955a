//! Counts rows by what many of them share, without making a record.

use std::collections::BTreeMap;

use model::LookupIndex;

use crate::builder::ADDRESS_COLUMN;
use crate::bytes::Damage;
use crate::records::index_of;
use crate::rows::{KeyRange, Rows};
use crate::segment::{Segment, SegmentError};

/// What rows share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SharedPart {
    /// Event name and source, read-only, category, error code, region and account.
    Class,
    /// The caller's name and access key.
    Caller,
    /// The caller's address.
    Address,
}

/// Numbers of rows.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// All.
    pub total: u64,
    /// By what they share: an index of that part, and how many. Parts with the same values may come more than once.
    pub by_part: Vec<(LookupIndex, u64)>,
    /// By the start of an interval, seconds since 1970.
    pub by_time: BTreeMap<i64, u64>,
}

impl Rows<'_> {
    /// Counts the rows between two places in the order of events, by a part and by intervals of so many seconds, above 0.
    /// Exact where the rows were narrowed by tests alone, of classes and callers.
    ///
    /// # Errors
    /// The segment cannot be read.
    pub fn tally(
        &self,
        range: KeyRange,
        part: Option<SharedPart>,
        interval_seconds: Option<i64>,
    ) -> Result<Tally, SegmentError> {
        let mut tally = Tally::default();
        let mut numbers: Vec<u64> = Vec::new();
        self.visit_facts(range, |facts, row| {
            tally.total += 1;
            if let Some(part) = part {
                let number = match part {
                    SharedPart::Class => facts.classes()[row] + 1,
                    SharedPart::Caller => facts.callers()[row],
                    SharedPart::Address => facts.addresses()[row],
                };
                let number = number as usize;
                if numbers.len() <= number {
                    numbers.resize(number + 1, 0);
                }
                numbers[number] += 1;
            }
            if let Some(interval) = interval_seconds.filter(|interval| *interval > 0) {
                *tally.by_time.entry(facts.seconds_of(row).div_euclid(interval) * interval).or_default() += 1;
            }
        })?;
        for (number, count) in (0_u32..).zip(numbers).filter(|(_, count)| *count > 0) {
            let index = match (part, number.checked_sub(1)) {
                (Some(SharedPart::Class), Some(class)) => self.segment().index_of_class(class)?,
                (Some(SharedPart::Caller), Some(caller)) => self.segment().index_of_caller(caller)?,
                (Some(SharedPart::Address), Some(address)) => index_of_address(self.segment(), address)?,
                _ => index_of(b"")?,
            };
            tally.by_part.push((index, count));
        }
        Ok(tally)
    }
}

fn index_of_address(segment: &Segment, address: u32) -> Result<LookupIndex, SegmentError> {
    let first = segment.index.first_values.get(ADDRESS_COLUMN as usize);
    let item = first.and_then(|first| first.checked_add(address)).ok_or(Damage("an address is missing"))?;
    let mut fields = b",\"sourceIPAddress\":\"".to_vec();
    segment.with_item(item, |text| fields.extend_from_slice(text))?;
    fields.push(b'"');
    Ok(index_of(&fields)?)
}
