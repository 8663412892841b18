/// A learning rate that rises linearly during warm-up and then falls along half a cosine (Loshchilov & Hutter 2017,
/// without restarts).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CosineSchedule {
    /// Learning rate at the end of the warm-up.
    pub peak: f64,
    /// Learning rate at the last step.
    pub last: f64,
    /// Steps of warm-up; step s of it uses peak · (s + 1) / warmup_steps.
    pub warmup_steps: u64,
    /// All steps, warm-up included.
    pub total_steps: u64,
}

impl CosineSchedule {
    /// The learning rate of step `step`, counted from 0; from the last step on it stays at `last`.
    #[must_use]
    pub fn at(&self, step: u64) -> f64 {
        if step < self.warmup_steps {
            return self.peak * (step + 1) as f64 / self.warmup_steps as f64;
        }
        let span = self.total_steps.saturating_sub(self.warmup_steps + 1);
        if span == 0 {
            return if step + 1 < self.total_steps {
                self.peak
            } else {
                self.last
            };
        }
        let progress = ((step - self.warmup_steps) as f64 / span as f64).min(1.0);
        let height = 0.5 * (1.0 + (std::f64::consts::PI * progress).cos());
        self.last + (self.peak - self.last) * height
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warm_up_peak_middle_and_end() {
        let schedule = CosineSchedule {
            peak: 1.0,
            last: 0.0,
            warmup_steps: 4,
            total_steps: 15,
        };
        for (step, expected) in [(0, 0.25), (3, 1.0), (4, 1.0), (9, 0.5), (14, 0.0), (99, 0.0)] {
            assert!((schedule.at(step) - expected).abs() < 1e-12, "step {step}");
        }
    }

    #[test]
    fn no_steps_after_the_warm_up() {
        let schedule = CosineSchedule {
            peak: 1.0,
            last: 0.1,
            warmup_steps: 0,
            total_steps: 1,
        };
        assert!((schedule.at(0) - 0.1).abs() < 1e-12);
    }
}
