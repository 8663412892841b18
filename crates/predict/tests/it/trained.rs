//! Predictors that are trained on rows, on made-up devices whose truth is known.

use panarch_graph::{Latency, Precision, Provenance, ProvenanceKind, stream};
use panarch_predict::{Choice, Member, Model, PredictError, Predictor, Sample, TrainedPredictor, Transfer};
use panarch_space::{Genotype, Space};
use rand::RngExt;

/// A number between 0 and 1 that follows from these.
fn drawn(parts: &[u64]) -> f64 {
    let text: Vec<String> = parts.iter().map(u64::to_string).collect();
    stream(7, &text.join(" "), 0).random::<f64>()
}

/// What a network takes on a made-up device: for each stage a number of its own for all that is chosen in it.
fn latency(space: &Space, genotype: &Genotype, device: u64) -> f64 {
    let mut total = 3.0;
    for stage in 1..=7_u64 {
        let of_stage = (0..space.decisions().len())
            .filter(|decision| space.decisions()[*decision].name.starts_with(&format!("stage{stage}.")));
        let mut parts = vec![device, stage];
        let mut work = 0.5;
        for decision in of_stage {
            let choice = u64::from(genotype.choice(decision));
            work += 0.4 * choice as f64;
            parts.push(choice);
        }
        total += work * (0.8 + 0.4 * drawn(&parts));
    }
    total
}

fn samples(space: &Space, count: u64, seed: u64, device: u64) -> Vec<Sample> {
    let mut rng = stream(seed, "trained tests", 0);
    let sample = |_| {
        let genotype = space.sample(&mut rng);
        let noise = 0.01 * (rng.random::<f64>() - 0.5);
        Sample {
            value: latency(space, &genotype, device) * (1.0 + noise),
            member: Member {
                genotype,
                resolution: None,
            },
            repeats: 1,
        }
    };
    (0..count).map(sample).collect()
}

#[test]
fn tables_of_blocks_are_learned_where_single_choices_do_not_suffice() {
    let space = Space::preset("mnasnet-anb").unwrap();
    let (train, test) = (samples(&space, 300, 1, 0), samples(&space, 200, 2, 0));
    let card = |model| {
        let predictor = TrainedPredictor::train(&space, "ms", train.clone(), Choice::Only(model)).unwrap();
        predictor.evaluate(&test).unwrap().0
    };
    let [ridge, tables] = [Model::Ridge, Model::Tables].map(card);
    assert!(tables.mape.unwrap() < 0.8 * ridge.mape.unwrap(), "{tables:?} {ridge:?}");
    assert!(tables.within_10.unwrap() > 95.0, "{tables:?}");
    for card in [ridge, tables] {
        let coverage = card.coverage.unwrap();
        assert!((90.0..=99.5).contains(&coverage), "{coverage}");
    }
}

#[test]
fn rows_that_nothing_explains_neither_choose_nor_pull() {
    let space = Space::preset("mnasnet-anb").unwrap();
    let (mut train, test) = (samples(&space, 240, 1, 0), samples(&space, 200, 2, 0));
    // Every eighth row was measured while something else ran.
    for sample in train.iter_mut().step_by(8) {
        sample.value *= 1.8;
    }
    let predictor = TrainedPredictor::train(&space, "ms", train, Choice::Auto).unwrap();
    let (card, _) = predictor.evaluate(&test).unwrap();
    // Least squares would be a tenth too high everywhere.
    assert!(card.within_10.unwrap() > 97.0, "{} {card:?}", predictor.model().name());
}

#[test]
fn a_trained_predictor_answers_for_genotypes() {
    let space = Space::preset("mnasnet-anb").unwrap();
    let rows = samples(&space, 60, 1, 0);
    let trained = || TrainedPredictor::train(&space, "ms", rows.clone(), Choice::Only(Model::Ridge)).unwrap();
    let measured = Provenance {
        kind: ProvenanceKind::Measured,
        device: "made up".to_owned(),
        tool: "a test".to_owned(),
        version: "1".to_owned(),
        precision: Precision::F32,
        batch: 1,
        repeats: None,
        note: None,
    };
    let of = |resolution| trained().into_quantity(resolution, measured.clone(), Latency::from_seconds);
    let genotypes = [rows[3].member.genotype.clone(), Genotype::new(vec![0; 3])];
    let mut answers = of(None).predict(&genotypes);
    assert!(matches!(answers.pop(), Some(Err(PredictError::Genotype(_)))));
    let answer = answers.pop().unwrap().unwrap();
    let expected = trained().predict(&[rows[3].member.clone()]).pop().unwrap().unwrap();
    assert_eq!(answer.value, Latency::from_seconds(expected.value));
    assert!(answer.low < answer.value && answer.value < answer.high);
    assert_eq!(of(None).provenance().kind, ProvenanceKind::Predicted);
    assert_eq!(of(None).protocol().unwrap(), of(None).protocol().unwrap());
    assert_ne!(of(None).protocol().unwrap(), of(Some(192)).protocol().unwrap());
    let error = of(Some(192)).predict_one(&genotypes[0]).unwrap_err();
    assert!(matches!(error, PredictError::OutOfRange { .. }), "{error}");
}

