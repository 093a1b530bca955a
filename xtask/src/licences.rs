//! Licence and dependency policy over the lock file.
//!
//! `deny.toml` says the same for those who have cargo-deny, which also knows security advisories. This chore needs
//! nothing that is not in the lock file, so that the check is the same on every machine. Change both together.

use std::collections::BTreeMap;

use anyhow::Result;

use crate::Finding;
use crate::workspace::{Package, Workspace};

/// SPDX names that may be linked into the binary. All are permissive; none asks for the source of the whole.
const ALLOWED_LICENCES: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Zlib",
];

/// Crates whose types cross our own crate borders: two versions compile and then do not fit each other.
const ONE_VERSION: &[&str] =
    &["arrow", "datafusion", "http", "hyper", "object_store", "parquet", "rustls", "sqlx", "tokio"];

/// Crates that must not be in the tree at all, with the reason that is printed.
const BANNED: &[(&str, &str)] = &[
    ("openssl-sys", "it needs the host's C library; TLS is rustls"),
    ("native-tls", "it needs the host's C library; TLS is rustls"),
    ("rusqlite", "one crate may link SQLite, and sqlx does"),
];

/// Crates that only one crate of ours may depend on, so that an edit elsewhere does not rebuild them.
const ONE_OWNER: &[(&str, &str)] = &[("datafusion", "lake"), ("iceberg", "lake")];

/// Checks every package of the lock file, for every platform.
pub(crate) fn check(workspace: &Workspace) -> Result<Vec<Finding>> {
    Ok(findings(workspace.packages()))
}

fn findings(packages: &[Package]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut versions: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for package in packages {
        versions.entry(&package.name).or_default().push(&package.version);
        match package.licence.as_deref() {
            None => findings.push(format!("{} {}: no licence field", package.name, package.version)),
            Some(licence) if !is_allowed(licence) => {
                findings.push(format!("{} {}: licence {licence} is not allowed", package.name, package.version));
            }
            Some(_) => {}
        }
        if let Some((_, reason)) = BANNED.iter().find(|(name, _)| *name == package.name) {
            findings.push(format!("{} {} is banned: {reason}", package.name, package.version));
        }
        findings.extend(wrong_owners(package));
    }
    for name in ONE_VERSION {
        if let Some(found) = versions.get(name).filter(|found| found.len() > 1) {
            findings.push(format!("{name} is there {} times: {}", found.len(), found.join(", ")));
        }
    }
    findings
}

/// A crate of ours that depends on what another crate of ours owns, and on its family (`datafusion-expr` and so on).
fn wrong_owners(package: &Package) -> Vec<Finding> {
    let Some(name) = package.crate_name() else { return Vec::new() };
    let is_family = |dependency: &str, head: &str| {
        dependency.strip_prefix(head).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    };
    let owner_of = |dependency: &str| ONE_OWNER.iter().find(|(head, _)| is_family(dependency, head));
    let foreign = package.dependencies.iter().filter_map(|dependency| Some((dependency, owner_of(dependency)?)));
    foreign
        .filter(|(_, (_, owner))| *owner != name)
        .map(|(dependency, (_, owner))| format!("{name} depends on {dependency}, which belongs to {owner} alone"))
        .collect()
}

/// Whether an SPDX expression can be met with allowed licences alone. `/` is the old spelling of `OR`.
fn is_allowed(expression: &str) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let tokens: Vec<&str> = spaced.split_whitespace().collect();
    let mut rest = tokens.as_slice();
    parse_or(&mut rest).is_some_and(|allowed| allowed && rest.is_empty())
}

fn parse_or(rest: &mut &[&str]) -> Option<bool> {
    let mut allowed = parse_and(rest)?;
    while let ["OR", tail @ ..] = *rest {
        *rest = tail;
        allowed |= parse_and(rest)?;
    }
    Some(allowed)
}

fn parse_and(rest: &mut &[&str]) -> Option<bool> {
    let mut allowed = parse_term(rest)?;
    while let ["AND", tail @ ..] = *rest {
        *rest = tail;
        allowed &= parse_term(rest)?;
    }
    Some(allowed)
}

fn parse_term(rest: &mut &[&str]) -> Option<bool> {
    match *rest {
        ["(", tail @ ..] => {
            *rest = tail;
            let allowed = parse_or(rest)?;
            let [")", tail @ ..] = *rest else { return None };
            *rest = tail;
            Some(allowed)
        }
        [licence, "WITH", exception, tail @ ..] => {
            *rest = tail;
            Some(ALLOWED_LICENCES.contains(&format!("{licence} WITH {exception}").as_str()))
        }
        [licence, tail @ ..] => {
            *rest = tail;
            Some(ALLOWED_LICENCES.contains(licence))
        }
        [] => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, version: &str, licence: &str, dependencies: &[&str]) -> Package {
        Package {
            name: name.to_owned(),
            version: version.to_owned(),
            licence: Some(licence.to_owned()),
            is_member: name.starts_with("opentrail-"),
            directory: name.into(),
            dependencies: dependencies.iter().map(|&name| name.to_owned()).collect(),
        }
    }

    #[test]
    fn expressions_are_met_by_allowed_licences_alone() {
        for expression in ["MIT", "MIT/GPL-3.0", "GPL-3.0 OR (MIT AND ISC)", "Apache-2.0 WITH LLVM-exception"] {
            assert!(is_allowed(expression), "{expression}");
        }
        for expression in ["AGPL-3.0", "MIT AND GPL-3.0", "GPL-3.0 WITH LLVM-exception", "(MIT", "", "MIT ISC"] {
            assert!(!is_allowed(expression), "{expression}");
        }
    }

    #[test]
    fn each_rule_complains() {
        let clean =
            [package("arrow", "58.0.0", "MIT", &[]), package("opentrail-lake", "1.0.0", "MIT", &["datafusion"])];
        assert_eq!(findings(&clean), Vec::<Finding>::new());
        let dirty = [
            package("arrow", "58.0.0", "MIT", &[]),
            package("arrow", "60.0.0", "GPL-3.0", &[]),
            package("rusqlite", "1.0.0", "MIT", &[]),
            package("opentrail-store", "1.0.0", "MIT", &["datafusion-expr"]),
        ];
        assert_eq!(findings(&dirty).len(), 4, "{:?}", findings(&dirty));
    }
}
