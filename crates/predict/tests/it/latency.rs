use panarch_cost::{AnalyticModel, CostSource, DeviceProfile, kendall_tau};
use panarch_graph::{Latency, Network, ProvenanceKind, stream};
use panarch_predict::{Additive, AdditiveLatency, Measurement, PredictError, Predictor, design_of_experiments};
use panarch_space::{Genotype, Head, Space};
use panarch_testkit::{FakeDevice, samples, tiny_space};

const HEAD: Head = Head {
    classes: 10,
    input_channels: 1,
};

fn lower(space: &Space, genotype: &Genotype) -> Network {
    space.lower(genotype, HEAD, space.default_resolution()).unwrap()
}

fn fit(space: &Space, latencies: &[(Genotype, Latency)]) -> AdditiveLatency {
    AdditiveLatency::fit(
        space,
        HEAD,
        space.default_resolution(),
        &samples::provenance("fake"),
        latencies,
    )
    .unwrap()
}

fn measure(space: &Space, device: &FakeDevice, genotypes: &[Genotype]) -> Vec<(Genotype, Latency)> {
    let networks: Vec<Network> = genotypes.iter().map(|genotype| lower(space, genotype)).collect();
    let costs = device.estimate(&networks);
    genotypes
        .iter()
        .cloned()
        .zip(costs.into_iter().map(|cost| cost.unwrap().latency.value))
        .collect()
}

/// What a space's members take on a device of the analytic model, where arithmetic, movement and padding interact.
fn model(space: &Space, name: &str, genotypes: &[Genotype]) -> Vec<(Genotype, Latency)> {
    let source = AnalyticModel::new(DeviceProfile::preset(name).unwrap()).unwrap();
    let networks: Vec<Network> = genotypes.iter().map(|genotype| lower(space, genotype)).collect();
    let costs = source
        .estimate(&networks)
        .into_iter()
        .map(|cost| cost.unwrap().latency.value);
    genotypes.iter().cloned().zip(costs).collect()
}

#[test]
fn a_few_dozen_measurements_rank_what_was_not_measured() {
    let space = Space::preset("multi-hardware-small").unwrap();
    let mut rng = stream(2, "new", 0);
    let new: Vec<Genotype> = (0..150).map(|_| space.sample(&mut rng)).collect();
    let design = design_of_experiments(&space, 60, &mut stream(1, "design", 0)).unwrap();
    for (device, least) in [("cortex-a53", 0.97), ("ethos-u55-128", 0.9), ("cube-16", 0.9)] {
        let table = fit(&space, &model(&space, device, &design));
        let truth: Vec<f64> = model(&space, device, &new)
            .iter()
            .map(|(_, latency)| latency.seconds())
            .collect();
        let found: Vec<f64> = new
            .iter()
            .map(|genotype| table.predict_one(genotype).unwrap().value.seconds())
            .collect();
        let tau = kendall_tau(&truth, &found).unwrap();
        assert!(tau > least, "{device}: tau {tau}");
        let rows: Vec<Measurement> = model(&space, device, &design)
            .into_iter()
            .map(|(genotype, latency)| Measurement::new(genotype, latency.seconds()))
            .collect();
        let plain = Additive::fit(&space, &rows).unwrap();
        let found: Vec<f64> = new
            .iter()
            .map(|genotype| plain.predict(&space, genotype, 0.95).unwrap().value)
            .collect();
        let without = kendall_tau(&truth, &found).unwrap();
        assert!(tau > without + 0.1, "{device}: tau {tau}, {without} without covariates");
        let claimed = table.table().held_out().kendall_tau.unwrap();
        assert!(
            (tau - claimed).abs() < 0.05,
            "{device}: tau {tau}, {claimed} when left out"
        );
    }
}

#[test]
fn noise_is_in_the_interval_and_the_origin_in_the_provenance() {
    let space = Space::preset("multi-hardware-small").unwrap();
    let mut device = FakeDevice::new("fake");
    device.noise = 0.02;
    let design = design_of_experiments(&space, 60, &mut stream(1, "design", 0)).unwrap();
    let table = fit(&space, &measure(&space, &device, &design));
    let mut rng = stream(2, "new", 0);
    let new: Vec<Genotype> = (0..200).map(|_| space.sample(&mut rng)).collect();
    let truth = measure(&space, &device, &new);
    let estimates: Vec<_> = new
        .iter()
        .map(|genotype| table.predict_one(genotype).unwrap())
        .collect();
    let inside = truth
        .iter()
        .zip(&estimates)
        .filter(|((_, truth), found)| found.low <= *truth && *truth <= found.high)
        .count();
    assert!(inside >= 180, "the 95 % interval holds {inside} of 200");
    let slope = table.table().slopes()[0];
    assert!(
        (slope.value - 1e-9).abs() < 4.0 * slope.standard_error,
        "{slope:?} a multiply-accumulate"
    );

    let provenance = table.provenance();
    assert_eq!(provenance.kind, ProvenanceKind::Predicted);
    assert_eq!(provenance.tool, "additive table fitted from 60 measurements on fake");
    assert!(provenance.note.unwrap().contains("Kendall's tau"));

    let json = table.to_json().unwrap();
    let read = AdditiveLatency::from_json(&json, &space).unwrap();
    assert_eq!(read.predict_one(&new[0]).unwrap(), estimates[0]);
    assert_eq!(
        (read.provenance(), read.protocol().unwrap()),
        (table.provenance(), table.protocol().unwrap())
    );
    let elsewhere = AdditiveLatency::from_json(&json, &tiny_space());
    assert!(matches!(elsewhere, Err(PredictError::OtherSpace { .. })));
}

#[test]
fn an_interval_does_not_go_below_zero() {
    let space = tiny_space();
    let all: Vec<Genotype> = space.enumerate().collect();
    let wild = |(index, genotype): (usize, &Genotype)| {
        (
            genotype.clone(),
            Latency::from_millis(if index % 2 == 0 { 1.0 } else { 9.0 }),
        )
    };
    let latencies: Vec<_> = all.iter().enumerate().map(wild).collect();
    let table = fit(&space, &latencies);
    for genotype in &all {
        let estimate = table.predict_one(genotype).unwrap();
        assert!(Latency::ZERO <= estimate.low && estimate.low <= estimate.value && estimate.value < estimate.high);
    }
}
