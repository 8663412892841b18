//! The evolution published with Once-for-All at its published size (population 100, 500 generations): accuracy by a network of
//! its predictor's shape, latency by a table of blocks. `cargo bench -p panarch-search`.

use divan::Bencher;
use panarch_cost::{AnalyticModel, DeviceProfile};
use panarch_graph::{Activation, Linear, NetworkBuilder, Op, Shape, stream};
use panarch_nn::{Executor, Store, Views};
use panarch_predict::BlockCache;
use panarch_search::{OfaEvolution, OfaEvolutionSettings, SearchError};
use panarch_space::{Genotype, Head, Space, Subspace};

const GENERATIONS: usize = 500;
/// Kernels and expansions of 20 blocks, one of three each, and eight resolutions, of which the last is taken.
const INPUTS: usize = 128;
const HIDDEN: u32 = 400;

fn main() {
    divan::main();
}

/// The published predictor's shape, 128-400-400-400-1, with random weights: its time does not depend on them.
struct Accuracy {
    store: Store,
    views: Views,
    executor: Executor,
    /// The weights have been packed.
    prepared: bool,
    inputs: Vec<f32>,
    /// For each decision on a block, the first of its inputs.
    places: Vec<Option<usize>>,
    space: Space,
}

impl Accuracy {
    fn new(space: &Space, batch: usize) -> Self {
        let mut builder = NetworkBuilder::new("accuracy", Shape::new(INPUTS as u32, 1, 1));
        let mut last = builder.input();
        for layer in 0..3 {
            let linear = Op::Linear(Linear {
                out: HIDDEN,
                bias: true,
            });
            last = builder.add(format!("layer{layer}"), linear, &[last]).expect("a layer");
            let relu = Op::Activation(Activation::Relu);
            last = builder
                .add(format!("relu{layer}"), relu, &[last])
                .expect("an activation");
        }
        last = builder
            .add("accuracy", Op::Linear(Linear { out: 1, bias: true }), &[last])
            .expect("a layer");
        let network = builder.finish(last).expect("a network");
        let mut store = Store::covering([&network]).expect("its parameters");
        store.initialise(&mut stream(7, "weights", 0));
        let of_block = |name: &str| name.ends_with(".kernel") || name.ends_with(".expansion");
        let mut next = 0;
        let places = space.decisions().iter().map(|decision| {
            let place = of_block(&decision.name).then_some(next);
            next += if place.is_some() { decision.choices.len() } else { 0 };
            place
        });
        Self {
            places: places.collect(),
            views: Views::resolve(&network, &store).expect("its parameters"),
            executor: Executor::new(&network, batch).expect("a plan"),
            store,
            prepared: false,
            inputs: Vec::new(),
            space: space.clone(),
        }
    }

    fn of(&mut self, members: &[Genotype]) -> Vec<f64> {
        let mut scores = Vec::with_capacity(members.len());
        for batch in members.chunks(self.executor.batch()) {
            self.inputs.clear();
            self.inputs.resize(batch.len() * INPUTS, 0.0);
            for (row, member) in self.inputs.chunks_exact_mut(INPUTS).zip(batch) {
                row[INPUTS - 1] = 1.0;
                let active = self.space.active(member);
                for (decision, place) in self.places.iter().enumerate().filter(|(decision, _)| active[*decision]) {
                    if let Some(place) = place {
                        row[place + usize::from(member.choice(decision))] = 1.0;
                    }
                }
            }
            let answers = if std::mem::replace(&mut self.prepared, true) {
                self.executor.evaluate_again(&self.inputs)
            } else {
                self.executor.evaluate(&self.store, &self.views, None, &self.inputs)
            };
            let answers = answers.expect("a batch");
            scores.extend(answers.iter().map(|answer| f64::from(*answer)));
        }
        scores
    }
}

#[divan::bench(sample_count = 10, sample_size = 1)]
fn population_100_generations_500(bencher: Bencher) {
    let space = Space::preset("ofa-mbv3-w1.2").expect("a preset");
    let subspace = Subspace::whole(&space);
    let model = AnalyticModel::new(DeviceProfile::preset("cortex-a53").expect("a preset")).expect("a machine");
    let head = Head {
        classes: 1000,
        input_channels: 3,
    };
    let mut latencies = BlockCache::new(&space, model, head, 224).expect("a resolution of the space");
    let evolution = OfaEvolution::new(1, OfaEvolutionSettings::default()).expect("the published settings");
    let settings = OfaEvolutionSettings::default();
    let mut accuracy = Accuracy::new(&space, settings.population);
    let mut sampled: Vec<f64> = (0..200)
        .map(|index| space.sample(&mut stream(2, "limit", index)))
        .map(|member| latencies.latency(&member).expect("a member that runs").seconds())
        .collect();
    sampled.sort_by(f64::total_cmp);
    let limit = sampled[sampled.len() / 4];
    bencher.bench_local(|| {
        let found = evolution.evolve::<SearchError>(
            &subspace,
            GENERATIONS,
            |member| Ok(latencies.latency(member).expect("a member that runs").seconds() <= limit),
            |members| Ok(accuracy.of(members)),
        );
        found.expect("the limit can be kept").scored
    });
}
