//! One process per PostgreSQL: what the lock of the data folder is for SQLite.

use std::path::Path;
use std::time::Duration;

use sqlx::{ConnectOptions, Connection, Executor, PgConnection, Row};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use uuid::Uuid;

use crate::postgres::{CONNECT_SECONDS_MAX, Server};
use crate::{MetadataError, folder_mark};

/// Number of the advisory lock: "opentrai" in ASCII. The lock is of one database, so installations do not meet.
const LOCK: i64 = i64::from_be_bytes(*b"opentrai");

/// Time between two looks whether the connection that holds the lock is there.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Longest wait for one look.
const LOOK_MAX: Duration = Duration::from_secs(5);

/// Longest time that a start waits for the end of the process before: PostgreSQL may learn of a death late.
const WAIT_MAX: Duration = Duration::from_secs(3);

const WAIT_STEP: Duration = Duration::from_millis(100);

/// Which installation the database belongs to, and how often a process has claimed it.
const MAKE_TABLE: &str = "CREATE SCHEMA IF NOT EXISTS opentrail; \
    CREATE TABLE IF NOT EXISTS opentrail.installation (id TEXT NOT NULL PRIMARY KEY, claims BIGINT NOT NULL)";

/// The lock, as long as it lives. PostgreSQL frees it with the connection, however the process ends.
#[derive(Debug)]
pub(crate) struct Claim {
    watcher: JoinHandle<()>,
    is_lost: watch::Receiver<bool>,
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.watcher.abort();
    }
}

impl Claim {
    /// Takes the lock, and sees to it that folder and database belong together.
    pub(crate) async fn take(server: &Server, data_dir: &Path) -> Result<Self, MetadataError> {
        let server = server.named(&format!("opentrail {}", Uuid::new_v4()));
        let mut connection = connect(&server).await.map_err(MetadataError::Postgres)?;
        let mut waited = Duration::ZERO;
        while !try_lock(&mut connection).await.map_err(MetadataError::Postgres)? {
            if waited >= WAIT_MAX {
                return Err(MetadataError::InUse);
            }
            sleep(WAIT_STEP).await;
            waited += WAIT_STEP;
        }
        let claims = belong_together(&mut connection, data_dir).await?;
        let (sender, is_lost) = watch::channel(false);
        let watcher = tokio::spawn(async move {
            keep(&server, connection, claims).await;
            sender.send_replace(true);
        });
        Ok(Self { watcher, is_lost })
    }

    pub(crate) async fn lost(&self) {
        // The sender goes only after it told.
        let _ = self.is_lost.clone().wait_for(|is_lost| *is_lost).await;
    }
}

async fn connect(server: &Server) -> Result<PgConnection, sqlx::Error> {
    let connected = timeout(Duration::from_secs(CONNECT_SECONDS_MAX), server.options.connect()).await;
    connected.unwrap_or(Err(sqlx::Error::PoolTimedOut))
}

async fn try_lock(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    sqlx::query("SELECT pg_try_advisory_lock($1)").bind(LOCK).fetch_one(connection).await?.try_get(0)
}

/// Comes back when another process has the lock, or had it. A connection that breaks is made again.
async fn keep(server: &Server, connection: PgConnection, claims: i64) {
    let mut held = Some(connection);
    loop {
        sleep(LOOK_EVERY).await;
        if let Some(connection) = &mut held {
            if let Ok(Ok(())) = timeout(LOOK_MAX, connection.ping()).await {
                continue;
            }
            tracing::warn!("the connection to the PostgreSQL of the metadata broke; it is made again");
            held = None;
        }
        match timeout(LOOK_MAX, take_again(server, claims)).await {
            Ok(Ok(Again::Held(connection))) => held = Some(connection),
            Ok(Ok(Again::Lost)) => return,
            Ok(Ok(Again::Later) | Err(_)) | Err(_) => {}
        }
    }
}

enum Again {
    Held(PgConnection),
    /// PostgreSQL does not know yet that the connection before is gone.
    Later,
    Lost,
}

async fn take_again(server: &Server, claims: i64) -> Result<Again, sqlx::Error> {
    let mut connection = connect(server).await?;
    if try_lock(&mut connection).await? {
        let row = sqlx::query("SELECT claims FROM opentrail.installation").fetch_one(&mut connection).await?;
        return Ok(if row.try_get::<i64, _>(0)? == claims { Again::Held(connection) } else { Again::Lost });
    }
    let holder = sqlx::query(
        "SELECT activity.pid, activity.application_name FROM pg_locks JOIN pg_stat_activity activity USING (pid) \
         WHERE locktype = 'advisory' AND granted AND (classid::bigint << 32) | objid::bigint = $1 AND objsubid = 1 \
         AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
    );
    let Some(row) = holder.bind(LOCK).fetch_optional(&mut connection).await? else { return Ok(Again::Later) };
    let (process, name): (i32, String) = (row.try_get(0)?, row.try_get(1)?);
    if server.options.get_application_name() != Some(&name) {
        return Ok(Again::Lost);
    }
    sqlx::query("SELECT pg_terminate_backend($1)").bind(process).execute(&mut connection).await?;
    Ok(Again::Later)
}

/// Sees to it that the database is this folder's; gives the number of claims that it has seen, with this one.
async fn belong_together(connection: &mut PgConnection, data_dir: &Path) -> Result<i64, MetadataError> {
    let failed = MetadataError::Postgres;
    connection.execute(MAKE_TABLE).await.map_err(failed)?;
    let row = sqlx::query("SELECT id FROM opentrail.installation").fetch_optional(&mut *connection).await;
    let theirs: Option<String> = row.and_then(|row| row.map(|row| row.try_get(0)).transpose()).map_err(failed)?;
    match (folder_mark::read(data_dir)?, theirs) {
        (Some(ours), Some(theirs)) if ours == theirs => {}
        (Some(ours), Some(theirs)) => {
            return Err(MetadataError::OtherInstallation { data_dir: data_dir.to_owned(), ours, theirs });
        }
        // Without its rows, the segments of the folder would be taken for leftovers.
        (_, None) if folder_mark::has_history(data_dir)? => {
            return Err(MetadataError::Unknown(data_dir.to_owned()));
        }
        (None, Some(theirs)) => {
            let ours = "none".to_owned();
            return Err(MetadataError::OtherInstallation { data_dir: data_dir.to_owned(), ours, theirs });
        }
        (ours, None) => {
            // The folder first: a crash between the two leaves a folder without history, which may begin again.
            let id = ours.unwrap_or_else(|| Uuid::new_v4().to_string());
            folder_mark::write(data_dir, &id)?;
            let insert = sqlx::query("INSERT INTO opentrail.installation (id, claims) VALUES ($1, 0)").bind(id);
            insert.execute(&mut *connection).await.map_err(failed)?;
        }
    }
    let row = sqlx::query("UPDATE opentrail.installation SET claims = claims + 1 RETURNING claims");
    row.fetch_one(connection).await.and_then(|row| row.try_get(0)).map_err(failed)
}
