//! The body of a request that uploads bytes, and what it promises about them.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use s3s::dto::StreamingBlob;
use s3s::{Body, S3Request, S3Result, s3_error};

use super::Backend;
use super::answers::bad_digest;
use crate::attributes::{Algorithm, Checksums};
use crate::content::Received;
use crate::payload::PayloadReport;

/// Largest body of one request, in bytes. Source: Amazon S3 user guide, "Uploading objects".
pub(super) const BODY_BYTES_MAX: u64 = 5 * 1024 * 1024 * 1024;

/// What a request says about its body.
#[derive(Debug, Default)]
pub(super) struct Promises {
    length: Option<u64>,
    md5: Option<[u8; 16]>,
    /// By header.
    checksums: Checksums,
    /// To be computed, promised or not.
    algorithms: BTreeSet<Algorithm>,
    /// Announced to come in the trailer.
    in_trailer: Vec<Algorithm>,
    report: Option<PayloadReport>,
}

impl Promises {
    /// Reads the headers. `default` is computed when the caller chose nothing.
    pub(super) fn of<T>(request: &S3Request<T>, default: Algorithm) -> S3Result<Self> {
        let header = |name: &str| request.headers.get(name).and_then(|value| value.to_str().ok());
        let md5 = header("content-md5").map(|text| {
            let bytes = BASE64.decode(text).ok().and_then(|bytes| bytes.try_into().ok());
            bytes.ok_or_else(|| s3_error!(InvalidDigest, "The Content-MD5 you specified was invalid."))
        });
        let mut promises = Self {
            length: header("content-length").and_then(|text| text.parse().ok()),
            md5: md5.transpose()?,
            report: request.extensions.get::<PayloadReport>().cloned(),
            ..Self::default()
        };
        for algorithm in Algorithm::ALL {
            if let Some(value) = header(algorithm.header()) {
                promises.checksums.0.insert(algorithm, value.to_owned());
                promises.algorithms.insert(algorithm);
            }
        }
        let trailers = header("x-amz-trailer").unwrap_or("").split(',');
        promises.in_trailer = trailers.filter_map(Algorithm::from_header).collect();
        promises.algorithms.extend(&promises.in_trailer);
        promises.algorithms.extend(header("x-amz-sdk-checksum-algorithm").and_then(Algorithm::from_name));
        if promises.algorithms.is_empty() {
            promises.algorithms.insert(default);
        }
        Ok(promises)
    }

    /// No promise: only a checksum to compute.
    pub(super) fn computing(algorithm: Algorithm) -> Self {
        Self { algorithms: BTreeSet::from([algorithm]), ..Self::default() }
    }

    pub(super) fn also_compute(&mut self, algorithm: Algorithm) {
        self.algorithms.insert(algorithm);
    }

    fn check(&self, received: &Received) -> S3Result<()> {
        if self.length.is_some_and(|length| length != received.size) {
            return Err(s3_error!(
                IncompleteBody,
                "You did not provide the number of bytes specified by the Content-Length HTTP header"
            ));
        }
        if self.md5.is_some_and(|md5| md5 != received.md5) {
            return Err(bad_digest("Content-MD5"));
        }
        for (algorithm, promised) in &self.checksums.0 {
            check_value(*algorithm, promised, received)?;
        }
        for algorithm in &self.in_trailer {
            let promised = self.report.as_ref().and_then(|report| report.trailer(algorithm.header()));
            let promised = promised.ok_or_else(|| {
                s3_error!(InvalidRequest, "The trailer {} was announced and did not come.", algorithm.header())
            })?;
            check_value(*algorithm, &promised, received)?;
        }
        Ok(())
    }
}

fn check_value(algorithm: Algorithm, promised: &str, received: &Received) -> S3Result<()> {
    if received.checksums.get(algorithm).as_deref() == Some(promised) {
        Ok(())
    } else {
        Err(bad_digest(algorithm.name()))
    }
}

impl Backend {
    /// Receives a body and holds it against what was promised. On an error nothing is left of it.
    pub(super) async fn receive_body(
        &self,
        body: Option<StreamingBlob>,
        promises: &Promises,
        may_be_inline: bool,
    ) -> S3Result<Received> {
        if promises.length.is_some_and(|length| length > BODY_BYTES_MAX) {
            return Err(s3_error!(EntityTooLarge, "Your proposed upload exceeds the maximum allowed size"));
        }
        let body = body.unwrap_or_else(|| StreamingBlob::from(Body::empty()));
        let received = self.folder.receive(body, &promises.algorithms, BODY_BYTES_MAX, may_be_inline).await?;
        promises.check(&received)?;
        Ok(received)
    }
}
