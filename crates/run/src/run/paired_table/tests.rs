//! The arithmetic of pairs, fit and gate on a machine in simulated time, whose true latencies are known.

use std::sync::Arc;

use panarch_cost::kendall_tau;
use panarch_graph::{Network, stream};
use panarch_measure::{Clock, HostDevice, MeasureError, Moment, Protocol, Runtime, Session};
use panarch_predict::design_of_experiments;
use panarch_testkit::{FakeDevice, Load, SimulatedMachine};

use super::*;
use crate::event::{Cancel, Event};

const HEAD: Head = Head {
    classes: 10,
    input_channels: 1,
};
const SIZE: u32 = 28;
const SAMPLES: usize = 40;

/// A runtime whose inferences take as long as a fake device's, in simulated time.
struct Simulated(Arc<SimulatedMachine>);

struct Inference {
    machine: Arc<SimulatedMachine>,
    work: Latency,
}

struct SimulatedClock(Arc<SimulatedMachine>);

impl Clock for SimulatedClock {
    fn now(&self) -> Moment {
        Moment {
            wall: self.0.now(),
            processor: None,
        }
    }
}

impl Session for Inference {
    fn run(&mut self, _images: &[f32], _batch: usize) -> Result<Vec<f32>, MeasureError> {
        self.machine.run(self.work);
        Ok(Vec::new())
    }

    fn outputs(&self) -> Vec<String> {
        Vec::new()
    }
}

impl Runtime for Simulated {
    fn name(&self) -> &str {
        "simulated"
    }

    fn version(&self) -> &str {
        "1"
    }

    fn threads(&self) -> u32 {
        1
    }

    fn load(&self, onnx: &[u8]) -> Result<Box<dyn Session>, MeasureError> {
        let network = panarch_format::read_onnx(onnx)?.network;
        Ok(Box::new(Inference {
            machine: Arc::clone(&self.0),
            work: truth(&network),
        }))
    }
}

fn truth(network: &Network) -> Latency {
    FakeDevice::new("simulated").true_latency(network)
}

/// A space with its anchor and a design, and what was said on the way.
struct Bench {
    space: Space,
    anchor: Genotype,
    genotypes: Vec<Genotype>,
    notes: Vec<String>,
}

impl Bench {
    fn new() -> Self {
        let space = Space::preset("multi-hardware-small").unwrap();
        let anchor = space.canonical(&space.references()[0].genotype);
        let mut rng = stream(1, "design of experiments", 0);
        let mut genotypes = design_of_experiments(&space, SAMPLES, &mut rng).unwrap();
        genotypes.retain(|genotype| *genotype != anchor);
        Self {
            space,
            anchor,
            genotypes,
            notes: Vec::new(),
        }
    }

    fn network(&self, genotype: &Genotype) -> Network {
        self.space.lower(genotype, HEAD, SIZE).unwrap()
    }

    fn host(&self, machine: &Arc<SimulatedMachine>) -> HostDevice {
        let protocol = Protocol::new(2, 30, Protocol::ROUNDS).unwrap();
        HostDevice::new("host", Arc::new(Simulated(Arc::clone(machine))), protocol)
            .with_anchor(self.network(&self.anchor))
            .with_clock(Arc::new(SimulatedClock(Arc::clone(machine))))
    }

    fn fit(&mut self, load: Load, scale: Option<Estimate<Latency>>) -> PairedTable {
        let host = self.host(&Arc::new(SimulatedMachine::new(load, 7)));
        let mut notes = Vec::new();
        let mut observer = |event: Event| {
            if let Event::Note(note) = event {
                notes.push(note);
            }
        };
        let mut watch = Watch {
            observer: &mut observer,
            cancel: Cancel::new(),
        };
        let subject = Subject {
            device: "host",
            space: &self.space,
            head: HEAD,
            resolution: SIZE,
            anchor: ("reference", &self.anchor),
            scale,
        };
        let fitted = fit(&subject, &self.genotypes, &mut watch, |_, _, genotypes| {
            Ok(self.measure(&host, genotypes))
        })
        .unwrap();
        self.notes = notes;
        fitted
    }

