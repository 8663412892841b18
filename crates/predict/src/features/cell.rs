//! Cells: spaces whose decisions are operations on the edges of a graph, named `edgeXY` after the nodes X and Y.

use panarch_space::{Genotype, Space};

use super::{Columns, Kind, name, ones};

/// The operation that is none.
const NOTHING: &str = "none";

/// The edges of a cell. Node 0 is the input, the last node the output.
#[derive(Debug)]
pub(super) struct Cell {
    edges: Vec<(u8, u8)>,
    output: u8,
    /// The choice of each edge that is no operation.
    nothing: Vec<Option<u8>>,
    operations: u8,
}

impl Cell {
    /// The cell of a space, if all its decisions are edges.
    pub(super) fn of(space: &Space) -> Option<Self> {
        let mut edges = Vec::new();
        let mut nothing = Vec::new();
        let mut operations = 0;
        for decision in space.decisions() {
            let [from, to] = decision.name.strip_prefix("edge")?.as_bytes() else {
                return None;
            };
            if !(from.is_ascii_digit() && to.is_ascii_digit() && from < to) {
                return None;
            }
            edges.push((from - b'0', to - b'0'));
            let position = decision.choices.iter().position(|choice| choice == NOTHING);
            nothing.push(position.map(|position| position as u8));
            operations = operations.max(decision.choices.len() as u8);
        }
        let output = edges.iter().map(|(_, to)| *to).max()?;
        Some(Self {
            edges,
            output,
            nothing,
            operations,
        })
    }

    /// For each edge, its operation if it lies on a way from the input to the output.
    fn live(&self, choice: impl Fn(usize) -> u8) -> Vec<Option<u8>> {
        let there = |edge: usize| self.nothing[edge] != Some(choice(edge));
        let nodes = usize::from(self.output) + 1;
        let (mut reached, mut reaches) = (vec![false; nodes], vec![false; nodes]);
        reached[0] = true;
        reaches[nodes - 1] = true;
        // As many rounds as a way may be long.
        for _ in 0..nodes {
            for (_, (from, to)) in self.edges.iter().enumerate().filter(|(edge, _)| there(*edge)) {
                let (from, to) = (usize::from(*from), usize::from(*to));
                reached[to] |= reached[from];
                reaches[from] |= reaches[to];
            }
        }
        let live = |(edge, (from, to)): (usize, &(u8, u8))| {
            let lives = there(edge) && reached[usize::from(*from)] && reaches[usize::from(*to)];
            lives.then(|| choice(edge))
        };
        self.edges.iter().enumerate().map(live).collect()
    }

    /// Three edges; one, two and three of the live ones; how often each operation occurs among them, alone and in pairs.
    pub(super) fn groups(&self, chosen: &[(usize, u8)]) -> Vec<Columns> {
        let all: Vec<u64> = chosen
            .iter()
            .map(|(edge, choice)| (*edge as u64) << 8 | u64::from(*choice))
            .collect();
        let live = self.live(|edge| chosen.get(edge).map_or(0, |(_, choice)| *choice));
        let code = |(edge, choice): (usize, &Option<u8>)| (edge as u64) << 8 | choice.map_or(0xff, u64::from);
        let left: Vec<u64> = live.iter().enumerate().map(code).collect();
        let counts: Vec<u64> = self
            .counts(&live)
            .iter()
            .enumerate()
            .map(|(operation, count)| (operation as u64) << 8 | count)
            .collect();
        let subsets =
            |kind: Kind, items: &[u64], size: usize| ones(subsets(items, size).iter().map(|it| name(kind, it)));
        vec![
            subsets(Kind::Triple, &all, 3),
            subsets(Kind::Live, &left, 1),
            subsets(Kind::Live, &left, 2),
            subsets(Kind::Live, &left, 3),
            subsets(Kind::Live, &left, left.len()),
            subsets(Kind::Count, &counts, 1),
            subsets(Kind::Count, &counts, 2),
        ]
    }

    /// The cell without the operations that reach no output or are reached from no input, as compilers leave it.
    pub(super) fn trimmed(&self, genotype: &Genotype) -> Genotype {
        let live = self.live(|edge| genotype.choice(edge));
        let choice = |(edge, live): (usize, &Option<u8>)| match (live, self.nothing[edge]) {
            (None, Some(nothing)) => nothing,
            _ => genotype.choice(edge),
        };
        Genotype::new(live.iter().enumerate().map(choice).collect())
    }

    /// One column an edge: its operation where it lives.
    pub(super) fn alive(&self, genotype: &Genotype) -> Columns {
        let live = self.live(|edge| genotype.choice(edge));
        let code = |(edge, choice): (usize, &Option<u8>)| (edge as u64) << 8 | choice.map_or(0xff, u64::from);
        ones(live.iter().enumerate().map(code).map(|code| name(Kind::Live, &[code])))
    }

    /// The live operations, and how often each occurs.
    pub(super) fn numbers(&self, genotype: &Genotype) -> Vec<f64> {
        let live = self.live(|edge| genotype.choice(edge));
        let mut numbers: Vec<f64> = live
            .iter()
            .map(|it| it.map_or(0.0, |choice| f64::from(choice) + 1.0))
            .collect();
        numbers.extend(self.counts(&live).iter().map(|count| *count as f64));
        numbers
    }

    fn counts(&self, live: &[Option<u8>]) -> Vec<u64> {
        let count = |operation| live.iter().filter(|it| **it == Some(operation)).count() as u64;
        (0..self.operations).map(count).collect()
    }
}

/// All subsets of one size, in order.
fn subsets(items: &[u64], size: usize) -> Vec<Vec<u64>> {
    if size == 0 {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for (index, first) in items.iter().enumerate() {
        for mut rest in subsets(&items[index + 1..], size - 1) {
            rest.insert(0, *first);
            all.push(rest);
        }
    }
    all
}
