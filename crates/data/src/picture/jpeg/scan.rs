//! One scan of a JPEG: every code of it is read.

use super::bits::{Bits, Stop, Table};
use super::frame::{Component, Frame};
use super::{PictureFault, Tables, cut_off, damaged};

/// A scan header (T.81, B.2.3).
pub(super) struct Scan {
    /// For each component of the scan: its place in the frame, its DC table, its AC table.
    components: Vec<(usize, usize, usize)>,
    /// The first and last coefficient.
    band: (usize, usize),
    /// Whether bits are added to what earlier scans gave.
    refines: bool,
    /// The lowest bit that the scan gives.
    lowest_bit: u8,
}

impl Scan {
    /// Reads the segment; `None` when it makes no sense, which the decoder will say.
    pub(super) fn read(segment: &[u8], frame: &Frame) -> Option<Self> {
        let (count, rest) = segment.split_first()?;
        let (selectors, rest) = rest.split_at_checked(usize::from(*count) * 2)?;
        let place = |id: u8| frame.components.iter().position(|component| component.id == id);
        let component = |pair: &[u8]| Some((place(pair[0])?, usize::from(pair[1] >> 4), usize::from(pair[1] & 15)));
        let components: Vec<_> = selectors.chunks_exact(2).map(component).collect::<Option<_>>()?;
        let [first, last, bits] = *rest.first_chunk()?;
        // Sequential scans say 0 to 63; some files have other numbers there, which nobody reads.
        let (band, bits) = match frame.progressive {
            true => ((usize::from(first), usize::from(last)), bits),
            false => ((0, 63), 0),
        };
        let sensible = band.0 <= band.1 && band.1 < 64 && !(frame.progressive && band.0 == 0 && band.1 > 0);
        (sensible && !components.is_empty()).then_some(Self {
            components,
            band,
            refines: bits >> 4 != 0,
            lowest_bit: bits & 15,
        })
    }

    /// Reads all codes, from `place` on; gives the place behind them.
    pub(super) fn walk(
        &self,
        bytes: &[u8],
        place: usize,
        frame: &mut Frame,
        tables: &Tables,
    ) -> Result<usize, PictureFault> {
        for &(component, ..) in &self.components {
            let bits = &mut frame.components[component].lowest_bit;
            bits[self.band.0..=self.band.1].fill(Some(self.lowest_bit));
        }
        let Some(codes) = self.codes(tables) else {
            // A table is missing: some files leave out the standard ones. Nothing can be counted.
            return Ok(place);
        };
        let alone = (self.components.len() == 1).then(|| self.components[0].0);
        let (across, down) = alone.map_or(frame.units, |component| frame.components[component].blocks);
        let units = across * down;
        let mut bits = Bits::new(bytes, place);
        let mut end_of_band_run = 0;
        for unit in 0..units {
            if tables.restart_interval > 0 && unit > 0 && unit % tables.restart_interval == 0 {
                end_of_band_run = 0;
                if !bits.restart() {
                    return Err(cut_off(format!("its data end at block group {unit} of {units}")));
                }
            }
            let (column, row) = (unit % across, unit / across);
            for (&(component, ..), codes) in self.components.iter().zip(&codes) {
                let component = &mut frame.components[component];
                let (h, v) = if alone.is_some() { (1, 1) } else { component.in_unit };
                for block in 0..h * v {
                    let place = (row * v + block / h) * component.stride + column * h + block % h;
                    let read = match frame.progressive {
                        false => sequential(&mut bits, codes),
                        true => self.progressive(&mut bits, codes, component, place, &mut end_of_band_run),
                    };
                    read.map_err(|stop| match stop {
                        Stop::Short => cut_off(format!("its data end at block group {unit} of {units}")),
                        Stop::BadCode => damaged(format!("no code begins as at block group {unit} of {units}")),
                    })?;
                }
            }
        }
        Ok(bits.place())
    }

