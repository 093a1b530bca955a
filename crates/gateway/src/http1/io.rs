//! A connection with what was read from it and not yet used.

use std::cell::RefCell;
use std::io::IoSlice;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use bytes::{Buf, Bytes, BytesMut};
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::framing::Decoder;
use super::head::KnownNames;

/// First read of a message, bytes: heads and small bodies fit. It goes through a buffer that all connections of a thread
/// share, so that a small message takes no more memory than it is long.
const READ_BYTES_MIN: usize = 8 * 1024;
/// Largest read buffer, bytes. It grows to it while reads fill it.
const READ_BYTES_MAX: usize = 256 * 1024;

/// Both directions of a connection that is not plain TCP.
pub(crate) trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// A connection.
pub(crate) enum Stream {
    /// TCP, of which readiness can be asked before there is a buffer to read into.
    Plain(TcpStream),
    /// Anything else: TLS.
    Other(Box<dyn Duplex>),
}

/// A connection and its read buffer, shared by the parts of one exchange, which run in turns.
#[derive(Clone)]
pub(crate) struct Io(Arc<Mutex<Inner>>);

struct Inner {
    stream: Stream,
    input: BytesMut,
    read_bytes: usize,
    names: KnownNames,
    body: BodyState,
}

thread_local! {
    /// What was just read, until it is copied to where it belongs.
    static FIRST_READ: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ_BYTES_MIN].into());
}

/// Where the body of the last message stands. The next message begins behind it.
#[derive(Debug)]
pub(super) enum BodyState {
    /// It was read to its end, or there was none.
    Ended,
    /// Somebody is to read it.
    Open,
    /// Nobody will read the rest.
    Left(Decoder),
}

impl std::fmt::Debug for Io {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Io")
    }
}

/// Longest part of a body that is copied behind its head, bytes: one part is sent for less than two.
const COPIED_BYTES_MAX: usize = 4 * 1024;

/// A head and what follows it as the two parts of a write, in one of them if that is short. `head` writes the head with
/// room for so many bytes behind it.
pub(super) fn joined_if_small(body: Bytes, head: impl FnOnce(usize) -> BytesMut) -> (Bytes, Bytes) {
    if body.len() > COPIED_BYTES_MAX {
        return (head(0).freeze(), body);
    }
    let mut joined = head(body.len());
    joined.extend_from_slice(&body);
    (joined.freeze(), Bytes::new())
}

impl Io {
    pub(crate) fn new(stream: Stream) -> Self {
        Self(Arc::new(Mutex::new(Inner {
            stream,
            input: BytesMut::new(),
            read_bytes: READ_BYTES_MIN,
            names: KnownNames::default(),
            body: BodyState::Ended,
        })))
    }

    /// Works on what was read and not yet used.
    pub(super) fn with_input<T>(&self, work: impl FnOnce(&mut BytesMut) -> T) -> T {
        work(&mut self.0.lock().input)
    }

    /// Takes a head from what was read and not yet used.
    pub(super) fn take_head<T>(&self, take: impl FnOnce(&mut BytesMut, &mut KnownNames) -> T) -> T {
        let inner = &mut *self.0.lock();
        take(&mut inner.input, &mut inner.names)
    }

    pub(super) fn set_body(&self, state: BodyState) {
        self.0.lock().body = state;
    }

    pub(super) fn take_body(&self) -> BodyState {
        std::mem::replace(&mut self.0.lock().body, BodyState::Ended)
    }

    /// Whether somebody may still read the body of the last message.
    pub(super) fn is_body_open(&self) -> bool {
        matches!(self.0.lock().body, BodyState::Open)
    }

    /// Reads some more. Gives 0 at the end.
    pub(super) fn poll_fill(&self, context: &mut Context<'_>) -> Poll<std::io::Result<usize>> {
        self.0.lock().poll_fill(context)
    }

    pub(super) async fn fill(&self) -> std::io::Result<usize> {
        std::future::poll_fn(|context| self.poll_fill(context)).await
    }

