//! `GET /api/v1/events/follow`: records as they become durable.
//!
//! The stream reads the store by sequence number and waits when it is at the end. It holds no queue that could overflow:
//! a slow reader falls behind and catches up from the store, and so misses nothing and gets nothing twice.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Response};
use bytes::{BufMut, Bytes, BytesMut};
use control::Position;
use futures::stream;
use http::{StatusCode, header};
use model::EventTime;

use crate::archive::{ArchiveError, ArchiveQuery, ArchivedEvent, EventArchive};
use crate::refusal::Refusal;
use crate::router::Console;
use crate::search::{Filter, Order, SearchRequest};
use crate::search_route::restrict;
use crate::signed::SignedCaller;

/// Events read at once.
const BATCH_EVENTS: usize = 500;
/// Says that the stream lives; also its first line, so that the reader knows that it has begun.
const EMPTY_LINE: Bytes = Bytes::from_static(b"\n");

pub(crate) async fn follow(
    State(console): State<Console>,
    Extension(caller): Extension<SignedCaller>,
    RawQuery(query): RawQuery,
) -> Result<Response, Refusal> {
    let request =
        SearchRequest::from_query(query.as_deref().unwrap_or_default()).map_err(|error| Refusal::of_search(&error))?;
    if request.cursor.is_some() || request.order.is_some() || request.limit.is_some() || request.until.is_some() {
        let message = "A stream of new events takes no cursor, order, limit or until.";
        return Err(Refusal::new(StatusCode::BAD_REQUEST, "InvalidSearch", message));
    }
    let mut search = request.check().map_err(|error| Refusal::of_search(&error))?;
    restrict(&mut search.filter, caller)?;
    let since = search.since.map(|since| since.resolve(console.now()));
    let follower = Follower::new(Arc::clone(console.archive()), search.filter, since, console.keep_alive());
    let lines =
        stream::try_unfold((follower, console.readiness().clone()), |(mut follower, mut readiness)| async move {
            // A stream never ends by itself, and must not keep the server from stopping.
            let line = tokio::select! {
                line = follower.next_line() => line,
                () = readiness.stopped() => return Ok(None),
            };
            let line = line.map_err(|error| {
                tracing::error!(error = &error as &dyn std::error::Error, "a stream of events ends: the store failed");
                io::Error::other(error)
            })?;
            Ok::<_, io::Error>(Some((line, (follower, readiness))))
        });
    let content_type = [(header::CONTENT_TYPE, "application/x-ndjson"), (header::CACHE_CONTROL, "no-store")];
    Ok((content_type, Body::from_stream(lines)).into_response())
}

/// A reader of the store that never ends.
struct Follower {
    archive: Arc<dyn EventArchive>,
    filter: Arc<Filter>,
    since: Option<EventTime>,
    /// Where reading by sequence number stands: everything up to it was looked at, or is left to `past`.
    seen: u64,
    /// The stored past that is still to be sent, when the caller asked for it.
    past: Option<Past>,
    /// Lines that were read and not sent.
    ready: VecDeque<Bytes>,
    /// Pause after which an empty line is sent.
    keep_alive: Duration,
}

/// Reading the past by event time, oldest first.
struct Past {
    after: Option<Position>,
    /// The newest sequence number when the stream began. What came later belongs to the reading by sequence number, also
    /// where its event time lies in the past: so each event is sent by exactly one of the two.
    newest: u64,
    end: EventTime,
}

impl Follower {
    fn new(archive: Arc<dyn EventArchive>, filter: Filter, since: Option<EventTime>, keep_alive: Duration) -> Self {
        let newest = archive.newest_sequence();
        let end = EventTime::from_micros(i64::MAX);
        let past = since.map(|_| Past { after: None, newest, end });
        Self {
            archive,
            filter: Arc::new(filter),
            since,
            seen: newest,
            past,
            ready: VecDeque::from([EMPTY_LINE]),
            keep_alive,
        }
    }

    async fn next_line(&mut self) -> Result<Bytes, ArchiveError> {
        loop {
            if let Some(line) = self.ready.pop_front() {
                return Ok(line);
            }
            if self.past.is_some() {
                self.read_past().await?;
            } else if !self.read_new().await? && !self.wait().await {
                return Ok(EMPTY_LINE);
            }
        }
    }

    async fn read_past(&mut self) -> Result<(), ArchiveError> {
        let (Some(past), Some(start)) = (&mut self.past, self.since) else { return Ok(()) };
        let query = ArchiveQuery {
            filter: Arc::clone(&self.filter),
            start,
            end: past.end,
            order: Order::OldestFirst,
            after: past.after,
            limit: BATCH_EVENTS,
        };
        let page = self.archive.page(query).await?;
        let newest = past.newest;
        match page.next {
            Some(next) => past.after = Some(next),
            None => self.past = None,
        }
        self.take(page.events.into_iter().filter(|event| event.sequence <= newest));
        Ok(())
    }

    /// Whether there was anything to look at.
    async fn read_new(&mut self) -> Result<bool, ArchiveError> {
        let batch = self.archive.arrived_after(self.seen, BATCH_EVENTS).await?;
        let Some(last) = batch.last() else { return Ok(false) };
        self.seen = last.sequence;
        self.take(batch.into_iter());
        Ok(true)
    }

    fn take(&mut self, events: impl Iterator<Item = ArchivedEvent>) {
        let (filter, since) = (Arc::clone(&self.filter), self.since);
        let fitting = events.filter(|event| filter.fits(&event.index, &event.record));
        let fitting = fitting.filter(|event| since.is_none_or(|since| event.index.event_time >= since));
        self.ready.extend(fitting.map(|event| line(&event.record)));
    }

    /// Whether something arrived before a keep-alive is due.
    async fn wait(&self) -> bool {
        tokio::time::timeout(self.keep_alive, self.archive.arrival_after(self.seen)).await.is_ok()
    }
}

fn line(record: &[u8]) -> Bytes {
    let mut line = BytesMut::with_capacity(record.len() + 1);
    line.put_slice(record);
    line.put_u8(b'\n');
    line.freeze()
}
