//! Bytes and energy by layer and memory level.

use panarch_cost::mapper::{LoopNest, Objective, Operand};
use panarch_cost::profile::Accelerator;
use panarch_cost::systolic::Dataflow;
use panarch_cost::{AnalyticModel, Cost, DeviceProfile, LevelTraffic, MappedModel, preset_names};
use panarch_graph::{Activation, Conv2d, Network, Op, Shape, fused_layers};
use proptest::prelude::*;

use crate::networks::{Sketch, named, network};
use crate::properties::blocks;
use crate::{machines, variant};

/// Every described preset, and the systolic one with other arrays.
fn models() -> Vec<AnalyticModel> {
    let presets = preset_names().iter().map(|name| DeviceProfile::preset(name).unwrap());
    let mut models: Vec<_> = presets.filter_map(|profile| AnalyticModel::new(profile).ok()).collect();
    for (_, dataflow) in Dataflow::NAMES {
        models.push(systolic(dataflow, "24", "7", &[("memory.activation_bytes", "20000")]));
    }
    models
}

fn systolic(dataflow: Dataflow, rows: &str, columns: &str, more: &[(&str, &str)]) -> AnalyticModel {
    let dataflow = format!("\"{dataflow}\"");
    let changes = [
        ("array.dataflow", dataflow.as_str()),
        ("array.rows", rows),
        ("array.columns", columns),
    ];
    variant::model("systolic-32", &[&changes, more].concat())
}

fn level<'a>(levels: &'a [LevelTraffic], name: &str) -> &'a LevelTraffic {
    levels.iter().find(|level| level.level == name).unwrap()
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9 * a.abs().max(b.abs())
}

/// What must hold of any answer that counts levels: sums, and parts that add up.
fn adds_up(cost: &Cost) {
    let mut moved = 0;
    for known in &cost.memory {
        let of_layers = cost.per_layer.iter().flat_map(|layer| &layer.memory);
        let same: Vec<_> = of_layers.filter(|level| level.level == known.level).collect();
        assert_eq!(
            same.iter().map(|level| level.read).sum::<panarch_graph::Bytes>(),
            known.read
        );
        assert_eq!(
            same.iter().map(|level| level.written).sum::<panarch_graph::Bytes>(),
            known.written
        );
        moved += known.moved().0;
    }
    assert!(moved >= cost.traffic.0);
    let (Some(energy), Some(parts)) = (cost.energy, cost.energy_parts) else {
        assert!(cost.energy.is_none() && cost.energy_parts.is_none() && cost.fixed_energy.is_none());
        return;
    };
    let total = energy.value.joules();
    assert!(close(parts.total().joules(), total));
    let fixed = cost.fixed_energy.map_or(0.0, |energy| energy.joules());
    let of_layers: f64 = cost.per_layer.iter().map(|layer| layer.energy.unwrap().joules()).sum();
    assert!(close(of_layers + fixed, total), "{of_layers} + {fixed} for {total}");
    let of_levels: f64 = cost.memory.iter().map(|level| level.energy.unwrap().joules()).sum();
    assert!(close(of_levels, parts.memory.joules()));
    for layer in &cost.per_layer {
        let parts = layer.energy_parts.unwrap();
        assert!(
            [parts.macs, parts.memory, parts.leakage]
                .iter()
                .all(|part| part.joules() >= 0.0)
        );
        assert!(close(parts.total().joules(), layer.energy.unwrap().joules()));
        let of_levels: f64 = layer.memory.iter().map(|level| level.energy.unwrap().joules()).sum();
        assert!(close(of_levels, parts.memory.joules()));
    }
}

