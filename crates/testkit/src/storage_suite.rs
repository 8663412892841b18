use std::thread;

use panarch_graph::{Accuracy, Bytes, ContentHash, Energy, Inputs, Latency, Macs, Precision, ProvenanceKind};
use panarch_study::{
    Amount, Basis, Change, CostSummary, Direction, EvaluationProtocol, Event, EventKind, Header, Limit, ObjectiveValue,
    Outcome, Storage, StudyError, Subject, Timestamp, TrialState, Violation, WeightOrigin,
};

use crate::samples::{self, cost, evaluation, finalist, genotype, header, protocol, provenance};

const NOW: Timestamp = Timestamp::from_unix_millis(1_700_000_000_000);

fn started(search: &str, number: u64, n: u64) -> Change {
    Change::Started {
        search: search.into(),
        number,
        genotype: genotype(n),
        seed: n,
        at: NOW,
    }
}

fn finished(search: &str, number: u64, outcome: Outcome) -> Change {
    Change::Finished {
        search: search.into(),
        number,
        outcome,
        at: NOW,
    }
}

fn complete(search: &str, number: u64, reward: f64) -> Change {
    finished(search, number, samples::complete(reward))
}

/// Checks that a storage keeps its promises; `new` makes an empty one with the given header.
///
/// # Panics
/// When it does not.
pub fn storage_conformance(new: impl Fn(&Header) -> Box<dyn Storage>) {
    let header = header(ContentHash::of("space", b"sample"));
    let fresh = || new(&header);
    assert_eq!(fresh().header().unwrap(), header);
    starts_empty(&*fresh());
    keeps_every_field(&*fresh());
    keeps_the_first(&*fresh());
    orders_trials(&*fresh());
    guards_the_states(&*fresh());
    commits_all_or_nothing(&*fresh());
    refuses_what_is_no_number(&*fresh());
    serves_threads(&*fresh());
    renews_its_header(&*fresh());
    parts_by_inputs(&*fresh());
    keeps_vectors(&*fresh());
    keeps_protocols_side_by_side(&*fresh());
    refuses_outcomes_that_contradict_themselves(&*fresh());
}

fn renews_its_header(storage: &dyn Storage) {
    let before = storage.header().unwrap();
    let mut other = header(ContentHash::of("space", b"another"));
    other.run = "seed = 2\n".into();
    other.created = Timestamp::from_unix_millis(before.created.unix_millis() + 1);
    storage.commit(&[Change::Renewed(other.clone())]).unwrap();
    let created = before.created;
    assert_eq!(storage.header().unwrap(), Header { created, ..other });
}

/// What was made of other inputs is not shown, not mixed, and there again when the inputs are.
fn parts_by_inputs(storage: &dyn Storage) {
    let inputs = |text: &str| Inputs::new().with_text("supernet", text);
    let subjects = [
        Subject::Evaluations,
        Subject::Search("s".into()),
        Subject::Finalist(genotype(1)),
    ];
    let base = |inputs: Option<Inputs>| {
        let bases = subjects.iter().map(|subject| {
            Change::Based(Basis {
                subject: subject.clone(),
                inputs: inputs.clone(),
            })
        });
        storage.commit(&bases.collect::<Vec<_>>()).unwrap();
        for subject in &subjects {
            let last = storage.inputs(subject).unwrap();
            assert!(inputs.is_none() || last == inputs, "{subject}");
            assert!(last.is_some(), "what a closed subject was made of stays known");
        }
    };
    let counts = || {
        let trials = storage.trials(None).unwrap();
        assert_eq!(trials, storage.trials(Some("s")).unwrap());
        let evaluations = storage.evaluations().unwrap();
        assert_eq!(
            evaluations.first().cloned(),
            storage.evaluation(&genotype(1), protocol().key()).unwrap()
        );
        (evaluations.len(), trials.len(), storage.finalists().unwrap().len())
    };
    let fill = || {
        let trial = [started("s", 0, 1), complete("s", 0, 0.5)];
        let mut changes = vec![Change::Evaluated(evaluation(1)), Change::Chosen(finalist(1, "worst"))];
        changes.extend(trial);
        storage.commit(&changes).unwrap();
    };
    assert_eq!(storage.inputs(&Subject::Evaluations).unwrap(), None);
    fill();
    assert_eq!(counts(), (1, 1, 1), "of inputs that nobody has stated");
    base(Some(inputs("a")));
    assert_eq!(counts(), (0, 0, 0));
    let unknown = storage.commit(&[started("s", 0, 1), complete("s", 0, 0.5)]);
    assert!(
        matches!(unknown, Err(StudyError::NotEvaluated { .. })),
        "an evaluation of other inputs is none: {unknown:?}"
    );
    fill();
    assert_eq!(counts(), (1, 1, 1));
    base(Some(inputs("b")));
    assert_eq!(counts(), (0, 0, 0));
    base(None);
    assert_eq!(counts(), (0, 0, 0));
    base(Some(inputs("a")));
    assert_eq!(counts(), (1, 1, 1));
    let twice = storage.commit(&[started("s", 0, 1)]);
    assert!(matches!(twice, Err(StudyError::TrialExists { .. })), "{twice:?}");
}

