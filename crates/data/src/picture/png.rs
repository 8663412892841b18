//! The chunks of a PNG that its decoder does not tell of.

use super::PictureFault;

/// What the chunks say beside the pixels.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Chunks {
    /// sBIT: how many bits of a colour sample mean something, the most of any channel.
    pub(super) significant_bits: Option<u8>,
    /// eXIf, wherever it stands.
    pub(super) exif: Option<Vec<u8>>,
}

/// Walks a whole file. Checksums are the decoder's business.
///
/// # Errors
/// [`PictureFault::CutOff`] when the chunk that ends a PNG is not there.
pub(super) fn chunks(bytes: &[u8]) -> Result<Chunks, PictureFault> {
    let mut found = Chunks::default();
    let mut colour_type = 0;
    let mut rest = bytes.get(8..).unwrap_or_default();
    while let Some((header, behind)) = rest.split_first_chunk::<8>() {
        let [l0, l1, l2, l3, kind @ ..] = *header;
        let length = u32::from_be_bytes([l0, l1, l2, l3]) as usize;
        // A checksum of four bytes ends every chunk.
        let Some(content) = behind
            .get(..length.saturating_add(4))
            .and_then(|chunk| chunk.get(..length))
        else {
            break;
        };
        match &kind {
            b"IEND" => return Ok(found),
            b"IHDR" => colour_type = content.get(9).copied().unwrap_or_default(),
            b"sBIT" => {
                // The last of two or four samples is alpha.
                let colours = if colour_type & 4 != 0 {
                    length.saturating_sub(1)
                } else {
                    length
                };
                found.significant_bits = content.iter().take(colours).max().copied();
            }
            b"eXIf" => found.exif = Some(content.to_vec()),
            _ => {}
        }
        rest = behind.get(length + 4..).unwrap_or_default();
    }
    Err(PictureFault::CutOff {
        at: "the file ends before its last chunk".to_owned(),
    })
}
