//! The names of digests, each given once.

use std::collections::BTreeMap;

use model::EventTime;
use parking_lot::Mutex;

/// Ends of digests that were planned, by the ARN of the trail and the name of the chain.
///
/// The name of a digest tells the second of its end and no more. A trail that was deleted may still have a last digest to
/// write while another one with its name has its first, so that the ends of both are given out here, one after another.
#[derive(Debug)]
pub struct DigestEnds {
    given: Mutex<BTreeMap<(String, String), i64>>,
    /// Second in which this process began: what the one before it gave out is not later.
    floor: i64,
}

impl DigestEnds {
    /// Ends from a moment on, which is not before the process began.
    pub fn since(now: EventTime) -> Self {
        Self { given: Mutex::default(), floor: now.as_seconds() }
    }

    /// Gives out an end: the one that is wanted, or the first second behind those that were given out.
    pub(crate) fn give(&self, arn: &str, chain: &str, wanted: EventTime) -> EventTime {
        let mut given = self.given.lock();
        let last = given.entry((arn.to_owned(), chain.to_owned())).or_insert(self.floor);
        *last = wanted.as_seconds().max(*last + 1);
        EventTime::from_seconds(*last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_end_is_given_twice() {
        let ends = DigestEnds::since(EventTime::from_seconds(100));
        let give = |chain: &str, wanted| ends.give("arn", chain, EventTime::from_seconds(wanted)).as_seconds();
        assert_eq!([give("a", 100), give("a", 101), give("b", 101), give("a", 200)], [101, 102, 101, 200]);
    }
}
