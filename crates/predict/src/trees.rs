//! Gradient-boosted regression trees.

use panarch_graph::stream;
use rand::seq::index::sample;

/// Trees, and how much of each is added.
const ROUNDS: usize = 1_200;
const RATE: f64 = 0.03;
/// Splits from the root to a leaf, and the fewest rows of a leaf.
const DEPTH: usize = 3;
const FEWEST: usize = 8;
/// Share of the rows and of the features that a tree is grown from.
const SHARE: f64 = 0.7;
/// Penalty of a leaf's square.
const SHRINKAGE: f64 = 1.0;
/// Most different values of a feature that are told apart.
const BINS: usize = 128;

/// A sum of small trees, each fitted to what those before it leave (Friedman 2001, least squares), with the penalty of
/// leaves of Chen and Guestrin 2016. Each tree sees some of the rows and features alone (Friedman 2002). Features have few
/// different values, so that every border between two of them is tried.
#[derive(Debug, Clone)]
pub(crate) struct Trees {
    constant: f64,
    borders: Vec<Vec<f64>>,
    trees: Vec<Vec<Node>>,
}

#[derive(Debug, Clone, Copy)]
enum Node {
    /// Rows whose feature is in a bin below `bin` go to the first child; the second is the next node.
    Split {
        feature: usize,
        bin: u8,
        first: usize,
        second: usize,
    },
    Leaf(f64),
}

impl Trees {
    /// Fits to rows of numbers; `weights` are the rows' precisions.
    pub(crate) fn fit(rows: &[Vec<f64>], values: &[f64], weights: &[f64]) -> Self {
        let width = rows.first().map_or(0, Vec::len);
        let borders: Vec<Vec<f64>> = (0..width).map(|feature| borders(rows, feature)).collect();
        let bins: Vec<Vec<u8>> = rows.iter().map(|row| binned(row, &borders)).collect();
        let total: f64 = weights.iter().sum();
        let mean_weight = total / values.len() as f64;
        let weights: Vec<f64> = weights.iter().map(|weight| weight / mean_weight).collect();
        let constant = values
            .iter()
            .zip(&weights)
            .map(|(value, weight)| value * weight)
            .sum::<f64>()
            / weights.iter().sum::<f64>();
        let mut rest: Vec<f64> = values.iter().map(|value| value - constant).collect();
        let mut trees = Vec::with_capacity(ROUNDS);
        let mut rng = stream(0, "panarch predictor trees", 0);
        let mut drawn = |all: usize| sample(&mut rng, all, (SHARE * all as f64).ceil() as usize).into_vec();
        for _ in 0..ROUNDS {
            let mut grower = Grower {
                bins: &bins,
                borders: &borders,
                features: drawn(width),
                rest: &rest,
                weights: &weights,
                nodes: Vec::new(),
            };
            grower.grow(drawn(rows.len()), 0);
            let tree = grower.nodes;
            for (rest, bins) in rest.iter_mut().zip(&bins) {
                *rest -= leaf(&tree, bins);
            }
            trees.push(tree);
        }
        Self {
            constant,
            borders,
            trees,
        }
    }

    pub(crate) fn predict(&self, row: &[f64]) -> f64 {
        let bins = binned(row, &self.borders);
        self.constant + self.trees.iter().map(|tree| leaf(tree, &bins)).sum::<f64>()
    }
}

/// Between which values of a feature rows may be parted.
fn borders(rows: &[Vec<f64>], feature: usize) -> Vec<f64> {
    let mut values: Vec<f64> = rows.iter().map(|row| row[feature]).collect();
    values.sort_by(f64::total_cmp);
    values.dedup();
    let between: Vec<f64> = values.windows(2).map(|pair| 0.5 * (pair[0] + pair[1])).collect();
    let most = BINS - 1;
    if between.len() <= most {
        return between;
    }
    (0..most).map(|index| between[index * between.len() / most]).collect()
}

fn binned(row: &[f64], borders: &[Vec<f64>]) -> Vec<u8> {
    let bin = |(value, borders): (&f64, &Vec<f64>)| borders.partition_point(|border| border < value) as u8;
    row.iter().zip(borders).map(bin).collect()
}