    /// The tables of each component; `None` if one that is needed is missing.
    fn codes<'a>(&self, tables: &'a Tables) -> Option<Vec<Codes<'a>>> {
        let of = |&(_, dc, ac): &(usize, usize, usize)| {
            let codes = Codes {
                dc: tables.dc.get(dc).and_then(Option::as_ref),
                ac: tables.ac.get(ac).and_then(Option::as_ref),
            };
            let dc_needed = self.band.0 == 0 && !self.refines;
            let complete = (!dc_needed || codes.dc.is_some()) && (self.band.1 == 0 || codes.ac.is_some());
            complete.then_some(codes)
        };
        self.components.iter().map(of).collect()
    }

    /// One block of a progressive scan (T.81, annex G).
    fn progressive(
        &self,
        bits: &mut Bits<'_>,
        codes: &Codes<'_>,
        component: &mut Component,
        block: usize,
        run: &mut u32,
    ) -> Result<(), Stop> {
        if self.band.0 == 0 {
            return match codes.dc {
                Some(dc) if !self.refines => {
                    let category = dc.symbol(bits)?;
                    bits.take(u32::from(category).min(16)).map(drop)
                }
                _ => bits.take(1).map(drop),
            };
        }
        let (Some(ac), Some(nonzero)) = (codes.ac, component.nonzero.get_mut(block)) else {
            return Err(Stop::BadCode);
        };
        match self.refines {
            false => self.first_bits(bits, ac, nonzero, run),
            true => self.further_bits(bits, ac, nonzero, run),
        }
    }

    /// The first scan of a band in one block.
    fn first_bits(&self, bits: &mut Bits<'_>, ac: &Table, nonzero: &mut u64, run: &mut u32) -> Result<(), Stop> {
        if *run > 0 {
            *run -= 1;
            return Ok(());
        }
        let mut k = self.band.0;
        while k <= self.band.1 {
            let symbol = ac.symbol(bits)?;
            let (zeros, category) = (symbol >> 4, u32::from(symbol & 15));
            if category > 0 {
                k += usize::from(zeros);
                bits.take(category)?;
                *nonzero |= 1_u64.checked_shl(k as u32).unwrap_or(0);
                k += 1;
            } else if zeros == 15 {
                k += 16;
            } else {
                *run = (1 << zeros) + bits.take(zeros.into())? - 1;
                break;
            }
        }
        Ok(())
    }

    /// A later scan of a band in one block: a bit for each coefficient that is not zero, and new ones between them.
    fn further_bits(&self, bits: &mut Bits<'_>, ac: &Table, nonzero: &mut u64, run: &mut u32) -> Result<(), Stop> {
        let mut k = self.band.0;
        if *run == 0 {
            while k <= self.band.1 {
                let symbol = ac.symbol(bits)?;
                let (mut zeros, category) = (symbol >> 4, symbol & 15);
                if category > 0 {
                    bits.take(1)?;
                } else if zeros < 15 {
                    *run = (1 << zeros) + bits.take(zeros.into())?;
                    break;
                }
                while k <= self.band.1 {
                    if *nonzero >> k & 1 == 1 {
                        bits.take(1)?;
                    } else if zeros == 0 {
                        break;
                    } else {
                        zeros -= 1;
                    }
                    k += 1;
                }
                if category > 0 && k <= self.band.1 {
                    *nonzero |= 1 << k;
                }
                k += 1;
            }
        }
        if *run > 0 {
            let rest = (k..=self.band.1).filter(|k| *nonzero >> k & 1 == 1).count();
            for _ in 0..rest {
                bits.take(1)?;
            }
            *run -= 1;
        }
        Ok(())
    }
}

/// The Huffman tables of one component.
struct Codes<'a> {
    dc: Option<&'a Table>,
    ac: Option<&'a Table>,
}

/// One block of a sequential scan (T.81, F.2.2).
fn sequential(bits: &mut Bits<'_>, codes: &Codes<'_>) -> Result<(), Stop> {
    let (Some(dc), Some(ac)) = (codes.dc, codes.ac) else {
        return Err(Stop::BadCode);
    };
    let category = dc.symbol(bits)?;
    bits.take(u32::from(category).min(16))?;
    let mut k = 1;
    while k < 64 {
        let symbol = ac.symbol(bits)?;
        let (zeros, category) = (usize::from(symbol >> 4), u32::from(symbol & 15));
        if category > 0 {
            k += zeros + 1;
            bits.take(category)?;
        } else if zeros == 15 {
            k += 16;
        } else {
            break;
        }
    }
    Ok(())
}