    fn measure(&self, host: &HostDevice, genotypes: &[Genotype]) -> Vec<CostSummary> {
        let mut summaries = Vec::new();
        for together in genotypes.chunks(8) {
            let networks: Vec<Network> = together.iter().map(|genotype| self.network(genotype)).collect();
            let questions: Vec<_> = networks.iter().map(|network| (network, None)).collect();
            let scale = host.scale().unwrap();
            for (network, found) in networks.iter().zip(host.in_pairs(&questions)) {
                let found = found.unwrap();
                let mut summary = CostSummary::from(&host.cost(network, None, &found, scale).unwrap());
                summary.pairs = Some(found.pairs);
                summaries.push(summary);
            }
        }
        summaries
    }

    /// Latency over the anchor's, as it is without any load.
    fn true_ratio(&self, genotype: &Genotype) -> f64 {
        truth(&self.network(genotype)) / truth(&self.network(&self.anchor))
    }

    /// Relative error of each measured ratio, in ascending order.
    fn ratio_errors(&self, fitted: &PairedTable) -> Vec<f64> {
        let error = |(genotype, cost): &(Genotype, CostSummary)| {
            let found = cost.latency.value / fitted.scale.value;
            (found / self.true_ratio(genotype) - 1.0).abs()
        };
        let mut errors: Vec<f64> = fitted.measured.iter().map(error).collect();
        errors.sort_by(f64::total_cmp);
        errors
    }

    /// The table of medians of single inferences, eight networks at a time in five rounds, without an anchor: how far it is
    /// off and how it ranks, against the truth.
    fn without_pairs(&self, load: Load, seed: u64) -> (f64, f64) {
        let machine = SimulatedMachine::new(load, seed);
        let mut rows = Vec::new();
        for together in self.genotypes.chunks(8) {
            let works: Vec<Latency> = together.iter().map(|it| truth(&self.network(it))).collect();
            let mut times = vec![Vec::new(); works.len()];
            for _round in 0..5 {
                for (work, times) in works.iter().zip(&mut times) {
                    for _ in 0..6 {
                        let start = machine.now();
                        machine.run(*work);
                        times.push(machine.now() - start);
                    }
                }
            }
            for (genotype, mut times) in together.iter().zip(times) {
                times.sort_by(f64::total_cmp);
                rows.push((genotype.clone(), Latency::from_seconds(panarch_measure::median(&times))));
            }
        }
        let host = self.host(&Arc::new(SimulatedMachine::new(Load::QUIET, 0)));
        let provenance = self.measure(&host, &self.genotypes[..1]).remove(0).provenance;
        let table = AdditiveLatency::fit(&self.space, HEAD, SIZE, &provenance, &rows).unwrap();
        let held_out = table.table().held_out();
        (held_out.mape.unwrap(), held_out.kendall_tau.unwrap())
    }

    /// How a table ranks networks that it was not fitted to, against the truth.
    fn true_tau(&self, table: &AdditiveLatency) -> f64 {
        let mut rng = stream(2, "others", 0);
        let (mut predicted, mut true_ones) = (Vec::new(), Vec::new());
        for _ in 0..100 {
            let genotype = self.space.canonical(&self.space.sample(&mut rng));
            predicted.push(table.predict_one(&genotype).unwrap().value.seconds());
            true_ones.push(self.true_ratio(&genotype));
        }
        kendall_tau(&predicted, &true_ones).unwrap()
    }
}

#[test]
fn a_quiet_machine_passes_at_once() {
    let mut bench = Bench::new();
    let fitted = bench.fit(Load::QUIET, None);
    let quality = &fitted.quality;
    assert!(quality.ranks() && quality.steady(), "{quality:?}");
    assert_eq!((quality.further_rounds, bench.notes.len()), (0, 0), "{:?}", bench.notes);
    assert_eq!(
        quality.readings as usize,
        bench.genotypes.len() * Protocol::ROUNDS as usize
    );
    let anchor = truth(&bench.network(&bench.anchor));
    assert!(
        (fitted.scale.value / anchor - 1.0).abs() < 0.04,
        "{:?} {anchor}",
        fitted.scale
    );
    assert!(bench.ratio_errors(&fitted).last().unwrap() < &0.02);
}

