//! Exact search in the loop of a run: tables fitted to what was evaluated, solved, proved.

use std::error::Error;

use panarch_graph::Network;
use panarch_search::exact::{Budget, CostLimit, Factor, Factored, Problem, Solution, Tables};
use panarch_search::{
    Begun, Declaration, End, Evaluator, ExactSearch, Plan, Proposal, Report, SearchError, SummedCost, Sums, Verdict,
    prove, registry, search,
};
use panarch_space::{Genotype, Head, Space, Subspace};
use panarch_study::{ACCURACY, Amount, Direction, History, Limit, ObjectiveValue, Observation, RATIO, Violation};

const HEAD: Head = Head {
    classes: 10,
    input_channels: 1,
};

fn space() -> Space {
    Space::preset("multi-hardware-small").unwrap()
}

fn counts(network: &Network) -> [f64; 2] {
    [network.macs().0 as f64, network.parameter_count() as f64]
}

/// An accuracy with a term for each choice and, by `bend`, something that no such table can say.
fn accuracy(space: &Space, genotype: &Genotype, bend: f64) -> f64 {
    let active = space.active(genotype);
    let mut sum = 0.6;
    let mut product = 1.0_f64;
    for (decision, active) in active.into_iter().enumerate() {
        if active {
            let choice = f64::from(genotype.choice(decision));
            sum += 0.004 * choice * (1.0 + 0.1 * decision as f64) - 0.002 * f64::from(choice > 1.0);
            product *= if choice > 0.0 { 1.3 } else { 0.8 };
        }
    }
    sum + bend * product.min(50.0) / 50.0
}

/// One device, whose cost is MACs, and a limit on parameters.
struct Costs {
    space: Space,
    costs: Vec<SummedCost>,
}

impl Costs {
    fn new(space: &Space, hard: bool) -> Self {
        let [macs, parameters] = Factored::of_places(space, HEAD, 28, counts).unwrap();
        let cost = |name: &str, table: Factored, most, hard| SummedCost {
            name: name.to_owned(),
            table,
            most,
            hard,
            error: 0.0,
        };
        Self {
            space: space.clone(),
            costs: vec![
                cost("MACs", macs, 1.2e6, hard),
                cost("parameters", parameters, 30e3, true),
            ],
        }
    }

    fn values(&self, genotype: &Genotype) -> Vec<f64> {
        let values = self
            .costs
            .iter()
            .map(|cost| cost.table.value(&self.space, genotype).unwrap());
        values.collect()
    }
}

impl Sums for Costs {
    fn resolution(&self) -> u32 {
        28
    }

    fn costs(&self) -> &[SummedCost] {
        &self.costs
    }

    fn ratio(&self, genotype: &Genotype) -> Result<f64, Box<dyn Error + Send + Sync>> {
        Ok(self.values(genotype)[0] / 1.2e6)
    }

    fn reward(&self, accuracy: f64, ratio: f64) -> f64 {
        match self.costs[0].hard {
            true => accuracy,
            false => accuracy - 0.1 * (ratio - 1.0).abs(),
        }
    }
}

struct Images<'a> {
    costs: &'a Costs,
    bend: f64,
}

impl Evaluator for Images<'_> {
    type Error = SearchError;

    fn evaluate(&mut self, proposals: &[Proposal], report: &mut Report<'_>) -> Result<(), SearchError> {
        for Proposal { number, genotype } in proposals.iter().cloned() {
            let accuracy = accuracy(&self.costs.space, &genotype, self.bend);
            let ratio = self.costs.ratio(&genotype).unwrap();
            let value = |name: &str, direction, value| ObjectiveValue {
                name: name.to_owned(),
                direction,
                value: Amount::Score(value),
                standard_error: None,
            };
            let mut observation = Observation::rewarded(number, genotype, self.costs.reward(accuracy, ratio));
            observation
                .objectives
                .push(value(ACCURACY, Direction::Maximise, accuracy));
            observation.objectives.push(value(RATIO, Direction::Minimise, ratio));
            report.finished(observation)?;
        }
        Ok(())
    }
}

fn run(costs: &Costs, bend: f64, budget: u64) -> (History, End) {
    let subspace = Subspace::whole(&costs.space);
    let constraint = |genotype: &Genotype| -> Result<Verdict, Box<dyn Error + Send + Sync>> {
        let values = costs.values(genotype);
        let over = |value: f64, most: f64| -> Option<Violation> {
            let limit = Limit::of_network(Amount::Parameters(most as u64)).unwrap();
            limit.violation(Amount::Parameters(value as u64)).unwrap()
        };
        let mut violations: Vec<Violation> = over(values[1], 30e3).into_iter().collect();
        violations.extend(over(values[0], 1.2e6).filter(|_| costs.costs[0].hard));
        Ok(violations.into())
    };
    let plan = Plan {
        subspace: &subspace,
        pool: None,
        constraint: &constraint,
        sums: Some(costs),
        budget,
        batch: 8,
    };
    let mut strategy = ExactSearch::new(3, 60, 8);
    search(&plan, &mut strategy, Begun::default(), &mut Images { costs, bend }).unwrap()
}

