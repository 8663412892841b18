//! A small multilayer perceptron over sparse columns.

use std::collections::HashMap;

use panarch_graph::stream;
use rand::RngExt;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use crate::features::Columns;

/// Width of the two hidden layers.
const HIDDEN: usize = 48;
/// Passes over the rows, rows of a step, and the largest rate, which falls to nothing along a cosine.
const EPOCHS: usize = 150;
const BATCH: usize = 32;
const RATE: f64 = 4e-3;
/// Decay of the weights, apart from the gradient (Loshchilov and Hutter 2019).
const DECAY: f64 = 0.3;

/// Two hidden layers with ReLU, trained with Adam (Kingma and Ba 2015) on the square error.
///
/// It is not a network of `panarch-nn`, whose losses are those of classifiers and whose inputs are pictures: these inputs
/// are a few dozen ones among hundreds of columns, which the first layer adds up.
#[derive(Debug, Clone)]
pub(crate) struct Mlp {
    numbers: HashMap<u64, usize>,
    /// By column, then the biases of the first layer; second layer by row; biases; last layer and its bias.
    first: Layer,
    second: Layer,
    last: Layer,
    mean: f64,
    spread: f64,
}

/// Parameters with Adam's moments.
#[derive(Debug, Clone)]
struct Layer {
    values: Vec<f64>,
    gradient: Vec<f64>,
    moments: Vec<[f64; 2]>,
}

impl Layer {
    fn new(weights: usize, biases: usize, bound: f64, rng: &mut ChaCha8Rng) -> Self {
        let mut values: Vec<f64> = (0..weights)
            .map(|_| bound * (2.0 * rng.random::<f64>() - 1.0))
            .collect();
        values.resize(weights + biases, 0.0);
        Self {
            gradient: vec![0.0; values.len()],
            moments: vec![[0.0; 2]; values.len()],
            values,
        }
    }

    fn step(&mut self, rate: f64, time: f64) {
        let (first, second) = (1.0 - 0.9_f64.powf(time), 1.0 - 0.999_f64.powf(time));
        for ((value, gradient), moments) in self.values.iter_mut().zip(&mut self.gradient).zip(&mut self.moments) {
            moments[0] += 0.1 * (*gradient - moments[0]);
            moments[1] += 0.001 * (*gradient * *gradient - moments[1]);
            *value -= rate * (moments[0] / first / ((moments[1] / second).sqrt() + 1e-8) + DECAY * *value);
            *gradient = 0.0;
        }
    }
}

/// What a forward pass leaves for the backward one.
struct Pass {
    first: [f64; HIDDEN],
    second: [f64; HIDDEN],
    output: f64,
}

impl Mlp {
    /// Trains on rows with their values and precisions. The order of rows and the first weights follow from the seed.
    pub(crate) fn fit(rows: &[Columns], values: &[f64], weights: &[f64], seed: u64) -> Self {
        let mut numbers = HashMap::new();
        for (column, _) in rows.iter().flatten() {
            let next = numbers.len();
            numbers.entry(*column).or_insert(next);
        }
        let active = rows.first().map_or(1, Vec::len).max(1);
        let mut rng = stream(seed, "panarch predictor mlp", 0);
        let bound = |inputs: usize| (3.0 / inputs as f64).sqrt();
        let mut network = Self {
            first: Layer::new(numbers.len() * HIDDEN, HIDDEN, bound(active), &mut rng),
            second: Layer::new(HIDDEN * HIDDEN, HIDDEN, bound(HIDDEN), &mut rng),
            last: Layer::new(HIDDEN, 1, bound(HIDDEN), &mut rng),
            numbers,
            mean: 0.0,
            spread: 1.0,
        };
        let count = values.len() as f64;
        network.mean = values.iter().sum::<f64>() / count;
        let variance = values.iter().map(|value| (value - network.mean).powi(2)).sum::<f64>() / count;
        network.spread = if variance > 0.0 { variance.sqrt() } else { 1.0 };
        let mean_weight = weights.iter().sum::<f64>() / count;
        let rows: Vec<Vec<(usize, f64)>> = rows.iter().map(|row| network.known(row)).collect();
        let mut order: Vec<usize> = (0..rows.len()).collect();
        let steps = (EPOCHS * rows.len().div_ceil(BATCH)) as f64;
        let mut time = 0.0;
        for _ in 0..EPOCHS {
            order.shuffle(&mut rng);
            for batch in order.chunks(BATCH) {
                for &row in batch {
                    let pass = network.forward(&rows[row]);
                    let wanted = (values[row] - network.mean) / network.spread;
                    let slope = (pass.output - wanted) * weights[row] / mean_weight / batch.len() as f64;
                    network.backward(&rows[row], &pass, slope);
                }
                time += 1.0;
                let rate = RATE * 0.5 * (1.0 + (std::f64::consts::PI * time / steps).cos());
                for layer in [&mut network.first, &mut network.second, &mut network.last] {
                    layer.step(rate, time);
                }
            }
        }
        network
    }

