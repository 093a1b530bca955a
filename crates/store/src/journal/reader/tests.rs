use proptest::prelude::*;

use super::super::format::{Entry, encode_entry};
use super::*;

/// An entry to be written: kind, number, superseded note, payload.
type Written = (EntryKind, u64, Option<u64>, String);

fn event(number: u64) -> Written {
    (EntryKind::Event, number, None, format!("event {number}"))
}

fn note(number: u64, supersedes: Option<u64>) -> Written {
    (EntryKind::Note, number, supersedes, format!("note {number}"))
}

/// The bytes of a file and the offsets of its entries; each inner list is one batch.
fn file(ordinal: u64, next_sequence: u64, batches: &[Vec<Written>]) -> (Vec<u8>, Vec<usize>) {
    let mut bytes = FileHeader { ordinal, next_sequence }.encode().to_vec();
    let mut offsets = Vec::new();
    for batch in batches {
        let batch_start = bytes.len() as u32;
        for (kind, number, supersedes, payload) in batch {
            offsets.push(bytes.len());
            let payload = payload.as_bytes();
            let entry = Entry { kind: *kind, number: *number, supersedes: *supersedes, batch_start, payload };
            encode_entry(&mut bytes, &entry);
        }
    }
    (bytes, offsets)
}

/// A folder with files of these contents, each entry a batch of its own.
fn folder(files: &[(u64, Vec<Written>)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (index, (next_sequence, entries)) in files.iter().enumerate() {
        let ordinal = index as u64 + 1;
        let batches: Vec<Vec<Written>> = entries.iter().map(|entry| vec![entry.clone()]).collect();
        write(&folder, ordinal, &file(ordinal, *next_sequence, &batches).0);
    }
    folder
}

fn write(folder: &tempfile::TempDir, ordinal: u64, bytes: &[u8]) {
    std::fs::write(file_path(folder.path(), ordinal), bytes).expect("a file");
}

fn numbers(recovered: &Recovered) -> Vec<u64> {
    recovered.events.iter().map(|(number, _)| *number).collect()
}

#[test]
fn events_and_pending_notes_come_back() {
    let superseding = (EntryKind::Event, 2, Some(1), "e2".to_owned());
    let folder = folder(&[(1, vec![note(1, None), note(2, None), event(1)]), (2, vec![superseding, note(3, Some(2))])]);
    let recovered = read_journal(folder.path()).expect("a journal");
    assert_eq!(numbers(&recovered), [1, 2]);
    let notes: Vec<_> = recovered.pending_notes.iter().map(|(id, (file, text))| (*id, *file, text.clone())).collect();
    assert_eq!(notes, [(3, 2, Bytes::from_static(b"note 3"))]);
    assert_eq!((recovered.next_sequence, recovered.last_note, recovered.torn_bytes), (Some(3), 3, 0));
}

#[test]
fn unused_room_is_no_torn_batch() {
    for zeros in [1, 4095, 4096, 100_000] {
        let folder = tempfile::tempdir().expect("a folder");
        let (mut bytes, offsets) = file(1, 1, &[vec![event(1)], vec![event(2)]]);
        let sound = bytes.len();
        bytes.resize(sound + zeros, 0);
        write(&folder, 1, &bytes);
        let recovered = read_journal(folder.path()).expect("a journal");
        assert_eq!((numbers(&recovered), recovered.torn_bytes), (vec![1, 2], 0));
        assert_eq!(recovered.files[0].sound_bytes, sound as u64);
        bytes[offsets[1] + ENTRY_HEAD_BYTES] ^= 1;
        write(&folder, 1, &bytes);
        let recovered = read_journal(folder.path()).expect("a torn batch before unused room");
        assert_eq!((numbers(&recovered), recovered.torn_bytes), (vec![1], (sound - offsets[1]) as u64));
        bytes[offsets[0] + ENTRY_HEAD_BYTES] ^= 1;
        bytes[offsets[1] + ENTRY_HEAD_BYTES] ^= 1;
        write(&folder, 1, &bytes);
        read_journal(folder.path()).expect_err("damage before a sound batch and unused room");
    }
}

#[test]
fn a_damaged_middle_is_refused_with_file_and_offset() {
    let folder = tempfile::tempdir().expect("a folder");
    let (mut bytes, offsets) = file(1, 1, &[vec![event(1)], vec![event(2)], vec![event(3)]]);
    bytes[offsets[1] + ENTRY_HEAD_BYTES] ^= 1;
    write(&folder, 1, &bytes);
    let text = read_journal(folder.path()).expect_err("damage").to_string();
    assert!(text.contains("000000000001.journal") && text.contains(&format!("byte {}", offsets[1])), "{text}");
}

#[test]
fn a_torn_batch_is_passed_over_in_whatever_order_its_parts_arrived() {
    let folder = tempfile::tempdir().expect("a folder");
    let (mut bytes, offsets) = file(1, 1, &[vec![event(1)], vec![event(2), event(3), event(4)]]);
    bytes[offsets[2] + ENTRY_HEAD_BYTES] ^= 1;
    write(&folder, 1, &bytes);
    let recovered = read_journal(folder.path()).expect("a torn batch");
    assert_eq!(numbers(&recovered), [1, 2]);
    assert_eq!(recovered.torn_bytes, (bytes.len() - offsets[2]) as u64);
}

#[test]
fn a_missing_file_is_refused() {
    let folder = folder(&[(1, vec![event(1)]), (2, vec![event(2)]), (3, vec![event(3)])]);
    std::fs::remove_file(file_path(folder.path(), 2)).expect("removed");
    read_journal(folder.path()).expect_err("a hole");
}

#[test]
fn what_a_failed_write_left_is_not_an_event() {
    // Event 2 was written, its sync failed, and the number was given again in the next file.
    let again = (EntryKind::Event, 2, None, "again".to_owned());
    let folder = folder(&[(1, vec![event(1), event(2), event(3)]), (2, vec![again])]);
    let recovered = read_journal(folder.path()).expect("a journal");
    assert_eq!(numbers(&recovered), [1, 2]);
    assert_eq!(recovered.events[1].1, "again");
}

#[test]
fn a_newest_file_without_a_header_is_empty() {
    let folder = folder(&[(1, vec![event(1)])]);
    write(&folder, 2, b"OTJR");
    assert_eq!(numbers(&read_journal(folder.path()).expect("a journal")), [1]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Cutting the newest file anywhere loses only what is not whole.
    #[test]
    fn any_cut_keeps_the_whole_entries(count in 1..6_u64, cut: prop::sample::Index) {
        let batches: Vec<Vec<Written>> = (1..=count).map(|number| vec![event(number)]).collect();
        let (bytes, offsets) = file(1, 1, &batches);
        let cut = cut.index(bytes.len() + 1);
        let folder = tempfile::tempdir().expect("a folder");
        write(&folder, 1, &bytes[..cut]);
        let recovered = read_journal(folder.path()).expect("a torn tail is repaired");
        let ends = offsets[1..].iter().copied().chain([bytes.len()]);
        prop_assert_eq!(recovered.events.len(), ends.filter(|end| *end <= cut).count());
    }

    /// A changed byte is refused in the middle, and passed over in the last batch.
    #[test]
    fn any_changed_byte_is_noticed(count in 1..5_u64, at: prop::sample::Index, change in 1..=255_u8) {
        let batches: Vec<Vec<Written>> = (1..=count).map(|number| vec![event(number)]).collect();
        let (mut bytes, offsets) = file(1, 1, &batches);
        let at = at.index(bytes.len());
        bytes[at] ^= change;
        let folder = tempfile::tempdir().expect("a folder");
        write(&folder, 1, &bytes);
        let last = offsets[offsets.len() - 1];
        match read_journal(folder.path()) {
            Ok(recovered) => {
                prop_assert!(at >= last, "byte {} of {}", at, last);
                prop_assert_eq!(recovered.events.len() as u64, count - 1);
            }
            Err(StoreError::Damaged { .. }) => prop_assert!(at < last),
            Err(other) => prop_assert!(false, "{}", other),
        }
    }

    #[test]
    fn any_file_gets_an_answer(bytes: Vec<u8>) {
        let folder = tempfile::tempdir().expect("a folder");
        write(&folder, 1, &bytes);
        let _ = read_journal(folder.path());
    }
}
