//! Every layer of the reference network against this machine's roofline (Williams et al. 2009): what bounds it, how
//! near it comes, and where a training step spends its time.
//!
//! The peaks are measured first: fused multiply-adds in registers, and streaming a read and a written array that fit no
//! cache. A layer's bound is max(operations / peak, bytes / bandwidth), where the bytes are those that must move once:
//! inputs, outputs and weights, and in the backward pass the values kept for it. `share` is the bound over the time
//! taken. A layer includes the batch normalisation and activation that are fused into it; only the operations of the
//! convolution count. More than 100 % of a bound by memory means that the bytes came out of a cache instead.
//!
//! `forward` and `backward` are timed inside of a step. `weight` (the weight gradient alone) and `data` (the
//! difference) are timed on a network of this one layer; a small difference of two timings is noise, and its share may
//! then be above 100 % of any bound.
//!
//! `THREADS` (default 2), `REPEATS` (default 20; the least time counts), `NETWORK` (`reference` or `small`),
//! `FORMAT=csv`.

mod peaks;
mod reference;

use std::collections::BTreeMap;
use std::time::Instant;

use panarch_graph::{Network, NetworkBuilder, Node, NodeId, Op, Shape};
use panarch_nn::{Executor, Gradients, Observer, Phase, Store, Views, softmax_cross_entropy};
use peaks::Peaks;
use reference::{
    BATCH, CLASSES, REFERENCE, Trainer, build, least, median, network, noise, pool, seconds, setting, workspace,
};

/// Times of every part, by phase and node, one for each step.
#[derive(Default)]
struct Clock {
    begun: Option<Instant>,
    parts: BTreeMap<(Phase, String), Vec<f64>>,
}

impl Observer for Clock {
    fn begin(&mut self, _: Phase, _: &str) {
        self.begun = Some(Instant::now());
    }

    fn end(&mut self, phase: Phase, node: &str) {
        let time = self
            .begun
            .take()
            .map_or(f64::NAN, |begun| begun.elapsed().as_secs_f64());
        self.parts.entry((phase, node.to_owned())).or_default().push(time);
    }
}

impl Clock {
    fn least(&self, phase: Phase, node: &str) -> Option<f64> {
        Some(least(self.parts.get(&(phase, node.to_owned()))?))
    }
}

/// What one layer computes and moves for a batch.
struct Layer {
    name: String,
    kind: &'static str,
    /// Operations of one of the three products.
    flops: f64,
    /// Bytes of the inputs, the output and the weights.
    inputs: f64,
    output: f64,
    weights: f64,
    /// The input's gradient is not asked for.
    first: bool,
}

/// Operations and bytes of a phase.
struct Work {
    flops: f64,
    bytes: f64,
}

impl Layer {
    fn of(network: &Network, id: NodeId) -> Self {
        let node = network.node(id);
        let bytes = |shape: Shape| 4.0 * BATCH as f64 * shape.elements() as f64;
        let parameters = network.parameters();
        let weights = parameters.iter().filter(|spec| spec.node == id);
        let weights: u64 = weights.map(|spec| spec.elements()).sum();
        let output = bytes(network.shape(id));
        let macs = network.node_macs(id).0 as f64 * BATCH as f64;
        Self {
            name: node.name.clone(),
            kind: kind(network, node),
            flops: if macs > 0.0 { 2.0 * macs } else { output / 4.0 },
            inputs: node.inputs.iter().map(|input| bytes(network.shape(*input))).sum(),
            output,
            weights: 4.0 * weights as f64,
            first: node.inputs.contains(&network.ids().next().expect("an input")),
        }
    }

    fn forward(&self) -> Work {
        let bytes = self.inputs + self.output + self.weights;
        Work {
            flops: self.flops,
            bytes,
        }
    }

    /// Reads the output's gradient and value and the input, and writes the weight gradient.
    fn weight(&self) -> Work {
        let bytes = self.inputs + 2.0 * self.output + self.weights;
        Work {
            flops: self.flops,
            bytes,
        }
    }

    /// Beyond that, reads the weights and writes the input's gradient.
    fn data(&self) -> Work {
        Work {
            flops: self.flops,
            bytes: self.inputs + self.weights,
        }
    }

    fn backward(&self) -> Work {
        let (weight, data) = (self.weight(), self.data());
        if self.first {
            return weight;
        }
        Work {
            flops: weight.flops + data.flops,
            bytes: weight.bytes + data.bytes,
        }
    }
}

