//! Databases as schemas of one PostgreSQL database.

use std::borrow::Cow;
use std::time::Duration;

use sqlx::any::AnyPoolOptions;
use sqlx::migrate::{Migration, Migrator};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AnyPool, AssertSqlSafe, Executor, SqlSafeStr};
use url::Url;

use crate::MetadataError;

/// Longest wait for a connection.
pub(crate) const CONNECT_SECONDS_MAX: u64 = 10;

/// A PostgreSQL database.
#[derive(Clone)]
pub(crate) struct Server {
    address: Url,
    pub(crate) options: PgConnectOptions,
}

impl std::fmt::Debug for Server {
    /// Without the password.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let database = self.options.get_database();
        formatter.debug_struct("Server").field("host", &self.options.get_host()).field("database", &database).finish()
    }
}

impl Server {
    pub(crate) fn parse(address: &str) -> Result<Self, MetadataError> {
        let url = Url::parse(address).map_err(|error| MetadataError::Address(error.to_string()))?;
        if !matches!(url.scheme(), "postgres" | "postgresql") {
            return Err(MetadataError::Address(format!("it begins with {}://", url.scheme())));
        }
        let options = address.parse().map_err(|error: sqlx::Error| MetadataError::Address(error.to_string()))?;
        Ok(Self { address: url, options })
    }

    /// The same database, whose connections are known to the server by a name of their own.
    pub(crate) fn named(&self, name: &str) -> Self {
        Self { address: self.address.clone(), options: self.options.clone().application_name(name) }
    }

    pub(crate) async fn open(
        &self,
        name: &'static str,
        migrations: &Migrator,
        connections_max: u32,
    ) -> Result<AnyPool, MetadataError> {
        let make_schema = format!("CREATE SCHEMA IF NOT EXISTS {}", schema(name));
        // An operator may have made commits lazy for the whole server; ours are promises.
        let settings = format!("SET search_path TO {}; SET synchronous_commit TO on", schema(name));
        let pool = AnyPoolOptions::new()
            .max_connections(connections_max)
            .acquire_timeout(Duration::from_secs(CONNECT_SECONDS_MAX))
            .after_connect(move |connection, _| {
                let settings = AssertSqlSafe(settings.clone());
                Box::pin(async move { connection.execute(settings).await.map(|_| ()) })
            })
            .connect(self.address.as_str())
            .await
            .map_err(MetadataError::Postgres)?;
        pool.execute(AssertSqlSafe(make_schema)).await.map_err(MetadataError::Postgres)?;
        in_its_words(migrations).run(&pool).await.map_err(|source| MetadataError::Migration { name, source })?;
        Ok(pool)
    }
}

/// Whether an error leaves open what became of the statement: it may have been carried out. Never so with SQLite.
pub fn is_connection_lost(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::Protocol(_) | sqlx::Error::PoolTimedOut => true,
        // Class 08: connection exceptions. Class 57: the server goes down, comes up, or ended this connection.
        sqlx::Error::Database(error) => {
            let code = error.code().unwrap_or_default();
            code.len() == 5 && (code.starts_with("08") || code.starts_with("57P"))
        }
        _ => false,
    }
}

/// The schema that a database of ours is.
fn schema(name: &str) -> String {
    format!("opentrail_{name}")
}

/// The same migrations: PostgreSQL has one word of its own.
fn in_its_words(migrations: &Migrator) -> Migrator {
    let migrations = migrations.iter().map(|migration| {
        let sql = AssertSqlSafe(migration.sql.as_str().replace(" BLOB ", " BYTEA ")).into_sql_str();
        let description = Cow::Owned(migration.description.clone().into_owned());
        Migration::new(migration.version, description, migration.migration_type, sql, migration.no_tx)
    });
    Migrator::with_migrations(migrations.collect())
}
