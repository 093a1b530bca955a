//! Bodies: held when small, streamed when large, counted always.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::Incoming;
use tokio::sync::oneshot;
use tokio::time::Sleep;

use crate::http1::body::WireBody;
use crate::resigning::ResignedChunks;
use crate::upstream::UpstreamBody;

/// Any error of a body.
pub type BodyError = Box<dyn std::error::Error + Send + Sync>;

/// A body of one of our own services.
pub type LocalBody = UnsyncBoxBody<Bytes, BodyError>;

/// Nothing came for too long.
#[derive(Debug, thiserror::Error)]
#[error("no byte of the body came for {} s", after.as_secs())]
pub struct IdleTimeout {
    after: Duration,
}

/// A body that is still on its HTTP/1.1 connection.
#[derive(Debug)]
pub struct WireRequestBody(WireBody);

/// Body of a request, from whoever serves its connection.
#[derive(Debug)]
pub enum ClientBody {
    /// HTTP/1.1.
    Wire(WireRequestBody),
    /// HTTP/2, or a server of someone else.
    Hyper(Incoming),
}

impl From<WireBody> for ClientBody {
    fn from(body: WireBody) -> Self {
        Self::Wire(WireRequestBody(body))
    }
}

impl From<Incoming> for ClientBody {
    fn from(body: Incoming) -> Self {
        Self::Hyper(body)
    }
}

impl Body for ClientBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match self.get_mut() {
            Self::Wire(WireRequestBody(body)) => Pin::new(body).poll_frame(context),
            Self::Hyper(body) => {
                Pin::new(body).poll_frame(context).map(|frame| frame.map(|frame| frame.map_err(Into::into)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Wire(WireRequestBody(body)) => body.is_end_stream(),
            Self::Hyper(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Wire(WireRequestBody(body)) => body.size_hint(),
            Self::Hyper(body) => body.size_hint(),
        }
    }
}

/// A body that was read until its end or until a bound.
#[derive(Debug)]
pub enum Held<B> {
    /// The end was reached.
    Whole {
        /// All bytes.
        bytes: Bytes,
        /// Trailers, if any came.
        trailers: Option<Box<HeaderMap>>,
    },
    /// More is to come.
    Longer {
        /// What was read: at least as much as the bound.
        prefix: Bytes,
        /// What is to come.
        rest: B,
    },
}

/// Reads a body until its end, or until `bytes_max` bytes are held.
///
/// # Errors
/// The body failed, or nothing came for `idle_timeout`.
pub async fn hold<B>(mut body: B, bytes_max: usize, idle_timeout: Duration) -> Result<Held<B>, BodyError>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<BodyError>,
{
    let mut first = Bytes::new();
    let mut joined: Option<BytesMut> = None;
    let mut trailers = None;
    let mut idle = IdleTimer::new(idle_timeout);
    while !body.is_end_stream() {
        let next = std::future::poll_fn(|context| match Pin::new(&mut body).poll_frame(context) {
            Poll::Ready(frame) => Poll::Ready(Ok(frame)),
            Poll::Pending => idle.poll_silence(context).map(Err),
        });
        let Some(frame) = next.await? else { break };
        let frame = frame.map_err(Into::into)?;
        idle.data_came();
        match frame.into_data() {
            Ok(data) => match &mut joined {
                Some(joined) => joined.extend_from_slice(&data),
                None if first.is_empty() => first = data,
                None => {
                    let mut both = BytesMut::with_capacity(2 * (first.len() + data.len()));
                    both.extend_from_slice(&first);
                    both.extend_from_slice(&data);
                    joined = Some(both);
                }
            },
            Err(frame) => trailers = frame.into_trailers().ok().map(Box::new),
        }
        if joined.as_ref().map_or(first.len(), BytesMut::len) > bytes_max {
            return Ok(Held::Longer { prefix: joined.map_or(first, BytesMut::freeze), rest: body });
        }
    }
    Ok(Held::Whole { bytes: joined.map_or(first, BytesMut::freeze), trailers })
}

/// Turns silence of a body into an error, without a timer while data flows.
#[derive(Debug)]
struct IdleTimer {
    after: Duration,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl IdleTimer {
    fn new(after: Duration) -> Self {
        Self { after, sleep: None }
    }

    /// To be called when the body is pending; ready when the silence was too long.
    fn poll_silence(&mut self, context: &mut Context<'_>) -> Poll<IdleTimeout> {
        let after = self.after;
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep(after)));
        ready!(sleep.as_mut().poll(context));
        Poll::Ready(IdleTimeout { after })
    }

    fn data_came(&mut self) {
        self.sleep = None;
    }
}

/// Body of a request on its way to an upstream or to one of our own services.
#[derive(Debug)]
pub enum RequestBody {
    /// Held in memory.
    Whole {
        /// The bytes, until they are taken.
        bytes: Option<Bytes>,
        /// Trailers that came after them.
        trailers: Option<Box<HeaderMap>>,
    },
    /// Streamed from the client.
    Streamed(Box<StreamedRequest>),
    /// In signed chunks that get new signatures.
    Resigned(Box<ResignedChunks>),
}

/// A request body that is not held.
#[derive(Debug)]
pub struct StreamedRequest {
    prefix: Option<Bytes>,
    rest: ClientBody,
    counted: Arc<AtomicU64>,
    idle: IdleTimer,
}

impl RequestBody {
    /// A held body.
    pub fn whole(bytes: Bytes, trailers: Option<Box<HeaderMap>>) -> Self {
        Self::Whole { bytes: (!bytes.is_empty()).then_some(bytes), trailers }
    }

