//! The loop of a search with every strategy: batches, budgets, cuts.

use panarch_graph::Latency;
use panarch_search::{Begun, End, Evaluator, Plan, Proposal, Report, SearchError, Strategy, Unconstrained, search};
use panarch_space::{Genotype, Subspace};
use panarch_study::{Amount, Direction, History, Limit, ObjectiveValue, Observation};

use crate::strategy_suite::{latency, reward};
use crate::toy::toy_space;

/// Trials of one search.
const BUDGET: u64 = 70;

/// The seed of every strategy here.
const SEED: u64 = 21;

/// What becomes of a trial: two objectives, sometimes a limit that is not kept, sometimes a failure.
fn outcome(number: u64, genotype: &Genotype) -> Observation {
    let mut observation = Observation::rewarded(number, genotype.clone(), reward(genotype));
    let time = Amount::Latency(latency(genotype));
    observation.objectives.push(ObjectiveValue {
        name: "latency on sloth".into(),
        direction: Direction::Minimise,
        value: time,
        standard_error: None,
    });
    if number % 7 == 3 {
        let limit = Limit::on("sloth", Amount::Latency(Latency::from_millis(0.5))).expect("a sensible limit");
        observation.violations.extend(limit.violation(time).expect("a latency"));
    }
    if number % 11 == 5 {
        observation.objectives.clear();
    }
    observation
}

/// Why the evaluator stopped.
#[derive(Debug)]
enum Stop {
    Cut,
    Search(SearchError),
}

impl From<SearchError> for Stop {
    fn from(error: SearchError) -> Self {
        Self::Search(error)
    }
}

/// Answers from the number and the genotype alone, and remembers what it was asked, as a storage would.
#[derive(Default)]
struct Answers {
    /// Last trials of a batch first.
    backwards: bool,
    /// Stops when so many trials have been reported.
    cut: Option<usize>,
    batches: Vec<Vec<Proposal>>,
    reported: Vec<Observation>,
}

impl Evaluator for Answers {
    type Error = Stop;

    fn evaluate(&mut self, proposals: &[Proposal], report: &mut Report<'_>) -> Result<(), Stop> {
        self.batches.push(proposals.to_vec());
        let mut order = proposals.to_vec();
        if self.backwards {
            order.reverse();
        }
        for Proposal { number, genotype } in order {
            if self.cut == Some(self.reported.len()) {
                return Err(Stop::Cut);
            }
            let observation = outcome(number, &genotype);
            let finished = report.finished(observation.clone())?;
            assert!(finished.observations().contains(&observation));
            self.reported.push(observation);
        }
        Ok(())
    }
}

fn plan(subspace: &Subspace, budget: u64, batch: usize) -> Plan<'_> {
    Plan {
        subspace,
        pool: None,
        constraint: &Unconstrained,
        sums: None,
        budget,
        batch,
    }
}

/// Checks that the loop of a search keeps its promises with a strategy.
///
/// # Panics
/// When it does not.
pub(crate) fn search_conformance(new: &impl Fn(u64) -> Box<dyn Strategy>) {
    let space = Subspace::whole(&toy_space());
    let mut alone = Answers::default();
    let (whole, end) = run(&plan(&space, BUDGET, 1), new, Begun::default(), &mut alone).expect("a whole search");
    assert_eq!(end, End::Budget);
    assert!(alone.batches.iter().all(|batch| batch.len() == 1));
    keeps_its_budget(&space, new, &whole);
    has_the_same_trials_in_batches(&space, new, &whole);
    goes_on_after_a_cut(&space, new, &whole);
    refuses_answers_that_make_no_sense(&space, new);
}

fn run(
    plan: &Plan<'_>,
    new: &impl Fn(u64) -> Box<dyn Strategy>,
    begun: Begun,
    answers: &mut Answers,
) -> Result<(History, End), Stop> {
    search(plan, new(SEED).as_mut(), begun, answers)
}

fn keeps_its_budget(subspace: &Subspace, new: &impl Fn(u64) -> Box<dyn Strategy>, whole: &History) {
    let numbers = whole.observations().iter().map(|observation| observation.number);
    assert!(numbers.eq(0..BUDGET), "every trial of the budget, each once");
    let begun = || Begun {
        history: whole.clone(),
        running: Vec::new(),
    };
    let mut idle = Answers::default();
    let (again, _) = run(&plan(subspace, BUDGET, 4), new, begun(), &mut idle).expect("nothing is left to do");
    assert!(idle.batches.is_empty() && again == *whole);
    let (longer, _) = run(&plan(subspace, BUDGET + 9, 4), new, begun(), &mut Answers::default()).expect("nine more");
    assert_eq!(longer.len() as u64, BUDGET + 9);
    assert_eq!(longer.observations()[..BUDGET as usize], *whole.observations());
}

fn has_the_same_trials_in_batches(subspace: &Subspace, new: &impl Fn(u64) -> Box<dyn Strategy>, whole: &History) {
    for (batch, backwards) in [(3, false), (8, true), (1_000, true)] {
        let mut answers = Answers {
            backwards,
            ..Answers::default()
        };
        let (found, _) = run(&plan(subspace, BUDGET, batch), new, Begun::default(), &mut answers).expect("a search");
        assert_eq!(found, *whole, "in batches of {batch}");
        assert!(answers.batches.iter().all(|proposals| proposals.len() <= batch));
    }
}

fn goes_on_after_a_cut(subspace: &Subspace, new: &impl Fn(u64) -> Box<dyn Strategy>, whole: &History) {
    for (cut, batch, backwards) in [
        (0, 1, false),
        (1, 8, false),
        (5, 8, true),
        (23, 4, true),
        (69, 1, false),
    ] {
        let mut answers = Answers {
            backwards,
            cut: Some(cut),
            ..Answers::default()
        };
        let plan = plan(subspace, BUDGET, batch);
        match run(&plan, new, Begun::default(), &mut answers) {
            Err(Stop::Cut) => {}
            Err(Stop::Search(error)) => panic!("cut after {cut} trials: {error}"),
            Ok(_) => panic!("the search was not cut after {cut} trials"),
        }
        let mut history = History::new();
        for observation in answers.reported {
            history.push(observation).expect("numbers are different");
        }
        // What was proposed and not finished has been written down by some evaluators, and by others not.
        let mut running = answers.batches.pop().unwrap_or_default();
        running.retain(|proposal| !history.observations().iter().any(|done| done.number == proposal.number));
        assert!(!running.is_empty());
        for running in [running, Vec::new()] {
            let history = history.clone();
            let (found, _) =
                run(&plan, new, Begun { history, running }, &mut Answers::default()).expect("the rest of the search");
            assert_eq!(found, *whole, "gone on with after {cut} trials in batches of {batch}");
        }
    }
}

fn refuses_answers_that_make_no_sense(subspace: &Subspace, new: &impl Fn(u64) -> Box<dyn Strategy>) {
    /// Reports trials with these numbers for the first one.
    struct Confused(Vec<u64>);

    impl Evaluator for Confused {
        type Error = SearchError;

        fn evaluate(&mut self, proposals: &[Proposal], report: &mut Report<'_>) -> Result<(), SearchError> {
            for number in &self.0 {
                report.finished(outcome(*number, &proposals[0].genotype))?;
            }
            Ok(())
        }
    }

    for numbers in [vec![], vec![1], vec![0, 0]] {
        let end = search(
            &plan(subspace, 1, 1),
            new(SEED).as_mut(),
            Begun::default(),
            &mut Confused(numbers),
        );
        assert!(matches!(end, Err(SearchError::Report { .. })), "{end:?}");
    }
}
