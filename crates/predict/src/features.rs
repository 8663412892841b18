//! What a model sees of a network: columns in groups that are shrunk alike.

mod cell;
mod counts;

use panarch_space::{Head, Property, Space};

use crate::Member;
use cell::Cell;
use counts::Counts;

/// One group of columns of one network: the columns that are not zero, with their values.
pub(crate) type Columns = Vec<(u64, f64)>;

/// How decisions may act together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Interactions {
    /// Every decision by itself.
    None,
    /// Two decisions of a stage, or of blocks that follow each other.
    Pairs,
    /// All decisions of a block, of two blocks that follow each other, and of a stage; any two decisions, among these any two
    /// depths. In a cell, any two and three edges, and those that are left when what reaches no output is removed.
    Tables,
    /// What the lowered network does, in all and in each stage; every decision, two of a stage, and all of a block.
    Counts,
}

/// Which columns the networks of a space have.
///
/// A column is named by a hash of what it stands for; two of a hundred thousand share a name with a probability of 1e-9.
#[derive(Debug)]
pub(crate) struct Features<'s> {
    space: &'s Space,
    interactions: Interactions,
    /// For each decision, the numbers of its stage and of its block.
    stages: Vec<usize>,
    blocks: Vec<usize>,
    cell: Option<Cell>,
    counts: Option<Counts>,
}

/// What a column stands for; part of its name.
#[derive(Clone, Copy)]
enum Kind {
    Choice = 1,
    Pair = 2,
    Block = 3,
    Neighbours = 4,
    Stage = 5,
    Resolution = 6,
    Scaled = 7,
    Triple = 8,
    Live = 9,
    Count = 10,
    Depths = 11,
    Sum = 12,
    StageSum = 13,
    Curve = 14,
}

/// The name of a column.
fn name(kind: Kind, parts: &[u64]) -> u64 {
    parts.iter().fold(mix(kind as u64), |hash, part| {
        mix(hash ^ part.wrapping_add(0x9e37_79b9_7f4a_7c15))
    })
}