/// One of every quantity that a limit may be on, each over its limit.
fn violations() -> Vec<Violation> {
    let device = |most: Amount, found: Amount| Limit::on("npu", most).unwrap().violation(found).unwrap().unwrap();
    let network = |most: Amount, found: Amount| Limit::of_network(most).unwrap().violation(found).unwrap().unwrap();
    let latency = |seconds| Amount::Latency(Latency::from_seconds(seconds));
    let energy = |joules| Amount::Energy(Energy::from_joules(joules));
    let memory = |bytes| Amount::PeakMemory(Bytes(bytes));
    let weights = |bytes| Amount::WeightBytes(Bytes(bytes));
    vec![
        device(latency(1.0 / 3.0), latency(0.1 + 0.7)),
        device(energy(1e-300), energy(0.1 + 0.2)),
        device(memory(1), memory(u64::MAX)),
        device(weights(1), weights(2)),
        network(weights(1), weights(u64::MAX - 1)),
        network(Amount::Macs(Macs(1)), Amount::Macs(Macs(u64::MAX))),
        network(Amount::Parameters(5), Amount::Parameters(6)),
    ]
}

/// Objectives of every quantity, in both directions.
fn objectives() -> Vec<ObjectiveValue> {
    let values = [
        Amount::Score(-0.1 - 0.2),
        Amount::Accuracy(Accuracy::from_share(1.0 / 3.0)),
        Amount::Latency(Latency::from_seconds(1e-300)),
        Amount::Energy(Energy::from_joules(0.1 + 0.2)),
        Amount::PeakMemory(Bytes(u64::MAX)),
        Amount::WeightBytes(Bytes(0)),
        Amount::Macs(Macs(u64::MAX - 1)),
        Amount::Parameters(7),
    ];
    let named = values.into_iter().enumerate().map(|(index, value)| ObjectiveValue {
        name: format!("{} \"{index}\"", value.quantity()),
        direction: Direction::ALL[index % 2],
        value,
        standard_error: (index % 3 == 0).then_some(1.0 / 3.0),
    });
    named.collect()
}

fn keeps_vectors(storage: &dyn Storage) {
    let outcomes = [
        Outcome::Complete {
            objectives: objectives(),
            protocol: protocol().key(),
        },
        Outcome::Infeasible {
            reason: "over".into(),
            violations: violations(),
            objectives: objectives(),
        },
        Outcome::Infeasible {
            reason: "over".into(),
            violations: violations(),
            objectives: Vec::new(),
        },
    ];
    storage.commit(&[Change::Evaluated(evaluation(1))]).unwrap();
    for (number, outcome) in (0..).zip(&outcomes) {
        storage
            .commit(&[started("s", number, 1), finished("s", number, outcome.clone())])
            .unwrap();
    }
    for (trial, outcome) in storage.trials(Some("s")).unwrap().iter().zip(&outcomes) {
        assert_eq!(trial.state, outcome.state());
        assert_eq!(trial.objectives, outcome.objectives());
        assert_eq!(trial.violations, outcome.violations());
        assert_eq!(trial.protocol, outcome.protocol());
    }
}

