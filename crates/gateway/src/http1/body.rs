//! The body of a message, read from its connection as it is asked for.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::framing::{Decoded, Decoder};
use super::head::Framing;
use super::io::{BodyState, Io};
use crate::body::BodyError;

/// Told when a body was read to its end, so that the connection can be used for the next message.
pub(crate) trait AtEnd: Send {
    fn reached(self: Box<Self>);
}

/// A body that is still on its connection.
pub(crate) struct WireBody {
    io: Io,
    decoder: Decoder,
    /// What the client waits for before it sends the body: `Expect: 100-continue`.
    invitation: Option<Bytes>,
    at_end: Option<Box<dyn AtEnd>>,
}

impl std::fmt::Debug for WireBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WireBody").field("decoder", &self.decoder).finish_non_exhaustive()
    }
}

impl WireBody {
    pub(super) fn new(io: Io, framing: Framing, at_end: Option<Box<dyn AtEnd>>) -> Self {
        let mut body = Self { io, decoder: Decoder::new(framing), invitation: None, at_end };
        body.io.set_body(BodyState::Open);
        body.tell_if_ended();
        body
    }

    /// Sends a line before the body is read for the first time.
    pub(super) fn inviting(mut self, invitation: &'static [u8]) -> Self {
        self.invitation = (!self.decoder.is_ended()).then(|| Bytes::from_static(invitation));
        self
    }

    fn tell_if_ended(&mut self) {
        if self.decoder.is_ended() {
            self.io.set_body(BodyState::Ended);
            if let Some(at_end) = self.at_end.take() {
                at_end.reached();
            }
        }
    }

    fn poll_decoded(&mut self, context: &mut Context<'_>) -> Poll<Result<Decoded, BodyError>> {
        loop {
            let decoded = self.io.with_input(|input| self.decoder.decode(input))?;
            if decoded != Decoded::NeedsMore {
                self.tell_if_ended();
                return Poll::Ready(Ok(decoded));
            }
            if let Some(invitation) = &mut self.invitation {
                ready!(self.io.poll_write(context, invitation, &mut Bytes::new()))?;
                self.invitation = None;
            }
            if ready!(self.io.poll_fill(context))? == 0 {
                self.decoder.connection_ended()?;
            }
        }
    }
}

impl Drop for WireBody {
    fn drop(&mut self) {
        // A client that was not invited may never send its body, so that nothing tells where the next message begins.
        if !self.decoder.is_ended() && self.invitation.is_none() {
            self.io.set_body(BodyState::Left(std::mem::replace(&mut self.decoder, Decoder::Ended)));
        }
    }
}

impl Body for WireBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        Poll::Ready(match ready!(self.get_mut().poll_decoded(context)) {
            Ok(Decoded::Data(data)) => Some(Ok(Frame::data(data))),
            Ok(Decoded::Trailers(trailers)) => Some(Ok(Frame::trailers(*trailers))),
            Ok(Decoded::End | Decoded::NeedsMore) => None,
            Err(error) => Some(Err(error)),
        })
    }

    fn is_end_stream(&self) -> bool {
        self.decoder.is_ended()
    }

    fn size_hint(&self) -> SizeHint {
        match self.decoder {
            Decoder::Sized(left) => SizeHint::with_exact(left),
            Decoder::Ended => SizeHint::with_exact(0),
            Decoder::Chunked(_) | Decoder::UntilClose => SizeHint::new(),
        }
    }
}
