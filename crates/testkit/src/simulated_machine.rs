use std::sync::{Mutex, PoisonError};

use panarch_graph::{Latency, stream};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::gaussian;

/// What else a simulated machine does while it is measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Load {
    /// How much a burst of load slows the machine down.
    pub slowest: f64,
    /// Mean length of a burst, and of the pauses, each of which may be followed by its like. With 0 every inference has a
    /// factor of its own, from 1 to `slowest` and even in its logarithm.
    pub burst_s: f64,
    /// How much slower the machine gets each second, relatively.
    pub drift_per_s: f64,
    /// Probability that an inference is interrupted.
    pub interrupted: f64,
    /// How long an interruption takes.
    pub interruption_s: f64,
    /// Standard deviation of the relative noise of each inference.
    pub noise: f64,
}

impl Load {
    /// Nothing but a little noise.
    pub const QUIET: Self = Self {
        slowest: 1.0,
        burst_s: 1.0,
        drift_per_s: 0.0,
        interrupted: 0.0,
        interruption_s: 0.0,
        noise: 0.01,
    };
    /// A build beside it: three times as slow for half a second or so, ever slower, sometimes interrupted.
    pub const BUILD: Self = Self {
        slowest: 3.0,
        burst_s: 0.5,
        drift_per_s: 0.01,
        interrupted: 0.05,
        interruption_s: 4e-3,
        noise: 0.02,
    };
    /// What nothing can be measured under: every inference is slowed down on its own, by a factor of 1 to 100.
    pub const HOPELESS: Self = Self {
        slowest: 100.0,
        burst_s: 0.0,
        ..Self::BUILD
    };
}

/// A machine in simulated time: running work moves its clock on, by more than the work alone where there is load.
#[derive(Debug)]
pub struct SimulatedMachine {
    load: Load,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    now: f64,
    factor: f64,
    burst_ends: f64,
    rng: ChaCha8Rng,
}

impl SimulatedMachine {
    /// A machine under a load; the seed decides what happens when.
    #[must_use]
    pub fn new(load: Load, seed: u64) -> Self {
        Self {
            load,
            state: Mutex::new(State {
                now: 0.0,
                factor: 1.0,
                burst_ends: 0.0,
                rng: stream(seed, "simulated machine", 0),
            }),
        }
    }

    /// Its clock, in seconds.
    #[must_use]
    pub fn now(&self) -> f64 {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).now
    }

    /// Does what takes this long on an idle machine.
    pub fn run(&self, work: Latency) {
        let Load {
            slowest,
            burst_s,
            drift_per_s,
            interrupted,
            interruption_s,
            noise,
        } = self.load;
        let mut guard = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let state = &mut *guard;
        if state.now >= state.burst_ends {
            let drawn: f64 = state.rng.random();
            state.factor = if burst_s == 0.0 {
                slowest.powf(drawn)
            } else if drawn < 0.5 {
                slowest
            } else {
                1.0
            };
            // Exponentially distributed.
            state.burst_ends = state.now - burst_s * (1.0 - state.rng.random::<f64>()).ln();
        }
        let drift = 1.0 + drift_per_s * state.now;
        let noise = (1.0 + noise * gaussian(&mut state.rng)).max(0.1);
        state.now += work.seconds() * state.factor * drift * noise;
        if state.rng.random::<f64>() < interrupted {
            state.now += interruption_s;
        }
    }
}
