//! Files from outside: what is opened, how much of it is read, and how its text is understood.
//!
//! Everything that a user names is read through here. A named pipe would wait for ever, a device never ends, and a
//! pointer of Git LFS is a text where a model is expected; each is refused by what it is.

use std::fs::{self, File, FileType};
use std::io::{self, IsTerminal, Read, Seek};
use std::path::Path;

use crate::FormatError;
use crate::atomic::io_error;

/// How the pointers begin that Git LFS leaves in the place of files that were not fetched; the second is its older name.
const POINTERS: [&[u8]; 2] = [
    b"version https://git-lfs.github.com/spec/",
    b"version https://hawser.github.com/spec/",
];

const DEVICE: &str = "a device";

/// What a reader takes: what such a file is called in messages, and how large it may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileKind {
    name: &'static str,
    limit: u64,
}

impl FileKind {
    /// TOML, CSV, JSON and the like.
    pub const TEXT: Self = Self::new("text file", 4 << 20);

    /// A kind with its largest size in bytes; the name is a noun without an article.
    #[must_use]
    pub const fn new(name: &'static str, limit: u64) -> Self {
        Self { name, limit }
    }

    /// The largest size in bytes.
    #[must_use]
    pub const fn limit(self) -> u64 {
        self.limit
    }
}

/// Opens a regular file for reading, at its beginning.
///
/// # Errors
/// [`FormatError::MissingFile`], [`FormatError::NotAFile`] for folders, pipes, sockets and devices,
/// [`FormatError::FileTooLarge`], [`FormatError::LfsPointer`], and [`FormatError::Io`].
pub fn open_file(path: impl AsRef<Path>, kind: FileKind) -> Result<File, FormatError> {
    let path = path.as_ref();
    // Asked before it is opened: opening a pipe waits for a writer, opening a device may set it to work.
    regular(
        path,
        fs::metadata(path)
            .map_err(|source| unreadable(path, source))?
            .file_type(),
    )?;
    let mut file = File::open(path).map_err(|source| unreadable(path, source))?;
    let metadata = file.metadata().map_err(|source| unreadable(path, source))?;
    regular(path, metadata.file_type())?;
    if metadata.len() > kind.limit {
        return Err(too_large(path, kind, metadata.len()));
    }
    let mut start = Vec::new();
    let longest = POINTERS[0].len() as u64;
    (&file)
        .take(longest)
        .read_to_end(&mut start)
        .and_then(|_| file.rewind())
        .map_err(|source| unreadable(path, source))?;
    check_pointer(path, &start)?;
    Ok(file)
}

/// The bytes of a regular file, or of what was given to this process as an open descriptor: `/dev/stdin`, `/dev/fd/3`.
///
/// # Errors
/// As [`open_file`].
pub fn read_file(path: impl AsRef<Path>, kind: FileKind) -> Result<Vec<u8>, FormatError> {
    let path = path.as_ref();
    let file = if is_descriptor(path) {
        open_descriptor(path)?
    } else {
        open_file(path, kind)?
    };
    let mut bytes = Vec::new();
    // The length that was asked for above may have grown since, and means nothing for a pipe.
    file.take(kind.limit.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(|source| unreadable(path, source))?;
    if bytes.len() as u64 > kind.limit {
        return Err(too_large(path, kind, bytes.len() as u64));
    }
    check_pointer(path, &bytes)?;
    Ok(bytes)
}

/// A pipe or a terminal that was given to this process is read, an endless device is not.
fn open_descriptor(path: &Path) -> Result<File, FormatError> {
    let file = File::open(path).map_err(|source| unreadable(path, source))?;
    let found = file.metadata().map_err(|source| unreadable(path, source))?.file_type();
    if !found.is_file() && !file.is_terminal() && special(found) == DEVICE {
        return Err(FormatError::NotAFile {
            path: path.to_owned(),
            found: DEVICE,
        });
    }
    Ok(file)
}

/// The text of a file in UTF-8, without a byte-order mark.
///
/// # Errors
/// As [`read_file`], and [`FormatError::Text`] for other encodings.
pub fn read_text(path: impl AsRef<Path>, kind: FileKind) -> Result<String, FormatError> {
    let path = path.as_ref();
    decode(read_file(path, kind)?).map_err(|reason| FormatError::Text {
        path: path.to_owned(),
        reason,
    })
}

/// Bytes as UTF-8 without a byte-order mark, or why they are not.
fn decode(mut bytes: Vec<u8>) -> Result<String, String> {
    if bytes.starts_with(b"\xef\xbb\xbf") {
        bytes.drain(..3);
    }
    // ASCII in two bytes a character has a zero in every other place; without that, only the mark tells.
    let encoding = match bytes.as_slice() {
        [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] => Some("UTF-32"),
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => Some("UTF-16"),
        [first, 0, second, 0, ..] | [0, first, 0, second, ..] if *first != 0 && *second != 0 => Some("UTF-16"),
        _ => None,
    };
    if let Some(encoding) = encoding {
        return Err(format!("it is text in {encoding}; save it as UTF-8"));
    }
    String::from_utf8(bytes).map_err(|error| {
        let valid = error.as_bytes().get(..error.utf8_error().valid_up_to());
        let line = valid.unwrap_or_default().iter().filter(|byte| **byte == b'\n').count() + 1;
        format!("line {line} is not valid UTF-8")
    })
}

fn regular(path: &Path, found: FileType) -> Result<(), FormatError> {
    if found.is_file() {
        return Ok(());
    }
    Err(FormatError::NotAFile {
        path: path.to_owned(),
        found: if found.is_dir() { "a folder" } else { special(found) },
    })
}

/// Refuses to write into what is neither a file nor a device, unless it was given to this process open.
pub(crate) fn writable(path: &Path, found: FileType) -> Result<(), FormatError> {
    let open = ["/dev/stdout", "/dev/stderr"]
        .iter()
        .any(|known| path == Path::new(known))
        || is_descriptor(path);
    if !found.is_dir() && (open || special(found) == DEVICE) {
        return Ok(());
    }
    regular(path, found)
}

#[cfg(unix)]
fn special(found: FileType) -> &'static str {
    use std::os::unix::fs::FileTypeExt;
    if found.is_fifo() {
        "a named pipe"
    } else if found.is_socket() {
        "a socket"
    } else {
        DEVICE
    }
}

