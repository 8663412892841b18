//! The search for mappings: against brute force, and what must hold for every layer and machine.

use panarch_cost::mapper::{
    Cuts, Evaluator, Loop, LoopDim, LoopNest, MOST_LEVELS, Machine, Objective, Rounding, TiledOrder, Unrolling,
    best_mapping,
};
use panarch_cost::{CostError, DeviceProfile, MappedModel};
use panarch_graph::{Activation, Conv2d, Op, Shape};
use proptest::prelude::*;

use crate::machines;
use crate::networks::mobilenet_v2;

/// A small convolution; about the size of the array, so that few loops are left in time.
fn small_nest() -> impl Strategy<Value = LoopNest> {
    let sizes = (
        1_u64..=2,
        1_u64..=3,
        1_u64..=20,
        1_u64..=20,
        1_u64..=9,
        1_u64..=9,
        1_u64..=2,
        1_u64..=3,
    );
    (sizes, 1_u64..=2).prop_map(|((b, g, k, c, y, x, fy, fx), stride)| LoopNest {
        sizes: [b, g, k, c, y, x, fy, fx],
        stride: [stride; 2],
        dilation: [1; 2],
        input: [(y - 1) * stride + fy, (x - 1) * stride + fx],
    })
}

fn scaled(machine: &Machine, memory: u64, width: u64) -> Machine {
    let mut machine = machine.clone();
    for store in &mut machine.stores {
        // Registers stay: nothing fits into less than one element.
        if store.bits > 64 {
            store.bits = (store.bits / memory).max(64);
        }
    }
    for port in &mut machine.ports {
        port.width = (port.width / width).max(8);
    }
    machine
}

/// All orders of the prime factors of what is left in time.
fn all_orders(temporal: &[u64; 8]) -> Vec<Vec<Loop>> {
    fn grow(left: &mut Vec<Loop>, order: &mut Vec<Loop>, all: &mut Vec<Vec<Loop>>) {
        if left.is_empty() {
            all.push(order.clone());
        }
        for at in 0..left.len() {
            if left[..at].contains(&left[at]) {
                continue;
            }
            let next = left.remove(at);
            order.push(next);
            grow(left, order, all);
            order.pop();
            left.insert(at, next);
        }
    }
    let mut loops = Vec::new();
    for (_, dim) in LoopDim::NAMES {
        let mut size = temporal[dim.index()];
        for prime in 2.. {
            while size.is_multiple_of(prime) {
                loops.push((dim, prime));
                size /= prime;
            }
            if size == 1 {
                break;
            }
        }
    }
    let mut all = Vec::new();
    if loops.len() <= 5 {
        grow(&mut loops, &mut Vec::new(), &mut all);
    }
    all
}

/// All rising cuts of one operand.
fn all_cuts(levels: usize, loops: usize) -> Vec<[u8; MOST_LEVELS]> {
    let mut all = vec![[0; MOST_LEVELS]];
    for level in 0..levels {
        let mut next = Vec::new();
        for cuts in all {
            let from = if level == 0 { 0 } else { cuts[level - 1] };
            let to = loops as u8;
            for cut in if level + 1 == levels { to..=to } else { from..=to } {
                let mut cuts: [u8; MOST_LEVELS] = cuts;
                cuts[level] = cut;
                next.push(cuts);
            }
        }
        all = next;
    }
    all
}

fn fits(evaluator: &Evaluator<'_>, order: &TiledOrder, cuts: &Cuts) -> bool {
    evaluator.machine.stores.iter().all(|store| {
        let room: u64 = store
            .holds
            .iter()
            .map(|(o, level)| {
                let from = if *level == 0 {
                    0
                } else {
                    order.stretched(*o, usize::from(cuts[*o][level - 1]))
                };
                evaluator.room(order, *o, *level, from, usize::from(cuts[*o][*level]).max(from))
            })
            .sum();
        room <= store.bits
    })
}

