use crate::trained::room;
use crate::{PredictError, TrainedPredictor, Transform};

/// How sure it is to be, over draws of the rows, that a band holds as often as it says: the usual 95 % of a tolerance limit.
const ASSURANCE: f64 = 0.95;

/// How far below their limits the predictions of several quantities must lie, so that all true values keep them at once.
///
/// The errors that predictors of the same rows made together, each row predicted from others, are a sample of the errors
/// that they make together on a new network: nothing is assumed of how they depend on each other, nor of their
/// distribution. The *room* of a quantity is how far its limit lies above its prediction, in the form that is fitted. A network
/// keeps its limits with some confidence where on enough of the rows all errors would have stayed within its rooms.
///
/// How many are enough: a search fits the rooms to the rows, so that the share of rows that stay within them overstates the
/// share of new networks. Therefore it is the number of which a share below the confidence would give so many on one draw
/// of rows in twenty at most (a binomial tolerance limit: Wilks 1941), which is never less than the conformal quantile. With
/// too few rows, 59 for a confidence of 95 %, no number is enough. This differs from an interval for each quantity with a share
/// of the error (Bonferroni), which is wide where errors go together, or where only one of the limits is near.
#[derive(Debug, Clone)]
pub struct JointBand {
    transforms: Vec<Transform>,
    /// For each row, how far each value lies above its prediction.
    excesses: Vec<Vec<f64>>,
}

impl JointBand {
    /// The band of predictors that were trained on the same networks in the same order.
    ///
    /// # Errors
    /// [`PredictError::Inputs`] for predictors of other networks, or read from a file.
    pub fn new(predictors: &[&TrainedPredictor]) -> Result<Self, PredictError> {
        let wrong = |reason: &str| PredictError::Inputs {
            reason: reason.to_owned(),
        };
        let Some(first) = predictors.first() else {
            return Err(wrong("a guard band needs at least one predictor"));
        };
        let mut errors = Vec::new();
        for predictor in predictors {
            let left_out = predictor.left_out().ok_or_else(|| {
                wrong("a predictor that was read from a file does not hold the errors of its rows; train it again")
            })?;
            let members = predictor.samples().iter().map(|sample| &sample.member);
            if !members.eq(first.samples().iter().map(|sample| &sample.member)) {
                return Err(wrong(
                    "a joint guard band needs predictors that were trained on the same networks",
                ));
            }
            let values: Vec<f64> = predictor.samples().iter().map(|sample| sample.value).collect();
            errors.push((predictor.transform(), left_out, values));
        }
        let errors = errors.iter();
        Ok(Self::of(errors.map(|(transform, left_out, values)| {
            (*transform, *left_out, values.as_slice())
        })))
    }

    /// The band of quantities, each with its form, predictions of rows and their values.
    fn of<'a>(errors: impl Iterator<Item = (Transform, &'a [f64], &'a [f64])>) -> Self {
        let (mut transforms, mut excesses) = (Vec::new(), Vec::new());
        for (transform, predictions, values) in errors {
            transforms.push(transform);
            excesses.resize(values.len(), Vec::new());
            let pairs = predictions.iter().zip(values);
            for (row, (prediction, value)) in excesses.iter_mut().zip(pairs) {
                let row: &mut Vec<f64> = row;
                row.push(room(transform, *prediction, *value));
            }
        }
        Self { transforms, excesses }
    }

    /// Whether a network with these predictions keeps these limits with this confidence, one of each for each predictor.
    #[must_use]
    pub fn holds(&self, predictions: &[f64], limits: &[f64], confidence: f64) -> bool {
        let pairs = self.transforms.iter().zip(predictions.iter().zip(limits));
        let rooms: Vec<f64> = pairs
            .map(|(transform, (prediction, limit))| room(*transform, *prediction, *limit))
            .collect();
        // A network that is predicted to be over a limit never passes, even where most errors are to the other side.
        rooms.len() == self.transforms.len()
            && rooms.iter().all(|room| *room >= 0.0)
            && self.kept(&rooms) >= needed(self.excesses.len(), confidence)
    }

    /// On how many rows all errors stay within these rooms.
    fn kept(&self, rooms: &[f64]) -> usize {
        let within = |row: &&Vec<f64>| row.iter().zip(rooms).all(|(excess, room)| excess <= room);
        self.excesses.iter().filter(within).count()
    }
}

/// The least number of so many rows that says, on nineteen draws in twenty, that a share is above the confidence; more than
/// there are where none says so.
fn needed(rows: usize, confidence: f64) -> usize {
    if !(confidence > 0.0 && confidence < 1.0) {
        return rows + 1;
    }
    // The probability of k rows or more, from all of them down: the logarithm of the binomial's terms.
    let odds = (1.0 - confidence).ln() - confidence.ln();
    let (mut term, mut tail) = (rows as f64 * confidence.ln(), 0.0);
    for missing in 0..=rows {
        tail += term.exp();
        if tail > 1.0 - ASSURANCE {
            return rows + 1 - missing;
        }
        term += odds + ((rows - missing) as f64 / (missing + 1) as f64).ln();
    }
    0
}

