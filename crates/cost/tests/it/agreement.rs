//! The small space over the devices for small images.

use panarch_cost::{AnalyticModel, CostSource, DeviceProfile, DeviceSample, SizeClass, agreement};
use panarch_graph::{Network, stream};
use panarch_space::{Head, Space};

fn sampled(count: usize) -> Vec<Network> {
    let space = Space::preset("multi-hardware-small").unwrap();
    let mut rng = stream(7, "fairness", 0);
    let head = Head {
        classes: 10,
        input_channels: 1,
    };
    let lower = |_| {
        space
            .lower(&space.sample(&mut rng), head, space.default_resolution())
            .unwrap()
    };
    (0..count).map(lower).collect()
}

/// The demonstration compares these three with a measured host; they alone must already be fair, so that it does not rest on
/// what the host happens to be.
#[test]
fn modelled_micro_devices_disagree_about_the_small_space() {
    let networks = sampled(500);
    let mut samples = Vec::new();
    for profile in DeviceProfile::presets_of(SizeClass::Micro).unwrap() {
        let Ok(model) = AnalyticModel::new(profile) else {
            continue;
        };
        let costs: Vec<_> = model.estimate(&networks).into_iter().collect::<Result<_, _>>().unwrap();
        samples.push(DeviceSample::from_costs(model.device(), &costs));
    }
    assert_eq!(samples.len(), 4);
    let judged = agreement(&samples);
    println!("{judged:#?}");
    assert_eq!(judged.networks, 500);
    assert!(judged.mostly_fixed().is_empty(), "{:?}", judged.mostly_fixed());
    assert!(judged.different_pairs().len() >= 2, "{:?}", judged.pairs);
    assert!(judged.is_fair());
}

/// Why there are two size classes: on a phone's Edge TPU these networks are nothing but its fixed cost.
#[test]
fn small_networks_are_all_alike_on_a_full_size_device() {
    let networks = sampled(100);
    let model = AnalyticModel::new(DeviceProfile::preset("edgetpu-pixel6").unwrap()).unwrap();
    let costs: Vec<_> = model.estimate(&networks).into_iter().collect::<Result<_, _>>().unwrap();
    let judged = agreement(&[DeviceSample::from_costs("edgetpu-pixel6", &costs)]);
    assert!(judged.devices[0].median_fixed_share.unwrap() > 0.9);
    assert_eq!(judged.mostly_fixed().len(), 1);
}
