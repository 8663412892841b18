//! Every strategy against the conformance suite, and what evolution is for.

mod exact;

use panarch_search::{AgeingEvolution, Evolution, RandomSearch, SearchError, Situation, Strategy, Unconstrained};
use panarch_space::{Genotype, Subspace};
use panarch_study::{History, Observation};
use panarch_testkit::{registry_conformance, strategy_conformance, toy_space};

#[test]
fn every_strategy_of_the_registry_conforms() {
    registry_conformance();
}

#[test]
fn ageing_evolution_conforms() {
    for (population, tournament, mutation_rate) in [(1, 1, 0.0), (10, 4, 0.0), (30, 10, 0.3)] {
        let settings = Evolution {
            population,
            tournament,
            mutation_rate,
        };
        strategy_conformance(|seed| Box::new(AgeingEvolution::new(seed, settings).unwrap()));
    }
}

#[test]
fn senseless_settings_are_refused() {
    for (population, tournament, mutation_rate) in [
        (0, 0, 0.0),
        (10, 0, 0.0),
        (10, 11, 0.0),
        (10, 5, 1.5),
        (10, 5, f64::NAN),
    ] {
        let settings = Evolution {
            population,
            tournament,
            mutation_rate,
        };
        let error = AgeingEvolution::new(1, settings).unwrap_err();
        assert!(matches!(error, SearchError::Settings { .. }), "{error}");
    }
}

/// How many choices agree with the largest member's: a smooth hill with one top among 1,600.
fn height(genotype: &Genotype, top: &Genotype) -> f64 {
    let pairs = genotype.as_bytes().iter().zip(top.as_bytes());
    pairs.filter(|(choice, best)| choice == best).count() as f64
}

fn best_after(strategy: &mut dyn Strategy, trials: u64) -> f64 {
    let space = toy_space();
    let (top, subspace) = (space.largest(), Subspace::whole(&space));
    let mut history = History::new();
    for number in 0..trials {
        let situation = Situation {
            subspace: &subspace,
            constraint: &Unconstrained,
            history: &history,
            pending: &[],
            number,
        };
        let genotype = strategy.ask(&situation).unwrap();
        let reward = height(&genotype, &top);
        history.push(Observation::rewarded(number, genotype, reward)).unwrap();
    }
    history.best().and_then(Observation::fitness).unwrap()
}

#[test]
fn evolution_climbs_where_random_search_does_not() {
    let settings = Evolution {
        population: 12,
        tournament: 5,
        mutation_rate: 0.0,
    };
    let seeds = 0..10;
    let by_evolution: f64 = seeds
        .clone()
        .map(|seed| best_after(&mut AgeingEvolution::new(seed, settings).unwrap(), 100))
        .sum();
    let at_random: f64 = seeds.map(|seed| best_after(&mut RandomSearch::new(seed), 100)).sum();
    assert!(
        by_evolution > at_random + 5.0,
        "ten searches found {by_evolution} by evolution, {at_random} at random"
    );
}
