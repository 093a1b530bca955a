//! Who an access key speaks for.

use std::sync::Arc;

use aws_wire::sigv4::SecretAccessKey;
use model::{AccessKeyId, AccountId, UserIdentity};

/// The owner of an access key.
#[derive(Debug, Clone)]
pub struct Principal {
    /// What kind of principal it is.
    pub kind: PrincipalKind,
    /// Its account.
    pub account: AccountId,
    /// The key that was presented.
    pub access_key_id: AccessKeyId,
    /// The secret of that key, to verify signatures with.
    pub secret: SecretAccessKey,
    /// What records say of a caller with this key.
    pub identity: Arc<UserIdentity>,
}

/// The kinds of principals. Matched arm by arm wherever rights are decided, so that a new kind is noticed there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PrincipalKind {
    /// The root user: may do everything in its account.
    Root,
}

impl Principal {
    /// The root user of an account, with one of its keys.
    pub fn root(account: AccountId, access_key_id: AccessKeyId, secret: SecretAccessKey) -> Self {
        let identity = Arc::new(UserIdentity::root(account, Some(access_key_id.as_str())));
        Self { kind: PrincipalKind::Root, account, access_key_id, secret, identity }
    }
}