/// The rank of the best of all mappings of all orders.
fn brute_force(machine: &Machine, nest: &LoopNest, objective: Objective) -> Option<[f64; 2]> {
    let unrolling = Unrolling::new(machine, nest, Rounding::Up);
    let evaluator = Evaluator {
        machine,
        unrolling: &unrolling,
        rounding: Rounding::Up,
    };
    let mut best = None;
    let mut order = TiledOrder::empty();
    for loops in all_orders(&unrolling.temporal) {
        assert!(order.fill(machine, nest, &unrolling, &loops));
        let [weights, inputs, outputs] = [0, 1, 2].map(|o| all_cuts(machine.levels(o), loops.len()));
        for w in &weights {
            for i in &inputs {
                for o in &outputs {
                    let cuts = [*w, *i, *o];
                    if !fits(&evaluator, &order, &cuts) {
                        continue;
                    }
                    let picojoules = evaluator.picojoules(&order, &cuts, nest.macs());
                    for first in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
                        let total = evaluator.cycles(&order, &cuts, first).total();
                        let rank = objective.rank(total, picojoules);
                        best = Some(best.map_or(rank, |known| if rank < known { rank } else { known }));
                    }
                }
            }
        }
    }
    best
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_search_finds_what_brute_force_finds(
        nest in small_nest(),
        memory in 1_u64..4096,
        width in 1_u64..16,
        register in 1_u64..400,
    ) {
        let mut machine = scaled(&machines::named("edge_tpu_like"), memory, width);
        // Energies in other proportions, so that one or the other memory decides.
        machine.stores[0].read_pj *= register as f64;
        machine.stores[1].write_pj *= (400 / register) as f64;
        for (_, objective) in Objective::NAMES {
            let Some(best) = brute_force(&machine, &nest, objective) else { continue };
            let found = best_mapping(&machine, &nest, objective).unwrap();
            let rank = objective.rank(found.cycles.total(), found.picojoules);
            for (ours, best) in rank.iter().zip(best) {
                prop_assert!((ours - best).abs() <= 1e-9 * best, "{}: {:?} for {:?}, {:?}", objective, rank, best, found);
            }
            prop_assert!(found.cycles.total() >= found.bound);
            let of_stores: f64 = found.stores.iter().map(|store| store.picojoules).sum();
            let parts = of_stores + machine.mac_pj * nest.macs() as f64;
            prop_assert!((parts / found.picojoules - 1.0).abs() < 1e-9);
        }
    }

    #[test]
    fn more_bandwidth_or_memory_never_worsens_the_best(
        nest in small_nest(),
        memory in 1_u64..4096,
        width in 1_u64..16,
        port in any::<proptest::sample::Index>(),
        store in any::<proptest::sample::Index>(),
        times in 2_u64..5,
    ) {
        let before = scaled(&machines::named("edge_tpu_like"), memory, width);
        let Some(old) = best_mapping(&before, &nest, Objective::Cycles) else { return Ok(()) };
        let mut wider = before.clone();
        let port = port.index(wider.ports.len());
        wider.ports[port].width *= times;
        let mut larger = before.clone();
        let store = store.index(larger.stores.len());
        larger.stores[store].bits *= times;
        for (name, machine) in [("wider", wider), ("larger", larger)] {
            let new = best_mapping(&machine, &nest, Objective::Cycles).unwrap();
            prop_assert!(
                new.cycles.total() <= old.cycles.total(),
                "{} (port {}, memory {}): {:?} became {:?}", name, port, store, old, new
            );
        }
    }

    #[test]
    fn each_objective_is_best_at_its_own(nest in small_nest()) {
        let machine = machines::named("edge_tpu_like");
        let found = Objective::NAMES.map(|(_, objective)| (objective, best_mapping(&machine, &nest, objective).unwrap()));
        for (objective, own) in &found {
            let rank = |mapping: &panarch_cost::mapper::Mapping| objective.rank(mapping.cycles.total(), mapping.picojoules);
            prop_assert!(found.iter().all(|(_, other)| rank(own) <= rank(other)));
            prop_assert!(own.picojoules >= machine.mac_pj * nest.macs() as f64);
        }
    }

    #[test]
    fn costlier_accesses_never_save_energy(nest in small_nest(), which in any::<proptest::sample::Index>(), times in 1.0_f64..9.0) {
        let cheap = machines::named("edge_tpu_like");
        let mut dear = cheap.clone();
        let store = which.index(dear.stores.len());
        dear.stores[store].read_pj *= times;
        dear.stores[store].write_pj *= times;
        for (_, objective) in Objective::NAMES {
            let [old, new] = [&cheap, &dear].map(|machine| best_mapping(machine, &nest, objective).unwrap());
            let rank = |mapping: &panarch_cost::mapper::Mapping| objective.rank(mapping.cycles.total(), mapping.picojoules);
            prop_assert!(rank(&new)[0] >= rank(&old)[0] * (1.0 - 1e-12), "{}: {:?} became {:?}", objective, old, new);
            prop_assert!(objective == Objective::Edp || new.picojoules >= old.picojoules * (1.0 - 1e-12));
        }
    }
}

