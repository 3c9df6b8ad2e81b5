//! Folders and files of ours that only their owner may read, also where an earlier version, a copy or a wide umask has
//! left them open to others. What does not belong to us is never touched.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// Makes a folder, and narrows it to its owner.
///
/// # Errors
/// It cannot be made.
pub fn folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    if let Ok(meta) = fs::metadata(path)
        && meta.permissions().mode() & 0o077 != 0
    {
        // of somebody else: then it is as it was found
        let _ = fs::set_permissions(path, Permissions::from_mode(0o700));
    }
    Ok(())
}

/// Opens a file as `options` say, made readable by its owner alone. Pipes and devices stay as they are.
///
/// # Errors
/// It cannot be opened.
pub fn file(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    let file = options.mode(0o600).open(path)?;
    let meta = file.metadata()?;
    if meta.is_file() && meta.permissions().mode() & 0o077 != 0 {
        // of somebody else: then it is as it was found
        let _ = file.set_permissions(Permissions::from_mode(0o600));
    }
    Ok(file)
}

/// Opens a file to read it; `None` where there is none.
///
/// # Errors
/// It cannot be opened, or it is no file: to open a pipe would be to wait for ever.
pub fn existing(path: &Path) -> io::Result<Option<File>> {
    match fs::metadata(path) {
        Ok(meta) if meta.is_file() => File::open(path).map(Some),
        Ok(_) => Err(io::Error::other("it is no file")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pipe_is_not_waited_for() {
        let home = tempfile::tempdir().unwrap();
        let pipe = home.path().join("p");
        assert!(existing(&pipe).unwrap().is_none());
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        assert_eq!(existing(&pipe).unwrap_err().to_string(), "it is no file");
        fs::write(home.path().join("f"), "x").unwrap();
        assert!(existing(&home.path().join("f")).unwrap().is_some());
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn what_is_new_and_what_was_wide_is_for_its_owner_alone() {
        let home = tempfile::tempdir().unwrap();
        let (new, old) = (home.path().join("a/b"), home.path().join("old"));
        fs::create_dir(&old).unwrap();
        fs::set_permissions(&old, Permissions::from_mode(0o755)).unwrap();
        for path in [&new, &old] {
            folder(path).unwrap();
            assert_eq!(mode(path), 0o700);
            let log = path.join("log");
            if path == &old {
                fs::write(&log, "x").unwrap();
                fs::set_permissions(&log, Permissions::from_mode(0o664)).unwrap();
            }
            file(OpenOptions::new().append(true).create(true), &log).unwrap();
            assert_eq!(mode(&log), 0o600);
        }
        assert!(file(OpenOptions::new().append(true), Path::new("/dev/null")).is_ok());
        assert_ne!(mode(Path::new("/dev/null")), 0o600);
    }
}
