//! What bytes seem to be, by how they begin.

/// The forms of a checkpoint, and everything else with a word for it.
#[derive(Debug, PartialEq)]
pub enum Kind {
    Zip,
    /// Begins like a pickle.
    Pickle,
    Other(&'static str),
}

/// Looks at the beginning only.
pub fn kind(bytes: &[u8]) -> Kind {
    const LEGACY_AS_TEXT: &[u8] = b"L119547037146038801333356L\n.";
    let begins = |prefix: &[u8]| bytes.starts_with(prefix);
    let at = |offset: usize, text: &[u8]| bytes.get(offset..).is_some_and(|rest| rest.starts_with(text));
    // The header of an entry, or the end of an archive without entries.
    if begins(b"PK\x03\x04") || begins(b"PK\x05\x06") || begins(b"PK\x06\x06") {
        return Kind::Zip;
    }
    if matches!(bytes, [0x80, 0..=5, ..]) || begins(LEGACY_AS_TEXT) {
        return Kind::Pickle;
    }
    Kind::Other(if bytes.is_empty() {
        "an empty file"
    } else if at(257, b"ustar") {
        "a tar archive, perhaps a checkpoint of PyTorch before 0.1.10"
    } else if is_safetensors(bytes) {
        "a safetensors file"
    } else if at(4, b"TFL3") {
        "a TFLite model"
    } else if begins(b"\x89HDF") {
        "an HDF5 file"
    } else if begins(b"\x93NUMPY") {
        "a NumPy array"
    } else if begins(b"GGUF") {
        "a GGUF file"
    } else if begins(b"\x1f\x8b") {
        "a gzip file"
    } else if begins(b"version https://git-lfs") {
        "a Git LFS pointer: the file itself was not fetched"
    } else if begins(b"<") {
        "a web page: the download gave an answer instead of the file"
    } else if matches!(
        bytes,
        [0x08, 1..=20, 0x12 | 0x1a | 0x22 | 0x2a | 0x32 | 0x3a | 0x42, ..]
    ) {
        "an ONNX model"
    } else {
        "no file of a known form"
    })
}

/// Eight bytes of length, and that many of JSON.
fn is_safetensors(bytes: &[u8]) -> bool {
    let Some((length, rest)) = bytes.split_first_chunk() else {
        return false;
    };
    rest.starts_with(b"{") && u64::from_le_bytes(*length) <= rest.len() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beginnings() {
        let tar = [&[b'a'; 257][..], b"ustar"].concat();
        let cases: [(&[u8], &str); 8] = [
            (b"", "empty"),
            (&tar, "tar"),
            (b"\x02\0\0\0\0\0\0\0{}", "safetensors"),
            (b"\x08\x08\x12\x07panarch", "ONNX"),
            (b"\x1c\0\0\0TFL3", "TFLite"),
            (b"<!DOCTYPE html>", "web page"),
            (b"version https://git-lfs.github.com/spec/v1\n", "pointer"),
            (b"\x02\0\0\0\0\0\0\0[]", "no file of a known form"),
        ];
        for (bytes, expected) in cases {
            let Kind::Other(found) = kind(bytes) else {
                panic!("{expected}");
            };
            assert!(found.contains(expected), "{found} does not say {expected}");
        }
        assert_eq!(kind(b"PK\x03\x04"), Kind::Zip);
        assert_eq!(kind(b"\x80\x02}."), Kind::Pickle);
    }
}
