//! Whether the server serves yet.

use std::sync::Arc;

use tokio::sync::watch;

/// What `GET /-/ready` says; cheap to clone.
#[derive(Debug, Clone)]
pub struct Readiness(watch::Receiver<State>);

/// Sets what `GET /-/ready` says; held by whoever starts and stops the server.
#[derive(Debug)]
pub struct ReadinessSwitch(watch::Sender<State>);

#[derive(Debug, Clone)]
enum State {
    Serving,
    NotServing(Arc<str>),
}

/// A switch that says "not serving" for this reason, and what it switches.
pub fn readiness(reason: &str) -> (ReadinessSwitch, Readiness) {
    let (sender, receiver) = watch::channel(State::NotServing(reason.into()));
    (ReadinessSwitch(sender), Readiness(receiver))
}

impl ReadinessSwitch {
    /// From now on the server serves.
    pub fn serving(&self) {
        self.0.send_replace(State::Serving);
    }

    /// From now on it does not, for this reason, which anyone may read.
    pub fn not_serving(&self, reason: &str) {
        self.0.send_replace(State::NotServing(reason.into()));
    }
}

impl Readiness {
    /// Why the server does not serve; `None` when it does.
    pub fn reason(&self) -> Option<Arc<str>> {
        match &*self.0.borrow() {
            State::Serving => None,
            State::NotServing(reason) => Some(Arc::clone(reason)),
        }
    }
    /// Waits until the server does not serve, or is gone.
    pub async fn stopped(&mut self) {
        // The error says that the switch was dropped: nobody serves then either.
        let _ = self.0.wait_for(|state| matches!(state, State::NotServing(_))).await;
    }
}
