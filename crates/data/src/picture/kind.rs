//! What a file is, by its first bytes; its name does not matter.

use std::path::Path;

use image::ImageFormat;

/// Bytes that [`Kind::of`] needs to see.
pub const HEAD: usize = 64;

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A picture that can be read.
    Picture(ImageFormat),
    /// A picture of a format that is not read.
    Other(&'static str),
    /// A pointer that Git-LFS left in place of the file.
    LfsPointer,
    /// Nothing at all.
    Empty,
    /// Something else.
    NoPicture,
}

impl Kind {
    /// The kind of a file that begins with these bytes, [`HEAD`] of them if it has so many.
    pub fn of(head: &[u8]) -> Self {
        let is_at = |offset: usize, magic: &[u8]| head.get(offset..).is_some_and(|rest| rest.starts_with(magic));
        let begins = |magic: &[u8]| is_at(0, magic);
        if head.is_empty() {
            Self::Empty
        } else if begins(b"\x89PNG\r\n\x1a\n") {
            Self::Picture(ImageFormat::Png)
        } else if begins(b"\xff\xd8\xff") {
            Self::Picture(ImageFormat::Jpeg)
        } else if begins(b"GIF87a") || begins(b"GIF89a") {
            Self::Picture(ImageFormat::Gif)
        } else if begins(b"RIFF") && is_at(8, b"WEBP") {
            Self::Picture(ImageFormat::WebP)
        } else if [&b"II*\0"[..], b"MM\0*", b"II+\0", b"MM\0+"].into_iter().any(begins) {
            Self::Picture(ImageFormat::Tiff)
        } else if begins(b"BM") && is_bmp_header(head) {
            Self::Picture(ImageFormat::Bmp)
        } else if is_pnm(head) {
            Self::Picture(ImageFormat::Pnm)
        } else if begins(b"version https://git-lfs.github.com/spec/") {
            Self::LfsPointer
        } else {
            other(&is_at).map_or(Self::NoPicture, Self::Other)
        }
    }
}

/// "BM" begins many a text; the length of the second header tells.
fn is_bmp_header(head: &[u8]) -> bool {
    let length = head
        .get(14..18)
        .and_then(|bytes| bytes.try_into().ok())
        .map(u32::from_le_bytes);
    matches!(length, Some(12 | 16 | 40 | 52 | 56 | 64 | 108 | 124))
}

/// PBM, PGM and PPM: a letter, a digit, white space, then a width or a remark; or PAM.
fn is_pnm(head: &[u8]) -> bool {
    match head {
        [b'P', b'1'..=b'6', space, next, ..] => space.is_ascii_whitespace() && (next.is_ascii_digit() || *next == b'#'),
        _ => head.starts_with(b"P7\n"),
    }
}

/// Formats that are known and not read.
fn other(is_at: &impl Fn(usize, &[u8]) -> bool) -> Option<&'static str> {
    const OTHERS: [(usize, &[u8], &str); 15] = [
        (4, b"ftypheic", "HEIC"),
        (4, b"ftypheix", "HEIC"),
        (4, b"ftyphevc", "HEIC"),
        (4, b"ftypmif1", "HEIF"),
        (4, b"ftypmsf1", "HEIF"),
        (4, b"ftypavif", "AVIF"),
        (4, b"ftypavis", "AVIF"),
        (0, b"\0\0\0\x0cJXL ", "JPEG XL"),
        (0, b"\xff\x0a", "JPEG XL"),
        (0, b"\0\0\0\x0cjP  ", "JPEG 2000"),
        (0, b"\xff\x4f\xff\x51", "JPEG 2000"),
        (0, b"8BPS", "Photoshop"),
        (0, b"\x76\x2f\x31\x01", "OpenEXR"),
        (0, b"qoif", "QOI"),
        (0, b"<svg", "SVG"),
    ];
    let found = OTHERS.iter().find(|(offset, magic, _)| is_at(*offset, magic));
    found.map(|(_, _, name)| *name)
}

/// Whether a file's name promises a picture.
pub fn is_called_picture(path: &Path) -> bool {
    const ENDINGS: [&str; 22] = [
        "png", "jpg", "jpeg", "jpe", "jfif", "jif", "gif", "bmp", "dib", "tif", "tiff", "webp", "pbm", "pgm", "ppm",
        "pnm", "heic", "heif", "avif", "jxl", "jp2", "tga",
    ];
    let ending = path.extension().and_then(|ending| ending.to_str());
    ending.is_some_and(|ending| ENDINGS.iter().any(|known| ending.eq_ignore_ascii_case(known)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_tells() {
        let bmp = [b"BM".as_slice(), &[0; 12], &[40, 0, 0, 0]].concat();
        for (head, kind) in [
            (&b"\xff\xd8\xff\xe0"[..], Kind::Picture(ImageFormat::Jpeg)),
            (&bmp, Kind::Picture(ImageFormat::Bmp)),
            (b"BMW is a class of cars, not a format", Kind::NoPicture),
            (b"P6\n3 2 255\n", Kind::Picture(ImageFormat::Pnm)),
            (b"P6 is a name", Kind::NoPicture),
            (b"\0\0\0\x18ftypheic", Kind::Other("HEIC")),
            (b"version https://git-lfs.github.com/spec/v1\noid", Kind::LfsPointer),
            (b"", Kind::Empty),
            (b"class,file", Kind::NoPicture),
        ] {
            assert_eq!(Kind::of(head), kind, "{}", head.escape_ascii());
        }
        assert!(is_called_picture(Path::new("a/B.JPE")) && !is_called_picture(Path::new("jpg")));
    }
}
