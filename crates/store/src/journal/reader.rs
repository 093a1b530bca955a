//! Reads a journal back after a start: what is whole, what is torn, what is damaged.
//!
//! - The last file may hold a torn batch at its end: the machine stopped before its sync. Nothing of it was
//!   acknowledged. It is passed over from the first entry that is not whole.
//! - A file that is not the last may end so only where the next one takes up exactly its next number: the writer left
//!   it after a failed write. What the torn tail holds was not acknowledged either.
//! - Zeros behind the last entry are room that was made beforehand and not used.
//! - Anything else is damage, and refused with file and offset.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use bytes::Bytes;

use super::format::{ENTRY_HEAD_BYTES, EntryError, EntryKind, FileHeader, HEADER_BYTES, KIND_OFFSET, decode_entry};
use crate::StoreError;

/// Ending of journal files.
pub const FILE_ENDING: &str = "journal";

/// A file of the journal, as it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalFile {
    /// Where it is.
    pub path: PathBuf,
    /// Its place among the files.
    pub ordinal: u64,
    /// Number of the last event in it; one below its first number when it holds none.
    pub last_sequence: u64,
    /// Bytes that are sound.
    pub sound_bytes: u64,
}

/// Everything that a journal holds.
#[derive(Debug, Default)]
pub struct Recovered {
    /// Files from old to new.
    pub files: Vec<JournalFile>,
    /// Events in order, with their numbers.
    pub events: Vec<(u64, Bytes)>,
    /// Notes that nothing superseded, with the ordinal of their file.
    pub pending_notes: BTreeMap<u64, (u64, Bytes)>,
    /// Number that the next event gets, if the journal knows any.
    pub next_sequence: Option<u64>,
    /// Highest note id seen.
    pub last_note: u64,
    /// Bytes that were cut off as torn, for the log.
    pub torn_bytes: u64,
    /// Files with zeros at their end, and where these begin.
    pub unused_room: Vec<(PathBuf, u64)>,
}

/// Path of the file with this ordinal.
pub fn file_path(folder: &Path, ordinal: u64) -> PathBuf {
    folder.join(format!("{ordinal:012}.{FILE_ENDING}"))
}

/// Gives the room back that files have behind their content: nothing is written to them any more, and each start of a
/// process makes new room. What fails costs disk and nothing else.
pub(crate) fn give_back_room(recovered: &Recovered) {
    for (path, content) in &recovered.unused_room {
        if let Err(error) = File::options().write(true).open(path).and_then(|file| file.set_len(*content)) {
            tracing::warn!(%error, path = %path.display(), "a journal file keeps room that it does not need");
        }
    }
}

/// Reads all files of a journal folder, without changing them.
///
/// # Errors
/// A file cannot be read, is damaged, or is missing between others.
pub fn read_journal(folder: &Path) -> Result<Recovered, StoreError> {
    let mut recovered = Recovered::default();
    let paths = list(folder)?;
    let mut contents = Vec::new();
    for path in &paths {
        let mut bytes = Vec::new();
        File::open(path).and_then(|mut file| file.read_to_end(&mut bytes)).map_err(StoreError::io("read", path))?;
        // Every entry begins with bytes that are not all zero, so that none begins behind the last such byte. What is
        // behind it is let go: events stay in this memory for an hour, and a file may be nearly all room.
        let content = end_of_content(&bytes).max(HEADER_BYTES.min(bytes.len()));
        if content < bytes.len() {
            recovered.unused_room.push((path.clone(), content as u64));
            bytes.truncate(content);
            bytes.shrink_to_fit();
        }
        contents.push(Bytes::from(bytes));
    }
    let headers: Vec<Result<FileHeader, EntryError>> = contents.iter().map(|bytes| FileHeader::decode(bytes)).collect();
    for (index, (path, bytes)) in paths.iter().zip(&contents).enumerate() {
        let header = match &headers[index] {
            Ok(header) => *header,
            // The process ended while it made the newest file: nothing can have been acknowledged from it.
            Err(EntryError::Cut { .. }) if index + 1 == paths.len() => {
                recovered.torn_bytes += bytes.len() as u64;
                break;
            }
            Err(error) => return Err(damaged(path, 0, error)),
        };
        let limit = match headers.get(index + 1) {
            None => Limit::Last,
            Some(Ok(next)) => Limit::Before(next.next_sequence),
            // The next file has no header yet, so it is the last and empty; this one must be whole or torn as if last.
            Some(Err(_)) => Limit::Last,
        };
        read_file(&mut recovered, path, bytes, header, &limit)?;
    }
    Ok(recovered)
}

