//! One connection to an upstream.

use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::header::CONNECTION;
use http::{Method, Version, response};
use http_body::Body;
use http_body_util::BodyExt;

use super::body::{AtEnd, WireBody};
use super::framing::{self, ChunkWriter, FramingError};
use super::head::{self, AnswerHead, Framing, HeadError, Outgoing, write_request};
use super::io::{Io, Stream, joined_if_small};
use super::patience::Patience;
use super::server::names;
use crate::body::{BodyError, RequestBody};

/// Time for an answer to arrive after the upstream stopped taking the request.
const EARLY_ANSWER_TIMEOUT: Duration = Duration::from_secs(2);

/// A call over a connection failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SendError {
    /// The connection was closed before anything of an answer came.
    #[error("the connection was closed before an answer came")]
    Closed(#[source] Option<std::io::Error>),
    /// It broke in the middle of an answer's head.
    #[error("the connection broke")]
    Io(#[from] std::io::Error),
    /// What came is no HTTP/1 answer.
    #[error(transparent)]
    Head(#[from] HeadError),
    /// Its body cannot be told from the next answer.
    #[error(transparent)]
    Framing(#[from] FramingError),
    /// The request's own body failed.
    #[error("the body of the request broke off")]
    RequestBody(#[source] BodyError),
    /// No answer in time.
    #[error("no answer came in time")]
    TimedOut,
}

/// A connection to an upstream that waits for a request.
#[derive(Debug)]
pub(crate) struct UpstreamConnection {
    io: Io,
    patience: Patience,
}

impl UpstreamConnection {
    pub(crate) fn new(stream: Stream) -> Self {
        Self { io: Io::new(stream), patience: Patience::default() }
    }

    /// Whether the upstream has not closed it, as far as is known without asking.
    pub(crate) fn is_quiet(&self) -> bool {
        self.io.is_quiet()
    }

    /// Sends a request and reads the head of its answer, for which it waits `patience` from the last byte of the
    /// request on. `put_back` gets the connection when the answer's body was read, if another request may follow.
    ///
    /// # Errors
    /// See [`SendError`].
    pub(crate) async fn send(
        mut self,
        outgoing: &Outgoing<'_>,
        body: &mut RequestBody,
        patience: Duration,
        put_back: impl FnOnce(Self) + Send + 'static,
    ) -> Result<(AnswerHead, WireBody), SendError> {
        let (head, was_sent_whole) = self.exchange(outgoing, body, patience).await?;
        let framing = framing::of_response(&outgoing.head.method, head.status, &head.headers)?;
        let keeps = was_sent_whole && framing != Framing::UntilClose && keeps_alive(&head);
        let io = self.io.clone();
        let at_end = keeps.then(|| Box::new(PutBack { connection: self, put_back }) as Box<dyn AtEnd>);
        Ok((head, WireBody::new(io, framing, at_end)))
    }

    async fn exchange(
        &mut self,
        outgoing: &Outgoing<'_>,
        body: &mut RequestBody,
        patience: Duration,
    ) -> Result<(AnswerHead, bool), SendError> {
        let framing = framing_of(&outgoing.head.method, body);
        if let RequestBody::Whole { bytes, trailers: None } = body {
            // Kept until an answer begins, so that it can be sent again on another connection.
            let (start, rest) =
                joined_if_small(bytes.clone().unwrap_or_default(), |room| write_request(outgoing, framing, room));
            self.io.write(start, rest).await.map_err(|error| SendError::Closed(Some(error)))?;
            return Ok((self.answer(patience).await?, true));
        }
        Box::pin(self.exchange_streamed(outgoing, framing, body, patience)).await
    }

    /// An answer may come before the whole body went: a refusal, most often.
    async fn exchange_streamed(
        &mut self,
        outgoing: &Outgoing<'_>,
        framing: Framing,
        body: &mut RequestBody,
        patience: Duration,
    ) -> Result<(AnswerHead, bool), SendError> {
        let start = write_request(outgoing, framing, 0).freeze();
        let written = tokio::select! {
            biased;
            early = self.answer_head() => return Ok((early?, false)),
            written = self.write_body(start, body, framing) => written,
        };
        match written {
            Ok(()) => Ok((self.answer(patience).await?, true)),
            Err(SendError::Closed(cause)) => {
                let early = tokio::time::timeout(EARLY_ANSWER_TIMEOUT, self.answer_head()).await;
                early.ok().and_then(Result::ok).map(|head| (head, false)).ok_or(SendError::Closed(cause))
            }
            Err(error) => Err(error),
        }
    }

    async fn write_body(&self, start: Bytes, body: &mut RequestBody, framing: Framing) -> Result<(), SendError> {
        let closed = |error| SendError::Closed(Some(error));
        self.io.write(start, Bytes::new()).await.map_err(closed)?;
        let mut chunks = ChunkWriter::default();
        let mut trailers = None;
        while let Some(frame) = body.frame().await {
            match frame.map_err(SendError::RequestBody)?.into_data() {
                Ok(data) if data.is_empty() => {}
                Ok(data) => {
                    let before = if framing == Framing::Chunked { chunks.begin(data.len()) } else { Bytes::new() };
                    self.io.write(before, data).await.map_err(closed)?;
                }
                Err(frame) => trailers = frame.into_trailers().ok(),
            }
        }
        if framing == Framing::Chunked {
            self.io.write(chunks.end(trailers.as_ref()), Bytes::new()).await.map_err(closed)?;
        }
        Ok(())
    }

    async fn answer(&mut self, patience: Duration) -> Result<AnswerHead, SendError> {
        self.patience.begin(patience);
        std::future::poll_fn(|context| match poll_answer_head(&self.io, context) {
            Poll::Pending => self.patience.poll_end(context).map(|()| Err(SendError::TimedOut)),
            ready => ready,
        })
        .await
    }

    async fn answer_head(&self) -> Result<AnswerHead, SendError> {
        std::future::poll_fn(|context| poll_answer_head(&self.io, context)).await
    }
}

/// Reads the head of the answer, past those that only say that it is under way.
fn poll_answer_head(io: &Io, context: &mut Context<'_>) -> Poll<Result<AnswerHead, SendError>> {
    loop {
        while let Some(head) = io.take_head(head::take_response)? {
            if !head.status.is_informational() {
                return Poll::Ready(Ok(head));
            }
        }
        let has_nothing = || io.with_input(|input| input.is_empty());
        match ready!(io.poll_fill(context)) {
            Ok(0) if has_nothing() => return Poll::Ready(Err(SendError::Closed(None))),
            Ok(0) => return Poll::Ready(Err(FramingError::Cut.into())),
            Ok(_) => {}
            Err(error) if has_nothing() => return Poll::Ready(Err(SendError::Closed(Some(error)))),
            Err(error) => return Poll::Ready(Err(error.into())),
        }
    }
}

fn keeps_alive(parts: &response::Parts) -> bool {
    let says = |word| names(&parts.headers, CONNECTION, word);
    if parts.version == Version::HTTP_10 { says("keep-alive") } else { !says("close") }
}

fn framing_of(method: &Method, body: &RequestBody) -> Framing {
    let has_trailers = matches!(body, RequestBody::Whole { trailers: Some(_), .. });
    match body.size_hint().exact() {
        Some(_) if has_trailers => Framing::Chunked,
        // Servers expect a length where a body is usual (RFC 9110, section 8.6).
        Some(0) if !matches!(*method, Method::POST | Method::PUT | Method::PATCH) => Framing::Bodiless,
        Some(length) => Framing::Sized(length),
        None => Framing::Chunked,
    }
}

struct PutBack<F: FnOnce(UpstreamConnection) + Send> {
    connection: UpstreamConnection,
    put_back: F,
}

impl<F: FnOnce(UpstreamConnection) + Send> AtEnd for PutBack<F> {
    fn reached(self: Box<Self>) {
        self.connection.io.release_buffer();
        (self.put_back)(self.connection);
    }
}