    /// A streamed body: `prefix` was read already, `counted` follows how many bytes went on.
    pub fn streamed(prefix: Bytes, rest: ClientBody, counted: Arc<AtomicU64>, idle_timeout: Duration) -> Self {
        let prefix = (!prefix.is_empty()).then_some(prefix);
        Self::Streamed(Box::new(StreamedRequest { prefix, rest, counted, idle: IdleTimer::new(idle_timeout) }))
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match self.get_mut() {
            Self::Whole { bytes, trailers } => {
                let data = bytes.take().map(Frame::data);
                Poll::Ready(data.or_else(|| trailers.take().map(|map| Frame::trailers(*map))).map(Ok))
            }
            Self::Streamed(streamed) => {
                if let Some(prefix) = streamed.prefix.take() {
                    streamed.counted.fetch_add(prefix.len() as u64, Ordering::Relaxed);
                    return Poll::Ready(Some(Ok(Frame::data(prefix))));
                }
                let Poll::Ready(frame) = Pin::new(&mut streamed.rest).poll_frame(context) else {
                    return streamed.idle.poll_silence(context).map(|silence| Some(Err(silence.into())));
                };
                streamed.idle.data_came();
                if let Some(Ok(frame)) = &frame {
                    let size = frame.data_ref().map_or(0, Bytes::len);
                    streamed.counted.fetch_add(size as u64, Ordering::Relaxed);
                }
                Poll::Ready(frame)
            }
            Self::Resigned(chunks) => chunks.poll(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole { bytes, trailers } => bytes.is_none() && trailers.is_none(),
            Self::Streamed(streamed) => streamed.prefix.is_none() && streamed.rest.is_end_stream(),
            Self::Resigned(chunks) => chunks.is_over(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole { bytes, .. } => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            Self::Streamed(streamed) => add_to_hint(streamed.rest.size_hint(), streamed.prefix.as_ref()),
            Self::Resigned(chunks) => chunks.hint(),
        }
    }
}

fn add_to_hint(rest: SizeHint, prefix: Option<&Bytes>) -> SizeHint {
    let held = prefix.map_or(0, |bytes| bytes.len() as u64);
    let mut hint = SizeHint::new();
    hint.set_lower(rest.lower() + held);
    if let Some(upper) = rest.upper() {
        hint.set_upper(upper + held);
    }
    hint
}

/// How a streamed answer ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StreamEnd {
    /// All of it went to the client.
    Complete,
    /// The client went away.
    ClientGone,
    /// The source failed.
    SourceFailed(String),
}

/// What became of a streamed answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamReport {
    /// Bytes that went to the client's connection.
    pub sent_bytes: u64,
    /// How it ended.
    pub end: StreamEnd,
}

/// Body of an answer on its way to the client.
#[derive(Debug)]
pub struct AnswerBody(Content);

#[derive(Debug)]
enum Content {
    /// Held in memory.
    Whole {
        /// The bytes, until they are taken.
        bytes: Option<Bytes>,
        /// Trailers that came after them.
        trailers: Option<Box<HeaderMap>>,
    },
    /// Streamed from its source.
    Streamed(Box<StreamedAnswer>),
}

/// Where a streamed answer comes from.
#[derive(Debug)]
pub enum AnswerSource {
    /// From an upstream.
    Upstream(UpstreamBody),
    /// From one of our own services.
    Local(LocalBody),
}

impl Body for AnswerSource {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match self.get_mut() {
            Self::Upstream(body) => Pin::new(body).poll_frame(context),
            Self::Local(body) => Pin::new(body).poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Upstream(body) => body.is_end_stream(),
            Self::Local(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Upstream(body) => body.size_hint(),
            Self::Local(body) => body.size_hint(),
        }
    }
}

/// An answer that is not held; tells how it ended, also when it is dropped.
#[derive(Debug)]
pub struct StreamedAnswer {
    prefix: Option<Bytes>,
    rest: AnswerSource,
    idle: IdleTimer,
    sent_bytes: u64,
    report: Option<oneshot::Sender<StreamReport>>,
}

impl StreamedAnswer {
    fn finish(&mut self, end: StreamEnd) {
        if let Some(report) = self.report.take() {
            // Nobody listens when the process is shutting down; the provisional record stands then.
            let _ = report.send(StreamReport { sent_bytes: self.sent_bytes, end });
        }
    }
}

impl Drop for StreamedAnswer {
    fn drop(&mut self) {
        // The connection drops a body whose end it knows from the content length without polling it once more.
        let end = if self.prefix.is_none() && self.rest.is_end_stream() {
            StreamEnd::Complete
        } else {
            StreamEnd::ClientGone
        };
        self.finish(end);
    }
}

impl AnswerBody {
    /// A held answer.
    pub fn whole(bytes: Bytes, trailers: Option<Box<HeaderMap>>) -> Self {
        let bytes = (!bytes.is_empty()).then_some(bytes);
        Self(Content::Whole { bytes, trailers })
    }

