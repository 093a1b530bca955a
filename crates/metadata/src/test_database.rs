//! A PostgreSQL database for one test.

use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection};
use url::Url;
use uuid::Uuid;

/// The variable that names a server whose user may make databases, such as `postgres://user@127.0.0.1/postgres`.
pub const VARIABLE: &str = "OPENTRAIL_TEST_POSTGRES";

/// The address of a new, empty database; `None`, with a line that says so, where there is no server for tests.
///
/// # Panics
/// The server that the variable names makes no database.
#[expect(clippy::expect_used, reason = "a test without its database has failed")]
#[expect(clippy::print_stderr, reason = "a test that skips says so")]
pub async fn new_test_database() -> Option<String> {
    let Ok(server) = std::env::var(VARIABLE) else {
        eprintln!("skipped, for want of a PostgreSQL: set {VARIABLE} as `make test` does");
        return None;
    };
    let name = format!("test_{}", Uuid::new_v4().simple());
    let mut connection = connect(&server).await;
    let statement = AssertSqlSafe(format!("CREATE DATABASE {name}"));
    sqlx::query(statement).execute(&mut connection).await.expect("a database");
    connection.close().await.expect("an orderly end");
    let mut address = Url::parse(&server).expect("an address");
    address.set_path(&name);
    Some(address.into())
}

/// A connection of the test's own.
///
/// # Panics
/// There is no such database.
#[expect(clippy::expect_used, reason = "a test without its database has failed")]
pub async fn connect(address: &str) -> PgConnection {
    address.parse::<sqlx::postgres::PgConnectOptions>().expect("an address").connect().await.expect("a connection")
}
