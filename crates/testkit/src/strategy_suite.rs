use std::cell::Cell;
use std::collections::BTreeSet;

use panarch_graph::Latency;
use panarch_search::{Constraint, Pool, STRATEGIES, SearchError, Situation, Strategy, Unconstrained, Verdict};
use panarch_space::{Genotype, Subspace};
use panarch_study::{Amount, DeviceTarget, History, Metric, Objective, Observation, RewardForm};

use crate::search_suite::search_conformance;
use crate::toy::{tiny_space, toy_space};

/// Proposals that one check looks at.
const TRIALS: u64 = 90;

/// More verdicts than this for one proposal are taken for a search without end.
const MOST_VERDICTS: u32 = 5_000;

type Verdicts = Result<Verdict, Box<dyn std::error::Error + Send + Sync>>;

/// Checks that every strategy of the registry keeps its promises, with the settings that small and large searches have.
///
/// # Panics
/// When one does not.
pub fn registry_conformance() {
    for declaration in STRATEGIES {
        let mut checked = Vec::new();
        for evaluations in [6, 20, 200] {
            let settings = declaration.settings(evaluations, |_| None);
            if checked.contains(&settings) {
                continue;
            }
            checked.push(settings.clone());
            let new = |seed| (declaration.new)(seed, &settings).expect("defaults fit together");
            conformance(declaration.randomised, &new);
        }
    }
}

/// Checks that a strategy that draws at random keeps its promises; `new` makes one with the given seed.
///
/// # Panics
/// When it does not.
pub fn strategy_conformance(new: impl Fn(u64) -> Box<dyn Strategy>) {
    conformance(true, &new);
}

fn conformance(randomised: bool, new: &impl Fn(u64) -> Box<dyn Strategy>) {
    let space = Subspace::whole(&toy_space());
    proposes_canonical_members(&space, &mut *new(1));
    keeps_to_a_subspace(&space, &mut *new(8));
    keeps_to_a_pool(&space, &mut *new(12));
    is_decided_by_the_seed(&space, new, randomised);
    search_conformance(new);
    goes_on_after_a_kill(&space, new);
    ignores_the_order_of_completion(&space, new);
    lives_with_failures(&space, &mut *new(4));
    keeps_limits(&space, &mut *new(5));
    says_what_is_infeasible(&space, &mut *new(6));
    ends_when_nothing_is_new(&mut *new(7));
}

/// A reward that a strategy can climb: the sum of the choices, a little different for each decision.
pub(crate) fn reward(genotype: &Genotype) -> f64 {
    let choices = genotype.as_bytes().iter().enumerate();
    choices
        .map(|(index, &choice)| f64::from(choice) * (1.0 + 0.01 * index as f64))
        .sum()
}

/// The same in time: 1 ms and 1 ms for each unit of reward.
pub(crate) fn latency(genotype: &Genotype) -> Latency {
    Latency::from_millis(1.0 + reward(genotype))
}

fn ask(
    strategy: &mut dyn Strategy,
    subspace: &Subspace,
    constraint: &dyn Constraint,
    history: &History,
    number: u64,
) -> Result<Genotype, SearchError> {
    strategy.ask(&Situation {
        subspace,
        pool: None,
        constraint,
        sums: None,
        history,
        pending: &[],
        number,
    })
}

/// Runs trials up to `end`, telling the strategy of each.
fn run(
    strategy: &mut dyn Strategy,
    subspace: &Subspace,
    constraint: &dyn Constraint,
    history: &mut History,
    end: u64,
) -> Result<(), SearchError> {
    for number in history.len() as u64..end {
        let genotype = ask(strategy, subspace, constraint, history, number)?;
        let reward = reward(&genotype);
        let observation = Observation::rewarded(number, genotype, reward);
        strategy.tell(&observation);
        history.push(observation).expect("numbers rise");
    }
    Ok(())
}

fn proposes_canonical_members(subspace: &Subspace, strategy: &mut dyn Strategy) {
    let mut history = History::new();
    run(strategy, subspace, &Unconstrained, &mut history, TRIALS).expect("nothing forbids a proposal");
    for observation in history.observations() {
        let genotype = &observation.genotype;
        let space = subspace.space();
        space.check(genotype).expect("a proposal is of the space");
        assert_eq!(*genotype, space.canonical(genotype), "a proposal is canonical");
    }
    assert!(
        history.distinct() as u64 * 10 >= TRIALS * 9,
        "of {TRIALS} proposals from 1,600 only {} are different",
        history.distinct()
    );
}

