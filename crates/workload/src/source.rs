//! Where records come from: files and folders of real ones, or the few that were invented for this crate.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use flate2::read::MultiGzDecoder;
use serde::Deserialize;
use serde_json::value::RawValue;

/// Invented records: a weight and a record on each line. Names and numbers are those that AWS uses in documentation.
const INVENTED: &str = include_str!("invented.txt");

/// Most source records. More bring no more variety, and each costs some kilobytes of memory.
pub(crate) const SOURCE_RECORDS_MAX: usize = 50_000;

/// A record to make more of, and how often it stood in the source.
#[derive(Debug)]
pub(crate) struct SourceRecord {
    pub(crate) weight: f64,
    pub(crate) text: String,
}

/// A log file as CloudTrail delivers it.
#[derive(Deserialize)]
struct LogFile<'a> {
    #[serde(rename = "Records", borrow)]
    records: Vec<&'a RawValue>,
}

/// Reads records of files and folders, in the order of their names; without any, the invented ones.
///
/// # Errors
/// A path that cannot be read, or no record in all of them.
pub(crate) fn read(places: &[PathBuf]) -> Result<Vec<SourceRecord>> {
    if places.is_empty() {
        return Ok(invented());
    }
    let mut files = Vec::new();
    for place in places {
        list(place, &mut files)?;
    }
    files.sort();
    let mut records: BTreeMap<String, f64> = BTreeMap::new();
    for file in &files {
        let text = unpack(file)?;
        for record in split(&text) {
            *records.entry(record.to_owned()).or_default() += 1.0;
        }
    }
    ensure!(!records.is_empty(), "no CloudTrail record in {} files", files.len());
    let step = records.len().div_ceil(SOURCE_RECORDS_MAX);
    Ok(records.into_iter().step_by(step).map(|(text, weight)| SourceRecord { weight, text }).collect())
}

fn invented() -> Vec<SourceRecord> {
    let parts = INVENTED.lines().filter_map(|line| line.split_once(' '));
    parts
        .filter_map(|(weight, text)| Some(SourceRecord { weight: weight.parse().ok()?, text: text.to_owned() }))
        .collect()
}

fn list(place: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    if !place.is_dir() {
        files.push(place.to_owned());
        return Ok(());
    }
    for entry in fs::read_dir(place).with_context(|| format!("read the folder {}", place.display()))? {
        list(&entry?.path(), files)?;
    }
    Ok(())
}

fn unpack(file: &Path) -> Result<String> {
    let bytes = fs::read(file).with_context(|| format!("read {}", file.display()))?;
    let unpacked = if bytes.starts_with(&[0x1f, 0x8b]) {
        let mut out = Vec::new();
        MultiGzDecoder::new(bytes.as_slice())
            .read_to_end(&mut out)
            .with_context(|| format!("unpack {}", file.display()))?;
        out
    } else if bytes.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
        zstd::decode_all(bytes.as_slice()).with_context(|| format!("unpack {}", file.display()))?
    } else {
        bytes
    };
    Ok(String::from_utf8_lossy(&unpacked).into_owned())
}

/// Records of a log file or of JSON lines; whatever else is there is passed over.
fn split(text: &str) -> Vec<&str> {
    if let Ok(file) = serde_json::from_str::<LogFile<'_>>(text) {
        return file.records.into_iter().map(RawValue::get).collect();
    }
    text.lines().map(str::trim).filter(|line| line.starts_with('{')).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write;

    use super::read;

    #[test]
    fn log_files_and_lines_are_told_apart_by_content() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("deep")).unwrap();
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(br#"{"Records": [{"a":1},{"a":2}]}"#).unwrap();
        fs::write(folder.path().join("deep/log"), packed.finish().unwrap()).unwrap();
        fs::write(folder.path().join("lines"), zstd::encode_all(&b"{\"a\":2}\n{\"a\":3}\n"[..], 1).unwrap()).unwrap();
        let records = read(&[folder.path().to_owned()]).unwrap();
        let found: Vec<_> = records.iter().map(|record| (record.text.as_str(), record.weight)).collect();
        assert_eq!(found, [(r#"{"a":1}"#, 1.0), (r#"{"a":2}"#, 2.0), (r#"{"a":3}"#, 1.0)]);
    }

    #[test]
    fn the_invented_records_are_varied() {
        let records = read(&[]).unwrap();
        let indexes: Vec<_> =
            records.iter().map(|record| model::LookupIndex::derive(record.text.as_bytes()).unwrap()).collect();
        let mut names: Vec<_> = indexes.iter().map(|index| &index.event_name).collect();
        let mut sources: Vec<_> = indexes.iter().map(|index| &index.event_source).collect();
        for list in [&mut names, &mut sources] {
            list.sort();
            list.dedup();
        }
        assert!(names.len() >= 40 && sources.len() >= 15, "{} of {}", names.len(), sources.len());
    }
}
