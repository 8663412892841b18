//! One picture: what a file is, whether it is whole, and its pixels as a person sees them.
//!
//! Everything that looks at pictures comes through [`open`]: training, evaluation and `classify` see the same pixels.
//! The content decides the format, not the file's name. The orientation that a camera noted is applied. Of an animation
//! the first frame counts. Transparency is ignored: colours are taken as if they were opaque, as torchvision and OpenCV
//! do. 16-bit samples that use fewer bits are spread over the whole range.

mod budget;
mod depth;
mod evaluation;
mod fault;
mod jpeg;
mod kind;
mod png;

use std::fs::{self, File};
use std::io::{Cursor, Read as _};
use std::path::Path;

use image::metadata::Orientation;
use image::{ColorType, DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits};
use panarch_graph::Bytes;

pub use budget::Budget;
use budget::Permit;
pub use depth::DEPTHS;
pub(super) use depth::depth_of;
pub use evaluation::EvaluationTransform;
pub use fault::PictureFault;
pub(super) use kind::{HEAD, Kind, is_called_picture};

/// A file longer than this share of the budget is decoded alone.
const LONG_FILE: u64 = 32;

/// A decoded picture, and the memory that it holds until it is dropped.
pub(super) struct Opened<'a> {
    /// The pixels, upright; samples of 8 or 16 bits.
    pub(super) picture: DynamicImage,
    _permit: Permit<'a>,
}

/// Decodes a picture within the budget; 16-bit samples without a word about their depth are taken to have `depth` bits.
pub(super) fn open<'a>(file: &Path, budget: &'a Budget, depth: u8) -> Result<Opened<'a>, PictureFault> {
    let mut raw = Raw::open(file, budget)?;
    let bits = raw.own_depth().unwrap_or(depth);
    if bits < 16 {
        depth::spread(&mut raw.picture, bits);
    }
    raw.picture.apply_orientation(raw.orientation);
    Ok(Opened {
        picture: raw.picture,
        _permit: raw.permit,
    })
}

/// The largest sample of a picture that has 16 bits a sample and does not say how many of them count.
pub(super) fn largest_deep_sample(file: &Path, budget: &Budget) -> Option<u16> {
    if !colour_of(file, budget).ok()?.is_deep {
        return None;
    }
    let raw = Raw::open(file, budget).ok()?;
    match raw.own_depth() {
        None => depth::largest_sample(&raw.picture),
        Some(_) => None,
    }
}

/// What the header of a picture says of its colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Colour {
    /// Whether it has any.
    pub(super) is_coloured: bool,
    /// Whether samples have 16 bits.
    pub(super) is_deep: bool,
}

/// Reads the header alone.
pub(super) fn colour_of(file: &Path, budget: &Budget) -> Result<Colour, PictureFault> {
    let content = Content::read(file, budget)?;
    let colour = content.decoder(budget)?.color_type();
    Ok(Colour {
        is_coloured: colour.has_color(),
        is_deep: colour.bytes_per_pixel() == 2 * colour.channel_count(),
    })
}

/// A file's bytes and format.
struct Content<'a> {
    bytes: Vec<u8>,
    format: ImageFormat,
    permit: Option<Permit<'a>>,
}

impl<'a> Content<'a> {
    fn read(file: &Path, budget: &'a Budget) -> Result<Self, PictureFault> {
        let metadata = fs::metadata(file).map_err(PictureFault::Unreadable)?;
        if !metadata.is_file() {
            return Err(PictureFault::NotAFile);
        }
        let (length, limit) = (metadata.len(), budget.total());
        if length > limit.0 {
            let length = Bytes(length);
            return Err(PictureFault::TooLong { length, limit });
        }
        let permit = (length > limit.0 / LONG_FILE).then(|| budget.take(limit));
        let mut bytes = Vec::new();
        // The length may have changed since.
        let file = File::open(file).map_err(PictureFault::Unreadable)?;
        file.take(limit.0)
            .read_to_end(&mut bytes)
            .map_err(PictureFault::Unreadable)?;
        let format = format(bytes.get(..HEAD).unwrap_or(&bytes))?;
        Ok(Self { bytes, format, permit })
    }