/// Up to where the entries of a file count.
enum Limit {
    /// It is the newest file.
    Last,
    /// The next file begins with this number.
    Before(u64),
}

fn read_file(
    recovered: &mut Recovered,
    path: &Path,
    bytes: &Bytes,
    header: FileHeader,
    limit: &Limit,
) -> Result<(), StoreError> {
    if let Some(expected) = recovered.next_sequence
        && header.next_sequence != expected
    {
        let found = format!("event {expected} should be its first, and it begins with {}", header.next_sequence);
        return Err(StoreError::Damaged { path: path.to_owned(), offset: 0, found });
    }
    let mut at = HEADER_BYTES;
    let mut next_sequence = header.next_sequence;
    while at < bytes.len() {
        let (entry, size) = match decode_entry(&bytes[at..]) {
            Ok(decoded) => decoded,
            Err(error) => {
                let may_be_torn = match limit {
                    Limit::Last => is_torn(bytes, at),
                    Limit::Before(next) => *next == next_sequence,
                };
                if !may_be_torn {
                    return Err(damaged(path, at, &error));
                }
                recovered.torn_bytes += (bytes.len() - at) as u64;
                break;
            }
        };
        match entry.kind {
            EntryKind::Event => {
                if matches!(limit, Limit::Before(next) if entry.number >= *next) {
                    // Written and never acknowledged: its number was given again in the next file.
                    recovered.torn_bytes += (bytes.len() - at) as u64;
                    break;
                }
                if entry.number != next_sequence {
                    let found = format!("event {next_sequence} expected, {} found", entry.number);
                    return Err(StoreError::Damaged { path: path.to_owned(), offset: at as u64, found });
                }
                next_sequence += 1;
                let start = at + ENTRY_HEAD_BYTES;
                recovered.events.push((entry.number, bytes.slice(start..at + size)));
            }
            EntryKind::Note => {
                let start = at + ENTRY_HEAD_BYTES;
                recovered.last_note = recovered.last_note.max(entry.number);
                recovered.pending_notes.insert(entry.number, (header.ordinal, bytes.slice(start..at + size)));
            }
        }
        if let Some(note) = entry.supersedes {
            recovered.pending_notes.remove(&note);
        }
        at += size;
    }
    if let Limit::Before(next) = limit
        && *next != next_sequence
    {
        let found = format!("events up to {} expected, it ends with {}", next - 1, next_sequence - 1);
        return Err(StoreError::Damaged { path: path.to_owned(), offset: at as u64, found });
    }
    recovered.next_sequence = Some(next_sequence);
    recovered.files.push(JournalFile {
        path: path.to_owned(),
        ordinal: header.ordinal,
        last_sequence: next_sequence - 1,
        sound_bytes: at as u64,
    });
    Ok(())
}

/// Where the zeros at the end begin.
fn end_of_content(bytes: &[u8]) -> usize {
    /// Looked at together, which is many times faster than one by one.
    const TOGETHER: usize = 4096;
    let zeros = |chunk: &&[u8]| chunk.iter().fold(0, |all, byte| all | byte) == 0;
    let rest = bytes.len() - bytes.rchunks(TOGETHER).take_while(zeros).map(<[u8]>::len).sum::<usize>();
    bytes[..rest].iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1)
}

/// Whether a broken entry of the newest file is what an interrupted write leaves. Parts of one batch may reach the disk
/// in any order, so sound entries of the same batch may follow it. A sound entry of a later batch may not: it was written
/// after the broken one had been durable, so that is damage.
fn is_torn(bytes: &[u8], broken: usize) -> bool {
    let behind = broken + 1..bytes.len().saturating_sub(ENTRY_HEAD_BYTES - 1).max(broken + 1);
    behind
        // Of the few bytes that say nothing else, so that the scan is quick.
        .filter(|at| matches!(bytes[at + KIND_OFFSET], 1 | 2))
        .filter_map(|at| decode_entry(&bytes[at..]).ok())
        .all(|(entry, _)| usize::try_from(entry.batch_start).is_ok_and(|start| start <= broken))
}

fn damaged(path: &Path, offset: usize, error: &EntryError) -> StoreError {
    StoreError::Damaged { path: path.to_owned(), offset: offset as u64, found: error.to_string() }
}

/// The files of a journal folder, from old to new.
fn list(folder: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(StoreError::io("list", folder))? {
        let path = entry.map_err(StoreError::io("list", folder))?.path();
        if path.extension().is_some_and(|ending| ending == FILE_ENDING) {
            paths.push(path);
        }
    }
    // Names are ordinals with leading zeros.
    paths.sort();
    Ok(paths)
}

#[cfg(test)]
mod tests;