    /// Writes two parts, one behind the other, and takes from both what is written.
    pub(super) fn poll_write(
        &self,
        context: &mut Context<'_>,
        first: &mut Bytes,
        second: &mut Bytes,
    ) -> Poll<std::io::Result<()>> {
        self.0.lock().poll_write(context, first, second)
    }

    pub(super) async fn write(&self, mut first: Bytes, mut second: Bytes) -> std::io::Result<()> {
        std::future::poll_fn(|context| self.poll_write(context, &mut first, &mut second)).await
    }

    /// Ends the sending half.
    pub(super) async fn shut_down(&self) -> std::io::Result<()> {
        std::future::poll_fn(|context| match &mut self.0.lock().stream {
            Stream::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Stream::Other(stream) => Pin::new(stream).poll_shutdown(context),
        })
        .await
    }

    /// Whether a connection that waits between two messages has nothing to say: neither its end nor bytes that nobody
    /// asked for. Costs no system call.
    pub(super) fn is_quiet(&self) -> bool {
        let inner = &mut *self.0.lock();
        if !inner.input.is_empty() {
            return false;
        }
        match &inner.stream {
            Stream::Plain(stream) => stream.poll_read_ready(&mut Context::from_waker(Waker::noop())).is_pending(),
            // What TLS has to say is seen when it is read.
            Stream::Other(_) => true,
        }
    }

    /// Gives the read buffer back while nothing is expected: thousands of connections wait most of the time.
    pub(super) fn release_buffer(&self) {
        let inner = &mut *self.0.lock();
        if inner.input.is_empty() {
            inner.input = BytesMut::new();
            inner.read_bytes = READ_BYTES_MIN;
        }
    }
}

impl Inner {
    fn poll_fill(&mut self, context: &mut Context<'_>) -> Poll<std::io::Result<usize>> {
        let read = match &mut self.stream {
            Stream::Plain(stream) if self.read_bytes == READ_BYTES_MIN => {
                let input = &mut self.input;
                ready!(FIRST_READ.with_borrow_mut(|buffer| {
                    let mut read = ReadBuf::new(buffer);
                    let done = Pin::new(stream).poll_read(context, &mut read);
                    input.extend_from_slice(read.filled());
                    done.map_ok(|()| read.filled().len())
                }))?
            }
            Stream::Plain(stream) => {
                // A buffer only once there is something to put into it.
                ready!(stream.poll_read_ready(context))?;
                self.input.reserve(self.read_bytes);
                ready!(std::pin::pin!(stream.read_buf(&mut self.input)).poll(context))?
            }
            Stream::Other(stream) => {
                self.input.reserve(self.read_bytes);
                ready!(std::pin::pin!(stream.read_buf(&mut self.input)).poll(context))?
            }
        };
        if read >= self.read_bytes {
            self.read_bytes = (self.read_bytes * 2).min(READ_BYTES_MAX);
        }
        Poll::Ready(Ok(read))
    }

    fn poll_write(
        &mut self,
        context: &mut Context<'_>,
        first: &mut Bytes,
        second: &mut Bytes,
    ) -> Poll<std::io::Result<()>> {
        while first.has_remaining() || second.has_remaining() {
            let stream: Pin<&mut (dyn AsyncWrite + Unpin)> = match &mut self.stream {
                Stream::Plain(stream) => Pin::new(stream),
                Stream::Other(stream) => Pin::new(stream),
            };
            let written = if first.is_empty() || second.is_empty() {
                let part = if second.is_empty() { &**first } else { &**second };
                ready!(stream.poll_write(context, part))?
            } else {
                ready!(stream.poll_write_vectored(context, &[IoSlice::new(first), IoSlice::new(second)]))?
            };
            if written == 0 {
                return Poll::Ready(Err(std::io::ErrorKind::WriteZero.into()));
            }
            let of_first = written.min(first.len());
            first.advance(of_first);
            second.advance(written - of_first);
        }
        match &mut self.stream {
            Stream::Plain(_) => Poll::Ready(Ok(())),
            Stream::Other(stream) => Pin::new(stream).poll_flush(context),
        }
    }
}
