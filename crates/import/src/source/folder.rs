//! A folder and all below it.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::{self, Metadata};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::day_folders::Day;
use super::{DIGEST_FOLDER, Found, FoundFile, Listing, Locator, SourceError};
use crate::file_key::FileKey;

/// The path from the root, without resolving links: it is the key of the ledger and must not depend on where the
/// command was started.
pub(super) fn absolute(path: &Path) -> Result<PathBuf, SourceError> {
    let failed = |source| SourceError::Path { path: path.display().to_string(), source };
    fs::metadata(path).map_err(failed)?;
    std::path::absolute(path).map_err(failed)
}

/// Walks the folder. Links are followed; a folder that was seen before is not entered again, so that links in circles
/// end. What cannot be looked at is reported and the walk goes on.
pub(super) fn list(root: &Path, since: Option<Day>, take: &mut dyn FnMut(Found) -> Listing) -> Result<(), SourceError> {
    let mut seen = HashSet::new();
    let mut waiting = vec![root.to_owned()];
    while let Some(path) = waiting.pop() {
        let listing = match fs::metadata(&path) {
            Err(error) => take(Found::Failure { key: key(&path), error }),
            Ok(metadata) if metadata.is_dir() => {
                if !seen.insert((metadata.dev(), metadata.ino())) || is_of_earlier_days(&path, since) {
                    continue;
                }
                if path.file_name() == Some(OsStr::new(DIGEST_FOLDER)) {
                    report_digests(&path, take)
                } else {
                    enter(&path, &mut waiting, take)
                }
            }
            Ok(metadata) if metadata.is_file() => take(Found::File(found_file(path, &metadata))),
            // Sockets, pipes and devices hold no files.
            Ok(_) => continue,
        };
        if listing == Listing::Stop {
            break;
        }
    }
    Ok(())
}

/// Puts what is in the folder on the list of what waits.
fn enter(path: &Path, waiting: &mut Vec<PathBuf>, take: &mut dyn FnMut(Found) -> Listing) -> Listing {
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) => return take(Found::Failure { key: key(path), error }),
    };
    let from = waiting.len();
    for entry in entries {
        match entry {
            Ok(entry) => waiting.push(entry.path()),
            Err(error) => return take(Found::Failure { key: key(path), error }),
        }
    }
    // In the order of their names, as the list is taken from its end.
    waiting[from..].sort_unstable_by(|a, b| b.cmp(a));
    Listing::GoOn
}

/// Counts the files below a folder of digests.
fn report_digests(path: &Path, take: &mut dyn FnMut(Found) -> Listing) -> Listing {
    let mut waiting = vec![path.to_owned()];
    while let Some(path) = waiting.pop() {
        let Ok(entries) = fs::read_dir(&path) else { continue };
        for entry in entries.flatten() {
            // Not through links: nothing here is worth a walk in circles.
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => waiting.push(entry.path()),
                Ok(kind) if kind.is_file() && take(Found::Digest) == Listing::Stop => return Listing::Stop,
                Ok(_) | Err(_) => {}
            }
        }
    }
    Listing::GoOn
}

fn is_of_earlier_days(path: &Path, since: Option<Day>) -> bool {
    let names = path.components().rev().map_while(|name| name.as_os_str().to_str());
    since.is_some_and(|since| since.is_after_all_of(names))
}

fn found_file(path: PathBuf, metadata: &Metadata) -> FoundFile {
    let version = format!("{}.{:09}", metadata.mtime(), metadata.mtime_nsec());
    FoundFile { key: key(&path), size_bytes: metadata.len(), version, locator: Locator::Path(path) }
}

fn key(path: &Path) -> FileKey {
    FileKey::new(path.as_os_str().as_bytes())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::time::{Duration, SystemTime};

    use super::*;

    fn names(root: &Path, since: Option<Day>) -> (Vec<String>, usize, usize) {
        let (mut names, mut digests, mut failures) = (Vec::new(), 0, 0);
        list(root, since, &mut |found| {
            match found {
                Found::File(file) => {
                    let name = file.key.display().into_owned();
                    names.push(name.strip_prefix(root.to_str().unwrap()).unwrap_or(&name).to_owned());
                }
                Found::Digest => digests += 1,
                Found::Failure { .. } => failures += 1,
            }
            Listing::GoOn
        })
        .unwrap();
        (names, digests, failures)
    }

    #[test]
    fn everything_is_found_once_and_links_in_circles_end() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let below = root.join("AWSLogs/o-1/111122223333/CloudTrail/eu-west-1/2026/11/20");
        fs::create_dir_all(&below).unwrap();
        fs::write(below.join("a.json"), "{}").unwrap();
        fs::write(below.join(OsStr::from_bytes(b"b\xff.json")), "{}").unwrap();
        let digests = root.join("AWSLogs/o-1/111122223333/CloudTrail-Digest/eu-west-1");
        fs::create_dir_all(&digests).unwrap();
        fs::write(digests.join("d.json.gz"), "").unwrap();
        symlink(root, below.join("circle")).unwrap();
        symlink(below.join("nowhere"), root.join("dead")).unwrap();
        let (found, digests, failures) = names(root, None);
        let at = "/AWSLogs/o-1/111122223333/CloudTrail/eu-west-1/2026/11/20";
        assert_eq!(found, [format!("{at}/a.json"), format!("{at}/b\u{fffd}.json")]);
        assert_eq!((digests, failures), (1, 1));
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_430_000);
        assert_eq!(names(root, Some(Day::before(now, 1))).0, Vec::<String>::new());
        assert_eq!(names(root, Some(Day::before(now, 3))).0.len(), 2);
    }
}
