//! Accounts, access keys and principals of this installation.
