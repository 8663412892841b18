//! The table of blocks says what the analytic model says of whole networks.

use panarch_cost::{AnalyticModel, DeviceProfile, preset_names as devices};
use panarch_graph::stream;
use panarch_predict::BlockCache;
use panarch_space::{Head, Space, preset_names as spaces};

#[test]
fn blocks_make_the_latency_of_the_whole() {
    let head = Head {
        classes: 100,
        input_channels: 3,
    };
    let mut compared = 0;
    for name in spaces() {
        let space = Space::preset(name).unwrap();
        for device in devices() {
            let Ok(model) = AnalyticModel::new(DeviceProfile::preset(device).unwrap()) else {
                continue;
            };
            let resolution = space.default_resolution();
            let mut table = BlockCache::new(&space, model.clone(), head, resolution).unwrap();
            let mut rng = stream(3, "block cache", 0);
            let genotypes = [space.largest(), space.smallest()].into_iter();
            for genotype in genotypes.chain((0..6).map(|_| space.sample(&mut rng))) {
                let genotype = space.canonical(&genotype);
                let Ok(network) = space.lower(&genotype, head, resolution) else {
                    continue;
                };
                match (model.cost(&network), table.latency(&genotype)) {
                    (Ok(whole), Ok(sum)) => {
                        let ratio = sum.seconds() / whole.latency.value.seconds();
                        assert!((ratio - 1.0).abs() < 1e-9, "{name}, {device}, {genotype}: {ratio}");
                        compared += 1;
                    }
                    (Err(_), Err(_)) => {}
                    (whole, sum) => panic!("{name}, {device}, {genotype}: {whole:?} and {sum:?}"),
                }
            }
        }
    }
    println!("{compared} networks compared");
    assert!(compared > 500, "{compared}");
}

#[test]
fn blocks_are_planned_once() {
    let space = Space::preset("ofa-mbv3-w1.0").unwrap();
    let model = AnalyticModel::new(DeviceProfile::preset("ethos-u55-128").unwrap()).unwrap();
    let head = Head {
        classes: 1000,
        input_channels: 3,
    };
    let mut table = BlockCache::new(&space, model, head, 224).unwrap();
    let mut rng = stream(3, "blocks once", 0);
    for _ in 0..5000 {
        table.latency(&space.sample(&mut rng)).unwrap();
    }
    // 5 stages of 4 places with 9 blocks, each met with up to 3 depths, and the ends.
    assert!(table.block_count() <= 5 * 4 * 9 * 3 + 6, "{}", table.block_count());
    let error = BlockCache::new(&space, table_model(), head, 17).unwrap_err();
    assert!(error.to_string().contains("17"), "{error}");
}

fn table_model() -> AnalyticModel {
    AnalyticModel::new(DeviceProfile::preset("cube-16").unwrap()).unwrap()
}
