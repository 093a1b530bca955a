//! The `opentrail` binary: command line, configuration and wiring.
//!
//! Nothing lives here that could live lower. [`serve`] puts the crates together and owns the clock, the random source
//! and the signals; [`events`] is a client of the console's JSON API, and so is [`export`]; [`import`] reads log files into the store;
//! [`record`] runs a program with a recording proxy of its own; [`redacted_hash`] prints what to search for in place of
//! a hidden value; [`segments_to_folder`] undoes `--segments`; [`validate`] proves delivered files; [`settings`] is what an operator may set.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic, reason = "a failed test may panic"))]

/// Measured beside the system's allocator and mimalloc: the fastest on small calls, and the one that grows least when
/// large objects pass (docs/benchmarks.md).
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

mod adapters;
mod banner;
mod bucket;
mod events;
mod export;
mod import;
mod installation_key;
mod logging;
mod mfa_device;
mod object_keys;
mod quantity;
mod record;
mod redacted_hash;
mod rotate_digest_keys;
mod segments_to_folder;
mod serve;
mod settings;
mod signed_client;
mod state_metrics;
mod trail_stack;
mod upkeep;
mod validate;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// OpenTrail records every API call made in an account and keeps it searchable.
///
/// Point any AWS client at it with AWS_ENDPOINT_URL; calls go on to the upstream, and each is on disk before its
/// answer leaves.
#[derive(Debug, Parser)]
#[command(name = "opentrail", version, arg_required_else_help = true)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start the recorder, the embedded buckets, the CloudTrail API and the console
    Serve(Box<serve::ServeArguments>),
    Events(Box<events::EventsArguments>),
    Bucket(Box<bucket::BucketArguments>),
    Export(Box<export::ExportArguments>),
    Import(Box<import::ImportArguments>),
    MfaDevice(mfa_device::MfaDeviceArguments),
    Record(Box<record::RecordArguments>),
    RedactedHash(redacted_hash::RedactedHashArguments),
    RotateDigestKeys(rotate_digest_keys::RotateDigestKeysArguments),
    SegmentsToFolder(segments_to_folder::SegmentsToFolderArguments),
    Validate(Box<validate::ValidateArguments>),
}

fn main() -> ExitCode {
    // Two libraries bring a provider of cryptography each, and rustls refuses to choose. It is ours, whoever asks.
    if rustls::crypto::aws_lc_rs::default_provider().install_default().is_err() {
        logging::complain("opentrail: another provider of cryptography was installed first; this is a defect");
    }
    let outcome = match CommandLine::parse().command {
        Command::Serve(arguments) => serve::run(*arguments),
        Command::Events(arguments) => events::run(*arguments),
        Command::Bucket(arguments) => bucket::run(*arguments),
        Command::Export(arguments) => export::run(*arguments),
        Command::Import(arguments) => import::run(*arguments),
        Command::MfaDevice(arguments) => mfa_device::run(&arguments),
        Command::Record(arguments) => return record::run(*arguments),
        Command::RedactedHash(arguments) => redacted_hash::run(&arguments),
        Command::RotateDigestKeys(arguments) => rotate_digest_keys::run(&arguments),
        Command::SegmentsToFolder(arguments) => segments_to_folder::run(&arguments),
        Command::Validate(arguments) => validate::run(*arguments),
    };
    match outcome {
        Ok(code) => code,
        Err(error) => {
            // The whole chain on one line: what was tried, and why it failed.
            logging::complain(&format!("opentrail: {error:#}"));
            ExitCode::FAILURE
        }
    }
}
