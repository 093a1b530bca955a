//! How long somebody waits, without a timer for each wait.
//!
//! Nearly every wait ends long before its time. To enter and to leave the runtime's timers for each costs more than the
//! wait itself, so one timer is kept: when it goes off, it is set to where the time of the present wait ends.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

/// The patience of one who waits for one thing after the other.
#[derive(Debug, Default)]
pub(crate) struct Patience {
    end: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Patience {
    /// Begins a wait of at most this time.
    pub(crate) fn begin(&mut self, time: Duration) {
        self.end = Instant::now().checked_add(time);
    }

    /// Ready once the time of the wait is over. To be polled while what is waited for is pending.
    pub(crate) fn poll_end(&mut self, context: &mut Context<'_>) -> Poll<()> {
        // A wait beyond all time has no end.
        let Some(end) = self.end else { return Poll::Pending };
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(end)));
        if timer.deadline() > end {
            timer.as_mut().reset(end);
        }
        loop {
            ready!(timer.as_mut().poll(context));
            if timer.deadline() >= end {
                return Poll::Ready(());
            }
            timer.as_mut().reset(end);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn wait(patience: &mut Patience, time: Duration) {
        patience.begin(time);
        std::future::poll_fn(|context| patience.poll_end(context)).await;
    }

    #[tokio::test]
    async fn each_wait_has_its_own_time() {
        let mut patience = Patience::default();
        for millis in [40, 90, 20, 60] {
            let (time, began) = (Duration::from_millis(millis), Instant::now());
            wait(&mut patience, time).await;
            let waited = began.elapsed();
            assert!(waited >= time && waited < time + Duration::from_secs(5), "{waited:?} instead of {time:?}");
        }
    }

    #[tokio::test]
    async fn a_wait_that_ended_early_does_not_shorten_the_next() {
        let mut patience = Patience::default();
        let time = Duration::from_millis(80);
        let early = tokio::time::timeout(Duration::from_millis(50), wait(&mut patience, time)).await;
        early.expect_err("the wait is longer");
        let began = Instant::now();
        wait(&mut patience, time).await;
        assert!(began.elapsed() >= time, "{:?}", began.elapsed());
    }
}
