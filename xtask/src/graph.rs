//! The arrows between our crates against the map in `docs/architecture.md`.
//!
//! The document is the truth: a crate may know what its row names and nothing else, so a new arrow is a change of the
//! document first. The absences that the document promises are checked here too, in the source text.

use std::collections::BTreeMap;

use anyhow::{Result, bail};

use crate::Finding;
use crate::source_text::{test_module_files, without_comments_and_literals, without_test_modules};
use crate::workspace::{Package, SourceFile, Workspace};

const MAP: &str = "docs/architecture.md";
const MAP_HEADER: &str = "| crate | knows |";

/// Words that a pure crate must not contain outside of tests: runtimes, sockets, files, clocks.
/// `std::net` addresses are values and fine; what opens something is listed by name.
const IMPURE: &[&str] = &[
    "tokio",
    "hyper",
    "std::fs",
    "fs::File",
    "std::process",
    "TcpStream",
    "TcpListener",
    "UdpSocket",
    "UnixStream",
    "UnixListener",
    "ToSocketAddrs",
    "SystemTime::now",
    "Instant::now",
    "Timestamp::now",
    "Zoned::now",
];

/// The only crates that may name hyper.
const HYPER_USERS: &[&str] = &["gateway", "intercept", "console", "server"];

/// One row of the crate map.
struct Row {
    knows: Vec<String>,
    pure: bool,
}

/// Compares the written map with the manifests and the source text.
pub(crate) fn check(workspace: &Workspace) -> Result<Vec<Finding>> {
    let map = parse_map(&workspace.read(MAP)?)?;
    let mut findings = check_arrows(workspace, &map);
    for package in workspace.members() {
        let Some(name) = package.crate_name() else { continue };
        let pure = map.get(name).is_some_and(|row| row.pure);
        findings.extend(check_absences(workspace, package, name, pure)?);
    }
    Ok(findings)
}

fn check_arrows(workspace: &Workspace, map: &BTreeMap<String, Row>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let packages: BTreeMap<&str, &Package> =
        workspace.members().filter_map(|package| Some((package.crate_name()?, package))).collect();
    for (name, package) in &packages {
        let Some(row) = map.get(*name) else {
            findings.push(format!("crate {name} has no row in {MAP}"));
            continue;
        };
        let crate_of = |dependency: &String| {
            packages.iter().find(|(_, other)| other.name == *dependency).map(|(name, _)| (*name).to_owned())
        };
        let real: Vec<String> = package.dependencies.iter().filter_map(crate_of).collect();
        let allowed = |target: &str| row.knows.iter().any(|known| known == "all" || known == target);
        for target in real.iter().filter(|target| !allowed(target)) {
            findings.push(format!("{name} -> {target} is an arrow that {MAP} does not declare"));
        }
        for target in row.knows.iter().filter(|known| *known != "all" && !real.contains(known)) {
            findings.push(format!("{MAP} declares {name} -> {target}, but {name} does not depend on it"));
        }
    }
    for name in map.keys().filter(|name| !packages.contains_key(name.as_str())) {
        findings.push(format!("{MAP} has a row for {name}, which is not a crate"));
    }
    findings
}

fn check_absences(workspace: &Workspace, package: &Package, name: &str, pure: bool) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    let files = workspace.rust_files(package)?;
    let test_modules: Vec<String> =
        files.iter().flat_map(|SourceFile { path, text }| test_module_files(path, text)).collect();
    for file in files.iter().filter(|file| !is_test_file(&file.path, &test_modules)) {
        let code = without_test_modules(&without_comments_and_literals(&file.text));
        for (index, line) in code.lines().enumerate() {
            let place = || format!("{}:{}", file.path, index + 1);
            if pure && let Some(word) = IMPURE.iter().find(|word| names(line, word)) {
                findings.push(format!("{}: {name} is pure and must not name {word}", place()));
            } else if !HYPER_USERS.contains(&name) && names(line, "hyper") {
                findings.push(format!("{}: only {} may name hyper", place(), HYPER_USERS.join(", ")));
            }
        }
    }
    Ok(findings)
}

/// Whether the file is an integration test, a test module, or lies below one.
fn is_test_file(path: &str, test_modules: &[String]) -> bool {
    let stem = path.trim_end_matches(".rs");
    let below = |module: &String| stem == module || stem.strip_prefix(module).is_some_and(|rest| rest.starts_with('/'));
    path.contains("/tests/") || test_modules.iter().any(below)
}

/// Whether the line contains the path as whole words.
fn names(line: &str, path: &str) -> bool {
    let word = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    line.match_indices(path).any(|(at, _)| {
        let before = at.checked_sub(1).and_then(|index| line.as_bytes().get(index));
        !word(before) && !word(line.as_bytes().get(at + path.len()))
    })
}

/// Reads the crate table: name, what it knows, and whether its last column calls it pure.
fn parse_map(text: &str) -> Result<BTreeMap<String, Row>> {
    let table = text.lines().skip_while(|line| !line.starts_with(MAP_HEADER)).skip(2);
    let mut map = BTreeMap::new();
    for line in table.take_while(|line| line.starts_with('|')) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [name, knows, _, character] = cells.as_slice() else {
            bail!("{MAP}: a row of the crate map does not have four cells: {line}");
        };
        let known = knows.split(',').map(|word| word.trim().trim_matches('`').to_owned());
        let knows = known.filter(|word| !word.is_empty() && word != "–").collect();
        map.insert(name.trim_matches('`').to_owned(), Row { knows, pure: *character == "pure" });
    }
    if map.is_empty() {
        bail!("{MAP} has no table that starts with {MAP_HEADER}");
    }
    Ok(map)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_map_is_read_from_the_table() -> Result<()> {
        let text = "# x\n| crate | knows | what | character |\n| --- | --- | --- | --- |\n| `a` | – | first | pure |\n\
                    | `b` | a, `c` | second | IO |\n\n| `d` | all | not a row | IO |\n";
        let map = parse_map(text)?;
        assert_eq!(map.keys().collect::<Vec<_>>(), ["a", "b"]);
        assert!(map["a"].pure && map["a"].knows.is_empty());
        assert!(!map["b"].pure && map["b"].knows == ["a", "c"]);
        Ok(())
    }

    #[test]
    fn only_whole_words_count() {
        assert!(names("use tokio::net;", "tokio"));
        assert!(names("std::fs::read(x)", "std::fs"));
        assert!(!names("use hyperbole;", "hyper"));
        assert!(!names("let my_tokio = 1;", "tokio"));
    }
}
