//! What the store has done to it as time goes by: sealing, compaction and retention, reading ahead, the way to the bucket where
//! there is one, and a look at the room it has.

use std::sync::Arc;
use std::time::Duration;

use model::EventTime;
use store::{DiskRoom, EventStore, StoreError};
use tokio::time::{Instant, Interval, MissedTickBehavior};

/// How often expired segments are looked for.
const RETENTION_INTERVAL: Duration = Duration::from_secs(3600);
/// How often small segments are looked for.
const COMPACTION_INTERVAL: Duration = Duration::from_secs(60);
/// How often the room on the disk is measured: a busy journal writes some 100 MB in that time.
const ROOM_INTERVAL: Duration = Duration::from_secs(1);
/// How often a lack of room is reported.
const ROOM_REPORT_INTERVAL: Duration = Duration::from_secs(60);
/// How often segments that wait for the bucket are looked for, beside when the store tells of them.
const BUCKET_INTERVAL: Duration = Duration::from_secs(30);
/// Pauses while the bucket fails: the first, and the longest.
const BUCKET_PAUSE: Duration = Duration::from_secs(1);
const BUCKET_PAUSE_MAX: Duration = Duration::from_secs(60);
/// How often the move of many segments is reported.
const MOVE_REPORT_INTERVAL: Duration = Duration::from_secs(10);
/// Pause after a failure, most often of a full disk.
const RETRY_PAUSE: Duration = Duration::from_secs(10);

/// Seals, joins and drops as it becomes due. Runs until it is dropped; everything that it does is safe to break off.
pub(crate) async fn run(store: EventStore, seal_interval: Duration, clock: Arc<dyn Fn() -> EventTime + Send + Sync>) {
    // Side by side: joining segments takes seconds, in which memory must not fill up.
    let to_bucket = keep_in_bucket(&store);
    let warm_up = warm_up_when_due(&store);
    tokio::join!(
        seal_when_due(&store, seal_interval),
        tidy_when_due(&store, clock),
        watch_room(&store),
        to_bucket,
        warm_up
    );
}

/// Moves segments to the bucket as they come, and deletes there what is not needed. Ends at once without a bucket.
async fn keep_in_bucket(store: &EventStore) {
    if store.status().bucket.is_none() {
        return;
    }
    tokio::join!(open_bucket_segments(store), move_when_due(store));
}

async fn open_bucket_segments(store: &EventStore) {
    if let Err(error) = store.open_bucket_segments().await {
        let error = &error as &dyn std::error::Error;
        tracing::warn!(error, "segments in the bucket cannot be read now; they are when they are asked");
    }
}

async fn move_when_due(store: &EventStore) {
    let mut look = timer(BUCKET_INTERVAL);
    loop {
        tokio::select! {
            () = store.until_bucket_work() => {}
            _ = look.tick() => {}
        }
        let mut pause = BUCKET_PAUSE;
        while let Err(error) = move_and_delete(store, &mut pause).await {
            report_bucket_failure(&error, store.status().local_segment_count);
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(BUCKET_PAUSE_MAX);
        }
    }
}

fn report_bucket_failure(error: &StoreError, waiting: u64) {
    let error = error as &dyn std::error::Error;
    if waiting > 0 {
        tracing::error!(
            error,
            waiting,
            "SEGMENTS WAIT IN THE DATA FOLDER: the bucket does not take them; they are moved as soon as it does"
        );
    } else {
        tracing::warn!(error, "the bucket of segments does not do what it is asked; it is asked again");
    }
}

/// Sets the pause back when the bucket takes something.
async fn move_and_delete(store: &EventStore, pause: &mut Duration) -> Result<(), StoreError> {
    let (mut segments, mut bytes, mut reported) = (0_u64, 0_u64, Instant::now());
    while let Some(moved) = store.move_up().await? {
        *pause = BUCKET_PAUSE;
        (segments, bytes) = (segments + 1, bytes + moved.bytes);
        if reported.elapsed() >= MOVE_REPORT_INTERVAL && moved.left > 0 {
            tracing::info!(segments, bytes, left = moved.left, "segments are moved to the bucket");
            reported = Instant::now();
        }
    }
    if segments > 0 {
        tracing::info!(segments, bytes, "segments were moved to the bucket");
    }
    let deleted = store.delete_unread_objects().await?;
    if deleted > 0 {
        tracing::info!(objects = deleted, "objects of segments that are no more were deleted from the bucket");
    }
    Ok(())
}

/// Measures the room, so that nothing new is taken where there is none, and says so.
async fn watch_room(store: &EventStore) {
    let mut look = timer(ROOM_INTERVAL);
    let mut reported: Option<Instant> = None;
    loop {
        look.tick().await;
        match store.measure_room() {
            Ok(DiskRoom { refusal: Some(reason), .. }) => {
                if reported.is_none_or(|at| at.elapsed() >= ROOM_REPORT_INTERVAL) {
                    tracing::error!(%reason, "NOTHING NEW IS RECORDED: there is no room for it");
                    reported = Some(Instant::now());
                }
            }
            Ok(_) if reported.take().is_some() => tracing::info!("there is room again, and calls are recorded"),
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "the room on the disk cannot be measured");
            }
        }
    }
}

/// Seals what is full at once and everything at each `seal_interval`.
async fn seal_when_due(store: &EventStore, seal_interval: Duration) {
    let mut seal_all = timer(seal_interval);
    // The first tick comes at once; what a start replayed is young.
    seal_all.tick().await;
    loop {
        let done = tokio::select! {
            () = store.until_full() => store.seal(false).await,
            _ = seal_all.tick() => store.seal(true).await,
        };
        pause_after_failure(done).await;
    }
}

/// Reads what lookups will need of segments that are new to this process: one after another, and resting as long as it works, so
/// that calls and lookups of that moment have the processors.
async fn warm_up_when_due(store: &EventStore) {
    loop {
        let done = match store.warm_up().await {
            Ok(None) => store.read_term_filter().await,
            done => done,
        };
        match done {
            Ok(Some(took)) => tokio::time::sleep(took).await,
            Ok(None) => store.until_new_segments().await,
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "a segment cannot be read ahead; lookups that need it will fail");
            }
        }
    }
}

/// Joins small segments and drops expired ones.
async fn tidy_when_due(store: &EventStore, clock: Arc<dyn Fn() -> EventTime + Send + Sync>) {
    let (mut retention, mut compaction) = (timer(RETENTION_INTERVAL), timer(COMPACTION_INTERVAL));
    loop {
        let done = tokio::select! {
            _ = retention.tick() => drop_expired(store, clock()).await,
            _ = compaction.tick() => compact(store).await,
        };
        pause_after_failure(done).await;
    }
}

fn timer(interval: Duration) -> Interval {
    let mut timer = tokio::time::interval(interval);
    timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
    timer
}

async fn pause_after_failure(done: Result<(), StoreError>) {
    if let Err(error) = done {
        tracing::error!(error = &error as &dyn std::error::Error, "upkeep of the store failed; it is tried again");
        tokio::time::sleep(RETRY_PAUSE).await;
    }
}

async fn compact(store: &EventStore) -> Result<(), StoreError> {
    let mut joined = 0;
    while store.compact().await? {
        joined += 1;
    }
    if joined > 0 {
        tracing::info!(segments = joined, "small segments were joined");
    }
    Ok(())
}

async fn drop_expired(store: &EventStore, now: EventTime) -> Result<(), StoreError> {
    let dropped = store.drop_expired(now).await?;
    if dropped > 0 {
        tracing::info!(segments = dropped, "expired segments were dropped");
    }
    Ok(())
}
