//! Databases as SQLite files.

use std::path::Path;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use sqlx::any::AnyPoolOptions;
use sqlx::migrate::Migrator;
use sqlx::{AnyPool, Executor};

use crate::MetadataError;

/// What every connection is told. A committed row must survive power loss: journals are trimmed and plans carried out after
/// it. Another process that reads (a backup) makes a writer wait, in milliseconds.
const SETTINGS: &str = "PRAGMA busy_timeout = 10000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL";

pub(crate) async fn open(
    data_dir: &Path,
    name: &'static str,
    migrations: &Migrator,
    connections_max: u32,
) -> Result<AnyPool, MetadataError> {
    let path = data_dir.join(format!("{name}.sqlite"));
    let text = path.to_str().ok_or_else(|| MetadataError::Path(path.clone()))?;
    let address = format!("sqlite://{}?mode=rwc", utf8_percent_encode(text, NON_ALPHANUMERIC));
    let pool = AnyPoolOptions::new()
        .max_connections(connections_max)
        .after_connect(|connection, _| Box::pin(async move { connection.execute(SETTINGS).await.map(|_| ()) }))
        .connect(&address)
        .await
        .map_err(|source| MetadataError::Sqlite { name, source })?;
    migrations.run(&pool).await.map_err(|source| MetadataError::Migration { name, source })?;
    Ok(pool)
}