/// Energy by the figures: MACs, the bytes of each level, and static power.
fn by_figures(machine: &Accelerator, cost: &Cost, network: &Network) -> f64 {
    let figures = machine.energy.as_ref().unwrap();
    let bytes = |name| {
        cost.memory
            .iter()
            .find(|it| it.level == name)
            .map_or(0.0, |it| it.moved().0 as f64)
    };
    network.macs().0 as f64 * figures.mac_j.value
        + bytes(LevelTraffic::OFF_CHIP) * figures.off_chip_byte_j.value
        + (bytes(LevelTraffic::ACTIVATIONS) + bytes(LevelTraffic::WEIGHTS) + bytes(LevelTraffic::ACCUMULATORS))
            * figures.on_chip_byte_j.value
        + cost.latency.value.seconds() * figures.static_w.value
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn layers_and_levels_add_up(blocks in blocks(), pixels in 8_u32..96) {
        let network = network(&blocks, pixels, 1);
        for model in models() {
            let cost = model.cost(&network).unwrap();
            adds_up(&cost);
            prop_assert_eq!(level(&cost.memory, LevelTraffic::OFF_CHIP).moved(), cost.traffic);
            let machine = model.profile().accelerator().unwrap();
            if machine.energy.is_some() {
                prop_assert!(close(by_figures(machine, &cost, &network), cost.energy.unwrap().value.joules()));
            }
        }
    }

    #[test]
    fn no_layer_moves_less_than_it_must(blocks in blocks(), pixels in 8_u32..64) {
        let network = network(&blocks, pixels, 1);
        for model in models() {
            let cost = model.cost(&network).unwrap();
            let machine = model.profile().accelerator().unwrap();
            let bytes = model.profile().precision().bytes();
            let batch = u64::from(model.profile().batch());
            for (layer, priced) in fused_layers(&network).iter().zip(&cost.per_layer) {
                let Op::Conv2d(conv) = &network.node(layer.anchor).op else { continue };
                let input = network.shape(network.node(layer.anchor).inputs[0]);
                let output = network.shape(layer.output);
                let kernel = output.channels * (input.channels / conv.groups) * conv.kernel[0] * conv.kernel[1];
                let weights = level(&priced.memory, LevelTraffic::WEIGHTS).read.0;
                prop_assert!(weights + 1 >= u64::from(kernel) * bytes / batch, "{}", priced.name);
                if machine.memory.chain_fusion.value {
                    continue;
                }
                let nest = LoopNest::of_convolution(conv, input, network.shape(layer.anchor), 1).unwrap();
                let touched = nest.elements(Operand::Input, &nest.sizes.map(|size| size as f64)) as u64;
                let activations = level(&priced.memory, LevelTraffic::ACTIVATIONS);
                prop_assert!(activations.read.0 >= touched * bytes, "{}: {}", model.profile().name(), priced.name);
                prop_assert!(activations.written.0 >= output.elements() * bytes, "{}", priced.name);
            }
        }
    }

    #[test]
    fn every_energy_figure_is_paid_for(blocks in blocks(), pixels in 8_u32..64, which in 0_usize..3) {
        let network = network(&blocks, pixels, 1);
        let text = variant::text("systolic-32", &[("array.dataflow", &format!("\"{}\"", Dataflow::NAMES[which].0))]);
        let cost = |text: &str| {
            let profile = DeviceProfile::from_toml("x", text).unwrap_or_else(|problems| panic!("{problems}"));
            AnalyticModel::new(profile).unwrap().cost(&network).unwrap()
        };
        let before = cost(&text);
        for key in ["mac_j", "on_chip_byte_j", "off_chip_byte_j", "static_w", "weight_byte_j", "accumulator_byte_j"] {
            let costlier = format!("{key} = {{ value = 1, assumption = \"a test\" }}");
            let line = text.lines().find(|line| line.starts_with(&format!("{key} = ")));
            let changed = match line {
                Some(line) => text.replace(line, &costlier),
                None => text.replace("[energy]", &format!("[energy]\n{costlier}")),
            };
            let after = cost(&changed);
            prop_assert_eq!(after.latency, before.latency);
            prop_assert_eq!(&after.traffic, &before.traffic);
            adds_up(&after);
            let grows = after.energy.unwrap().value.joules() - before.energy.unwrap().value.joules();
            // Small nets need no second fold.
            let used = key != "accumulator_byte_j" || level(&before.memory, LevelTraffic::ACCUMULATORS).read.0 > 0;
            prop_assert!(if used { grows > 0.0 } else { grows == 0.0 }, "{}: {}", key, grows);
            for (old, new) in before.per_layer.iter().zip(&after.per_layer) {
                prop_assert!(new.energy.unwrap().joules() >= old.energy.unwrap().joules(), "{}", key);
            }
        }
    }
}