fn leaf(tree: &[Node], bins: &[u8]) -> f64 {
    let mut position = 0;
    while let Some(node) = tree.get(position) {
        match *node {
            Node::Leaf(value) => return value,
            Node::Split {
                feature,
                bin,
                first,
                second,
            } => {
                position = if bins[feature] < bin { first } else { second };
            }
        }
    }
    0.0
}

struct Grower<'a> {
    bins: &'a [Vec<u8>],
    borders: &'a [Vec<f64>],
    /// The features that may be split.
    features: Vec<usize>,
    rest: &'a [f64],
    weights: &'a [f64],
    nodes: Vec<Node>,
}

/// Weight, weighted sum and number of rows.
#[derive(Clone, Copy, Default)]
struct Sums {
    weight: f64,
    sum: f64,
    rows: usize,
}

impl Sums {
    fn add(&mut self, weight: f64, value: f64) {
        self.weight += weight;
        self.sum += weight * value;
        self.rows += 1;
    }

    fn plus(self, other: Self) -> Self {
        Self {
            weight: self.weight + other.weight,
            sum: self.sum + other.sum,
            rows: self.rows + other.rows,
        }
    }

    fn minus(self, other: Self) -> Self {
        Self {
            weight: self.weight - other.weight,
            sum: self.sum - other.sum,
            rows: self.rows - other.rows,
        }
    }

    fn score(self) -> f64 {
        self.sum * self.sum / (self.weight + SHRINKAGE)
    }
}

impl Grower<'_> {
    /// Adds the node of these rows and what is below it.
    fn grow(&mut self, rows: Vec<usize>, depth: usize) -> usize {
        let mut all = Sums::default();
        rows.iter().for_each(|&row| all.add(self.weights[row], self.rest[row]));
        let position = self.nodes.len();
        self.nodes.push(Node::Leaf(RATE * all.sum / (all.weight + SHRINKAGE)));
        if depth == DEPTH || rows.len() < 2 * FEWEST {
            return position;
        }
        let Some((feature, bin)) = self.best(&rows, all) else {
            return position;
        };
        let (first, second): (Vec<usize>, Vec<usize>) =
            rows.into_iter().partition(|row| self.bins[*row][feature] < bin);
        let first = self.grow(first, depth + 1);
        let second = self.grow(second, depth + 1);
        self.nodes[position] = Node::Split {
            feature,
            bin,
            first,
            second,
        };
        position
    }

    /// The split that lessens the square error most.
    fn best(&self, rows: &[usize], all: Sums) -> Option<(usize, u8)> {
        let mut best = (all.score() * (1.0 + 1e-12) + 1e-300, None);
        for &feature in &self.features {
            let borders = &self.borders[feature];
            let mut histogram = [Sums::default(); BINS];
            for &row in rows {
                histogram[usize::from(self.bins[row][feature])].add(self.weights[row], self.rest[row]);
            }
            let mut below = Sums::default();
            for (bin, sums) in histogram.iter().enumerate().take(borders.len()) {
                below = below.plus(*sums);
                let above = all.minus(below);
                if below.rows < FEWEST || above.rows < FEWEST {
                    continue;
                }
                let score = below.score() + above.score();
                if score > best.0 {
                    best = (score, Some((feature, bin as u8 + 1)));
                }
            }
        }
        best.1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interaction_is_learned() {
        let rows: Vec<Vec<f64>> = (0..240)
            .map(|i| vec![f64::from(i % 3), f64::from(i / 3 % 4), f64::from(i / 12)])
            .collect();
        let value = |row: &[f64]| if row[0] > 0.5 { row[1] * 2.0 } else { 5.0 - row[1] };
        let values: Vec<f64> = rows.iter().map(|row| value(row)).collect();
        let trees = Trees::fit(&rows, &values, &vec![1.0; rows.len()]);
        for row in [[0.0, 3.0, 7.0], [2.0, 3.0, 7.0], [1.0, 0.0, 100.0]] {
            assert!(
                (trees.predict(&row) - value(&row)).abs() < 0.05,
                "{row:?}: {}",
                trees.predict(&row)
            );
        }
    }
}
