//! Reads of any size at any place give the bytes that were written, whatever the bucket does in between.

use std::ops::Range;
use std::sync::atomic::{AtomicU32, Ordering};

use proptest::prelude::*;

use super::*;
/// One object; each so-manieth request fails, or gives other bytes.
#[derive(Debug)]
struct OneObject {
    bytes: Mutex<Bytes>,
    fail_each: u32,
    requests: AtomicU32,
    /// Answers all the same.
    answers: Mutex<bool>,
    largest: AtomicU64,
}

impl SegmentBucket for OneObject {
    fn url(&self) -> &str {
        "s3://bucket"
    }

    fn put(&self, _: &str, bytes: Bytes) -> Result<(), BucketError> {
        *self.bytes.lock() = bytes;
        Ok(())
    }

    fn get(&self, _: &str, range: Range<u64>) -> Result<Bytes, BucketError> {
        self.largest.fetch_max(range.end - range.start, Ordering::Relaxed);
        let bytes = self.bytes.lock().slice(range.start as usize..range.end as usize);
        let number = self.requests.fetch_add(1, Ordering::Relaxed) + 1;
        match number.checked_rem(self.fail_each).filter(|_| !*self.answers.lock()) {
            Some(0) if number.is_multiple_of(2) || self.fail_each == 1 => {
                Err(BucketError::Unavailable("not now".to_owned()))
            }
            Some(0) => Ok(bytes.iter().map(|byte| byte ^ 1).collect()),
            _ => Ok(bytes),
        }
    }

    fn delete(&self, _: &str) -> Result<(), BucketError> {
        Ok(())
    }
}

const SIZE: usize = 70 * PAGE_BYTES + 4_321;

fn content() -> Bytes {
    static CONTENT: std::sync::LazyLock<Bytes> =
        std::sync::LazyLock::new(|| (0..SIZE).map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8).collect());
    CONTENT.clone()
}

fn remote(folder: &Path, fail_each: u32) -> (Arc<OneObject>, RemoteSegment) {
    let object = Arc::new(OneObject {
        bytes: Mutex::new(content()),
        fail_each,
        requests: AtomicU32::new(0),
        answers: Mutex::new(false),
        largest: AtomicU64::new(0),
    });
    let config = BucketConfig { bucket: Arc::clone(&object) as Arc<dyn SegmentBucket>, cache_bytes: 0 };
    let shared = Arc::new(RemoteSegments::open(&config, folder, 7, &[], Vec::new()).unwrap());
    let checksums = content().chunks(PAGE_BYTES).map(crc32c::crc32c).collect();
    (object, shared.segment("a.segment", SIZE as u64, checksums))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn reads_give_what_was_written(
        reads in prop::collection::vec((0..SIZE, prop_oneof![1..300_usize, 1..400_000_usize]), 1..40),
        fail_each in prop_oneof![Just(0_u32), Just(3)],
    ) {
        let folder = tempfile::tempdir().unwrap();
        let (object, segment) = remote(folder.path(), fail_each);
        let bytes = content();
        for (offset, size) in reads {
            let mut buffer = vec![0; size.min(SIZE - offset)];
            segment.read_at(offset as u64, &mut buffer).unwrap();
            prop_assert!(buffer == bytes[offset..offset + buffer.len()]);
        }
        prop_assert!(object.largest.load(Ordering::Relaxed) <= u64::from(PAGES_AT_ONCE) * PAGE_BYTES as u64);
    }
}

#[test]
fn one_who_goes_straight_on_asks_seldom_and_one_who_jumps_fetches_little() {
    let folder = tempfile::tempdir().unwrap();
    let (object, segment) = remote(folder.path(), 0);
    let mut buffer = vec![0; 1_000];
    for offset in (0..SIZE - 1_000).step_by(1_000) {
        segment.read_at(offset as u64, &mut buffer).unwrap();
    }
    let requests = object.requests.load(Ordering::Relaxed);
    assert!(requests <= 12, "{requests} requests for 71 pages");
    assert_eq!(
        segment.shared.status().fetched_bytes,
        (71 * PAGE_BYTES - (PAGE_BYTES - 4_321)) as u64,
        "each page once"
    );

    let folder = tempfile::tempdir().unwrap();
    let (object, segment) = remote(folder.path(), 0);
    for page in [50, 3, 20] {
        segment.read_at(page * PAGE_BYTES as u64 + 9, &mut buffer).unwrap();
    }
    assert_eq!(segment.shared.status().fetched_bytes, 3 * PAGE_BYTES as u64);
    // Who goes on to jump wants most of the segment.
    for page in (0..70).map(|number| number * 31 % 70) {
        segment.read_at(page * PAGE_BYTES as u64 + 9, &mut buffer).unwrap();
    }
    let requests = object.requests.load(Ordering::Relaxed);
    assert!(requests < 40, "{requests} requests");
}

#[test]
fn nothing_behind_the_end_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let (_, segment) = remote(folder.path(), 0);
    for (offset, size) in [(SIZE as u64, 1), (SIZE as u64 - 5, 6), (u64::MAX, 2)] {
        assert!(segment.read_at(offset, &mut vec![0; size]).is_err());
    }
    segment.read_at(SIZE as u64, &mut []).unwrap();
}

#[test]
fn one_reader_waits_for_a_bucket_that_is_away_and_the_others_do_not() {
    let folder = tempfile::tempdir().unwrap();
    let (object, segment) = remote(folder.path(), 1);
    // Every request fails.
    object.requests.store(1, Ordering::Relaxed);
    let key = segment.key.clone();
    let error = BucketError::Unavailable("not now".to_owned());
    *segment.shared.away.lock() = Some((Instant::now() + AWAY_PAUSE, error.clone()));
    assert_eq!(segment.shared.fetch(&key, 0..10), Err(error));
    assert_eq!(object.requests.load(Ordering::Relaxed), 1, "it is not asked");
    assert!(segment.shared.status().is_away);
    // Later one looks whether it is back, and holds up nobody else meanwhile.
    let long_ago = Instant::now();
    *segment.shared.away.lock() = Some((long_ago, BucketError::Unavailable("not now".to_owned())));
    std::thread::scope(|scope| {
        let looking = scope.spawn(|| segment.shared.fetch(&key, 0..10));
        while object.requests.load(Ordering::Relaxed) == 1 {
            std::thread::sleep(Duration::from_millis(1));
        }
        let started = Instant::now();
        assert!(segment.shared.fetch(&key, 0..10).is_err());
        assert!(started.elapsed() < Duration::from_secs(1));
        *object.answers.lock() = true;
        assert!(looking.join().unwrap().is_ok());
    });
    assert!(!segment.shared.status().is_away);
    *object.answers.lock() = false;
    segment.shared.close();
    *segment.shared.away.lock() = None;
    assert!(segment.shared.fetch(&key, 0..10).is_err(), "at the end nobody waits");
    assert!(segment.shared.status().is_away);
}
