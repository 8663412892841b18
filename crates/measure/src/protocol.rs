use std::time::Instant;

use panarch_graph::{ContentHash, Estimate, Latency};
use serde::{Deserialize, Serialize};

use crate::order_statistics::{median, median_interval, outlier_share};
use crate::{Machine, MeasureError, Runtime, Session};

/// The fewest repeats that give a median worth reporting.
const FEWEST_REPEATS: u32 = 30;

/// How latency is measured: wall time of single inferences of one image, after warming up, in rounds.
///
/// In each round every network of a batch has its turn, so that a machine that slows down or is disturbed for a while
/// slows all of them and not one. A turn begins with one inference that is not counted, which brings the network's
/// weights back into the caches.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Protocol {
    warm_up: u32,
    repeats: u32,
    rounds: u32,
}

impl Default for Protocol {
    /// 10 inferences to warm up, then 50 in 5 rounds.
    fn default() -> Self {
        Self {
            warm_up: 10,
            repeats: 50,
            rounds: 5,
        }
    }
}

/// What a protocol found for one network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Measurement {
    /// Median time of one inference, with its distribution-free interval.
    #[serde(rename = "latency_s")]
    pub latency: Estimate<Latency>,
    /// The shortest time.
    #[serde(rename = "fastest_s")]
    pub fastest: Latency,
    /// Number of timed inferences.
    pub repeats: u32,
    /// Share of the times that lie more than three scaled median absolute deviations from the median.
    pub outlier_share: f64,
}

impl Protocol {
    /// The level of every interval.
    pub const LEVEL: f64 = 0.95;

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

    /// Identifies everything that a measured figure depends on besides the network: these parameters, the runtime with
    /// its version and threads, and the machine. Cached measurements are kept under this hash and the network's.
    #[must_use]
    pub fn hash(&self, runtime: &dyn Runtime, machine: &Machine) -> ContentHash {
        let text = format!(
            "warm-up {}\nrepeats {}\nrounds {}\nlevel {}\nbatch 1\nruntime {}\nversion {}\nthreads {}\nmachine {machine}\n",
            self.warm_up,
            self.repeats,
            self.rounds,
            Self::LEVEL,
            runtime.name(),
            runtime.version(),
            runtime.threads(),
        );
        ContentHash::of("panarch measuring protocol v1", text.as_bytes())
    }

    /// How many inferences are timed in one round; rounds at the beginning take what does not divide evenly.
    const fn turn(&self, round: u32) -> u32 {
        self.repeats / self.rounds + (round < self.repeats % self.rounds) as u32
    }
}

/// Measures networks against each other, each with its own image, in the rounds of the protocol.
///
/// Answers come in the order of the sessions; a network that fails spoils no other.
pub fn measure_all(
    protocol: &Protocol,
    sessions: &mut [(Box<dyn Session>, Vec<f32>)],
) -> Vec<Result<Measurement, MeasureError>> {
    let mut times: Vec<Result<Vec<f64>, MeasureError>> = sessions
        .iter_mut()
        .map(|(session, image)| {
            for _ in 0..protocol.warm_up {
                session.run(image, 1)?;
            }
            Ok(Vec::with_capacity(protocol.repeats as usize))
        })
        .collect();
    for round in 0..protocol.rounds {
        for ((session, image), slot) in sessions.iter_mut().zip(&mut times) {
            let Ok(taken) = slot else { continue };
            if let Err(error) = turn(session.as_mut(), image, protocol.turn(round), taken) {
                *slot = Err(error);
            }
        }
    }
    times.into_iter().map(|taken| taken.map(summary)).collect()
}

fn turn(session: &mut dyn Session, image: &[f32], repeats: u32, taken: &mut Vec<f64>) -> Result<(), MeasureError> {
    session.run(image, 1)?;
    for _ in 0..repeats {
        let start = Instant::now();
        let result = session.run(image, 1)?;
        taken.push(start.elapsed().as_secs_f64());
        std::hint::black_box(result);
    }
    Ok(())
}

fn summary(mut seconds: Vec<f64>) -> Measurement {
    seconds.sort_by(f64::total_cmp);
    let (low, high) = median_interval(&seconds, Protocol::LEVEL);
    Measurement {
        latency: Estimate {
            value: Latency::from_seconds(median(&seconds)),
            low: Latency::from_seconds(low),
            high: Latency::from_seconds(high),
            level: Protocol::LEVEL,
        },
        fastest: Latency::from_seconds(seconds.first().copied().unwrap_or(f64::NAN)),
        repeats: seconds.len() as u32,
        outlier_share: outlier_share(&seconds),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counts its runs; fails from a given one on.
    struct Counting {
        runs: u32,
        fails_at: u32,
    }

    impl Session for Counting {
        fn run(&mut self, image: &[f32], _batch: usize) -> Result<Vec<f32>, MeasureError> {
            self.runs += 1;
            if self.runs >= self.fails_at {
                let (runtime, reason) = ("counting".to_owned(), format!("run {}", self.runs));
                return Err(MeasureError::Run { runtime, reason });
            }
            Ok(image.to_vec())
        }
    }

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

    #[test]
    fn every_network_is_measured_and_a_failure_spoils_no_other() {
        let protocol = Protocol::new(2, 31, 4).unwrap();
        let session =
            |fails_at| -> (Box<dyn Session>, Vec<f32>) { (Box::new(Counting { runs: 0, fails_at }), vec![0.0]) };
        let mut sessions = [session(u32::MAX), session(20), session(1), session(u32::MAX)];
        let found = measure_all(&protocol, &mut sessions);
        for index in [0, 3] {
            let found = found[index].as_ref().unwrap();
            let Estimate {
                value,
                low,
                high,
                level,
            } = found.latency;
            assert_eq!((found.repeats, level), (31, 0.95));
            assert!(found.fastest <= low && low <= value && value <= high);
        }
        assert!(found[1].as_ref().unwrap_err().to_string().contains("run 20"));
        assert!(found[2].as_ref().unwrap_err().to_string().contains("run 1"));
    }
}
