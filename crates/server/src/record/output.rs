//! What a recorded run leaves: files, and a summary on standard error.

use std::io::Write;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use intercept::policy::MANAGED_POLICY_CHARACTERS_MAX;
use intercept::recorder::FinishedRun;
use intercept::summary::Surroundings;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::arguments::{RecordArguments, RecordFormat};

/// Makes the folder of a run, closed to others: records tell who does what. An existing folder is used as it is.
pub(super) fn make_folder(named: Option<&Path>, now: Timestamp) -> anyhow::Result<PathBuf> {
    let folder = match named {
        Some(folder) => folder.to_owned(),
        None => PathBuf::from(format!("opentrail-record-{}", now.strftime("%Y%m%dT%H%M%SZ"))),
    };
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true).mode(0o700);
    builder.create(&folder).with_context(|| format!("create the folder {}", folder.display()))?;
    Ok(folder)
}

/// Writes policy and summary. Neither holds a word of the command line but the program's name: arguments may be secret.
pub(super) fn write_files(
    folder: &Path,
    arguments: &RecordArguments,
    finished: &FinishedRun,
    around: &Surroundings,
) -> anyhow::Result<()> {
    write_json(&folder.join("policy.json"), &finished.policy)?;
    write_json(&folder.join("summary.json"), &summary_json(arguments, finished, around)?)
}

/// The summary as JSON: the numbers, what was not recorded, and the program.
fn summary_json(arguments: &RecordArguments, finished: &FinishedRun, around: &Surroundings) -> anyhow::Result<Value> {
    let mut summary = json!({ "program": arguments.command.first().map(|program| program.to_string_lossy()) });
    for part in [serde_json::to_value(around)?, serde_json::to_value(&finished.summary)?] {
        if let (Some(summary), Value::Object(part)) = (summary.as_object_mut(), part) {
            summary.extend(part);
        }
    }
    Ok(summary)
}

/// Writes a file that takes its name when it is complete.
fn write_json(path: &Path, value: &Value) -> anyhow::Result<()> {
    let write = || -> anyhow::Result<()> {
        let folder = path.parent().unwrap_or(Path::new("."));
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        serde_json::to_writer_pretty(&mut file, value)?;
        file.write_all(b"\n")?;
        file.persist(path)?;
        Ok(())
    };
    write().with_context(|| format!("write {}", path.display()))
}

/// Shows the summary on standard error.
pub(super) fn show_summary(folder: &Path, arguments: &RecordArguments, finished: &FinishedRun, around: &Surroundings) {
    if arguments.quiet {
        return;
    }
    if arguments.format == RecordFormat::Json {
        if let Ok(summary) = summary_json(arguments, finished, around) {
            crate::logging::complain(&json!({ "summary": summary }).to_string());
        }
        return;
    }
    let mut text = format!("\nopentrail record: {}", finished.summary.text(around));
    let policy = finished.policy.to_string();
    let characters = policy.chars().filter(|character| !character.is_whitespace()).count();
    if characters > MANAGED_POLICY_CHARACTERS_MAX {
        text.push_str(&format!(
            "the policy has {characters} characters, and a managed policy at most {MANAGED_POLICY_CHARACTERS_MAX}: split \
             it by service\n"
        ));
    }
    text.push_str(&format!("files: {}/{{cloudtrail,policy,summary}}.json", folder.display()));
    crate::logging::complain(&text);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_bears_the_time() {
        let parent = tempfile::tempdir().expect("a folder");
        let named = parent.path().join("a/b");
        assert_eq!(make_folder(Some(&named), Timestamp::UNIX_EPOCH).expect("a folder"), named);
        assert_eq!(make_folder(Some(&named), Timestamp::UNIX_EPOCH).expect("the same folder"), named);
    }
}
