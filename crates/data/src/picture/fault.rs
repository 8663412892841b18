//! What can be wrong with one picture.

use panarch_graph::Bytes;

/// Why a file cannot be used as a picture; completes a sentence that begins with the file's name.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PictureFault {
    /// The operating system refuses to give it.
    #[error("cannot be read: {0}")]
    Unreadable(#[source] std::io::Error),
    /// It is a pipe, a device or a socket; such things are never opened.
    #[error("is a pipe, a device, a socket or a folder, not a file")]
    NotAFile,
    /// It has no content.
    #[error("is empty")]
    Empty,
    /// Git-LFS has not fetched the content.
    #[error("is a Git-LFS pointer, not the picture itself; `git lfs pull` fetches it")]
    LfsPointer,
    /// It is called like a picture and is none.
    #[error("is no picture; it begins with \"{begins}\"")]
    NotAPicture {
        /// Its first bytes, escaped.
        begins: String,
    },
    /// A picture of a format that is not read.
    #[error("is a picture in the format {format}, which is not read; convert it to PNG or JPEG")]
    OtherFormat {
        /// The format.
        format: &'static str,
    },
    /// The file ends, or its data do, before the picture does.
    #[error("is cut off: {at}")]
    CutOff {
        /// Where, and what is missing.
        at: String,
    },
    /// The data contradict themselves.
    #[error("is damaged: {at}")]
    Damaged {
        /// Where, and what is wrong.
        at: String,
    },
    /// Decoding would take more memory than is allowed.
    #[error("has {width} × {height} pixels, which take {needed} to decode; the limit is {limit}: scale it down")]
    TooLarge {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
        /// Memory that decoding it takes.
        needed: Bytes,
        /// Memory that decoding may take.
        limit: Bytes,
    },
    /// The file itself is larger than the memory that decoding may take.
    #[error("has {length}; the limit is {limit}")]
    TooLong {
        /// The file's length.
        length: Bytes,
        /// Memory that decoding may take.
        limit: Bytes,
    },
    /// Samples without a fixed range.
    #[error("has floating-point samples, whose range is not known; convert it to 8 or 16 bits")]
    FloatingPoint,
    /// The decoder refuses.
    #[error("cannot be decoded: {0}")]
    Decoder(#[source] image::ImageError),
}
