//! The embedded S3 bucket service.
