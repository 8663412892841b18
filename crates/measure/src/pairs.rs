//! Measuring in pairs: every turn of a network stands between two turns of an anchor.

use panarch_cost::Pairs;
use panarch_graph::{Estimate, Latency};

use crate::order_statistics::{median, median_interval};
use crate::{Clock, MeasureError, Protocol, Session};

/// A network that is ready to run, with an image for it.
pub type Ready = (Box<dyn Session>, Vec<f32>);

/// What a protocol found for one network.
#[derive(Debug, Clone, PartialEq)]
pub struct Measurement {
    /// Its turns.
    pub pairs: Pairs,
    /// Number of timed inferences.
    pub repeats: u32,
}

/// The median of the ratios with its distribution-free interval. NaN of none.
#[must_use]
pub fn ratio(pairs: &Pairs) -> Estimate<f64> {
    let mut ratios = pairs.ratios.clone();
    ratios.sort_by(f64::total_cmp);
    let (low, high) = median_interval(&ratios, Protocol::LEVEL);
    Estimate {
        value: median(&ratios),
        low,
        high,
        level: Protocol::LEVEL,
    }
}

/// Measures networks against an anchor: in each round every network has one turn, and the anchor one before and after it
/// (A X₁ A X₂ A …).
///
/// What a network's turn took is divided by the mean of the anchor's turns before and after it, so that a machine that is
/// slowed down for longer than a turn slows both alike, and a steady drift cancels. Answers come in the order of the
/// networks; one that fails spoils no other.
///
/// # Errors
/// When the anchor fails.
pub fn measure_in_pairs(
    protocol: &Protocol,
    clock: &dyn Clock,
    anchor: &mut Ready,
    networks: &mut [Ready],
) -> Result<Vec<Result<Measurement, MeasureError>>, MeasureError> {
    warm_up(protocol, anchor)?;
    let mut found: Vec<Result<Measurement, MeasureError>> = networks
        .iter_mut()
        .map(|network| {
            warm_up(protocol, network)?;
            Ok(Measurement {
                pairs: Pairs::default(),
                repeats: 0,
            })
        })
        .collect();
    for round in 0..protocol.rounds() {
        let repeats = protocol.turn(round);
        let mut before = turn(clock, anchor, repeats)?;
        for (network, slot) in networks.iter_mut().zip(&mut found) {
            let Ok(measurement) = slot else { continue };
            match turn(clock, network, repeats) {
                Ok(own) => {
                    let after = turn(clock, anchor, repeats)?;
                    measurement.pairs.ratios.push(own / (0.5 * (before + after)));
                    measurement.pairs.anchor.push(Latency::from_seconds(before));
                    measurement.repeats += repeats;
                    before = after;
                }
                Err(error) => *slot = Err(error),
            }
        }
    }
    Ok(found)
}

fn warm_up(protocol: &Protocol, (session, image): &mut Ready) -> Result<(), MeasureError> {
    (0..protocol.warm_up()).try_for_each(|_| session.run(image, 1).map(drop))
}

/// The shortest time of a turn, in seconds, because whatever else the machine does only adds to it. A turn begins with an
/// inference that does not count, which brings the network's weights back into the caches.
fn turn(clock: &dyn Clock, (session, image): &mut Ready, repeats: u32) -> Result<f64, MeasureError> {
    session.run(image, 1)?;
    let mut shortest = f64::INFINITY;
    for _ in 0..repeats {
        let start = clock.now();
        let result = session.run(image, 1)?;
        shortest = shortest.min(start.until(clock.now()));
        std::hint::black_box(result);
    }
    Ok(shortest)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::Mutex;

    use super::*;
    use crate::Moment;

    /// A network that takes a fixed time of a clock of its own, times what the clock is slowed down by; fails from a given
    /// run on.
    struct Fake {
        clock: Arc<FakeClock>,
        seconds: f64,
        runs: u32,
        fails_at: u32,
    }

    /// Shows a time, and says how much slower the machine is at that time.
    struct FakeClock(Mutex<f64>, fn(f64) -> f64);

    impl Clock for FakeClock {
        fn now(&self) -> Moment {
            Moment {
                wall: *self.0.lock().unwrap(),
                processor: None,
            }
        }
    }

    impl Session for Fake {
        fn run(&mut self, image: &[f32], _batch: usize) -> Result<Vec<f32>, MeasureError> {
            self.runs += 1;
            if self.runs >= self.fails_at {
                let (runtime, reason) = ("fake".to_owned(), format!("run {}", self.runs));
                return Err(MeasureError::Run { runtime, reason });
            }
            let mut now = self.clock.0.lock().unwrap();
            *now += self.seconds * (self.clock.1)(*now);
            Ok(image.to_vec())
        }

        fn outputs(&self) -> Vec<String> {
            vec!["image".to_owned()]
        }
    }

    fn ready(clock: &Arc<FakeClock>, seconds: f64, fails_at: u32) -> Ready {
        let fake = Fake {
            clock: Arc::clone(clock),
            seconds,
            runs: 0,
            fails_at,
        };
        (Box::new(fake), vec![0.0])
    }

    fn measured(slowed: fn(f64) -> f64, fails_at: [u32; 3]) -> Vec<Result<Measurement, MeasureError>> {
        let clock = Arc::new(FakeClock(Mutex::new(0.0), slowed));
        let protocol = Protocol::new(2, 31, 4).unwrap();
        let mut anchor = ready(&clock, 1e-3, u32::MAX);
        let times = [0.5e-3, 1e-3, 4e-3].into_iter().zip(fails_at);
        let mut networks: Vec<Ready> = times.map(|(time, fails_at)| ready(&clock, time, fails_at)).collect();
        measure_in_pairs(&protocol, clock.as_ref(), &mut anchor, &mut networks).unwrap()
    }

    #[test]
    fn a_ratio_is_the_same_however_slow_the_machine() {
        let steady: fn(f64) -> f64 = |_| 1.0;
        let slower: fn(f64) -> f64 = |now| 1.0 + now;
        // Three times as slow for 50 ms of each 100.
        let bursts: fn(f64) -> f64 = |now| if now % 0.1 < 0.05 { 3.0 } else { 1.0 };
        for (slowed, tolerance) in [(steady, 1e-9), (slower, 0.02), (bursts, 0.01)] {
            for (found, expected) in measured(slowed, [u32::MAX; 3]).into_iter().zip([0.5, 1.0, 4.0]) {
                let found = found.unwrap();
                assert_eq!(
                    (found.repeats, found.pairs.ratios.len(), found.pairs.anchor.len()),
                    (31, 4, 4)
                );
                let ratio = ratio(&found.pairs);
                assert!((ratio.value / expected - 1.0).abs() < tolerance, "{ratio:?} {expected}");
                assert!(ratio.low <= ratio.value && ratio.value <= ratio.high);
            }
        }
    }

    #[test]
    fn a_failure_spoils_no_other() {
        let found = measured(|_| 1.0, [20, 1, u32::MAX]);
        assert!(found[0].as_ref().unwrap_err().to_string().contains("run 20"));
        assert!(found[1].as_ref().unwrap_err().to_string().contains("run 1"));
        assert!((ratio(&found[2].as_ref().unwrap().pairs).value - 4.0).abs() < 1e-9);
        let clock = Arc::new(FakeClock(Mutex::new(0.0), |_| 1.0));
        let protocol = Protocol::new(0, 30, 1).unwrap();
        let mut anchor = ready(&clock, 1.0, 3);
        assert!(measure_in_pairs(&protocol, clock.as_ref(), &mut anchor, &mut []).is_err());
    }
}
