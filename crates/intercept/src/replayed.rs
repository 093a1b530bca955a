//! A stream whose first bytes were read already.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

/// Most bytes that are read to see what a stream carries.
const GLANCE_BYTES: usize = 16;

/// A stream that gives again what was read of it, then the rest.
pub(crate) struct Replayed<S> {
    first: [u8; GLANCE_BYTES],
    /// Bytes of `first` that are to be given again: from here up to `len`.
    at: usize,
    len: usize,
    stream: S,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Replayed<S> {
    /// Waits for the first bytes of a stream.
    ///
    /// # Errors
    /// The stream failed.
    pub(crate) async fn after_first_bytes(mut stream: S) -> io::Result<Self> {
        let mut first = [0; GLANCE_BYTES];
        let len = stream.read(&mut first).await?;
        Ok(Self { first, at: 0, len, stream })
    }

    /// The first byte; `None` when the stream ended.
    pub(crate) fn first_byte(&self) -> Option<u8> {
        self.first[..self.len].first().copied()
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Replayed<S> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.at < this.len {
            let size = buffer.remaining().min(this.len - this.at);
            buffer.put_slice(&this.first[this.at..this.at + size]);
            this.at += size;
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut this.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Replayed<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}
