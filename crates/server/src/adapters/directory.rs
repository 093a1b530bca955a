//! The directory, as the gateway asks it.

use std::sync::Arc;

use access::Directory;
use gateway::caller::{CallerDirectory, KnownKey};
use model::AccessKeyId;

/// The keys of this installation.
pub(crate) struct KnownCallers(pub(crate) Arc<Directory>);

impl CallerDirectory for KnownCallers {
    fn find(&self, access_key_id: &AccessKeyId) -> Option<KnownKey> {
        let principal = self.0.find(access_key_id)?;
        Some(KnownKey {
            account: principal.account,
            identity: principal.identity.clone(),
            secret: principal.secret.clone(),
        })
    }
}