    /// A decoder that has read the header, within the limits.
    fn decoder(&self, budget: &Budget) -> Result<impl ImageDecoder + '_, PictureFault> {
        let mut limits = Limits::no_limits();
        limits.max_alloc = Some(budget.total().0);
        let mut reader = ImageReader::with_format(Cursor::new(self.bytes.as_slice()), self.format);
        reader.limits(limits);
        reader.into_decoder().map_err(decoding)
    }
}

/// The format of a picture that begins with these bytes.
fn format(head: &[u8]) -> Result<ImageFormat, PictureFault> {
    match Kind::of(head) {
        Kind::Picture(format) => Ok(format),
        other => Err(fault_of(other, head)),
    }
}

/// Why what is of this kind is no picture that can be read.
pub(super) fn fault_of(kind: Kind, head: &[u8]) -> PictureFault {
    match kind {
        Kind::Empty => PictureFault::Empty,
        Kind::LfsPointer => PictureFault::LfsPointer,
        Kind::Other(format) => PictureFault::OtherFormat { format },
        Kind::NoPicture | Kind::Picture(_) => PictureFault::NotAPicture {
            begins: head
                .iter()
                .take(24)
                .copied()
                .collect::<Vec<u8>>()
                .escape_ascii()
                .to_string(),
        },
    }
}

/// What the decoder says, sorted by what a person can do.
fn decoding(error: ImageError) -> PictureFault {
    let end = std::io::ErrorKind::UnexpectedEof;
    match error {
        ImageError::IoError(error) if error.kind() == end => PictureFault::CutOff {
            at: "the file ends within the picture".to_owned(),
        },
        error => PictureFault::Decoder(error),
    }
}

/// A picture as its file has it.
struct Raw<'a> {
    picture: DynamicImage,
    orientation: Orientation,
    significant_bits: Option<u8>,
    permit: Permit<'a>,
}

impl<'a> Raw<'a> {
    fn open(file: &Path, budget: &'a Budget) -> Result<Self, PictureFault> {
        let mut content = Content::read(file, budget)?;
        let whole = content.permit.take();
        let mut decoder = content.decoder(budget)?;
        let (width, height) = decoder.dimensions();
        if width == 0 || height == 0 {
            let at = format!("its header says {width} × {height} pixels");
            return Err(PictureFault::Damaged { at });
        }
        // The decoder's own copy, the picture, and a copy that is turned or cropped.
        let needed = decoder
            .total_bytes()
            .saturating_mul(3)
            .saturating_add(content.bytes.len() as u64);
        let (needed, limit) = (Bytes(needed), budget.total());
        if needed > limit {
            return Err(PictureFault::TooLarge {
                width,
                height,
                needed,
                limit,
            });
        }
        if matches!(decoder.color_type(), ColorType::Rgb32F | ColorType::Rgba32F) {
            return Err(PictureFault::FloatingPoint);
        }
        let permit = whole.unwrap_or_else(|| budget.take(needed));
        let mut chunks = png::Chunks::default();
        match content.format {
            ImageFormat::Jpeg => jpeg::check(&content.bytes)?,
            ImageFormat::Png => chunks = png::chunks(&content.bytes)?,
            _ => {}
        }
        let orientation = match chunks.exif {
            Some(exif) => Orientation::from_exif_chunk(&exif).unwrap_or(Orientation::NoTransforms),
            None => orientation(&mut decoder),
        };
        Ok(Self {
            picture: DynamicImage::from_decoder(decoder).map_err(decoding)?,
            orientation,
            significant_bits: chunks.significant_bits,
            permit,
        })
    }

    /// The depth that the file states, where the samples bear it out.
    fn own_depth(&self) -> Option<u8> {
        let bits = self.significant_bits.filter(|&bits| bits < 16)?;
        Some(if depth::is_unscaled(&self.picture, bits) {
            bits
        } else {
            16
        })
    }
}

/// How a picture is to be turned. A note that cannot be read turns nothing.
fn orientation(decoder: &mut impl ImageDecoder) -> Orientation {
    // Some programs put the prefix of JPEG's segment into WebP's chunk as well.
    let prefixed = decoder.exif_metadata().ok().flatten();
    let plain = prefixed.as_deref().and_then(|exif| exif.strip_prefix(b"Exif\0\0"));
    plain
        .and_then(Orientation::from_exif_chunk)
        .or_else(|| decoder.orientation().ok())
        .unwrap_or(Orientation::NoTransforms)
}
