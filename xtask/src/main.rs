//! Chores and drift checks of this repository, run as `cargo xtask <chore>`.
//!
//! - [`graph`]: the arrows between our crates against the table in `docs/architecture.md`, and what must stay absent.
//! - [`tidy`]: small promises about the source text that neither rustc nor clippy can check.
//! - [`licences`]: licence and dependency policy over the lock file, in place of a tool that takes minutes to install.
//!
//! Every chore collects all that it finds before it fails, so that one run shows the whole list.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool talks to the terminal")]

mod graph;
mod licences;
mod source_text;
mod tidy;
mod workspace;

use std::process::ExitCode;

use anyhow::Result;

use crate::workspace::Workspace;

/// One complaint of a chore, ready to be printed: where, and what is wrong.
pub(crate) type Finding = String;

/// A chore looks at the workspace and returns every complaint it has.
type Chore = fn(&Workspace) -> Result<Vec<Finding>>;

const CHORES: &[(&str, &str, Chore)] = &[
    ("graph", "arrows between crates match docs/architecture.md; pure crates stay pure", graph::check),
    ("tidy", "head comments, file length, names, TODOs with an issue, licence fields", tidy::check),
    ("licences", "licences on the list, one version of key crates, nothing banned", licences::check),
];

fn main() -> ExitCode {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    let unknown = wanted.iter().find(|name| !CHORES.iter().any(|(chore, ..)| chore == name));
    if wanted.is_empty() || unknown.is_some() {
        if let Some(name) = unknown.filter(|name| *name != "help" && *name != "--help") {
            eprintln!("cargo xtask: no chore called {name}");
        }
        eprintln!("usage: cargo xtask <chore>...");
        for (name, purpose, _) in CHORES {
            eprintln!("  {name:<9} {purpose}");
        }
        return ExitCode::from(2);
    }
    match run(&wanted) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("cargo xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Runs the chores in the order asked for; true when none had a complaint.
fn run(wanted: &[String]) -> Result<bool> {
    let workspace = Workspace::load()?;
    let mut clean = true;
    for (name, _, chore) in CHORES.iter().filter(|(name, ..)| wanted.iter().any(|asked| asked == name)) {
        let findings = chore(&workspace)?;
        for finding in &findings {
            eprintln!("{name}: {finding}");
        }
        println!("{name}: {}", if findings.is_empty() { "ok".to_owned() } else { format!("{} found", findings.len()) });
        clean &= findings.is_empty();
    }
    Ok(clean)
}
