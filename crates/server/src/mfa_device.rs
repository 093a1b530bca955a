//! The device of the root user: time-based codes (RFC 6238) that MFA Delete asks for.
//!
//! Its secret is a file in the data folder. The service reads it for each code, so that a device works as soon as it is
//! made.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, bail};
use buckets::MfaCheck;
use clap::Args;
use model::AccountId;
use parking_lot::Mutex;
use totp_rs::{Builder, Totp};

use crate::settings::SettingsLayer;
use crate::{installation_key, logging};

/// Make the device of the root user, whose codes MFA Delete of embedded buckets asks for
///
/// Prints its serial number and an address that authenticator apps read. The secret is shown once;
/// a code is "SERIAL CODE" for --mfa of the AWS CLI, and works once.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct MfaDeviceArguments {
    /// TOML file with the settings of the server
    #[arg(long, env = "OPENTRAIL_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Data folder of the server [default: data]
    #[arg(long, env = "OPENTRAIL_DATA_DIR", value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Account of the root user [default: 123456789012]
    #[arg(long, env = "OPENTRAIL_ACCOUNT_ID", value_name = "DIGITS")]
    account_id: Option<String>,
}

/// Makes the device.
///
/// # Errors
/// There is one already, or its file cannot be written.
pub(crate) fn run(arguments: &MfaDeviceArguments) -> anyhow::Result<ExitCode> {
    let layer = match &arguments.config {
        Some(config) => SettingsLayer::from_file(config)?,
        None => SettingsLayer::default(),
    };
    let data_dir = arguments.data_dir.clone().unwrap_or_else(|| layer.data_dir());
    let account = match &arguments.account_id {
        Some(account) => AccountId::parse(account).context("--account-id")?,
        None => layer.account_id()?,
    };
    let file = key_file(&data_dir);
    if file.exists() {
        bail!("there is a device, and its secret is shown once: delete {} to make another", file.display());
    }
    if !data_dir.is_dir() {
        bail!("there is no data folder {}: start the server once, or name it with --data-dir", data_dir.display());
    }
    let key = installation_key::read_or_make(&file)?;
    let device = Builder::new()
        .with_secret(key.to_vec())
        .with_account_name(format!("root of {account}"))
        .with_issuer(Some("OpenTrail"))
        .build()
        .context("make the device")?;
    let address = device.to_url().context("write the address of the device")?;
    logging::say(&format!("serial number  {}\nfor apps       {address}\n", serial_number(&account)));
    Ok(ExitCode::SUCCESS)
}

fn key_file(data_dir: &Path) -> PathBuf {
    data_dir.join("root-mfa-device")
}

/// As AWS names the virtual device of a root user.
fn serial_number(account: &AccountId) -> String {
    format!("arn:aws:iam::{account}:mfa/root-account-mfa-device")
}

/// Since 1970.
fn seconds_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// Judges codes of the device in the data folder.
pub(crate) fn check(data_dir: &Path, account: &AccountId) -> MfaCheck {
    let (file, serial) = (key_file(data_dir), serial_number(account));
    let used = Mutex::new(0);
    Arc::new(move |header| {
        let Some(code) = header.strip_prefix(&*serial).map(str::trim) else { return false };
        let Some(device) = device(&file) else { return false };
        is_new_code(&device, code, seconds_now(), &mut used.lock())
    })
}

/// `None` when there is no device, or its file cannot be read; the log says why.
fn device(file: &Path) -> Option<Totp> {
    if !file.exists() {
        return None;
    }
    let key = installation_key::read(file)
        .inspect_err(|error| {
            tracing::error!(error = format!("{error:#}"), "the device of the root user cannot be read")
        })
        .ok()?;
    Builder::new().with_secret(key.to_vec()).build().ok()
}

/// Whether a code is right, and later than the last one that was.
fn is_new_code(device: &Totp, code: &str, now: u64, used: &mut u64) -> bool {
    match device.check(code, now) {
        Some(step) if step > *used => {
            *used = step;
            true
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_works_once_and_in_its_time() {
        let device = Builder::new().with_secret(b"12345678901234567890".to_vec()).build().unwrap();
        let mut used = 0;
        // The time and the code of RFC 6238, appendix B, in six digits.
        assert!(!is_new_code(&device, "287083", 59, &mut used));
        assert!(is_new_code(&device, "287082", 59, &mut used));
        assert!(!is_new_code(&device, "287082", 60, &mut used));
        let later = device.generate(90).to_string();
        assert!(!is_new_code(&device, &later, 300, &mut used));
        assert!(is_new_code(&device, &later, 100, &mut used));
    }

    #[test]
    fn codes_are_of_the_device_of_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let account = AccountId::parse("123456789012").unwrap();
        let check = check(folder.path(), &account);
        let serial = serial_number(&account);
        assert!(!check(&format!("{serial} 123456")));
        let key = installation_key::read_or_make(&key_file(folder.path())).unwrap();
        let code = Builder::new().with_secret(key.to_vec()).build().unwrap().generate(seconds_now());
        assert!(!check(&format!("arn:aws:iam::123456789012:mfa/other {code}")));
        assert!(check(&format!("{serial} {code}")));
        assert!(!check(&format!("{serial} {code}")));
    }
}
