//! Insights: learns how often operations are called and fail, and tells of unusual activity.
//!
//! ```text
//! recorded events ─▶ observation ─▶ series of one operation ─▶ judged each minute ─▶ Insights event ─▶ store
//!                                   (in one account, region)
//! ```
//!
//! An Insights event is an event like any other: it is appended to the store, found by LookupEvents, and taken by the
//! trails that want it. What was learned is a snapshot beside the journal. An event is in the snapshot's outbox before it is
//! in the store, and what is in the store is not appended again, so that a crash between any two lines neither loses nor
//! doubles one.
//!
//! Modules in reading order: [`observation`] says what of an event counts, [`counts`] who called and how often, [`series`]
//! what is known of one operation, [`judgement`] what is unusual, [`analysis`] all series and their minutes,
//! [`insight_event`] how it is told, [`snapshot`] what is kept, [`watcher`] goes on and on.
//!
//! Source: CloudTrail user guide, Insights events, and their statistics. What the original calls unusual is not published;
//! [`judgement`] says what it is here.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic, reason = "a failed test may panic"))]

mod analysis;
mod counts;
mod insight_event;
mod judgement;
mod observation;
mod series;
mod snapshot;
mod watcher;

pub use analysis::{Analysis, IdSource, Settings};
pub use insight_event::InsightEvent;
pub use observation::Observation;
pub use snapshot::SnapshotError;
pub use watcher::{Learned, Watch, Watcher};
