use panarch_graph::ContentHash;
use panarch_study::{EventKind, Header, MemoryStorage, Next, Outcome, Study, export};
use panarch_testkit::samples::{complete, cost, evaluation, finalist, genotype, header};

fn wanted() -> Header {
    header(ContentHash::of("space", b"studies"))
}

fn study() -> Study {
    Study::resume(Box::new(MemoryStorage::new(wanted())), &wanted()).unwrap()
}

/// A study goes on under another run file, space or dataset, and says what it was about.
#[test]
fn a_study_is_renewed_and_keeps_when_it_was_created() {
    let resume = |change: &dyn Fn(&mut Header)| {
        let mut header = wanted();
        change(&mut header);
        let study = Study::resume(Box::new(MemoryStorage::new(wanted())), &header).unwrap();
        assert_eq!(study.storage().header().unwrap(), *study.header());
        assert_eq!(study.header().created, wanted().created);
        (study.header().clone(), study.before().cloned())
    };
    assert_eq!(resume(&|_| {}), (wanted(), None));
    assert_eq!(
        resume(&|header| header.created = panarch_study::Timestamp::from_unix_millis(1)),
        (wanted(), None)
    );
    let changes: [&dyn Fn(&mut Header); 4] = [
        &|header| header.space_hash = ContentHash::of("space", b"other"),
        &|header| header.dataset = "cats".into(),
        &|header| header.run = header.run.replace("seed = 1", "seed = 2"),
        &|header| header.panarch_version = "9".into(),
    ];
    for change in changes {
        let mut expected = wanted();
        change(&mut expected);
        assert_eq!(resume(change), (expected, Some(wanted())));
    }
}

#[test]
fn a_search_goes_on_where_it_was() {
    let study = study();
    assert_eq!(study.next("s").unwrap(), Next::Propose(0));
    study.start_trial("s", 0, &genotype(0), 7).unwrap();
    match study.next("s").unwrap() {
        Next::TakeUp(trial) => assert_eq!((trial.number, trial.seed, trial.genotype), (0, 7, genotype(0))),
        other => panic!("{other:?}"),
    }
    study.add_evaluation(evaluation(0)).unwrap();
    study.finish_trial("s", 0, complete(0.5)).unwrap();
    study.start_trial("s", 1, &genotype(1), 8).unwrap();
    study
        .finish_trial(
            "s",
            1,
            Outcome::Infeasible {
                reason: "too slow".into(),
                violations: Vec::new(),
                objectives: Vec::new(),
            },
        )
        .unwrap();
    assert_eq!(study.next("s").unwrap(), Next::Propose(2));
    assert_eq!(study.next("other").unwrap(), Next::Propose(0));

    let history = study.history("s").unwrap();
    assert_eq!(history.len(), 2);
    assert_eq!(history.best().unwrap().number, 0);
    assert_eq!(history.observations()[1].fitness(), None);
}

#[test]
fn phases_are_finished_once_and_may_be_started_again() {
    let study = study();
    assert_eq!(study.finished_phase("train").unwrap(), None);
    study.log("train", EventKind::Started, "").unwrap();
    study.log("train", EventKind::Finished, "supernet.safetensors").unwrap();
    study.log("train", EventKind::Note, "it took long").unwrap();
    assert_eq!(
        study.finished_phase("train").unwrap().as_deref(),
        Some("supernet.safetensors")
    );
    study.log("train", EventKind::Started, "").unwrap();
    assert_eq!(study.finished_phase("train").unwrap(), None);
}

#[test]
fn the_pool_and_the_costs_are_found_again() {
    let study = study();
    let mut later = evaluation(1);
    later.seconds = 5.0;
    study.add_evaluation(evaluation(1)).unwrap();
    assert_eq!(study.add_evaluation(later).unwrap(), evaluation(1), "the first stays");
    let known = cost(1, "cpu");
    study.add_costs(&[known.clone(), cost(1, "npu")]).unwrap();
    assert_eq!(study.cost(&genotype(1), "cpu", known.protocol).unwrap(), Some(known));
    let other = ContentHash::of("sample protocol", b"other");
    assert_eq!(study.cost(&genotype(1), "cpu", other).unwrap(), None);
}

#[test]
fn exports_have_a_row_for_everything() {
    let study = study();
    study.add_evaluation(evaluation(3)).unwrap();
    study.add_costs(&[cost(3, "cpu")]).unwrap();
    study.start_trial("s", 0, &genotype(3), 1).unwrap();
    study.finish_trial("s", 0, complete(0.25)).unwrap();
    study.start_trial("s", 1, &genotype(4), 1).unwrap();
    study.choose(finalist(3, "worst")).unwrap();
    study.log("train", EventKind::Note, "a, b").unwrap();
    let storage = study.storage();
    let sheets = [
        export::searches(storage).unwrap(),
        export::trials(storage, None).unwrap(),
        export::evaluations(storage).unwrap(),
        export::costs(storage).unwrap(),
        export::finalists(storage).unwrap(),
        export::events(storage).unwrap(),
    ];
    for (sheet, rows) in sheets.iter().zip([1, 2, 1, 1, 1, 1]) {
        assert_eq!(sheet.rows.len(), rows, "{:?}", sheet.columns);
        assert!(
            sheet.rows.iter().all(|row| row.len() == sheet.columns.len()),
            "{:?}",
            sheet.columns
        );
    }
    let whole = [2, 1, 0, 0, 1, 2].map(export::Cell::Whole);
    let name = [export::Cell::Text("s".to_owned())];
    let best = [export::Cell::Number(0.25), export::Cell::Text(genotype(3).to_string())];
    assert_eq!(sheets[0].rows[0], [&name[..], &whole, &best].concat());
}