    /// All bytes, if they are held and nothing follows them.
    pub(crate) fn take_whole(&mut self) -> Option<Bytes> {
        match &mut self.0 {
            Content::Whole { bytes, trailers: None } => Some(bytes.take().unwrap_or_default()),
            Content::Whole { .. } | Content::Streamed(_) => None,
        }
    }

    /// A streamed answer, whose end is told to `report` if there is one.
    pub fn streamed(
        prefix: Bytes,
        rest: AnswerSource,
        idle_timeout: Duration,
        report: Option<oneshot::Sender<StreamReport>>,
    ) -> Self {
        let prefix = (!prefix.is_empty()).then_some(prefix);
        let idle = IdleTimer::new(idle_timeout);
        let streamed = StreamedAnswer { prefix, rest, idle, sent_bytes: 0, report };
        Self(Content::Streamed(Box::new(streamed)))
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match &mut self.get_mut().0 {
            Content::Whole { bytes, trailers } => {
                let data = bytes.take().map(Frame::data);
                Poll::Ready(data.or_else(|| trailers.take().map(|map| Frame::trailers(*map))).map(Ok))
            }
            Content::Streamed(streamed) => poll_streamed(streamed, context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Content::Whole { bytes, trailers } => bytes.is_none() && trailers.is_none(),
            Content::Streamed(streamed) => streamed.prefix.is_none() && streamed.rest.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Content::Whole { bytes, .. } => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            Content::Streamed(streamed) => add_to_hint(streamed.rest.size_hint(), streamed.prefix.as_ref()),
        }
    }
}

fn poll_streamed(
    streamed: &mut StreamedAnswer,
    context: &mut Context<'_>,
) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
    if let Some(prefix) = streamed.prefix.take() {
        streamed.sent_bytes += prefix.len() as u64;
        return Poll::Ready(Some(Ok(Frame::data(prefix))));
    }
    let Poll::Ready(frame) = Pin::new(&mut streamed.rest).poll_frame(context) else {
        let silence = ready!(streamed.idle.poll_silence(context));
        streamed.finish(StreamEnd::SourceFailed(silence.to_string()));
        return Poll::Ready(Some(Err(silence.into())));
    };
    streamed.idle.data_came();
    match &frame {
        None => streamed.finish(StreamEnd::Complete),
        Some(Err(error)) => streamed.finish(StreamEnd::SourceFailed(error.to_string())),
        Some(Ok(frame)) => streamed.sent_bytes += frame.data_ref().map_or(0, Bytes::len) as u64,
    }
    Poll::Ready(frame)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::{BodyExt, Full, StreamBody};

