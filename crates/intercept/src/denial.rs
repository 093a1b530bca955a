//! Which errors are denials.

/// What the codes of denials contain: `AccessDenied`, `Client.UnauthorizedOperation`, `NotAuthorizedException`, …
///
/// Source: CIS AWS Foundations Benchmark, unauthorized API calls, and the error codes of the published models.
const MARKS: [&str; 5] = ["AccessDenied", "Unauthorized", "NotAuthorized", "AuthorizationError", "Forbidden"];

/// Whether an error code says that the caller lacks a permission.
pub fn is_denial(error_code: &str) -> bool {
    MARKS.iter().any(|mark| error_code.contains(mark))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn denials() {
        for code in ["AccessDenied", "Client.UnauthorizedOperation", "KMS.NotAuthorizedException", "403 Forbidden"] {
            assert!(is_denial(code), "{code}");
        }
        for code in ["NoSuchBucket", "InvalidClientTokenId", "SignatureDoesNotMatch", "Throttling"] {
            assert!(!is_denial(code), "{code}");
        }
    }
}
