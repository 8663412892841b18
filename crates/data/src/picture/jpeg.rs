//! Whether a JPEG is whole.
//!
//! Decoders are made to show what there is of a picture: what a cut file lacks comes out grey, without a word. So the
//! structure is walked here first, and every Huffman code is read, without making pixels of them. Found are a missing end
//! marker, data that end before the last block of a scan or of a restart interval, scans that a progressive file lacks,
//! and codes that do not exist. What follows the end marker does not matter, nor does a thumbnail inside a segment.
//!
//! Source: ITU-T T.81, annexes B (markers), F (sequential) and G (progressive). Arithmetic coding and lossless frames are
//! left to the decoder, which refuses them.

mod bits;
mod frame;
mod scan;

use bits::Table;
use frame::Frame;
use scan::Scan;

use super::PictureFault;

/// Huffman tables and restart interval, as the segments so far have set them.
#[derive(Default)]
struct Tables {
    dc: [Option<Table>; 4],
    ac: [Option<Table>; 4],
    restart_interval: usize,
}

/// Looks through a whole file.
///
/// # Errors
/// [`PictureFault::CutOff`] when something is missing, [`PictureFault::Damaged`] when something contradicts itself.
pub(super) fn check(bytes: &[u8]) -> Result<(), PictureFault> {
    let mut tables = Tables::default();
    let mut frame: Option<Frame> = None;
    let mut place = 2;
    loop {
        let marker = next_marker(bytes, &mut place)?;
        match marker {
            0xd9 => return frame.map_or(Ok(()), |frame| frame.is_complete()),
            // Markers without a segment.
            0x01 | 0xd0..=0xd8 => continue,
            _ => {}
        }
        let segment = segment(bytes, &mut place)?;
        match marker {
            0xc4 => read_tables(segment, &mut tables)?,
            0xdd => {
                if let [high, low, ..] = *segment {
                    tables.restart_interval = usize::from(u16::from_be_bytes([high, low]));
                }
            }
            0xc0..=0xc2 => frame = Frame::read(segment, marker == 0xc2),
            // Lossless, hierarchical and arithmetic frames: for the decoder to refuse.
            0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf => return Ok(()),
            0xda => {
                // Without a frame that is understood there is nothing to count, and the decoder will say so.
                if let Some(frame) = &mut frame
                    && let Some(scan) = Scan::read(segment, frame)
                {
                    place = scan.walk(bytes, place, frame, &tables)?;
                }
            }
            _ => {}
        }
    }
}

/// Goes to the next marker, over whatever lies before it, and gives its second byte.
fn next_marker(bytes: &[u8], place: &mut usize) -> Result<u8, PictureFault> {
    let rest = bytes.get(*place..).unwrap_or_default();
    for (index, pair) in rest.windows(2).enumerate() {
        if let [0xff, code] = *pair
            && !matches!(code, 0x00 | 0xff)
        {
            *place += index + 2;
            return Ok(code);
        }
    }
    Err(cut_off("the file ends before its end marker"))
}

/// The content of the segment at `place`, which is moved behind it.
fn segment<'a>(bytes: &'a [u8], place: &mut usize) -> Result<&'a [u8], PictureFault> {
    let rest = bytes.get(*place..).unwrap_or_default();
    let content = rest.first_chunk().and_then(|length| {
        let length = usize::from(u16::from_be_bytes(*length));
        *place += length;
        rest.get(2..length)
    });
    content.ok_or_else(|| cut_off("the file ends within a segment"))
}

/// A DHT segment: tables one after another.
fn read_tables(mut segment: &[u8], tables: &mut Tables) -> Result<(), PictureFault> {
    while let [place, rest @ ..] = segment {
        let (table, behind) = Table::read(rest).ok_or_else(|| damaged("a Huffman table contradicts itself"))?;
        let class = if place >> 4 == 0 {
            &mut tables.dc
        } else {
            &mut tables.ac
        };
        let slot = class.get_mut(usize::from(place & 15));
        *slot.ok_or_else(|| damaged("a Huffman table has a number above 3"))? = Some(table);
        segment = behind;
    }
    Ok(())
}

fn cut_off(at: impl Into<String>) -> PictureFault {
    PictureFault::CutOff { at: at.into() }
}

fn damaged(at: impl Into<String>) -> PictureFault {
    PictureFault::Damaged { at: at.into() }
}
