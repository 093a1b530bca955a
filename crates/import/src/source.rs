//! Where log files come from: folders and buckets, listed in portions.

mod bucket;
mod day_folders;
mod folder;

use std::ffi::OsStr;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;

pub(crate) use self::day_folders::Day;
use self::day_folders::{DeliveryDay, delivery_day};

use self::bucket::{Bucket, ObjectReader};
use crate::file_key::{FileKey, Fingerprint};
use crate::notices::NoticedObject;

/// Files of one portion of a listing, which is sorted before it is read: a second or so of listing in a folder, some
/// 50 MB of memory.
const PORTION_FILES_MAX: usize = 100_000;
/// The same for a bucket, which gives a thousand with each answer.
const PORTION_OBJECTS_MAX: usize = 10_000;
/// A file that is read before all others of its portion, largest first, so that it does not start when all others are
/// done. CloudTrail's own have at most 50 MB unpacked.
const HUGE_FILE_BYTES_MIN: u64 = 64 * 1024 * 1024;
/// Folders of CloudTrail's digests: signatures, no events.
const DIGEST_FOLDER: &str = "CloudTrail-Digest";

/// What to read: a file, a folder with everything below it, or the objects below a prefix of a bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In the file system.
    Path(PathBuf),
    /// In a bucket, as `s3://bucket/prefix`. Address, keys and region come from the usual AWS variables.
    Bucket {
        /// Name of the bucket.
        name: String,
        /// Prefix without slashes at its ends; empty for the whole bucket. Where no folder has this name, names that
        /// begin with it count.
        prefix: String,
    },
}

/// A text that names no place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlaceError {
    /// A bucket must be named in UTF-8 and not be empty.
    #[error("not a bucket: write s3://BUCKET or s3://BUCKET/PREFIX")]
    NotABucket,
}

impl Place {
    /// Reads an argument of the command line.
    ///
    /// # Errors
    /// It begins with `s3://` and names no bucket. Whether a path exists is seen when it is read.
    pub fn parse(text: &OsStr) -> Result<Self, PlaceError> {
        let Some(rest) = text.as_encoded_bytes().strip_prefix(b"s3://") else {
            return Ok(Self::Path(PathBuf::from(text)));
        };
        let rest = std::str::from_utf8(rest).map_err(|_| PlaceError::NotABucket)?;
        let (name, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        if name.is_empty() {
            return Err(PlaceError::NotABucket);
        }
        Ok(Self::Bucket { name: name.to_owned(), prefix: prefix.trim_matches('/').to_owned() })
    }
}

impl Place {
    /// Whether an object is in the place.
    pub(crate) fn has(&self, object: &NoticedObject) -> bool {
        match self {
            Self::Path(_) => false,
            Self::Bucket { name, prefix } => *name == object.bucket && object.key.starts_with(prefix.as_str()),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => write!(f, "{}", path.display()),
            Self::Bucket { name, prefix } => write!(f, "s3://{name}/{prefix}"),
        }
    }
}

/// A source that cannot be read at all.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SourceError {
    /// The folder or file given is not there or not readable.
    #[error("cannot read {path}")]
    Path {
        /// What was given.
        path: String,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The bucket cannot be reached or listed.
    #[error("cannot {tried} s3://{bucket}")]
    Bucket {
        /// What was tried.
        tried: &'static str,
        /// Name of the bucket.
        bucket: String,
        /// Why not.
        #[source]
        source: object_store::Error,
    },
}

/// A file that a listing found.
#[derive(Debug, Clone)]
pub(crate) struct FoundFile {
    pub(crate) key: FileKey,
    pub(crate) locator: Locator,
    pub(crate) size_bytes: u64,
    /// Changes when the content does, as far as one can know without reading it: time of change, or ETag.
    pub(crate) version: String,
}

/// How to open a file.
#[derive(Debug, Clone)]
pub(crate) enum Locator {
    Path(PathBuf),
    Object(object_store::path::Path),
}

impl FoundFile {
    /// The fingerprint, where it is known without reading the file.
    pub(crate) fn fingerprint(&self) -> Option<Fingerprint> {
        match self.locator {
            Locator::Path(_) => None,
            Locator::Object(_) => Some(Fingerprint { size_bytes: self.size_bytes, tag: self.version.clone() }),
        }
    }
}

/// What a listing comes across.
#[derive(Debug)]
pub(crate) enum Found {
    File(FoundFile),
    /// A digest file or a folder of such; not read.
    Digest,
    /// Something that could not be looked at.
    Failure {
        key: FileKey,
        error: io::Error,
    },
}

/// Whether a key is of a digest.
pub(crate) fn is_digest(key: &str) -> bool {
    key.split('/').any(|name| name == DIGEST_FOLDER)
}

/// A place that is open.
pub(crate) enum Source {
    Folder(PathBuf),
    Bucket(Bucket),
}

impl Source {
    /// Opens a place.
    pub(crate) fn open(place: &Place) -> Result<Self, SourceError> {
        match place {
            Place::Path(path) => folder::absolute(path).map(Self::Folder),
            Place::Bucket { name, prefix } => Bucket::open(name, prefix).map(Self::Bucket),
        }
    }

