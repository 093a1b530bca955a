//! A journal file that something damaged: it is read or refused with file and offset, never misread. Every event that
//! is read is one that was written, in order, without a hole.
#![no_main]

use std::fs;
use std::path::PathBuf;
use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use store::StoreError;
use store::journal::format::{Entry, EntryKind, FileHeader, HEADER_BYTES, encode_entry};
use store::journal::reader::{file_path, read_journal};

/// Most entries of one input.
const ENTRIES_MAX: usize = 24;

fuzz_target!(|input: &[u8]| {
    // One byte an entry (kind, size, new batch), then triples that damage: two bytes of place, one of change.
    let Some((&count, rest)) = input.split_first() else { return };
    let count = usize::from(count) % ENTRIES_MAX;
    if rest.len() < count {
        return;
    }
    let (shapes, damage) = rest.split_at(count);
    let (mut file, written) = journal(shapes);
    let is_whole = damage.len() < 3;
    for change in damage.chunks_exact(3) {
        let at = usize::from(u16::from_le_bytes([change[0], change[1]])) % file.len();
        match change[2] {
            0 => file.truncate(at.max(1)),
            flip => file[at] ^= flip,
        }
    }

    let folder = folder();
    if fs::write(file_path(folder, 1), &file).is_err() {
        return;
    }
    match read_journal(folder) {
        Ok(read) => {
            let read: Vec<_> = read.events.iter().map(|(number, bytes)| (*number, bytes.to_vec())).collect();
            // A flip may hit the number in the header and its checksum alike, which no checksum can see.
            if read.first().is_none_or(|(number, _)| *number == 1) {
                assert!(written.starts_with(&read), "read what was not written");
            }
            assert!(!is_whole || read == written, "a sound file is read whole");
        }
        Err(StoreError::Damaged { .. }) => assert!(!is_whole, "a sound file is refused"),
        Err(other) => panic!("{other}"),
    }
});

/// The bytes of a file and the events in it.
fn journal(shapes: &[u8]) -> (Vec<u8>, Vec<(u64, Vec<u8>)>) {
    let mut file = FileHeader { ordinal: 1, next_sequence: 1 }.encode().to_vec();
    let (mut sequence, mut note, mut events) = (1, 1, Vec::new());
    let mut batch_start = HEADER_BYTES;
    for shape in shapes {
        if shape & 2 != 0 {
            batch_start = file.len();
        }
        let payload = vec![*shape; usize::from(shape >> 2)];
        let is_event = shape & 1 != 0;
        let (kind, number) = if is_event { (EntryKind::Event, sequence) } else { (EntryKind::Note, note) };
        let batch_start = u32::try_from(batch_start).unwrap_or(u32::MAX);
        encode_entry(&mut file, &Entry { kind, number, supersedes: None, batch_start, payload: &payload });
        if is_event {
            events.push((number, payload));
            sequence += 1;
        } else {
            note += 1;
        }
    }
    (file, events)
}

/// A folder of this process, in memory where the system has one.
fn folder() -> &'static PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let memory = PathBuf::from("/dev/shm");
        let parent = if memory.is_dir() { memory } else { std::env::temp_dir() };
        let folder = parent.join(format!("opentrail-fuzz-journal-{}", std::process::id()));
        let Ok(()) = fs::create_dir_all(&folder) else { panic!("{} cannot be made", folder.display()) };
        folder
    })
}
