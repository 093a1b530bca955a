//! Files that have their names only when they are whole.

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use tempfile::NamedTempFile;

use crate::{ExportError, Written};

/// A file being written, or the standard output; packed with gzip where its name ends with `.gz`.
pub struct Target {
    path: PathBuf,
    out: Out,
}

enum Out {
    Plain(BufWriter<Counted<NamedTempFile>>),
    Packed(Box<GzEncoder<BufWriter<Counted<NamedTempFile>>>>),
    Standard(Counted<BufWriter<io::Stdout>>),
}

/// Counts the bytes that go through.
struct Counted<W> {
    inner: W,
    bytes: u64,
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.inner.write(bytes)?;
        self.bytes += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl std::fmt::Debug for Target {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Target").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Target {
    /// Opens a target: a path, or `-` for the standard output.
    ///
    /// # Errors
    /// Nothing can be written beside the path.
    pub fn create(path: &Path) -> Result<Self, ExportError> {
        if path == Path::new("-") {
            let out = Out::Standard(Counted { inner: BufWriter::new(io::stdout()), bytes: 0 });
            return Ok(Self { path: path.to_owned(), out });
        }
        let file = temporary(path).map_err(ExportError::write(path))?;
        let out = BufWriter::with_capacity(256 * 1024, Counted { inner: file, bytes: 0 });
        let is_packed = path.extension().is_some_and(|extension| extension == "gz");
        let out = match is_packed {
            true => Out::Packed(Box::new(GzEncoder::new(out, Compression::default()))),
            false => Out::Plain(out),
        };
        Ok(Self { path: path.to_owned(), out })
    }

    /// Writes some bytes.
    ///
    /// # Errors
    /// They cannot be written.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), ExportError> {
        let out: &mut dyn Write = match &mut self.out {
            Out::Plain(out) => out,
            Out::Packed(out) => out,
            Out::Standard(out) => out,
        };
        out.write_all(bytes).map_err(ExportError::write(&self.path))
    }

    /// Ends the file, makes it durable and gives it its name.
    ///
    /// # Errors
    /// The file cannot be written or named.
    pub fn finish(self) -> Result<Written, ExportError> {
        let Self { path, out } = self;
        let named = |out: BufWriter<Counted<NamedTempFile>>| -> io::Result<u64> {
            let Counted { inner, bytes } = out.into_inner().map_err(io::IntoInnerError::into_error)?;
            keep(inner, &path)?;
            Ok(bytes)
        };
        let bytes = match out {
            Out::Plain(out) => named(out),
            Out::Packed(out) => out.finish().and_then(named),
            Out::Standard(mut out) => out.flush().map(|()| out.bytes),
        };
        Ok(Written { files: 1, bytes: bytes.map_err(ExportError::write(&path))? })
    }
}

/// A file without a name of its own, beside a path.
pub(crate) fn temporary(path: &Path) -> io::Result<NamedTempFile> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    NamedTempFile::new_in(folder)
}

/// Makes a file durable and gives it its name.
pub(crate) fn keep(file: NamedTempFile, path: &Path) -> io::Result<()> {
    file.as_file().sync_all()?;
    let kept = file.persist(path)?;
    // Files of tools are private; an export is for others.
    let mut permissions = kept.metadata()?.permissions();
    std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o644);
    kept.set_permissions(permissions)
}