#[cfg(test)]
mod tests {
    use panarch_graph::stream;
    use proptest::prelude::*;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    const DEVICES: usize = 4;

    /// Predictions of a network, and true values around them: errors that have half of their variance in common, with heavy
    /// tails.
    fn drawn(rng: &mut ChaCha8Rng) -> (Vec<f64>, Vec<f64>) {
        let mut heavy = || {
            let sum: f64 = (0..4).map(|_| rng.random::<f64>() - 0.5).sum();
            (0.05 * sum / (0.2 + rng.random::<f64>()), rng.random::<f64>())
        };
        let common = heavy().0;
        let device = |_| {
            let (own, place) = heavy();
            let prediction = 1.0 + 2.0 * place;
            (prediction, prediction * (1.0 + common + own))
        };
        (0..DEVICES).map(device).unzip()
    }

    fn band(rng: &mut ChaCha8Rng, rows: usize) -> JointBand {
        let rows: Vec<_> = (0..rows).map(|_| drawn(rng)).collect();
        let column =
            |device: usize| -> (Vec<f64>, Vec<f64>) { rows.iter().map(|it| (it.0[device], it.1[device])).unzip() };
        let columns: Vec<_> = (0..DEVICES).map(column).collect();
        JointBand::of(
            columns
                .iter()
                .map(|(a, b)| (Transform::Relative, a.as_slice(), b.as_slice())),
        )
    }

    #[test]
    fn counts_that_are_enough() {
        // By a table of the binomial distribution: P(X ≥ 99) = 0.037 and P(X ≥ 98) = 0.118 of 100 with 0.95.
        assert_eq!(needed(100, 0.95), 99);
        // 0.95 ^ 58 = 0.0510, 0.95 ^ 59 = 0.0485.
        assert_eq!((needed(58, 0.95), needed(59, 0.95)), (59, 59));
        assert_eq!((needed(0, 0.9), needed(50, 1.0)), (1, 51));
    }

    /// What a search does: of limits in many proportions it takes the least that pass. They hold for new errors.
    #[test]
    fn the_least_limits_that_pass_are_kept() {
        let mut rng = stream(3, "joint band", 0);
        let (mut kept, mut all) = (0.0, 0.0);
        for _ in 0..60 {
            let band = band(&mut rng, 100);
            for _ in 0..50 {
                let (predictions, values) = drawn(&mut rng);
                let proportions: Vec<f64> = (0..DEVICES).map(|_| 0.2 + 2.0 * rng.random::<f64>()).collect();
                let limits = |scale: f64| -> Vec<f64> {
                    predictions
                        .iter()
                        .zip(&proportions)
                        .map(|(it, room)| it * (1.0 + scale * room))
                        .collect()
                };
                let passes = |scale: &f64| band.holds(&predictions, &limits(*scale), 0.95);
                let least = (1..1_000).map(|step| f64::from(step) * 0.005).find(passes);
                let limits = limits(least.unwrap());
                kept += f64::from(u8::from(
                    values.iter().zip(&limits).all(|(value, limit)| value <= limit),
                ));
                all += 1.0;
            }
        }
        assert!(kept / all > 0.95 && kept / all < 0.995, "{}", kept / all);
    }

    proptest! {
        /// Wider limits and a lower confidence never turn a yes into a no, and a yes always has the conformal quantile.
        #[test]
        fn never_narrower_than_needed(seed in 0_u64..1_000, rows in 20_usize..150, wider in 0.0..0.3_f64, confidence in 0.6..0.97_f64) {
            let mut rng = stream(seed, "joint band", 1);
            let band = band(&mut rng, rows);
            let (predictions, _) = drawn(&mut rng);
            let limits: Vec<f64> = predictions.iter().map(|it| it * (1.0 + 0.8 * rng.random::<f64>())).collect();
            let widened: Vec<f64> = limits.iter().map(|limit| limit + wider).collect();
            if band.holds(&predictions, &limits, confidence) {
                prop_assert!(band.holds(&predictions, &widened, confidence));
                prop_assert!(band.holds(&predictions, &limits, confidence - 0.1));
                let rooms: Vec<f64> = predictions.iter().zip(&limits).map(|(at, limit)| limit / at - 1.0).collect();
                prop_assert!(band.kept(&rooms) as f64 >= (rows as f64 + 1.0) * confidence - 1e-9);
            }
            let below: Vec<f64> = predictions.iter().zip(&widened).enumerate()
                .map(|(device, (at, limit))| if device == 0 { at * 0.99 } else { *limit }).collect();
            prop_assert!(!band.holds(&predictions, &below, confidence));
        }
    }
}