/// What was predicted, and what was counted in floating point and in int8, are three evaluations of one genotype.
fn keeps_protocols_side_by_side(storage: &dyn Storage) {
    let by = |change: fn(&mut EvaluationProtocol)| {
        let mut evaluation = evaluation(1);
        change(&mut evaluation.protocol);
        evaluation
    };
    let all = [
        by(|_| {}),
        by(|protocol| protocol.precision = Precision::F32),
        by(|protocol| {
            protocol.kind = ProvenanceKind::Predicted;
            protocol.images = None;
        }),
        by(|protocol| protocol.weights = WeightOrigin::FineTuned),
        by(|protocol| protocol.recalibration = None),
    ];
    let changes: Vec<Change> = all.iter().cloned().map(Change::Evaluated).collect();
    storage.commit(&changes).unwrap();
    assert_eq!(storage.evaluations().unwrap(), all);
    for evaluation in &all {
        let found = storage.evaluation(&genotype(1), evaluation.protocol.key()).unwrap();
        assert_eq!(found.as_ref(), Some(evaluation));
    }
    let complete = |protocol: &EvaluationProtocol| Outcome::Complete {
        objectives: objectives(),
        protocol: protocol.key(),
    };
    let absent = by(|protocol| protocol.weights = WeightOrigin::Published).protocol;
    let refused = storage.commit(&[started("s", 0, 1), finished("s", 0, complete(&absent))]);
    assert!(matches!(refused, Err(StudyError::NotEvaluated { .. })), "{refused:?}");
    storage
        .commit(&[started("s", 0, 1), finished("s", 0, complete(&all[2].protocol))])
        .unwrap();
    assert_eq!(storage.trials(None).unwrap()[0].protocol, Some(all[2].protocol.key()));
}

fn refuses_outcomes_that_contradict_themselves(storage: &dyn Storage) {
    storage
        .commit(&[Change::Evaluated(evaluation(1)), started("s", 0, 1)])
        .unwrap();
    let reward = || ObjectiveValue::reward(0.5, None);
    let protocol = protocol().key();
    for outcome in [
        Outcome::Complete {
            objectives: Vec::new(),
            protocol,
        },
        Outcome::Complete {
            objectives: vec![reward(), reward()],
            protocol,
        },
        Outcome::Infeasible {
            reason: "none".into(),
            violations: Vec::new(),
            objectives: vec![reward()],
        },
    ] {
        let refused = storage.commit(&[finished("s", 0, outcome)]);
        assert!(matches!(refused, Err(StudyError::Outcome { .. })), "{refused:?}");
    }
    let vague = Outcome::Complete {
        objectives: vec![ObjectiveValue::reward(0.5, Some(f64::NAN))],
        protocol,
    };
    let refused = storage.commit(&[finished("s", 0, vague)]);
    assert!(matches!(refused, Err(StudyError::NotFinite { .. })), "{refused:?}");
    assert_eq!(storage.trials(None).unwrap()[0].state, TrialState::Running);
}

fn starts_empty(storage: &dyn Storage) {
    assert!(storage.evaluations().unwrap().is_empty());
    assert!(storage.evaluation(&genotype(0), protocol().key()).unwrap().is_none());
    assert!(storage.costs(None).unwrap().is_empty());
    assert!(storage.trials(None).unwrap().is_empty());
    assert!(storage.finalists().unwrap().is_empty());
    assert!(storage.events().unwrap().is_empty());
    storage.commit(&[]).unwrap();
}

