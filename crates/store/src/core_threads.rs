//! Threads that help with searches, one bound to each core.
//!
//! There are kernels that wake a thread on the core of whoever woke it, however idle the others are, and move it only when
//! they next look at the balance, milliseconds later: under one such, 200 of 200 bursts of a millisecond on two threads
//! took two milliseconds, both on the same core. A search is over by then. So whoever wants help calls the threads of other
//! cores than his own.

use std::sync::OnceLock;
use std::sync::mpsc::{Sender, channel};

type Work = Box<dyn FnOnce() + Send>;

struct CoreThread {
    core: usize,
    work: Sender<Work>,
}

/// Has threads of other cores than the present one do some work, each once, and does not wait for them: at most so many, or
/// as many as there are.
pub(crate) fn call(threads: usize, work: &(impl Fn() + Clone + Send + 'static)) {
    let all = core_threads();
    let own = own_core();
    // From the own core on, so that searches of different cores do not all ask the same ones.
    let first = all.partition_point(|thread| thread.core <= own);
    let others = all[first..].iter().chain(&all[..first]).filter(|thread| thread.core != own);
    for thread in others.take(threads) {
        let work = work.clone();
        // Where its thread has ended, which only a defect of work does, others do what it would have done.
        let _ = thread.work.send(Box::new(work));
    }
}

fn core_threads() -> &'static [CoreThread] {
    static THREADS: OnceLock<Vec<CoreThread>> = OnceLock::new();
    THREADS.get_or_init(|| {
        let cores = cores();
        // Nobody can help where there is one core.
        if cores.len() < 2 { Vec::new() } else { cores.into_iter().filter_map(start).collect() }
    })
}

fn start(core: usize) -> Option<CoreThread> {
    let (work, mine) = channel::<Work>();
    let thread = std::thread::Builder::new().name(format!("search-{core}"));
    let started = thread.spawn(move || {
        bind_to(core);
        for work in mine {
            // What panics has no result, and the next search wants its thread.
            let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
        }
    });
    started.is_ok().then_some(CoreThread { core, work })
}

/// Numbers of the cores that this process may use.
#[cfg(target_os = "linux")]
fn cores() -> Vec<usize> {
    use rustix::thread::{CpuSet, sched_getaffinity};
    let Ok(allowed) = sched_getaffinity(None) else { return Vec::new() };
    (0..CpuSet::MAX_CPU).filter(|core| allowed.is_set(*core)).collect()
}

#[cfg(target_os = "linux")]
fn own_core() -> usize {
    rustix::thread::sched_getcpu()
}

#[cfg(target_os = "linux")]
fn bind_to(core: usize) {
    use rustix::thread::{CpuSet, sched_setaffinity};
    let mut only = CpuSet::new();
    only.set(core);
    // If that is not allowed, it helps wherever it runs.
    let _ = sched_setaffinity(None, &only);
}

/// Elsewhere the kernel says where threads run.
#[cfg(not(target_os = "linux"))]
fn cores() -> Vec<usize> {
    (0..std::thread::available_parallelism().map_or(1, std::num::NonZero::get)).collect()
}

#[cfg(not(target_os = "linux"))]
fn own_core() -> usize {
    0
}

#[cfg(not(target_os = "linux"))]
fn bind_to(_: usize) {}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;
    use std::time::Duration;

    use super::*;

    /// What may take its time under a loaded machine, and never comes if it is wrong.
    const PATIENCE: Duration = Duration::from_secs(60);

    #[test]
    fn work_is_done_on_other_cores_and_once_by_each() {
        if cores().len() < 2 {
            eprintln!("skipped: there is one core");
            return;
        }
        for _ in 0..100 {
            let (done, all_done) = channel();
            // Whoever is moved in between was on one of both.
            let before = own_core();
            call(usize::MAX, &move || done.send(own_core()).unwrap());
            let after = own_core();
            let mut ran: Vec<usize> = Vec::new();
            while let Ok(core) = all_done.recv_timeout(PATIENCE) {
                ran.push(core);
            }
            ran.sort_unstable();
            let expected = |own: usize| cores().into_iter().filter(|core| *core != own).collect::<Vec<_>>();
            assert!(ran == expected(before) || ran == expected(after), "{ran:?}");
        }
    }

    #[test]
    fn a_thread_outlives_work_that_panics() {
        if cores().len() < 2 {
            eprintln!("skipped: there is one core");
            return;
        }
        for _ in 0..cores().len() {
            call(usize::MAX, &|| panic!("as a test"));
        }
        let (done, is_done) = channel();
        call(1, &move || done.send(()).unwrap());
        is_done.recv_timeout(PATIENCE).unwrap();
    }
}