    fn frames(parts: &'static [&'static str]) -> impl Body<Data = Bytes, Error = BodyError> + Unpin {
        let frames = parts.iter().map(|part| Ok(Frame::data(Bytes::from_static(part.as_bytes()))));
        StreamBody::new(futures::stream::iter(frames))
    }

    #[tokio::test]
    async fn holds_a_small_body_whole_and_a_long_one_in_part() {
        let held = hold(frames(&["ab", "cd", "ef"]), 6, Duration::from_secs(1)).await.expect("a body");
        assert!(matches!(held, Held::Whole { bytes, .. } if bytes == "abcdef"));
        let held = hold(frames(&["ab", "cd", "ef"]), 3, Duration::from_secs(1)).await.expect("a body");
        let Held::Longer { prefix, mut rest } = held else { panic!("longer than the bound") };
        assert_eq!(prefix, "abcd");
        assert_eq!(rest.frame().await.expect("a frame").expect("data").into_data().expect("data"), "ef");
    }

    #[tokio::test]
    async fn silence_is_an_error() {
        let silent = StreamBody::new(futures::stream::pending::<Result<Frame<Bytes>, BodyError>>());
        let error = hold(silent, 10, Duration::from_millis(5)).await.expect_err("silence");
        assert!(error.downcast_ref::<IdleTimeout>().is_some());
    }

    #[tokio::test]
    async fn a_streamed_answer_reports_its_end_and_its_size() {
        let cases: [(&[&str], usize, StreamEnd, u64); 2] =
            [(&["cd", "ef"], 9, StreamEnd::Complete, 6), (&["cd", "ef"], 2, StreamEnd::ClientGone, 4)];
        for (parts, polls, end, sent_bytes) in cases {
            let (sender, receiver) = oneshot::channel();
            let source = AnswerSource::Local(UnsyncBoxBody::new(frames(parts)));
            let mut body =
                AnswerBody::streamed(Bytes::from_static(b"ab"), source, Duration::from_secs(1), Some(sender));
            for _ in 0..polls {
                if body.frame().await.is_none() {
                    break;
                }
            }
            drop(body);
            assert_eq!(receiver.await.expect("a report"), StreamReport { sent_bytes, end });
        }
    }

    #[tokio::test]
    async fn a_known_end_counts_as_complete_without_a_last_poll() {
        let (sender, receiver) = oneshot::channel();
        let source = AnswerSource::Local(UnsyncBoxBody::new(Full::new(Bytes::from_static(b"cd")).map_err(Into::into)));
        let mut body = AnswerBody::streamed(Bytes::new(), source, Duration::from_secs(1), Some(sender));
        body.frame().await.expect("a frame").expect("data");
        drop(body);
        assert_eq!(receiver.await.expect("a report"), StreamReport { sent_bytes: 2, end: StreamEnd::Complete });
    }
}
