//! Trails in a database and in memory.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use model::{AccountId, EventTime};
use parking_lot::RwLock;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Row, SqlitePool};
use tokio::sync::Mutex;

use crate::feed::{FeedProgress, log_group_feed};
use crate::progress::Progress;
use crate::trail::Trail;

/// Name of the database in the data folder.
const FILE_NAME: &str = "trails.sqlite";

/// Why trails cannot be kept.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// The database.
    #[error("the database of trails cannot be used")]
    Database(#[from] sqlx::Error),
    /// Its tables.
    #[error("the database of trails cannot be brought up to date")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// A stored trail.
    #[error("a trail cannot be read from its database or written to it")]
    Json(#[from] serde_json::Error),
}

/// All trails of an installation.
#[derive(Debug)]
pub struct TrailRegistry {
    memory: RwLock<BTreeMap<String, Entry>>,
    feeds: RwLock<BTreeMap<String, Arc<FeedProgress>>>,
    /// Held from the decision to its commit: changes of one trail come one after another.
    writing: Mutex<SqlitePool>,
}

#[derive(Debug, Clone)]
struct Entry {
    trail: Arc<Trail>,
    progress: Arc<Progress>,
}

fn next_birth() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

impl TrailRegistry {
    /// Opens the database in a data folder, or makes it.
    ///
    /// # Errors
    /// See [`RegistryError`].
    pub async fn open(data_dir: &Path) -> Result<Self, RegistryError> {
        let options = SqliteConnectOptions::new()
            .filename(data_dir.join(FILE_NAME))
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // What a delivery committed is never done again, so it must survive power loss.
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(Duration::from_secs(10));
        let pool = SqlitePoolOptions::new().max_connections(1).connect_with(options).await?;
        sqlx::migrate!().run(&pool).await?;
        let mut memory = BTreeMap::new();
        for row in sqlx::query("SELECT arn, definition, progress FROM trails").fetch_all(&pool).await? {
            let (arn, definition, progress): (String, String, String) =
                (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
            let mut trail: Trail = serde_json::from_str(&definition)?;
            trail.birth = next_birth();
            memory.insert(arn, Entry { trail: Arc::new(trail), progress: Arc::new(serde_json::from_str(&progress)?) });
        }
        let mut feeds = BTreeMap::new();
        for row in sqlx::query("SELECT name, progress FROM feeds").fetch_all(&pool).await? {
            let (name, progress): (String, String) = (row.try_get(0)?, row.try_get(1)?);
            feeds.insert(name, Arc::new(serde_json::from_str(&progress)?));
        }
        Ok(Self { memory: RwLock::new(memory), feeds: RwLock::new(feeds), writing: Mutex::new(pool) })
    }

    /// All trails, by their ARNs.
    pub fn all(&self) -> Vec<Arc<Trail>> {
        self.with_ended().into_iter().filter(|trail| trail.ended.is_none()).collect()
    }

    /// All trails, and those that were deleted and have files to be delivered.
    pub fn with_ended(&self) -> Vec<Arc<Trail>> {
        self.memory.read().values().map(|entry| Arc::clone(&entry.trail)).collect()
    }

    /// A trail.
    pub fn get(&self, arn: &str) -> Option<Arc<Trail>> {
        self.memory.read().get(arn).map(|entry| Arc::clone(&entry.trail))
    }

    /// How far the delivery of a trail is, by its key; see [`Trail::key`].
    pub fn progress(&self, key: &str) -> Option<Arc<Progress>> {
        self.memory.read().get(key).map(|entry| Arc::clone(&entry.progress))
    }

    /// Adds a trail; a check that all others pass decides whether. Gives back what the check said.
    ///
    /// # Errors
    /// See [`RegistryError`]; the trail is not there then.
    pub async fn add<E>(
        &self,
        mut trail: Trail,
        check: impl FnOnce(&[Arc<Trail>]) -> Result<(), E>,
    ) -> Result<Result<Arc<Trail>, E>, RegistryError> {
        let pool = self.writing.lock().await;
        if let Err(refusal) = check(&self.all()) {
            return Ok(Err(refusal));
        }
        trail.birth = next_birth();
        let (trail, progress) = (Arc::new(trail), Arc::new(Progress { is_stopped: true, ..Progress::default() }));
        sqlx::query("INSERT INTO trails (arn, definition, progress) VALUES ($1, $2, $3)")
            .bind(&trail.arn)
            .bind(serde_json::to_string(&*trail)?)
            .bind(serde_json::to_string(&*progress)?)
            .execute(&*pool)
            .await?;
        self.memory.write().insert(trail.arn.clone(), Entry { trail: Arc::clone(&trail), progress });
        Ok(Ok(trail))
    }

    /// Changes what a trail is. `None` when it is not there; else what the change said, and nothing is changed when it
    /// refused.
    ///
    /// # Errors
    /// See [`RegistryError`]; nothing is changed then.
    pub async fn change<E>(
        &self,
        arn: &str,
        change: impl FnOnce(&mut Trail) -> Result<(), E>,
    ) -> Result<Option<Result<Arc<Trail>, E>>, RegistryError> {
        let pool = self.writing.lock().await;
        let Some(known) = self.get(arn) else { return Ok(None) };
        let mut changed = Trail::clone(&known);
        if let Err(refusal) = change(&mut changed) {
            return Ok(Some(Err(refusal)));
        }
        if changed != *known {
            sqlx::query("UPDATE trails SET definition = $1 WHERE arn = $2")
                .bind(serde_json::to_string(&changed)?)
                .bind(arn)
                .execute(&*pool)
                .await?;
        }
        let changed = Arc::new(changed);
        if let Some(entry) = self.memory.write().get_mut(arn) {
            entry.trail = Arc::clone(&changed);
        }
        Ok(Some(Ok(changed)))
    }

    /// Notes how far a trail's delivery is; says whether the trail is still there. If it is not, nothing was noted, and
    /// whoever delivered for it must stop: what it was may go on under another key.
    ///
    /// # Errors
    /// See [`RegistryError`]; what was noted before holds then.
    pub async fn note_progress(&self, trail: &Trail, progress: Progress) -> Result<bool, RegistryError> {
        let pool = self.writing.lock().await;
        let key = trail.key();
        if self.memory.read().get(&key).is_none_or(|entry| entry.trail.birth != trail.birth) {
            return Ok(false);
        }
        sqlx::query("UPDATE trails SET progress = $1 WHERE arn = $2")
            .bind(serde_json::to_string(&progress)?)
            .bind(&key)
            .execute(&*pool)
            .await?;
        if let Some(entry) = self.memory.write().get_mut(&key) {
            entry.progress = Arc::new(progress);
        }
        Ok(true)
    }

    /// How far a feed is; `None` when it never was noted.
    pub fn feed(&self, name: &str) -> Option<Arc<FeedProgress>> {
        self.feeds.read().get(name).cloned()
    }

    /// Notes how far a feed is.
    ///
    /// # Errors
    /// See [`RegistryError`]; what was noted before holds then.
    pub async fn note_feed(&self, name: &str, progress: FeedProgress) -> Result<(), RegistryError> {
        let pool = self.writing.lock().await;
        let statement = "INSERT INTO feeds (name, progress) VALUES ($1, $2)
            ON CONFLICT (name) DO UPDATE SET progress = excluded.progress";
        sqlx::query(statement).bind(name).bind(serde_json::to_string(&progress)?).execute(&*pool).await?;
        self.feeds.write().insert(name.to_owned(), Arc::new(progress));
        Ok(())
    }

    /// Ends a trail; says whether it was there. Its name is free then. One that logs is stopped, and it is kept until its
    /// last files are delivered; see [`TrailRegistry::forget`].
    ///
    /// # Errors
    /// See [`RegistryError`]; the trail stays then.
    pub async fn end(&self, arn: &str, now: EventTime) -> Result<bool, RegistryError> {
        let pool = self.writing.lock().await;
        let Some(Entry { trail, progress }) = self.memory.read().get(arn).cloned() else { return Ok(false) };
        let ends = self.with_ended().into_iter().filter(|other| other.arn == trail.arn).filter_map(|other| other.ended);
        let mut ended = Trail { ended: Some(ends.max().unwrap_or(0) + 1), birth: next_birth(), ..Trail::clone(&trail) };
        if ended.logging.is_on {
            ended.logging.is_on = false;
            ended.logging.stopped = Some(now);
        }
        let (key, feed) = (ended.key(), log_group_feed(arn));
        let is_done = progress.is_stopped && progress.start == ended.logging.starts;
        let mut transaction = pool.begin().await?;
        sqlx::query("DELETE FROM feeds WHERE name = $1").bind(&feed).execute(&mut *transaction).await?;
        if is_done {
            sqlx::query("DELETE FROM trails WHERE arn = $1").bind(arn).execute(&mut *transaction).await?;
        } else {
            sqlx::query("UPDATE trails SET arn = $1, definition = $2 WHERE arn = $3")
                .bind(&key)
                .bind(serde_json::to_string(&ended)?)
                .bind(arn)
                .execute(&mut *transaction)
                .await?;
        }
        transaction.commit().await?;
        self.feeds.write().remove(&feed);
        let mut memory = self.memory.write();
        memory.remove(arn);
        if !is_done {
            memory.insert(key, Entry { trail: Arc::new(ended), progress });
        }
        Ok(true)
    }

    /// Forgets a trail that was ended.
    ///
    /// # Errors
    /// See [`RegistryError`]; it stays then.
    pub async fn forget(&self, ended: &Trail) -> Result<(), RegistryError> {
        let pool = self.writing.lock().await;
        let key = ended.key();
        sqlx::query("DELETE FROM trails WHERE arn = $1").bind(&key).execute(&*pool).await?;
        self.memory.write().remove(&key);
        Ok(())
    }

    /// Trails that belong to an account.
    pub fn of_account(&self, account: AccountId) -> Vec<Arc<Trail>> {
        self.all().into_iter().filter(|trail| trail.account == account).collect()
    }
}

#[cfg(test)]
mod tests {
    use model::Region;

    use super::*;
    use crate::trail::Logging;

    fn trail(name: &str) -> Trail {
        Trail {
            arn: format!("arn:aws:cloudtrail:eu-west-1:111122223333:trail/{name}"),
            name: name.to_owned(),
            account: AccountId::parse("111122223333").unwrap(),
            home_region: Region::parse("eu-west-1").unwrap(),
            bucket: "logs".to_owned(),
            prefix: None,
            topic: None,
            includes_global_service_events: true,
            is_multi_region: false,
            validates_log_files: true,
            log_group_arn: None,
            log_group_behind: 0,
            log_role_arn: None,
            kms_key_id: None,
            is_organization: false,
            logs_recursively: None,
            tags: Vec::new(),
            selectors: None,
            logging: Logging::default(),
            ended: None,
            birth: 0,
        }
    }

    #[tokio::test]
    async fn what_was_changed_is_there_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let arn = trail("one").arn;
        let registry = TrailRegistry::open(folder.path()).await.unwrap();
        registry.add(trail("one"), |_| Ok::<_, ()>(())).await.unwrap().unwrap();
        registry.add(trail("two"), |_| Ok::<_, ()>(())).await.unwrap().unwrap();
        assert_eq!(registry.add(trail("three"), |all| Err(all.len())).await.unwrap(), Err(2));
        let renamed = registry.change(&arn, |trail| {
            trail.bucket = "other".to_owned();
            Ok::<_, ()>(())
        });
        assert_eq!(renamed.await.unwrap().unwrap().unwrap().bucket, "other");
        assert_eq!(registry.change(&arn, |_| Err(7)).await.unwrap(), Some(Err(7)));
        assert_eq!(registry.change("arn", |_| Ok::<_, ()>(())).await.unwrap(), None);
        let noted = Progress { cursor: 9, ..Progress::default() };
        assert!(registry.note_progress(&registry.get(&arn).unwrap(), noted).await.unwrap());
        for name in ["one", "two"] {
            let progress = FeedProgress { cursor: 5, ..FeedProgress::default() };
            registry.note_feed(&log_group_feed(&trail(name).arn), progress).await.unwrap();
        }
        let progress = FeedProgress { cursor: 7, ..FeedProgress::default() };
        registry.note_feed(&log_group_feed(&arn), progress).await.unwrap();
        let now = EventTime::from_seconds(50);
        assert!(registry.end(&trail("two").arn, now).await.unwrap());
        assert!(!registry.end(&trail("two").arn, now).await.unwrap());
        drop(registry);

        let registry = TrailRegistry::open(folder.path()).await.unwrap();
        assert_eq!(registry.all().iter().map(|trail| trail.bucket.as_str()).collect::<Vec<_>>(), ["other"]);
        assert_eq!(registry.progress(&arn).unwrap().cursor, 9);
        assert_eq!(registry.feed(&log_group_feed(&arn)).unwrap().cursor, 7);
        assert_eq!(registry.feed(&log_group_feed(&trail("two").arn)), None);
    }

    #[tokio::test]
    async fn a_trail_that_logged_is_kept_until_its_last_files_are_delivered() {
        let folder = tempfile::tempdir().unwrap();
        let registry = TrailRegistry::open(folder.path()).await.unwrap();
        let arn = trail("one").arn;
        let logging = Logging { is_on: true, starts: 1, ..Logging::default() };
        for end in 1..=2 {
            let new = Trail { logging: logging.clone(), ..trail("one") };
            let live = registry.add(new, |_| Ok::<_, ()>(())).await.unwrap().unwrap();
            assert!(registry.note_progress(&live, Progress { start: 1, ..Progress::default() }).await.unwrap());
            assert!(registry.end(&arn, EventTime::from_seconds(50 + end)).await.unwrap());
            // Who still delivers for it under its ARN is told, also when another one has it.
            assert!(!registry.note_progress(&live, Progress::default()).await.unwrap());
        }
        drop(registry);
        let registry = TrailRegistry::open(folder.path()).await.unwrap();
        assert!(registry.all().is_empty() && registry.get(&arn).is_none());
        let ended = registry.with_ended();
        let stops: Vec<_> = ended.iter().map(|ended| (ended.ended, ended.logging.stopped)).collect();
        assert_eq!(stops, [1, 2].map(|end| (Some(end), Some(EventTime::from_seconds(50 + end as i64)))));
        for trail in ended {
            assert_eq!(registry.progress(&trail.key()).unwrap().start, 1);
            assert!(registry.note_progress(&trail, Progress::default()).await.unwrap());
            registry.forget(&trail).await.unwrap();
        }
        assert!(TrailRegistry::open(folder.path()).await.unwrap().with_ended().is_empty());
    }
}
