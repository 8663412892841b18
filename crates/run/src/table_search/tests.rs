use panarch_search::STRATEGIES;

use super::score::means;
use super::*;

/// Every network of CompOFA's small space with made-up values, and some rows that do not count.
fn table() -> (Space, String) {
    let space = Space::preset("nas-bench-macro").unwrap();
    let mut text = "genotype,accuracy,npu_ms,tpu_per_s\n".to_owned();
    for (index, genotype) in space.enumerate().enumerate().filter(|(index, _)| index % 9 == 0) {
        let sum: f64 = genotype.as_bytes().iter().map(|choice| f64::from(*choice)).sum();
        let noise = (index * 7 % 13) as f64 / 13.0;
        text += &format!(
            "{genotype},{},{},{}\n",
            70.0 + sum + noise,
            1.0 + sum,
            100.0 / (2.0 + sum + noise)
        );
    }
    text += "00000001,,1,1\n";
    (space, text)
}

fn columns() -> Columns {
    Columns {
        accuracy: "accuracy".into(),
        costs: vec!["npu_ms".into()],
        throughputs: vec!["tpu_per_s".into()],
        resolution: None,
    }
}

#[test]
fn ratios_are_to_the_median_and_throughputs_are_inverted() {
    let space = Space::preset("nas-bench-macro").unwrap();
    let text =
        "key,accuracy,npu_ms,tpu_per_s\n00000000,70,1,100\n00000001,71,2,50\n00000001,73,4,50\n22222222,80,6,10\n";
    let table = KnownTable::of_text(&space, text, &columns()).unwrap();
    assert_eq!(
        table.networks.len(),
        3,
        "a network that comes twice counts once, with the mean of its rows"
    );
    assert_eq!(table.networks[1].accuracy, 72.0);
    let ratios: Vec<&[f64]> = table.networks.iter().map(|known| known.ratios.as_slice()).collect();
    for (found, expected) in ratios.iter().zip([[1.0 / 3.0, 0.5], [1.0, 1.0], [2.0, 5.0]]) {
        assert!(
            (found[0] - expected[0]).abs() < 1e-12 && (found[1] - expected[1]).abs() < 1e-12,
            "{ratios:?}"
        );
    }
    let truth = Truth::of(&table, None, 1.0).unwrap();
    assert_eq!(
        (truth.reference, truth.front.len(), truth.optimum),
        ((70.0, 5.0), 3, Some(1))
    );
    // (72 − 70) · (5 − 1): the other two lie on the border.
    assert!((truth.hypervolume - 8.0).abs() < 1e-12);
    let score = truth.score(&table, 1, &[2, 0, 1]);
    assert_eq!(score.optimum_after, Some(3));
    assert_eq!(truth.score(&table, 1, &[2]).at[0].regret, Some(2.0));
    assert_eq!(table.without(1).unwrap().networks[2].worst(), 2.0);
    for (wrong, words) in [
        (
            "key,accuracy,npu_ms,tpu_per_s\n00000000,70,-1,100\n",
            "must be positive",
        ),
        ("key,accuracy,npu_ms,tpu_per_s\n00000000,,1,100\n", "none of the 1 rows"),
        ("key,accuracy,npu_ms\n00000000,70,1\n", "tpu_per_s"),
    ] {
        let error = KnownTable::of_text(&space, wrong, &columns()).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
    let twice = Columns {
        throughputs: vec!["npu_ms".into()],
        ..columns()
    };
    assert!(KnownTable::of_text(&space, text, &twice).is_err());
}

#[test]
fn every_strategy_searches_a_pool_that_is_no_space() {
    let (space, text) = table();
    let table = KnownTable::of_text(&space, &text, &columns()).unwrap();
    assert_eq!((table.networks.len(), table.skipped), (729, 1));
    let truth = Truth::of(&table, None, 1.0).unwrap();
    for declaration in STRATEGIES {
        let settings = declaration.settings(60, |_| None);
        let find = |seed| table.search(declaration, &settings, seed, 60, &Cancel::new()).unwrap();
        let scores: Vec<Score> = (1..=2).map(|seed| truth.score(&table, seed, &find(seed))).collect();
        let mut found = find(1);
        assert_eq!(found, find(1), "{}: the same seed", declaration.name);
        found.sort_unstable();
        found.dedup();
        assert_eq!(found.len(), 60, "{}", declaration.name);
        let mean = means(&scores).pop().unwrap();
        assert_eq!(mean.evaluations, 60);
        println!("{}: {:.3}", declaration.name, mean.hypervolume_share);
        assert!(
            (0.3..=1.0).contains(&mean.hypervolume_share),
            "{}: {mean:?}",
            declaration.name
        );
    }
}

#[test]
fn an_exhaustive_search_finds_everything() {
    let (space, text) = table();
    let table = KnownTable::of_text(&space, &text, &columns()).unwrap();
    let truth = Truth::of(&table, None, 1.0).unwrap();
    let declaration = Declaration::named("exhaustive").unwrap();
    let settings = declaration.settings(1_000, |_| None);
    let found = table.search(declaration, &settings, 1, 1_000, &Cancel::new()).unwrap();
    let score = truth.score(&table, 1, &found);
    let end = score.at.last().unwrap();
    assert_eq!(
        (end.evaluations, end.hypervolume_share, end.regret),
        (729, 1.0, Some(0.0))
    );
}