/// With one choice of each decision of a first block closed.
fn keeps_to_a_subspace(whole: &Subspace, strategy: &mut dyn Strategy) {
    let of_first_block = |name: &str| usize::from(!name.contains("block1")) + 1;
    let subspace = Subspace::with_largest(whole.space(), |decision| of_first_block(&decision.name));
    assert!(subspace != *whole, "something is closed");
    let mut history = History::new();
    match run(strategy, &subspace, &Unconstrained, &mut history, TRIALS) {
        Ok(()) | Err(SearchError::Exhausted { .. }) => {}
        Err(error) => panic!("in a subspace: {error}"),
    }
    assert!(history.distinct() >= 10, "only {} members found", history.distinct());
    for observation in history.observations() {
        assert!(
            subspace.contains(&observation.genotype),
            "{} takes a closed choice",
            observation.genotype
        );
    }
}

/// Every seventh member, so that hardly any single change leads to another one.
fn keeps_to_a_pool(subspace: &Subspace, strategy: &mut dyn Strategy) {
    let members = subspace.enumerate().step_by(7);
    let pool = Pool::new(subspace.space(), members).expect("members of the space");
    let pool = pool.expect("there are some");
    let mut history = History::new();
    for number in 0..TRIALS {
        let proposed = strategy.ask(&Situation {
            subspace,
            pool: Some(&pool),
            constraint: &Unconstrained,
            sums: None,
            history: &history,
            pending: &[],
            number,
        });
        let genotype = proposed.expect("there are more members than trials");
        assert!(pool.contains(&genotype), "{genotype} is not in the pool");
        let reward = reward(&genotype);
        let observation = Observation::rewarded(number, genotype, reward);
        strategy.tell(&observation);
        history.push(observation).expect("numbers rise");
    }
    assert!(
        history.distinct() as u64 * 10 >= TRIALS * 9,
        "of {TRIALS} proposals from {} only {} are different",
        pool.members().len(),
        history.distinct()
    );
}

fn is_decided_by_the_seed(subspace: &Subspace, new: &impl Fn(u64) -> Box<dyn Strategy>, randomised: bool) {
    let history_of = |seed| {
        let mut history = History::new();
        run(&mut *new(seed), subspace, &Unconstrained, &mut history, TRIALS).unwrap();
        history
    };
    assert_eq!(history_of(2), history_of(2), "the same seed proposes the same");
    assert_eq!(
        history_of(2) != history_of(3),
        randomised,
        "another seed proposes something else, unless nothing is drawn"
    );
}

fn goes_on_after_a_kill(subspace: &Subspace, new: &impl Fn(u64) -> Box<dyn Strategy>) {
    let mut whole = History::new();
    run(&mut *new(9), subspace, &Unconstrained, &mut whole, TRIALS).unwrap();
    for cut in [1, TRIALS / 3, TRIALS - 1] {
        let mut resumed = new(9);
        let mut history = History::new();
        for observation in &whole.observations()[..cut as usize] {
            resumed.tell(observation);
            history.push(observation.clone()).unwrap();
        }
        // What was asked and never evaluated leaves no trace.
        for _ in 0..2 {
            ask(&mut *resumed, subspace, &Unconstrained, &history, cut).unwrap();
        }
        run(&mut *resumed, subspace, &Unconstrained, &mut history, TRIALS).unwrap();
        assert_eq!(history, whole, "resumed after {cut} trials");
    }
}

fn ignores_the_order_of_completion(subspace: &Subspace, new: &impl Fn(u64) -> Box<dyn Strategy>) {
    const BATCH: usize = 5;
    let batches = |backwards: bool| {
        let mut strategy = new(11);
        let mut history = History::new();
        while (history.len() as u64) < TRIALS {
            let situation = Situation {
                subspace,
                pool: None,
                constraint: &Unconstrained,
                sums: None,
                history: &history,
                pending: &[],
                number: history.len() as u64,
            };
            let batch = strategy.ask_batch(&situation, BATCH).unwrap();
            assert_eq!(batch.len(), BATCH);
            let mut rewards = vec![0.0; BATCH];
            let order: Vec<usize> = if backwards {
                (0..BATCH).rev().collect()
            } else {
                (0..BATCH).collect()
            };
            for place in order {
                rewards[place] = reward(&batch[place]);
            }
            for (genotype, reward) in batch.into_iter().zip(rewards) {
                let observation = Observation::rewarded(history.len() as u64, genotype, reward);
                strategy.tell(&observation);
                history.push(observation).unwrap();
            }
        }
        history
    };
    let forwards = batches(false);
    assert_eq!(forwards, batches(true));
    let in_batches = forwards.observations().chunks(BATCH).map(|batch| {
        batch
            .iter()
            .map(|observation| &observation.genotype)
            .collect::<BTreeSet<_>>()
            .len()
    });
    assert!(
        in_batches.sum::<usize>() as u64 * 10 >= TRIALS * 9,
        "a batch knows its own proposals"
    );
}

