//! Where a report goes: a stream, or a file that is whole or not there. A reader of the file never sees half of it.

use std::fs::Permissions;
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Writes a file next to `path` and renames it. `mode` is of the permission bits: who else may read it.
///
/// # Errors
/// What creating, writing or renaming fails with, with the name of the file.
pub fn whole(path: &Path, mode: u32, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    let named =
        |error: io::Error| io::Error::new(error.kind(), format!("{} cannot be written: {error}", path.display()));
    let file = tempfile::Builder::new().prefix(".watchkeeper-").tempfile_in(folder).map_err(named)?;
    let mut buffered = BufWriter::new(file);
    write(&mut buffered).map_err(named)?;
    let file = buffered.into_inner().map_err(|error| named(error.into_error()))?;
    file.as_file().set_permissions(Permissions::from_mode(mode)).map_err(named)?;
    file.as_file().sync_all().map_err(named)?;
    file.persist(path).map_err(|error| named(error.error))?;
    Ok(())
}

/// A stream whose reader may go away while something is being done that must not end with it.
#[derive(Debug)]
pub struct Unread<W>(pub W);

impl<W: Write> Write for Unread<W> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        match self.0.write(buf) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(buf.len()),
            other => other,
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        unless_closed(self.0.flush())
    }
}

/// A reader that has gone away is no failure of ours.
///
/// # Errors
/// Every other failure.
pub fn unless_closed(written: io::Result<()>) -> io::Result<()> {
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_fails_half_way_leaves_the_old_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        whole(&path, 0o644, |out| out.write_all(b"old")).unwrap();
        let failed = whole(&path, 0o644, |out| {
            out.write_all(b"ne")?;
            Err(io::Error::other("no more"))
        });
        assert!(failed.unwrap_err().to_string().contains("out cannot be written: no more"));
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left next to it");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o644);
    }
}
