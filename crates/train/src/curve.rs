//! What a training of one network was like, epoch by epoch.

use std::time::Instant;

use panarch_graph::{Tensor, Weights};

use crate::Score;

/// One epoch of a training.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EpochRecord {
    /// The epoch, from one.
    pub epoch: u64,
    /// The learning rate of its last step.
    pub learning_rate: f32,
    /// The mean loss of its steps, with label smoothing and on augmented images.
    pub loss: f32,
    /// The validation score after it: of the averaged weights where there are some, with statistics of their own.
    pub score: Score,
    /// Seconds that the training has taken so far, validation among them.
    pub seconds: f32,
}

/// The epochs of a training, and what is known of the one that it is in. Kept in checkpoints, so that a training that was
/// interrupted says the same as one that was not.
#[derive(Debug, Clone)]
pub(crate) struct Curve {
    records: Vec<EpochRecord>,
    /// The mean loss of the steps of the current epoch, and their number.
    loss: f32,
    steps: f32,
    /// Seconds that earlier processes have spent.
    spent: f32,
    began: Instant,
}

/// The tensors of a checkpoint: a row for each epoch, and the state within one.
const ROWS: &str = "curve";
const WITHIN: &str = "curve within the epoch";
/// Learning rate, loss, right answers, images, seconds.
const COLUMNS: usize = 5;

impl Default for Curve {
    fn default() -> Self {
        Self {
            records: Vec::new(),
            loss: 0.0,
            steps: 0.0,
            spent: 0.0,
            began: Instant::now(),
        }
    }
}

impl Curve {
    pub(crate) fn records(&self) -> &[EpochRecord] {
        &self.records
    }

    /// The clock of this process begins.
    pub(crate) fn start(&mut self) {
        self.spent = self.seconds();
        self.began = Instant::now();
    }

    /// A step is done.
    pub(crate) fn step(&mut self, loss: f32) {
        self.steps += 1.0;
        self.loss += (loss - self.loss) / self.steps;
    }

    /// An epoch is done.
    pub(crate) fn epoch(&mut self, learning_rate: f64, score: Score) -> EpochRecord {
        let record = EpochRecord {
            epoch: self.records.len() as u64 + 1,
            learning_rate: learning_rate as f32,
            loss: self.loss,
            score,
            seconds: self.seconds(),
        };
        self.records.push(record);
        (self.loss, self.steps) = (0.0, 0.0);
        record
    }

    fn seconds(&self) -> f32 {
        self.spent + self.began.elapsed().as_secs_f32()
    }

    /// Adds all that is known to the state of a checkpoint.
    pub(crate) fn save(&self, state: &mut Weights) {
        let row = |record: &EpochRecord| {
            let Score { correct, images } = record.score;
            [
                record.learning_rate,
                record.loss,
                correct as f32,
                images as f32,
                record.seconds,
            ]
        };
        let data: Vec<f32> = self.records.iter().flat_map(row).collect();
        let shape = vec![self.records.len(), COLUMNS];
        if !self.records.is_empty() {
            state.insert(ROWS, Tensor { shape, data });
        }
        let data = vec![self.loss, self.steps, self.seconds()];
        state.insert(WITHIN, Tensor { shape: vec![3], data });
    }

    /// Takes what [`Curve::save`] has put there; none where it has not, or not whole numbers.
    pub(crate) fn take(state: &mut Weights) -> Option<Self> {
        let within = state.remove(WITHIN)?;
        let rows = state.remove(ROWS).map(|rows| rows.data).unwrap_or_default();
        let (rows, rest) = rows.as_chunks::<COLUMNS>();
        let (&[loss, steps, spent], []) = (within.data.as_slice(), rest) else {
            return None;
        };
        let record = |(index, row): (usize, &[f32; COLUMNS])| {
            let [learning_rate, loss, correct, images, seconds] = *row;
            let (correct, images) = (correct as usize, images as usize);
            EpochRecord {
                epoch: index as u64 + 1,
                learning_rate,
                loss,
                score: Score { correct, images },
                seconds,
            }
        };
        Some(Self {
            records: rows.iter().enumerate().map(record).collect(),
            loss,
            steps,
            spent,
            began: Instant::now(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_saved_in_an_epoch_goes_on_from_there() {
        let mut curve = Curve::default();
        let score = Score { correct: 3, images: 4 };
        curve.step(2.0);
        curve.step(1.0);
        assert_eq!(curve.epoch(0.5, score).loss, 1.5);
        curve.step(0.75);
        let mut state = Weights::new();
        curve.save(&mut state);
        let mut resumed = Curve::take(&mut state).unwrap();
        assert!(state.is_empty() && resumed.records() == curve.records());
        curve.step(0.25);
        resumed.step(0.25);
        let (one, two) = (curve.epoch(0.1, score), resumed.epoch(0.1, score));
        assert_eq!((one.epoch, one.loss, one.score), (2, 0.5, score));
        assert_eq!((one.epoch, one.loss, one.score), (two.epoch, two.loss, two.score));
        assert!(two.seconds >= curve.records()[0].seconds);
        assert!(Curve::take(&mut state).is_none());
    }
}