#[cfg(not(unix))]
fn special(_found: FileType) -> &'static str {
    DEVICE
}

/// Whether a path means something that this process was given open, as shells write `<(command)`.
fn is_descriptor(path: &Path) -> bool {
    let number = |name: &str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit());
    path == Path::new("/dev/stdin")
        || path.to_str().is_some_and(|text| {
            ["/dev/fd/", "/proc/self/fd/"]
                .iter()
                .any(|folder| text.strip_prefix(folder).is_some_and(number))
        })
}

fn check_pointer(path: &Path, start: &[u8]) -> Result<(), FormatError> {
    if POINTERS.iter().any(|pointer| start.starts_with(pointer)) {
        return Err(FormatError::LfsPointer { path: path.to_owned() });
    }
    Ok(())
}

fn too_large(path: &Path, kind: FileKind, size: u64) -> FormatError {
    FormatError::FileTooLarge {
        path: path.to_owned(),
        kind: kind.name,
        size,
        limit: kind.limit,
    }
}

fn unreadable(path: &Path, source: io::Error) -> FormatError {
    match source.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => FormatError::MissingFile { path: path.to_owned() },
        _ => io_error("read", path, source),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: FileKind = FileKind::new("note", 64);

    #[test]
    fn text_is_utf8_with_or_without_a_mark() {
        assert_eq!(decode(b"\xef\xbb\xbfa = 1".to_vec()).as_deref(), Ok("a = 1"));
        assert_eq!(decode(b"a = 1".to_vec()).as_deref(), Ok("a = 1"));
        assert_eq!(decode(Vec::new()).as_deref(), Ok(""));
        let utf16 = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
        for bytes in [
            utf16("\u{feff}a = 1"),
            utf16("a = 1"),
            b"\xfe\xff\0a\0b".to_vec(),
            b"\0a\0b".to_vec(),
        ] {
            assert!(decode(bytes).unwrap_err().contains("UTF-16"));
        }
        assert!(decode(b"\xff\xfe\0\0a\0\0\0".to_vec()).unwrap_err().contains("UTF-32"));
        assert_eq!(
            decode(b"ok\nbad \xff".to_vec()).unwrap_err(),
            "line 2 is not valid UTF-8"
        );
    }

    #[test]
    fn what_is_no_file_is_refused_by_what_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        assert!(matches!(read_file(&path, SMALL), Err(FormatError::MissingFile { .. })));
        fs::write(&path, [b'x'; 64]).unwrap();
        assert_eq!(read_file(&path, SMALL).unwrap().len(), 64);
        assert!(matches!(
            read_file(path.join("below"), SMALL),
            Err(FormatError::MissingFile { .. })
        ));
        fs::write(&path, [b'x'; 65]).unwrap();
        let error = read_file(&path, SMALL).unwrap_err();
        let FormatError::FileTooLarge {
            size: 65, limit: 64, ..
        } = error
        else {
            panic!("{error}")
        };
        fs::write(
            &path,
            "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n",
        )
        .unwrap();
        let error = open_file(&path, FileKind::TEXT).unwrap_err();
        assert!(matches!(error, FormatError::LfsPointer { .. }), "{error}");
        let error = read_file(folder.path(), SMALL).unwrap_err();
        assert!(
            matches!(error, FormatError::NotAFile { found: "a folder", .. }),
            "{error}"
        );
    }

    #[cfg(unix)]
    #[test]
    fn sockets_and_devices_are_refused_without_being_opened() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let _listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
        let error = read_file(&path, SMALL).unwrap_err();
        assert!(
            matches!(error, FormatError::NotAFile { found: "a socket", .. }),
            "{error}"
        );
        let error = read_file("/dev/zero", SMALL).unwrap_err();
        assert!(
            matches!(error, FormatError::NotAFile { found: "a device", .. }),
            "{error}"
        );
    }

    #[test]
    fn open_descriptors_are_told_from_files() {
        for (path, expected) in [
            ("/dev/stdin", true),
            ("/dev/fd/63", true),
            ("/proc/self/fd/0", true),
            ("/dev/fd/", false),
            ("/dev/fd/../zero", false),
            ("/dev/zero", false),
        ] {
            assert_eq!(is_descriptor(Path::new(path)), expected, "{path}");
        }
    }
}