/// The accuracy as factors, where it is a sum.
fn truth(space: &Space) -> Factored {
    let none = vec![0; space.decisions().len()];
    let factors = space.decisions().iter().enumerate().map(|(decision, it)| {
        let term = |choice: usize| {
            let choice = choice as f64;
            0.004 * choice * (1.0 + 0.1 * decision as f64) - 0.002 * f64::from(choice > 1.0)
        };
        Factor {
            decisions: vec![decision],
            values: std::iter::once(0.0).chain((0..it.choices.len()).map(term)).collect(),
        }
    });
    let truth = Factored {
        constant: 0.6,
        factors: factors.collect(),
    };
    let genotype = space.canonical(&Genotype::new(none));
    assert!((truth.value(space, &genotype).unwrap() - accuracy(space, &genotype, 0.0)).abs() < 1e-12);
    truth
}

#[test]
fn counts_of_networks_are_sums_over_places_and_a_depth_is_not() {
    let space = space();
    let [macs, parameters] = Factored::of_places(&space, HEAD, 28, counts).unwrap();
    let subspace = Subspace::whole(&space);
    for number in 0..40 {
        let genotype = subspace.sample(&mut panarch_graph::stream(9, "members", number));
        let network = space.lower(&genotype, HEAD, 28).unwrap();
        let [expected_macs, expected_parameters] = counts(&network);
        assert_eq!(macs.value(&space, &genotype), Some(expected_macs));
        assert_eq!(parameters.value(&space, &genotype), Some(expected_parameters));
    }
    let nodes = |network: &Network| [(network.nodes().len() as f64).powi(2)];
    let refused = Factored::of_places(&space, HEAD, 28, nodes);
    assert!(matches!(refused, Err(SearchError::NotExact { .. })), "{refused:?}");
}

#[test]
fn the_optimum_under_hard_limits_is_found_and_proved() {
    let costs = Costs::new(&space(), true);
    let (history, end) = run(&costs, 0.0, 200);
    assert_eq!(end, End::Settled);
    assert!(history.len() < 120, "settled after {}", history.len());
    let tables = Tables {
        resolution: 28,
        accuracy: truth(&costs.space),
        costs: costs.costs.iter().map(|cost| cost.table.clone()).collect(),
    };
    let limits = costs.costs.iter().map(|cost| CostLimit {
        name: cost.name.clone(),
        most: cost.most,
    });
    let limits: Vec<CostLimit> = limits.collect();
    let problem = Problem::new(&Subspace::whole(&costs.space), &[tables], &limits).unwrap();
    let Solution::Optimum(optimum) = problem.optimum(&Budget::UNLIMITED).unwrap() else {
        panic!("members keep these limits");
    };
    let best = history.best().unwrap();
    assert!((best.fitness().unwrap() - optimum.best[0].accuracy).abs() < 1e-6);

    let proof = prove(&Subspace::whole(&costs.space), &costs, &history, &best.genotype)
        .unwrap()
        .unwrap();
    let gap = proof.bound - proof.winner_accuracy;
    assert!(gap > -1e-9 && gap < 1e-4 && proof.error < 0.01, "{gap} {}", proof.error);
    assert_eq!(proof.prices.len(), 2);
    let claim = proof.certificate.unwrap().check();
    assert!(claim.is_ok(), "{claim:?}");
}

#[test]
fn a_reward_is_climbed_further_than_by_chance_where_the_table_is_wrong() {
    let costs = Costs::new(&space(), false);
    let (history, _) = run(&costs, 0.02, 120);
    let best = |observations: &[Observation]| {
        let rewards = observations.iter().filter_map(Observation::fitness);
        rewards.fold(f64::NEG_INFINITY, f64::max)
    };
    let (drawn, proposed) = history.observations().split_at(60);
    assert!(
        best(proposed) > best(drawn) + 0.005,
        "{} {}",
        best(proposed),
        best(drawn)
    );
    // What is proposed first is what the first table promises most of: more than any draw has.
    assert!(proposed[0].fitness().unwrap() > best(drawn));
}

#[test]
fn nothing_is_settled_before_a_table_was_tried() {
    let costs = Costs::new(&space(), true);
    let (history, end) = run(&costs, 0.0, 60);
    assert_eq!((history.len(), end), (60, End::Budget));
    assert!(Declaration::named("exact").unwrap().sums);
    assert!(registry::settings().any(|setting| setting.name() == "batch"));
}
