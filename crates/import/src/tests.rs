//! Whole imports, into memory.

mod memory;

use std::ffi::OsStr;
use std::fs;
use std::io::{Read, Write};
use std::num::NonZeroUsize;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use self::memory::Memory;
use crate::counts::{FileCounts, RecordCounts};
use crate::limits::RECORD_BYTES_MAX;
use crate::report::ImportReport;
use crate::run::{ImportError, ImportOptions, run};
use crate::source::Place;
use crate::stop::Stop;

/// A folder of log files, a folder of rejects, and what was imported.
struct Bench {
    folder: TempDir,
    memory: Memory,
    options: ImportOptions,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let logs = folder.path().join("logs");
        fs::create_dir(&logs).unwrap();
        let options = ImportOptions::new(vec![Place::Path(logs)], folder.path().join("rejects"));
        Self { folder, memory: Memory::default(), options: ImportOptions { commit_bytes: 1000, ..options } }
    }

    fn path(&self, name: &str) -> PathBuf {
        let path = self.folder.path().join("logs").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        path
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.path(name), bytes).unwrap();
    }

    fn try_run(&self) -> Result<ImportReport, ImportError> {
        run(&self.options, &self.memory, &Stop::default(), &mut Vec::new())
    }

    /// Imports, and checks that the identity holds.
    fn run(&self) -> ImportReport {
        let report = self.try_run().unwrap();
        assert!(report.identity_holds, "{report:?}");
        report
    }

    fn rejects(&self, report: &ImportReport) -> Vec<Value> {
        let Some(path) = &report.rejects_file else { return Vec::new() };
        fs::read_to_string(path).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

fn counts(read: u64, stored: u64, duplicates: u64, rejected: u64) -> RecordCounts {
    RecordCounts { read, stored, duplicates, rejected }
}

fn record(id: usize) -> String {
    json!({"eventVersion": "1.08", "eventName": "PutObject", "eventID": format!("id-{id}"), "p": {"q": ["}\"]", {}]}})
        .to_string()
}

fn log_file(ids: impl IntoIterator<Item = usize>) -> String {
    format!("{{\"Records\":[{}]}}", ids.into_iter().map(record).collect::<Vec<_>>().join(","))
}

fn gzip(bytes: impl AsRef<[u8]>) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes.as_ref()).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn every_format_under_any_name_is_imported() {
    let bench = Bench::new();
    let lines = |ids: std::ops::Range<usize>| ids.map(|id| record(id) + "\r\n").collect::<String>();
    bench.write("AWSLogs/o-1/111122223333/CloudTrail/eu-west-1/2026/11/23/a.json.gz", gzip(log_file(0..10)));
    bench.write("plain", log_file(10..20).replace("Records", "records"));
    bench.write("zstd.gz", zstd::encode_all(log_file(20..30).as_bytes(), 3).unwrap());
    bench.write("lines.json", format!("\u{feff}{}", lines(30..40)));
    bench.write("array.txt", format!("[\n{}\n]", (40..50).map(record).collect::<Vec<_>>().join(",\n")));
    bench.write("members", [gzip(log_file(50..55)), gzip(log_file(55..60))].concat());
    let lookup = json!({"Events": [{"EventId": "x", "CloudTrailEvent": record(60)}], "NextToken": "t"});
    bench.write("lookup", serde_json::to_string_pretty(&lookup).unwrap());
    bench.write("bridge", format!(r#"{{"version":"0","detail-type":"AWS API Call","detail":{}}}"#, record(61)));
    bench.write("empty", "");
    bench.write("no-records.json", r#"{"Records":[]}"#);
    fs::write(bench.path("x").with_file_name(OsStr::from_bytes(b"odd\xff.gz")), gzip(log_file(62..64))).unwrap();
    bench.write("AWSLogs/1/CloudTrail-Digest/eu-west-1/d.json.gz", gzip("{}"));
    bench.write("other-digest.json.gz", gzip(r#"{"awsAccountId":"1","digestPublicKeyFingerprint":"x"}"#));
    let report = bench.run();
    assert_eq!(report.records, counts(64, 64, 0, 0));
    let files = FileCounts { found: 13, imported: 10, digests: 2, empty: 1, ..FileCounts::default() };
    assert_eq!(report.files, files);
    assert_eq!(bench.memory.ids(), (0..64).map(|id| format!("id-{id}")).collect());
    assert!(report.is_success(true));
    assert_eq!(report.rejects_file, None);
    assert!(report.unpacked_bytes > report.packed_bytes);
}

#[test]
fn known_files_are_skipped_and_changed_ones_read_again() {
    let bench = Bench::new();
    bench.write("a", gzip(log_file(0..5)));
    bench.write("b", log_file(3..8));
    assert_eq!(bench.run().records, counts(10, 8, 2, 0));
    let again = bench.run();
    assert_eq!((again.records, again.files.known), (counts(0, 0, 0, 0), 2));
    // Of the same size, so that only its bytes tell.
    bench.write("b", log_file(4..9));
    let changed = bench.run();
    assert_eq!((changed.records, changed.files.known, changed.files.imported), (counts(5, 1, 4, 0), 1, 1));
    assert_eq!(bench.run().files.known, 2);
}

#[test]
fn rejects_are_named_by_file_number_and_reason_and_kept() {
    let bench = Bench::new();
    let broken = [
        &record(0).into_bytes(),
        &b"{\"eventID\":tru}"[..],
        b"{\"eventName\":\"no id\"}",
        b"{\"eventID\":\"id-\xff\"}",
        &record(1).into_bytes(),
        b"{\"eventID\":\"id-9\",\"x\":\"cut",
        &record(0).into_bytes(),
    ];
    bench.write("lines", broken.join(&b'\n'));
    let report = bench.run();
    assert_eq!(report.records, counts(7, 2, 1, 4));
    assert!(report.is_success(false) && !report.is_success(true));
    let rejects = bench.rejects(&report);
    let numbers: Vec<_> = rejects.iter().map(|reject| reject["record"].as_u64().unwrap()).collect();
    assert_eq!(numbers, [2, 3, 4, 6]);
    assert_eq!(rejects[0]["file"], json!(bench.path("lines")));
    assert_eq!(rejects[0]["text"], json!("{\"eventID\":tru}"));
    assert!(rejects[0]["reason"].as_str().unwrap().starts_with("not JSON"), "{rejects:?}");
    assert_eq!(rejects[1]["reason"], json!("not a CloudTrail record: no eventID"));
    assert_eq!(rejects[2]["base64"], json!("eyJldmVudElEIjoiaWQt/yJ9"));
    assert_eq!(rejects[3]["reason"], json!("cut off: the record does not end"));
    assert!(rejects.iter().all(|reject| reject.get("cut").is_none()));
}

#[test]
fn a_cut_file_gives_what_is_before_the_cut_and_is_not_done() {
    let bench = Bench::new();
    let whole = gzip(log_file(0..2000));
    bench.write("cut.json.gz", &whole[..whole.len() / 2]);
    bench.write("cut.json", &log_file(0..3)[..250]);
    let report = bench.run();
    assert_eq!(report.files.failed, 2);
    assert!(report.records.stored > 500, "{report:?}");
    assert_eq!(report.records.rejected, 2);
    assert!(!report.is_success(false));
    let reasons: Vec<_> = report.failed_files.iter().map(|file| file.reason.as_str()).collect();
    assert!(reasons.iter().any(|reason| reason.starts_with("damaged or cut: ")), "{reasons:?}");
    assert!(reasons.contains(&"cut: it ends inside of a list of records"), "{reasons:?}");
    // Once it is whole, it is read to its end.
    bench.write("cut.json.gz", whole);
    let report = bench.run();
    assert_eq!((report.files.failed, report.files.imported), (1, 1));
    assert_eq!(bench.memory.ids().len(), 2000);
}

#[test]
fn what_is_no_log_file_is_named_and_harmless() {
    let bench = Bench::new();
    bench.write("README.md", "# Logs\n\nThese are logs.\n");
    bench.write("picture.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".repeat(5000));
    bench.write("flow.log", "{\"srcaddr\":\"10.0.0.1\"}\n".repeat(5000));
    bench.write("code.c", "int main() { return 0; }\n".repeat(5000));
    // Few and many bytes of no text, with braces, brackets and quotes among them; the second ends in a list.
    let mut state = 7_u64;
    let mut noise = |count: usize| -> Vec<u8> {
        let mut next = || {
            state = state.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(0x1405_7B7E_F767_814F);
            (state >> 56) as u8
        };
        [0].into_iter().chain((0..count).map(|_| next())).collect()
    };
    bench.write("small.bin", noise(3_000));
    bench.write("list.bin", [noise(3_000), b"\n[{\"a\":1},{".to_vec()].concat());
    bench.write("large.bin", noise(20_000_000));
    bench.write("good", log_file(0..1));
    let report = bench.run();
    assert_eq!(report.records, counts(1, 1, 0, 0));
    assert_eq!((report.files.not_logs, report.files.imported, report.not_logs.len()), (7, 1, 7));
    assert!(report.is_success(false) && !report.is_success(true));
}

/// An archive that is not packed has bytes of no text, and may have records: they are not left out.
#[test]
fn records_in_a_file_of_no_text_are_imported() {
    let bench = Bench::new();
    bench.write("logs.tar", [b"a.json\0\0\0\0ustar{\0".to_vec(), b"\n".to_vec(), log_file(0..3).into_bytes()].concat());
    let report = bench.run();
    assert_eq!((report.records.stored, report.files.not_logs), (3, 0));
}

#[test]
fn bombs_and_huge_records_are_given_up() {
    let bench = Bench::new();
    let mut bomb = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
    bomb.write_all(format!("[{},", record(0)).as_bytes()).unwrap();
    for _ in 0..200 {
        bomb.write_all(&[b' '; 1_000_000]).unwrap();
    }
    bench.write("bomb", bomb.finish().unwrap());
    let huge = format!(r#"{{"eventID":"huge","x":"{}"}}"#, "y".repeat(RECORD_BYTES_MAX));
    bench.write("huge", format!("[{},{huge},{}]", record(1), record(2)));
    let report = bench.run();
    assert_eq!(report.records, counts(4, 3, 0, 1));
    assert_eq!((report.files.failed, report.files.imported), (1, 1));
    assert!(report.failed_files[0].reason.contains("decompression bomb"), "{report:?}");
    let rejects = bench.rejects(&report);
    let huge = rejects.iter().find(|reject| reject["record"] == 2).unwrap();
    assert_eq!((&huge["cut"], huge["bytes"].as_u64().unwrap() > RECORD_BYTES_MAX as u64), (&json!(true), true));
}

#[test]
fn copies_in_the_hands_of_several_workers_are_stored_once() {
    let mut bench = Bench::new();
    bench.options.workers = NonZeroUsize::new(8).unwrap();
    bench.options.commit_bytes = 20_000;
    for file in 0..60 {
        bench.write(&format!("{file}"), log_file((file % 7) * 20..(file % 7) * 20 + 60));
    }
    let report = bench.run();
    assert_eq!(report.records, counts(3600, 180, 3420, 0));
    assert_eq!(bench.memory.ids().len(), 180);
    for (_, entry) in bench.memory.ledger() {
        assert_eq!(entry.records, 60);
    }
}

#[test]
fn an_import_that_dies_ten_times_stores_every_event_once() {
    let mut bench = Bench::new();
    bench.options.workers = NonZeroUsize::new(2).unwrap();
    for file in 0..40 {
        bench.write(&format!("{file}"), gzip(log_file(file * 30..file * 30 + 40)));
    }
    for life in 0..10 {
        bench.memory.fail_after_commits(1 + life % 3);
        let error = bench.try_run().unwrap_err();
        assert!(matches!(error, ImportError::Destination(_)), "{error:?}");
    }
    bench.memory.heal();
    let report = bench.run();
    assert!(report.files.known > 0, "some files were done before: {report:?}");
    assert_eq!(bench.memory.ids(), (0..40 * 30 + 10).map(|id| format!("id-{id}")).collect());
    assert_eq!(bench.memory.stored(), 40 * 30 + 10);
}

#[test]
fn places_that_are_not_there_are_failures() {
    let mut bench = Bench::new();
    bench.write("a", log_file(0..1));
    let empty = bench.folder.path().join("empty");
    fs::create_dir(&empty).unwrap();
    bench.options.places.insert(0, Place::Path(PathBuf::from("/nowhere/at/all")));
    bench.options.places.push(Place::Path(empty.clone()));
    let report = bench.run();
    assert_eq!(report.records.stored, 1);
    assert_eq!(report.failed_places.len(), 2);
    assert_eq!(report.failed_places[1], format!("no file in {}", empty.display()));
    assert!(!report.is_success(false));
}

#[test]
fn stopping_leaves_files_unread_and_accounts_even() {
    let bench = Bench::new();
    for file in 0..20 {
        bench.write(&format!("{file}"), log_file(file..file + 5));
    }
    let stop = Stop::default();
    stop.request();
    let report = run(&bench.options, &bench.memory, &stop, &mut Vec::new()).unwrap();
    assert!(report.identity_holds && report.interrupted);
    assert_eq!((report.files.unread, report.records.read), (20, 0));
}

#[test]
fn following_finds_new_files_and_looks_once_at_old_ones() {
    let mut bench = Bench::new();
    bench.options.follow = Some(Duration::from_millis(10));
    bench.write("a", log_file(0..3));
    bench.write("broken", &log_file(5..7)[..150]);
    let stop = &Stop::default();
    let report = std::thread::scope(|scope| {
        // Also when an assertion fails, or the scope would wait for ever.
        let _guard = StopGuard(stop);
        let run = scope.spawn(|| run(&bench.options, &bench.memory, stop, &mut Vec::new()));
        wait_for(|| bench.memory.ids().len() == 4);
        bench.write("later/b", log_file(2..5));
        wait_for(|| bench.memory.ids().len() == 6);
        std::thread::sleep(Duration::from_millis(50));
        stop.request();
        run.join().unwrap().unwrap()
    });
    assert!(report.identity_holds && !report.interrupted);
    assert_eq!((report.files.found, report.files.imported, report.files.failed, report.files.known), (3, 2, 1, 0));
}

struct StopGuard<'a>(&'a Stop);

impl Drop for StopGuard<'_> {
    fn drop(&mut self) {
        self.0.request();
    }
}

#[track_caller]
fn wait_for(mut is_there: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is_there() {
        assert!(started.elapsed() < Duration::from_secs(10), "waited for ten seconds");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A real trail: log files of four days and all regions, where every fifth record was delivered twice.
#[test]
#[expect(clippy::print_stderr, reason = "people want to know what was skipped, and what a real trail came to")]
fn a_real_trail_comes_over_without_a_miss_or_a_double() {
    let Some(folder) = std::env::var_os("OPENTRAIL_CORPUS").map(|folder| Path::new(&folder).join("sans504-objects"))
    else {
        eprintln!("skipped: OPENTRAIL_CORPUS names no folder with records");
        return;
    };
    let mut bench = Bench::new();
    bench.options.places = vec![Place::Path(folder.clone())];
    let (expected_read, expected_ids) = read_plainly(&folder);
    assert!(expected_read > 0, "no log files in {}", folder.display());
    let report = bench.run();
    assert_eq!((report.records.read, report.records.rejected), (expected_read, 0));
    assert_eq!(bench.memory.ids(), expected_ids);
    assert_eq!(report.records.stored, expected_ids.len() as u64);
    assert_eq!(bench.run().files.known, report.files.imported);
    eprintln!("{report}");
}

/// Records of many publishers: re-ordered, pretty, of all versions, in envelopes, with digests among them.
#[test]
#[expect(clippy::print_stderr, reason = "people want to know what was skipped, and what it came to")]
fn collections_of_many_publishers_are_read_to_the_last_line() {
    let Some(folder) = std::env::var_os("OPENTRAIL_CORPUS") else {
        eprintln!("skipped: OPENTRAIL_CORPUS names no folder with records");
        return;
    };
    let files = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let files: Vec<PathBuf> = files.filter(|path| path.extension().is_some_and(|name| name == "zst")).collect();
    let mut bench = Bench::new();
    let (mut lines, mut digests) = (0, 0);
    for path in &files {
        let text = zstd::decode_all(fs::File::open(path).unwrap()).unwrap();
        lines += text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).count() as u64;
        digests += memchr::memmem::find_iter(&text, "\"digestPublicKeyFingerprint\":").count() as u64;
    }
    bench.options.places = files.into_iter().map(Place::Path).collect();
    let report = bench.run();
    eprintln!("{report}");
    assert_eq!(report.records.read, lines - digests);
    assert_eq!((report.files.failed, report.files.not_logs), (0, 0));
    for reject in bench.rejects(&report) {
        // Records of the first version have no id, and this destination wants one.
        assert!(reject["text"].as_str().unwrap().starts_with("{\"eventVersion\":\"1.0\""), "{reject}");
    }
}

/// All records of a folder and their ids, by the plainest means there are.
fn read_plainly(folder: &Path) -> (u64, std::collections::BTreeSet<String>) {
    let (mut read, mut ids, mut waiting) = (0, std::collections::BTreeSet::new(), vec![folder.to_owned()]);
    while let Some(path) = waiting.pop() {
        if path.is_dir() {
            waiting.extend(fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|extension| extension == "gz") {
            let mut text = String::new();
            flate2::read::MultiGzDecoder::new(fs::File::open(&path).unwrap()).read_to_string(&mut text).unwrap();
            for record in serde_json::from_str::<Value>(&text).unwrap()["Records"].as_array().unwrap() {
                read += 1;
                ids.insert(record["eventID"].as_str().unwrap().to_owned());
            }
        }
    }
    (read, ids)
}
