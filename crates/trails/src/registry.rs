//! Trails in a database and in memory.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use metadata::{Metadata, MetadataError};
use model::{AccountId, EventTime};
use parking_lot::RwLock;
use sqlx::{AnyPool, Row};
use tokio::sync::Mutex;
use uuid::Uuid;

use crate::feed::{EVENT_BUS_FEED, FeedProgress, log_group_feed};
use crate::progress::Progress;
use crate::trail::{Passed, Trail};

/// Why trails cannot be kept.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// The database.
    #[error("the database of trails cannot be used")]
    Database(#[from] sqlx::Error),
    /// It cannot be opened.
    #[error(transparent)]
    Metadata(#[from] MetadataError),
    /// A stored trail.
    #[error("a trail cannot be read from its database or written to it")]
    Json(#[from] serde_json::Error),
}

/// Time that a lease holds after its holder was last heard of, seconds.
const LEASE_SECONDS: i64 = 60;

/// All trails of an installation.
///
/// Several may be open on one database, in one process or in several. Which of them delivers for a trail is a **lease** in
/// the database: nothing is noted for a trail without it, however late the holder wakes up, so that a chain of digests
/// never goes two ways.
#[derive(Debug)]
pub struct TrailRegistry {
    memory: RwLock<BTreeMap<String, Entry>>,
    feeds: RwLock<BTreeMap<String, Arc<FeedProgress>>>,
    /// Held from the decision to its commit: changes of one trail come one after another.
    writing: Mutex<AnyPool>,
    /// What leases of this registry are known by.
    holder: String,
    #[cfg(feature = "faults")]
    faults: crate::faults::Faults,
}

#[derive(Debug, Clone)]
struct Entry {
    trail: Arc<Trail>,
    progress: Arc<Progress>,
    /// End of this registry's lease; `None` when it has none, and what it knows of the progress may be old.
    leased_until: Option<EventTime>,
}

/// A trail that was added although an error was told is not in memory, and may be added again.
const NEW_TRAIL: &str = "INSERT INTO trails (arn, definition, progress) VALUES ($1, $2, $3) ON CONFLICT (arn) DO UPDATE \
    SET definition = excluded.definition, progress = excluded.progress, lease_holder = NULL";

fn lease_end(now: EventTime) -> EventTime {
    EventTime::from_micros(now.as_micros() + LEASE_SECONDS * 1_000_000)
}

fn next_birth() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

impl TrailRegistry {
    /// Opens the database, or makes it.
    ///
    /// # Errors
    /// See [`RegistryError`].
    pub async fn open(metadata: &Metadata) -> Result<Self, RegistryError> {
        let pool = metadata.open("trails", &sqlx::migrate!(), 1).await?;
        let mut memory = BTreeMap::new();
        for row in sqlx::query("SELECT arn, definition, progress FROM trails").fetch_all(&pool).await? {
            let (arn, definition, progress): (String, String, String) =
                (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
            let mut trail: Trail = serde_json::from_str(&definition)?;
            trail.birth = next_birth();
            memory.insert(
                arn,
                Entry {
                    progress: Arc::new(Progress::read(&progress, &trail)?),
                    trail: Arc::new(trail),
                    leased_until: None,
                },
            );
        }
        let mut feeds = BTreeMap::new();
        for row in sqlx::query("SELECT name, progress FROM feeds").fetch_all(&pool).await? {
            let (name, progress): (String, String) = (row.try_get(0)?, row.try_get(1)?);
            feeds.insert(name, Arc::new(serde_json::from_str(&progress)?));
        }
        Ok(Self {
            memory: RwLock::new(memory),
            feeds: RwLock::new(feeds),
            writing: Mutex::new(pool),
            holder: Uuid::new_v4().to_string(),
            #[cfg(feature = "faults")]
            faults: crate::faults::Faults::default(),
        })
    }

    /// Lets notes of deliveries fail from here on.
    #[cfg(feature = "faults")]
    pub fn set_faults(&self, source: crate::faults::FaultSource) {
        self.faults.set(source);
    }

    /// Ends the leases of before, so that nobody waits for the end of a dead process's. Only for who knows that there is no
    /// other: one that lives after all loses its leases, but nothing else.
    ///
    /// # Errors
    /// See [`RegistryError`].
    pub async fn take_over(&self) -> Result<(), RegistryError> {
        let pool = self.writing.lock().await;
        sqlx::query("UPDATE trails SET lease_holder = NULL WHERE lease_holder IS NOT NULL").execute(&*pool).await?;
        Ok(())
    }

    /// Takes the lease of a trail's delivery, or keeps it. Gives how far the delivery is; `None` when somebody else
    /// delivers, or the trail is gone.
    ///
    /// # Errors
    /// See [`RegistryError`].
    pub async fn lease(&self, trail: &Trail, now: EventTime) -> Result<Option<Arc<Progress>>, RegistryError> {
        let pool = self.writing.lock().await;
        let key = trail.key();
        let Some(entry) = self.entry(trail) else { return Ok(None) };
        if entry.leased_until.is_some_and(|until| until.as_seconds() - now.as_seconds() > LEASE_SECONDS / 2) {
            return Ok(Some(entry.progress));
        }
        let until = lease_end(now);
        let row = sqlx::query(
            "UPDATE trails SET lease_holder = $1, lease_until_micros = $2 WHERE arn = $3 \
             AND (lease_holder IS NULL OR lease_holder = $1 OR lease_until_micros < $4) RETURNING progress",
        )
        .bind(&self.holder)
        .bind(until.as_micros())
        .bind(&key)
        .bind(now.as_micros())
        .fetch_optional(&*pool)
        .await?;
        let mut memory = self.memory.write();
        let (Some(row), Some(known)) = (row, memory.get_mut(&key)) else {
            return Ok(None);
        };
        // A lease that had ended may have been somebody else's meanwhile.
        known.progress = Arc::new(Progress::read(&row.try_get::<String, _>(0)?, trail)?);
        known.leased_until = Some(until);
        Ok(Some(Arc::clone(&known.progress)))
    }

    /// What is known of a trail, if it still is this one.
    fn entry(&self, trail: &Trail) -> Option<Entry> {
        self.memory.read().get(&trail.key()).filter(|entry| entry.trail.birth == trail.birth).cloned()
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
        sqlx::query(NEW_TRAIL)
            .bind(&trail.arn)
            .bind(serde_json::to_string(&*trail)?)
            .bind(serde_json::to_string(&*progress)?)
            .execute(&*pool)
            .await?;
        let entry = Entry { trail: Arc::clone(&trail), progress, leased_until: None };
        self.memory.write().insert(trail.arn.clone(), entry);
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

    /// Notes how far a trail's delivery is, and keeps its lease; says whether the lease and the trail are still there. If
    /// not, nothing was noted, and whoever delivered for it must stop: another one may go on with it, or what it was goes on
    /// under another key.
    ///
    /// # Errors
    /// See [`RegistryError`]; what was noted before holds then.
    pub async fn note_progress(
        &self,
        trail: &Trail,
        progress: Progress,
        now: EventTime,
    ) -> Result<bool, RegistryError> {
        let pool = self.writing.lock().await;
        let key = trail.key();
        if self.entry(trail).is_none_or(|entry| entry.leased_until.is_none()) {
            return Ok(false);
        }
        let until = lease_end(now);
        let statement = "UPDATE trails SET progress = $1, lease_until_micros = $2 WHERE arn = $3 AND lease_holder = $4";
        let write = async {
            let text = serde_json::to_string(&progress).map_err(|error| sqlx::Error::Encode(error.into()))?;
            let query = sqlx::query(statement).bind(text).bind(until.as_micros()).bind(&key).bind(&self.holder);
            query.execute(&*pool).await
        };
        #[cfg(feature = "faults")]
        let write = async {
            match self.faults.next() {
                crate::faults::Fault::Nothing => write.await,
                crate::faults::Fault::Lost => Err(crate::faults::broken()),
                crate::faults::Fault::ReportedLost => write.await.and(Err(crate::faults::broken())),
            }
        };
        let noted = write.await;
        let is_noted = noted.as_ref().is_ok_and(|noted| noted.rows_affected() == 1);
        if let Some(entry) = self.memory.write().get_mut(&key) {
            if is_noted {
                entry.progress = Arc::new(progress);
            }
            // An error leaves open what was noted: the next lease reads it.
            entry.leased_until = is_noted.then_some(until);
        }
        noted?;
        Ok(is_noted)
    }

    /// How far the delivery and the feeds of a trail are, each one that there is.
    pub fn passed(&self, arn: &str) -> Vec<Passed> {
        let delivery = self.progress(arn).map(|progress| Passed { start: progress.start, cursor: progress.cursor });
        let log_group = self.feed(&log_group_feed(arn)).map(|feed| Passed { start: feed.start, cursor: feed.cursor });
        // The feed of all trails counts no starts.
        let event_bus = self.feed(EVENT_BUS_FEED).map(|feed| Passed { start: u64::MAX, cursor: feed.cursor });
        [delivery, log_group, event_bus].into_iter().flatten().collect()
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
        let Some(Entry { trail, progress, leased_until }) = self.memory.read().get(arn).cloned() else {
            return Ok(false);
        };
        let ends = self.with_ended().into_iter().filter(|other| other.arn == trail.arn).filter_map(|other| other.ended);
        let mut ended = Trail { ended: Some(ends.max().unwrap_or(0) + 1), birth: next_birth(), ..Trail::clone(&trail) };
        if ended.logging.is_on {
            ended.logging.stop(now);
        }
        let (key, feed) = (ended.key(), log_group_feed(arn));
        let ended_feed = log_group_feed(&key);
        let is_done = progress.is_stopped && progress.start == ended.logging.starts;
        let mut transaction = pool.begin().await?;
        let feed_statement = match is_done {
            true => sqlx::query("DELETE FROM feeds WHERE name = $1").bind(&feed),
            // Its group gets what was recorded until now, as the bucket does.
            false => sqlx::query("UPDATE feeds SET name = $2 WHERE name = $1").bind(&feed).bind(&ended_feed),
        };
        feed_statement.execute(&mut *transaction).await?;
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
        let mut feeds = self.feeds.write();
        if let Some(fed) = feeds.remove(&feed).filter(|_| !is_done) {
            feeds.insert(ended_feed, fed);
        }
        drop(feeds);
        let mut memory = self.memory.write();
        memory.remove(arn);
        if !is_done {
            memory.insert(key, Entry { trail: Arc::new(ended), progress, leased_until });
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
        let feed = log_group_feed(&key);
        let mut transaction = pool.begin().await?;
        sqlx::query("DELETE FROM trails WHERE arn = $1").bind(&key).execute(&mut *transaction).await?;
        sqlx::query("DELETE FROM feeds WHERE name = $1").bind(&feed).execute(&mut *transaction).await?;
        transaction.commit().await?;
        self.memory.write().remove(&key);
        self.feeds.write().remove(&feed);
        Ok(())
    }

    /// Trails that belong to an account.
    pub fn of_account(&self, account: AccountId) -> Vec<Arc<Trail>> {
        self.all().into_iter().filter(|trail| trail.account == account).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use model::Region;

    use super::*;
    use crate::trail::Logging;

    async fn open(folder: &Path) -> TrailRegistry {
        let registry = TrailRegistry::open(&Metadata::in_folder(folder)).await.unwrap();
        registry.take_over().await.unwrap();
        registry
    }

    async fn note(registry: &TrailRegistry, trail: &Trail, progress: Progress, now: EventTime) -> bool {
        registry.lease(trail, now).await.unwrap();
        registry.note_progress(trail, progress, now).await.unwrap()
    }

    fn trail(name: &str) -> Trail {
        Trail {
            arn: format!("arn:aws:cloudtrail:eu-west-1:111122223333:trail/{name}"),
            name: name.to_owned(),
            account: AccountId::parse("111122223333").unwrap(),
            home_region: Region::parse("eu-west-1").unwrap(),
            created: None,
            bucket: "logs".to_owned(),
            prefix: None,
            topic: None,
            includes_global_service_events: true,
            is_multi_region: false,
            validates_log_files: true,
            validates_since: None,
            log_group_arn: None,
            log_group_behind: 0,
            log_role_arn: None,
            kms_key_id: None,
            is_organization: false,
            logs_recursively: None,
            tags: Vec::new(),
            selectors: None,
            insights: Vec::new(),
            insights_since: None,
            past: Vec::new(),
            logging: Logging::default(),
            ended: None,
            birth: 0,
        }
    }

    #[test]
    fn plans_of_earlier_builds_are_carried_out() {
        let now = EventTime::from_seconds(1_700_000_000);
        let trail = trail("one");
        let taking = crate::Taking { scope: trail.scope(), until: Some(now), ..crate::Taking::default() };
        let plan = crate::DeliveryPlan {
            after: 3,
            to: 9,
            taking: taking.clone(),
            bucket: "logs".to_owned(),
            files: Vec::new(),
            since: now,
        };
        let progress = Progress { cursor: 3, plan: Some(plan), ..Progress::default() };
        let mut kept = serde_json::to_value(&progress).unwrap();
        let plan = kept["plan"].as_object_mut().unwrap();
        plan.remove("taking").unwrap();
        plan.insert("selectors".to_owned(), serde_json::to_value(&taking.scope.selectors).unwrap());
        plan.insert("until".to_owned(), serde_json::to_value(now).unwrap());
        for added in ["stopped", "overlap", "digest_ends"] {
            kept.as_object_mut().unwrap().remove(added);
        }
        assert_eq!(Progress::read(&kept.to_string(), &trail).unwrap(), progress);
        assert_eq!(Progress::read(&serde_json::to_string(&progress).unwrap(), &trail).unwrap(), progress);
    }

    #[tokio::test]
    async fn what_was_changed_is_there_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let arn = trail("one").arn;
        let registry = open(folder.path()).await;
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
        assert!(note(&registry, &registry.get(&arn).unwrap(), noted, EventTime::from_seconds(1)).await);
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

        let registry = open(folder.path()).await;
        assert_eq!(registry.all().iter().map(|trail| trail.bucket.as_str()).collect::<Vec<_>>(), ["other"]);
        assert_eq!(registry.progress(&arn).unwrap().cursor, 9);
        assert_eq!(registry.feed(&log_group_feed(&arn)).unwrap().cursor, 7);
        assert_eq!(registry.feed(&log_group_feed(&trail("two").arn)), None);
    }

    #[tokio::test]
    async fn a_trail_that_logged_is_kept_until_its_last_files_are_delivered() {
        let folder = tempfile::tempdir().unwrap();
        let registry = open(folder.path()).await;
        let arn = trail("one").arn;
        let logging = Logging { is_on: true, starts: 1, ..Logging::default() };
        for end in 1..=2 {
            let new = Trail { logging: logging.clone(), ..trail("one") };
            let live = registry.add(new, |_| Ok::<_, ()>(())).await.unwrap().unwrap();
            let progress = Progress { start: 1, ..Progress::default() };
            assert!(note(&registry, &live, progress, EventTime::from_seconds(40)).await);
            assert!(registry.end(&arn, EventTime::from_seconds(50 + end)).await.unwrap());
            // Who still delivers for it under its ARN is told, also when another one has it.
            assert!(!note(&registry, &live, Progress::default(), EventTime::from_seconds(60)).await);
        }
        drop(registry);
        let registry = open(folder.path()).await;
        assert!(registry.all().is_empty() && registry.get(&arn).is_none());
        let ended = registry.with_ended();
        let stops: Vec<_> = ended.iter().map(|ended| (ended.ended, ended.logging.stopped)).collect();
        assert_eq!(stops, [1, 2].map(|end| (Some(end), Some(EventTime::from_seconds(50 + end as i64)))));
        for trail in ended {
            assert_eq!(registry.progress(&trail.key()).unwrap().start, 1);
            assert!(note(&registry, &trail, Progress::default(), EventTime::from_seconds(70)).await);
            registry.forget(&trail).await.unwrap();
        }
        assert!(open(folder.path()).await.with_ended().is_empty());
    }
}
