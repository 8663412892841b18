use std::collections::BTreeSet;
use std::path::Path;

use panarch_cost::{AnalyticModel, CostError, DeviceKind, DeviceProfile, SizeClass, preset_names};
use panarch_graph::Precision;

use crate::networks::{mobilenet_v2, tiny32};

fn names_of(class: SizeClass) -> Vec<String> {
    let profiles = DeviceProfile::presets_of(class).unwrap_or_else(|error| panic!("{error}"));
    profiles.iter().map(|profile| profile.name().to_owned()).collect()
}

#[test]
fn presets_are_the_files_of_the_devices_folder() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../devices");
    let files: BTreeSet<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap().replace(".toml", ""))
        .collect();
    let presets: BTreeSet<String> = preset_names().iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(files, presets);
    for name in preset_names() {
        let profile = DeviceProfile::preset(name).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(profile.name(), *name);
        assert!(!profile.description().is_empty());
    }
}

#[test]
fn the_classes_hold_the_promised_devices() {
    let micro = ["ethos-u55-128", "ethos-u55-256", "cube-16", "cortex-a53", "host"];
    let full = [
        "edgetpu-coral",
        "edgetpu-pixel4",
        "edgetpu-pixel6",
        "mobile-gpu",
        "mobile-dsp",
        "ascend-310",
        "ethos-u65-512",
        "ethos-u85-1024",
        "mobile-cpu",
        "edgetpu-v1",
        "systolic-32",
        "zigzag-edge-tpu",
    ];
    for (class, promised) in [(SizeClass::Micro, &micro[..]), (SizeClass::Full, &full[..])] {
        let names = names_of(class);
        for name in promised {
            assert!(names.iter().any(|known| known == name), "{name} is not among {names:?}");
        }
    }
}

#[test]
fn the_host_is_measured_and_no_model_answers_for_it() {
    let host = DeviceProfile::preset("host").unwrap();
    assert!(matches!(host.kind(), DeviceKind::Measured(target) if target.threads == 1 && target.runtime == "rten"));
    assert_eq!(host.precision(), Precision::F32);
    assert!(matches!(
        AnalyticModel::new(host.clone()),
        Err(CostError::Measured { .. })
    ));
    assert!(host.cost_source().is_err());
}

#[test]
fn every_accelerator_answers_with_a_finite_interval_and_full_breakdown() {
    for name in preset_names() {
        let profile = DeviceProfile::preset(name).unwrap();
        let Ok(source) = profile.cost_source() else { continue };
        assert_eq!(source.device(), *name);
        let networks = [mobilenet_v2(), tiny32()];
        for (network, cost) in networks.iter().zip(source.estimate(&networks)) {
            let cost = cost.unwrap_or_else(|error| panic!("{error}"));
            let [low, value, high] = [cost.latency.low, cost.latency.value, cost.latency.high].map(|l| l.seconds());
            assert!(0.0 < low && low < value && value < high && high.is_finite(), "{name}");
            assert!(
                cost.utilisation > 0.0 && cost.utilisation <= 1.0,
                "{name}: {}",
                cost.utilisation
            );
            let macs: u64 = cost.per_layer.iter().map(|layer| layer.macs.0).sum();
            assert_eq!(macs, network.macs().0);
            let has_figures = profile.accelerator().is_some_and(|it| it.energy.is_some());
            assert_eq!(
                cost.energy.is_some(),
                has_figures || profile.hierarchy().is_some(),
                "{name}"
            );
            assert_eq!(cost.provenance.device, *name);
            assert_eq!(cost.provenance.precision, profile.precision());
        }
    }
}

#[test]
fn an_unknown_device_is_named_with_those_that_exist() {
    let error = DeviceProfile::preset("ethos").unwrap_err().to_string();
    assert!(error.contains("`ethos`") && error.contains("ethos-u55-128"), "{error}");
}