#[test]
fn mobilenet_v2_beats_zigzags_loma_and_no_layer_beats_the_array() {
    let model = MappedModel::new(machines::profile("edge_tpu_like"))
        .unwrap()
        .without_packing();
    let mappings = model.mappings(&mobilenet_v2()).unwrap();
    let total: u64 = mappings.iter().map(|(.., mapping)| mapping.cycles.total()).sum();
    // zigzag-dse 3.9.1 with LOMA and `lpf_limit` 4 finds 3,163,016 cycles.
    assert!(total <= 3_163_016, "{total}");
    let macs: u64 = mappings.iter().map(|(_, nest, _)| nest.macs()).sum();
    assert!(total >= macs.div_ceil(1024), "{total}");
    for (name, nest, mapping) in &mappings {
        assert!(mapping.cycles.loops >= nest.macs().div_ceil(1024), "{name}");
        assert!(
            mapping.cycles.onload > 0 && mapping.cycles.offload > 0,
            "{name} pays for its way in and out"
        );
        assert_eq!(mapping.cycles.total(), mapping.bound, "{name}: no mapping is better");
    }
}

#[test]
fn the_model_adds_layers_up_and_repeats_itself() {
    let model = DeviceProfile::preset("zigzag-edge-tpu").unwrap().cost_source().unwrap();
    let network = mobilenet_v2();
    let twice = model.estimate(&[network.clone(), network.clone()]);
    let cost = twice[0].clone().unwrap();
    assert_eq!(twice[0], twice[1]);
    let mapped = MappedModel::new(machines::profile("edge_tpu_like")).unwrap();
    assert_eq!(mapped.cost(&network).unwrap(), cost);
    let sum: f64 = cost.per_layer.iter().map(|layer| layer.latency.seconds()).sum();
    assert!((sum / cost.latency.value.seconds() - 1.0).abs() < 1e-12);
    for layer in &cost.per_layer {
        assert!(
            layer.latency.seconds() >= layer.compute.seconds().max(layer.movement.seconds()),
            "{}",
            layer.name
        );
    }
    // Sums have no products, yet pay for their way through memory.
    let sums: Vec<_> = cost.per_layer.iter().filter(|layer| layer.operator == "add").collect();
    assert_eq!(sums.len(), 10);
    assert!(sums.iter().all(|layer| layer.latency.seconds() > 0.0));
    assert!(cost.traffic.0 > network.parameter_count());
}

#[test]
fn what_fits_nowhere_is_refused_by_name() {
    let profile = crate::variant::text("zigzag-edge-tpu", &[]);
    let tiny = profile.replace("\nbits = { value = 16, source", "\nbits = { value = 8, source");
    let profile = DeviceProfile::from_toml("tiny.toml", &tiny).unwrap_or_else(|problems| panic!("{problems}"));
    let error = MappedModel::new(profile).unwrap().cost(&mobilenet_v2()).unwrap_err();
    assert!(
        matches!(&error, CostError::Unsupported { refused, .. } if !refused.first().layers.is_empty()),
        "{error}"
    );
    assert!(error.to_string().contains("no mapping fits"), "{error}");
}

#[test]
fn a_little_patience_saves_most_of_the_traffic() {
    // CONV3 of AlexNet: 256 to 384 channels on 13×13 positions. Its weights, inputs and outputs are 2.0 MB; the fastest
    // mapping moves 23 MB in 14.5 ms, the best product of both 2.0 MB in 15.7 ms.
    let text = include_str!("../../examples/machines/eyeriss.toml");
    let profile = DeviceProfile::from_toml("eyeriss.toml", text).unwrap_or_else(|problems| panic!("{problems}"));
    let (mut s, x) = crate::networks::Sketch::new("conv3", Shape::new(256, 13, 13), Activation::Relu);
    let y = s.add(Op::Conv2d(Conv2d::square(384, 3, 1)), &[x]);
    let network = s.finish(y);
    let [fast, frugal, between] = [Objective::Cycles, Objective::Energy, Objective::Edp].map(|objective| {
        let cost = MappedModel::new(profile.clone().with_objective(objective))
            .unwrap()
            .cost(&network)
            .unwrap();
        let megabytes = cost.traffic.0 as f64 / 1e6;
        (
            cost.latency.value.millis(),
            cost.energy.unwrap().value.joules() * 1e3,
            megabytes,
        )
    });
    let compulsory = 2.0 * (256.0 * 384.0 * 9.0 + 256.0 * 169.0 + 384.0 * 169.0) / 1e6;
    assert!(
        between.2 < 1.1 * compulsory && between.2 >= 0.999 * compulsory,
        "{between:?}"
    );
    assert!(
        fast.2 > 3.0 * between.2 && between.0 < 1.1 * fast.0,
        "{fast:?} {between:?}"
    );
    assert!(frugal.1 <= between.1 && between.1 <= fast.1);
}
