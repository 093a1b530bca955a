//! What cargo and the file system know of this workspace, read once for all chores.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// The prefix of our package names; the crate is called what follows it.
const PACKAGE_PREFIX: &str = "opentrail-";

/// The repository as cargo resolves it.
pub(crate) struct Workspace {
    root: PathBuf,
    packages: Vec<Package>,
}

/// One package of the lock file, ours or foreign.
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    /// The SPDX expression of the manifest.
    pub(crate) licence: Option<String>,
    pub(crate) is_member: bool,
    pub(crate) directory: PathBuf,
    /// Names of packages that the shipped code needs; what only tests need is left out.
    pub(crate) dependencies: Vec<String>,
}

impl Package {
    /// The name of the crate in the map: `store` for `opentrail-store`. `None` for foreign packages and chores.
    pub(crate) fn crate_name(&self) -> Option<&str> {
        if self.is_member { self.name.strip_prefix(PACKAGE_PREFIX) } else { None }
    }
}

/// A source file of ours.
pub(crate) struct SourceFile {
    /// Relative to the root of the repository, with `/`.
    pub(crate) path: String,
    pub(crate) text: String,
}

impl Workspace {
    /// Asks cargo for the resolved dependency graph of every target platform.
    pub(crate) fn load() -> Result<Self> {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let output = Command::new(cargo)
            .args(["metadata", "--format-version", "1", "--locked"])
            .output()
            .context("cargo metadata cannot be started")?;
        if !output.status.success() {
            bail!("cargo metadata failed: {}", String::from_utf8_lossy(&output.stderr).trim());
        }
        let metadata: Value = serde_json::from_slice(&output.stdout).context("cargo metadata wrote no JSON")?;
        let root = PathBuf::from(text(&metadata, "workspace_root")?);
        let members: Vec<&str> = list(&metadata, "workspace_members").filter_map(Value::as_str).collect();
        let packages =
            list(&metadata, "packages").map(|package| read_package(package, &members)).collect::<Result<_>>()?;
        Ok(Self { root, packages })
    }

    /// Every package of the lock file.
    pub(crate) fn packages(&self) -> &[Package] {
        &self.packages
    }

    /// Our own packages.
    pub(crate) fn members(&self) -> impl Iterator<Item = &Package> {
        self.packages.iter().filter(|package| package.is_member)
    }

    /// The text of a file of the repository.
    pub(crate) fn read(&self, path: &str) -> Result<String> {
        fs::read_to_string(self.root.join(path)).with_context(|| format!("{path} cannot be read"))
    }

    /// All Rust files below `src` and `tests` of one package, in a stable order.
    pub(crate) fn rust_files(&self, package: &Package) -> Result<Vec<SourceFile>> {
        let mut paths = Vec::new();
        for folder in ["src", "tests"] {
            collect_rust_files(&package.directory.join(folder), &mut paths)?;
        }
        paths.sort();
        paths
            .into_iter()
            .map(|path| {
                let text = fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()))?;
                let relative = path.strip_prefix(&self.root).unwrap_or(&path);
                Ok(SourceFile { path: relative.to_string_lossy().replace('\\', "/"), text })
            })
            .collect()
    }
}

fn read_package(package: &Value, members: &[&str]) -> Result<Package> {
    let manifest = PathBuf::from(text(package, "manifest_path")?);
    let dependencies = list(package, "dependencies")
        .filter(|dependency| dependency["kind"].as_str() != Some("dev"))
        .filter_map(|dependency| dependency["name"].as_str().map(str::to_owned))
        .collect();
    Ok(Package {
        name: text(package, "name")?.to_owned(),
        version: text(package, "version")?.to_owned(),
        licence: package["license"].as_str().map(str::to_owned),
        is_member: members.contains(&text(package, "id")?),
        directory: manifest.parent().map(Path::to_path_buf).unwrap_or_default(),
        dependencies,
    })
}

fn text<'a>(value: &'a Value, key: &str) -> Result<&'a str> {
    value[key].as_str().with_context(|| format!("cargo metadata has no text called {key}"))
}

fn list<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    value[key].as_array().into_iter().flatten()
}

fn collect_rust_files(folder: &Path, paths: &mut Vec<PathBuf>) -> Result<()> {
    let Ok(entries) = fs::read_dir(folder) else { return Ok(()) };
    for entry in entries {
        let path = entry.with_context(|| format!("{} cannot be listed", folder.display()))?.path();
        if path.is_dir() {
            collect_rust_files(&path, paths)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            paths.push(path);
        }
    }
    Ok(())
}
