//! What a data folder says of its metadata in PostgreSQL.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use crate::MetadataError;

/// Holds the id that the folder and its PostgreSQL share.
const FILE_NAME: &str = "metadata-in-postgres";

/// The id of the installation; `None` when its metadata is in the folder itself.
pub(crate) fn read(data_dir: &Path) -> Result<Option<String>, MetadataError> {
    let path = data_dir.join(FILE_NAME);
    match std::fs::read_to_string(&path) {
        Ok(text) => Ok(Some(text.trim().to_owned()).filter(|id| !id.is_empty())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(MetadataError::File { action: "read", path, source }),
    }
}

/// Notes the id, durably.
pub(crate) fn write(data_dir: &Path, id: &str) -> Result<(), MetadataError> {
    let path = data_dir.join(FILE_NAME);
    let failed = |source| MetadataError::File { action: "write", path: path.clone(), source };
    std::fs::create_dir_all(data_dir).map_err(failed)?;
    let mut file = File::create(&path).map_err(failed)?;
    writeln!(file, "{id}").map_err(failed)?;
    file.sync_all().map_err(failed)?;
    File::open(data_dir).and_then(|folder| folder.sync_all()).map_err(failed)
}

/// Whether events or metadata are in the folder.
pub(crate) fn has_history(data_dir: &Path) -> Result<bool, MetadataError> {
    let segments = data_dir.join("segments");
    let has_segments = match std::fs::read_dir(&segments) {
        Ok(mut entries) => entries.next().is_some(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => false,
        Err(source) => return Err(MetadataError::File { action: "read", path: segments, source }),
    };
    Ok(has_segments || data_dir.join("manifest.sqlite").exists())
}
