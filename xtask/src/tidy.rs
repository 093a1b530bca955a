//! Promises about the source text that neither rustc nor clippy can check.

use anyhow::Result;

use crate::Finding;
use crate::workspace::{Package, SourceFile, Workspace};

/// Lines. Files read well at a few hundred; far above that they hold more than one concept.
const FILE_LINES_MAX: usize = 900;

/// Names that say nothing about what is inside, so that everything ends up there.
const EMPTY_NAMES: &[&str] = &["common", "utils", "util", "types", "helpers", "misc"];

/// Checks every package of the workspace.
pub(crate) fn check(workspace: &Workspace) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for package in workspace.members() {
        findings.extend(check_package(package));
        for file in workspace.rust_files(package)? {
            findings.extend(check_file(&file));
        }
    }
    Ok(findings)
}

fn check_package(package: &Package) -> Vec<Finding> {
    let mut findings = Vec::new();
    if package.licence.is_none() {
        findings.push(format!("package {} has no licence field", package.name));
    }
    let name = package.crate_name().unwrap_or(&package.name);
    if EMPTY_NAMES.contains(&name) {
        findings.push(format!("package {}: the name says nothing, call it by what it does", package.name));
    }
    if let Some(name) = package.crate_name()
        && package.directory.file_name().is_none_or(|folder| folder != name)
    {
        findings.push(format!("package {}: the folder is not called {name}", package.name));
    }
    findings
}

fn check_file(file: &SourceFile) -> Vec<Finding> {
    let mut findings = Vec::new();
    let lines = file.text.lines().count();
    if lines > FILE_LINES_MAX {
        findings.push(format!("{}: {lines} lines, more than {FILE_LINES_MAX}: split it by concept", file.path));
    }
    let is_root = file.path.ends_with("/src/lib.rs") || file.path.ends_with("/src/main.rs");
    let first = file.text.lines().find(|line| !line.trim().is_empty() && !line.starts_with("#!["));
    if is_root && !first.is_some_and(|line| line.starts_with("//!")) {
        findings.push(format!("{}: no head comment that says what this crate is and refuses", file.path));
    }
    let mut segments = file.path.rsplit('/');
    let stem = segments.next().and_then(|name| name.strip_suffix(".rs")).unwrap_or_default();
    if EMPTY_NAMES.contains(&stem) || segments.any(|folder| EMPTY_NAMES.contains(&folder)) {
        findings.push(format!("{}: the module name says nothing, call it by what it does", file.path));
    }
    for (index, line) in file.text.lines().enumerate() {
        if let Some(mark) = open_task(line) {
            findings.push(format!("{}:{}: {mark} without an issue number, write {mark}(#12)", file.path, index + 1));
        }
    }
    findings
}

/// The mark of a comment that puts work off without naming an issue, if the line has one.
fn open_task(line: &str) -> Option<&'static str> {
    let comment = &line[line.find("//")?..];
    ["TODO", "FIXME", "XXX", "HACK"].into_iter().find(|mark| {
        comment.match_indices(mark).any(|(at, _)| {
            let before = comment[..at].chars().next_back();
            let after = &comment[at + mark.len()..];
            let whole = !before.is_some_and(char::is_alphanumeric) && !after.starts_with(char::is_alphanumeric);
            let issue = after.strip_prefix("(#").is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
            whole && !issue
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, text: &str, complaints: usize) {
        let findings = check_file(&SourceFile { path: path.to_owned(), text: text.to_owned() });
        assert_eq!(findings.len(), complaints, "{findings:?}");
    }

    #[test]
    fn each_promise_is_checked() {
        check("crates/a/src/lib.rs", "//! What this is.\n", 0);
        check("crates/a/src/lib.rs", "#![allow(x)]\n\n//! What this is.\n", 0);
        check("crates/a/src/lib.rs", "pub mod b;\n", 1);
        check("crates/a/src/utils.rs", "", 1);
        check("crates/a/src/helpers/x.rs", "", 1);
        check("crates/a/src/x.rs", &"\n".repeat(FILE_LINES_MAX + 1), 1);
        let mark = ["TO", "DO"].concat();
        check("crates/a/src/x.rs", &format!("// {mark}: later\n"), 1);
        check("crates/a/src/x.rs", &format!("// {mark}(#7): later\n"), 0);
        check("crates/a/src/x.rs", &format!("let x = \"{mark}\";\n"), 0);
    }
}
