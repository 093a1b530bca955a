//! What is wrong with the files of a trail, in words.
//!
//! [`ChainCheck`] walks a chain of digests from its newest to its oldest, as `aws cloudtrail validate-logs` does, and asks
//! for one digest after another. [`check_log_file`] judges one log file by its entry. Neither reads anything: whoever has
//! the files brings their bytes, in any number of threads.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Read;

use flate2::bufread::GzDecoder;
use model::EventTime;

use crate::digest_file::{Digest, DigestFault, LogFileEntry};
use crate::log_file::hash;

/// Most bytes that a file may unpack to. A log file has at most 50 MB; one that claims more is refused before it fills
/// the memory.
pub const UNPACKED_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// Public keys by their fingerprints.
pub type PublicKeys = BTreeMap<String, Vec<u8>>;

/// What is wrong with one file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FileFault {
    /// It is not there.
    #[error("deleted: it is named by a digest, and is not there")]
    Missing,
    /// It is there and is not in any digest.
    #[error("added: no digest names it")]
    Unexpected,
    /// It cannot be unpacked.
    #[error("changed: it is not one gzip file")]
    NotGzip,
    /// Something follows the gzip member.
    #[error("changed: something was appended to it")]
    Appended,
    /// Its content is another.
    #[error("changed: its content has the hash {found}, and was delivered with {expected}")]
    Modified {
        /// Hash in the digest.
        expected: String,
        /// Hash of what is there.
        found: String,
    },
    /// A digest is wrong in itself.
    #[error(transparent)]
    Digest(#[from] DigestFault),
    /// A digest is not the one that its successor names.
    #[error("replaced: the digest after it names another content or signature")]
    Replaced,
    /// The newest digests are gone.
    #[error(
        "the end of the chain was removed: the last digest was delivered at {expected}, and the newest here is of {found}"
    )]
    EndRemoved {
        /// When the last was delivered.
        expected: String,
        /// End of the newest that is there, or `none`.
        found: String,
    },
}

/// A place of a file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// Bucket.
    pub bucket: String,
    /// Key.
    pub key: String,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}/{}", self.bucket, self.key)
    }
}

/// A digest as it was found.
#[derive(Debug, Clone)]
pub struct FoundDigest {
    /// The file, packed.
    pub packed: Vec<u8>,
    /// The signature in its metadata, where it is known.
    pub signature: Option<String>,
}

/// What a step of the walk says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// The digest at this place proves itself.
    Proved(Place, Digest),
    /// The digest at this place came without a signature, and no newer one repeats it. The
    /// digest before it proves itself all the same. So it is with the newest of a downloaded folder.
    Unproved(Place, Digest),
    /// Something is wrong with the digest at this place.
    Wrong(Place, FileFault),
    /// Between these times nothing was delivered: a chain ended and another began.
    Gap {
        /// End of the digest before.
        after: String,
        /// Start of the one behind.
        until: String,
    },
}

/// What the digest behind says of the one before it.
#[derive(Debug, Clone)]
struct Promise {
    hash: Option<String>,
    signature: Option<String>,
}

/// Walks one chain from its newest digest to its oldest.
#[derive(Debug)]
pub struct ChainCheck<'a> {
    keys: &'a PublicKeys,
    bucket: String,
    /// Keys of the digests that are there, with the ends of their windows, from old to new; those that were visited are
    /// taken away.
    listed: Vec<(EventTime, String)>,
    /// The walk ends with the first proved digest whose window starts before this.
    start: EventTime,
    next: Option<(Place, Option<Promise>)>,
    /// Start of the last digest that proved itself, as long as the walk may have left its chain.
    newer_start: Option<String>,
}

impl<'a> ChainCheck<'a> {
    /// A walk over the digests that were listed in a bucket, with the ends of their windows; in any order.
    pub fn new(keys: &'a PublicKeys, bucket: &str, mut listed: Vec<(EventTime, String)>, start: EventTime) -> Self {
        listed.sort();
        let mut check = Self { keys, bucket: bucket.to_owned(), listed, start, next: None, newer_start: None };
        check.next = check.newest_listed().map(|place| (place, None));
        check
    }

    /// Place of the digest that is asked for; `None` when the walk is over.
    pub fn wanted(&self) -> Option<&Place> {
        self.next.as_ref().map(|(place, _)| place)
    }

