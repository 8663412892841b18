//! What a run keeps: the study, the report's data, genotypes.

use panarch_report::{RunReport, report_html};
use panarch_study::{Change, SqliteStorage, Storage, export};
use panarch_testkit::{samples, toy_space};

use super::{texts, with_text};
use crate::Target;
use crate::scratch::with_file;

pub const STUDY: Target = Target {
    name: "study",
    seeds: || {
        let mut seeds = Vec::new();
        let header = samples::header(toy_space().hash());
        with_file("folder/placeholder", &[], |placeholder| {
            let path = placeholder.with_file_name("study.db");
            if let Ok(storage) = SqliteStorage::open_or_create(&path, &header) {
                let changes: Vec<Change> = (0..3)
                    .flat_map(|n| {
                        [
                            Change::Evaluated(samples::evaluation(n)),
                            Change::Costed(samples::cost(n, "toy")),
                        ]
                    })
                    .collect();
                if storage.commit(&changes).is_ok() {
                    drop(storage);
                    seeds.extend(std::fs::read(&path).ok());
                }
            }
        });
        seeds
    },
    run: |bytes| {
        with_file("study.db", bytes, |path| match SqliteStorage::open_to_read(path) {
            Ok(storage) => {
                let storage: &dyn Storage = &storage;
                let _ = export::searches(storage);
                let _ = export::trials(storage, None);
                let _ = export::evaluations(storage);
                let _ = export::costs(storage);
                let _ = export::finalists(storage);
                let _ = export::events(storage);
            }
            Err(error) => {
                let _ = error.to_string();
            }
        });
    },
};

pub const REPORT: Target = Target {
    name: "report",
    seeds: || texts(crate::report_fixture::report(4).to_json()),
    run: |bytes| {
        with_text(bytes, |text| match RunReport::from_json(text) {
            Ok(report) => {
                let _ = report_html(&report);
            }
            Err(error) => {
                let _ = error.to_string();
            }
        });
    },
};

pub const GENOTYPE: Target = Target {
    name: "genotype",
    seeds: || {
        let space = toy_space();
        texts([space.largest().to_string(), space.smallest().to_string()])
    },
    run: |bytes| {
        with_text(bytes, |text| {
            let space = toy_space();
            if let Ok(genotype) = space.parse_genotype(text) {
                let again = space.parse_genotype(&genotype.to_string());
                assert!(
                    again.is_ok_and(|again| again == genotype),
                    "{text:?} is read as another genotype"
                );
            }
        });
    },
};
