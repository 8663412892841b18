use panarch_graph::{ContentHash, Network};
use serde::{Deserialize, Serialize};

use crate::{Machine, MeasureError, Runtime};

/// The fewest repeats that give a median worth reporting.
const FEWEST_REPEATS: u32 = 30;

/// How latency is measured: wall time of single inferences of one image, after warming up, in rounds.
///
/// In each round every network of a batch has a short turn between two turns of an anchor
/// ([`measure_in_pairs`](crate::measure_in_pairs)), so that a machine that slows down or is disturbed for a while slows
/// both and not one.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Protocol {
    warm_up: u32,
    repeats: u32,
    rounds: u32,
}

impl Default for Protocol {
    /// 10 inferences to warm up, then 50 in 15 rounds.
    fn default() -> Self {
        Self {
            warm_up: 10,
            repeats: 50,
            rounds: Self::ROUNDS,
        }
    }
}

impl Protocol {
    /// The level of every interval.
    pub const LEVEL: f64 = 0.95;
    /// Rounds where nothing else is said: enough ratios for an interval of their median that three outliers on either side
    /// do not reach.
    pub const ROUNDS: u32 = 15;

    /// `repeats` timed inferences in `rounds` rounds, after `warm_up` that are not timed.
    ///
    /// # Errors
    /// With fewer than 30 repeats, or with no round or more rounds than repeats.
    pub fn new(warm_up: u32, repeats: u32, rounds: u32) -> Result<Self, MeasureError> {
        let reason = if repeats < FEWEST_REPEATS {
            format!("needs at least {FEWEST_REPEATS} repeats, found {repeats}")
        } else if rounds == 0 || rounds > repeats {
            format!("needs 1 to {repeats} rounds, found {rounds}")
        } else {
            return Ok(Self {
                warm_up,
                repeats,
                rounds,
            });
        };
        Err(MeasureError::Protocol { reason })
    }

    /// Number of timed inferences of each network.
    #[must_use]
    pub const fn repeats(&self) -> u32 {
        self.repeats
    }

    /// Number of rounds.
    #[must_use]
    pub const fn rounds(&self) -> u32 {
        self.rounds
    }

    pub(crate) const fn warm_up(&self) -> u32 {
        self.warm_up
    }

    /// Identifies everything that a measured figure depends on besides the network: these parameters, the anchor, the
    /// runtime with its version and threads, and the machine. Measurements are kept under this hash and the network's.
    #[must_use]
    pub fn hash(&self, anchor: &Network, runtime: &dyn Runtime, machine: &Machine) -> ContentHash {
        let text = format!(
            "warm-up {}\nrepeats {}\nrounds {}\nlevel {}\nbatch 1\nanchor {}\nruntime {}\nversion {}\nthreads {}\nmachine {machine}\n",
            self.warm_up,
            self.repeats,
            self.rounds,
            Self::LEVEL,
            anchor.content_hash(),
            runtime.name(),
            runtime.version(),
            runtime.threads(),
        );
        ContentHash::of("panarch measuring protocol v2", text.as_bytes())
    }

    /// How many inferences are timed in one round; rounds at the beginning take what does not divide evenly.
    pub(crate) const fn turn(&self, round: u32) -> u32 {
        self.repeats / self.rounds + (round < self.repeats % self.rounds) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_little_measuring_is_refused() {
        assert!(Protocol::new(0, 29, 1).is_err());
        assert!(Protocol::new(0, 30, 0).is_err());
        assert!(Protocol::new(0, 30, 31).is_err());
        assert!(Protocol::new(0, 30, 30).is_ok());
    }

    #[test]
    fn turns_add_up_to_the_repeats() {
        for (repeats, rounds) in [(30, 1), (30, 7), (50, 5), (31, 31)] {
            let protocol = Protocol::new(0, repeats, rounds).unwrap();
            assert_eq!((0..rounds).map(|round| protocol.turn(round)).sum::<u32>(), repeats);
        }
    }
}