#[test]
fn every_model_ranks_networks_and_comes_back_from_its_file() {
    let space = Space::preset("mnasnet-anb").unwrap();
    let (train, test) = (samples(&space, 240, 1, 0), samples(&space, 120, 2, 0));
    let members: Vec<Member> = test.iter().map(|sample| sample.member.clone()).collect();
    for model in Model::ALL {
        let predictor = TrainedPredictor::train(&space, "ms", train.clone(), Choice::Only(model)).unwrap();
        let (card, _) = predictor.evaluate(&test).unwrap();
        assert!(card.spearman.unwrap() > 0.85, "{}: {card:?}", model.name());
        let text = predictor.to_json().unwrap();
        let again = TrainedPredictor::from_json(&space, &text).unwrap();
        for (a, b) in predictor.predict(&members).into_iter().zip(again.predict(&members)) {
            assert_eq!(a.unwrap(), b.unwrap(), "{}", model.name());
        }
        assert_eq!(again.health(), predictor.health());
        assert_eq!(again.training_hash(), predictor.training_hash());
        let changed = text.replacen("\"value\": ", "\"value\": 1", 1);
        let error = TrainedPredictor::from_json(&space, &changed).unwrap_err();
        assert!(
            error.to_string().contains("not those that it was trained on"),
            "{error}"
        );
    }
    let other = Space::preset("nas-bench-201").unwrap();
    let text = TrainedPredictor::train(&space, "ms", train, Choice::Only(Model::Ridge))
        .unwrap()
        .to_json()
        .unwrap();
    assert!(matches!(
        TrainedPredictor::from_json(&other, &text),
        Err(PredictError::OtherSpace { .. })
    ));
    assert!(TrainedPredictor::from_json(&space, &text[..text.len() / 2]).is_err());
}

#[test]
fn linear_predictors_are_additive_tables() {
    let space = Space::preset("ofa-small").unwrap();
    let resolutions = space.resolutions().to_vec();
    let mut rng = stream(3, "trained tests", 0);
    let sample = |index: usize| {
        let genotype = space.sample(&mut rng);
        // Below zero, so that only the value itself is fitted.
        let value = genotype
            .as_bytes()
            .iter()
            .enumerate()
            .map(|(i, c)| f64::from(*c) * (i as f64).sin())
            .sum::<f64>()
            - 9.0;
        let resolution = resolutions[index % resolutions.len()];
        Sample {
            member: Member {
                genotype,
                resolution: Some(resolution),
            },
            value: value + f64::from(resolution) / 50.0 - 9.0,
            repeats: 1,
        }
    };
    let samples: Vec<Sample> = (0..150).map(sample).collect();
    for model in [Model::Ridge, Model::Pairwise] {
        let predictor = TrainedPredictor::train(&space, "points", samples.clone(), Choice::Only(model)).unwrap();
        for sample in samples.iter().take(20) {
            let table = predictor.additive(sample.member.resolution).unwrap().unwrap();
            let ours = predictor
                .predict(std::slice::from_ref(&sample.member))
                .pop()
                .unwrap()
                .unwrap();
            let theirs = table.predict(&space, &sample.member.genotype, 0.95).unwrap();
            assert!((ours.value - theirs.value).abs() < 1e-9, "{ours:?} {theirs:?}");
        }
        let mut member = samples[0].member.clone();
        member.resolution = Some(333);
        let error = predictor.predict(&[member]).pop().unwrap().unwrap_err();
        assert!(error.to_string().contains("resolution 333"), "{error}");
    }
    let tables = TrainedPredictor::train(&space, "points", samples, Choice::Only(Model::Tables)).unwrap();
    assert!(tables.additive(None).unwrap().is_none());
}

#[test]
fn a_new_device_is_foreseen_from_ten_rows() {
    let space = Space::preset("mnasnet-anb").unwrap();
    let rows = samples(&space, 400, 5, 0);
    let members: Vec<Member> = rows.iter().map(|sample| sample.member.clone()).collect();
    let device = |device: u64| -> Vec<f64> {
        members
            .iter()
            .map(|member| latency(&space, &member.genotype, device))
            .collect()
    };
    let known: Vec<Vec<f64>> = (1..6).map(device).collect();
    let transfer = Transfer::new(&space, &members, &known).unwrap();
    let values = device(9);
    let score = |seed| transfer.score(&members, &values, 10, seed).unwrap().spearman.unwrap();
    let (first, again) = (score(0), score(0));
    assert_eq!(first, again);
    assert!(first > 0.9 && score(1) > 0.9, "{first} {}", score(1));
    assert!(transfer.score(&members, &values, 399, 0).is_err());
    assert!(Transfer::new(&space, &members, &[vec![-1.0; 400]]).is_err());
}

#[test]
fn too_few_rows_and_rows_without_a_number_are_refused() {
    let space = Space::preset("mnasnet-anb").unwrap();
    let train = |samples| TrainedPredictor::train(&space, "ms", samples, Choice::Auto).unwrap_err();
    assert!(matches!(
        train(samples(&space, 4, 1, 0)),
        PredictError::TooFew { found: 4, .. }
    ));
    let mut rows = samples(&space, 20, 1, 0);
    rows[3].value = f64::NAN;
    assert!(matches!(train(rows), PredictError::Measurement { row: 3, .. }));
}
