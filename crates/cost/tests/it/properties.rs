//! What must hold for every network on every profile.

use panarch_cost::{AnalyticModel, Attribution, CostSource, DeviceProfile, preset_names};
use panarch_graph::Network;
use proptest::prelude::*;

use crate::networks::{Block, network};
use crate::variant;

pub fn blocks() -> impl Strategy<Value = Vec<Block>> {
    proptest::collection::vec((0_u8..5, 1_u32..20, 1_u32..7, any::<bool>(), any::<bool>()), 1..8)
}

fn parts(of: &Attribution) -> [f64; 6] {
    [of.compute, of.fill, of.weights, of.activations, of.vector, of.issue].map(|part| part.seconds())
}

fn accelerators() -> Vec<AnalyticModel> {
    let profiles = preset_names().iter().map(|name| DeviceProfile::preset(name).unwrap());
    profiles
        .filter_map(|profile| AnalyticModel::new(profile).ok())
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn layers_and_the_fixed_cost_make_the_whole(blocks in blocks(), pixels in 8_u32..96) {
        let network = network(&blocks, pixels, 1);
        for model in accelerators() {
            let cost = model.cost(&network).unwrap();
            let sum = cost.per_layer.iter().map(|layer| layer.latency.seconds()).sum::<f64>() + cost.fixed.seconds();
            prop_assert!((sum / cost.latency.value.seconds() - 1.0).abs() < 1e-12);
            for layer in &cost.per_layer {
                prop_assert!(layer.latency.seconds() >= layer.compute.seconds() * (1.0 - 1e-12));
                let parts = parts(&layer.attribution);
                prop_assert!(parts.iter().all(|part| *part >= 0.0), "{parts:?}");
                let off = (parts.iter().sum::<f64>() - layer.latency.seconds()).abs();
                prop_assert!(off <= 1e-9 * layer.latency.seconds(), "{parts:?}");
                prop_assert!(layer.latency.seconds().is_finite());
            }
            prop_assert!(cost.utilisation >= 0.0 && cost.utilisation <= 1.0, "{}", cost.utilisation);
        }
    }

    #[test]
    fn a_better_machine_is_never_slower(blocks in blocks(), pixels in 8_u32..96) {
        let network = network(&blocks, pixels, 1);
        for preset in ["ethos-u55-128", "cube-16", "cortex-a53", "edgetpu-coral", "ascend-310"] {
            let before = variant::model(preset, &[]).cost(&network).unwrap();
            let cube = [("array.depth", "128"), ("array.columns", "128"), ("array.rows", "64")];
            let lanes = [
                ("array.reduction_lanes", "128"),
                ("array.output_lanes", "128"),
                ("array.pixel_lanes_wide", "64"),
            ];
            let array = if matches!(preset, "cube-16" | "ascend-310") { cube } else { lanes };
            for (path, value) in array.into_iter().chain([
                ("clock.frequency_hz", "2e9"),
                ("array.utilisation", "1"),
                ("array.weight_load_cycles", "0"),
                ("array.startup_cycles", "0"),
                ("array.output_elements_per_cycle", "1e4"),
                ("vector.elements_per_cycle", "1e4"),
                ("memory.on_chip_bytes_per_s", "1e12"),
                ("memory.off_chip_bytes_per_s", "1e12"),
                ("memory.activation_bytes", "1e9"),
                ("memory.weight_cache_bytes", "1e9"),
                ("overhead.layer_s", "0"),
                ("overhead.inference_s", "0"),
                ("memory.weight_buffer_bytes", "1e9"),
                ("memory.off_chip_latency_s", "0"),
            ]) {
                let after = variant::model(preset, &[(path, value)]).cost(&network).unwrap();
                let (old, new) = (before.latency.value.seconds(), after.latency.value.seconds());
                // Of schedules that differ by less, the one with the least traffic is taken.
                prop_assert!(new <= old * 1.0005, "{preset}, {path} = {value}: {old} s became {new} s");
            }
        }
    }

    #[test]
    fn wider_and_larger_is_never_faster(blocks in blocks(), pixels in 8_u32..64, width in 1_u32..4) {
        let small = network(&blocks, pixels, width);
        let wide = network(&blocks, pixels, width + 1);
        let large = network(&blocks, pixels + 8, width);
        for model in accelerators() {
            let [small, wide, large] = [&small, &wide, &large].map(|n| model.cost(n).unwrap());
            let machine = model.profile().accelerator().unwrap();
            let start = machine.array.startup_cycles.value / machine.clock_hz.value;
            for larger in [&wide, &large] {
                prop_assert!(larger.peak_memory >= small.peak_memory);
                let (small, larger) = (small.latency.value.seconds(), larger.latency.value.seconds());
                // A layer that is cut finer has a shorter first and last tile, its share of the start included.
                prop_assert!(larger >= small * (1.0 - 1e-3) - start, "{}: {small} s became {larger} s", model.device());
            }
        }
    }
}

#[test]
fn many_networks_at_once_cost_the_same_as_one_by_one() {
    let networks: Vec<Network> = (0..80)
        .map(|i| network(&[(i % 5, u32::from(i) % 7 + 1, 3, i % 2 == 0, false)], 32, 1))
        .collect();
    for model in accelerators() {
        let together = model.estimate(&networks);
        for (network, cost) in networks.iter().zip(together) {
            assert_eq!(cost, model.cost(network));
        }
    }
}
