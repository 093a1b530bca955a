//! Secret bytes that an installation makes once and keeps.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::{Context, bail};
use rand::TryRngCore;
use rand::rngs::OsRng;

/// Size of a key, bytes.
const KEY_BYTES: usize = 32;

/// Reads the key in this file, or makes it: readable by its owner alone, and durable on return.
///
/// # Errors
/// The file cannot be read or made, or has another size.
pub(crate) fn read_or_make(path: &Path) -> anyhow::Result<[u8; KEY_BYTES]> {
    match std::fs::read(path) {
        Ok(bytes) => match bytes.try_into() {
            Ok(key) => Ok(key),
            Err(_) => bail!("{} does not hold {KEY_BYTES} bytes; delete it to have a new one made", path.display()),
        },
        Err(error) if error.kind() == ErrorKind::NotFound => make(path),
        Err(error) => Err(error).with_context(|| format!("read {}", path.display())),
    }
}

/// Reads the key in this file, which must be there.
///
/// # Errors
/// There is no such file, it cannot be read, or has another size.
pub(crate) fn read(path: &Path) -> anyhow::Result<[u8; KEY_BYTES]> {
    if !path.try_exists().with_context(|| format!("look for {}", path.display()))? {
        bail!("there is no {}", path.display());
    }
    read_or_make(path)
}

fn make(path: &Path) -> anyhow::Result<[u8; KEY_BYTES]> {
    let mut key = [0; KEY_BYTES];
    OsRng.try_fill_bytes(&mut key).context("the operating system gave no random bytes")?;
    let folder = path.parent().context("a key file has a folder")?;
    let unfinished = path.with_extension("new");
    let mut file: File = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&unfinished)
        .with_context(|| format!("create {}", unfinished.display()))?;
    file.write_all(&key).and_then(|()| file.sync_all()).with_context(|| format!("write {}", unfinished.display()))?;
    std::fs::rename(&unfinished, path).with_context(|| format!("create {}", path.display()))?;
    File::open(folder).and_then(|folder| folder.sync_all()).with_context(|| format!("sync {}", folder.display()))?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_key_is_made_once_and_for_its_owner_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("key");
        let made = read_or_make(&path).expect("a key");
        assert_eq!(read_or_make(&path).expect("a key"), made);
        assert_eq!(std::fs::metadata(&path).expect("a file").permissions().mode() & 0o777, 0o600);
        std::fs::write(&path, b"short").expect("written");
        let error = read_or_make(&path).expect_err("too short").to_string();
        assert!(error.contains("32 bytes"), "{error}");
    }
}