fn kind(network: &Network, node: &Node) -> &'static str {
    match &node.op {
        Op::Conv2d(conv) if conv.is_depthwise(network.shape(node.inputs[0]).channels) => "depthwise",
        Op::Conv2d(conv) if conv.kernel == [1, 1] => "pointwise",
        Op::Conv2d(_) => "dense",
        Op::Linear(_) => "linear",
        _ => "elementwise",
    }
}

/// Least times of a layer alone: the weight gradient, and all of the backward pass.
fn alone(network: &Network, id: NodeId, repeats: usize) -> [f64; 2] {
    let node = network.node(id);
    let input = network.shape(node.inputs[0]);
    let mut builder = NetworkBuilder::new("layer", input);
    let mut x = builder.input();
    x = builder.add("layer", node.op.clone(), &[x]).expect("a layer");
    // The nodes that are fused into the layer.
    let mut last = id;
    while let [next] = network.consumers(last) {
        let (Op::BatchNorm(_) | Op::Activation(_)) = network.node(*next).op else {
            break;
        };
        last = *next;
        let name = format!("part{}", last.index());
        x = builder.add(name, network.node(last).op.clone(), &[x]).expect("a layer");
    }
    let network = builder.finish(x).expect("a layer");
    let store = Store::covering([&network]).expect("a store");
    let views = Views::resolve(&network, &store).expect("views");
    let mut executor = Executor::new(&network, BATCH).expect("a plan");
    let mut gradients = Gradients::zeros(&store);
    let images = noise(BATCH * input.elements() as usize);
    let mut image_gradient = vec![0.0; images.len()];
    let slope = noise(BATCH * network.shape(network.output()).elements() as usize);
    executor.train(&store, &views, &images).expect("a forward pass");
    let mut clocks = [Clock::default(), Clock::default()];
    for _ in 0..repeats {
        for (clock, wanted) in clocks.iter_mut().zip([false, true]) {
            let into = wanted.then_some(&mut image_gradient[..]);
            executor
                .backward_observed(&store, &views, &slope, &mut gradients, into, clock)
                .expect("a backward pass");
        }
    }
    clocks.map(|clock| clock.least(Phase::Backward, "layer").unwrap_or(f64::NAN))
}

/// Times of the parts of a step that are no group's.
#[derive(Default)]
struct Rest {
    parts: [Vec<f64>; 4],
    total: Vec<f64>,
}

const REST: [&str; 4] = ["loss", "running statistics", "zeroing gradients", "optimiser"];

fn steps(network: &Network, repeats: usize) -> (Clock, Rest) {
    let mut trainer = Trainer::new(&[network]);
    let views = trainer.views(network);
    let mut executor = Executor::with_workspace(network, BATCH, workspace().1).expect("a plan");
    for _ in 0..2 {
        trainer.step(&mut executor, &views);
    }
    let (mut clock, mut rest) = (Clock::default(), Rest::default());
    for _ in 0..repeats {
        let Trainer {
            store,
            gradients,
            sgd,
            input,
            labels,
            output_gradient: slope,
        } = &mut trainer;
        let total = Instant::now();
        let zero = seconds(|| gradients.zero());
        let logits = executor
            .train_observed(store, &views, input, &mut clock)
            .expect("a forward pass");
        let loss = seconds(|| {
            softmax_cross_entropy(logits, CLASSES, labels, 0.0, None, slope).expect("a loss");
        });
        let statistics = seconds(|| {
            executor.update_running_statistics(store, &views).expect("statistics");
        });
        executor
            .backward_observed(store, &views, slope, gradients, None, &mut clock)
            .expect("a backward pass");
        let update = seconds(|| sgd.step(store, gradients, 0.01).expect("an update"));
        rest.total.push(total.elapsed().as_secs_f64());
        for (times, time) in rest.parts.iter_mut().zip([loss, statistics, zero, update]) {
            times.push(time);
        }
    }
    (clock, rest)
}

fn print_layer(csv: bool, threads: usize, peaks: Peaks, layer: &Layer, phase: &str, work: &Work, time: f64) {
    let compute = work.flops / peaks.flops;
    let bound = compute.max(work.bytes / peaks.bandwidth);
    let by = if bound > compute { "memory" } else { "compute" };
    let (ms, gflops, gigabytes) = (time * 1e3, work.flops / time / 1e9, work.bytes / time / 1e9);
    let (share, name, kind) = (bound / time, &layer.name, layer.kind);
    let megabytes = work.bytes / 1e6;
    if csv {
        println!(
            "{name},{kind},{phase},{threads},{time:.6},{},{},{bound:.6},{by},{share:.4}",
            work.flops, work.bytes
        );
    } else {
        println!(
            "{name:<20} {kind:<11} {phase:<8} {ms:>8.3} {megabytes:>8.1} {gflops:>8.1} {gigabytes:>7.1}  {by:<7} {:>5.0} %",
            100.0 * share
        );
    }
}