/// SplitMix64's finaliser.
fn mix(mut x: u64) -> u64 {
    x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// The column of a choice.
pub(crate) fn choice_column(decision: usize, choice: u8) -> u64 {
    name(Kind::Choice, &[decision as u64, choice.into()])
}

/// The column of two choices, the earlier decision first.
pub(crate) fn pair_column(first: (usize, u8), second: (usize, u8)) -> u64 {
    name(
        Kind::Pair,
        &[first.0 as u64, first.1.into(), second.0 as u64, second.1.into()],
    )
}

/// The column of a resolution.
pub(crate) fn resolution_column(resolution: u32) -> u64 {
    name(Kind::Resolution, &[resolution.into()])
}

/// The column of two depths, which are shrunk otherwise than other pairs: the deeper the rest, the less a block adds.
fn of_depths(pair: u64) -> u64 {
    name(Kind::Depths, &[pair])
}

/// The column that grows with another one and the area of the images.
pub(crate) fn scaled(column: u64) -> u64 {
    name(Kind::Scaled, &[column])
}

impl<'s> Features<'s> {
    pub(crate) fn new(space: &'s Space, interactions: Interactions) -> Self {
        let number = |part: fn(&str) -> &str| {
            let mut names: Vec<&str> = Vec::new();
            let mut numbers = Vec::new();
            for decision in space.decisions() {
                let part = part(&decision.name);
                let known = names.iter().position(|known| *known == part);
                numbers.push(known.unwrap_or(names.len()));
                if known.is_none() {
                    names.push(part);
                }
            }
            numbers
        };
        Self {
            space,
            interactions,
            stages: number(|name| name.split_once('.').map_or(name, |(stage, _)| stage)),
            blocks: number(|name| name.rsplit_once('.').map_or(name, |(block, _)| block)),
            cell: Cell::of(space),
            counts: match interactions {
                Interactions::Counts => Counts::of(space),
                _ => None,
            },
        }
    }

    /// Whether two decisions have a term together in a pairwise model.
    pub(crate) fn are_paired(&self, first: usize, second: usize) -> bool {
        let same = |numbers: &[usize]| numbers.get(first) == numbers.get(second);
        let apart = |numbers: &[usize]| match (numbers.get(first), numbers.get(second)) {
            (Some(a), Some(b)) => a.abs_diff(*b),
            _ => usize::MAX,
        };
        self.cell.is_some() || same(&self.stages) || apart(&self.blocks) <= 1
    }

    /// How much larger the images are than the space's own, in area; 0 for its own.
    pub(crate) fn area(&self, resolution: Option<u32>) -> f64 {
        let own = f64::from(self.space.default_resolution());
        resolution.map_or(0.0, |pixels| (f64::from(pixels) / own).powi(2) - 1.0)
    }

    /// The groups of a network's columns; as many, of the same meaning, for all networks of the space.
    pub(crate) fn of(&self, member: &Member) -> Vec<Columns> {
        let genotype = &member.genotype;
        let active = self.space.active(genotype);
        let chosen: Vec<(usize, u8)> = (0..active.len())
            .filter(|decision| active[*decision])
            .map(|decision| (decision, genotype.choice(decision)))
            .collect();
        let choices = ones(chosen.iter().map(|&(decision, choice)| choice_column(decision, choice)));
        let mut resolution = Columns::new();
        let area = self.area(member.resolution);
        if let Some(pixels) = member.resolution {
            resolution.push((resolution_column(pixels), 1.0));
            resolution.push((scaled(0), area));
        }
        let grown = |columns: &Columns| -> Columns {
            if member.resolution.is_none() {
                return Columns::new();
            }
            columns
                .iter()
                .map(|(column, value)| (scaled(*column), value * area))
                .collect()
        };
        let mut groups = vec![grown(&choices), resolution];
        groups.insert(0, choices);
        if self.interactions == Interactions::None {
            return groups;
        }
        let pairs = |keep: &dyn Fn(usize, usize) -> bool| {
            let mut columns = Columns::new();
            for (index, first) in chosen.iter().enumerate() {
                for second in &chosen[index + 1..] {
                    if keep(first.0, second.0) {
                        columns.push((pair_column(*first, *second), 1.0));
                    }
                }
            }
            columns
        };
        let near = pairs(&|first, second| self.are_paired(first, second));
        if self.interactions == Interactions::Pairs {
            groups.push(grown(&near));
            groups.push(near);
            return groups;
        }
        if let Some(cell) = &self.cell {
            groups.push(near);
            groups.extend(cell.groups(&chosen));
            return groups;
        }
        let blocks = self.configurations(&chosen, &self.blocks);
        if let Some(counts) = &self.counts {
            let blocks = ones(blocks.iter().map(|block| name(Kind::Block, &[*block])));
            groups.extend(counts.groups(self.space, member));
            groups.extend([near, blocks]);
            return groups;
        }
        let stages = self.configurations(&chosen, &self.stages);
        let neighbours = blocks.windows(2).map(|pair| name(Kind::Neighbours, pair));
        let neighbours = ones(neighbours);
        let blocks = ones(blocks.iter().map(|block| name(Kind::Block, &[*block])));
        let stages = ones(stages.iter().map(|stage| name(Kind::Stage, &[*stage])));
        let is_depth = |decision: usize| {
            let decision = self.space.decisions().get(decision);
            decision.is_some_and(|it| it.property == Property::Depth)
        };
        let depths = pairs(&|first, second| is_depth(first) && is_depth(second));
        let far = pairs(&|first, second| !self.are_paired(first, second));
        groups.extend([grown(&blocks), grown(&near), near, blocks, neighbours, stages, far]);
        groups.push(
            depths
                .into_iter()
                .map(|(column, value)| (of_depths(column), value))
                .collect(),
        );
        groups
    }

    /// What is chosen in each block, or stage, as one number.
    fn configurations(&self, chosen: &[(usize, u8)], of: &[usize]) -> Vec<u64> {
        let runs = chosen.chunk_by(|a, b| of.get(a.0) == of.get(b.0));
        runs.map(|run| {
            let parts: Vec<u64> = run
                .iter()
                .map(|&(decision, choice)| choice_column(decision, choice))
                .collect();
            name(Kind::Block, &parts)
        })
        .collect()
    }

    /// Whether there is something to count.
    pub(crate) const fn has_counts(&self) -> bool {
        self.counts.is_some() && self.cell.is_none()
    }

    /// Whether the space is one of cells.
    pub(crate) const fn is_cell(&self) -> bool {
        self.cell.is_some()
    }

    /// The cell that is left of a network when what reaches no output is removed; the network itself in other spaces.
    pub(crate) fn trimmed(&self, member: &Member) -> Member {
        let trimmed = self.cell.as_ref().map(|cell| cell.trimmed(&member.genotype));
        Member {
            genotype: trimmed.unwrap_or_else(|| member.genotype.clone()),
            resolution: member.resolution,
        }
    }

    /// One column a decision: its choice (0 for a decision that does not count), and what is left of that in a cell.
    pub(crate) fn structure(&self, member: &Member) -> Vec<Columns> {
        let active = self.space.active(&member.genotype);
        let choice = |decision: usize| match active[decision] {
            true => choice_column(decision, member.genotype.choice(decision)),
            false => name(Kind::Choice, &[decision as u64]),
        };
        let live = self
            .cell
            .as_ref()
            .map_or_else(Columns::new, |cell| cell.alive(&member.genotype));
        vec![ones((0..active.len()).map(choice)), live]
    }

    /// Multiply-accumulates and weights of the network, for colour images of the space's own resolution in a thousand
    /// classes; nothing in a space whose members are no networks.
    pub(crate) fn sizes(&self, member: &Member) -> Vec<f64> {
        let head = Head {
            classes: 1_000,
            input_channels: 3,
        };
        let network = self
            .space
            .lower(&member.genotype, head, self.space.default_resolution());
        network.map_or_else(
            |_| Vec::new(),
            |network| vec![network.macs().0 as f64, network.parameter_count() as f64],
        )
    }

    /// The network as numbers: for each decision 0 where it does not count, else the position of its choice from 1; the
    /// resolution; in a cell, what is left of it.
    pub(crate) fn numbers(&self, member: &Member) -> Vec<f64> {
        let active = self.space.active(&member.genotype);
        let mut numbers: Vec<f64> = member
            .genotype
            .as_bytes()
            .iter()
            .zip(&active)
            .map(|(choice, active)| if *active { f64::from(*choice) + 1.0 } else { 0.0 })
            .collect();
        if let Some(pixels) = member.resolution {
            numbers.push(pixels.into());
        }
        if let Some(cell) = &self.cell {
            numbers.extend(cell.numbers(&member.genotype));
        }
        numbers
    }
}

fn ones(columns: impl Iterator<Item = u64>) -> Columns {
    columns.map(|column| (column, 1.0)).collect()
}