fn keeps_every_field(storage: &dyn Storage) {
    let events: Vec<Event> = EventKind::ALL
        .into_iter()
        .map(|kind| Event {
            phase: "train".into(),
            kind,
            detail: "{\"step\": 1}".into(),
            created: NOW,
        })
        .collect();
    let known = cost(1, "cpu");
    let mut unknown = cost(1, "npu");
    unknown.summary = CostSummary::of_latency(unknown.summary.latency, provenance("npu"));
    let mut changes = vec![
        Change::Evaluated(evaluation(2)),
        Change::Evaluated(evaluation(1)),
        Change::Costed(known.clone()),
        Change::Costed(cost(2, "cpu")),
        Change::Costed(unknown.clone()),
        Change::Chosen(finalist(1, "worst")),
        Change::Chosen(finalist(2, "average")),
    ];
    changes.extend(events.iter().cloned().map(Change::Logged));
    storage.commit(&changes).unwrap();
    assert_eq!(
        storage.evaluations().unwrap(),
        [evaluation(2), evaluation(1)],
        "in the order they were added"
    );
    assert_eq!(
        storage.evaluation(&genotype(1), protocol().key()).unwrap(),
        Some(evaluation(1))
    );
    assert_eq!(
        storage.costs(Some(&genotype(1))).unwrap(),
        [known.clone(), unknown.clone()]
    );
    assert_eq!(storage.costs(None).unwrap(), [known, cost(2, "cpu"), unknown]);
    assert_eq!(storage.events().unwrap(), events);

    storage.commit(&[Change::Chosen(finalist(1, "npu"))]).unwrap();
    let finalists = storage.finalists().unwrap();
    assert_eq!(
        finalists,
        [finalist(1, "npu"), finalist(2, "average")],
        "replaced in its place"
    );
}

fn keeps_the_first(storage: &dyn Storage) {
    let mut later = evaluation(1);
    later.seconds = 99.0;
    storage.commit(&[Change::Evaluated(evaluation(1))]).unwrap();
    storage.commit(&[Change::Evaluated(later)]).unwrap();
    assert_eq!(storage.evaluations().unwrap(), [evaluation(1)]);

    let mut later = cost(1, "cpu");
    later.summary.utilisation = None;
    storage
        .commit(&[Change::Costed(cost(1, "cpu")), Change::Costed(later.clone())])
        .unwrap();
    assert_eq!(storage.costs(None).unwrap(), [cost(1, "cpu")]);
    later.protocol = ContentHash::of("sample protocol", b"another");
    storage.commit(&[Change::Costed(later)]).unwrap();
    assert_eq!(
        storage.costs(None).unwrap().len(),
        2,
        "another protocol is another cost"
    );
}

fn orders_trials(storage: &dyn Storage) {
    for change in [
        started("worst", 1, 11),
        started("average", 0, 20),
        started("worst", 0, 10),
    ] {
        storage.commit(&[change]).unwrap();
    }
    let keys = |search| -> Vec<(String, u64)> {
        let trials = storage.trials(search).unwrap();
        trials.into_iter().map(|trial| (trial.search, trial.number)).collect()
    };
    let key = |search: &str, number| (search.to_owned(), number);
    assert_eq!(keys(None), [key("worst", 0), key("worst", 1), key("average", 0)]);
    assert_eq!(keys(Some("worst")), [key("worst", 0), key("worst", 1)]);
    assert!(keys(Some("wors")).is_empty());
}

