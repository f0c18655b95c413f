//! The shared library `nomaflow-python-embed`, carried inside the host binary, and how a worker opens it: through an
//! anonymous memory file, or, where the kernel refuses to run code from one, through a file that only this user can
//! read and that is gone as soon as it is open.
#![allow(unsafe_code, reason = "opening a shared library runs its initialisers, and memfd_create is a system call")]

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::{AsRawFd, FromRawFd};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use libloading::os::unix::{Library, RTLD_GLOBAL, RTLD_LOCAL, RTLD_NOW};

static EMBED: &[u8] = include_bytes!(env!("NOMAFLOW_PYTHON_EMBED"));

/// Opens libpython so that our library, and extension modules that are not linked to it, find its symbols.
///
/// # Errors
/// The dynamic linker's message.
pub(crate) fn open_libpython(path: &Path) -> Result<Library, String> {
    // SAFETY: the file is the configured interpreter's own library, whose initialisers only set up its data.
    unsafe { Library::open(Some(path), RTLD_NOW | RTLD_GLOBAL) }.map_err(|error| error.to_string())
}

/// Opens our library. libpython must be open.
///
/// # Errors
/// The messages of both ways, when neither works.
pub(crate) fn open_embed() -> Result<Library, String> {
    let from_memory = memory_file().map_err(|error| error.to_string()).and_then(|file| {
        // The file may close once the library is mapped.
        open_ours(Path::new(&format!("/proc/self/fd/{}", file.as_raw_fd())))
    });
    from_memory.or_else(|memory| {
        let written = write_private(&std::env::temp_dir()).map_err(|error| error.to_string());
        written
            .and_then(|copy| open_ours(&copy.file))
            .map_err(|disk| format!("from memory: {memory}; from a temporary file: {disk}"))
    })
}

fn open_ours(path: &Path) -> Result<Library, String> {
    // SAFETY: the bytes are the library this build made; it has no initialisers beyond those of Rust's runtime.
    unsafe { Library::open(Some(path), RTLD_NOW | RTLD_LOCAL) }.map_err(|error| error.to_string())
}

fn memory_file() -> io::Result<File> {
    // SAFETY: the name is a NUL-terminated constant; the call touches no other memory.
    let fd = unsafe { libc::memfd_create(c"nomaflow-python".as_ptr(), libc::MFD_CLOEXEC) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the descriptor was just made and has no other owner.
    let mut file = unsafe { File::from_raw_fd(fd) };
    file.write_all(EMBED)?;
    Ok(file)
}

/// A copy on disk that is removed with its folder when dropped.
struct PrivateCopy {
    folder: PathBuf,
    file: PathBuf,
}

impl Drop for PrivateCopy {
    fn drop(&mut self) {
        // What cannot be removed lies in a folder only this user can enter.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn write_private(base: &Path) -> io::Result<PrivateCopy> {
    let folder = base.join(format!("nomaflow-python-{}", std::process::id()));
    // Making the folder fails when somebody else has prepared one under this name.
    DirBuilder::new().mode(0o700).create(&folder)?;
    let copy = PrivateCopy { file: folder.join("embed.so"), folder };
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(&copy.file)?.write_all(EMBED)?;
    Ok(copy)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn the_copy_on_disk_is_private_refuses_a_prepared_folder_and_goes_away() {
        let base = tempfile::tempdir().unwrap();
        let copy = write_private(base.path()).unwrap();
        assert_eq!(std::fs::metadata(&copy.folder).unwrap().permissions().mode() & 0o777, 0o700);
        assert_eq!(std::fs::read(&copy.file).unwrap(), EMBED);
        assert_eq!(write_private(base.path()).err().unwrap().kind(), io::ErrorKind::AlreadyExists);
        drop(copy);
        assert_eq!(std::fs::read_dir(base.path()).unwrap().count(), 0);
    }

    #[test]
    fn the_carried_library_does_not_name_libpython_among_its_needs() {
        assert_eq!(&EMBED[..4], b"\x7fELF");
        assert!(!EMBED.windows(9).any(|bytes| bytes == b"libpython"));
    }
}
