//! A limit of calls a second, for those who want the original's.

use std::collections::HashMap;
use std::num::NonZeroU32;

use api::ApiError;
use model::{AccountId, EventTime, Region};
use parking_lot::Mutex;

/// Most buckets kept. A caller chooses the region of its scope freely, and must not fill the memory with names.
const BUCKETS_MAX: usize = 4096;
/// One call, in the unit that buckets are counted in: what one microsecond adds at a rate of one call a second.
const CALL: i64 = 1_000_000;

/// Token buckets by account and region. A bucket holds the calls of one second, and refills steadily.
#[derive(Debug)]
pub(crate) struct Throttle {
    per_second: NonZeroU32,
    buckets: Mutex<HashMap<(AccountId, Region), Bucket>>,
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    /// Calls left, in units of [`CALL`].
    left: i64,
    /// Time that `left` is of.
    at: EventTime,
}

impl Throttle {
    pub(crate) fn new(per_second: NonZeroU32) -> Self {
        Self { per_second, buckets: Mutex::default() }
    }

    /// Takes one call out of a bucket.
    ///
    /// # Errors
    /// [`ApiError::Throttling`] when none is left.
    pub(crate) fn take(&self, account: AccountId, region: &Region, now: EventTime) -> Result<(), ApiError> {
        let mut buckets = self.buckets.lock();
        if buckets.len() >= BUCKETS_MAX {
            // A bucket that is full again says nothing that a new one would not.
            buckets.retain(|_, bucket| self.refilled(*bucket, now).left < self.capacity());
        }
        let key = (account, region.clone());
        if buckets.len() >= BUCKETS_MAX && !buckets.contains_key(&key) {
            return Err(ApiError::Throttling);
        }
        let full = Bucket { left: self.capacity(), at: now };
        let bucket = buckets.entry(key).or_insert(full);
        *bucket = self.refilled(*bucket, now);
        if bucket.left < CALL {
            return Err(ApiError::Throttling);
        }
        bucket.left -= CALL;
        Ok(())
    }

    fn capacity(&self) -> i64 {
        i64::from(self.per_second.get()) * CALL
    }

    /// A clock that goes back adds nothing, and is followed.
    fn refilled(&self, bucket: Bucket, now: EventTime) -> Bucket {
        let micros = now.as_micros().saturating_sub(bucket.at.as_micros()).max(0);
        let added = micros.saturating_mul(i64::from(self.per_second.get()));
        Bucket { left: bucket.left.saturating_add(added).min(self.capacity()), at: now }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(throttle: &Throttle, region: &str, micros: i64) -> bool {
        let account = AccountId::parse("111122223333").expect("an account");
        let region = Region::parse(region).expect("a region");
        throttle.take(account, &region, EventTime::from_micros(micros)).is_ok()
    }

    #[test]
    fn two_a_second_are_two_a_second() {
        let throttle = Throttle::new(NonZeroU32::new(2).expect("not zero"));
        let calls: Vec<bool> = [0, 0, 0, 499_999, 500_000, 500_001, 5_000_000, 5_000_000, 5_000_000]
            .into_iter()
            .map(|micros| taken(&throttle, "us-east-1", micros))
            .collect();
        assert_eq!(calls, [true, true, false, false, true, false, true, true, false]);
        assert!(taken(&throttle, "eu-west-1", 5_000_000), "each region has its own");
    }

    #[test]
    fn a_clock_that_goes_back_neither_adds_nor_stops() {
        let throttle = Throttle::new(NonZeroU32::MIN);
        assert!(taken(&throttle, "a", 10_000_000));
        assert!(!taken(&throttle, "a", 0));
        assert!(taken(&throttle, "a", 1_000_000));
    }

    #[test]
    fn invented_regions_do_not_fill_the_memory() {
        let throttle = Throttle::new(NonZeroU32::MIN);
        for micros_between in [1000, 1] {
            for number in 0..3 * BUCKETS_MAX as i64 {
                taken(&throttle, &format!("r{number}"), number * micros_between);
                assert!(throttle.buckets.lock().len() <= BUCKETS_MAX);
            }
        }
    }
}
