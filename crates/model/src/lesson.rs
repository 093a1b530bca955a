//! What a call teaches about who owns which key.
//!
//! Whoever sees the answers of IAM and STS makes lessons of them, and whoever keeps the directory of callers learns
//! them. A lesson holds no secret: neither a secret key nor a session token.

use crate::{AccessKeyId, EventTime, IamPrincipal, UserIdentity};

/// One fact about users, roles and keys. Accounts are texts, as answers have them.
#[derive(Debug, Clone, PartialEq)]
pub enum IdentityLesson {
    /// A user exists.
    User {
        /// Its account.
        account: String,
        /// What is known of it.
        user: IamPrincipal,
    },
    /// A user has another name, or another path, or both.
    UserRenamed {
        /// Its account.
        account: String,
        /// Name before.
        name: String,
        /// Name after, if it changed.
        new_name: Option<String>,
        /// Path after (`/` or `/a/b/`), if it changed.
        new_path: Option<String>,
    },
    /// A user is gone, with its keys.
    UserDeleted {
        /// Its account.
        account: String,
        /// Its name.
        name: String,
    },
    /// A role exists.
    Role {
        /// Its account.
        account: String,
        /// What is known of it.
        role: IamPrincipal,
    },
    /// A role is gone. Its sessions live on until they expire.
    RoleDeleted {
        /// Its account.
        account: String,
        /// Its name.
        name: String,
    },
    /// A user has a long-term key.
    UserKey {
        /// Account of the user.
        account: String,
        /// Name of the user.
        user_name: String,
        /// Id of the key.
        access_key_id: AccessKeyId,
        /// Whether the key may be used; `None` when the answer does not say.
        is_active: Option<bool>,
    },
    /// A key may be used from now on, or not any more.
    KeyStatus {
        /// Id of the key.
        access_key_id: AccessKeyId,
        /// Whether it may be used.
        is_active: bool,
    },
    /// A key is gone.
    KeyDeleted {
        /// Id of the key.
        access_key_id: AccessKeyId,
    },
    /// A session began: its key speaks for this identity until it expires.
    Session {
        /// Id of its key.
        access_key_id: AccessKeyId,
        /// What records say of it.
        identity: Box<UserIdentity>,
        /// When its key stops working.
        expires_at: EventTime,
    },
    /// The service told a caller who it is. Says less than the answer that handed the key out.
    KeyOwner {
        /// Id of the caller's key.
        access_key_id: AccessKeyId,
        /// What records say of it.
        identity: Box<UserIdentity>,
        /// When this stops being believed; `None` for a long-term key.
        expires_at: Option<EventTime>,
    },
}