    /// Lists everything, or with `since` leaves out the folders of days before, where folders are named by days. Hands
    /// out portions until `take` says to stop: huge files first, then by days, however accounts and regions lie around
    /// them, because a destination that keeps days apart fares best with few at a time.
    pub(crate) fn list(
        &self,
        since: Option<Day>,
        take: &mut dyn FnMut(Vec<Found>) -> Listing,
    ) -> Result<(), SourceError> {
        let found_max = if matches!(self, Self::Folder(_)) { PORTION_FILES_MAX } else { PORTION_OBJECTS_MAX };
        let mut portion = Portion { found: Vec::new(), found_max, take };
        let listed = match self {
            Self::Folder(path) => folder::list(path, since, &mut |found| portion.add(found)),
            Self::Bucket(bucket) => bucket.list(since, &mut |found| portion.add(found)),
        };
        portion.hand_out();
        listed
    }

    /// Hands out some objects of a bucket, as far as they are there, as [`Source::list`] does.
    pub(crate) fn find(&self, keys: &[String], take: &mut dyn FnMut(Vec<Found>) -> Listing) -> Result<(), SourceError> {
        if let Self::Bucket(bucket) = self {
            take(bucket.find(keys)?);
        }
        Ok(())
    }

    /// Opens a file. Objects begin to arrive at once.
    pub(crate) fn read(&self, file: &FoundFile) -> io::Result<Body> {
        match (self, &file.locator) {
            (Self::Bucket(bucket), Locator::Object(object)) => {
                Ok(Body::Object(bucket.read(object, file.size_bytes, &file.version)))
            }
            (_, Locator::Path(path)) => File::open(path).map(Body::File),
            (Self::Folder(_), Locator::Object(_)) => Err(io::ErrorKind::NotFound.into()),
        }
    }
}

/// Whether a listing goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Listing {
    GoOn,
    Stop,
}

struct Portion<'a> {
    found: Vec<Found>,
    found_max: usize,
    take: &'a mut dyn FnMut(Vec<Found>) -> Listing,
}

impl Portion<'_> {
    fn add(&mut self, found: Found) -> Listing {
        self.found.push(found);
        if self.found.len() < self.found_max { Listing::GoOn } else { self.hand_out() }
    }

    fn hand_out(&mut self) -> Listing {
        let mut found = std::mem::take(&mut self.found);
        found.sort_by_cached_key(|found| match found {
            Found::Digest | Found::Failure { .. } => Turn::NotRead,
            Found::File(file) if file.size_bytes >= HUGE_FILE_BYTES_MIN => {
                Turn::Huge(std::cmp::Reverse(file.size_bytes), file.key.clone())
            }
            Found::File(file) => Turn::OfDay(delivery_day(file.key.as_bytes()), file.key.clone()),
        });
        (self.take)(found)
    }
}

/// When a file of a portion is read.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Turn {
    NotRead,
    Huge(std::cmp::Reverse<u64>, FileKey),
    OfDay(Option<DeliveryDay>, FileKey),
}

/// The bytes of a file.
pub(crate) enum Body {
    File(File),
    Object(ObjectReader),
}

impl Read for Body {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::File(file) => file.read(buffer),
            Self::Object(object) => object.read(buffer),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn huge_files_come_first_and_the_rest_by_days() {
        let file = |name: &str, size_bytes| {
            Found::File(FoundFile {
                key: FileKey::new(name),
                locator: Locator::Path(PathBuf::from(name)),
                size_bytes,
                version: String::new(),
            })
        };
        let mut names = Vec::new();
        let mut take = |found: Vec<Found>| {
            let files = found.iter().filter_map(|found| match found {
                Found::File(file) => Some(file.key.display().into_owned()),
                Found::Digest | Found::Failure { .. } => None,
            });
            names.extend(files);
            Listing::GoOn
        };
        let mut portion = Portion { found: Vec::new(), found_max: 10, take: &mut take };
        for (name, size_bytes) in [
            ("/a/2026/11/22/x", 900),
            ("/a/2026/11/23/x", 1),
            ("/b/2026/11/22/x", 5),
            ("huge", HUGE_FILE_BYTES_MIN),
            ("huger", HUGE_FILE_BYTES_MIN + 1),
        ] {
            portion.add(file(name, size_bytes));
        }
        portion.hand_out();
        assert_eq!(names, ["huger", "huge", "/a/2026/11/22/x", "/b/2026/11/22/x", "/a/2026/11/23/x"]);
    }

    #[test]
    fn places_are_paths_or_buckets() {
        let bucket = |name: &str, prefix: &str| Place::Bucket { name: name.to_owned(), prefix: prefix.to_owned() };
        let parse = |text: &str| Place::parse(OsStr::new(text));
        assert_eq!(parse("s3://b"), Ok(bucket("b", "")));
        assert_eq!(parse("s3://b/"), Ok(bucket("b", "")));
        assert_eq!(parse("s3://b/x/y/"), Ok(bucket("b", "x/y")));
        assert_eq!(parse("s3:///x"), Err(PlaceError::NotABucket));
        assert_eq!(parse("logs/s3"), Ok(Place::Path(PathBuf::from("logs/s3"))));
    }
}
