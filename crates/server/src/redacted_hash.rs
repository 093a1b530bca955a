//! `opentrail redacted-hash`: the term by which events are found that hid a value.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use capture::RedactionKey;
use clap::Args;

use crate::settings::SettingsLayer;
use crate::{installation_key, logging};

/// Longest value that is read, bytes: no longer one is ever held for a record.
const VALUE_BYTES_MAX: u64 = 1024 * 1024;

/// Print what events hold in place of a hidden value, to search for with opentrail events
///
/// The value is read from standard input, so that no list of processes and no shell history shows it; one newline at
/// its end is not part of it. The server must run with --hash-redacted-values true.
#[derive(Debug, Args)]
pub(crate) struct RedactedHashArguments {
    /// TOML file with the settings of the server
    #[arg(long, env = "OPENTRAIL_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Data folder of the server [default: data]
    #[arg(long, env = "OPENTRAIL_DATA_DIR", value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

/// The file of the key that hidden values are hashed with: whoever has it can try out what a hidden value was.
pub(crate) fn key_file(data_dir: &Path) -> PathBuf {
    data_dir.join("redaction-key")
}

/// Prints the term of the value on standard input.
///
/// # Errors
/// There is no key yet, it cannot be read, or the value is too long or no text.
pub(crate) fn run(arguments: &RedactedHashArguments) -> anyhow::Result<ExitCode> {
    let data_dir = match (&arguments.data_dir, &arguments.config) {
        (Some(data_dir), _) => data_dir.clone(),
        (None, Some(config)) => SettingsLayer::from_file(config)?.data_dir(),
        (None, None) => SettingsLayer::default().data_dir(),
    };
    let key = installation_key::read(&key_file(&data_dir))
        .context("values are hashed once the server has run with --hash-redacted-values true")?;
    let value = read_value(&mut std::io::stdin().lock())?;
    logging::say(&format!("{}\n", RedactionKey::new(key).term(&value)));
    Ok(ExitCode::SUCCESS)
}

fn read_value(input: &mut impl Read) -> anyhow::Result<String> {
    let mut value = String::new();
    input.take(VALUE_BYTES_MAX + 1).read_to_string(&mut value).context("read the value from standard input")?;
    if value.len() as u64 > VALUE_BYTES_MAX {
        bail!("the value is longer than {VALUE_BYTES_MAX} bytes");
    }
    let end = value.strip_suffix('\n').map_or(value.len(), |line| line.strip_suffix('\r').unwrap_or(line).len());
    value.truncate(end);
    if value.is_empty() {
        bail!("there is no value on standard input");
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_newline_is_not_part_of_the_value() {
        for (input, value) in [("a b", "a b"), ("a\n", "a"), ("a\r\n", "a"), ("a\n\n", "a\n")] {
            assert_eq!(read_value(&mut input.as_bytes()).expect(input), value);
        }
        assert!(read_value(&mut "\n".as_bytes()).is_err());
        assert!(read_value(&mut vec![b'x'; 1024 * 1024 + 1].as_slice()).is_err());
    }
}
