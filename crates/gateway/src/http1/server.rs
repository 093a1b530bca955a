//! Serves the requests of one client connection, one after the other.

use std::task::{Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes};
use http::header::{CONNECTION, EXPECT};
use http::{HeaderMap, Method, Response, StatusCode, Version, request, response};
use http_body::Body;
use http_body_util::BodyExt;
use tokio::sync::watch;

use super::body::WireBody;
use super::framing::{self, ChunkWriter, Decoded, FramingError};
use super::head::{self, Framing, HeadError, IncomingHead, KnownNames, write_response};
use super::io::{BodyState, Io, Stream, joined_if_small};
use super::patience::Patience;
use crate::answer::Answered;
use crate::body::{AnswerBody, BodyError};

/// Time that a client has for the head of its next request, idle time on a kept-alive connection included.
pub(crate) const HEAD_READ_TIMEOUT: Duration = Duration::from_secs(75);
/// Most bytes of a request body that are read and thrown away after an early answer, so that the connection can be kept
/// and the client reads the answer instead of a broken pipe.
const DRAINED_BYTES_MAX: u64 = 256 * 1024;
/// Longest wait for what is thrown away.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(2);
/// What a client that sent `Expect: 100-continue` waits for.
const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// A connection ended otherwise than by its client's wish.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectionError {
    #[error("the connection broke")]
    Io(#[from] std::io::Error),
    #[error("the client sent no head for {} s", HEAD_READ_TIMEOUT.as_secs())]
    Idle,
    #[error(transparent)]
    Head(#[from] HeadError),
    #[error(transparent)]
    Framing(#[from] FramingError),
    #[error("the answer broke off")]
    Answer(#[source] BodyError),
    #[error("the answer is longer or shorter than its head says")]
    WrongLength,
}

/// Serves requests until the client has no more, or `stopping` turns true, which lets an open exchange finish.
///
/// # Errors
/// See [`ConnectionError`]; nobody can be told any more, or has been.
pub(crate) async fn serve<Answering>(
    stream: Stream,
    mut stopping: watch::Receiver<bool>,
    answer: impl Fn(IncomingHead, WireBody) -> Answering,
) -> Result<(), ConnectionError>
where
    Answering: Future<Output = Answered>,
{
    let io = Io::new(stream);
    let mut patience = Patience::default();
    let mut stop = std::pin::pin!(async move {
        // An error means that the sender is gone, which is a reason to stop as well.
        let _ = stopping.wait_for(|stop| *stop).await;
    });
    loop {
        let head = tokio::select! {
            biased;
            head = next_head(&io, &mut patience) => head,
            () = &mut stop => return Ok(()),
        };
        let head = match head {
            Ok(Some(head)) => head,
            Ok(None) => return Ok(()),
            Err(error) => {
                refuse(&io, &error).await;
                return Err(error);
            }
        };
        let framing = match framing::of_request(&head.headers, head.version) {
            Ok(framing) => framing,
            Err(error) => {
                let error = error.into();
                refuse(&io, &error).await;
                return Err(error);
            }
        };
        let asks = Asks::of(&head);
        let body = WireBody::new(io.clone(), framing, None);
        let body = if asks.waits_for_continue { body.inviting(CONTINUE) } else { body };
        let answered = answer(head, body).await;
        let is_stopping = futures::FutureExt::now_or_never(&mut stop).is_some();
        let keeps = asks.keeps_alive && !is_stopping && !io.is_body_open();
        if !send(&io, &asks, keeps, answered).await? || !pass_over_body(&io).await {
            linger(&io).await;
            return Ok(());
        }
        io.release_buffer();
    }
}

/// What a request says of its answer and its connection.
struct Asks {
    is_head: bool,
    version: Version,
    keeps_alive: bool,
    waits_for_continue: bool,
}

impl Asks {
    fn of(parts: &request::Parts) -> Self {
        let says = |token: &str| names(&parts.headers, CONNECTION, token);
        Self {
            is_head: parts.method == Method::HEAD,
            version: parts.version,
            keeps_alive: if parts.version == Version::HTTP_10 { says("keep-alive") } else { !says("close") },
            waits_for_continue: parts.version == Version::HTTP_11 && names(&parts.headers, EXPECT, "100-continue"),
        }
    }
}

/// Whether a header with a list of words has this one.
pub(super) fn names(headers: &HeaderMap, header: http::HeaderName, word: &str) -> bool {
    headers
        .get_all(header)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .any(|text| text.split(',').any(|part| part.trim().eq_ignore_ascii_case(word)))
}

/// Reads until a head is complete; `None` when the client ends the connection between two requests.
async fn next_head(io: &Io, patience: &mut Patience) -> Result<Option<IncomingHead>, ConnectionError> {
    patience.begin(HEAD_READ_TIMEOUT);
    std::future::poll_fn(|context| {
        loop {
            // Pipelined requests are there already.
            if let Some(head) = io.take_head(take_head)? {
                return Poll::Ready(Ok(Some(head)));
            }
            let is_between_requests = || io.with_input(|input| input.is_empty());
            match io.poll_fill(context)? {
                Poll::Ready(0) if is_between_requests() => return Poll::Ready(Ok(None)),
                Poll::Ready(0) => return Poll::Ready(Err(FramingError::Cut.into())),
                Poll::Ready(_) => {}
                Poll::Pending => {
                    ready!(patience.poll_end(context));
                    // Silence between two requests is how clients end most connections.
                    let end = if is_between_requests() { Ok(None) } else { Err(ConnectionError::Idle) };
                    return Poll::Ready(end);
                }
            }
        }
    })
    .await
}

fn take_head(input: &mut bytes::BytesMut, names: &mut KnownNames) -> Result<Option<IncomingHead>, ConnectionError> {
    // Servers take an empty line before a request (RFC 9112, section 2.2).
    while input.starts_with(b"\r\n") {
        input.advance(2);
    }
    if input.is_empty() { Ok(None) } else { Ok(head::take_request(input, names)?) }
}

/// Tells a client that its request cannot be read. What follows on the connection has no meaning.
async fn refuse(io: &Io, error: &ConnectionError) {
    let status = match error {
        ConnectionError::Head(HeadError::TooLarge) => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        ConnectionError::Idle => StatusCode::REQUEST_TIMEOUT,
        ConnectionError::Head(_) | ConnectionError::Framing(FramingError::Ambiguous(_)) => StatusCode::BAD_REQUEST,
        _ => return,
    };
    let text = Bytes::from(format!("{error}\n"));
    let (mut parts, ()) = Response::new(()).into_parts();
    parts.status = status;
    let framing = Framing::Sized(text.len() as u64);
    let (head, text) = joined_if_small(text, |room| write_response(&parts, None, framing, Some("close"), room));
    // It may have gone away already.
    if io.write(head, text).await.is_ok() {
        linger(io).await;
    }
}

/// Ends a connection on which the client may still be sending. Closed at once, it would be reset, and the client might
/// lose the answer that it has not read yet (RFC 9112, section 9.6).
async fn linger(io: &Io) {
    let lingering = async {
        if io.shut_down().await.is_ok() {
            while io.fill().await.is_ok_and(|read| read > 0) {
                io.with_input(bytes::BytesMut::clear);
            }
        }
    };
    // An error or the time-out: enough was done.
    let _ = tokio::time::timeout(DRAIN_TIMEOUT, lingering).await;
}

/// Reads past a body that nobody wanted; says whether the next request can be found behind it.
async fn pass_over_body(io: &Io) -> bool {
    let mut decoder = match io.take_body() {
        BodyState::Ended => return true,
        BodyState::Open => return false,
        BodyState::Left(decoder) => decoder,
    };
    let passing = async {
        let mut passed = 0;
        while passed < DRAINED_BYTES_MAX {
            match io.with_input(|input| decoder.decode(input)) {
                Ok(Decoded::Data(data)) => passed += data.len() as u64,
                Ok(Decoded::Trailers(_) | Decoded::End) => return true,
                Ok(Decoded::NeedsMore) => {
                    if !io.fill().await.is_ok_and(|read| read > 0) {
                        return false;
                    }
                }
                Err(_) => return false,
            }
            if decoder.is_ended() {
                return true;
            }
        }
        false
    };
    tokio::time::timeout(DRAIN_TIMEOUT, passing).await.unwrap_or(false)
}

/// Sends an answer; says whether the connection goes on.
async fn send(
    io: &Io,
    asks: &Asks,
    keeps_alive: bool,
    Answered { head: answer, mut body }: Answered,
) -> Result<bool, ConnectionError> {
    let framing = framing_of(asks, &answer, &body);
    let keeps_alive = keeps_alive && framing != Framing::UntilClose;
    let connection = match (keeps_alive, asks.version) {
        (false, _) => Some("close"),
        (true, Version::HTTP_10) => Some("keep-alive"),
        (true, _) => None,
    };
    let write_head = |room| write_response(&answer, answer.lines.as_ref(), framing, connection, room);
    if framing == Framing::Bodiless {
        io.write(write_head(0).freeze(), Bytes::new()).await?;
        return Ok(keeps_alive);
    }
    if let Some(bytes) = body.take_whole() {
        let (head, rest) = joined_if_small(bytes, write_head);
        io.write(head, rest).await?;
        return Ok(keeps_alive);
    }
    let mut head = write_head(0).freeze();
    let mut unsent = if let Framing::Sized(size) = framing { size } else { u64::MAX };
    let mut chunks = ChunkWriter::default();
    let mut trailers = None;
    while !body.is_end_stream() {
        let Some(frame) = body.frame().await else { break };
        match frame.map_err(ConnectionError::Answer)?.into_data() {
            Ok(data) if data.is_empty() => {}
            Ok(data) => {
                unsent = unsent.checked_sub(data.len() as u64).ok_or(ConnectionError::WrongLength)?;
                let before = if framing == Framing::Chunked { chunks.begin(data.len()) } else { Bytes::new() };
                let before = if head.is_empty() { before } else { joined(std::mem::take(&mut head), &before) };
                io.write(before, data).await?;
            }
            Err(frame) => trailers = frame.into_trailers().ok(),
        }
    }
    if matches!(framing, Framing::Sized(_)) && unsent > 0 {
        return Err(ConnectionError::WrongLength);
    }
    let end = if framing == Framing::Chunked { chunks.end(trailers.as_ref()) } else { Bytes::new() };
    io.write(head, end).await?;
    Ok(keeps_alive)
}

fn joined(first: Bytes, second: &Bytes) -> Bytes {
    if second.is_empty() {
        return first;
    }
    let mut both = bytes::BytesMut::from(first);
    both.extend_from_slice(second);
    both.freeze()
}

fn framing_of(asks: &Asks, parts: &response::Parts, body: &AnswerBody) -> Framing {
    let bodiless = parts.status.is_informational()
        || matches!(parts.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
        || asks.is_head;
    // The body of an embedded object is a stream that does not say how long it is; its head does.
    match body.size_hint().exact().or_else(|| head::told_length(&parts.headers)) {
        _ if bodiless => Framing::Bodiless,
        Some(length) => Framing::Sized(length),
        None if asks.version == Version::HTTP_10 => Framing::UntilClose,
        None => Framing::Chunked,
    }
}

#[cfg(test)]
mod tests {
    use futures::stream;
    use http::header::CONTENT_LENGTH;
    use http_body::Frame;
    use http_body_util::StreamBody;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;
    use crate::body::AnswerSource;

    /// What a client gets when the head tells this length and the body, which does not tell its own, has these parts.
    async fn received(told: Option<u64>, parts: &'static [&'static str]) -> (Result<(), ConnectionError>, String) {
        let (mut client, ours) = tokio::io::duplex(4096);
        let (_running, stopping) = watch::channel(false);
        let answer = |_, _| async move {
            let frames = parts.iter().map(|part| Ok(Frame::data(Bytes::from_static(part.as_bytes()))));
            let source = AnswerSource::Local(StreamBody::new(stream::iter(frames)).boxed_unsync());
            let body = AnswerBody::streamed(Bytes::new(), source, Duration::from_secs(1), None);
            let mut response = Response::new(body);
            response.headers_mut().extend(told.map(|told| (CONTENT_LENGTH, told.into())));
            Answered::from(response)
        };
        client.write_all(b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").await.expect("room");
        let served = serve(Stream::Other(Box::new(ours)), stopping, answer).await;
        let mut got = String::new();
        client.read_to_string(&mut got).await.expect("text");
        (served, got)
    }

    #[tokio::test]
    async fn a_stream_has_the_length_that_its_head_tells() {
        let (served, got) = received(Some(5), &["he", "llo"]).await;
        served.expect("a good answer");
        let (head, body) = got.split_once("\r\n\r\n").expect("a head");
        assert!(head.contains("content-length: 5") && !head.to_lowercase().contains("chunked"), "{head}");
        assert_eq!(body, "hello");
    }

    #[tokio::test]
    async fn a_stream_of_another_length_than_its_head_tells_ends_the_connection() {
        for parts in [&["he"] as &[_], &["hello", "!"]] {
            let (served, got) = received(Some(5), parts).await;
            assert!(matches!(served, Err(ConnectionError::WrongLength)), "{served:?}");
            let (_, body) = got.split_once("\r\n\r\n").unwrap_or_default();
            assert!("hello".starts_with(body), "{got}");
        }
    }

    #[tokio::test]
    async fn a_stream_without_a_length_is_chunked() {
        let (served, got) = received(None, &["he", "llo"]).await;
        served.expect("a good answer");
        assert!(got.to_lowercase().contains("transfer-encoding: chunked"), "{got}");
        assert!(got.ends_with("2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"), "{got}");
    }
}
