//! Work in parts that other threads of the runtime help with, if they come in time.
//!
//! Threads of the runtime's pool are there already and have what they unpack with at hand; a new thread for a lookup costs
//! more than half a dozen records. Whoever asks works on the parts himself, and only waits for those that another thread has
//! begun, so that a pool without a free thread costs nothing but time.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::{Condvar, Mutex};
use tokio::runtime::Handle;

use crate::StoreError;

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

/// Does some work for each of some parts, on this thread and at most so many others of the runtime, and gives the results in
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
    // Without a runtime there is nobody to help.
    if let Ok(runtime) = Handle::try_current() {
        for _ in 0..helpers.min(count.saturating_sub(1)) {
            let shared = Arc::clone(&shared);
            runtime.spawn_blocking(move || shared.work());
        }
    }
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

    #[tokio::test]
    async fn parts_are_done_once_whoever_helps() {
        let expected: Vec<usize> = (0..100).map(|number| number * number).collect();
        assert_eq!(std::thread::spawn(|| squares(4)).join().expect("no panic"), expected, "without a runtime");
        assert_eq!(squares(0), expected);
        let with_help = tokio::task::spawn_blocking(|| squares(4)).await.expect("no panic");
        assert_eq!(with_help, expected);
        assert!(for_each_part(Vec::<usize>::new(), 4, |_| Ok(())).expect("nothing to do").is_empty());
    }

    #[tokio::test]
    async fn a_helper_that_never_comes_is_not_waited_for() {
        let (release, held) = std::sync::mpsc::channel::<()>();
        let runtime = tokio::runtime::Builder::new_multi_thread().max_blocking_threads(1).build().expect("a runtime");
        // The only thread of the pool is taken.
        runtime.spawn_blocking(move || held.recv());
        let handle = runtime.handle().clone();
        let done = std::thread::spawn(move || {
            let _entered = handle.enter();
            squares(1)
        });
        assert_eq!(done.join().expect("no panic").len(), 100);
        drop(release);
        runtime.shutdown_background();
    }

    #[tokio::test]
    async fn others_help() {
        let (begun, both) = (Arc::new(AtomicUsize::new(0)), Arc::new(std::sync::Barrier::new(2)));
        let counted = Arc::clone(&begun);
        // Neither part ends before both have begun.
        let work = move |_: usize| {
            counted.fetch_add(1, Ordering::Relaxed);
            both.wait();
            Ok(())
        };
        tokio::task::spawn_blocking(|| for_each_part(vec![0, 1], 1, work)).await.expect("no panic").expect("done");
        assert_eq!(begun.load(Ordering::Relaxed), 2);
    }

    #[tokio::test]
    async fn a_part_that_fails_is_an_error_and_nobody_waits_for_ever() {
        let fail = |number: usize| if number == 7 { Err(StoreError::Task("seven".to_owned())) } else { Ok(number) };
        let failed = for_each_part((0..20).collect(), 0, fail).expect_err("a part fails");
        assert!(failed.to_string().contains("seven"), "{failed}");
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
