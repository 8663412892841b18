//! Members of Once-for-All's space of width 1.2, and of CompOFA's 243 in it, as the published search writes them.

use panarch_graph::stream;
use panarch_space::{Genotype, Head, Space};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use panarch_format::{FileKind, read_text};
use panarch_predict::{Dialect, LatencyTable};
use panarch_run::Error;

use crate::reference_data::Find;

pub(super) const STAGES: usize = 5;
const DEEPEST: usize = 4;
pub(super) const BLOCKS: usize = STAGES * DEEPEST;
/// Of a kernel, an expansion, and the depth of a stage.
pub(super) const CHOICES: usize = 3;
/// In which the predictor was trained, of those that the published search draws from.
pub(super) const RESOLUTIONS: [u32; 5] = [160, 176, 192, 208, 224];
/// CompOFA's kernels by stage, as places among 3, 5, 7.
const FIXED_KERNELS: [u8; STAGES] = [0, 1, 0, 0, 1];

/// A space that is searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    /// Depth of each stage; kernel and expansion of each block.
    Ofa,
    /// Depth of each stage, which decides everything else: 243 members.
    CompOfa,
}

impl Family {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Ofa => "Once-for-All",
            Self::CompOfa => "CompOFA",
        }
    }
}

/// A member with a resolution; every value is a place among its choices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Arch {
    pub(super) depth: [u8; STAGES],
    kernel: [u8; BLOCKS],
    expansion: [u8; BLOCKS],
    pub(super) resolution: u8,
}

impl Arch {
    pub(super) fn random(family: Family, rng: &mut ChaCha8Rng) -> Self {
        let mut draw = || rng.random_range(0..CHOICES as u8);
        let arch = Self {
            depth: std::array::from_fn(|_| draw()),
            kernel: std::array::from_fn(|_| draw()),
            expansion: std::array::from_fn(|_| draw()),
            resolution: rng.random_range(0..RESOLUTIONS.len() as u8),
        };
        arch.of(family)
    }

    /// Each depth, each block (kernel and expansion together) and the resolution are drawn anew with this probability.
    pub(super) fn mutated(mut self, family: Family, rate: f64, rng: &mut ChaCha8Rng) -> Self {
        for (kernel, expansion) in self.kernel.iter_mut().zip(&mut self.expansion) {
            if rng.random_bool(rate) {
                *kernel = rng.random_range(0..CHOICES as u8);
                *expansion = rng.random_range(0..CHOICES as u8);
            }
        }
        for depth in &mut self.depth {
            if rng.random_bool(rate) {
                *depth = rng.random_range(0..CHOICES as u8);
            }
        }
        if rng.random_bool(rate) {
            self.resolution = rng.random_range(0..RESOLUTIONS.len() as u8);
        }
        self.of(family)
    }

    /// Each value from one parent or the other.
    pub(super) fn crossed(mut self, other: &Self, family: Family, rng: &mut ChaCha8Rng) -> Self {
        let pairs = self.depth.iter_mut().zip(&other.depth);
        let pairs = pairs.chain(self.kernel.iter_mut().zip(&other.kernel));
        let pairs = pairs.chain(self.expansion.iter_mut().zip(&other.expansion));
        for (own, others) in pairs.chain([(&mut self.resolution, &other.resolution)]) {
            if rng.random_bool(0.5) {
                *own = *others;
            }
        }
        self.of(family)
    }

    /// The same with what a family ties to the depth, and with blocks that are not there set to their first choice.
    fn of(mut self, family: Family) -> Self {
        for block in 0..BLOCKS {
            let stage = block / DEEPEST;
            let depth = self.depth[stage];
            if block % DEEPEST >= usize::from(depth) + 2 {
                (self.kernel[block], self.expansion[block]) = (0, 0);
            } else if family == Family::CompOfa {
                (self.kernel[block], self.expansion[block]) = (FIXED_KERNELS[stage], depth);
            }
        }
        self
    }