    pub(crate) fn predict(&self, row: &Columns) -> f64 {
        self.mean + self.spread * self.forward(&self.known(row)).output
    }

    fn known(&self, row: &Columns) -> Vec<(usize, f64)> {
        let number = |(column, value): &(u64, f64)| Some((*self.numbers.get(column)?, *value));
        row.iter().filter_map(number).collect()
    }

    fn forward(&self, row: &[(usize, f64)]) -> Pass {
        let mut first = [0.0; HIDDEN];
        first.copy_from_slice(&self.first.values[self.numbers.len() * HIDDEN..]);
        for (column, value) in row {
            let weights = &self.first.values[column * HIDDEN..(column + 1) * HIDDEN];
            first
                .iter_mut()
                .zip(weights)
                .for_each(|(sum, weight)| *sum += value * weight);
        }
        first.iter_mut().for_each(|value| *value = value.max(0.0));
        let mut second = [0.0; HIDDEN];
        second.copy_from_slice(&self.second.values[HIDDEN * HIDDEN..]);
        for (input, weights) in first.iter().zip(self.second.values.chunks_exact(HIDDEN)) {
            second
                .iter_mut()
                .zip(weights)
                .for_each(|(sum, weight)| *sum += input * weight);
        }
        second.iter_mut().for_each(|value| *value = value.max(0.0));
        let (weights, bias) = self.last.values.split_at(HIDDEN);
        let output = bias[0]
            + second
                .iter()
                .zip(weights)
                .map(|(value, weight)| value * weight)
                .sum::<f64>();
        Pass { first, second, output }
    }

    fn backward(&mut self, row: &[(usize, f64)], pass: &Pass, slope: f64) {
        let mut of_second = [0.0; HIDDEN];
        for (index, value) in pass.second.iter().enumerate() {
            self.last.gradient[index] += slope * value;
            of_second[index] = if *value > 0.0 {
                slope * self.last.values[index]
            } else {
                0.0
            };
        }
        self.last.gradient[HIDDEN] += slope;
        let mut of_first = [0.0; HIDDEN];
        for (index, value) in pass.first.iter().enumerate().filter(|(_, value)| **value > 0.0) {
            let range = index * HIDDEN..(index + 1) * HIDDEN;
            let weights = &self.second.values[range.clone()];
            of_first[index] = weights
                .iter()
                .zip(&of_second)
                .map(|(weight, slope)| weight * slope)
                .sum();
            let gradient = &mut self.second.gradient[range];
            gradient
                .iter_mut()
                .zip(&of_second)
                .for_each(|(sum, slope)| *sum += value * slope);
        }
        let biases = &mut self.second.gradient[HIDDEN * HIDDEN..];
        biases.iter_mut().zip(&of_second).for_each(|(sum, slope)| *sum += slope);
        let biases = self.numbers.len() * HIDDEN;
        for (start, value) in row
            .iter()
            .map(|(column, value)| (column * HIDDEN, *value))
            .chain([(biases, 1.0)])
        {
            let gradient = &mut self.first.gradient[start..start + HIDDEN];
            gradient
                .iter_mut()
                .zip(&of_first)
                .for_each(|(sum, slope)| *sum += value * slope);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slopes_are_those_of_the_square_error() {
        let rows = [vec![(3, 1.0), (9, 0.5)], vec![(5, 1.0), (9, -1.0)]];
        let mut network = Mlp::fit(&rows, &[1.0, 2.0], &[1.0, 1.0], 7);
        let row = network.known(&rows[0]);
        let error = |network: &Mlp| 0.5 * (network.forward(&row).output - 3.0).powi(2);
        let pass = network.forward(&row);
        network.backward(&row, &pass, pass.output - 3.0);
        for index in [0, HIDDEN + 3, 3 * HIDDEN + 1] {
            let found = network.first.gradient[index];
            let mut moved = network.clone();
            moved.first.values[index] += 1e-6;
            let above = error(&moved);
            moved.first.values[index] -= 2e-6;
            let slope = (above - error(&moved)) / 2e-6;
            assert!(
                (slope - found).abs() < 1e-5 * (1.0 + found.abs()),
                "{index}: {slope} {found}"
            );
        }
    }

    #[test]
    fn a_product_is_learned() {
        let rows: Vec<Columns> = (0..9).map(|i| vec![(i % 3, 1.0), (10 + i / 3, 1.0)]).collect();
        let value = |i: usize| ((i % 3) * (i / 3)) as f64;
        let (rows, values): (Vec<Columns>, Vec<f64>) = (0..180).map(|i| (rows[i % 9].clone(), value(i % 9))).unzip();
        let network = Mlp::fit(&rows, &values, &vec![1.0; 180], 1);
        for (row, value) in rows.iter().zip(&values).take(9) {
            assert!(
                (network.predict(row) - value).abs() < 0.15,
                "{row:?}: {}",
                network.predict(row)
            );
        }
    }
}
