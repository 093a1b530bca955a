//! The metadata databases of an installation: SQLite files in its data folder, or one PostgreSQL.
//!
//! Whoever keeps tables owns their migrations and asks for a database by name ([`Metadata::open`]). Statements and
//! migrations are the same on both; what differs between the two is in this crate alone.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic, reason = "a failed test may panic"))]

mod claim;
mod folder_mark;
mod postgres;
mod sqlite;
#[cfg(feature = "test-database")]
pub mod test_database;

use std::path::PathBuf;
use std::sync::Arc;

use sqlx::AnyPool;
use sqlx::migrate::{MigrateError, Migrator};

pub use crate::postgres::is_connection_lost;

use crate::claim::Claim;
use crate::postgres::Server;

/// Why metadata cannot be kept.
#[derive(Debug, thiserror::Error)]
pub enum MetadataError {
    /// The text names no PostgreSQL.
    #[error("not the address of a PostgreSQL: {0}; write postgres://user:password@host/database")]
    Address(String),
    /// PostgreSQL does not answer, or refuses.
    #[error("the PostgreSQL of the metadata cannot be used")]
    Postgres(#[source] sqlx::Error),
    /// A database of SQLite.
    #[error("the database {name} cannot be used")]
    Sqlite {
        /// Its name.
        name: &'static str,
        /// Why.
        #[source]
        source: sqlx::Error,
    },
    /// The tables.
    #[error("the tables of the database {name} cannot be brought up to date")]
    Migration {
        /// Name of the database.
        name: &'static str,
        /// Why.
        #[source]
        source: MigrateError,
    },
    /// SQLite is asked for by text.
    #[error("the path {} is not UTF-8, which the metadata databases need; choose another data folder", .0.display())]
    Path(PathBuf),
    /// A file in the data folder.
    #[error("cannot {action} {}", path.display())]
    File {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Somebody else has it.
    #[error(
        "the metadata in PostgreSQL is in use by another process; stop that one, or give each installation a database of \
         its own"
    )]
    InUse,
    /// The folder's metadata is elsewhere.
    #[error(
        "the data folder {} keeps its metadata in a PostgreSQL; name it with --metadata or OPENTRAIL_METADATA",
        .0.display()
    )]
    InPostgres(PathBuf),
    /// The folder's metadata is in the folder.
    #[error(
        "the data folder {} has a history that this PostgreSQL knows nothing of; take an empty folder, or the PostgreSQL \
         that belongs to it",
        .0.display()
    )]
    Unknown(PathBuf),
    /// Folder and database do not belong together.
    #[error(
        "this PostgreSQL belongs to another data folder than {} (installation {theirs}, the folder's is {ours}); give each \
         installation a database of its own",
        data_dir.display()
    )]
    OtherInstallation {
        /// The folder.
        data_dir: PathBuf,
        /// Id in the folder.
        ours: String,
        /// Id in the database.
        theirs: String,
    },
}

/// Where the metadata of one installation is.
#[derive(Debug, Clone)]
pub struct Metadata {
    data_dir: PathBuf,
    postgres: Option<Arc<Claimed>>,
}

#[derive(Debug)]
struct Claimed {
    server: Server,
    claim: Claim,
}

impl Metadata {
    /// In SQLite files of the data folder, one for each database. Nothing is touched until one is opened.
    pub fn in_folder(data_dir: impl Into<PathBuf>) -> Self {
        Self { data_dir: data_dir.into(), postgres: None }
    }

    /// In a PostgreSQL, which belongs to this data folder from then on and is this process's alone until it ends.
    ///
    /// # Errors
    /// See [`MetadataError`]: it cannot be reached, is in use, or belongs to another data folder.
    pub async fn in_postgres(address: &str, data_dir: impl Into<PathBuf>) -> Result<Self, MetadataError> {
        let data_dir = data_dir.into();
        let server = Server::parse(address)?;
        let claim = Claim::take(&server, &data_dir).await?;
        Ok(Self { data_dir, postgres: Some(Arc::new(Claimed { server, claim })) })
    }

    /// Whether it is in the data folder, which its owner alone reads.
    pub fn is_in_folder(&self) -> bool {
        self.postgres.is_none()
    }

    /// Opens a database, or makes it, and brings its tables up to date. A commit survives power loss.
    ///
    /// # Errors
    /// See [`MetadataError`].
    pub async fn open(
        &self,
        name: &'static str,
        migrations: &Migrator,
        connections_max: u32,
    ) -> Result<AnyPool, MetadataError> {
        sqlx::any::install_default_drivers();
        match &self.postgres {
            Some(claimed) => claimed.server.open(name, migrations, connections_max).await,
            None if folder_mark::read(&self.data_dir)?.is_some() => {
                Err(MetadataError::InPostgres(self.data_dir.clone()))
            }
            None => sqlite::open(&self.data_dir, name, migrations, connections_max).await,
        }
    }

    /// Comes back when the metadata is no longer this process's alone: whoever gets this must stop at once. Never, for
    /// SQLite: there the lock of the data folder holds as long as the process lives.
    pub async fn lost(&self) {
        match &self.postgres {
            Some(claimed) => claimed.claim.lost().await,
            None => std::future::pending().await,
        }
    }
}
