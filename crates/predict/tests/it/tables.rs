use panarch_graph::stream;
use panarch_predict::{Additive, Measurement, PredictError, design_of_experiments};
use panarch_space::{Genotype, Space};
use panarch_testkit::{gaussian, tiny_space, toy_space};
use proptest::prelude::*;

/// An exactly additive truth: a term for each choice of each decision, drawn by the seed.
struct Truth {
    constant: f64,
    terms: Vec<Vec<f64>>,
}

impl Truth {
    fn new(space: &Space, seed: u64) -> Self {
        let mut rng = stream(seed, "truth", 0);
        let mut terms = |choices: usize| (0..choices).map(|_| 2.0 * gaussian(&mut rng)).collect();
        Self {
            terms: space
                .decisions()
                .iter()
                .map(|decision| terms(decision.choices.len()))
                .collect(),
            constant: 50.0,
        }
    }

    fn value(&self, space: &Space, genotype: &Genotype) -> f64 {
        let active = space.active(genotype);
        let chosen = self.terms.iter().zip(genotype.as_bytes()).zip(active);
        let sum: f64 = chosen
            .filter(|(_, active)| *active)
            .map(|((terms, choice), _)| terms[usize::from(*choice)])
            .sum();
        self.constant + sum
    }

    /// Measurements of designed genotypes with Gaussian noise.
    fn measure(&self, space: &Space, count: usize, noise: f64, seed: u64) -> Vec<Measurement> {
        let mut rng = stream(seed, "measure", 0);
        let design = design_of_experiments(space, count, &mut rng).unwrap();
        design
            .into_iter()
            .map(|genotype| {
                let value = self.value(space, &genotype) + noise * gaussian(&mut rng);
                Measurement::new(genotype, value)
            })
            .collect()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn an_exactly_additive_truth_is_recovered(seed in 0..1000u64) {
        let space = toy_space();
        let truth = Truth::new(&space, seed);
        let table = Additive::fit(&space, &truth.measure(&space, 60, 0.0, seed)).unwrap();
        for genotype in space.enumerate().step_by(37) {
            let found = table.predict(&space, &genotype, 0.95).unwrap();
            let expected = truth.value(&space, &genotype);
            prop_assert!((found.value - expected).abs() < 1e-5, "{} is not {expected}", found.value);
            prop_assert!(found.high - found.low < 0.01);
        }
        prop_assert!(table.held_out().kendall_tau.unwrap() > 0.999);
        prop_assert!(table.held_out().mape.unwrap() < 1e-5);
        // Kernels are always told apart, so that their difference is known without any convention.
        let kernel = space.decisions().iter().position(|decision| decision.name.ends_with("kernel")).unwrap();
        let change = table.change(kernel, 0, 1).unwrap();
        let expected = truth.terms[kernel][1] - truth.terms[kernel][0];
        prop_assert!((change.value - expected).abs() < 1e-5, "{} is not {expected}", change.value);
    }
}

/// How often the interval at a level holds a new measurement, over many truths and tables.
fn coverage(level: f64, measurements: usize, noise: f64) -> f64 {
    let space = toy_space();
    let (mut inside, mut all) = (0, 0);
    for seed in 0..60 {
        let truth = Truth::new(&space, seed);
        let table = Additive::fit(&space, &truth.measure(&space, measurements, noise, seed)).unwrap();
        let mut rng = stream(seed, "new measurements", 1);
        for _ in 0..50 {
            let genotype = space.sample(&mut rng);
            let value = truth.value(&space, &genotype) + noise * gaussian(&mut rng);
            let found = table.predict(&space, &genotype, level).unwrap();
            inside += u32::from(found.low <= value && value <= found.high);
            all += 1;
        }
    }
    f64::from(inside) / f64::from(all)
}

#[test]
fn intervals_hold_new_measurements_as_often_as_they_say() {
    // The second has fewer measurements than the table has terms, the third noise as large as the terms.
    for (level, measurements, noise) in [(0.95, 60, 0.5), (0.95, 20, 0.5), (0.8, 60, 2.0), (0.5, 40, 0.2)] {
        let found = coverage(level, measurements, noise);
        assert!(
            (found - level).abs() < 0.04,
            "{measurements} measurements, noise {noise}: the {level} interval holds {found}"
        );
    }
}

#[test]
fn the_noise_is_found() {
    let space = toy_space();
    let truth = Truth::new(&space, 1);
    let table = Additive::fit(&space, &truth.measure(&space, 400, 0.5, 1)).unwrap();
    assert!((table.noise() - 0.5).abs() < 0.06, "{}", table.noise());
    assert!((table.held_out().rmse - 0.5).abs() < 0.08, "{}", table.held_out().rmse);
}

#[test]
fn weights_count() {
    let space = toy_space();
    let truth = Truth::new(&space, 5);
    let mut measurements = truth.measure(&space, 120, 0.0, 5);
    for measurement in measurements.iter_mut().step_by(3) {
        measurement.value += 30.0;
        measurement.weight = 1e-9;
    }
    let table = Additive::fit(&space, &measurements).unwrap();
    let genotype = space.largest();
    let found = table.predict(&space, &genotype, 0.95).unwrap().value;
    assert!((found - truth.value(&space, &genotype)).abs() < 0.05, "{found}");
}

#[test]
fn covariates_carry_what_decisions_do_together() {
    let space = toy_space();
    let truth = Truth::new(&space, 6);
    // The product of two decisions, which no sum over decisions is.
    let covariates = |genotype: &Genotype| {
        let (first, last) = (genotype.choice(0), genotype.as_bytes().last().copied().unwrap_or(0));
        vec![1e6 * f64::from(first) * f64::from(last) + 3e6, 5.0]
    };
    let mut rows = truth.measure(&space, 60, 0.0, 6);
    for row in &mut rows {
        row.covariates = covariates(&row.genotype);
        row.value += 2e-5 * row.covariates[0];
    }
    let table = Additive::fit(&space, &rows).unwrap();
    assert!((table.slopes()[0].value - 2e-5).abs() < 1e-9, "{:?}", table.slopes());
    for genotype in space.enumerate().step_by(97) {
        let given = covariates(&genotype);
        let found = table.predict_with(&space, &genotype, &given, 0.95).unwrap().value;
        let expected = truth.value(&space, &genotype) + 2e-5 * given[0];
        assert!((found - expected).abs() < 1e-4, "{found} is not {expected}");
    }
    let without = table.predict(&space, &space.smallest(), 0.95);
    assert!(matches!(
        without,
        Err(PredictError::Covariates { expected: 2, found: 0 })
    ));
    let json = table.to_json(&space).unwrap();
    assert_eq!(Additive::from_json(&json, &space).unwrap(), table);
    rows[5].covariates.pop();
    assert!(matches!(
        Additive::fit(&space, &rows),
        Err(PredictError::Measurement { row: 5, .. })
    ));
}

#[test]
fn what_is_inactive_adds_nothing() {
    let space = toy_space();
    let table = Additive::fit(&space, &Truth::new(&space, 2).measure(&space, 30, 0.1, 2)).unwrap();
    let shallow = space.smallest();
    let active = space.active(&shallow);
    let inactive = active.iter().position(|active| !active).unwrap();
    let mut choices = shallow.as_bytes().to_vec();
    choices[inactive] = 1;
    let other = Genotype::new(choices);
    assert_ne!(other, shallow);
    let predict = |genotype| table.predict(&space, genotype, 0.9).unwrap();
    assert_eq!(predict(&other), predict(&shallow));
}

#[test]
fn tables_survive_json_and_stay_with_their_space() {
    let space = toy_space();
    let table = Additive::fit(&space, &Truth::new(&space, 3).measure(&space, 30, 0.1, 3)).unwrap();
    let json = table.to_json(&space).unwrap();
    assert_eq!(Additive::from_json(&json, &space).unwrap(), table);

    let other = tiny_space();
    assert!(matches!(
        Additive::from_json(&json, &other),
        Err(PredictError::OtherSpace { .. })
    ));
    assert!(matches!(table.to_json(&other), Err(PredictError::OtherSpace { .. })));
    let elsewhere = table.predict(&other, &other.smallest(), 0.95);
    assert!(matches!(elsewhere, Err(PredictError::OtherSpace { .. })));
    let foreign = table.predict(&space, &other.smallest(), 0.95);
    assert!(matches!(foreign, Err(PredictError::Genotype(_))));

    let broken = [
        json.replace("\"version\":1", "\"version\":2"),
        json.replace("\"constant\"", "\"konstant\""),
        json.replacen("\"choice\":\"3\"", "\"choice\":\"7\"", 1),
        json.replacen("\"covariance\":[", "\"covariance\":[1.0,", 1),
        json.replacen("\"noise_variance\":", "\"noise_variance\":-", 1),
    ];
    for text in broken {
        assert_ne!(text, json);
        let error = Additive::from_json(&text, &space).unwrap_err();
        assert!(
            matches!(error, PredictError::Version { .. } | PredictError::Format { .. }),
            "{error}"
        );
    }
    for length in (0..json.len()).step_by(json.len() / 50) {
        assert!(Additive::from_json(&json[..length], &space).is_err());
    }
}

#[test]
fn senseless_measurements_are_refused() {
    let space = toy_space();
    let good = Truth::new(&space, 4).measure(&space, 5, 0.1, 4);
    assert!(matches!(
        Additive::fit(&space, &good[..2]),
        Err(PredictError::TooFew { found: 2, .. })
    ));
    let refused = |change: &dyn Fn(&mut Measurement)| {
        let mut rows = good.clone();
        change(&mut rows[3]);
        Additive::fit(&space, &rows).unwrap_err()
    };
    assert!(matches!(
        refused(&|row| row.value = f64::NAN),
        PredictError::Measurement { row: 3, .. }
    ));
    assert!(matches!(
        refused(&|row| row.weight = 0.0),
        PredictError::Measurement { row: 3, .. }
    ));
    assert!(matches!(
        refused(&|row| row.genotype = tiny_space().smallest()),
        PredictError::Genotype(_)
    ));
    let table = Additive::fit(&space, &good).unwrap();
    for level in [0.0, 1.0, f64::NAN] {
        let asked = table.predict(&space, &space.smallest(), level);
        assert!(matches!(asked, Err(PredictError::Level { .. })));
    }
    // Measurements that are all the same leave nothing but the constant.
    let same: Vec<Measurement> = good
        .iter()
        .map(|row| Measurement::new(row.genotype.clone(), 7.0))
        .collect();
    let flat = Additive::fit(&space, &same)
        .unwrap()
        .predict(&space, &space.largest(), 0.95)
        .unwrap();
    assert!(
        (flat.value - 7.0).abs() < 1e-9 && flat.high - flat.low < 1e-6,
        "{flat:?}"
    );
}

#[test]
fn designs_show_every_choice_often() {
    for name in ["multi-hardware-small", "toy"] {
        let space = if name == "toy" {
            toy_space()
        } else {
            Space::preset(name).unwrap()
        };
        let design = design_of_experiments(&space, 40, &mut stream(1, "design", 0)).unwrap();
        assert_eq!(design.len(), 40);
        let distinct: std::collections::BTreeSet<_> = design.iter().collect();
        assert_eq!(distinct.len(), 40);
        for (index, decision) in space.decisions().iter().enumerate() {
            for choice in 0..decision.choices.len() {
                let times = design
                    .iter()
                    .filter(|genotype| {
                        space.is_active(genotype, index) && usize::from(genotype.choice(index)) == choice
                    })
                    .count();
                assert!(
                    times >= 2,
                    "{name}: {} = {} occurs {times} times",
                    decision.name,
                    decision.choices[choice]
                );
            }
        }
    }
    let tiny = design_of_experiments(&tiny_space(), 40, &mut stream(1, "design", 0)).unwrap();
    assert_eq!(tiny.len(), 8, "no more than there are");
}
