//! Work in parts that threads of other cores help with, if they come in time.
//!
//! These threads are there already and have what they unpack with at hand; a new thread for a lookup costs more than half a
//! dozen records. Whoever asks works on the parts himself, and only waits for those that another thread has begun, so that
//! helpers that are all busy cost nothing but time.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::{Condvar, Mutex};

use crate::StoreError;
use crate::core_threads;

struct Shared<P, T, W> {
    parts: Mutex<VecDeque<(usize, P)>>,
    done: Mutex<Done<T>>,
    is_done: Condvar,
    work: W,
}

struct Done<T> {
    /// By the numbers of the parts.
    results: Vec<Option<Result<T, StoreError>>>,
    /// Parts that are not finished.
    left: usize,
}

/// A part that a thread has begun. It is finished whatever happens: a part that panics has no result.
struct Begun<'a, P, T, W>(&'a Shared<P, T, W>);

impl<P, T, W> Drop for Begun<'_, P, T, W> {
    fn drop(&mut self) {
        self.0.done.lock().left -= 1;
        self.0.is_done.notify_all();
    }
}

impl<P, T, W: Fn(P) -> Result<T, StoreError>> Shared<P, T, W> {
    /// Works on parts until none is left that nobody has begun.
    fn work(&self) {
        loop {
            let next = self.parts.lock().pop_front();
            let Some((number, part)) = next else { return };
            let _begun = Begun(self);
            let result = (self.work)(part);
            self.done.lock().results[number] = Some(result);
        }
    }
}

/// Does some work for each of some parts, on this thread and those of at most so many other cores, and gives the results in
/// the order of the parts. Blocks.
///
/// # Errors
/// The first of the parts' errors, or a part panicked.
pub(crate) fn for_each_part<P, T>(
    parts: Vec<P>,
    helpers: usize,
    work: impl Fn(P) -> Result<T, StoreError> + Send + Sync + 'static,
) -> Result<Vec<T>, StoreError>
where
    P: Send + 'static,
    T: Send + 'static,
{
    let count = parts.len();
    let shared = Arc::new(Shared {
        parts: Mutex::new(parts.into_iter().enumerate().collect()),
        done: Mutex::new(Done { results: (0..count).map(|_| None).collect(), left: count }),
        is_done: Condvar::new(),
        work,
    });
    let helper = Arc::clone(&shared);
    core_threads::call(helpers.min(count.saturating_sub(1)), &move || helper.work());
    shared.work();
    let mut done = shared.done.lock();
    while done.left > 0 {
        shared.is_done.wait(&mut done);
    }
    let missing = || Err(StoreError::Task("a part of a lookup panicked".to_owned()));
    std::mem::take(&mut done.results).into_iter().map(|result| result.unwrap_or_else(missing)).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn squares(helpers: usize) -> Vec<usize> {
        for_each_part((0..100).collect(), helpers, |number| Ok(number * number)).expect("no part fails")
    }

    #[test]
    fn parts_are_done_once_whoever_helps() {
        let expected: Vec<usize> = (0..100).map(|number| number * number).collect();
        assert_eq!(squares(0), expected);
        for _ in 0..100 {
            assert_eq!(squares(4), expected);
        }
        assert!(for_each_part(Vec::<usize>::new(), 4, |_| Ok(())).expect("nothing to do").is_empty());
    }

    #[test]
    fn a_helper_that_never_comes_is_not_waited_for() {
        // Whichever core this thread is on, the threads of all others are taken.
        let held = Arc::new(Mutex::new(()));
        let release = held.lock();
        for _ in 0..8 {
            let held = Arc::clone(&held);
            core_threads::call(usize::MAX, &move || drop(held.lock()));
            std::thread::yield_now();
        }
        assert_eq!(squares(1).len(), 100);
        drop(release);
    }

    #[test]
    fn others_help() {
        if std::thread::available_parallelism().is_ok_and(|cores| cores.get() < 2) {
            eprintln!("skipped: there is one core");
            return;
        }
        let (begun, both) = (Arc::new(AtomicUsize::new(0)), Arc::new(std::sync::Barrier::new(2)));
        let counted = Arc::clone(&begun);
        // Neither part ends before both have begun.
        let work = move |_: usize| {
            counted.fetch_add(1, Ordering::Relaxed);
            both.wait();
            Ok(())
        };
        for_each_part(vec![0, 1], 1, work).expect("done");
        assert_eq!(begun.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn a_part_that_fails_is_an_error_and_nobody_waits_for_ever() {
        let fail = |number: usize| if number == 7 { Err(StoreError::Task("seven".to_owned())) } else { Ok(number) };
        let failed = for_each_part((0..20).collect(), 0, fail).expect_err("a part fails");
        assert!(failed.to_string().contains("seven"), "{failed}");
        if std::thread::available_parallelism().is_ok_and(|cores| cores.get() < 2) {
            eprintln!("the rest is skipped: there is one core");
            return;
        }
        let both = Arc::new(std::sync::Barrier::new(2));
        let caller = std::thread::current().id();
        let work = move |_: usize| {
            both.wait();
            assert_eq!(std::thread::current().id(), caller, "a helper that panics");
            Ok(())
        };
        let panicked = for_each_part(vec![0, 1], 1, work).expect_err("a part panics");
        assert!(panicked.to_string().contains("panicked"), "{panicked}");
    }
}
