//! Whose keys an upstream's keys are, as far as calls have taught it.

use std::sync::Arc;

use async_trait::async_trait;
use model::{AccessKeyId, EventTime, IdentityLesson, UserIdentity};

/// What the gateway asks of whoever keeps identities.
#[async_trait]
pub trait IdentityBook: Send + Sync + 'static {
    /// The owner of a key; `None` when nothing is known. Reads memory only: it is asked once a call.
    fn find(&self, access_key_id: &AccessKeyId, now: EventTime) -> Option<Arc<UserIdentity>>;

    /// Takes lessons in. They are in force and, unless the keeper had to report a failure, durable when this returns:
    /// an answer that hands a key out is released after that.
    async fn learn(&self, lessons: Vec<IdentityLesson>, now: EventTime);
}
