//! Signature Version 4: who signed a request, whether it is true, and how to sign one.
//!
//! [`parse`] reads what a request head presents; it proves nothing. [`verify()`] proves it: it rebuilds the canonical
//! request from the bytes as received and compares signatures in constant time. [`ChunkedDecoder`] reads `aws-chunked`
//! bodies and proves their chunks. [`sign`] makes what [`verify()`] accepts.
//!
//! Refused on purpose: nothing here looks at a clock (the time is an argument), keeps a secret in a printable type, or
//! verifies SigV4A, which is recognised so that a record can name the key and no more. SigV2 is proved in
//! [`crate::sigv2`].
//!
//! Source: AWS IAM user guide, "Create a signed AWS API request"; Amazon S3 API reference, "Authenticating requests
//! (AWS Signature Version 4)"; the signing test suite of the AWS common runtime.
//!
//! How far a verified signature reaches is decided in `docs/decisions/signature-verification.md`.
//!
//! Reading order: [`scope`], [`timestamp`], [`payload`], [`presented`] (with its header and query forms),
//! [`canonical`], [`string_to_sign`], [`signing_key`], [`verify`](mod@verify), [`sign`](mod@sign), [`resign`](mod@resign), [`chunked`], [`error`],
//! [`rejection`].

pub mod canonical;
pub mod chunked;
pub mod error;
mod header_form;
pub mod payload;
pub(crate) mod percent;
pub mod presented;
mod query_form;
pub mod rejection;
pub mod resign;
pub mod scope;
pub mod secret_access_key;
pub mod sign;
pub mod signing_key;
pub mod string_to_sign;
pub mod timestamp;
pub mod verify;

pub use canonical::UriRules;
pub use chunked::{ChunkResigner, ChunkSeed, ChunkedDecoder, ChunkedError, Trailer};
pub use error::{SigV4Error, SignatureMismatch};
pub use payload::{PayloadDeclaration, payload_hash};
pub use presented::{Authorization, Placement, Presented, claimed_service, parse};
pub use rejection::{Rejection, RejectionStyle};
pub use resign::{Credentials, Resigned, TakenOver, resign};
pub use scope::CredentialScope;
pub use secret_access_key::{SecretAccessKey, SecretAccessKeyError};
pub use sign::{SignError, SignedHead, SigningIdentity, sign_head, sign_headers, sign_query};
pub use signing_key::{SigningKey, SigningKeyCache};
pub use timestamp::AmzDate;
pub use verify::{BodyProof, CLOCK_SKEW_MAX, VerifiedRequest, verify, verify_with_key};

#[cfg(test)]
mod tests;
