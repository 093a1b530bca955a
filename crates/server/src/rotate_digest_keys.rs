//! `opentrail rotate-digest-keys`: digests are signed with new keys from now on.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, bail};
use clap::Args;
use delivery::digest_keys::rotate;
use model::EventTime;

use crate::logging;
use crate::settings::SettingsLayer;

/// Sign digests of trails with new keys from now on
///
/// For keys that somebody may have read. The next digest of each region makes a new key; the server may run or not. Old
/// public keys are kept, so that ListPublicKeys has both and everything that was signed before is still proved. Keys are
/// changed every 30 days also without this.
#[derive(Debug, Args)]
pub(crate) struct RotateDigestKeysArguments {
    /// TOML file with the settings of the server
    #[arg(long, env = "OPENTRAIL_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Data folder of the server [default: data]
    #[arg(long, env = "OPENTRAIL_DATA_DIR", value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

/// Asks for new keys.
///
/// # Errors
/// There is no data folder, or it cannot be written to.
pub(crate) fn run(arguments: &RotateDigestKeysArguments) -> anyhow::Result<ExitCode> {
    let layer = match &arguments.config {
        Some(config) => SettingsLayer::from_file(config)?,
        None => SettingsLayer::default(),
    };
    let data_dir = arguments.data_dir.clone().unwrap_or_else(|| layer.data_dir());
    if !data_dir.is_dir() {
        bail!("there is no data folder {}: start the server once, or name it with --data-dir", data_dir.display());
    }
    // A key of this very second may have been made a moment ago, and its beginning would not tell it from a new one.
    let now = since_epoch()?;
    let next_second = now.as_secs() + 1;
    std::thread::sleep(Duration::from_secs(next_second).saturating_sub(now));
    let time = EventTime::from_seconds(i64::try_from(next_second)?);
    rotate(&data_dir, time).context("ask for new keys")?;
    logging::say(&format!(
        "Digests are signed with keys made after {time}: each region makes its own with its next digest.\n\
         Old public keys stay in ListPublicKeys, and what they signed stays proved."
    ));
    Ok(ExitCode::SUCCESS)
}

fn since_epoch() -> anyhow::Result<Duration> {
    SystemTime::now().duration_since(UNIX_EPOCH).context("the clock is before 1970")
}
