//! What fine-tuning adds to inherited weights, by epochs, with and without a teacher.

use panarch_graph::stream;
use panarch_report::{Panel, Series, Table};
use panarch_space::{Genotype, Space};
use panarch_train::{FineTuning, Pace};

use super::bench::{Bench, Start, Wanted};
use super::ranking::plain;
use super::statistics::mean;
use super::table::shown;
use panarch_run::Error;
use panarch_run::event::Watch;

/// Passes of training images through the supernet's sub-networks.
const PASSES: f64 = 24.0;
const NETWORKS: usize = 6;
const DRAWN: u64 = 60;
const EPOCHS: [f64; 4] = [0.5, 1.0, 2.0, 4.0];
/// A quarter of the supernet's.
const RATE: f64 = 0.05;
const SEED: u64 = 1;
const IMAGES: usize = 10_000;

const HEADER: &[&str] = &["genotype", "epochs", "distillation", "macs", "correct", "images"];

pub(super) fn run(bench: &mut Bench, watch: &mut Watch<'_>) -> Result<Vec<Table>, Error> {
    let space = Space::preset("ofa-small")?;
    let schedule = plain("sandwich", PASSES * bench.scale)?;
    let wanted = Wanted {
        name: "sandwich",
        seed: SEED,
        space: &space,
        schedule,
        optimisation: Bench::optimisation(SEED),
        teacher: None,
    };
    let supernet = bench.supernet(wanted, watch)?;
    let validator = bench.validator(IMAGES)?;
    let mut table = bench.csv("fine-tuning.csv", HEADER)?;
    let finalists = finalists(&space, bench)?;
    for genotype in &finalists {
        let (text, macs) = (genotype.to_string(), supernet.member(genotype)?.network().macs().0);
        let mut settings = vec![(0.0, 0.0)];
        settings.extend(EPOCHS.into_iter().flat_map(|epochs| [(epochs, 0.0), (epochs, 1.0)]));
        for (epochs, distillation) in settings {
            let key = [text.clone(), epochs.to_string(), distillation.to_string()];
            if table.find(&[&key[0], &key[1], &key[2]]).is_some() {
                continue;
            }
            let score = if epochs == 0.0 {
                validator.inherited(bench.engine.as_mut(), &supernet, genotype)?
            } else {
                watch.step(format!("{text}: {epochs} epochs, weight of the teacher {distillation}"));
                let settings = FineTuning {
                    pace: Pace {
                        epochs: epochs * bench.scale,
                        learning_rate: RATE,
                        last_learning_rate: 0.0,
                        warmup_epochs: 0.0,
                    },
                    optimisation: Bench::optimisation(SEED),
                    distillation: distillation as f32,
                    ..FineTuning::default()
                };
                let trained = bench.network(Start::Inherited(&supernet, genotype), settings, &validator, watch)?;
                validator.finished(bench.engine.as_mut(), &trained.network, &trained.weights)?
            };
            watch.done(score.accuracy().value.to_string());
            let numbers = [macs.to_string(), score.correct.to_string(), score.images.to_string()];
            table.push(key.into_iter().chain(numbers).collect())?;
        }
    }
    let mut rows = Vec::new();
    let mut series = ["labels alone", "labels and teacher"].map(|name| Series {
        name: name.to_owned(),
        points: vec![(0.0, 0.0)],
        joined: true,
    });
    for epochs in EPOCHS {
        let mut cells = vec![epochs.to_string()];
        for (series, distillation) in series.iter_mut().zip([0.0, 1.0]) {
            let gain = |genotype: &Genotype| -> Result<f64, Error> {
                let text = genotype.to_string();
                let share = |epochs: f64, distillation: f64| -> Result<f64, Error> {
                    let key = [text.clone(), epochs.to_string(), distillation.to_string()];
                    let row = table.find(&[&key[0], &key[1], &key[2]]);
                    let row = row.ok_or_else(|| Error::Input("a row of fine-tuning.csv is missing".into()))?;
                    Ok(100.0 * table.number(row, "correct")? / table.number(row, "images")?)
                };
                Ok(share(epochs, distillation)? - share(0.0, 0.0)?)
            };
            let gains: Vec<f64> = finalists.iter().map(gain).collect::<Result<_, _>>()?;
            let gain = mean(&gains);
            series.points.push((epochs, gain.value));
            cells.push(format!("{gain:.2}"));
        }
        rows.push(cells);
    }
    let panel = Panel {
        title: "mean over the networks".to_owned(),
        x: "epochs of fine-tuning".to_owned(),
        y: "points over inherited".to_owned(),
        series: series.to_vec(),
    };
    bench.picture("fine-tuning.svg", "What fine-tuning adds", &[panel])?;
    let mut shown = shown(
        "Points of validation accuracy over inherited weights",
        &["epochs", "labels alone", "labels and teacher"],
        rows,
    );
    shown.note(format!(
        "mean over {NETWORKS} networks with its 95 % interval over them; one seed"
    ));
    Ok(vec![shown])
}

/// Members spread over the MACs.
fn finalists(space: &Space, bench: &Bench) -> Result<Vec<Genotype>, Error> {
    let head = bench.splits()?.head();
    let drawn = (0..DRAWN).map(|index| {
        let genotype = space.sample(&mut stream(SEED, "finalists", index));
        let macs = space.lower(&genotype, head, super::bench::RESOLUTION)?.macs().0;
        Ok::<_, Error>((macs, genotype))
    });
    let mut drawn: Vec<(u64, Genotype)> = drawn.collect::<Result<_, _>>()?;
    drawn.sort();
    let last = drawn.len() - 1;
    let places = (0..NETWORKS).map(|number| last * number / (NETWORKS - 1));
    Ok(places.map(|place| drawn[place].1.clone()).collect())
}
