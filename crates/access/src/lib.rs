//! Accounts, access keys and principals of this installation.
//!
//! - [`directory`]: the directory: which access key belongs to whom. For now it holds one account and its root key.
//! - [`bucket_policy`]: what a bucket policy says of one request.
//! - [`principal`]: who a key speaks for, and what records say of them.
//! - [`identities`]: whose keys an upstream's keys are, as far as calls have taught it; no secrets there.
//! - [`root_key`]: the root key as a value: made from random bytes, read from and written to JSON.
//! - [`root_key_file`]: the one file that keeps it, how it gets to disk, and who may read it.
//!
//! Invariants: a key that was handed out is on disk before anyone hears of it; a stored key is never replaced by a
//! setting; the file that holds a secret is readable by its owner alone, or the start is refused. Secrets appear in no
//! error and no debug output.
//!
//! Absent: authorization. Root may do everything in its account.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic, reason = "a failed test may panic"))]

pub mod bucket_policy;
pub mod directory;
pub mod identities;
pub mod principal;
pub mod root_key;
pub mod root_key_file;

pub use directory::{Directory, DirectoryConfig, DirectoryError, IgnoredRootKey, RootKeyOrigin};
pub use identities::{IdentitiesError, KnownIdentities};
pub use principal::{Principal, PrincipalKind};
pub use root_key::RootKey;
