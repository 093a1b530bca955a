//! The directory, as the gateway asks it.

use std::sync::Arc;

use access::{Directory, KnownIdentities};
use async_trait::async_trait;
use gateway::IdentityBook;
use gateway::caller::{CallerDirectory, KnownKey};
use model::{AccessKeyId, EventTime, IdentityLesson, UserIdentity};

/// The keys of this installation.
pub(crate) struct KnownCallers(pub(crate) Arc<Directory>);

impl CallerDirectory for KnownCallers {
    fn find(&self, access_key_id: &AccessKeyId) -> Option<KnownKey> {
        let principal = self.0.find(access_key_id)?;
        Some(KnownKey {
            account: principal.account,
            identity: Arc::clone(&principal.identity),
            secret: principal.secret.clone(),
        })
    }
}

/// What calls taught about the keys of upstreams.
pub(crate) struct LearnedIdentities(pub(crate) Arc<KnownIdentities>);

#[async_trait]
impl IdentityBook for LearnedIdentities {
    fn find(&self, access_key_id: &AccessKeyId, now: EventTime) -> Option<Arc<UserIdentity>> {
        self.0.find(access_key_id, now)
    }

    async fn learn(&self, lessons: Vec<IdentityLesson>, now: EventTime) {
        if let Err(error) = self.0.learn(lessons, now).await {
            // The call itself is recorded. What is lost, and only by a crash before the next success, is a name.
            tracing::error!(error = &error as &dyn std::error::Error, "who owns a key is known but not durable");
        }
    }
}
