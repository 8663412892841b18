//! Tables of block latencies: read in three dialects, asked for whole networks.

mod anatomy;
mod csv;
mod header;
mod keys;
mod nearest;
mod source;
mod yaml;

use std::collections::HashMap;

use panarch_graph::{Latency, Network, folded_structure};

use crate::{Block, PredictError, blocks};
use keys::Keys;

pub use header::{TableCheck, TableHeader};
pub use source::TableCostSource;

/// The longest key that is read or written.
const MOST_KEY_BYTES: usize = 480;
/// The most entries that are read.
const MOST_ENTRIES: usize = 200_000;
/// The longest time that is read, in seconds.
const LONGEST_S: f64 = 1e6;

/// Whose keys a table has, and how its file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// Once-for-All: YAML, milliseconds, `count`, `mean`, `std`. Keys name each convolution of stem and head alone.
    Ofa,
    /// NSGANetV2: YAML, milliseconds, `mean`, `var`. Keys have expansion ratios; global averages count nothing.
    Nsganetv2,
    /// Our own: CSV behind a header, seconds. A key is a block of any structure, with the hash of that structure.
    Panarch,
}

/// What a table says of one block.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TableEntry {
    /// The mean time.
    pub mean: Latency,
    /// The standard deviation of one time, not of the mean.
    pub standard_deviation: Latency,
    /// How many times were taken; absent where the table does not say.
    pub count: Option<u32>,
}

/// What a table says of one block of a network.
#[derive(Debug, Clone, PartialEq)]
pub struct BlockLatency {
    /// The block, such as `stage2.block1`.
    pub block: String,
    /// The key in the table.
    pub key: String,
    /// The entry.
    pub entry: TableEntry,
}

/// Latencies of blocks on one device.
///
/// The time of a network is the sum of the means of its blocks and the fixed time of an inference. What such a sum cannot
/// say is how blocks act on each other: operators fused across a border, values that stay in a cache.
#[derive(Debug, Clone, PartialEq)]
pub struct LatencyTable {
    dialect: Dialect,
    header: Option<TableHeader>,
    entries: HashMap<String, TableEntry>,
    /// Keys in the order of the file.
    order: Vec<String>,
}

impl LatencyTable {
    /// How a file of our own dialect begins.
    pub const MARK: &str = csv::TITLE;

    /// A table of our own dialect.
    ///
    /// # Errors
    /// [`PredictError::Format`] for a key twice, or a time that is not a number.
    pub fn new(header: TableHeader, entries: Vec<(String, TableEntry)>) -> Result<Self, PredictError> {
        Self::collect(Dialect::Panarch, Some(header), entries)
    }

    /// Reads the text of a table's file.
    ///
    /// # Errors
    /// [`PredictError::Format`] or [`PredictError::Version`], with the line, for anything that is not the dialect: unknown
    /// or missing fields, a key twice, a number out of range, a last line that was cut off. A file of the foreign dialects
    /// that was cut between two entries cannot be told from a shorter one.
    pub fn read(text: &str, dialect: Dialect) -> Result<Self, PredictError> {
        match dialect {
            Dialect::Ofa | Dialect::Nsganetv2 => Self::collect(dialect, None, yaml::read(text, dialect)?),
            Dialect::Panarch => csv::read(text),
        }
    }

    /// The text of a table of our own dialect; none for the others.
    #[must_use]
    pub fn to_csv(&self) -> Option<String> {
        let header = self.header.as_ref()?;
        Some(csv::write(header, self))
    }

    /// How a table that is still being filled begins; each entry is then one line, see [`LatencyTable::csv_line`].
    #[must_use]
    pub fn csv_beginning(header: &TableHeader) -> String {
        csv::beginning(header, None)
    }

    /// The line of one entry.
    #[must_use]
    pub fn csv_line(key: &str, entry: &TableEntry) -> String {
        csv::line(key, entry)
    }

    /// The entries of a table that was being filled when its writer was killed; what was cut off at the end is left out.
    ///
    /// # Errors
    /// [`PredictError::Format`] when it does not begin as [`LatencyTable::csv_beginning`] says, so that it is of another
    /// device, space or protocol, or a line is wrong.
    pub fn unfinished(text: &str, header: &TableHeader) -> Result<Vec<(String, TableEntry)>, PredictError> {
        csv::unfinished(text, header)
    }

    /// The anchor's latency in the text of a table, finished or not; none for a table without one.
    #[must_use]
    pub fn anchor_of(text: &str) -> Option<Latency> {
        csv::anchor(text)
    }

    fn collect(
        dialect: Dialect,
        header: Option<TableHeader>,
        list: Vec<(String, TableEntry)>,
    ) -> Result<Self, PredictError> {
        let mut entries = HashMap::with_capacity(list.len());
        let mut order = Vec::with_capacity(list.len());
        for (key, entry) in list {
            let times = [entry.mean, entry.standard_deviation];
            if !times.iter().all(|time| time.seconds().abs() <= LONGEST_S) {
                return Err(format_error(format!("the time of `{key}` is out of range")));
            }
            if entries.insert(key.clone(), entry).is_some() {
                return Err(format_error(format!("the key `{key}` is there twice")));
            }
            order.push(key);
        }
        Ok(Self {
            dialect,
            header,
            entries,
            order,
        })
    }

    /// The dialect.
    #[must_use]
    pub const fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// What the file says about itself; none for the foreign dialects.
    #[must_use]
    pub const fn header(&self) -> Option<&TableHeader> {
        self.header.as_ref()
    }

    /// How many entries it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// The entry of a key.
    #[must_use]
    pub fn entry(&self, key: &str) -> Option<&TableEntry> {
        self.entries.get(key)
    }

    /// Every entry, in the order of the file.
    pub fn entries(&self) -> impl Iterator<Item = (&str, &TableEntry)> {
        self.order
            .iter()
            .filter_map(|key| Some((key.as_str(), self.entries.get(key)?)))
    }

    /// The time of an inference that belongs to no block.
    #[must_use]
    pub fn fixed(&self) -> Latency {
        self.header.as_ref().map_or(Latency::ZERO, |header| header.fixed)
    }

    /// The entries that a network consists of, in order. A block may have several, in dialects that list its parts.
    ///
    /// # Errors
    /// [`PredictError::NotInTable`] for the first block without an entry; [`PredictError::Block`] for one that cannot be cut
    /// out.
    pub fn blocks(&self, network: &Network) -> Result<Vec<BlockLatency>, PredictError> {
        let mut found = Vec::new();
        for Block { name, network, first } in blocks(network)? {
            let keys = match keys::keys(self.dialect, &network, first) {
                Keys::Of(keys) => keys,
                Keys::None { reason } => {
                    return Err(PredictError::Block { block: name, reason });
                }
            };
            for key in keys {
                let Some(entry) = self.entries.get(&key).copied() else {
                    return Err(PredictError::NotInTable {
                        nearest: nearest::nearest(&key, self.order.iter().map(String::as_str)),
                        block: name,
                        key,
                    });
                };
                found.push(BlockLatency {
                    block: name.clone(),
                    key,
                    entry,
                });
            }
        }
        Ok(found)
    }

    /// The key of a block in tables of our own dialect: its input shape and operators, and the hash of its structure with
    /// batch normalisation folded.
    #[must_use]
    pub fn key_of(block: &Network) -> String {
        keys::own_key(&folded_structure(block))
    }
}

pub(crate) fn format_error(reason: String) -> PredictError {
    PredictError::Format { reason }
}
