//! What the store has done to it as time goes by: sealing and retention.

use std::sync::Arc;
use std::time::Duration;

use model::EventTime;
use store::{EventStore, StoreError};
use tokio::time::MissedTickBehavior;

/// How often expired segments are looked for.
const RETENTION_INTERVAL: Duration = Duration::from_secs(3600);
/// Pause after a failure, most often of a full disk.
const RETRY_PAUSE: Duration = Duration::from_secs(10);

/// Seals what is full at once and everything at each `seal_interval`, and drops what is expired. Runs until it is
/// dropped; everything that it does is safe to break off.
pub(crate) async fn run(store: EventStore, seal_interval: Duration, clock: Arc<dyn Fn() -> EventTime + Send + Sync>) {
    let mut seal_all = tokio::time::interval(seal_interval);
    let mut retention = tokio::time::interval(RETENTION_INTERVAL);
    for timer in [&mut seal_all, &mut retention] {
        timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
    }
    // The first tick comes at once; what a start replayed is young.
    seal_all.tick().await;
    loop {
        let done = tokio::select! {
            () = store.until_full() => store.seal(false).await,
            _ = seal_all.tick() => store.seal(true).await,
            _ = retention.tick() => drop_expired(&store, clock()).await,
        };
        if let Err(error) = done {
            tracing::error!(error = &error as &dyn std::error::Error, "upkeep of the store failed; it is tried again");
            tokio::time::sleep(RETRY_PAUSE).await;
        }
    }
}

async fn drop_expired(store: &EventStore, now: EventTime) -> Result<(), StoreError> {
    let dropped = store.drop_expired(now).await?;
    if dropped > 0 {
        tracing::info!(segments = dropped, "expired segments were dropped");
    }
    Ok(())
}
