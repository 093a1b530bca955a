//! The console address: health, metrics, the JSON API that the command line speaks, and one plain page.
//!
//! | path | who may ask | what it gives |
//! | --- | --- | --- |
//! | `GET /-/ready` | anyone | 200 when serving, 503 with the reason before |
//! | `GET /-/metrics` | anyone | OpenMetrics text |
//! | `GET /` | anyone | a page that says what is running |
//! | `POST /api/v1/events/search` | a signed caller | stored records that fit a [`SearchRequest`], page by page |
//! | `POST /api/v1/events/count` | a signed caller | how many records fit, by the values of a field and by time |
//! | `GET /api/v1/events/follow` | a signed caller | records as they become durable, one JSON object a line |
//! | `POST /api/v1/records` | a signed caller | takes records that were made elsewhere, one JSON object a line, durably |
//! | `POST /api/v1/import`, `…/import/files` | a signed caller | what `opentrail import` brings, and its ledger |
//! | `GET /api/v1/status` | a signed caller | what the store holds and how it fares |
//!
//! Callers sign with Signature Version 4 for the service `opentrail` and any region, with a key of the installation, and
//! see the records of their own account. Records go out as the bytes that were stored.
//!
//! Read in this order: [`search`] (the words), [`archive`] (what the console asks of the store), [`mod@router`], and the
//! routes behind it.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic, reason = "a failed test may panic"))]

pub mod archive;
mod count_route;
mod cursor;
mod follow_route;
mod intake;
mod intake_route;
mod page;
pub mod readiness;
mod refusal;
pub mod router;
pub mod search;
mod search_route;
mod signed;
mod status_route;

pub use archive::{
    ArchiveCounts, ArchiveError, ArchivePage, ArchiveQuery, ArchiveStatus, ArchivedEvent, CountField, CountRequest,
    EventArchive,
};
pub use count_route::{EventCounts, TimeCount, ValueCount};
pub use intake::{
    ImportAnswer, ImportHead, ImportIntake, ImportRefusal, IntakeError, IntakeReport, KnownFile, KnownFilesAnswer,
    KnownFilesRequest, LedgerFile, RecordIntake, RejectedLine,
};
pub use readiness::{Readiness, ReadinessSwitch};
pub use router::{Console, router};
pub use search::{SearchError, SearchRequest};
pub use signed::{IMPORT_PATH, KNOWN_FILES_PATH, SIGNING_NAME};
