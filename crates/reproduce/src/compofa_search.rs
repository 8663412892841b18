//! CompOFA's claim that its search is 216 times faster: what it counts, and what remains of it (Sahni et al. 2021).

mod accuracy;
mod arch;
mod evolution;

use std::path::Path;

use panarch_report::{Cell, Column, Format, Table};
use panarch_run::Error;
use panarch_run::event::Watch;

use accuracy::AccuracyPredictor;
use arch::{Arch, Family, Note10};
use evolution::{Oracle, evolve};

use crate::reference_data;

/// Milliseconds on the Note 10, as published.
const LIMITS: [f64; 4] = [15.0, 20.0, 25.0, 30.0];
const SEEDS: [u64; 3] = [1, 2, 3];
/// Seconds that one network was said to take to be measured in each space.
const SECONDS: [(Family, f64); 2] = [(Family::Ofa, 0.324), (Family::CompOfa, 0.309)];

pub(super) fn run(folder: &Path, watch: &mut Watch<'_>) -> Result<Vec<Table>, Error> {
    std::fs::create_dir_all(folder).map_err(Error::writing(folder))?;
    let (note10, predictor) = (
        Note10::read(reference_data::path)?,
        AccuracyPredictor::read(reference_data::path)?,
    );
    let mut found = Table::new(
        "Best network within each limit, by the published predictor",
        ["search", "limit_ms", "seed", "top1", "latency_ms", "network"]
            .map(Column::raw)
            .into(),
    );
    let mut counts = Table::new(
        "Measurements over all four limits, the memory shared",
        [
            "space",
            "seed",
            "calls",
            "distinct",
            "distinct_with_resolution",
            "quoted_seconds_each",
            "measuring_s",
        ]
        .map(Column::raw)
        .into(),
    );
    let mut push = |search: &str, limit: f64, seed: u64, best: Option<(f64, Arch)>| {
        let mut row = vec![Cell::text(search), Cell::decimal(limit, 0), Cell::count(seed)];
        row.extend(match best {
            Some((top1, arch)) => [
                Cell::decimal(top1 * 100.0, 3),
                Cell::decimal(note10.millis(&arch), 3),
                Cell::text(arch.to_string()),
            ],
            None => [Cell::missing(), Cell::missing(), Cell::missing()],
        });
        found.push(row);
    };
    for (family, seconds) in SECONDS {
        for seed in SEEDS {
            watch.check()?;
            watch.step(format!("Evolution on {}, seed {seed}", family.name()));
            let mut oracle = Oracle::new(&note10, &predictor);
            for limit in LIMITS {
                let best = evolve(&mut oracle, family, limit, seed);
                push(
                    &format!("evolution as published on {}", family.name()),
                    limit,
                    seed,
                    best,
                );
            }
            let distinct = oracle.measured.len();
            counts.push(vec![
                Cell::text(family.name()),
                Cell::count(seed),
                Cell::count(oracle.calls),
                Cell::count(distinct as u64),
                Cell::count(oracle.measured_with_resolution.len() as u64),
                Cell::decimal(seconds, 3),
                Cell::decimal(distinct as f64 * seconds, 0),
            ]);
            watch.done(format!(
                "{distinct} different networks measured in {} calls",
                oracle.calls
            ));
        }
    }
    watch.step("Every network of CompOFA");
    let all = Arch::all_compofa();
    for limit in LIMITS {
        let within = all.iter().filter(|arch| note10.millis(arch) <= limit);
        let best = within
            .map(|arch| (predictor.top1(arch), *arch))
            .max_by(|(a, _), (b, _)| a.total_cmp(b));
        push("all of CompOFA", limit, 0, best);
    }
    watch.done(format!("{} networks", all.len()));
    for (name, table) in [("found.csv", &found), ("measurements.csv", &counts)] {
        let text = table.render(Format::Csv, None, false);
        panarch_format::atomic_write(folder.join(name), text.as_bytes())?;
    }
    Ok(vec![counts, found])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The best of CompOFA's 243 × 5 by the published predictor and tables, as an independent program found them.
    #[test]
    fn the_best_of_compofa_are_the_known_ones() {
        let find = |name: &str| panarch_testkit::reference(name).ok_or(Error::Interrupted);
        let Ok(predictor) = AccuracyPredictor::read(find) else {
            return;
        };
        let note10 = Note10::read(find).unwrap();
        let all = Arch::all_compofa();
        let all: Vec<(f64, f64)> = all.iter().map(|it| (note10.millis(it), predictor.top1(it))).collect();
        assert_eq!(all.len(), 1215);
        for (limit, expected) in LIMITS.into_iter().zip([0.7740, 0.7965, 0.8079, 0.8142]) {
            let within = all.iter().filter(|(millis, _)| *millis <= limit);
            let best = within.map(|(_, top1)| *top1).fold(0.0, f64::max);
            assert!((best - expected).abs() < 6e-5, "{limit} ms: {best} for {expected}");
        }
    }
}