#[test]
fn hierarchies_add_up_and_pay_for_every_figure() {
    let network = named("mobilenet-v2", 96);
    for name in ["edge_tpu_like", "tpu_like"] {
        let profile = machines::profile(name);
        let cost = MappedModel::new(profile.clone()).unwrap().cost(&network).unwrap();
        adds_up(&cost);
        assert_eq!(cost.memory.last().unwrap().moved(), cost.traffic);
        let macs = network.macs().0 as f64 * profile.hierarchy().unwrap().mac_pj.value * 1e-12;
        assert!(close(cost.energy_parts.unwrap().macs.joules(), macs));
        // Every element of every layer comes from main memory and goes back.
        for (layer, priced) in fused_layers(&network).iter().zip(&cost.per_layer) {
            let Some(main) = priced.memory.last() else { continue };
            let inputs = network.node(layer.anchor).inputs.iter();
            let inputs: u64 = inputs.map(|input| network.shape(*input).elements()).sum();
            let output = network.shape(layer.output).elements();
            let skips = matches!(&network.node(layer.anchor).op, Op::Conv2d(conv) if conv.stride > conv.kernel);
            assert!(
                skips || main.read.0 >= inputs,
                "{}: {} of {inputs}",
                priced.name,
                main.read.0
            );
            assert!(main.written.0 >= output, "{}", priced.name);
        }
    }
}

#[test]
fn a_folded_layer_reads_its_input_again_for_each_fold() {
    let (mut s, x) = Sketch::new("one", Shape::new(256, 14, 14), Activation::Relu);
    let y = s.add(Op::Conv2d(Conv2d::square(256, 3, 1)), &[x]);
    let network = s.finish(y);
    // SCALE-Sim's counts of this layer stand in golden/scalesim_accesses.csv: 64×64.
    for (dataflow, reads, weights, writes) in [
        (Dataflow::OutputStationary, 1_806_336, 2_359_296, 50_176),
        (Dataflow::WeightStationary, 1_806_336, 589_824, 1_806_336),
        (Dataflow::InputStationary, 451_584, 2_359_296, 1_806_336),
    ] {
        let model = systolic(dataflow, "64", "64", &[("memory.channel_side_bytes", "0")]);
        let cost = model.cost(&network).unwrap();
        let memory = &cost.per_layer[0].memory;
        assert_eq!(level(memory, LevelTraffic::ACTIVATIONS).read.0, reads, "{dataflow}");
        assert_eq!(level(memory, LevelTraffic::WEIGHTS).read.0, weights, "{dataflow}");
        // Results are bytes, the sums before them words of four.
        let sums = level(memory, LevelTraffic::ACCUMULATORS);
        assert_eq!(
            level(memory, LevelTraffic::ACTIVATIONS).written.0 + sums.written.0 / 4,
            writes,
            "{dataflow}"
        );
        assert_eq!(sums.read, sums.written);
    }
}

#[test]
fn slow_accumulators_keep_the_array_waiting() {
    let network = named("resnet-50", 224);
    let latency = |rate: Option<&str>| {
        let mut text = variant::text("systolic-32", &[]);
        if let Some(rate) = rate {
            let figure = format!("[memory]\naccumulator_bytes_per_s = {{ value = {rate}, assumption = \"a test\" }}");
            text = text.replace("[memory]", &figure);
        }
        let profile = DeviceProfile::from_toml("x", &text).unwrap();
        AnalyticModel::new(profile)
            .unwrap()
            .cost(&network)
            .unwrap()
            .latency
            .value
            .seconds()
    };
    // 32 columns of 4 bytes, in and out, each cycle of 1 GHz.
    assert!(close(latency(Some("256e9")), latency(None)));
    assert!(latency(Some("64e9")) > 2.0 * latency(None));
}

#[test]
fn what_a_mapping_is_chosen_for_is_what_it_is_best_at() {
    let network = named("mobilenet-v2", 96);
    let profile = machines::profile("edge_tpu_like");
    let [fast, frugal, between] = [Objective::Cycles, Objective::Energy, Objective::Edp].map(|objective| {
        let profile = profile.clone().with_objective(objective);
        let cost = MappedModel::new(profile).unwrap().cost(&network).unwrap();
        adds_up(&cost);
        cost
    });
    for ((fast, frugal), between) in fast.per_layer.iter().zip(&frugal.per_layer).zip(&between.per_layer) {
        let [a, b, c] = [fast, frugal, between].map(|layer| (layer.latency.seconds(), layer.energy.unwrap().joules()));
        assert!(a.0 <= b.0 && a.0 <= c.0, "{}", fast.name);
        assert!(b.1 <= a.1 && b.1 <= c.1, "{}", fast.name);
        let product = |it: (f64, f64)| it.0 * it.1 * (1.0 - 1e-9);
        assert!(product(c) <= a.0 * a.1 && product(c) <= b.0 * b.1, "{}", fast.name);
    }
    assert_ne!(fast.provenance.version, frugal.provenance.version);
}
