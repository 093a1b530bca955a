//! A future that goes on when nobody waits for it any more.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// Runs in the task that awaits it, without the cost of a task of its own; dropped before its end it is given one on the
/// same runtime. So a client that goes away cancels neither its call nor the record of it.
pub(crate) struct Unstoppable<T: Send + 'static> {
    work: Option<Pin<Box<dyn Future<Output = T> + Send>>>,
}

impl<T: Send + 'static> Unstoppable<T> {
    pub(crate) fn new(work: impl Future<Output = T> + Send + 'static) -> Self {
        Self { work: Some(Box::pin(work)) }
    }
}

impl<T: Send + 'static> Future for Unstoppable<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        let Some(work) = &mut self.work else {
            // Polled again after its end, which no caller may do.
            return Poll::Pending;
        };
        let done = ready!(work.as_mut().poll(context));
        self.work = None;
        Poll::Ready(done)
    }
}

impl<T: Send + 'static> Drop for Unstoppable<T> {
    fn drop(&mut self) {
        // A panic has ended it already; polled once more it would panic again.
        if let Some(work) = self.work.take()
            && !std::thread::panicking()
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            runtime.spawn(work);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn it_ends_once_whether_somebody_waits_or_not() {
        for is_awaited in [true, false] {
            let ends = Arc::new(AtomicU32::new(0));
            let count = Arc::clone(&ends);
            let work = Unstoppable::new(async move {
                tokio::time::sleep(Duration::from_millis(20)).await;
                count.fetch_add(1, Ordering::SeqCst);
            });
            let patience = Duration::from_millis(if is_awaited { 5_000 } else { 5 });
            assert_eq!(tokio::time::timeout(patience, work).await.is_ok(), is_awaited);
            tokio::time::sleep(Duration::from_millis(60)).await;
            assert_eq!(ends.load(Ordering::SeqCst), 1, "awaited: {is_awaited}");
        }
    }
}