/// What was reported: a host measured beside a build. Without pairs its table is worth nothing; with them it is as good as
/// a quiet machine's.
#[test]
fn pairs_hold_beside_a_build() {
    let mut bench = Bench::new();
    let without: Vec<(f64, f64)> = (0..5).map(|seed| bench.without_pairs(Load::BUILD, seed)).collect();
    let error = without.iter().map(|(error, _)| error / 5.0).sum::<f64>();
    let tau = without.iter().map(|(_, tau)| tau / 5.0).sum::<f64>();
    assert!(error > 0.25 && tau < 0.7, "without pairs: {without:?}");
    let fitted = bench.fit(Load::BUILD, None);
    let quality = &fitted.quality;
    assert!(quality.ranks(), "{quality:?}");
    assert!(
        quality.left_out_error.unwrap() < 0.05 && quality.kendall_tau.unwrap() > 0.9,
        "{quality:?}"
    );
    let errors = bench.ratio_errors(&fitted);
    assert!(
        errors[errors.len() / 2] < 0.02 && *errors.last().unwrap() < 0.08,
        "{errors:?}"
    );
    assert!(bench.true_tau(&fitted.table) > 0.9);
    // The scale is that of quiet moments.
    let slower = fitted.scale.value / truth(&bench.network(&bench.anchor));
    assert!((0.95..1.2).contains(&slower), "{slower}");
}

#[test]
fn what_cannot_be_measured_is_tried_again_and_then_said() {
    let mut bench = Bench::new();
    let fitted = bench.fit(Load::HOPELESS, None);
    let quality = &fitted.quality;
    assert!(!quality.ranks() && !quality.steady(), "{quality:?}");
    assert_eq!(quality.further_rounds, FURTHER_ROUNDS);
    assert_eq!(bench.notes.len(), FURTHER_ROUNDS as usize + 1, "{:?}", bench.notes);
    let third = bench.genotypes.len().div_ceil(3);
    assert!(bench.notes[0].contains(&format!(
        "measuring {third} of {} networks again",
        bench.genotypes.len()
    )));
    assert!(bench.notes[0].contains("left-out error") && bench.notes[0].contains("Kendall τ"));
    let turns: usize = fitted
        .measured
        .iter()
        .map(|(_, cost)| cost.pairs.as_ref().unwrap().ratios.len())
        .sum();
    let rounds = Protocol::ROUNDS as usize;
    assert_eq!(
        turns,
        rounds * (bench.genotypes.len() + FURTHER_ROUNDS as usize * third),
        "nothing is thrown away"
    );
    // The interval of a prediction says so: most true values lie in it.
    let held = bench.genotypes.iter().filter(|genotype| {
        let interval = quality.widened(fitted.table.predict_one(genotype).unwrap());
        let true_value = fitted.scale.value * bench.true_ratio(genotype);
        interval.low <= true_value && true_value <= interval.high
    });
    assert!(held.count() * 10 >= bench.genotypes.len() * 9);
}

/// On another day the machine gets slower and slower: what is measured then stands on the scale of the first day.
#[test]
fn a_scale_outlives_the_sitting() {
    let mut bench = Bench::new();
    let first = bench.fit(Load::QUIET, None);
    let slow = Load {
        drift_per_s: 0.2,
        ..Load::QUIET
    };
    let second = bench.fit(slow, Some(first.scale));
    assert_eq!(second.scale, first.scale);
    for ((genotype, a), (_, b)) in first.measured.iter().zip(&second.measured) {
        let change = b.latency.value / a.latency.value;
        assert!((change - 1.0).abs() < 0.03, "{genotype}: {change}");
    }
}
