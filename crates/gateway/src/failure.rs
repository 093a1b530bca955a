//! Errors that the gateway itself answers with.

use aws_wire::sigv4::Rejection;

use crate::resigning::Refusal;
use crate::sink::SinkError;
use crate::upstream::UpstreamError;

/// An error that the gateway itself answers with.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) status: u16,
    pub(crate) code: &'static str,
    pub(crate) message: String,
}

impl Failure {
    pub(crate) fn unrecordable(error: &SinkError, what_happened: &str) -> Self {
        tracing::error!(%error, what_happened, "a call could not be recorded");
        let message = format!("OpenTrail could not record this call, so {what_happened}. Its log names the reason.");
        Self { status: 503, code: "ServiceUnavailable", message }
    }

    pub(crate) fn rejected(rejection: Rejection) -> Self {
        Self { status: rejection.status, code: rejection.code, message: rejection.message }
    }

    pub(crate) fn refused(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Rejected(rejection) => Self::rejected(rejection),
            Refusal::Unsignable(error) => {
                let message = format!("OpenTrail cannot sign this call for its upstream: {error}.");
                Self { status: 400, code: "InvalidRequest", message }
            }
        }
    }

    pub(crate) fn no_origin() -> Self {
        let message =
            "OpenTrail does not know where this call was going: its connection was opened to OpenTrail itself.";
        Self { status: 501, code: "NotImplemented", message: message.to_owned() }
    }

    pub(crate) fn upstream(error: &UpstreamError) -> Self {
        let cause = std::error::Error::source(error).map_or_else(String::new, |source| {
            let innermost = std::iter::successors(Some(source), |error| error.source()).last();
            innermost.map_or_else(String::new, |error| format!(": {error}"))
        });
        let (status, code) = match error {
            UpstreamError::Unreachable { .. } | UpstreamError::Broken { .. } => (503, "ServiceUnavailable"),
            UpstreamError::TimedOut { .. } => (504, "GatewayTimeout"),
            UpstreamError::ClientGone => (400, "IncompleteBody"),
        };
        Self { status, code, message: format!("OpenTrail got no answer for this call: {error}{cause}.") }
    }
}
