//! Which files are needed, and which wait to be removed.

use sqlx::sqlite::SqliteConnection;

use super::{Index, IndexError, to_json};
use crate::attributes::Extent;

pub(super) async fn insert_file(connection: &mut SqliteConnection, id: i64) -> Result<(), IndexError> {
    sqlx::query("INSERT INTO file (id) VALUES (?)").bind(id).execute(connection).await?;
    Ok(())
}

pub(super) async fn doom_file(connection: &mut SqliteConnection, id: i64) -> Result<(), IndexError> {
    sqlx::query("UPDATE file SET doomed = 1 WHERE id = ?").bind(id).execute(connection).await?;
    Ok(())
}

/// One object less has this content; without any left it goes, and its files are doomed.
pub(super) async fn release_content(connection: &mut SqliteConnection, id: i64) -> Result<(), IndexError> {
    let (count, extents): (i64, Option<String>) = sqlx::query_as(
        "UPDATE content SET reference_count = reference_count - 1 WHERE id = ? RETURNING reference_count, extents",
    )
    .bind(id)
    .fetch_one(&mut *connection)
    .await?;
    if count > 0 {
        return Ok(());
    }
    sqlx::query("DELETE FROM content WHERE id = ?").bind(id).execute(&mut *connection).await?;
    let Some(extents) = extents else { return Ok(()) };
    sqlx::query(
        "UPDATE file SET doomed = 1 WHERE id IN (SELECT json_extract(extent.value, '$[0]') FROM json_each(?) AS extent)",
    )
    .bind(extents)
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) async fn insert_content(
    connection: &mut SqliteConnection,
    inline: Option<&[u8]>,
    extents: &[Extent],
) -> Result<i64, IndexError> {
    let extents = if inline.is_some() { None } else { Some(to_json(&extents, "extents")?) };
    let id =
        sqlx::query_scalar("INSERT INTO content (reference_count, inline_data, extents) VALUES (1, ?, ?) RETURNING id")
            .bind(inline)
            .bind(extents)
            .fetch_one(connection)
            .await?;
    Ok(id)
}

impl Index {
    /// Files that nobody needs any more, `limit` at most.
    pub(crate) async fn doomed_files(&self, limit: i64) -> Result<Vec<i64>, IndexError> {
        let ids = sqlx::query_scalar("SELECT id FROM file WHERE doomed = 1 ORDER BY id LIMIT ?")
            .bind(limit)
            .fetch_all(&self.readers)
            .await?;
        Ok(ids)
    }

    /// Forgets files that were removed durably.
    pub(crate) async fn forget_files(&self, ids: Vec<i64>) -> Result<(), IndexError> {
        self.write(move |mut transaction| async move {
            let list = to_json(&ids, "file ids")?;
            sqlx::query("DELETE FROM file WHERE doomed = 1 AND id IN (SELECT value FROM json_each(?))")
                .bind(list)
                .execute(&mut *transaction)
                .await?;
            Ok((transaction, ()))
        })
        .await
    }

    /// Of these files, the ones that the index does not name.
    pub(crate) async fn unknown_files(&self, ids: &[i64]) -> Result<Vec<i64>, IndexError> {
        let list = to_json(&ids, "file ids")?;
        let unknown = sqlx::query_scalar(
            "SELECT value FROM json_each(?) WHERE value NOT IN (SELECT id FROM file) ORDER BY value",
        )
        .bind(list)
        .fetch_all(&self.readers)
        .await?;
        Ok(unknown)
    }

    /// The last run whose left-over files were removed.
    pub(crate) async fn swept_through(&self) -> Result<i64, IndexError> {
        let run =
            sqlx::query_scalar("SELECT value FROM meta WHERE name = 'swept_through'").fetch_one(&self.readers).await?;
        Ok(run)
    }

    pub(crate) async fn set_swept_through(&self, run: i64) -> Result<(), IndexError> {
        self.write(move |mut transaction| async move {
            sqlx::query("UPDATE meta SET value = ? WHERE name = 'swept_through'")
                .bind(run)
                .execute(&mut *transaction)
                .await?;
            Ok((transaction, ()))
        })
        .await
    }
}
