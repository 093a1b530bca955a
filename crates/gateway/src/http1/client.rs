//! One connection to an upstream.

use std::time::Duration;

use bytes::Bytes;
use http::header::CONNECTION;
use http::{Method, Response, Version, request, response};
use http_body::Body;
use http_body_util::BodyExt;

use super::body::{AtEnd, WireBody};
use super::framing::{self, ChunkWriter, FramingError};
use super::head::{self, Framing, HeadError, remove_hop_by_hop, write_request};
use super::io::{Io, Stream};
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
}

impl UpstreamConnection {
    pub(crate) fn new(stream: Stream) -> Self {
        Self { io: Io::new(stream) }
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
        self,
        head: &request::Parts,
        body: &mut RequestBody,
        patience: Duration,
        put_back: impl FnOnce(Self) + Send + 'static,
    ) -> Result<Response<WireBody>, SendError> {
        let (parts, was_sent_whole) = self.exchange(head, body, patience).await?;
        let framing = framing::of_response(&head.method, parts.status, &parts.headers)?;
        let keeps = was_sent_whole && framing != Framing::UntilClose && keeps_alive(&parts);
        let io = self.io.clone();
        let at_end = keeps.then(|| Box::new(PutBack { connection: self, put_back }) as Box<dyn AtEnd>);
        let mut parts = parts;
        remove_hop_by_hop(&mut parts.headers);
        Ok(Response::from_parts(parts, WireBody::new(io, framing, at_end)))
    }

    async fn exchange(
        &self,
        head: &request::Parts,
        body: &mut RequestBody,
        patience: Duration,
    ) -> Result<(response::Parts, bool), SendError> {
        let framing = framing_of(&head.method, body);
        let start = write_request(head, framing);
        if let RequestBody::Whole { bytes, trailers: None } = body {
            // Kept until an answer begins, so that it can be sent again on another connection.
            let bytes = bytes.clone().unwrap_or_default();
            self.io.write(start, bytes).await.map_err(|error| SendError::Closed(Some(error)))?;
            return Ok((self.answer(patience).await?, true));
        }
        // An answer may come before the whole body went: a refusal, most often.
        let written = tokio::select! {
            biased;
            early = self.answer_head() => return Ok((early?, false)),
            written = self.write_body(start, body, framing) => written,
        };
        match written {
            Ok(()) => Ok((self.answer(patience).await?, true)),
            Err(SendError::Closed(cause)) => {
                let early = tokio::time::timeout(EARLY_ANSWER_TIMEOUT, self.answer_head()).await;
                early.ok().and_then(Result::ok).map(|parts| (parts, false)).ok_or(SendError::Closed(cause))
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

    async fn answer(&self, patience: Duration) -> Result<response::Parts, SendError> {
        tokio::time::timeout(patience, self.answer_head()).await.map_err(|_| SendError::TimedOut)?
    }

    /// Reads the head of the answer, past those that only say that it is under way.
    async fn answer_head(&self) -> Result<response::Parts, SendError> {
        loop {
            while let Some(parts) = self.io.with_input(head::take_response)? {
                if !parts.status.is_informational() {
                    return Ok(parts);
                }
            }
            match self.io.fill().await {
                Ok(0) if self.io.with_input(|input| input.is_empty()) => return Err(SendError::Closed(None)),
                Ok(0) => return Err(FramingError::Cut.into()),
                Ok(_) => {}
                Err(error) if self.io.with_input(|input| input.is_empty()) => {
                    return Err(SendError::Closed(Some(error)));
                }
                Err(error) => return Err(error.into()),
            }
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
