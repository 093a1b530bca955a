//! The body of a request, checked while it streams by.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use aws_wire::sigv4::{ChunkSeed, ChunkedDecoder, ChunkedError, PayloadDeclaration, Trailer};
use bytes::Bytes;
use http_body::{Body, Frame};
use parking_lot::Mutex;
use s3s::StdError;
use sha2::{Digest, Sha256};

/// Why a body is refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PayloadError {
    #[error(transparent)]
    Chunked(#[from] ChunkedError),
    #[error("the SHA-256 of the body is not what x-amz-content-sha256 says")]
    Sha256Mismatch,
    #[error("the connection broke off")]
    Transport,
}

/// How a body went, for those who do not read it themselves.
#[derive(Debug, Clone, Default)]
pub(crate) struct PayloadReport(Arc<Mutex<Report>>);

#[derive(Debug, Default)]
struct Report {
    error: Option<Arc<PayloadError>>,
    trailers: Vec<Trailer>,
}

impl PayloadReport {
    /// What was wrong with the body, if anything, so far.
    pub(crate) fn error(&self) -> Option<Arc<PayloadError>> {
        self.0.lock().error.clone()
    }

    /// A field of the trailer, once the body was read to its end.
    pub(crate) fn trailer(&self, name: &str) -> Option<String> {
        let report = self.0.lock();
        let found = report.trailers.iter().find(|trailer| trailer.name.eq_ignore_ascii_case(name));
        found.map(|trailer| trailer.value.clone())
    }
}

/// The payload: framing taken off, hash and signatures checked. An error may come as late as at the end, so nothing may
/// take effect before the end was seen.
pub(crate) struct PayloadBody<B> {
    inner: B,
    check: Check,
    /// Pieces of the last frame that were not handed out yet.
    ready: VecDeque<Bytes>,
    report: PayloadReport,
    is_over: bool,
}

enum Check {
    Nothing,
    Sha256 { hash: Box<Sha256>, expected: [u8; 32] },
    Chunked(Box<ChunkedDecoder>),
}

impl<B> PayloadBody<B> {
    /// `seed` starts the chain of chunk signatures; without it they are not verified.
    pub(crate) fn new(
        inner: B,
        declaration: PayloadDeclaration,
        seed: Option<ChunkSeed>,
        decoded_length: Option<u64>,
    ) -> (Self, PayloadReport) {
        let check = match (declaration, seed) {
            (PayloadDeclaration::Exact(expected), _) => Check::Sha256 { hash: Box::default(), expected },
            (declaration, Some(seed)) if declaration.is_chunked() => {
                Check::Chunked(Box::new(ChunkedDecoder::signed(seed, decoded_length)))
            }
            (declaration, _) if declaration.is_chunked() => {
                Check::Chunked(Box::new(ChunkedDecoder::unsigned(decoded_length)))
            }
            _ => Check::Nothing,
        };
        let report = PayloadReport::default();
        (Self { inner, check, ready: VecDeque::new(), report: report.clone(), is_over: false }, report)
    }

    fn take(&mut self, frame: Bytes) -> Result<(), PayloadError> {
        match &mut self.check {
            Check::Nothing => self.ready.push_back(frame),
            Check::Sha256 { hash, .. } => {
                hash.update(&frame);
                self.ready.push_back(frame);
            }
            Check::Chunked(decoder) => {
                let mut input = frame.as_ref();
                while let Some(payload) = decoder.next(&mut input)? {
                    self.ready.push_back(frame.slice_ref(payload));
                }
            }
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), PayloadError> {
        match std::mem::replace(&mut self.check, Check::Nothing) {
            Check::Nothing => Ok(()),
            Check::Sha256 { hash, expected } => {
                let found: [u8; 32] = hash.finalize().into();
                if found == expected { Ok(()) } else { Err(PayloadError::Sha256Mismatch) }
            }
            Check::Chunked(decoder) => {
                self.report.0.lock().trailers = decoder.finish()?;
                Ok(())
            }
        }
    }

    fn fail(&mut self, error: PayloadError) -> Poll<Option<Result<Frame<Bytes>, StdError>>> {
        let error = Arc::new(error);
        self.report.0.lock().error = Some(Arc::clone(&error));
        self.is_over = true;
        Poll::Ready(Some(Err(Box::new(error))))
    }
}

impl<B> Body for PayloadBody<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<StdError>,
{
    type Data = Bytes;
    type Error = StdError;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, StdError>>> {
        let this = self.get_mut();
        loop {
            if let Some(bytes) = this.ready.pop_front() {
                return Poll::Ready(Some(Ok(Frame::data(bytes))));
            }
            if this.is_over {
                return Poll::Ready(None);
            }
            let result = match ready!(Pin::new(&mut this.inner).poll_frame(context)) {
                Some(Ok(frame)) => frame.into_data().map_or(Ok(()), |bytes| this.take(bytes)),
                Some(Err(error)) => {
                    let error: StdError = error.into();
                    tracing::debug!(error = &*error as &dyn std::error::Error, "a request's body broke off");
                    Err(PayloadError::Transport)
                }
                None => {
                    this.is_over = true;
                    this.end()
                }
            };
            if let Err(error) = result {
                return this.fail(error);
            }
        }
    }
}
