//! How identities are kept.

use std::sync::Arc;

use metadata::Metadata;
use model::{AccessKeyId, EventTime, IamPrincipal};
use sqlx::{AnyPool, Row};

use super::{IdentitiesError, Key, Memory, PrincipalName, PrincipalType};

/// A row to be written or removed.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Change {
    PutPrincipal(PrincipalName, IamPrincipal),
    RemovePrincipal(PrincipalName),
    PutKey(AccessKeyId, Key),
    RemoveKey(AccessKeyId),
}

/// The database.
#[derive(Debug)]
pub(super) struct Disk {
    pool: AnyPool,
    /// What could not be written yet; it goes with the next commit.
    pending: Vec<Change>,
}

/// Most changes that wait for a database that cannot be written to. Those beyond live in memory alone.
const PENDING_MAX: usize = 100_000;

impl PrincipalType {
    fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Role => "role",
        }
    }
}

impl Disk {
    pub(super) async fn open(metadata: &Metadata) -> Result<Self, IdentitiesError> {
        let pool = metadata.open("identities", &sqlx::migrate!(), 1).await?;
        Ok(Self { pool, pending: Vec::new() })
    }

    pub(super) async fn read(&self) -> Result<Memory, IdentitiesError> {
        let mut memory = Memory::default();
        let rows = sqlx::query("SELECT account, kind, name, principal_id, arn FROM principals");
        for row in rows.fetch_all(&self.pool).await? {
            let kind: String = row.try_get(1)?;
            let kind = if kind == "role" { PrincipalType::Role } else { PrincipalType::User };
            let (account, name): (String, String) = (row.try_get(0)?, row.try_get(2)?);
            let principal = IamPrincipal { name: name.clone(), principal_id: row.try_get(3)?, arn: row.try_get(4)? };
            memory.principals.insert(PrincipalName { account, kind, name }, principal);
        }
        let rows = sqlx::query(
            // A number: the two databases tell of truth in different ways.
            "SELECT access_key_id, account, user_name, CASE WHEN is_active THEN 1 ELSE 0 END, identity, expires_micros \
             FROM access_keys",
        );
        for row in rows.fetch_all(&self.pool).await? {
            let id: String = row.try_get(0)?;
            let Ok(id) = AccessKeyId::parse(&id) else { continue };
            let (account, user_name): (Option<String>, Option<String>) = (row.try_get(1)?, row.try_get(2)?);
            let identity: String = row.try_get(4)?;
            let expires: Option<i64> = row.try_get(5)?;
            let expires_at = expires.map(EventTime::from_micros);
            if let Some(end) = expires_at {
                memory.sessions.insert((end, id.clone()));
            }
            let identity = Arc::new(serde_json::from_str(&identity)?);
            let key =
                Key { identity, user: account.zip(user_name), is_active: row.try_get::<i64, _>(3)? == 1, expires_at };
            memory.keys.insert(id, key);
        }
        Ok(memory)
    }

    /// Commits changes, and those that could not be committed before, in their order.
    pub(super) async fn write(&mut self, changes: Vec<Change>) -> Result<(), IdentitiesError> {
        self.pending.extend(changes);
        if self.pending.is_empty() {
            return Ok(());
        }
        let written = commit(&self.pool, &self.pending).await;
        match &written {
            Ok(()) => self.pending.clear(),
            Err(_) => self.pending.truncate(PENDING_MAX),
        }
        written
    }
}

async fn commit(pool: &AnyPool, changes: &[Change]) -> Result<(), IdentitiesError> {
    let mut transaction = pool.begin().await?;
    for change in changes {
        let query = match change {
            Change::PutPrincipal(name, principal) => sqlx::query(
                "INSERT INTO principals (account, kind, name, principal_id, arn) VALUES ($1, $2, $3, $4, $5) \
                 ON CONFLICT (account, kind, name) DO UPDATE SET principal_id = excluded.principal_id, \
                 arn = excluded.arn",
            )
            .bind(&name.account)
            .bind(name.kind.as_str())
            .bind(&name.name)
            .bind(&principal.principal_id)
            .bind(&principal.arn),
            Change::RemovePrincipal(name) => {
                sqlx::query("DELETE FROM principals WHERE account = $1 AND kind = $2 AND name = $3")
                    .bind(&name.account)
                    .bind(name.kind.as_str())
                    .bind(&name.name)
            }
            Change::PutKey(id, key) => sqlx::query(
                "INSERT INTO access_keys (access_key_id, account, user_name, is_active, identity, expires_micros) \
                 VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (access_key_id) DO UPDATE SET \
                 account = excluded.account, user_name = excluded.user_name, is_active = excluded.is_active, \
                 identity = excluded.identity, expires_micros = excluded.expires_micros",
            )
            .bind(id.as_str())
            .bind(key.user.as_ref().map(|user| user.0.as_str()))
            .bind(key.user.as_ref().map(|user| user.1.as_str()))
            .bind(key.is_active)
            .bind(serde_json::to_string(&*key.identity)?)
            .bind(key.expires_at.map(EventTime::as_micros)),
            Change::RemoveKey(id) => sqlx::query("DELETE FROM access_keys WHERE access_key_id = $1").bind(id.as_str()),
        };
        query.execute(&mut *transaction).await?;
    }
    transaction.commit().await?;
    Ok(())
}