fn print_layers(csv: bool, threads: usize, peaks: Peaks, network: &Network, clock: &Clock, repeats: usize) {
    if csv {
        println!("layer,kind,phase,threads,time_s,flops,bytes,bound_s,bound_by,share");
    } else {
        println!(
            "{:<20} {:<11} {:<8} {:>8} {:>8} {:>8} {:>7}  {:<7} {:>7}",
            "layer", "kind", "phase", "ms", "MB", "GFLOP/s", "GB/s", "bound", "share"
        );
    }
    for id in network.ids() {
        let name = &network.node(id).name;
        let (Some(forward), Some(backward)) = (clock.least(Phase::Forward, name), clock.least(Phase::Backward, name))
        else {
            continue;
        };
        let layer = Layer::of(network, id);
        let print = |phase: &str, work: &Work, time: f64| print_layer(csv, threads, peaks, &layer, phase, work, time);
        print("forward", &layer.forward(), forward);
        print("backward", &layer.backward(), backward);
        if layer.weights > 0.0 {
            let [weight, both] = alone(network, id, repeats);
            print("weight", &layer.weight(), weight);
            print("data", &layer.data(), both - weight);
        }
    }
}

fn phase_name(phase: Phase) -> &'static str {
    match phase {
        Phase::Prepare => "prepare",
        Phase::Forward => "forward",
        Phase::Backward => "backward",
        Phase::Collect => "collect",
    }
}

/// The medians of a step's parts, and what of them batch normalisation and activation cost.
fn print_split(csv: bool, network: &Network, clock: &Clock, rest: &Rest, bare: Option<&Clock>) {
    let mut split: BTreeMap<String, f64> = BTreeMap::new();
    for ((phase, name), times) in &clock.parts {
        let node = network.node(network.find(name).expect("a node of the network"));
        let kind = match phase {
            Phase::Prepare | Phase::Collect => "",
            _ => kind(network, node),
        };
        let part = format!("{} {kind}", phase_name(*phase));
        *split.entry(part.trim().to_owned()).or_default() += median(times.clone());
    }
    for (name, times) in REST.iter().zip(&rest.parts) {
        split.insert((*name).to_owned(), median(times.clone()));
    }
    let total = median(rest.total.clone());
    let accounted: f64 = split.values().sum();
    split.insert("between the parts".to_owned(), total - accounted);
    println!();
    if csv {
        println!("part,time_s,share");
    } else {
        println!("{:<24} {:>8} {:>8}", "part of a step", "ms", "share");
    }
    let print = |part: &str, time: f64| {
        let share = time / total;
        if csv {
            println!("{part},{time:.6},{share:.4}");
        } else {
            println!("{part:<24} {:>8.2} {:>6.1} %", time * 1e3, 100.0 * share);
        }
    };
    for (part, time) in &split {
        print(part, *time);
    }
    print("all", total);
    let Some(bare) = bare else { return };
    for phase in [Phase::Forward, Phase::Backward] {
        let sum = |clock: &Clock| -> f64 {
            let times = clock.parts.iter().filter(|((other, _), _)| *other == phase);
            times.map(|(_, times)| median(times.clone())).sum()
        };
        let part = format!("{} BN and ReLU", phase_name(phase));
        print(&part, sum(clock) - sum(bare));
    }
    if !csv {
        println!("(the last two are parts of the others: the difference to the same network without them)");
    }
}

fn main() {
    let csv = std::env::var("FORMAT").is_ok_and(|format| format == "csv");
    let repeats = setting("REPEATS", 20.0) as usize;
    let (threads, pool) = pool();
    let peaks = peaks::measure(csv, threads);
    let network = network();
    pool.install(|| {
        let (clock, rest) = steps(&network, repeats);
        print_layers(csv, threads, peaks, &network, &clock, repeats);
        let bare = (network.name() == "reference").then(|| {
            let bare = build("bare", network.input_shape(), 1, &REFERENCE, true);
            steps(&bare, repeats).0
        });
        print_split(csv, &network, &clock, &rest, bare.as_ref());
    });
}
