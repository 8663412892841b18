//! Every strategy against the conformance suite, and what evolution is for.

mod exact;
mod exact_search;

use std::error::Error;

use panarch_graph::Latency;
use panarch_search::{
    AgeingEvolution, Declaration, Evolution, PredictorSearch, PredictorSettings, RandomSearch, SearchError, Situation,
    Strategy, Unconstrained, Verdict,
};
use panarch_space::{Genotype, Space, Subspace};
use panarch_study::{Amount, Direction, History, Limit, ObjectiveValue, Observation, hypervolume};
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
            pool: None,
            constraint: &Unconstrained,
            sums: None,
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

/// The trials of a search for two objectives: the sum of the choices, to be large, and the sum of their squares weighted by
/// place, to be small. What is over `most` is infeasible, which only an evaluation shows.
fn two_objectives(strategy: &mut dyn Strategy, subspace: &Subspace, trials: u64, most: f64) -> History {
    let mut history = History::new();
    for number in 0..trials {
        let situation = Situation {
            subspace,
            pool: None,
            constraint: &Unconstrained,
            sums: None,
            history: &history,
            pending: &[],
            number,
        };
        let genotype = strategy.ask(&situation).unwrap();
        let choices = || genotype.as_bytes().iter().map(|choice| f64::from(*choice));
        let gain: f64 = choices().sum();
        let cost: f64 = (1..)
            .zip(choices())
            .map(|(place, choice)| choice * choice * f64::from(place))
            .sum();
        let mut observation = Observation::rewarded(number, genotype.clone(), gain);
        let time = Amount::Latency(Latency::from_millis(1.0 + cost));
        observation.objectives.push(ObjectiveValue {
            name: "cost".into(),
            direction: Direction::Minimise,
            value: Amount::Score(cost),
            standard_error: None,
        });
        let limit = Limit::on("sloth", Amount::Latency(Latency::from_millis(most))).unwrap();
        observation.violations.extend(limit.violation(time).unwrap());
        strategy.tell(&observation);
        history.push(observation).unwrap();
    }
    history
}

fn volume(history: &History) -> f64 {
    let losses = history
        .front()
        .into_iter()
        .map(|member| member.objectives.iter().map(ObjectiveValue::loss).collect());
    hypervolume(&losses.collect::<Vec<Vec<f64>>>(), &[0.0, 200.0])
}

#[test]
fn strategies_for_several_objectives_widen_the_front_more_than_chance() {
    let subspace = Subspace::whole(&toy_space());
    let mean = |name: &str| {
        let declaration = Declaration::named(name).unwrap();
        let settings = declaration.settings(60, |_| None);
        let of = |seed| {
            let mut strategy = (declaration.new)(seed, &settings).unwrap();
            volume(&two_objectives(strategy.as_mut(), &subspace, 60, 1e6))
        };
        (1..=4).map(of).sum::<f64>() / 4.0
    };
    let random = mean("random");
    for name in ["local", "nsga2", "predictor"] {
        let found = mean(name);
        println!("{name}: {found:.1}, at random {random:.1}");
        assert!(found > random, "{name}: {found}, at random {random}");
    }
}

#[test]
fn limits_that_an_evaluation_shows_are_learnt() {
    let subspace = Subspace::whole(&toy_space());
    for name in ["nsga2", "predictor"] {
        let feasible = |name: &str| {
            let declaration = Declaration::named(name).unwrap();
            let settings = declaration.settings(80, |_| None);
            let mut strategy = (declaration.new)(5, &settings).unwrap();
            let history = two_objectives(strategy.as_mut(), &subspace, 80, 25.0);
            history.observations()[40..]
                .iter()
                .filter(|it| it.is_feasible())
                .count()
        };
        let (learnt, random) = (feasible(name), feasible("random"));
        println!("{name}: {learnt} of 40 within the limit, at random {random}");
        assert!(learnt > random, "{name}: {learnt}, at random {random}");
    }
}

/// 10¹⁰ members cannot be listed; what is proposed is drawn near the front, within the limits, in batches as one by one.
#[test]
fn a_large_space_is_searched_by_drawing() {
    let space = Space::preset("multi-hardware").unwrap();
    let subspace = Subspace::whole(&space);
    let sum = |genotype: &Genotype| genotype.as_bytes().iter().map(|choice| f64::from(*choice)).sum::<f64>();
    let ones = |genotype: &Genotype| genotype.as_bytes().iter().filter(|choice| **choice == 1).count() as f64;
    let constraint = |genotype: &Genotype| -> Result<Verdict, Box<dyn Error + Send + Sync>> {
        let found = Amount::Parameters(sum(genotype) as u64 + 1);
        let limit = Limit::of_network(Amount::Parameters(30))?;
        Ok(limit.violation(found)?.into_iter().collect::<Vec<_>>().into())
    };
    let search = |batch: usize| {
        let mut strategy = PredictorSearch::new(3, PredictorSettings { starts: 6, batch: 4 }).unwrap();
        let mut history = History::new();
        while history.len() < 22 {
            let situation = Situation {
                subspace: &subspace,
                pool: None,
                constraint: &constraint,
                sums: None,
                history: &history,
                pending: &[],
                number: history.len() as u64,
            };
            let count = batch.min(strategy.independent(&situation)).min(22 - history.len());
            for genotype in strategy.ask_batch(&situation, count).unwrap() {
                let reward = ones(&genotype);
                history
                    .push(Observation::rewarded(history.len() as u64, genotype, reward))
                    .unwrap();
            }
        }
        history
    };
    let (alone, batched) = (search(1), search(4));
    assert_eq!(alone, batched);
    assert_eq!(alone.distinct(), 22);
    let rewards: Vec<f64> = alone.observations().iter().filter_map(Observation::fitness).collect();
    let best = |rewards: &[f64]| rewards.iter().copied().fold(0.0, f64::max);
    assert!(best(&rewards) > best(&rewards[..6]), "{rewards:?}");
    assert!(alone.observations().iter().all(|it| sum(&it.genotype) < 30.0));
}