    /// The blocks that are there, with the places of their kernel and expansion.
    pub(super) fn blocks(&self) -> impl Iterator<Item = (usize, usize, usize)> + '_ {
        (0..BLOCKS)
            .filter(|block| block % DEEPEST < usize::from(self.depth[block / DEEPEST]) + 2)
            .map(|block| {
                (
                    block,
                    usize::from(self.kernel[block]),
                    usize::from(self.expansion[block]),
                )
            })
    }

    /// What the published memory of measured networks takes for the same: everything but the resolution.
    pub(super) fn without_resolution(mut self) -> Self {
        self.resolution = 0;
        self
    }

    /// The 243 networks of CompOFA at each resolution.
    pub(super) fn all_compofa() -> Vec<Self> {
        let mut all = Vec::new();
        for resolution in 0..RESOLUTIONS.len() as u8 {
            for number in 0..CHOICES.pow(STAGES as u32) {
                let mut arch = Self::random(Family::CompOfa, &mut stream(0, "compofa", 0));
                let digits = (0..STAGES as u32).map(|stage| number / CHOICES.pow(stage) % CHOICES);
                arch.depth
                    .iter_mut()
                    .zip(digits)
                    .for_each(|(depth, digit)| *depth = digit as u8);
                arch.resolution = resolution;
                all.push(arch.of(Family::CompOfa));
            }
        }
        all
    }
}

/// Depths, then kernels and expansions of the blocks that are there, and the resolution.
impl std::fmt::Display for Arch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for depth in self.depth {
            write!(f, "{}", depth + 2)?;
        }
        f.write_str("-")?;
        for (_, kernel, expansion) in self.blocks() {
            write!(f, "{}{}", [3, 5, 7][kernel], [3, 4, 6][expansion])?;
        }
        let resolution = RESOLUTIONS
            .get(usize::from(self.resolution))
            .copied()
            .unwrap_or_default();
        write!(f, "@{resolution}")
    }
}

/// The published tables of a Note 10, in milliseconds.
pub(super) struct Note10 {
    /// By resolution: what every network takes.
    fixed: [f64; RESOLUTIONS.len()],
    /// By resolution, block, kernel and expansion.
    blocks: Vec<f64>,
}

impl Note10 {
    pub(super) fn read(find: Find) -> Result<Self, Error> {
        let space = Space::preset("ofa-mbv3-w1.2")?;
        let head = Head {
            classes: 1000,
            input_channels: 3,
        };
        let mut fixed = [0.0; RESOLUTIONS.len()];
        let mut blocks = vec![0.0; RESOLUTIONS.len() * BLOCKS * CHOICES * CHOICES];
        for (place, resolution) in RESOLUTIONS.into_iter().enumerate() {
            let name = format!("ofa/note10_lookup_tables_w1.2/{resolution}_lookup_table.yaml");
            let text = read_text(find(&name)?, FileKind::TEXT)?;
            let table = LatencyTable::read(&text, Dialect::Ofa)?;
            // Networks in which all blocks are there and alike have every entry of the table at its place.
            for kernel in 0..CHOICES {
                for expansion in 0..CHOICES {
                    let network = space.lower(&alike(&space, kernel, expansion), head, resolution)?;
                    let entries = table.blocks(&network)?;
                    let millis: Vec<f64> = entries.iter().map(|entry| entry.entry.mean.millis()).collect();
                    // Before the blocks that are searched stand the stem and the first block, after them the head.
                    let searched = millis.get(2..2 + BLOCKS).unwrap_or_default();
                    fixed[place] = table.fixed().millis() + millis.iter().sum::<f64>() - searched.iter().sum::<f64>();
                    for (block, value) in searched.iter().enumerate() {
                        if let Some(entry) = blocks.get_mut(index(place, block, kernel, expansion)) {
                            *entry = *value;
                        }
                    }
                }
            }
        }
        Ok(Self { fixed, blocks })
    }

    /// The sum of the table's entries.
    pub(super) fn millis(&self, arch: &Arch) -> f64 {
        let place = usize::from(arch.resolution);
        let blocks = arch.blocks().map(|(block, kernel, expansion)| {
            self.blocks
                .get(index(place, block, kernel, expansion))
                .copied()
                .unwrap_or(f64::INFINITY)
        });
        self.fixed.get(place).copied().unwrap_or(f64::INFINITY) + blocks.sum::<f64>()
    }
}

const fn index(resolution: usize, block: usize, kernel: usize, expansion: usize) -> usize {
    ((resolution * BLOCKS + block) * CHOICES + kernel) * CHOICES + expansion
}

/// The deepest network whose blocks all have this kernel and expansion.
fn alike(space: &Space, kernel: usize, expansion: usize) -> Genotype {
    let choice = |name: &str| match name.rsplit('.').next() {
        Some("kernel") => kernel as u8,
        Some("expansion") => expansion as u8,
        _ => (CHOICES - 1) as u8,
    };
    Genotype::new(
        space
            .decisions()
            .iter()
            .map(|decision| choice(&decision.name))
            .collect(),
    )
}