fn guards_the_states(storage: &dyn Storage) {
    storage.commit(&[started("s", 0, 1)]).unwrap();
    let trial = storage.trials(Some("s")).unwrap().remove(0);
    assert_eq!((trial.state, trial.seed, trial.started), (TrialState::Running, 1, NOW));
    assert_eq!((trial.reward(), trial.reason, trial.finished), (None, None, None));

    storage
        .commit(&[started("s", 0, 1)])
        .expect("the same trial may be taken up again");
    let clash = storage.commit(&[started("s", 0, 2)]);
    assert!(
        matches!(clash, Err(StudyError::TrialExists { number: 0, .. })),
        "{clash:?}"
    );
    let early = storage.commit(&[complete("s", 0, 0.5)]);
    assert!(
        matches!(early, Err(StudyError::NotEvaluated { number: 0, .. })),
        "{early:?}"
    );
    storage
        .commit(&[Change::Evaluated(evaluation(1)), complete("s", 0, 0.5)])
        .unwrap();
    let trial = storage.trials(Some("s")).unwrap().remove(0);
    assert_eq!(
        (trial.state, trial.reward(), trial.finished),
        (TrialState::Complete, Some(0.5), Some(NOW))
    );

    let twice = storage.commit(&[complete("s", 0, 0.6)]);
    assert!(
        matches!(twice, Err(StudyError::NotRunning { number: 0, .. })),
        "{twice:?}"
    );
    let again = storage.commit(&[started("s", 0, 1)]);
    assert!(
        matches!(again, Err(StudyError::TrialExists { number: 0, .. })),
        "{again:?}"
    );
    let never = storage.commit(&[complete("s", 7, 0.6)]);
    assert!(
        matches!(never, Err(StudyError::NotRunning { number: 7, .. })),
        "{never:?}"
    );

    for (number, state) in [(1, TrialState::Infeasible), (2, TrialState::Failed)] {
        let reason = "because".to_owned();
        let outcome = match state {
            TrialState::Infeasible => Outcome::Infeasible {
                reason,
                violations: Vec::new(),
                objectives: Vec::new(),
            },
            _ => Outcome::Failed { reason },
        };
        storage
            .commit(&[started("s", number, 50), finished("s", number, outcome)])
            .unwrap();
        let trial = storage.trials(Some("s")).unwrap().remove(number as usize);
        assert_eq!(
            (trial.state, trial.reason.as_deref(), trial.reward()),
            (state, Some("because"), None)
        );
    }
}

fn commits_all_or_nothing(storage: &dyn Storage) {
    let failing = [
        Change::Evaluated(evaluation(1)),
        Change::Costed(cost(1, "cpu")),
        started("s", 0, 1),
        complete("s", 0, 0.5),
        Change::Chosen(finalist(1, "worst")),
        complete("s", 0, 0.5),
    ];
    let refused = storage.commit(&failing);
    assert!(matches!(refused, Err(StudyError::NotRunning { .. })), "{refused:?}");
    starts_empty(storage);
    storage.commit(&failing[..5]).unwrap();
    assert_eq!(storage.trials(None).unwrap().len(), 1);
}

fn refuses_what_is_no_number(storage: &dyn Storage) {
    let mut timeless = evaluation(1);
    timeless.seconds = f64::NAN;
    let mut endless = cost(1, "cpu");
    endless.summary.latency = endless.summary.latency.map(|latency| latency * f64::INFINITY);
    storage
        .commit(&[Change::Evaluated(evaluation(5)), started("s", 0, 5)])
        .unwrap();
    for change in [
        Change::Evaluated(timeless),
        Change::Costed(endless),
        complete("s", 0, f64::NAN),
    ] {
        let refused = storage.commit(&[change]);
        assert!(matches!(refused, Err(StudyError::NotFinite { .. })), "{refused:?}");
    }
    assert!(storage.costs(None).unwrap().is_empty());
    assert_eq!(storage.trials(None).unwrap()[0].state, TrialState::Running);
}

fn serves_threads(storage: &dyn Storage) {
    const THREADS: u64 = 4;
    const EACH: u64 = 8;
    let winners: u64 = thread::scope(|scope| {
        let work = |thread: u64| {
            move || {
                for n in 0..EACH {
                    let n = thread * EACH + n;
                    let changes = [
                        Change::Evaluated(evaluation(n)),
                        started("all", n, n),
                        complete("all", n, 0.5),
                    ];
                    storage.commit(&changes).unwrap();
                }
                u64::from(storage.commit(&[started("contested", 0, thread)]).is_ok())
            }
        };
        let threads: Vec<_> = (0..THREADS).map(|thread| scope.spawn(work(thread))).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().expect("no thread panics"))
            .sum()
    });
    assert_eq!(winners, 1, "one thread gets the contested trial");
    let all = storage.trials(Some("all")).unwrap();
    assert_eq!(all.len() as u64, THREADS * EACH);
    assert!(all.iter().all(|trial| trial.state == TrialState::Complete));
    assert_eq!(storage.evaluations().unwrap().len() as u64, THREADS * EACH);
}
