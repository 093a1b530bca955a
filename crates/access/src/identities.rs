//! Who calls: what is known of the owners of keys that an upstream made.
//!
//! Lessons come in, identities go out. Memory answers; a SQLite file keeps what was learned across restarts. A lesson is
//! durable when [`KnownIdentities::learn`] returns, so that whoever hands a key out after that knows its first call.
//!
//! Invariants: nothing secret comes in ([`model::IdentityLesson`] has no place for it), and nothing here proves that a
//! caller has a key; whoever forwards the call relies on the upstream for that. What is on disk is never ahead of memory.
//! A deleted or inactive key names nobody from then on; records of the past are not touched.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use metadata::{Metadata, MetadataError};
use model::{AccessKeyId, EventTime, IamPrincipal, IdentityLesson, UserIdentity};
use parking_lot::RwLock;
use tokio::sync::Mutex;

use self::disk::{Change, Disk};

mod disk;
mod learning;

/// Time that a session is still known after its end, in seconds: clocks differ, and calls of a session that has just
/// expired are worth a name, though they fail.
pub const EXPIRED_GRACE_SECONDS: i64 = 60 * 60;

/// Most sessions that are kept. The oldest of those beyond go first: those that end first. 200,000 sessions take about
/// 200 MB; a busy account starts some thousands an hour.
pub const SESSIONS_MAX: usize = 200_000;

/// Why identities cannot be kept.
#[derive(Debug, thiserror::Error)]
pub enum IdentitiesError {
    /// The database.
    #[error("the database of identities cannot be used")]
    Database(#[from] sqlx::Error),
    /// It cannot be opened.
    #[error(transparent)]
    Metadata(#[from] MetadataError),
    /// A stored identity.
    #[error("an identity cannot be read from its database or written to it")]
    Json(#[from] serde_json::Error),
}

/// Owners of keys.
#[derive(Debug)]
pub struct KnownIdentities {
    memory: RwLock<Memory>,
    /// Held from the change of memory to its commit, so that rows are written in the order of lessons.
    disk: Mutex<Disk>,
}

#[derive(Debug, Default)]
struct Memory {
    keys: HashMap<AccessKeyId, Key>,
    /// Keys of sessions, those that end first in front.
    sessions: BTreeSet<(EventTime, AccessKeyId)>,
    principals: HashMap<PrincipalName, IamPrincipal>,
}

/// What a principal is found by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct PrincipalName {
    account: String,
    kind: PrincipalType,
    name: String,
}

/// Kinds of IAM principals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum PrincipalType {
    User,
    Role,
}

/// What is known of a key.
#[derive(Debug, Clone, PartialEq)]
struct Key {
    identity: Arc<UserIdentity>,
    /// Account and name of the user whose long-term key it is.
    user: Option<(String, String)>,
    is_active: bool,
    expires_at: Option<EventTime>,
}

impl KnownIdentities {
    /// Opens or makes the database and reads it.
    ///
    /// # Errors
    /// It cannot be opened, or holds what this version does not understand.
    pub async fn open(metadata: &Metadata) -> Result<Self, IdentitiesError> {
        let disk = Disk::open(metadata).await?;
        let memory = disk.read().await?;
        Ok(Self { memory: RwLock::new(memory), disk: Mutex::new(disk) })
    }

    /// Whose key this is; `None` when nobody told, or when it must not be used any more.
    ///
    /// Reads memory only: it is asked once a call.
    pub fn find(&self, access_key_id: &AccessKeyId, now: EventTime) -> Option<Arc<UserIdentity>> {
        let memory = self.memory.read();
        let key = memory.keys.get(access_key_id).filter(|key| key.is_active)?;
        key.expires_at.is_none_or(|end| now <= later(end)).then(|| Arc::clone(&key.identity))
    }

    /// Learns, in order; all is known at once and durable on return. What was known before costs no write.
    ///
    /// # Errors
    /// The lessons are in force but not durable.
    pub async fn learn(&self, lessons: Vec<IdentityLesson>, now: EventTime) -> Result<(), IdentitiesError> {
        let mut disk = self.disk.lock().await;
        let changes = {
            let mut memory = self.memory.write();
            let mut changes: Vec<Change> = Vec::new();
            for lesson in lessons {
                memory.learn(lesson, &mut changes);
            }
            memory.forget_sessions(now, SESSIONS_MAX, &mut changes);
            changes
        };
        disk.write(changes).await
    }
}

/// The end of a session with its grace.
fn later(end: EventTime) -> EventTime {
    EventTime::from_seconds(end.as_seconds().saturating_add(EXPIRED_GRACE_SECONDS))
}

#[cfg(test)]
mod tests;
