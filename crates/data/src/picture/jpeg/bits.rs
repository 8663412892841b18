//! The bits of a JPEG's scan, and Huffman codes among them.

/// Why no code could be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// The data end at a marker or with the file.
    Short,
    /// No code begins with these bits.
    BadCode,
}

/// Reads bits, most significant first, up to a marker.
pub(super) struct Bits<'a> {
    bytes: &'a [u8],
    place: usize,
    /// Bits not yet taken, left-aligned; zeros behind them.
    value: u64,
    count: u32,
}

impl<'a> Bits<'a> {
    pub(super) fn new(bytes: &'a [u8], place: usize) -> Self {
        Self {
            bytes,
            place,
            value: 0,
            count: 0,
        }
    }

    /// Where the first byte lies that has not been looked at; before the marker at which the data end.
    pub(super) fn place(&self) -> usize {
        self.place
    }

    fn fill(&mut self) {
        while self.count <= 56 {
            let Some(&byte) = self.bytes.get(self.place) else {
                return;
            };
            if byte == 0xff {
                match self.bytes.get(self.place + 1) {
                    Some(0x00) => self.place += 1,
                    // Fill bytes before a marker.
                    Some(0xff) => {
                        self.place += 1;
                        continue;
                    }
                    _ => return,
                }
            }
            self.place += 1;
            self.value |= u64::from(byte) << (56 - self.count);
            self.count += 8;
        }
    }

    /// The next `count` bits, at most 16, as a number.
    pub(super) fn take(&mut self, count: u32) -> Result<u32, Stop> {
        if count == 0 {
            return Ok(0);
        }
        if self.count < count {
            self.fill();
            if self.count < count {
                return Err(Stop::Short);
            }
        }
        let taken = (self.value >> (64 - count)) as u32;
        self.value <<= count;
        self.count -= count;
        Ok(taken)
    }

    /// Gives up the rest of the current byte and goes on behind the restart marker; `false` if another marker follows.
    pub(super) fn restart(&mut self) -> bool {
        (self.value, self.count) = (0, 0);
        let rest = self.bytes.get(self.place..).unwrap_or_default();
        let marker = rest
            .windows(2)
            .position(|pair| pair[0] == 0xff && !matches!(pair[1], 0 | 0xff));
        let Some(marker) = marker else { return false };
        let is_restart = rest.get(marker + 1).is_some_and(|code| matches!(code, 0xd0..=0xd7));
        if is_restart {
            self.place += marker + 2;
        }
        is_restart
    }
}

/// A Huffman table (T.81, annex C).
pub(super) struct Table {
    /// For each value of the next eight bits, the length and symbol of the code that they begin with; length 0 for longer
    /// codes.
    fast: [(u8, u8); 256],
    /// For each length, one more than its last code, and what is added to a code to get its symbol's place.
    longer: [(u32, i64); 17],
    symbols: Vec<u8>,
}

impl Table {
    /// Reads counts and symbols; gives the table and what lies behind it.
    pub(super) fn read(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (counts, rest) = bytes.split_first_chunk::<16>()?;
        let total = counts.iter().map(|&count| usize::from(count)).sum();
        let (symbols, behind) = rest.split_at_checked(total)?;
        let mut table = Self {
            fast: [(0, 0); 256],
            longer: [(0, 0); 17],
            symbols: symbols.to_vec(),
        };
        let (mut code, mut place) = (0_u32, 0_usize);
        for (length, &count) in (1_u32..).zip(counts) {
            let first = code;
            for &symbol in symbols.get(place..place + usize::from(count))? {
                if code >= 1 << length {
                    return None;
                }
                if length <= 8 {
                    let from = (code << (8 - length)) as usize;
                    table
                        .fast
                        .get_mut(from..from + (1 << (8 - length)))?
                        .fill((length as u8, symbol));
                }
                code += 1;
            }
            *table.longer.get_mut(length as usize)? = (code, place as i64 - i64::from(first));
            place += usize::from(count);
            code <<= 1;
        }
        Some((table, behind))
    }

    /// Reads one symbol.
    pub(super) fn symbol(&self, bits: &mut Bits<'_>) -> Result<u8, Stop> {
        if bits.count < 16 {
            bits.fill();
        }
        let next = (bits.value >> 48) as u32;
        let (length, symbol) = self.fast[(next >> 8) as usize];
        if length > 0 {
            bits.take(length.into())?;
            return Ok(symbol);
        }
        for length in 9..=16_u32 {
            let (end, offset) = self.longer[length as usize];
            let code = next >> (16 - length);
            if code < end {
                bits.take(length)?;
                let place = usize::try_from(i64::from(code) + offset).ok();
                return place
                    .and_then(|place| self.symbols.get(place))
                    .copied()
                    .ok_or(Stop::BadCode);
            }
        }
        // Zeros stand for bits that are not there.
        Err(if bits.count < 16 { Stop::Short } else { Stop::BadCode })
    }
}
