//! What was written is read back by others' readers, record for record.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed test may panic")]

use std::io::Read;
use std::path::Path;

use export::columns::{COLUMNS, RECORD_COLUMN};
use export::{CsvFile, JsonLinesFile, LogFileFolder, ParquetFile, RecordWriter};
use flate2::read::GzDecoder;
use model::{AccountId, Region};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::{Field, Row};
use proptest::prelude::*;
use serde_json::{Value, json};

fn record() -> impl Strategy<Value = String> {
    let text = "[a-zA-Z=+@,\"'\n\r\t\\\\ é😀-]{0,12}";
    let time = 1_740_000_000_i64..1_741_000_000;
    let region =
        prop_oneof![Just(json!("us-east-1")), Just(json!("eu-west-1")), Just(json!("no region!")), Just(Value::Null)];
    let value = || prop_oneof![text.prop_map(Value::from), any::<i32>().prop_map(Value::from), Just(Value::Null)];
    // An account as a number: the history takes such records too.
    let account = prop_oneof![Just(json!("111122223333")), Just(json!("111122223333")), Just(json!(7))];
    (time, region, text, proptest::option::of(any::<bool>()), value(), value(), account).prop_map(
        |(time, region, name, read_only, parameter, error, account)| {
            let time = model::EventTime::from_seconds(time).to_string();
            let mut record = json!({
                "eventTime": time, "eventName": name, "awsRegion": region, "recipientAccountId": "111122223333",
                "userIdentity": {"type": "IAMUser", "userName": name, "accountId": account, "sessionContext": {"a": parameter}},
                "requestParameters": {"x": parameter}, "errorMessage": error,
            });
            if let Some(read_only) = read_only {
                record["readOnly"] = json!(read_only);
            }
            record.to_string()
        },
    )
}

fn write(mut writer: impl RecordWriter + 'static, records: &[String]) -> export::Written {
    for record in records {
        writer.write(record).unwrap();
    }
    Box::new(writer).finish().unwrap()
}

fn unpacked(path: &Path) -> String {
    let mut text = String::new();
    GzDecoder::new(std::fs::File::open(path).unwrap()).read_to_string(&mut text).unwrap();
    text
}

/// All files below a folder.
fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

/// Lines of RFC 4180, read in the plainest way.
fn csv_lines(text: &str) -> Vec<Vec<String>> {
    let (mut lines, mut line, mut cell, mut is_quoted) = (Vec::new(), Vec::new(), String::new(), false);
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '"' if is_quoted && characters.peek() == Some(&'"') => {
                characters.next();
                cell.push('"');
            }
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => line.push(std::mem::take(&mut cell)),
            '\r' if !is_quoted => {}
            '\n' if !is_quoted => {
                line.push(std::mem::take(&mut cell));
                lines.push(std::mem::take(&mut line));
            }
            other => cell.push(other),
        }
    }
    assert!(line.is_empty() && cell.is_empty());
    lines
}

fn cell<'a>(row: &'a Row, name: &str) -> &'a Field {
    row.get_column_iter().find(|(column, _)| *column == name).unwrap().1
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn every_form_gives_the_records_back(records in proptest::collection::vec(record(), 0..40)) {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);

        prop_assert_eq!(write(JsonLinesFile::create(&at("a.jsonl")).unwrap(), &records).files, 1);
        let lines = std::fs::read_to_string(at("a.jsonl")).unwrap();
        prop_assert_eq!(lines.lines().collect::<Vec<_>>(), records.clone());
        write(JsonLinesFile::create(&at("a.jsonl.gz")).unwrap(), &records);
        prop_assert_eq!(unpacked(&at("a.jsonl.gz")), lines);

        let (account, region) = (AccountId::parse("000000000000").unwrap(), Region::parse("us-east-1").unwrap());
        let written = write(LogFileFolder::new(&at("logs"), account, region), &records);
        std::fs::create_dir_all(at("logs")).unwrap();
        let mut found = Vec::new();
        for path in files(&at("logs")) {
            prop_assert!(path.to_string_lossy().contains("/AWSLogs/111122223333/CloudTrail/"));
            let file: Value = serde_json::from_str(&unpacked(&path)).unwrap();
            found.extend(file["Records"].as_array().unwrap().iter().map(Value::to_string));
        }
        let mut expected: Vec<String> = records.iter().map(|text| serde_json::from_str::<Value>(text).unwrap().to_string()).collect();
        found.sort();
        expected.sort();
        prop_assert_eq!(found, expected);
        prop_assert_eq!(written.files as usize, files(&at("logs")).len());

        write(CsvFile::create(&at("a.csv")).unwrap(), &records);
        let lines = csv_lines(&std::fs::read_to_string(at("a.csv")).unwrap());
        prop_assert_eq!(lines.len(), records.len() + 1);
        let place = |name: &str| lines[0].iter().position(|column| column == name).unwrap();
        for (line, record) in lines[1..].iter().zip(&records) {
            prop_assert_eq!(&line[place(RECORD_COLUMN)], record);
            let name = serde_json::from_str::<Value>(record).unwrap()["eventName"].as_str().unwrap().to_owned();
            let shown = &line[place("eventname")];
            prop_assert!(!shown.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']));
            prop_assert_eq!(shown.strip_prefix('\'').filter(|rest| **rest == name).unwrap_or(shown), &name);
        }

        write(ParquetFile::create(&at("a.parquet")).unwrap(), &records);
        let reader = SerializedFileReader::new(std::fs::File::open(at("a.parquet")).unwrap()).unwrap();
        prop_assert_eq!(reader.metadata().file_metadata().schema().get_fields().len(), COLUMNS.len() + 1);
        let rows: Vec<Row> = reader.get_row_iter(None).unwrap().map(Result::unwrap).collect();
        prop_assert_eq!(rows.len(), records.len());
        for (row, record) in rows.iter().zip(&records) {
            let value: Value = serde_json::from_str(record).unwrap();
            prop_assert_eq!(cell(row, RECORD_COLUMN), &Field::Str(record.clone()));
            prop_assert_eq!(cell(row, "useridentity_username"), &Field::Str(value["eventName"].as_str().unwrap().to_owned()));
            let expected = value["readOnly"].as_bool().map_or(Field::Null, Field::Bool);
            prop_assert_eq!(cell(row, "readonly"), &expected);
            let time = model::EventTime::parse(value["eventTime"].as_str().unwrap()).unwrap().as_micros();
            prop_assert_eq!(cell(row, "eventtime"), &Field::TimestampMicros(time));
        }
    }
}