fn lives_with_failures(subspace: &Subspace, strategy: &mut dyn Strategy) {
    let mut history = History::new();
    for number in 0..TRIALS {
        let genotype = ask(strategy, subspace, &Unconstrained, &history, number).expect("failed trials stop no search");
        let reward = reward(&genotype);
        let mut observation = Observation::rewarded(number, genotype, reward);
        if number % 3 != 0 || number <= TRIALS / 2 {
            observation.objectives.clear();
        }
        strategy.tell(&observation);
        history.push(observation).unwrap();
    }
}

fn limited(millis: f64) -> Objective {
    let target = DeviceTarget::new("sloth", Latency::from_millis(millis));
    Objective::new(Metric::Each, RewardForm::default(), vec![target]).expect("a sensible objective")
}

fn keeps_limits(subspace: &Subspace, strategy: &mut dyn Strategy) {
    // The first of these admits about every second member, the last one in some hundred.
    for millis in [6.0, 4.0, 2.2] {
        let objective = limited(millis);
        let constraint = |genotype: &Genotype| -> Verdicts { Ok(objective.violations(&[latency(genotype)])?.into()) };
        let mut history = History::new();
        let end = match run(strategy, subspace, &constraint, &mut history, TRIALS) {
            Ok(()) => TRIALS,
            Err(SearchError::Exhausted { proposals, .. }) => proposals as u64,
            Err(error) => panic!("limit {millis} ms: {error}"),
        };
        assert_eq!(history.len() as u64, end);
        for observation in history.observations() {
            assert!(
                latency(&observation.genotype).millis() <= millis,
                "a proposal keeps the limit"
            );
        }
        assert!(
            history.distinct() >= 2,
            "limit {millis} ms: only {} found",
            history.distinct()
        );
    }
}

fn says_what_is_infeasible(subspace: &Subspace, strategy: &mut dyn Strategy) {
    let verdicts = Cell::new(0);
    let objective = limited(0.5);
    let constraint = |genotype: &Genotype| -> Verdicts {
        verdicts.set(verdicts.get() + 1);
        assert!(verdicts.get() < MOST_VERDICTS, "the search does not end");
        Ok(objective.violations(&[latency(genotype)])?.into())
    };
    match ask(strategy, subspace, &constraint, &History::new(), 0) {
        Err(SearchError::Infeasible {
            violation, genotype, ..
        }) => {
            let limit = violation.limit();
            assert_eq!(limit.device(), Some("sloth"));
            assert_eq!(limit.most(), Amount::Latency(Latency::from_millis(0.5)));
            assert_eq!(violation.found(), Amount::Latency(latency(&genotype)));
            assert_eq!(
                violation.found(),
                Amount::Latency(latency(&subspace.smallest())),
                "the nearest feasible value is found"
            );
        }
        other => panic!("expected an infeasible limit, found {other:?}"),
    }
    let unsupported = |_: &Genotype| -> Verdicts {
        Ok(Verdict::Unsupported {
            device: "sloth".into(),
            reason: "no convolutions".into(),
        })
    };
    let error = ask(strategy, subspace, &unsupported, &History::new(), 0).unwrap_err();
    assert!(
        matches!(&error, SearchError::Unsupported { device, .. } if device == "sloth"),
        "{error}"
    );
    let broken = |_: &Genotype| -> Verdicts { Err("the device is on fire".into()) };
    let error = ask(strategy, subspace, &broken, &History::new(), 0).unwrap_err();
    assert!(matches!(error, SearchError::Constraint { .. }), "{error}");
}

fn ends_when_nothing_is_new(strategy: &mut dyn Strategy) {
    let subspace = Subspace::whole(&tiny_space());
    let mut history = History::new();
    let end = run(strategy, &subspace, &Unconstrained, &mut history, 10_000);
    assert!(
        matches!(end, Err(SearchError::Exhausted { distinct: 8, .. })),
        "{end:?}"
    );
    assert!(history.len() < 100, "{} proposals for eight networks", history.len());
}