    /// Takes what was found at the place that was asked for; `None` when nothing is there.
    pub fn take(&mut self, found: Option<&FoundDigest>) -> Vec<Finding> {
        let Some((place, promise)) = self.next.take() else { return Vec::new() };
        let mut findings = self.pass(&place);
        let judged = match found {
            None => Err(FileFault::Missing),
            Some(found) => judge(self.keys, &place, found, promise.as_ref()),
        };
        match judged {
            Err(fault) => {
                findings.push(Finding::Wrong(place, fault));
                self.next = self.newest_listed().map(|place| (place, None));
            }
            Ok((digest, is_proved)) => {
                if promise.is_none()
                    && let Some(until) = self.newer_start.take()
                {
                    findings.push(Finding::Gap { after: digest.digest_end_time.clone(), until });
                }
                self.newer_start = None;
                let is_before = EventTime::parse(&digest.digest_start_time).is_ok_and(|time| time < self.start);
                if !is_before {
                    self.next = self.before(&digest);
                }
                findings.push(match is_proved {
                    true => Finding::Proved(place, digest),
                    false => Finding::Unproved(place, digest),
                });
            }
        }
        findings
    }

    /// Where the walk goes from a digest that proved itself.
    fn before(&mut self, digest: &Digest) -> Option<(Place, Option<Promise>)> {
        match (&digest.previous_digest_s3_bucket, &digest.previous_digest_s3_object) {
            (Some(bucket), Some(key)) => {
                let promise = Promise {
                    hash: digest.previous_digest_hash_value.clone(),
                    signature: digest.previous_digest_signature.clone(),
                };
                Some((Place { bucket: bucket.clone(), key: key.clone() }, Some(promise)))
            }
            _ => {
                self.newer_start = Some(digest.digest_start_time.clone());
                self.newest_listed().map(|place| (place, None))
            }
        }
    }

    /// Takes the digest that is visited, and all that are newer, off the list. The chain led past the newer ones: nobody
    /// signed that they belong to it.
    fn pass(&mut self, visited: &Place) -> Vec<Finding> {
        let mut findings = Vec::new();
        if visited.bucket != self.bucket {
            return findings;
        }
        // All keys of a chain differ in their times alone, so that they are in the order of their times.
        while let Some((_, key)) = self.listed.pop_if(|(_, key)| *key >= visited.key) {
            if key != visited.key {
                let stray = Place { bucket: self.bucket.clone(), key };
                findings.push(Finding::Wrong(stray, FileFault::Unexpected));
            }
        }
        findings
    }

    fn newest_listed(&self) -> Option<Place> {
        self.listed.last().map(|(_, key)| Place { bucket: self.bucket.clone(), key: key.clone() })
    }
}

fn judge(
    keys: &PublicKeys,
    place: &Place,
    found: &FoundDigest,
    promise: Option<&Promise>,
) -> Result<(Digest, bool), FileFault> {
    let text = unpack(&found.packed).map_err(|fault| match fault {
        FileFault::NotGzip => FileFault::Digest(DigestFault::Format),
        other => other,
    })?;
    let promised = promise.and_then(|promise| promise.signature.as_deref());
    let Some(signature) = found.signature.as_deref().or(promised) else {
        return Ok((Digest::read(&text, &place.bucket, &place.key)?, false));
    };
    let digest = Digest::check(&text, &place.bucket, &place.key, signature, |name| keys.get(name).cloned())?;
    let differs = |promised: Option<&str>, found: &str| promised.is_some_and(|promised| promised != found);
    if differs(promised, signature) || differs(promise.and_then(|promise| promise.hash.as_deref()), &hash(&text)) {
        return Err(FileFault::Replaced);
    }
    Ok((digest, true))
}

/// Judges a log file by its entry in a digest: its packed bytes, or `None` when it is not there.
///
/// # Errors
/// What is wrong with it.
pub fn check_log_file(entry: &LogFileEntry, packed: Option<&[u8]>) -> Result<(), FileFault> {
    let text = unpack(packed.ok_or(FileFault::Missing)?)?;
    let found = hash(&text);
    if found == entry.hash_value {
        return Ok(());
    }
    Err(FileFault::Modified { expected: entry.hash_value.clone(), found })
}

/// The content of a gzip file of one member.
fn unpack(packed: &[u8]) -> Result<Vec<u8>, FileFault> {
    let mut decoder = GzDecoder::new(packed);
    let mut text = Vec::new();
    let read = decoder.by_ref().take(UNPACKED_BYTES_MAX + 1).read_to_end(&mut text);
    if read.is_err() || text.len() as u64 > UNPACKED_BYTES_MAX {
        return Err(FileFault::NotGzip);
    }
    if decoder.into_inner().is_empty() { Ok(text) } else { Err(FileFault::Appended) }
}

#[cfg(test)]
mod tests;
